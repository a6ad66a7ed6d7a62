//! What the world outside does: the path of prices, and how thin the book is on it. The same for every policy and every seed.

use taper_engine::market::LastPrice;
use taper_engine::oracle::{assess, convert, OraclePrice, OracleReading};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};
use taper_engine::{EngineError, Result};

use crate::replay::candles::Candles;
use crate::replay::depth::{volatility_part, DepthProfile, Level, RECOVERY_HALF_LIFE_MS};
use crate::replay::path::{
    base_lot_exponent, calm_confidence, mantissa, next_average, pyth_exponent, steps, Jump, SLOT_MS,
};

/// Slot in which the accounts are opened.
pub const FIRST_SLOT: u64 = 1_000_000;
/// Time between the opening and the first price.
const CALM_MS: i64 = 60_000;
/// Decimals of the quote mint.
const QUOTE_DECIMALS: u8 = 6;
/// A given path: a lot is so many base units, an atom per lot is 10^6 of `10^-10` quote units, and Pyth writes eight decimals.
const GIVEN_EXPONENT: i32 = -2;
const GIVEN_SCALE: i64 = 1_000_000;
const GIVEN_PYTH_EXPONENT: i32 = -8;
/// A given path starts at this time.
const GIVEN_START_MS: i64 = 1_700_000_000_000;
/// One, in the unit of displacements.
pub const PPM_ONE: i64 = 1_000_000;
/// Distances of the book's tail, in basis points, as far as they lie beyond what was measured.
const TAIL_BPS: [i64; 6] = [150, 200, 300, 500, 750, 1_000];

/// One posted price of the path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// When, Unix milliseconds.
    pub time_ms: i64,
    pub slot: u64,
    /// Price without any liquidation, in `10^-10` quote units.
    price: i64,
    confidence: i64,
    average: i64,
    /// Part of the calm sizes that the maker quotes.
    pub part: f64,
}

/// The path, and the market that is listed on it.
#[derive(Clone, Debug)]
pub struct Feed {
    pub ticks: Vec<Tick>,
    /// Ticks of the window; those after it are the day that follows.
    pub window_ticks: usize,
    /// The levels that the maker quotes in calm.
    pub profile: DepthProfile,
    /// Half of what is taken from the book is back after so many milliseconds.
    pub recovery_ms: i64,
    /// Lots within 1% of the price on the thinner side, in calm.
    pub calm_depth: BaseLots,
    /// What Taper's defaults are for this market.
    pub defaults: MarketParams,
    /// The price at which the accounts are opened.
    pub opening: OraclePrice,
    exponent: i32,
}

/// One price of a path that is given, not bridged from candles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint {
    /// Time since the opening, in milliseconds; more than before.
    pub after_ms: i64,
    pub price: Price,
    /// Part of the calm sizes that the maker quotes.
    pub part: f64,
}

/// A market with parameters of its own.
#[derive(Clone, Debug)]
pub struct Listing {
    pub params: MarketParams,
    /// The price at which the accounts are opened.
    pub price: Price,
    pub profile: DepthProfile,
    /// Lots within 1% of the price on the thinner side, in calm.
    pub calm_depth: BaseLots,
}

/// What a feed is made of.
pub struct FeedSource<'a> {
    pub candles: &'a Candles,
    /// First candle of the window; those before it are history.
    pub first: usize,
    /// Candles of the window.
    pub window: usize,
    pub profile: DepthProfile,
    pub jump: Option<Jump>,
}

impl Feed {
    /// Bridges the candles and lists the market at the first price.
    ///
    /// # Errors
    /// Of the engine, for prices or depths beyond its bounds.
    pub fn new(source: FeedSource<'_>) -> Result<Self> {
        let FeedSource { candles, first, window, profile, jump } = source;
        let path = steps(candles, first, jump);
        let start = *path.first().ok_or(EngineError::OracleStale)?;
        let (exponent, lot_exponent) = (pyth_exponent(start.price), base_lot_exponent(start.price));
        let price = convert(mantissa(start.price, exponent), exponent, QUOTE_DECIMALS, lot_exponent)?;
        let calm_depth = BaseLots((profile.calm_usd() * 1e6 / price.0 as f64) as i64);
        let defaults =
            default_params(&MarketSizing { base_lot_exponent: lot_exponent, price, calm_depth_lots: calm_depth })?;
        let parts: Vec<f64> = (0..=candles.rows.len())
            .map(|known| volatility_part(candles.rows.get(..known).unwrap_or_default(), candles.spacing_ms))
            .collect();
        let (start_ms, mut average, mut last_slot) = (start.time_ms - CALM_MS, start.price, FIRST_SLOT);
        let mut ticks = Vec::with_capacity(path.len());
        for step in &path {
            let passed = u64::try_from((step.time_ms - start_ms) / SLOT_MS).map_err(|_| EngineError::MathOverflow)?;
            let slot = FIRST_SLOT + passed;
            let slots = i64::try_from(slot - last_slot).map_err(|_| EngineError::MathOverflow)?;
            average = next_average(average, step.price, slots);
            last_slot = slot;
            let part = parts.get(step.candle).copied().unwrap_or(1.0);
            let (price, confidence) = (step.price, step.confidence);
            ticks.push(Tick { time_ms: step.time_ms, slot, price, confidence, average, part });
        }
        let end = first.saturating_add(window);
        let window_ticks = path.iter().take_while(|step| step.candle < end).count();
        let calm = Tick {
            time_ms: start_ms,
            slot: FIRST_SLOT,
            price: start.price,
            confidence: calm_confidence(start.price),
            average: start.price,
            part: 1.0,
        };
        let opening = posted(&calm, exponent, 0, &defaults)?;
        let recovery_ms = RECOVERY_HALF_LIFE_MS;
        Ok(Self { ticks, window_ticks, profile, recovery_ms, calm_depth, defaults, opening, exponent })
    }

