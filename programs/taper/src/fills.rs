//! From the engine's summaries to events. No decisions here.

use anchor_lang::prelude::*;
use taper_engine::account::AccountState;
use taper_engine::book::Order;
use taper_engine::liquidate::SliceSummary;
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, FillRecord, RemovalReason, RemovalRecord};
use taper_engine::quantity::Price;
use taper_engine::resolve::{Deleveraged, ResolveSummary};
use taper_engine::sweep::{sweep_seat, touch_seat, Touch};

use crate::error::Refusal;
use crate::events::{BookChanged, DeleveragedSeat, Fill, Removal, ResolveReport, SeatBalance, SliceReport, Swept};
use crate::instructions::side_code;
use crate::state::Market;

/// An empty log on the heap: it would fill most of a stack frame.
pub fn new_fill_log() -> Box<FillLog> {
    bytemuck::zeroed_box()
}

impl SeatBalance {
    /// The money of a seat.
    ///
    /// # Errors
    /// `SeatNotOwned` for a seat that does not exist.
    pub fn of(market: &Market, seat_index: u32) -> Result<Self> {
        let seat = market.state.seats.get(seat_index).or_refuse()?;
        Ok(Self {
            base_lots: seat.base_lots,
            quote_entry_atoms: seat.quote_entry_atoms,
            realised_atoms: seat.realised_atoms,
            funding_checkpoint_scaled: seat.funding_checkpoint_scaled,
            loss_checkpoint_scaled: seat.loss_checkpoint_scaled,
        })
    }
}

/// What touching a seat did, kept until the events are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeatTouch {
    /// The engine's answer; a later sweep of the same instruction is added to it.
    pub touch: Touch,
    /// Where the seat stands.
    pub checkpoints: (i64, i64),
}

impl SeatTouch {
    /// Settles and sweeps a seat, before anything else is done to it.
    ///
    /// # Errors
    /// The engine's.
    pub fn first(market: &mut MarketState, seat_index: u32, account: &mut AccountState, slot: u64) -> Result<Self> {
        let touch = touch_seat(market, seat_index, account, slot).or_refuse()?;
        Ok(Self { touch, checkpoints: checkpoints(market) })
    }

    /// Sweeps the seat again, after the instruction has changed it.
    ///
    /// # Errors
    /// The engine's.
    pub fn last(
        self,
        market: &mut MarketState,
        seat_index: u32,
        account: &mut AccountState,
        slot: u64,
    ) -> Result<Self> {
        let swept = sweep_seat(market, seat_index, account, slot).or_refuse()?;
        let touch = Touch { swept: self.touch.swept.add(swept).or_refuse()?, ..self.touch };
        Ok(Self { touch, checkpoints: checkpoints(market) })
    }

    /// Emits, if anything moved.
    pub fn emit_if_any(&self, market: &Pubkey, margin_account: &Pubkey, seat_index: u32) {
        let Touch { charged, swept, settled } = self.touch;
        if settled || !charged.is_zero() || !swept.is_zero() {
            let (funding_checkpoint_scaled, loss_checkpoint_scaled) = self.checkpoints;
            emit!(Swept {
                market: *market,
                margin_account: *margin_account,
                seat_index,
                charged_atoms: charged.0,
                amount_atoms: swept.0,
                funding_checkpoint_scaled,
                loss_checkpoint_scaled,
            });
        }
    }
}

/// The indices as they stand: a seat that has just been touched is settled to them.
fn checkpoints(market: &MarketState) -> (i64, i64) {
    (market.charges.funding_index_scaled, market.charges.loss_index_scaled)
}

impl From<&FillRecord> for Fill {
    fn from(record: &FillRecord) -> Self {
        Self {
            maker_seat_index: record.maker_seat_index,
            sequence: record.maker_sequence,
            client_order_id: record.maker_client_order_id,
            price_atoms_per_lot: record.price_atoms_per_lot,
            base_lots: record.base_lots,
            maker_fee_atoms: record.maker_fee_atoms,
            maker_settled_atoms: record.maker_settled_atoms,
        }
    }
}

