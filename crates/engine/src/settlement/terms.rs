//! What closing one seat's position at the final price does. Also for indexers: they know the seats, and the event tells the terms.

use crate::charges::{owed_scaled, to_atoms_up, CHARGE_SCALE};
use crate::error::{EngineError, Result};
use crate::quantity::{wide_mul, Price, MAX_BASE_LOTS};
use crate::seat::Seat;

/// Products up to this, and their sums with terms under [`PLAIN_TERM`], stay within `i64`.
const PLAIN_PRODUCT: u64 = 1 << 60;
const PLAIN_TERM: i64 = 1 << 60;
/// Half of an index's range.
const HALF_RANGE: i64 = 1 << 61;
const SCALE_SHIFT: u32 = CHARGE_SCALE.trailing_zeros();
const SCALE_MASK: i64 = CHARGE_SCALE - 1;

/// What all positions of a market are closed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalTerms {
    /// The final price.
    pub price: Price,
    /// The funding index, to which every seat is settled first, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index, likewise.
    pub loss_index_scaled: i64,
}

impl FinalTerms {
    /// Closes a seat's position: what it owes in funding and shared losses, rounded up, leaves `realised`, which then gets
    /// `base × price + quote_entry`. A seat without a position stays as it is. Returns what it paid (negative: received), in quote atoms, and by
    /// how much that is more than it owed, in `2^-20` atoms.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn close(&self, seat: &mut Seat) -> Result<(i64, u64)> {
        if seat.base_lots == 0 {
            return Ok((0, 0));
        }
        self.close_within(self.plain_lots(), seat)
    }

    /// Lots up to which a position's value fits plain arithmetic; none for indices beyond half of their range.
    pub(super) fn plain_lots(&self) -> u64 {
        if magnitude(self.funding_index_scaled) | magnitude(self.loss_index_scaled) >= HALF_RANGE {
            return 0;
        }
        let most = PLAIN_PRODUCT.checked_div(self.price.0.unsigned_abs()).unwrap_or(0);
        most.min(MAX_BASE_LOTS.unsigned_abs())
    }

    /// As [`FinalTerms::close`], for a seat with a position. Within the bounds below in plain arithmetic: checked 64-bit products are calls of a
    /// library on chain, and there can be 2,048 seats.
    #[inline(always)]
    pub(super) fn close_within(&self, most_lots: u64, seat: &mut Seat) -> Result<(i64, u64)> {
        let (base, entry, realised) = (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms);
        let lots = base.unsigned_abs();
        let funding = self.funding_index_scaled.wrapping_sub(seat.funding_checkpoint_scaled);
        let loss = self.loss_index_scaled.wrapping_sub(seat.loss_checkpoint_scaled);
        // Within half of their range no difference of indices wraps. What they have moved, and no less:
        let checkpoints = magnitude(seat.funding_checkpoint_scaled) | magnitude(seat.loss_checkpoint_scaled);
        let moved = (magnitude(funding) | magnitude(loss)).wrapping_add(1).unsigned_abs();
        let terms = magnitude(entry) | magnitude(realised);
        let is_plain = lots <= most_lots
            && checkpoints < HALF_RANGE
            && terms < PLAIN_TERM
            && lots <= PLAIN_PRODUCT.checked_div(moved).unwrap_or(0);
        if !is_plain {
            return self.close_exactly(seat);
        }
        // Two products of at most 2^60.
        let scaled = base.wrapping_mul(funding).wrapping_add(lots.cast_signed().wrapping_mul(loss));
        // Rounded up: in the payer's disfavour, for insurance.
        let paid = scaled.wrapping_add(SCALE_MASK) >> SCALE_SHIFT;
        let excess = scaled.wrapping_neg() & SCALE_MASK;
        // A product of at most 2^60, two terms below that, and one of at most 2^41.
        let value = base.wrapping_mul(self.price.0).wrapping_add(entry);
        self.put(seat, realised.wrapping_sub(paid).wrapping_add(value));
        Ok((paid, excess.cast_unsigned()))
    }

    /// The same, for any values.
    #[cold]
    #[inline(never)]
    fn close_exactly(&self, seat: &mut Seat) -> Result<(i64, u64)> {
        let overflow = EngineError::MathOverflow;
        let scaled = owed_scaled(seat, self.funding_index_scaled, self.loss_index_scaled)?;
        let paid = to_atoms_up(scaled)?.0;
        let excess = wide_mul(paid, CHARGE_SCALE).checked_sub(scaled).ok_or(overflow)?;
        // The product is under 2^126 in size: three terms of 64 bits leave it within 128.
        let result = wide_mul(seat.base_lots, self.price.0)
            .wrapping_add(i128::from(seat.quote_entry_atoms))
            .wrapping_add(i128::from(seat.realised_atoms))
            .wrapping_sub(i128::from(paid));
        self.put(seat, i64::try_from(result).map_err(|_| overflow)?);
        Ok((paid, u64::try_from(excess).map_err(|_| EngineError::InvariantViolated)?))
    }

    #[inline(always)]
    fn put(&self, seat: &mut Seat, realised: i64) {
        (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (0, 0, realised);
        seat.funding_checkpoint_scaled = self.funding_index_scaled;
        seat.loss_checkpoint_scaled = self.loss_index_scaled;
    }
}

/// The size of a number; of a negative one, less one.
#[inline(always)]
const fn magnitude(value: i64) -> i64 {
    value ^ (value >> 63)
}
