//! `absorb`: one slice of one leg, taken into the caller's own margin account.

use anchor_lang::prelude::*;
use taper_engine::absorb::{absorb, Absorber};
use taper_engine::liquidate::{LiquidationContext, LiquidationRequest, SliceSummary};
use taper_engine::modes::Action;
use taper_engine::oracle::OraclePrice;
use taper_engine::orders::OrderContext;

use crate::error::{Refusal, TaperError};
use crate::events::{Absorbed, SeatBalance, SeatTaken, SliceReport};
use crate::fills::SeatTouch;
use crate::instructions::{seat_or_new, LiquidateArgs};
use crate::legs::{live_price, require_consumed, require_mode, Legs, Needs, Now, Primary, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `absorb`. Remaining: `[market, oracle]` of the liquidatee's other positions, then of the absorber's, in order.
#[derive(Accounts)]
pub struct Absorb<'info> {
    /// The owner of the absorbing margin account, or its delegate.
    pub caller: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market of the leg.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book: read for levels that are better than the oracle.
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The liquidatee.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
    /// The account that takes the slice over.
    #[account(mut)]
    pub caller_margin_account: AccountLoader<'info, MarginAccount>,
}

/// Takes one slice of an unhealthy account's leg into the caller's margin account.
///
/// Specification:
/// 1. The absorber's owner or delegate signs; the absorber is another account of the same exchange.
/// 2. The plan is that of `partial_liquidate`; the price is, lot by lot, the better for the liquidatee of the endless level and the
///    book. The endless level is the oracle price, in the backstop stage κ beyond it. Every price of the absorber must be fresh, this
///    market's too: taking over adds risk.
/// 3. Insurance's part of the discount leaves the absorber's cash. `min_payout_atoms` is what the caller wants to earn against the oracle
///    price: its part of the penalty, plus the discount, less insurance's part of it, less what it pays beyond the oracle price. A
///    negative one accepts a loss.
/// 4. The absorber's initial health is at least 1 after. Without a seat in the market it takes one, of the last ones too.
/// 5. Returns a [`SliceReport`].
///
/// # Errors
/// `AbsorbIntoItself`, `MarketSettled`, `OracleDegraded`, `InsufficientCash`, `NotCallerAccount`, `WrongExchange`, `WrongOrderBook`, `PositionNotFound`; of
/// the legs, the oracles and the engine's `absorb`.
pub fn handle_absorb<'info>(ctx: Context<'info, Absorb<'info>>, args: &LiquidateArgs) -> Result<SliceReport> {
    let accounts = &ctx.accounts;
    accounts.validate()?;
    let done = accounts.take_over(ctx.remaining_accounts, &args.request())?;
    let (market, margin_account) = (accounts.market.key(), accounts.margin_account.key());
    let absorber = accounts.caller_margin_account.key();
    if let Some(bond_atoms) = done.absorber.bond_atoms {
        let seat_index = done.absorber.seat_index;
        emit!(SeatTaken { market, margin_account: absorber, seat_index, bond_atoms });
    }
    for (account, side) in [(&margin_account, &done.liquidatee), (&absorber, &done.absorber)] {
        side.touched.emit_if_any(&market, account, side.seat_index);
    }
    emit!(Absorbed {
        market,
        margin_account,
        seat_index: done.liquidatee.seat_index,
        absorber,
        absorber_seat_index: done.absorber.seat_index,
        report: done.report,
        seat_after: done.liquidatee.seat_after,
        cash_after_atoms: done.liquidatee.cash_after_atoms,
        absorber_seat_after: done.absorber.seat_after,
        absorber_cash_after_atoms: done.absorber.cash_after_atoms,
    });
    Ok(done.report)
}

/// What happened to one of the two accounts, for the events.
struct Party {
    seat_index: u32,
    bond_atoms: Option<u64>,
    touched: SeatTouch,
    seat_after: SeatBalance,
    cash_after_atoms: i64,
}

struct TakenOver {
    report: SliceReport,
    liquidatee: Party,
    absorber: Party,
}

