//! What a refusal of the program says about an action.

use taper::error::TaperError::{self, *};

/// Whose doing a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another caller, or the owner, was faster: the position, the episode or the bucket is not as it was.
    LostRace,
    /// The world forbids it for now: prices, depth, cooldowns. Try later.
    NotNow,
    /// The call was wrong.
    Fault,
}

/// Whose doing this refusal is.
pub fn verdict(error: TaperError) -> Verdict {
    match error {
        UnexpectedBase
        | NoPosition
        | AccountHealthy
        | CooldownNotOver
        | DeadlinePassed
        | PayoutTooLow
        | PositionNotFound
        | SeatNotOwned
        | CallerMaximumTooSmall
        | MissingLegAccounts
        | SurplusLegAccounts
        | WrongLegMarket
        | ThrottleEmpty
        | AccountSolvent
        | NothingToResolve => Verdict::LostRace,
        OracleStale
        | OracleConfidenceTooWide
        | OracleFromTheFuture
        | OracleOlderThanLast
        | OracleLegsSkewed
        | OracleNotTrading
        | OracleDegraded
        | OraclePriceNotPositive
        | OraclePriceOutOfRange
        | OracleExponentOutOfRange
        | DegradedPriceSoftStage
        | NoFillInsideCap
        | SliceTooSmall
        | RiskAddedThisSlot
        | AccountBankrupt
        | MarketSettled
        | ResolutionInProgress
        | OpenLegsFirst
        | TakeoverNeedsFreshLegs
        | VaultCannotPay
        | InitialHealthTooLow
        | InsufficientCash
        | PositionTooLarge
        | TooManyPositions
        | NoFreeSeat
        | BondNotCovered => Verdict::NotNow,
        _ => Verdict::Fault,
    }
}
