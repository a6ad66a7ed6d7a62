//! The exchange: one quote mint, one vault, the authorities, and the money that belongs to nobody's account.

use anchor_lang::prelude::*;

use super::assert_layout;
use crate::constants::{ACCOUNT_VERSION, PAUSE_HOLD_SLOTS, STATUS_PAUSED, TIMELOCK_MAX_SLOTS};
use crate::error::TaperError;

/// PDA of (`"exchange"`, creator, index). Read-only on the hot path: income accrues in the markets and is swept here.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Layout version.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Bump of the vault's address.
    pub vault_bump: u8,
    /// 0 active, 1 reduce-only, 2 paused. Markets have their own; the stricter counts.
    pub status: u8,
    /// Number chosen by the creator, part of the address.
    pub index: u16,
    /// Decimals of the quote mint.
    pub quote_decimals: u8,
    /// Zero.
    pub padding: u8,
    /// Who created the exchange, part of the address. Has no rights of its own.
    pub creator: Pubkey,
    /// Who creates markets and proposes.
    pub admin: Pubkey,
    /// Who may tighten a status or a limit, and cancel a proposal. Never the admin.
    pub guardian: Pubkey,
    /// The mint that cash is counted in.
    pub quote_mint: Pubkey,
    /// The token account that holds all cash.
    pub vault: Pubkey,
    /// The token program that owns the mint and the vault.
    pub token_program: Pubkey,
    /// Insurance fund, in quote atoms, without what markets have not been swept of.
    pub insurance_atoms: i64,
    /// Fees, in quote atoms, without what markets have not been swept of.
    pub fees_atoms: i64,
    /// Who may become the admin by accepting; the default key for nobody.
    pub pending_admin: Pubkey,
    /// Slots that a proposal waits before it can be applied, and a new market before it opens.
    pub timelock_slots: u64,
    /// Proposals ever made: the index of the next one.
    pub proposal_count: u64,
    /// Sum of the deficits recorded of margin accounts, in quote atoms.
    pub recorded_deficit_atoms: i64,
    /// Sum of what the vault keeps for the markets' losses that nobody has borne yet, in quote atoms.
    pub held_loss_atoms: i64,
    /// Ever donated to insurance, in quote atoms.
    pub insurance_donated_atoms: i64,
    /// Ever paid by the insurance fund for losses of markets, without what markets paid from their own income, in quote atoms.
    pub insurance_drawn_atoms: i64,
    /// Slot in which a pause began to hold withdrawals; zero if none ever did.
    pub paused_slot: u64,
    /// Zero.
    pub reserved: [u64; 53],
}
assert_layout!(Exchange, 728, {
    version: 0, bump: 1, vault_bump: 2, status: 3, index: 4, quote_decimals: 6, padding: 7, creator: 8, admin: 40,
    guardian: 72, quote_mint: 104, vault: 136, token_program: 168, insurance_atoms: 200, fees_atoms: 208, pending_admin: 216,
    timelock_slots: 248, proposal_count: 256, recorded_deficit_atoms: 264, held_loss_atoms: 272,
    insurance_donated_atoms: 280, insurance_drawn_atoms: 288, paused_slot: 296, reserved: 304,
});

impl Exchange {
    /// What the vault must keep: deficits and losses that nobody has covered yet.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn uncovered_atoms(&self) -> Result<i64> {
        let sum = self.recorded_deficit_atoms.checked_add(self.held_loss_atoms);
        sum.ok_or_else(|| TaperError::MathOverflow.into())
    }

    /// Refuses everybody but the admin.
    ///
    /// # Errors
    /// `NotAdmin`.
    pub fn check_admin(&self, signer: &Pubkey) -> Result<()> {
        require!(self.admin == *signer, TaperError::NotAdmin);
        Ok(())
    }

    /// Refuses everybody but the guardian and the admin.
    ///
    /// # Errors
    /// `NotGuardian`.
    pub fn check_role(&self, signer: &Pubkey) -> Result<()> {
        require!(self.admin == *signer || self.guardian == *signer, TaperError::NotGuardian);
        Ok(())
    }

    /// Sets the status. A pause holds withdrawals from now on, unless an earlier one has done so too recently: then for what is left
    /// of its time, or not at all.
    pub fn set_status(&mut self, status: u8, slot: u64) {
        let again = self.paused_slot.saturating_add(PAUSE_HOLD_SLOTS.saturating_mul(2));
        if status == STATUS_PAUSED && (self.paused_slot == 0 || slot >= again) {
            self.paused_slot = slot;
        }
        self.status = status;
    }

    /// True while a pause holds withdrawals.
    pub fn holds_withdrawals(&self, slot: u64) -> bool {
        self.status == STATUS_PAUSED && slot < self.paused_slot.saturating_add(PAUSE_HOLD_SLOTS)
    }

    /// What must hold after every instruction that wrote to the exchange.
    ///
    /// # Errors
    /// `InvariantViolated`.
    pub fn invariant(&self) -> Result<()> {
        let sound = self.version == ACCOUNT_VERSION
            && self.status <= STATUS_PAUSED
            && self.insurance_atoms >= 0
            && self.fees_atoms >= 0
            && self.recorded_deficit_atoms >= 0
            && self.held_loss_atoms >= 0
            && self.timelock_slots <= TIMELOCK_MAX_SLOTS
            && self.admin != Pubkey::default()
            && self.guardian != Pubkey::default()
            && self.admin != self.guardian;
        require!(sound, TaperError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_holds_withdrawals_a_day_in_two_however_often_it_is_set() {
        let mut exchange: Exchange = bytemuck::Zeroable::zeroed();
        let day = PAUSE_HOLD_SLOTS;
        exchange.set_status(STATUS_PAUSED, 10);
        assert!(exchange.holds_withdrawals(10) && exchange.holds_withdrawals(day + 9));
        assert!(!exchange.holds_withdrawals(day + 10));
        // Loosened and paused again, in its time and after it: nothing is added.
        for slot in [20, day + 20, 2 * day + 9] {
            exchange.set_status(1, slot);
            assert!(!exchange.holds_withdrawals(slot));
            exchange.set_status(STATUS_PAUSED, slot);
            assert_eq!(exchange.holds_withdrawals(slot), slot < day, "{slot}");
            assert!(!exchange.holds_withdrawals(day + 10));
        }
        exchange.set_status(STATUS_PAUSED, 2 * day + 10);
        assert!(exchange.holds_withdrawals(3 * day + 9) && !exchange.holds_withdrawals(3 * day + 10));
    }

    #[test]
    fn discriminator() {
        assert_eq!(Exchange::DISCRIMINATOR, [30, 200, 220, 149, 3, 61, 104, 50]);
    }
}
