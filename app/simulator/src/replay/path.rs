//! The price path of a replay: candles, bridged.
//!
//! A candle becomes four points a quarter of its spacing apart: open, then low and high (the low first in a rising candle, the high
//! first in a falling one, which is the shortest way through all four), then close. Between points the price goes in equal steps of
//! two and a half seconds. A live Pyth feed is at least as smooth; jumping from point to point would invent gaps that nobody saw.

use super::candles::{Candle, Candles};
use super::decimal::PRICE_DECIMALS;

/// Milliseconds of a slot.
pub const SLOT_MS: i64 = 400;
/// Time between two posted prices, where the spacing allows it.
const STEP_MS: i64 = 2_500;
/// Most steps between two points: long candles get longer steps.
const MAX_STEPS_PER_POINT: i64 = 24;
/// Confidence is never below this part of the price: what Pyth showed for SOL, BTC and ETH in calm (`data/pyth`: 4 to 15 bps).
const CONFIDENCE_FLOOR_BPS: i64 = 4;
/// Confidence is this part of the candle's range where that is more: in a wide candle publishers disagree.
const CONFIDENCE_RANGE_DIVISOR: i64 = 50;
/// No feed publishes a price that it knows no better than this; the program would take it for no price at all.
const CONFIDENCE_CEILING_BPS: i64 = 250;
/// Slots over which Pyth's moving average forgets (about an hour).
const EMA_SLOTS: i64 = 5_921;

/// One posted price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, Unix milliseconds.
    pub time_ms: i64,
    /// Candle it belongs to.
    pub candle: usize,
    /// Price, in `10^-10` quote units.
    pub price: i64,
    /// Confidence, in `10^-10` quote units.
    pub confidence: i64,
}

/// A jump put into the path: from one posted price to the next, and all prices after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The candle with whose first price it happens.
    pub candle: usize,
    /// What is left of the price, in basis points: 6,000 is a fall of 40%.
    pub left_bps: i64,
}

impl Jump {
    fn apply(self, step: &mut Step) {
        if step.candle >= self.candle {
            step.price = bps_of(step.price, self.left_bps);
            step.confidence = bps_of(step.confidence, self.left_bps);
        }
    }
}

/// The steps of the candles from `first` on, with a jump if there is to be one. The last candle ends with its close.
pub fn steps(candles: &Candles, first: usize, jump: Option<Jump>) -> Vec<Step> {
    let mut steps = bridged(candles, first);
    if let Some(jump) = jump {
        // The way to the first price of the candle belongs to the candle before, and goes to where its prices end.
        steps.iter_mut().for_each(|step| jump.apply(step));
    }
    steps
}

fn bridged(candles: &Candles, first: usize) -> Vec<Step> {
    let quarter_ms = candles.spacing_ms / 4;
    let mut points = Vec::new();
    for (index, candle) in candles.rows.iter().enumerate().skip(first) {
        for (offset, price) in (0..).zip(corners(candle)) {
            points.push((index, candle.time_ms + quarter_ms * offset, price));
        }
    }
    let count = (quarter_ms / STEP_MS).clamp(1, MAX_STEPS_PER_POINT);
    let mut steps = Vec::new();
    for (place, &(candle, time_ms, price)) in points.iter().enumerate() {
        let (next_ms, next_price, parts) = match points.get(place + 1) {
            Some(&(_, next_ms, next_price)) => (next_ms, next_price, count),
            None => (time_ms, price, 1),
        };
        for part in 0..parts {
            let moved = i128::from(next_price - price) * i128::from(part) / i128::from(parts);
            let price = price + i64::try_from(moved).unwrap_or(0);
            let confidence = confidence_of(&candles.rows[candle], price);
            steps.push(Step { time_ms: time_ms + (next_ms - time_ms) * part / parts, candle, price, confidence });
        }
    }
    steps
}

fn corners(candle: &Candle) -> [i64; 4] {
    if candle.close < candle.open {
        [candle.open, candle.high, candle.low, candle.close]
    } else {
        [candle.open, candle.low, candle.high, candle.close]
    }
}

fn confidence_of(candle: &Candle, price: i64) -> i64 {
    let range = (candle.high - candle.low) / CONFIDENCE_RANGE_DIVISOR;
    range.clamp(calm_confidence(price), bps_of(price, CONFIDENCE_CEILING_BPS))
}

/// Confidence of a price while nothing happens.
pub fn calm_confidence(price: i64) -> i64 {
    bps_of(price, CONFIDENCE_FLOOR_BPS)
}

fn bps_of(price: i64, bps: i64) -> i64 {
    i64::try_from(i128::from(price) * i128::from(bps) / 10_000).unwrap_or(0)
}

/// Pyth's moving average, after `slots` more at this price.
pub fn next_average(average: i64, price: i64, slots: i64) -> i64 {
    let slots = slots.clamp(0, EMA_SLOTS);
    let moved = i128::from(price - average) * i128::from(slots) / i128::from(EMA_SLOTS);
    average + i64::try_from(moved).unwrap_or(0)
}

/// How a feed of this price writes its numbers: Pyth uses −8 for almost everything, −10 for prices of fractions of a cent.
pub fn pyth_exponent(price: i64) -> i32 {
    if price >= 10i64.pow(PRICE_DECIMALS - 2) {
        -8
    } else {
        -10
    }
}

