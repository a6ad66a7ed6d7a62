//! After the fills: penalty, tip, throttle, episode, cooldown.

use super::{bucket_of, Prepared, SliceCall, SliceSummary};
use crate::account::AccountState;
use crate::episode::{in_backstop, observe_stall, Target};
use crate::error::{EngineError, Result};
use crate::margin::{Health, Requirement, Valuation};
use crate::market::MarketState;
use crate::modes::Action;
use crate::params::MarketParams;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, QuoteAtoms, BPS_ONE};
use crate::throttle;

impl SliceCall<'_> {
    /// The answer of a call that only removed orders in the way. Nothing was closed, so nothing is charged.
    pub(super) fn cleared(&self, account: &AccountState, prepared: &Prepared<'_>) -> SliceSummary {
        self.summary(account, prepared, QuoteAtoms::ZERO, &prepared.health)
    }

    /// Penalty, throttle, episode and cooldown after the fills, then the invariants. `cut_short` says that a limit of the call ended
    /// it, not the depth: then it may have closed less than the smallest slice.
    pub(crate) fn finish(
        &self,
        market: &mut MarketState,
        account: &mut AccountState,
        prepared: &Prepared<'_>,
        quote: QuoteAtoms,
        cut_short: bool,
    ) -> Result<SliceSummary> {
        let (params, context, solver) = (self.params, self.context, &prepared.solver);
        let lots = solver.closed();
        let last = solver.last_fill().ok_or(EngineError::NoFillInsideCap)?;
        // At prices better than the oracle less than what was needed can meet the target: that is no crumb.
        let smallest = prepared.needed.min(BaseLots(params.min_slice_base_lots));
        let is_crumb = lots < smallest && !solver.target_met();
        if is_crumb && !cut_short {
            return Err(EngineError::SliceTooSmall);
        }
        let penalty = solver.penalty_total();
        let (caller_payout, insurance) = split_penalty(params, penalty)?;
        account.cash_atoms = QuoteAtoms(account.cash_atoms).sub(penalty)?.0;
        market.contribute(insurance)?;
        bucket_of(market, Some(solver.side()))?.take(params, lots);
        throttle::record_use(params, market.seats.get_mut(self.seat_index)?, lots, context.slot)?;

        let after = self.health_after(market, account)?;
        self.check_size(market, lots)?;
        self.check_health(prepared, &last, &after)?;
        self.check_minimal(market, solver.target(), &last, &after)?;

        let episode = &mut account.episode;
        episode.sliced = 1;
        episode.cost_atoms = QuoteAtoms(episode.cost_atoms).add(solver.cost_total())?.0;
        episode.tip_credit_atoms = QuoteAtoms(episode.tip_credit_atoms).add(tip_share(params, insurance)?)?.0;
        let met = match solver.target() {
            Target::Ratio(ratio) => after.is_at_least(ratio),
            Target::Full => after.requirement.0 == 0,
        };
        if !is_crumb {
            // A stall is a time without a slice; crumbs would let whoever puts dust there hold a takeover up.
            account.stalled_since_slot = 0;
            if Action::ObserveStall.require(context.price.grade).is_ok() {
                observe_stall(account, in_backstop(params, &after), context.slot);
            }
        }
        if met {
            account.episode.end(context.slot);
        }
        let of_leg = charged_cooldown(prepared.values.cooldown_slots, lots, prepared.planned, is_crumb)?;
        let charged = leg_share(of_leg, prepared.leg_requirement, prepared.health.requirement)?;
        account.cooldown_until_slot = context.slot.saturating_add(charged);
        let summary = self.summary(account, prepared, quote, &after);
        Ok(SliceSummary { caller_payout, insurance, episode_ended: met, ..summary })
    }

    fn health_after(&self, market: &MarketState, account: &AccountState) -> Result<Health> {
        let (price, others) = (&self.context.price, self.context.others);
        super::account_health(market, self.seat_index, account, price, others, Valuation::Maintenance)
    }

    /// What the solver did, with nothing paid to anybody yet.
    fn summary(
        &self,
        account: &AccountState,
        prepared: &Prepared<'_>,
        quote: QuoteAtoms,
        after: &Health,
    ) -> SliceSummary {
        let solver = &prepared.solver;
        SliceSummary {
            stage: prepared.values.stage,
            side: solver.side(),
            lots: solver.closed(),
            quote,
            penalty: solver.penalty_total(),
            caller_payout: QuoteAtoms::ZERO,
            tip: QuoteAtoms::ZERO,
            insurance: QuoteAtoms::ZERO,
            discount: QuoteAtoms::ZERO,
            discount_insurance: QuoteAtoms::ZERO,
            cost: solver.cost_total(),
            planned: prepared.planned,
            health_before_bps: prepared.health.to_bps_down(),
            health_after_bps: after.to_bps_down(),
            episode_ended: false,
            cooldown_until_slot: account.cooldown_until_slot,
            fills: 0,
            cancelled_orders: 0,
        }
    }

    /// Tips the caller for lots that it closed for less than the schedule gave, because budget or cash did not cover the penalty: its part
    /// of what was forgone, as far as the episode's credit and the market's own income go. Returns what was taken from that income.
    pub(super) fn tip(
        &self,
        market: &mut MarketState,
        account: &mut AccountState,
        prepared: &Prepared<'_>,
    ) -> Result<QuoteAtoms> {
        let credit = QuoteAtoms(account.episode.tip_credit_atoms);
        let (wanted, _) = split_penalty(self.params, prepared.solver.forgone_total())?;
        let tip = market.tip(wanted.min(credit))?;
        account.episode.tip_credit_atoms = credit.sub(tip)?.0;
        Ok(tip)
    }
}

