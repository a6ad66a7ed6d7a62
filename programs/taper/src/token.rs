//! Token moves: which mints are accepted, transfers, and the vault's reconciliation after each.

use anchor_lang::prelude::*;
use anchor_spl::token_2022::spl_token_2022::extension::{BaseStateWithExtensions, ExtensionType, StateWithExtensions};
use anchor_spl::token_2022::spl_token_2022::state::Mint as MintState;
use anchor_spl::token_interface::{transfer_checked, TransferChecked};

use taper_engine::deficit::check_vault;
use taper_engine::quantity::QuoteAtoms;

use crate::constants::EXCHANGE_SEED;
use crate::error::{Refusal, TaperError};
use crate::state::Exchange;

/// Where the amount stands in a token account of both token programs.
const AMOUNT_AT: core::ops::Range<usize> = 64..72;

/// Refuses a mint whose transfers may move another amount than asked, may be stopped, or whose balances others may take. A freeze
/// authority is accepted: the most used quote mints have one.
///
/// # Errors
/// One for each kind of extension; `MintNotInitialized`.
pub fn check_mint(mint: &AccountInfo) -> Result<()> {
    let data = mint.try_borrow_data()?;
    let Ok(state) = StateWithExtensions::<MintState>::unpack(&data) else {
        return err!(TaperError::MintNotInitialized);
    };
    let extensions = state.get_extension_types().map_err(|_| TaperError::MintExtensionNotSupported)?;
    for extension in extensions {
        if let Some(refusal) = refusal_of(extension) {
            return Err(refusal.into());
        }
    }
    Ok(())
}

/// Only what describes a token is harmless; everything unknown is refused.
fn refusal_of(extension: ExtensionType) -> Option<TaperError> {
    match extension {
        ExtensionType::MetadataPointer
        | ExtensionType::TokenMetadata
        | ExtensionType::GroupPointer
        | ExtensionType::TokenGroup
        | ExtensionType::GroupMemberPointer
        | ExtensionType::TokenGroupMember => None,
        ExtensionType::TransferFeeConfig => Some(TaperError::MintHasTransferFee),
        ExtensionType::TransferHook => Some(TaperError::MintHasTransferHook),
        ExtensionType::PermanentDelegate => Some(TaperError::MintHasPermanentDelegate),
        ExtensionType::DefaultAccountState => Some(TaperError::MintDefaultFrozen),
        ExtensionType::ConfidentialTransferMint
        | ExtensionType::ConfidentialTransferFeeConfig
        | ExtensionType::ConfidentialMintBurn => Some(TaperError::MintHasConfidentialTransfers),
        ExtensionType::NonTransferable => Some(TaperError::MintNonTransferable),
        ExtensionType::Pausable => Some(TaperError::MintPausable),
        _ => Some(TaperError::MintExtensionNotSupported),
    }
}

/// The accounts of one transfer between the vault and somebody's token account.
pub struct VaultTransfer<'a, 'info> {
    /// The vault; compared with the exchange before.
    pub vault: &'a AccountInfo<'info>,
    /// The other side.
    pub token_account: &'a AccountInfo<'info>,
    /// The quote mint; compared with the exchange before.
    pub mint: &'a AccountInfo<'info>,
    /// The token program; compared with the exchange before.
    pub token_program: &'a AccountInfo<'info>,
    /// Decimals of the mint.
    pub decimals: u8,
}

impl<'info> VaultTransfer<'_, 'info> {
    /// Moves tokens into the vault, signed by their owner.
    ///
    /// # Errors
    /// The token program's own; `VaultMismatch`.
    pub fn collect(&self, owner: &AccountInfo<'info>, amount: u64) -> Result<()> {
        let expected = balance(self.vault)?.checked_add(amount).ok_or(TaperError::MathOverflow)?;
        let accounts = TransferChecked {
            from: self.token_account.clone(),
            mint: self.mint.clone(),
            to: self.vault.clone(),
            authority: owner.clone(),
        };
        transfer_checked(CpiContext::new(*self.token_program.key, accounts), amount, self.decimals)?;
        self.reconcile(expected)
    }

    /// The gate: after the amount has left, the vault must hold what is held back for deficits that nobody has covered.
    ///
    /// # Errors
    /// `WithdrawalHeld`.
    pub fn check_gate(&self, held_atoms: i64, amount: u64) -> Result<()> {
        if held_atoms == 0 {
            return Ok(());
        }
        check_vault(balance(self.vault)?, amount, QuoteAtoms(held_atoms)).or_refuse()
    }

    /// Moves tokens out of the vault, signed by the exchange.
    ///
    /// # Errors
    /// `VaultCannotPay`; the token program's own; `VaultMismatch`.
    pub fn pay(&self, exchange: &AccountInfo<'info>, seeds: &ExchangeSeeds, amount: u64) -> Result<()> {
        let expected = balance(self.vault)?.checked_sub(amount).ok_or(TaperError::VaultCannotPay)?;
        let accounts = TransferChecked {
            from: self.vault.clone(),
            mint: self.mint.clone(),
            to: self.token_account.clone(),
            authority: exchange.clone(),
        };
        let signer: &[&[u8]] = &[EXCHANGE_SEED, seeds.creator.as_ref(), &seeds.index, &seeds.bump];
        let signers = [signer];
        let context = CpiContext::new_with_signer(*self.token_program.key, accounts, &signers);
        transfer_checked(context, amount, self.decimals)?;
        self.reconcile(expected)
    }

    fn reconcile(&self, expected: u64) -> Result<()> {
        require!(balance(self.vault)? == expected, TaperError::VaultMismatch);
        Ok(())
    }
}

