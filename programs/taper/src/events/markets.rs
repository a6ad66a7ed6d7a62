//! Exchanges and markets, from their creation to their end.

use anchor_lang::prelude::*;
use taper_engine::params::MarketParams;

/// An exchange was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeInitialized {
    /// The exchange.
    pub exchange: Pubkey,
    /// Its admin.
    pub admin: Pubkey,
    /// Its guardian.
    pub guardian: Pubkey,
    /// Its quote mint.
    pub quote_mint: Pubkey,
    /// Its vault.
    pub vault: Pubkey,
    /// Slots that its proposals wait.
    pub timelock_slots: u64,
}

/// A market was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketCreated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// 0 Pyth push, 1 Pyth pull.
    pub oracle_kind: u8,
    /// Address or feed of its oracle.
    pub oracle_key: Pubkey,
    /// Its name.
    pub name: [u8; 16],
    /// Price at listing.
    pub price_atoms_per_lot: i64,
    /// First slot in which risk may be added.
    pub opens_slot: u64,
    /// Its parameters.
    pub params: MarketParams,
}

/// A status was set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct StatusSet {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market; the default key if it was the exchange's own status.
    pub market: Pubkey,
    /// Who set it.
    pub by: Pubkey,
    /// 0 active, 1 reduce-only, 2 paused.
    pub status: u8,
}

/// The premium of a market was sampled, and the rate of funding set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct FundingUpdated {
    /// The market.
    pub market: Pubkey,
    /// The funding index after, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The rate from now on, in `2^-20` atoms per lot and slot; positive: longs pay.
    pub rate_scaled_per_slot: i64,
    /// How far the book's impact bid is above the EMA, or its impact ask below it (negative), clamped; zero where the EMA is between them.
    pub premium_atoms_per_lot: i64,
    /// False if the book was too thin or too wide to show a premium.
    pub is_measured: bool,
    /// The oracle price.
    pub oracle_price_atoms_per_lot: i64,
    /// The oracle's EMA.
    pub oracle_ema_atoms_per_lot: i64,
}

/// A market's income went to the exchange.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketIncomeSwept {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Fees moved.
    pub fees_atoms: i64,
    /// Insurance income moved.
    pub insurance_atoms: i64,
    /// The part of it that came out of the clearing pool: what rounding had left.
    pub residue_atoms: i64,
}

/// All positions of a market were closed at its final price, and its book emptied: every order is gone. Every seat with a position paid
/// `ceil((base × (funding index − its checkpoint) + |base| × (loss index − its checkpoint)) ÷ 2^20)` out of its result into the clearing pool;
/// then its result grew by `base × price + quote_entry`, and its position and entry are zero. `FinalTerms::close` of the engine does that to a
/// seat. Funding has ended: the rate is zero.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketSettled {
    /// The market.
    pub market: Pubkey,
    /// The price.
    pub final_price_atoms_per_lot: i64,
    /// False if the oracle was silent, and the price is the last one that the market had used.
    pub is_from_oracle: bool,
    /// Lots closed on each side.
    pub base_lots: i64,
    /// Orders that rested in the book.
    pub orders: u32,
    /// What the seats paid into the clearing pool, all together.
    pub charged_atoms: i64,
    /// The funding index to which every position was settled, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// The loss index to which every position was settled.
    pub loss_index_scaled: i64,
}

/// A market was closed: its accounts are gone.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarketClosed {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// Who got the lamports.
    pub recipient: Pubkey,
    /// Lamports of both accounts.
    pub lamports: u64,
    /// Fees that went to the exchange.
    pub fees_atoms: i64,
    /// Insurance income that went to the exchange.
    pub insurance_atoms: i64,
    /// The part of it that came out of the clearing pool.
    pub residue_atoms: i64,
}
