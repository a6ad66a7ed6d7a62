//! Error codes and their names: the program's own, and those of the Anchor framework that a client meets.

use anchor_lang::error::ErrorCode;
use taper::error::TaperError;

macro_rules! errors {
    ($($name:ident),* $(,)?) => {
        /// Every error of the program, in the order of its codes.
        pub const ERRORS: &[TaperError] = &[$(TaperError::$name),*];

        /// The same as the IDL declares them, for the test against it.
        #[cfg(test)]
        pub(crate) const DECLARED: &[crate::idl::TaperError] = &[$(crate::idl::TaperError::$name),*];
    };
}

errors! {
    MathOverflow, AmountZero, InvariantViolated, OraclePriceNotPositive, OracleExponentOutOfRange,
    OraclePriceOutOfRange, OracleConfidenceTooWide, OracleStale, OracleFromTheFuture, OracleOlderThanLast,
    OracleLegsSkewed, InvalidParameters, PriceNotOnTick, OrderTooSmall, OrderExpired, PostOnlyWouldCross,
    FillOrKillNotFilled, SelfTrade, NothingToReduce, BookFull, TooManyOrders, OrderNotFound, OrderNotOwned,
    NoFreeSeat, SeatNotOwned, SeatNotEmpty, TooManyPositions, BondNotCovered, InsufficientCash, InitialHealthTooLow,
    HealthWouldWorsen, PositionTooLarge, OpenInterestCap, ReduceOnly, AccountHealthy, AccountBankrupt, NoPosition,
    CooldownNotOver, RiskAddedThisSlot, CallerMaximumZero, CallerMaximumTooSmall, UnexpectedBase, DeadlinePassed,
    PayoutTooLow, NoFillInsideCap, SliceTooSmall, ThrottleEmpty, DegradedPriceSoftStage, AbsorbIntoItself,
    NothingToSettle, ForceCancelHealthy, AccountSolvent, ResolutionInProgress, OpenLegsFirst, NothingToResolve,
    FundingTooSoon, WithdrawalHeld, NothingToRecord, NothingToCover, ImmutableParameter, LimitRaisedTooFar,
    LimitRaisedTooSoon, LimitNotLowered, NoRamp, NotWindingDown, SettlementTooEarly, MarketSettled, MarketNotEmpty,
    OracleAverageTooFar, TakeoverNeedsFreshLegs, InvalidArgument, ExchangePaused, MarketPaused, StatusNotTightened,
    NotAdmin, NotGuardian, NotAuthority, OwnerOnly, WrongVersion, WrongAccountSize, WrongExchange, WrongOrderBook,
    WrongMint, WrongVault, WrongTokenProgram, DuplicateAccount, PayoutDestination, NotCallerAccount,
    MissingLegAccounts, SurplusLegAccounts, WrongLegMarket, PositionNotFound, PositionsRemain, CashRemains,
    MintHasTransferFee, MintHasTransferHook, MintHasPermanentDelegate, MintDefaultFrozen,
    MintHasConfidentialTransfers, MintNonTransferable, MintPausable, MintExtensionNotSupported, MintNotInitialized,
    VaultCannotPay, VaultMismatch, OracleWrongOwner, OracleWrongFeed, OracleWrongAccountType, OracleNotTrading,
    OraclePartialVerification, OracleDegraded, ListingPriceTooSmall, AccountExists, ProposalNotPending,
    ProposalTimelocked, ProposalMismatch, NotNominated, GuardianOwnReplacement, TimelockOutOfRange,
    RolesNotDistinct, MarketNotOpen, MarketNotSettled, DeficitRemains, ProposalExpired, ProposalPending,
    AlreadyWindingDown, OraclePriceTooFar,
}

/// Errors of the framework that wrong accounts lead to.
const FRAMEWORK_ERRORS: &[ErrorCode] = &[
    ErrorCode::InstructionMissing,
    ErrorCode::InstructionFallbackNotFound,
    ErrorCode::InstructionDidNotDeserialize,
    ErrorCode::ConstraintMut,
    ErrorCode::ConstraintHasOne,
    ErrorCode::ConstraintSigner,
    ErrorCode::ConstraintOwner,
    ErrorCode::ConstraintRentExempt,
    ErrorCode::ConstraintSeeds,
    ErrorCode::ConstraintClose,
    ErrorCode::ConstraintTokenMint,
    ErrorCode::ConstraintTokenOwner,
    ErrorCode::ConstraintZero,
    ErrorCode::ConstraintDuplicateMutableAccount,
    ErrorCode::AccountDiscriminatorAlreadySet,
    ErrorCode::AccountDiscriminatorNotFound,
    ErrorCode::AccountDiscriminatorMismatch,
    ErrorCode::AccountDidNotDeserialize,
    ErrorCode::AccountDidNotSerialize,
    ErrorCode::AccountNotEnoughKeys,
    ErrorCode::AccountNotMutable,
    ErrorCode::AccountOwnedByWrongProgram,
    ErrorCode::InvalidProgramId,
    ErrorCode::InvalidProgramExecutable,
    ErrorCode::AccountNotSigner,
    ErrorCode::AccountNotSystemOwned,
    ErrorCode::AccountNotInitialized,
    ErrorCode::AccountNotProgramData,
    ErrorCode::AccountReallocExceedsLimit,
    ErrorCode::AccountDuplicateReallocs,
];

/// The program's error with this code.
pub fn of_code(code: u32) -> Option<TaperError> {
    ERRORS.iter().copied().find(|error| u32::from(*error) == code)
}

/// The name of a custom error code that an instruction of the program failed with.
pub fn name(code: u32) -> Option<String> {
    let framework = || FRAMEWORK_ERRORS.iter().find(|error| u32::from(**error) == code).map(ErrorCode::name);
    of_code(code).map(|error| error.name()).or_else(framework)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the list has to be complete against.
    const SOURCE: &str = include_str!("../../../programs/taper/src/error.rs");

    #[test]
    fn the_list_is_complete_and_in_order() {
        assert_eq!(ERRORS.len(), SOURCE.matches("#[msg(").count());
        let codes: Vec<u32> = ERRORS.iter().map(|error| u32::from(*error)).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }

    #[test]
    fn codes_have_names() {
        assert_eq!(name(6_000).as_deref(), Some("MathOverflow"));
        assert_eq!(name(u32::from(TaperError::AccountHealthy)).as_deref(), Some("AccountHealthy"));
        assert_eq!(name(6_200).as_deref(), Some("InvalidArgument"));
        assert_eq!(name(3_010).as_deref(), Some("AccountNotSigner"));
        assert_eq!(name(1), None);
        assert_eq!(of_code(6_199), None);
    }
}
