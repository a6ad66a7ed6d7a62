//! The chain of the day: an exchange with three markets, a maker, people with positions in one to three of them, and the bot's own account.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solana_pubkey::Pubkey;
use taper::instructions::{CancelAllOrdersArgs, PlaceOrderArgs, BOTH_SIDES};
use taper_engine::margin::requirement;
use taper_engine::quantity::{QuoteAtoms, Side};
use taper_harness::{order, Checks, HarnessError, MarketSpec, PriceSource, World};
use taper_sdk::instruction::cancel_all_orders;
use taper_sdk::pyth::PublishedPrice;

use crate::candles::{Moment, COINS};

/// A dollar.
pub const USD: i64 = 1_000_000;
/// The bot's name.
pub const BOT: &str = "bot";
/// The name of who is faster.
pub const RIVAL: &str = "rival";
const MAKER: &str = "maker";
const SLOT_MS: i64 = 400;
/// Resting dollars within 1%, on a side, in calm; the open interest of the longs is about twice that.
const DEPTH_USD: [f64; 3] = [600_000.0, 2_000_000.0, 1_500_000.0];
/// Lots of a hundredth of a SOL, and so on: a lot is worth between 0.1 and 1 dollar.
const LOT_EXPONENTS: [i32; 3] = [-2, -5, -4];
/// Where the maker quotes, in basis points from the price, and how much of the depth there.
const LEVELS: [(f64, f64); 5] = [(6.0, 0.05), (15.0, 0.15), (35.0, 0.25), (70.0, 0.25), (95.0, 0.30)];
/// The maker quotes anew when the price has moved so far.
const STALE_BPS: f64 = 3.0;
/// Slots over which Pyth's moving average forgets.
const EMA_SLOTS: f64 = 5_921.0;
/// What everybody has in their wallet.
const WALLET: u64 = 1 << 50;

struct Coin {
    average_usd: f64,
    quoted_usd: f64,
}

/// The chain, and who is on it.
pub struct Rig {
    pub world: World,
    /// Everybody who has ever had a position.
    pub people: Vec<String>,
    coins: Vec<Coin>,
    random: ChaCha8Rng,
    start_ms: i64,
    first_slot: u64,
}

