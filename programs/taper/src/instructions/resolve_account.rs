//! `resolve_account`: one leg of an account that is bankrupt, or taken over.

use anchor_lang::prelude::*;
use taper_engine::matching::FillLog;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::resolve::{resolve_leg, ResolveLog, ResolveSummary};

use crate::error::Refusal;
use crate::events::{DeleveragedSeat, LegResolved, OrdersCancelled, Removal, ResolveReport, SeatBalance};
use crate::fills::new_fill_log;
use crate::instructions::BOTH_SIDES;
use crate::legs::{refused_at, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `resolve_account`. Nobody signs. Remaining: `[market, oracle]` of every other position, in order.
#[derive(Accounts)]
pub struct ResolveAccount<'info> {
    /// The exchange: its fund may pay.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market of the leg.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The account to be resolved.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

/// Resolves one leg: its orders are cancelled, its lots go to the best-ranked opposite seats at the oracle price, and its share of the loss
/// (or of the equity that is left) is borne by insurance, these seats, all open lots of the market, and nobody, in this order.
///
/// Specification:
/// 1. Anyone may call, at any status, when the account's equity is not positive, its health is below the takeover point, or it has stalled in
///    the backstop stage. See `docs/spec.md`, section 18.
/// 2. A leg with many counterparties takes several calls. The order of legs, and who calls, changes nothing.
/// 3. What is on record of the account's deficit for this leg falls to what is left of its share, and of the deficit.
/// 4. Returns a [`ResolveReport`].
///
/// # Errors
/// `PositionNotFound`, `WrongExchange`, `WrongOrderBook`; of the legs, the oracles and the engine's `resolve_leg`.
pub fn handle_resolve_account<'info>(ctx: Context<'info, ResolveAccount<'info>>) -> Result<ResolveReport> {
    let accounts = &ctx.accounts;
    let mut log = new_fill_log();
    let mut moves: Box<ResolveLog> = bytemuck::zeroed_box();
    let done = accounts.resolve(ctx.remaining_accounts, &mut log, &mut moves)?;
    let (market, margin_account, seat_index) = (accounts.market.key(), accounts.margin_account.key(), done.seat_index);
    if !log.removals().is_empty() {
        emit!(OrdersCancelled {
            market,
            margin_account,
            seat_index,
            side: BOTH_SIDES,
            forced: true,
            removals: log.removals().iter().map(Removal::from).collect(),
        });
    }
    emit!(LegResolved {
        exchange: accounts.exchange.key(),
        market,
        margin_account,
        seat_index,
        report: done.report,
        counterparties: moves.rows().iter().map(DeleveragedSeat::from).collect(),
        seat_after: done.seat_after,
        charged_atoms: done.summary.charged.0,
        swept_atoms: done.summary.swept.0,
        cash_after_atoms: done.cash_after_atoms,
        bond_paid_atoms: done.summary.bond_paid.0,
        released_bond_atoms: done.summary.released_bond.map(|bond| bond.0),
        held_loss_atoms: done.summary.held.0,
        deficit_after_atoms: done.deficit_after_atoms,
        funding_index_scaled: done.indices.0,
        loss_index_before_scaled: done.loss_index_before,
        loss_index_scaled: done.indices.1,
    });
    Ok(done.report)
}

/// What happened, for the event.
struct Resolved {
    seat_index: u32,
    summary: ResolveSummary,
    report: ResolveReport,
    seat_after: SeatBalance,
    cash_after_atoms: i64,
    deficit_after_atoms: i64,
    indices: (i64, i64),
    loss_index_before: i64,
}

impl<'info> ResolveAccount<'info> {
    fn resolve(
        &self,
        remaining: &'info [AccountInfo<'info>],
        log: &mut FillLog,
        moves: &mut ResolveLog,
    ) -> Result<Resolved> {
        let now = Now::get()?;
        let (exchange_key, market_key) = (self.exchange.key(), self.market.key());
        let mut exchange = self.exchange.load_known_mut()?;
        let mut account = self.margin_account.load_mut()?;
        let mut market = self.market.load_mut()?;
        let mut order_book = self.order_book.load_known_mut()?;
        account.check_belongs(&exchange_key)?;
        market.check_belongs(&exchange_key)?;
        market.check_book(self.order_book.as_ref().key)?;
        let seat_index = account.require_seat_in(&market_key)?;
        let context = {
            let walk = Walk {
                exchange: &exchange,
                exchange_key: &exchange_key,
                account: &account,
                account_key: &self.margin_account.key(),
                now,
            };
            walk.resolution(&mut market, &market_key, &self.oracle, remaining)?
        };

        let loss_index_before = market.state.charges.loss_index_scaled;
        let (state, book) = (&mut market.state, &mut order_book.book);
        let summary = resolve_leg(state, book, &mut account.state, seat_index, &context, log, moves)
            .map_err(|refusal| refused_at(refusal, context.price.grade))?;
        exchange.pay_for(&summary)?;
        if summary.released_bond.is_some() {
            account.remove_position(&market_key)?;
        }
        market.invariant()?;
        order_book.invariant()?;
        account.invariant()?;
        exchange.invariant()?;
        let charges = &market.state.charges;
        Ok(Resolved {
            seat_index,
            summary,
            report: ResolveReport::new(&summary, context.price.price),
            seat_after: SeatBalance::of(&market, seat_index)?,
            cash_after_atoms: account.state.cash_atoms,
            deficit_after_atoms: account.state.recorded_deficit_atoms,
            indices: (charges.funding_index_scaled, charges.loss_index_scaled),
            loss_index_before,
        })
    }
}

impl Exchange {
    /// What insurance pays for a leg, what the vault keeps for what nobody bears, and need no longer keep for the account's deficit.
    fn pay_for(&mut self, summary: &ResolveSummary) -> Result<()> {
        let paid = summary.insurance.from_fund;
        self.insurance_atoms = QuoteAtoms(self.insurance_atoms).sub(paid).or_refuse()?.0;
        self.insurance_drawn_atoms = QuoteAtoms(self.insurance_drawn_atoms).add(paid).or_refuse()?.0;
        self.held_loss_atoms = QuoteAtoms(self.held_loss_atoms).add(summary.held).or_refuse()?.0;
        let recorded = QuoteAtoms(self.recorded_deficit_atoms);
        self.recorded_deficit_atoms = recorded.sub(summary.record_freed).or_refuse()?.0;
        Ok(())
    }
}
