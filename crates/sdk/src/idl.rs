//! What Anchor's `declare_program!` makes of the committed IDL: instruction arguments, lists of accounts, events, errors and layouts. The
//! builders of [`crate::instruction`] are made of these.
//!
//! Layouts are those of the program and of the engine, which is checked when this crate is compiled: a row of the IDL is the engine's row.
//!
//! ```
//! use taper_sdk::account::decode;
//! use taper_sdk::idl::accounts::MarginAccount;
//! use taper_sdk::idl::types::AccountState;
//!
//! # use taper_sdk::account::Discriminator;
//! # let mut words = vec![0u64; (8 + size_of::<MarginAccount>()) / 8];
//! # let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
//! # bytes[..8].copy_from_slice(MarginAccount::DISCRIMINATOR);
//! # bytes[8] = taper_sdk::constants::ACCOUNT_VERSION;
//! # bytes[8 + 104] = 7;
//! // In place, from the bytes that a node has sent.
//! let account: &MarginAccount = decode(bytes).unwrap();
//! let state: &taper_engine::account::AccountState = account.state.as_ref();
//! assert_eq!((state.cash_atoms, state.episode.is_active()), (7, false));
//! ```
#![allow(
    missing_docs,
    reason = "fields of events and arguments are documented in the program; the macro leaves that out"
)]
#![allow(unexpected_cfgs, reason = "the macro asks whether this is a program, or its IDL's build")]

// The macro asks for it beside itself.
#[allow(clippy::single_component_path_imports, reason = "the macro writes `use super::anchor_lang`")]
use anchor_lang;

mod convert;
mod rows;

anchor_lang::declare_program!(taper);

pub use self::taper::client::{accounts as metas, args};
pub use self::taper::error::TaperError;
pub use self::taper::{accounts, events, types, ID};

#[cfg(test)]
mod tests;
