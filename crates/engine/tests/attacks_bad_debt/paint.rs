//! A painted book, by search: what it shows, when, and who samples it are a plan; the coalition is short nearly all that the market has open,
//! and is paid by the one who is long. No mark is read from the book: positions are valued at the oracle's price alone, so the rate of funding is
//! all that a book can bend.

use crate::rig::{limit, taking, Rig, PRICE};
use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use std::ops::RangeInclusive;
use taper_engine::quantity::Side;

const HONEST: usize = 0;
const SHORT: usize = 1;
const PAINTER: usize = 2;
const MAKER: usize = 3;
const COALITION: [usize; 2] = [SHORT, PAINTER];
const POSITION: i64 = 9_375_000;
/// The least impact size that rule `Funding` allows: 10,000,000 lots × 150 slots ÷ 72,000 slots.
const IMPACT: i64 = 20_834;
/// Half of the spread of whoever quotes honestly.
const HALF_SPREAD: i64 = 100;
/// Kind, atoms above the oracle price, spread, lots, wait.
const NUMBERS: usize = 5;
const STEPS: usize = 6;

fn world() -> Rig {
    let mut rig = Rig::new(1, 4);
    let params = &mut rig.venues[0].market.params;
    (params.tick_size_atoms_per_lot, params.funding_impact_base_lots, params.maker_fee_ppm) = (1, IMPACT, 0);
    params.min_order_base_lots = params.min_slice_base_lots;
    params.validate().unwrap();
    params.min_order_base_lots = 1;
    for who in 0..4 {
        rig.deposit(who, 2_000_000_000_000);
    }
    rig.trade(HONEST, SHORT, 0, PRICE, POSITION).unwrap();
    rig.slot += 1;
    rig
}

fn ranges(waits: usize) -> Vec<RangeInclusive<i64>> {
    let last = i64::try_from(waits).unwrap() - 1;
    (0..STEPS).flat_map(|_| [0..=5, -220..=310, 1..=1_200, 1..=3 * IMPACT, 0..=last]).collect()
}

/// The painter at work, and the slots of all samples, his or not.
struct Painting {
    rig: Rig,
    sampled: Vec<u64>,
}

impl Painting {
    fn sample(&mut self) {
        if self.rig.sample(0).is_ok() {
            self.sampled.push(self.rig.slot);
        }
    }

    /// Bids, asks, both, takes away, samples. A step that is refused changes nothing.
    fn step(&mut self, step: &[i64]) {
        // One by one around the spread, by tens as far as the maker band.
        let off = step[1].clamp(-120, 120);
        let (over, spread, lots) = (PRICE + off + 10 * (step[1] - off), step[2], step[3]);
        let rig = &mut self.rig;
        match step[0] {
            0 => drop(rig.place(PAINTER, 0, limit(Side::Bid, over, lots))),
            1 => drop(rig.place(PAINTER, 0, limit(Side::Ask, over, lots))),
            2 => {
                let _ = rig.place(PAINTER, 0, limit(Side::Bid, over, lots));
                let _ = rig.place(PAINTER, 0, limit(Side::Ask, over + spread, lots));
            }
            3 => rig.cancel_all(PAINTER, 0),
            _ => self.sample(),
        }
    }

    /// What `premium` atoms a lot bring from the second sample on, until `funding_gap_slots` after each, rounded up.
    fn bound(&self, premium: i64) -> i64 {
        let params = &self.rig.venues[0].market.params;
        let gap = u64::from(params.funding_gap_slots);
        let ends = self.sampled.iter().skip(1).copied().chain([self.rig.slot]);
        let spans: Vec<_> = self.sampled.iter().zip(ends).map(|(from, to)| to - from).collect();
        let paid: u64 = spans.windows(2).filter(|pair| pair[0] <= gap).map(|pair| pair[1].min(gap)).sum();
        let brought = i128::from(POSITION) * i128::from(premium) * i128::from(paid);
        i64::try_from(brought / i128::from(params.funding_period_slots)).unwrap() + 1
    }
}

/// Nobody else quotes, takes or samples. Then the clamp is all that holds: for each lot and slot `clamp ÷ period`, nothing before the second
/// sample, nothing from `funding_gap_slots` after the last one on.
fn paint_unwatched(tries: u32) {
    const WAITS: [u64; 8] = [0, 0, 1, 1, 150, 151, 9_000, 9_001];
    let world = world();
    let found = Search::new(ranges(WAITS.len()), 21).best(tries, |plan| {
        let mut painting = Painting { rig: world.clone(), sampled: vec![] };
        let before = painting.rig.worth(&COALITION);
        for step in plan.chunks_exact(NUMBERS) {
            painting.step(step);
            painting.rig.slot += WAITS[usize::try_from(step[4]).unwrap()];
        }
        let (profit, bound) = (painting.rig.worth(&COALITION) - before, painting.bound(PRICE / 100));
        assert!(profit <= bound, "{profit} of {bound}: {plan:?}");
        painting.rig.audit();
        (profit, bound)
    });
    tell("painting a book that nobody watches", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 90 && found.profit > 0, "a weak search: {}", found.profit);
}

