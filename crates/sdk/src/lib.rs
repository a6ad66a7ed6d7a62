//! Rust client of Taper: addresses, accounts, instructions, and what the chain would do.
//!
//! Nothing here computes a risk number of its own: health and slices come from [`taper_engine`], run on the bytes of
//! the accounts, so a bot gets exactly what the chain will do.
#![deny(missing_docs)]

pub mod account;
pub mod address;
pub mod error;
pub mod instruction;
pub mod legs;
pub mod plan;
pub mod pyth;
pub mod snapshot;

pub use taper::ID as PROGRAM_ID;

/// The Rust in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
