//! `update_funding`, and what seats pay for it.

use taper::error::TaperError;
use taper::events::{FundingUpdated, Swept};
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, Outcome, World};

use crate::support::*;

/// `funding_interval_slots` of the default parameters; it is one sixtieth of the gap, and a 480th of the period.
const INTERVAL: u64 = 150;
const GAP: u64 = 9_000;
/// The EMA stands this much below the price.
const EMA_BELOW: i64 = 3_000;
/// What the makers' bids stand above it, over the impact size of 31,250 lots: 20,000 are 500 below the price, the others 1,000.
const PREMIUM: i64 = EMA_BELOW - (20_000 * 500 + 11_250 * 1_000) / 31_250;
/// `PREMIUM × 2^20 ÷ 72,000`, towards zero.
const RATE: i64 = (PREMIUM << 20) / 72_000;

/// So many slots pass; the EMA lies below the price.
fn pass(world: &mut World, slots: u64) {
    world.pass(slots).unwrap();
    let feed = world.markets()[0].feed;
    let mut published = feed.calm(&world.chain, LISTED).unwrap();
    published.ema_price = published.ema_price / LISTED * (LISTED - EMA_BELOW);
    feed.post(&mut world.chain, &published);
}

/// Index, rate and premium after a sample, as the market says them and, where there are logs, the event.
fn updated(world: &World, outcome: &Outcome) -> (i64, i64, i64) {
    let charges = world.market_account(0).unwrap().state.charges;
    let (rate, premium) = (charges.funding_rate_scaled_per_slot, charges.premium_atoms_per_lot);
    let found = (charges.funding_index_scaled, rate, premium);
    if world.chain.is_vm() {
        let event = outcome.event::<FundingUpdated>().unwrap();
        assert_eq!((event.funding_index_scaled, event.rate_scaled_per_slot, event.premium_atoms_per_lot), found);
        assert_eq!(event.market, world.market(0).unwrap().keys.market);
        assert_eq!(event.is_measured, premium != 0);
        let prices = (event.oracle_price_atoms_per_lot, event.oracle_ema_atoms_per_lot);
        assert_eq!(prices, (LISTED, LISTED - EMA_BELOW));
    }
    found
}

#[tokio::test]
async fn longs_pay_shorts_by_the_slot() {
    let mut world = long_alice().await;
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    pass(&mut world, 10);
    let first = world.update_funding(0).await.unwrap();
    assert_eq!(updated(&world, &first), (0, 0, PREMIUM));
    pass(&mut world, INTERVAL - 1);
    world.update_funding(0).await.expect_error(TaperError::FundingTooSoon);
    pass(&mut world, 1);
    let second = world.update_funding(0).await.unwrap();
    assert_eq!(updated(&world, &second), (0, RATE, PREMIUM));

    // It accrues to the end of the gap, then nobody has looked.
    pass(&mut world, GAP + 500);
    let cash = world.cash("alice").unwrap();
    let deposit = world.deposit("alice", 1).await.unwrap();
    let moved = RATE * i64::try_from(GAP).unwrap() * 10_000;
    let owed = (moved + (1 << 20) - 1) >> 20;
    assert_eq!(world.cash("alice").unwrap(), cash + 1 - owed);
    if world.chain.is_vm() {
        let swept = deposit.event::<Swept>().unwrap();
        assert_eq!((swept.charged_atoms, swept.amount_atoms), (owed, -owed));
    }
    // The maker is short: it gets what she paid but for the residue, in its result and then its cash.
    let seat = *world.seat("maker", 0).unwrap().unwrap();
    let before = world.cash("maker").unwrap() + seat.realised_atoms;
    world.deposit("maker", 1).await.unwrap();
    let seat = *world.seat("maker", 0).unwrap().unwrap();
    assert_eq!(world.cash("maker").unwrap() + seat.realised_atoms, before + 1 + owed - 1);
    let charges = world.market_account(0).unwrap().state.charges;
    assert_eq!(charges.clearing_atoms, 1);
    // A sample after the gap is a first one again.
    let late = world.update_funding(0).await.unwrap();
    assert_eq!(updated(&world, &late), (RATE * i64::try_from(GAP).unwrap(), 0, PREMIUM));
}

#[tokio::test]
async fn health_counts_what_is_owed_before_anybody_touches_the_seat() {
    let mut world = long_alice().await;
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    for slots in [10, INTERVAL] {
        pass(&mut world, slots);
        world.update_funding(0).await.unwrap();
    }
    let before = world.health("alice").unwrap().maintenance.equity.0;
    pass(&mut world, 1_000);
    let owed = (RATE * 1_000 * 10_000 + (1 << 20) - 1) >> 20;
    assert_eq!(world.health("alice").unwrap().maintenance.equity.0, before - owed);
}

#[tokio::test]
async fn only_a_fresh_price_sets_a_rate() {
    let mut world = World::new().await.unwrap();
    world.pass(10).unwrap();
    world.chain.advance(1, 11);
    world.update_funding(0).await.expect_error(TaperError::OracleDegraded);
    world.chain.advance(1, 50);
    world.update_funding(0).await.expect_error(TaperError::OracleStale);
}

#[tokio::test]
async fn a_book_shown_within_a_slot_or_for_one_sample_moves_nothing() {
    let mut world = World::new().await.unwrap();
    world.cancel_all("maker", 0).await.unwrap();
    for sample in 0..4 {
        pass(&mut world, INTERVAL);
        world.quote("maker", 0, World::QUOTES).await.unwrap();
        if sample == 2 {
            pass(&mut world, 1);
        }
        // Shown, sampled and taken away: in one slot, or once over two.
        let outcome = world.update_funding(0).await.unwrap();
        assert_eq!(updated(&world, &outcome), (0, 0, if sample == 2 { PREMIUM } else { 0 }));
        world.cancel_all("maker", 0).await.unwrap();
    }
}

/// One seat cannot stop funding by resting orders of a lot before the depth.
#[tokio::test]
async fn dust_before_the_depth_is_walked_past() {
    let mut world = World::new().await.unwrap();
    pass(&mut world, 10);
    for _ in 0..32 {
        world.place("alice", 0, order(Side::Bid, LISTED - 400, 1)).await.unwrap();
        world.place("bob", 0, order(Side::Ask, LISTED + 400, 1)).await.unwrap();
    }
    pass(&mut world, 1);
    let outcome = world.update_funding(0).await.unwrap();
    assert_eq!(updated(&world, &outcome), (0, 0, PREMIUM));
}
