//! What the program said it did, from the logs of a transaction.
//!
//! Anybody can write a `Program data:` line that looks like an event. Only lines inside the frames of our own program count here,
//! however deep it was called; and nothing of a failed transaction counts, for nothing of it happened.

use anchor_lang::{AnchorDeserialize, Discriminator};
use base64::prelude::{Engine, BASE64_STANDARD};
use solana_pubkey::Pubkey;
use taper::events::*;

mod frames;

use frames::{Frames, Line};

macro_rules! events {
    ($($name:ident),* $(,)?) => {
        /// An event of the program.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each is named as its type, which is documented")]
        pub enum Event { $($name(Box<$name>),)* }

        impl Event {
            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// Decodes what follows `Program data:`, already without its base64. `None` for an event that this version does not know.
            ///
            /// # Errors
            /// [`EventError::Malformed`] for a known event whose bytes do not fit its type exactly.
            pub fn decode(data: &[u8]) -> Result<Option<Self>, EventError> {
                $(if let Some(body) = data.strip_prefix($name::DISCRIMINATOR) {
                    let event = $name::try_from_slice(body)
                        .map_err(|_| EventError::Malformed { event: stringify!($name) })?;
                    return Ok(Some(Self::$name(Box::new(event))));
                })*
                Ok(None)
            }
        }

        /// Names and discriminators, for the test against the IDL.
        #[cfg(test)]
        const KNOWN: &[(&str, &[u8])] = &[$((stringify!($name), $name::DISCRIMINATOR)),*];
    };
}

events! {
    Absorbed, AccountFlagged, AdminChanged, AdminNominated, BookChanged, DeficitRecorded, DelegateSet, Deposited,
    ExchangeInitialized, FundingUpdated, InsuranceDonated, LegResolved, LimitsTightened, LossCovered, LossSettled,
    MarginAccountClosed, MarginAccountCreated, MarketClosed, MarketCreated, MarketIncomeSwept, MarketSettled, OrderCancelled,
    OrderPlaced, OrdersCancelled, ProposalApplied, ProposalCancelled, ProposalClosed, ProposalCreated, RampAdvanced,
    SeatReleased, SeatTaken, Sliced, StatusSet, Swept, Withdrawn,
}

/// Why an event could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Its bytes are not those of its type: another version of the program wrote it.
    #[error("the bytes of the event {event} do not fit its type: another version of the program wrote it")]
    Malformed {
        /// The event.
        event: &'static str,
    },
}

/// An event and where in the transaction it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// What happened.
    pub event: Event,
    /// Place of the top-level call among those that left a line in the logs (precompiles leave none), from zero.
    pub call: usize,
    /// 1 if the program was called directly, more if by another program.
    pub depth: usize,
}

/// All events of one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// In the order in which they happened. Empty for a failed transaction.
    pub events: Vec<Emitted>,
    /// The node cut the logs, or they make no sense: events may be missing, and must be recovered from the accounts.
    pub truncated: bool,
    /// The transaction failed: nothing happened.
    pub failed: bool,
    /// Events of our program that this version does not know, or cannot read.
    pub unreadable: usize,
}

/// Reads the events of one transaction from its logs.
///
/// ```
/// let logs = [
///     format!("Program {} invoke [1]", taper_sdk::PROGRAM_ID),
///     "Program log: Instruction: Deposit".to_owned(),
///     format!("Program {} success", taper_sdk::PROGRAM_ID),
///     "Log truncated".to_owned(),
/// ];
/// let found = taper_sdk::event::from_logs(&logs);
/// assert!(found.events.is_empty() && found.truncated && !found.failed);
/// ```
pub fn from_logs<S: AsRef<str>>(logs: &[S]) -> Events {
    let mut found = Events::default();
    let mut frames = Frames::default();
    for line in logs {
        match frames.read(line.as_ref()) {
            Line::Data(base64) if frames.program() == Some(&crate::PROGRAM_ID) => {
                let event = BASE64_STANDARD.decode(base64).ok().and_then(|data| Event::decode(&data).ok().flatten());
                match event {
                    Some(event) => {
                        found.events.push(Emitted { event, call: frames.call(), depth: frames.depth() });
                    }
                    None => found.unreadable += 1,
                }
            }
            Line::Failed { .. } => found.failed = true,
            Line::Truncated => found.truncated = true,
            _ => {}
        }
    }
    found.truncated |= !frames.is_closed() && !found.failed;
    if found.failed {
        found.events.clear();
    }
    found
}

/// The innermost program that failed, and the line in which the runtime said why.
pub(crate) fn first_failure<S: AsRef<str>>(logs: &[S]) -> Option<(Pubkey, String)> {
    let mut frames = Frames::default();
    logs.iter().find_map(|line| match frames.read(line.as_ref()) {
        Line::Failed { program, reason } => Some((program, reason.to_owned())),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
