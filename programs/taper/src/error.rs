//! Every reason this program refuses something. One code a reason; codes never change meaning.
//!
//! 6000 to 6199 mirror [`EngineError`] one to one, in its order and with its names; 6200 on are the program's own.

use anchor_lang::prelude::*;
use taper_engine::EngineError;

/// Why the program refused. Nothing has changed.
#[error_code]
#[derive(PartialEq, Eq)]
pub enum TaperError {
    // The engine's.
    #[msg("A sum or product left the range the engine allows")]
    MathOverflow,
    #[msg("An amount that must be positive is zero or negative")]
    AmountZero,
    #[msg("An internal invariant failed after a transition; the caller must abort")]
    InvariantViolated,
    #[msg("The price is zero or negative")]
    OraclePriceNotPositive,
    #[msg("The exponent is outside the supported range")]
    OracleExponentOutOfRange,
    #[msg("The converted price leaves the range of prices (too small or too large per lot)")]
    OraclePriceOutOfRange,
    #[msg("The confidence interval is too wide for this action")]
    OracleConfidenceTooWide,
    #[msg("The price is too old for this action")]
    OracleStale,
    #[msg("The price is further ahead of the clock than allowed")]
    OracleFromTheFuture,
    #[msg("The price is older than the one this market used last")]
    OracleOlderThanLast,
    #[msg("The prices of the legs are too far apart in time")]
    OracleLegsSkewed,
    #[msg("A market parameter breaks one of the inequalities of the specification")]
    InvalidParameters,
    #[msg("The price is not a positive multiple of the tick")]
    PriceNotOnTick,
    #[msg("The order is smaller than the market's minimum")]
    OrderTooSmall,
    #[msg("The order has expired")]
    OrderExpired,
    #[msg("A post-only order would have taken liquidity")]
    PostOnlyWouldCross,
    #[msg("A fill-or-kill order could not be filled completely")]
    FillOrKillNotFilled,
    #[msg("The order met an own order and self-trade prevention aborted it")]
    SelfTrade,
    #[msg("A reduce-only order found nothing to reduce")]
    NothingToReduce,
    #[msg("The book's side is full and the order is not better than its worst")]
    BookFull,
    #[msg("The seat has reached its number of open orders")]
    TooManyOrders,
    #[msg("No such order")]
    OrderNotFound,
    #[msg("The order belongs to another seat")]
    OrderNotOwned,
    #[msg("All seats that this action may use are taken")]
    NoFreeSeat,
    #[msg("The seat does not exist or does not belong to this margin account")]
    SeatNotOwned,
    #[msg("The seat still has a position, orders, or unswept result")]
    SeatNotEmpty,
    #[msg("The margin account refers to as many markets as it can")]
    TooManyPositions,
    #[msg("Cash does not cover the seat's bond")]
    BondNotCovered,
    #[msg("Cash does not cover the amount")]
    InsufficientCash,
    #[msg("Initial health would be below 1")]
    InitialHealthTooLow,
    #[msg("A reduction would leave the account less healthy than it was")]
    HealthWouldWorsen,
    #[msg("The position would exceed the market's largest notional")]
    PositionTooLarge,
    #[msg("The market's open-interest cap is reached")]
    OpenInterestCap,
    #[msg("The market or exchange allows only reductions")]
    ReduceOnly,
    #[msg("Health is not below 1 and no episode is running")]
    AccountHealthy,
    #[msg("Equity is not positive: the account is for resolve_account, not for a slice")]
    AccountBankrupt,
    #[msg("The leg has no position")]
    NoPosition,
    #[msg("The cooldown of the last slice is not over")]
    CooldownNotOver,
    #[msg("The owner added risk in this slot")]
    RiskAddedThisSlot,
    #[msg("The caller's maximum is zero")]
    CallerMaximumZero,
    #[msg("The caller's maximum is under a quarter of the plan")]
    CallerMaximumTooSmall,
    #[msg("The position is not the one that the caller expected")]
    UnexpectedBase,
    #[msg("The slot named as deadline has passed")]
    DeadlinePassed,
    #[msg("The caller would earn less than it asked for")]
    PayoutTooLow,
    #[msg("Nothing can be filled inside the cost cap")]
    NoFillInsideCap,
    #[msg("What can be filled is under the market's smallest slice")]
    SliceTooSmall,
    #[msg("The throttle has nothing left for this account now")]
    ThrottleEmpty,
    #[msg("A degraded price allows only the hard stage")]
    DegradedPriceSoftStage,
    #[msg("The owner of an account cannot absorb it into the same account")]
    AbsorbIntoItself,
    #[msg("The seat has no loss to settle, or its account has no cash to settle it with")]
    NothingToSettle,
    #[msg("The account is healthy: its orders cannot be cancelled by strangers")]
    ForceCancelHealthy,
    #[msg("Equity is positive and health is not low enough for a takeover: not for resolve_account")]
    AccountSolvent,
    #[msg("Another leg of the account is half resolved: finish it first")]
    ResolutionInProgress,
    #[msg("The leg is flat while others are open: resolve those first")]
    OpenLegsFirst,
    #[msg("The leg has nothing left to resolve")]
    NothingToResolve,
    #[msg("The last sample of the premium is too recent")]
    FundingTooSoon,
    #[msg("The vault would keep less than the uncovered deficit")]
    WithdrawalHeld,
    #[msg("The deficit of the account is recorded as it is")]
    NothingToRecord,
    #[msg("There is no unassigned loss, or nothing may be drawn for it now")]
    NothingToCover,
    #[msg("A parameter that may never change after listing would change")]
    ImmutableParameter,
    #[msg("A limit would rise by more than one step")]
    LimitRaisedTooFar,
    #[msg("A limit was raised too recently")]
    LimitRaisedTooSoon,
    #[msg("Limits can be lowered here, not raised")]
    LimitNotLowered,
    #[msg("No raise of maintenance rates is on its way, or nothing of it is due")]
    NoRamp,
    #[msg("The market is not winding down")]
    NotWindingDown,
    #[msg("It is too early to settle the market")]
    SettlementTooEarly,
    #[msg("The market has been settled at its final price")]
    MarketSettled,
    #[msg("The market still has seats, orders, income or losses")]
    MarketNotEmpty,
    #[msg("The oracle's average is too far from its price to settle a market at it")]
    OracleAverageTooFar,
    #[msg("Nothing is taken over while the price of another open leg of the account is not fresh")]
    TakeoverNeedsFreshLegs,
    // The program's own.
    #[msg("An argument has a value that this instruction does not know")]
    InvalidArgument = 200,
    #[msg("The exchange is paused: nothing but deposits, cancels, reductions and liquidations")]
    ExchangePaused,
    #[msg("The market is paused: nothing but cancels, reductions and liquidations")]
    MarketPaused,
    #[msg(
        "One role alone may only tighten a status: loosening needs a proposal, or the signatures of admin and guardian"
    )]
    StatusNotTightened,
    #[msg("Only the admin of the exchange may do this")]
    NotAdmin,
    #[msg("Only the guardian or the admin of the exchange may do this")]
    NotGuardian,
    #[msg("Only the owner of the margin account or its delegate may do this")]
    NotAuthority,
    #[msg("Only the owner of the margin account may do this, not its delegate")]
    OwnerOnly,
    #[msg("The account has a layout version that this program does not know")]
    WrongVersion,
    #[msg("The account does not have the exact size of its type")]
    WrongAccountSize,
    #[msg("The account belongs to another exchange")]
    WrongExchange,
    #[msg("The order book is not the one of this market")]
    WrongOrderBook,
    #[msg("The mint is not the quote mint of this exchange")]
    WrongMint,
    #[msg("The token account is not the vault of this exchange")]
    WrongVault,
    #[msg("The token program is not the owner of the quote mint")]
    WrongTokenProgram,
    #[msg("The same writable account was passed twice")]
    DuplicateAccount,
    #[msg("Name exactly one destination of the payout: a margin account or a token account")]
    PayoutDestination,
    #[msg("The margin account does not belong to the caller")]
    NotCallerAccount,
    #[msg("The market and oracle of a position are missing from the remaining accounts")]
    MissingLegAccounts,
    #[msg("There are more remaining accounts than the positions of the margin account need")]
    SurplusLegAccounts,
    #[msg("A remaining account is not the market of the position it stands for")]
    WrongLegMarket,
    #[msg("The margin account has no position reference to this market")]
    PositionNotFound,
    #[msg("The margin account still refers to a market")]
    PositionsRemain,
    #[msg("The margin account still has cash or a debt")]
    CashRemains,
    #[msg("The mint takes a fee on transfers")]
    MintHasTransferFee,
    #[msg("The mint calls a hook on transfers")]
    MintHasTransferHook,
    #[msg("The mint has a permanent delegate, who could empty the vault")]
    MintHasPermanentDelegate,
    #[msg("Accounts of the mint may start frozen")]
    MintDefaultFrozen,
    #[msg("The mint has confidential transfers, fees or burns")]
    MintHasConfidentialTransfers,
    #[msg("Tokens of the mint cannot be transferred")]
    MintNonTransferable,
    #[msg("Transfers of the mint can be paused")]
    MintPausable,
    #[msg("The mint has an extension that the exchange does not know to be harmless")]
    MintExtensionNotSupported,
    #[msg("The mint is not initialised")]
    MintNotInitialized,
    #[msg("The vault holds less than it would have to pay; choose credit to a margin account")]
    VaultCannotPay,
    #[msg("The vault did not change by exactly the amount moved")]
    VaultMismatch,
    #[msg("The oracle account does not belong to the program of its kind")]
    OracleWrongOwner,
    #[msg("The oracle account publishes another feed than the market uses")]
    OracleWrongFeed,
    #[msg("The oracle account is of another type: a product, a mapping, another version, or not Pyth at all")]
    OracleWrongAccountType,
    #[msg("The feed is not trading")]
    OracleNotTrading,
    #[msg("The price update was not verified by the full set of guardians")]
    OraclePartialVerification,
    #[msg("A price is good enough to reduce risk, not to add any")]
    OracleDegraded,
    #[msg("At listing a lot must be worth at least 100,000 quote atoms")]
    ListingPriceTooSmall,
    #[msg("The account exists already")]
    AccountExists,
    #[msg("The proposal has been applied or cancelled")]
    ProposalNotPending,
    #[msg("The timelock of the proposal is not over")]
    ProposalTimelocked,
    #[msg("The proposal is for another market, or of another kind")]
    ProposalMismatch,
    #[msg("Only the nominated admin may accept")]
    NotNominated,
    #[msg("The guardian cannot cancel its own replacement")]
    GuardianOwnReplacement,
    #[msg("The timelock is longer than the exchange allows")]
    TimelockOutOfRange,
    #[msg("Admin and guardian must be different keys")]
    RolesNotDistinct,
    #[msg("The market is not open yet")]
    MarketNotOpen,
    #[msg("The market has not been settled at a final price")]
    MarketNotSettled,
    #[msg("The margin account has a recorded deficit: record it anew first")]
    DeficitRemains,
    #[msg("The proposal was not applied in time")]
    ProposalExpired,
    #[msg("The proposal can still be applied or cancelled")]
    ProposalPending,
    #[msg("The market is winding down already")]
    AlreadyWindingDown,
    #[msg("The new oracle says another price than the market used last")]
    OraclePriceTooFar,
}

