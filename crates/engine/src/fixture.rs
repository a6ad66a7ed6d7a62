//! A small market for the unit tests: prices around 1,000 atoms a lot, so that amounts can be read.

use std::boxed::Box;

use crate::account::AccountState;
use crate::book::Book;
use crate::margin::LegTotals;
use crate::market::MarketState;
use crate::matching::{FillLog, SelfTrade};
use crate::oracle::{Grade, OraclePrice};
use crate::orders::{place_order, OrderContext, OrderKind, OrderRequest, OrderSummary};
use crate::presets::{default_params, MarketSizing};
use crate::quantity::{BaseLots, Price, Side};
use crate::seat::Seat;
use crate::Result;
use bytemuck::allocation::zeroed_box;

/// Oracle price of the fixture.
pub(crate) const PRICE: i64 = 100_000;

/// A market, its book, and rich accounts with a seat each.
pub(crate) struct Rig {
    pub(crate) market: Box<MarketState>,
    pub(crate) book: Box<Book>,
    pub(crate) accounts: std::vec::Vec<AccountState>,
    pub(crate) log: Box<FillLog>,
    pub(crate) context: OrderContext,
}

pub(crate) fn owner(seat: usize) -> [u8; 32] {
    let mut bytes = [9; 32];
    bytes[..2].copy_from_slice(&u16::try_from(seat).unwrap().to_le_bytes());
    bytes
}

/// A market with `accounts` seats. Tick 100, smallest order 5 lots, band 200 bps, taker fee 500 ppm, maker rebate 100 ppm.
pub(crate) fn rig(accounts: usize) -> Rig {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
    let mut market: Box<MarketState> = zeroed_box();
    market.params = default_params(&sizing).unwrap();
    market.params.tick_size_atoms_per_lot = 100;
    market.params.min_order_base_lots = 5;
    let mut states = std::vec::Vec::new();
    for seat in 0..accounts {
        let mut account: AccountState = bytemuck::Zeroable::zeroed();
        account.cash_atoms = 1_000_000_000_000;
        assert_eq!(market.seats.allocate(&owner(seat), &mut account, 0, true), Ok(u32::try_from(seat).unwrap()));
        states.push(account);
    }
    let price = OraclePrice {
        price: Price(PRICE),
        confidence: Price(0),
        ema: Price(PRICE),
        publish_time_seconds: 1,
        grade: Grade::Fresh,
    };
    let context = OrderContext {
        slot: 10,
        price,
        others_initial: Some(LegTotals::default()),
        others_maintenance: LegTotals::default(),
        reduce_only_market: false,
        owner: [0; 32],
    };
    Rig { market, book: zeroed_box(), accounts: states, log: zeroed_box(), context }
}

/// A limit order that can be changed with `..`.
pub(crate) fn limit(side: Side, price: i64, lots: i64) -> OrderRequest {
    OrderRequest {
        side,
        kind: OrderKind::Limit,
        price: Price(price),
        lots: BaseLots(lots),
        reduce_only: false,
        client_order_id: 0,
        expires_at_slot: 0,
        self_trade: SelfTrade::CancelResting,
    }
}

pub(crate) fn bid(price: i64, lots: i64) -> OrderRequest {
    limit(Side::Bid, price, lots)
}

pub(crate) fn ask(price: i64, lots: i64) -> OrderRequest {
    limit(Side::Ask, price, lots)
}

impl Rig {
    /// Places an order with an empty log.
    pub(crate) fn place(&mut self, who: usize, request: OrderRequest) -> Result<OrderSummary> {
        self.context.owner = owner(who);
        *self.log = bytemuck::Zeroable::zeroed();
        let seat = u32::try_from(who).unwrap();
        let account = &mut self.accounts[who];
        place_order(&mut self.market, &mut self.book, account, seat, &request, &self.context, &mut self.log)
    }

    pub(crate) fn seat(&self, who: usize) -> &Seat {
        &self.market.seats.rows[who]
    }

    /// Lots at each price of a side, worst first.
    pub(crate) fn levels(&self, side: Side) -> std::vec::Vec<(i64, i64)> {
        self.book.orders(side).iter().map(|order| (order.price_atoms_per_lot, order.size_base_lots)).collect()
    }

    /// `(sequence, lots, reason)` of the last call's removals.
    pub(crate) fn removals(&self) -> std::vec::Vec<(u64, i64, u8)> {
        self.log.removals().iter().map(|r| (r.sequence, r.base_lots, r.reason)).collect()
    }

    /// Gives `who` a position of that size, against seat `other`, at the oracle price and without a trace in the book.
    pub(crate) fn give(&mut self, who: usize, other: usize, lots: i64) {
        let (mine, theirs) =
            if lots > 0 { (bid(PRICE, lots), ask(PRICE, lots)) } else { (ask(PRICE, -lots), bid(PRICE, -lots)) };
        self.place(other, theirs).unwrap();
        assert_eq!(self.place(who, mine).unwrap().filled, BaseLots(lots.abs()));
    }

    pub(crate) fn assert_sound(&self) {
        let found: std::vec::Vec<_> = crate::audit::check_market(&self.market, &self.book).iter().collect();
        assert_eq!(found, []);
    }
}
