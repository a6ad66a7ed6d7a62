//! What is compared: events or a file, policies, feedback. All bad input is found here.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use taper_engine::EngineError;

use super::{known_events, known_policies};
use crate::lab::feed::{with_tail, Feed, FeedSource};
use crate::lab::policy::{adopt, PolicyKind, CONTROL};
use crate::lab::population::PopulationError;
use crate::params_command;
use crate::replay::candles::{self, Candle, CandleFileError, Candles};
use crate::replay::depth::{DepthError, DepthProfile};
use crate::replay::events::{self, EventError};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// Candles before the first rolling window: from them the volatility at its start is known.
const VOLATILITY_HISTORY: usize = 15;
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
    #[error(transparent)]
    Population(#[from] PopulationError),
    #[error("{0}: it is too short for a window of {1} hours after {VOLATILITY_HISTORY} candles of history")]
    TooShort(String, u8),
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
    /// What parameters may be chosen on: `select`, `heldout`, `calm`, or `file`.
    pub set: String,
    pub feed: Feed,
    /// Largest fall or rise inside the window, whichever is more, in basis points: its violence.
    pub violence_bps: i64,
}

/// What surrounds the accounts and is the same for all events.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Depth profile; the event's own if none is named.
    pub depth: Option<&'a str>,
    /// Time in which half of what was taken from the book is back.
    pub recovery_seconds: u16,
    /// Windows of so many hours, one after the other through all candles, instead of the event's own.
    pub rolling_hours: Option<u8>,
}

/// Candles with a window in them.
struct Cut<'a> {
    name: String,
    title: String,
    set: String,
    depth: &'a str,
    candles: &'a Candles,
    first: usize,
    window: usize,
}

/// The bundled events of these names or sets, with the day that follows where it is bundled too.
///
/// # Errors
/// For a name that does not exist.
pub fn from_events(names: &[String], around: &Surroundings<'_>) -> Result<Vec<Scenario>, InputError> {
    let known = known_events()?;
    let mut chosen: Vec<events::Event> = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let of: Vec<events::Event> = known.iter().filter(|event| name == "all" || event.set == name).cloned().collect();
        let of = if of.is_empty() { vec![events::find(name)?] } else { of };
        chosen.extend(
            of.into_iter().filter(|event| chosen.iter().all(|other| other.name != event.name)).collect::<Vec<_>>(),
        );
    }
    let mut scenarios = Vec::new();
    for event in chosen {
        let (candles, first) = event.load_with_day_after()?;
        let events::Event { name, title, set, depth, candles: window, .. } = event;
        let depth = around.depth.unwrap_or(&depth);
        scenarios.extend(build(Cut { name, title, set, depth, candles: &candles, first, window }, around)?);
    }
    Ok(scenarios)
}

/// Candles from a file.
///
/// # Errors
/// The first problem of the file.
pub fn from_file(path: &Path, window: Option<u32>, around: &Surroundings<'_>) -> Result<Vec<Scenario>, InputError> {
    let mut candles = candles::read_file(path)?;
    let name = path.display().to_string();
    let all = candles.rows.len();
    let window = window.map_or(all, |window| usize::try_from(window).unwrap_or(all)).min(all);
    let day = usize::try_from(DAY_MS / candles.spacing_ms.max(1)).unwrap_or(all);
    candles.rows.truncate(window.saturating_add(day));
    candles.check_replayable(&name)?;
    let (title, set, depth) = ("candles from a file".to_owned(), "file".to_owned(), around.depth.unwrap_or("sol"));
    build(Cut { name, title, set, depth, candles: &candles, first: 0, window }, around)
}

/// The window, or the rolling windows of the same candles.
fn build(cut: Cut<'_>, around: &Surroundings<'_>) -> Result<Vec<Scenario>, InputError> {
    let Some(hours) = around.rolling_hours else { return Ok(vec![list(cut, around)?]) };
    let candles = cut.candles;
    let window = usize::try_from(i64::from(hours) * HOUR_MS / candles.spacing_ms.max(1)).unwrap_or(usize::MAX);
    let first = VOLATILITY_HISTORY.min(candles.rows.len());
    let mut scenarios = Vec::new();
    for start in (first..candles.rows.len()).step_by(window.max(1)) {
        let Some(rows) = candles.rows.get(..start.saturating_add(window)) else { break };
        let part = Candles { spacing_ms: candles.spacing_ms, rows: rows.to_vec() };
        let hour = usize::from(hours) * scenarios.len();
        let (name, title) = (format!("{}+{hour:02}h", cut.name), cut.title.clone());
        let (set, depth) = (cut.set.clone(), cut.depth);
        scenarios.push(list(Cut { name, title, set, depth, candles: &part, first: start, window }, around)?);
    }
    if scenarios.is_empty() {
        return Err(InputError::TooShort(cut.name, hours));
    }
    Ok(scenarios)
}

fn list(cut: Cut<'_>, around: &Surroundings<'_>) -> Result<Scenario, InputError> {
    let Cut { name, title, set, depth, candles, first, window } = cut;
    let profile = with_tail(DepthProfile::bundled(depth)?);
    let source = FeedSource { candles, first, window, profile, jump: None };
    let mut feed = Feed::new(source).map_err(|error| InputError::Listing(name.clone(), error))?;
    feed.recovery_ms = i64::from(around.recovery_seconds) * 1_000;
    let violence_bps = violence(candles.rows.get(first..first + window).unwrap_or_default());
    Ok(Scenario { name, title, set, feed, violence_bps })
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
