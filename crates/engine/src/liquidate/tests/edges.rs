//! Both sides of every comparison that decides whether a slice may be made, and what it counts as.

use super::*;
use crate::book::MAX_REMOVALS;
use crate::episode::Target;
use crate::fixture::ask;
use crate::liquidate::{flag, FlagOutcome};
use crate::market::Throttle;
use crate::matching::REMOVAL_LOG;
use crate::oracle::Grade;
use crate::orders::OrderRequest;

const SLOT: u64 = 11;

/// Seat 0 is long 1,000 lots of seat 1; requirement 3,000,000, equity 2,900,000; the book takes all at the oracle price.
fn unhealthy() -> Rig {
    let mut rig = rig(2);
    rig.give(0, 1, LONG);
    let seat = rig.seat(0);
    rig.accounts[0].cash_atoms = 2_900_000 - (seat.quote_entry_atoms + seat.realised_atoms + LONG * PRICE);
    rig.market.params.min_slice_base_lots = 1;
    rig.place(1, bid(PRICE, LONG)).unwrap();
    rig
}

fn slice_at(rig: &mut Rig, slot: u64, request: &LiquidationRequest) -> Result<SliceSummary> {
    let context = context(rig, slot);
    *rig.log = bytemuck::Zeroable::zeroed();
    partial_liquidate(&mut rig.market, &mut rig.book, &mut rig.accounts[0], 0, request, &context, &mut rig.log)
}

fn slice(rig: &mut Rig, caller_max: i64) -> Result<SliceSummary> {
    slice_at(rig, SLOT, &LiquidationRequest { caller_max: BaseLots(caller_max), ..request() })
}

/// Leaves so many lots in the bucket of longs.
fn throttled(rig: &mut Rig, lots: u64) {
    let level_lot_slots = lots * rig.market.params.throttle_refill_slots;
    rig.market.throttles[0] = Throttle { level_lot_slots, refilled_slot: SLOT };
}

#[test]
fn what_the_caller_asks_for() {
    let asks = |change: fn(&mut LiquidationRequest)| {
        let mut asked = LiquidationRequest { deadline_slot: SLOT, ..request() };
        change(&mut asked);
        slice_at(&mut unhealthy(), SLOT, &asked).map(|slice| slice.lots.is_positive())
    };
    assert_eq!(asks(|_| ()), Ok(true), "the deadline is inside");
    assert_eq!(asks(|asked| asked.deadline_slot = SLOT - 1), Err(EngineError::DeadlinePassed));
    assert_eq!(asks(|asked| asked.caller_max = BaseLots(0)), Err(EngineError::CallerMaximumZero));
    assert_eq!(asks(|asked| asked.expected_base = BaseLots(LONG - 1)), Err(EngineError::UnexpectedBase));
    let mut flat = unhealthy();
    flat.market.seats.rows[0].base_lots = 0;
    assert_eq!(slice(&mut flat, LONG), Err(EngineError::NoPosition));
    let mut risky = unhealthy();
    risky.accounts[0].last_risk_slot = SLOT;
    assert_eq!(slice(&mut risky, LONG), Err(EngineError::RiskAddedThisSlot));
    risky.accounts[0].last_risk_slot = SLOT - 1;
    assert!(slice(&mut risky, LONG).is_ok());
}

#[test]
fn no_slot_is_before_the_first() {
    // An account that has never added risk says slot zero.
    let mut rig = unhealthy();
    rig.accounts[0].last_risk_slot = 0;
    let first = slice_at(&mut rig, 0, &request());
    assert_ne!(first.map(|slice| slice.lots), Err(EngineError::RiskAddedThisSlot));
}

#[test]
fn the_throttle_holds_the_smallest_slice_or_what_is_needed() {
    let needed = slice(&mut unhealthy(), LONG).unwrap().lots.0.unsigned_abs();
    assert!(needed > 200, "{needed}");
    for (smallest, enough) in [(1_000, needed), (100, 100)] {
        let with = |lots: u64| {
            let mut rig = unhealthy();
            rig.market.params.min_slice_base_lots = smallest;
            throttled(&mut rig, lots);
            slice(&mut rig, LONG).map(|slice| slice.lots.0.unsigned_abs())
        };
        assert_eq!(with(enough), Ok(enough));
        assert_eq!(with(enough - 1), Err(EngineError::ThrottleEmpty));
    }
}

