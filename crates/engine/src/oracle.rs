//! From a decoded oracle reading to a price that may be used: conversion, grading, bias. Knows no account layout.
//!
//! Every function takes any bit pattern of its integers: extreme input gives the specific error, never a panic.

#[cfg(test)]
mod tests;

use crate::error::{EngineError, Result};
use crate::market::LastPrice;
use crate::params::MarketParams;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, Price, BPS_ONE, MAX_PRICE_ATOMS_PER_LOT};

/// Smallest exponent of a reading that is accepted.
pub const MIN_EXPONENT: i32 = -18;
/// Largest exponent of a reading that is accepted.
pub const MAX_EXPONENT: i32 = 4;
/// Seconds in a minute times one in bps: the divisor of a rate in bps per minute applied for some seconds.
const MINUTE_BPS: u64 = 600_000;

/// What an oracle account says, decoded but not judged. Integers as published; `10^exponent` quote units per base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleReading {
    /// Price mantissa.
    pub price: i64,
    /// Confidence mantissa.
    pub confidence: u64,
    /// Exponent of all mantissas.
    pub exponent: i32,
    /// EMA mantissa; zero or negative when there is none.
    pub ema_price: i64,
    /// Publish time, Unix seconds.
    pub publish_time_seconds: i64,
}

/// What a price may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Everything.
    Fresh,
    /// Risk reduction, and liquidation in the hard stage or worse.
    Degraded,
    /// Valuing a leg beside live ones: the last good price, moved in the account's favour.
    Frozen,
}

/// A price that has passed the checks for its grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OraclePrice {
    /// Mid price.
    pub price: Price,
    /// Half-width of the interval, in atoms per lot, rounded up. For a frozen price: the bias in the account's favour.
    pub confidence: Price,
    /// EMA, or the price where there is none.
    pub ema: Price,
    /// Publish time, Unix seconds.
    pub publish_time_seconds: i64,
    /// What it may be used for.
    pub grade: Grade,
}

/// How a conversion rounds what is finer than an atom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// To the nearest atom, a tie away from zero.
    Nearest,
    /// Up.
    Up,
}

/// `mantissa × 10^(exponent + quote_decimals + base_lot_exponent)` in quote atoms per lot, exact, rounded to the nearest atom,
/// a tie away from zero (so up: prices are positive). It favours nobody: the error is at most half an atom per lot either way.
///
/// # Errors
/// `OraclePriceNotPositive` for a mantissa of zero or less; `OracleExponentOutOfRange` outside
/// [`MIN_EXPONENT`]`..=`[`MAX_EXPONENT`]; `OraclePriceOutOfRange` when the result is not within `1..=2^40` atoms per lot.
pub fn convert(mantissa: i64, exponent: i32, quote_decimals: u8, base_lot_exponent: i32) -> Result<Price> {
    if mantissa <= 0 {
        return Err(EngineError::OraclePriceNotPositive);
    }
    let shift = decimal_shift(exponent, quote_decimals, base_lot_exponent)?;
    match scale(mantissa.unsigned_abs(), shift, Rounding::Nearest) {
        Some(atoms) if atoms.is_positive() && atoms <= MAX_PRICE_ATOMS_PER_LOT => Ok(Price(atoms)),
        _ => Err(EngineError::OraclePriceOutOfRange),
    }
}

