//! The end of a market: all positions are closed at one price, in one transition; then nothing of it needs an oracle any more.

mod terms;

use crate::book::{index_of, Book};
use crate::cash::{take_income, MarketIncome};
use crate::charges::CHARGE_SCALE;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::{Grade, OraclePrice};
use crate::params::MarketParams;
use crate::quantity::{wide_mul, BaseLots, Price, QuoteAtoms, BPS_ONE, MAX_PRICE_ATOMS_PER_LOT};
use crate::seat::Seat;

pub use terms::FinalTerms;

/// Slots (about a day) in which a market can be settled at a fresh price only, from when its settlement has become due. A market that has used
/// no price for as long has a silent oracle.
pub const SILENT_ORACLE_SLOTS: u64 = 216_000;

/// What settling a market did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Price at which all positions were closed.
    pub price: Price,
    /// Lots closed on each side.
    pub lots: BaseLots,
    /// Orders that rested in the book.
    pub orders: u32,
    /// Funding and shared losses that the seats paid first, less what they received.
    pub charged: QuoteAtoms,
}

impl MarketState {
    /// True once all positions have been closed at the final price.
    pub const fn is_settled(&self) -> bool {
        self.final_price_atoms_per_lot != 0
    }

    /// True if nobody can lose by the market's end: it is settled, or nobody ever had a seat in it.
    pub const fn is_over(&self) -> bool {
        self.is_settled() || self.seats.touched_count == 0
    }

