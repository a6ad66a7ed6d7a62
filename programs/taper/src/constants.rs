//! Seeds, versions and codes that clients need too.

/// Layout version of every account this program writes.
pub const ACCOUNT_VERSION: u8 = 1;

/// Seeds of an exchange: this, its creator, its index (`u16`, little-endian).
pub const EXCHANGE_SEED: &[u8] = b"exchange";
/// Seeds of a vault: this and its exchange.
pub const VAULT_SEED: &[u8] = b"vault";
/// Seeds of a proposal: this, its exchange, its index (`u64`, little-endian).
pub const PROPOSAL_SEED: &[u8] = b"proposal";
/// Seeds of a margin account: this, its exchange, its authority, its number (`u16`, little-endian).
pub const MARGIN_SEED: &[u8] = b"margin";

/// Status: everything is allowed.
pub const STATUS_ACTIVE: u8 = 0;
/// Status: no order may add risk.
pub const STATUS_REDUCE_ONLY: u8 = 1;
/// Status: as reduce-only, and an exchange pays no withdrawals.
pub const STATUS_PAUSED: u8 = 2;

/// Proposal: parameters of a market.
pub const PROPOSAL_PARAMS: u8 = 0;
/// Proposal: the oracle of a market.
pub const PROPOSAL_ORACLE: u8 = 1;
/// Proposal: the end of a market.
pub const PROPOSAL_WIND_DOWN: u8 = 2;
/// Proposal: a looser status.
pub const PROPOSAL_STATUS: u8 = 3;
/// Proposal: the guardian.
pub const PROPOSAL_GUARDIAN: u8 = 4;
/// Proposal: the timelock.
pub const PROPOSAL_TIMELOCK: u8 = 5;

/// A proposal that can still be applied or cancelled.
pub const PROPOSAL_PENDING: u8 = 0;
/// A proposal that has been applied.
pub const PROPOSAL_APPLIED: u8 = 1;
/// A proposal that has been cancelled.
pub const PROPOSAL_CANCELLED: u8 = 2;

/// Longest timelock: about 30 days.
pub const TIMELOCK_MAX_SLOTS: u64 = 6_480_000;
/// Slots in which a proposal whose timelock has passed can be applied: about 14 days. One that was forgotten must not come into force
/// in another world.
pub const PROPOSAL_LIFE_SLOTS: u64 = 3_024_000;
/// Slots for which a pause of the exchange holds withdrawals, in any twice as many: a day in two. Whoever pauses cannot keep the money.
pub const PAUSE_HOLD_SLOTS: u64 = 216_000;
/// How far a new oracle may be from the last price, in bps of it.
pub const ORACLE_SWITCH_MAX_BPS: i64 = 1_000;
/// A market that has used no price for so many slots (about a day) may change to any oracle.
pub const ORACLE_SILENT_SLOTS: u64 = 216_000;

/// A market on a Pyth push account, named by its address.
pub const ORACLE_PYTH_PUSH: u8 = 0;
/// A market on Pyth pull accounts, named by their feed.
pub const ORACLE_PYTH_PULL: u8 = 1;

/// Smallest price at listing, in quote atoms per lot: an atom per lot is then finer than 0.001%.
pub const LISTING_PRICE_MIN_ATOMS_PER_LOT: i64 = 100_000;
/// Largest number of decimals of a quote mint: the bounds of the engine's quantities assume no more.
pub const QUOTE_DECIMALS_MAX: u8 = 9;
