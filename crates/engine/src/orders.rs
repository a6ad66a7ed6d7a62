//! Placing orders: what an owner asks for, the gates it has to pass, and where the remainder goes.

mod cancel;

use crate::account::AccountState;
use crate::book::{Book, Order, ORDER_REDUCE_ONLY};
use crate::error::{EngineError, Result};
use crate::margin::{value_leg, Health, LegTotals, Valuation};
use crate::market::MarketState;
use crate::matching::{
    match_within, FillLog, MatchOutcome, RemovalReason, RemovalRecord, SelfTrade, Step, Taker, TakerLimit,
};
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::params::MarketParams;
use crate::quantity::{
    BaseLots, Price, QuoteAtoms, Side, BPS_ONE, MAX_BASE_LOTS, MAX_NOTIONAL_ATOMS, MAX_PRICE_ATOMS_PER_LOT,
};
use crate::seat::{Seat, ORDERS_PER_SEAT};

pub use cancel::{cancel_all, cancel_order, force_cancel, CancelHealth};

/// What becomes of the part of an order that does not fill at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// It rests.
    Limit,
    /// It rests; an order that would fill at all is refused.
    PostOnly,
    /// It is dropped.
    ImmediateOrCancel,
    /// There must be none: the order fills completely or is refused.
    FillOrKill,
}

/// An order as its owner asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Side.
    pub side: Side,
    /// Kind.
    pub kind: OrderKind,
    /// Worst price it may fill at.
    pub price: Price,
    /// Size.
    pub lots: BaseLots,
    /// True if it may only reduce the position: it is clipped to the position now, and again whenever it fills.
    pub reduce_only: bool,
    /// The owner's number for it, not interpreted.
    pub client_order_id: u64,
    /// First slot in which it is no longer good; zero for never.
    pub expires_at_slot: u64,
    /// What to do when it meets an own order.
    pub self_trade: SelfTrade,
}

/// What the caller knows around the order.
#[derive(Clone, Copy, Debug)]
pub struct OrderContext {
    /// Current slot.
    pub slot: u64,
    /// The market's price.
    pub price: OraclePrice,
    /// The other legs in initial valuation; `None` when one has no price good enough: then only reductions pass.
    pub others_initial: Option<LegTotals>,
    /// The other legs at maintenance.
    pub others_maintenance: LegTotals,
    /// True if the market or the exchange allows only reductions.
    pub reduce_only_market: bool,
    /// Address of the margin account.
    pub owner: [u8; 32],
}

/// What placing an order did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderSummary {
    /// Lots filled.
    pub filled: BaseLots,
    /// Their notional.
    pub quote: QuoteAtoms,
    /// Fee paid on them.
    pub taker_fee: QuoteAtoms,
    /// Lots that shrank against own orders.
    pub decremented: BaseLots,
    /// Lots that rest.
    pub posted: BaseLots,
    /// Sequence of what rests; zero if nothing does. Sequences start at one.
    pub sequence: u64,
    /// The order that had to leave a full side; also in the log.
    pub evicted: Option<RemovalRecord>,
    /// Resting orders filled.
    pub fills: u32,
    /// True if a limit of the call ended the matching: the remainder was dropped whatever the kind, for it might have crossed.
    pub stopped_by_limits: bool,
    /// Initial health after; `None` when a leg has no price good enough for it.
    pub initial_health_after: Option<Health>,
    /// Maintenance health after; `None` when it did not decide.
    pub maintenance_health_after: Option<Health>,
    /// True unless the order was a pure reduction, or changed nothing.
    pub added_risk: bool,
}

