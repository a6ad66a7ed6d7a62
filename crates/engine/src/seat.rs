//! Seats: a trader's row in a market, and the table of them.

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
        /// Zero.
        pub reserved: [u64; 3],
    }
}
assert_layout!(Seat, 160, {
    owner: 0, base_lots: 32, quote_entry_atoms: 40, realised_atoms: 48, bond_atoms: 56, bid_lots: 64, ask_lots: 72,
    bid_quote_atoms: 80, ask_quote_atoms: 88, bid_price_max_atoms_per_lot: 96, ask_price_min_atoms_per_lot: 104,
    throttle_used_base_lots: 112, throttle_used_slot: 120, bid_count: 128, ask_count: 130, next_free_plus_one: 132,
    reserved: 136,
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
assert_layout!(SeatTable, 24 + 160 * SEATS, {
    used_count: 0, touched_count: 4, free_head_plus_one: 8, padding: 12, bonds_atoms: 16, rows: 24,
});