/// Judges a reading against the market's parameters, the price it used last, and the clock.
///
/// Checked in this order: sign, time (absent, ahead of the clock, too old, older than the last one used), exponent, range,
/// confidence. `Fresh` needs both age and confidence to be fresh; `Degraded` needs both within their maximum.
///
/// # Errors
/// `OraclePriceNotPositive`, `OracleStale` (also for a publish time of zero or less: an account that carries none),
/// `OracleFromTheFuture`, `OracleOlderThanLast`, `OracleExponentOutOfRange`, `OraclePriceOutOfRange`,
/// `OracleConfidenceTooWide`.
pub fn assess(
    reading: &OracleReading,
    params: &MarketParams,
    quote_decimals: u8,
    last: &LastPrice,
    now_seconds: i64,
) -> Result<OraclePrice> {
    if reading.price <= 0 {
        return Err(EngineError::OraclePriceNotPositive);
    }
    let age = check_time(reading.publish_time_seconds, params, last, now_seconds)?;
    let price = convert(reading.price, reading.exponent, quote_decimals, params.base_lot_exponent)?;
    if !confidence_within(reading, params.oracle_max_confidence_bps) {
        return Err(EngineError::OracleConfidenceTooWide);
    }
    let shift = decimal_shift(reading.exponent, quote_decimals, params.base_lot_exponent)?;
    // Up: a wider interval makes liquidation harder and new risk dearer; it is the cautious side of both.
    let confidence = scale(reading.confidence, shift, Rounding::Up)
        .filter(|atoms| *atoms <= MAX_PRICE_ATOMS_PER_LOT)
        .ok_or(EngineError::OracleConfidenceTooWide)?;
    let is_fresh = age <= i64::from(params.oracle_fresh_age_seconds)
        && confidence_within(reading, params.oracle_fresh_confidence_bps);
    Ok(OraclePrice {
        price,
        confidence: Price(confidence),
        ema: convert_ema(reading.ema_price, shift, price),
        publish_time_seconds: reading.publish_time_seconds,
        grade: if is_fresh { Grade::Fresh } else { Grade::Degraded },
    })
}

/// What is known of a price that cannot be used now: the newer of the price the market used last and what the oracle account itself
/// still says, if that was once a good price (sign, exponent, range, confidence, not ahead of the clock). In a market where nobody
/// traded for hours, the account's own last word is hours newer.
pub fn last_known(
    reading: Option<&OracleReading>,
    params: &MarketParams,
    quote_decimals: u8,
    last: &LastPrice,
    now_seconds: i64,
) -> LastPrice {
    let newer = reading.filter(|reading| {
        let ahead = reading.publish_time_seconds.saturating_sub(now_seconds);
        reading.publish_time_seconds > last.publish_time_seconds.max(0)
            && ahead <= i64::from(params.oracle_future_skew_seconds)
            && reading.price > 0
            && confidence_within(reading, params.oracle_max_confidence_bps)
    });
    let priced = newer.and_then(|reading| {
        let price = convert(reading.price, reading.exponent, quote_decimals, params.base_lot_exponent).ok()?;
        Some((reading.publish_time_seconds, price))
    });
    match priced {
        Some((publish_time_seconds, price)) => {
            LastPrice { price_atoms_per_lot: price.0, publish_time_seconds, used_slot: last.used_slot }
        }
        None => *last,
    }
}

/// The last known price of a market whose oracle is silent or unusable, with a bias in the account's favour that grows with the
/// price's age: `ceil(price × oracle_frozen_bias_bps_per_minute × age in seconds ÷ 600,000)`, rounded up in the account's
/// favour, at most `ceil(price × imr₁)`: a frozen leg can shield the others by its own initial margin and no more, however long
/// its oracle is silent.
///
/// # Errors
/// `OracleStale` when the market never had a price; `OraclePriceOutOfRange` when the stored one is above `2^40`.
pub fn frozen(last: &LastPrice, params: &MarketParams, now_seconds: i64) -> Result<OraclePrice> {
    if last.price_atoms_per_lot <= 0 {
        return Err(EngineError::OracleStale);
    }
    if last.price_atoms_per_lot > MAX_PRICE_ATOMS_PER_LOT {
        return Err(EngineError::OraclePriceOutOfRange);
    }
    let price = last.price_atoms_per_lot.unsigned_abs();
    let age_seconds = now_seconds.saturating_sub(last.publish_time_seconds).max(0).unsigned_abs();
    let rate_seconds = u64::from(params.oracle_frozen_bias_bps_per_minute).saturating_mul(age_seconds);
    let initial_rate = params.tiers().first().map_or(0, |tier| u64::from(tier.imr_bps));
    let cap = mul_div_up(price, initial_rate, BPS_ONE.unsigned_abs())?;
    let bias = mul_div_up(price, rate_seconds, MINUTE_BPS).unwrap_or(u64::MAX).min(cap);
    Ok(OraclePrice {
        price: Price(last.price_atoms_per_lot),
        confidence: Price(i64::try_from(bias).map_err(|_| EngineError::OraclePriceOutOfRange)?),
        ema: Price(last.price_atoms_per_lot),
        publish_time_seconds: last.publish_time_seconds,
        grade: Grade::Frozen,
    })
}

