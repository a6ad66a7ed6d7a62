//! What the market maker quotes: the depth profile around the oracle, shrunk by volatility and by what was taken lately.

use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, Side};

use super::depth::{quoted, Depletion, DepthProfile, Level};

/// Quotes are also renewed after this time while something is missing from them, so that depth comes back in a still market.
const RENEWAL_MS: i64 = 10_000;
const ATOMS_PER_USD: f64 = 1_000_000.0;

/// An order to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub side: Side,
    pub price: Price,
    pub lots: BaseLots,
}

/// The maker's state.
#[derive(Clone, Debug)]
pub struct Maker {
    profile: DepthProfile,
    bids_missing: Depletion,
    asks_missing: Depletion,
    quoted_at: Option<(Price, i64)>,
    was_taken: bool,
}

impl Maker {
    /// A maker with a profile, that has not quoted yet.
    pub fn new(profile: DepthProfile) -> Self {
        Self {
            profile,
            bids_missing: Depletion::default(),
            asks_missing: Depletion::default(),
            quoted_at: None,
            was_taken: false,
        }
    }

    /// True when the price has left the nearest level's distance, or when taken depth has had time to come back.
    pub fn is_stale(&self, price: Price, now_ms: i64) -> bool {
        let Some((at, when_ms)) = self.quoted_at else { return true };
        let moved = i128::from((price.0 - at.0).abs()) * 10_000;
        moved > i128::from(at.0) * i128::from(self.profile.nearest_bps())
            || (self.was_taken && now_ms - when_ms >= RENEWAL_MS)
    }

    /// New quotes around a price; `part` is the volatility's.
    pub fn quotes(&mut self, params: &MarketParams, price: Price, part: f64, now_ms: i64) -> Vec<Quote> {
        self.quoted_at = Some((price, now_ms));
        let (bids, asks) = (self.bids_missing.missing_usd(now_ms), self.asks_missing.missing_usd(now_ms));
        self.was_taken = bids > 1.0 || asks > 1.0;
        let side = |side: Side, levels: &[Level], missing: f64| -> Vec<Quote> {
            let levels = quoted(levels, part, missing);
            levels.iter().filter_map(|level| quote(params, side, price, level)).collect()
        };
        let mut quotes = side(Side::Bid, &self.profile.bids, bids);
        quotes.extend(side(Side::Ask, &self.profile.asks, asks));
        quotes
    }

    /// Remembers a fill against the quotes of a side.
    pub fn filled(&mut self, side: Side, quote_atoms: i64, now_ms: i64) {
        self.was_taken = true;
        let usd = quote_atoms as f64 / ATOMS_PER_USD;
        match side {
            Side::Bid => self.bids_missing.take(usd, now_ms),
            Side::Ask => self.asks_missing.take(usd, now_ms),
        }
    }
}

/// An order for a level: its price on the tick away from the oracle, its size in whole lots; `None` if that is too little.
pub fn quote(params: &MarketParams, side: Side, oracle: Price, level: &Level) -> Option<Quote> {
    let tick = params.tick_size_atoms_per_lot.max(1);
    let exact = i128::from(oracle.0) * i128::from(10_000 + -side.sign() * level.distance_bps);
    let unit = 10_000 * i128::from(tick);
    let ticks = match side {
        Side::Bid => exact.div_euclid(unit),
        Side::Ask => -(-exact).div_euclid(unit),
    };
    let price = Price(i64::try_from(ticks).ok()?.checked_mul(tick)?);
    let lots = BaseLots((level.usd * ATOMS_PER_USD / oracle.0 as f64) as i64);
    (price.0 > 0 && lots.0 >= params.min_order_base_lots.max(1)).then_some(Quote { side, price, lots })
}

#[cfg(test)]
mod tests {
    use taper_engine::presets::{default_params, MarketSizing};

    use super::*;

    fn params() -> MarketParams {
        let sizing = MarketSizing { base_lot_exponent: -2, price: Price(500_000), calm_depth_lots: BaseLots(200_000) };
        let mut params = default_params(&sizing).unwrap();
        params.tick_size_atoms_per_lot = 30;
        params
    }

    fn maker() -> Maker {
        let level = |distance_bps, usd| Level { distance_bps, usd };
        Maker::new(DepthProfile {
            bids: vec![level(5, 1_000.0), level(100, 50_000.0)],
            asks: vec![level(10, 2_000.0), level(100, 0.3)],
        })
    }

    #[test]
    fn quotes_lie_on_the_tick_away_from_the_oracle() {
        let quotes = maker().quotes(&params(), Price(500_001), 1.0, 0);
        let bid = |price, lots| Quote { side: Side::Bid, price: Price(price), lots: BaseLots(lots) };
        // 499,750.9995 and 495,000.99 down to the tick of 30; 500,501.001 up; 0.3 dollars are not a lot.
        let ask = Quote { side: Side::Ask, price: Price(500_520), lots: BaseLots(3_999) };
        assert_eq!(quotes, [bid(499_740, 1_999), bid(495_000, 99_999), ask]);
    }

    #[test]
    fn what_was_taken_is_missing_until_it_is_back() {
        let mut maker = maker();
        maker.quotes(&params(), Price(500_000), 1.0, 0);
        maker.filled(Side::Bid, 31_000_000_000, 0);
        let lots = |maker: &mut Maker, now_ms| -> Vec<i64> {
            let quotes = maker.quotes(&params(), Price(500_000), 1.0, now_ms);
            quotes.iter().filter(|quote| quote.side == Side::Bid).map(|quote| quote.lots.0).collect()
        };
        assert_eq!(lots(&mut maker, 0), [40_000]);
        assert_eq!(lots(&mut maker, 30_000), [71_000]);
        assert_eq!(lots(&mut maker, 30_000 * 40), [1_999, 100_000]);
    }

    #[test]
    fn quotes_are_stale_when_the_price_left_them_or_depth_can_come_back() {
        let (params, mut maker) = (params(), maker());
        assert!(maker.is_stale(Price(500_000), 0));
        maker.quotes(&params, Price(500_000), 1.0, 0);
        assert!(!maker.is_stale(Price(500_250), 60_000));
        assert!(maker.is_stale(Price(500_251), 0));
        assert!(maker.is_stale(Price(499_749), 0));
        maker.filled(Side::Ask, 1_000_000_000, 0);
        assert!(!maker.is_stale(Price(500_000), 9_999));
        assert!(maker.is_stale(Price(500_000), 10_000));
    }
}
