//! Who has positions when an event begins: leverage, skew and sizes from documented sources (`data/populations.toml`, `data/sizes.csv`).

use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use taper_engine::quantity::{BaseLots, Side};
use taper_engine::EngineError;

use super::feed::Feed;
use crate::replay::population::{self as uniform, deposit_of, Drawn, PopulationSizing, OPEN_INTEREST_DEPTHS};

const BUNDLED: &str = include_str!("../../data/populations.toml");
const SIZES: &str = include_str!("../../data/sizes.csv");

/// The population of `taper-sim replay`: leverage uniform from 5 to 20, sizes uniform over a factor of 8, three quarters long.
pub const REPLAY: &str = "replay";
/// What is drawn if nothing is said.
pub const DEFAULT: &str = "hyperliquid-2025";
/// Bands of leverage share out so many parts of the open interest.
const WHOLE_PERMILLE: u32 = 1_000;

/// Part of the open interest whose leverage lies in a band, evenly spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Band {
    from_tenths: i64,
    to_tenths: i64,
    share_permille: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    name: String,
    title: String,
    /// Part of the accounts' open interest that is long.
    long_percent: i64,
    leverage: Vec<Band>,
}

#[derive(Deserialize)]
struct Bundled {
    population: Vec<Described>,
}

#[derive(Deserialize)]
struct SizeRow {
    debt_usd: u64,
}

/// A population that can be drawn from.
#[derive(Clone, Debug)]
pub struct Population {
    pub name: String,
    pub title: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// As the replay draws it.
    Uniform,
    Documented {
        long_percent: i64,
        bands: Vec<Band>,
        sizes: Vec<u64>,
    },
}

/// Why there is no such population.
#[derive(Debug, thiserror::Error)]
pub enum PopulationError {
    #[error("there is no population '{name}'; known are {known}")]
    Unknown { name: String, known: String },
    #[error("the bundled populations are damaged: {0}")]
    Damaged(String),
}

/// How many accounts are drawn, and against what.
#[derive(Clone, Copy, Debug)]
pub struct Draw<'a> {
    pub feed: &'a Feed,
    pub seed: u64,
    pub accounts: usize,
    /// Open interest of the longs, in tenths of the calm depth within 1%.
    pub interest_tenths: i64,
}

impl Population {
    /// Every population, the replay's last.
    ///
    /// # Errors
    /// `Damaged`, which would be a defect of the build.
    pub fn all() -> Result<Vec<Self>, PopulationError> {
        let damaged = |error: String| PopulationError::Damaged(error);
        let bundled: Bundled = toml::from_str(BUNDLED).map_err(|error| damaged(error.to_string()))?;
        let rows: Result<Vec<SizeRow>, _> = csv::Reader::from_reader(SIZES.as_bytes()).deserialize().collect();
        let sizes: Vec<u64> =
            rows.map_err(|error| damaged(error.to_string()))?.into_iter().map(|row| row.debt_usd).collect();
        let documented = |described: Described| {
            let whole: u32 = described.leverage.iter().map(|band| band.share_permille).sum();
            let sound =
                described.leverage.iter().all(|band| 10 <= band.from_tenths && band.from_tenths <= band.to_tenths);
            if whole != WHOLE_PERMILLE || !sound || !(1..=99).contains(&described.long_percent) || sizes.is_empty() {
                return Err(damaged(described.name));
            }
            let Described { name, title, long_percent, leverage: bands } = described;
            Ok(Self { name, title, kind: Kind::Documented { long_percent, bands, sizes: sizes.clone() } })
        };
        let mut all: Vec<Self> = bundled.population.into_iter().map(documented).collect::<Result<_, _>>()?;
        all.push(Self::replay());
        Ok(all)
    }