/// Checks that the live prices of an account's legs were published within `max_skew_seconds` of each other. Frozen prices do
/// not count: they are old by definition, and biased for it.
///
/// # Errors
/// `OracleLegsSkewed`.
pub fn check_skew<'a>(prices: impl IntoIterator<Item = &'a OraclePrice>, max_skew_seconds: u32) -> Result<()> {
    let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
    for price in prices {
        if price.grade != Grade::Frozen {
            earliest = earliest.min(price.publish_time_seconds);
            latest = latest.max(price.publish_time_seconds);
        }
    }
    if latest > earliest && latest.saturating_sub(earliest) > i64::from(max_skew_seconds) {
        return Err(EngineError::OracleLegsSkewed);
    }
    Ok(())
}

impl LastPrice {
    /// Records the price that the market has just used. Its publish time never goes back (INV-16). A frozen price is this very
    /// record and changes nothing.
    ///
    /// # Errors
    /// `OracleOlderThanLast`, and nothing is recorded.
    pub fn record(&mut self, price: &OraclePrice, slot: u64) -> Result<()> {
        if price.grade == Grade::Frozen {
            return Ok(());
        }
        if price.publish_time_seconds < self.publish_time_seconds {
            return Err(EngineError::OracleOlderThanLast);
        }
        self.price_atoms_per_lot = price.price.0;
        self.publish_time_seconds = price.publish_time_seconds;
        self.used_slot = self.used_slot.max(slot);
        Ok(())
    }
}

impl OraclePrice {
    /// The edge of the interval at which this position is worth most: above for a long, below for a short (at least 1 atom per
    /// lot, at most `2^40`), the mid price for a flat one.
    #[inline]
    pub fn favourable(&self, base: BaseLots) -> Price {
        if base.is_positive() {
            raised(self.price, self.confidence)
        } else if base.is_negative() {
            lowered(self.price, self.confidence)
        } else {
            self.price
        }
    }

    /// The price biased against this position, for initial health: for a long the lesser of the price and the EMA, but at most
    /// `oracle_ema_bias_max_bps` below the price (that limit in atoms rounded down, in the account's favour, so that it is never
    /// exceeded), then lower by the confidence; for a short the mirror image; the mid price for a flat one. Stays within
    /// `1..=2^40` atoms per lot.
    #[inline]
    pub fn adverse(&self, base: BaseLots, params: &MarketParams) -> Price {
        if base.is_zero() {
            return self.price;
        }
        let limit = Price(self.ema_bias_limit(params.oracle_ema_bias_max_bps));
        if base.is_positive() {
            let biased = self.price.min(self.ema.max(lowered(self.price, limit)));
            lowered(biased, self.confidence)
        } else {
            let biased = self.price.max(self.ema.min(raised(self.price, limit)));
            raised(biased, self.confidence)
        }
    }

    /// `price × max_bps`, in atoms per lot, rounded down.
    fn ema_bias_limit(&self, max_bps: u32) -> i64 {
        mul_div_down(self.price.0.max(0).unsigned_abs(), u64::from(max_bps), BPS_ONE.unsigned_abs())
            .ok()
            .and_then(|atoms| i64::try_from(atoms).ok())
            .unwrap_or(MAX_PRICE_ATOMS_PER_LOT)
    }
}

/// `price + distance`, at most the largest price.
#[inline]
fn raised(price: Price, distance: Price) -> Price {
    Price(price.0.saturating_add(distance.0).min(MAX_PRICE_ATOMS_PER_LOT))
}

