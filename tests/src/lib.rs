//! A local chain with the program on it, and the accounts of a small world to act in.
//!
//! [`Chain`] runs transactions on `target/deploy/taper.so` in the real VM when that file exists, on the native
//! processor otherwise, and says which. After every transaction it recomputes the money of every exchange (INV-01) and
//! the positions of every market (INV-02) from the accounts alone, and has the engine audit every book and seat table;
//! a refused transaction must have changed no byte (INV-17). In the VM an indexer rebuilds all balances and books from
//! the events and is held against the accounts. [`World`] is an exchange with markets, oracles and traders on such a
//! chain. Nothing here is only for tests, but for [`Calls`]: the simulator replays crashes on it. Whatever fails is an error value.

mod audit;
mod caller;
mod chain;
mod error;
mod exchange;
mod expect;
mod forge;
mod keeper;
mod keys;
mod ledger;
mod liquidator;
mod market;
mod outcome;
mod processor;
mod resolver;
mod saved;
mod token;
mod trader;
mod world;

pub use audit::{Audit, Totals};
pub use caller::{empty_notes, Calls, CALLER};
pub use chain::{Chain, Checks, Snapshot, START_SECONDS};
pub use error::{HarnessError, Refusal, Result};
pub use exchange::Venue;
pub use expect::ExpectRefusal;
pub use keys::keypair;
pub use market::{MarketHandle, MarketSpec, OracleFeed, PriceSource};
pub use outcome::Outcome;
pub use processor::Processor;
pub use resolver::Resolution;
pub use saved::{SavedAccount, SavedMarket, SavedWorld};
pub use token::{mint_bytes, token_account_bytes, TOKEN_PROGRAM};
pub use trader::{order, Trader};
pub use world::{Quotes, World};
