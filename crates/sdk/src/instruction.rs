//! One builder an instruction. Accounts in the program's order; keys that follow from others are derived.

use anchor_lang::solana_program::system_instruction;
use anchor_lang::{InstructionData, ToAccountMetas};
use solana_instruction::{AccountMeta, Instruction};
use solana_pubkey::Pubkey;
use taper_engine::params::MarketParams;

mod governance;
mod order;

pub use governance::*;
pub use order::limit_order;

use crate::idl::types::{CancelAllOrdersArgs, CancelOrderArgs, ForceCancelOrdersArgs, LiquidateArgs, PlaceOrderArgs};
use crate::idl::{args, metas as accounts};
use crate::legs::{metas, swept_metas, Leg};

/// The system program.
pub const SYSTEM_PROGRAM: Pubkey = anchor_lang::system_program::ID;

/// What instructions that move tokens need to know of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeKeys {
    /// The exchange.
    pub exchange: Pubkey,
    /// Its vault.
    pub vault: Pubkey,
    /// Its quote mint.
    pub quote_mint: Pubkey,
    /// The token program of that mint.
    pub token_program: Pubkey,
}

/// The accounts of one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketKeys {
    /// The exchange that lists it.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// Its oracle account.
    pub oracle: Pubkey,
}

/// Where the caller of `partial_liquidate` wants its payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payout {
    /// Credit to a margin account of the caller.
    Credit {
        /// That account.
        margin_account: Pubkey,
    },
    /// Tokens from the vault.
    Tokens {
        /// A token account; anyone's.
        token_account: Pubkey,
        /// The exchange's vault, mint and token program.
        keys: ExchangeKeys,
    },
}

fn build(
    accounts: impl ToAccountMetas,
    data: impl InstructionData,
    rest: impl Iterator<Item = AccountMeta>,
) -> Instruction {
    let mut metas = accounts.to_account_metas(None);
    metas.extend(rest);
    Instruction { program_id: crate::PROGRAM_ID, accounts: metas, data: data.data() }
}

fn none() -> core::iter::Empty<AccountMeta> {
    core::iter::empty()
}

/// `initialize_exchange`. The exchange is `address::exchange(admin, index)`. Without a timelock (zero slots) whoever has the admin's key can
/// change everything at once: for tests and local clusters.
pub fn initialize_exchange(
    admin: Pubkey,
    index: u16,
    guardian: Pubkey,
    timelock_slots: u64,
    quote_mint: Pubkey,
    token_program: Pubkey,
) -> Instruction {
    let exchange = crate::address::exchange(&admin, index);
    let vault = crate::address::vault(&exchange);
    let accounts = accounts::InitializeExchange {
        admin,
        exchange,
        vault,
        quote_mint,
        token_program,
        system_program: SYSTEM_PROGRAM,
    };
    build(accounts, args::InitializeExchange { index, guardian, timelock_slots }, none())
}

/// The system program's instruction that makes an account of the program, all zeroes, for `create_market`. Both keys
/// sign.
pub fn create_zeroed_account(payer: &Pubkey, address: &Pubkey, space: usize) -> Instruction {
    let lamports = anchor_lang::prelude::Rent::default().minimum_balance(space);
    let space = u64::try_from(space).unwrap_or(u64::MAX);
    system_instruction::create_account(payer, address, lamports, space, &crate::PROGRAM_ID)
}

/// What a new market is.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// Its parameters.
    pub params: MarketParams,
    /// 0 push, 1 pull.
    pub oracle_kind: u8,
    /// Push: the address of the price account. Pull: the feed id.
    pub oracle_key: Pubkey,
    /// ASCII, padded with zeroes.
    pub name: [u8; 16],
}

/// `create_market`. Both accounts must have been created in the same transaction: owned by the program, of the exact
/// size (`Market::SPACE`, `OrderBook::SPACE`), all zeroes.
pub fn create_market(admin: Pubkey, keys: &MarketKeys, listing: &Listing) -> Instruction {
    let accounts = accounts::CreateMarket {
        admin,
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        oracle: keys.oracle,
    };
    let data = args::CreateMarket {
        params: listing.params.into(),
        oracle_kind: listing.oracle_kind,
        oracle_key: listing.oracle_key,
        name: listing.name,
    };
    build(accounts, data, none())
}

/// `create_margin_account`.
pub fn create_margin_account(authority: Pubkey, exchange: Pubkey, number: u16, always_full_close: bool) -> Instruction {
    let margin_account = crate::address::margin_account(&exchange, &authority, number);
    let accounts =
        accounts::CreateMarginAccount { authority, exchange, margin_account, system_program: SYSTEM_PROGRAM };
    build(accounts, args::CreateMarginAccount { number, always_full_close }, none())
}

