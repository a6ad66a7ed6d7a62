//! Observing an account without closing anything.

use crate::account::AccountState;
use crate::episode::{in_backstop, observe_stall, Target};
use crate::error::{EngineError, Result};
use crate::margin::Health;
use crate::modes::Action;
use crate::oracle::Grade;
use crate::params::MarketParams;

/// What a flag did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlagOutcome {
    /// An episode started.
    Started = 0,
    /// The running episode was observed unhealthy: its clock runs.
    Unhealthy = 1,
    /// The running episode was observed healthy, with its target not yet met.
    Healthy = 2,
    /// The running episode's target was found met, and it ended.
    Ended = 3,
}

/// Observes the account. Starts an episode if it is unhealthy at the edge of the interval that favours it; ends one whose target is
/// met at the mid price. Permissionless; also how an episode's clock is kept running.
///
/// `grade` is that of the price of the market flagged through. As for a slice, a degraded one starts nothing in the soft stage: a
/// caller may choose it among the accounts of a feed, and an episode once started goes on while health is above 1 again. For the same
/// reason it neither starts nor stops the clock of a stall.
///
/// # Errors
/// `AccountHealthy` when there is nothing to observe: health at the favourable edge is 1 or more and no episode runs;
/// `DegradedPriceSoftStage`; `OracleStale` for a frozen price; `InvalidParameters` for a ladder with a gap.
pub fn flag(
    params: &MarketParams,
    account: &mut AccountState,
    slot: u64,
    grade: Grade,
    favourable: &Health,
    mid: &Health,
) -> Result<FlagOutcome> {
    account.episode.expire(slot, params);
    let unhealthy = favourable.is_below(10_000);
    let active = account.episode.is_active();
    if !unhealthy && !active {
        return Err(EngineError::AccountHealthy);
    }
    let action = if active { Action::ObserveEpisode } else { Action::start(params, mid)? };
    action.require(grade)?;
    let met = match account.episode.target(params) {
        None => false,
        Some(Target::Ratio(ratio)) => mid.is_at_least(ratio),
        Some(Target::Full) => mid.requirement.0 == 0,
    };
    if met {
        account.episode.end(slot);
        account.stalled_since_slot = 0;
        return Ok(FlagOutcome::Ended);
    }
    let full = account.always_full_close != 0;
    let started = account.episode.observe(slot, unhealthy, mid.requirement, params, full);
    if started {
        account.stalled_since_slot = 0;
    }
    if Action::ObserveStall.require(grade).is_ok() {
        observe_stall(account, in_backstop(params, mid), slot);
    }
    Ok(match (started, unhealthy) {
        (true, _) => FlagOutcome::Started,
        (false, true) => FlagOutcome::Unhealthy,
        (false, false) => FlagOutcome::Healthy,
    })
}