/// Places an order: takes what it crosses, rests what is left if its kind says so.
///
/// - A reduce-only order is clipped to the position first.
/// - A remainder under the market's smallest order is dropped (unless it closes the position), so that crossing orders cannot
///   litter the book. So is the remainder of a call that stopped at the limits of the matching loop.
/// - A pure reduction leaves the position no larger, with the same sign, and no more resting lots beyond it than before. It
///   passes with initial health of at least 1 after, or with maintenance health no worse. Everything else adds risk: it needs a
///   fresh price, an open market, room under the largest position (last tier, resting lots of its side included, at the oracle
///   price), and initial health of at least 1 after; it sets `last_risk_slot`.
/// - Open interest may not rise above its cap.
///
/// # Errors
/// `SeatNotOwned`, `AmountZero`, `PriceNotOnTick`, `OrderExpired`, `NothingToReduce`, `OrderTooSmall`, `PostOnlyWouldCross`,
/// `FillOrKillNotFilled`, `SelfTrade`, `TooManyOrders`, `BookFull`, `ReduceOnly`, `OracleStale`, `OpenInterestCap`,
/// `PositionTooLarge`, `InitialHealthTooLow`, `HealthWouldWorsen`, `MathOverflow`. After an error the state is to be thrown away.
pub fn place_order(
    market: &mut MarketState,
    book: &mut Book,
    account: &mut AccountState,
    seat_index: u32,
    request: &OrderRequest,
    context: &OrderContext,
    log: &mut FillLog,
) -> Result<OrderSummary> {
    market.seats.owned_mut(seat_index, &context.owner)?;
    market.accrue(context.slot);
    market.settle_seat(seat_index)?;
    let before = *market.seats.get(seat_index)?;
    let lots = check_request(&market.params, &before, request, context.slot)?;
    let interest_before = market.open_interest_base_lots;
    let mut placing = Placing { market, book, log, seat_index, request, context };
    let (outcome, left) = placing.take(lots)?;
    let (posted, sequence, evicted) = placing.post(left)?;
    let mut summary = OrderSummary {
        filled: outcome.lots,
        quote: outcome.quote,
        taker_fee: outcome.taker_fee,
        decremented: outcome.decremented,
        posted,
        sequence,
        evicted,
        fills: outcome.fills,
        stopped_by_limits: outcome.stopped_by_limits,
        initial_health_after: None,
        maintenance_health_after: None,
        added_risk: false,
    };
    if market.open_interest_base_lots > interest_before
        && market.open_interest_base_lots > market.params.open_interest_cap_base_lots
    {
        return Err(EngineError::OpenInterestCap);
    }
    let after = market.seats.get(seat_index)?;
    summary.initial_health_after = initial_health(&market.params, after, account, context)?;
    if outcome.lots.is_zero() && posted.is_zero() {
        return Ok(summary);
    }
    if is_pure_reduction(&before, after, request.side)? {
        check_reduction(&market.params, &before, after, account, context, &mut summary)?;
        return Ok(summary);
    }
    check_added_risk(&market.params, after, request.side, context, summary.initial_health_after)?;
    summary.added_risk = true;
    account.last_risk_slot = context.slot;
    Ok(summary)
}

/// Checks what the request says of itself; returns its size, clipped to the position if it is reduce-only.
fn check_request(params: &MarketParams, seat: &Seat, request: &OrderRequest, slot: u64) -> Result<BaseLots> {
    if !request.lots.is_positive() {
        return Err(EngineError::AmountZero);
    }
    if request.lots.0 > MAX_BASE_LOTS {
        return Err(EngineError::MathOverflow);
    }
    let price = request.price.0;
    let off_tick = price.checked_rem(params.tick_size_atoms_per_lot).ok_or(EngineError::PriceNotOnTick)? != 0;
    if price <= 0 || price > MAX_PRICE_ATOMS_PER_LOT || off_tick {
        return Err(EngineError::PriceNotOnTick);
    }
    if request.expires_at_slot != 0 && request.expires_at_slot <= slot {
        return Err(EngineError::OrderExpired);
    }
    let reducible = seat.reducible_by(request.side);
    let mut lots = request.lots;
    if request.reduce_only {
        if reducible.is_zero() {
            return Err(EngineError::NothingToReduce);
        }
        lots = lots.min(reducible);
    }
    if is_too_small(params, lots, reducible) {
        return Err(EngineError::OrderTooSmall);
    }
    if request.price.notional(lots)?.0 > MAX_NOTIONAL_ATOMS {
        return Err(EngineError::MathOverflow);
    }
    Ok(lots)
}

