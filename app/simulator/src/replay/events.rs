//! Bundled crashes: real candles, and the window to replay around the worst fall.

use serde::Deserialize;

use super::candles::{self, CandleFileError, Candles};

/// The crash that runs when none is named.
pub const DEFAULT_EVENT: &str = "sol-2021-05";

const DAY_MS: i64 = 86_400_000;
const INDEX: &str = include_str!("../../data/events.csv");

macro_rules! bundled {
    ($($file:literal),* $(,)?) => {
        fn bytes_of(file: &str) -> Option<&'static [u8]> {
            match file {
                $($file => Some(include_bytes!(concat!("../../data/", $file))),)*
                _ => None,
            }
        }
    };
}

bundled!(
    "sol-2021-05.csv.gz",
    "btc-2020-03.csv.gz",
    "eth-2025-02.csv.gz",
    "eth-2021-05.csv.gz",
    "btc-2021-05.csv.gz",
    "eth-2024-08.csv.gz",
    "sol-2022-11.csv.gz",
    "sol-2023-08-calm.csv.gz",
    "btc-2021-09.csv.gz",
    "eth-2021-09.csv.gz",
    "sol-2021-09.csv.gz",
    "eth-2022-05.csv.gz",
    "sol-2022-05.csv.gz",
    "btc-2022-06.csv.gz",
    "eth-2022-06.csv.gz",
    "sol-2022-06.csv.gz",
    "btc-2022-11.csv.gz",
    "eth-2022-11.csv.gz",
    "btc-2023-08.csv.gz",
    "eth-2023-08.csv.gz",
    "sol-2023-08.csv.gz",
    "btc-2024-04.csv.gz",
    "eth-2024-04.csv.gz",
    "sol-2024-04.csv.gz",
    "btc-2024-08.csv.gz",
    "sol-2024-08.csv.gz",
    "btc-2025-02.csv.gz",
    "sol-2025-02.csv.gz",
    "btc-2023-08-calm.csv.gz",
    "eth-2023-08-calm.csv.gz",
);

/// A row of the index.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    pub name: String,
    pub file: String,
    /// First candle of the replay; earlier ones in the file are only history for the volatility.
    pub start_ts_ms: i64,
    /// Candles to replay.
    pub candles: usize,
    /// Depth profile.
    pub depth: String,
    /// `select`: parameters may be chosen on it (2020 to June 2022). `heldout`: they may not (November 2022 and later). `calm`: neither.
    pub set: String,
    pub title: String,
}

/// Why an event cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("there is no bundled event '{name}'; --list-events shows them: {known}")]
    Unknown { name: String, known: String },
    #[error("the bundled index is damaged: {0}")]
    Index(#[from] csv::Error),
    #[error("the bundled event '{0}' has no file or no such window")]
    Window(String),
    #[error(transparent)]
    Candles(#[from] CandleFileError),
}

/// Every bundled event, in the order of the index.
///
/// # Errors
/// `Index`, which would be a defect of the build.
pub fn list() -> Result<Vec<Event>, EventError> {
    let mut reader = csv::Reader::from_reader(INDEX.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// The event of that name.
///
/// # Errors
/// `Unknown`, naming those that exist.
pub fn find(name: &str) -> Result<Event, EventError> {
    let events = list()?;
    let known = events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>().join(", ");
    let unknown = EventError::Unknown { name: name.to_owned(), known };
    events.into_iter().find(|event| event.name == name).ok_or(unknown)
}

impl Event {
    /// The candles of the file up to the end of the window, and the index of the window's first.
    ///
    /// # Errors
    /// `Window` or `Candles`, which would be defects of the build.
    pub fn load(&self) -> Result<(Candles, usize), EventError> {
        let (mut candles, first) = self.parse()?;
        candles.rows.truncate(first + self.candles);
        Ok((candles, first))
    }

    /// As [`Self::load`], with the day that follows the window, as far as it is bundled.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with_day_after(&self) -> Result<(Candles, usize), EventError> {
        let (mut candles, first) = self.parse()?;
        let day = usize::try_from(DAY_MS / candles.spacing_ms.max(1)).unwrap_or(0);
        candles.rows.truncate((first + self.candles).saturating_add(day));
        Ok((candles, first))
    }

    fn parse(&self) -> Result<(Candles, usize), EventError> {
        let window = || EventError::Window(self.name.clone());
        let candles = candles::parse(&self.file, bytes_of(&self.file).ok_or_else(window)?)?;
        let first = candles.rows.iter().position(|candle| candle.time_ms == self.start_ts_ms).ok_or_else(window)?;
        first.checked_add(self.candles).filter(|end| *end <= candles.rows.len()).ok_or_else(window)?;
        Ok((candles, first))
    }
}

#[cfg(test)]
mod tests {
    use super::super::depth::DepthProfile;
    use super::*;

    /// Every event loads, has history before its window, names a depth profile, and falls as its title says.
    #[test]
    fn the_bundled_events_load() {
        let falls = [
            41, 39, 25, 30, 22, 21, 36, 0, 10, 12, 13, 17, 27, 10, 15, 14, 18, 24, 10, 11, 14, 10, 13, 23, 11, 17, 6,
            15, 0, 0,
        ];
        let events = list().unwrap();
        assert_eq!(events.len(), falls.len());
        for (event, expected) in events.iter().zip(falls) {
            let (candles, first) = event.load().unwrap();
            assert!(first >= 10, "{}", event.name);
            DepthProfile::bundled(&event.depth).unwrap();
            let window = &candles.rows[first..];
            assert_eq!(window.len(), event.candles);
            let (mut high, mut fall) = (0, 0);
            for candle in window {
                high = high.max(candle.high);
                fall = fall.max((high - candle.low) * 100 / high);
            }
            assert!(fall >= expected, "{} fell {fall}%", event.name);
            assert!(expected > 0 || fall <= 2, "{} is not calm: {fall}%", event.name);
        }
    }

    #[test]
    fn an_unknown_event_is_refused_with_the_names_that_exist() {
        let message = find("moon").unwrap_err().to_string();
        assert!(message.contains("'moon'") && message.contains("sol-2021-05, btc-2020-03"), "{message}");
    }
}
