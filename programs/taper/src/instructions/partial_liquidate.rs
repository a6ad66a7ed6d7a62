//! `partial_liquidate`: one slice of one leg, through the book.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{TokenAccount, TokenInterface};
use taper_engine::liquidate::{partial_liquidate, LiquidationContext, LiquidationRequest};
use taper_engine::matching::FillLog;
use taper_engine::quantity::{BaseLots, QuoteAtoms};

use crate::error::{Refusal, TaperError};
use crate::events::{BookChanged, SeatBalance, SliceReport, Sliced};
use crate::fills::{new_fill_log, BookAfter, SeatTouch};
use crate::legs::{Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, OrderBook};
use crate::token::{check_token_accounts, ExchangeSeeds, VaultTransfer};

/// Accounts of `partial_liquidate`. The payout goes to `caller_margin_account` (credit) or to `caller_token_account` (tokens; then
/// vault, mint and token program are needed too): exactly one. Remaining: `[market, oracle]` of every other position, in order.
#[derive(Accounts)]
pub struct PartialLiquidate<'info> {
    /// The liquidator: anyone.
    pub caller: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market of the leg.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The liquidatee.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
    /// Margin account to credit.
    #[account(mut)]
    pub caller_margin_account: Option<AccountLoader<'info, MarginAccount>>,
    /// Token account to pay.
    #[account(mut, dup)]
    pub caller_token_account: Option<InterfaceAccount<'info, TokenAccount>>,
    /// CHECK: compared with the exchange's vault.
    #[account(mut)]
    pub vault: Option<UncheckedAccount<'info>>,
    /// CHECK: compared with the exchange's quote mint.
    pub quote_mint: Option<UncheckedAccount<'info>>,
    /// The token program; compared with the exchange's.
    pub token_program: Option<Interface<'info, TokenInterface>>,
}

/// What the caller asks for, and what protects it when the race is lost. Also the arguments of `absorb`.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidateArgs {
    /// Most lots to close; at least a quarter of the plan.
    pub max_base_lots: i64,
    /// The position that the caller saw, with its sign.
    pub expected_base_lots: i64,
    /// Least that the caller wants to earn.
    pub min_payout_atoms: i64,
    /// Last slot in which the call may execute.
    pub deadline_slot: u64,
}

impl LiquidateArgs {
    pub(crate) fn request(&self) -> LiquidationRequest {
        LiquidationRequest {
            caller_max: BaseLots(self.max_base_lots),
            expected_base: BaseLots(self.expected_base_lots),
            min_payout: QuoteAtoms(self.min_payout_atoms),
            deadline_slot: self.deadline_slot,
        }
    }
}

/// Closes one slice of an unhealthy account's leg against the book, and pays the caller its part of the penalty, or the tip where budget or
/// cash forbids a penalty.
///
/// Specification:
/// 1. Anyone may call, at any status.
/// 2. The engine decides how much is closed, at what worst price, and what the caller earns; see `docs/spec.md`.
/// 3. The payout is credited to a margin account of the same exchange, other than the liquidatee, or paid from the vault.
/// 4. Returns a [`SliceReport`], so that a simulated call is a quote.
///
/// # Errors
/// `PayoutDestination`, `DuplicateAccount`, `VaultCannotPay`, `WrongExchange`, `WrongOrderBook`, `WrongVault`, `WrongMint`,
/// `WrongTokenProgram`, `PositionNotFound`, `MarketSettled`; of the legs, the oracles and the engine's `partial_liquidate`.
pub fn handle_partial_liquidate<'info>(
    ctx: Context<'info, PartialLiquidate<'info>>,
    args: &LiquidateArgs,
) -> Result<SliceReport> {
    let accounts = &ctx.accounts;
    let payout_to = accounts.validate()?;
    let mut log = new_fill_log();
    let sliced = accounts.slice(ctx.remaining_accounts, &args.request(), &mut log)?;
    accounts.pay(sliced.report.caller_payout_atoms)?;
    let (market, margin_account) = (accounts.market.key(), accounts.margin_account.key());
    let (seat_index, report) = (sliced.seat_index, sliced.report);
    let oracle_price = taper_engine::quantity::Price(report.oracle_price_atoms_per_lot);
    BookChanged::emit_if_any(&log, &market, seat_index, report.side, oracle_price, &sliced.book_after);
    sliced.touched.emit_if_any(&market, &margin_account, seat_index);
    emit!(Sliced {
        market,
        margin_account,
        seat_index,
        caller: accounts.caller.key(),
        payout_to,
        credited: accounts.caller_margin_account.is_some(),
        report,
        seat_after: sliced.seat_after,
        cash_after_atoms: sliced.cash_after_atoms,
    });
    Ok(report)
}