/// What the exchange signs with, copied so that no borrow of the exchange outlives the transfer.
pub struct ExchangeSeeds {
    creator: Pubkey,
    index: [u8; 2],
    bump: [u8; 1],
}

impl From<&Exchange> for ExchangeSeeds {
    fn from(exchange: &Exchange) -> Self {
        Self { creator: exchange.creator, index: exchange.index.to_le_bytes(), bump: [exchange.bump] }
    }
}

/// Refuses a vault, mint or token program that is not the exchange's.
///
/// # Errors
/// `WrongVault`, `WrongMint`, `WrongTokenProgram`.
pub fn check_token_accounts(exchange: &Exchange, vault: &Pubkey, mint: &Pubkey, token_program: &Pubkey) -> Result<()> {
    require!(exchange.vault == *vault, TaperError::WrongVault);
    require!(exchange.quote_mint == *mint, TaperError::WrongMint);
    require!(exchange.token_program == *token_program, TaperError::WrongTokenProgram);
    Ok(())
}

/// Tokens in a token account, read in place: unpacking the whole account costs a thousand units.
fn balance(token_account: &AccountInfo) -> Result<u64> {
    let data = token_account.try_borrow_data()?;
    let bytes = data.get(AMOUNT_AT).ok_or(TaperError::WrongVault)?;
    let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| TaperError::WrongVault)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::solana_program::program_pack::Pack;

    /// Anchor reads the mint first, and has its own word for one that is none; this is the program's, for whoever calls without it.
    #[test]
    fn what_is_no_mint_is_refused() {
        let (key, owner) = (Pubkey::default(), Pubkey::default());
        let check = |mut data: Vec<u8>| {
            let mut lamports = 1;
            check_mint(&AccountInfo::new(&key, false, false, &mut lamports, &mut data, &owner, false))
        };
        let mut mint = vec![0; MintState::LEN];
        for bad in [Vec::new(), mint.clone(), vec![1; 81], vec![0; 165]] {
            assert_eq!(check(bad).unwrap_err(), TaperError::MintNotInitialized.into());
        }
        MintState { is_initialized: true, ..MintState::default() }.pack_into_slice(&mut mint);
        assert!(check(mint).is_ok());
    }

    #[test]
    fn only_descriptions_are_accepted() {
        use ExtensionType::*;
        for harmless in [MetadataPointer, TokenMetadata, GroupPointer, TokenGroup, GroupMemberPointer, TokenGroupMember]
        {
            assert_eq!(refusal_of(harmless), None, "{harmless:?}");
        }
        for (extension, refusal) in [
            (TransferFeeConfig, TaperError::MintHasTransferFee),
            (TransferHook, TaperError::MintHasTransferHook),
            (PermanentDelegate, TaperError::MintHasPermanentDelegate),
            (DefaultAccountState, TaperError::MintDefaultFrozen),
            (ConfidentialTransferMint, TaperError::MintHasConfidentialTransfers),
            (ConfidentialTransferFeeConfig, TaperError::MintHasConfidentialTransfers),
            (ConfidentialMintBurn, TaperError::MintHasConfidentialTransfers),
            (NonTransferable, TaperError::MintNonTransferable),
            (Pausable, TaperError::MintPausable),
            (MintCloseAuthority, TaperError::MintExtensionNotSupported),
            (InterestBearingConfig, TaperError::MintExtensionNotSupported),
            (ScaledUiAmount, TaperError::MintExtensionNotSupported),
        ] {
            assert_eq!(refusal_of(extension), Some(refusal), "{extension:?}");
        }
    }
}
