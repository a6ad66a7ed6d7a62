//! Checks of a whole market against its book: for the harness, the simulator and off-chain auditors. Too dear for the chain.

use crate::book::{index_of, Book, Order};
use crate::charges::CHARGE_SCALE;
use crate::market::MarketState;
use crate::quantity::Side;
use crate::seat::Seat;

/// An invariant of `docs/invariants.md` that this module checks, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Invariant {
    /// INV-02: base sums to zero; open interest is the sum of the longs.
    BaseConserved = 2,
    /// INV-07, the market's part: used seats, bonds and the free list agree; free seats are empty, flat ones have no entry.
    SeatTable = 7,
    /// INV-08: order totals of every seat equal the book.
    OrderTotals = 8,
    /// INV-09: the book is sorted and uncrossed, its rows are sound.
    BookSorted = 9,
    /// INV-11: what seats owe and the clearing pool make up the residue exactly.
    ClearingPool = 11,
    /// INV-12: net swept profit is within its cap.
    SweptProfit = 12,
    /// INV-23: what is recorded of deficits is the sum of the seats' parts, none of them negative.
    RecordedParts = 23,
}

/// A set of violated invariants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    bits: u32,
}

/// Everything this module checks.
const CHECKED: [Invariant; 7] = [
    Invariant::BaseConserved,
    Invariant::SeatTable,
    Invariant::OrderTotals,
    Invariant::BookSorted,
    Invariant::ClearingPool,
    Invariant::SweptProfit,
    Invariant::RecordedParts,
];

impl Violations {
    /// True if nothing is violated.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// True if this one is violated.
    pub fn contains(&self, invariant: Invariant) -> bool {
        self.bits & bit(invariant) != 0
    }

    /// The violated ones.
    pub fn iter(&self) -> impl Iterator<Item = Invariant> + '_ {
        CHECKED.into_iter().filter(|invariant| self.contains(*invariant))
    }

    fn require(&mut self, invariant: Invariant, holds: bool) {
        if !holds {
            self.bits |= bit(invariant);
        }
    }
}

fn bit(invariant: Invariant) -> u32 {
    1u32.checked_shl(u32::from(invariant as u8)).unwrap_or(0)
}

/// Checks a whole market. Returns what it found violated.
pub fn check_market(market: &MarketState, book: &Book) -> Violations {
    let mut found = Violations::default();
    found.require(Invariant::BaseConserved, is_base_conserved(market));
    found.require(Invariant::SeatTable, is_seat_table_sound(market));
    found.require(Invariant::OrderTotals, are_totals_equal(market, book));
    found.require(Invariant::BookSorted, is_book_sound(market, book));
    found.require(Invariant::ClearingPool, is_clearing_exact(market));
    found.require(Invariant::SweptProfit, market.net_swept_profit_atoms <= market.params.sweep_cap_atoms);
    found.require(Invariant::RecordedParts, are_records_summed(market));
    found
}

/// What the market holds of the vault (its part of INV-01), in quote atoms: seats' entries and results, fees and insurance income
/// not yet swept, bonds, the clearing pool; less losses that nobody has borne yet.
pub fn market_value(market: &MarketState) -> i128 {
    let seats = market.seats.rows.iter().fold(0i128, |sum, seat| {
        sum.saturating_add(i128::from(seat.quote_entry_atoms)).saturating_add(i128::from(seat.realised_atoms))
    });
    seats
        .saturating_add(i128::from(market.fees_atoms))
        .saturating_add(i128::from(market.insurance_pending_atoms))
        .saturating_add(i128::from(market.seats.bonds_atoms))
        .saturating_add(i128::from(market.charges.clearing_atoms))
        .saturating_sub(i128::from(market.unassigned_loss_atoms))
}

/// `clearing × 2^20 + Σ what seats owe, unrounded = residue`.
fn is_clearing_exact(market: &MarketState) -> bool {
    let charges = &market.charges;
    let owed = market.seats.rows.iter().fold(0i128, |sum, seat| {
        let moved = |index: i64, checkpoint: i64| i128::from(index).saturating_sub(i128::from(checkpoint));
        let base = i128::from(seat.base_lots);
        let funding = base.saturating_mul(moved(charges.funding_index_scaled, seat.funding_checkpoint_scaled));
        let loss = base.saturating_abs().saturating_mul(moved(charges.loss_index_scaled, seat.loss_checkpoint_scaled));
        sum.saturating_add(funding).saturating_add(loss)
    });
    let pool = i128::from(charges.clearing_atoms).saturating_mul(i128::from(CHARGE_SCALE));
    pool.saturating_add(owed) == i128::from(charges.residue_scaled)
}

fn are_records_summed(market: &MarketState) -> bool {
    let parts = || market.seats.rows.iter().map(|seat| i128::from(seat.recorded_atoms));
    let sum = parts().fold(0i128, |sum, part| sum.saturating_add(part));
    parts().all(|part| part >= 0) && sum == i128::from(market.recorded_atoms)
}