/// `close_margin_account`.
pub fn close_margin_account(authority: Pubkey, margin_account: Pubkey) -> Instruction {
    build(accounts::CloseMarginAccount { authority, margin_account }, args::CloseMarginAccount {}, none())
}

/// `deposit`. With all legs of the account, results are swept, and a deposit that restores initial margin ends its
/// episode; without any it is cash and nothing else.
pub fn deposit(
    depositor: Pubkey,
    keys: &ExchangeKeys,
    margin_account: Pubkey,
    depositor_token_account: Pubkey,
    amount_atoms: u64,
    legs: &[Leg],
) -> Instruction {
    let accounts = accounts::Deposit {
        depositor,
        exchange: keys.exchange,
        margin_account,
        depositor_token_account,
        vault: keys.vault,
        quote_mint: keys.quote_mint,
        token_program: keys.token_program,
    };
    build(accounts, args::Deposit { amount_atoms }, swept_metas(legs))
}

/// `withdraw`, with all legs of the account.
pub fn withdraw(
    authority: Pubkey,
    keys: &ExchangeKeys,
    margin_account: Pubkey,
    token_account: Pubkey,
    amount_atoms: u64,
    legs: &[Leg],
) -> Instruction {
    let accounts = accounts::Withdraw {
        authority,
        exchange: keys.exchange,
        margin_account,
        token_account,
        vault: keys.vault,
        quote_mint: keys.quote_mint,
        token_program: keys.token_program,
    };
    build(accounts, args::Withdraw { amount_atoms }, swept_metas(legs))
}

/// `place_order`, with the account's other legs.
pub fn place_order(
    authority: Pubkey,
    keys: &MarketKeys,
    margin_account: Pubkey,
    args: impl Into<PlaceOrderArgs>,
    legs: &[Leg],
) -> Instruction {
    let accounts = accounts::PlaceOrder {
        authority,
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        margin_account,
        oracle: keys.oracle,
    };
    build(accounts, args::PlaceOrder { args: args.into() }, metas(legs))
}

/// `cancel_order`.
pub fn cancel_order(
    authority: Pubkey,
    keys: &MarketKeys,
    margin_account: Pubkey,
    args: impl Into<CancelOrderArgs>,
) -> Instruction {
    let accounts =
        accounts::CancelOrder { authority, market: keys.market, order_book: keys.order_book, margin_account };
    build(accounts, args::CancelOrder { args: args.into() }, none())
}

/// `cancel_all_orders`.
pub fn cancel_all_orders(
    authority: Pubkey,
    keys: &MarketKeys,
    margin_account: Pubkey,
    args: impl Into<CancelAllOrdersArgs>,
) -> Instruction {
    let accounts =
        accounts::CancelAllOrders { authority, market: keys.market, order_book: keys.order_book, margin_account };
    build(accounts, args::CancelAllOrders { args: args.into() }, none())
}

/// `force_cancel_orders`, with the account's other legs.
pub fn force_cancel_orders(keys: &MarketKeys, margin_account: Pubkey, limit: u8, legs: &[Leg]) -> Instruction {
    let accounts = accounts::ForceCancelOrders {
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        margin_account,
        oracle: keys.oracle,
    };
    build(accounts, args::ForceCancelOrders { args: ForceCancelOrdersArgs { limit } }, metas(legs))
}

/// `flag_account`, with the account's other legs.
pub fn flag_account(keys: &MarketKeys, margin_account: Pubkey, legs: &[Leg]) -> Instruction {
    let accounts =
        accounts::FlagAccount { exchange: keys.exchange, market: keys.market, margin_account, oracle: keys.oracle };
    build(accounts, args::FlagAccount {}, metas(legs))
}

/// `partial_liquidate`, with the account's other legs.
pub fn partial_liquidate(
    caller: Pubkey,
    keys: &MarketKeys,
    margin_account: Pubkey,
    payout: &Payout,
    args: impl Into<LiquidateArgs>,
    legs: &[Leg],
) -> Instruction {
    let (credit, tokens) = match payout {
        Payout::Credit { margin_account } => (Some(*margin_account), None),
        Payout::Tokens { token_account, keys } => (None, Some((*token_account, *keys))),
    };
    let accounts = accounts::PartialLiquidate {
        caller,
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        margin_account,
        oracle: keys.oracle,
        caller_margin_account: credit,
        caller_token_account: tokens.map(|(account, _)| account),
        vault: tokens.map(|(_, keys)| keys.vault),
        quote_mint: tokens.map(|(_, keys)| keys.quote_mint),
        token_program: tokens.map(|(_, keys)| keys.token_program),
    };
    build(accounts, args::PartialLiquidate { args: args.into() }, metas(legs))
}

