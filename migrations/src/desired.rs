//! What a cluster should be: the TOML file, and what follows from it.

use anyhow::{ensure, Context, Result};
use serde::Deserialize;
use solana_pubkey::{pubkey, Pubkey};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};
use taper_parameters::Overrides;
use taper_sdk::amount::Units;
use taper_sdk::constants::{ORACLE_PYTH_PULL, ORACLE_PYTH_PUSH, STATUS_ACTIVE, STATUS_PAUSED, STATUS_REDUCE_ONLY};

/// Pyth's program that keeps one price account for each feed and shard, by its documentation
/// (docs.pyth.network/price-feeds/contract-addresses/solana).
pub const PYTH_PRICE_FEED_PROGRAM: Pubkey = pubkey!("pythWSnswVUd12oZpeFP8e9CVaEqJg25g1Vtc2biRsT");
/// A key that stands in the environment, not in the file.
const FROM_ENVIRONMENT: &str = "env:";
/// Longest name of a market.
const NAME_LEN: usize = 16;

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The cluster it is for: `mainnet-beta`, `devnet`, `testnet` or `local`.
    pub cluster: ClusterName,
    /// The exchange.
    pub exchange: ExchangeFile,
    /// Its markets.
    #[serde(default, rename = "market")]
    pub markets: Vec<MarketFile>,
}

/// The cluster that a file is for: the wrong one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterName {
    /// Mainnet-beta.
    MainnetBeta,
    /// Devnet.
    Devnet,
    /// Testnet.
    Testnet,
    /// None of the public ones.
    Local,
}

/// A status, in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusName {
    /// Everything is allowed.
    #[default]
    Active,
    /// No order may add risk.
    ReduceOnly,
    /// Nor is anything paid out.
    Paused,
}

impl StatusName {
    /// Its code.
    pub fn code(self) -> u8 {
        match self {
            Self::Active => STATUS_ACTIVE,
            Self::ReduceOnly => STATUS_REDUCE_ONLY,
            Self::Paused => STATUS_PAUSED,
        }
    }
}

/// An exchange as the file has it. Keys are addresses, or `env:NAME`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeFile {
    /// Who created it, or will: part of its address.
    pub creator: String,
    /// Its number, part of its address.
    #[serde(default)]
    pub index: u16,
    /// The mint that cash is counted in.
    pub quote_mint: String,
    /// Decimals of that mint.
    pub quote_decimals: u8,
    /// Who governs; the creator if it is not said.
    pub admin: Option<String>,
    /// Who may tighten, and cancel proposals.
    pub guardian: String,
    /// Slots that a proposal waits.
    pub timelock_slots: u64,
    /// Status.
    #[serde(default)]
    pub status: StatusName,
}

/// A market as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketFile {
    /// Its name: what it is recognised by.
    pub name: String,
    /// Status.
    #[serde(default)]
    pub status: StatusName,
    /// Its oracle.
    pub oracle: OracleFile,
    /// What the default parameters are sized by.
    pub sizing: SizingFile,
    /// What differs from the defaults.
    #[serde(default)]
    pub params: Overrides,
}

/// An oracle as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub enum OracleFile {
    /// Any account of a feed; one is the market's own, which can freeze a leg.
    PythPull {
        /// The feed, 64 hexadecimal digits.
        feed: String,
        /// Shard of the feed's own price account.
        #[serde(default)]
        shard: u16,
        /// That account, where it is not the one of the shard.
        account: Option<String>,
    },
    /// One account of Pyth's own program.
    PythPush {
        /// The account.
        account: String,
    },
}

/// Lot, price and depth, in human units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizingFile {
    /// `1 lot = 10^base_lot_exponent` base units.
    pub base_lot_exponent: i32,
    /// A recent price, in quote per base unit.
    pub price: String,
    /// Base units within 1% of the price on one side of the book, in calm.
    pub calm_depth: String,
}

/// An exchange as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredExchange {
    /// Its creator.
    pub creator: Pubkey,
    /// Its number.
    pub index: u16,
    /// Its mint.
    pub quote_mint: Pubkey,
    /// Decimals of the mint.
    pub quote_decimals: u8,
    /// Its admin.
    pub admin: Pubkey,
    /// Its guardian.
    pub guardian: Pubkey,
    /// Its timelock.
    pub timelock_slots: u64,
    /// Its status.
    pub status: u8,
}

/// An oracle as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesiredOracle {
    /// 0 push, 1 pull.
    pub kind: u8,
    /// Push: the account. Pull: the feed.
    pub key: Pubkey,
    /// The account that can freeze a leg.
    pub account: Pubkey,
}

/// A market as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredMarket {
    /// Its name.
    pub name: String,
    /// Its name as the account has it.
    pub name_bytes: [u8; NAME_LEN],
    /// Its status.
    pub status: u8,
    /// Its oracle.
    pub oracle: DesiredOracle,
    /// Its parameters.
    pub params: MarketParams,
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The cluster.
    pub cluster: ClusterName,
    /// The exchange.
    pub exchange: DesiredExchange,
    /// The markets.
    pub markets: Vec<DesiredMarket>,
}

