//! The part of a margin account that the engine knows: cash, episode, clocks.

use crate::row::{assert_layout, row};

/// Positions a margin account can have.
pub const POSITIONS: usize = 8;

row! {
    /// A liquidation episode, current or last.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Episode {
        /// Slot of its start.
        pub started_slot: u64,
        /// Slot in which it was last observed unhealthy.
        pub last_unhealthy_slot: u64,
        /// Slots it has spent unhealthy, as far as observed.
        pub clock_slots: u64,
        /// Slot in which the last episode that had a slice ended.
        pub last_end_slot: u64,
        /// Maintenance requirement at its start, in quote atoms, rounded down.
        pub start_requirement_atoms: i64,
        /// Cost (slippage and penalty) paid in it, in quote atoms.
        pub cost_atoms: i64,
        /// What keepers may still be tipped in it: their share of what its penalties have paid into insurance, less the tips so far. In
        /// quote atoms.
        pub tip_credit_atoms: i64,
        /// 0 none, 1 towards the first target, 2 a full close, 3 towards the repeated target.
        pub kind: u8,
        /// 1 if the last observation was unhealthy.
        pub unhealthy: u8,
        /// 1 once an episode with at least one slice has ended: `last_end_slot` means something.
        pub had_one_before: u8,
        /// 1 if this episode has had a slice.
        pub sliced: u8,
        /// Zero.
        pub padding: [u8; 4],
    }
}
assert_layout!(Episode, 64, {
    started_slot: 0, last_unhealthy_slot: 8, clock_slots: 16, last_end_slot: 24, start_requirement_atoms: 32,
    cost_atoms: 40, tip_credit_atoms: 48, kind: 56, unhealthy: 57, had_one_before: 58, sliced: 59, padding: 60,
});

row! {
    /// One leg's resolution while it takes more than one call.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Resolution {
        /// What is still to be collected for the leg, in quote atoms; negative: what is still to be given away with it.
        pub remaining_atoms: i64,
        /// Price of the leg at which it was begun, in quote atoms per lot.
        pub price_atoms_per_lot: i64,
        /// Equity of the account after the last call, the bonds of all seats included, in quote atoms: if it differs (cash came in, or the price of
        /// another leg has moved) the sum is worked out anew.
        pub equity_atoms: i64,
        /// Slot of the last call.
        pub slot: u64,
        /// The leg's place in the account's positions, plus one; zero when no leg is half done.
        pub position_plus_one: u8,
        /// Zero.
        pub padding: [u8; 7],
    }
}
assert_layout!(Resolution, 40, {
    remaining_atoms: 0, price_atoms_per_lot: 8, equity_atoms: 16, slot: 24, position_plus_one: 32, padding: 33,
});

row! {
    /// Cash, episode and clocks of a margin account.
    #[derive(Debug, PartialEq, Eq)]
    pub struct AccountState {
        /// Cash, in quote atoms; negative is a debt.
        pub cash_atoms: i64,
        /// Episode.
        pub episode: Episode,
        /// First slot in which the next slice may happen.
        pub cooldown_until_slot: u64,
        /// Last slot in which the owner or delegate added risk.
        pub last_risk_slot: u64,
        /// 1 if the owner asks for a full close always.
        pub always_full_close: u8,
        /// Zero.
        pub padding: [u8; 7],
        /// What the exchange has recorded as this account's part of its uncovered deficit, in quote atoms.
        pub recorded_deficit_atoms: i64,
        /// Slot since which the account has been observed in the backstop stage without a fill; zero when it is not.
        pub stalled_since_slot: u64,
        /// A leg that is half resolved.
        pub resolution: Resolution,
        /// Zero.
        pub reserved: [u64; 5],
    }
}
assert_layout!(AccountState, 192, {
    cash_atoms: 0, episode: 8, cooldown_until_slot: 72, last_risk_slot: 80, always_full_close: 88, padding: 89,
    recorded_deficit_atoms: 96, stalled_since_slot: 104, resolution: 112, reserved: 152,
});
