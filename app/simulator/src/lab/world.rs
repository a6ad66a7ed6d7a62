//! One market, its accounts and its maker: the engine's own state, and the engine's own calls on it in the program's order.

use anyhow::{anyhow, bail, Result};
use bytemuck::allocation::zeroed_box;
use bytemuck::Zeroable;
use taper_engine::account::AccountState;
use taper_engine::book::Book;
use taper_engine::liquidate::{account_health, SliceSummary};
use taper_engine::margin::{Health, LegTotals, Valuation};
use taper_engine::market::{MarketState, Throttle};
use taper_engine::matching::{FillLog, SelfTrade};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{cancel_all, place_order, OrderContext, OrderKind, OrderRequest};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::resolve::ResolveLog;
use taper_engine::sweep::{sweep_seat, touch_seat};
use taper_engine::EngineError;

use super::checkpoint::Checkpoint;
use super::feed::{Feed, FIRST_SLOT};
use super::ledger::{Ledger, Split};
use super::maker::Maker;
use super::record::Journal;
use super::tally::Tally;
use crate::replay::maker::Quote;
use crate::replay::population::Drawn;

/// The maker's seat: it trades first.
pub const MAKER_SEAT: u32 = 0;
/// The maker's deposit in units of the calm depth: it must outlive whatever a file may hold.
const MAKER_DEPTHS: i64 = 1_000;

/// An account of the population.
pub struct Trader {
    pub account: AccountState,
    /// Its seat, until it is released.
    pub seat: Option<u32>,
    pub owner: [u8; 32],
    pub ledger: Ledger,
}

/// A slice of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub time_ms: i64,
    pub slot: u64,
    pub trader: usize,
    pub price: Price,
    pub summary: SliceSummary,
}

/// The world of one run.
pub struct World {
    pub market: Box<MarketState>,
    pub book: Box<Book>,
    pub log: Box<FillLog>,
    pub moves: ResolveLog,
    pub traders: Vec<Trader>,
    pub maker: Maker,
    pub tally: Tally,
    maker_account: AccountState,
    /// What the exchange's insurance fund has.
    pub fund: QuoteAtoms,
    /// The posted price.
    pub price: OraclePrice,
    /// The path's.
    pub path: Price,
    pub slot: u64,
    pub time_ms: i64,
    /// True while the maker has decided on quotes that are not in the book yet: nobody has looked.
    quotes_pending: bool,
    /// What happens, if somebody wants to know.
    pub journal: Option<Box<Journal>>,
    /// Accounts whose equity or position has changed since they were last watched.
    pub changed: Vec<usize>,
}

/// What an engine error means here: nothing in a laboratory may be refused unexpectedly.
pub fn refused(error: EngineError) -> anyhow::Error {
    anyhow!("the engine refuses: {error:?}")
}

/// The address of a margin account.
fn owner_of(seat: u32) -> [u8; 32] {
    let mut owner = [7; 32];
    for (byte, value) in owner.iter_mut().zip(seat.to_le_bytes()) {
        *byte = value;
    }
    owner
}

impl World {
    /// Lists the market, funds the maker and opens every account against it at the opening price.
    ///
    /// # Errors
    /// When the engine refuses an account.
    pub fn open(feed: &Feed, params: MarketParams, drawn: &[Drawn], fund: QuoteAtoms) -> Result<Self> {
        let mut market: Box<MarketState> = zeroed_box();
        market.params = params;
        market.throttles = [Throttle::full(&params, FIRST_SLOT).map_err(refused)?; 2];
        market.donated(fund).map_err(refused)?;
        let mut maker_account = AccountState::zeroed();
        let deposit = feed.opening.price.notional(feed.calm_depth).map_err(refused)?.0.checked_mul(MAKER_DEPTHS);
        maker_account.cash_atoms =
            deposit.ok_or_else(|| anyhow!("the maker's deposit is beyond the engine's bounds"))?;
        let mut world = Self {
            market,
            book: zeroed_box(),
            log: zeroed_box(),
            moves: ResolveLog::zeroed(),
            traders: Vec::with_capacity(drawn.len()),
            maker: Maker::new(feed.profile.clone(), feed.recovery_ms),
            tally: Tally::default(),
            maker_account,
            fund,
            price: feed.opening,
            path: feed.opening.price,
            slot: FIRST_SLOT,
            time_ms: 0,
            quotes_pending: false,
            journal: None,
            changed: Vec::new(),
        };
        let bond = params.seat_bond_atoms;
        let seat = world.market.seats.allocate(&owner_of(MAKER_SEAT), &mut world.maker_account, bond, false);
        if seat.map_err(refused)? != MAKER_SEAT {
            bail!("the maker has not got the first seat");
        }
        for drawn in drawn {
            world.open_account(drawn)?;
        }
        world.measure_start()?;
        Ok(world)
    }

