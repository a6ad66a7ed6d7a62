//! The laboratory: one market of the engine, an account for every trader, a maker whose book is a real one's, and a policy that liquidates.
//!
//! It runs the engine's own code (orders, matching, slices, resolutions), not a model of it; what it leaves out is the chain around it. The
//! same seed gives the same result to the atom: whole numbers for money, and in the maker's opinions floats with `+ − × ÷ √` only.

mod checkpoint;
pub mod feed;
pub mod ledger;
mod maker;
pub mod policy;
pub mod population;
pub mod record;
pub mod run;
pub mod tally;
mod trades;
pub mod watch;
pub mod world;
