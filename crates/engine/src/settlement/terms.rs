//! What closing one seat's position at the final price does. Also for indexers: they know the seats, and the event tells the terms.

use crate::charges::{owed_scaled, to_atoms_up, CHARGE_SCALE};
use crate::error::{EngineError, Result};
use crate::quantity::{wide_mul, Price, MAX_BASE_LOTS};
use crate::seat::Seat;

/// Products up to this, and their sums with terms under [`PLAIN_TERM`], stay within `i64`.
const PLAIN_PRODUCT: u64 = 1 << 60;
const PLAIN_TERM: u64 = 1 << 60;
/// Where indices end; checkpoints are what indices have been.
const INDEX_END: u64 = 1 << 62;
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
    /// `base × price + quote_entry`. A seat without a position stays as it is. Returns what it paid, in quote atoms; negative: received.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn close(&self, seat: &mut Seat) -> Result<i64> {
        if seat.base_lots == 0 {
            return Ok(0);
        }
        match self.close_plain(self.plain_lots(), seat) {
            Some(paid) => Ok(paid),
            None => self.close_exactly(seat),
        }
    }

    /// Lots up to which a position's value fits plain arithmetic; none for an index at the end of its range.
    pub(super) fn plain_lots(&self) -> u64 {
        if self.funding_index_scaled.unsigned_abs() >= INDEX_END {
            return 0;
        }
        let most = PLAIN_PRODUCT.checked_div(self.price.0.unsigned_abs()).unwrap_or(0);
        most.min(MAX_BASE_LOTS.unsigned_abs())
    }

    /// As [`FinalTerms::close`], for a seat with a position, if it stays within bounds that plain arithmetic cannot leave; otherwise `None`,
    /// and nothing has changed. Checked 64-bit products are calls of a library on chain, and there can be 2,048 seats. What it pays is at most
    /// 2^41 in size.
    #[inline(always)]
    pub(super) fn close_plain(&self, most_lots: u64, seat: &mut Seat) -> Option<i64> {
        let (base, entry, realised) = (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms);
        let lots = base.unsigned_abs();
        // Neither wraps: the loss index is not negative, and the funding index has not reached the end of its range.
        let funding = self.funding_index_scaled.wrapping_sub(seat.funding_checkpoint_scaled);
        let loss = self.loss_index_scaled.wrapping_sub(seat.loss_checkpoint_scaled);
        let moved = (magnitude(funding) | magnitude(loss)).wrapping_add(1);
        let is_plain = lots <= most_lots
            && magnitude(entry) | magnitude(realised) < PLAIN_TERM
            && lots <= PLAIN_PRODUCT.checked_div(moved).unwrap_or(0);
        if !is_plain {
            return None;
        }
        // Two products of at most 2^60.
        let scaled = base.wrapping_mul(funding).wrapping_add(lots.cast_signed().wrapping_mul(loss));
        // Rounded up: in the payer's disfavour, for insurance.
        let paid = scaled.wrapping_add(SCALE_MASK) >> SCALE_SHIFT;
        // A product of at most 2^60, two terms below that, and one of at most 2^41.
        let value = base.wrapping_mul(self.price.0).wrapping_add(entry);
        self.put(seat, realised.wrapping_sub(paid).wrapping_add(value));
        Some(paid)
    }

    /// As [`FinalTerms::close`], for any values.
    #[cold]
    #[inline(never)]
    pub(super) fn close_exactly(&self, seat: &mut Seat) -> Result<i64> {
        let paid = to_atoms_up(owed_scaled(seat, self.funding_index_scaled, self.loss_index_scaled)?)?.0;
        // The product is under 2^126 in size: three terms of 64 bits leave it within 128.
        let result = wide_mul(seat.base_lots, self.price.0)
            .wrapping_add(i128::from(seat.quote_entry_atoms))
            .wrapping_add(i128::from(seat.realised_atoms))
            .wrapping_sub(i128::from(paid));
        self.put(seat, i64::try_from(result).map_err(|_| EngineError::MathOverflow)?);
        Ok(paid)
    }

    #[inline(always)]
    fn put(&self, seat: &mut Seat, realised: i64) {
        (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (0, 0, realised);
        seat.borne_atoms = 0;
        seat.funding_checkpoint_scaled = self.funding_index_scaled;
        seat.loss_checkpoint_scaled = self.loss_index_scaled;
    }
}

/// The size of a number; of a negative one, less one.
#[inline(always)]
const fn magnitude(value: i64) -> u64 {
    (value ^ (value >> 63)).cast_unsigned()
}
