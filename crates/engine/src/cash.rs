//! What enters and leaves a margin account's cash from outside, and a market's income.

use crate::account::AccountState;
use crate::error::{EngineError, Result};
use crate::margin::LegTotals;
use crate::market::MarketState;
use crate::quantity::{QuoteAtoms, MAX_EQUITY_ATOMS};

/// An amount of tokens as a quantity.
///
/// # Errors
/// `AmountZero`; `MathOverflow` above the largest equity.
pub fn amount(atoms: u64) -> Result<QuoteAtoms> {
    if atoms == 0 {
        return Err(EngineError::AmountZero);
    }
    match i64::try_from(atoms) {
        Ok(value) if value <= MAX_EQUITY_ATOMS => Ok(QuoteAtoms(value)),
        _ => Err(EngineError::MathOverflow),
    }
}

/// A balance after an addition.
///
/// # Errors
/// `MathOverflow` when it would leave the range of equities.
pub fn added(balance: QuoteAtoms, amount: QuoteAtoms) -> Result<QuoteAtoms> {
    let sum = balance.add(amount)?;
    if sum.0.unsigned_abs() > MAX_EQUITY_ATOMS.unsigned_abs() {
        return Err(EngineError::MathOverflow);
    }
    Ok(sum)
}

impl AccountState {
    /// Adds to cash.
    ///
    /// # Errors
    /// `MathOverflow` when cash would leave the range of equities.
    pub fn credit(&mut self, amount: QuoteAtoms) -> Result<()> {
        self.cash_atoms = added(QuoteAtoms(self.cash_atoms), amount)?.0;
        Ok(())
    }

    /// Takes tokens out of cash. `legs` are all legs of the account in initial valuation: after the withdrawal initial health must be
    /// at least 1 (INV-14).
    ///
    /// # Errors
    /// `AmountZero`, `InsufficientCash`, `InitialHealthTooLow`, `MathOverflow`. After an error nothing has changed.
    pub fn withdraw(&mut self, atoms: u64, legs: LegTotals) -> Result<QuoteAtoms> {
        let amount = amount(atoms)?;
        let cash = QuoteAtoms(self.cash_atoms).sub(amount)?;
        if cash.is_negative() {
            return Err(EngineError::InsufficientCash);
        }
        legs.with_cash(cash)?.require_initial()?;
        self.cash_atoms = cash.0;
        Ok(amount)
    }
}

/// What a market had earned for the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarketIncome {
    /// Fees.
    pub fees: QuoteAtoms,
    /// Insurance's parts of penalties and discounts, and the residue.
    pub insurance: QuoteAtoms,
    /// Of the insurance: what rounding had left of funding and shared losses.
    pub residue: QuoteAtoms,
}

/// Takes a market's income out of it, to be added to the exchange's balances. What rounding has left of funding and shared losses is
/// insurance's, too.
///
/// # Errors
/// `MathOverflow`.
pub fn take_income(market: &mut MarketState) -> Result<MarketIncome> {
    let residue = market.take_residue()?;
    market.contribute(residue)?;
    let income = MarketIncome {
        fees: QuoteAtoms(market.fees_atoms),
        insurance: QuoteAtoms(market.insurance_pending_atoms),
        residue,
    };
    market.fees_atoms = 0;
    market.insurance_pending_atoms = 0;
    Ok(income)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Requirement;

    fn account(cash_atoms: i64) -> AccountState {
        AccountState { cash_atoms, ..bytemuck::Zeroable::zeroed() }
    }

    #[test]
    fn amounts_at_the_edges() {
        assert_eq!(amount(0), Err(EngineError::AmountZero));
        assert_eq!(amount(1), Ok(QuoteAtoms(1)));
        let largest = MAX_EQUITY_ATOMS.unsigned_abs();
        assert_eq!(amount(largest), Ok(QuoteAtoms(MAX_EQUITY_ATOMS)));
        assert_eq!(amount(largest + 1), Err(EngineError::MathOverflow));
        assert_eq!(amount(u64::MAX), Err(EngineError::MathOverflow));
    }

    #[test]
    fn credit_stays_in_range() {
        let mut full = account(MAX_EQUITY_ATOMS);
        assert_eq!(full.credit(QuoteAtoms(1)), Err(EngineError::MathOverflow));
        assert_eq!(full.cash_atoms, MAX_EQUITY_ATOMS);
        let mut nearly = account(MAX_EQUITY_ATOMS - 1);
        assert_eq!(nearly.credit(QuoteAtoms(1)), Ok(()));
        assert_eq!(nearly.cash_atoms, MAX_EQUITY_ATOMS);
        let mut debtor = account(-5);
        assert_eq!(debtor.credit(QuoteAtoms(7)), Ok(()));
        assert_eq!(debtor.cash_atoms, 2);
    }

    #[test]
    fn withdrawals_leave_initial_health_at_one_or_more() {
        // A leg with equity -10 and a requirement of 90 atoms: cash must stay at 100.
        let legs = LegTotals { equity: QuoteAtoms(-10), requirement: Requirement(900_000) };
        let mut state = account(150);
        assert_eq!(state.withdraw(51, legs), Err(EngineError::InitialHealthTooLow));
        assert_eq!(state.cash_atoms, 150);
        assert_eq!(state.withdraw(50, legs), Ok(QuoteAtoms(50)));
        assert_eq!(state.cash_atoms, 100);
        assert_eq!(state.withdraw(101, LegTotals::default()), Err(EngineError::InsufficientCash));
        assert_eq!(state.withdraw(0, LegTotals::default()), Err(EngineError::AmountZero));
        assert_eq!(state.withdraw(100, LegTotals::default()), Ok(QuoteAtoms(100)));
        assert_eq!(state.cash_atoms, 0);
    }
}
