//! A market with five accounts, in which an attacker chooses every order, caller and moment.

use bytemuck::allocation::zeroed_box;
use taper_engine::absorb::{absorb, Absorber};
use taper_engine::account::AccountState;
use taper_engine::book::Book;
use taper_engine::error::Result;
use taper_engine::liquidate::{
    account_health, flag, partial_liquidate, FlagOutcome, LiquidationContext, LiquidationRequest, SliceSummary,
};
use taper_engine::margin::{LegTotals, Valuation};
use taper_engine::market::MarketState;
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{place_order, OrderContext, OrderKind, OrderRequest, OrderSummary};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::seat::Seat;
use taper_engine::sweep::sweep_seat;

pub const PRICE: i64 = 100_000;
/// The long of the victim (or of the attacker who shields itself).
pub const LONG: i64 = 10_000;
pub const ALICE: u32 = 0;
pub const MAKER: u32 = 1;
pub const ATTACKER: u32 = 2;
pub const SECOND: u32 = 3;
pub const CAROL: u32 = 4;

#[derive(Clone)]
pub struct World {
    pub market: Box<MarketState>,
    pub book: Box<Book>,
    pub accounts: Vec<AccountState>,
    pub log: Box<FillLog>,
    pub price: OraclePrice,
    pub slot: u64,
}

pub fn owner(seat: u32) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&seat.to_le_bytes());
    bytes
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

impl World {
    /// A market with the default parameters (tick 100), five rich accounts with a seat each.
    pub fn new() -> Self {
        let sizing = MarketSizing { base_lot_exponent: -2, price: Price(PRICE), calm_depth_lots: BaseLots(2_000_000) };
        let mut market: Box<MarketState> = zeroed_box();
        market.params = default_params(&sizing).unwrap();
        market.params.tick_size_atoms_per_lot = 100;
        market.params.validate().unwrap();
        // Dust is allowed: the worst that a market's owner could do.
        market.params.min_order_base_lots = 1;
        let mut accounts = vec![];
        for seat in 0..5 {
            let mut account: AccountState = bytemuck::Zeroable::zeroed();
            account.cash_atoms = 1_000_000_000_000;
            assert_eq!(market.seats.allocate(&owner(seat), &mut account, 0, true), Ok(seat));
            accounts.push(account);
        }
        let price = OraclePrice {
            price: Price(PRICE),
            confidence: Price(0),
            ema: Price(PRICE),
            publish_time_seconds: 1,
            grade: Grade::Fresh,
        };
        Self { market, book: zeroed_box(), accounts, log: zeroed_box(), price, slot: 1_000 }
    }

    /// Alice is long 10,000 lots, then the price falls: health 0.86, in the soft stage. The book is empty.
    pub fn with_unhealthy_long() -> Self {
        let mut world = Self::with_position(Side::Bid, MAKER);
        world.set_price(96_500);
        assert!((8_000..9_000).contains(&world.health_bps(ALICE)));
        world
    }

    /// Alice has 10,000 lots at 100,000, long for a bid, and 59,500,000 atoms of cash after the fee. The book is empty.
    pub fn with_position(side: Side, against: u32) -> Self {
        let mut world = Self::new();
        world.accounts[0].cash_atoms = 60_000_000;
        world.place(against, limit(side.opposite(), PRICE, LONG)).unwrap();
        assert_eq!(world.place(ALICE, limit(side, PRICE, LONG)).unwrap().filled, BaseLots(LONG));
        world.sweep(ALICE);
        world.slot += 1;
        world
    }

    /// Alice observed, as by a call of `flag_account`.
    pub fn flag(&mut self, grade: Grade) -> Result<FlagOutcome> {
        self.market.accrue(self.slot);
        let health = |valuation| {
            let account = &self.accounts[0];
            account_health(&self.market, ALICE, account, &self.price, LegTotals::default(), valuation).unwrap()
        };
        let (mid, favourable) = (health(Valuation::Maintenance), health(Valuation::Favourable));
        flag(&self.market.params, &mut self.accounts[0], self.slot, grade, &favourable, &mid)
    }