/// `price − distance`, at least one atom per lot: a price is positive wherever it is used.
#[inline]
fn lowered(price: Price, distance: Price) -> Price {
    Price(price.0.saturating_sub(distance.0).max(1))
}

/// The power of ten between a mantissa and quote atoms per lot.
fn decimal_shift(exponent: i32, quote_decimals: u8, base_lot_exponent: i32) -> Result<i32> {
    if !(MIN_EXPONENT..=MAX_EXPONENT).contains(&exponent) {
        return Err(EngineError::OracleExponentOutOfRange);
    }
    // Saturation changes nothing: a shift beyond ±20 leaves the range of prices anyway.
    Ok(exponent.saturating_add(i32::from(quote_decimals)).saturating_add(base_lot_exponent))
}

/// `mantissa × 10^shift`, exact, then rounded; `None` when it leaves `i64`.
fn scale(mantissa: u64, shift: i32, rounding: Rounding) -> Option<i64> {
    if mantissa == 0 {
        return Some(0);
    }
    let factor = 10u64.checked_pow(shift.unsigned_abs());
    if shift >= 0 {
        return i64::try_from(mantissa.checked_mul(factor?)?).ok();
    }
    let (quotient, remainder) = match factor {
        Some(divisor) => (mantissa.checked_div(divisor)?, mantissa.checked_rem(divisor)?),
        // 10^20 and more: the quotient is a fraction under 0.2, so it is zero, with a remainder.
        None => (0, mantissa),
    };
    let rounds_up = match rounding {
        Rounding::Up => remainder > 0,
        // A tie (the remainder is half of the divisor) goes up. Written without doubling the remainder, which could overflow.
        Rounding::Nearest => factor.is_some_and(|divisor| remainder >= divisor.saturating_sub(remainder)),
    };
    i64::try_from(quotient.checked_add(u64::from(rounds_up))?).ok()
}

/// The EMA in atoms per lot. Where there is none, the price. An EMA outside the range of prices is put on its edge: it is only
/// ever used within `oracle_ema_bias_max_bps` of the price, and must not make a good price unusable.
fn convert_ema(ema_mantissa: i64, shift: i32, price: Price) -> Price {
    if ema_mantissa <= 0 {
        return price;
    }
    let atoms = scale(ema_mantissa.unsigned_abs(), shift, Rounding::Nearest).unwrap_or(MAX_PRICE_ATOMS_PER_LOT);
    Price(atoms.clamp(1, MAX_PRICE_ATOMS_PER_LOT))
}

/// The age of a publish time that is acceptable, in seconds; negative when it is a little ahead of the clock.
fn check_time(publish_time: i64, params: &MarketParams, last: &LastPrice, now_seconds: i64) -> Result<i64> {
    if publish_time <= 0 {
        return Err(EngineError::OracleStale);
    }
    let age = now_seconds.saturating_sub(publish_time);
    // Saturation keeps the sign, and a saturated age is beyond any u32 limit either way.
    if age.saturating_neg() > i64::from(params.oracle_future_skew_seconds) {
        return Err(EngineError::OracleFromTheFuture);
    }
    if age > i64::from(params.oracle_max_age_seconds) {
        return Err(EngineError::OracleStale);
    }
    if publish_time < last.publish_time_seconds {
        return Err(EngineError::OracleOlderThanLast);
    }
    Ok(age)
}

/// `confidence ÷ price ≤ bps`, by cross-multiplication: exact, no division. `2^64 × 10^4` and `2^63 × 2^32` both fit.
fn confidence_within(reading: &OracleReading, max_bps: u32) -> bool {
    let scaled_confidence = u128::from(reading.confidence).saturating_mul(u128::from(BPS_ONE.unsigned_abs()));
    let limit = u128::from(reading.price.max(0).unsigned_abs()).saturating_mul(u128::from(max_bps));
    scaled_confidence <= limit
}
