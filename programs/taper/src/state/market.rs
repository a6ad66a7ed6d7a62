//! A market: identity, and the engine's state with all seats.

use anchor_lang::prelude::*;
use taper_engine::market::MarketState;

use super::{assert_layout, Exchange};
use crate::constants::{ACCOUNT_VERSION, ORACLE_PYTH_PULL, STATUS_ACTIVE, STATUS_PAUSED, STATUS_REDUCE_ONLY};
use crate::error::TaperError;
use crate::oracle::OracleIdentity;

/// A keypair account, created by the client in the same transaction because it is too large for a CPI.
#[account(zero_copy)]
pub struct Market {
    /// Layout version.
    pub version: u8,
    /// 0 active, 1 reduce-only, 2 paused.
    pub status: u8,
    /// 0 Pyth push account, 1 Pyth pull account.
    pub oracle_kind: u8,
    /// Zero.
    pub padding: [u8; 5],
    /// The exchange it belongs to.
    pub exchange: Pubkey,
    /// Its order book.
    pub order_book: Pubkey,
    /// Push: the address of the price account. Pull: the 32 bytes of the feed id.
    pub oracle_key: Pubkey,
    /// Name, ASCII, padded with zeroes.
    pub name: [u8; 16],
    /// The oracle account of the listing. A feed can be pulled through many accounts, and a caller chooses which one it passes; only
    /// this one can show that the feed is silent, and freeze the leg.
    pub oracle_account: Pubkey,
    /// First slot in which risk may be added: a listing waits out the timelock.
    pub opens_slot: u64,
    /// Zero.
    pub reserved: [u64; 12],
    /// Parameters, last price, throttles, pools and seats.
    pub state: MarketState,
}
assert_layout!(Market, 256 + core::mem::size_of::<MarketState>(), {
    version: 0, status: 1, oracle_kind: 2, padding: 3, exchange: 8, order_book: 40, oracle_key: 72, name: 104,
    oracle_account: 120, opens_slot: 152, reserved: 160, state: 256,
});

impl Market {
    /// The stricter of the exchange's status and the market's own; at least reduce-only before the market opens and once it winds down.
    pub fn effective_status(&self, exchange: &Exchange, slot: u64) -> u8 {
        let closed = slot < self.opens_slot || self.state.settle_after_slot != 0;
        self.status.max(exchange.status).max(if closed { STATUS_REDUCE_ONLY } else { STATUS_ACTIVE })
    }

    /// What identifies this market's oracle account.
    pub fn oracle_identity(&self) -> OracleIdentity {
        OracleIdentity { kind: self.oracle_kind, key: self.oracle_key }
    }

    /// Refuses a market of another exchange.
    ///
    /// # Errors
    /// `WrongVersion`, `WrongExchange`.
    pub fn check_belongs(&self, exchange: &Pubkey) -> Result<()> {
        require!(self.version == ACCOUNT_VERSION, TaperError::WrongVersion);
        require!(self.exchange == *exchange, TaperError::WrongExchange);
        Ok(())
    }

    /// Refuses an order book that is not this market's.
    ///
    /// # Errors
    /// `WrongOrderBook`.
    pub fn check_book(&self, order_book: &Pubkey) -> Result<()> {
        require!(self.order_book == *order_book, TaperError::WrongOrderBook);
        Ok(())
    }

    /// What can be checked of a market in constant time after every instruction that wrote to it. The whole sum over the seats
    /// is the auditor's (`engine::audit`).
    ///
    /// # Errors
    /// `InvariantViolated`.
    pub fn invariant(&self) -> Result<()> {
        let state = &self.state;
        let sound = self.version == ACCOUNT_VERSION
            && self.status <= STATUS_PAUSED
            && self.oracle_kind <= ORACLE_PYTH_PULL
            && state.open_interest_base_lots >= 0
            && (!state.is_settled() || state.open_interest_base_lots == 0)
            && state.fees_atoms >= 0
            && state.insurance_pending_atoms >= 0
            && state.unassigned_loss_atoms >= 0
            && (0..=state.unassigned_loss_atoms).contains(&state.held_loss_atoms)
            && state.net_swept_profit_atoms <= state.params.sweep_cap_atoms
            && state.seats.used_count <= state.seats.touched_count;
        require!(sound, TaperError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminator() {
        assert_eq!(Market::DISCRIMINATOR, [219, 190, 213, 55, 0, 227, 198, 154]);
    }

    #[test]
    fn space_is_what_clients_allocate() {
        assert_eq!(Market::SPACE, 8 + 256 + 992 + 24 + 192 * 2_048);
    }
}
