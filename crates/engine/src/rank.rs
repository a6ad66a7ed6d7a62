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
/// A product up to this and three terms below the other one add up to less than `2^63`.
const PLAIN_PRODUCT: u64 = 1 << 61;
const PLAIN_TERM: i64 = 1 << 60;

/// Mixes a slot into a stride.
const STRIDE_SEED: u64 = 0x9E37_79B9_7F4A_7C15;
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
    let left = FADE_STEPS.wrapping_sub(gone).cast_signed();
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
    // More is nobody's: the scan counts on it.
    seat.swept_window_atoms = atoms.clamp(-PLAIN_TERM, PLAIN_TERM);
    seat.swept_window_slot = slot.saturating_sub(age);
}

/// The rank of a seat with a position: its profit per lot in whole quote atoms, rounded down. Higher is deleveraged first.
pub fn rank_of(seat: &Seat, price: Price, window_slots: u32, slot: u64) -> i64 {
    let profit = profit_of(seat, price, swept_lately(seat, window_slots, slot));
    let lots = i64::try_from(seat.base_lots.unsigned_abs()).unwrap_or(i64::MAX);
    // The least number stands for nobody.
    profit.max(i64::MIN.saturating_add(1)).checked_div_euclid(lots).unwrap_or(0)
}

/// Unrealised, realised, and swept lately; at the ends of the range of `i64` it stops. Plain sums where none can leave that range: checked ones
/// are dear on chain.
#[inline(always)]
fn profit_of(seat: &Seat, price: Price, swept: i64) -> i64 {
    let (entry, realised) = (seat.quote_entry_atoms, seat.realised_atoms);
    let most = PLAIN_PRODUCT.checked_div(price.0.cast_unsigned()).unwrap_or(0);
    if seat.base_lots.unsigned_abs() <= most && are_plain(entry, realised) {
        return seat.base_lots.wrapping_mul(price.0).wrapping_add(entry).wrapping_add(realised).wrapping_add(swept);
    }
    let value = seat.base_lots.saturating_mul(price.0);
    value.saturating_add(entry).saturating_add(realised).saturating_add(swept)
}

/// True if both are within `2^60`.
#[inline(always)]
fn are_plain(entry: i64, realised: i64) -> bool {
    let terms = entry.wrapping_add(PLAIN_TERM) | realised.wrapping_add(PLAIN_TERM);
    terms.cast_unsigned() < PLAIN_TERM.cast_unsigned().wrapping_mul(2)
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
    /// What a lot on that side is worth: the price, negative for shorts.
    lot_value: i64,
    floor: Floor,
}

/// What a seat has to rank above to be of use: the last row, once the rows are enough, or as many as there may be. Taken apart, so that the
/// scan can tell without a division whether a seat is below: it asks 2,048 of them, and each instruction costs.
struct Floor {
    /// What a lot is worth, less the floor's rank.
    lot_value_over: i64,
    /// Of equal ranks the lower seat is better.
    index: usize,
    /// Positions up to so many lots are compared here: no product can leave its range. Zero as long as every seat is of use.
    lots_max: i64,
}

impl Floor {
    const NONE: Self = Self { lot_value_over: 0, index: 0, lots_max: 0 };

    fn new(row: &Ranked, lot_value: i64) -> Self {
        let factor = lot_value.unsigned_abs().saturating_add(row.rank.unsigned_abs());
        let lots_max = PLAIN_PRODUCT.checked_div(factor).unwrap_or(0).cast_signed();
        Self { lot_value_over: lot_value.saturating_sub(row.rank), index: index_of(row.seat_index), lots_max }
    }

    /// True if the seat is surely of no use. With `over` the profit beyond what the floor's rank would be with the seat's lots, its rank is at
    /// least the floor's if `over ≥ 0`, and above it if `over ≥ lots`.
    #[inline(always)]
    fn is_above(&self, seat: &Seat, index: usize, lots: i64, window_slots: u32, slot: u64) -> bool {
        let (entry, realised) = (seat.quote_entry_atoms, seat.realised_atoms);
        if lots > self.lots_max || !are_plain(entry, realised) {
            return false;
        }
        // At most 2^61 and three times 2^60.
        let over = lots.wrapping_mul(self.lot_value_over).wrapping_add(entry).wrapping_add(realised);
        let over = over.wrapping_add(swept_lately(seat, window_slots, slot));
        over < 0 || (over < lots && index > self.index)
    }
}

impl Best {
    /// Scans the table.
    pub fn opposite(table: &SeatTable, of: BaseLots, price: Price, window_slots: u32, slot: u64, needed: i64) -> Self {
        let nobody = Ranked { rank: i64::MIN, lots: 0, seat_index: 0 };
        let against: i64 = if of.0 > 0 { -1 } else { 1 };
        let lot_value = price.0.wrapping_mul(against);
        let mut best =
            Self { rows: [nobody; COUNTERPARTIES], count: 0, lots: 0, needed, lot_value, floor: Floor::NONE };
        // An odd stride meets every row of a power of two once. It changes with the slot, so that nobody can lay out seats in the order that is
        // dearest to scan; what is found does not depend on it. Rows never used, and free ones, have no base.
        let mask = index_of(table.touched_count).next_power_of_two().min(SEATS).wrapping_sub(1);
        let stride = index_of(u32::try_from(slot.wrapping_mul(STRIDE_SEED) >> 40).unwrap_or(0)) | 1;
        let mut index = 0;
        while let Some(seat) = table.rows.get(index) {
            let lots = seat.base_lots.wrapping_mul(against);
            if lots > 0 && !best.floor.is_above(seat, index, lots, window_slots, slot) {
                let seat_index = u32::try_from(index).unwrap_or(u32::MAX);
                best.offer(Ranked { rank: rank_of(seat, price, window_slots, slot), lots, seat_index });
            }
            index = index.wrapping_add(stride) & mask;
            if index == 0 {
                break;
            }
        }
        best
    }

    /// The seats, best first.
    pub fn rows(&self) -> &[Ranked] {
        self.rows.get(..self.count).unwrap_or(&self.rows)
    }

    /// Puts a seat in its place if it ranks above the floor, and lets those go that are no longer needed. Lots are at most 2^40, so no sum of
    /// theirs comes near the end of its range.
    #[inline(never)]
    fn offer(&mut self, row: Ranked) {
        let (is_full, last) = (self.count == COUNTERPARTIES, self.last());
        let is_enough = is_full || (self.count > 0 && self.lots >= self.needed);
        if is_enough && (row.rank < last.rank || (row.rank == last.rank && row.seat_index > last.seat_index)) {
            return;
        }
        if is_full {
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
            self.floor = Floor::new(&self.last(), self.lot_value);
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
