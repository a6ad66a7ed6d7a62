//! What `force_cancel_orders` would do now.

use taper::legs::Needs;
use taper_engine::liquidate::account_health;
use taper_engine::margin::Valuation;
use taper_engine::modes::Action;
use taper_engine::orders::CancelHealth;
use taper_engine::quantity::Side;

use super::opened::Opened;
use super::LegQuery;
use crate::snapshot::{Accounts, PlanError};

/// How many of the account's orders in this leg's market `force_cancel_orders` could cancel; or the error with which it would be refused.
///
/// # Errors
/// [`PlanError`].
pub fn plan_force_cancel(accounts: &impl Accounts, query: &LegQuery<'_>) -> Result<u32, PlanError> {
    let mut opened = Opened::of(accounts, query)?;
    let market_key = &query.keys.market;
    let seat_index = opened.account.require_seat_in(market_key)?;
    opened.market.state.seats.owned_mut(seat_index, &query.margin_account.to_bytes())?;
    let (price, legs) = opened.walk(accounts, query, |walk, market, oracle, remaining| {
        walk.price_and_value(market, market_key, oracle, remaining, Needs::CANCEL)
    })?;
    let Opened { account, mut market, .. } = opened;
    market.state.accrue(query.now.slot);
    let health =
        |others, valuation| account_health(&market.state, seat_index, &account.state, &price, others, valuation);
    let health = CancelHealth {
        favourable: health(legs.favourable, Valuation::Favourable)?,
        with_orders: health(legs.with_orders, Valuation::WithOrders)?,
    };
    Action::ForceCancel.require(price.grade)?;
    let seat = market.state.seats.get(seat_index)?;
    let side = health.cancellable(seat)?;
    let counted = [Side::Bid, Side::Ask].into_iter().filter(|of| side.is_none_or(|only| only == *of));
    Ok(counted.map(|of| u32::from(seat.resting_count(of))).sum())
}