    /// A margin account and its position: the maker offers the size at the oracle's price, the trader takes it.
    fn open_account(&mut self, drawn: &Drawn) -> Result<()> {
        let mut account = AccountState::zeroed();
        account.cash_atoms = drawn.deposit.0;
        let tick = self.market.params.tick_size_atoms_per_lot;
        let price = Price(self.price.price.0.div_euclid(tick) * tick);
        let offer = Quote { side: drawn.side.opposite(), price, lots: drawn.lots };
        self.place_for_maker(&offer).map_err(refused)?;
        let index = u32::try_from(self.traders.len())? + 1;
        let owner = owner_of(index);
        let bond = self.market.params.seat_bond_atoms;
        let seat = self.market.seats.allocate(&owner, &mut account, bond, false).map_err(refused)?;
        let take = request(&Quote { side: drawn.side, ..offer }, OrderKind::FillOrKill);
        let context = self.order_context(owner);
        self.clear_log();
        place_order(&mut self.market, &mut self.book, &mut account, seat, &take, &context, &mut self.log)
            .map_err(refused)?;
        sweep_seat(&mut self.market, seat, &mut account, self.slot).map_err(refused)?;
        self.traders.push(Trader { account, seat: Some(seat), owner, ledger: Ledger::default() });
        Ok(())
    }

    fn measure_start(&mut self) -> Result<()> {
        for index in 0..self.traders.len() {
            let ledger = Ledger::opened(self.equity(index, self.path)?, self.base(index)?, self.path);
            self.trader_mut(index)?.ledger = ledger;
            self.changed.push(index);
        }
        Ok(())
    }

    fn order_context(&self, owner: [u8; 32]) -> OrderContext {
        OrderContext {
            slot: self.slot,
            price: self.price,
            others_initial: Some(LegTotals::default()),
            others_maintenance: LegTotals::default(),
            reduce_only_market: false,
            owner,
        }
    }

    /// Empties the log. Rows beyond its counts mean nothing.
    pub fn clear_log(&mut self) {
        (self.log.count, self.log.removal_count) = (0, 0);
    }

    fn place_for_maker(&mut self, quote: &Quote) -> taper_engine::Result<()> {
        let context = self.order_context(owner_of(MAKER_SEAT));
        self.clear_log();
        let (market, book, account) = (&mut self.market, &mut self.book, &mut self.maker_account);
        touch_seat(market, MAKER_SEAT, account, self.slot)?;
        let request = request(quote, OrderKind::PostOnly);
        place_order(market, book, account, MAKER_SEAT, &request, &context, &mut self.log)?;
        Ok(())
    }

    /// A new posted price: the clock, the oracle, and the maker's decision about its quotes.
    ///
    /// # Errors
    /// When the price cannot be used at all.
    pub fn post(&mut self, feed: &Feed, place: usize, halves: i64) -> Result<()> {
        let tick = feed.ticks.get(place).ok_or_else(|| anyhow!("there is no tick {place}"))?;
        let moved = self.maker.displacement_ppm(tick.time_ms) * halves / 2;
        (self.slot, self.time_ms) = (tick.slot, tick.time_ms);
        self.price = feed.posted(tick, moved, &self.market.params).map_err(refused)?;
        self.path = feed.unmoved(tick).map_err(refused)?;
        if self.maker.is_stale(self.path, self.time_ms) {
            self.maker.renew(self.path, tick.part, self.time_ms);
            self.quotes_pending = true;
        }
        Ok(())
    }

