//! Section 9: the throttle.

use super::number::{ceil, floor, Z};
use super::{Market, Seat};

/// A bucket of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// In lots times the slots of a refill.
    pub level: Z,
    /// Slot to which it is filled.
    pub slot: u64,
}

impl Market {
    fn full(&self) -> Z {
        Z::from(self.params.throttle_capacity_base_lots) * Z::from(self.params.throttle_refill_slots)
    }

    /// Fills the bucket of a side to this slot.
    pub fn refill(&mut self, side: usize, slot: u64) {
        let (full, capacity) = (self.full(), Z::from(self.params.throttle_capacity_base_lots));
        let bucket = &mut self.buckets[side];
        let passed = slot.saturating_sub(bucket.slot);
        bucket.level = full.min(bucket.level + capacity * Z::from(passed));
        bucket.slot = bucket.slot.max(slot);
    }

    /// Whole lots in the bucket.
    pub fn available(&self, side: usize) -> Z {
        floor(self.buckets[side].level, self.params.throttle_refill_slots.into())
    }

    /// Lots are charged, down to an empty bucket.
    pub fn charge(&mut self, side: usize, lots: Z) {
        let bucket = &mut self.buckets[side];
        bucket.level = (bucket.level - lots * Z::from(self.params.throttle_refill_slots)).max(0);
    }

    fn used_lately(&self, seat: &Seat, slot: u64) -> Z {
        let passed = Z::from(slot.saturating_sub(seat.used_slot));
        let faded =
            floor(Z::from(self.params.throttle_capacity_base_lots) * passed, self.params.throttle_refill_slots.into());
        (seat.used - faded).max(0)
    }

    /// What one account may still use.
    pub fn account_share(&self, seat: &Seat, slot: u64) -> Z {
        let capacity = Z::from(self.params.throttle_capacity_base_lots);
        let of_interest = match self.longs() {
            0 => 0,
            longs => floor(capacity * seat.base.abs(), longs),
        };
        let share = ceil(capacity, 4).max(of_interest).max(1);
        (share - self.used_lately(seat, slot)).max(0)
    }

    /// Notes what a slice used.
    pub fn note_use(&mut self, seat: usize, lots: Z, slot: u64) {
        let used = self.used_lately(self.seat(seat), slot) + lots;
        let row = self.seat_mut(seat);
        (row.used, row.used_slot) = (used, slot);
    }
}
