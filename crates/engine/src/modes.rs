//! Oracle modes: what a price of each grade may be used for. The table of `docs/spec.md`, section 11, one to one.
//!
//! Every decision by grade is a row here, and every function that uses a price asks its row. What a grade does to the *value* of a leg
//! (a frozen one is valued in the account's favour) is [`crate::margin`]'s.

use crate::error::{EngineError, Result};
use crate::ladder::{self, Stage};
use crate::margin::Health;
use crate::oracle::Grade;
use crate::params::MarketParams;

/// Something that is done at a price. Up to [`Action::SettleMarket`] the price is that of the market acted on; after it, that of each
/// of an account's legs, or of its other legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Listing a market at its first price.
    ListMarket,
    /// Changing a market's oracle: the new one's first price.
    ReplaceOracle,
    /// An order, filled or resting, that is not a pure reduction.
    AddRisk,
    /// A pure reduction. No order is matched at a price that does not allow it.
    Reduce,
    /// Strangers cancelling an unhealthy account's orders.
    ForceCancel,
    /// A flag that starts an episode of an account in the soft stage.
    StartSoftEpisode,
    /// A flag that starts an episode of an account below the soft stage, or bankrupt.
    StartLowerEpisode,
    /// A flag within a running episode.
    ObserveEpisode,
    /// A flag or slice moving the clock of a stall. Where it may not, the flag or slice passes without it.
    ObserveStall,
    /// A slice in the soft stage, whether or not it starts the episode.
    SliceSoft,
    /// A slice below the soft stage.
    SliceLower,
    /// Taking a slice over.
    Absorb,
    /// Moving a seat's loss out of its account's cash.
    SettleLoss,
    /// Resolving a leg of an account that is bankrupt at the edge that favours it, too.
    ResolveBankrupt,
    /// Resolving a leg of an account that is bankrupt at mid prices only.
    ResolveNearlyBankrupt,
    /// Resolving a leg of an account with equity.
    TakeOver,
    /// A sample of the premium for funding.
    SampleFunding,
    /// Closing all positions of a market at its final price.
    SettleMarket,
    /// A withdrawal: each leg.
    Withdraw,
    /// A deposit ending an episode: each leg. Where it may not, the deposit passes and is not seen.
    ObserveDeposit,
    /// Recording an account's deficit: each leg.
    RecordDeficit,
    /// Another leg, beside one in which risk is added or taken over.
    BesideAddedRisk,
    /// Another open leg, beside one that is taken over with equity left.
    BesideTakeover,
    /// Another leg, beside one in which anything else is done.
    BesideOthers,
}

/// One cell: allowed, or why not.
pub type Mode = Result<()>;

const ALLOWED: Mode = Ok(());
/// Also for a degraded price: the engine has one error for "not fresh enough". The program says `OracleDegraded` where the price it
/// has is degraded.
const STALE: Mode = Err(EngineError::OracleStale);
const SOFT_STAGE: Mode = Err(EngineError::DegradedPriceSoftStage);
/// At a price that may not show that the account is bankrupt, it is not.
const SOLVENT: Mode = Err(EngineError::AccountSolvent);
/// Of a leg that is not acted on.
const LEGS: Mode = Err(EngineError::TakeoverNeedsFreshLegs);

/// Each action at a fresh, a degraded, and a frozen price.
#[rustfmt::skip]
pub const TABLE: [(Action, [Mode; 3]); 24] = [
    (Action::ListMarket,            [ALLOWED, ALLOWED,    STALE]),
    (Action::ReplaceOracle,         [ALLOWED, STALE,      STALE]),
    (Action::AddRisk,               [ALLOWED, STALE,      STALE]),
    (Action::Reduce,                [ALLOWED, ALLOWED,    STALE]),
    (Action::ForceCancel,           [ALLOWED, ALLOWED,    STALE]),
    (Action::StartSoftEpisode,      [ALLOWED, SOFT_STAGE, STALE]),
    (Action::StartLowerEpisode,     [ALLOWED, ALLOWED,    STALE]),
    (Action::ObserveEpisode,        [ALLOWED, ALLOWED,    STALE]),
    (Action::ObserveStall,          [ALLOWED, STALE,      STALE]),
    (Action::SliceSoft,             [ALLOWED, SOFT_STAGE, STALE]),
    (Action::SliceLower,            [ALLOWED, ALLOWED,    STALE]),
    (Action::Absorb,                [ALLOWED, STALE,      STALE]),
    (Action::SettleLoss,            [ALLOWED, ALLOWED,    STALE]),
    (Action::ResolveBankrupt,       [ALLOWED, ALLOWED,    STALE]),
    (Action::ResolveNearlyBankrupt, [ALLOWED, SOLVENT,    STALE]),
    (Action::TakeOver,              [ALLOWED, STALE,      STALE]),
    (Action::SampleFunding,         [ALLOWED, STALE,      STALE]),
    (Action::SettleMarket,          [ALLOWED, STALE,      STALE]),
    (Action::Withdraw,              [ALLOWED, STALE,      STALE]),
    (Action::ObserveDeposit,        [ALLOWED, STALE,      STALE]),
    (Action::RecordDeficit,         [ALLOWED, ALLOWED,    STALE]),
    (Action::BesideAddedRisk,       [ALLOWED, STALE,      STALE]),
    (Action::BesideTakeover,        [ALLOWED, LEGS,       LEGS]),
    (Action::BesideOthers,          [ALLOWED, ALLOWED,    ALLOWED]),
];

// A row stands where its action's number says.
const _: () = {
    let mut row = 0;
    while row < TABLE.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let (action, _) = TABLE[row];
        assert!(action as usize == row);
        row = row.wrapping_add(1);
    }
};

impl Action {
    /// Refuses a price of a grade that this action must not use.
    ///
    /// # Errors
    /// The cell of [`TABLE`].
    #[inline]
    pub fn require(self, grade: Grade) -> Result<()> {
        let (_, [fresh, degraded, frozen]) = TABLE.get(self as usize).ok_or(EngineError::InvariantViolated)?;
        match grade {
            Grade::Fresh => *fresh,
            Grade::Degraded => *degraded,
            Grade::Frozen => *frozen,
        }
    }

    /// What a slice of an account in this stage is.
    pub(crate) fn slice(stage: Stage) -> Self {
        if stage == Stage::Soft {
            Action::SliceSoft
        } else {
            Action::SliceLower
        }
    }

    /// What starting an episode of an account of this health is, by a flag.
    ///
    /// # Errors
    /// As [`ladder::values_at`].
    pub(crate) fn start(params: &MarketParams, mid: &Health) -> Result<Self> {
        let position = ladder::position_ppb_up(mid);
        let values = position.map(|position| ladder::values_at(params, position)).transpose()?;
        Ok(match values {
            Some(values) if values.stage == Stage::Soft => Action::StartSoftEpisode,
            _ => Action::StartLowerEpisode,
        })
    }
}
