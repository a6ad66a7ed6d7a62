//! The end of a market: all positions are closed at one price, in one transition; then nothing of it needs an oracle any more.

use crate::book::{index_of, Book};
use crate::cash::{take_income, MarketIncome};
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::{Grade, OraclePrice};
use crate::quantity::{BaseLots, Price, QuoteAtoms, MAX_PRICE_ATOMS_PER_LOT};
use crate::seat::Seat;

/// Slots after the settlement has become due (about a day) from which on a market whose oracle cannot be used is settled at the last price
/// that it used.
pub const SILENT_ORACLE_SLOTS: u64 = 216_000;

/// What settling a market did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Price at which all positions were closed.
    pub price: Price,
    /// Lots closed on each side.
    pub lots: BaseLots,
    /// Seats that had a position or orders.
    pub seats: u32,
}

impl MarketState {
    /// True once all positions have been closed at the final price.
    pub const fn is_settled(&self) -> bool {
        self.final_price_atoms_per_lot != 0
    }

    /// The final price, as a price of this market: of no age, and of no doubt.
    pub fn settled_price(&self, now_seconds: i64) -> OraclePrice {
        let price = Price(self.final_price_atoms_per_lot);
        OraclePrice { price, confidence: Price(0), ema: price, publish_time_seconds: now_seconds, grade: Grade::Fresh }
    }

    /// Refuses what makes no sense in a settled market.
    ///
    /// # Errors
    /// `MarketSettled`.
    pub const fn require_unsettled(&self) -> Result<()> {
        if self.is_settled() {
            return Err(EngineError::MarketSettled);
        }
        Ok(())
    }
}

/// The price at which a market that is winding down would be settled now: the EMA of a fresh price. Whoever calls chooses the moment, and
/// the EMA of an hour hardly moves with it. Where the oracle cannot be used (`None`, or not fresh), a day later, the price the market used
/// last: nothing that an emergency needs depends on an oracle.
///
/// # Errors
/// `MarketSettled`, `NotWindingDown`, `SettlementTooEarly`; `OracleStale` while the oracle cannot be used and the day is not over;
/// `OraclePriceOutOfRange`.
pub fn final_price(market: &MarketState, price: Option<&OraclePrice>, slot: u64) -> Result<Price> {
    market.require_unsettled()?;
    if market.settle_after_slot == 0 {
        return Err(EngineError::NotWindingDown);
    }
    if slot < market.settle_after_slot {
        return Err(EngineError::SettlementTooEarly);
    }
    let usable = price.ok_or(EngineError::OracleStale).and_then(|price| {
        Action::SettleMarket.require(price.grade)?;
        Ok(price.ema)
    });
    let found = match usable {
        Ok(found) => found,
        Err(_) if slot >= market.settle_after_slot.saturating_add(SILENT_ORACLE_SLOTS) => {
            Price(market.last_price.price_atoms_per_lot)
        }
        Err(refusal) => return Err(refusal),
    };
    if found.0 <= 0 || found.0 > MAX_PRICE_ATOMS_PER_LOT {
        return Err(EngineError::OraclePriceOutOfRange);
    }
    Ok(found)
}

/// Closes every position at [`final_price`], and empties the book. Each seat is settled, then `realised` gets `base × price + quote_entry`.
/// All at once: positions sum to zero, so what the seats hold together does not change by the price.
///
/// # Errors
/// As [`final_price`]; `InvariantViolated` when positions do not balance; `MathOverflow`.
pub fn settle_market(
    market: &mut MarketState,
    book: &mut Book,
    price: Option<&OraclePrice>,
    slot: u64,
) -> Result<Settlement> {
    let price = final_price(market, price, slot)?;
    market.accrue(slot);
    market.charges.funding_rate_scaled_per_slot = 0;
    let (mut longs, mut shorts, mut seats) = (BaseLots::ZERO, BaseLots::ZERO, 0u32);
    for seat_index in 0..market.seats.touched_count {
        let seat = market.seats.get(seat_index)?;
        let is_idle = seat.base_lots == 0 && seat.bid_count == 0 && seat.ask_count == 0;
        if is_idle {
            continue;
        }
        seats = seats.saturating_add(1);
        let base = seat.base();
        if base.is_positive() {
            longs = longs.add(base)?;
        } else {
            shorts = shorts.sub(base)?;
        }
        if base.is_zero() {
            market.seats.get_mut(seat_index)?.forget_orders();
            continue;
        }
        market.settle_seat(seat_index)?;
        let seat = market.seats.get_mut(seat_index)?;
        seat.close_at(price)?;
        seat.forget_orders();
    }
    if longs != shorts || longs.0 != market.open_interest_base_lots {
        return Err(EngineError::InvariantViolated);
    }
    market.open_interest_base_lots = 0;
    market.final_price_atoms_per_lot = price.0;
    book.bid_count = 0;
    book.ask_count = 0;
    Ok(Settlement { price, lots: longs, seats })
}

impl Seat {
    /// Turns a position into its result at a price: what settlement does to a seat, after its charges. The rule for indexers, too.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn close_at(&mut self, price: Price) -> Result<()> {
        let result = price.notional(self.base())?.add(QuoteAtoms(self.quote_entry_atoms))?;
        self.realised_atoms = QuoteAtoms(self.realised_atoms).add(result)?.0;
        self.base_lots = 0;
        self.quote_entry_atoms = 0;
        Ok(())
    }

    /// Forgets all resting orders: they are gone with the book.
    fn forget_orders(&mut self) {
        (self.bid_lots, self.ask_lots, self.bid_quote_atoms, self.ask_quote_atoms) = (0, 0, 0, 0);
        (self.bid_price_max_atoms_per_lot, self.ask_price_min_atoms_per_lot) = (0, 0);
        (self.bid_count, self.ask_count) = (0, 0);
    }
}

/// Takes leave of a market: it is settled, or nobody ever had a seat in it, and nothing is left in it. Returns its last income.
///
/// # Errors
/// `MarketNotEmpty`; `MathOverflow`.
pub fn close_market(market: &mut MarketState, book: &Book) -> Result<MarketIncome> {
    let was_used = index_of(market.seats.touched_count) != 0;
    let is_over = market.is_settled() || !was_used;
    let is_empty = market.seats.used_count == 0
        && market.seats.bonds_atoms == 0
        && book.bid_count == 0
        && book.ask_count == 0
        && market.open_interest_base_lots == 0
        && market.unassigned_loss_atoms == 0
        && market.held_loss_atoms == 0;
    if !is_over || !is_empty {
        return Err(EngineError::MarketNotEmpty);
    }
    let income = take_income(market)?;
    // Without seats nobody owes anything: the pool is empty, and so is the residue (INV-11).
    if market.charges.clearing_atoms != 0 || market.charges.residue_scaled != 0 {
        return Err(EngineError::InvariantViolated);
    }
    Ok(income)
}

#[cfg(test)]
mod tests;
