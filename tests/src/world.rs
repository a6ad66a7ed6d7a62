//! A small world: one exchange, its markets, its traders, and what they do.

use std::collections::BTreeMap;

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, PlaceOrderArgs, BOTH_SIDES};
use taper::legs::Now;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::quantity::Side;
use taper_engine::seat::Seat;
use taper_sdk::instruction;
use taper_sdk::legs::{ordered, Leg};
use taper_sdk::plan::{health, AccountHealth};

use crate::chain::Chain;
use crate::error::{HarnessError, Result};
use crate::exchange::Venue;
use crate::keys::keypair;
use crate::market::{MarketHandle, MarketSpec, PriceSource};
use crate::outcome::Outcome;
use crate::saved::{SavedAccount, SavedWorld};
use crate::token::mint_bytes;
use crate::trader::{order, Trader};

/// One quote token.
const TOKEN: u64 = 1_000_000;
const QUOTE_DECIMALS: u8 = 6;
/// Slots in two seconds.
const SLOTS_IN_TWO_SECONDS: u64 = 5;
/// Orders that fit one transaction of quotes.
const ORDERS_PER_TRANSACTION: usize = 8;

/// Levels that a maker quotes on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotes {
    /// Levels on each side.
    pub levels: u32,
    /// Lots at each level.
    pub base_lots: i64,
    /// Distance between levels, and of the first from the price, in quote atoms per lot.
    pub step_atoms_per_lot: i64,
}

/// A small world.
pub struct World {
    /// The chain.
    pub chain: Chain,
    /// The exchange.
    pub venue: Venue,
    markets: Vec<MarketHandle>,
    traders: BTreeMap<String, Trader>,
}

impl World {
    /// What makers quote unless told otherwise: eight levels of 200 coins, five cents apart.
    pub const QUOTES: Quotes = Quotes { levels: 8, base_lots: 20_000, step_atoms_per_lot: 500 };

    /// A chain with an exchange, nothing else.
    ///
    /// # Errors
    /// As [`Chain::start`] and [`Chain::send`].
    pub async fn empty() -> Result<Self> {
        let mut chain = Chain::start().await?;
        let mint = keypair("quote mint").pubkey();
        chain.set_account(&mint, mint_bytes(QUOTE_DECIMALS));
        let venue = Venue::create(&mut chain, "exchange", mint).await?;
        Ok(Self { chain, venue, markets: Vec::new(), traders: BTreeMap::new() })
    }

    /// The usual world: a SOL market on a push oracle at 150 dollars, `maker` quoting it, `alice`, `bob` and `dave`
    /// with 1,000 dollars of cash, and `carol`, a liquidator with 100,000.
    ///
    /// # Errors
    /// As [`World::empty`].
    pub async fn new() -> Result<Self> {
        Self::with_markets(1).await
    }

    /// The usual world with so many markets of the same kind, on push and pull oracles in turn.
    ///
    /// # Errors
    /// As [`World::empty`].
    pub async fn with_markets(count: usize) -> Result<Self> {
        let mut world = Self::empty().await?;
        world.add_trader("maker", 60_000_000 * TOKEN, 50_000_000 * TOKEN).await?;
        for name in ["alice", "bob", "dave"] {
            world.add_trader(name, 50_000 * TOKEN, 1_000 * TOKEN).await?;
        }
        world.add_trader("carol", 200_000 * TOKEN, 100_000 * TOKEN).await?;
        for index in 0..count {
            let source = if index % 2 == 0 { PriceSource::Push } else { PriceSource::Pull };
            let market = world.add_market(&MarketSpec::sol(&format!("SOL-{index}"), source)?).await?;
            world.quote("maker", market, Self::QUOTES).await?;
        }
        Ok(world)
    }

    /// Everything tracked, the clock, and what keys follow from.
    pub fn save(&self, version: &str) -> SavedWorld {
        SavedWorld {
            version: version.to_owned(),
            slot: self.chain.slot(),
            seconds: self.chain.seconds(),
            traders: self.traders.keys().cloned().collect(),
            markets: self.markets.iter().map(MarketHandle::saved).collect(),
            accounts: self.chain.tracked().map(|(key, account)| SavedAccount::of(key, account)).collect(),
        }
    }

    /// A chain with what was saved on it.
    ///
    /// # Errors
    /// `Saved`; as [`Chain::start`] and [`Chain::load`].
    pub async fn load(saved: &SavedWorld) -> Result<Self> {
        let mut chain = Chain::start().await?;
        for account in &saved.accounts {
            let (key, account) = account.account()?;
            chain.set_account(&key, account);
        }
        chain.set_time(saved.slot, saved.seconds);
        let venue = Venue::prepare("exchange", keypair("quote mint").pubkey());
        let markets = saved.markets.iter().map(|market| MarketHandle::of_saved(&chain, &venue, market));
        let markets = markets.collect::<Result<Vec<_>>>()?;
        let traders = saved.traders.iter().map(|name| (name.clone(), Trader::prepare(&venue, name))).collect();
        Ok(Self { chain, venue, markets, traders })
    }