/// Under the smallest order, and not exactly what closes the position.
fn is_too_small(params: &MarketParams, lots: BaseLots, reducible: BaseLots) -> bool {
    lots.0 < params.min_order_base_lots && lots != reducible
}

struct Placing<'a> {
    market: &'a mut MarketState,
    book: &'a mut Book,
    log: &'a mut FillLog,
    seat_index: u32,
    request: &'a OrderRequest,
    context: &'a OrderContext,
}

impl Placing<'_> {
    /// Matches. Returns the outcome and the lots that may rest.
    fn take(&mut self, lots: BaseLots) -> Result<(MatchOutcome, BaseLots)> {
        let (request, context) = (self.request, self.context);
        let post_only = request.kind == OrderKind::PostOnly;
        let taker = Taker {
            seat_index: self.seat_index,
            side: request.side,
            fee_ppm: self.market.params.taker_fee_ppm,
            maker_rebate: true,
            // A post-only order does not trade, so it only has to be offered an own order to be refused.
            self_trade: if post_only { SelfTrade::DecrementBoth } else { request.self_trade },
        };
        let limit = Some(TakerLimit { price: request.price, lots });
        let (market, book, log) = (&mut *self.market, &mut *self.book, &mut *self.log);
        let mut left = lots;
        let outcome = match_within(market, book, taker, limit, &context.price, context.slot, log, |_, available| {
            if post_only {
                return Err(EngineError::PostOnlyWouldCross);
            }
            let taken = left.min(available);
            if taken.is_zero() {
                return Ok(Step::Stop);
            }
            left = left.sub(taken)?;
            Ok(Step::Take(taken))
        })?;
        match request.kind {
            OrderKind::FillOrKill if outcome.lots != lots => Err(EngineError::FillOrKillNotFilled),
            OrderKind::Limit | OrderKind::PostOnly if !outcome.stopped_by_limits => Ok((outcome, left)),
            _ => Ok((outcome, BaseLots::ZERO)),
        }
    }

    /// Rests the remainder. Returns what rests, its sequence, and the order that had to leave.
    fn post(&mut self, lots: BaseLots) -> Result<(BaseLots, u64, Option<RemovalRecord>)> {
        let nothing = (BaseLots::ZERO, 0, None);
        let (request, side) = (self.request, self.request.side);
        let seat = self.market.seats.get_mut(self.seat_index)?;
        if lots.is_zero() || is_too_small(&self.market.params, lots, seat.reducible_by(side)) {
            return Ok(nothing);
        }
        if seat.bid_count.saturating_add(seat.ask_count) >= ORDERS_PER_SEAT {
            return Err(EngineError::TooManyOrders);
        }
        seat.order_added(side, request.price, lots)?;
        check_resting_bounds(seat)?;
        let sequence = self.book.next_sequence.max(1);
        self.book.next_sequence = sequence.checked_add(1).ok_or(EngineError::MathOverflow)?;
        let order = Order {
            price_atoms_per_lot: request.price.0,
            sequence,
            size_base_lots: lots.0,
            client_order_id: request.client_order_id,
            expires_at_slot: request.expires_at_slot,
            seat_index: self.seat_index,
            flags: if request.reduce_only { ORDER_REDUCE_ONLY } else { 0 },
            padding: [0; 3],
            placed_slot: self.context.slot,
        };
        let Some(worst) = self.book.insert(side, &order)? else { return Ok((lots, sequence, None)) };
        let size = BaseLots(worst.size_base_lots);
        self.market.seats.get_mut(worst.seat_index)?.order_shrunk(side, worst.price(), size, true)?;
        self.log.push_removal(side, &worst, size, RemovalReason::Evicted)?;
        Ok((lots, sequence, self.log.removals().last().copied()))
    }
}