    /// The final price, as a price of this market: as fresh as ever, of no doubt, and of the time of the last one that the market used.
    pub fn settled_price(&self) -> OraclePrice {
        let (price, publish_time_seconds) =
            (Price(self.final_price_atoms_per_lot), self.last_price.publish_time_seconds);
        OraclePrice { price, confidence: Price(0), ema: price, publish_time_seconds, grade: Grade::Fresh }
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

    /// Refuses a market that cannot be settled yet, or no more.
    ///
    /// # Errors
    /// `MarketSettled`, `NotWindingDown`, `SettlementTooEarly`.
    pub const fn require_due(&self, slot: u64) -> Result<()> {
        if self.is_settled() {
            Err(EngineError::MarketSettled)
        } else if self.settle_after_slot == 0 {
            Err(EngineError::NotWindingDown)
        } else if slot < self.settle_after_slot {
            Err(EngineError::SettlementTooEarly)
        } else {
            Ok(())
        }
    }
}

/// The price at which a market that is winding down would be settled now: the EMA of a fresh price. Whoever calls chooses the moment, and
/// the EMA of an hour hardly moves with it.
///
/// Nothing that an emergency needs depends on an oracle: a day later a degraded price will do; and without any (`None`), if the market has used
/// none for a day either, the last one that it used. Not before: an account that lags for a moment must not bring back the price of an hour
/// that suits the caller.
///
/// # Errors
/// As [`MarketState::require_due`]; `OracleStale` for a price that is not good enough now; `OracleAverageTooFar`; `OraclePriceOutOfRange`.
pub fn final_price(market: &MarketState, price: Option<&OraclePrice>, slot: u64) -> Result<Price> {
    market.require_due(slot)?;
    let day_over = |since: u64| slot >= since.saturating_add(SILENT_ORACLE_SLOTS);
    let is_late = day_over(market.settle_after_slot);
    let found = match price.filter(|price| price.grade != Grade::Frozen) {
        Some(price) => {
            if !is_late {
                Action::SettleMarket.require(price.grade)?;
            }
            average(&market.params, price)?
        }
        None if is_late && day_over(market.last_price.used_slot) => Price(market.last_price.price_atoms_per_lot),
        None => return Err(EngineError::OracleStale),
    };
    if found.0 <= 0 || found.0 > MAX_PRICE_ATOMS_PER_LOT {
        return Err(EngineError::OraclePriceOutOfRange);
    }
    Ok(found)
}

/// The EMA, if it is no further from the price than the first tier's maintenance rate. So settlement makes no healthy account unhealthy: what
/// a position loses by the EMA is at most the requirement that goes with it. Further apart, whoever gains by it would choose that moment: it
/// has to wait until the two have met.
fn average(params: &MarketParams, price: &OraclePrice) -> Result<Price> {
    let rate_bps = params.tiers().first().map_or(0, |tier| i64::from(tier.mmr_bps));
    // Both are within 0 … 2^40, so is their difference. Compared exactly, without a quotient.
    let distance = price.ema.0.saturating_sub(price.price.0).saturating_abs();
    if wide_mul(distance, BPS_ONE) > wide_mul(price.price.0, rate_bps) {
        return Err(EngineError::OracleAverageTooFar);
    }
    Ok(price.ema)
}

/// Closes every position at [`final_price`], and empties the book. Each seat is closed by [`FinalTerms::close`].
/// All at once: positions sum to zero, so what the seats hold together does not change by the price.
///
/// # Errors
/// As [`final_price`]; `InvariantViolated` when positions do not balance; `MathOverflow`. After an error the state is to be thrown away.
pub fn settle_market(
    market: &mut MarketState,
    book: &mut Book,
    price: Option<&OraclePrice>,
    slot: u64,
) -> Result<Settlement> {
    let price = final_price(market, price, slot)?;
    market.accrue(slot);
    let charges = &mut market.charges;
    charges.funding_rate_scaled_per_slot = 0;
    let terms = FinalTerms {
        price,
        funding_index_scaled: charges.funding_index_scaled,
        loss_index_scaled: charges.loss_index_scaled,
    };
    let touched = index_of(market.seats.touched_count);
    let rows = market.seats.rows.get_mut(..touched).ok_or(EngineError::InvariantViolated)?;
    let closed = close_all(&terms, rows)?;
    let interest = BaseLots(market.open_interest_base_lots);
    if closed.base_lots != 0 || closed.sizes_base_lots != interest.add(interest)?.0 {
        return Err(EngineError::InvariantViolated);
    }
    let clearing = QuoteAtoms(charges.clearing_atoms).add(closed.charged)?;
    charges.clearing_atoms = clearing.0;
    // Nobody owes anything any more: what the pool holds is the residue, and nothing else (INV-11).
    let residue = u64::try_from(clearing.0).map_err(|_| EngineError::InvariantViolated)?;
    charges.residue_scaled = residue.checked_mul(CHARGE_SCALE.unsigned_abs()).ok_or(EngineError::MathOverflow)?;
    market.open_interest_base_lots = 0;
    market.final_price_atoms_per_lot = price.0;
    let orders = book.bid_count.saturating_add(book.ask_count);
    (book.bid_count, book.ask_count) = (0, 0);
    Ok(Settlement { price, lots: interest, orders, charged: closed.charged })
}

/// Sums over the seats that were closed.
struct Sums {
    base_lots: i64,
    /// Of all positions, without their signs.
    sizes_base_lots: i64,
    charged: QuoteAtoms,
}

/// The table is walked once, and every seat of it can have a position: a step is kept cheap. Positions are within 2^40, and what a seat pays in
/// plain arithmetic within 2^41, so their sums over 2,048 seats cannot wrap.
fn close_all(terms: &FinalTerms, rows: &mut [Seat]) -> Result<Sums> {
    let most_lots = terms.plain_lots();
    let (mut base_lots, mut sizes, mut plain, mut exact) = (0i64, 0i64, 0i64, QuoteAtoms::ZERO);
    for seat in rows {
        let base = seat.base_lots;
        if base != 0 {
            base_lots = base_lots.wrapping_add(base);
            sizes = sizes.wrapping_add(base.wrapping_abs());
            match terms.close_plain(most_lots, seat) {
                Some(paid) => plain = plain.wrapping_add(paid),
                None => exact = exact.add(QuoteAtoms(terms.close_exactly(seat)?))?,
            }
        }
        if seat.bid_count | seat.ask_count != 0 {
            forget_orders(seat);
        }
    }
    Ok(Sums { base_lots, sizes_base_lots: sizes, charged: exact.add(QuoteAtoms(plain))? })
}

/// Forgets all resting orders: they are gone with the book.
fn forget_orders(seat: &mut Seat) {
    (seat.bid_lots, seat.ask_lots, seat.bid_quote_atoms, seat.ask_quote_atoms) = (0, 0, 0, 0);
    (seat.bid_price_max_atoms_per_lot, seat.ask_price_min_atoms_per_lot) = (0, 0);
    (seat.bid_count, seat.ask_count) = (0, 0);
}

/// Takes leave of a market that is over, and in which nothing is left. Returns its last income.
///
/// # Errors
/// `MarketNotEmpty`; `MathOverflow`.
pub fn close_market(market: &mut MarketState, book: &Book) -> Result<MarketIncome> {
    let is_empty = market.seats.used_count == 0
        && market.seats.bonds_atoms == 0
        && book.bid_count == 0
        && book.ask_count == 0
        && market.open_interest_base_lots == 0
        && market.unassigned_loss_atoms == 0
        && market.held_loss_atoms == 0;
    if !market.is_over() || !is_empty {
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
