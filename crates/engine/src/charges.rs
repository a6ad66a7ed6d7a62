//! Funding and socialised losses: indices per lot, settled whenever a seat is touched.
//!
//! An index moves; a seat pays for the distance since its own checkpoint, rounded up, in its own disfavour. What rounding leaves is
//! the residue, which goes to insurance. Both indices are in `2^-20` quote atoms per lot.
//!
//! The pool is exact (INV-11): `clearing × 2^20 + Σ seats (what they owe, unrounded) = residue`, with `0 ≤ residue`.

use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::quantity::{wide_mul, QuoteAtoms};
use crate::seat::Seat;

/// Scale of the indices: parts of a quote atom.
pub const CHARGE_SCALE: i64 = 1 << CHARGE_SHIFT;
const CHARGE_SHIFT: u32 = 20;
/// An index stops here rather than leave its range: funding ends, nothing else does.
const INDEX_MAX: i64 = 1 << 62;

/// What a seat owes at given indices, unrounded, in `2^-20` quote atoms. Negative: it is owed.
pub(crate) fn owed_scaled(seat: &Seat, funding_index: i64, loss_index: i64) -> Result<i128> {
    if funding_index == seat.funding_checkpoint_scaled && loss_index == seat.loss_checkpoint_scaled {
        return Ok(0);
    }
    let overflow = EngineError::MathOverflow;
    let funding = funding_index.checked_sub(seat.funding_checkpoint_scaled).ok_or(overflow)?;
    let loss = loss_index.checked_sub(seat.loss_checkpoint_scaled).ok_or(overflow)?;
    let magnitude = seat.base_lots.checked_abs().ok_or(overflow)?;
    wide_mul(seat.base_lots, funding).checked_add(wide_mul(magnitude, loss)).ok_or(overflow)
}

/// Whole atoms, rounded up: in the payer's disfavour, for insurance.
pub(crate) fn to_atoms_up(scaled: i128) -> Result<QuoteAtoms> {
    let almost_one = i128::from(CHARGE_SCALE.saturating_sub(1));
    let up = scaled.checked_add(almost_one).ok_or(EngineError::MathOverflow)? >> CHARGE_SHIFT;
    i64::try_from(up).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}

impl MarketState {
    /// The funding index as it will be when the market is next touched in this slot.
    pub fn funding_index_at(&self, slot: u64) -> i64 {
        let charges = &self.charges;
        let until = slot.min(charges.sampled_slot.saturating_add(u64::from(self.params.funding_gap_slots)));
        let slots = until.saturating_sub(charges.accrued_slot);
        if charges.funding_rate_scaled_per_slot == 0 || slots == 0 {
            return charges.funding_index_scaled;
        }
        let slots = i64::try_from(slots).unwrap_or(i64::MAX);
        let moved = charges.funding_rate_scaled_per_slot.saturating_mul(slots);
        charges.funding_index_scaled.saturating_add(moved).clamp(INDEX_MAX.wrapping_neg(), INDEX_MAX)
    }

    /// Moves the funding index to this slot. Time never goes back.
    pub fn accrue(&mut self, slot: u64) {
        if slot > self.charges.accrued_slot {
            self.charges.funding_index_scaled = self.funding_index_at(slot);
            self.charges.accrued_slot = slot;
        }
    }

    /// What a seat owes in this slot, rounded up (in its disfavour). Negative: it is owed. Changes nothing.
    ///
    /// # Errors
    /// `MathOverflow`.
    #[inline]
    pub fn owed_at(&self, seat: &Seat, slot: u64) -> Result<QuoteAtoms> {
        to_atoms_up(owed_scaled(seat, self.funding_index_at(slot), self.charges.loss_index_scaled)?)
    }

    /// What a seat owes at the indices as they stand, rounded up (in its disfavour). Changes nothing.
    ///
    /// # Errors
    /// `MathOverflow`.
    #[inline]
    pub fn owed_now(&self, seat: &Seat) -> Result<QuoteAtoms> {
        let charges = &self.charges;
        to_atoms_up(owed_scaled(seat, charges.funding_index_scaled, charges.loss_index_scaled)?)
    }

