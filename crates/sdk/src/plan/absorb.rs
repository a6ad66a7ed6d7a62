//! What `absorb` would do now.

use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper::legs::{live_price, require_consumed, require_mode, Needs, Primary, Walk};
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::absorb::{absorb, Absorber};
use taper_engine::liquidate::{LiquidationContext, LiquidationRequest};
use taper_engine::modes::Action;
use taper_engine::orders::OrderContext;
use taper_engine::quantity::{BaseLots, QuoteAtoms};
use taper_engine::sweep::touch_seat;

use super::LegQuery;
use crate::legs::Leg;
use crate::snapshot::{copy, look, Accounts, Copies, PlanError};

/// Who would take the slice over.
#[derive(Clone, Copy)]
pub struct AbsorberQuery<'a> {
    /// Its margin account.
    pub margin_account: Pubkey,
    /// That account's other legs, in order.
    pub legs: &'a [Leg],
}

/// What `absorb` would do, as its return data would say; or the error with which it would be refused. Who signs is not looked at.
///
/// # Errors
/// [`PlanError`].
pub fn plan_absorb(
    accounts: &impl Accounts,
    query: &LegQuery<'_>,
    absorber: &AbsorberQuery<'_>,
    args: &LiquidateArgs,
) -> Result<SliceReport, PlanError> {
    let keys = query.keys;
    let exchange = look::<Exchange>(accounts, &keys.exchange)?;
    let mut account = copy::<MarginAccount>(accounts, &query.margin_account)?;
    let mut absorbing = copy::<MarginAccount>(accounts, &absorber.margin_account)?;
    let mut market = copy::<Market>(accounts, &keys.market)?;
    let order_book = look::<OrderBook>(accounts, &keys.order_book)?;
    account.check_belongs(&keys.exchange)?;
    absorbing.check_belongs(&keys.exchange)?;
    market.check_belongs(&keys.exchange)?;
    market.check_book(&keys.order_book)?;
    market.state.require_unsettled()?;

    let legs = query.legs.iter().chain(absorber.legs);
    let mut copies =
        Copies::of(accounts, core::iter::once(&keys.oracle).chain(legs.flat_map(|leg| [&leg.market, &leg.oracle])))?;
    let infos = copies.infos();
    let [oracle, rest @ ..] = infos.as_slice() else { return Err(PlanError::NoAccount(keys.oracle)) };
    let price = live_price(&market, oracle, exchange, &query.now)?;
    require_mode(Action::Absorb, price.grade)?;
    market.state.last_price.record(&price, query.now.slot)?;
    let mut rest = rest;
    let mut walk = |account: &MarginAccount, account_key: &Pubkey, needs: Needs| {
        let walk = Walk { exchange, exchange_key: &keys.exchange, account, account_key, now: query.now };
        walk.value(Some(Primary::new(&keys.market, &market.state, &price)), &mut rest, needs)
    };
    let others = walk(&account, &query.margin_account, Needs::SLICE)?;
    let absorber_others = walk(&absorbing, &absorber.margin_account, Needs::ORDER)?;
    require_consumed(rest)?;

    let slot = query.now.slot;
    let seat_index = account.require_seat_in(&keys.market)?;
    let (owner, absorber_owner) = (query.margin_account.to_bytes(), absorber.margin_account.to_bytes());
    market.state.seats.owned_mut(seat_index, &owner)?;
    touch_seat(&mut market.state, seat_index, &mut account.state, slot)?;
    let absorber_seat = match absorbing.seat_in(&keys.market) {
        Some(seat) => {
            market.state.seats.owned_mut(seat, &absorber_owner)?;
            seat
        }
        None => {
            let bond = market.state.params.seat_bond_atoms;
            let seat = market.state.seats.allocate(&absorber_owner, &mut absorbing.state, bond, true)?;
            absorbing.add_position(&keys.market, seat)?;
            seat
        }
    };
    touch_seat(&mut market.state, absorber_seat, &mut absorbing.state, slot)?;
    let context =
        LiquidationContext { slot, price, others: others.maintenance, others_favourable: others.favourable, owner };
    let order_context = OrderContext {
        slot,
        price,
        others_initial: Some(absorber_others.require_initial()?),
        others_maintenance: absorber_others.maintenance,
        reduce_only_market: false,
        owner: absorber_owner,
    };
    let request = LiquidationRequest {
        caller_max: BaseLots(args.max_base_lots),
        expected_base: BaseLots(args.expected_base_lots),
        min_payout: QuoteAtoms(args.min_payout_atoms),
        deadline_slot: args.deadline_slot,
    };
    let mut absorber = Absorber { account: &mut absorbing.state, seat_index: absorber_seat, context: order_context };
    let (state, liquidatee) = (&mut market.state, &mut account.state);
    let summary = absorb(state, &order_book.book, liquidatee, seat_index, &mut absorber, &request, &context)?;
    Ok(SliceReport::new(&summary, price.price))
}
