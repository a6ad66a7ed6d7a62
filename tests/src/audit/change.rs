//! What may not happen between two states of one account, whatever the instruction: clocks and counters that only rise, decisions
//! that are not taken back, draws on insurance beyond their bounds.

use solana_account::Account;
use solana_pubkey::Pubkey;
use taper::constants::PROPOSAL_PENDING;
use taper::state::{Exchange, MarginAccount, Market, Proposal};
use taper_engine::market::MarketState;
use taper_sdk::account::is;

use super::load;
use crate::error::{HarnessError, Result};

/// Compares an account before and after a transaction.
///
/// # Errors
/// `Invariant`; `Decode`.
pub(crate) fn check_change(key: &Pubkey, before: &Account, after: &Account) -> Result<()> {
    if after.owner != taper::ID {
        return Ok(());
    }
    let found = if is::<Market>(&before.data) && is::<Market>(&after.data) {
        market_change(load(key, before)?, load(key, after)?)
    } else if is::<Exchange>(&before.data) && is::<Exchange>(&after.data) {
        exchange_change(load(key, before)?, load(key, after)?)
    } else if is::<MarginAccount>(&before.data) && is::<MarginAccount>(&after.data) {
        account_change(load(key, before)?, load(key, after)?)
    } else if is::<Proposal>(&before.data) && is::<Proposal>(&after.data) {
        proposal_change(load(key, before)?, load(key, after)?)
    } else {
        Ok(())
    };
    found.map_err(|Broken { invariant, detail }| HarnessError::Invariant {
        invariant: invariant.to_owned(),
        subject: *key,
        detail,
    })
}

struct Broken {
    invariant: &'static str,
    detail: String,
}

type Checked = std::result::Result<(), Broken>;

fn require(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Broken { invariant, detail: detail() })
    }
}

/// Named values that never fall.
fn never_falls(was: &[(&'static str, i128)], now: &[(&'static str, i128)]) -> Checked {
    for ((name, was), (_, now)) in was.iter().zip(now) {
        require(now >= was, name, || format!("went from {was} to {now}"))?;
    }
    Ok(())
}

fn market_change(before: &Market, after: &Market) -> Checked {
    let identity = |market: &Market| (market.exchange, market.order_book, market.name, market.opens_slot);
    require(identity(before) == identity(after), "identity", || "exchange, book, name or opening changed".into())?;
    let units = |market: &Market| (market.state.params.base_lot_exponent, market.state.params.tick_size_atoms_per_lot);
    require(units(before) == units(after), "units", || "the lot or the tick changed".into())?;
    oracle_change(before, after)?;
    let (was, now) = (&before.state, &after.state);
    never_falls(&counters(was), &counters(now))?;
    insurance_change(was, now)?;
    record_change(was, now)?;
    let (settle_was, settle_now) = (was.settle_after_slot, now.settle_after_slot);
    require(settle_was == 0 || settle_now == settle_was, "winding down", || {
        format!("settlement went from slot {settle_was} to {settle_now}")
    })?;
    let (price_was, price_now) = (was.final_price_atoms_per_lot, now.final_price_atoms_per_lot);
    require(price_was == 0 || price_now == price_was, "final price", || format!("went from {price_was} to {price_now}"))
}

/// A proposal is decided once, and never says anything else than when it was made.
fn proposal_change(was: &Proposal, now: &Proposal) -> Checked {
    let undecided = |proposal: &Proposal| Proposal { state: PROPOSAL_PENDING, decided_slot: 0, ..*proposal };
    require(undecided(was) == undecided(now), "proposal", || "its contents changed".into())?;
    require(was.state == PROPOSAL_PENDING || was == now, "decision", || "it was decided anew".into())
}

/// A market's oracle changes alone: nothing of its state moves but the last price.
fn oracle_change(before: &Market, after: &Market) -> Checked {
    let oracle = |market: &Market| (market.oracle_kind, market.oracle_key, market.oracle_account);
    if oracle(before) == oracle(after) {
        return Ok(());
    }
    let price = std::mem::offset_of!(MarketState, last_price)..std::mem::offset_of!(MarketState, throttles);
    let (was, now) = (bytemuck::bytes_of(&before.state), bytemuck::bytes_of(&after.state));
    let moved = was.iter().zip(now).enumerate().find(|(at, (was, now))| was != now && !price.contains(at));
    require(moved.is_none(), "oracle", || "changed with more than the last price".into())
}

