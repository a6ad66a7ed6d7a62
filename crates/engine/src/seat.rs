//! Seats: a trader's row in a market, and the table of them.

use crate::account::AccountState;
use crate::book::index_of;
use crate::error::{EngineError, Result};
use crate::quantity::{mul_div_down, signed_product, BaseLots, Price, QuoteAtoms, Side, MAX_BASE_LOTS};
use crate::row::{assert_layout, row};

/// An account's address, as bytes. The IDL calls it a public key.
#[cfg(not(feature = "idl-build"))]
pub type Pubkey = [u8; 32];
#[cfg(feature = "idl-build")]
use anchor_lang::prelude::Pubkey;

/// Seats of a market.
pub const SEATS: usize = 2_048;
/// Open orders a seat can have, both sides together.
pub const ORDERS_PER_SEAT: u16 = 32;

row! {
    /// A trader's row in a market. All zeroes when free.
    pub struct Seat {
        /// The margin account that owns the seat; zero when free.
        pub owner: Pubkey,
        /// Position, in lots; negative for a short.
        pub base_lots: i64,
        /// Minus the cost of the open position, in quote atoms: negative for a long, positive for a short.
        pub quote_entry_atoms: i64,
        /// Result (fills, fees) not yet swept to cash, in quote atoms.
        pub realised_atoms: i64,
        /// Bond paid for the seat, returned when it is released, in quote atoms.
        pub bond_atoms: u64,
        /// Lots of resting bids.
        pub bid_lots: i64,
        /// Lots of resting asks.
        pub ask_lots: i64,
        /// Notional of resting bids at their limits, in quote atoms.
        pub bid_quote_atoms: i64,
        /// Notional of resting asks at their limits, in quote atoms.
        pub ask_quote_atoms: i64,
        /// No resting bid is above this price; zero without bids.
        pub bid_price_max_atoms_per_lot: i64,
        /// No resting ask is below this price; zero without asks.
        pub ask_price_min_atoms_per_lot: i64,
        /// Lots liquidated lately, for the account's share of the throttle.
        pub throttle_used_base_lots: i64,
        /// Slot to which `throttle_used_base_lots` has decayed.
        pub throttle_used_slot: u64,
        /// Number of resting bids.
        pub bid_count: u16,
        /// Number of resting asks.
        pub ask_count: u16,
        /// Next free seat plus one, zero at the end; only while the seat is free.
        pub next_free_plus_one: u32,
        /// The market's funding index when the seat was settled last, in `2^-20` atoms per lot.
        pub funding_checkpoint_scaled: i64,
        /// The market's loss index when the seat was settled last, in `2^-20` atoms per lot.
        pub loss_checkpoint_scaled: i64,
        /// Profit swept to cash lately (losses off), in quote atoms: for the ranking, so that sweeping does not lower a rank.
        pub swept_window_atoms: i64,
        /// Slot to which `swept_window_atoms` has faded.
        pub swept_window_slot: u64,
        /// What is recorded of the account's deficit for this seat, in quote atoms.
        pub recorded_atoms: i64,
        /// What others have borne of the position's loss in resolutions that have not closed all of it, in quote atoms. Counts as lost when a loss is
        /// shared over legs. Forgotten when the position is gone, turned over or enlarged.
        pub borne_atoms: i64,
        /// Zero.
        pub reserved: [u64; 1],
    }
}
assert_layout!(Seat, 192, {
    owner: 0, base_lots: 32, quote_entry_atoms: 40, realised_atoms: 48, bond_atoms: 56, bid_lots: 64, ask_lots: 72,
    bid_quote_atoms: 80, ask_quote_atoms: 88, bid_price_max_atoms_per_lot: 96, ask_price_min_atoms_per_lot: 104,
    throttle_used_base_lots: 112, throttle_used_slot: 120, bid_count: 128, ask_count: 130, next_free_plus_one: 132,
    funding_checkpoint_scaled: 136, loss_checkpoint_scaled: 144, swept_window_atoms: 152, swept_window_slot: 160,
    recorded_atoms: 168, borne_atoms: 176, reserved: 184,
});

row! {
    /// The table of a market's seats.
    pub struct SeatTable {
        /// Seats taken now.
        pub used_count: u32,
        /// Seats ever taken: the rows from here on have never been used.
        pub touched_count: u32,
        /// First free seat plus one among the rows ever used; zero when there is none.
        pub free_head_plus_one: u32,
        /// Zero.
        pub padding: u32,
        /// Sum of the bonds of the taken seats, in quote atoms.
        pub bonds_atoms: u64,
        /// The seats.
        pub rows: [Seat; SEATS],
    }
}
assert_layout!(SeatTable, 24 + 192 * SEATS, {
    used_count: 0, touched_count: 4, free_head_plus_one: 8, padding: 12, bonds_atoms: 16, rows: 24,
});

