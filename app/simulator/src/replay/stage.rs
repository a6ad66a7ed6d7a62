//! The embedded chain of a replay: an exchange with one market, its Pyth account, and the accounts that act on it. Every key follows
//! from the seed, so that addresses, bumps and compute units do.

use anyhow::{anyhow, Context, Result};
use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, PlaceOrderArgs, BOTH_SIDES};
use taper::state::{MarginAccount, Market};
use taper_engine::params::MarketParams;
use taper_engine::quantity::BaseLots;
use taper_harness::{
    keypair, mint_bytes, order, token_account_bytes, Chain, HarnessError, MarketHandle, MarketSpec, OracleFeed,
    PriceSource, Trader, Venue,
};
use taper_sdk::instruction::{self, MarketKeys};
use taper_sdk::pyth::PublishedPrice;

use super::maker::Quote;

/// Decimals of the quote mint.
pub const QUOTE_DECIMALS: u8 = 6;
/// Orders that fit into one transaction.
const ORDERS_PER_TRANSACTION: usize = 12;
/// Kinds of orders, as the program codes them.
pub const POST_ONLY: u8 = 1;
/// All or nothing, at once.
pub const FILL_OR_KILL: u8 = 3;

/// The chain and what is on it.
pub struct Stage {
    pub chain: Chain,
    pub venue: Venue,
    pub market: MarketKeys,
    feed: OracleFeed,
    label: String,
}

impl Stage {
    /// Starts a chain at a slot and time, creates the exchange, posts a first price and lists the market at it.
    ///
    /// # Errors
    /// Of the chain.
    pub async fn open(seed: u64, source: PriceSource, first: &PublishedPrice, params: &MarketParams) -> Result<Self> {
        let label = format!("replay {seed}");
        let mut chain = Chain::start().await.context("starting the chain")?;
        chain.set_time(first.slot, first.publish_time_seconds);
        let mint = keypair(&format!("{label} mint")).pubkey();
        chain.set_account(&mint, mint_bytes(QUOTE_DECIMALS));
        let venue = Venue::create(&mut chain, &label, mint).await.context("creating the exchange")?;

        let mut feed = OracleFeed::new(&label, source, params.base_lot_exponent);
        feed.exponent = first.exponent;
        feed.post(&mut chain, first);
        let spec = MarketSpec { name: label.clone(), source, price_atoms_per_lot: 0, params: *params };
        let (market, instructions) = MarketHandle::creation(&chain, &venue, &spec, &feed);
        let (market_keys, book_keys) = (keypair(&format!("{label} market")), keypair(&format!("{label} book")));
        let sent = chain.send(&instructions, &[&venue.admin, &market_keys, &book_keys]).await;
        sent.context("listing the market")?;
        Ok(Self { chain, venue, market, feed, label })
    }

    /// Writes the price account, as Pyth's programs would.
    pub fn post(&mut self, price: &PublishedPrice) {
        self.feed.post(&mut self.chain, price);
    }

    /// Somebody with a margin account and this deposit in it.
    ///
    /// # Errors
    /// Of the chain.
    pub async fn join(&mut self, role: &str, deposit_atoms: i64) -> Result<Trader> {
        let amount = u64::try_from(deposit_atoms).context("negative deposit")?;
        let name = format!("{} {role}", self.label);
        let joined = Trader::create(&mut self.chain, &self.venue, &name, amount, amount).await;
        joined.with_context(|| format!("opening the account of {role}"))
    }

    /// Somebody with an empty token account and nothing else: a stranger.
    pub fn stranger(&mut self, role: &str) -> Trader {
        let stranger = Trader::prepare(&self.venue, &format!("{} {role}", self.label));
        let tokens = token_account_bytes(&self.venue.keys.quote_mint, &stranger.key(), 0);
        self.chain.set_account(&stranger.token_account, tokens);
        stranger
    }

    /// Somebody donates to insurance for this market.
    ///
    /// # Errors
    /// Of the chain.
    pub async fn donate(&mut self, amount_atoms: i64) -> Result<()> {
        let amount = u64::try_from(amount_atoms).context("negative donation")?;
        if amount == 0 {
            return Ok(());
        }
        let donor = Trader::prepare(&self.venue, &format!("{} donor", self.label));
        let tokens = token_account_bytes(&self.venue.keys.quote_mint, &donor.key(), amount);
        self.chain.set_account(&donor.token_account, tokens);
        let market = Some(self.market.market);
        let donate = instruction::donate_insurance(donor.key(), &self.venue.keys, market, donor.token_account, amount);
        self.chain.send(&[donate], &[&donor.keypair]).await.context("donating to insurance")?;
        Ok(())
    }

    /// `place_order` of a trader.
    pub fn order(&self, trader: &Trader, kind: u8, quote: &Quote) -> Instruction {
        let args = PlaceOrderArgs { kind, ..order(quote.side, quote.price.0, quote.lots.0) };
        instruction::place_order(trader.key(), &self.market, trader.margin, args, &[])
    }

    /// Replaces all orders of a trader by these. Where the chain refuses some of them (limits, margin), the others are placed; the names
    /// of the refusals are returned.
    ///
    /// # Errors
    /// Of the chain.
    pub async fn replace_orders(&mut self, trader: &Trader, quotes: &[Quote]) -> Result<Vec<String>> {
        let mut instructions = Vec::new();
        if self.seat_of(&trader.margin)?.is_some() {
            let args = CancelAllOrdersArgs { side: BOTH_SIDES, limit: 32 };
            instructions.push(instruction::cancel_all_orders(trader.key(), &self.market, trader.margin, args));
        }
        instructions.extend(quotes.iter().map(|quote| self.order(trader, POST_ONLY, quote)));
        let mut refusals = Vec::new();
        for part in instructions.chunks(ORDERS_PER_TRANSACTION) {
            match self.chain.send(part, &[&trader.keypair]).await {
                Ok(_) => {}
                Err(HarnessError::Refused(_)) => refusals.extend(self.send_singly(trader, part).await?),
                Err(error) => return Err(error).context("quoting"),
            }
        }
        Ok(refusals)
    }

    /// A transaction an instruction; the names of those refused.
    async fn send_singly(&mut self, trader: &Trader, instructions: &[Instruction]) -> Result<Vec<String>> {
        let mut refusals = Vec::new();
        for instruction in instructions {
            match self.chain.send(std::slice::from_ref(instruction), &[&trader.keypair]).await {
                Ok(_) => {}
                Err(HarnessError::Refused(refusal)) => refusals.push(refusal.name()),
                Err(error) => return Err(error).context("quoting"),
            }
        }
        Ok(refusals)
    }

    /// The position of a margin account; zero without a seat.
    ///
    /// # Errors
    /// Of the chain.
    pub fn base_of(&self, margin_account: &Pubkey) -> Result<BaseLots> {
        let Some(seat_index) = self.seat_of(margin_account)? else { return Ok(BaseLots::ZERO) };
        let market: &Market = self.chain.load(&self.market.market)?;
        let seat = market.state.seats.get(seat_index).map_err(|error| anyhow!("the engine refuses: {error:?}"))?;
        Ok(seat.base())
    }

    /// The seat of a margin account in the market.
    ///
    /// # Errors
    /// Of the chain.
    pub fn seat_of(&self, margin_account: &Pubkey) -> Result<Option<u32>> {
        Ok(self.chain.load::<MarginAccount>(margin_account)?.seat_in(&self.market.market))
    }
}
