use super::*;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::Price;

/// Capacity 1,000,000 lots, refilled in 300 slots: 3,333⅓ lots a slot.
fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn seat(base_lots: i64) -> Seat {
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    seat.base_lots = base_lots;
    seat
}

fn drained(slot: u64) -> Throttle {
    Throttle { level_lot_slots: 0, refilled_slot: slot }
}

#[test]
fn a_new_bucket_is_full() {
    let bucket = Throttle::full(&params(), 7).unwrap();
    assert_eq!(bucket, Throttle { level_lot_slots: 300_000_000, refilled_slot: 7 });
    assert_eq!(bucket.available(&params()), BaseLots(1_000_000));
}

#[test]
fn a_refill_is_exact_however_often_it_is_asked_for() {
    let params = params();
    let mut bucket = drained(1_000);
    for (slot, lots) in [(1_001, 3_333), (1_002, 6_666), (1_003, 10_000), (1_299, 996_666), (1_300, 1_000_000)] {
        bucket.refill(&params, slot).unwrap();
        assert_eq!(bucket.available(&params), BaseLots(lots), "at {slot}");
        let mut at_once = drained(1_000);
        at_once.refill(&params, slot).unwrap();
        assert_eq!(bucket, at_once);
    }
    bucket.refill(&params, u64::MAX).unwrap();
    assert_eq!(bucket.available(&params), BaseLots(1_000_000));
}

#[test]
fn a_slot_in_the_past_refills_nothing_twice() {
    let params = params();
    let mut bucket = drained(1_000);
    bucket.refill(&params, 1_003).unwrap();
    bucket.refill(&params, 1_001).unwrap();
    assert_eq!(bucket, Throttle { level_lot_slots: 3_000_000, refilled_slot: 1_003 });
    bucket.refill(&params, 1_003).unwrap();
    assert_eq!(bucket.level_lot_slots, 3_000_000);
}

#[test]
fn what_is_taken_is_gone_and_the_bypass_empties_it() {
    let params = params();
    let mut bucket = Throttle::full(&params, 0).unwrap();
    bucket.take(&params, BaseLots(999_999));
    assert_eq!(bucket.available(&params), BaseLots(1));
    bucket.take(&params, BaseLots(-5));
    assert_eq!(bucket.available(&params), BaseLots(1));
    bucket.take(&params, BaseLots(2));
    assert_eq!(bucket, Throttle { level_lot_slots: 0, refilled_slot: 0 });
    bucket.take(&params, BaseLots(i64::MAX));
    assert_eq!(bucket.level_lot_slots, 0);
}

#[test]
fn parts_of_a_lot_are_not_available() {
    let params = params();
    let bucket = Throttle { level_lot_slots: 299, refilled_slot: 0 };
    assert_eq!(bucket.available(&params), BaseLots(0));
    let bucket = Throttle { level_lot_slots: 300, refilled_slot: 0 };
    assert_eq!(bucket.available(&params), BaseLots(1));
}

#[test]
fn an_account_may_use_a_quarter_or_its_share_of_the_open_interest() {
    let mut params = params();
    let share = |params: &MarketParams, base, interest| account_share(params, &seat(base), BaseLots(interest), 0);
    assert_eq!(share(&params, 1, 10_000), Ok(BaseLots(250_000)));
    assert_eq!(share(&params, 2_500, 10_000), Ok(BaseLots(250_000)));
    assert_eq!(share(&params, 2_501, 10_000), Ok(BaseLots(250_100)));
    assert_eq!(share(&params, -10_000, 10_000), Ok(BaseLots(1_000_000)));
    // The share of open interest is rounded down: 1,000,000 × 1 / 3.
    assert_eq!(share(&params, 1, 3), Ok(BaseLots(333_333)));
    params.throttle_capacity_base_lots = 10;
    assert_eq!(share(&params, 1, 1_000), Ok(BaseLots(3)));
    params.throttle_capacity_base_lots = 1;
    assert_eq!(share(&params, 0, 0), Ok(BaseLots(1)));
}

#[test]
fn use_fades_as_fast_as_the_bucket_refills() {
    let params = params();
    let mut seat = seat(100);
    record_use(&params, &mut seat, BaseLots(10_000), 50).unwrap();
    assert_eq!((seat.throttle_used_base_lots, seat.throttle_used_slot), (10_000, 50));
    for (slot, left) in [(50, 240_000), (51, 243_333), (52, 246_666), (53, 250_000), (99, 250_000)] {
        assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), slot), Ok(BaseLots(left)), "at {slot}");
    }
    record_use(&params, &mut seat, BaseLots(1), 51).unwrap();
    assert_eq!((seat.throttle_used_base_lots, seat.throttle_used_slot), (6_668, 51));
}

#[test]
fn use_beyond_the_share_leaves_nothing_and_not_less() {
    let params = params();
    let mut seat = seat(100);
    record_use(&params, &mut seat, BaseLots(900_000), 50).unwrap();
    assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 50), Ok(BaseLots(0)));
    assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 245), Ok(BaseLots(0)));
    // 196 slots fade 653,333: 246,667 remain of a share of 250,000.
    assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 246), Ok(BaseLots(3_333)));
}

/// The bypass of the throttle charges more than a bucket holds; an account that was sliced there can be sliced again once it is above.
#[test]
fn use_of_more_than_a_bucket_is_forgotten_too() {
    let params = params();
    let mut seat = seat(100);
    record_use(&params, &mut seat, BaseLots(2_300_000), 50).unwrap();
    for (slots, left) in [(300, 0), (600, 0), (690, 250_000), (1_000_000, 250_000), (u64::MAX - 50, 250_000)] {
        assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 50 + slots), Ok(BaseLots(left)), "after {slots}");
    }
    // 615 slots fade 2,050,000: all of the share is used; one slot more, and it is not.
    assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 50 + 615), Ok(BaseLots(0)));
    assert_eq!(account_share(&params, &seat, BaseLots(1_000_000), 50 + 616), Ok(BaseLots(3_333)));
}