/// Clocks, indices and totals over the life of a market.
fn counters(state: &MarketState) -> [(&'static str, i128); 12] {
    let (charges, insurance) = (&state.charges, &state.insurance);
    [
        ("INV-16", state.last_price.publish_time_seconds.into()),
        ("fill sequence", state.fill_sequence.into()),
        ("loss index", charges.loss_index_scaled.into()),
        ("accrued slot", charges.accrued_slot.into()),
        ("sampled slot", charges.sampled_slot.into()),
        ("contributed", insurance.contributed_atoms.into()),
        ("drawn", insurance.drawn_atoms.into()),
        ("tips", insurance.tips_atoms.into()),
        ("drawing slot", insurance.window_slot.into()),
        ("socialised", state.socialised_atoms.into()),
        ("deleveraged", state.deleveraged_atoms.into()),
        ("limits raised slot", state.limits_raised_slot.into()),
    ]
}

/// INV-13: a draw stays within the window's cap and, with tips, within what the market has paid in and the grant. Computed from what
/// the account says before and after, with the bounds that were in force before.
fn insurance_change(was: &MarketState, now: &MarketState) -> Checked {
    let drawn = i128::from(now.insurance.drawn_atoms) - i128::from(was.insurance.drawn_atoms);
    let tipped = i128::from(now.insurance.tips_atoms) - i128::from(was.insurance.tips_atoms);
    if drawn > 0 {
        let lately = was.drawn_lately(now.insurance.window_slot).map_or(i128::MAX / 2, |atoms| atoms.0.into());
        let (window, cap) = (i128::from(now.insurance.window_atoms), i128::from(was.params.insurance_draw_cap_atoms));
        require(window == lately + drawn && window <= cap, "INV-13", || {
            format!("{drawn} drawn after {lately}, the window says {window}, its cap is {cap}")
        })?;
    }
    if drawn > 0 || tipped > 0 {
        let entitled = i128::from(now.insurance.contributed_atoms) + i128::from(was.params.insurance_grant_atoms);
        let spent = i128::from(now.insurance.drawn_atoms) + i128::from(now.insurance.tips_atoms);
        require(spent <= entitled, "INV-13", || format!("{spent} drawn and tipped of {entitled}"))?;
    }
    Ok(())
}

/// INV-23: what is on record of deficits is not raised above what winners have taken out, before or after, less what is kept for losses already.
fn record_change(was: &MarketState, now: &MarketState) -> Checked {
    let room = |state: &MarketState| state.taken_out().0 - state.held_loss_atoms;
    let most = was.recorded_atoms.max(room(was)).max(room(now));
    require(now.recorded_atoms <= most, "INV-23", || {
        format!("the record went from {} to {}, beyond {most}", was.recorded_atoms, now.recorded_atoms)
    })
}

fn exchange_change(before: &Exchange, after: &Exchange) -> Checked {
    let identity = |exchange: &Exchange| {
        let Exchange { creator, quote_mint, vault, token_program, index, quote_decimals, .. } = *exchange;
        (creator, quote_mint, vault, token_program, index, quote_decimals)
    };
    require(identity(before) == identity(after), "identity", || "creator, mint or vault changed".into())?;
    let counters = |exchange: &Exchange| {
        [
            ("proposals", i128::from(exchange.proposal_count)),
            ("donated", exchange.insurance_donated_atoms.into()),
            ("drawn from the fund", exchange.insurance_drawn_atoms.into()),
        ]
    };
    never_falls(&counters(before), &counters(after))
}

fn account_change(before: &MarginAccount, after: &MarginAccount) -> Checked {
    let identity = |account: &MarginAccount| (account.exchange, account.authority, account.number);
    require(identity(before) == identity(after), "identity", || "exchange, owner or number changed".into())?;
    let counters = |account: &MarginAccount| [("last risk slot", i128::from(account.state.last_risk_slot))];
    never_falls(&counters(before), &counters(after))
}

#[cfg(test)]
mod tests;
