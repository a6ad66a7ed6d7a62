//! How much of a loss all lots of a market share.
//!
//! What a healthy lot pays into the pool lets winners take out as much again. Whoever owns a winner and many bankrupt losers of a pumped
//! market could have honest lots pay for each loser in turn. So three bounds, over all resolutions together:
//!
//! - what is shared fills the hole that winners have left in the vault, and no more: what they have won and not taken out is theirs to wait for;
//! - within an insurance window a lot pays at most the first maintenance rate of its price;
//! - what has been shared lately is off the room that winners may sweep into: they cannot take the same again.

use crate::charges::CHARGE_SCALE;
use crate::error::{EngineError, Result};
use crate::market::{MarketState, Sharing};
use crate::quantity::{wide_mul, Price, QuoteAtoms, BPS_ONE};

impl MarketState {
    /// What the vault lacks by this market, once what was shared lately is collected: what winners have taken out beyond what losers have paid
    /// in, less what lots have shared lately, paid or not (favours the lots). Not negative.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn hole(&self, slot: u64) -> Result<QuoteAtoms> {
        Ok(QuoteAtoms(self.net_swept_profit_atoms.saturating_sub(self.shared_lately(slot)?).max(0)))
    }

    /// How much profit may still be swept to cash: up to the sweep cap, less what all lots have shared lately. Not negative.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn sweep_room(&self, slot: u64) -> Result<QuoteAtoms> {
        let taken = self.net_swept_profit_atoms.saturating_add(self.shared_lately(slot)?);
        Ok(QuoteAtoms(self.params.sweep_cap_atoms.saturating_sub(taken).max(0)))
    }

    /// Shares a loss among all open lots, as far as the bounds of this module go. `coming` is what the loser itself has still to pay in: no hole
    /// that lots need fill. Returns what was shared; it is to be credited by the caller.
    ///
    /// # Errors
    /// `InvariantViolated` for a negative loss; `MathOverflow`.
    pub(crate) fn share(
        &mut self,
        loss: QuoteAtoms,
        coming: QuoteAtoms,
        price: Price,
        slot: u64,
    ) -> Result<QuoteAtoms> {
        let mut sharing = self.sharing_at(price, slot)?;
        let room_per_lot = self.most_per_lot(price)?.saturating_sub(sharing.lately_scaled_per_lot).max(0);
        let lots = self.open_interest_base_lots.saturating_mul(2);
        // Rounded down (favours the lots).
        let bearable = wide_mul(room_per_lot, lots)
            .checked_div(i128::from(CHARGE_SCALE))
            .map(|atoms| QuoteAtoms(i64::try_from(atoms).unwrap_or(i64::MAX)))
            .ok_or(EngineError::MathOverflow)?;
        let before = self.charges.loss_index_scaled;
        let hole = self.hole(slot)?.sub(coming)?.max(QuoteAtoms::ZERO);
        let shared = self.socialise(loss.min(bearable).min(hole))?;
        if shared.is_zero() {
            return Ok(shared);
        }
        let rise = self.charges.loss_index_scaled.saturating_sub(before);
        sharing.lately_atoms = sharing.lately_atoms.saturating_add(shared.0);
        sharing.lately_scaled_per_lot = sharing.lately_scaled_per_lot.saturating_add(rise);
        self.sharing = sharing;
        Ok(shared)
    }

    /// What has been shared lately, faded up to this slot at the parameters as they are, and at a price.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn sharing_at(&self, price: Price, slot: u64) -> Result<Sharing> {
        let (per_lot, since) = (self.sharing.lately_scaled_per_lot, self.sharing.faded_slot);
        Ok(Sharing {
            lately_atoms: self.shared_lately(slot)?,
            lately_scaled_per_lot: self.faded(per_lot, self.most_per_lot(price)?, since, slot)?,
            faded_slot: since.max(slot),
        })
    }

    /// What all lots have shared of losses and is not forgotten yet, in quote atoms.
    fn shared_lately(&self, slot: u64) -> Result<i64> {
        let sharing = &self.sharing;
        if sharing.lately_atoms == 0 {
            return Ok(0);
        }
        self.faded(sharing.lately_atoms, self.params.sweep_cap_atoms, sharing.faded_slot, slot)
    }

    /// What a lot shares at most within a window, in `2^-20` quote atoms: the first maintenance rate of its price, rounded down (favours it).
    fn most_per_lot(&self, price: Price) -> Result<i64> {
        let overflow = EngineError::MathOverflow;
        let rate_bps = self.params.tiers().first().map_or(0, |tier| i64::from(tier.mmr_bps));
        let scaled = price.0.checked_mul(CHARGE_SCALE).ok_or(overflow)?;
        let most = wide_mul(scaled, rate_bps).checked_div(i128::from(BPS_ONE)).ok_or(overflow)?;
        i64::try_from(most).map_err(|_| overflow)
    }
}

#[cfg(test)]
mod tests;
