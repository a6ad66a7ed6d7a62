//! Absorbing: the caller takes a slice into its own margin account.

use crate::account::AccountState;
use crate::book::{index_of, Book, MAX_FILLS, ORDER_REDUCE_ONLY};
use crate::error::{EngineError, Result};
use crate::liquidate::{account_health, LiquidationContext, LiquidationRequest, SliceCall, SliceSummary};
use crate::margin::Valuation;
use crate::market::MarketState;
use crate::matching::within_maker_band;
use crate::oracle::Grade;
use crate::orders::OrderContext;
use crate::quantity::{BaseLots, Price, QuoteAtoms, Side};
use crate::slice::SliceSolver;

/// The absorber: the account that takes the slice over.
pub struct Absorber<'a> {
    /// Its margin account's state.
    pub account: &'a mut AccountState,
    /// Its seat in the same market.
    pub seat_index: u32,
    /// Its other legs, and its address.
    pub context: OrderContext,
}

/// Closes one slice by moving it into the absorber's account, lot by lot at the better, for the liquidatee, of the oracle and the
/// executable book. The caller's part of the penalty is credited to the absorber's cash. The absorber's initial health is at
/// least 1 afterwards.
///
/// The price must be fresh: taking over adds risk, and at an older price, which the caller may choose among the accounts of a feed, it
/// would be a free option against the liquidatee. What the absorber pays beyond the oracle counts against `min_payout`: a level that is
/// better than the oracle is only looked at, so its owner could show it for the length of this call.
///
/// # Errors
/// As [`partial_liquidate`](crate::liquidate::partial_liquidate); `AbsorbIntoItself`, `OracleStale`, `InitialHealthTooLow`,
/// `PositionTooLarge`.
pub fn absorb(
    market: &mut MarketState,
    book: &Book,
    account: &mut AccountState,
    seat_index: u32,
    absorber: &mut Absorber<'_>,
    request: &LiquidationRequest,
    context: &LiquidationContext,
) -> Result<SliceSummary> {
    if absorber.seat_index == seat_index {
        return Err(EngineError::AbsorbIntoItself);
    }
    if context.price.grade != Grade::Fresh {
        return Err(EngineError::OracleStale);
    }
    let params = market.params;
    let call = SliceCall { params: &params, seat_index, request, context };
    let mut prepared = call.prepare(market, account)?;
    let quote = absorb_fills(&mut prepared.solver, market, book, seat_index, context)?;
    let lots = prepared.solver.closed();
    let side = prepared.solver.side();
    market.settle_seat(absorber.seat_index)?;
    market.seats.get_mut(seat_index)?.apply_fill(side, lots, quote, QuoteAtoms::ZERO)?;
    let interest_before = long_part(market.seats.get(absorber.seat_index)?.base_lots);
    let seat = market.seats.get_mut(absorber.seat_index)?;
    seat.apply_fill(side.opposite(), lots, quote, QuoteAtoms::ZERO)?;
    let interest_after = long_part(seat.base_lots);
    // The liquidatee's side of the open interest: a long sold falls by `lots`, a short bought back has no longs to lose.
    let liquidatee_change = if side == Side::Ask { lots.neg()? } else { BaseLots::ZERO };
    market.open_interest_base_lots = BaseLots(market.open_interest_base_lots)
        .add(liquidatee_change)?
        .add(BaseLots(interest_after.saturating_sub(interest_before)))?
        .0;
    let summary = call.finish(market, account, &prepared, quote, false)?;
    check_earnings(&summary, request, context)?;
    absorber.account.cash_atoms = QuoteAtoms(absorber.account.cash_atoms).add(summary.caller_payout)?.0;
    absorber.account.last_risk_slot = context.slot;
    check_absorber(market, absorber)?;
    Ok(summary)
}

fn long_part(base_lots: i64) -> i64 {
    base_lots.max(0)
}

/// The absorber's part of the penalty, less what it pays beyond the oracle, is at least what it asked for.
fn check_earnings(summary: &SliceSummary, request: &LiquidationRequest, context: &LiquidationContext) -> Result<()> {
    let at_oracle = context.price.price.notional(summary.lots)?;
    let premium = match summary.side {
        Side::Ask => summary.quote.sub(at_oracle)?,
        Side::Bid => at_oracle.sub(summary.quote)?,
    };
    if summary.caller_payout.sub(premium)? < request.min_payout {
        return Err(EngineError::PayoutTooLow);
    }
    Ok(())
}

/// The absorber may hold what it has taken: initial health at least 1, and the position, with the resting orders that would extend it,
/// within the last tier.
fn check_absorber(market: &MarketState, absorber: &Absorber<'_>) -> Result<()> {
    let others = absorber.context.others_initial.ok_or(EngineError::OracleStale)?;
    let price = &absorber.context.price;
    let health = account_health(market, absorber.seat_index, absorber.account, price, others, Valuation::Initial)?;
    health.require_initial()?;
    let seat = market.seats.get(absorber.seat_index)?;
    let extending = if seat.base().is_negative() { Side::Ask } else { Side::Bid };
    let exposure = seat.base().abs()?.add(seat.resting_lots(extending))?;
    let largest = market.params.tiers().last().map_or(0, |tier| tier.notional_cap_atoms);
    if price.price.notional(exposure)?.0.unsigned_abs() > largest {
        return Err(EngineError::PositionTooLarge);
    }
    Ok(())
}

/// Offers the solver the book's orders that are better than the oracle, as many as a slice through the book could fill, then an endless
/// level at the oracle. Returns the notional.
fn absorb_fills(
    solver: &mut SliceSolver<'_>,
    market: &MarketState,
    book: &Book,
    liquidatee_seat: u32,
    context: &LiquidationContext,
) -> Result<QuoteAtoms> {
    let oracle = context.price.price;
    let makers = solver.side().opposite();
    let (mut quote, mut counted) = (QuoteAtoms::ZERO, 0u32);
    for order in book.orders(makers).iter().rev() {
        let level = Price(order.price_atoms_per_lot);
        let better = match makers {
            Side::Bid => level.0 > oracle.0,
            Side::Ask => level.0 < oracle.0,
        };
        if !better || solver.is_done() || index_of(counted) >= MAX_FILLS {
            break;
        }
        let expired = order.expires_at_slot != 0 && order.expires_at_slot <= context.slot;
        let in_band = within_maker_band(&market.params, makers, level, oracle);
        if expired || order.seat_index == liquidatee_seat || !in_band {
            continue;
        }
        let mut available = order.size_base_lots;
        if order.flags & ORDER_REDUCE_ONLY != 0 {
            let base = market.seats.get(order.seat_index)?.base_lots;
            let reducible = if makers == Side::Bid { base.saturating_neg().max(0) } else { base.max(0) };
            available = available.min(reducible);
        }
        counted = counted.saturating_add(1);
        quote = quote.add(take_level(solver, level, available)?)?;
    }
    quote.add(take_level(solver, oracle, i64::MAX)?)
}

/// Lets the solver take what it wants of one level; returns the notional.
fn take_level(solver: &mut SliceSolver<'_>, level: Price, available: i64) -> Result<QuoteAtoms> {
    let (mut left, mut quote) = (BaseLots(available), QuoteAtoms::ZERO);
    while let Some(fill) = solver.step(level, left)? {
        quote = quote.add(level.notional(fill.lots)?)?;
        left = left.sub(fill.lots)?;
    }
    Ok(quote)
}