fn is_base_conserved(market: &MarketState) -> bool {
    let (mut sum, mut longs) = (0i128, 0i128);
    for seat in &market.seats.rows {
        sum = sum.saturating_add(i128::from(seat.base_lots));
        longs = longs.saturating_add(i128::from(seat.base_lots.max(0)));
    }
    sum == 0 && longs == i128::from(market.open_interest_base_lots)
}

fn is_seat_table_sound(market: &MarketState) -> bool {
    let table = &market.seats;
    let (mut used, mut bonds) = (0u32, 0u128);
    for (index, seat) in table.rows.iter().enumerate() {
        if seat.is_free() {
            let linked = index < index_of(table.touched_count);
            let mut row = *seat;
            row.next_free_plus_one = if linked { 0 } else { row.next_free_plus_one };
            if bytemuck::bytes_of(&row).iter().any(|byte| *byte != 0) {
                return false;
            }
        } else {
            let flat_without_entry = seat.base_lots != 0 || seat.quote_entry_atoms == 0;
            if index >= index_of(table.touched_count) || seat.next_free_plus_one != 0 || !flat_without_entry {
                return false;
            }
            used = used.saturating_add(1);
        }
        bonds = bonds.saturating_add(u128::from(seat.bond_atoms));
    }
    let free = table.touched_count.saturating_sub(used);
    used == table.used_count && bonds == u128::from(table.bonds_atoms) && free_list_length(market) == Some(free)
}

/// Length of the free list; `None` when it leads to a taken seat, outside, or in a circle.
fn free_list_length(market: &MarketState) -> Option<u32> {
    let (mut length, mut next) = (0u32, market.seats.free_head_plus_one);
    while let Some(index) = next.checked_sub(1) {
        let seat = market.seats.rows.get(index_of(index))?;
        if !seat.is_free() || length > market.seats.touched_count {
            return None;
        }
        length = length.saturating_add(1);
        next = seat.next_free_plus_one;
    }
    Some(length)
}

fn are_totals_equal(market: &MarketState, book: &Book) -> bool {
    let mut counted = 0usize;
    for (index, seat) in market.seats.rows.iter().enumerate() {
        let orders = usize::from(seat.bid_count).saturating_add(usize::from(seat.ask_count));
        counted = counted.saturating_add(orders);
        if !seat.is_free() && !are_seat_totals_equal(index, seat, book) {
            return false;
        }
    }
    counted == book.orders(Side::Bid).len().saturating_add(book.orders(Side::Ask).len())
}

fn are_seat_totals_equal(index: usize, seat: &Seat, book: &Book) -> bool {
    let own = |side| book.orders(side).iter().filter(move |order| index_of(order.seat_index) == index);
    let sums = |side| {
        own(side).fold((0i128, 0i128, 0u16), |(lots, quote, count), order: &Order| {
            let size = i128::from(order.size_base_lots);
            let notional = size.saturating_mul(i128::from(order.price_atoms_per_lot));
            (lots.saturating_add(size), quote.saturating_add(notional), count.saturating_add(1))
        })
    };
    let bids = (i128::from(seat.bid_lots), i128::from(seat.bid_quote_atoms), seat.bid_count);
    let asks = (i128::from(seat.ask_lots), i128::from(seat.ask_quote_atoms), seat.ask_count);
    let (highest, lowest) = (seat.bid_price_max_atoms_per_lot, seat.ask_price_min_atoms_per_lot);
    sums(Side::Bid) == bids
        && sums(Side::Ask) == asks
        && own(Side::Bid).all(|order| order.price_atoms_per_lot <= highest)
        && own(Side::Ask).all(|order| order.price_atoms_per_lot >= lowest)
        && (seat.bid_count != 0 || highest == 0)
        && (seat.ask_count != 0 || lowest == 0)
}

fn is_book_sound(market: &MarketState, book: &Book) -> bool {
    let tick = market.params.tick_size_atoms_per_lot;
    let row_is_sound = |order: &Order| {
        let on_tick = order.price_atoms_per_lot.checked_rem(tick) == Some(0);
        let owned = market.seats.get(order.seat_index).is_ok_and(|seat| !seat.is_free());
        let sequence_used = order.sequence < book.next_sequence;
        order.price_atoms_per_lot > 0 && order.size_base_lots > 0 && on_tick && owned && sequence_used
    };
    let sorted = |side: Side| {
        let orders = book.orders(side);
        orders.iter().zip(orders.iter().skip(1)).all(|(worse, better)| {
            let rises = better.price_atoms_per_lot > worse.price_atoms_per_lot;
            let falls = better.price_atoms_per_lot < worse.price_atoms_per_lot;
            let older = better.sequence < worse.sequence;
            match side {
                Side::Bid => rises || (!falls && older),
                Side::Ask => falls || (!rises && older),
            }
        })
    };
    let uncrossed = match (book.best(Side::Bid), book.best(Side::Ask)) {
        (Some(bid), Some(ask)) => bid.price_atoms_per_lot < ask.price_atoms_per_lot,
        _ => true,
    };
    let sides = [Side::Bid, Side::Ask];
    uncrossed && sides.iter().all(|side| sorted(*side) && book.orders(*side).iter().all(row_is_sound))
}

#[cfg(test)]
mod tests;
