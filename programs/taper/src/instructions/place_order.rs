//! `place_order`.

use anchor_lang::prelude::*;
use taper_engine::episode::owner_acted;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{self, OrderContext, OrderKind, OrderRequest, OrderSummary};
use taper_engine::quantity::{BaseLots, Price, Side};

use crate::constants::{STATUS_ACTIVE, STATUS_PAUSED};
use crate::error::{Refusal, TaperError};
use crate::events::{BookChanged, OrderPlaced, SeatBalance, SeatTaken};
use crate::fills::{new_fill_log, BookAfter, SeatTouch};
use crate::legs::{Legs, Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `place_order`. Remaining: `[market, oracle]` of every other position, in order.
#[derive(Accounts)]
pub struct PlaceOrder<'info> {
    /// The owner or the delegate.
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

/// The order.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceOrderArgs {
    /// 0 bid, 1 ask.
    pub side: u8,
    /// 0 limit, 1 post-only, 2 immediate-or-cancel, 3 fill-or-kill.
    pub kind: u8,
    /// Limit, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Size, in lots.
    pub size_base_lots: i64,
    /// May only reduce the position.
    pub reduce_only: bool,
    /// Chosen by the owner, not interpreted.
    pub client_order_id: u64,
    /// First slot in which it is no longer good; zero for never.
    pub expires_at_slot: u64,
    /// On meeting an own order: 0 cancel the resting one, 1 refuse the new one, 2 decrement both.
    pub self_trade: u8,
}

/// A side from its code.
///
/// # Errors
/// `InvalidArgument`.
pub fn side_of(code: u8) -> Result<Side> {
    match code {
        0 => Ok(Side::Bid),
        1 => Ok(Side::Ask),
        _ => err!(TaperError::InvalidArgument),
    }
}

/// The code of a side.
pub fn side_code(side: Side) -> u8 {
    match side {
        Side::Bid => 0,
        Side::Ask => 1,
    }
}

impl PlaceOrderArgs {
    /// The engine's request.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown code.
    fn request(&self) -> Result<OrderRequest> {
        let kind = match self.kind {
            0 => OrderKind::Limit,
            1 => OrderKind::PostOnly,
            2 => OrderKind::ImmediateOrCancel,
            3 => OrderKind::FillOrKill,
            _ => return err!(TaperError::InvalidArgument),
        };
        let self_trade = match self.self_trade {
            0 => SelfTrade::CancelResting,
            1 => SelfTrade::CancelTaking,
            2 => SelfTrade::DecrementBoth,
            _ => return err!(TaperError::InvalidArgument),
        };
        Ok(OrderRequest {
            side: side_of(self.side)?,
            kind,
            price: Price(self.price_atoms_per_lot),
            lots: BaseLots(self.size_base_lots),
            reduce_only: self.reduce_only,
            client_order_id: self.client_order_id,
            expires_at_slot: self.expires_at_slot,
            self_trade,
        })
    }
}

/// Places an order: takes what it crosses, rests what is left if its kind says so.
///
/// Specification:
/// 1. The owner or the delegate.
/// 2. The first order in a market takes a seat, whose bond leaves cash: initial health must be at least 1 after, also if the order did nothing.
/// 3. Added risk needs an active market, fresh prices, room under the caps, and initial health of at least 1 after (INV-14).
///    A pure reduction passes if maintenance health did not fall, at any status.
/// 4. A reduction that brings the account to initial margin ends its liquidation episode.
///
/// # Errors
/// `NotAuthority`, `ExchangePaused`, `MarketPaused`, `MarketNotOpen`, `MarketSettled`, `ReduceOnly`, `WrongExchange`, `WrongOrderBook`, `InvalidArgument`; of the legs,
/// the oracles and the engine's `place_order`.
pub fn handle_place_order<'info>(ctx: Context<'info, PlaceOrder<'info>>, args: &PlaceOrderArgs) -> Result<()> {
    let request = args.request()?;
    let mut log = new_fill_log();
    let placed = ctx.accounts.place(ctx.remaining_accounts, &request, &mut log)?;
    placed.emit(&ctx.accounts.market.key(), &ctx.accounts.margin_account.key(), args, &log);
    Ok(())
}

/// What happened, for the events.
struct Placed {
    seat_index: u32,
    bond_atoms: Option<u64>,
    touched: SeatTouch,
    summary: OrderSummary,
    seat_after: SeatBalance,
    episode_ended: bool,
    oracle_price: Price,
    book_after: BookAfter,
}

