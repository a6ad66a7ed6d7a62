//! The order book: sorted arrays, best order at the end.

use crate::error::{EngineError, Result};
use crate::quantity::{Price, Side};
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
        /// Slot in which it was placed: the premium for funding looks only at orders that have stood for a slot.
        pub placed_slot: u64,
    }
}
assert_layout!(Order, 56, {
    price_atoms_per_lot: 0, sequence: 8, size_base_lots: 16, client_order_id: 24, expires_at_slot: 32, seat_index: 40,
    flags: 44, padding: 45, placed_slot: 48,
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

/// Names a resting order: what a binary search needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId {
    /// Side of the book.
    pub side: Side,
    /// Limit price, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Sequence, unique in the book.
    pub sequence: u64,
}

impl Order {
    /// True once `slot` has reached the order's expiry.
    #[inline(always)]
    pub const fn is_expired(&self, slot: u64) -> bool {
        self.expires_at_slot != 0 && self.expires_at_slot <= slot
    }

    /// True if the order may only reduce its owner's position.
    #[inline(always)]
    pub const fn is_reduce_only(&self) -> bool {
        self.flags & ORDER_REDUCE_ONLY != 0
    }

    /// Its limit price.
    #[inline(always)]
    pub const fn price(&self) -> Price {
        Price(self.price_atoms_per_lot)
    }
}

/// Widens an index kept as `u32`. A target on which it does not fit gets an index that no array has.
#[inline(always)]
pub(crate) fn index_of(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Book {
    /// The used rows of a side: worst first, best last.
    #[inline]
    pub fn orders(&self, side: Side) -> &[Order] {
        let (rows, count) = match side {
            Side::Bid => (&self.bids, self.bid_count),
            Side::Ask => (&self.asks, self.ask_count),
        };
        rows.get(..index_of(count)).unwrap_or(rows)
    }

    #[inline]
    fn parts_mut(&mut self, side: Side) -> (&mut [Order; ORDERS_PER_SIDE], &mut u32) {
        match side {
            Side::Bid => (&mut self.bids, &mut self.bid_count),
            Side::Ask => (&mut self.asks, &mut self.ask_count),
        }
    }

    /// The best order of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<&Order> {
        self.orders(side).last()
    }

    #[inline]
    pub(crate) fn best_mut(&mut self, side: Side) -> Option<&mut Order> {
        let (rows, count) = self.parts_mut(side);
        rows.get_mut(index_of(count.checked_sub(1)?))
    }

    /// Takes the best order off. Cheap: it is the last row.
    #[inline]
    pub(crate) fn pop_best(&mut self, side: Side) {
        let (_, count) = self.parts_mut(side);
        *count = count.saturating_sub(1);
    }

    /// Where the order stands in its side, by binary search.
    pub fn find(&self, id: &OrderId) -> Option<usize> {
        let by_price = |order: &Order| match id.side {
            Side::Bid => order.price_atoms_per_lot.cmp(&id.price_atoms_per_lot),
            Side::Ask => id.price_atoms_per_lot.cmp(&order.price_atoms_per_lot),
        };
        self.orders(id.side).binary_search_by(|order| by_price(order).then(id.sequence.cmp(&order.sequence))).ok()
    }

    /// True if a side has no free row.
    pub fn is_full(&self, side: Side) -> bool {
        self.orders(side).len() >= ORDERS_PER_SIDE
    }

    /// Puts in a new order, behind every order of its price: it must carry the highest sequence so far. A full side drops its
    /// worst order for a better one, and returns it.
    ///
    /// # Errors
    /// `BookFull` when the side is full and the order is not better in price than its worst.
    pub fn insert(&mut self, side: Side, order: &Order) -> Result<Option<Order>> {
        let price = order.price_atoms_per_lot;
        let at = self.orders(side).partition_point(|resting| match side {
            Side::Bid => resting.price_atoms_per_lot < price,
            Side::Ask => resting.price_atoms_per_lot > price,
        });
        let (rows, count) = self.parts_mut(side);
        let used = index_of(*count);
        if used < ORDERS_PER_SIDE {
            if at < used {
                rows.copy_within(at..used, at.saturating_add(1));
            }
            *rows.get_mut(at).ok_or(EngineError::InvariantViolated)? = *order;
            *count = count.saturating_add(1);
            return Ok(None);
        }
        // Row 0 is the worst. An order that would stand before it is not better.
        let target = at.checked_sub(1).ok_or(EngineError::BookFull)?;
        let worst = *rows.first().ok_or(EngineError::InvariantViolated)?;
        rows.copy_within(1..at, 0);
        *rows.get_mut(target).ok_or(EngineError::InvariantViolated)? = *order;
        Ok(Some(worst))
    }

    /// Takes out the order at an index of [`Book::orders`].
    ///
    /// # Errors
    /// `OrderNotFound` beyond the used rows.
    pub fn remove_at(&mut self, side: Side, index: usize) -> Result<Order> {
        let order = *self.orders(side).get(index).ok_or(EngineError::OrderNotFound)?;
        let (rows, count) = self.parts_mut(side);
        let used = index_of(*count);
        let next = index.saturating_add(1);
        if next < used {
            rows.copy_within(next..used, index);
        }
        *count = count.saturating_sub(1);
        Ok(order)
    }

    /// Takes out the orders at `indices` (falling, each a used row) with one move of each row that stays.
    ///
    /// # Errors
    /// `InvariantViolated` when the indices do not fall or lie beyond the used rows.
    pub(crate) fn remove_all(&mut self, side: Side, indices: &[u16]) -> Result<()> {
        let (rows, count) = self.parts_mut(side);
        let used = index_of(*count);
        let Some(lowest) = indices.last() else { return Ok(()) };
        let mut write = usize::from(*lowest);
        for (place, index) in indices.iter().enumerate().rev() {
            let from = usize::from(*index).saturating_add(1);
            // The block up to the next index to go, or to the end.
            let until = match place.checked_sub(1).and_then(|higher| indices.get(higher)) {
                Some(higher) => usize::from(*higher),
                None => used,
            };
            if from > until || until > used || write > from {
                return Err(EngineError::InvariantViolated);
            }
            rows.copy_within(from..until, write);
            write = write.saturating_add(until.saturating_sub(from));
        }
        *count = u32::try_from(write).map_err(|_| EngineError::InvariantViolated)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
