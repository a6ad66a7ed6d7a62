//! A margin account: cash, episode, and references to seats.

use anchor_lang::prelude::*;
use taper_engine::account::{AccountState, POSITIONS};
use taper_engine::quantity::MAX_EQUITY_ATOMS;

use super::assert_layout;
use crate::constants::ACCOUNT_VERSION;
use crate::error::TaperError;

/// Reference to a seat. It counts only if the seat names this margin account as its owner.
#[zero_copy]
#[derive(Debug, PartialEq, Eq)]
pub struct PositionRef {
    /// The market.
    pub market: Pubkey,
    /// The seat in that market.
    pub seat_index: u32,
    /// 1 if the reference is in use.
    pub in_use: u8,
    /// Zero.
    pub padding: [u8; 3],
}

/// PDA of (`"margin"`, exchange, authority, number).
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct MarginAccount {
    /// Layout version.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Number chosen by the owner, part of the address.
    pub number: u16,
    /// Zero.
    pub padding: [u8; 4],
    /// The exchange it belongs to.
    pub exchange: Pubkey,
    /// The owner.
    pub authority: Pubkey,
    /// May place and cancel orders; the default key for nobody.
    pub delegate: Pubkey,
    /// Cash, episode, clocks.
    pub state: AccountState,
    /// References to seats, at most one a market.
    pub positions: [PositionRef; POSITIONS],
    /// Zero.
    pub reserved: [u64; 16],
}
const _: () = {
    assert!(core::mem::size_of::<PositionRef>() == 40 && core::mem::align_of::<PositionRef>() <= 8);
    assert!(core::mem::offset_of!(PositionRef, market) == 0 && core::mem::offset_of!(PositionRef, seat_index) == 32);
    assert!(core::mem::offset_of!(PositionRef, in_use) == 36 && core::mem::offset_of!(PositionRef, padding) == 37);
};
assert_layout!(MarginAccount, 744, {
    version: 0, bump: 1, number: 2, padding: 4, exchange: 8, authority: 40, delegate: 72, state: 104, positions: 296,
    reserved: 616,
});

impl MarginAccount {
    /// Refuses a margin account of another exchange.
    ///
    /// # Errors
    /// `WrongVersion`, `WrongExchange`.
    pub fn check_belongs(&self, exchange: &Pubkey) -> Result<()> {
        require!(self.version == ACCOUNT_VERSION, TaperError::WrongVersion);
        require!(self.exchange == *exchange, TaperError::WrongExchange);
        Ok(())
    }

    /// Refuses a signer who is neither owner nor delegate.
    ///
    /// # Errors
    /// `NotAuthority`.
    pub fn check_trader(&self, signer: &Pubkey) -> Result<()> {
        require!(self.authority == *signer || self.delegate == *signer, TaperError::NotAuthority);
        Ok(())
    }

    /// Refuses a signer who is not the owner.
    ///
    /// # Errors
    /// `OwnerOnly` for the delegate, `NotAuthority` for a stranger.
    pub fn check_owner(&self, signer: &Pubkey) -> Result<()> {
        if self.authority == *signer {
            return Ok(());
        }
        require!(self.delegate != *signer, TaperError::OwnerOnly);
        err!(TaperError::NotAuthority)
    }

    /// The references in use, in slot order.
    pub fn used_positions(&self) -> impl Iterator<Item = &PositionRef> {
        self.positions.iter().filter(|position| position.in_use != 0)
    }

    /// The place of the reference to a market among the positions; `None` if there is none.
    pub fn place_of(&self, market: &Pubkey) -> Option<usize> {
        self.positions.iter().position(|position| position.in_use != 0 && position.market == *market)
    }

    /// The seat in a market; `None` if the account has no reference to it.
    pub fn seat_in(&self, market: &Pubkey) -> Option<u32> {
        self.used_positions().find(|position| position.market == *market).map(|position| position.seat_index)
    }

    /// The seat in a market.
    ///
    /// # Errors
    /// `PositionNotFound`.
    pub fn require_seat_in(&self, market: &Pubkey) -> Result<u32> {
        self.seat_in(market).ok_or_else(|| TaperError::PositionNotFound.into())
    }

    /// Writes a reference to a seat into the first free slot.
    ///
    /// # Errors
    /// `TooManyPositions`.
    pub fn add_position(&mut self, market: &Pubkey, seat_index: u32) -> Result<()> {
        let Some(slot) = self.positions.iter_mut().find(|position| position.in_use == 0) else {
            return err!(TaperError::TooManyPositions);
        };
        *slot = PositionRef { market: *market, seat_index, in_use: 1, padding: [0; 3] };
        Ok(())
    }

