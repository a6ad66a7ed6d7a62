//! The command line of Taper. A command reads the chain, plans with the SDK, and sends at most one transaction.
#![deny(missing_docs)]

pub mod args;
pub mod config;
pub mod danger;
pub mod report;
pub mod session;
pub mod tables;
pub mod trade;
pub mod view;

use anyhow::Result;
use solana_signer::Signer;
use taper_client::{Client, Fees, Patience};

use args::{AccountCommand, Cli, Command, ExchangeCommand, LookupTableCommand, MarketCommand, OrderCommand};
use config::Settings;
use report::Report;
use session::Session;
use trade::{NewOrder, Way};

/// Does what the command line says.
///
/// # Errors
/// In words for whoever typed it.
pub async fn run(cli: &Cli) -> Result<Report> {
    let home = std::env::home_dir();
    let settings = Settings::load(&cli.global.overrides(), home.as_deref())?;
    let session = Session {
        client: Client::new(&settings.url, settings.commitment, Patience::default()),
        url: settings.url.clone(),
        named_exchange: cli.global.exchange,
        fees: Fees { units: None, micro_lamports_per_unit: cli.global.unit_price },
        lookup_tables: cli.global.lookup_tables.clone(),
    };
    run_with(cli, &settings, &session).await
}

/// As [`run`], through a connection that is there already.
///
/// # Errors
/// In words for whoever typed it.
pub async fn run_with(cli: &Cli, settings: &Settings, session: &Session) -> Result<Report> {
    match &cli.command {
        Command::Exchange(ExchangeCommand::Show) => view::exchange(session).await,
        Command::Audit => view::audit(session).await,
        Command::Market(MarketCommand::List) => view::markets(session).await,
        Command::Market(MarketCommand::Show { market, depth }) => view::market(session, market, *depth).await,
        Command::Health { account } => danger::show(session, account).await,
        Command::Liquidate(args) => danger::liquidate(session, &settings.keypair()?, args).await,
        Command::LookupTable(LookupTableCommand::Create) => tables::fill(session, &settings.keypair()?, None).await,
        Command::LookupTable(LookupTableCommand::Extend { table }) => {
            tables::fill(session, &settings.keypair()?, Some(*table)).await
        }
        Command::Account(command) => account(command, settings, session).await,
        Command::Order(command) => order(command, settings, session).await,
    }
}

async fn account(command: &AccountCommand, settings: &Settings, session: &Session) -> Result<Report> {
    match command {
        AccountCommand::Create { number, always_full_close } => {
            trade::create(session, &settings.keypair()?, *number, *always_full_close).await
        }
        AccountCommand::Show(which) => trade::show(session, which, &owner(which.account.is_some(), settings)?).await,
        AccountCommand::Deposit { amount, which, token_account } => {
            trade::money(session, &settings.keypair()?, Way::In, amount, which, *token_account).await
        }
        AccountCommand::Withdraw { amount, which, token_account } => {
            trade::money(session, &settings.keypair()?, Way::Out, amount, which, *token_account).await
        }
    }
}

async fn order(command: &OrderCommand, settings: &Settings, session: &Session) -> Result<Report> {
    match command {
        OrderCommand::Place { market, side, size, price, kind, reduce_only, client_id, expires_at_slot, which } => {
            let order = NewOrder {
                market,
                side: *side,
                size,
                price,
                kind: *kind,
                reduce_only: *reduce_only,
                client_id: *client_id,
                expires_at_slot: *expires_at_slot,
            };
            trade::place(session, &settings.keypair()?, &order, which).await
        }
        OrderCommand::Cancel { market, sequence, all: _, which } => {
            trade::cancel(session, &settings.keypair()?, market, *sequence, which).await
        }
        OrderCommand::List { market, which } => {
            trade::list(session, market.as_deref(), which, &owner(which.account.is_some(), settings)?).await
        }
    }
}

/// Whose account is meant. To look at one by its address takes no keypair.
fn owner(is_named: bool, settings: &Settings) -> Result<solana_pubkey::Pubkey> {
    if is_named {
        return Ok(solana_pubkey::Pubkey::default());
    }
    Ok(settings.keypair()?.pubkey())
}