#[test]
fn a_quarter_of_the_plan_and_the_smallest_slice_are_enough() {
    let with = |caller_max: i64, smallest: i64| {
        let mut rig = unhealthy();
        rig.market.params.min_slice_base_lots = smallest;
        throttled(&mut rig, 200);
        slice(&mut rig, caller_max).map(|slice| (slice.planned.0, slice.lots.0, slice.episode_ended))
    };
    assert_eq!(with(50, 50), Ok((200, 50, false)));
    assert_eq!(with(49, 1), Err(EngineError::CallerMaximumTooSmall));
    assert_eq!(with(50, 51), Err(EngineError::SliceTooSmall));
}

#[test]
fn a_full_close_ends_when_nothing_is_left() {
    let mut rig = unhealthy();
    rig.accounts[0].always_full_close = 1;
    assert_eq!(slice(&mut rig, 250).map(|slice| (slice.lots.0, slice.episode_ended)), Ok((250, false)));
    let asked = LiquidationRequest { expected_base: BaseLots(LONG - 250), ..request() };
    let last = slice_at(&mut rig, SLOT + 10, &asked).map(|slice| (slice.lots.0, slice.episode_ended));
    assert_eq!(last, Ok((750, true)));
    rig.assert_sound();
}

#[test]
fn what_a_flag_finds() {
    let mut rig = unhealthy();
    let params = rig.market.params;
    let at = |bps: i64| Health { equity: QuoteAtoms(100 * bps), requirement: Requirement(1_000_000 * 10_000) };
    let none = Health { requirement: Requirement(0), ..at(10_000) };
    let account = &mut rig.accounts[0];
    let found =
        |account: &mut AccountState, slot, health: Health| flag(&params, account, slot, Grade::Fresh, &health, &health);
    assert_eq!(found(account, 20, at(10_000)), Err(EngineError::AccountHealthy));
    assert_eq!(found(account, 21, at(9_999)), Ok(FlagOutcome::Started));
    assert_eq!(account.episode.target(&params), Some(Target::Ratio(12_500)));
    assert_eq!(found(account, 22, at(9_999)), Ok(FlagOutcome::Unhealthy));
    assert_eq!(found(account, 23, at(12_499)), Ok(FlagOutcome::Healthy));
    assert_eq!(found(account, 24, at(12_500)), Ok(FlagOutcome::Ended));
    // Asked for by its owner: nothing but a flat account meets it.
    account.always_full_close = 1;
    assert_eq!(found(account, 31, at(9_999)), Ok(FlagOutcome::Started));
    assert_eq!(account.episode.target(&params), Some(Target::Full));
    assert_eq!(found(account, 32, at(99_999)), Ok(FlagOutcome::Healthy));
    assert_eq!(found(account, 33, none), Ok(FlagOutcome::Ended));
}

/// The longest log: all orders of the account, and then as many expired ones in the way as the matching loop removes.
#[test]
fn a_full_seat_behind_a_row_of_expired_orders_can_be_logged() {
    let mut rig = rig(3);
    rig.give(0, 1, LONG);
    for _ in 0..ORDERS_PER_SEAT {
        rig.place(0, ask(PRICE + 1_000, 5)).unwrap();
    }
    for _ in 0..20 {
        rig.place(2, OrderRequest { expires_at_slot: SLOT, ..bid(PRICE, 5) }).unwrap();
    }
    let seat = rig.seat(0);
    rig.accounts[0].cash_atoms = 2_900_000 - (seat.quote_entry_atoms + seat.realised_atoms + LONG * PRICE);
    let summary = slice(&mut rig, LONG).unwrap();
    assert_eq!((summary.cancelled_orders, summary.lots), (u32::from(ORDERS_PER_SEAT), BaseLots(0)));
    let removed = rig.log.removals().len();
    assert_eq!(removed, usize::from(ORDERS_PER_SEAT) + MAX_REMOVALS);
    // Room is left for one order that a call evicts when it rests.
    assert_eq!((removed + 1, rig.log.removal_room()), (REMOVAL_LOG, 1));
}
