//! A random workload on two markets: whatever happens, every audit holds, refusals have a reason of the program's own,
//! and plans are what the chain does. `TAPER_WORKLOAD_STEPS` makes it longer, `TAPER_WORKLOAD_SEED` starts elsewhere.

use std::collections::BTreeMap;

use taper::error::TaperError;
use taper::instructions::{LiquidateArgs, PlaceOrderArgs};
use taper_engine::quantity::Side;
use taper_harness::{order, token_account_bytes, HarnessError, Outcome, Quotes, Result, World};
use taper_sdk::snapshot::PlanError;

use crate::support::*;

const TRADERS: [&str; 3] = ["alice", "bob", "dave"];
const MARKETS: u64 = 2;
const STEPS: u64 = 300;
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

    fn side(&mut self) -> Side {
        if self.below(2) == 0 {
            Side::Bid
        } else {
            Side::Ask
        }
    }
}

struct Workload {
    world: World,
    random: Random,
    trend: i64,
    refusals: BTreeMap<String, u32>,
    successes: BTreeMap<&'static str, u32>,
    slices: u32,
}

impl Workload {
    fn market(&mut self) -> usize {
        usize::try_from(self.random.below(MARKETS)).unwrap()
    }

    fn trader(&mut self) -> &'static str {
        TRADERS[usize::try_from(self.random.below(3)).unwrap()]
    }

    /// A leg of somebody who can be liquidated.
    fn distressed(&self) -> Option<(&'static str, usize)> {
        let legs =
            TRADERS.into_iter().flat_map(|name| (0..usize::try_from(MARKETS).unwrap()).map(move |leg| (name, leg)));
        legs.into_iter().find(|(name, leg)| {
            let open = self.world.base(name, *leg).unwrap() != 0;
            let sliceable = |name| {
                let health = self.world.health(name).ok()?;
                Some(health.favourable.is_below(10_000) && health.maintenance.equity.is_positive())
            };
            open && sliceable(name) == Some(true)
        })
    }

    async fn step(&mut self) {
        let (name, market) = (self.trader(), self.market());
        let distressed = self.distressed();
        let (prey, leg) = distressed.unwrap_or((name, market));
        // Liquidators are quick: half of what happens while somebody is in trouble is theirs.
        let draw = match distressed.is_some() && self.random.below(2) == 0 {
            true => 13,
            false => self.random.below(23),
        };
        let (action, done) = match draw {
            0..=3 => ("take", self.take(name, market).await),
            4 => ("rest", self.rest(name, market).await),
            5 => ("reduce", self.reduce(name, market).await),
            6 => ("deposit", self.deposit(name).await),
            7 => ("withdraw", self.withdraw(name).await),
            8..=12 => ("prices", self.prices().await),
            13..=16 => ("liquidate", self.liquidate(prey, leg).await),
            17 => ("absorb", self.absorb(prey, leg).await),
            18 => ("flag", self.world.flag(prey, leg).await),
            19 => ("settle", self.world.settle_loss(name, market).await),
            20 => ("silence", self.silence(market).await),
            21 => ("tidy", self.tidy(name, market).await),
            _ => ("force cancel", self.world.force_cancel(prey, leg).await),
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
        let kinds = [0, 0, 1, 3];
        let args = PlaceOrderArgs {
            kind: kinds[usize::try_from(self.random.below(4)).unwrap()],
            reduce_only: self.random.below(4) == 0,
            expires_at_slot: [0, self.world.chain.slot() + 30][usize::try_from(self.random.below(2)).unwrap()],
            self_trade: u8::try_from(self.random.below(3)).unwrap(),
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

    async fn deposit(&mut self, name: &str) -> Result<Outcome> {
        let shortfall = self.world.health(name).map_or(0, |health| health.maintenance.equity.0.min(0).unsigned_abs());
        let amount = shortfall + self.random.below(400 * TOKEN);
        let trader = self.world.trader(name);
        let wallet = token_account_bytes(&self.world.venue.keys.quote_mint, &trader.key(), amount);
        self.world.chain.set_account(&trader.token_account, wallet);
        self.world.deposit(name, amount).await
    }

    async fn withdraw(&mut self, name: &str) -> Result<Outcome> {
        let amount = self.random.below(500 * TOKEN);
        self.world.withdraw(name, amount).await
    }

    /// Prices move together, by up to 2.5%, mostly onwards in the direction they had; mostly the maker follows.
    async fn prices(&mut self) -> Result<Outcome> {
        let slots = self.random.below(12);
        self.world.pass(slots)?;
        if self.random.below(12) == 0 {
            self.trend = -self.trend;
        }
        let common = self.trend * self.random.between(-80, 260);
        let follows = self.random.below(4) != 0;
        for market in 0..usize::try_from(MARKETS).unwrap() {
            let own = self.random.between(-40, 40);
            let price = self.world.market(market)?.price_atoms_per_lot;
            let moved = (price + price / 10_000 * (common + own)).clamp(900_000, 2_500_000);
            self.world.set_price(market, moved)?;
        }
        for market in 0..usize::try_from(MARKETS).unwrap() {
            if follows {
                let lots = [50, 500, 20_000][usize::try_from(self.random.below(3)).unwrap()];
                let quotes = Quotes { base_lots: lots, ..World::QUOTES };
                self.world.quote("maker", market, quotes).await?;
                if lots == 20_000 {
                    self.progress(market);
                }
            }
        }
        Ok(Outcome::default())
    }

    /// One oracle falls silent for more than its maximum age, while the other goes on: a frozen leg beside a live one.
    async fn silence(&mut self, live: usize) -> Result<Outcome> {
        self.world.chain.advance(180, 72);
        let price = self.world.market(live)?.price_atoms_per_lot;
        let moved = price + price / 10_000 * self.trend * self.random.between(0, 300);
        self.world.set_price(live, moved.clamp(900_000, 2_500_000))?;
        // Somebody without a seat in the silent market bids and offers for its own account.
        self.world.quote(["left", "right"][live], live, World::QUOTES).await?;
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
        let payout = match self.random.below(2) {
            0 => self.world.payout_as_credit("carol"),
            _ => self.world.payout_in_tokens("carol"),
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

    async fn tidy(&mut self, name: &str, market: usize) -> Result<Outcome> {
        self.world.sweep_income(market).await?;
        self.world.release(name, market).await
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn whatever_happens_the_books_add_up() {
    let seed = setting("TAPER_WORKLOAD_SEED", 1);
    let (mut slices, mut accepted) = (0, BTreeMap::<&str, u32>::new());
    for seed in seed..seed + 3 {
        let mut world = World::with_markets(usize::try_from(MARKETS).unwrap()).await.unwrap();
        for name in ["left", "right"] {
            world.add_trader(name, 2_000_000 * TOKEN, 2_000_000 * TOKEN).await.unwrap();
        }
        let mut workload = Workload {
            world,
            random: Random(seed),
            trend: if seed % 2 == 0 { 1 } else { -1 },
            refusals: BTreeMap::new(),
            successes: BTreeMap::new(),
            slices: 0,
        };
        for step in 0..setting("TAPER_WORKLOAD_STEPS", STEPS) {
            println!("seed {seed} step {step}");
            workload.step().await;
        }
        println!("{:?}\n{:#?}", workload.successes, workload.refusals);
        slices += workload.slices;
        for (action, count) in workload.successes {
            *accepted.entry(action).or_default() += count;
        }
    }
    assert!(slices >= 10, "only {slices} slices");
    assert!(accepted.len() >= 12, "nearly every action has succeeded: {accepted:?}");
}
