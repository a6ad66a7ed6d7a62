//! One market, and beside it a reference in rationals.

use bytemuck::allocation::zeroed_box;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use proptest::prelude::*;
use taper_engine::account::AccountState;
use taper_engine::audit::check_market;
use taper_engine::book::Book;
use taper_engine::cash::take_income;
use taper_engine::charges::CHARGE_SCALE;
use taper_engine::funding::{sample, FundingSample};
use taper_engine::margin::LegTotals;
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{cancel_all, place_order, OrderContext, OrderKind, OrderRequest};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::sweep::touch_seat;
use taper_engine::EngineError;

pub const SEATS: usize = 5;
pub const PRICE: i64 = 100_000;
pub const TICK: i64 = 100;
const CASH: i64 = 1_000_000_000_000;
const START: u64 = 1_000;

pub fn ratio(numerator: i64, denominator: i64) -> BigRational {
    BigRational::new(BigInt::from(numerator), BigInt::from(denominator))
}

pub fn whole(value: &BigRational) -> i64 {
    value.to_integer().to_i64().unwrap()
}

fn owner(seat: usize) -> [u8; 32] {
    [u8::try_from(seat).unwrap() + 1; 32]
}

/// What the reference knows of a seat.
#[derive(Clone, Debug)]
pub struct ModelSeat {
    pub base: i64,
    /// Entry, result and what was swept of it.
    value: i64,
    /// What it owes since it paid last, unrounded.
    owed: BigRational,
}

#[derive(Clone)]
pub struct World {
    pub market: Box<MarketState>,
    book: Box<Book>,
    log: Box<FillLog>,
    accounts: Vec<AccountState>,
    price: OraclePrice,
    slot: u64,
    // The reference.
    pub seats: Vec<ModelSeat>,
    pub rate: BigRational,
    /// Slot and premium of the last sample.
    pub last: Option<(u64, i64)>,
    pub residue: BigRational,
    clearing: i64,
    /// What longs have paid less what shorts have received, unrounded: always nothing.
    funding_sum: BigRational,
    pub settlements: u32,
}

#[derive(Clone, Debug)]
pub enum Action {
    Place { who: usize, side: Side, ticks: i64, lots: i64, kind: OrderKind, reduce_only: bool, ttl: u64 },
    CancelAll { who: usize },
    Pass { slots: u64 },
    Price { ticks: i64, ema_atoms: i64 },
    Sample,
    Touch { who: usize },
    Socialise { who: usize, atoms: i64 },
    TakeIncome,
}

pub fn action() -> impl Strategy<Value = Action> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    let kind = prop_oneof![4 => Just(OrderKind::Limit), 1 => Just(OrderKind::ImmediateOrCancel)];
    let ttl = prop_oneof![4 => Just(0u64), 1 => 1u64..30];
    prop_oneof![
        10 => (0..SEATS, side, -4i64..7, 1i64..90, kind, prop::bool::weighted(0.1), ttl).prop_map(
            |(who, side, away, lots, kind, reduce_only, ttl)| {
                // Mostly away from the price, so that both sides fill.
                Action::Place { who, side, ticks: -side.sign() * away, lots, kind, reduce_only, ttl }
            }
        ),
        1 => (0..SEATS).prop_map(|who| Action::CancelAll { who }),
        6 => (0u64..25).prop_map(|slots| Action::Pass { slots }),
        2 => (-12i64..12, -1_500i64..1_500).prop_map(|(ticks, ema_atoms)| Action::Price { ticks, ema_atoms }),
        6 => Just(Action::Sample),
        4 => (0..SEATS).prop_map(|who| Action::Touch { who }),
        1 => (0..SEATS, 0i64..100_000).prop_map(|(who, atoms)| Action::Socialise { who, atoms }),
        1 => Just(Action::TakeIncome),
    ]
}

