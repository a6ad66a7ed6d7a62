//! Worlds of random accounts, in bytes as a node would send them.
#![allow(dead_code, reason = "each test takes what it needs")]

use anchor_lang::Discriminator;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solana_pubkey::Pubkey;
use taper::constants::ACCOUNT_VERSION;
use taper::legs::Now;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};
use taper_engine::seat::SEATS;
use taper_liquidator::store::Store;
use taper_sdk::pyth::{pull_account, PublishedPrice, Verification, PYTH_PULL};

/// Quote atoms per lot at the start: 150 dollars a coin, a lot is a hundredth.
pub const START_PRICE: i64 = 1_500_000;
/// Unix seconds at the start.
pub const START_SECONDS: i64 = 1_700_000_000;

/// The bytes of an account: discriminator and body.
pub fn bytes_of<T: bytemuck::Pod + Discriminator>(account: &T) -> Vec<u8> {
    [T::DISCRIMINATOR, bytemuck::bytes_of(account)].concat()
}

/// The exchange of these worlds.
pub fn exchange_key() -> Pubkey {
    Pubkey::new_from_array([9; 32])
}

pub fn exchange() -> Exchange {
    let mut exchange: Exchange = bytemuck::Zeroable::zeroed();
    (exchange.version, exchange.quote_decimals) = (ACCOUNT_VERSION, 6);
    exchange
}

/// A key of a kind and a number.
pub fn key(kind: u8, number: usize) -> Pubkey {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    bytes[8..16].copy_from_slice(&(number as u64).to_le_bytes());
    Pubkey::new_from_array(bytes)
}

pub fn market_key(number: usize) -> Pubkey {
    key(1, number)
}

pub fn oracle_key(number: usize) -> Pubkey {
    key(2, number)
}

pub fn margin_key(number: usize) -> Pubkey {
    key(3, number)
}

/// An empty market on a pull oracle.
pub fn market(number: usize) -> Box<Market> {
    let mut market = bytemuck::zeroed_box::<Market>();
    (market.version, market.exchange, market.order_book) = (ACCOUNT_VERSION, exchange_key(), key(4, number));
    (market.oracle_kind, market.oracle_key, market.oracle_account) = (1, key(5, number), oracle_key(number));
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(START_PRICE), calm_depth_lots: BaseLots(100_000) };
    market.state.params = default_params(&sizing).unwrap();
    market
}

pub fn order_book(number: usize) -> Box<OrderBook> {
    let mut book = bytemuck::zeroed_box::<OrderBook>();
    (book.version, book.market) = (ACCOUNT_VERSION, market_key(number));
    book
}

/// A pull account of a market's feed.
pub fn oracle(number: usize, price_atoms_per_lot: i64, seconds: i64, confidence_bps: i64) -> Vec<u8> {
    let mantissa = price_atoms_per_lot * 10_000;
    let published = PublishedPrice {
        price: mantissa,
        confidence: (mantissa / 10_000 * confidence_bps).unsigned_abs(),
        exponent: -8,
        ema_price: mantissa,
        ema_confidence: 0,
        publish_time_seconds: seconds,
        previous_publish_time_seconds: seconds - 1,
        slot: 1,
    };
    pull_account(&published, &key(5, number).to_bytes(), Verification::Full, &[0; 32])
}

/// A random world in plain structs.
pub struct World {
    pub markets: Vec<Box<Market>>,
    pub accounts: Vec<MarginAccount>,
    pub random: ChaCha8Rng,
    pub now: Now,
}

impl World {
    /// So many accounts with `1 + 2 × (number mod 3)` legs, three on average, over so many markets.
    pub fn new(account_count: usize, market_count: usize, seed: u64) -> Self {
        let mut world = Self {
            markets: (0..market_count).map(market).collect(),
            accounts: Vec::with_capacity(account_count),
            random: ChaCha8Rng::seed_from_u64(seed),
            now: Now { slot: 1_000, seconds: START_SECONDS },
        };
        for number in 0..account_count {
            let account = world.account(number);
            world.accounts.push(account);
        }
        world
    }

    fn account(&mut self, number: usize) -> MarginAccount {
        let mut account: MarginAccount = bytemuck::Zeroable::zeroed();
        (account.version, account.exchange, account.authority) = (ACCOUNT_VERSION, exchange_key(), key(6, number));
        let wanted = (1 + 2 * (number % 3)).min(self.markets.len());
        let mut notional = 0;
        for leg in 0..wanted {
            // Markets in turn: every one gets as many seats as the others, and no account two in one.
            let place = (number * 5 + leg) % self.markets.len();
            let market = &mut self.markets[place];
            let seat_index = market.state.seats.touched_count;
            if seat_index as usize >= SEATS {
                continue;
            }
            (market.state.seats.touched_count, market.state.seats.used_count) = (seat_index + 1, seat_index + 1);
            let lots = self.random.gen_range(1..20_000) * if self.random.gen() { 1 } else { -1 };
            let entry = START_PRICE + self.random.gen_range(-20_000..20_000);
            let seat = &mut market.state.seats.rows[seat_index as usize];
            (seat.owner, seat.base_lots, seat.quote_entry_atoms) = (margin_key(number).to_bytes(), lots, -lots * entry);
            seat.bond_atoms = market.state.params.seat_bond_atoms;
            seat.realised_atoms = self.random.gen_range(-1_000_000..1_000_000);
            notional += lots.abs() * START_PRICE;
            let position = &mut account.positions[leg];
            (position.market, position.seat_index, position.in_use) = (market_key(place), seat_index, 1);
        }
        account.state.cash_atoms = notional / self.random.gen_range(5..30);
        account
    }

    /// A store that has loaded all of it.
    pub fn load(&self) -> Store {
        let mut store = Store::new(exchange_key());
        store.set_now(self.now);
        store.reserve_accounts(self.accounts.len());
        let program = taper_sdk::PROGRAM_ID;
        store.put(exchange_key(), &program, &bytes_of(&exchange()), 1).unwrap();
        for number in 0..self.markets.len() {
            store.put_oracle(oracle_key(number), PYTH_PULL, &oracle(number, START_PRICE, START_SECONDS, 5), 1);
        }
        for (number, account) in self.accounts.iter().enumerate() {
            store.put(margin_key(number), &program, &bytes_of(account), 1).unwrap();
        }
        for (number, market) in self.markets.iter().enumerate() {
            store.put(market_key(number), &program, &bytes_of(market.as_ref()), 1).unwrap();
        }
        store
    }
}
