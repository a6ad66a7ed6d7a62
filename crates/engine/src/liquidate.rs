//! One slice of a liquidation, from the checks to the invariants. Two ways to fill it, one plan: through the book, or absorbed.

mod checks;
mod finish;
mod flag;

pub use flag::{flag, FlagOutcome};

use crate::account::AccountState;
use crate::book::Book;
use crate::episode::{in_backstop, observe_stall, Target};
use crate::error::{EngineError, Result};
use crate::ladder::{self, LadderValues, Stage};
use crate::margin::{requirement, value_leg, Health, LegTotals, Requirement, Valuation};
use crate::market::{MarketState, Throttle};
use crate::matching::{match_orders, FillLog, SelfTrade, Step, Taker};
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::orders::cancel_all;
use crate::params::MarketParams;
use crate::quantity::{wide_mul, BaseLots, QuoteAtoms, Side};
use crate::seat::ORDERS_PER_SEAT;
use crate::slice::{planned_lots, SliceInputs, SliceSolver};
use crate::throttle;

/// What the caller asks for, and what protects it when the race is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationRequest {
    /// Most lots the caller wants closed; at least a quarter of the plan.
    pub caller_max: BaseLots,
    /// The position the caller saw.
    pub expected_base: BaseLots,
    /// Least it wants to earn, in quote atoms.
    pub min_payout: QuoteAtoms,
    /// Last slot in which the call may execute.
    pub deadline_slot: u64,
}

/// What the chain knows around the leg.
#[derive(Clone, Copy, Debug)]
pub struct LiquidationContext {
    /// Current slot.
    pub slot: u64,
    /// The leg's price.
    pub price: OraclePrice,
    /// The other legs at maintenance.
    pub others: LegTotals,
    /// The other legs at the edge that favours the account.
    pub others_favourable: LegTotals,
    /// Address of the liquidatee's margin account.
    pub owner: [u8; 32],
}

/// What a slice did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceSummary {
    /// Stage of the ladder at the health before.
    pub stage: Stage,
    /// Side of the fills: asks close a long.
    pub side: Side,
    /// Lots closed.
    pub lots: BaseLots,
    /// Notional of the fills at their prices.
    pub quote: QuoteAtoms,
    /// Penalty taken from the account's cash.
    pub penalty: QuoteAtoms,
    /// What the caller is paid: its part of the penalty, rounded down, and the tip. Not yet given to anybody by `partial_liquidate`.
    pub caller_payout: QuoteAtoms,
    /// Of the caller's payout: the tip, already taken from the market's pending insurance income. Zero when absorbed.
    pub tip: QuoteAtoms,
    /// Insurance's part of the penalty, already in the market's pending income.
    pub insurance: QuoteAtoms,
    /// What the absorber has paid less than the oracle price, where it paid less. Zero through the book.
    pub discount: QuoteAtoms,
    /// Insurance's part of the discount, rounded up: already taken from the absorber's cash, and in the market's pending income.
    pub discount_insurance: QuoteAtoms,
    /// Slippage above zero (the discount, when absorbed), and penalty.
    pub cost: QuoteAtoms,
    /// The plan before depth and the caller's limits.
    pub planned: BaseLots,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
    /// Health after, in bps, rounded down.
    pub health_after_bps: i64,
    /// True if the target was met and the episode ended.
    pub episode_ended: bool,
    /// First slot of the next slice.
    pub cooldown_until_slot: u64,
    /// Number of fills against the book (zero when absorbed).
    pub fills: u32,
    /// The liquidatee's resting orders that were cancelled first.
    pub cancelled_orders: u32,
}

/// One call's view of the leg to be sliced.
pub(crate) struct SliceCall<'a> {
    pub(crate) params: &'a MarketParams,
    pub(crate) seat_index: u32,
    pub(crate) request: &'a LiquidationRequest,
    pub(crate) context: &'a LiquidationContext,
}

/// A slice that has passed every check and only needs fills.
pub(crate) struct Prepared<'a> {
    pub(crate) solver: SliceSolver<'a>,
    health: Health,
    pub(crate) values: LadderValues,
    /// Lots that the target needs, without any cap.
    needed: BaseLots,
    /// The same, within the throttle.
    planned: BaseLots,
    /// Requirement of the leg alone, before.
    leg_requirement: Requirement,
}