impl World {
    pub fn new() -> Self {
        let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
        let mut market: Box<MarketState> = zeroed_box();
        market.params = default_params(&sizing).unwrap();
        let params = &mut market.params;
        params.tick_size_atoms_per_lot = TICK;
        params.min_order_base_lots = 1;
        params.min_slice_base_lots = 1;
        params.funding_impact_base_lots = 60;
        params.funding_interval_slots = 8;
        params.funding_gap_slots = 40;
        params.funding_period_slots = 777;
        params.open_interest_cap_base_lots = 60 * 777 / 8;
        params.validate().unwrap();
        let mut accounts = vec![];
        for seat in 0..SEATS {
            let mut account: AccountState = bytemuck::Zeroable::zeroed();
            account.cash_atoms = CASH;
            market.seats.allocate(&owner(seat), &mut account, 0, true).unwrap();
            accounts.push(account);
        }
        let price = OraclePrice {
            price: Price(PRICE),
            confidence: Price(0),
            ema: Price(PRICE),
            publish_time_seconds: 1,
            grade: Grade::Fresh,
        };
        let seat = ModelSeat { base: 0, value: 0, owed: BigRational::zero() };
        let zero = BigRational::zero();
        Self {
            market,
            book: zeroed_box(),
            log: zeroed_box(),
            accounts,
            price,
            slot: START,
            seats: vec![seat; SEATS],
            rate: zero.clone(),
            last: None,
            residue: zero.clone(),
            clearing: 0,
            funding_sum: zero,
            settlements: 0,
        }
    }

    fn context(&self, who: usize) -> OrderContext {
        OrderContext {
            slot: self.slot,
            price: self.price,
            others_initial: Some(LegTotals::default()),
            others_maintenance: LegTotals::default(),
            reduce_only_market: false,
            owner: owner(who),
        }
    }

    /// One slot after the other, every seat owes the rate for its lots, as long as the sample is good.
    pub fn pass(&mut self, slots: u64) {
        for _ in 0..slots {
            self.slot += 1;
            if self.last.is_some_and(|(at, _)| self.slot <= at + u64::from(self.market.params.funding_gap_slots)) {
                for seat in &mut self.seats {
                    let due = &self.rate * BigInt::from(seat.base);
                    self.funding_sum += &due;
                    seat.owed += due;
                }
            }
        }
    }

    /// The reference settles a seat: rounded up. Returns what it paid.
    fn settle(&mut self, who: usize) -> i64 {
        let seat = &mut self.seats[who];
        let paid = whole(&seat.owed.ceil());
        self.residue += ratio(paid, 1) - &seat.owed;
        seat.owed = BigRational::zero();
        seat.value -= paid;
        self.clearing += paid;
        self.settlements += 1;
        paid
    }

    fn trade(&mut self, who: usize, side: Side, lots: i64, quote: i64, fee: i64) {
        let seat = &mut self.seats[who];
        seat.base += side.sign() * lots;
        seat.value -= side.sign() * quote + fee;
    }

    pub fn place(&mut self, who: usize, request: OrderRequest) -> Result<(), EngineError> {
        let (mut market, mut book, mut account) = (self.market.clone(), self.book.clone(), self.accounts[who]);
        *self.log = bytemuck::Zeroable::zeroed();
        let (seat, context) = (u32::try_from(who).unwrap(), self.context(who));
        let summary = place_order(&mut market, &mut book, &mut account, seat, &request, &context, &mut self.log)?;
        (self.market, self.book, self.accounts[who]) = (market, book, account);
        self.settle(who);
        for fill in self.log.fills().to_vec() {
            let maker = usize::try_from(fill.maker_seat_index).unwrap();
            assert_eq!(self.settle(maker), fill.maker_settled_atoms);
            let quote = fill.price_atoms_per_lot * fill.base_lots;
            self.trade(maker, request.side.opposite(), fill.base_lots, quote, fill.maker_fee_atoms);
        }
        self.trade(who, request.side, summary.filled.0, summary.quote.0, summary.taker_fee.0);
        Ok(())
    }

