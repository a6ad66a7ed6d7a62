//! Deficits of accounts, and what the vault must keep for them.

use crate::error::{EngineError, Result};
use crate::margin::LegTotals;
use crate::quantity::QuoteAtoms;

/// What an account owes the exchange: `max(0, −E')`, its bonds included. `legs` are all its legs at maintenance.
///
/// # Errors
/// `MathOverflow`.
pub fn deficit(legs: LegTotals, cash: QuoteAtoms, bonds: QuoteAtoms) -> Result<QuoteAtoms> {
    Ok(legs.equity.add(cash)?.add(bonds)?.neg()?.max(QuoteAtoms::ZERO))
}

/// The gate: after an amount has left, the vault holds at least what is `held` back for deficits that nobody has covered.
///
/// # Errors
/// `WithdrawalHeld`; also for an amount that the vault does not have.
pub fn check_vault(vault_atoms: u64, amount: u64, held: QuoteAtoms) -> Result<()> {
    let held = held.0.max(0).unsigned_abs();
    match vault_atoms.checked_sub(amount) {
        Some(left) if left >= held => Ok(()),
        _ => Err(EngineError::WithdrawalHeld),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Requirement;

    #[test]
    fn a_deficit_is_what_cash_bonds_and_legs_lack() {
        let legs = LegTotals { equity: QuoteAtoms(-100), requirement: Requirement(7) };
        assert_eq!(deficit(legs, QuoteAtoms(60), QuoteAtoms(30)), Ok(QuoteAtoms(10)));
        assert_eq!(deficit(legs, QuoteAtoms(60), QuoteAtoms(40)), Ok(QuoteAtoms(0)));
        assert_eq!(deficit(legs, QuoteAtoms(90), QuoteAtoms(40)), Ok(QuoteAtoms(0)));
    }

    #[test]
    fn the_gate_holds_back_the_deficit_and_not_an_atom_more() {
        assert_eq!(check_vault(100, 99, QuoteAtoms(1)), Ok(()));
        assert_eq!(check_vault(100, 100, QuoteAtoms(1)), Err(EngineError::WithdrawalHeld));
        assert_eq!(check_vault(100, 100, QuoteAtoms(0)), Ok(()));
        assert_eq!(check_vault(100, 101, QuoteAtoms(0)), Err(EngineError::WithdrawalHeld));
        assert_eq!(check_vault(100, 1, QuoteAtoms(500)), Err(EngineError::WithdrawalHeld));
    }
}
