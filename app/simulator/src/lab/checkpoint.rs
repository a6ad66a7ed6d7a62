//! What a refused call leaves behind is thrown away, as on chain. A market is 400 kB, so only what one call can touch is kept: the head of
//! the market, a few seats, the maker's orders, one account.

use anyhow::{bail, Result};
use taper_engine::account::AccountState;
use taper_engine::book::{Book, Order};
use taper_engine::market::MarketState;
use taper_engine::seat::{Seat, ORDERS_PER_SEAT};

use super::world::refused;

/// Bytes of a market before its seats.
const HEAD: usize =
    std::mem::offset_of!(MarketState, seats) + std::mem::offset_of!(taper_engine::seat::SeatTable, rows);
/// Orders of a side: only the maker rests any.
const ORDERS: usize = ORDERS_PER_SEAT as usize;

/// The state before a call that moves no seats but those named.
pub struct Checkpoint {
    head: [u8; HEAD],
    seats: Vec<(u32, Seat)>,
    next_sequence: u64,
    counts: (u32, u32),
    bids: [Order; ORDERS],
    asks: [Order; ORDERS],
    account: AccountState,
}

impl Checkpoint {
    /// Keeps what a call on these seats may change.
    ///
    /// # Errors
    /// For a book with more orders than one owner can have.
    pub fn of(market: &MarketState, book: &Book, account: &AccountState, seats: &[u32]) -> Result<Self> {
        let mut kept = Vec::with_capacity(seats.len());
        for seat in seats {
            kept.push((*seat, *market.seats.get(*seat).map_err(refused)?));
        }
        let (Some(bids), Some(asks)) = (book.bids.first_chunk(), book.asks.first_chunk()) else {
            bail!("a side of the book has room for less than one owner's orders");
        };
        let Some(head) = bytemuck::bytes_of(market).first_chunk() else { bail!("a market has no head") };
        let most = u32::try_from(ORDERS)?;
        if book.bid_count > most || book.ask_count > most {
            bail!("the book has orders that are not the maker's");
        }
        Ok(Self {
            head: *head,
            seats: kept,
            next_sequence: book.next_sequence,
            counts: (book.bid_count, book.ask_count),
            bids: *bids,
            asks: *asks,
            account: *account,
        })
    }

    /// Puts everything back.
    ///
    /// # Errors
    /// Never, on the market that was kept.
    pub fn restore(&self, market: &mut MarketState, book: &mut Book, account: &mut AccountState) -> Result<()> {
        let (Some(bids), Some(asks)) = (book.bids.first_chunk_mut(), book.asks.first_chunk_mut()) else {
            bail!("a side of the book has room for less than one owner's orders");
        };
        (*bids, *asks) = (self.bids, self.asks);
        book.next_sequence = self.next_sequence;
        (book.bid_count, book.ask_count) = self.counts;
        let Some(head) = bytemuck::bytes_of_mut(market).first_chunk_mut() else { bail!("a market has no head") };
        *head = self.head;
        for (index, seat) in &self.seats {
            *market.seats.get_mut(*index).map_err(refused)? = *seat;
        }
        *account = self.account;
        Ok(())
    }
}
