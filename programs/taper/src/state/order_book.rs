//! The order book of one market.

use anchor_lang::prelude::*;
use taper_engine::book::Book;

use super::assert_layout;
use crate::constants::ACCOUNT_VERSION;
use crate::error::TaperError;

/// A keypair account, created by the client in the same transaction as its market.
#[account(zero_copy)]
pub struct OrderBook {
    /// Layout version.
    pub version: u8,
    /// Zero.
    pub padding: [u8; 7],
    /// The market it belongs to.
    pub market: Pubkey,
    /// Zero.
    pub reserved: [u64; 3],
    /// Bids and asks.
    pub book: Book,
}
assert_layout!(OrderBook, 64 + core::mem::size_of::<Book>(), { version: 0, padding: 1, market: 8, reserved: 40, book: 64 });

impl OrderBook {
    /// What can be checked in constant time after every instruction that wrote to the book.
    ///
    /// # Errors
    /// `InvariantViolated`.
    pub fn invariant(&self) -> Result<()> {
        let crossed = match (last(&self.book.bids, self.book.bid_count), last(&self.book.asks, self.book.ask_count)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        };
        require!(self.version == ACCOUNT_VERSION && !crossed, TaperError::InvariantViolated);
        Ok(())
    }
}

/// Price of the best order of a side: its last used row.
fn last(side: &[taper_engine::book::Order], count: u32) -> Option<i64> {
    let index = usize::try_from(count).ok()?.checked_sub(1)?;
    side.get(index).map(|order| order.price_atoms_per_lot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminator() {
        assert_eq!(OrderBook::DISCRIMINATOR, [55, 230, 125, 218, 149, 39, 65, 248]);
    }

    #[test]
    fn space_is_what_clients_allocate() {
        assert_eq!(OrderBook::SPACE, 8 + 64 + 16 + 2 * 56 * 1_024);
    }
}
