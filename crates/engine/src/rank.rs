//! Who is deleveraged first: seats ranked by profit over notional, from the market account alone.
//!
//! All seats of a market have the same price, so profit over notional orders them as profit per lot does. Profit is what is unrealised,
//! what is realised and not yet swept, and what has been swept lately: sweeping does not lower a rank.

use crate::book::index_of;
use crate::quantity::{BaseLots, Price, QuoteAtoms};
use crate::resolve::COUNTERPARTIES;
use crate::seat::{Seat, SeatTable};

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
    rows: [Ranked; COUNTERPARTIES],
    count: usize,
    lots: i64,
}

impl Best {
    /// Scans the table.
    pub fn opposite(table: &SeatTable, of: BaseLots, price: Price, window_slots: u32, slot: u64, needed: i64) -> Self {
        let mut best = Self { rows: [Ranked::default(); COUNTERPARTIES], count: 0, lots: 0 };
        let touched = index_of(table.touched_count).min(table.rows.len());
        let rows = table.rows.get(..touched).unwrap_or(&table.rows);
        for (seat_index, seat) in (0u32..).zip(rows) {
            // Free seats have no base either.
            let is_opposite = if of.0 > 0 { seat.base_lots < 0 } else { seat.base_lots > 0 };
            if is_opposite {
                let lots = seat.base_lots.saturating_abs();
                best.offer(Ranked { rank: rank_of(seat, price, window_slots, slot), lots, seat_index }, needed);
            }
        }
        best.sort();
        best
    }

    /// The seats, best first.
    pub fn rows(&self) -> &[Ranked] {
        self.rows.get(..self.count).unwrap_or(&self.rows)
    }

    /// Takes a seat in if it ranks above the worst of those that are needed, and lets those go that no longer are.
    #[inline]
    fn offer(&mut self, candidate: Ranked, needed: i64) {
        let is_enough = self.lots >= needed;
        if self.count == COUNTERPARTIES || (is_enough && self.count > 0) {
            let worst = self.worst();
            let Some(row) = self.rows.get_mut(worst) else { return };
            // An equal rank comes later in the table: it stands behind.
            if candidate.rank <= row.rank {
                return;
            }
            if self.count == COUNTERPARTIES {
                self.lots = self.lots.saturating_sub(row.lots).saturating_add(candidate.lots);
                *row = candidate;
                self.drop_surplus(needed);
                return;
            }
        }
        if let Some(row) = self.rows.get_mut(self.count) {
            *row = candidate;
            self.count = self.count.saturating_add(1);
            self.lots = self.lots.saturating_add(candidate.lots);
        }
        self.drop_surplus(needed);
    }

    /// The worst row: lowest rank, of equals the highest seat.
    #[inline]
    fn worst(&self) -> usize {
        let mut worst = (0, i64::MAX, 0);
        for (place, row) in self.rows().iter().enumerate() {
            if row.rank < worst.1 || (row.rank == worst.1 && row.seat_index > worst.2) {
                worst = (place, row.rank, row.seat_index);
            }
        }
        worst.0
    }

    /// Lets rows go while the better ones cover what is needed.
    fn drop_surplus(&mut self, needed: i64) {
        while self.count > 1 && self.lots > needed {
            let worst = self.worst();
            let lots = self.rows.get(worst).map_or(0, |row| row.lots);
            if self.lots.saturating_sub(lots) < needed {
                return;
            }
            self.count = self.count.saturating_sub(1);
            self.lots = self.lots.saturating_sub(lots);
            let last = self.rows.get(self.count).copied().unwrap_or_default();
            if let Some(row) = self.rows.get_mut(worst) {
                *row = last;
            }
        }
    }

    fn sort(&mut self) {
        let count = self.count;
        if let Some(rows) = self.rows.get_mut(..count) {
            rows.sort_unstable_by(|a, b| b.rank.cmp(&a.rank).then(a.seat_index.cmp(&b.seat_index)));
        }
    }
}

#[cfg(test)]
mod tests;
