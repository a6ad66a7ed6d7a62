//! `flag_account`.

use anchor_lang::prelude::*;
use taper_engine::liquidate::{account_health, flag, FlagOutcome};
use taper_engine::margin::Valuation;

use crate::error::Refusal;
use crate::events::AccountFlagged;
use crate::legs::{Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market};

/// Accounts of `flag_account`. Remaining: `[market, oracle]` of every other position, in order.
#[derive(Accounts)]
pub struct FlagAccount<'info> {
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// One of the account's markets: its parameters rule the episode.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

fn outcome_code(outcome: FlagOutcome) -> u8 {
    match outcome {
        FlagOutcome::Started => 0,
        FlagOutcome::Unhealthy => 1,
        FlagOutcome::Healthy => 2,
        FlagOutcome::Ended => 3,
    }
}

/// Observes an account: starts an episode, moves its clock, or ends it because its target is met.
///
/// Specification: anyone may call, when health is below 1 in the account's favour, or an episode runs. A degraded price starts an episode
/// in the hard stage or below only. Not by a settled market, whose price is always a fresh one. No money moves.
///
/// # Errors
/// `AccountHealthy`, `MarketSettled`, `DegradedPriceSoftStage`, `PositionNotFound`, `WrongExchange`; of the legs and oracles.
pub fn handle_flag_account<'info>(ctx: Context<'info, FlagAccount<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let (exchange_key, market_key, account_key) =
        (accounts.exchange.key(), accounts.market.key(), accounts.margin_account.key());
    let exchange = accounts.exchange.load_known()?;
    let mut account = accounts.margin_account.load_mut()?;
    let mut market = accounts.market.load_mut()?;
    account.check_belongs(&exchange_key)?;
    market.check_belongs(&exchange_key)?;
    market.state.require_unsettled().or_refuse()?;
    let seat_index = account.require_seat_in(&market_key)?;
    market.state.seats.owned_mut(seat_index, &account_key.to_bytes()).or_refuse()?;
    let walk =
        Walk { exchange: &exchange, exchange_key: &exchange_key, account: &account, account_key: &account_key, now };
    let (price, legs) =
        walk.price_and_value(&mut market, &market_key, &accounts.oracle, ctx.remaining_accounts, Needs::SLICE)?;
    market.state.accrue(now.slot);
    let health = |others, valuation| {
        account_health(&market.state, seat_index, &account.state, &price, others, valuation).or_refuse()
    };
    let favourable = health(legs.favourable, Valuation::Favourable)?;
    let mid = health(legs.maintenance, Valuation::Maintenance)?;
    let outcome =
        flag(&market.state.params, &mut account.state, now.slot, price.grade, &favourable, &mid).or_refuse()?;
    market.invariant()?;
    account.invariant()?;
    emit!(AccountFlagged {
        margin_account: account_key,
        outcome: outcome_code(outcome),
        kind: account.state.episode.kind,
        health_bps: favourable.to_bps_down(),
        clock_slots: account.state.episode.clock_slots,
    });
    Ok(())
}
