//! Who is deleveraged first: seats ranked by profit over notional, from the market account alone.
//!
//! All seats of a market have the same price, so profit over notional orders them as profit per lot does. Profit is what is unrealised,
//! what is realised and not yet swept, and what has been swept lately: sweeping does not lower a rank.

use crate::book::index_of;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, Price, QuoteAtoms};
use crate::resolve::COUNTERPARTIES;
use crate::seat::{Seat, SeatTable, SEATS};

/// Steps in which swept profit fades out of the ranking.
const FADE_STEPS: u64 = 16;
const FADE_SHIFT: u32 = 4;
/// Fraction bits of a rank.
const RANK_SHIFT: u32 = 20;
/// Largest whole part of a rank, in quote atoms per lot.
const RANK_MAX: u64 = 1 << 42;
/// A product up to this and three terms below the other one add up to less than `2^63`.
const PLAIN_PRODUCT: u64 = 1 << 61;
const PLAIN_TERM: i64 = 1 << 60;

/// Mixes a slot into a stride.
const STRIDE_SEED: u64 = 0x9E37_79B9_7F4A_7C15;
/// Keeps an index inside the table.
const SEAT_MASK: u32 = SEATS as u32 - 1;
const _: () = assert!(SEATS.is_power_of_two() && SEATS < 1 << 24);

/// What is left, in the ranking, of the profit swept to cash: all of it at once, a sixteenth less with every sixteenth of the window.
#[inline]
pub fn swept_lately(seat: &Seat, window_slots: u32, slot: u64) -> i64 {
    if seat.swept_window_atoms == 0 {
        return 0;
    }
    // Slots never go back.
    let (window, elapsed) = (u64::from(window_slots), slot.wrapping_sub(seat.swept_window_slot));
    if elapsed >= window {
        return 0;
    }
    // Less than 2^32 × 16, hence less than 16.
    let gone = elapsed.wrapping_mul(FADE_STEPS).checked_div(window).unwrap_or(FADE_STEPS);
    let left = i64::try_from(FADE_STEPS.wrapping_sub(gone)).unwrap_or(0);
    // A sixteenth, at most sixteen times.
    (seat.swept_window_atoms >> FADE_SHIFT).wrapping_mul(left)
}

/// Records a sweep for the ranking. The age of what was there before is kept: seats are touched by strangers too, and if each sweep began the
/// window anew they could keep an old profit in the ranking for ever. Two of one sign get their mean age, weighted (rounded up: what has faded
/// stays so); one that takes away from the other leaves the rest its age.
pub(crate) fn record_swept(seat: &mut Seat, moved: QuoteAtoms, window_slots: u32, slot: u64) {
    let (before, left) = (seat.swept_window_atoms, swept_lately(seat, window_slots, slot));
    let age = slot.saturating_sub(seat.swept_window_slot);
    let total = left.saturating_add(moved.0);
    let (atoms, age) = if age == 0 {
        (before.saturating_add(moved.0), 0)
    } else if left == 0 || total == 0 || left.signum() != total.signum() {
        (total, 0)
    } else if left.signum() == moved.0.signum() {
        let sum = before.saturating_add(moved.0);
        (sum, mul_div_up(age, before.unsigned_abs(), sum.unsigned_abs()).unwrap_or(age))
    } else {
        // At most what was there: the total is less than what is left.
        let size = mul_div_down(before.unsigned_abs(), total.unsigned_abs(), left.unsigned_abs()).unwrap_or(0);
        (i64::try_from(size).unwrap_or(i64::MAX).saturating_mul(left.signum()), age)
    };
    seat.swept_window_atoms = atoms;
    seat.swept_window_slot = slot.saturating_sub(age);
}

/// The rank of a seat with a position: its profit per lot in `2^-20` quote atoms, rounded towards zero. Higher is deleveraged first.
#[inline(always)]
pub fn rank_of(seat: &Seat, price: Price, window_slots: u32, slot: u64) -> i64 {
    rank_by_lots(seat, seat.base_lots.unsigned_abs(), price, window_slots, slot)
}

/// As [`rank_of`], where the size of the position is known already.
#[inline(always)]
fn rank_by_lots(seat: &Seat, lots: u64, price: Price, window_slots: u32, slot: u64) -> i64 {
    let profit = profit_of(seat, lots, price, swept_lately(seat, window_slots, slot));
    let size = profit.unsigned_abs();
    let Some(whole) = size.checked_div(lots) else { return 0 };
    let rest = size.wrapping_sub(whole.wrapping_mul(lots));
    // Lots are at most 2^40, so the rest shifted is under 2^60.
    let fraction = rest.wrapping_shl(RANK_SHIFT).checked_div(lots).unwrap_or(0);
    // At most 2^62 and a fraction of 2^20.
    let scaled = whole.min(RANK_MAX).wrapping_shl(RANK_SHIFT).wrapping_add(fraction).cast_signed();
    if profit < 0 {
        scaled.wrapping_neg()
    } else {
        scaled
    }
}

