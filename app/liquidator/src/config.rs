//! One TOML file. A key that is not known is refused, with its line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use solana_hash::Hash;
use solana_pubkey::Pubkey;
use taper_client::address::host;

mod check;
mod place;
mod sections;

pub use place::Place;
pub use sections::{Fees, Report, Sync, Upkeep};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what it should be. The line itself is not quoted: it may hold a secret.
    #[error("{path}: {place}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
    /// A value makes no sense.
    #[error("{path}: {place}: {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
}

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which node.
    pub cluster: Cluster,
    /// Who calls.
    pub caller: Caller,
    /// When an action is worth it.
    pub profit: Profit,
    /// What may be spent and held.
    pub limits: Limits,
    /// Calls that pay nobody.
    #[serde(default)]
    pub upkeep: Upkeep,
    /// Fees and compute units.
    #[serde(default)]
    pub fees: Fees,
    /// How the bot keeps up with the chain.
    #[serde(default)]
    pub sync: Sync,
    /// What it says.
    #[serde(default)]
    pub report: Report,
}

/// Which node.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// JSON-RPC over HTTP. May hold a key: never logged in full.
    pub http_url: String,
    /// JSON-RPC over websocket.
    pub websocket_url: String,
    /// Refuses a node of another cluster, if given.
    #[serde(default, deserialize_with = "hash")]
    pub genesis_hash: Option<Hash>,
    /// The exchange.
    #[serde(deserialize_with = "parsed")]
    pub exchange: Pubkey,
}

/// Addresses of nodes often end in a secret: only the host is shown.
impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("http_url", &host(&self.http_url))
            .field("websocket_url", &host(&self.websocket_url))
            .field("genesis_hash", &self.genesis_hash)
            .field("exchange", &self.exchange)
            .finish()
    }
}

/// Who calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// File with the keypair that signs and pays.
    pub keypair: PathBuf,
    /// Number of its margin account: payouts are credited there, absorbed slices go there.
    #[serde(default)]
    pub margin_account_number: u16,
    /// Lookup tables for transactions of accounts with many legs.
    #[serde(default, deserialize_with = "all_parsed")]
    pub lookup_tables: Vec<Pubkey>,
}

/// When an action is worth it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profit {
    /// Least profit of an action.
    pub min_profit_atoms: i64,
    /// Price of a SOL.
    pub quote_atoms_per_sol: i64,
    /// The least payout to insist on, of the planned one.
    #[serde(default = "nine_tenths")]
    pub min_payout_bps: u32,
    /// Cost of getting rid of what was absorbed.
    #[serde(default = "absorb_haircut")]
    pub absorb_haircut_bps: u32,
    /// Slices through the book.
    #[serde(default = "yes")]
    pub book: bool,
    /// Absorbed slices.
    #[serde(default)]
    pub absorb: bool,
}

/// What may be spent and held.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Fees within an hour.
    pub spend_lamports_per_hour: u64,
    /// Notional in one market.
    pub inventory_atoms_per_market: i64,
    /// Notional in all markets.
    pub inventory_atoms: i64,
    /// Actions on their way at once.
    #[serde(default = "max_in_flight")]
    pub max_in_flight: usize,
}

fn yes() -> bool {
    true
}

fn nine_tenths() -> u32 {
    9_000
}

fn absorb_haircut() -> u32 {
    30
}

fn max_in_flight() -> usize {
    16
}

fn parsed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pubkey, D::Error> {
    let text = String::deserialize(deserializer)?;
    Pubkey::from_str(&text).map_err(|_| serde::de::Error::custom(format!("\"{text}\" is not an address")))
}

fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = Hash::from_str(&text);
    parsed.map(Some).map_err(|_| serde::de::Error::custom(format!("\"{text}\" is not a genesis hash")))
}

