//! One enum of every reason the engine refuses something. The program maps each one to an error code of the same name.

/// Why the engine refused. A refusal has changed nothing that the caller may keep: callers abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[rustfmt::skip]
pub enum EngineError {
    // arithmetic and limits
    /// A sum or product left the range the engine allows.
    MathOverflow,
    /// An amount that must be positive is zero or negative.
    AmountZero,
    /// An internal invariant failed after a transition; the caller must abort.
    InvariantViolated,
    // oracle
    /// The price is zero or negative.
    OraclePriceNotPositive,
    /// The exponent is outside the supported range.
    OracleExponentOutOfRange,
    /// The converted price leaves the range of prices (too small or too large per lot).
    OraclePriceOutOfRange,
    /// The confidence interval is too wide for this action.
    OracleConfidenceTooWide,
    /// The price is too old for this action.
    OracleStale,
    /// The price is further ahead of the clock than allowed.
    OracleFromTheFuture,
    /// The price is older than the one this market used last.
    OracleOlderThanLast,
    /// The prices of the legs are too far apart in time.
    OracleLegsSkewed,
    // parameters
    /// A market parameter breaks one of the inequalities of the specification.
    InvalidParameters,
    // orders and book
    /// The price is not a positive multiple of the tick.
    PriceNotOnTick,
    /// The order is smaller than the market's minimum.
    OrderTooSmall,
    /// The order has expired.
    OrderExpired,
    /// A post-only order would have taken liquidity.
    PostOnlyWouldCross,
    /// A fill-or-kill order could not be filled completely.
    FillOrKillNotFilled,
    /// The order met an own order and self-trade prevention aborted it.
    SelfTrade,
    /// A reduce-only order found nothing to reduce.
    NothingToReduce,
    /// The book's side is full and the order is not better than its worst.
    BookFull,
    /// The seat has reached its number of open orders.
    TooManyOrders,
    /// No such order.
    OrderNotFound,
    /// The order belongs to another seat.
    OrderNotOwned,
    // seats
    /// All seats that this action may use are taken.
    NoFreeSeat,
    /// The seat does not exist or does not belong to this margin account.
    SeatNotOwned,
    /// The seat still has a position, orders, or unswept result.
    SeatNotEmpty,
    /// The margin account refers to as many markets as it can.
    TooManyPositions,
    /// Cash does not cover the seat's bond.
    BondNotCovered,
    // margin
    /// Cash does not cover the amount.
    InsufficientCash,
    /// Initial health would be below 1.
    InitialHealthTooLow,
    /// A reduction would leave the account less healthy than it was.
    HealthWouldWorsen,
    /// The position would exceed the market's largest notional.
    PositionTooLarge,
    /// The market's open-interest cap is reached.
    OpenInterestCap,
    /// The market or exchange allows only reductions.
    ReduceOnly,
    // liquidation
    /// Health is not below 1 and no episode is running.
    AccountHealthy,
    /// Equity is not positive: the account is for `resolve_account`, not for a slice.
    AccountBankrupt,
    /// The leg has no position.
    NoPosition,
    /// The cooldown of the last slice is not over.
    CooldownNotOver,
    /// The owner added risk in this slot.
    RiskAddedThisSlot,
    /// The caller's maximum is zero.
    CallerMaximumZero,
    /// The caller's maximum is under a quarter of the plan.
    CallerMaximumTooSmall,
    /// The position is not the one that the caller expected.
    UnexpectedBase,
    /// The slot named as deadline has passed.
    DeadlinePassed,
    /// The caller would earn less than it asked for.
    PayoutTooLow,
    /// Nothing can be filled inside the cost cap.
    NoFillInsideCap,
    /// What can be filled is under the market's smallest slice.
    SliceTooSmall,
    /// The throttle has nothing left for this account now.
    ThrottleEmpty,
    /// A degraded price allows only the hard stage.
    DegradedPriceSoftStage,
    /// The owner of an account cannot absorb it into the same account.
    AbsorbIntoItself,
    /// The seat has no loss to settle, or its account has no cash to settle it with.
    NothingToSettle,
    /// The account is healthy: its orders cannot be cancelled by strangers.
    ForceCancelHealthy,
    // when money runs out
    /// Equity is positive and health is not low enough for a takeover: not for `resolve_account`.
    AccountSolvent,
    /// Another leg of the account is half resolved: finish it first.
    ResolutionInProgress,
    /// The leg is flat while others are open: resolve those first.
    OpenLegsFirst,
    /// The leg has nothing left to resolve.
    NothingToResolve,
    /// The last sample of the premium is too recent.
    FundingTooSoon,
    /// The vault would keep less than the uncovered deficit.
    WithdrawalHeld,
    /// The deficit of the account is recorded as it is.
    NothingToRecord,
    /// There is no unassigned loss, or nothing may be drawn for it now.
    NothingToCover,
    // governance
    /// A parameter that may never change after listing would change.
    ImmutableParameter,
    /// A limit would rise by more than one step.
    LimitRaisedTooFar,
    /// A limit was raised too recently.
    LimitRaisedTooSoon,
    /// Limits can be lowered here, not raised.
    LimitNotLowered,
    /// No raise of maintenance rates is on its way, or nothing of it is due.
    NoRamp,
    // the end of a market
    /// The market is not winding down.
    NotWindingDown,
    /// It is too early to settle the market.
    SettlementTooEarly,
    /// The market has been settled at its final price.
    MarketSettled,
    /// The market still has seats, orders, income or losses.
    MarketNotEmpty,
    /// The oracle's average is too far from its price to settle a market at it.
    OracleAverageTooFar,
    // takeovers
    /// Nothing is taken over while the price of another open leg of the account is not fresh.
    TakeoverNeedsFreshLegs,
}

/// The engine's result.
pub type Result<T> = core::result::Result<T, EngineError>;