    /// The average price of the first lots of a side that count, lot by lot.
    fn impact(&self, side: Side) -> Option<BigRational> {
        let band = i64::from(self.market.params.maker_band_bps);
        let mut lots: Vec<i64> = vec![];
        for order in self.book.orders(side) {
            let worse = side.sign() * (order.price_atoms_per_lot - self.price.price.0);
            let is_out_of_band = worse * 10_000 > band * self.price.price.0;
            let is_expired = order.expires_at_slot != 0 && order.expires_at_slot <= self.slot;
            if order.placed_slot < self.slot && !is_expired && !is_out_of_band && order.flags == 0 {
                lots.extend(vec![order.price_atoms_per_lot; usize::try_from(order.size_base_lots).unwrap()]);
            }
        }
        lots.sort_by_key(|price| -side.sign() * price);
        let depth = usize::try_from(self.market.params.funding_impact_base_lots).unwrap();
        let counted = lots.get(..depth)?;
        Some(ratio(counted.iter().sum(), i64::try_from(depth).unwrap()))
    }

    fn premium(&self) -> Option<i64> {
        let (bid, ask) = (self.impact(Side::Bid), self.impact(Side::Ask));
        if (&bid, &ask) == (&None, &None) {
            return None;
        }
        let ema = ratio(self.price.ema.0, 1);
        let clamp = ratio(self.price.ema.0 * i64::from(self.market.params.funding_clamp_bps), 10_000).floor();
        let premium = match (bid, ask) {
            (Some(bid), _) if bid > ema => bid - ema,
            (_, Some(ask)) if ask < ema => ask - ema,
            _ => ratio(0, 1),
        };
        Some(whole(&premium.trunc().clamp(-clamp.clone(), clamp)))
    }

    /// Samples, as the reference does. The rate is that of the engine's premium: an integer in `2^-20` atoms.
    pub fn sample(&mut self) -> Option<FundingSample> {
        let params = self.market.params;
        let since = self.last.map(|(at, _)| self.slot - at);
        let sampled = sample(&mut self.market, &self.book, &self.price, self.slot);
        if since.is_some_and(|since| since < u64::from(params.funding_interval_slots)) {
            assert_eq!(sampled, Err(EngineError::FundingTooSoon));
            return None;
        }
        let (sampled, premium) = (sampled.unwrap(), self.premium());
        assert_eq!(sampled.premium_atoms_per_lot, premium.unwrap_or(0));
        assert_eq!(sampled.is_measured, premium.is_some());
        let is_recent = since.is_some_and(|since| since <= u64::from(params.funding_gap_slots));
        let (last, now) = (self.last.filter(|_| is_recent).map_or(0, |(_, last)| last), premium.unwrap_or(0));
        let agreed = if last.signum() == now.signum() { last.signum() * last.abs().min(now.abs()) } else { 0 };
        let scaled = (ratio(agreed, i64::from(params.funding_period_slots)) * BigInt::from(CHARGE_SCALE)).trunc();
        assert_eq!(ratio(sampled.rate_scaled_per_slot, 1), scaled);
        self.rate = scaled / BigInt::from(CHARGE_SCALE);
        self.last = Some((self.slot, now));
        Some(sampled)
    }

    fn touch(&mut self, who: usize) {
        let seat = u32::try_from(who).unwrap();
        let touch = touch_seat(&mut self.market, seat, &mut self.accounts[who], self.slot).unwrap();
        assert_eq!(touch.charged.0, self.settle(who));
        // Touched again at once it pays nothing.
        let again = touch_seat(&mut self.market, seat, &mut self.accounts[who], self.slot).unwrap();
        assert_eq!(again.charged, QuoteAtoms::ZERO);
    }