fn all_parsed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pubkey>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    let parse = |text: &String| {
        Pubkey::from_str(text).map_err(|_| serde::de::Error::custom(format!("\"{text}\" is not an address")))
    };
    texts.iter().map(parse).collect()
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.into(), error })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let place = Place::at(text, error.span().map_or(0, |span| span.start));
            ConfigError::Parse { path: path.into(), place, reason: error.message().to_owned() }
        })?;
        match config.nonsense() {
            None => Ok(config),
            Some((key, reason)) => {
                let (place, reason) = (Place::of_key(text, key), reason.to_owned());
                Err(ConfigError::Value { path: path.into(), place, reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../liquidator.example.toml");

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("bot.toml"))
    }

    #[test]
    fn the_example_parses_and_states_the_defaults() {
        let config = parse(EXAMPLE).unwrap();
        assert_eq!(format!("{:?}", config.fees), format!("{:?}", Fees::default()));
        assert_eq!(format!("{:?}", config.sync), format!("{:?}", Sync::default()));
        assert!(config.profit.book && !config.profit.absorb);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let line = EXAMPLE.lines().position(|line| line.starts_with("[profit]")).unwrap() + 2;
        let text = EXAMPLE.replace("[profit]", "[profit]\nmin_proft_atoms = 3");
        let message = parse(&text).unwrap_err().to_string();
        assert!(message.contains(&format!("line {line}")), "{message}");
        assert!(message.contains("min_proft_atoms") && message.starts_with("bot.toml: "), "{message}");
    }

    #[test]
    fn values_without_sense_are_refused_by_name() {
        for (from, to, key) in [
            ("http_url = \"http:", "http_url = \"ftp:", "cluster.http_url"),
            ("websocket_url = \"ws:", "websocket_url = \"http:", "cluster.websocket_url"),
            ("quote_atoms_per_sol = ", "quote_atoms_per_sol = -", "profit.quote_atoms_per_sol"),
            ("percentile = 75", "percentile = 101", "fees.percentile"),
            ("min_payout_bps = 9_000", "min_payout_bps = 10_001", "profit.min_payout_bps"),
            ("book = true", "book = false", "profit.book"),
            (
                "spend_lamports_per_hour = 50_000_000",
                "spend_lamports_per_hour = 1_000",
                "limits.spend_lamports_per_hour",
            ),
            ("inventory_atoms = 100", "inventory_atoms = 1", "limits.inventory_atoms"),
            ("inventory_atoms_per_market = ", "inventory_atoms_per_market = -", "limits.inventory_atoms_per_market"),
            ("max_in_flight = 16", "max_in_flight = 0", "limits.max_in_flight"),
            (
                "min_micro_lamports_per_unit = 1",
                "min_micro_lamports_per_unit = 300_000",
                "fees.min_micro_lamports_per_unit",
            ),
            ("deadline_slots = 25", "deadline_slots = 0", "fees.deadline_slots"),
            ("queue_updates = 65_536", "queue_updates = 0", "sync.queue_updates"),
            ("plans_per_round = 64", "plans_per_round = 0", "sync.plans_per_round"),
            ("clock_milliseconds = 200", "clock_milliseconds = 0", "sync.clock_milliseconds"),
            ("silence_seconds = 10", "silence_seconds = 0", "sync.silence_seconds"),
            ("backoff_max_seconds = 30", "backoff_max_seconds = 0", "sync.backoff_max_seconds"),
            ("reload_seconds = 600", "reload_seconds = 0", "sync.reload_seconds"),
        ] {
            let changed = EXAMPLE.replace(from, to);
            assert_ne!(changed, EXAMPLE);
            let message = parse(&changed).unwrap_err().to_string();
            let name = key.split('.').nth(1).unwrap();
            let line = changed.lines().position(|line| line.starts_with(&format!("{name} = "))).unwrap() + 1;
            assert!(message.starts_with(&format!("bot.toml: line {line}, column 1: {key}: ")), "{message}");
        }
        let changed = EXAMPLE.replace("percentile = 75", "percentile = \"many\"");
        let line = changed.lines().position(|line| line.starts_with("percentile")).unwrap() + 1;
        let message = parse(&changed).unwrap_err().to_string();
        assert!(message.starts_with(&format!("bot.toml: line {line}, column 14: fees.percentile: ")), "{message}");
        let message = parse(&EXAMPLE.replace("exchange = \"", "exchange = \"0")).unwrap_err().to_string();
        assert!(message.contains("is not an address"), "{message}");
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_not_quoted() {
        let broken =
            EXAMPLE.replace("http_url = \"http://127.0.0.1:8899\"", "http_url = \"https://node/v2/s3cret-token");
        assert_ne!(broken, EXAMPLE);
        let message = parse(&broken).unwrap_err().to_string();
        assert!(message.contains("cluster.http_url") && !message.contains("s3cret"), "{message}");
    }

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        let text =
            EXAMPLE.replace("http://127.0.0.1:8899", "https://user:word@node.example:443/v2/s3cret?api-key=s3cret");
        let shown = format!("{:?}", parse(&text).unwrap());
        assert!(shown.contains("node.example:443") && !shown.contains("s3cret") && !shown.contains("word"), "{shown}");
    }
}
