//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use solana_pubkey::Pubkey;

use crate::config::Overrides;

/// Taper: accounts, orders, markets, health, liquidation, audit.
#[derive(Debug, Parser)]
#[command(name = "taper", version)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// RPC address, or l (localhost), d (devnet), m (mainnet-beta), t (testnet).
    #[arg(short, long, global = true, value_name = "URL_OR_MONIKER")]
    pub url: Option<String>,
    /// Keypair that signs and pays.
    #[arg(short, long, global = true, value_name = "FILE")]
    pub keypair: Option<PathBuf>,
    /// Commitment: processed, confirmed, finalized.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub commitment: Option<String>,
    /// Configuration of the Solana CLI.
    #[arg(short = 'C', long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The exchange; needed only where the program has several.
    #[arg(long, global = true, env = "TAPER_EXCHANGE", value_name = "ADDRESS")]
    pub exchange: Option<Pubkey>,
    /// Price of a compute unit, in millionths of a lamport.
    #[arg(long, global = true, default_value_t = 0, value_name = "PRICE")]
    pub unit_price: u64,
    /// Address lookup table for a transaction with many accounts; may be given several times. `taper lookup-table create` makes one.
    #[arg(long = "lookup-table", global = true, value_name = "ADDRESS")]
    pub lookup_tables: Vec<Pubkey>,
    /// Prints JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// What overrides the configuration.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            url: self.url.clone(),
            keypair: self.keypair.clone(),
            commitment: self.commitment.clone(),
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Margin accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Orders.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Markets.
    #[command(subcommand)]
    Market(MarketCommand),
    /// Stage of an account, the prices at which it reaches each point of the ladder, and what a slice would be now.
    Health {
        /// The margin account.
        account: Pubkey,
    },
    /// Closes one slice of an unhealthy account, and earns its penalty.
    Liquidate(Liquidate),
    /// The exchange.
    #[command(subcommand)]
    Exchange(ExchangeCommand),
    /// Address lookup tables, for accounts with many legs.
    #[command(subcommand)]
    LookupTable(LookupTableCommand),
    /// Recomputes INV-01 (the vault) and INV-02 (base) from the chain, and prints the proof. Fails if one does not hold.
    Audit,
}

/// Which of one's own margin accounts.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The margin account; without it, the one with this number of the keypair.
    #[arg(long, value_name = "ADDRESS")]
    pub account: Option<Pubkey>,
    /// Its number.
    #[arg(long, default_value_t = 0, conflicts_with = "account")]
    pub number: u16,
}

/// Margin accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Opens one.
    Create {
        /// Its number: an owner may have several.
        #[arg(long, default_value_t = 0)]
        number: u16,
        /// A liquidation always closes everything (less mercy, never more).
        #[arg(long)]
        always_full_close: bool,
    },
    /// Cash, positions and health.
    Show(Which),
    /// Brings tokens in, as "12.5".
    Deposit {
        /// How much, in the quote currency.
        amount: String,
        /// The account.
        #[command(flatten)]
        which: Which,
        /// Token account to pay from; without it, the associated one.
        #[arg(long, value_name = "ADDRESS")]
        token_account: Option<Pubkey>,
    },
    /// Takes tokens out, as "12.5".
    Withdraw {
        /// How much, in the quote currency.
        amount: String,
        /// The account.
        #[command(flatten)]
        which: Which,
        /// Token account to pay to; without it, the associated one.
        #[arg(long, value_name = "ADDRESS")]
        token_account: Option<Pubkey>,
    },
}

/// Side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideArg {
    /// Buys.
    Buy,
    /// Sells.
    Sell,
}

impl SideArg {
    /// Its code.
    pub fn code(self) -> u8 {
        match self {
            Self::Buy => 0,
            Self::Sell => 1,
        }
    }
}

