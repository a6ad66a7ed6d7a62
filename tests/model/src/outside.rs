//! What neither the engine nor the auditor decides: the clock, and what publishers have written.

use taper_engine::oracle::OracleReading;
use taper_engine::params::MarketParams;
use taper_engine::EngineError;

use crate::op::{Op, Publication};

/// Decimals of the quote mint.
pub const QUOTE_DECIMALS: u8 = 6;
/// Slots for which a pause holds withdrawals; also how long an oracle is silent before a market is settled without it.
pub const DAY_SLOTS: u64 = 216_000;
/// The timelock of a new exchange: slots between a wind-down and its settlement, and between a listing and its opening.
pub const TIMELOCK_SLOTS: u64 = 40;

/// Why something was refused: by the engine's names, or by those of the program around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Refusal {
    Engine(EngineError),
    OracleDegraded,
    OracleNotTrading,
    ExchangePaused,
    MarketPaused,
    MarketNotOpen,
    PositionNotFound,
    DuplicateAccount,
    AbsorbIntoItself,
    InvalidArgument,
    VaultCannotPay,
    DeficitRemains,
    StatusNotTightened,
    AlreadyWindingDown,
    MarketNotSettled,
    ListingPriceTooSmall,
    InvariantViolated,
    NotAuthority,
    OwnerOnly,
    NotCallerAccount,
    PositionsRemain,
    CashRemains,
    NotAdmin,
    NotGuardian,
    NotNominated,
    RolesNotDistinct,
    TimelockOutOfRange,
    ProposalMismatch,
    ProposalNotPending,
    ProposalTimelocked,
    ProposalExpired,
    ProposalPending,
    GuardianOwnReplacement,
    /// There is no such account.
    NoAccount,
    /// The setup has no other market.
    NothingToList,
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::InvariantViolated => Refusal::InvariantViolated,
            error => Refusal::Engine(error),
        }
    }
}

/// Result of an operation.
pub type Outcome<T> = Result<T, Refusal>;

/// A price account.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// What can be read from it.
    pub reading: OracleReading,
    /// False if it can be found, but says that it does not trade.
    pub trading: bool,
}

/// Clock and price accounts.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Slot.
    pub slot: u64,
    /// Unix seconds.
    pub seconds: i64,
    /// Of each market: the account of the listing, and another one of the same feed.
    pub feeds: Vec<[Feed; 2]>,
    /// The exchange's timelock, in slots.
    pub timelock_slots: u64,
}

impl Outside {
    /// A clock, and prices published just now.
    pub fn new(publications: &[Publication]) -> Self {
        let mut outside =
            Self { slot: 1_000, seconds: 1_700_000_000, feeds: Vec::new(), timelock_slots: TIMELOCK_SLOTS };
        for publication in publications {
            let feed = outside.feed(publication);
            outside.feeds.push([feed; 2]);
        }
        outside
    }

    fn feed(&self, publication: &Publication) -> Feed {
        let reading = OracleReading {
            price: publication.price,
            confidence: publication.confidence,
            exponent: publication.exponent,
            ema_price: publication.ema,
            publish_time_seconds: self.seconds.saturating_sub(publication.age_seconds),
        };
        Feed { reading, trading: publication.trading }
    }

    /// Time passes, or a publisher writes. Returns false for what is done to the exchange.
    pub fn apply(&mut self, op: &Op) -> bool {
        match op {
            Op::Clock { slots, seconds } => {
                self.slot = self.slot.saturating_add(*slots);
                self.seconds = self.seconds.saturating_add((*seconds).max(0));
            }
            Op::Publish { market, other, publication } => {
                let feed = self.feed(publication);
                if let Some(feeds) = self.feeds.get_mut(*market) {
                    feeds[usize::from(*other)] = feed;
                }
            }
            _ => return false,
        }
        true
    }

    /// The account that a caller passes for a market, and whether it is that of the listing.
    pub fn passed(&self, market: usize, oracles: u8) -> (&Feed, bool) {
        let other = oracles >> market & 1 == 1;
        (&self.feeds[market][usize::from(other)], !other)
    }
}

/// What an exchange starts with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Parameters of each market.
    pub params: Vec<MarketParams>,
    /// Markets that are listed from the beginning; the others can be.
    pub listed: usize,
    /// First prices.
    pub publications: Vec<Publication>,
    /// Margin accounts.
    pub accounts: usize,
}
