//! The discount of the backstop stage, by search: an absorber with two more wallets for dust and shown levels, and the owner who absorbs itself.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::{ranges, Siege, NUMBERS, WALLETS};
use crate::world::{limit, World, ALICE, ATTACKER, CAROL, LONG, MAKER, SECOND};
use std::ops::RangeInclusive;
use taper_engine::quantity::Side;

/// Health 0.2985, the backstop stage; `H·r·P` is 850 atoms a lot, κ opens at 427.
const BACKSTOP: i64 = 94_900;
/// Bids that hide what is behind them: wallet's orders, atoms over the oracle price, lots of each.
const DUST: [RangeInclusive<i64>; 6] = [0..=32, -200..=400, 1..=60, 0..=32, -200..=400, 1..=60];

fn fallen() -> World {
    let mut world = World::with_position(Side::Bid, MAKER);
    world.market.params.tick_size_atoms_per_lot = 1;
    world.set_price(BACKSTOP);
    world
}

/// The ranges of a plan, dust first.
fn choices(steps: usize) -> Vec<RangeInclusive<i64>> {
    DUST.into_iter().chain(ranges(steps)).collect()
}

/// Rests the dust, then runs the steps; only an absorber may close lots, and nobody sells into the book.
fn absorb_only(siege: &mut Siege, plan: &[i64]) {
    let (dust, steps) = plan.split_at(DUST.len());
    for (wallet, group) in [ATTACKER, SECOND].into_iter().zip(dust.chunks_exact(3)) {
        for _ in 0..group[0] {
            let _ = siege.world.attempt(wallet, limit(Side::Bid, BACKSTOP + group[1], group[2]));
        }
    }
    siege.world.slot += 1;
    let mut steps = steps.to_vec();
    for step in steps.chunks_exact_mut(NUMBERS) {
        step[0] = match step[0] {
            2 | 3 => 4,
            6 => 5,
            kind => kind,
        };
    }
    siege.run(&steps);
}

/// What is left of κ when insurance has had its part: `Σ lots × κ × (1 − insurance_share)`, with κ within `H·r·P`, whatever is a discount of it and
/// whatever a penalty. Dust and shown levels gain nothing. The tips' credit is of no use without a book.
fn absorb(tries: u32) {
    let world = fallen();
    let found = Search::new(choices(6), 11).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&WALLETS);
        absorb_only(&mut siege, plan);
        let profit = siege.wealth(&WALLETS) - before;
        let bound = siege.allowed - siege.allowed * i64::from(world.market.params.insurance_share_bps) / 10_000;
        assert!(profit <= bound, "{profit} of {bound}: {plan:?}");
        assert_eq!(siege.tips, 0);
        (profit, bound)
    });
    tell("the absorber's discount", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 95, "a weak search: {} of {}", found.profit, found.outcome);
}

/// Depth for the whole position stands 100 atoms under the oracle price, with any dust before it. It counts for what it is: a lot costs its owner the
/// 100 and a penalty of half of what `H·r·P` leaves at most, of which insurance has its part.
fn hide_depth(tries: u32) {
    const BELOW: i64 = 100;
    let mut world = fallen();
    world.place(MAKER, limit(Side::Bid, BACKSTOP - BELOW, LONG)).unwrap();
    let found = Search::new(choices(6), 12).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&WALLETS);
        absorb_only(&mut siege, plan);
        let profit = siege.wealth(&WALLETS) - before;
        // `H·r·P` at the health before each slice, per lot; nothing is cut off it.
        let most = siege.health_allowed + siege.closed * BELOW;
        let bound = most / 2 - most / 2 * i64::from(world.market.params.insurance_share_bps) / 10_000;
        assert!(profit <= bound, "{profit} of {bound}: {plan:?}");
        (profit, bound)
    });
    tell("dust before an absorber's depth", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 80, "a weak search: {} of {}", found.profit, found.outcome);
}

/// Owner, absorber and dust in one hand: what is closed costs them insurance's part, at least a taker's fee a lot, as closing would.
fn absorb_oneself(tries: u32) {
    /// Lots that bring her from 0.2985 to 1.25, at no cost: 27,087,500 ÷ (1.25 × 2,847) is 7,611.5.
    const ENOUGH: i64 = 7_612;
    let world = fallen();
    let all = [ALICE, ATTACKER, SECOND, CAROL];
    let found = Search::new(choices(6), 13).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&all);
        absorb_only(&mut siege, plan);
        let profit = siege.wealth(&all) - before;
        let fee = siege.closed * BACKSTOP * i64::from(world.market.params.taker_fee_ppm) / 1_000_000;
        assert!(profit <= -siege.insurance && profit <= -fee, "{profit}, a fee of {fee}: {plan:?}");
        // A plan that closes less is not the attack.
        (profit - 100_000 * (ENOUGH - siege.closed).max(0), (siege.closed, -fee))
    });
    tell("absorbing oneself", &found, found.outcome.1);
    assert!(found.outcome.0 >= ENOUGH && found.profit >= 4 * found.outcome.1, "a weak search: {}", found.profit);
}

#[test]
fn the_best_absorber_gets_kappa_less_insurances_part() {
    absorb(SHORT_RUN);
}

#[test]
fn dust_before_the_depth_gains_an_absorber_nothing() {
    hide_depth(SHORT_RUN);
}

#[test]
fn absorbing_oneself_costs_more_than_closing() {
    absorb_oneself(SHORT_RUN);
}

#[test]
#[ignore = "minutes"]
fn longer_absorb() {
    absorb(LONG_RUN);
    hide_depth(LONG_RUN);
    absorb_oneself(LONG_RUN);
}
