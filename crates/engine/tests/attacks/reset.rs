//! Episodes and cooldowns from the owner's side, by search: deposits, withdrawals, trades with a friend and slices by that friend, in any order,
//! to be left alone while unhealthy, or to be met with mercy twice.

use crate::search::{Search, LONG_RUN, SHORT_RUN};
use crate::siege::fine_world;
use crate::world::{limit, World, ALICE, CAROL, MAKER, SECOND};
use std::ops::RangeInclusive;
use taper_engine::episode::{owner_acted, KIND_FIRST, KIND_NONE};
use taper_engine::error::EngineError;
use taper_engine::liquidate::{account_health, LiquidationRequest};
use taper_engine::margin::{Health, LegTotals, Valuation};
use taper_engine::quantity::{BaseLots, QuoteAtoms, Side};

const STEPS: usize = 10;
/// Kind, lots, atoms under the oracle price, thousands of atoms, slots to wait.
const NUMBERS: usize = 5;
/// Waits: within a cooldown, within an episode's cool-off, within re-entry, and beyond it.
const WAITS: [u64; 8] = [0, 0, 1, 2, 5, 20, 1_501, 216_001];
/// The honest depth in each slot stands so far under the oracle price: well inside κ₀.
const HONEST: i64 = 30;

struct Owner {
    world: World,
    /// Slots with an honest call in which she was unhealthy and nothing was closed.
    delay: u64,
    delayed: Option<u64>,
    /// The cooldowns that slices have charged, in slots.
    charged: u64,
    slices: u64,
    /// The end of the last episode that had a slice.
    ended: Option<u64>,
    /// Later episodes, in which everything is closed.
    merciless: u32,
    running: bool,
    began: Option<u64>,
}

fn ranges() -> Vec<RangeInclusive<i64>> {
    (0..STEPS).flat_map(|_| [0..=6, 1..=9_000, -200..=1_400, 1..=30_000, 0..=7]).collect()
}

impl Owner {
    fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            delay: 0,
            delayed: None,
            charged: 0,
            slices: 0,
            ended: None,
            merciless: 0,
            began: None,
            running: false,
        }
    }

    fn health(&self, valuation: Valuation) -> Health {
        let (world, none) = (&self.world, LegTotals::default());
        account_health(&world.market, ALICE, &world.accounts[0], &world.price, none, valuation).unwrap()
    }

    /// As the program does after a deposit or a reduction.
    fn acted(&mut self) {
        let (initial, slot) = (self.health(Valuation::Initial), self.world.slot);
        owner_acted(&mut self.world.accounts[0], &initial, slot);
        self.note();
    }

    /// What has become of the episode. Mercy comes once in `reentry_slots`.
    fn note(&mut self) {
        let episode = &self.world.accounts[0].episode;
        let runs = episode.kind != KIND_NONE;
        let begins = runs && (!self.running || self.began != Some(episode.started_slot));
        self.merciless += u32::from(begins && episode.kind != KIND_FIRST);
        if begins && episode.kind == KIND_FIRST {
            let again = self.world.market.params.reentry_slots;
            let began = episode.started_slot;
            assert!(
                self.ended.is_none_or(|ended| began > ended + again),
                "mercy at {began}, and before {:?}",
                self.ended
            );
        }
        self.began = Some(episode.started_slot).filter(|_| runs);
        if episode.had_one_before != 0 {
            self.ended = self.ended.max(Some(episode.last_end_slot));
        }
        self.running = runs;
    }

    fn run(&mut self, plan: &[i64]) {
        for step in plan.chunks_exact(NUMBERS) {
            self.step(step[0], step[1], step[2], 1_000 * step[3]);
            self.honest();
            let slots = WAITS[usize::try_from(step[4]).unwrap()];
            // Somebody looks in every slot of a short wait, and at its end in a long one.
            for _ in 0..slots.min(20) {
                self.world.slot += 1;
                self.honest();
            }
            self.world.slot += slots.saturating_sub(20);
        }
        self.world.assert_sound();
    }

    /// A step that is refused changes nothing.
    fn step(&mut self, kind: i64, lots: i64, below: i64, atoms: i64) {
        let price = self.world.price.price.0;
        match kind {
            0 => {
                self.world.accounts[0].cash_atoms += atoms;
                self.acted();
            }
            1 => {
                let before = self.world.accounts[0];
                self.world.accounts[0].cash_atoms -= atoms;
                if self.health(Valuation::Initial).is_below(10_000) || self.world.accounts[0].cash_atoms < 0 {
                    self.world.accounts[0] = before;
                }
            }
            // She sells to her friend, or buys of it.
            2 | 3 => {
                let side = if kind == 2 { Side::Ask } else { Side::Bid };
                let _ = self.world.attempt(SECOND, limit(side.opposite(), price - below, lots));
                let before = self.world.seat(ALICE).base_lots;
                let _ = self.world.attempt(ALICE, limit(side, price - below, lots));
                if self.world.seat(ALICE).base_lots < before {
                    self.acted();
                }
            }
            // The friend slices her, or takes a slice over.
            4 => drop(self.slice(lots)),
            5 => {
                let request = self.request(lots);
                if let Ok(slice) = self.world.absorb(request) {
                    self.sliced(slice.cooldown_until_slot);
                }
            }
            _ => self.world.set_price(price - 2 * below),
        }
        self.note();
    }

    fn request(&self, lots: i64) -> LiquidationRequest {
        LiquidationRequest { caller_max: BaseLots(lots), min_payout: QuoteAtoms(i64::MIN), ..self.world.request() }
    }

    fn slice(&mut self, lots: i64) -> Result<(), EngineError> {
        let request = self.request(lots);
        let slice = self.world.liquidate(request)?;
        self.world.accounts[CAROL as usize].credit(slice.caller_payout).unwrap();
        self.sliced(slice.cooldown_until_slot);
        Ok(())
    }

    fn sliced(&mut self, until: u64) {
        self.slices += 1;
        self.charged += until.saturating_sub(self.world.slot);
        self.note();
    }

    /// An honest caller comes, and there is depth. A refusal has one of the reasons that the rules give.
    fn honest(&mut self) {
        let price = self.world.price.price.0;
        let health = self.health(Valuation::Maintenance);
        // Below the takeover point a slice may find no level inside `H·r·P`: there `resolve_account` is called.
        if !health.is_below(10_000) || health.is_below(self.world.market.params.takeover_health_bps) {
            return;
        }
        let _ = self.world.attempt(MAKER, limit(Side::Bid, price - HONEST, 20_000));
        let refused = self.slice(i64::MAX);
        let cooling = self.world.slot < self.world.accounts[0].cooldown_until_slot;
        match refused {
            Ok(()) => {}
            Err(EngineError::CooldownNotOver) if cooling => {
                self.delay += u64::from(self.delayed != Some(self.world.slot));
                self.delayed = Some(self.world.slot);
            }
            // Risk was added at initial health of 1, and then the price fell, all in this slot.
            Err(EngineError::RiskAddedThisSlot) if self.world.accounts[0].last_risk_slot == self.world.slot => {}
            Err(refused) => panic!("{refused:?} at health {}", health.to_bps_down()),
        }
        taper_engine::orders::cancel_all(
            &mut self.world.market,
            &mut self.world.book,
            MAKER,
            None,
            32,
            &mut self.world.log,
        )
        .unwrap();
    }
}

