//! Section 7: episodes, their clock and target; the stall clock of section 18.

use taper_engine::params::MarketParams;
use taper_engine::EngineError as E;

use super::margin::{position, Kind, Worth};
use super::number::{floor, Z};
use super::oracle::{Grade, Need, Price};
use super::{Account, Ledger};
use crate::outside::{Outcome, Outside};

/// Where an episode stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    First,
    Full,
    Again,
}

/// Range of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Soft,
    Hard,
    Backstop,
    Bankrupt,
}

/// An account's episode, and what is remembered of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Episode {
    /// The running episode's target.
    pub target: Option<Target>,
    /// Slot of its start.
    pub started: u64,
    /// Slot in which it was last seen unhealthy.
    pub last_unhealthy: u64,
    /// Slot of the last observation.
    observed: u64,
    /// True if that was unhealthy.
    pub unhealthy: bool,
    /// Slots spent unhealthy.
    pub clock: Z,
    /// Requirement at its start.
    pub start_requirement: Z,
    /// Slippage and penalty.
    pub cost: Z,
    /// What keepers may still be tipped.
    pub credit: Z,
    /// It has had a slice.
    pub sliced: bool,
    /// Slot in which the last episode that had a slice ended.
    pub last_end: Option<u64>,
}

impl Episode {
    /// It is over.
    fn end(&mut self, slot: u64) {
        let last_end = if self.sliced { Some(slot) } else { self.last_end };
        *self = Self { last_end, ..Self::default() };
    }

    /// Cost that may still be paid before penalties stop.
    pub fn budget(&self, params: &MarketParams) -> Z {
        let whole = floor(self.start_requirement * Z::from(params.episode_cost_budget_bps), 10_000);
        (whole - self.cost).max(0)
    }

    /// Health at which it ends, in bps; `None` for a full close.
    pub fn ratio(&self, params: &MarketParams) -> Option<Z> {
        match self.target {
            Some(Target::First) => Some(params.target_first_bps.into()),
            Some(Target::Again) if params.target_again_bps != 0 => Some(params.target_again_bps.into()),
            _ => None,
        }
    }
}

/// Name of the range of the ladder.
pub fn stage(params: &MarketParams, worth: &Worth) -> Stage {
    match position(worth) {
        None => Stage::Bankrupt,
        Some(at) if at >= Z::from(params.ladder[1].health_bps) * 100_000 => Stage::Soft,
        Some(at) if at >= Z::from(params.ladder[2].health_bps) * 100_000 => Stage::Hard,
        Some(_) => Stage::Backstop,
    }
}

impl Account {
    /// Ends the episode, and the stall with it.
    pub fn end_episode(&mut self, slot: u64) {
        self.episode.end(slot);
        self.stalled_since = 0;
    }

    /// An episode that has not been seen unhealthy for long ended then.
    pub fn expire(&mut self, slot: u64, params: &MarketParams) {
        let over = self.episode.last_unhealthy.saturating_add(params.cooloff_slots);
        if self.episode.target.is_some() && slot > over {
            self.end_episode(over);
        }
    }

    /// An observation: the clock moves, or an episode starts.
    pub fn observe(&mut self, slot: u64, unhealthy: bool, requirement: Z, params: &MarketParams) {
        let always_full = self.always_full;
        let episode = &mut self.episode;
        if episode.target.is_some() {
            if episode.unhealthy && unhealthy {
                episode.clock += Z::from(slot.saturating_sub(episode.observed));
            }
        } else if unhealthy {
            let repeated = episode.last_end.is_some_and(|end| slot.saturating_sub(end) <= params.reentry_slots);
            let target = match (always_full, repeated, params.target_again_bps) {
                (true, _, _) | (false, true, 0) => Target::Full,
                (false, true, _) => Target::Again,
                (false, false, _) => Target::First,
            };
            *episode = Episode {
                target: Some(target),
                started: slot,
                start_requirement: floor(requirement, 10_000),
                last_end: episode.last_end,
                ..Episode::default()
            };
        } else {
            return;
        }
        episode.observed = slot;
        episode.unhealthy = unhealthy;
        if unhealthy {
            episode.last_unhealthy = slot;
        }
    }

    /// A flag or slice has seen the account: the stall clock.
    pub fn see_stall(&mut self, slot: u64, unhealthy: bool, stage: Stage, grade: Grade) {
        if grade != Grade::Fresh {
            return;
        }
        if stage < Stage::Backstop || !unhealthy {
            self.stalled_since = 0;
        } else if self.stalled_since == 0 {
            self.stalled_since = slot;
        }
    }
}

/// True if nothing is left to do in an episode: its target is met at mid prices.
pub fn target_met(account: &Account, params: &MarketParams, mid: &Worth) -> bool {
    match account.episode.ratio(params) {
        Some(ratio) => mid.is_at_least(ratio),
        None => mid.requirement == 0,
    }
}

impl Ledger {
    /// The owner has paid in or reduced: with initial health of 1 its episode ends.
    pub fn owner_acted(&mut self, outside: &Outside, who: usize, initial: Worth) {
        let account = &mut self.accounts[who];
        if account.episode.target.is_some() && initial.is_at_least(10_000) {
            account.end_episode(outside.slot);
        }
    }

    pub(super) fn flag(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        if self.markets[market].final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        let seat = self.require_leg(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let others = self.others(outside, who, Some((market, &price)), oracles, Need::Any)?;
        self.markets[market].accrue(outside.slot);
        let own = (market, seat, &price);
        let favourable = self.health(outside, who, own, others.favourable, Kind::Favourable)?;
        let mid = self.health(outside, who, own, others.maintenance, Kind::Maintenance)?;
        let ran = self.accounts[who].episode;
        self.observe(outside, who, market, &price, &favourable, &mid)?;
        let (account, params) = (&mut self.accounts[who], &self.markets[market].params);
        // A flag that starts an episode does not end it: an account without positions has no target to miss.
        let runs_on = ran.target.is_some() && ran.started == account.episode.started;
        if runs_on && target_met(account, params, &mid) {
            account.end_episode(outside.slot);
        }
        Ok(())
    }

    /// What a flag and a slice see first.
    pub fn observe(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        price: &Price,
        favourable: &Worth,
        mid: &Worth,
    ) -> Outcome<()> {
        let slot = outside.slot;
        let (account, params) = (&mut self.accounts[who], &self.markets[market].params);
        account.expire(slot, params);
        let unhealthy = favourable.is_below(10_000);
        let stage = stage(params, mid);
        if account.episode.target.is_none() {
            if !unhealthy {
                return Err(E::AccountHealthy.into());
            }
            if price.grade == Grade::Degraded && stage == Stage::Soft {
                return Err(E::DegradedPriceSoftStage.into());
            }
        }
        account.observe(slot, unhealthy, mid.requirement, params);
        account.see_stall(slot, unhealthy, stage, price.grade);
        Ok(())
    }
}
