//! The invariants of a slice, checked again after the fills. A failure aborts.

use super::{Prepared, SliceCall};
use crate::episode::Target;
use crate::error::{EngineError, Result};
use crate::ladder;
use crate::margin::{requirement, Health, Requirement};
use crate::market::MarketState;
use crate::quantity::{wide_mul, BaseLots, QuoteAtoms};
use crate::slice::SliceFill;

impl SliceCall<'_> {
    /// INV-06: the position fell by what the solver closed, and kept its sign.
    pub(super) fn check_size(&self, market: &MarketState, closed: BaseLots) -> Result<()> {
        let before = self.request.expected_base;
        let after = BaseLots(market.seats.get(self.seat_index)?.base_lots);
        let same_sign = after.is_zero() || after.is_positive() == before.is_positive();
        if same_sign && closed.is_positive() && after.abs()?.add(closed)? == before.abs()? {
            return Ok(());
        }
        Err(EngineError::InvariantViolated)
    }

    /// INV-03 and INV-05: health not worse, equity not negative; the last (dearest) fill cost at most κ and `H·r·P`.
    pub(super) fn check_health(&self, prepared: &Prepared<'_>, last: &SliceFill, after: &Health) -> Result<()> {
        if !after.is_not_worse_than(&prepared.health) || after.equity.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        let price = self.context.price.price.0;
        let cost = last.slippage_per_lot.max(0).saturating_add(last.penalty_per_lot);
        let cap = ladder::per_lot_down(prepared.solver.cost_cap_ppb(), last.rate_bps, price.unsigned_abs())?;
        let rate_price = price.checked_mul(i64::from(last.rate_bps)).ok_or(EngineError::MathOverflow)?;
        let bound = wide_mul(prepared.health.equity.0, rate_price);
        let cost_scaled = prepared.health.requirement.0.checked_mul(i128::from(cost));
        let within_health = cost_scaled.is_some_and(|scaled| scaled <= bound);
        if i64::try_from(cap).is_ok_and(|cap| cost <= cap) && within_health {
            return Ok(());
        }
        Err(EngineError::InvariantViolated)
    }

    /// INV-04: one lot less would have missed the target. Not for a full close, nor where dust was closed too.
    pub(super) fn check_minimal(
        &self,
        market: &MarketState,
        target: Target,
        last: &SliceFill,
        after: &Health,
    ) -> Result<()> {
        let Target::Ratio(ratio) = target else { return Ok(()) };
        let remaining = BaseLots(market.seats.get(self.seat_index)?.base_lots).abs()?;
        if remaining.0 < self.params.min_position_base_lots {
            return Ok(());
        }
        // One lot less: its margin is back, its cost is not paid.
        let price = self.context.price.price;
        let with_lot = requirement(self.params, price.notional(remaining.add(BaseLots(1))?)?, false)?;
        let without = requirement(self.params, price.notional(remaining)?, false)?;
        let overflow = EngineError::MathOverflow;
        let freed = with_lot.0.checked_sub(without.0).ok_or(overflow)?;
        let cost = last.slippage_per_lot.checked_add(last.penalty_per_lot).ok_or(overflow)?;
        let required = after.requirement.0.checked_add(freed).ok_or(overflow)?;
        let one_less = Health { equity: after.equity.add(QuoteAtoms(cost))?, requirement: Requirement(required) };
        if one_less.is_at_least(ratio) {
            return Err(EngineError::InvariantViolated);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
