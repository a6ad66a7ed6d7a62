//! What `flag_account` would do now.

use taper::legs::Needs;
use taper_engine::liquidate::{account_health, flag, FlagOutcome};
use taper_engine::margin::Valuation;

use super::opened::Opened;
use super::LegQuery;
use crate::snapshot::{Accounts, PlanError};

/// What an observation would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagPlan {
    /// What it would do to the episode.
    pub outcome: FlagOutcome,
    /// The episode's clock after it.
    pub clock_slots: u64,
}

/// What `flag_account` would do through this leg; or the error with which it would be refused.
///
/// # Errors
/// [`PlanError`].
pub fn plan_flag(accounts: &impl Accounts, query: &LegQuery<'_>) -> Result<FlagPlan, PlanError> {
    let mut opened = Opened::of(accounts, query)?;
    opened.market.state.require_unsettled()?;
    let market_key = &query.keys.market;
    let seat_index = opened.account.require_seat_in(market_key)?;
    opened.market.state.seats.owned_mut(seat_index, &query.margin_account.to_bytes())?;
    let (price, legs) = opened.walk(accounts, query, |walk, market, oracle, remaining| {
        walk.price_and_value(market, market_key, oracle, remaining, Needs::SLICE)
    })?;
    let Opened { mut account, mut market, .. } = opened;
    let slot = query.now.slot;
    market.state.accrue(slot);
    let health =
        |others, valuation| account_health(&market.state, seat_index, &account.state, &price, others, valuation);
    let favourable = health(legs.favourable, Valuation::Favourable)?;
    let mid = health(legs.maintenance, Valuation::Maintenance)?;
    let outcome = flag(&market.state.params, &mut account.state, slot, price.grade, &favourable, &mid)?;
    Ok(FlagPlan { outcome, clock_slots: account.state.episode.clock_slots })
}
