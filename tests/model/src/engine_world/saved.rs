//! What is restored after a refusal. Only what can have changed is copied: rows that were never used, and one more, stay as they are.

use taper_engine::book::{Book, Order};
use taper_engine::market::MarketState;
use taper_engine::seat::Seat;

use super::{Account, EngineWorld, Exchange, Venue};

#[derive(Default)]
struct SavedVenue {
    /// Header, and the rows of the table that have been used, and one more.
    bytes: Vec<u8>,
    sequence: u64,
    bids: (u32, Vec<Order>),
    asks: (u32, Vec<Order>),
    status: u8,
    opens_slot: u64,
}

/// A state to go back to.
#[derive(Default)]
pub struct Saved {
    venues: Vec<SavedVenue>,
    accounts: Vec<Account>,
    exchange: Exchange,
}

fn used_bytes(state: &MarketState) -> usize {
    let rows = (state.seats.touched_count as usize + 1).min(taper_engine::seat::SEATS);
    size_of::<MarketState>() - size_of::<Seat>() * (taper_engine::seat::SEATS - rows)
}

fn save_side(side: &mut (u32, Vec<Order>), count: u32, rows: &[Order]) {
    side.0 = count;
    side.1.clear();
    side.1.extend_from_slice(&rows[..(count as usize + 1).min(rows.len())]);
}

impl SavedVenue {
    fn save(&mut self, venue: &Venue) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&bytemuck::bytes_of(&*venue.state)[..used_bytes(&venue.state)]);
        let book: &Book = &venue.book;
        self.sequence = book.next_sequence;
        save_side(&mut self.bids, book.bid_count, &book.bids);
        save_side(&mut self.asks, book.ask_count, &book.asks);
        (self.status, self.opens_slot) = (venue.status, venue.opens_slot);
    }

    fn restore(&self, venue: &mut Venue) {
        bytemuck::bytes_of_mut(&mut *venue.state)[..self.bytes.len()].copy_from_slice(&self.bytes);
        let book: &mut Book = &mut venue.book;
        book.next_sequence = self.sequence;
        (book.bid_count, book.ask_count) = (self.bids.0, self.asks.0);
        book.bids[..self.bids.1.len()].copy_from_slice(&self.bids.1);
        book.asks[..self.asks.1.len()].copy_from_slice(&self.asks.1);
        (venue.status, venue.opens_slot) = (self.status, self.opens_slot);
    }
}

impl EngineWorld {
    /// Copies what an operation can change.
    pub fn save(&self, saved: &mut Saved) {
        saved.venues.resize_with(self.venues.len(), SavedVenue::default);
        for (saved, venue) in saved.venues.iter_mut().zip(&self.venues) {
            saved.save(venue);
        }
        saved.accounts.clone_from(&self.accounts);
        saved.exchange = self.exchange;
    }

    /// Goes back.
    pub fn restore(&mut self, saved: &Saved) {
        // A listing that is refused leaves no market.
        self.venues.truncate(saved.venues.len());
        for (saved, venue) in saved.venues.iter().zip(&mut self.venues) {
            saved.restore(venue);
        }
        self.accounts.clone_from(&saved.accounts);
        self.exchange = saved.exchange;
    }
}