/// `absorb`, with the liquidatee's other legs, then the absorber's.
pub fn absorb(
    caller: Pubkey,
    keys: &MarketKeys,
    margin_account: Pubkey,
    absorber_margin_account: Pubkey,
    args: impl Into<LiquidateArgs>,
    legs: &[Leg],
    absorber_legs: &[Leg],
) -> Instruction {
    let accounts = accounts::Absorb {
        caller,
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        margin_account,
        oracle: keys.oracle,
        caller_margin_account: absorber_margin_account,
    };
    build(accounts, args::Absorb { args: args.into() }, metas(legs).chain(metas(absorber_legs)))
}

/// `settle_loss`.
pub fn settle_loss(keys: &MarketKeys, margin_account: Pubkey) -> Instruction {
    let accounts =
        accounts::SettleLoss { exchange: keys.exchange, market: keys.market, margin_account, oracle: keys.oracle };
    build(accounts, args::SettleLoss {}, none())
}

/// `update_funding`.
pub fn update_funding(keys: &MarketKeys) -> Instruction {
    let accounts = accounts::UpdateFunding {
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        oracle: keys.oracle,
    };
    build(accounts, args::UpdateFunding {}, none())
}

/// `resolve_account`, with the account's other legs.
pub fn resolve_account(keys: &MarketKeys, margin_account: Pubkey, legs: &[Leg]) -> Instruction {
    let accounts = accounts::ResolveAccount {
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        margin_account,
        oracle: keys.oracle,
    };
    build(accounts, args::ResolveAccount {}, metas(legs))
}

/// `record_deficit`, with all legs of the account; their markets keep its parts.
pub fn record_deficit(exchange: Pubkey, margin_account: Pubkey, legs: &[Leg]) -> Instruction {
    build(accounts::RecordDeficit { exchange, margin_account }, args::RecordDeficit {}, swept_metas(legs))
}

/// `cover_loss`.
pub fn cover_loss(exchange: Pubkey, market: Pubkey) -> Instruction {
    build(accounts::CoverLoss { exchange, market }, args::CoverLoss {}, none())
}

/// `donate_insurance`, for one market or for all.
pub fn donate_insurance(
    donor: Pubkey,
    keys: &ExchangeKeys,
    market: Option<Pubkey>,
    donor_token_account: Pubkey,
    amount_atoms: u64,
) -> Instruction {
    let accounts = accounts::DonateInsurance {
        donor,
        exchange: keys.exchange,
        market,
        donor_token_account,
        vault: keys.vault,
        quote_mint: keys.quote_mint,
        token_program: keys.token_program,
    };
    build(accounts, args::DonateInsurance { amount_atoms }, none())
}

/// `settle_market`.
pub fn settle_market(keys: &MarketKeys) -> Instruction {
    let accounts = accounts::SettleMarket {
        exchange: keys.exchange,
        market: keys.market,
        order_book: keys.order_book,
        oracle: keys.oracle,
    };
    build(accounts, args::SettleMarket {}, none())
}

/// `close_market`; the lamports of both accounts go to `recipient`.
pub fn close_market(admin: Pubkey, keys: &MarketKeys, recipient: Pubkey) -> Instruction {
    let (exchange, market, order_book) = (keys.exchange, keys.market, keys.order_book);
    let accounts = accounts::CloseMarket { admin, exchange, market, order_book, recipient };
    build(accounts, args::CloseMarket {}, none())
}

/// `release_seat`.
pub fn release_seat(market: Pubkey, margin_account: Pubkey) -> Instruction {
    build(accounts::ReleaseSeat { market, margin_account }, args::ReleaseSeat {}, none())
}

/// `sweep_market_income`.
pub fn sweep_market_income(exchange: Pubkey, market: Pubkey) -> Instruction {
    build(accounts::SweepMarketIncome { exchange, market }, args::SweepMarketIncome {}, none())
}

/// `set_delegate`; the default key for nobody.
pub fn set_delegate(authority: Pubkey, margin_account: Pubkey, delegate: Pubkey) -> Instruction {
    build(accounts::SetDelegate { authority, margin_account }, args::SetDelegate { delegate }, none())
}
