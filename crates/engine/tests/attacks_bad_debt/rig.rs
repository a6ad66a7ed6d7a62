//! A small exchange around the engine, as the program wires it: markets, margin accounts with legs in several of them, wallets outside, the
//! insurance fund. Whatever is refused changes nothing, as on chain. [`Rig::audit`] keeps books of its own: tokens come from wallets alone.

#[path = "acts.rs"]
mod acts;

use bytemuck::allocation::zeroed_box;
use taper_engine::account::{AccountState, POSITIONS};
use taper_engine::audit::{check_market, market_value};
use taper_engine::book::Book;
use taper_engine::deficit::check_vault;
use taper_engine::error::{EngineError, Result};
use taper_engine::margin::{value_leg, Health, LegTotals, Valuation};
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{cancel_all, place_order, OrderContext, OrderKind, OrderRequest, OrderSummary};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::seat::Seat;
use taper_engine::sweep::{settle_loss, touch_seat, Touch};

/// Price at which every market begins.
pub const PRICE: i64 = 100_000;
pub const TICK: i64 = 100;

/// An account's seat in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub venue: usize,
    pub seat: u32,
}

#[derive(Clone)]
pub struct Trader {
    pub state: AccountState,
    pub legs: [Option<Leg>; POSITIONS],
    /// Tokens in its owner's wallet, counted from the start: what it took out less what it put in.
    pub wallet: i64,
}

#[derive(Clone)]
pub struct Venue {
    pub market: Box<MarketState>,
    pub book: Box<Book>,
    pub price: OraclePrice,
}

#[derive(Clone)]
pub struct Rig {
    pub venues: Vec<Venue>,
    pub traders: Vec<Trader>,
    pub slot: u64,
    /// The exchange's insurance fund.
    pub fund: i64,
    /// Fees swept to the exchange.
    pub fees: i64,
    pub log: Box<FillLog>,
}

pub fn owner(who: usize) -> [u8; 32] {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&(who as u64).to_le_bytes());
    bytes
}

pub fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
    let mut params = default_params(&sizing).unwrap();
    params.tick_size_atoms_per_lot = TICK;
    params.min_order_base_lots = 1;
    params
}