impl<'info> Absorb<'info> {
    fn validate(&self) -> Result<()> {
        require!(self.caller_margin_account.key() != self.margin_account.key(), TaperError::AbsorbIntoItself);
        let exchange_key = self.exchange.key();
        let absorber = self.caller_margin_account.load()?;
        absorber.check_belongs(&exchange_key)?;
        require!(absorber.check_trader(self.caller.key).is_ok(), TaperError::NotCallerAccount);
        self.margin_account.load()?.check_belongs(&exchange_key)?;
        let market = self.market.load()?;
        market.check_belongs(&exchange_key)?;
        market.check_book(self.order_book.as_ref().key)?;
        market.state.require_unsettled().or_refuse()
    }

    fn take_over(&self, remaining: &'info [AccountInfo<'info>], request: &LiquidationRequest) -> Result<TakenOver> {
        let now = Now::get()?;
        let price = self.price(&now)?;
        let mut rest = remaining;
        let legs = self.legs_of(&self.margin_account, &price, now, &mut rest, Needs::SLICE)?;
        let absorber_legs = self.legs_of(&self.caller_margin_account, &price, now, &mut rest, Needs::ORDER)?;
        require_consumed(rest)?;

        let market_key = self.market.key();
        let (account_key, absorber_key) = (self.margin_account.key(), self.caller_margin_account.key());
        let mut market = self.market.load_mut()?;
        let mut account = self.margin_account.load_mut()?;
        let mut absorbing = self.caller_margin_account.load_mut()?;
        let seat_index = account.require_seat_in(&market_key)?;
        market.state.seats.owned_mut(seat_index, &account_key.to_bytes()).or_refuse()?;
        let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, now.slot)?;
        let (absorber_seat, bond_atoms) = seat_or_new(&mut market, &mut absorbing, &market_key, &absorber_key, true)?;
        let absorber_touched = SeatTouch::first(&mut market.state, absorber_seat, &mut absorbing.state, now.slot)?;

        let context = LiquidationContext {
            slot: now.slot,
            price,
            others: legs.maintenance,
            others_favourable: legs.favourable,
            owner: account_key.to_bytes(),
        };
        let order_context = OrderContext {
            slot: now.slot,
            price,
            others_initial: Some(absorber_legs.require_initial()?),
            others_maintenance: absorber_legs.maintenance,
            // Taking a slice over is liquidation: no status stops it.
            reduce_only_market: false,
            owner: absorber_key.to_bytes(),
        };
        let mut absorber =
            Absorber { account: &mut absorbing.state, seat_index: absorber_seat, context: order_context };
        let book = &self.order_book.load_known()?.book;
        let (state, liquidatee) = (&mut market.state, &mut account.state);
        let summary: SliceSummary =
            absorb(state, book, liquidatee, seat_index, &mut absorber, request, &context).or_refuse()?;
        let touched = touched.last(&mut market.state, seat_index, &mut account.state, now.slot)?;
        let absorber_touched =
            absorber_touched.last(&mut market.state, absorber_seat, &mut absorbing.state, now.slot)?;
        market.invariant()?;
        account.invariant()?;
        absorbing.invariant()?;
        Ok(TakenOver {
            report: SliceReport::new(&summary, price.price),
            liquidatee: Party {
                seat_index,
                bond_atoms: None,
                touched,
                seat_after: SeatBalance::of(&market, seat_index)?,
                cash_after_atoms: account.state.cash_atoms,
            },
            absorber: Party {
                seat_index: absorber_seat,
                bond_atoms,
                touched: absorber_touched,
                seat_after: SeatBalance::of(&market, absorber_seat)?,
                cash_after_atoms: absorbing.state.cash_atoms,
            },
        })
    }

    /// The leg's price, recorded as the last one used.
    fn price(&self, now: &Now) -> Result<OraclePrice> {
        let exchange = self.exchange.load_known()?;
        let mut market = self.market.load_mut()?;
        let price = live_price(&market, &self.oracle, &exchange, now)?;
        require_mode(Action::Absorb, price.grade)?;
        market.state.last_price.record(&price, now.slot).or_refuse()?;
        Ok(price)
    }

    fn legs_of(
        &self,
        loader: &AccountLoader<'info, MarginAccount>,
        price: &OraclePrice,
        now: Now,
        rest: &mut &'info [AccountInfo<'info>],
        needs: Needs,
    ) -> Result<Legs> {
        let (exchange_key, market_key, account_key) = (self.exchange.key(), self.market.key(), loader.key());
        let exchange = self.exchange.load_known()?;
        let account = loader.load()?;
        let primary = Primary::new(&market_key, &self.market.load()?.state, price);
        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        walk.value(Some(primary), rest, needs)
    }
}
