//! Absorbing: the caller takes a slice into its own margin account.

use crate::account::AccountState;
use crate::book::{index_of, Book, Order, MAX_FILLS, ORDER_REDUCE_ONLY};
use crate::error::{EngineError, Result};
use crate::ladder::Stage;
use crate::liquidate::{account_health, LiquidationContext, LiquidationRequest, SliceCall, SliceSummary};
use crate::margin::Valuation;
use crate::market::MarketState;
use crate::matching::within_maker_band;
use crate::modes::Action;
use crate::orders::OrderContext;
use crate::params::MarketParams;
use crate::quantity::{mul_div_up, BaseLots, Price, QuoteAtoms, Side, BPS_ONE};
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

/// Closes one slice by moving it into the absorber's account, lot by lot at the better, for the liquidatee, of the endless level and the
/// executable book. The endless level is the oracle price; in the backstop stage it is κ beyond it, at each lot's rate: a discount that
/// leaves no penalty there, and as κ ≤ H·r·P no lower health. The caller's part of the penalty is credited to the absorber's cash, and
/// insurance's part of the discount leaves it. The absorber's initial health is at least 1 afterwards.
///
/// The price must be fresh: taking over adds risk, and at an older price, which the caller may choose among the accounts of a feed, it
/// would be a free option against the liquidatee. What the absorber pays beyond the oracle counts against `min_payout`: a level that is
/// better than the oracle is only looked at, so its owner could show it for the length of this call. The discount, less insurance's
/// part, counts for it. There is no tip.
///
/// # Errors
/// As [`partial_liquidate`](crate::liquidate::partial_liquidate); `AbsorbIntoItself`, `OracleStale`, `InsufficientCash` if the absorber's
/// does not cover insurance's part of the discount, `InitialHealthTooLow`, `PositionTooLarge`.
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
    Action::Absorb.require(context.price.grade)?;
    let params = market.params;
    let call = SliceCall { params: &params, seat_index, request, context };
    let mut prepared = call.prepare(market, account)?;
    let shown = Shown { market, book, liquidatee_seat: seat_index, context, stage: prepared.values.stage };
    let quote = shown.fill(&mut prepared.solver)?;
    let discount = prepared.solver.slippage_total()?;
    move_position(market, seat_index, absorber.seat_index, &prepared.solver, quote)?;
    let mut summary = call.finish(market, account, &prepared, quote, false)?;
    summary.discount = discount;
    summary.discount_insurance = insurance_of_discount(&params, discount)?;
    check_earnings(&summary, request, context)?;
    absorber.account.credit(summary.caller_payout)?;
    pay_insurance(market, absorber.account, summary.discount_insurance)?;
    absorber.account.last_risk_slot = context.slot;
    check_absorber(market, absorber)?;
    Ok(summary)
}

/// Books what the solver closed in both seats, and the change in open interest. The liquidatee's seat is settled.
fn move_position(
    market: &mut MarketState,
    from: u32,
    to: u32,
    solver: &SliceSolver<'_>,
    quote: QuoteAtoms,
) -> Result<()> {
    let (lots, side) = (solver.closed(), solver.side());
    market.settle_seat(to)?;
    market.seats.get_mut(from)?.apply_fill(side, lots, quote, QuoteAtoms::ZERO)?;
    let seat = market.seats.get_mut(to)?;
    let interest_before = long_part(seat.base_lots);
    seat.apply_fill(side.opposite(), lots, quote, QuoteAtoms::ZERO)?;
    let interest_after = long_part(seat.base_lots);
    // The liquidatee's side of the open interest: a long sold falls by `lots`, a short bought back has no longs to lose.
    let liquidatee_change = if side == Side::Ask { lots.neg()? } else { BaseLots::ZERO };
    market.open_interest_base_lots = BaseLots(market.open_interest_base_lots)
        .add(liquidatee_change)?
        .add(BaseLots(interest_after.saturating_sub(interest_before)))?
        .0;
    Ok(())
}

fn long_part(base_lots: i64) -> i64 {
    base_lots.max(0)
}

/// Insurance's part of a discount. Rounded up (favours insurance).
fn insurance_of_discount(params: &MarketParams, discount: QuoteAtoms) -> Result<QuoteAtoms> {
    let share = u64::from(params.insurance_share_bps);
    let part = mul_div_up(discount.0.max(0).unsigned_abs(), share, BPS_ONE.unsigned_abs())?;
    i64::try_from(part).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}

