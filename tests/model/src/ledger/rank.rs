//! Section 18: the rank of a seat.

use super::number::{ceil, floor, Z};
use super::Seat;

impl Seat {
    fn swept_age(&self, slot: u64) -> Z {
        slot.saturating_sub(self.swept_slot).into()
    }

    /// What is left of what has been swept, in this slot.
    pub fn swept_lately(&self, window: u32, slot: u64) -> Z {
        let (age, window) = (self.swept_age(slot), Z::from(window));
        if age >= window {
            return 0;
        }
        floor(self.swept, 16) * (16 - floor(16 * age, window))
    }

    /// Adds a sweep to what is remembered, whose age is kept as far as it can be.
    pub fn remember_sweep(&mut self, moved: Z, window: u32, slot: u64) {
        let (before, age, left) = (self.swept, self.swept_age(slot), self.swept_lately(window, slot));
        let total = left + moved;
        let (swept, age) = if age == 0 {
            (before + moved, 0)
        } else if left.signum() * total.signum() != 1 {
            (total, 0)
        } else if left.signum() == moved.signum() {
            let sum = before + moved;
            (sum, ceil(age * before.abs(), sum.abs()))
        } else {
            (floor(before.abs() * total.abs(), left.abs()) * left.signum(), age)
        };
        self.swept = swept;
        self.swept_slot = slot - u64::try_from(age).expect("no age is above the slot");
    }

    /// Profit per lot, rounded down.
    pub fn rank(&self, price: Z, window: u32, slot: u64) -> Z {
        let profit = self.base * price + self.entry + self.realised + self.swept_lately(window, slot);
        floor(profit, self.base.abs())
    }
}
