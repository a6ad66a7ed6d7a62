//! What liquidations do in the world: slices of the engine, market orders of the baselines, flags, resolutions. Every one is recorded in the
//! accounts' ledgers.

use anyhow::{bail, Result};
use bytemuck::Zeroable;
use taper_engine::liquidate::{flag, partial_liquidate, LiquidationContext, LiquidationRequest, SliceSummary};
use taper_engine::margin::{LegTotals, Valuation};
use taper_engine::matching::{match_orders, SelfTrade, Step, Taker};
use taper_engine::quantity::{mul_div_down, BaseLots, Price, QuoteAtoms, Side, BPS_ONE};
use taper_engine::resolve::{resolve_leg, OtherLegs, ResolveContext, ResolveKind, ResolveSummary};
use taper_engine::sweep::{sweep_seat, touch_seat};
use taper_engine::EngineError;

use super::checkpoint::Checkpoint;
use super::world::{refused, World, MAKER_SEAT};

/// Calls after which an account that is still not resolved is given up: a table has 2,048 seats, a call takes 16.
const CALLS_MAX: usize = 130;

/// A market order's fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sold {
    pub lots: BaseLots,
    pub quote: QuoteAtoms,
}

impl World {
    /// One slice of the engine. The inner error is its refusal, after which nothing has changed.
    ///
    /// # Errors
    /// Of the laboratory itself.
    pub fn slice(
        &mut self,
        index: usize,
        request: &LiquidationRequest,
    ) -> Result<std::result::Result<SliceSummary, EngineError>> {
        self.show_quotes()?;
        self.clear_log();
        let (slot, path, base) = (self.slot, self.path, self.base(index)?);
        let Some(trader) = self.traders.get_mut(index) else { bail!("there is no account {index}") };
        let Some(seat) = trader.seat else { return Ok(Err(EngineError::SeatNotOwned)) };
        let none = LegTotals::default();
        let context =
            LiquidationContext { slot, price: self.price, others: none, others_favourable: none, owner: trader.owner };
        let (market, book, account) = (&mut self.market, &mut self.book, &mut trader.account);
        let before = Checkpoint::of(market, book, account, &[MAKER_SEAT, seat])?;
        let called = touch_seat(market, seat, account, slot).and_then(|touched| {
            let summary = partial_liquidate(market, book, account, seat, request, &context, &mut self.log)?;
            sweep_seat(market, seat, account, slot)?;
            Ok((touched, summary))
        });
        let (touched, summary) = match called {
            Ok(called) => called,
            Err(error) => {
                before.restore(market, book, account)?;
                return Ok(Err(error));
            }
        };
        trader.ledger.received(touched.charged.neg().map_err(refused)?);
        trader.ledger.paid(summary.penalty);
        self.tally.caller_income_atoms += summary.caller_payout.0;
        self.tally.caller_transactions += 1;
        self.note_slice(index, summary);
        if summary.lots.is_positive() {
            self.record_close(index, base, Sold { lots: summary.lots, quote: summary.quote }, path)?;
        }
        Ok(Ok(summary))
    }

    /// Books a liquidation's fills: the ledger, the counts, the hole in the book.
    fn record_close(&mut self, index: usize, base: BaseLots, sold: Sold, path: Price) -> Result<()> {
        let ledger = &mut self.trader_mut(index)?.ledger;
        ledger.closed(base, sold.lots, sold.quote, path);
        ledger.slices += 1;
        ledger.touched = true;
        let repeated = ledger.slices > 1;
        self.tally.slices += 1;
        self.tally.repeat_slices += u64::from(repeated);
        self.tally.liquidated_atoms += sold.quote.0;
        self.maker.filled(Self::resting_side(base), sold.quote.0, self.time_ms);
        self.changed.push(index);
        self.note_close(index, base, sold.lots, sold.quote);
        Ok(())
    }

    /// A baseline's market order that closes up to so many lots of a position at no worse than `limit`, through the engine's matching.
    ///
    /// # Errors
    /// Of the engine.
    pub fn sell(&mut self, index: usize, most: BaseLots, limit: Option<Price>) -> Result<Sold> {
        self.show_quotes()?;
        self.clear_log();
        self.touch(index)?;
        let base = self.base(index)?;
        let (Some(seat), Some(side)) = (self.trader(index)?.seat, Side::reducing(base)) else {
            return Ok(Sold::default());
        };
        let taker =
            Taker { seat_index: seat, side, fee_ppm: 0, maker_rebate: false, self_trade: SelfTrade::CancelResting };
        let mut left = most.min(base.abs().map_err(refused)?);
        let worse = |level: Price| match (side, limit) {
            (_, None) => false,
            (Side::Ask, Some(limit)) => level < limit,
            (Side::Bid, Some(limit)) => level > limit,
        };
        let (market, book) = (&mut self.market, &mut self.book);
        let outcome = match_orders(market, book, taker, &self.price, self.slot, &mut self.log, |level, available| {
            let lots = left.min(available);
            if !lots.is_positive() || worse(level) {
                return Ok(Step::Stop);
            }
            left = left.sub(lots)?;
            Ok(Step::Take(lots))
        })
        .map_err(refused)?;
        let sold = Sold { lots: outcome.lots, quote: outcome.quote };
        if sold.lots.is_positive() {
            self.record_close(index, base, sold, self.path)?;
            self.sweep(index)?;
        }
        Ok(sold)
    }

    fn sweep(&mut self, index: usize) -> Result<()> {
        let slot = self.slot;
        let Some(trader) = self.traders.get_mut(index) else { bail!("there is no account {index}") };
        if let Some(seat) = trader.seat {
            sweep_seat(&mut self.market, seat, &mut trader.account, slot).map_err(refused)?;
        }
        Ok(())
    }

