//! The episode: when it starts and ends, its clock, its target.
//!
//! It starts with the first slice or with a flag, when the account is unhealthy at the edge of the interval that favours it. It
//! ends when the target is met, when the owner restores initial margin, or `cooloff_slots` after it was last observed unhealthy.
//! Its clock counts the slots between two successive observations that were both unhealthy, and nothing the owner does resets it.

use crate::account::{AccountState, Episode};
use crate::error::{EngineError, Result};
use crate::margin::{Health, Requirement};
use crate::params::MarketParams;
use crate::quantity::{mul_div_down, QuoteAtoms, BPS_ONE};

/// No episode is running.
pub const KIND_NONE: u8 = 0;
/// A first episode: towards `target_first_bps`.
pub const KIND_FIRST: u8 = 1;
/// A full close, in slices.
pub const KIND_FULL: u8 = 2;
/// A repeated episode, towards `target_again_bps`.
pub const KIND_AGAIN: u8 = 3;

/// Where an episode stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// When nothing is open.
    Full,
    /// At this health, in bps.
    Ratio(u32),
}

/// The target of an episode that begins now: mercy first, decision when it repeats. A user can ask for less mercy, never for more.
pub fn target(repeated: bool, params: &MarketParams, always_full_close: bool) -> Target {
    match (always_full_close, repeated, params.target_again_bps) {
        (true, _, _) | (false, true, 0) => Target::Full,
        (false, true, again) => Target::Ratio(again),
        (false, false, _) => Target::Ratio(params.target_first_bps),
    }
}

impl Episode {
    /// True while an episode runs.
    pub fn is_active(&self) -> bool {
        self.kind != KIND_NONE
    }

    /// The running episode's target; `None` without one.
    pub fn target(&self, params: &MarketParams) -> Option<Target> {
        match self.kind {
            KIND_FIRST => Some(Target::Ratio(params.target_first_bps)),
            KIND_AGAIN if params.target_again_bps != 0 => Some(Target::Ratio(params.target_again_bps)),
            KIND_AGAIN | KIND_FULL => Some(Target::Full),
            _ => None,
        }
    }

    /// Ends an episode that has not been observed unhealthy for `cooloff_slots`. Returns true if it ended now.
    pub fn expire(&mut self, slot: u64, params: &MarketParams) -> bool {
        let over_at = self.last_unhealthy_slot.saturating_add(params.cooloff_slots);
        if !self.is_active() || slot <= over_at {
            return false;
        }
        self.end(over_at);
        true
    }

    /// Ends the episode. One that never had a slice does not count as a first one: its mercy was not used.
    pub fn end(&mut self, slot: u64) {
        if self.sliced != 0 {
            self.had_one_before = 1;
            self.last_end_slot = slot;
        }
        self.kind = KIND_NONE;
        self.unhealthy = 0;
        self.sliced = 0;
    }

    /// Records an observation, starting an episode if the account is unhealthy and none runs. Returns true if one started.
    pub fn observe(
        &mut self,
        slot: u64,
        unhealthy: bool,
        requirement: Requirement,
        params: &MarketParams,
        always_full_close: bool,
    ) -> bool {
        if !unhealthy {
            self.unhealthy = 0;
            return false;
        }
        let started = !self.is_active();
        if started {
            let repeated = self.had_one_before != 0 && slot.saturating_sub(self.last_end_slot) <= params.reentry_slots;
            self.kind = match target(repeated, params, always_full_close) {
                Target::Full => KIND_FULL,
                Target::Ratio(_) if repeated => KIND_AGAIN,
                Target::Ratio(_) => KIND_FIRST,
            };
            self.started_slot = slot;
            self.clock_slots = 0;
            self.start_requirement_atoms = requirement.to_atoms_down();
            self.cost_atoms = 0;
            self.tip_credit_atoms = 0;
            self.sliced = 0;
        } else if self.unhealthy != 0 {
            let ran = slot.saturating_sub(self.last_unhealthy_slot);
            self.clock_slots = self.clock_slots.saturating_add(ran);
        }
        self.last_unhealthy_slot = slot;
        self.unhealthy = 1;
        started
    }

    /// What may still be paid in penalties and slippage before penalties stop, in quote atoms. Rounded down, in the account's favour.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn budget_left(&self, params: &MarketParams) -> Result<QuoteAtoms> {
        let budget = mul_div_down(
            self.start_requirement_atoms.max(0).unsigned_abs(),
            u64::from(params.episode_cost_budget_bps),
            BPS_ONE.unsigned_abs(),
        )?;
        let budget = i64::try_from(budget).map_err(|_| EngineError::MathOverflow)?;
        Ok(QuoteAtoms(budget.saturating_sub(self.cost_atoms).max(0)))
    }
}

/// Ends the running episode because the owner has restored initial margin by a deposit or a reduction. Returns true if it did.
pub fn owner_acted(account: &mut AccountState, initial: &Health, slot: u64) -> bool {
    if !account.episode.is_active() || initial.is_below(10_000) {
        return false;
    }
    account.episode.end(slot);
    account.stalled_since_slot = 0;
    true
}

/// Health below which the backstop stage is: the third point of the ladder.
pub(crate) fn backstop_health_bps(params: &MarketParams) -> u32 {
    params.ladder.get(2).map_or(0, |point| point.health_bps)
}

/// True in the backstop stage: below the third point of the ladder, bankrupt accounts too.
pub fn in_backstop(params: &MarketParams, mid: &Health) -> bool {
    mid.is_below(backstop_health_bps(params))
}

/// Records what was seen of the stage, at mid prices and a fresh price: the stall clock starts at the first observation in the backstop
/// stage, goes on at the next ones, and is stopped by one above it. The episode has been observed first.
pub(crate) fn observe_stall(account: &mut AccountState, is_in_backstop: bool, slot: u64) {
    if !is_in_backstop || account.episode.unhealthy == 0 {
        account.stalled_since_slot = 0;
    } else if account.stalled_since_slot == 0 {
        // Zero says that the clock does not run.
        account.stalled_since_slot = slot.max(1);
    }
}

/// True if the account's episode goes on, and it has been in the backstop stage, as far as observed, for `stall_slots` in which no slice
/// closed anything worth it. Whether it still is there is for the caller to see: [`in_backstop`].
pub fn is_stalled(account: &AccountState, params: &MarketParams, slot: u64) -> bool {
    let (since, episode) = (account.stalled_since_slot, &account.episode);
    let goes_on = episode.is_active() && slot <= episode.last_unhealthy_slot.saturating_add(params.cooloff_slots);
    goes_on && since != 0 && slot.saturating_sub(since) >= u64::from(params.stall_slots)
}

#[cfg(test)]
mod tests;