/// The health of an account: one leg from its seat, with what it owes at the indices as they stand, the others as summed by the caller,
/// and cash.
///
/// # Errors
/// As [`value_leg`]; `SeatNotOwned` for a seat that does not exist.
pub fn account_health(
    market: &MarketState,
    seat_index: u32,
    account: &AccountState,
    price: &OraclePrice,
    others: LegTotals,
    valuation: Valuation,
) -> Result<Health> {
    let seat = market.seats.get(seat_index)?;
    value_leg(&market.params, seat, market.owed_now(seat)?, price, valuation)?
        .add(others)?
        .with_cash(QuoteAtoms(account.cash_atoms))
}

/// Closes one slice of a leg through the book. The penalty leaves the account's cash; the caller's part is in the summary, to be
/// paid by whoever called. For lots whose penalty neither budget nor cash covers the caller is tipped out of the market's insurance
/// income, within what the account's penalties have paid into insurance in this episode.
///
/// A call that stops at the limits of the matching loop is never refused for it, or whoever fills the top of the book with junk could
/// stop liquidations: with fewer lots than the smallest slice it is a crumb, which costs next to no cooldown; with none at all, only
/// orders to be removed, it has removed them and closed nothing (`lots` is zero), for the next call to go on.
///
/// # Errors
/// The specific reason of every check; see [`EngineError`]. After an error the state is to be thrown away.
pub fn partial_liquidate(
    market: &mut MarketState,
    book: &mut Book,
    account: &mut AccountState,
    seat_index: u32,
    request: &LiquidationRequest,
    context: &LiquidationContext,
    log: &mut FillLog,
) -> Result<SliceSummary> {
    let params = market.params;
    let call = SliceCall { params: &params, seat_index, request, context };
    let mut prepared = call.prepare(market, account)?;
    let cancelled_orders = cancel_all(market, book, seat_index, None, u32::from(ORDERS_PER_SEAT), log)?;
    let taker = Taker {
        seat_index,
        side: prepared.solver.side(),
        fee_ppm: 0,
        maker_rebate: false,
        self_trade: SelfTrade::CancelResting,
    };
    let solver = &mut prepared.solver;
    let outcome = match_orders(market, book, taker, &context.price, context.slot, log, |level, available| {
        Ok(match solver.step(level, available)? {
            Some(fill) => Step::Take(fill.lots),
            None => Step::Stop,
        })
    })?;
    if outcome.lots != prepared.solver.closed() || !outcome.taker_fee.is_zero() {
        return Err(EngineError::InvariantViolated);
    }
    let mut summary = if outcome.lots.is_zero() && outcome.stopped_by_limits {
        call.cleared(account, &prepared)
    } else {
        call.finish(market, account, &prepared, outcome.quote, outcome.stopped_by_limits)?
    };
    summary.tip = call.tip(market, account, &prepared)?;
    summary.caller_payout = summary.caller_payout.add(summary.tip)?;
    if summary.caller_payout < request.min_payout {
        return Err(EngineError::PayoutTooLow);
    }
    summary.fills = outcome.fills;
    summary.cancelled_orders = cancelled_orders;
    Ok(summary)
}