/// Unrealised, realised, and swept lately; at the ends of the range of `i64` it stops. Plain additions where nothing can leave that range:
/// checked ones are dear on chain, and the scan asks 2,048 seats.
#[inline(always)]
fn profit_of(seat: &Seat, lots: u64, price: Price, swept: i64) -> i64 {
    let (entry, realised) = (seat.quote_entry_atoms, seat.realised_atoms);
    // Shifting the sign out leaves the magnitude (less one where negative).
    let magnitudes = (entry ^ (entry >> 63)) | (realised ^ (realised >> 63)) | (swept ^ (swept >> 63));
    let most = PLAIN_PRODUCT.checked_div(price.0.cast_unsigned()).unwrap_or(0);
    if lots <= most && magnitudes < PLAIN_TERM {
        seat.base_lots.wrapping_mul(price.0).wrapping_add(entry).wrapping_add(realised).wrapping_add(swept)
    } else {
        saturating_profit(seat, price, swept)
    }
}

#[cold]
#[inline(never)]
fn saturating_profit(seat: &Seat, price: Price, swept: i64) -> i64 {
    let value = seat.base_lots.saturating_mul(price.0);
    value.saturating_add(seat.quote_entry_atoms).saturating_add(seat.realised_atoms).saturating_add(swept)
}

/// A seat chosen for deleveraging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranked {
    /// Its rank.
    pub rank: i64,
    /// Its position, without sign.
    pub lots: i64,
    /// The seat.
    pub seat_index: u32,
}

/// The best ranked seats on the other side of a position, best first, ties to the lower seat: as many as are needed to cover `needed`
/// lots, at most [`COUNTERPARTIES`]. Every seat of the table is looked at, none is skipped.
pub struct Best {
    /// Best first.
    rows: [Ranked; COUNTERPARTIES],
    count: usize,
    /// Lots of the rows together.
    lots: i64,
    /// What the rows have to cover.
    needed: i64,
    /// A seat has to rank above this to be of use: the last row's rank once the rows are enough, or as many as there may be.
    floor: i64,
}

impl Best {
    /// Scans the table.
    pub fn opposite(table: &SeatTable, of: BaseLots, price: Price, window_slots: u32, slot: u64, needed: i64) -> Self {
        let nobody = Ranked { rank: i64::MIN, lots: 0, seat_index: 0 };
        let mut best = Self { rows: [nobody; COUNTERPARTIES], count: 0, lots: 0, needed, floor: i64::MIN };
        let against: i64 = if of.0 > 0 { -1 } else { 1 };
        // An odd stride meets every row of a table of a power of two once. It changes with the slot, so that nobody can lay out seats in the
        // order that is dearest to scan; what is found does not depend on it.
        let stride = u32::try_from(slot.wrapping_mul(STRIDE_SEED) >> 40).unwrap_or(1) | 1;
        let mut seat_index = 0u32;
        for _ in 0..SEATS {
            seat_index = seat_index.wrapping_add(stride) & SEAT_MASK;
            let Some(seat) = table.rows.get(index_of(seat_index)) else { continue };
            if seat_index >= table.touched_count {
                continue;
            }
            // Free seats have no base either.
            let lots = seat.base_lots.wrapping_mul(against);
            if lots > 0 {
                let rank = rank_by_lots(seat, lots.cast_unsigned(), price, window_slots, slot);
                // Of equal ranks the lower seat is better.
                if rank > best.floor || (rank == best.floor && seat_index < best.last().seat_index) {
                    best.insert(Ranked { rank, lots, seat_index });
                }
            }
        }
        best
    }

    /// The seats, best first.
    pub fn rows(&self) -> &[Ranked] {
        self.rows.get(..self.count).unwrap_or(&self.rows)
    }

    /// Puts a seat in its place, and lets those go that are no longer needed. Lots are at most 2^40, so no sum
    /// of theirs comes near the end of its range.
    #[inline(never)]
    fn insert(&mut self, row: Ranked) {
        if self.count == COUNTERPARTIES {
            self.drop_last();
        }
        let place = self.place_of(&row);
        // One move of memory, a cheap system call on chain. The last row is free: nothing is lost.
        self.rows.copy_within(place..COUNTERPARTIES.wrapping_sub(1), place.wrapping_add(1));
        if let Some(free) = self.rows.get_mut(place) {
            *free = row;
        }
        self.count = self.count.wrapping_add(1);
        self.lots = self.lots.wrapping_add(row.lots);
        while self.count > 1 && self.lots.wrapping_sub(self.last().lots) >= self.needed {
            self.drop_last();
        }
        if self.count == COUNTERPARTIES || self.lots >= self.needed {
            self.floor = self.last().rank;
        }
    }

    /// Where a row belongs: behind all that rank higher, and the lower seats of its own rank. By halves; free rows are lower than any rank.
    #[inline(always)]
    fn place_of(&self, row: &Ranked) -> usize {
        let mut place = 0usize;
        for half in [8, 4, 2, 1] {
            let next = place.wrapping_add(half);
            let Some(kept) = self.rows.get(next.wrapping_sub(1)) else { continue };
            if kept.rank > row.rank || (kept.rank == row.rank && kept.seat_index < row.seat_index) {
                place = next;
            }
        }
        place
    }

    #[inline(always)]
    fn last(&self) -> Ranked {
        self.rows.get(self.count.wrapping_sub(1)).copied().unwrap_or_default()
    }

    #[inline(always)]
    fn drop_last(&mut self) {
        self.count = self.count.wrapping_sub(1);
        if let Some(row) = self.rows.get_mut(self.count) {
            self.lots = self.lots.wrapping_sub(row.lots);
            row.rank = i64::MIN;
        }
    }
}

#[cfg(test)]
mod tests;