    /// Settles a seat: what it owes leaves `realised`. To be done before its base changes, always; the caller has called
    /// [`MarketState::accrue`]. Returns what it paid (negative: received).
    ///
    /// # Errors
    /// `SeatNotOwned` for an index out of range; `MathOverflow`.
    pub fn settle_seat(&mut self, seat_index: u32) -> Result<QuoteAtoms> {
        let (funding_index, loss_index) = (self.charges.funding_index_scaled, self.charges.loss_index_scaled);
        let seat = self.seats.get_mut(seat_index)?;
        let scaled = owed_scaled(seat, funding_index, loss_index)?;
        seat.funding_checkpoint_scaled = funding_index;
        seat.loss_checkpoint_scaled = loss_index;
        if scaled == 0 {
            return Ok(QuoteAtoms::ZERO);
        }
        let paid = to_atoms_up(scaled)?;
        seat.realised_atoms = QuoteAtoms(seat.realised_atoms).sub(paid)?.0;
        // 0 ≤ paid × 2^20 − scaled < 2^20.
        let excess = wide_mul(paid.0, CHARGE_SCALE).checked_sub(scaled).ok_or(EngineError::MathOverflow)?;
        let excess = u64::try_from(excess).map_err(|_| EngineError::InvariantViolated)?;
        let charges = &mut self.charges;
        charges.clearing_atoms = QuoteAtoms(charges.clearing_atoms).add(paid)?.0;
        charges.residue_scaled = charges.residue_scaled.checked_add(excess).ok_or(EngineError::MathOverflow)?;
        Ok(paid)
    }

    /// Shares a loss among all lots that are open, long and short alike: the loss index rises by `ceil(loss × 2^20 ÷ lots)`, rounded
    /// up, so that what is collected is never less than the loss; the rest is residue. The loss leaves the clearing pool at once, to be
    /// credited by the caller. Returns what could be shared: nothing when no lots are open, and no more than the index has room for (or
    /// whoever leaves a single lot open could have every large loss refused, and its resolution with it).
    ///
    /// # Errors
    /// `InvariantViolated` for a negative loss; `MathOverflow`.
    pub fn socialise(&mut self, loss: QuoteAtoms) -> Result<QuoteAtoms> {
        if loss.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        let overflow = EngineError::MathOverflow;
        let lots = self.open_interest_base_lots.checked_mul(2).ok_or(overflow)?;
        if loss.is_zero() || lots <= 0 {
            return Ok(QuoteAtoms::ZERO);
        }
        let room = INDEX_MAX.saturating_sub(self.charges.loss_index_scaled).max(0);
        let needed = wide_mul(loss.0, CHARGE_SCALE).unsigned_abs().div_ceil(u128::from(lots.unsigned_abs()));
        let per_lot = i64::try_from(needed).map_or(room, |needed| needed.min(room));
        let collected = wide_mul(per_lot, lots);
        // Rounded down where the index has not the room: what is left over is nobody's share.
        let most = collected.checked_div(i128::from(CHARGE_SCALE)).ok_or(overflow)?;
        let shared = loss.min(QuoteAtoms(i64::try_from(most).unwrap_or(i64::MAX)));
        let excess = collected.checked_sub(wide_mul(shared.0, CHARGE_SCALE)).ok_or(overflow)?;
        let excess = u64::try_from(excess).map_err(|_| EngineError::InvariantViolated)?;
        let charges = &mut self.charges;
        charges.clearing_atoms = QuoteAtoms(charges.clearing_atoms).sub(shared)?.0;
        charges.residue_scaled = charges.residue_scaled.checked_add(excess).ok_or(overflow)?;
        charges.loss_index_scaled = charges.loss_index_scaled.checked_add(per_lot).ok_or(overflow)?;
        self.socialised_atoms = QuoteAtoms(self.socialised_atoms).add(shared)?.0;
        Ok(shared)
    }

    /// Takes the whole atoms out of the residue: insurance's. The clearing pool gives them up.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn take_residue(&mut self) -> Result<QuoteAtoms> {
        let charges = &mut self.charges;
        let scale = CHARGE_SCALE.unsigned_abs();
        let whole = charges.residue_scaled.checked_div(scale).ok_or(EngineError::MathOverflow)?;
        let atoms = QuoteAtoms(i64::try_from(whole).map_err(|_| EngineError::MathOverflow)?);
        charges.clearing_atoms = QuoteAtoms(charges.clearing_atoms).sub(atoms)?.0;
        charges.residue_scaled = charges.residue_scaled.checked_rem(scale).ok_or(EngineError::MathOverflow)?;
        Ok(atoms)
    }
}

#[cfg(test)]
mod tests;
