//! What the chain would answer now: the health of an account, the slice that `partial_liquidate` would make, what
//! `resolve_account` would do with a leg. The program's own code and the engine's own transitions run on copies of the
//! accounts, so the answer is the chain's, to the atom.

use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper::legs::{require_consumed, Needs, Now, Walk};
use taper::state::{Exchange, MarginAccount};
use taper_engine::liquidate::{self, LiquidationContext, LiquidationRequest};
use taper_engine::margin::{Health, LegTotals};
use taper_engine::quantity::{BaseLots, QuoteAtoms};
use taper_engine::sweep::touch_seat;

use crate::instruction::MarketKeys;
use crate::legs::Leg;
use crate::snapshot::{look, Accounts, Copies, PlanError};

mod absorb;
mod cancel;
mod flag;
mod opened;
mod resolution;

use opened::Opened;

pub use absorb::{plan_absorb, AbsorberQuery};
pub use cancel::plan_force_cancel;
pub use flag::{plan_flag, FlagPlan};
pub use resolution::{deficit, plan_resolution, ResolvePlan};

/// The health of a margin account in the program's valuations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountHealth {
    /// At maintenance and mid prices: what a slice is measured by.
    pub maintenance: Health,
    /// At maintenance and the edges that favour the account: below 1, anyone may liquidate.
    pub favourable: Health,
    /// The same, as if its resting orders had been filled: below 1, anyone may cancel those that add risk.
    pub with_orders: Health,
    /// Initial, without a sweep before; `None` when a price is not fresh.
    pub initial: Option<Health>,
}

/// The health of a margin account. `legs` are all its legs, in order (`legs::ordered` with no primary).
///
/// # Errors
/// [`PlanError`].
pub fn health(
    accounts: &impl Accounts,
    now: Now,
    exchange_key: &Pubkey,
    account_key: &Pubkey,
    legs: &[Leg],
) -> Result<AccountHealth, PlanError> {
    let exchange = look::<Exchange>(accounts, exchange_key)?;
    let account = look::<MarginAccount>(accounts, account_key)?;
    let walk = Walk { exchange, exchange_key, account, account_key, now };
    let needs = Needs { favourable: true, with_orders: true, ..Needs::ORDER };
    let mut copies = Copies::of_legs(accounts, legs)?;
    let infos = copies.infos();
    let mut rest = infos.as_slice();
    let totals = walk.value(None, &mut rest, needs)?;
    require_consumed(rest)?;
    let cash = QuoteAtoms(account.state.cash_atoms);
    let with_cash = |totals: LegTotals| totals.with_cash(cash);
    Ok(AccountHealth {
        maintenance: with_cash(totals.maintenance)?,
        favourable: with_cash(totals.favourable)?,
        with_orders: with_cash(totals.with_orders)?,
        initial: totals.initial().map(with_cash).transpose()?,
    })
}

/// Which leg of which account.
#[derive(Clone, Copy)]
pub struct LegQuery<'a> {
    /// Slot and time at which the call would execute.
    pub now: Now,
    /// The leg's market.
    pub keys: &'a MarketKeys,
    /// The account: the liquidatee, or the one to be resolved.
    pub margin_account: Pubkey,
    /// Its other legs, in order.
    pub legs: &'a [Leg],
}

/// What `partial_liquidate` would do, as its return data would say; or the error with which it would be refused.
/// Payment of the caller is not simulated.
///
/// # Errors
/// [`PlanError`].
pub fn plan_slice(
    accounts: &impl Accounts,
    query: &LegQuery<'_>,
    args: &LiquidateArgs,
) -> Result<SliceReport, PlanError> {
    let mut opened = Opened::of(accounts, query)?;
    opened.market.state.require_unsettled()?;
    let market_key = &query.keys.market;
    let seat_index = opened.account.require_seat_in(market_key)?;
    let (price, legs) = opened.walk(accounts, query, |walk, market, oracle, remaining| {
        walk.price_and_value(market, market_key, oracle, remaining, Needs::SLICE)
    })?;
    let Opened { mut account, mut market, mut order_book, .. } = opened;
    let context = LiquidationContext {
        slot: query.now.slot,
        price,
        others: legs.maintenance,
        others_favourable: legs.favourable,
        owner: query.margin_account.to_bytes(),
    };
    let request = LiquidationRequest {
        caller_max: BaseLots(args.max_base_lots),
        expected_base: BaseLots(args.expected_base_lots),
        min_payout: QuoteAtoms(args.min_payout_atoms),
        deadline_slot: args.deadline_slot,
    };
    market.state.seats.owned_mut(seat_index, &context.owner)?;
    touch_seat(&mut market.state, seat_index, &mut account.state, query.now.slot)?;
    let mut log = taper::fills::new_fill_log();
    let (state, book) = (&mut market.state, &mut order_book.book);
    let summary =
        liquidate::partial_liquidate(state, book, &mut account.state, seat_index, &request, &context, &mut log)?;
    Ok(SliceReport::new(&summary, price.price))
}
