//! The market maker, and what liquidations do to the price: quotes from the depth profile around the path, less what was taken lately.
//!
//! What is taken from a side leaves a hole in it, which closes by half every 30 s. The hole's far edge is the *displacement*: how far from
//! the path the next order is. So impact is not a formula beside the book but the book itself.

use taper_engine::params::MarketParams;
use taper_engine::quantity::{Price, Side};

use super::feed::PPM_ONE;
#[cfg(test)]
use crate::replay::depth::RECOVERY_HALF_LIFE_MS;
use crate::replay::depth::{quoted, Depletion, DepthProfile, Level};
use crate::replay::maker::{quote, Quote};

/// Quotes are also renewed after this time while something is missing from them, so that depth comes back in a still market.
const RENEWAL_MS: i64 = 10_000;
const ATOMS_PER_USD: f64 = 1_000_000.0;
const PPM_PER_BPS: f64 = 100.0;

/// The maker's state.
#[derive(Clone, Debug)]
pub struct Maker {
    profile: DepthProfile,
    /// In dollars of the calm profile, so that a hole does not grow when the quotes shrink with volatility.
    bids_missing: Depletion,
    asks_missing: Depletion,
    shown: Option<Shown>,
    was_taken: bool,
    /// The replay's maker remembers holes in plain dollars: true to be compared with it.
    plain_holes: bool,
}

/// What was quoted last.
#[derive(Clone, Copy, Debug)]
struct Shown {
    around: Price,
    time_ms: i64,
    part: f64,
}

impl Maker {
    /// A maker that has not quoted yet.
    pub fn new(profile: DepthProfile, recovery_ms: i64) -> Self {
        Self {
            profile,
            bids_missing: Depletion::new(recovery_ms),
            asks_missing: Depletion::new(recovery_ms),
            shown: None,
            was_taken: false,
            plain_holes: false,
        }
    }

    /// As the replay's maker, for comparison with it.
    #[cfg(test)]
    pub fn of_the_replay(profile: DepthProfile) -> Self {
        Self { plain_holes: true, ..Self::new(profile, RECOVERY_HALF_LIFE_MS) }
    }

    /// What a dollar of calm depth is when that part of it is quoted.
    fn dollar(&self, part: f64) -> f64 {
        if self.plain_holes {
            1.0
        } else {
            part
        }
    }

    /// True when the path has left the nearest level's distance, or when taken depth has had time to come back.
    pub fn is_stale(&self, path: Price, now_ms: i64) -> bool {
        let Some(shown) = self.shown else { return true };
        let moved = i128::from((path.0 - shown.around.0).abs()) * 10_000;
        moved > i128::from(shown.around.0) * i128::from(self.profile.nearest_bps())
            || (self.was_taken && now_ms - shown.time_ms >= RENEWAL_MS)
    }

    /// Decides to quote around the path; what is then shown is [`Self::quotes`].
    pub fn renew(&mut self, path: Price, part: f64, now_ms: i64) {
        self.shown = Some(Shown { around: path, time_ms: now_ms, part });
        let (bids, asks) = (self.bids_missing.missing_usd(now_ms), self.asks_missing.missing_usd(now_ms));
        self.was_taken = bids > 1.0 || asks > 1.0;
    }

    /// The quotes decided on last.
    pub fn quotes(&self, params: &MarketParams) -> Vec<Quote> {
        let Some(Shown { around, time_ms, part }) = self.shown else { return Vec::new() };
        let side = |side: Side, levels: &[Level], missing: &Depletion| -> Vec<Quote> {
            let levels = quoted(levels, part, missing.missing_usd(time_ms) * self.dollar(part));
            levels.iter().filter_map(|level| quote(params, side, around, level)).collect()
        };
        let mut quotes = side(Side::Bid, &self.profile.bids, &self.bids_missing);
        quotes.extend(side(Side::Ask, &self.profile.asks, &self.asks_missing));
        quotes
    }

    /// Remembers a fill against the quotes of a side.
    pub fn filled(&mut self, side: Side, quote_atoms: i64, now_ms: i64) {
        self.was_taken = true;
        let part = self.shown.map_or(1.0, |shown| shown.part);
        let usd = quote_atoms as f64 / ATOMS_PER_USD / self.dollar(part);
        match side {
            Side::Bid => self.bids_missing.take(usd, now_ms),
            Side::Ask => self.asks_missing.take(usd, now_ms),
        }
    }

    /// How far liquidations have moved the market from the path, in millionths; negative downwards.
    pub fn displacement_ppm(&self, now_ms: i64) -> i64 {
        let down = reach_bps(&self.profile.bids, self.bids_missing.missing_usd(now_ms));
        let up = reach_bps(&self.profile.asks, self.asks_missing.missing_usd(now_ms));
        let ppm = ((up - down) * PPM_PER_BPS) as i64;
        ppm.clamp(-PPM_ONE, PPM_ONE)
    }
}

/// How far from the path a hole of that many dollars goes: linear inside a level, at most to the last.
fn reach_bps(levels: &[Level], missing_usd: f64) -> f64 {
    let (mut missing, mut reached) = (missing_usd, 0.0);
    for level in levels {
        let distance = level.distance_bps as f64;
        if missing < level.usd {
            return reached + (distance - reached) * (missing / level.usd);
        }
        missing -= level.usd;
        reached = distance;
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker() -> Maker {
        let level = |distance_bps, usd| Level { distance_bps, usd };
        let profile = DepthProfile {
            bids: vec![level(10, 1_000.0), level(100, 9_000.0)],
            asks: vec![level(10, 1_000.0), level(100, 9_000.0)],
        };
        Maker::new(profile, RECOVERY_HALF_LIFE_MS)
    }

    #[test]
    fn a_sale_displaces_the_market_and_half_of_the_hole_is_gone_in_half_a_minute() {
        let mut maker = maker();
        maker.renew(Price(500_000), 1.0, 0);
        maker.filled(Side::Bid, 5_500_000_000, 0);
        // 1,000 of the first level and half of the second: 10 + 45 bps.
        assert_eq!(maker.displacement_ppm(0), -5_500);
        // 2,750 are left: 10 + 90 × 1,750 / 9,000 bps.
        assert_eq!(maker.displacement_ppm(30_000), -2_750);
        maker.filled(Side::Ask, 2_750_000_000, 30_000);
        assert_eq!(maker.displacement_ppm(30_000), 0);
        maker.filled(Side::Ask, 1_000_000_000_000, 30_000);
        assert_eq!(maker.displacement_ppm(30_000), 10_000 - 2_750);
    }

    #[test]
    fn a_hole_is_as_wide_when_the_quotes_shrink() {
        let mut maker = maker();
        maker.renew(Price(500_000), 0.1, 0);
        maker.filled(Side::Bid, 550_000_000, 0);
        assert_eq!(maker.displacement_ppm(0), -5_500);
        maker.renew(Price(500_000), 0.5, 0);
        assert_eq!(maker.displacement_ppm(0), -5_500);
    }
}