impl From<&RemovalRecord> for Removal {
    fn from(record: &RemovalRecord) -> Self {
        Self {
            seat_index: record.seat_index,
            side: record.side,
            reason: record.reason,
            sequence: record.sequence,
            client_order_id: record.client_order_id,
            price_atoms_per_lot: record.price_atoms_per_lot,
            base_lots: record.base_lots,
        }
    }
}

impl Removal {
    /// An order that its owner took out.
    pub fn cancelled(order: &Order, side: u8) -> Self {
        Self {
            seat_index: order.seat_index,
            side,
            reason: RemovalReason::Cancelled as u8,
            sequence: order.sequence,
            client_order_id: order.client_order_id,
            price_atoms_per_lot: order.price_atoms_per_lot,
            base_lots: order.size_base_lots,
        }
    }
}

/// What an indexer has to know of the market after its book has changed.
#[derive(Clone, Copy, Debug)]
pub struct BookAfter {
    fill_sequence: u64,
    funding_index_scaled: i64,
    loss_index_scaled: i64,
}

impl From<&MarketState> for BookAfter {
    fn from(market: &MarketState) -> Self {
        let (funding_index_scaled, loss_index_scaled) = checkpoints(market);
        Self { fill_sequence: market.fill_sequence, funding_index_scaled, loss_index_scaled }
    }
}

impl BookChanged {
    /// Emits, if anything was filled or removed.
    pub fn emit_if_any(
        log: &FillLog,
        market: &Pubkey,
        taker_seat_index: u32,
        taker_side: u8,
        oracle_price: Price,
        after: &BookAfter,
    ) {
        let (fills, removals) = (log.fills(), log.removals());
        if fills.is_empty() && removals.is_empty() {
            return;
        }
        emit!(BookChanged {
            market: *market,
            taker_seat_index,
            taker_side,
            oracle_price_atoms_per_lot: oracle_price.0,
            fill_sequence: after.fill_sequence,
            funding_index_scaled: after.funding_index_scaled,
            loss_index_scaled: after.loss_index_scaled,
            fills: fills.iter().map(Fill::from).collect(),
            removals: removals.iter().map(Removal::from).collect(),
        });
    }
}

impl SliceReport {
    /// The engine's summary in plain integers.
    pub fn new(summary: &SliceSummary, oracle_price: Price) -> Self {
        Self {
            stage: summary.stage as u8,
            side: side_code(summary.side),
            base_lots: summary.lots.0,
            planned_base_lots: summary.planned.0,
            quote_atoms: summary.quote.0,
            penalty_atoms: summary.penalty.0,
            caller_payout_atoms: summary.caller_payout.0,
            tip_atoms: summary.tip.0,
            insurance_atoms: summary.insurance.0,
            discount_atoms: summary.discount.0,
            discount_insurance_atoms: summary.discount_insurance.0,
            cost_atoms: summary.cost.0,
            oracle_price_atoms_per_lot: oracle_price.0,
            health_before_bps: summary.health_before_bps,
            health_after_bps: summary.health_after_bps,
            cooldown_until_slot: summary.cooldown_until_slot,
            fills: summary.fills,
            cancelled_orders: summary.cancelled_orders,
            episode_ended: summary.episode_ended,
        }
    }
}

impl ResolveReport {
    /// The engine's summary in plain integers.
    pub fn new(summary: &ResolveSummary, oracle_price: Price) -> Self {
        Self {
            kind: summary.kind as u8,
            oracle_price_atoms_per_lot: oracle_price.0,
            base_lots: summary.lots.0,
            base_lots_left: summary.lots_left.0,
            insurance_from_market_atoms: summary.insurance.from_market.0,
            insurance_from_fund_atoms: summary.insurance.from_fund.0,
            deleveraged_atoms: summary.deleveraged.0,
            socialised_atoms: summary.socialised.0,
            unassigned_atoms: summary.unassigned.0,
            remaining_atoms: summary.remaining.0,
            health_before_bps: summary.health_before_bps,
            cancelled_orders: summary.cancelled_orders,
        }
    }
}

impl From<&Deleveraged> for DeleveragedSeat {
    fn from(row: &Deleveraged) -> Self {
        Self {
            seat_index: row.seat_index,
            base_lots: row.base_lots,
            settled_atoms: row.settled_atoms,
            charged_atoms: row.charged_atoms,
        }
    }
}
