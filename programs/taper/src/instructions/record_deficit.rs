//! `record_deficit`.

use anchor_lang::prelude::*;
use taper_engine::deficit::replace_record;
use taper_engine::quantity::QuoteAtoms;

use crate::error::Refusal;
use crate::events::DeficitRecorded;
use crate::legs::{Now, Walk};
use crate::state::{Exchange, MarginAccount};

/// Accounts of `record_deficit`. Nobody signs. Remaining: `[market, oracle]` of every position, in order.
#[derive(Accounts)]
pub struct RecordDeficit<'info> {
    /// The exchange: keeps the sum.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Records what an account owes beyond all it has, as far as the vault can lack it. The vault keeps back what is recorded.
///
/// Specification:
/// 1. Anyone, at any time: the record goes up and down with the deficit, so that an old one holds nobody up.
/// 2. Every leg has a live price, or one that is frozen in the account's favour, as far as the table of modes allows it.
///
/// # Errors
/// `NothingToRecord` if the record is right already; `WrongExchange`; of the legs and their oracles.
pub fn handle_record_deficit<'info>(ctx: Context<'info, RecordDeficit<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let (exchange_key, account_key) = (accounts.exchange.key(), accounts.margin_account.key());
    let mut exchange = accounts.exchange.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    account.check_belongs(&exchange_key)?;
    let owed = {
        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        walk.deficit(ctx.remaining_accounts)?
    };
    let before_atoms = account.state.recorded_deficit_atoms;
    let sum = QuoteAtoms(exchange.recorded_deficit_atoms);
    exchange.recorded_deficit_atoms = replace_record(&mut account.state, sum, owed).or_refuse()?.0;
    account.invariant()?;
    exchange.invariant()?;
    emit!(DeficitRecorded {
        exchange: exchange_key,
        margin_account: account_key,
        before_atoms,
        after_atoms: account.state.recorded_deficit_atoms,
    });
    Ok(())
}