    /// Creates a market; returns its index.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn add_market(&mut self, spec: &MarketSpec) -> Result<usize> {
        let market = MarketHandle::create(&mut self.chain, &self.venue, spec).await?;
        self.markets.push(market);
        Ok(self.markets.len() - 1)
    }

    /// Creates a trader.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn add_trader(&mut self, name: &str, tokens: u64, deposit_atoms: u64) -> Result<Trader> {
        let trader = Trader::create(&mut self.chain, &self.venue, name, tokens, deposit_atoms).await?;
        self.traders.insert(name.to_owned(), trader.clone());
        Ok(trader)
    }

    /// A trader by name; one without any account if the name is unknown.
    pub fn trader(&self, name: &str) -> Trader {
        self.traders.get(name).cloned().unwrap_or_else(|| Trader::prepare(&self.venue, name))
    }

    /// All traders.
    pub fn traders(&self) -> impl Iterator<Item = &Trader> {
        self.traders.values()
    }

    /// All markets.
    pub fn markets(&self) -> &[MarketHandle] {
        &self.markets
    }

    /// A market.
    ///
    /// # Errors
    /// `Range` for an index that no market has.
    pub fn market(&self, index: usize) -> Result<MarketHandle> {
        self.markets.get(index).cloned().ok_or(HarnessError::Range("market index"))
    }

    // Time and prices.

    /// Slot and time, as the program takes them.
    pub fn now(&self) -> Now {
        Now { slot: self.chain.slot(), seconds: self.chain.seconds() }
    }

    /// Posts a calm price, published now.
    ///
    /// # Errors
    /// `Range`.
    pub fn set_price(&mut self, market: usize, price_atoms_per_lot: i64) -> Result<()> {
        let handle = self.markets.get_mut(market).ok_or(HarnessError::Range("market index"))?;
        handle.price_atoms_per_lot = price_atoms_per_lot;
        let feed = handle.feed;
        let calm = feed.calm(&self.chain, price_atoms_per_lot)?;
        feed.post(&mut self.chain, &calm);
        Ok(())
    }

    /// Moves the clock by slots of 0.4 seconds and posts all prices anew, unchanged.
    ///
    /// # Errors
    /// `Range`.
    pub fn pass(&mut self, slots: u64) -> Result<()> {
        let seconds = slots.saturating_mul(2).div_ceil(SLOTS_IN_TWO_SECONDS);
        self.chain.advance(slots, i64::try_from(seconds).map_err(|_| HarnessError::Range("seconds"))?);
        for index in 0..self.markets.len() {
            let price = self.market(index)?.price_atoms_per_lot;
            self.set_price(index, price)?;
        }
        Ok(())
    }

    // What accounts say.

    /// Cash of a trader.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn cash(&self, name: &str) -> Result<i64> {
        Ok(self.chain.load::<MarginAccount>(&self.trader(name).margin)?.state.cash_atoms)
    }

    /// A margin account.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn account(&self, name: &str) -> Result<&MarginAccount> {
        self.chain.load(&self.trader(name).margin)
    }

    /// A market's account.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn market_account(&self, market: usize) -> Result<&Market> {
        self.chain.load(&self.market(market)?.keys.market)
    }

    /// A market's order book.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn book(&self, market: usize) -> Result<&OrderBook> {
        self.chain.load(&self.market(market)?.keys.order_book)
    }

    /// The exchange's account.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn exchange(&self) -> Result<&Exchange> {
        self.chain.load(&self.venue.keys.exchange)
    }

    /// A trader's seat in a market; `None` without one.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn seat(&self, name: &str, market: usize) -> Result<Option<&Seat>> {
        let handle = self.market(market)?;
        let Some(index) = self.account(name)?.seat_in(&handle.keys.market) else { return Ok(None) };
        Ok(self.market_account(market)?.state.seats.get(index).ok())
    }

    /// A trader's position in a market.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn base(&self, name: &str, market: usize) -> Result<i64> {
        Ok(self.seat(name, market)?.map_or(0, |seat| seat.base_lots))
    }

    /// The legs of a trader but the one in `primary`, in the program's order.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn legs(&self, name: &str, primary: Option<usize>) -> Result<Vec<Leg>> {
        let primary = primary.map(|index| self.market(index)).transpose()?.map(|handle| handle.keys.market);
        let oracle_of = |market: &Pubkey| {
            self.markets.iter().find(|handle| handle.keys.market == *market).map(|handle| handle.feed.account)
        };
        ordered(self.account(name)?, primary.as_ref(), oracle_of).map_err(HarnessError::NoAccount)
    }

    /// A trader's health, computed by the SDK from the accounts.
    ///
    /// # Errors
    /// `Answer` with the program's refusal.
    pub fn health(&self, name: &str) -> Result<AccountHealth> {
        let legs = self.legs(name, None)?;
        let margin = self.trader(name).margin;
        health(&self.chain, self.now(), &self.venue.keys.exchange, &margin, &legs)
            .map_err(|error| HarnessError::Answer(error.to_string()))
    }

    // What traders do.

    /// Deposits, with the legs.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn deposit(&mut self, name: &str, amount_atoms: u64) -> Result<Outcome> {
        let (trader, legs) = (self.trader(name), self.legs(name, None)?);
        let (key, keys) = (trader.key(), self.venue.keys);
        let deposit = instruction::deposit(key, &keys, trader.margin, trader.token_account, amount_atoms, &legs);
        self.chain.send(&[deposit], &[&trader.keypair]).await
    }

    /// Withdraws.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn withdraw(&mut self, name: &str, amount_atoms: u64) -> Result<Outcome> {
        let (trader, legs) = (self.trader(name), self.legs(name, None)?);
        let (key, keys) = (trader.key(), self.venue.keys);
        let withdraw = instruction::withdraw(key, &keys, trader.margin, trader.token_account, amount_atoms, &legs);
        self.chain.send(&[withdraw], &[&trader.keypair]).await
    }

    /// The instruction that places an order.
    ///
    /// # Errors
    /// As [`World::legs`].
    pub fn place_instruction(&self, name: &str, market: usize, args: PlaceOrderArgs) -> Result<Instruction> {
        let (trader, keys) = (self.trader(name), self.market(market)?.keys);
        let legs = self.legs(name, Some(market))?;
        Ok(instruction::place_order(trader.key(), &keys, trader.margin, args, &legs))
    }

    /// Places an order.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn place(&mut self, name: &str, market: usize, args: PlaceOrderArgs) -> Result<Outcome> {
        let place = self.place_instruction(name, market, args)?;
        self.chain.send(&[place], &[&self.trader(name).keypair]).await
    }

    /// Places the same order so many times, several to a transaction.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn place_many(&mut self, name: &str, market: usize, args: PlaceOrderArgs, count: usize) -> Result<()> {
        let place = self.place_instruction(name, market, args)?;
        let keypair = self.trader(name).keypair;
        for batch in vec![place; count].chunks(ORDERS_PER_TRANSACTION) {
            self.chain.send(batch, &[&keypair]).await?;
        }
        Ok(())
    }

    /// Takes so many lots from the book at any price within 5% of the oracle.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn take(&mut self, name: &str, market: usize, side: Side, base_lots: i64) -> Result<Outcome> {
        let handle = self.market(market)?;
        let limit = match side {
            Side::Bid => handle.price_atoms_per_lot / 20 * 21,
            Side::Ask => handle.price_atoms_per_lot / 20 * 19,
        };
        let args = PlaceOrderArgs { kind: 2, ..order(side, handle.on_tick(limit), base_lots) };
        self.place(name, market, args).await
    }

    /// Cancels a trader's orders in a market and quotes both sides around the posted price.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn quote(&mut self, name: &str, market: usize, quotes: Quotes) -> Result<()> {
        self.cancel_all(name, market).await?;
        let handle = self.market(market)?;
        let trader = self.trader(name);
        let mut instructions = Vec::new();
        for level in 1..=i64::from(quotes.levels) {
            let away = level * quotes.step_atoms_per_lot;
            for (side, price) in [
                (Side::Bid, handle.on_tick(handle.price_atoms_per_lot - away)),
                (Side::Ask, handle.on_tick(handle.price_atoms_per_lot + away)),
            ] {
                let args = PlaceOrderArgs { kind: 1, ..order(side, price, quotes.base_lots) };
                let legs = self.legs(name, Some(market))?;
                instructions.push(instruction::place_order(trader.key(), &handle.keys, trader.margin, args, &legs));
            }
        }
        for batch in instructions.chunks(ORDERS_PER_TRANSACTION) {
            self.chain.send(batch, &[&trader.keypair]).await?;
        }
        Ok(())
    }

    /// Cancels a trader's orders in a market; nothing without a seat.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn cancel_all(&mut self, name: &str, market: usize) -> Result<()> {
        if self.seat(name, market)?.is_none() {
            return Ok(());
        }
        let (trader, keys) = (self.trader(name), self.market(market)?.keys);
        let args = CancelAllOrdersArgs { side: BOTH_SIDES, limit: 32 };
        let cancel = instruction::cancel_all_orders(trader.key(), &keys, trader.margin, args);
        self.chain.send(&[cancel], &[&trader.keypair]).await?;
        Ok(())
    }
}