    /// Puts the maker's quotes into the book, if it has decided on new ones since somebody looked.
    ///
    /// # Errors
    /// When the engine cannot cancel, which it always can.
    pub fn show_quotes(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.quotes_pending) {
            return Ok(());
        }
        self.clear_log();
        cancel_all(&mut self.market, &mut self.book, MAKER_SEAT, None, 32, &mut self.log).map_err(refused)?;
        // On a degraded price nobody may add risk: a maker can only pull its quotes.
        if self.price.grade != Grade::Fresh {
            return Ok(());
        }
        for quote in self.maker.quotes(&self.market.params) {
            let before = Checkpoint::of(&self.market, &self.book, &self.maker_account, &[MAKER_SEAT])?;
            if self.place_for_maker(&quote).is_err() {
                before.restore(&mut self.market, &mut self.book, &mut self.maker_account)?;
                self.tally.maker_refusals += 1;
            }
        }
        Ok(())
    }

    /// # Errors
    /// For an account that does not exist.
    pub fn trader(&self, index: usize) -> Result<&Trader> {
        self.traders.get(index).ok_or_else(|| anyhow!("there is no account {index}"))
    }

    /// # Errors
    /// For an account that does not exist.
    pub fn trader_mut(&mut self, index: usize) -> Result<&mut Trader> {
        self.traders.get_mut(index).ok_or_else(|| anyhow!("there is no account {index}"))
    }

    /// The account's position.
    ///
    /// # Errors
    /// For an account that does not exist.
    pub fn base(&self, index: usize) -> Result<BaseLots> {
        let Some(seat) = self.trader(index)?.seat else { return Ok(BaseLots::ZERO) };
        Ok(self.market.seats.get(seat).map_err(refused)?.base())
    }

    /// The account's health at the posted price.
    ///
    /// # Errors
    /// Of the engine.
    pub fn health(&self, index: usize, valuation: Valuation) -> Result<Health> {
        self.health_at(index, &self.price, valuation)
    }

    /// The account's health at a price.
    ///
    /// # Errors
    /// Of the engine.
    pub fn health_at(&self, index: usize, price: &OraclePrice, valuation: Valuation) -> Result<Health> {
        let trader = self.trader(index)?;
        let none = LegTotals::default();
        match trader.seat {
            Some(seat) => account_health(&self.market, seat, &trader.account, price, none, valuation),
            None => none.with_cash(QuoteAtoms(trader.account.cash_atoms)),
        }
        .map_err(refused)
    }

    /// Equity at a price, the bond of the seat included.
    ///
    /// # Errors
    /// Of the engine.
    pub fn equity(&self, index: usize, mark: Price) -> Result<QuoteAtoms> {
        let price = OraclePrice { price: mark, confidence: Price(0), ema: mark, ..self.price };
        let equity = self.health_at(index, &price, Valuation::Maintenance)?.equity;
        let Some(seat) = self.trader(index)?.seat else { return Ok(equity) };
        let bond = i64::try_from(self.market.seats.get(seat).map_err(refused)?.bond_atoms)?;
        equity.add(QuoteAtoms(bond)).map_err(refused)
    }

    /// The account's terms at a price of the path, checked against its equity to the atom.
    ///
    /// # Errors
    /// When they do not add up.
    pub fn split(&self, index: usize, mark: Price) -> Result<Split> {
        let trader = self.trader(index)?;
        let owed = match trader.seat {
            Some(seat) => self.market.owed_now(self.market.seats.get(seat).map_err(refused)?).map_err(refused)?,
            None => QuoteAtoms::ZERO,
        };
        let split = trader.ledger.split(mark, owed);
        let equity = self.equity(index, mark)?.0;
        if split.sum_atoms() != equity {
            bail!("account {index} has {equity} atoms, its terms add up to {}: {split:?}", split.sum_atoms());
        }
        Ok(split)
    }

    /// Settles and sweeps an account's seat, as every instruction of the program does first.
    ///
    /// # Errors
    /// Of the engine.
    pub fn touch(&mut self, index: usize) -> Result<()> {
        let slot = self.slot;
        let trader = self.traders.get_mut(index).ok_or_else(|| anyhow!("there is no account {index}"))?;
        let Some(seat) = trader.seat else { return Ok(()) };
        let touched = touch_seat(&mut self.market, seat, &mut trader.account, slot).map_err(refused)?;
        trader.ledger.received(touched.charged.neg().map_err(refused)?);
        Ok(())
    }

    /// The account behind a seat; `None` for the maker's.
    pub fn trader_at(&self, seat: u32) -> Option<usize> {
        usize::try_from(seat).ok()?.checked_sub(1)
    }

    /// What the maker has gained or lost is nobody's concern here, but that the book is sound is.
    ///
    /// # Errors
    /// When an invariant of the market does not hold.
    pub fn audit(&self) -> Result<()> {
        let found: Vec<_> = taper_engine::audit::check_market(&self.market, &self.book).iter().collect();
        if !found.is_empty() {
            bail!("the market is not sound: {found:?}");
        }
        Ok(())
    }

    /// The side of the book that a liquidation of this position takes from.
    pub fn resting_side(base: BaseLots) -> Side {
        if base.is_positive() {
            Side::Bid
        } else {
            Side::Ask
        }
    }
}

fn request(quote: &Quote, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        side: quote.side,
        kind,
        price: quote.price,
        lots: quote.lots,
        reduce_only: false,
        client_order_id: 0,
        expires_at_slot: 0,
        self_trade: SelfTrade::CancelResting,
    }
}