    /// What an account has at the oracle price: cash, bonds left out, and its seat.
    pub fn wealth(&self, seat: u32) -> i64 {
        let row = self.seat(seat);
        let open = row.base_lots * self.price.price.0 + row.quote_entry_atoms + row.realised_atoms;
        self.accounts[seat as usize].cash_atoms + open
    }

    pub fn set_price(&mut self, price: i64) {
        (self.price.price, self.price.ema) = (Price(price), Price(price));
    }

    pub fn seat(&self, seat: u32) -> &Seat {
        self.market.seats.get(seat).unwrap()
    }

    pub fn sweep(&mut self, seat: u32) -> QuoteAtoms {
        sweep_seat(&mut self.market, seat, &mut self.accounts[seat as usize], self.slot).unwrap()
    }

    pub fn health_bps(&self, seat: u32) -> i64 {
        self.health(seat, Valuation::Maintenance)
    }

    pub fn health(&self, seat: u32, valuation: Valuation) -> i64 {
        let account = &self.accounts[seat as usize];
        account_health(&self.market, seat, account, &self.price, LegTotals::default(), valuation).unwrap().to_bps_down()
    }

    pub fn order_context(&self, seat: u32) -> OrderContext {
        OrderContext {
            slot: self.slot,
            price: self.price,
            others_initial: Some(LegTotals::default()),
            others_maintenance: LegTotals::default(),
            reduce_only_market: false,
            owner: owner(seat),
        }
    }

    pub fn place(&mut self, seat: u32, request: OrderRequest) -> Result<OrderSummary> {
        *self.log = bytemuck::Zeroable::zeroed();
        let context = self.order_context(seat);
        let account = &mut self.accounts[seat as usize];
        place_order(&mut self.market, &mut self.book, account, seat, &request, &context, &mut self.log)
    }

    /// An order that, refused, leaves everything as it was, as on chain.
    pub fn attempt(&mut self, seat: u32, request: OrderRequest) -> Result<OrderSummary> {
        let (market, book, account) = (self.market.clone(), self.book.clone(), self.accounts[seat as usize]);
        let placed = self.place(seat, request);
        if placed.is_err() {
            (self.market, self.book, self.accounts[seat as usize]) = (market, book, account);
        }
        placed
    }

    pub fn request(&self) -> LiquidationRequest {
        LiquidationRequest {
            caller_max: BaseLots(i64::MAX),
            expected_base: BaseLots(self.seat(ALICE).base_lots),
            min_payout: QuoteAtoms::ZERO,
            deadline_slot: u64::MAX,
        }
    }

    pub fn context(&self) -> LiquidationContext {
        LiquidationContext {
            slot: self.slot,
            price: self.price,
            others: LegTotals::default(),
            others_favourable: LegTotals::default(),
            owner: owner(ALICE),
        }
    }

    /// One slice of Alice through the book. A refusal leaves everything as it was, as on chain.
    pub fn liquidate(&mut self, request: LiquidationRequest) -> Result<SliceSummary> {
        let (mut market, mut book) = (self.market.clone(), self.book.clone());
        let mut account = self.accounts[0];
        *self.log = bytemuck::Zeroable::zeroed();
        let context = self.context();
        let summary =
            partial_liquidate(&mut market, &mut book, &mut account, ALICE, &request, &context, &mut self.log)?;
        (self.market, self.book, self.accounts[0]) = (market, book, account);
        Ok(summary)
    }

    /// Carol absorbs a slice of Alice.
    pub fn absorb(&mut self, request: LiquidationRequest) -> Result<SliceSummary> {
        let (mut market, mut account) = (self.market.clone(), self.accounts[0]);
        let mut absorbing = self.accounts[CAROL as usize];
        let context = self.context();
        let mut absorber = Absorber { account: &mut absorbing, seat_index: CAROL, context: self.order_context(CAROL) };
        let summary = absorb(&mut market, &self.book, &mut account, ALICE, &mut absorber, &request, &context)?;
        (self.market, self.accounts[0], self.accounts[CAROL as usize]) = (market, account, absorbing);
        Ok(summary)
    }

    pub fn assert_sound(&self) {
        let found: Vec<_> = taper_engine::audit::check_market(&self.market, &self.book).iter().collect();
        assert_eq!(found, []);
    }
}
