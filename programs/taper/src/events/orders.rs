//! Orders, and what happens to the book.

use anchor_lang::prelude::*;

use super::SeatBalance;

/// One fill against a resting order. The maker's seat changes by this fill and by `maker_fee_atoms`.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Seat of the maker.
    pub maker_seat_index: u32,
    /// Sequence of the maker's order.
    pub sequence: u64,
    /// The maker's own number for its order.
    pub client_order_id: u64,
    /// Price of the fill.
    pub price_atoms_per_lot: i64,
    /// Size of the fill.
    pub base_lots: i64,
    /// Fee paid by the maker; negative is a rebate.
    pub maker_fee_atoms: i64,
    /// Funding and shared losses that the maker's seat paid before the fill, out of its result; negative was received.
    pub maker_settled_atoms: i64,
}

/// One resting order that left the book unfilled.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Seat of its owner.
    pub seat_index: u32,
    /// 0 bid, 1 ask.
    pub side: u8,
    /// Why it left, see `RemovalReason` of the engine.
    pub reason: u8,
    /// Its sequence.
    pub sequence: u64,
    /// Its owner's number for it.
    pub client_order_id: u64,
    /// Its limit.
    pub price_atoms_per_lot: i64,
    /// What was left of it.
    pub base_lots: i64,
}

/// An order was placed: what it took, and what of it rests.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrderPlaced {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// 0 bid, 1 ask.
    pub side: u8,
    /// 0 limit, 1 post-only, 2 immediate-or-cancel, 3 fill-or-kill.
    pub kind: u8,
    /// True if it may only reduce.
    pub reduce_only: bool,
    /// Its limit.
    pub price_atoms_per_lot: i64,
    /// Its size.
    pub size_base_lots: i64,
    /// The owner's number for it.
    pub client_order_id: u64,
    /// First slot in which it is no longer good; zero for never.
    pub expires_at_slot: u64,
    /// What it took.
    pub filled_base_lots: i64,
    /// Notional of what it took.
    pub filled_quote_atoms: i64,
    /// Fee paid as a taker.
    pub taker_fee_atoms: i64,
    /// What rests.
    pub posted_base_lots: i64,
    /// Sequence of what rests; zero if nothing does.
    pub sequence: u64,
    /// The taker's seat after.
    pub seat_after: SeatBalance,
    /// True if this ended a liquidation episode.
    pub episode_ended: bool,
}

/// Fills and removals of one instruction, in order. Fills of a taker on `taker_side` are against orders of the other side.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct BookChanged {
    /// The market.
    pub market: Pubkey,
    /// Seat of the taker.
    pub taker_seat_index: u32,
    /// 0 bid, 1 ask.
    pub taker_side: u8,
    /// Oracle price at which it was done; zero where none was needed.
    pub oracle_price_atoms_per_lot: i64,
    /// The market's count of fills after.
    pub fill_sequence: u64,
    /// The funding index to which every seat of a fill is settled, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index to which every seat of a fill is settled, in `2^-20` atoms per lot.
    pub loss_index_scaled: i64,
    /// Fills.
    pub fills: Vec<Fill>,
    /// Removals.
    pub removals: Vec<Removal>,
}

/// A resting order was cancelled by its owner.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrderCancelled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The order.
    pub order: Removal,
}

/// Orders were cancelled: by the owner, or by a stranger because the account is unhealthy.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct OrdersCancelled {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its seat.
    pub seat_index: u32,
    /// 0 bids, 1 asks, 2 both.
    pub side: u8,
    /// True if a stranger did it.
    pub forced: bool,
    /// The orders.
    pub removals: Vec<Removal>,
}