impl Seat {
    /// True if the seat belongs to this margin account.
    #[inline]
    pub fn is_owned_by(&self, owner: &[u8; 32]) -> bool {
        let own: &[u8] = self.owner.as_ref();
        own == owner
    }

    /// True if nobody has the seat.
    #[inline]
    pub fn is_free(&self) -> bool {
        self.is_owned_by(&[0; 32])
    }

    /// Position.
    #[inline(always)]
    pub const fn base(&self) -> BaseLots {
        BaseLots(self.base_lots)
    }

    /// What the position contributes to open interest: its size if it is long.
    #[inline(always)]
    pub const fn long_lots(&self) -> BaseLots {
        self.base().max(BaseLots::ZERO)
    }

    /// Lots that an order of this side may fill without growing or turning the position.
    #[inline(always)]
    pub const fn reducible_by(&self, side: Side) -> BaseLots {
        match side {
            Side::Bid => BaseLots(self.base_lots.saturating_neg()).max(BaseLots::ZERO),
            Side::Ask => self.base().max(BaseLots::ZERO),
        }
    }

    /// Lots of the resting orders of a side.
    #[inline(always)]
    pub const fn resting_lots(&self, side: Side) -> BaseLots {
        match side {
            Side::Bid => BaseLots(self.bid_lots),
            Side::Ask => BaseLots(self.ask_lots),
        }
    }

    /// True if the resting orders of a side are more than what they may reduce: they would extend or turn the position.
    #[inline(always)]
    pub const fn rests_beyond(&self, side: Side) -> bool {
        self.resting_lots(side).0 > self.reducible_by(side).0
    }

    /// Number of resting orders of a side.
    #[inline(always)]
    pub const fn resting_count(&self, side: Side) -> u16 {
        match side {
            Side::Bid => self.bid_count,
            Side::Ask => self.ask_count,
        }
    }

    /// True with no position, no orders, and no result left: what can be released.
    pub const fn is_flat(&self) -> bool {
        self.base_lots == 0
            && self.quote_entry_atoms == 0
            && self.realised_atoms == 0
            && self.bid_count == 0
            && self.ask_count == 0
    }

    /// Books a fill. `quote` is `lots × price`, not negative; `fee` is what this seat pays (negative: receives).
    ///
    /// `quote_entry + realised` changes by exactly `±quote − fee`. Lots that reduce the position move their share of the entry
    /// to the result; a fill larger than the position closes it, then opens the rest, with the quote split by lots. Both shares
    /// are rounded down as signed amounts: against this seat's `realised`, the part that can be swept; what is cut off stays in
    /// its `quote_entry`. A flat position has an entry of exactly zero.
    ///
    /// # Errors
    /// `InvariantViolated` for lots that are not positive or a negative quote; `MathOverflow` beyond the engine's bounds.
    pub fn apply_fill(&mut self, side: Side, lots: BaseLots, quote: QuoteAtoms, fee: QuoteAtoms) -> Result<()> {
        if !lots.is_positive() || quote.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        let (change, received) = match side {
            Side::Bid => (lots, quote.neg()?),
            Side::Ask => (lots.neg()?, quote),
        };
        let size = self.reducible_by(side);
        let base = self.base().add(change)?;
        if base.0.unsigned_abs() > MAX_BASE_LOTS.unsigned_abs() {
            return Err(EngineError::MathOverflow);
        }
        let mut entry = QuoteAtoms(self.quote_entry_atoms);
        let mut realised = QuoteAtoms(self.realised_atoms).sub(fee)?;
        let closing = size.min(lots);
        let mut opened = received;
        if closing.is_positive() {
            let closed = share_down(received, closing, lots)?;
            let entry_share = share_down(entry, closing, size)?;
            entry = entry.sub(entry_share)?;
            realised = realised.add(entry_share)?.add(closed)?;
            opened = received.sub(closed)?;
        }
        self.quote_entry_atoms = entry.add(opened)?.0;
        self.realised_atoms = realised.0;
        self.base_lots = base.0;
        if lots != closing || base.is_zero() {
            self.borne_atoms = 0;
        }
        Ok(())
    }

