//! Seeds, versions and codes that clients need too.

/// Layout version of every account this program writes.
pub const ACCOUNT_VERSION: u8 = 1;

/// Seeds of an exchange: this, its creator, its index (`u16`, little-endian).
pub const EXCHANGE_SEED: &[u8] = b"exchange";
/// Seeds of a vault: this and its exchange.
pub const VAULT_SEED: &[u8] = b"vault";
/// Seeds of a margin account: this, its exchange, its authority, its number (`u16`, little-endian).
pub const MARGIN_SEED: &[u8] = b"margin";

/// Status: everything is allowed.
pub const STATUS_ACTIVE: u8 = 0;
/// Status: no order may add risk.
pub const STATUS_REDUCE_ONLY: u8 = 1;
/// Status: as reduce-only, and an exchange pays no withdrawals.
pub const STATUS_PAUSED: u8 = 2;

/// A market on a Pyth push account, named by its address.
pub const ORACLE_PYTH_PUSH: u8 = 0;
/// A market on Pyth pull accounts, named by their feed.
pub const ORACLE_PYTH_PULL: u8 = 1;

/// Smallest price at listing, in quote atoms per lot: an atom per lot is then finer than 0.001%.
pub const LISTING_PRICE_MIN_ATOMS_PER_LOT: i64 = 100_000;
/// Largest number of decimals of a quote mint: the bounds of the engine's quantities assume no more.
pub const QUOTE_DECIMALS_MAX: u8 = 9;
