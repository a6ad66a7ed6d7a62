//! Moving results between a seat and its account's cash, within the market's pool.
//!
//! Winners of a market are paid by its losers, never by another market's deposits: what leaves for cash is counted in
//! `net_swept_profit_atoms`, which a profit may raise to `sweep_cap_atoms` at most (INV-12), less what all lots have shared of losses lately.

use crate::account::AccountState;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::quantity::QuoteAtoms;
use crate::rank::record_swept;

/// What touching a seat moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Funding and shared losses that left `realised`; negative was received.
    pub charged: QuoteAtoms,
    /// Moved from `realised` to cash; negative from it.
    pub swept: QuoteAtoms,
    /// True if the seat has a position and its checkpoints moved.
    pub settled: bool,
}

/// Brings a seat up to date: funding and shared losses are settled, then its result is swept. What every instruction does first to the
/// seat it acts on.
///
/// # Errors
/// `SeatNotOwned` for an index out of range; `MathOverflow`.
pub fn touch_seat(market: &mut MarketState, seat_index: u32, account: &mut AccountState, slot: u64) -> Result<Touch> {
    market.accrue(slot);
    let seat = market.seats.get(seat_index)?;
    let checkpoints = (seat.funding_checkpoint_scaled, seat.loss_checkpoint_scaled);
    let settled =
        seat.base_lots != 0 && checkpoints != (market.charges.funding_index_scaled, market.charges.loss_index_scaled);
    let charged = market.settle_seat(seat_index)?;
    let swept = sweep_seat(market, seat_index, account, slot)?;
    Ok(Touch { charged, swept, settled })
}

/// Moves a seat's realised result to its account's cash. Returns what was moved: positive to cash, negative from it.
///
/// A profit moves as far as the market's cap allows. A loss moves as far as cash is positive: a loser without cash must not credit
/// the pool with money that does not exist, so the rest stays in the seat.
///
/// # Errors
/// `SeatNotOwned` for an index out of range; `MathOverflow` when cash would leave the range of equities.
pub fn sweep_seat(
    market: &mut MarketState,
    seat_index: u32,
    account: &mut AccountState,
    slot: u64,
) -> Result<QuoteAtoms> {
    let realised = QuoteAtoms(market.seats.get(seat_index)?.realised_atoms);
    if realised.is_zero() {
        return Ok(QuoteAtoms::ZERO);
    }
    let moved = if realised.is_positive() {
        realised.min(market.sweep_room(slot)?)
    } else {
        let cash = QuoteAtoms(account.cash_atoms).max(QuoteAtoms::ZERO);
        realised.max(cash.neg()?)
    };
    account.credit(moved)?;
    let swept = QuoteAtoms(market.net_swept_profit_atoms);
    let window = market.params.rank_window_slots;
    let seat = market.seats.get_mut(seat_index)?;
    seat.realised_atoms = realised.sub(moved)?.0;
    record_swept(seat, moved, window, slot);
    market.net_swept_profit_atoms = swept.add(moved)?.0;
    Ok(moved)
}

/// Moves a seat's loss against the oracle out of its account's positive cash, and re-bases the entry by as much, so that it
/// cannot be swept back. Equity does not change. Returns the amount. A flat seat's loss is all in `realised`, so it is paid there.
///
/// At most what the market's winners have taken out beyond what its losers paid in (`net_swept_profit`): more would only turn a
/// loser's cash, which counts as margin for new positions, into paper profit once the price is back, which does not. The seat
/// has been settled.
///
/// # Errors
/// `NothingToSettle` without a loss, without cash, or when no winner waits; `OracleStale` for a frozen price; `SeatNotOwned`;
/// `MathOverflow`.
pub fn settle_loss(
    market: &mut MarketState,
    seat_index: u32,
    account: &mut AccountState,
    price: &OraclePrice,
) -> Result<QuoteAtoms> {
    Action::SettleLoss.require(price.grade)?;
    let swept = QuoteAtoms(market.net_swept_profit_atoms);
    let seat = market.seats.get_mut(seat_index)?;
    let entry = QuoteAtoms(seat.quote_entry_atoms);
    let realised = QuoteAtoms(seat.realised_atoms);
    let value = price.price.notional(seat.base())?.add(entry)?.add(realised)?;
    let amount = value.neg()?.min(QuoteAtoms(account.cash_atoms)).min(swept);
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
