//! A market, its oracle, and prices posted to it in Pyth's real layouts.

use solana_account::Account;
use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::constants::{ORACLE_PYTH_PULL, ORACLE_PYTH_PUSH};
use taper::state::{Market, OrderBook};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};
use taper_sdk::instruction::{create_market, create_zeroed_account, Listing, MarketKeys};
use taper_sdk::pyth::{
    pull_account, push_account, PublishedPrice, PushStatus, Verification, PYTH_PULL, PYTH_PUSH_MAINNET,
};

use crate::chain::Chain;
use crate::error::{HarnessError, Result};
use crate::exchange::Venue;
use crate::keys::keypair;
use crate::saved::SavedMarket;

const ORACLE_LAMPORTS: u64 = 30_000_000;
/// Quote decimals of the harness's mints.
const QUOTE_DECIMALS: i32 = 6;
/// Decimals that a posted mantissa has beyond whole atoms per lot.
const MANTISSA_DECIMALS: i32 = 4;
const MANTISSA_SCALE: i64 = 10_000;
/// Confidence of posted prices: 1/2000 of the price (5 bps).
const CONFIDENCE_DIVISOR: i64 = 2_000;

/// How a feed reaches the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// Pyth push account.
    Push,
    /// Pyth pull account.
    Pull,
}

/// An oracle account and what a market needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleFeed {
    /// How it reaches the chain.
    pub source: PriceSource,
    /// The account.
    pub account: Pubkey,
    /// Push: the account again. Pull: the feed id.
    pub identity: Pubkey,
    /// Exponent of its prices.
    pub exponent: i32,
}

impl OracleFeed {
    /// A feed of a label, for markets of this lot exponent. Its exponent is such that ten thousandths of an atom per
    /// lot can be posted.
    pub fn new(label: &str, source: PriceSource, base_lot_exponent: i32) -> Self {
        let account = keypair(&format!("{label} oracle")).pubkey();
        let identity = match source {
            PriceSource::Push => account,
            PriceSource::Pull => keypair(&format!("{label} feed")).pubkey(),
        };
        Self { source, account, identity, exponent: -(QUOTE_DECIMALS + base_lot_exponent + MANTISSA_DECIMALS) }
    }

    /// The price that a calm market publishes now: confidence 5 bps, EMA equal to the price.
    ///
    /// # Errors
    /// `Range`.
    pub fn calm(&self, chain: &Chain, price_atoms_per_lot: i64) -> Result<PublishedPrice> {
        let price = price_atoms_per_lot.checked_mul(MANTISSA_SCALE).ok_or(HarnessError::Range("price"))?;
        Ok(PublishedPrice {
            price,
            confidence: (price / CONFIDENCE_DIVISOR).unsigned_abs(),
            exponent: self.exponent,
            ema_price: price,
            ema_confidence: (price / CONFIDENCE_DIVISOR).unsigned_abs(),
            publish_time_seconds: chain.seconds(),
            previous_publish_time_seconds: chain.seconds().saturating_sub(1),
            slot: chain.slot(),
        })
    }

    /// Posts a price: trading, fully verified.
    pub fn post(&self, chain: &mut Chain, published: &PublishedPrice) {
        self.post_as(chain, published, PushStatus::Trading, Verification::Full);
    }

    /// Posts a price with a status (push) or a verification (pull).
    pub fn post_as(
        &self,
        chain: &mut Chain,
        published: &PublishedPrice,
        status: PushStatus,
        verification: Verification,
    ) {
        let (data, owner) = match self.source {
            PriceSource::Push => (push_account(published, status), PYTH_PUSH_MAINNET),
            PriceSource::Pull => {
                let writer = keypair("poster").pubkey().to_bytes();
                (pull_account(published, &self.identity.to_bytes(), verification, &writer), PYTH_PULL)
            }
        };
        let account = Account { lamports: ORACLE_LAMPORTS, data, owner, executable: false, rent_epoch: u64::MAX };
        chain.set_account(&self.account, account);
    }
}

/// What a market is to be.
#[derive(Clone, Debug)]
pub struct MarketSpec {
    /// Name; keys follow from it.
    pub name: String,
    /// Oracle.
    pub source: PriceSource,
    /// Price at listing, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Its parameters.
    pub params: MarketParams,
}

impl MarketSpec {
    /// A SOL-like market: lots of 0.01, 150 dollars, a calm depth of 10,000 within 1%; default parameters on a tick of
    /// a cent, but orders of one lot, so that cases can be about small ones.
    ///
    /// # Errors
    /// `Range` when the defaults do not validate.
    pub fn sol(name: &str, source: PriceSource) -> Result<Self> {
        let mut spec = Self::sized(name, source, -2, 1_500_000, 1_000_000, 100)?;
        spec.params.min_order_base_lots = 1;
        spec.params.min_slice_base_lots = 32;
        Ok(spec)
    }