/// Somebody quotes the impact size 100 atoms to either side of the oracle and, once between any two of the painter's slots, takes what crosses
/// that; somebody samples as often as one may. The painter is always first in his slot. A premium within the spread is his, for each slot; with the
/// smallest impact size that rule `Funding` allows, one beyond it costs him more than it brings.
fn paint_watched(tries: u32) {
    const WAITS: [u64; 8] = [0, 0, 1, 1, 148, 149, 150, 151];
    let mut world = world();
    quote(&mut world);
    world.slot += 1;
    let found = Search::new(ranges(WAITS.len()), 22).best(tries, |plan| {
        let mut painting = Painting { rig: world.clone(), sampled: vec![] };
        let before = painting.rig.worth(&COALITION);
        for step in plan.chunks_exact(NUMBERS) {
            painting.step(step);
            let wait = WAITS[usize::try_from(step[4]).unwrap()];
            if wait > 0 {
                painting.sample();
                quote(&mut painting.rig);
                painting.rig.slot += wait;
            }
        }
        let (profit, bound) = (painting.rig.worth(&COALITION) - before, painting.bound(HALF_SPREAD));
        assert!(profit <= bound, "{profit} of {bound}: {plan:?}");
        painting.rig.audit();
        (profit, bound)
    });
    tell("painting a book that is watched", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 75 && found.profit > 0, "a weak search: {}", found.profit);
}

/// Takes what crosses the honest quote, and quotes.
fn quote(rig: &mut Rig) {
    rig.cancel_all(MAKER, 0);
    for (side, at) in [(Side::Ask, PRICE + HALF_SPREAD), (Side::Bid, PRICE - HALF_SPREAD)] {
        let _ = rig.place(MAKER, 0, taking(side, at, 10 * IMPACT));
    }
    rig.place(MAKER, 0, limit(Side::Ask, PRICE + HALF_SPREAD, IMPACT)).unwrap();
    rig.place(MAKER, 0, limit(Side::Bid, PRICE - HALF_SPREAD, IMPACT)).unwrap();
}

#[test]
fn the_best_painter_whom_nobody_watches_gets_the_clamp() {
    paint_unwatched(SHORT_RUN);
}

#[test]
fn the_best_painter_who_is_watched_gets_the_spread() {
    paint_watched(SHORT_RUN);
}

/// Found by the search above while the premium was that of the mid: the painter takes the honest ask, samples in the same transaction, and sells
/// what he took to the honest bid. His own ask far behind, which nobody could reach in time, made a premium of 549 atoms of it, and 4.5 million
/// atoms a sample after all that it cost. A premium is now what the bid is above the oracle, and the far ask is nothing.
#[test]
fn an_ask_far_behind_an_honest_one_that_is_taken_is_nothing() {
    let mut rig = world();
    quote(&mut rig);
    rig.slot += 1;
    rig.place(PAINTER, 0, limit(Side::Ask, PRICE + 1_000, IMPACT)).unwrap();
    for round in 0..10 {
        rig.place(PAINTER, 0, limit(Side::Bid, PRICE + HALF_SPREAD - 1, IMPACT)).unwrap();
        rig.slot += 150;
        let before = rig.worth(&COALITION);
        rig.place(PAINTER, 0, taking(Side::Bid, PRICE + HALF_SPREAD, IMPACT)).unwrap();
        let sample = rig.sample(0).unwrap();
        assert_eq!(sample.premium_atoms_per_lot, HALF_SPREAD - 1);
        rig.place(PAINTER, 0, taking(Side::Ask, PRICE - HALF_SPREAD, IMPACT)).unwrap();
        quote(&mut rig);
        rig.slot += 1;
        assert_eq!(sample.rate_scaled_per_slot > 0, round > 0);
        assert!(rig.worth(&COALITION) < before, "{}", rig.worth(&COALITION) - before);
    }
    rig.audit();
}

#[test]
#[ignore = "minutes"]
fn longer_paint() {
    paint_unwatched(LONG_RUN / 5);
    paint_watched(LONG_RUN / 5);
}
