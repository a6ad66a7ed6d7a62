//! A market's dealings with the insurance fund: what it pays in, and how much it may draw.
//!
//! A draw is bounded three ways: by the window (at most `insurance_draw_cap_atoms`, forgotten linearly over `insurance_window_slots`), by
//! what the market is entitled to over its life (all it has paid in, and the grant), and by what the fund has. So whoever owns both
//! sides of a market without a grant can draw no more than that market has paid.

use crate::cash::added;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::quantity::{mul_div_down, QuoteAtoms};

/// Where a draw came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// From the market's own income that had not been swept to the exchange.
    pub from_market: QuoteAtoms,
    /// From the exchange's fund.
    pub from_fund: QuoteAtoms,
}

impl Draw {
    /// Both together.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub const fn total(&self) -> Result<QuoteAtoms> {
        self.from_market.add(self.from_fund)
    }
}

impl MarketState {
    /// Takes income for insurance: parts of penalties and discounts.
    ///
    /// # Errors
    /// `InvariantViolated` for a negative amount; `MathOverflow`.
    pub fn contribute(&mut self, amount: QuoteAtoms) -> Result<()> {
        if amount.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        let contributed = QuoteAtoms(self.insurance.contributed_atoms).add(amount)?;
        self.insurance_pending_atoms = QuoteAtoms(self.insurance_pending_atoms).add(amount)?.0;
        self.insurance.contributed_atoms = contributed.0;
        Ok(())
    }

