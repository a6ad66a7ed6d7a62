//! Moving results between a seat and its account's cash, within the market's pool.
//!
//! Winners of a market are paid by its losers, never by another market's deposits: what leaves for cash is counted in
//! `net_swept_profit_atoms`, which a profit may raise to `sweep_cap_atoms` at most (INV-12).

use crate::account::AccountState;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::oracle::{Grade, OraclePrice};
use crate::quantity::QuoteAtoms;

/// Moves a seat's realised result to its account's cash. Returns what was moved: positive to cash, negative from it.
///
/// A profit moves as far as the market's cap allows. A loss moves as far as cash is positive: a loser without cash must not credit
/// the pool with money that does not exist, so the rest stays in the seat.
///
/// # Errors
/// `SeatNotOwned` for an index out of range; `MathOverflow` when cash would leave the range of equities.
pub fn sweep_seat(market: &mut MarketState, seat_index: u32, account: &mut AccountState) -> Result<QuoteAtoms> {
    let cap = QuoteAtoms(market.params.sweep_cap_atoms);
    let swept = QuoteAtoms(market.net_swept_profit_atoms);
    let seat = market.seats.get_mut(seat_index)?;
    let realised = QuoteAtoms(seat.realised_atoms);
    if realised.is_zero() {
        return Ok(QuoteAtoms::ZERO);
    }
    let moved = if realised.is_positive() {
        let room = QuoteAtoms(cap.0.saturating_sub(swept.0)).max(QuoteAtoms::ZERO);
        realised.min(room)
    } else {
        let cash = QuoteAtoms(account.cash_atoms).max(QuoteAtoms::ZERO);
        realised.max(cash.neg()?)
    };
    account.credit(moved)?;
    seat.realised_atoms = realised.sub(moved)?.0;
    market.net_swept_profit_atoms = swept.add(moved)?.0;
    Ok(moved)
}

/// Moves a seat's loss against the oracle out of its account's positive cash, and re-bases the entry by as much, so that it
/// cannot be swept back. Equity does not change. Returns the amount. A flat seat's loss is all in `realised`, so it is paid there.
///
/// # Errors
/// `NothingToSettle` without a loss or without cash; `OracleStale` for a frozen price; `SeatNotOwned`; `MathOverflow`.
pub fn settle_loss(
    market: &mut MarketState,
    seat_index: u32,
    account: &mut AccountState,
    price: &OraclePrice,
) -> Result<QuoteAtoms> {
    if price.grade == Grade::Frozen {
        return Err(EngineError::OracleStale);
    }
    let swept = QuoteAtoms(market.net_swept_profit_atoms);
    let seat = market.seats.get_mut(seat_index)?;
    let entry = QuoteAtoms(seat.quote_entry_atoms);
    let realised = QuoteAtoms(seat.realised_atoms);
    let value = price.price.notional(seat.base())?.add(entry)?.add(realised)?;
    let amount = value.neg()?.min(QuoteAtoms(account.cash_atoms));
    if !amount.is_positive() {
        return Err(EngineError::NothingToSettle);
    }
    let net_swept = swept.sub(amount)?;
    if seat.base_lots == 0 {
        seat.realised_atoms = realised.add(amount)?.0;
    } else {
        seat.quote_entry_atoms = entry.add(amount)?.0;
    }
    account.cash_atoms = QuoteAtoms(account.cash_atoms).sub(amount)?.0;
    market.net_swept_profit_atoms = net_swept.0;
    Ok(amount)
}

#[cfg(test)]
mod tests;
