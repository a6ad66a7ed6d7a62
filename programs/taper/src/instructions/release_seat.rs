//! `release_seat`.

use anchor_lang::prelude::*;

use crate::error::{Refusal, TaperError};
use crate::events::SeatReleased;
use crate::fills::SeatTouch;
use crate::legs::Now;
use crate::state::{LoadKnown, MarginAccount, Market};

/// Accounts of `release_seat`.
#[derive(Accounts)]
pub struct ReleaseSeat<'info> {
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// The margin account that holds the seat.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Releases a flat, orderless seat.
///
/// Specification:
/// 1. Anyone may call: a table is scarce.
/// 2. What is realised is swept first; a seat with a rest that the pool cannot pay yet, or cash cannot cover, stays.
/// 3. While a part of the account's recorded deficit is this seat's, it stays: `record_deficit` first looks whether another leg has it now.
/// 4. The bond goes back to the account's cash; the reference is cleared.
///
/// # Errors
/// `SeatNotEmpty`, `DeficitRemains`, `PositionNotFound`, `WrongExchange`, `SeatNotOwned`.
pub fn handle_release_seat<'info>(ctx: Context<'info, ReleaseSeat<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let (market_key, account_key) = (accounts.market.key(), accounts.margin_account.key());
    let mut market = accounts.market.load_mut()?;
    let mut account = accounts.margin_account.load_known_mut()?;
    market.check_belongs(&account.exchange)?;
    let seat_index = account.require_seat_in(&market_key)?;
    market.state.seats.owned_mut(seat_index, &account_key.to_bytes()).or_refuse()?;
    let now = Now::get()?;
    let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, now.slot)?;
    let seat = market.state.seats.get(seat_index).or_refuse()?;
    require!(!seat.is_flat() || seat.recorded_atoms == 0, TaperError::DeficitRemains);
    let bond = market.state.seats.release(seat_index, &mut account.state).or_refuse()?;
    account.remove_position(&market_key)?;
    market.invariant()?;
    account.invariant()?;
    touched.emit_if_any(&market_key, &account_key, seat_index);
    emit!(SeatReleased {
        market: market_key,
        margin_account: account_key,
        seat_index,
        bond_atoms: bond.0,
        cash_after_atoms: account.state.cash_atoms,
    });
    Ok(())
}