    /// A market of these parameters on a given path; all of it is the window. What a lot is in base units does not matter to any rule, so
    /// it is listed at a hundredth, for which prices are exact.
    ///
    /// # Errors
    /// Of the engine, for prices beyond its bounds.
    pub fn on_path(listing: &Listing, points: &[PathPoint]) -> Result<Self> {
        let defaults = MarketParams { base_lot_exponent: GIVEN_EXPONENT, ..listing.params };
        let written = |price: Price| price.0.checked_mul(GIVEN_SCALE).ok_or(EngineError::MathOverflow);
        let opening_price = written(listing.price)?;
        let calm = |time_ms: i64, slot: u64, price: i64, average: i64, part: f64| Tick {
            time_ms,
            slot,
            price,
            confidence: calm_confidence(price),
            average,
            part,
        };
        let (mut average, mut last_slot) = (opening_price, FIRST_SLOT);
        let mut ticks = Vec::with_capacity(points.len());
        for point in points {
            let passed = u64::try_from(point.after_ms / SLOT_MS).map_err(|_| EngineError::MathOverflow)?;
            let (slot, price) = (FIRST_SLOT + passed, written(point.price)?);
            let slots = i64::try_from(slot.saturating_sub(last_slot)).map_err(|_| EngineError::MathOverflow)?;
            average = next_average(average, price, slots);
            last_slot = slot;
            ticks.push(calm(GIVEN_START_MS + point.after_ms, slot, price, average, point.part));
        }
        let opening_tick = calm(GIVEN_START_MS, FIRST_SLOT, opening_price, opening_price, 1.0);
        let opening = posted(&opening_tick, GIVEN_PYTH_EXPONENT, 0, &defaults)?;
        let (profile, calm_depth, exponent) = (listing.profile.clone(), listing.calm_depth, GIVEN_PYTH_EXPONENT);
        let (window_ticks, recovery_ms) = (ticks.len(), RECOVERY_HALF_LIFE_MS);
        Ok(Self { ticks, window_ticks, profile, recovery_ms, calm_depth, defaults, opening, exponent })
    }

    /// The price that the oracle posts when liquidations have moved the market by so many millionths.
    ///
    /// # Errors
    /// As the program would refuse it.
    pub fn posted(&self, tick: &Tick, moved_ppm: i64, params: &MarketParams) -> Result<OraclePrice> {
        posted(tick, self.exponent, moved_ppm, params)
    }

    /// The path's own price.
    ///
    /// # Errors
    /// As the program would refuse it.
    pub fn unmoved(&self, tick: &Tick) -> Result<Price> {
        convert(mantissa(tick.price, self.exponent), self.exponent, QUOTE_DECIMALS, self.defaults.base_lot_exponent)
    }
}

fn posted(tick: &Tick, exponent: i32, moved_ppm: i64, params: &MarketParams) -> Result<OraclePrice> {
    let moved = i128::from(tick.price) * i128::from(moved_ppm) / i128::from(PPM_ONE);
    let price = tick.price + i64::try_from(moved).map_err(|_| EngineError::MathOverflow)?;
    let publish_time_seconds = tick.time_ms.div_euclid(1_000);
    let reading = OracleReading {
        price: mantissa(price, exponent),
        confidence: mantissa(tick.confidence, exponent).max(1).unsigned_abs(),
        exponent,
        ema_price: mantissa(tick.average, exponent),
        publish_time_seconds,
    };
    let none = LastPrice { price_atoms_per_lot: 0, publish_time_seconds: 0, used_slot: 0 };
    assess(&reading, params, QUOTE_DECIMALS, &none, publish_time_seconds)
}

/// The profile, and beyond what was measured as many dollars a basis point as the thinner side has on average within 1%, up to a tenth of
/// the price. Without it nothing could ever be sold further than one or two percent from the path, and closing everything at once would
/// look harmless.
pub fn with_tail(mut profile: DepthProfile) -> DepthProfile {
    let usd_per_bps = profile.calm_usd() / 100.0;
    for levels in [&mut profile.bids, &mut profile.asks] {
        let mut reached = levels.last().map_or(0, |level| level.distance_bps);
        for distance_bps in TAIL_BPS {
            if distance_bps > reached {
                levels.push(Level { distance_bps, usd: usd_per_bps * (distance_bps - reached) as f64 });
                reached = distance_bps;
            }
        }
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_goes_on_at_the_density_of_the_first_percent() {
        let measured = DepthProfile::bundled("sol").unwrap();
        let profile = with_tail(measured.clone());
        let count = measured.bids.len();
        assert_eq!(profile.bids[..count], measured.bids);
        let tail: Vec<_> = profile.bids[count..].iter().map(|level| (level.distance_bps, level.usd)).collect();
        assert_eq!(tail, [(300, 90_272.0), (500, 180_544.0), (750, 225_680.0), (1_000, 225_680.0)]);
        assert_eq!(profile.calm_usd(), measured.calm_usd());
    }
}
