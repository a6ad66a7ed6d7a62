//! A random workload on three markets: whatever happens, every audit holds, refusals have a reason of the program's own,
//! and plans are what the chain does. `TAPER_WORKLOAD_STEPS` makes it longer, `TAPER_WORKLOAD_SEED` starts elsewhere.

mod ruin;

use std::collections::BTreeMap;

use taper::error::TaperError;
use taper::instructions::{LiquidateArgs, PlaceOrderArgs};
use taper_engine::quantity::Side;
use taper_harness::{order, token_account_bytes, HarnessError, Outcome, Quotes, Result, World};
use taper_sdk::pyth::PublishedPrice;
use taper_sdk::snapshot::PlanError;

use crate::support::*;

const TRADERS: [&str; 5] = ["alice", "bob", "dave", "erin", "frank"];
const MARKETS: usize = 3;
/// Makers of one market each.
const LOCALS: [&str; MARKETS] = ["left", "middle", "right"];
const STEPS: u64 = 450;
/// Refusals that would be a fault of the program: nothing here is beyond its ranges.
const NEVER: [TaperError; 3] = [TaperError::InvariantViolated, TaperError::MathOverflow, TaperError::SeatNotOwned];

/// Splitmix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low + 1).unwrap())).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(u64::try_from(from.len()).unwrap())).unwrap()]
    }

    fn side(&mut self) -> Side {
        self.pick(&[Side::Bid, Side::Ask])
    }
}

/// What is done, and how often of the sum.
const ACTIONS: [(&str, u64); 20] = [
    ("take", 4),
    ("rest", 1),
    ("reduce", 1),
    ("deposit", 2),
    ("withdraw", 1),
    ("prices", 6),
    ("jump", 1),
    ("liquidate", 4),
    ("absorb", 1),
    ("flag", 1),
    ("settle", 1),
    ("silence", 1),
    ("sweep", 1),
    ("release", 1),
    ("force cancel", 1),
    ("funding", 2),
    ("resolve", 4),
    ("record", 2),
    ("cover", 1),
    ("donate", 1),
];

struct Workload {
    world: World,
    random: Random,
    trend: i64,
    refusals: BTreeMap<String, u32>,
    successes: BTreeMap<&'static str, u32>,
    slices: u32,
    resolved: u32,
    /// Bankrupt accounts that were resolved to their last seat.
    ruined: u32,
}

impl Workload {
    fn market(&mut self) -> usize {
        self.random.pick(&[0, 1, 2])
    }

