//! A connection, checked before anything is done with it: the right cluster, the program there, one exchange.

use anyhow::{bail, ensure, Context, Result};
use serde_json::json;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::{pubkey, Pubkey};
use solana_signer::Signer;
use taper_client::address::host;
use taper_client::cluster::Cluster;
use taper_client::{Client, Fees, Prepared, World};
use taper_sdk::account::{copied, decode_owned, ProgramAccount};
use taper_sdk::amount::Units;
use taper_sdk::state::{Exchange, Market};
use taper_sdk::{address, PROGRAM_ID};

use crate::args::Which;
use crate::report::Report;
use crate::tables;

const ASSOCIATED_TOKEN_PROGRAM: Pubkey = pubkey!("ATokenGPvbdGVxr1b9hvZbsiqW5xWH25efTNsLJA8knL");

/// A connection to an exchange.
pub struct Session {
    /// The cluster.
    pub client: Client,
    /// Its address.
    pub url: String,
    /// The exchange that was named.
    pub named_exchange: Option<Pubkey>,
    /// Price of a compute unit.
    pub fees: Fees,
    /// Address lookup tables to name accounts by.
    pub lookup_tables: Vec<Pubkey>,
}

impl Session {
    /// Checks that the cluster is the one that its address names, and that the program is there.
    ///
    /// # Errors
    /// Each fault with its remedy.
    pub async fn check(&self) -> Result<()> {
        let cluster = self.client.cluster().await?;
        if let Some(named) = Cluster::of_url(&self.url) {
            ensure!(
                named == cluster,
                "{} should be {}, but its genesis is that of {}: wrong cluster",
                host(&self.url),
                named.name(),
                cluster.name()
            );
        }
        self.client.require_program().await.context("wrong --url?")?;
        Ok(())
    }

    /// The exchange: the one that was named, or the only one.
    ///
    /// # Errors
    /// None, several, or one of another version of the program.
    pub async fn exchange(&self) -> Result<Pubkey> {
        if let Some(key) = self.named_exchange {
            self.client.require_account::<Exchange>("the exchange", &key).await?;
            return Ok(key);
        }
        let found = self.client.exchanges().await?;
        let mut keys = found.rows.keys();
        match (keys.next(), keys.next()) {
            (Some(key), None) => {
                let row = &found.rows[key];
                check_version::<Exchange>(key, &row.owner, &row.data)?;
                Ok(*key)
            }
            (None, _) => bail!("the program has no exchange on {}: make one with taper-migrate", host(&self.url)),
            _ => {
                let names: Vec<String> = found.rows.keys().map(Pubkey::to_string).collect();
                bail!("the program has {} exchanges: name one with --exchange: {}", names.len(), names.join(", "))
            }
        }
    }

    /// The exchange, its markets, and `also`.
    ///
    /// # Errors
    /// As [`Self::check`] and [`Self::exchange`].
    pub async fn world(&self, also: &[Pubkey]) -> Result<World> {
        self.check().await?;
        let exchange = self.exchange().await?;
        Ok(self.client.world(exchange, also).await?)
    }

    /// Signs and simulates one transaction; refuses a payer without lamports in words that help. Nothing is sent.
    ///
    /// # Errors
    /// [`taper_client::TransactError`]; a lookup table that cannot be used.
    pub async fn prepare(&self, signer: &Keypair, instructions: &[Instruction]) -> Result<Prepared> {
        let payer = signer.pubkey();
        self.client.require_lamports(&payer).await?;
        let tables = tables::read(&self.client, &self.lookup_tables).await?;
        Ok(self.client.prepare(&payer, instructions, &tables, &[signer], self.fees).await?)
    }

    /// Simulates and sends one transaction.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn act(&self, what: &str, signer: &Keypair, instructions: &[Instruction]) -> Result<Report> {
        let prepared = self.prepare(signer, instructions).await?;
        let landed = self.client.submit(&prepared).await?;
        let text = format!("{what}\nsignature  {}\nslot       {}", landed.signature, landed.slot);
        let json = json!({ "done": what, "signature": landed.signature.to_string(), "slot": landed.slot });
        Ok(Report::new(text, json))
    }
}

