//! Deficits of accounts, losses that nobody bears, and what the vault must keep for them.
//!
//! A market lacks no more of the vault than its winners have taken out ahead of its losers. What they have not swept is still there, and
//! they cannot sweep it beyond the cap: it needs no keeping. Otherwise whoever pumps a thin market could hold every withdrawal of the
//! exchange by a deficit as large as it likes.

use crate::account::AccountState;
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::margin::LegTotals;
use crate::market::MarketState;
use crate::quantity::QuoteAtoms;

/// What an account owes the exchange and the vault may lack: `max(0, −E')`, its bonds included, but no more than what the winners of its
/// legs' markets have taken out. `legs` are all its legs at maintenance, `taken_out` the sum of [`MarketState::taken_out`] of their markets.
///
/// # Errors
/// `MathOverflow`.
pub fn deficit(legs: LegTotals, cash: QuoteAtoms, bonds: QuoteAtoms, taken_out: QuoteAtoms) -> Result<QuoteAtoms> {
    let owed = legs.equity.add(cash)?.add(bonds)?.neg()?;
    Ok(owed.min(taken_out).max(QuoteAtoms::ZERO))
}

/// Records a deficit anew. Returns the exchange's sum after, given the one before.
///
/// # Errors
/// `NothingToRecord` if the record is right already; `MathOverflow`.
pub fn replace_record(account: &mut AccountState, sum: QuoteAtoms, owed: QuoteAtoms) -> Result<QuoteAtoms> {
    let before = QuoteAtoms(account.recorded_deficit_atoms);
    if before == owed {
        return Err(EngineError::NothingToRecord);
    }
    let after = sum.sub(before)?.add(owed)?;
    account.recorded_deficit_atoms = owed.0;
    Ok(after)
}

/// What covering an unassigned loss did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// Drawn from insurance.
    pub draw: Draw,
    /// What the exchange need no longer keep in the vault, to be taken off its sum.
    pub freed: QuoteAtoms,
}

impl MarketState {
    /// What the market's winners have taken out beyond what its losers, and insurance for them, have paid in; not negative.
    pub fn taken_out(&self) -> QuoteAtoms {
        QuoteAtoms(self.net_swept_profit_atoms.max(0))
    }

    /// Records a loss that nobody bears. Returns what the exchange has to keep in the vault for it in addition.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn leave_unassigned(&mut self, loss: QuoteAtoms) -> Result<QuoteAtoms> {
        self.unassigned_loss_atoms = QuoteAtoms(self.unassigned_loss_atoms).add(loss)?.0;
        self.hold_unassigned()
    }

    /// Brings what is kept for unassigned losses up to all of them, at most the sweep cap; what is kept already stays. Returns what the exchange
    /// has to keep in addition.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn hold_unassigned(&mut self) -> Result<QuoteAtoms> {
        let before = QuoteAtoms(self.held_loss_atoms);
        let held = QuoteAtoms(self.unassigned_loss_atoms).min(QuoteAtoms(self.params.sweep_cap_atoms)).max(before);
        self.held_loss_atoms = held.0;
        held.sub(before)
    }

    /// Pays for unassigned losses out of insurance, within its caps, as far as winners have taken them out: what they have won and the vault
    /// still has is no hole. The exchange's fund has `fund`; the caller takes [`Draw::from_fund`] off it.
    ///
    /// # Errors
    /// `NothingToCover` without an unassigned loss, or when nothing may be drawn; `MathOverflow`.
    pub fn cover_loss(&mut self, fund: QuoteAtoms, slot: u64) -> Result<Cover> {
        let unassigned = QuoteAtoms(self.unassigned_loss_atoms);
        let draw = self.draw(unassigned.min(self.hole(slot)?), fund, slot)?;
        let paid = draw.total()?;
        if !paid.is_positive() {
            return Err(EngineError::NothingToCover);
        }
        let left = unassigned.sub(paid)?;
        let held = QuoteAtoms(self.held_loss_atoms);
        self.unassigned_loss_atoms = left.0;
        self.held_loss_atoms = held.min(left).0;
        Ok(Cover { draw, freed: held.sub(held.min(left))? })
    }
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
    use crate::fixture::rig;
    use crate::margin::Requirement;

    #[test]
    fn a_deficit_is_what_cash_bonds_and_legs_lack() {
        let legs = LegTotals { equity: QuoteAtoms(-100), requirement: Requirement(7) };
        let of = |cash, bonds, taken_out| deficit(legs, QuoteAtoms(cash), QuoteAtoms(bonds), QuoteAtoms(taken_out));
        assert_eq!(of(60, 30, 100), Ok(QuoteAtoms(10)));
        assert_eq!(of(60, 40, 100), Ok(QuoteAtoms(0)));
        assert_eq!(of(90, 40, 100), Ok(QuoteAtoms(0)));
        // Winners have taken out four atoms: the others that the account lacks are still there.
        assert_eq!(of(60, 30, 4), Ok(QuoteAtoms(4)));
        assert_eq!(of(60, 30, 0), Ok(QuoteAtoms(0)));
    }

    #[test]
    fn the_vault_keeps_no_more_for_a_market_than_its_sweep_cap() {
        let mut rig = rig(1);
        let market = &mut rig.market;
        market.params.sweep_cap_atoms = 100;
        market.params.insurance_draw_cap_atoms = 1_000;
        market.net_swept_profit_atoms = 90;
        assert_eq!(market.taken_out(), QuoteAtoms(90));
        assert_eq!(market.cover_loss(QuoteAtoms(50), 10), Err(EngineError::NothingToCover));
        assert_eq!(market.leave_unassigned(QuoteAtoms(70)), Ok(QuoteAtoms(70)));
        assert_eq!(market.leave_unassigned(QuoteAtoms(500)), Ok(QuoteAtoms(30)));
        assert_eq!(market.leave_unassigned(QuoteAtoms(500)), Ok(QuoteAtoms(0)));
        // No grant, nothing contributed: nothing may be drawn.
        assert_eq!(market.cover_loss(QuoteAtoms(5_000), 10), Err(EngineError::NothingToCover));
        market.contribute(QuoteAtoms(1_000)).unwrap();
        // Winners have taken out 90: no more is covered.
        let cover = market.cover_loss(QuoteAtoms(0), 10).unwrap();
        assert_eq!((cover.draw.from_market, cover.freed), (QuoteAtoms(90), QuoteAtoms(0)));
        assert_eq!((market.unassigned_loss_atoms, market.held_loss_atoms), (980, 100));
        assert_eq!((market.net_swept_profit_atoms, market.taken_out()), (0, QuoteAtoms(0)));
        assert_eq!(market.cover_loss(QuoteAtoms(0), 10), Err(EngineError::NothingToCover));
        // They take what is theirs meanwhile.
        market.net_swept_profit_atoms = 2_000;
        let cover = market.cover_loss(QuoteAtoms(0), 300_000).unwrap();
        assert_eq!((cover.draw.from_market, cover.freed), (QuoteAtoms(910), QuoteAtoms(30)));
        assert_eq!((market.unassigned_loss_atoms, market.held_loss_atoms), (70, 70));
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
