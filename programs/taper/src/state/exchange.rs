//! The exchange: one quote mint, one vault, the authorities, and the money that belongs to nobody's account.

use anchor_lang::prelude::*;

use super::assert_layout;
use crate::constants::{ACCOUNT_VERSION, STATUS_PAUSED};
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
    /// Who creates markets and sets any status.
    pub admin: Pubkey,
    /// Who may tighten a status.
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
    /// Sum of the markets' losses that nobody has borne yet, in quote atoms.
    pub unassigned_loss_atoms: i64,
    /// Ever donated to insurance, in quote atoms.
    pub insurance_donated_atoms: i64,
    /// Ever paid by the insurance fund for losses of markets, without what markets paid from their own income, in quote atoms.
    pub insurance_drawn_atoms: i64,
    /// Zero.
    pub reserved: [u64; 54],
}
assert_layout!(Exchange, 728, {
    version: 0, bump: 1, vault_bump: 2, status: 3, index: 4, quote_decimals: 6, padding: 7, creator: 8, admin: 40,
    guardian: 72, quote_mint: 104, vault: 136, token_program: 168, insurance_atoms: 200, fees_atoms: 208, pending_admin: 216,
    timelock_slots: 248, proposal_count: 256, recorded_deficit_atoms: 264, unassigned_loss_atoms: 272,
    insurance_donated_atoms: 280, insurance_drawn_atoms: 288, reserved: 296,
});

impl Exchange {
    /// What the vault must keep: deficits and losses that nobody has covered yet.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn uncovered_atoms(&self) -> Result<i64> {
        let sum = self.recorded_deficit_atoms.checked_add(self.unassigned_loss_atoms);
        sum.ok_or_else(|| TaperError::MathOverflow.into())
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
            && self.unassigned_loss_atoms >= 0
            && self.admin != Pubkey::default();
        require!(sound, TaperError::InvariantViolated);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminator() {
        assert_eq!(Exchange::DISCRIMINATOR, [30, 200, 220, 149, 3, 61, 104, 50]);
    }
}