/// While she is unhealthy, an honest caller in a slot closes lots or meets a cooldown, and no cooldown but those that slices have charged: at most
/// the longest of the ladder for each. Nothing that she does makes one longer, nor gives a second episode mercy within `reentry_slots`.
/// Returns the best plan's slots of delay and the bound of them, and how many plans led into an episode without mercy.
fn search(name: &str, tries: u32, episodes_count: i64) -> (i64, i64, u32) {
    let world = fine_world();
    let most = world.market.params.ladder.iter().map(|point| u64::from(point.cooldown_slots)).max().unwrap();
    let mut merciless = 0;
    let found = Search::new(ranges(), 41).best(tries, |plan| {
        let mut owner = Owner::new(&world);
        owner.run(plan);
        assert!(owner.charged <= most * owner.slices, "{} of {}: {plan:?}", owner.charged, owner.slices);
        assert!(owner.delay <= owner.charged, "{} of {}: {plan:?}", owner.delay, owner.charged);
        merciless += u32::from(owner.merciless > 0);
        let (delay, bound) = (i64::try_from(owner.delay).unwrap(), i64::try_from(most * owner.slices).unwrap());
        (delay + episodes_count * i64::from(owner.merciless), (delay, bound))
    });
    let (delay, bound) = found.outcome;
    println!("{name}: {delay} slots of {bound}, {merciless} of {tries} plans met an episode without mercy");
    (delay, bound, merciless)
}

#[test]
fn an_owner_buys_no_more_time_than_the_cooldowns() {
    let (delay, bound, _) = search("buying time", SHORT_RUN, 0);
    assert!(delay * 2 >= bound && delay > 4, "a weak search: {delay} of {bound}");
}

#[test]
fn an_owner_meets_mercy_once() {
    let (_, _, merciless) = search("a second mercy", SHORT_RUN, 10);
    assert!(merciless > 100, "a weak search: {merciless}");
}

#[test]
#[ignore = "minutes"]
fn longer_buy_time_and_mercy() {
    search("buying time", LONG_RUN / 5, 0);
    search("a second mercy", LONG_RUN / 5, 10);
}
