//! The state of a market: parameters, last price, throttle, pools, seats.

use crate::params::MarketParams;
use crate::row::{assert_layout, row};
use crate::seat::{SeatTable, SEATS};

row! {
    /// Token bucket of one side, in lots times `throttle_refill_slots`, so that a refill is exact.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Throttle {
        /// Level, in lots × refill slots.
        pub level_lot_slots: u64,
        /// Slot to which the bucket has been refilled.
        pub refilled_slot: u64,
    }
}
assert_layout!(Throttle, 16, { level_lot_slots: 0, refilled_slot: 8 });

row! {
    /// The last price this market used.
    #[derive(Debug, PartialEq, Eq)]
    pub struct LastPrice {
        /// Price, in quote atoms per lot; zero before the first.
        pub price_atoms_per_lot: i64,
        /// When it was published, Unix seconds.
        pub publish_time_seconds: i64,
        /// Slot in which the market used it.
        pub used_slot: u64,
    }
}
assert_layout!(LastPrice, 24, { price_atoms_per_lot: 0, publish_time_seconds: 8, used_slot: 16 });

row! {
    /// Everything about a market but its book and its identity.
    pub struct MarketState {
        /// Parameters.
        pub params: MarketParams,
        /// Last price used.
        pub last_price: LastPrice,
        /// Throttles: index 0 for sales that close longs, 1 for purchases that close shorts.
        pub throttles: [Throttle; 2],
        /// Sum of the longs, in lots (equal to the sum of the shorts).
        pub open_interest_base_lots: i64,
        /// Fees not yet swept to the exchange, in quote atoms.
        pub fees_atoms: i64,
        /// Insurance income not yet swept to the exchange, in quote atoms.
        pub insurance_pending_atoms: i64,
        /// Profits moved to cash minus losses moved from cash, in quote atoms. Never above `sweep_cap_atoms`.
        pub net_swept_profit_atoms: i64,
        /// Fills, for the order of events.
        pub fill_sequence: u64,
        /// Zero: room for funding, the loss index and estimators.
        pub reserved: [u64; 32],
        /// Seats.
        pub seats: SeatTable,
    }
}
assert_layout!(MarketState, 384 + 24 + 32 + 40 + 256 + 24 + 160 * SEATS, {
    params: 0, last_price: 384, throttles: 408, open_interest_base_lots: 440, fees_atoms: 448,
    insurance_pending_atoms: 456, net_swept_profit_atoms: 464, fill_sequence: 472, reserved: 480, seats: 736,
});
