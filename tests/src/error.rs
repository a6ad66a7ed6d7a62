//! What can go wrong on the chain, and in the harness's own checks.

use solana_pubkey::Pubkey;
use solana_transaction_error::TransactionError;
use taper_sdk::account::DecodeError;

/// The harness's result.
pub type Result<T> = std::result::Result<T, HarnessError>;

/// A transaction that the chain refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The custom error code, if an instruction failed with one.
    pub code: Option<u32>,
    /// The chain's error.
    pub error: TransactionError,
    /// What the programs logged.
    pub logs: Vec<String>,
}

impl Refusal {
    /// The name of the error: the program's, Anchor's, or the chain's.
    pub fn name(&self) -> String {
        self.code.and_then(taper_sdk::error::name).unwrap_or_else(|| format!("{:?}", self.error))
    }
}

/// Why a call to the harness failed.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// The chain refused the transaction. Nothing changed: the harness has compared.
    #[error("refused: {}", .0.name())]
    Refused(Box<Refusal>),
    /// A refused transaction changed an account.
    #[error("INV-17: refused with {refusal}, yet account {account} changed")]
    ChangedByRefusal {
        /// The account.
        account: Pubkey,
        /// Name of the error.
        refusal: String,
    },
    /// An invariant does not hold.
    #[error("{invariant} does not hold for {subject}: {detail}")]
    Invariant {
        /// Its number, as in `docs/invariants.md`.
        invariant: String,
        /// Exchange, market or margin account.
        subject: Pubkey,
        /// What was found.
        detail: String,
    },
    /// An account's bytes are not what they should be.
    #[error("account {account}: {error}")]
    Decode {
        /// The account.
        account: Pubkey,
        /// Why.
        error: DecodeError,
    },
    /// A saved world cannot be written or read.
    #[error("saved world: {0}")]
    Saved(String),
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(Pubkey),
    /// A quantity that the harness computes left its range.
    #[error("a number left its range: {0}")]
    Range(&'static str),
    /// A transaction returned or emitted something else than expected.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// The program's file is required (`TAPER_REQUIRE_SO`) and not there, or cannot be read.
    #[error("no program file at {path}: {reason}")]
    NoProgramFile {
        /// Where it was looked for.
        path: String,
        /// Why it was not loaded.
        reason: String,
    },
    /// The connection to the in-process bank.
    #[error("bank: {0}")]
    Bank(String),
}

impl HarnessError {
    /// The refusal, if it was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
