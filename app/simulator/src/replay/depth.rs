//! Depth of the market maker's quotes: sizes from real books, smaller when the market is volatile, smaller where they were just
//! taken. Floats are fine here (this is a maker's opinion, not the exchange's arithmetic), but only `+ − × ÷ √`, which every
//! machine rounds alike: the same seed gives the same output everywhere.

use serde::Deserialize;

use super::candles::Candle;

const PROFILES: &str = include_str!("../../data/depth.csv");

/// Volatility at which the bundled books were taken, as a root mean square of one-minute returns: 10 bps (some 70% a year, what
/// 2024-08-08 had). Above it the quoted sizes shrink in inverse proportion.
const CALM_RETURN_PER_MINUTE: f64 = 0.001;
/// Candles over which recent volatility is measured.
const VOLATILITY_CANDLES: usize = 10;
/// Sizes never shrink below this part: −90%, the floor of the policy study (EVIDENCE.md).
const SMALLEST_PART: f64 = 0.1;
/// Half of what was taken from the book is back after 30 s (EVIDENCE.md: impact half-life), in milliseconds.
pub const RECOVERY_HALF_LIFE_MS: i64 = 30_000;

/// Part of the source book that Taper's market is taken to have: an on-chain book stands for itself, a centralised one for a
/// tenth.
fn market_share(profile: &str) -> f64 {
    if profile == "sol" {
        1.0
    } else {
        0.1
    }
}

#[derive(Deserialize)]
struct ProfileRow {
    profile: String,
    side: String,
    distance_bps: i64,
    cumulative_usd: f64,
}

/// A quote level in calm: how far from the oracle, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub distance_bps: i64,
    pub usd: f64,
}

/// Quote levels of both sides in calm, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthProfile {
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
pub enum DepthError {
    #[error("there is no depth profile '{0}'; known are sol, btc, eth")]
    Unknown(String),
    #[error("the bundled depth profiles are damaged: {0}")]
    Damaged(#[from] csv::Error),
}

impl DepthProfile {
    /// The bundled profile of that name, scaled to the market's share.
    ///
    /// # Errors
    /// `Unknown`; `Damaged` would be a defect of the build.
    pub fn bundled(name: &str) -> Result<Self, DepthError> {
        let mut reader = csv::Reader::from_reader(PROFILES.as_bytes());
        let rows: Vec<ProfileRow> = reader.deserialize().collect::<Result<_, _>>()?;
        let side = |side: &str| -> Vec<Level> {
            let mut before = 0.0;
            let mut levels = Vec::new();
            for row in rows.iter().filter(|row| row.profile == name && row.side == side) {
                let usd = (row.cumulative_usd - before) * market_share(name);
                before = row.cumulative_usd;
                if usd > 0.0 {
                    levels.push(Level { distance_bps: row.distance_bps, usd });
                }
            }
            levels
        };
        let profile = Self { bids: side("bid"), asks: side("ask") };
        if profile.bids.is_empty() || profile.asks.is_empty() {
            return Err(DepthError::Unknown(name.to_owned()));
        }
        Ok(profile)
    }

    /// US dollars within 1% of the oracle on the thinner side, in calm: what the market's parameters are sized by.
    pub fn calm_usd(&self) -> f64 {
        let within =
            |levels: &[Level]| levels.iter().filter(|level| level.distance_bps <= 100).map(|level| level.usd).sum();
        let (bids, asks): (f64, f64) = (within(&self.bids), within(&self.asks));
        if bids < asks {
            bids
        } else {
            asks
        }
    }

    /// Distance of the nearest level of either side: the price may move this far before the quotes are stale.
    pub fn nearest_bps(&self) -> i64 {
        let first = |levels: &[Level]| levels.first().map_or(i64::MAX, |level| level.distance_bps);
        first(&self.bids).min(first(&self.asks))
    }
}

/// Part of the calm sizes that is quoted after these candles: calm volatility over recent volatility, between 0.1 and 1.
pub fn volatility_part(history: &[Candle], spacing_ms: i64) -> f64 {
    let recent = &history[history.len().saturating_sub(VOLATILITY_CANDLES + 1)..];
    let returns = recent.windows(2).map(|pair| pair[1].close as f64 / pair[0].close as f64 - 1.0);
    let squares: Vec<f64> = returns.map(|change| change * change).collect();
    if squares.is_empty() {
        return 1.0;
    }
    let minutes = spacing_ms as f64 / 60_000.0;
    let variance = squares.iter().sum::<f64>() / squares.len() as f64 / minutes;
    if variance <= CALM_RETURN_PER_MINUTE * CALM_RETURN_PER_MINUTE {
        return 1.0;
    }
    (CALM_RETURN_PER_MINUTE / variance.sqrt()).max(SMALLEST_PART)
}

/// What was taken from one side of the maker's quotes and is not back yet, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depletion {
    usd: f64,
    at_ms: i64,
    half_life_ms: i64,
}