    /// Default parameters, sized by price and depth, on this tick, with orders of a lot and slices of 32 allowed.
    ///
    /// # Errors
    /// `Range` when the defaults do not validate.
    pub fn sized(
        name: &str,
        source: PriceSource,
        base_lot_exponent: i32,
        price_atoms_per_lot: i64,
        calm_depth_base_lots: i64,
        tick_size_atoms_per_lot: i64,
    ) -> Result<Self> {
        let sizing = MarketSizing {
            base_lot_exponent,
            price: Price(price_atoms_per_lot),
            calm_depth_lots: BaseLots(calm_depth_base_lots),
        };
        let mut params = default_params(&sizing).map_err(|_| HarnessError::Range("default parameters"))?;
        params.tick_size_atoms_per_lot = tick_size_atoms_per_lot;
        // Small orders make small numbers; the smallest slice follows, as the parameters demand.
        params.min_order_base_lots = 1;
        params.min_slice_base_lots = params.min_slice_base_lots.min(32);
        Ok(Self { name: name.to_owned(), source, price_atoms_per_lot, params })
    }
}

/// A market that exists.
#[derive(Clone, Debug)]
pub struct MarketHandle {
    /// Its name.
    pub name: String,
    /// Its accounts.
    pub keys: MarketKeys,
    /// Its oracle.
    pub feed: OracleFeed,
    /// The price posted last, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
    /// Its parameters.
    pub params: MarketParams,
}

impl MarketHandle {
    /// Posts a first price and creates the market.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn create(chain: &mut Chain, venue: &Venue, spec: &MarketSpec) -> Result<Self> {
        let feed = OracleFeed::new(&spec.name, spec.source, spec.params.base_lot_exponent);
        let calm = feed.calm(chain, spec.price_atoms_per_lot)?;
        feed.post(chain, &calm);
        let (market, book) = (keypair(&format!("{} market", spec.name)), keypair(&format!("{} book", spec.name)));
        let (keys, instructions) = Self::creation(chain, venue, spec, &feed);
        chain.send(&instructions, &[&venue.admin, &market, &book]).await?;
        let (name, price_atoms_per_lot) = (spec.name.clone(), spec.price_atoms_per_lot);
        Ok(Self { name, keys, feed, price_atoms_per_lot, params: spec.params })
    }

    /// The accounts of a market to be, and the instructions that create it.
    pub fn creation(
        chain: &Chain,
        venue: &Venue,
        spec: &MarketSpec,
        feed: &OracleFeed,
    ) -> (MarketKeys, Vec<Instruction>) {
        let market = keypair(&format!("{} market", spec.name)).pubkey();
        let order_book = keypair(&format!("{} book", spec.name)).pubkey();
        let keys = MarketKeys { exchange: venue.keys.exchange, market, order_book, oracle: feed.account };
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(spec.name.bytes()) {
            *to = from;
        }
        let oracle_kind = match spec.source {
            PriceSource::Push => ORACLE_PYTH_PUSH,
            PriceSource::Pull => ORACLE_PYTH_PULL,
        };
        let listing = Listing { params: spec.params, oracle_kind, oracle_key: feed.identity, name };
        let instructions = vec![
            create_zeroed_account(&chain.payer(), &market, Market::SPACE),
            create_zeroed_account(&chain.payer(), &order_book, OrderBook::SPACE),
            create_market(venue.admin.pubkey(), &keys, &listing),
        ];
        (keys, instructions)
    }

    /// What its keys follow from, and its price.
    pub fn saved(&self) -> SavedMarket {
        let is_pull = self.feed.source == PriceSource::Pull;
        SavedMarket { name: self.name.clone(), is_pull, price_atoms_per_lot: self.price_atoms_per_lot }
    }

    /// A market that was saved, on a chain that has its accounts.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn of_saved(chain: &Chain, venue: &Venue, saved: &SavedMarket) -> Result<Self> {
        let market = keypair(&format!("{} market", saved.name)).pubkey();
        let order_book = keypair(&format!("{} book", saved.name)).pubkey();
        let params = chain.load::<Market>(&market)?.state.params;
        let feed = OracleFeed::new(&saved.name, saved.source(), params.base_lot_exponent);
        let keys = MarketKeys { exchange: venue.keys.exchange, market, order_book, oracle: feed.account };
        Ok(Self { name: saved.name.clone(), keys, feed, price_atoms_per_lot: saved.price_atoms_per_lot, params })
    }

    /// The nearest price on the tick, at or below.
    pub fn on_tick(&self, price_atoms_per_lot: i64) -> i64 {
        let tick = self.params.tick_size_atoms_per_lot.max(1);
        price_atoms_per_lot.div_euclid(tick).saturating_mul(tick)
    }
}
