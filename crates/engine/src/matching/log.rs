//! What a call did to resting orders: enough for an indexer to rebuild the book and the makers' seats.

use bytemuck::{Pod, Zeroable};

use crate::book::{index_of, Order, MAX_FILLS, MAX_REMOVALS};
use crate::error::{EngineError, Result};
use crate::quantity::{BaseLots, Side};
use crate::seat::ORDERS_PER_SEAT;

/// Removals that one instruction can log: every order of a seat, then those of the matching loop, then one evicted.
pub const REMOVAL_LOG: usize = ORDERS_PER_SEAT as usize + MAX_REMOVALS + 1;

/// Why an order left the book without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RemovalReason {
    /// Its owner, or the liquidation of its owner, cancelled it.
    Cancelled = 0,
    /// Its slot has come.
    Expired = 1,
    /// Worse for its owner, against the oracle, than the maker band allows.
    OutOfBand = 2,
    /// Reduce-only, with nothing left to reduce.
    NothingToReduce = 3,
    /// Its owner took: cancelled.
    SelfTradeCancelled = 4,
    /// Its owner took: shrunk by the lots of the record, perhaps to nothing.
    SelfTradeDecremented = 5,
    /// The side was full and a better order came.
    Evicted = 6,
}

/// One resting order's part in a call: every take from it, merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FillRecord {
    /// Sequence of the resting order.
    pub maker_sequence: u64,
    /// Its owner's number for it.
    pub maker_client_order_id: u64,
    /// Its price, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Lots filled.
    pub base_lots: i64,
    /// Fee its owner paid, in quote atoms; negative is a rebate.
    pub maker_fee_atoms: i64,
    /// Funding and shared losses that its owner's seat paid before the fill, in quote atoms; negative was received.
    pub maker_settled_atoms: i64,
    /// Seat of its owner.
    pub maker_seat_index: u32,
    /// 1 if nothing of it is left in the book.
    pub maker_done: u32,
}

/// A resting order, or a part of it, that left the book without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RemovalRecord {
    /// Its sequence.
    pub sequence: u64,
    /// Its owner's number for it.
    pub client_order_id: u64,
    /// Its price, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Lots that left.
    pub base_lots: i64,
    /// Seat of its owner.
    pub seat_index: u32,
    /// 0 bid, 1 ask.
    pub side: u8,
    /// A [`RemovalReason`].
    pub reason: u8,
    /// Zero.
    pub padding: [u8; 2],
}

/// What a call did to resting orders, for events. Large: it lives on the heap and is passed by reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FillLog {
    /// Fills in use.
    pub count: u32,
    /// Removals in use.
    pub removal_count: u32,
    /// Fills, in order.
    pub fills: [FillRecord; MAX_FILLS],
    /// Removals, in order.
    pub removals: [RemovalRecord; REMOVAL_LOG],
}

impl FillLog {
    /// The fills in use.
    pub fn fills(&self) -> &[FillRecord] {
        self.fills.get(..index_of(self.count)).unwrap_or(&self.fills)
    }

    /// The removals in use.
    pub fn removals(&self) -> &[RemovalRecord] {
        self.removals.get(..index_of(self.removal_count)).unwrap_or(&self.removals)
    }

    /// Removals that still fit.
    pub(crate) fn removal_room(&self) -> u32 {
        u32::try_from(REMOVAL_LOG).unwrap_or(0).saturating_sub(self.removal_count)
    }

    pub(super) fn push_fill(&mut self, record: FillRecord) -> Result<()> {
        let place = self.fills.get_mut(index_of(self.count)).ok_or(EngineError::InvariantViolated)?;
        *place = record;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(crate) fn push_removal(
        &mut self,
        side: Side,
        order: &Order,
        lots: BaseLots,
        reason: RemovalReason,
    ) -> Result<()> {
        let index = index_of(self.removal_count);
        *self.removals.get_mut(index).ok_or(EngineError::InvariantViolated)? = RemovalRecord {
            sequence: order.sequence,
            client_order_id: order.client_order_id,
            price_atoms_per_lot: order.price_atoms_per_lot,
            base_lots: lots.0,
            seat_index: order.seat_index,
            side: match side {
                Side::Bid => 0,
                Side::Ask => 1,
            },
            reason: reason as u8,
            padding: [0; 2],
        };
        self.removal_count = self.removal_count.saturating_add(1);
        Ok(())
    }
}