    /// Counts a new resting order.
    pub(crate) fn order_added(&mut self, side: Side, price: Price, lots: BaseLots) -> Result<()> {
        let quote = price.notional(lots)?;
        match side {
            Side::Bid => {
                self.bid_lots = BaseLots(self.bid_lots).add(lots)?.0;
                self.bid_quote_atoms = QuoteAtoms(self.bid_quote_atoms).add(quote)?.0;
                self.bid_price_max_atoms_per_lot = self.bid_price_max_atoms_per_lot.max(price.0);
                self.bid_count = self.bid_count.checked_add(1).ok_or(EngineError::MathOverflow)?;
            }
            Side::Ask => {
                if self.ask_count == 0 || price.0 < self.ask_price_min_atoms_per_lot {
                    self.ask_price_min_atoms_per_lot = price.0;
                }
                self.ask_lots = BaseLots(self.ask_lots).add(lots)?.0;
                self.ask_quote_atoms = QuoteAtoms(self.ask_quote_atoms).add(quote)?.0;
                self.ask_count = self.ask_count.checked_add(1).ok_or(EngineError::MathOverflow)?;
            }
        }
        Ok(())
    }

    /// Counts lots off a resting order; `gone` when nothing of it is left in the book. The last order of a side resets the
    /// side's extreme price.
    pub(crate) fn order_shrunk(&mut self, side: Side, price: Price, lots: BaseLots, gone: bool) -> Result<()> {
        let quote = price.notional(lots)?;
        let (total_lots, total_quote, count, extreme) = match side {
            Side::Bid => (
                &mut self.bid_lots,
                &mut self.bid_quote_atoms,
                &mut self.bid_count,
                &mut self.bid_price_max_atoms_per_lot,
            ),
            Side::Ask => (
                &mut self.ask_lots,
                &mut self.ask_quote_atoms,
                &mut self.ask_count,
                &mut self.ask_price_min_atoms_per_lot,
            ),
        };
        *total_lots = BaseLots(*total_lots).sub(lots)?.0;
        *total_quote = QuoteAtoms(*total_quote).sub(quote)?.0;
        if gone {
            *count = count.checked_sub(1).ok_or(EngineError::InvariantViolated)?;
            if *count == 0 {
                *extreme = 0;
            }
        }
        let counted = *count != 0;
        if *total_lots < 0 || counted != (*total_lots > 0) {
            return Err(EngineError::InvariantViolated);
        }
        Ok(())
    }
}

/// `floor(amount × part / whole)` of a signed amount, for `0 < part ≤ whole`. The 128-bit division is only taken when the
/// remainder's product does not fit 64 bits.
fn share_down(amount: QuoteAtoms, part: BaseLots, whole: BaseLots) -> Result<QuoteAtoms> {
    if part == whole {
        return Ok(amount);
    }
    if !part.is_positive() || part > whole {
        return Err(EngineError::InvariantViolated);
    }
    let overflow = EngineError::MathOverflow;
    // amount = quotient × whole + remainder, with 0 ≤ remainder < whole: the floor of the share follows from both.
    let quotient = amount.0.checked_div_euclid(whole.0).ok_or(overflow)?;
    let remainder = amount.0.checked_rem_euclid(whole.0).ok_or(overflow)?;
    let exact = signed_product(quotient, part.0).ok_or(overflow)?;
    let rest = mul_div_down(remainder.unsigned_abs(), part.0.unsigned_abs(), whole.0.unsigned_abs())?;
    let rest = i64::try_from(rest).map_err(|_| overflow)?;
    Ok(QuoteAtoms(exact.checked_add(rest).ok_or(overflow)?))
}

/// The bond of the next seat: the base while fewer than 80% are taken, doubled at 80%, 90% and 95%.
pub(crate) fn bond_at(used_count: u32, base_bond: u64) -> Result<u64> {
    let taken = u64::from(used_count).saturating_mul(100);
    let reached = |percent: u64| taken >= SEATS_U64.saturating_mul(percent);
    let factor = match (reached(80), reached(90), reached(95)) {
        (_, _, true) => 8,
        (_, true, _) => 4,
        (true, _, _) => 2,
        _ => 1,
    };
    base_bond.checked_mul(factor).ok_or(EngineError::MathOverflow)
}

const SEATS_U64: u64 = SEATS as u64;

