//! The order book: sorted arrays, best order at the end.

use crate::row::{assert_layout, row};

/// Orders a side can hold.
pub const ORDERS_PER_SIDE: usize = 1_024;
/// Fills that one call may make.
pub const MAX_FILLS: usize = 32;
/// Orders that one call may remove unfilled (expired, out of band, own) while it matches.
pub const MAX_REMOVALS: usize = 16;

/// Flag of an order that may only reduce its owner's position.
pub const ORDER_REDUCE_ONLY: u8 = 1;

row! {
    /// A resting order.
    pub struct Order {
        /// Limit price, in quote atoms per lot.
        pub price_atoms_per_lot: i64,
        /// Age: the lower came first. Unique in the book.
        pub sequence: u64,
        /// Lots not yet filled.
        pub size_base_lots: i64,
        /// Chosen by the owner, not interpreted.
        pub client_order_id: u64,
        /// First slot in which the order is no longer good; zero for never.
        pub expires_at_slot: u64,
        /// Seat of the owner.
        pub seat_index: u32,
        /// `ORDER_REDUCE_ONLY` or zero.
        pub flags: u8,
        /// Zero.
        pub padding: [u8; 3],
        /// Zero.
        pub reserved: u64,
    }
}
assert_layout!(Order, 56, {
    price_atoms_per_lot: 0, sequence: 8, size_base_lots: 16, client_order_id: 24, expires_at_slot: 32, seat_index: 40,
    flags: 44, padding: 45, reserved: 48,
});

row! {
    /// Both sides of a market. In each, the best order is the last used row; worse prices and, at a price, younger orders come before it.
    pub struct Book {
        /// Sequence of the next order.
        pub next_sequence: u64,
        /// Bids in use.
        pub bid_count: u32,
        /// Asks in use.
        pub ask_count: u32,
        /// Bids by rising price, then falling sequence.
        pub bids: [Order; ORDERS_PER_SIDE],
        /// Asks by falling price, then falling sequence.
        pub asks: [Order; ORDERS_PER_SIDE],
    }
}
assert_layout!(Book, 16 + 2 * 56 * ORDERS_PER_SIDE, {
    next_sequence: 0, bid_count: 8, ask_count: 12, bids: 16, asks: 16 + 56 * ORDERS_PER_SIDE,
});