/// What happened, for the events.
struct SlicedLeg {
    seat_index: u32,
    report: SliceReport,
    touched: SeatTouch,
    seat_after: SeatBalance,
    cash_after_atoms: i64,
    book_after: BookAfter,
}

impl<'info> PartialLiquidate<'info> {
    /// The destination of the payout, if it is one and complete.
    fn validate(&self) -> Result<Pubkey> {
        match (&self.caller_margin_account, &self.caller_token_account) {
            (Some(credited), None) => {
                require!(credited.key() != self.margin_account.key(), TaperError::DuplicateAccount);
                credited.load()?.check_belongs(&self.exchange.key())?;
                Ok(credited.key())
            }
            (None, Some(paid)) => {
                let (Some(vault), Some(mint), Some(program)) = (&self.vault, &self.quote_mint, &self.token_program)
                else {
                    return err!(TaperError::PayoutDestination);
                };
                let exchange = self.exchange.load_known()?;
                check_token_accounts(&exchange, vault.key, mint.key, program.key)?;
                require!(paid.mint == exchange.quote_mint, TaperError::WrongMint);
                require!(paid.key() != exchange.vault, TaperError::DuplicateAccount);
                Ok(paid.key())
            }
            _ => err!(TaperError::PayoutDestination),
        }
    }

    fn slice(
        &self,
        remaining: &'info [AccountInfo<'info>],
        request: &LiquidationRequest,
        log: &mut FillLog,
    ) -> Result<SlicedLeg> {
        let now = Now::get()?;
        let (exchange_key, market_key, account_key) =
            (self.exchange.key(), self.market.key(), self.margin_account.key());
        let exchange = self.exchange.load_known()?;
        let mut account = self.margin_account.load_mut()?;
        let mut market = self.market.load_mut()?;
        let mut order_book = self.order_book.load_known_mut()?;
        account.check_belongs(&exchange_key)?;
        market.check_belongs(&exchange_key)?;
        market.check_book(self.order_book.as_ref().key)?;
        market.state.require_unsettled().or_refuse()?;
        let seat_index = account.require_seat_in(&market_key)?;

        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        let (price, legs) = walk.price_and_value(&mut market, &market_key, &self.oracle, remaining, Needs::SLICE)?;

        let context = LiquidationContext {
            slot: now.slot,
            price,
            others: legs.maintenance,
            others_favourable: legs.favourable,
            owner: account_key.to_bytes(),
        };
        market.state.seats.owned_mut(seat_index, &context.owner).or_refuse()?;
        let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, now.slot)?;
        let (state, book) = (&mut market.state, &mut order_book.book);
        let summary =
            partial_liquidate(state, book, &mut account.state, seat_index, request, &context, log).or_refuse()?;
        let touched = touched.last(&mut market.state, seat_index, &mut account.state, now.slot)?;
        market.invariant()?;
        order_book.invariant()?;
        account.invariant()?;
        Ok(SlicedLeg {
            seat_index,
            report: SliceReport::new(&summary, price.price),
            touched,
            seat_after: SeatBalance::of(&market, seat_index)?,
            cash_after_atoms: account.state.cash_atoms,
            book_after: BookAfter::from(&market.state),
        })
    }

    /// Gives the caller its part of the penalty, and its tip.
    fn pay(&self, payout_atoms: i64) -> Result<()> {
        let payout = QuoteAtoms(payout_atoms);
        if payout.is_zero() {
            return Ok(());
        }
        if let Some(credited) = &self.caller_margin_account {
            let mut account = credited.load_mut()?;
            account.state.credit(payout).or_refuse()?;
            return account.invariant();
        }
        let (Some(paid), Some(vault), Some(mint), Some(program)) =
            (&self.caller_token_account, &self.vault, &self.quote_mint, &self.token_program)
        else {
            return err!(TaperError::PayoutDestination);
        };
        let (decimals, seeds, held_atoms) = {
            let exchange = self.exchange.load_known()?;
            (exchange.quote_decimals, ExchangeSeeds::from(&*exchange), exchange.uncovered_atoms()?)
        };
        let transfer = VaultTransfer { vault, token_account: paid.as_ref(), mint, token_program: program, decimals };
        let amount = u64::try_from(payout.0).map_err(|_| TaperError::InvariantViolated)?;
        // What the vault must keep it cannot pay with; a credit needs no tokens.
        transfer.check_gate(held_atoms, amount).map_err(|_| TaperError::VaultCannotPay)?;
        transfer.pay(self.exchange.as_ref(), &seeds, amount)
    }
}