impl<'a> SliceCall<'a> {
    /// Every check before the first fill, the observation, the throttle, the plan.
    pub(crate) fn prepare(&self, market: &mut MarketState, account: &mut AccountState) -> Result<Prepared<'a>> {
        let (params, context) = (self.params, self.context);
        let base = BaseLots(market.seats.owned_mut(self.seat_index, &context.owner)?.base_lots);
        market.accrue(context.slot);
        market.settle_seat(self.seat_index)?;
        self.check_request(account, base)?;
        let (price, others) = (&context.price, context.others);
        let health = account_health(market, self.seat_index, account, price, others, Valuation::Maintenance)?;
        self.observe(market, account, &health)?;
        let position = ladder::position_ppb_up(&health).ok_or(EngineError::AccountBankrupt)?;
        let values = ladder::values_at(params, position)?;
        Action::slice(values.stage).require(price.grade)?;
        let target = account.episode.target(params).ok_or(EngineError::InvariantViolated)?;
        if matches!(target, Target::Ratio(ratio) if health.is_at_least(ratio)) {
            return Err(EngineError::AccountHealthy);
        }
        let bypass = health.is_below(params.throttle_bypass_health_bps);
        let allowed = self.throttle_cap(market, base, bypass)?;
        let inputs = SliceInputs {
            params,
            price: price.price,
            base,
            health,
            target,
            penalty_ppb_of_mmr: values.penalty_ppb_of_mmr,
            cost_cap_ppb_of_mmr: ladder::cost_cap_ppb(params, &values, account.episode.clock_slots),
            budget: if bypass { None } else { Some(account.episode.budget_left(params)?) },
            penalty_fund: QuoteAtoms(account.cash_atoms.max(0)),
            cap: base.abs()?,
        };
        let needed = planned_lots(&SliceSolver::new(inputs)?)?;
        if allowed < needed.min(BaseLots(params.min_slice_base_lots)) {
            return Err(EngineError::ThrottleEmpty);
        }
        let planned = needed.min(allowed);
        // A quarter, by cross-multiplication: crumbs would only reset cooldowns.
        if wide_mul(self.request.caller_max.0, 4) < i128::from(planned.0) {
            return Err(EngineError::CallerMaximumTooSmall);
        }
        let solver = SliceSolver::new(SliceInputs { cap: allowed.min(self.request.caller_max), ..inputs })?;
        let leg_requirement = requirement(params, price.price.notional(base.abs()?)?, false)?;
        Ok(Prepared { solver, health, values, needed, planned, leg_requirement })
    }

    fn check_request(&self, account: &AccountState, base: BaseLots) -> Result<()> {
        let (request, slot) = (self.request, self.context.slot);
        if slot > request.deadline_slot {
            return Err(EngineError::DeadlinePassed);
        }
        if request.caller_max.0 <= 0 {
            return Err(EngineError::CallerMaximumZero);
        }
        if base.is_zero() {
            return Err(EngineError::NoPosition);
        }
        if base != request.expected_base {
            return Err(EngineError::UnexpectedBase);
        }
        if account.last_risk_slot == slot && slot != 0 {
            return Err(EngineError::RiskAddedThisSlot);
        }
        Ok(())
    }

    /// Eligibility, at the edge of the interval that favours the account; then bankruptcy and cooldown.
    fn observe(&self, market: &MarketState, account: &mut AccountState, health: &Health) -> Result<()> {
        let (slot, price) = (self.context.slot, &self.context.price);
        account.episode.expire(slot, self.params);
        let others = self.context.others_favourable;
        let favourable = account_health(market, self.seat_index, account, price, others, Valuation::Favourable)?;
        let unhealthy = favourable.is_below(10_000);
        if !unhealthy && !account.episode.is_active() {
            return Err(EngineError::AccountHealthy);
        }
        if !health.equity.is_positive() {
            return Err(EngineError::AccountBankrupt);
        }
        if slot < account.cooldown_until_slot {
            return Err(EngineError::CooldownNotOver);
        }
        let full = account.always_full_close != 0;
        if account.episode.observe(slot, unhealthy, health.requirement, self.params, full) {
            account.stalled_since_slot = 0;
        }
        if Action::ObserveStall.require(price.grade).is_ok() {
            observe_stall(account, in_backstop(self.params, health), slot);
        }
        Ok(())
    }

    /// Refills the side's bucket and says what this account may take of it now.
    fn throttle_cap(&self, market: &mut MarketState, base: BaseLots, bypass: bool) -> Result<BaseLots> {
        let slot = self.context.slot;
        let bucket = bucket_of(market, Side::reducing(base))?;
        bucket.refill(self.params, slot)?;
        let available = bucket.available(self.params);
        if bypass {
            return base.abs();
        }
        let open_interest = BaseLots(market.open_interest_base_lots);
        let seat = market.seats.get(self.seat_index)?;
        let share = throttle::account_share(self.params, seat, open_interest, slot)?;
        Ok(available.min(share))
    }
}

fn bucket_of(market: &mut MarketState, side: Option<Side>) -> Result<&mut Throttle> {
    let index = match side.ok_or(EngineError::NoPosition)? {
        Side::Ask => 0,
        Side::Bid => 1,
    };
    market.throttles.get_mut(index).ok_or(EngineError::InvariantViolated)
}

#[cfg(test)]
mod tests;