pub fn limit(side: Side, price: i64, lots: i64) -> OrderRequest {
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

pub fn taking(side: Side, price: i64, lots: i64) -> OrderRequest {
    OrderRequest { kind: OrderKind::ImmediateOrCancel, ..limit(side, price, lots) }
}

impl Rig {
    /// Markets with the default parameters (tick 100, orders of one lot) at [`PRICE`]; nobody has anything yet.
    pub fn new(venues: usize, traders: usize) -> Self {
        let price = OraclePrice {
            price: Price(PRICE),
            confidence: Price(0),
            ema: Price(PRICE),
            publish_time_seconds: 1,
            grade: Grade::Fresh,
        };
        let venue = || {
            let mut market: Box<MarketState> = zeroed_box();
            market.params = params();
            Venue { market, book: zeroed_box(), price }
        };
        let trader = Trader { state: bytemuck::Zeroable::zeroed(), legs: [None; POSITIONS], wallet: 0 };
        Self {
            venues: (0..venues).map(|_| venue()).collect(),
            traders: vec![trader; traders],
            slot: 1_000,
            fund: 0,
            fees: 0,
            log: zeroed_box(),
        }
    }

    pub fn set_price(&mut self, venue: usize, price: i64) {
        let known = &mut self.venues[venue].price;
        (known.price, known.ema) = (Price(price), Price(price));
        known.publish_time_seconds += 1;
    }

    pub fn price(&self, venue: usize) -> i64 {
        self.venues[venue].price.price.0
    }

    pub fn leg(&self, who: usize, venue: usize) -> Option<Leg> {
        self.traders[who].legs.iter().flatten().copied().find(|leg| leg.venue == venue)
    }

    pub fn seat(&self, who: usize, venue: usize) -> Seat {
        match self.leg(who, venue) {
            Some(leg) => *self.venues[venue].market.seats.get(leg.seat).unwrap(),
            None => bytemuck::Zeroable::zeroed(),
        }
    }

    pub fn base(&self, who: usize, venue: usize) -> i64 {
        self.seat(who, venue).base_lots
    }

    pub fn cash(&self, who: usize) -> i64 {
        self.traders[who].state.cash_atoms
    }

    /// What is in the vault: what wallets have put in and not taken out.
    pub fn vault(&self) -> i64 {
        -self.traders.iter().map(|trader| trader.wallet).sum::<i64>()
    }

    pub fn wallets(&self, of: &[usize]) -> i64 {
        of.iter().map(|who| self.traders[*who].wallet).sum()
    }

    /// Runs something on one market and some accounts; a refusal changes nothing.
    pub fn attempt<T>(&mut self, venue: usize, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (saved, traders, fund) = (self.venues[venue].clone(), self.traders.clone(), self.fund);
        let result = run(self);
        if result.is_err() {
            (self.venues[venue], self.traders, self.fund) = (saved, traders, fund);
        }
        result
    }

    pub fn deposit(&mut self, who: usize, atoms: i64) {
        self.traders[who].wallet -= atoms;
        self.traders[who].state.credit(QuoteAtoms(atoms)).unwrap();
    }

    /// The sum of the legs but the one in `except`, in one valuation.
    pub fn legs_value(&self, who: usize, except: Option<usize>, valuation: Valuation) -> LegTotals {
        let mut sum = LegTotals::default();
        for leg in self.traders[who].legs.iter().flatten().filter(|leg| Some(leg.venue) != except) {
            let venue = &self.venues[leg.venue];
            let seat = venue.market.seats.get(leg.seat).unwrap();
            let owed = venue.market.owed_at(seat, self.slot).unwrap();
            let value = value_leg(&venue.market.params, seat, owed, &venue.price, valuation).unwrap();
            sum = sum.add(value).unwrap();
        }
        sum
    }

    pub fn health(&self, who: usize, valuation: Valuation) -> Health {
        self.legs_value(who, None, valuation).with_cash(QuoteAtoms(self.cash(who))).unwrap()
    }

    pub fn bonds(&self, who: usize) -> i64 {
        let bond = |leg: &Leg| self.venues[leg.venue].market.seats.get(leg.seat).unwrap().bond_atoms;
        self.traders[who].legs.iter().flatten().map(|leg| bond(leg) as i64).sum()
    }

    /// Equity with bonds: what decides whether the account is bankrupt.
    pub fn equity(&self, who: usize) -> i64 {
        self.health(who, Valuation::Maintenance).equity.0 + self.bonds(who)
    }

    pub fn seat_or_new(&mut self, who: usize, venue: usize) -> Result<u32> {
        if let Some(leg) = self.leg(who, venue) {
            return Ok(leg.seat);
        }
        let market = &mut self.venues[venue].market;
        let bond = market.params.seat_bond_atoms;
        let seat = market.seats.allocate(&owner(who), &mut self.traders[who].state, bond, false)?;
        let free = self.traders[who].legs.iter_mut().find(|leg| leg.is_none()).unwrap();
        *free = Some(Leg { venue, seat });
        Ok(seat)
    }

    pub fn order_context(&self, who: usize, venue: usize) -> OrderContext {
        OrderContext {
            slot: self.slot,
            price: self.venues[venue].price,
            others_initial: Some(self.legs_value(who, Some(venue), Valuation::Initial)),
            others_maintenance: self.legs_value(who, Some(venue), Valuation::Maintenance),
            reduce_only_market: false,
            owner: owner(who),
        }
    }

    /// Places an order, as the program does: seat, touch, order, sweep.
    pub fn place(&mut self, who: usize, venue: usize, request: OrderRequest) -> Result<OrderSummary> {
        self.attempt(venue, |rig| {
            let seat = rig.seat_or_new(who, venue)?;
            rig.touch_seat(who, Leg { venue, seat })?;
            let context = rig.order_context(who, venue);
            *rig.log = bytemuck::Zeroable::zeroed();
            let Venue { market, book, .. } = &mut rig.venues[venue];
            let account = &mut rig.traders[who].state;
            let summary = place_order(market, book, account, seat, &request, &context, &mut rig.log)?;
            rig.touch_seat(who, Leg { venue, seat })?;
            Ok(summary)
        })
    }

    /// `buyer` takes lots from `seller`'s fresh order at a price.
    pub fn trade(&mut self, buyer: usize, seller: usize, venue: usize, price: i64, lots: i64) -> Result<BaseLots> {
        self.take(buyer, Side::Bid, seller, venue, price, lots)
    }

    /// `taker` takes lots of a fresh order of `maker`, all of them or nothing happens.
    pub fn take(
        &mut self,
        taker: usize,
        side: Side,
        maker: usize,
        venue: usize,
        price: i64,
        lots: i64,
    ) -> Result<BaseLots> {
        let saved = self.clone();
        let both = self.place(maker, venue, limit(side.opposite(), price, lots)).and_then(|_| {
            let taken = self.place(taker, venue, taking(side, price, lots))?;
            if taken.filled == BaseLots(lots) {
                Ok(taken.filled)
            } else {
                Err(EngineError::FillOrKillNotFilled)
            }
        });
        if both.is_err() {
            *self = saved;
        }
        both
    }

    pub fn cancel_all(&mut self, who: usize, venue: usize) {
        if let Some(leg) = self.leg(who, venue) {
            *self.log = bytemuck::Zeroable::zeroed();
            let Venue { market, book, .. } = &mut self.venues[venue];
            cancel_all(market, book, leg.seat, None, 64, &mut self.log).unwrap();
        }
    }

    pub fn touch_seat(&mut self, who: usize, leg: Leg) -> Result<Touch> {
        touch_seat(&mut self.venues[leg.venue].market, leg.seat, &mut self.traders[who].state, self.slot)
    }

    /// Settles and sweeps every seat of an account, twice: cash that one brings can pay what another owes.
    pub fn touch(&mut self, who: usize) {
        for leg in
            self.traders[who].legs.iter().chain(&self.traders[who].legs.clone()).flatten().copied().collect::<Vec<_>>()
        {
            self.touch_seat(who, leg).unwrap();
        }
    }

    pub fn settle_loss(&mut self, who: usize, venue: usize) -> Result<QuoteAtoms> {
        self.attempt(venue, |rig| {
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            rig.touch_seat(who, leg)?;
            let price = rig.venues[venue].price;
            settle_loss(&mut rig.venues[venue].market, leg.seat, &mut rig.traders[who].state, &price)
        })
    }

    pub fn withdraw(&mut self, who: usize, atoms: i64) -> Result<()> {
        check_vault(self.vault().unsigned_abs(), atoms.unsigned_abs(), QuoteAtoms(self.held()))?;
        let legs = self.legs_value(who, None, Valuation::Initial);
        self.traders[who].state.withdraw(atoms.unsigned_abs(), legs)?;
        self.traders[who].wallet += atoms;
        Ok(())
    }

    /// Takes out all that the account may take out now; returns how much.
    pub fn withdraw_all(&mut self, who: usize) -> i64 {
        self.touch(who);
        let initial = self.health(who, Valuation::Initial);
        let spare = initial.equity.0 - i64::try_from((initial.requirement.0 + 9_999) / 10_000).unwrap();
        let most = spare.min(self.cash(who)).min(self.vault() - self.held());
        if most <= 0 {
            return 0;
        }
        self.withdraw(who, most).unwrap();
        most
    }

    pub fn release(&mut self, who: usize, venue: usize) -> Result<QuoteAtoms> {
        self.attempt(venue, |rig| {
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            rig.touch_seat(who, leg)?;
            let bond = rig.venues[venue].market.seats.release(leg.seat, &mut rig.traders[who].state)?;
            rig.forget_leg(who, leg);
            Ok(bond)
        })
    }

    pub fn forget_leg(&mut self, who: usize, leg: Leg) {
        for known in &mut self.traders[who].legs {
            if *known == Some(leg) {
                *known = None;
            }
        }
    }

    /// What a group has, all at the oracle: wallets, and equity with bonds. An account in debt is left to the others.
    pub fn worth(&self, of: &[usize]) -> i64 {
        self.wallets(of) + of.iter().map(|who| self.equity(*who).max(0)).sum::<i64>()
    }

    pub fn health_bps(&self, who: usize) -> i64 {
        self.health(who, Valuation::Maintenance).to_bps_down()
    }

    /// INV-01 over everything, and what each market's own audit knows.
    pub fn audit(&self) {
        for (at, venue) in self.venues.iter().enumerate() {
            let found: Vec<_> = check_market(&venue.market, &venue.book).iter().collect();
            assert_eq!(found, [], "market {at}");
            assert!(venue.market.insurance_pending_atoms >= 0 && venue.market.fees_atoms >= 0);
        }
        assert!(self.fund >= 0 && self.vault() >= 0);
        let cash: i128 = self.traders.iter().map(|trader| i128::from(trader.state.cash_atoms)).sum();
        let markets: i128 = self.venues.iter().map(|venue| market_value(&venue.market)).sum();
        assert_eq!(cash + markets + i128::from(self.fund + self.fees), i128::from(self.vault()), "INV-01");
        for (who, trader) in self.traders.iter().enumerate() {
            assert!(trader.state.cash_atoms >= 0, "cash of {who}");
            let part = |leg: &Leg| self.venues[leg.venue].market.seats.get(leg.seat).unwrap().recorded_atoms;
            let parts: i64 = trader.legs.iter().flatten().map(part).sum();
            assert_eq!(parts, trader.state.recorded_deficit_atoms, "record of {who}");
        }
    }
}
