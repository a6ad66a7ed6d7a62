//! The state of a market: parameters, last price, throttle, pools, seats.

use crate::params::{MarketParams, MARGIN_TIERS};
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
    /// Funding, and losses shared by all positions: indices per lot, in `2^-20` quote atoms.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Charges {
        /// What a long lot has paid in funding since the market began, and a short lot received; negative the other way.
        pub funding_index_scaled: i64,
        /// What every lot, long or short, has paid for losses that nobody else could bear. Only rises.
        pub loss_index_scaled: i64,
        /// Growth of the funding index per slot, set by the last sample.
        pub funding_rate_scaled_per_slot: i64,
        /// Slot to which the funding index has been moved.
        pub accrued_slot: u64,
        /// Slot of the last sample of the premium.
        pub sampled_slot: u64,
        /// The last sample: the book's impact bid over the EMA, or its impact ask under it, clamped, in quote atoms per lot.
        pub premium_atoms_per_lot: i64,
        /// Paid by seats less received by seats, less what was paid out of the loss index, in quote atoms. With what the seats still
        /// owe it is exactly the residue (INV-11); negative while socialised losses are still to be collected.
        pub clearing_atoms: i64,
        /// What rounding in the payers' disfavour has left, in `2^-20` atoms. Whole atoms go to insurance when income is swept.
        pub residue_scaled: u64,
    }
}
assert_layout!(Charges, 64, {
    funding_index_scaled: 0, loss_index_scaled: 8, funding_rate_scaled_per_slot: 16, accrued_slot: 24, sampled_slot: 32,
    premium_atoms_per_lot: 40, clearing_atoms: 48, residue_scaled: 56,
});

row! {
    /// What this market has paid into insurance and drawn from it.
    #[derive(Debug, PartialEq, Eq)]
    pub struct InsuranceAccount {
        /// Paid in over the market's life: insurance's parts of penalties and discounts, residues, donations for it. In quote atoms.
        pub contributed_atoms: i64,
        /// Drawn for losses over the market's life, in quote atoms.
        pub drawn_atoms: i64,
        /// Paid back to keepers as tips over the market's life, in quote atoms.
        pub tips_atoms: i64,
        /// Drawn lately: fades from `insurance_draw_cap_atoms` to nothing in `insurance_window_slots`. In quote atoms.
        pub window_atoms: i64,
        /// Slot to which `window_atoms` has faded.
        pub window_slot: u64,
    }
}
assert_layout!(InsuranceAccount, 40, {
    contributed_atoms: 0, drawn_atoms: 8, tips_atoms: 16, window_atoms: 24, window_slot: 32,
});

row! {
    /// What all lots have lately shared of losses (section 22 of the specification).
    #[derive(Debug, PartialEq, Eq)]
    pub struct Sharing {
        /// Shared lately: fades from `sweep_cap_atoms` to nothing in `insurance_window_slots`. As much less may be swept to winners. In quote
        /// atoms.
        pub lately_atoms: i64,
        /// By each lot, in `2^-20` quote atoms: fades from the first maintenance rate of the price to nothing in `insurance_window_slots`.
        pub lately_scaled_per_lot: i64,
        /// Slot to which both have faded.
        pub faded_slot: u64,
    }
}
assert_layout!(Sharing, 24, { lately_atoms: 0, lately_scaled_per_lot: 8, faded_slot: 16 });

row! {
    /// A raise of maintenance rates, or a fall of the edges between them, on its way.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Ramp {
        /// Rates at its start, by tier.
        pub from_mmr_bps: [u32; MARGIN_TIERS],
        /// Rates at its end, by tier.
        pub to_mmr_bps: [u32; MARGIN_TIERS],
        /// Upper edges at its start, by tier, in quote atoms.
        pub from_cap_atoms: [u64; MARGIN_TIERS],
        /// Upper edges at its end, by tier, in quote atoms.
        pub to_cap_atoms: [u64; MARGIN_TIERS],
        /// First slot.
        pub start_slot: u64,
        /// Slot in which the end is reached; zero without a ramp.
        pub end_slot: u64,
    }
}
assert_layout!(Ramp, 112, {
    from_mmr_bps: 0, to_mmr_bps: 16, from_cap_atoms: 32, to_cap_atoms: 64, start_slot: 96, end_slot: 104,
});

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
        /// Funding and socialised losses.
        pub charges: Charges,
        /// Dealings with insurance.
        pub insurance: InsuranceAccount,
        /// Losses that nobody has borne yet: no lots were left to share them. In quote atoms.
        pub unassigned_loss_atoms: i64,
        /// Losses shared through the loss index over the market's life, in quote atoms.
        pub socialised_atoms: i64,
        /// Losses borne by deleveraged seats over the market's life, in quote atoms.
        pub deleveraged_atoms: i64,
        /// A raise of maintenance requirements on its way.
        pub ramp: Ramp,
        /// Slot in which a limit was raised last.
        pub limits_raised_slot: u64,
        /// First slot in which a market that is winding down may be settled; zero while it is not.
        pub settle_after_slot: u64,
        /// Price at which all positions were closed; zero until then.
        pub final_price_atoms_per_lot: i64,
        /// Of the unassigned loss, what the exchange keeps in the vault for it: no more than winners could have taken out ahead of the
        /// losers. In quote atoms.
        pub held_loss_atoms: i64,
        /// How much of losses all lots have shared lately.
        pub sharing: Sharing,
        /// What is recorded of accounts' deficits for this market: the sum over its seats, in quote atoms. Never raised above what its
        /// winners have taken out.
        pub recorded_atoms: i64,
        /// Zero: room for estimators.
        pub reserved: [u64; 18],
        /// Seats.
        pub seats: SeatTable,
    }
}
assert_layout!(MarketState, 992 + 24 + 192 * SEATS, {
    params: 0, last_price: 448, throttles: 472, open_interest_base_lots: 504, fees_atoms: 512,
    insurance_pending_atoms: 520, net_swept_profit_atoms: 528, fill_sequence: 536, charges: 544, insurance: 608,
    unassigned_loss_atoms: 648, socialised_atoms: 656, deleveraged_atoms: 664, ramp: 672, limits_raised_slot: 784,
    settle_after_slot: 792, final_price_atoms_per_lot: 800, held_loss_atoms: 808, sharing: 816, recorded_atoms: 840,
    reserved: 848,
    seats: 992,
});