    /// Takes note of a donation to the exchange's fund for this market: it may draw as much more over its life.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn donated(&mut self, amount: QuoteAtoms) -> Result<()> {
        self.insurance.contributed_atoms = added(QuoteAtoms(self.insurance.contributed_atoms), amount)?.0;
        Ok(())
    }

    /// What has been drawn lately and is not forgotten yet. What has faded is rounded down (favours the fund).
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn drawn_lately(&self, slot: u64) -> Result<QuoteAtoms> {
        let account = &self.insurance;
        self.faded(account.window_atoms, self.params.insurance_draw_cap_atoms, account.window_slot, slot)
            .map(QuoteAtoms)
    }

    /// What is left of a level that fades from `cap` to nothing within an insurance window. What has faded is rounded down (favours whoever
    /// pays). After a window nothing is left, though the cap has been lowered since.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn faded(&self, level: i64, cap: i64, since_slot: u64, slot: u64) -> Result<i64> {
        let window = u64::from(self.params.insurance_window_slots).max(1);
        let elapsed = slot.saturating_sub(since_slot);
        if elapsed >= window {
            return Ok(0);
        }
        let gone = mul_div_down(cap.max(0).unsigned_abs(), elapsed, window)?;
        let gone = i64::try_from(gone).map_err(|_| EngineError::MathOverflow)?;
        Ok(level.saturating_sub(gone).max(0))
    }

    /// What the market may still draw in its life: all that it has paid in, and the grant, less what it has drawn and tipped.
    pub fn entitlement(&self) -> QuoteAtoms {
        let account = &self.insurance;
        let paid = account.contributed_atoms.saturating_add(self.params.insurance_grant_atoms);
        QuoteAtoms(paid.saturating_sub(account.drawn_atoms).saturating_sub(account.tips_atoms).max(0))
    }

    /// What the market may draw in this slot, by window and entitlement, if it is there.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn draw_room(&self, slot: u64) -> Result<QuoteAtoms> {
        let lately = self.drawn_lately(slot)?;
        let in_window = QuoteAtoms(self.params.insurance_draw_cap_atoms.saturating_sub(lately.0).max(0));
        Ok(in_window.min(self.entitlement()))
    }

    /// Draws for a loss as much of `wanted` as caps, entitlement and funds allow: first from the market's own income, then from the
    /// exchange's fund, which has `fund`. The caller takes [`Draw::from_fund`] off the exchange and credits the total.
    ///
    /// Insurance pays in for the loser, so net swept profit falls by as much: winners whom insurance has paid must not wait at the sweep
    /// cap for money that is there.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn draw(&mut self, wanted: QuoteAtoms, fund: QuoteAtoms, slot: u64) -> Result<Draw> {
        let lately = self.drawn_lately(slot)?;
        let pending = QuoteAtoms(self.insurance_pending_atoms);
        let allowed = wanted.min(self.draw_room(slot)?).min(pending.add(fund)?).max(QuoteAtoms::ZERO);
        if allowed.is_zero() {
            return Ok(Draw::default());
        }
        let from_market = allowed.min(pending).max(QuoteAtoms::ZERO);
        let from_fund = allowed.sub(from_market)?;
        self.net_swept_profit_atoms = QuoteAtoms(self.net_swept_profit_atoms).sub(allowed)?.0;
        self.insurance_pending_atoms = pending.sub(from_market)?.0;
        self.insurance.window_atoms = lately.add(allowed)?.0;
        self.insurance.window_slot = self.insurance.window_slot.max(slot);
        self.insurance.drawn_atoms = QuoteAtoms(self.insurance.drawn_atoms).add(allowed)?.0;
        Ok(Draw { from_market, from_fund })
    }

    /// Pays a keeper's tip out of the market's own income, as far as it goes. Returns what was paid.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn tip(&mut self, wanted: QuoteAtoms) -> Result<QuoteAtoms> {
        let pending = QuoteAtoms(self.insurance_pending_atoms);
        let paid = wanted.min(pending).min(self.entitlement()).max(QuoteAtoms::ZERO);
        self.insurance_pending_atoms = pending.sub(paid)?.0;
        self.insurance.tips_atoms = QuoteAtoms(self.insurance.tips_atoms).add(paid)?.0;
        Ok(paid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::rig;

    fn atoms(draw: Draw) -> (i64, i64) {
        (draw.from_market.0, draw.from_fund.0)
    }

    #[test]
    fn a_draw_is_bounded_by_window_entitlement_and_funds() {
        let mut rig = rig(1);
        let market = &mut rig.market;
        market.params.insurance_draw_cap_atoms = 100;
        market.params.insurance_window_slots = 50;
        market.params.insurance_grant_atoms = 1_000;
        assert_eq!(market.contribute(QuoteAtoms(30)), Ok(()));
        // The fund has 20 only.
        assert_eq!(market.draw(QuoteAtoms(70), QuoteAtoms(20), 10).map(atoms), Ok((30, 20)));
        assert_eq!(market.insurance_pending_atoms, 0);
        // 50 are left in the window; two atoms are forgotten each slot.
        assert_eq!(market.draw(QuoteAtoms(70), QuoteAtoms(1_000), 10).map(atoms), Ok((0, 50)));
        assert_eq!(market.draw(QuoteAtoms(70), QuoteAtoms(1_000), 10).map(atoms), Ok((0, 0)));
        assert_eq!(market.draw(QuoteAtoms(70), QuoteAtoms(1_000), 13).map(atoms), Ok((0, 6)));
        assert_eq!(market.drawn_lately(13), Ok(QuoteAtoms(100)));
        assert_eq!(market.drawn_lately(63), Ok(QuoteAtoms(0)));
        assert_eq!(market.insurance.drawn_atoms, 106);
        // 1,030 in its life.
        market.params.insurance_draw_cap_atoms = 1 << 50;
        assert_eq!(market.draw(QuoteAtoms(5_000), QuoteAtoms(9_000), 500).map(atoms), Ok((0, 924)));
        assert_eq!(market.draw(QuoteAtoms(5_000), QuoteAtoms(9_000), 90_000).map(atoms), Ok((0, 0)));
    }

    #[test]
    fn without_a_grant_a_market_draws_what_it_paid() {
        let mut rig = rig(1);
        assert_eq!(rig.market.draw(QuoteAtoms(9), QuoteAtoms(1_000), 10).map(atoms), Ok((0, 0)));
        rig.market.contribute(QuoteAtoms(7)).unwrap();
        assert_eq!(rig.market.tip(QuoteAtoms(3)), Ok(QuoteAtoms(3)));
        assert_eq!(rig.market.draw(QuoteAtoms(9), QuoteAtoms(1_000), 10).map(atoms), Ok((4, 0)));
        assert_eq!(rig.market.tip(QuoteAtoms(3)), Ok(QuoteAtoms(0)));
        assert_eq!(rig.market.contribute(QuoteAtoms(-1)), Err(EngineError::InvariantViolated));
    }

    #[test]
    fn a_donation_is_an_entitlement_and_no_income() {
        let mut rig = rig(1);
        let market = &mut rig.market;
        assert_eq!(market.donated(QuoteAtoms(50)), Ok(()));
        assert_eq!((market.insurance.contributed_atoms, market.insurance_pending_atoms), (50, 0));
        let draw = market.draw(QuoteAtoms(90), QuoteAtoms(1_000), 10).unwrap();
        assert_eq!(atoms(draw), (0, 50));
        assert_eq!(market.donated(QuoteAtoms(i64::MAX)), Err(EngineError::MathOverflow));
        assert_eq!(market.insurance.contributed_atoms, 50);
    }

    #[test]
    fn a_draw_is_what_both_have_given() {
        let draw =
            |from_market, from_fund| Draw { from_market: QuoteAtoms(from_market), from_fund: QuoteAtoms(from_fund) };
        assert_eq!(draw(30, 12).total(), Ok(QuoteAtoms(42)));
        assert_eq!(draw(i64::MAX, 1).total(), Err(EngineError::MathOverflow));
    }
}
