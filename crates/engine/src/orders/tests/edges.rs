//! Both sides of every bound of an order.

use super::*;
use crate::fixture::{bid, rig};
use crate::margin::Requirement;
use bytemuck::Zeroable;

#[test]
fn the_largest_size_price_and_notional_are_inside() {
    let mut params = rig(1).market.params;
    params.tick_size_atoms_per_lot = 1;
    let seat = Seat::zeroed();
    let check = |price: i64, lots: i64| check_request(&params, &seat, &bid(price, lots), 10);
    assert_eq!(check(1, MAX_BASE_LOTS), Ok(BaseLots(MAX_BASE_LOTS)));
    assert_eq!(check(1, MAX_BASE_LOTS + 1), Err(EngineError::MathOverflow));
    let most = MAX_NOTIONAL_ATOMS / MAX_PRICE_ATOMS_PER_LOT;
    assert_eq!(check(MAX_PRICE_ATOMS_PER_LOT, most), Ok(BaseLots(most)));
    assert_eq!(check(MAX_PRICE_ATOMS_PER_LOT, most + 1), Err(EngineError::MathOverflow));
    assert_eq!(check(MAX_PRICE_ATOMS_PER_LOT + 1, most), Err(EngineError::PriceNotOnTick));
    assert_eq!(check(0, most), Err(EngineError::PriceNotOnTick));
}

#[test]
fn what_rests_stays_within_what_margin_multiplies() {
    let seat = |base: i64, bids: i64, highest: i64, asks: i64| Seat {
        base_lots: base,
        bid_lots: bids,
        bid_price_max_atoms_per_lot: highest,
        ask_lots: asks,
        ..Seat::zeroed()
    };
    let overflow = Err(EngineError::MathOverflow);
    for (inside, outside) in [
        // Every bid at the highest bid.
        (seat(0, 1 << 20, 1 << 32, 0), seat(0, (1 << 20) + 1, 1 << 32, 0)),
        // The longest position, and the shortest.
        (seat(5, MAX_BASE_LOTS - 5, 1, 0), seat(5, MAX_BASE_LOTS - 4, 1, 0)),
        (seat(-5, 0, 0, MAX_BASE_LOTS - 5), seat(-5, 0, 0, MAX_BASE_LOTS - 4)),
    ] {
        assert_eq!(check_resting_bounds(&inside), Ok(()));
        assert_eq!(check_resting_bounds(&outside), overflow);
    }
}

#[test]
fn a_pure_reduction_neither_grows_nor_turns_nor_rests_more_beyond_the_position() {
    let with_asks = |base: i64, asks: i64| Seat { base_lots: base, ask_lots: asks, ..Seat::zeroed() };
    let of = |before: Seat, after: Seat, side: Side| is_pure_reduction(&before, &after, side).unwrap();
    let sells = |from: i64, to: i64| of(with_asks(from, 0), with_asks(to, 0), Side::Ask);
    let buys = |from: i64, to: i64| of(with_asks(from, 0), with_asks(to, 0), Side::Bid);
    assert!(sells(10, 4) && sells(10, 10) && sells(10, 0) && buys(-10, -4) && buys(-10, 0));
    // Grown; turned, and no larger for that; turned and larger.
    assert!(!sells(-10, -11) && !buys(10, 11));
    assert!(!sells(10, -4) && !buys(-10, 4) && !sells(10, -10));
    assert!(!sells(10, -11) && !buys(-10, 11));
    // Asks for the position reduce it, those beyond it do not; what was beyond it before may stay.
    assert!(of(with_asks(10, 0), with_asks(10, 10), Side::Ask));
    assert!(!of(with_asks(10, 0), with_asks(10, 11), Side::Ask));
    assert!(of(with_asks(10, 15), with_asks(6, 11), Side::Ask));
    assert!(!of(with_asks(10, 15), with_asks(6, 12), Side::Ask));
}

#[test]
fn strangers_cancel_what_adds_below_one_with_orders_and_everything_below_one_without() {
    let at = |equity: i64| Health { equity: QuoteAtoms(equity), requirement: Requirement(10_000 * 10_000) };
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    let health = |favourable, with_orders| CancelHealth { favourable: at(favourable), with_orders: at(with_orders) };
    (seat.base_lots, seat.bid_lots, seat.ask_lots) = (10, 1, 11);
    let healthy = Err(EngineError::ForceCancelHealthy);
    assert_eq!(health(10_000, 10_000).cancellable(&seat), healthy);
    assert_eq!(health(10_000, 9_999).cancellable(&seat), Ok(None));
    // Ten asks only reduce.
    seat.ask_lots = 10;
    assert_eq!(health(10_000, 9_999).cancellable(&seat), Ok(Some(Side::Bid)));
    seat.bid_lots = 0;
    assert_eq!(health(10_000, 9_999).cancellable(&seat), healthy);
    assert_eq!(health(9_999, 9_999).cancellable(&seat), Ok(None));
    (seat.base_lots, seat.bid_lots) = (-10, 10);
    assert_eq!(health(10_000, 9_999).cancellable(&seat), Ok(Some(Side::Ask)));
}
