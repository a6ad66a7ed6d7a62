//! Taken over before bankruptcy: below the takeover point, or stalled in the backstop stage. The equity goes with the position.

use taper::error::TaperError;
use taper::events::LegResolved;
use taper_harness::{ExpectRefusal, Quotes};

use super::*;

const TAKEOVER_BPS: u32 = 2_000;
const BACKSTOP_BPS: u32 = 3_300;
/// A price at which alice is taken over.
const TAKEN_OVER: i64 = 1_405_000;
/// Well inside the backstop stage.
const STALLING_BPS: u32 = 2_700;
/// Bids too far below the price for a slice.
const FAR: Quotes = Quotes { levels: 1, base_lots: 20_000, step_atoms_per_lot: 25_000 };

fn maintenance(world: &World) -> taper_engine::margin::Health {
    world.health("alice").unwrap().maintenance
}

/// The price falls to the highest at which alice may be taken over, if this is the point.
fn fall_below(world: &mut World, bps: u32) -> i64 {
    let mut price = SOFT;
    while !for_the_point(world).is_below(bps) {
        price -= 50;
        world.set_price(0, price).unwrap();
    }
    price
}

/// All of the equity, bond included, goes to the counterparties, not an atom more or less, and the account is empty.
#[tokio::test]
async fn below_the_point_the_equity_goes_with_the_position() {
    let mut world = long_alice().await;
    let price = fall_below(&mut world, TAKEOVER_BPS);
    world.set_price(0, price + 50).unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    world.set_price(0, price).unwrap();
    let equity = maintenance(&world).equity.0 + i64::try_from(TOKEN).unwrap();
    assert!(equity > 0);
    let worth = |world: &World| {
        let seat = world.seat("maker", 0).unwrap().unwrap();
        seat.base_lots * price + seat.quote_entry_atoms + seat.realised_atoms
    };
    let before = worth(&world);
    let call = world.resolve("alice", 0).await.unwrap();
    let report = call.plan.report;
    assert_eq!((report.kind, report.base_lots, report.base_lots_left, report.remaining_atoms), (1, 10_000, 0, 0));
    assert_eq!(report.deleveraged_atoms, -equity);
    assert_eq!((report.insurance_from_fund_atoms, report.socialised_atoms, report.unassigned_atoms), (0, 0, 0));
    assert_eq!(worth(&world) - before, equity);
    assert_eq!(world.cash("alice").unwrap(), 0);
    assert_eq!(world.account("alice").unwrap().used_positions().count(), 0);
    if world.chain.is_vm() {
        let event = call.outcome.event::<LegResolved>().unwrap();
        assert_eq!(event.counterparties.iter().map(|row| row.charged_atoms).sum::<i64>(), -equity);
    }
}

/// A takeover needs a fresh price: at a degraded one an account that still has equity keeps it.
#[tokio::test]
async fn not_at_a_degraded_price() {
    let mut world = long_alice().await;
    fall_below(&mut world, TAKEOVER_BPS);
    world.chain.advance(30, 12);
    world.resolve("alice", 0).await.expect_error(TaperError::OracleDegraded);
    world.chain.advance(150, 60);
    world.resolve("alice", 0).await.expect_error(TaperError::OracleStale);
    world.pass(1).unwrap();
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.kind, 1);
}

/// Nothing is taken over beside an open leg without a fresh price, however small; slices and bankruptcy do not wait for it.
#[tokio::test]
async fn not_beside_an_open_leg_without_a_fresh_price() {
    let mut world = World::with_markets(2).await.unwrap();
    for (market, lots) in [(0, 10_000), (1, 1)] {
        world.take("alice", market, Side::Bid, lots).await.unwrap();
    }
    world.pass(10).unwrap();
    world.set_price(0, TAKEN_OVER).unwrap();
    for seconds in [12, 60] {
        world.chain.advance(30, seconds);
        world.set_price(0, TAKEN_OVER).unwrap();
        world.resolve("alice", 0).await.expect_error(TaperError::TakeoverNeedsFreshLegs);
    }
    let start = world.chain.snapshot();
    world.set_price(0, BANKRUPT).unwrap();
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.kind, 0);
    world.chain.restore(&start);
    for (market, price) in [(0, TAKEN_OVER), (1, LISTED)] {
        world.set_price(market, price).unwrap();
    }
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.kind, 1);
}

/// Alice in the backstop stage above the takeover point, with no bid in reach, seen by a flag. Returns the slots of a stall.
async fn stalling() -> (World, u64) {
    let mut world = long_alice().await;
    fall_below(&mut world, STALLING_BPS);
    world.quote("maker", 0, FAR).await.unwrap();
    assert!(!maintenance(&world).is_below(TAKEOVER_BPS));
    let slots = u64::from(world.market(0).unwrap().params.stall_slots);
    (world, slots)
}

#[tokio::test]
async fn a_stall_is_counted_from_the_first_flag() {
    let (mut world, slots) = stalling().await;
    // However long it has stood there: nobody has seen it.
    world.pass(slots).unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    world.flag("alice", 0).await.unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::NoFillInsideCap);
    world.pass(slots - 1).unwrap();
    world.flag("alice", 0).await.unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    world.pass(1).unwrap();
    let equity = maintenance(&world).equity.0 + i64::try_from(TOKEN).unwrap();
    let report = world.resolve("alice", 0).await.unwrap().plan.report;
    assert_eq!((report.kind, report.base_lots, report.deleveraged_atoms), (1, 10_000, -equity));
    assert!((i64::from(TAKEOVER_BPS)..i64::from(BACKSTOP_BPS)).contains(&report.health_before_bps), "{report:?}");
}

#[tokio::test]
async fn a_stall_ends_when_the_stage_is_left_and_starts_anew_with_a_slice() {
    let (mut world, slots) = stalling().await;
    let price = world.market(0).unwrap().price_atoms_per_lot;
    world.flag("alice", 0).await.unwrap();
    world.pass(slots - 1).unwrap();
    // Seen in the hard stage for a slot.
    world.set_price(0, HARD).unwrap();
    world.flag("alice", 0).await.unwrap();
    world.set_price(0, price).unwrap();
    world.pass(1).unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    world.flag("alice", 0).await.unwrap();
    world.pass(slots - 1).unwrap();
    // A slice of a bid that is too small to bring the account out of the stage.
    world.quote("maker", 0, Quotes { levels: 1, base_lots: 64, step_atoms_per_lot: 500 }).await.unwrap();
    let (sliced, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(sliced.base_lots, 64);
    assert!(maintenance(&world).is_below(BACKSTOP_BPS));
    world.quote("maker", 0, FAR).await.unwrap();
    world.pass(slots - 1).unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    world.pass(1).unwrap();
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.kind, 1);
}
