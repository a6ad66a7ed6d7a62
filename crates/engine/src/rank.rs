//! Who is deleveraged first: seats ranked by profit over notional, from the market account alone.
//!
//! All seats of a market have the same price, so profit over notional orders them as profit per lot does. Profit is what is unrealised,
//! what is realised and not yet swept, and what has been swept lately: sweeping does not lower a rank.

use crate::quantity::{Price, QuoteAtoms};
use crate::seat::Seat;

/// Steps in which swept profit fades out of the ranking.
const FADE_STEPS: u64 = 16;
const FADE_SHIFT: u32 = 4;
/// Fraction bits of a rank.
const RANK_SHIFT: u32 = 20;
/// Largest whole part of a rank, in quote atoms per lot.
const RANK_MAX: u64 = 1 << 42;

/// What is left, in the ranking, of the profit swept to cash: all of it at once, a sixteenth less with every sixteenth of the window.
#[inline]
pub fn swept_lately(seat: &Seat, window_slots: u32, slot: u64) -> i64 {
    if seat.swept_window_atoms == 0 {
        return 0;
    }
    let elapsed = slot.saturating_sub(seat.swept_window_slot);
    let gone = elapsed.saturating_mul(FADE_STEPS).checked_div(u64::from(window_slots)).unwrap_or(FADE_STEPS);
    let left = i64::try_from(FADE_STEPS.saturating_sub(gone)).unwrap_or(0);
    (seat.swept_window_atoms >> FADE_SHIFT).saturating_mul(left)
}

/// Records a sweep for the ranking.
#[inline]
pub(crate) fn record_swept(seat: &mut Seat, moved: QuoteAtoms, window_slots: u32, slot: u64) {
    seat.swept_window_atoms = swept_lately(seat, window_slots, slot).saturating_add(moved.0);
    seat.swept_window_slot = slot;
}

/// The rank of a seat with a position: its profit per lot in `2^-20` quote atoms, rounded towards zero. Higher is deleveraged first.
#[inline]
pub fn rank_of(seat: &Seat, price: Price, window_slots: u32, slot: u64) -> i64 {
    let profit = seat
        .base_lots
        .wrapping_mul(price.0)
        .saturating_add(seat.quote_entry_atoms)
        .saturating_add(seat.realised_atoms)
        .saturating_add(swept_lately(seat, window_slots, slot));
    let lots = seat.base_lots.unsigned_abs();
    let size = profit.unsigned_abs();
    let (Some(whole), Some(rest)) = (size.checked_div(lots), size.checked_rem(lots)) else { return 0 };
    // Lots are at most 2^40, so the rest shifted is under 2^60.
    let fraction = rest.wrapping_shl(RANK_SHIFT).checked_div(lots).unwrap_or(0);
    let scaled = whole.min(RANK_MAX).wrapping_shl(RANK_SHIFT).saturating_add(fraction);
    let scaled = i64::try_from(scaled).unwrap_or(i64::MAX);
    if profit < 0 {
        scaled.saturating_neg()
    } else {
        scaled
    }
}