impl Desired {
    /// Reads a file's text. `environment` looks up `env:NAME`.
    ///
    /// # Errors
    /// In words, with the line where the text is malformed, and the market and field where a value is not sound.
    pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let file: File = toml::from_str(text).context("the file is malformed")?;
        let key = |name: &str, text: &str| key_of(name, text, &environment);
        let from = &file.exchange;
        let creator = key("exchange.creator", &from.creator)?;
        let exchange = DesiredExchange {
            creator,
            index: from.index,
            quote_mint: key("exchange.quote_mint", &from.quote_mint)?,
            quote_decimals: from.quote_decimals,
            admin: from.admin.as_deref().map_or(Ok(creator), |text| key("exchange.admin", text))?,
            guardian: key("exchange.guardian", &from.guardian)?,
            timelock_slots: from.timelock_slots,
            status: from.status.code(),
        };
        ensure!(exchange.admin != exchange.guardian, "exchange: admin and guardian must be different keys");
        ensure!(
            exchange.timelock_slots > 0 || file.cluster == ClusterName::Local,
            "exchange.timelock_slots: without a timelock whoever has the admin's key can change everything at once: on a local cluster only"
        );
        let market = |from: &MarketFile| market_of(from, exchange.quote_decimals, &key);
        let markets = file.markets.iter().map(|from| market(from).with_context(|| format!("market {:?}", from.name)));
        let markets = markets.collect::<Result<Vec<_>>>()?;
        for (place, market) in markets.iter().enumerate() {
            let is_new = markets.iter().take(place).all(|before| before.name_bytes != market.name_bytes);
            ensure!(is_new, "market {:?} is listed twice", market.name);
        }
        Ok(Self { cluster: file.cluster, exchange, markets })
    }
}

fn market_of(
    from: &MarketFile,
    quote_decimals: u8,
    key: &impl Fn(&str, &str) -> Result<Pubkey>,
) -> Result<DesiredMarket> {
    let sound =
        !from.name.is_empty() && from.name.len() <= NAME_LEN && from.name.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(sound, "name: 1 to {NAME_LEN} visible ASCII characters");
    let mut name_bytes = [0; NAME_LEN];
    name_bytes[..from.name.len()].copy_from_slice(from.name.as_bytes());
    let oracle = match &from.oracle {
        OracleFile::PythPush { account } => {
            let account = key("oracle.account", account)?;
            DesiredOracle { kind: ORACLE_PYTH_PUSH, key: account, account }
        }
        OracleFile::PythPull { feed, shard, account } => {
            let feed = feed_of(feed)?;
            let account = account
                .as_deref()
                .map_or_else(|| Ok(feed_account(&feed, *shard)), |text| key("oracle.account", text))?;
            DesiredOracle { kind: ORACLE_PYTH_PULL, key: feed, account }
        }
    };
    let units = Units { quote_decimals, base_lot_exponent: from.sizing.base_lot_exponent };
    let sizing = MarketSizing {
        base_lot_exponent: from.sizing.base_lot_exponent,
        price: Price(units.price(&from.sizing.price).context("sizing.price")?),
        calm_depth_lots: BaseLots(units.size(&from.sizing.calm_depth).context("sizing.calm_depth")?),
    };
    let defaults = default_params(&sizing);
    let mut params = defaults.map_err(|error| anyhow::anyhow!("sizing: no default parameters for it: {error:?}"))?;
    from.params.apply(&mut params);
    if let Some(rule) = params.violated_rule() {
        anyhow::bail!("params: they break the rule {rule:?} of the specification");
    }
    Ok(DesiredMarket { name: from.name.clone(), name_bytes, status: from.status.code(), oracle, params })
}

/// The account that Pyth's program keeps for a feed.
pub fn feed_account(feed: &Pubkey, shard: u16) -> Pubkey {
    Pubkey::find_program_address(&[&shard.to_le_bytes(), feed.as_ref()], &PYTH_PRICE_FEED_PROGRAM).0
}

fn feed_of(text: &str) -> Result<Pubkey> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let fits = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(fits, "oracle.feed: 64 hexadecimal digits, not {text:?}");
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16)?;
    }
    Ok(Pubkey::new_from_array(bytes))
}

fn key_of(name: &str, text: &str, environment: &impl Fn(&str) -> Option<String>) -> Result<Pubkey> {
    let value = match text.strip_prefix(FROM_ENVIRONMENT) {
        Some(variable) => environment(variable).with_context(|| {
            format!("{name}: the environment variable {variable} is not set: it must hold an address")
        })?,
        None => text.to_owned(),
    };
    value.parse().map_err(|_| anyhow::anyhow!("{name}: {value:?} is no address"))
}

#[cfg(test)]
mod tests;