    /// Charges a baseline's fee, as far as equity and cash go; insurance's part is `insurance_bps`, the rest is the caller's.
    ///
    /// # Errors
    /// Of the engine.
    pub fn charge(&mut self, index: usize, fee: QuoteAtoms, insurance_bps: u32) -> Result<()> {
        let equity = self.health(index, Valuation::Maintenance)?.equity;
        let trader = self.trader_mut(index)?;
        let cash = QuoteAtoms(trader.account.cash_atoms);
        let fee = fee.min(equity).min(cash).max(QuoteAtoms::ZERO);
        trader.account.cash_atoms = cash.sub(fee).map_err(refused)?.0;
        trader.ledger.paid(fee);
        let caller_bps = BPS_ONE.unsigned_abs().saturating_sub(u64::from(insurance_bps));
        let caller = mul_div_down(fee.0.unsigned_abs(), caller_bps, BPS_ONE.unsigned_abs()).map_err(refused)?;
        let caller = QuoteAtoms(i64::try_from(caller)?);
        self.market.contribute(fee.sub(caller).map_err(refused)?).map_err(refused)?;
        self.tally.caller_income_atoms += caller.0;
        Ok(())
    }

    /// Flags an account, which keeps its episode's clock running.
    ///
    /// # Errors
    /// Of the laboratory itself.
    pub fn flag(&mut self, index: usize) -> Result<()> {
        self.market.accrue(self.slot);
        let favourable = self.health(index, Valuation::Favourable)?;
        let mid = self.health(index, Valuation::Maintenance)?;
        let (slot, grade) = (self.slot, self.price.grade);
        let Some(trader) = self.traders.get_mut(index) else { bail!("there is no account {index}") };
        let before = trader.account;
        match flag(&self.market.params, &mut trader.account, slot, grade, &favourable, &mid) {
            Ok(_) => {
                self.tally.flags += 1;
                self.tally.caller_transactions += 1;
            }
            Err(_) => trader.account = before,
        }
        Ok(())
    }

    /// Resolves an account as far as the engine lets: its position goes to the opposite seats, its loss to whoever bears it.
    ///
    /// # Errors
    /// When the engine finds its state inconsistent, or it never ends.
    pub fn resolve(&mut self, index: usize) -> Result<()> {
        for _ in 0..CALLS_MAX {
            self.touch(index)?;
            let base = self.base(index)?;
            let Some(seat) = self.trader(index)?.seat else { return Ok(()) };
            let context = ResolveContext {
                slot: self.slot,
                price: self.price,
                owner: self.trader(index)?.owner,
                position: 0,
                others: OtherLegs::default(),
                fund: self.fund,
            };
            self.clear_log();
            self.moves = Zeroable::zeroed();
            let Some(trader) = self.traders.get_mut(index) else { bail!("there is no account {index}") };
            let (market, book, account) = (&mut self.market, &mut self.book, &mut trader.account);
            match resolve_leg(market, book, account, seat, &context, &mut self.log, &mut self.moves) {
                Ok(summary) => self.record_resolution(index, base, &summary)?,
                Err(EngineError::InvariantViolated | EngineError::MathOverflow) => {
                    bail!("the engine cannot resolve account {index}");
                }
                Err(_) => {
                    self.tally.resolve_refusals += 1;
                    return Ok(());
                }
            }
            if self.base(index)?.is_zero() {
                return Ok(());
            }
        }
        bail!("account {index} is not resolved after {CALLS_MAX} calls")
    }

    fn record_resolution(&mut self, index: usize, base: BaseLots, summary: &ResolveSummary) -> Result<()> {
        let (price, path) = (self.price.price, self.path);
        let drawn = summary.insurance.total().map_err(refused)?;
        let shared = summary.socialised.add(summary.unassigned).map_err(refused)?;
        let received = drawn.add(summary.deleveraged).and_then(|sum| sum.add(shared)).map_err(refused)?;
        self.fund = self.fund.sub(summary.insurance.from_fund).map_err(refused)?;
        let trader = self.trader_mut(index)?;
        trader.ledger.touched = true;
        trader.ledger.received(received);
        if summary.released_bond.is_some() {
            trader.seat = None;
        }
        let notional = price.notional(summary.lots).map_err(refused)?;
        if summary.lots.is_positive() {
            trader.ledger.closed(base, summary.lots, notional, path);
        }
        self.changed.push(index);
        let tally = &mut self.tally;
        tally.caller_transactions += 1;
        match summary.kind {
            ResolveKind::Takeover => {
                tally.taken_over_atoms += notional.0;
                tally.handed_over_atoms -= summary.deleveraged.0;
            }
            ResolveKind::Bankrupt => {
                tally.adl_atoms += notional.0;
                tally.bad_debt_atoms += received.0;
                tally.insurance_atoms += drawn.0;
                tally.deleveraged_atoms += summary.deleveraged.0;
                tally.socialised_atoms += shared.0;
            }
        }
        self.note_resolution(index, base, summary, drawn);
        self.record_counterparties(base, price, path)?;
        if summary.socialised.is_positive() {
            self.changed.extend(0..self.traders.len());
        }
        Ok(())
    }

    fn record_counterparties(&mut self, base: BaseLots, price: Price, path: Price) -> Result<()> {
        let moves = self.moves;
        for row in moves.rows() {
            let Some(other) = self.trader_at(row.seat_index) else { continue };
            let lots = BaseLots(row.base_lots);
            let quote = price.notional(lots).map_err(refused)?;
            let ledger = &mut self.trader_mut(other)?.ledger;
            ledger.closed(base.neg().map_err(refused)?, lots, quote, path);
            ledger.received(QuoteAtoms(-row.charged_atoms - row.settled_atoms));
            self.changed.push(other);
        }
        Ok(())
    }
}
