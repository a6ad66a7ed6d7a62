//! Margin accounts, their cash and their seats.

use anchor_lang::prelude::*;

/// A margin account was created.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarginAccountCreated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// Its owner.
    pub authority: Pubkey,
    /// Its number.
    pub number: u16,
    /// True if its owner asks for a full close always.
    pub always_full_close: bool,
}

/// A margin account was closed. It had no cash and no positions.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct MarginAccountClosed {
    /// The margin account.
    pub margin_account: Pubkey,
}

/// A delegate was set.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct DelegateSet {
    /// The margin account.
    pub margin_account: Pubkey,
    /// The delegate; the default key for nobody.
    pub delegate: Pubkey,
}

/// Tokens came in.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Deposited {
    /// The margin account.
    pub margin_account: Pubkey,
    /// Who paid.
    pub depositor: Pubkey,
    /// How much.
    pub amount_atoms: u64,
    /// Cash after.
    pub cash_after_atoms: i64,
    /// True if this ended a liquidation episode.
    pub episode_ended: bool,
}

/// Tokens went out.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawn {
    /// The margin account.
    pub margin_account: Pubkey,
    /// Where to.
    pub token_account: Pubkey,
    /// How much.
    pub amount_atoms: u64,
    /// Cash after.
    pub cash_after_atoms: i64,
}

/// A seat was brought up to date: funding and shared losses were settled, and realised result moved to cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// Funding and shared losses that the seat paid out of its result, before the sweep; negative was received.
    pub charged_atoms: i64,
    /// Moved to cash; negative is a loss taken from it.
    pub amount_atoms: i64,
    /// The funding index to which the seat is settled, in `2^-20` atoms per lot.
    pub funding_checkpoint_scaled: i64,
    /// The loss index to which the seat is settled, in `2^-20` atoms per lot.
    pub loss_checkpoint_scaled: i64,
}

/// A seat was taken; its bond left cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct SeatTaken {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// Its bond.
    pub bond_atoms: u64,
}

/// A seat was released; its bond went back to cash.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct SeatReleased {
    /// The market.
    pub market: Pubkey,
    /// The margin account.
    pub margin_account: Pubkey,
    /// The seat.
    pub seat_index: u32,
    /// The bond.
    pub bond_atoms: i64,
    /// Cash after.
    pub cash_after_atoms: i64,
}
