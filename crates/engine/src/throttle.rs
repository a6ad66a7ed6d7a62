//! The throttle: a token bucket per side of a market, and each account's share of it.

use crate::error::{EngineError, Result};
use crate::market::Throttle;
use crate::params::MarketParams;
use crate::quantity::{mul_div_down, BaseLots};
use crate::seat::Seat;

impl Throttle {
    /// Refills the bucket to `slot`, exactly: the level is kept in lots × refill slots.
    ///
    /// # Errors
    /// `MathOverflow` (validated parameters keep capacity × refill slots within `u64`).
    pub fn refill(&mut self, params: &MarketParams, slot: u64) -> Result<()> {
        let capacity = params.throttle_capacity_base_lots.max(0).unsigned_abs();
        let full = capacity.checked_mul(params.throttle_refill_slots).ok_or(EngineError::MathOverflow)?;
        let elapsed = slot.saturating_sub(self.refilled_slot).min(params.throttle_refill_slots);
        let gained = capacity.checked_mul(elapsed).ok_or(EngineError::MathOverflow)?;
        self.level_lot_slots = self.level_lot_slots.saturating_add(gained).min(full);
        self.refilled_slot = self.refilled_slot.max(slot);
        Ok(())
    }

    /// A full bucket, for a new market.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn full(params: &MarketParams, slot: u64) -> Result<Self> {
        let capacity = params.throttle_capacity_base_lots.max(0).unsigned_abs();
        let full = capacity.checked_mul(params.throttle_refill_slots).ok_or(EngineError::MathOverflow)?;
        Ok(Self { level_lot_slots: full, refilled_slot: slot })
    }

    /// Whole lots in the bucket; rounded down (favours the market).
    pub fn available(&self, params: &MarketParams) -> BaseLots {
        let lots = self.level_lot_slots.checked_div(params.throttle_refill_slots).unwrap_or(0);
        BaseLots(i64::try_from(lots).unwrap_or(i64::MAX))
    }

    /// Takes lots out; an empty bucket stays at zero (a slice in the bypass may take more than there is).
    pub fn take(&mut self, params: &MarketParams, lots: BaseLots) {
        let taken = lots.0.max(0).unsigned_abs().saturating_mul(params.throttle_refill_slots);
        self.level_lot_slots = self.level_lot_slots.saturating_sub(taken);
    }
}

/// What one account may use of the bucket: the greater of a quarter of the capacity and its share of the open interest, less what
/// it has used lately. Rounded up to at least one lot before use is taken off, so that no account is shut out for ever.
///
/// # Errors
/// `MathOverflow`.
pub fn account_share(params: &MarketParams, seat: &Seat, open_interest: BaseLots, slot: u64) -> Result<BaseLots> {
    let capacity = params.throttle_capacity_base_lots.max(0).unsigned_abs();
    let of_interest = mul_div_down(capacity, seat.base_lots.unsigned_abs(), open_interest.0.max(1).unsigned_abs())?;
    let share = capacity.div_ceil(4).max(of_interest).max(1);
    let left = share.saturating_sub(used_now(params, seat, slot));
    i64::try_from(left).map(BaseLots).map_err(|_| EngineError::MathOverflow)
}

/// Records what a slice used.
///
/// # Errors
/// `MathOverflow`.
pub fn record_use(params: &MarketParams, seat: &mut Seat, lots: BaseLots, slot: u64) -> Result<()> {
    let used = used_now(params, seat, slot).saturating_add(lots.0.max(0).unsigned_abs());
    seat.throttle_used_base_lots = i64::try_from(used).map_err(|_| EngineError::MathOverflow)?;
    seat.throttle_used_slot = slot;
    Ok(())
}

/// Lots used and not yet forgotten: use fades as fast as the bucket refills. What has faded is rounded down (favours the market).
fn used_now(params: &MarketParams, seat: &Seat, slot: u64) -> u64 {
    let capacity = params.throttle_capacity_base_lots.max(0).unsigned_abs();
    let elapsed = slot.saturating_sub(seat.throttle_used_slot);
    // In the bypass an account uses more than a bucket holds, and that fades, too. What leaves 64 bits is more than anybody used.
    let faded = mul_div_down(capacity, elapsed, params.throttle_refill_slots.max(1)).unwrap_or(u64::MAX);
    seat.throttle_used_base_lots.max(0).unsigned_abs().saturating_sub(faded)
}

#[cfg(test)]
mod tests;
