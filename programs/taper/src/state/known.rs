//! Accounts whose layout version is looked at whenever they are loaded: also by an instruction that only reads them, and concludes something from
//! what it reads.

use core::cell::{Ref, RefMut};

use anchor_lang::prelude::*;
use anchor_lang::ZeroCopy;

use super::{Exchange, MarginAccount, OrderBook};
use crate::constants::ACCOUNT_VERSION;
use crate::error::TaperError;

/// An account that says which layout it has.
pub trait Versioned {
    /// Layout version.
    fn version(&self) -> u8;
}

impl Versioned for Exchange {
    fn version(&self) -> u8 {
        self.version
    }
}

impl Versioned for MarginAccount {
    fn version(&self) -> u8 {
        self.version
    }
}

impl Versioned for OrderBook {
    fn version(&self) -> u8 {
        self.version
    }
}

/// Loads an account of the layout that this program knows.
pub trait LoadKnown<T> {
    /// To read.
    ///
    /// # Errors
    /// `WrongVersion`; those of `AccountLoader::load`.
    fn load_known(&self) -> Result<Ref<'_, T>>;

    /// To write to.
    ///
    /// # Errors
    /// `WrongVersion`; those of `AccountLoader::load_mut`.
    fn load_known_mut(&self) -> Result<RefMut<'_, T>>;
}

impl<T: ZeroCopy + Owner + Versioned> LoadKnown<T> for AccountLoader<'_, T> {
    fn load_known(&self) -> Result<Ref<'_, T>> {
        let loaded = self.load()?;
        require!(loaded.version() == ACCOUNT_VERSION, TaperError::WrongVersion);
        Ok(loaded)
    }

    fn load_known_mut(&self) -> Result<RefMut<'_, T>> {
        let loaded = self.load_mut()?;
        require!(loaded.version() == ACCOUNT_VERSION, TaperError::WrongVersion);
        Ok(loaded)
    }
}