impl Default for Depletion {
    fn default() -> Self {
        Self::new(RECOVERY_HALF_LIFE_MS)
    }
}

impl Depletion {
    /// Nothing is missing; what will be taken comes back by half in that time.
    pub fn new(half_life_ms: i64) -> Self {
        Self { usd: 0.0, at_ms: 0, half_life_ms: half_life_ms.max(1) }
    }

    /// What is still missing at that time. Linear between half-lives, so that no exponential function is needed.
    pub fn missing_usd(&self, now_ms: i64) -> f64 {
        let mut halves = (now_ms - self.at_ms).max(0) as f64 / self.half_life_ms as f64;
        let mut usd = self.usd;
        while halves >= 1.0 && usd > 1.0 {
            usd *= 0.5;
            halves -= 1.0;
        }
        usd * (1.0 - 0.5 * halves.min(1.0))
    }

    /// Records a fill.
    pub fn take(&mut self, usd: f64, now_ms: i64) {
        *self = Self { usd: self.missing_usd(now_ms) + usd, at_ms: now_ms, ..*self };
    }
}

/// The sizes to quote: calm sizes times the volatility's part, less what was taken lately, nearest levels first.
pub fn quoted(levels: &[Level], part: f64, missing_usd: f64) -> Vec<Level> {
    let mut missing = missing_usd;
    levels
        .iter()
        .map(|level| {
            let usd = level.usd * part;
            let taken = if missing < usd { missing } else { usd };
            missing -= taken;
            Level { distance_bps: level.distance_bps, usd: usd - taken }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(close: i64) -> Candle {
        Candle { time_ms: 0, open: close, high: close, low: close, close }
    }

    #[test]
    fn the_bundled_profiles_are_what_the_books_had() {
        let sol = DepthProfile::bundled("sol").unwrap();
        assert_eq!(sol.calm_usd(), 90_272.0);
        assert_eq!(sol.bids.iter().map(|level| level.usd).sum::<f64>(), 213_286.0);
        assert_eq!(sol.asks[0], Level { distance_bps: 5, usd: 169.0 });
        let btc = DepthProfile::bundled("btc").unwrap();
        assert!((btc.calm_usd() - 1_948_120.0).abs() < 1.0, "{}", btc.calm_usd());
        assert_eq!((btc.bids.len(), btc.nearest_bps()), (9, 1));
        assert!(matches!(DepthProfile::bundled("doge"), Err(DepthError::Unknown(_))));
    }

    #[test]
    fn sizes_shrink_with_volatility_to_a_tenth() {
        let alternating =
            |low: i64| -> Vec<Candle> { (0..11).map(|i| candle(if i % 2 == 0 { 100_000 } else { low })).collect() };
        assert_eq!(volatility_part(&[], 60_000), 1.0);
        assert_eq!(volatility_part(&[candle(5)], 60_000), 1.0);
        assert_eq!(volatility_part(&alternating(99_950), 60_000), 1.0);
        let half = volatility_part(&alternating(99_800), 60_000);
        assert!((half - 0.5).abs() < 0.001, "{half}");
        // The same returns over four minutes are half as volatile per root minute.
        assert!(volatility_part(&alternating(99_800), 240_000) > 0.998);
        assert_eq!(volatility_part(&alternating(90_000), 60_000), SMALLEST_PART);
    }

    #[test]
    fn what_was_taken_comes_back_by_half_each_half_life() {
        let mut depletion = Depletion::default();
        depletion.take(1_000.0, 0);
        assert_eq!(depletion.missing_usd(0), 1_000.0);
        assert_eq!(depletion.missing_usd(15_000), 750.0);
        assert_eq!(depletion.missing_usd(30_000), 500.0);
        assert_eq!(depletion.missing_usd(60_000), 250.0);
        depletion.take(100.0, 60_000);
        assert_eq!(depletion.missing_usd(60_000), 350.0);
        assert!(depletion.missing_usd(i64::MAX / 2) < 1.0);
    }

    #[test]
    fn depletion_empties_the_nearest_levels_first() {
        let levels = [Level { distance_bps: 5, usd: 100.0 }, Level { distance_bps: 10, usd: 200.0 }];
        let sizes: Vec<f64> = quoted(&levels, 0.5, 60.0).iter().map(|level| level.usd).collect();
        assert_eq!(sizes, [0.0, 90.0]);
        let sizes: Vec<f64> = quoted(&levels, 1.0, 1e9).iter().map(|level| level.usd).collect();
        assert_eq!(sizes, [0.0, 0.0]);
    }
}