/// A price in `10^-10` as a mantissa for that exponent, to the nearest.
pub fn mantissa(price: i64, exponent: i32) -> i64 {
    if exponent == -8 {
        (price + 50) / 100
    } else {
        price
    }
}

/// Lots such that a lot costs at least 10^5 atoms (0.1 of a quote unit with six decimals) and less than 10^6.
pub fn base_lot_exponent(price: i64) -> i32 {
    // Atoms per base unit = price × 10^6 / 10^10.
    let (mut exponent, mut scaled) = (0, i128::from(price));
    let (low, high) = (1_000_000_000i128, 10_000_000_000i128);
    while scaled >= high {
        scaled /= 10;
        exponent -= 1;
    }
    while scaled < low {
        scaled *= 10;
        exponent += 1;
    }
    exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: i64 = 10_000_000_000;

    fn candle(time_ms: i64, prices: [i64; 4]) -> Candle {
        let [open, high, low, close] = prices.map(|price| price * UNIT);
        Candle { time_ms, open, high, low, close }
    }

    #[test]
    fn a_falling_candle_goes_up_first_and_a_rising_one_down() {
        let rows = vec![candle(0, [100, 106, 88, 94]), candle(60_000, [94, 103, 91, 100])];
        let steps = steps(&Candles { spacing_ms: 60_000, rows }, 0, None);
        let at = |seconds: i64| steps.iter().find(|step| step.time_ms == seconds * 1_000).unwrap().price;
        assert_eq!([at(0), at(15), at(30), at(45)], [100, 106, 88, 94].map(|p| p * UNIT));
        assert_eq!([at(60), at(75), at(90), at(105)], [94, 91, 103, 100].map(|p| p * UNIT));
        assert_eq!([at(5), at(10)], [102, 104].map(|p| p * UNIT));
        assert_eq!(steps.len(), 24 + 18 + 1);
        assert_eq!(steps.last().unwrap().time_ms, 105_000);
        assert!(steps.windows(2).all(|pair| pair[0].time_ms < pair[1].time_ms));
    }

    #[test]
    fn a_jump_moves_every_price_from_its_candle_on() {
        let rows = vec![candle(0, [100; 4]), candle(60_000, [100; 4]), candle(120_000, [100; 4])];
        let candles = Candles { spacing_ms: 60_000, rows };
        let steps = steps(&candles, 0, Some(Jump { candle: 1, left_bps: 6_000 }));
        let at = |candle: usize| steps.iter().filter(move |step| step.candle == candle);
        assert!(at(0).all(|step| step.price == 100 * UNIT));
        assert!(at(1).chain(at(2)).all(|step| step.price == 60 * UNIT && step.confidence == 60 * UNIT / 2_500));
    }

    #[test]
    fn history_before_the_window_is_not_replayed() {
        let rows = vec![candle(0, [1; 4]), candle(60_000, [2; 4]), candle(120_000, [3; 4])];
        let steps = steps(&Candles { spacing_ms: 60_000, rows }, 1, None);
        assert_eq!((steps[0].candle, steps[0].time_ms, steps[0].price), (1, 60_000, 2 * UNIT));
    }

    #[test]
    fn long_candles_get_longer_steps_and_short_ones_a_step_a_point() {
        let of = |spacing_ms: i64| {
            let rows = vec![candle(0, [1; 4]), candle(spacing_ms, [1; 4])];
            steps(&Candles { spacing_ms, rows }, 0, None)
        };
        assert_eq!(of(3_600_000)[1].time_ms, 37_500);
        assert_eq!(
            of(1_000).iter().map(|step| step.time_ms).collect::<Vec<_>>(),
            [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]
        );
    }

    #[test]
    fn confidence_follows_the_range_between_a_floor_and_a_ceiling() {
        assert_eq!(confidence_of(&candle(0, [100, 100, 100, 100]), 100 * UNIT), UNIT / 25);
        assert_eq!(confidence_of(&candle(0, [100, 100, 50, 50]), 100 * UNIT), UNIT);
        assert_eq!(confidence_of(&candle(0, [100, 900, 100, 100]), 100 * UNIT), UNIT * 5 / 2);
    }

    #[test]
    fn confidence_stays_below_its_ceiling_on_the_way_through_a_collapse() {
        let rows = vec![candle(0, [1_000; 4]), candle(60_000, [1_000, 1_000, 1, 1])];
        let steps = steps(&Candles { spacing_ms: 60_000, rows }, 0, None);
        assert!(steps.iter().all(|step| i128::from(step.confidence) * 40 <= i128::from(step.price)));
    }

    #[test]
    fn scales() {
        assert_eq!(base_lot_exponent(50 * UNIT), -2);
        assert_eq!(base_lot_exponent(7_889 * UNIT), -4);
        assert_eq!(base_lot_exponent(UNIT / 10), 0);
        assert_eq!(base_lot_exponent(UNIT - 1), 0);
        assert_eq!(base_lot_exponent(145_975), 4);
        assert_eq!((pyth_exponent(50 * UNIT), pyth_exponent(145_975)), (-8, -10));
        assert_eq!((mantissa(149, -8), mantissa(150, -8), mantissa(149, -10)), (1, 2, 149));
        assert_eq!(next_average(100, 200, EMA_SLOTS / 2), 149);
        assert_eq!(next_average(100, 200, i64::MAX), 200);
    }
}