/// What of insurance's part may go back to keepers within the episode. Rounded down (favours insurance), so that many small slices leave no
/// more than one large one.
fn tip_share(params: &MarketParams, insurance: QuoteAtoms) -> Result<QuoteAtoms> {
    let share = u64::from(params.keeper_tip_share_bps);
    let credit = mul_div_down(insurance.0.max(0).unsigned_abs(), share, BPS_ONE.unsigned_abs())?;
    i64::try_from(credit).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}

/// Caller's part rounded down; the atom that does not divide goes to insurance.
fn split_penalty(params: &MarketParams, penalty: QuoteAtoms) -> Result<(QuoteAtoms, QuoteAtoms)> {
    let caller_bps = BPS_ONE.saturating_sub(i64::from(params.insurance_share_bps)).max(0);
    let caller = mul_div_down(penalty.0.max(0).unsigned_abs(), caller_bps.unsigned_abs(), BPS_ONE.unsigned_abs())?;
    let caller = QuoteAtoms(i64::try_from(caller).map_err(|_| EngineError::MathOverflow)?);
    Ok((caller, penalty.sub(caller)?))
}

/// `ceil(cooldown × closed / planned)`, at most the whole cooldown. Rounded up (favours the account), but for a crumb down: a slot for
/// every 32 lots of dust would let whoever puts the dust there hold a liquidation up.
fn charged_cooldown(cooldown: u64, closed: BaseLots, planned: BaseLots, is_crumb: bool) -> Result<u64> {
    let closed = closed.0.max(0).unsigned_abs();
    let planned = planned.0.max(1).unsigned_abs();
    let share = if is_crumb { mul_div_down } else { mul_div_up };
    Ok(share(cooldown, closed, planned)?.min(cooldown))
}

/// `ceil(cooldown × leg's requirement / account's requirement)`. The cooldown is the account's, so a slice of a small leg must not hold up
/// those of a large one. Rounded up (favours the account).
fn leg_share(cooldown: u64, leg: Requirement, account: Requirement) -> Result<u64> {
    // The usual case, spared a 128-bit division.
    if leg == account || cooldown == 0 {
        return Ok(cooldown);
    }
    let overflow = EngineError::MathOverflow;
    // A cooldown is under 2^27, a requirement under 2^69.
    let product = leg.0.checked_mul(i128::from(cooldown)).ok_or(overflow)?.unsigned_abs();
    let share = product.div_ceil(account.0.unsigned_abs().max(1));
    Ok(u64::try_from(share).map_err(|_| overflow)?.min(cooldown))
}

#[cfg(test)]
mod tests;