/// Moves insurance's part from the absorber's cash. The discount itself is paper profit, which may not be there tomorrow: insurance gets
/// what is there today.
fn pay_insurance(market: &mut MarketState, payer: &mut AccountState, part: QuoteAtoms) -> Result<()> {
    let left = QuoteAtoms(payer.cash_atoms).sub(part)?;
    if part.is_positive() && left.is_negative() {
        return Err(EngineError::InsufficientCash);
    }
    payer.cash_atoms = left.0;
    market.contribute(part)
}

/// What the absorber earns against the oracle price is at least what it asked for: its part of the penalty, and the discount without
/// insurance's part, less what it pays beyond the oracle.
fn check_earnings(summary: &SliceSummary, request: &LiquidationRequest, context: &LiquidationContext) -> Result<()> {
    let at_oracle = context.price.price.notional(summary.lots)?;
    let gained = match summary.side {
        Side::Ask => at_oracle.sub(summary.quote)?,
        Side::Bid => summary.quote.sub(at_oracle)?,
    };
    if summary.caller_payout.add(gained)?.sub(summary.discount_insurance)? < request.min_payout {
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

/// What a slice that is absorbed is offered: the book's orders that are better than the endless level, as many as a slice through the book
/// could fill, then the endless level.
struct Shown<'a> {
    market: &'a MarketState,
    book: &'a Book,
    liquidatee_seat: u32,
    context: &'a LiquidationContext,
    stage: Stage,
}

impl Shown<'_> {
    /// Lets the solver take what it wants. Returns the notional.
    fn fill(&self, solver: &mut SliceSolver<'_>) -> Result<QuoteAtoms> {
        let makers = solver.side().opposite();
        let (mut quote, mut counted, mut uncounted) = (QuoteAtoms::ZERO, 0u32, None);
        let mut endless = self.endless_level(solver, None)?;
        for order in self.book.orders(makers).iter().rev() {
            let level = order.price();
            let better = match makers {
                Side::Bid => level > endless,
                Side::Ask => level < endless,
            };
            if !better || solver.is_done() {
                break;
            }
            let available = self.executable_lots(order, makers)?;
            if available == 0 {
                continue;
            }
            if index_of(counted) >= MAX_FILLS {
                uncounted = Some(level);
                break;
            }
            counted = counted.saturating_add(1);
            quote = quote.add(take_level(solver, level, available)?)?;
            // A discount depends on the rate, so that the endless level may change with every fill.
            endless = self.endless_level(solver, None)?;
        }
        loop {
            let level = self.endless_level(solver, uncounted)?;
            let Some(fill) = solver.step(level, BaseLots(i64::MAX))? else { return Ok(quote) };
            quote = quote.add(level.notional(fill.lots)?)?;
        }
    }

    /// The level at which an absorber takes any number of lots: the oracle price, in the backstop stage κ beyond it. An order that was better
    /// but one too many to count keeps a discount from reaching beyond it: otherwise dust before the depth would make depth count for nothing.
    fn endless_level(&self, solver: &mut SliceSolver<'_>, uncounted: Option<Price>) -> Result<Price> {
        let oracle = self.context.price.price;
        if self.stage != Stage::Backstop {
            return Ok(oracle);
        }
        let discounted = solver.discounted_level()?;
        Ok(match (uncounted, solver.side()) {
            (None, _) => discounted,
            (Some(level), Side::Ask) => discounted.max(level.min(oracle)),
            (Some(level), Side::Bid) => discounted.min(level.max(oracle)),
        })
    }

    /// Lots that a slice through the book could have of an order.
    fn executable_lots(&self, order: &Order, side: Side) -> Result<i64> {
        let context = self.context;
        let expired = order.expires_at_slot != 0 && order.expires_at_slot <= context.slot;
        let in_band = within_maker_band(&self.market.params, side, order.price(), context.price.price);
        if expired || order.seat_index == self.liquidatee_seat || !in_band {
            return Ok(0);
        }
        if order.flags & ORDER_REDUCE_ONLY == 0 {
            return Ok(order.size_base_lots);
        }
        let base = self.market.seats.get(order.seat_index)?.base_lots;
        let reducible = if side == Side::Bid { base.saturating_neg().max(0) } else { base.max(0) };
        Ok(order.size_base_lots.min(reducible))
    }
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

#[cfg(test)]
mod tests;
