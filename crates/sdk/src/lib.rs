//! Rust client of Taper: addresses, accounts, instructions, and what the chain would do.
//!
//! Nothing here computes a risk number of its own: health and slices come from [`taper_engine`], run on the bytes of
//! the accounts, so a bot gets exactly what the chain will do.
//!
//! Instructions are made of the committed IDL ([`idl`]), whose zero-copy layouts are the engine's rows. Plans run the program's own code, and
//! take its types of accounts; tests hold both against each other, name by name and byte by byte.
#![deny(missing_docs)]

pub mod account;
pub mod address;
pub mod amount;
pub mod audit;
pub mod distance;
pub mod error;
pub mod event;
pub mod failure;
pub mod find;
pub mod idl;
pub mod instruction;
pub mod legs;
pub mod lookup;
pub mod plan;
pub mod pyth;
pub mod snapshot;

pub use taper::error::TaperError;
pub use taper::instructions::{
    CancelAllOrdersArgs, CancelOrderArgs, ForceCancelOrdersArgs, LiquidateArgs, PlaceOrderArgs, TightenLimitsArgs,
};
pub use taper::legs::Now;
pub use taper::ID as PROGRAM_ID;
pub use taper::{constants, events, state};

/// The Rust in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