/// Kind of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Takes what it crosses, rests the remainder.
    Limit,
    /// Rests, or fails.
    PostOnly,
    /// Takes, never rests.
    Ioc,
    /// Takes all of it, or nothing.
    Fok,
}

impl KindArg {
    /// Its code.
    pub fn code(self) -> u8 {
        match self {
            Self::Limit => 0,
            Self::PostOnly => 1,
            Self::Ioc => 2,
            Self::Fok => 3,
        }
    }
}

/// Orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Places one: `order place SOL buy 1.5 45.12`.
    Place {
        /// Market, by name or address.
        market: String,
        /// Side.
        side: SideArg,
        /// Size, in base units.
        size: String,
        /// Limit, in quote per base unit.
        price: String,
        /// Kind.
        #[arg(long, value_enum, default_value = "limit")]
        kind: KindArg,
        /// May only reduce the position.
        #[arg(long)]
        reduce_only: bool,
        /// A number of your own.
        #[arg(long, default_value_t = 0)]
        client_id: u64,
        /// First slot in which it is no longer good; 0 for never.
        #[arg(long, default_value_t = 0)]
        expires_at_slot: u64,
        /// The account.
        #[command(flatten)]
        which: Which,
    },
    /// Cancels one by its sequence, or all in a market.
    Cancel {
        /// Market, by name or address.
        market: String,
        /// Sequence of the order, as `order list` shows it.
        #[arg(required_unless_present = "all")]
        sequence: Option<u64>,
        /// All orders of the account in this market.
        #[arg(long, conflicts_with = "sequence")]
        all: bool,
        /// The account.
        #[command(flatten)]
        which: Which,
    },
    /// Lists the account's orders.
    List {
        /// Only this market, by name or address.
        market: Option<String>,
        /// The account.
        #[command(flatten)]
        which: Which,
    },
}

/// Markets.
#[derive(Debug, Subcommand)]
pub enum MarketCommand {
    /// All markets.
    List,
    /// One market: its state and its book.
    Show {
        /// Market, by name or address.
        market: String,
        /// Orders shown on each side.
        #[arg(long, default_value_t = 5)]
        depth: usize,
    },
}

/// Address lookup tables.
#[derive(Debug, Subcommand)]
pub enum LookupTableCommand {
    /// Makes one with the exchange and all its markets.
    Create,
    /// Adds what a table of one's own lacks: markets listed since.
    Extend {
        /// The table.
        table: Pubkey,
    },
}

/// The exchange.
#[derive(Debug, Subcommand)]
pub enum ExchangeCommand {
    /// Authorities, vault, insurance, status.
    Show,
}

/// One slice.
#[derive(Clone, Debug, Args)]
pub struct Liquidate {
    /// The account to be liquidated.
    pub account: Pubkey,
    /// The leg, by market name or address; without it, the one that pays most.
    #[arg(long)]
    pub market: Option<String>,
    /// Refuse a payout below this, in the quote currency.
    #[arg(long, default_value = "0")]
    pub min_payout: String,
    /// Pays the caller into this token account; without it, into the caller's own margin account with --number.
    #[arg(long, value_name = "ADDRESS")]
    pub token_account: Option<Pubkey>,
    /// Number of the caller's own margin account.
    #[arg(long, default_value_t = 0)]
    pub number: u16,
    /// Plans and simulates, sends nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_after_the_command() {
        for line in ["taper --json -u l market list", "taper market list -u l --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.json && cli.global.url.as_deref() == Some("l"), "{line}");
        }
    }

    #[test]
    fn a_cancellation_names_one_order_or_all() {
        assert!(Cli::try_parse_from("taper order cancel SOL".split(' ')).is_err());
        assert!(Cli::try_parse_from("taper order cancel SOL 7 --all".split(' ')).is_err());
        assert!(Cli::try_parse_from("taper order cancel SOL 7".split(' ')).is_ok());
        assert!(Cli::try_parse_from("taper order cancel SOL --all".split(' ')).is_ok());
    }
}