macro_rules! mirror {
    ($($name:ident),* $(,)?) => {
        impl From<EngineError> for TaperError {
            fn from(error: EngineError) -> Self {
                match error { $(EngineError::$name => TaperError::$name,)* }
            }
        }

        /// Every engine error, for the test that the mirror is complete and in order.
        #[cfg(test)]
        const ENGINE_ERRORS: &[EngineError] = &[$(EngineError::$name),*];
    };
}

mirror! {
    MathOverflow, AmountZero, InvariantViolated, OraclePriceNotPositive, OracleExponentOutOfRange,
    OraclePriceOutOfRange, OracleConfidenceTooWide, OracleStale, OracleFromTheFuture, OracleOlderThanLast,
    OracleLegsSkewed, InvalidParameters, PriceNotOnTick, OrderTooSmall, OrderExpired, PostOnlyWouldCross,
    FillOrKillNotFilled, SelfTrade, NothingToReduce, BookFull, TooManyOrders, OrderNotFound, OrderNotOwned,
    NoFreeSeat, SeatNotOwned, SeatNotEmpty, TooManyPositions, BondNotCovered, InsufficientCash,
    InitialHealthTooLow, HealthWouldWorsen, PositionTooLarge, OpenInterestCap, ReduceOnly, AccountHealthy,
    AccountBankrupt, NoPosition, CooldownNotOver, RiskAddedThisSlot, CallerMaximumZero, CallerMaximumTooSmall,
    UnexpectedBase, DeadlinePassed, PayoutTooLow, NoFillInsideCap, SliceTooSmall, ThrottleEmpty,
    DegradedPriceSoftStage, AbsorbIntoItself, NothingToSettle, ForceCancelHealthy, AccountSolvent, ResolutionInProgress, OpenLegsFirst, NothingToResolve, FundingTooSoon, WithdrawalHeld, NothingToRecord, NothingToCover, ImmutableParameter, LimitRaisedTooFar, LimitRaisedTooSoon, LimitNotLowered, NoRamp, NotWindingDown, SettlementTooEarly, MarketSettled, MarketNotEmpty,
    OracleAverageTooFar, TakeoverNeedsFreshLegs,
}

/// Turns the engine's refusal into this program's error.
pub trait Refusal<T> {
    /// The value, or the program's error of the same name.
    fn or_refuse(self) -> Result<T>;
}

impl<T> Refusal<T> for taper_engine::Result<T> {
    #[inline(always)]
    fn or_refuse(self) -> Result<T> {
        self.map_err(refused)
    }
}

/// Out of line: building an error is large, and never on the path that succeeds.
#[cold]
#[inline(never)]
fn refused(error: EngineError) -> Error {
    TaperError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_errors_keep_name_and_number() {
        for (index, engine) in ENGINE_ERRORS.iter().enumerate() {
            let program = TaperError::from(*engine);
            assert_eq!(program.name(), format!("{engine:?}"));
            assert_eq!(usize::from(*engine as u16), index, "{engine:?} is out of order in the mirror");
            assert_eq!(u32::from(program), 6_000 + u32::try_from(index).unwrap(), "{engine:?}");
        }
    }

    #[test]
    fn own_errors_start_at_6200() {
        assert_eq!(u32::from(TaperError::InvalidArgument), 6_200);
    }
}
