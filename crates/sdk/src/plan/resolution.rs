//! What `resolve_account` and `record_deficit` would do now.

use solana_pubkey::Pubkey;
use taper::events::{DeleveragedSeat, ResolveReport};
use taper::legs::{refused_at, Now, Walk};
use taper::state::{Exchange, MarginAccount};
use taper_engine::quantity::QuoteAtoms;
use taper_engine::resolve::{resolve_leg, ResolveLog};

use super::opened::Opened;
use super::LegQuery;
use crate::legs::Leg;
use crate::snapshot::{look, Accounts, Copies, PlanError};

/// What a resolution would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvePlan {
    /// As its return data would say.
    pub report: ResolveReport,
    /// The seats that would be deleveraged, best rank first.
    pub counterparties: Vec<DeleveragedSeat>,
    /// What the account would still lack; not negative.
    pub deficit_left_atoms: i64,
    /// The account's cash after.
    pub cash_after_atoms: i64,
}

/// What `resolve_account` would do with this leg; or the error with which it would be refused.
///
/// # Errors
/// [`PlanError`].
pub fn plan_resolution(accounts: &impl Accounts, query: &LegQuery<'_>) -> Result<ResolvePlan, PlanError> {
    let mut opened = Opened::of(accounts, query)?;
    let market_key = &query.keys.market;
    let seat_index = opened.account.require_seat_in(market_key)?;
    let context = opened.walk(accounts, query, |walk, market, oracle, remaining| {
        walk.resolution(market, market_key, oracle, remaining)
    })?;
    let Opened { mut account, mut market, mut order_book, .. } = opened;
    let (mut log, mut moves) = (taper::fills::new_fill_log(), bytemuck::zeroed_box::<ResolveLog>());
    let (state, book) = (&mut market.state, &mut order_book.book);
    let summary = resolve_leg(state, book, &mut account.state, seat_index, &context, &mut log, &mut moves)
        .map_err(|refusal| refused_at(refusal, context.price.grade))?;
    Ok(ResolvePlan {
        report: ResolveReport::new(&summary, context.price.price),
        counterparties: moves.rows().iter().map(DeleveragedSeat::from).collect(),
        deficit_left_atoms: summary.deficit_left()?.0,
        cash_after_atoms: account.state.cash_atoms,
    })
}

/// What `record_deficit` would record of an account, all its legs together; or the error with which it would be refused. `legs` are all its
/// legs, in order (`legs::ordered` with no primary).
///
/// # Errors
/// [`PlanError`].
pub fn deficit(
    accounts: &impl Accounts,
    now: Now,
    exchange_key: &Pubkey,
    account_key: &Pubkey,
    legs: &[Leg],
) -> Result<QuoteAtoms, PlanError> {
    let exchange = look::<Exchange>(accounts, exchange_key)?;
    let account = look::<MarginAccount>(accounts, account_key)?;
    account.check_belongs(exchange_key)?;
    let walk = Walk { exchange, exchange_key, account, account_key, now };
    let mut copies = Copies::of_legs(accounts, legs)?;
    let infos = copies.infos();
    let record = walk.record(infos.as_slice())?;
    Ok(record.iter().try_fold(QuoteAtoms::ZERO, |sum, part| sum.add(*part))?)
}