impl<'info> PlaceOrder<'info> {
    fn place(
        &self,
        remaining: &'info [AccountInfo<'info>],
        request: &OrderRequest,
        log: &mut FillLog,
    ) -> Result<Placed> {
        let now = Now::get()?;
        let (exchange_key, market_key, account_key) =
            (self.exchange.key(), self.market.key(), self.margin_account.key());
        let exchange = self.exchange.load_known()?;
        let mut account = self.margin_account.load_mut()?;
        let mut market = self.market.load_mut()?;
        let mut order_book = self.order_book.load_known_mut()?;
        account.check_belongs(&exchange_key)?;
        account.check_trader(self.authority.key)?;
        market.check_belongs(&exchange_key)?;
        market.check_book(self.order_book.as_ref().key)?;
        market.state.require_unsettled().or_refuse()?;

        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        let (price, legs) = walk.price_and_value(&mut market, &market_key, &self.oracle, remaining, Needs::ORDER)?;

        let (seat_index, bond_atoms) = seat_or_new(&mut market, &mut account, &market_key, &account_key, false)?;
        let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, now.slot)?;
        let (status, opens_slot) = (market.effective_status(&exchange, now.slot), market.opens_slot);
        let context = OrderContext {
            slot: now.slot,
            price,
            others_initial: legs.initial(),
            others_maintenance: legs.maintenance,
            reduce_only_market: status != STATUS_ACTIVE,
            owner: account_key.to_bytes(),
        };
        let summary = orders::place_order(
            &mut market.state,
            &mut order_book.book,
            &mut account.state,
            seat_index,
            request,
            &context,
            log,
        )
        .map_err(|refusal| specific(refusal.into(), &exchange, status, now.slot < opens_slot, &price, &legs))?;
        if bond_atoms.is_some() && !summary.added_risk {
            // The bond has left cash, and the account has a leg more: like a withdrawal, even if the order did nothing.
            legs.require_initial()?;
            summary.initial_health_after.ok_or(TaperError::InitialHealthTooLow)?.require_initial().or_refuse()?;
        }
        let touched = touched.last(&mut market.state, seat_index, &mut account.state, now.slot)?;
        let episode_ended = match summary.initial_health_after {
            Some(health) if !summary.added_risk && summary.filled.is_positive() => {
                owner_acted(&mut account.state, &health, now.slot)
            }
            _ => false,
        };
        market.invariant()?;
        order_book.invariant()?;
        account.invariant()?;
        Ok(Placed {
            seat_index,
            bond_atoms,
            touched,
            summary,
            seat_after: SeatBalance::of(&market, seat_index)?,
            episode_ended,
            oracle_price: price.price,
            book_after: BookAfter::from(&market.state),
        })
    }
}

/// The account's seat in the market; a new one, with a reference to it, if it has none. The bond is `Some` for a new one.
///
/// # Errors
/// `NoFreeSeat`, `BondNotCovered`, `TooManyPositions`, `SeatNotOwned`.
pub(crate) fn seat_or_new(
    market: &mut Market,
    account: &mut MarginAccount,
    market_key: &Pubkey,
    account_key: &Pubkey,
    absorber: bool,
) -> Result<(u32, Option<u64>)> {
    let owner = account_key.to_bytes();
    if let Some(seat_index) = account.seat_in(market_key) {
        market.state.seats.owned_mut(seat_index, &owner).or_refuse()?;
        return Ok((seat_index, None));
    }
    let bond = market.state.params.seat_bond_atoms;
    let seats = &mut market.state.seats;
    let seat_index = seats.allocate(&owner, &mut account.state, bond, absorber).or_refuse()?;
    let bond_atoms = seats.get(seat_index).or_refuse()?.bond_atoms;
    account.add_position(market_key, seat_index)?;
    Ok((seat_index, Some(bond_atoms)))
}

/// Where the engine knows only that risk may not be added, says why.
fn specific(
    refusal: TaperError,
    exchange: &Exchange,
    status: u8,
    is_early: bool,
    price: &OraclePrice,
    legs: &Legs,
) -> Error {
    match refusal {
        TaperError::ReduceOnly if exchange.status == STATUS_PAUSED => TaperError::ExchangePaused,
        TaperError::ReduceOnly if status == STATUS_PAUSED => TaperError::MarketPaused,
        TaperError::ReduceOnly if is_early => TaperError::MarketNotOpen,
        TaperError::OracleStale if price.grade != Grade::Fresh => TaperError::OracleDegraded,
        TaperError::OracleStale => legs.refusal().unwrap_or(refusal),
        other => other,
    }
    .into()
}

impl Placed {
    fn emit(&self, market: &Pubkey, margin_account: &Pubkey, args: &PlaceOrderArgs, log: &FillLog) {
        let (market, margin_account, seat_index) = (*market, *margin_account, self.seat_index);
        if let Some(bond_atoms) = self.bond_atoms {
            emit!(SeatTaken { market, margin_account, seat_index, bond_atoms });
        }
        BookChanged::emit_if_any(log, &market, seat_index, args.side, self.oracle_price, &self.book_after);
        self.touched.emit_if_any(&market, &margin_account, seat_index);
        emit!(OrderPlaced {
            market,
            margin_account,
            seat_index,
            side: args.side,
            kind: args.kind,
            reduce_only: args.reduce_only,
            price_atoms_per_lot: args.price_atoms_per_lot,
            size_base_lots: args.size_base_lots,
            client_order_id: args.client_order_id,
            expires_at_slot: args.expires_at_slot,
            filled_base_lots: self.summary.filled.0,
            filled_quote_atoms: self.summary.quote.0,
            taker_fee_atoms: self.summary.taker_fee.0,
            posted_base_lots: self.summary.posted.0,
            sequence: self.summary.sequence,
            seat_after: self.seat_after,
            episode_ended: self.episode_ended,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGS: PlaceOrderArgs = PlaceOrderArgs {
        side: 1,
        kind: 2,
        price_atoms_per_lot: 7,
        size_base_lots: 3,
        reduce_only: true,
        client_order_id: 9,
        expires_at_slot: 11,
        self_trade: 2,
    };

    #[test]
    fn arguments_become_the_request() {
        let request = ARGS.request().unwrap();
        let expected = OrderRequest {
            side: Side::Ask,
            kind: OrderKind::ImmediateOrCancel,
            price: Price(7),
            lots: BaseLots(3),
            reduce_only: true,
            client_order_id: 9,
            expires_at_slot: 11,
            self_trade: SelfTrade::DecrementBoth,
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn unknown_codes_are_refused() {
        for args in [
            PlaceOrderArgs { side: 2, ..ARGS },
            PlaceOrderArgs { kind: 4, ..ARGS },
            PlaceOrderArgs { self_trade: 3, ..ARGS },
        ] {
            assert_eq!(args.request().unwrap_err(), TaperError::InvalidArgument.into());
        }
    }
}