/// Says in words that help why an account does not decode.
fn check_version<T: ProgramAccount>(key: &Pubkey, owner: &Pubkey, data: &[u8]) -> Result<()> {
    if *owner == PROGRAM_ID && data.len() == 8 + core::mem::size_of::<T>() {
        copied::<T>(data).map(drop)
    } else {
        decode_owned::<T>(owner, data).map(drop)
    }
    .with_context(|| format!("account {key}: not what this version of taper knows; is the program of another version?"))
}

/// The margin account that the command line means.
pub fn margin_account(which: &Which, exchange: &Pubkey, owner: &Pubkey) -> Pubkey {
    which.account.unwrap_or_else(|| address::margin_account(exchange, owner, which.number))
}

/// The associated token account.
pub fn associated_token_account(owner: &Pubkey, mint: &Pubkey, token_program: &Pubkey) -> Pubkey {
    let seeds = [owner.as_ref(), token_program.as_ref(), mint.as_ref()];
    Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN_PROGRAM).0
}

/// What a command needs of the world.
pub trait Look {
    /// The exchange.
    ///
    /// # Errors
    /// It is missing or of another version.
    fn exchange_state(&self) -> Result<Box<Exchange>>;
    /// A market.
    ///
    /// # Errors
    /// It is missing or of another version.
    fn market_state(&self, key: &Pubkey) -> Result<Box<Market>>;
    /// Units of a market.
    ///
    /// # Errors
    /// As the two before.
    fn units(&self, market: &Market) -> Result<Units>;
    /// Finds a market by name or address.
    ///
    /// # Errors
    /// None, or several of that name.
    fn market(&self, named: &str) -> Result<Pubkey>;
}

impl Look for World {
    fn exchange_state(&self) -> Result<Box<Exchange>> {
        self.get(&self.exchange).with_context(|| format!("exchange {} cannot be read", self.exchange))
    }

    fn market_state(&self, key: &Pubkey) -> Result<Box<Market>> {
        let text = || format!("market {key} cannot be read: is it of another version?");
        self.get(key).with_context(text)
    }

    fn units(&self, market: &Market) -> Result<Units> {
        let quote_decimals = self.exchange_state()?.quote_decimals;
        Ok(Units { quote_decimals, base_lot_exponent: market.state.params.base_lot_exponent })
    }

    fn market(&self, named: &str) -> Result<Pubkey> {
        if let Ok(key) = named.parse::<Pubkey>() {
            ensure!(self.markets.contains(&key), "{key} is not a market of exchange {}", self.exchange);
            return Ok(key);
        }
        let mut found = Vec::new();
        let mut names = Vec::new();
        for key in &self.markets {
            let name = market_name(&*self.market_state(key)?);
            if name.eq_ignore_ascii_case(named) {
                found.push(*key);
            }
            names.push(name);
        }
        match found.as_slice() {
            [key] => Ok(*key),
            [] => bail!("there is no market {named:?}; there are: {}", names.join(", ")),
            _ => bail!("several markets are called {named:?}: name one by its address"),
        }
    }
}

/// A market's name, as text.
pub fn market_name(market: &Market) -> String {
    let name = market.name.split(|byte| *byte == 0).next().unwrap_or_default();
    // What somebody else has named must not control the terminal.
    String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).collect()
}

/// A health in bps, as people write it.
pub fn health_text(bps: i64) -> String {
    match bps {
        i64::MAX => "no requirement".to_owned(),
        i64::MIN => "negative, no requirement".to_owned(),
        bps => taper_sdk::amount::show(bps.into(), 4),
    }
}

/// A status, in words.
pub fn status_text(status: u8) -> &'static str {
    match status {
        0 => "active",
        1 => "reduce-only",
        2 => "paused",
        _ => "unknown",
    }
}