    /// The population of that name.
    ///
    /// # Errors
    /// `Unknown`, naming those that exist.
    pub fn bundled(name: &str) -> Result<Self, PopulationError> {
        let all = Self::all()?;
        let known = all.iter().map(|population| population.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = PopulationError::Unknown { name: name.to_owned(), known };
        all.into_iter().find(|population| population.name == name).ok_or(unknown)
    }

    /// The population of `taper-sim replay`.
    pub fn replay() -> Self {
        let title = "as `taper-sim replay` draws it: leverage uniform from 5 to 20, three quarters long".to_owned();
        Self { name: REPLAY.to_owned(), title, kind: Kind::Uniform }
    }

    /// The accounts of a seed: the same under every policy.
    ///
    /// # Errors
    /// `MathOverflow` for sizes beyond the engine's bounds.
    pub fn draw(&self, draw: &Draw<'_>) -> Result<Vec<Drawn>, EngineError> {
        let Draw { feed, seed, accounts, interest_tenths } = *draw;
        let mut sizing = PopulationSizing {
            seed,
            accounts,
            params: &feed.defaults,
            price: feed.opening.price,
            confidence: feed.opening.confidence,
            calm_depth: feed.calm_depth,
        };
        match &self.kind {
            Kind::Uniform => {
                // The replay's draw is for a market whose longs hold so many depths.
                let lots = scaled(feed.calm_depth, interest_tenths, 10 * OPEN_INTEREST_DEPTHS)?;
                sizing.calm_depth = lots;
                uniform::draw(&sizing)
            }
            Kind::Documented { long_percent, bands, sizes } => {
                let longs = scaled(feed.calm_depth, interest_tenths, 10)?;
                let shorts = scaled(longs, 100 - long_percent, *long_percent)?;
                documented(&sizing, *long_percent, bands, sizes, [longs, shorts])
            }
        }
    }
}

/// Rounded down: nobody's money, only the size of a sample.
fn scaled(lots: BaseLots, times: i64, by: i64) -> Result<BaseLots, EngineError> {
    let exact = i128::from(lots.0) * i128::from(times) / i128::from(by.max(1));
    i64::try_from(exact).map(BaseLots).map_err(|_| EngineError::MathOverflow)
}

/// Accounts with sides, sizes and leverage drawn one by one; then the lots of each side are scaled to its open interest.
fn documented(
    sizing: &PopulationSizing<'_>,
    long_percent: i64,
    bands: &[Band],
    sizes: &[u64],
    interest: [BaseLots; 2],
) -> Result<Vec<Drawn>, EngineError> {
    let mut random = ChaCha8Rng::seed_from_u64(sizing.seed);
    let drawn: Vec<(Side, u64, i64)> = (0..sizing.accounts)
        .map(|place| {
            let percent = random.gen_range(0..100);
            // The first two accounts make sure that nobody's side is empty.
            let side = match place {
                0 => Side::Bid,
                1 => Side::Ask,
                _ if percent < long_percent => Side::Bid,
                _ => Side::Ask,
            };
            let size = sizes.get(random.gen_range(0..sizes.len().max(1))).copied().unwrap_or(1).max(1);
            (side, size, leverage(bands, &mut random))
        })
        .collect();
    let whole = |wanted: Side| -> u128 {
        drawn.iter().filter(|(side, ..)| *side == wanted).map(|(_, size, _)| u128::from(*size)).sum::<u128>().max(1)
    };
    let (long_sizes, short_sizes) = (whole(Side::Bid), whole(Side::Ask));
    let least = sizing.params.min_position_base_lots.max(sizing.params.min_order_base_lots);
    let (mut long_count, mut short_count) = (0, 0);
    drawn
        .into_iter()
        .map(|(side, size, leverage_tenths)| {
            let (letter, count, of, sizes) = match side {
                Side::Bid => ('L', &mut long_count, interest[0], long_sizes),
                Side::Ask => ('S', &mut short_count, interest[1], short_sizes),
            };
            *count += 1;
            let exact = u128::from(of.0.max(0).unsigned_abs()) * u128::from(size) / sizes;
            let lots = BaseLots(i64::try_from(exact).map_err(|_| EngineError::MathOverflow)?.max(least));
            let deposit = deposit_of(sizing, lots, leverage_tenths)?;
            Ok(Drawn { label: format!("{letter}{count:02}"), side, lots, leverage_tenths, deposit })
        })
        .collect()
}

fn leverage(bands: &[Band], random: &mut ChaCha8Rng) -> i64 {
    let mut left = random.gen_range(0..WHOLE_PERMILLE);
    for band in bands {
        if left < band.share_permille {
            return random.gen_range(band.from_tenths..=band.to_tenths);
        }
        left -= band.share_permille;
    }
    bands.last().map_or(10, |band| band.to_tenths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::feed::FeedSource;
    use crate::replay::depth::DepthProfile;
    use crate::replay::events;

    fn feed() -> Feed {
        let event = events::find("sol-2021-05").unwrap();
        let (candles, first) = event.load().unwrap();
        let profile = DepthProfile::bundled(&event.depth).unwrap();
        Feed::new(FeedSource { candles: &candles, first, window: event.candles, profile, jump: None }).unwrap()
    }

    /// Interest and shares come out as described, for every bundled population.
    #[test]
    fn a_draw_has_the_described_interest_skew_and_leverage() {
        let feed = feed();
        for population in Population::all().unwrap() {
            let Kind::Documented { long_percent, bands, .. } = &population.kind else { continue };
            let accounts =
                population.draw(&Draw { feed: &feed, seed: 3, accounts: 1_500, interest_tenths: 45 }).unwrap();
            let held = |side| accounts.iter().filter(|drawn| drawn.side == side).map(|drawn| drawn.lots.0).sum::<i64>();
            let (longs, shorts) = (held(Side::Bid), held(Side::Ask));
            let wanted = feed.calm_depth.0 * 45 / 10;
            // A position is at least the smallest that the market admits, so a few lots more.
            assert!((wanted * 99 / 100..wanted * 103 / 100).contains(&longs), "{} {longs} {wanted}", population.name);
            let percent = longs * 100 / (longs + shorts);
            assert!((percent - long_percent).abs() <= 1, "{} {percent}", population.name);
            for band in bands {
                let inside = |drawn: &&Drawn| (band.from_tenths..=band.to_tenths).contains(&drawn.leverage_tenths);
                let permille = accounts.iter().filter(inside).count() * 1_000 / accounts.len();
                let expected = usize::try_from(band.share_permille).unwrap();
                assert!(permille.abs_diff(expected) < 60, "{} {band:?}: {permille}", population.name);
            }
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_accounts() {
        let feed = feed();
        let draw = |seed| {
            let population = Population::bundled(DEFAULT).unwrap();
            population.draw(&Draw { feed: &feed, seed, accounts: 50, interest_tenths: 30 }).unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn an_unknown_population_is_refused_with_the_names_that_exist() {
        let message = Population::bundled("everybody").unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no population 'everybody'; known are hyperliquid-2025, bitmex-2019, aave-2023, replay"
        );
    }
}
