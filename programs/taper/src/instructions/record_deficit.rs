//! `record_deficit`.

use anchor_lang::prelude::*;
use taper_engine::deficit::Record;
use taper_engine::quantity::QuoteAtoms;

use crate::error::{Refusal, TaperError};
use crate::events::DeficitRecorded;
use crate::legs::{Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, PositionRef};

/// Accounts of `record_deficit`. Nobody signs. Remaining: `[market, oracle]` of every position, in order, the markets writable.
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
/// 2. Each leg bears a part of the record. What the seats of a market bear together is at most what its winners have taken out.
/// 3. Every leg with a position has a live price. If one has none, parts are only lowered: to what their own markets have room for, and, where
///    the price is live, to what the leg has lost.
///
/// # Errors
/// `NothingToRecord` if the record is right already; `AccountNotMutable` for a market that is not writable and whose part changes;
/// `WrongExchange`; of the legs and their oracles.
pub fn handle_record_deficit<'info>(ctx: Context<'info, RecordDeficit<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let (exchange_key, account_key) = (accounts.exchange.key(), accounts.margin_account.key());
    let mut exchange = accounts.exchange.load_known_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    account.check_belongs(&exchange_key)?;
    let record = {
        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        walk.record(ctx.remaining_accounts)?
    };
    let before_atoms = account.state.recorded_deficit_atoms;
    let sum = QuoteAtoms(exchange.recorded_deficit_atoms);
    let change = write_record(&mut account, &record, ctx.remaining_accounts)?;
    exchange.recorded_deficit_atoms = sum.add(change).or_refuse()?.0;
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

/// Writes the record to seats, markets and account. The accounts are the legs', in order: the walk has looked at each. Returns by how much the
/// record grows.
fn write_record<'info>(
    account: &mut MarginAccount,
    record: &Record,
    remaining: &'info [AccountInfo<'info>],
) -> Result<QuoteAtoms> {
    let positions = account.positions;
    let used = positions.iter().zip(record).filter(|(position, _)| position.in_use != 0);
    let mut change = QuoteAtoms::ZERO;
    for ((position, part), leg) in used.zip(remaining.chunks_exact(2)) {
        let [market, _oracle] = leg else {
            return err!(TaperError::MissingLegAccounts);
        };
        change = change.add(write_part(account, position, *part, market)?).or_refuse()?;
    }
    Ok(change)
}

/// Writes one leg's part, if it changes: a market whose part does not may be passed read-only.
#[inline(never)]
fn write_part<'info>(
    account: &mut MarginAccount,
    position: &PositionRef,
    part: QuoteAtoms,
    market: &'info AccountInfo<'info>,
) -> Result<QuoteAtoms> {
    let loader = AccountLoader::<Market>::try_from(market)?;
    if loader.load()?.state.seats.get(position.seat_index).or_refuse()?.recorded_atoms == part.0 {
        return Ok(QuoteAtoms::ZERO);
    }
    let mut market = loader.load_mut()?;
    let change = market.state.set_record(position.seat_index, &mut account.state, part).or_refuse()?;
    market.invariant()?;
    Ok(change)
}
