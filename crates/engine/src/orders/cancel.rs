//! Cancelling: always allowed to the owner, and without a price; to strangers when the account is unhealthy, or would be with its orders filled.

use crate::book::{index_of, Book, Order, OrderId, ORDERS_PER_SIDE};
use crate::error::{EngineError, Result};
use crate::margin::Health;
use crate::market::MarketState;
use crate::matching::{FillLog, RemovalReason};
use crate::modes::Action;
use crate::oracle::Grade;
use crate::quantity::{BaseLots, Side};
use crate::seat::{Seat, ORDERS_PER_SEAT};

/// Cancels one order. The caller has checked that the account owns the seat. Needs no price. Returns the order as it was.
///
/// # Errors
/// `OrderNotFound`; `OrderNotOwned` when it is another seat's.
pub fn cancel_order(market: &mut MarketState, book: &mut Book, seat_index: u32, id: &OrderId) -> Result<Order> {
    let index = book.find(id).ok_or(EngineError::OrderNotFound)?;
    let owner = book.orders(id.side).get(index).ok_or(EngineError::OrderNotFound)?.seat_index;
    if owner != seat_index {
        return Err(EngineError::OrderNotOwned);
    }
    let order = book.remove_at(id.side, index)?;
    let seat = market.seats.get_mut(seat_index)?;
    seat.order_shrunk(id.side, order.price(), BaseLots(order.size_base_lots), true)?;
    Ok(order)
}

/// An account's health, as a stranger who wants to cancel its orders has to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelHealth {
    /// At the edge that favours it.
    pub favourable: Health,
    /// The same, as if its orders had been filled ([`Valuation::WithOrders`](crate::margin::Valuation)).
    pub with_orders: Health,
}

impl CancelHealth {
    /// Which of a seat's orders a stranger may cancel: all of an unhealthy account's (`None`: both sides), and of an account that its orders would
    /// make unhealthy those on the sides that extend or turn its position. Otherwise an order could outlive its margin: whoever loses
    /// elsewhere what stood behind it, and closes there, has no position and no requirement, and nothing to pay with when the order is met.
    ///
    /// # Errors
    /// `ForceCancelHealthy`.
    pub fn cancellable(&self, seat: &Seat) -> Result<Option<Side>> {
        if self.favourable.is_below(10_000) {
            return Ok(None);
        }
        if !self.with_orders.is_below(10_000) {
            return Err(EngineError::ForceCancelHealthy);
        }
        match (seat.rests_beyond(Side::Bid), seat.rests_beyond(Side::Ask)) {
            (true, true) => Ok(None),
            (true, false) => Ok(Some(Side::Bid)),
            (false, true) => Ok(Some(Side::Ask)),
            (false, false) => Err(EngineError::ForceCancelHealthy),
        }
    }
}

/// Cancels orders for a stranger: those that [`CancelHealth::cancellable`] names. `grade` is that of this market's price. Returns how many.
///
/// # Errors
/// `OracleStale` for a frozen price; `ForceCancelHealthy`; as [`cancel_all`].
pub fn force_cancel(
    market: &mut MarketState,
    book: &mut Book,
    seat_index: u32,
    grade: Grade,
    health: &CancelHealth,
    limit: u32,
    log: &mut FillLog,
) -> Result<u32> {
    Action::ForceCancel.require(grade)?;
    let side = health.cancellable(market.seats.get(seat_index)?)?;
    cancel_all(market, book, seat_index, side, limit, log)
}

/// Cancels orders of a seat, on one side or on both, best first, at most `limit` and what the log has room for. Returns how many.
/// Each side is scanned once, from its best order to the last of the seat's, and moved together once. Needs no price.
///
/// # Errors
/// `SeatNotOwned` for an index out of range; `InvariantViolated` if the seat's totals do not match the book.
pub fn cancel_all(
    market: &mut MarketState,
    book: &mut Book,
    seat_index: u32,
    side: Option<Side>,
    limit: u32,
    log: &mut FillLog,
) -> Result<u32> {
    let mut left = limit.min(log.removal_room());
    let allowed = left;
    for of in [Side::Bid, Side::Ask] {
        if side.is_none_or(|only| only == of) {
            left = left.saturating_sub(cancel_side(market, book, seat_index, of, left, log)?);
        }
    }
    Ok(allowed.saturating_sub(left))
}

fn cancel_side(
    market: &mut MarketState,
    book: &mut Book,
    seat_index: u32,
    side: Side,
    limit: u32,
    log: &mut FillLog,
) -> Result<u32> {
    let seat = market.seats.get_mut(seat_index)?;
    let wanted = u32::from(seat.resting_count(side)).min(limit);
    let mut indices = [0u16; ORDERS_PER_SEAT as usize];
    let mut found = 0u32;
    if wanted == 0 {
        return Ok(0);
    }
    for (index, order) in book.orders(side).iter().enumerate().rev() {
        if order.seat_index != seat_index {
            continue;
        }
        let place = indices.get_mut(index_of(found)).ok_or(EngineError::InvariantViolated)?;
        *place = u16::try_from(index).map_err(|_| EngineError::InvariantViolated)?;
        seat.order_shrunk(side, order.price(), BaseLots(order.size_base_lots), true)?;
        log.push_removal(side, order, BaseLots(order.size_base_lots), RemovalReason::Cancelled)?;
        found = found.saturating_add(1);
        if found == wanted {
            break;
        }
    }
    if found != wanted {
        return Err(EngineError::InvariantViolated);
    }
    book.remove_all(side, indices.get(..index_of(found)).unwrap_or(&indices))?;
    Ok(found)
}

// Indices of orders are kept in 16 bits.
const _: () = assert!(ORDERS_PER_SIDE <= u16::MAX as usize);
