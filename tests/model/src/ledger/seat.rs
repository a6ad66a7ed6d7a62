//! Section 4: seats and fills.

use super::number::{ceil, floor, Z};
use super::Market;

/// 2^20: the unit of the indices.
pub const SCALE: Z = 1 << 20;

/// A taken seat.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    /// The margin account that has it.
    pub owner: usize,
    /// Position, in lots.
    pub base: Z,
    /// Minus the cost of the open position.
    pub entry: Z,
    /// Result not swept.
    pub realised: Z,
    /// Bond.
    pub bond: Z,
    /// Lots of resting bids.
    pub bid_lots: Z,
    /// Lots of resting asks.
    pub ask_lots: Z,
    /// Notional of the resting bids, and of the asks, at their limits.
    pub quotes: [Z; 2],
    /// Numbers of bids and asks.
    pub counts: [u32; 2],
    /// No bid is above.
    pub bid_extreme: Z,
    /// No ask is below.
    pub ask_extreme: Z,
    /// What it used of the throttle.
    pub used: Z,
    /// Slot to which that has faded.
    pub used_slot: u64,
    /// Funding index to which it is settled.
    pub funding_checkpoint: Z,
    /// Loss index to which it is settled.
    pub loss_checkpoint: Z,
    /// Swept lately, for the rank.
    pub swept: Z,
    /// Slot to which that has faded.
    pub swept_slot: u64,
    /// On record of its account's deficit.
    pub recorded: Z,
    /// Borne by others of the position's loss, in resolutions that left some of it.
    pub borne: Z,
}

impl Seat {
    /// What it owes at these indices, unrounded, in 2^-20 atoms.
    pub fn owes_exactly(&self, funding_index: Z, loss_index: Z) -> Z {
        self.base * (funding_index - self.funding_checkpoint) + self.base.abs() * (loss_index - self.loss_checkpoint)
    }

    /// What it owes, rounded up.
    pub fn owes(&self, funding_index: Z, loss_index: Z) -> Z {
        ceil(self.owes_exactly(funding_index, loss_index), SCALE)
    }

    /// Lots that an order of this side (0 buys) may fill without growing or turning the position.
    pub fn reducible(&self, side: usize) -> Z {
        (-sign(side) * self.base).max(0)
    }

    /// Lots resting on a side.
    pub fn resting(&self, side: usize) -> Z {
        if side == 0 {
            self.bid_lots
        } else {
            self.ask_lots
        }
    }

    /// Books a fill: `lots` bought (side 0) or sold at `quote` together, and a fee that it pays.
    pub fn fill(&mut self, side: usize, lots: Z, quote: Z, fee: Z) {
        let signed = -sign(side) * quote;
        let closed = lots.min(self.reducible(side));
        if closed > 0 {
            let closing = if closed == lots { signed } else { floor(signed * closed, lots) };
            let share = floor(self.entry * closed, self.base.abs());
            self.entry -= share;
            self.realised += share + closing;
            self.base += sign(side) * closed;
            if lots > closed {
                self.base += sign(side) * (lots - closed);
                self.entry += signed - closing;
            }
        } else {
            self.base += sign(side) * lots;
            self.entry += signed;
        }
        self.realised -= fee;
        if lots > closed || self.base == 0 {
            self.borne = 0;
        }
    }

    /// An order rests.
    pub fn rests(&mut self, side: usize, price: Z, lots: Z) {
        let was = self.resting(side);
        self.quotes[side] += price * lots;
        self.counts[side] += 1;
        if side == 0 {
            self.bid_extreme = if was == 0 { price } else { self.bid_extreme.max(price) };
            self.bid_lots += lots;
        } else {
            self.ask_extreme = if was == 0 { price } else { self.ask_extreme.min(price) };
            self.ask_lots += lots;
        }
    }

    /// Lots of an order rest no more; with `gone` the order is no more.
    pub fn leaves(&mut self, side: usize, price: Z, lots: Z, gone: bool) {
        self.quotes[side] -= price * lots;
        self.counts[side] -= u32::from(gone);
        if side == 0 {
            self.bid_lots -= lots;
            if self.bid_lots == 0 {
                self.bid_extreme = 0;
            }
        } else {
            self.ask_lots -= lots;
            if self.ask_lots == 0 {
                self.ask_extreme = 0;
            }
        }
    }

    /// What can be released: nothing open, nothing resting, nothing left.
    pub fn is_empty(&self) -> bool {
        self.base == 0 && self.counts == [0, 0] && self.realised == 0 && self.entry == 0
    }
}

/// +1 for the side that buys, −1 for the side that sells.
pub fn sign(side: usize) -> Z {
    if side == 0 {
        1
    } else {
        -1
    }
}

impl Market {
    /// Sum of the longs.
    pub fn longs(&self) -> Z {
        self.seats.iter().flatten().map(|seat| seat.base.max(0)).sum()
    }

    /// Seats taken.
    pub fn taken(&self) -> usize {
        self.seats.iter().flatten().count()
    }

    /// Settles a seat at the indices as they stand: what it owes leaves its result.
    pub fn settle(&mut self, seat: usize) -> Z {
        let (funding, loss) = (self.funding.index, self.loss_index);
        let row = self.seat_mut(seat);
        let (exact, owed) = (row.owes_exactly(funding, loss), row.owes(funding, loss));
        row.realised -= owed;
        (row.funding_checkpoint, row.loss_checkpoint) = (funding, loss);
        self.clearing += owed;
        self.residue += owed * SCALE - exact;
        owed
    }
}
