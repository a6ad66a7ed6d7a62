//! What an executed transaction leaves behind besides changed accounts.

use anchor_lang::{AnchorDeserialize, Discriminator, Event};
use base64::engine::general_purpose::STANDARD;
use base64::Engine;

use crate::error::{HarnessError, Result};

const EVENT_PREFIX: &str = "Program data: ";

/// Logs, return data and compute units of an executed transaction.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Compute units of the whole transaction.
    pub units: u64,
    /// What the programs logged.
    pub logs: Vec<String>,
    /// Return data of the last program that set any.
    pub return_data: Option<Vec<u8>>,
}

impl Outcome {
    /// Compute units of this program's instructions alone, with what they call. Zero on the native processor.
    pub fn program_units(&self) -> u64 {
        let prefix = format!("Program {} consumed ", taper::ID);
        self.logs.iter().filter_map(|line| line.strip_prefix(&prefix)?.split(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// The events of one type, in order. None on the native processor, which loses them.
    pub fn events<E: Event + Discriminator + AnchorDeserialize>(&self) -> Vec<E> {
        self.logs
            .iter()
            .filter_map(|line| {
                let bytes = STANDARD.decode(line.strip_prefix(EVENT_PREFIX)?).ok()?;
                let mut body = bytes.strip_prefix(E::DISCRIMINATOR)?;
                E::deserialize(&mut body).ok().filter(|_| body.is_empty())
            })
            .collect()
    }

    /// The only event of one type.
    ///
    /// # Errors
    /// `Answer` when there is none, or more than one.
    pub fn event<E: Event + Discriminator + AnchorDeserialize>(&self) -> Result<E> {
        let mut events = self.events::<E>();
        match (events.pop(), events.len()) {
            (Some(event), 0) => Ok(event),
            (found, others) => {
                let count = others + usize::from(found.is_some());
                Err(HarnessError::Answer(format!("{count} events of this type")))
            }
        }
    }

    /// The return data as a value.
    ///
    /// # Errors
    /// `Answer` when there is none, or it is something else.
    pub fn returned<T: AnchorDeserialize>(&self) -> Result<T> {
        let data = self.return_data.as_deref().ok_or_else(|| HarnessError::Answer("no return data".into()))?;
        T::try_from_slice(data).map_err(|error| HarnessError::Answer(error.to_string()))
    }
}