    fn action(&mut self) -> &'static str {
        let mut drawn = self.random.below(ACTIONS.iter().map(|(_, weight)| weight).sum());
        let found = ACTIONS.iter().find(|(_, weight)| {
            let here = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            here
        });
        found.unwrap().0
    }

    /// A leg of somebody who can be liquidated.
    fn distressed(&self) -> Option<(&'static str, usize)> {
        let mut legs = TRADERS.into_iter().flat_map(|name| (0..MARKETS).map(move |leg| (name, leg)));
        legs.find(|(name, leg)| {
            let open = self.world.base(name, *leg).unwrap() != 0;
            let sliceable = |name| {
                let health = self.world.health(name).ok()?;
                Some(health.favourable.is_below(10_000) && health.maintenance.equity.is_positive())
            };
            open && sliceable(name) == Some(true)
        })
    }

    async fn step(&mut self) {
        let (name, market) = (self.random.pick(&TRADERS), self.market());
        let distressed = self.distressed();
        let (prey, leg) = distressed.unwrap_or((name, market));
        // Liquidators are quick: half of what happens while somebody is in trouble is theirs.
        let action = match distressed.is_some() && self.random.below(2) == 0 {
            true => "liquidate",
            false => self.action(),
        };
        let done = match action {
            "take" => self.take(name, market).await,
            "rest" => self.rest(name, market).await,
            "reduce" => self.reduce(name, market).await,
            "deposit" => self.deposit(name).await,
            "withdraw" => self.withdraw(name).await,
            "prices" => self.prices().await,
            "jump" => self.jump().await,
            "liquidate" => self.liquidate(prey, leg).await,
            "absorb" => self.absorb(prey, leg).await,
            "flag" => self.world.flag(prey, leg).await,
            "settle" => self.world.settle_loss(name, market).await,
            "silence" => self.silence(market).await,
            "sweep" => self.world.sweep_income(market).await,
            "release" => self.world.release(name, market).await,
            "force cancel" => self.world.force_cancel(prey, leg).await,
            "funding" => self.funding(market).await,
            "resolve" => self.resolve(market).await,
            "record" => self.record(name).await,
            "cover" => self.world.cover_loss(market).await,
            "donate" => self.donate(name, market).await,
            other => panic!("no action {other}"),
        };
        match done {
            Ok(_) => *self.successes.entry(action).or_default() += 1,
            Err(HarnessError::Refused(refusal)) => {
                let known = refusal.code.and_then(taper_sdk::error::of_code);
                assert!(
                    known.is_some_and(|error| !NEVER.contains(&error)),
                    "{action}: {} {:#?}",
                    refusal.name(),
                    refusal.logs
                );
                *self.refusals.entry(format!("{action}: {}", refusal.name())).or_default() += 1;
            }
            Err(other) => panic!("{action}: {other}"),
        }
    }

    async fn take(&mut self, name: &str, market: usize) -> Result<Outcome> {
        // Up to the whole of what 5% initial margin allows, mostly onwards in the direction they have, as traders do.
        let free = match self.world.health(name).ok().and_then(|health| health.initial) {
            Some(initial) => initial.equity.0 - initial.requirement.to_atoms_down(),
            None => 0,
        };
        let affordable = free.max(0) * 20 / self.world.market(market)?.price_atoms_per_lot;
        let (random, percent) = (self.random.side(), self.random.between(30, 97));
        let side = match self.world.base(name, market)? {
            base if base > 0 && percent > 50 => Side::Bid,
            base if base < 0 && percent > 50 => Side::Ask,
            _ => random,
        };
        self.world.take(name, market, side, (affordable * percent / 100).max(1)).await
    }

    async fn rest(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let (side, lots, away) = (self.random.side(), self.random.between(1, 2_000), self.random.between(-20, 200));
        let handle = self.world.market(market)?;
        let signed = if side == Side::Bid { -away * 100 } else { away * 100 };
        let price = handle.on_tick(handle.price_atoms_per_lot + signed);
        let args = PlaceOrderArgs {
            kind: self.random.pick(&[0, 0, 1, 3]),
            reduce_only: self.random.below(4) == 0,
            expires_at_slot: self.random.pick(&[0, self.world.chain.slot() + 30]),
            self_trade: self.random.pick(&[0, 1, 2]),
            ..order(side, price, lots)
        };
        self.world.place(name, market, args).await
    }

    async fn reduce(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let base = self.world.base(name, market)?;
        let side = if base > 0 { Side::Ask } else { Side::Bid };
        let lots = self.random.between(1, base.abs().max(1));
        self.world.take(name, market, side, lots).await
    }

    /// Whoever has little left begins anew.
    async fn deposit(&mut self, name: &'static str) -> Result<Outcome> {
        let poor = TRADERS.into_iter().find(|name| self.world.cash(name).unwrap() < 50_000_000);
        let name = poor.unwrap_or(name);
        let shortfall = self.world.health(name).map_or(0, |health| health.maintenance.equity.0.min(0).unsigned_abs());
        let amount = shortfall + self.random.below(1_000 * TOKEN) + 1;
        let trader = self.world.trader(name);
        let wallet = token_account_bytes(&self.world.venue.keys.quote_mint, &trader.key(), amount);
        self.world.chain.set_account(&trader.token_account, wallet);
        self.world.deposit(name, amount).await
    }

    async fn withdraw(&mut self, name: &str) -> Result<Outcome> {
        let amount = self.random.below(500 * TOKEN);
        self.world.withdraw(name, amount).await
    }

    /// Prices move together, by up to 2.6%, mostly onwards in the direction they had; mostly the maker follows.
    async fn prices(&mut self) -> Result<Outcome> {
        let slots = self.random.below(12);
        self.world.pass(slots)?;
        if self.random.below(12) == 0 {
            self.trend = -self.trend;
        }
        let common = self.trend * self.random.between(-80, 260);
        let follows = self.random.below(4) != 0;
        self.move_all(common)?;
        for market in 0..MARKETS {
            if follows {
                let lots = self.random.pick(&[50, 500, 20_000]);
                let quotes = Quotes { base_lots: lots, ..World::QUOTES };
                self.world.quote("maker", market, quotes).await?;
                if lots == 20_000 {
                    self.progress(market);
                }
            }
        }
        Ok(Outcome::default())
    }

    /// All prices move by so many bps, and a little of their own.
    fn move_all(&mut self, common_bps: i64) -> Result<()> {
        for market in 0..MARKETS {
            let own = self.random.between(-40, 40);
            let price = self.world.market(market)?.price_atoms_per_lot;
            let moved = (price + price / 10_000 * (common_bps + own)).clamp(900_000, 2_500_000);
            self.world.set_price(market, moved)?;
        }
        Ok(())
    }

    /// A candle that leaves no time for slices: 5 to 40% at once, and nobody quotes.
    async fn jump(&mut self) -> Result<Outcome> {
        self.world.pass(1)?;
        let bps = self.random.pick(&[-1, 1]) * self.random.between(500, 4_000);
        self.move_all(bps)?;
        Ok(Outcome::default())
    }

    /// The maker's book stands until the next sample may be taken, which it may be, or a slot too early. The EMA lags.
    async fn funding(&mut self, market: usize) -> Result<Outcome> {
        self.world.quote("maker", market, World::QUOTES).await?;
        let interval = u64::from(self.world.market(market)?.params.funding_interval_slots);
        let slots = self.random.pick(&[1, interval, interval]);
        self.world.pass(slots)?;
        let handle = self.world.market(market)?;
        let calm = handle.feed.calm(&self.world.chain, handle.price_atoms_per_lot)?;
        let lag = calm.price / 10_000 * self.trend * self.random.between(-10, 40);
        handle.feed.post(&mut self.world.chain, &PublishedPrice { ema_price: calm.price - lag, ..calm });
        self.world.update_funding(market).await
    }

    /// All oracles but one fall silent for more than their maximum age: frozen legs beside a live one.
    async fn silence(&mut self, live: usize) -> Result<Outcome> {
        self.world.chain.advance(180, 72);
        let price = self.world.market(live)?.price_atoms_per_lot;
        let moved = price + price / 10_000 * self.trend * self.random.between(0, 300);
        self.world.set_price(live, moved.clamp(900_000, 2_500_000))?;
        // Somebody without a seat in the silent markets bids and offers for its own account.
        self.world.quote(LOCALS[live], live, World::QUOTES).await?;
        Ok(Outcome::default())
    }

    /// INV-18: an unhealthy account with a live oracle and depth can be sliced, unless it is its cooldown, its throttle
    /// or its bankruptcy that forbids.
    fn progress(&self, market: usize) {
        for name in TRADERS {
            if self.world.base(name, market).unwrap() == 0 {
                continue;
            }
            let health = self.world.health(name).unwrap();
            if !health.favourable.is_below(10_000) || health.maintenance.is_below(300) {
                continue;
            }
            let args = self.world.liquidate_args(name, market).unwrap();
            match self.world.plan(name, market, &args).unwrap() {
                Ok(_) => {}
                Err(PlanError::Refused { name: reason, .. }) => {
                    let waits = ["CooldownNotOver", "ThrottleEmpty", "RiskAddedThisSlot"];
                    assert!(waits.contains(&reason.as_str()), "{name} cannot be sliced: {reason}, {health:?}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    async fn liquidate(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let args = self.world.liquidate_args(name, market)?;
        let part = self.random.between(1, 4);
        let args = LiquidateArgs { max_base_lots: (args.max_base_lots / part).max(1), ..args };
        let payout = match self.random.pick(&[true, false]) {
            true => self.world.payout_as_credit("carol"),
            false => self.world.payout_in_tokens("carol"),
        };
        let before = self.world.account(name)?.state.episode;
        let (report, outcome) = self.world.liquidate_with("carol", name, market, &payout, args).await?;
        assert!(report.base_lots <= args.max_base_lots && report.health_after_bps >= report.health_before_bps);
        assert!(report.penalty_atoms >= 0 && report.cost_atoms >= report.penalty_atoms);
        let after = self.world.account(name)?.state.episode;
        assert!(after.last_unhealthy_slot >= before.last_unhealthy_slot, "INV-15");
        self.slices += 1;
        Ok(outcome)
    }

    async fn absorb(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let args = self.world.liquidate_args(name, market)?;
        let outcome = self.world.absorb("carol", name, market, args).await?;
        self.slices += 1;
        // She gets rid of it where there is depth.
        let base = self.world.base("carol", market)?;
        let side = if base > 0 { Side::Ask } else { Side::Bid };
        match self.world.take("carol", market, side, base.abs().max(1)).await {
            Ok(_) | Err(HarnessError::Refused(_)) => Ok(outcome),
            Err(other) => Err(other),
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn whatever_happens_the_books_add_up() {
    let seed = setting("TAPER_WORKLOAD_SEED", 1);
    let (mut slices, mut resolved, mut ruined, mut funded) = (0, 0, 0, 0);
    let mut accepted = BTreeMap::<&str, u32>::new();
    for seed in seed..seed + 3 {
        let mut world = World::with_markets(MARKETS).await.unwrap();
        for name in ["erin", "frank"] {
            world.add_trader(name, 1_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        }
        for name in LOCALS {
            world.add_trader(name, 2_000_000 * TOKEN, 2_000_000 * TOKEN).await.unwrap();
        }
        let mut workload = Workload {
            world,
            random: Random(seed),
            trend: if seed % 2 == 0 { 1 } else { -1 },
            refusals: BTreeMap::new(),
            successes: BTreeMap::new(),
            slices: 0,
            resolved: 0,
            ruined: 0,
        };
        for step in 0..setting("TAPER_WORKLOAD_STEPS", STEPS) {
            println!("seed {seed} step {step}");
            workload.step().await;
        }
        println!("{:?}\n{:#?}", workload.successes, workload.refusals);
        for market in 0..MARKETS {
            let state = &workload.world.market_account(market).unwrap().state;
            let (deleveraged, socialised) = (state.deleveraged_atoms, state.socialised_atoms);
            let (drawn, unassigned) = (state.insurance.drawn_atoms, state.unassigned_loss_atoms);
            println!("drawn {drawn}, deleveraged {deleveraged}, socialised {socialised}, unassigned {unassigned}");
        }
        slices += workload.slices;
        resolved += workload.resolved;
        ruined += workload.ruined;
        let moved = |market| workload.world.market_account(market).unwrap().state.charges.funding_index_scaled != 0;
        funded += (0..MARKETS).filter(|market| moved(*market)).count();
        for (action, count) in workload.successes {
            *accepted.entry(action).or_default() += count;
        }
    }
    println!("{slices} slices, {resolved} legs and {ruined} accounts resolved, funding in {funded} markets");
    assert!(slices >= 5, "only {slices} slices");
    assert!(resolved >= 5 && ruined >= 1, "only {resolved} legs and {ruined} accounts resolved");
    assert!(funded >= 3, "funding was paid in {funded} markets only");
    assert!(accepted.len() >= 12, "nearly every action has succeeded: {accepted:?}");
}