    /// Shares a loss among all lots; `who` is credited.
    fn socialise(&mut self, who: usize, atoms: i64) {
        self.market.accrue(self.slot);
        let shared = self.market.socialise(QuoteAtoms(atoms)).unwrap();
        let lots: i64 = self.seats.iter().map(|seat| seat.base.abs()).sum();
        assert_eq!(shared.0, if lots == 0 { 0 } else { atoms });
        if shared.0 != 0 {
            let per_lot = (ratio(atoms, lots) * BigInt::from(CHARGE_SCALE)).ceil() / BigInt::from(CHARGE_SCALE);
            assert!(&per_lot * BigInt::from(lots) >= ratio(atoms, 1));
            for seat in &mut self.seats {
                seat.owed += &per_lot * BigInt::from(seat.base.abs());
            }
            self.residue += per_lot * BigInt::from(lots) - ratio(atoms, 1);
            self.clearing -= atoms;
        }
        self.market.seats.rows[who].realised_atoms += shared.0;
        self.seats[who].value += shared.0;
    }

    pub fn run(&mut self, action: &Action) {
        match *action {
            Action::Place { who, side, ticks, lots, kind, reduce_only, ttl } => {
                let request = OrderRequest {
                    side,
                    kind,
                    price: Price(PRICE + ticks * TICK),
                    lots: BaseLots(lots),
                    reduce_only,
                    client_order_id: 0,
                    expires_at_slot: if ttl == 0 { 0 } else { self.slot + ttl },
                    self_trade: SelfTrade::CancelResting,
                };
                let refused = self.place(who, request).err();
                let known = [EngineError::NothingToReduce, EngineError::TooManyOrders];
                assert!(refused.is_none_or(|error| known.contains(&error)), "{refused:?}");
            }
            Action::CancelAll { who } => {
                let seat = u32::try_from(who).unwrap();
                *self.log = bytemuck::Zeroable::zeroed();
                cancel_all(&mut self.market, &mut self.book, seat, None, 32, &mut self.log).unwrap();
            }
            Action::Pass { slots } => self.pass(slots),
            Action::Price { ticks, ema_atoms } => {
                self.price.price = Price(PRICE + ticks * TICK);
                self.price.ema = Price(PRICE + ema_atoms);
            }
            Action::Sample => drop(self.sample()),
            Action::Touch { who } => self.touch(who),
            Action::Socialise { who, atoms } => self.socialise(who, atoms),
            Action::TakeIncome => {
                let floor = whole(&self.residue.floor());
                assert_eq!(take_income(&mut self.market).unwrap().residue, QuoteAtoms(floor));
                self.residue -= ratio(floor, 1);
                self.clearing -= floor;
            }
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(check_market(&self.market, &self.book).iter().collect::<Vec<_>>(), []);
        assert!(self.funding_sum.is_zero(), "longs owe what shorts are owed");
        assert!(!self.residue.is_negative());
        let charges = &self.market.charges;
        assert_eq!(ratio(i64::try_from(charges.residue_scaled).unwrap(), CHARGE_SCALE), self.residue);
        assert_eq!(charges.clearing_atoms, self.clearing);
        // INV-11, in the reference's own words.
        let owed: BigRational = self.seats.iter().map(|seat| &seat.owed).sum();
        assert_eq!(ratio(self.clearing, 1) + owed, self.residue);
        for (who, model) in self.seats.iter().enumerate() {
            let seat = &self.market.seats.rows[who];
            assert_eq!(seat.base_lots, model.base);
            let swept = self.accounts[who].cash_atoms - CASH;
            assert_eq!(seat.quote_entry_atoms + seat.realised_atoms + swept, model.value);
            assert_eq!(self.market.owed_at(seat, self.slot).unwrap().0, whole(&model.owed.ceil()));
        }
    }

    /// A seat's value with what it owes now: what it would have if it were settled.
    pub fn worth(&self, who: usize) -> i64 {
        self.seats[who].value - whole(&self.seats[who].owed.ceil())
    }
}
