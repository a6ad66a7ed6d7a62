//! Unhealthy accounts: observed, sliced, absorbed, made to pay.

use anchor_lang::prelude::*;

use super::SeatBalance;

/// An account was observed.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct AccountFlagged {
    /// The margin account.
    pub margin_account: Pubkey,
    /// 0 an episode started, 1 it goes on, unhealthy, 2 it goes on, healthy, 3 it ended, its target met.
    pub outcome: u8,
    /// Its kind: 0 none, 1 towards the first target, 2 a full close, 3 towards the repeated target.
    pub kind: u8,
    /// Health in its favour, in bps, rounded down.
    pub health_bps: i64,
    /// Slots it has been unhealthy.
    pub clock_slots: u64,
}

/// What a slice did. Also the return data of `partial_liquidate` and `absorb`, so that a simulated call is a quote.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceReport {
    /// 0 soft, 1 hard, 2 backstop.
    pub stage: u8,
    /// Side of the fills: 0 bids bought a short back, 1 asks sold a long.
    pub side: u8,
    /// Lots closed.
    pub base_lots: i64,
    /// Lots that the plan wanted before depth and the caller's limits.
    pub planned_base_lots: i64,
    /// Notional of the fills.
    pub quote_atoms: i64,
    /// Penalty taken from the account's cash.
    pub penalty_atoms: i64,
    /// What the caller is paid: its part of the penalty, and the tip.
    pub caller_payout_atoms: i64,
    /// The tip alone. It leaves the market's pending insurance income. Zero when absorbed.
    pub tip_atoms: i64,
    /// Insurance's part of the penalty. It enters the market's pending insurance income.
    pub insurance_atoms: i64,
    /// What an absorber has paid less than the oracle price, where it paid less. Zero through the book.
    pub discount_atoms: i64,
    /// Insurance's part of the discount, out of the absorber's cash. It enters the market's pending insurance income.
    pub discount_insurance_atoms: i64,
    /// Slippage above zero (the discount, when absorbed), and penalty.
    pub cost_atoms: i64,
    /// Oracle price.
    pub oracle_price_atoms_per_lot: i64,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
    /// Health after, in bps, rounded down.
    pub health_after_bps: i64,
    /// First slot of the next slice.
    pub cooldown_until_slot: u64,
    /// Number of fills.
    pub fills: u32,
    /// The account's own orders that were cancelled first.
    pub cancelled_orders: u32,
    /// True if the target was met.
    pub episode_ended: bool,
}

/// A slice went through the book. Its fills are in `BookChanged`.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Sliced {
    /// The market.
    pub market: Pubkey,
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// Who called.
    pub caller: Pubkey,
    /// Where the payout went: a margin account (credited) or a token account (paid from the vault).
    pub payout_to: Pubkey,
    /// True if the payout was credited to a margin account.
    pub credited: bool,
    /// What was done.
    pub report: SliceReport,
    /// The liquidatee's seat after.
    pub seat_after: SeatBalance,
    /// The liquidatee's cash after.
    pub cash_after_atoms: i64,
}

/// A slice was absorbed into the caller's margin account.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Absorbed {
    /// The market.
    pub market: Pubkey,
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// The absorber's margin account.
    pub absorber: Pubkey,
    /// Its seat.
    pub absorber_seat_index: u32,
    /// What was done.
    pub report: SliceReport,
    /// The liquidatee's seat after.
    pub seat_after: SeatBalance,
    /// The liquidatee's cash after.
    pub cash_after_atoms: i64,
    /// The absorber's seat after.
    pub absorber_seat_after: SeatBalance,
    /// The absorber's cash after.
    pub absorber_cash_after_atoms: i64,
}

/// A losing seat's loss against the oracle was taken from its cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct LossSettled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// Taken from cash.
    pub amount_atoms: i64,
    /// The seat after.
    pub seat_after: SeatBalance,
    /// Cash after.
    pub cash_after_atoms: i64,
}