/// Keeps what margin multiplies within its bounds: every resting bid at the highest bid, and the position that all orders of a
/// side would lead to.
fn check_resting_bounds(seat: &Seat) -> Result<()> {
    let highest = Price(seat.bid_price_max_atoms_per_lot).notional(BaseLots(seat.bid_lots))?;
    let longest = seat.base().add(BaseLots(seat.bid_lots))?;
    let shortest = seat.base().sub(BaseLots(seat.ask_lots))?;
    let largest = longest.0.unsigned_abs().max(shortest.0.unsigned_abs());
    if highest.0 > MAX_NOTIONAL_ATOMS || largest > MAX_BASE_LOTS.unsigned_abs() {
        return Err(EngineError::MathOverflow);
    }
    Ok(())
}

/// The position has not grown or turned, and no more lots rest beyond it on the order's side than before.
fn is_pure_reduction(before: &Seat, after: &Seat, side: Side) -> Result<bool> {
    let (old, new) = (before.base(), after.base());
    let same_sign = new.is_zero() || new.is_positive() == old.is_positive();
    if !same_sign || new.abs()? > old.abs()? {
        return Ok(false);
    }
    let beyond = |seat: &Seat| -> Result<BaseLots> {
        Ok(seat.resting_lots(side).sub(seat.reducible_by(side))?.max(BaseLots::ZERO))
    };
    Ok(beyond(after)? <= beyond(before)?)
}

fn initial_health(
    params: &MarketParams,
    seat: &Seat,
    account: &AccountState,
    context: &OrderContext,
) -> Result<Option<Health>> {
    let Some(others) = context.others_initial else { return Ok(None) };
    let leg = value_leg(params, seat, QuoteAtoms::ZERO, &context.price, Valuation::Initial)?;
    leg.add(others)?.with_cash(QuoteAtoms(account.cash_atoms)).map(Some)
}

/// INV-14 for everything that adds risk, and the caps.
fn check_added_risk(
    params: &MarketParams,
    seat: &Seat,
    side: Side,
    context: &OrderContext,
    initial: Option<Health>,
) -> Result<()> {
    if context.reduce_only_market {
        return Err(EngineError::ReduceOnly);
    }
    Action::AddRisk.require(context.price.grade)?;
    let signed_base = match side {
        Side::Bid => seat.base(),
        Side::Ask => seat.base().neg()?,
    };
    let exposure = signed_base.add(seat.resting_lots(side))?.max(BaseLots::ZERO);
    let largest = params.tiers().last().map_or(0, |tier| tier.notional_cap_atoms);
    if context.price.price.notional(exposure)?.0.unsigned_abs() > largest {
        return Err(EngineError::PositionTooLarge);
    }
    let health = initial.ok_or(EngineError::OracleStale)?;
    health.require_initial()
}

const BPS_ONE_U32: u32 = BPS_ONE as u32;

/// A reduction passes with initial health of at least 1 after, or with maintenance health no worse than before.
fn check_reduction(
    params: &MarketParams,
    before: &Seat,
    after: &Seat,
    account: &AccountState,
    context: &OrderContext,
    summary: &mut OrderSummary,
) -> Result<()> {
    if summary.initial_health_after.is_some_and(|health| health.is_at_least(BPS_ONE_U32)) {
        return Ok(());
    }
    let maintenance = |seat: &Seat| -> Result<Health> {
        let leg = value_leg(params, seat, QuoteAtoms::ZERO, &context.price, Valuation::Maintenance)?;
        leg.add(context.others_maintenance)?.with_cash(QuoteAtoms(account.cash_atoms))
    };
    let health = maintenance(after)?;
    summary.maintenance_health_after = Some(health);
    if health.is_not_worse_than(&maintenance(before)?) {
        return Ok(());
    }
    Err(EngineError::HealthWouldWorsen)
}

#[cfg(test)]
mod tests;