    /// Clears the reference to a market, and what is left of a resolution of that leg, which its settlement may have cut short: nothing of it
    /// may go on in another market that comes to stand in that place.
    ///
    /// # Errors
    /// `PositionNotFound`.
    pub fn remove_position(&mut self, market: &Pubkey) -> Result<()> {
        let Some(place) = self.place_of(market) else {
            return err!(TaperError::PositionNotFound);
        };
        if let Some(slot) = self.positions.get_mut(place) {
            *slot = PositionRef { market: Pubkey::default(), seat_index: 0, in_use: 0, padding: [0; 3] };
        }
        if usize::from(self.state.resolution.position_plus_one) == place.saturating_add(1) {
            self.state.resolution = bytemuck::Zeroable::zeroed();
        }
        Ok(())
    }

    /// What must hold after every instruction that wrote to the account.
    ///
    /// # Errors
    /// `InvariantViolated`.
    pub fn invariant(&self) -> Result<()> {
        let sound =
            self.version == ACCOUNT_VERSION && self.state.cash_atoms.unsigned_abs() <= MAX_EQUITY_ATOMS.unsigned_abs();
        require!(sound, TaperError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> MarginAccount {
        bytemuck::Zeroable::zeroed()
    }

    #[test]
    fn discriminator() {
        assert_eq!(MarginAccount::DISCRIMINATOR, [133, 220, 173, 213, 179, 211, 43, 238]);
    }

    #[test]
    fn a_ninth_position_is_refused() {
        let mut account = empty();
        for index in 0..8u8 {
            account.add_position(&Pubkey::from([index + 1; 32]), u32::from(index)).unwrap();
        }
        let refusal = account.add_position(&Pubkey::from([9; 32]), 8).unwrap_err();
        assert_eq!(refusal, TaperError::TooManyPositions.into());
        assert_eq!(account.seat_in(&Pubkey::from([8; 32])), Some(7));
    }

    #[test]
    fn a_removed_position_is_gone_and_its_slot_free() {
        let mut account = empty();
        let (first, second) = (Pubkey::from([1; 32]), Pubkey::from([2; 32]));
        account.add_position(&first, 4).unwrap();
        account.add_position(&second, 5).unwrap();
        account.remove_position(&first).unwrap();
        assert_eq!(account.seat_in(&first), None);
        assert_eq!(account.require_seat_in(&first).unwrap_err(), TaperError::PositionNotFound.into());
        account.add_position(&first, 6).unwrap();
        assert_eq!(account.positions[0].seat_index, 6);
        assert_eq!(account.positions[1].seat_index, 5);
    }

    #[test]
    fn what_is_half_resolved_goes_with_its_position_and_no_other() {
        for (half_done, stays) in [(0, 0), (1, 1), (2, 0), (3, 3)] {
            let mut account = empty();
            for byte in 1..=3 {
                account.add_position(&Pubkey::from([byte; 32]), u32::from(byte)).unwrap();
            }
            (account.state.resolution.position_plus_one, account.state.resolution.remaining_atoms) = (half_done, 9);
            account.remove_position(&Pubkey::from([2; 32])).unwrap();
            assert_eq!(account.state.resolution.position_plus_one, stays);
            assert_eq!(account.state.resolution.remaining_atoms, if half_done == 2 { 0 } else { 9 });
        }
    }

    #[test]
    fn the_default_key_is_no_market() {
        assert_eq!(empty().seat_in(&Pubkey::default()), None);
        assert_eq!(empty().remove_position(&Pubkey::default()).unwrap_err(), TaperError::PositionNotFound.into());
    }

    #[test]
    fn owner_delegate_stranger() {
        let mut account = empty();
        (account.authority, account.delegate) = (Pubkey::from([1; 32]), Pubkey::from([2; 32]));
        let stranger = Pubkey::from([3; 32]);
        assert!(account.check_trader(&account.authority).is_ok() && account.check_trader(&account.delegate).is_ok());
        assert!(account.check_owner(&account.authority).is_ok());
        assert_eq!(account.check_owner(&account.delegate).unwrap_err(), TaperError::OwnerOnly.into());
        assert_eq!(account.check_owner(&stranger).unwrap_err(), TaperError::NotAuthority.into());
        assert_eq!(account.check_trader(&stranger).unwrap_err(), TaperError::NotAuthority.into());
    }
}
