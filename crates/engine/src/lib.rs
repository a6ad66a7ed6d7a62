//! Taper's risk engine: every number that decides about money, and nothing else.
//!
//! Pure functions and state transitions over plain rows. No I/O, no clock, no Solana, no floats, no allocation, no panic.
//! The program, the SDK, the simulator and the tests all call this code; nothing re-implements it.
//!
//! Units: base in lots, prices in quote atoms per lot, notional in quote atoms, requirements in `10^-4` quote atoms, ratios in
//! basis points. Rows that live in accounts hold plain integers with the unit last in the name; everything that computes uses
//! the types of [`quantity`].
#![cfg_attr(not(any(test, feature = "idl-build")), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[cfg(test)]
mod fixture;
mod row;

pub mod absorb;
pub mod account;
pub mod apportion;
pub mod audit;
pub mod book;
pub mod cash;
pub mod charges;
pub mod deficit;
pub mod episode;
pub mod error;
pub mod funding;
pub mod governance;
pub mod insurance;
pub mod ladder;
pub mod liquidate;
pub mod margin;
pub mod market;
pub mod matching;
pub mod modes;
pub mod oracle;
pub mod orders;
pub mod params;
pub mod presets;
pub mod quantity;
pub mod rank;
pub mod resolve;
pub mod seat;
pub mod settlement;
pub mod sharing;
pub mod slice;
pub mod sweep;
pub mod throttle;
pub mod validate;

pub use error::{EngineError, Result};
