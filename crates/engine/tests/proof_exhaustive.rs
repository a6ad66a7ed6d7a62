//! Every combination of a small domain: each slice is compared, lot by lot, with a naive walk in exact fractions that asks of every
//! single lot whether it is still needed, and each lot with the two lines that the design rests on: it does not lower health, and
//! without it the target would be missed.

#[path = "proof_exhaustive/domain.rs"]
mod domain;
#[path = "proof_exhaustive/naive.rs"]
mod naive;
#[allow(dead_code, reason = "shared with slice_exactness, which uses all of it")]
mod reference;

use domain::{accounts, books, limits, Leg, Limits};
use naive::{walk, Lot, Stop, World};
use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use taper_engine::episode::Target;
use taper_engine::margin::{Health, Requirement};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::slice::{SliceInputs, SliceSolver};

/// The number of slices in the domain, so that nobody narrows it unseen.
const SLICES: u64 = 54_917_205;

/// What the domain contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    slices: u64,
    lots: u64,
    over_an_edge: u64,
    /// Lots after which health was exactly what it was.
    level_health: u64,
    /// Slices that met their target exactly.
    exact_target: u64,
    stopped: [u64; 5],
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.slices += other.slices;
        self.lots += other.lots;
        self.over_an_edge += other.over_an_edge;
        self.level_health += other.level_health;
        self.exact_target += other.exact_target;
        for (sum, more) in self.stopped.iter_mut().zip(other.stopped) {
            *sum += more;
        }
    }
}

/// The engine's slice, one entry a lot.
fn engine(world: &World<'_>, limits: &Limits) -> Vec<Lot> {
    let leg = world.leg;
    let mut solver = SliceSolver::new(SliceInputs {
        params: &leg.params,
        price: Price(leg.price),
        base: BaseLots(leg.base),
        health: Health { equity: QuoteAtoms(world.equity), requirement: Requirement(world.required) },
        target: limits.target,
        penalty_ppb_of_mmr: limits.penalty_ppb,
        cost_cap_ppb_of_mmr: limits.cost_cap_ppb,
        budget: limits.budget.map(QuoteAtoms),
        penalty_fund: QuoteAtoms(world.cash),
        cap: BaseLots(limits.cap),
    })
    .expect("a solver");
    let mut lots = Vec::new();
    'levels: for (slippage, available) in &limits.levels {
        let mut left = *available;
        while left > 0 {
            let level = Price(leg.price - leg.base.signum() * slippage);
            let Some(fill) = solver.step(level, BaseLots(left)).expect("a step") else { break 'levels };
            assert!(fill.lots.0 > 0 && fill.lots.0 <= left);
            left -= fill.lots.0;
            let lot = Lot { slippage: fill.slippage_per_lot, penalty: fill.penalty_per_lot, rate: fill.rate_bps };
            lots.extend((0..fill.lots.0).map(|_| lot));
        }
    }
    assert_eq!(solver.closed().0, i64::try_from(lots.len()).expect("few"));
    lots
}

/// The two lines, and the bounds, of a slice that is given lot by lot.
fn check(world: &World<'_>, limits: &Limits, lots: &[Lot], count: &mut Count) -> Result<(), String> {
    let mut state = world.before();
    let met = |state: &naive::State| matches!(limits.target, Target::Ratio(bps) if state.meets(bps));
    let mut first_met = None;
    for (closed, lot) in (0i64..).zip(lots) {
        if met(&state) && first_met.is_none() {
            first_met = Some(closed);
        }
        let after = state.without_a_lot(world, lot);
        match after.against(&state) {
            std::cmp::Ordering::Less => return Err(format!("lot {closed} lowers health: {state:?}, {after:?}")),
            std::cmp::Ordering::Equal => count.level_health += 1,
            std::cmp::Ordering::Greater => {}
        }
        if after.equity < 0 || after.against(&world.before()) == std::cmp::Ordering::Less {
            return Err(format!("health below that before the slice: {after:?}"));
        }
        count.over_an_edge += u64::from(world.leg.straddles(state.remaining));
        lot.within_bounds(world, limits)?;
        state = after;
    }
    // Minimal: of all smaller sizes none meets the target, unless what it would leave is dust.
    if let Some(closed) = first_met {
        let left = world.leg.base.abs() - closed;
        if left >= world.leg.params.min_position_base_lots {
            return Err(format!("{closed} lots were enough, of {}", lots.len()));
        }
    }
    count.exact_target += u64::from(matches!(limits.target, Target::Ratio(bps) if state.meets_exactly(bps)));
    count.lots += u64::try_from(lots.len()).expect("few");
    Ok(())
}

/// Every slice of one leg.
fn every_slice(leg: &Leg) -> Count {
    let mut count = Count::default();
    for world in accounts(leg) {
        for levels in books(leg) {
            for mut limits in limits(&world, &levels) {
                let mut whole: Option<Vec<Lot>> = None;
                // Caps from the whole position down: a smaller cap takes the first of the same lots.
                for cap in (1..=leg.base.abs()).rev() {
                    limits.cap = cap;
                    let lots = engine(&world, &limits);
                    let (expected, stop) = walk(&world, &limits);
                    let failed = if lots == expected {
                        check(&world, &limits, &lots, &mut count).err()
                    } else {
                        Some(format!("naive walk: {expected:?}, {stop:?}"))
                    };
                    if let Some(why) = failed {
                        panic!("{why}\nlots {lots:?}\nof {world:?}\nwith {limits:?}");
                    }
                    let all = whole.get_or_insert_with(|| lots.clone());
                    assert!(all.starts_with(&lots), "cap {cap} is not the beginning of {all:?}");
                    count.stopped[stop as usize] += 1;
                    count.slices += 1;
                }
            }
        }
    }
    count
}

#[test]
fn every_slice_of_the_small_domain() {
    let started = std::time::Instant::now();
    let legs = Leg::every();
    let next = AtomicUsize::new(0);
    let mut count = Count::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut count = Count::default();
            while let Some(leg) = legs.get(next.fetch_add(1, Ordering::Relaxed)) {
                count += every_slice(leg);
            }
            count
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        for thread in threads {
            count += thread.join().unwrap_or_else(|why| std::panic::resume_unwind(why));
        }
    });
    println!("{} legs, {count:?}, {:?}", legs.len(), started.elapsed());
    assert!([count.over_an_edge, count.level_health, count.exact_target].iter().all(|seen| *seen > 1_000), "{count:?}");
    for stop in [Stop::TargetMet, Stop::Flat, Stop::Cap, Stop::CostCap, Stop::NoMoreLevels] {
        assert!(count.stopped[stop as usize] > 1_000, "{stop:?}: {count:?}");
    }
    assert_eq!(count.slices, SLICES);
}
