//! What is compared: events or a file, policies, feedback. All bad input is found here.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use taper_engine::EngineError;

use super::{known_events, known_policies};
use crate::lab::feed::{with_tail, Feed, FeedSource};
use crate::lab::policy::{adopt, PolicyKind, CONTROL};
use crate::params_command;
use crate::replay::candles::{self, Candle, CandleFileError, Candles};
use crate::replay::depth::{DepthError, DepthProfile};
use crate::replay::events::{self, EventError};

const DAY_MS: i64 = 86_400_000;
const BPS: i64 = 10_000;

/// What stops a comparison before it starts.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Candles(#[from] CandleFileError),
    #[error(transparent)]
    Depth(#[from] DepthError),
    #[error("{0}: the engine cannot list a market on these prices: {1:?}")]
    Listing(String, EngineError),
    #[error("there is no policy '{0}'; known are {1}")]
    Policy(String, String),
    #[error("--policies {0}")]
    PolicyFile(String),
    #[error("--policies {name}: on {event} it breaks the rule {rule} (`taper-sim params check` explains it)")]
    PolicyRule { name: String, event: String, rule: String },
    #[error("{0}: cannot write there: {1}")]
    Folder(String, io::Error),
}

/// How much of the displacement the oracle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    None,
    Half,
    Full,
}

impl Feedback {
    pub fn halves(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Half => 1,
            Self::Full => 2,
        }
    }
}

impl FromStr for Feedback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "0" => Ok(Self::None),
            "0.5" | "½" => Ok(Self::Half),
            "1" => Ok(Self::Full),
            other => Err(format!("'{other}' is none of 0, 0.5, 1")),
        }
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Half => "0.5",
            Self::Full => "1",
        })
    }
}

/// An event, ready to run.
pub struct Scenario {
    pub name: String,
    pub title: String,
    pub feed: Feed,
    /// Largest fall or rise inside the window, whichever is more, in basis points: its violence.
    pub violence_bps: i64,
}

/// The bundled crashes of these names, with the day that follows where it is bundled too.
///
/// # Errors
/// For a name that does not exist.
pub fn from_events(names: &[String], depth: Option<&str>) -> Result<Vec<Scenario>, InputError> {
    let chosen = if names.iter().any(|name| name == "all") {
        known_events()?
    } else {
        names.iter().map(|name| events::find(name.trim())).collect::<Result<_, _>>()?
    };
    let scenario = |event: events::Event| {
        let (candles, first) = event.load_with_day_after()?;
        let (window, profile) = (event.candles, depth.unwrap_or(&event.depth).to_owned());
        build(event.name, event.title, &candles, first, window, &profile)
    };
    chosen.into_iter().map(scenario).collect()
}

/// Candles from a file.
///
/// # Errors
/// The first problem of the file.
pub fn from_file(path: &Path, window: Option<u32>, depth: Option<&str>) -> Result<Scenario, InputError> {
    let mut candles = candles::read_file(path)?;
    let name = path.display().to_string();
    let all = candles.rows.len();
    let window = window.map_or(all, |window| usize::try_from(window).unwrap_or(all)).min(all);
    let day = usize::try_from(DAY_MS / candles.spacing_ms.max(1)).unwrap_or(all);
    candles.rows.truncate(window.saturating_add(day));
    candles.check_replayable(&name)?;
    build(name, "candles from a file".to_owned(), &candles, 0, window, depth.unwrap_or("sol"))
}

fn build(
    name: String,
    title: String,
    candles: &Candles,
    first: usize,
    window: usize,
    profile: &str,
) -> Result<Scenario, InputError> {
    let profile = with_tail(DepthProfile::bundled(profile)?);
    let source = FeedSource { candles, first, window, profile, jump: None };
    let feed = Feed::new(source).map_err(|error| InputError::Listing(name.clone(), error))?;
    let violence_bps = violence(candles.rows.get(first..first + window).unwrap_or_default());
    Ok(Scenario { name, title, feed, violence_bps })
}

fn violence(window: &[Candle]) -> i64 {
    let (mut high, mut low, mut most) = (i64::MIN, i64::MAX, 0);
    for candle in window {
        // Which of its own high and low came first a candle does not say; its open came before both.
        (high, low) = (high.max(candle.open), low.min(candle.open));
        let moved = |by: i64, from: i64| i128::from(by) * i128::from(BPS) / i128::from(from.max(1));
        most = most.max(moved(high - candle.low, high)).max(moved(candle.high - low, low));
        (high, low) = (high.max(candle.high), low.min(candle.low));
    }
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The policies of these names, the control among them, each once.
///
/// # Errors
/// For a name that is neither a policy nor a readable file, and for a file whose parameters would not be valid on an event.
pub fn policies(names: &[String], scenarios: &[Scenario]) -> Result<Vec<PolicyKind>, InputError> {
    let mut wanted: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    if !wanted.contains(&CONTROL) {
        wanted.insert(0, CONTROL);
    }
    let mut policies: Vec<PolicyKind> = Vec::new();
    for name in wanted {
        if policies.iter().any(|policy| policy.name == name) {
            continue;
        }
        policies.push(match PolicyKind::named(name) {
            Some(policy) => policy,
            None => from_params(name, scenarios)?,
        });
    }
    Ok(policies)
}

fn from_params(name: &str, scenarios: &[Scenario]) -> Result<PolicyKind, InputError> {
    if !name.ends_with(".toml") {
        return Err(InputError::Policy(name.to_owned(), known_policies()));
    }
    let params = params_command::read(Path::new(name)).map_err(InputError::PolicyFile)?;
    for scenario in scenarios {
        if let Some(rule) = adopt(&params, &scenario.feed.defaults).violated_rule() {
            let (name, event) = (name.to_owned(), scenario.name.clone());
            return Err(InputError::PolicyRule { name, event, rule: format!("{rule:?}") });
        }
    }
    Ok(PolicyKind::given(name, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violence_is_the_largest_fall_or_rise_in_order_of_time() {
        let candle =
            |open: i64, close: i64| Candle { time_ms: 0, open, high: open.max(close), low: open.min(close), close };
        assert_eq!(violence(&[candle(100, 100), candle(100, 80), candle(90, 90)]), 2_000);
        // Up by half, then down by a third: the rise is more.
        assert_eq!(violence(&[candle(100, 100), candle(150, 150), candle(100, 100)]), 5_000);
    }

    #[test]
    fn the_control_is_always_there_and_nothing_twice() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            policies(&names, &[]).map(|all| all.into_iter().map(|policy| policy.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["taper", "taper"]).unwrap(), [CONTROL, "taper"]);
        assert_eq!(names(&["taper", CONTROL]).unwrap(), ["taper", CONTROL]);
        let message = names(&["softer"]).unwrap_err().to_string();
        assert!(message.contains("'softer'") && message.contains("hyperliquid"), "{message}");
        assert!(names(&["no/such.toml"]).unwrap_err().to_string().contains("no/such.toml"));
    }
}