/// Orders that were refused are no failure: on a degraded price nobody may add risk.
fn unless_refused<T>(sent: Result<T, HarnessError>) -> Option<T> {
    match sent {
        Ok(done) => Some(done),
        Err(HarnessError::Refused(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

impl Rig {
    /// Markets at the first prices, and so many people with positions.
    pub async fn open(first: &Moment, people: usize, seed: u64) -> Self {
        let mut world = World::empty().await.unwrap();
        world.chain.set_checks(Checks { audit_every: 1_000 });
        let first_slot = world.chain.slot();
        world.chain.set_time(first_slot, first.time_ms / 1_000);
        let mut coins = Vec::new();
        for (coin, name) in COINS.iter().enumerate() {
            let lot_usd = first.usd[coin] * 10f64.powi(LOT_EXPONENTS[coin]);
            let price = (lot_usd * USD as f64) as i64;
            let depth_lots = (DEPTH_USD[coin] / lot_usd) as i64;
            let source = if coin == 0 { PriceSource::Push } else { PriceSource::Pull };
            let tick = (price / 20_000).max(1);
            let spec = MarketSpec::sized(name, source, LOT_EXPONENTS[coin], price, depth_lots, tick).unwrap();
            world.add_market(&spec).await.unwrap();
            coins.push(Coin { average_usd: first.usd[coin], quoted_usd: 0.0 });
        }
        for (name, cash) in [(MAKER, WALLET / 2), (BOT, 2_000_000 * USD as u64), (RIVAL, 10 * USD as u64)] {
            world.add_trader(name, WALLET, cash).await.unwrap();
        }
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut rig = Self { world, people: Vec::new(), coins, random, start_ms: first.time_ms, first_slot };
        rig.publish(first).await;
        while rig.people.len() < people {
            rig.join().await;
        }
        rig
    }

    /// The clock moves, the feeds say what a coin costs now, the maker follows.
    pub async fn publish(&mut self, moment: &Moment) {
        let slot = self.first_slot + ((moment.time_ms - self.start_ms) / SLOT_MS).unsigned_abs();
        let passed = (slot - self.world.chain.slot()) as f64;
        self.world.chain.set_time(slot, moment.time_ms / 1_000);
        for (coin, lot_exponent) in LOT_EXPONENTS.iter().enumerate() {
            let usd = moment.usd[coin];
            let average = &mut self.coins[coin].average_usd;
            *average += (usd - *average) * (passed / EMA_SLOTS).min(1.0);
            let average = *average;
            self.world.set_price(coin, (usd * 10f64.powi(*lot_exponent) * USD as f64) as i64).unwrap();
            let feed = self.world.market(coin).unwrap().feed;
            let scale = 10f64.powi(-feed.exponent);
            let confidence = usd * (moment.range[coin] / 50.0).clamp(0.000_4, 0.025);
            let (chain, seconds) = (&mut self.world.chain, moment.time_ms / 1_000);
            let published = PublishedPrice {
                price: (usd * scale) as i64,
                confidence: (confidence * scale) as u64,
                exponent: feed.exponent,
                ema_price: (average * scale) as i64,
                ema_confidence: (confidence * scale) as u64,
                publish_time_seconds: seconds,
                previous_publish_time_seconds: seconds - 1,
                slot,
            };
            feed.post(chain, &published);
        }
        for coin in 0..COINS.len() {
            self.quote(coin, moment).await;
        }
    }

    /// The maker's bids and asks, thinner in a wide minute.
    async fn quote(&mut self, market: usize, moment: &Moment) {
        let (usd, quoted) = (moment.usd[market], self.coins[market].quoted_usd);
        if (usd - quoted).abs() < usd * STALE_BPS / 10_000.0 {
            return;
        }
        self.coins[market].quoted_usd = usd;
        let part = 1.0 / (1.0 + 50.0 * moment.range[market]);
        let handle = self.world.market(market).unwrap();
        let price = handle.price_atoms_per_lot as f64;
        let maker = self.world.trader(MAKER);
        let mut instructions = Vec::new();
        if self.world.seat(MAKER, market).unwrap().is_some() {
            let args = CancelAllOrdersArgs { side: BOTH_SIDES, limit: 32 };
            let cancel = cancel_all_orders(maker.key(), &handle.keys, maker.margin, args);
            instructions.push(cancel);
        }
        for (bps, share) in LEVELS {
            let lots = (DEPTH_USD[market] * share * part * USD as f64 / price) as i64;
            for (side, sign) in [(Side::Bid, -1.0), (Side::Ask, 1.0)] {
                let limit = handle.on_tick((price * (1.0 + sign * bps / 10_000.0)) as i64);
                let args = PlaceOrderArgs { kind: 1, ..order(side, limit, lots) };
                instructions.push(self.world.place_instruction(MAKER, market, args).unwrap());
            }
        }
        if unless_refused(self.world.chain.send(&instructions, &[&maker.keypair]).await).is_none() {
            // Old quotes do not stay where they are.
            unless_refused(self.world.cancel_all(MAKER, market).await);
        }
    }

    /// Somebody new: one to three legs, three quarters of them long, at 3 to 20 times leverage.
    pub async fn join(&mut self) {
        let name = format!("person {}", self.people.len());
        let first: usize = self.random.gen_range(0..COINS.len());
        let legs: usize = self.random.gen_range(1..=3);
        let is_long = self.random.gen_bool(0.75);
        let leverage = self.random.gen_range(3.0..20.0);
        let (mut wanted, mut deposit) = (Vec::new(), 0);
        for place in 0..legs {
            let market = (first + place) % COINS.len();
            let handle = self.world.market(market).unwrap();
            let price = handle.price_atoms_per_lot;
            // Two depths of open interest in each market, held by some four hundred legs in all.
            let usd = DEPTH_USD[market] / 65.0 * self.random.gen_range(0.2..1.8);
            let lots = ((usd * USD as f64) as i64 / price).max(handle.params.min_order_base_lots);
            let notional = lots * price;
            let initial = requirement(&handle.params, QuoteAtoms(notional), true).unwrap().to_atoms_down();
            deposit += ((notional as f64 / leverage) as i64).max(initial * 11 / 10) + notional / 500 + 2 * USD;
            let side = if is_long != self.random.gen_bool(0.1) { Side::Bid } else { Side::Ask };
            wanted.push((market, side, lots));
        }
        self.world.add_trader(&name, WALLET, deposit.unsigned_abs()).await.unwrap();
        for (market, side, lots) in wanted {
            let handle = self.world.market(market).unwrap();
            let price = handle.on_tick(handle.price_atoms_per_lot);
            let offer = PlaceOrderArgs { kind: 1, ..order(side.opposite(), price, lots) };
            let take = PlaceOrderArgs { kind: 3, ..order(side, price, lots) };
            let instructions = [
                self.world.place_instruction(MAKER, market, offer).unwrap(),
                self.world.place_instruction(&name, market, take).unwrap(),
            ];
            let (maker, trader) = (self.world.trader(MAKER), self.world.trader(&name));
            unless_refused(self.world.chain.send(&instructions, &[&maker.keypair, &trader.keypair]).await);
        }
        self.people.push(name);
    }

    /// For everybody who has no position left somebody new comes, if there are to be so many.
    pub async fn replace_the_gone(&mut self, wanted: usize) {
        let has = |name: &String| (0..COINS.len()).any(|market| self.world.base(name, market).unwrap() != 0);
        let left = self.people.iter().filter(|name| has(name)).count();
        for _ in left..wanted {
            self.join().await;
        }
    }

    /// The bot's owner sells what the bot has absorbed.
    pub async fn unwind(&mut self) {
        for market in 0..COINS.len() {
            let base = self.world.base(BOT, market).unwrap();
            if base != 0 {
                let side = if base > 0 { Side::Ask } else { Side::Bid };
                unless_refused(self.world.take(BOT, market, side, base.abs()).await);
            }
        }
    }

    /// The oracle account of a market.
    pub fn oracle_of(&self, market: &Pubkey) -> Option<Pubkey> {
        self.world.markets().iter().find(|handle| handle.keys.market == *market).map(|handle| handle.feed.account)
    }
}