impl SeatTable {
    /// Takes a seat for a margin account; its bond leaves the account's cash. Returns the seat's index.
    ///
    /// The bond doubles when the table is 80%, 90% and 95% full. The last 5% are for absorbers.
    ///
    /// # Errors
    /// `NoFreeSeat`, `BondNotCovered` when the bond would leave cash negative, `MathOverflow`. After an error nothing has changed.
    pub fn allocate(
        &mut self,
        owner: &[u8; 32],
        account: &mut AccountState,
        base_bond: u64,
        absorber: bool,
    ) -> Result<u32> {
        let scarce = u64::from(self.used_count).saturating_mul(100) >= SEATS_U64.saturating_mul(95);
        if index_of(self.used_count) >= SEATS || (scarce && !absorber) {
            return Err(EngineError::NoFreeSeat);
        }
        let bond = bond_at(self.used_count, base_bond)?;
        let paid = i64::try_from(bond).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)?;
        let cash = QuoteAtoms(account.cash_atoms).sub(paid)?;
        if cash.is_negative() {
            return Err(EngineError::BondNotCovered);
        }
        let bonds = self.bonds_atoms.checked_add(bond).ok_or(EngineError::MathOverflow)?;
        let reused = self.free_head_plus_one.checked_sub(1);
        let index = reused.unwrap_or(self.touched_count);
        let row = self.rows.get_mut(index_of(index)).ok_or(EngineError::InvariantViolated)?;
        match reused {
            Some(_) => self.free_head_plus_one = row.next_free_plus_one,
            None => self.touched_count = self.touched_count.saturating_add(1),
        }
        row.next_free_plus_one = 0;
        row.owner = owner_bytes(owner);
        row.bond_atoms = bond;
        self.used_count = self.used_count.saturating_add(1);
        self.bonds_atoms = bonds;
        account.cash_atoms = cash.0;
        Ok(index)
    }

    /// Gives a flat, orderless, swept seat back, of which no deficit is on record; the bond that was paid for it returns to the account's
    /// cash. The caller has checked that the account owns the seat.
    ///
    /// # Errors
    /// `SeatNotOwned` for a free seat or an index out of range; `SeatNotEmpty`; `MathOverflow`. After an error nothing has changed.
    pub fn release(&mut self, index: u32, account: &mut AccountState) -> Result<QuoteAtoms> {
        let seat = self.get_mut(index)?;
        if seat.is_free() {
            return Err(EngineError::SeatNotOwned);
        }
        if !seat.is_flat() || seat.recorded_atoms != 0 {
            return Err(EngineError::SeatNotEmpty);
        }
        let bond = seat.bond_atoms;
        let returned = i64::try_from(bond).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)?;
        let cash = QuoteAtoms(account.cash_atoms).add(returned)?;
        let bonds = self.bonds_atoms.checked_sub(bond).ok_or(EngineError::InvariantViolated)?;
        let used = self.used_count.checked_sub(1).ok_or(EngineError::InvariantViolated)?;
        let next = self.free_head_plus_one;
        let seat = self.get_mut(index)?;
        *seat = bytemuck::Zeroable::zeroed();
        seat.next_free_plus_one = next;
        self.free_head_plus_one = index.checked_add(1).ok_or(EngineError::MathOverflow)?;
        self.bonds_atoms = bonds;
        self.used_count = used;
        account.cash_atoms = cash.0;
        Ok(returned)
    }

    /// A seat, taken or free.
    ///
    /// # Errors
    /// `SeatNotOwned` for an index out of range.
    #[inline]
    pub fn get(&self, index: u32) -> Result<&Seat> {
        self.rows.get(index_of(index)).ok_or(EngineError::SeatNotOwned)
    }

    /// A seat to change, taken or free.
    ///
    /// # Errors
    /// `SeatNotOwned` for an index out of range.
    #[inline]
    pub fn get_mut(&mut self, index: u32) -> Result<&mut Seat> {
        self.rows.get_mut(index_of(index)).ok_or(EngineError::SeatNotOwned)
    }

    /// A seat to change, if it belongs to this margin account: a reference counts only then.
    ///
    /// # Errors
    /// `SeatNotOwned`.
    pub fn owned_mut(&mut self, index: u32, owner: &[u8; 32]) -> Result<&mut Seat> {
        let seat = self.get_mut(index)?;
        if seat.is_owned_by(owner) && !seat.is_free() {
            return Ok(seat);
        }
        Err(EngineError::SeatNotOwned)
    }
}

// When the IDL is generated an address is a type of its own; in the program it is the same bytes.
#[allow(clippy::useless_conversion)]
fn owner_bytes(owner: &[u8; 32]) -> Pubkey {
    Pubkey::from(*owner)
}

#[cfg(test)]
mod tests;
