//! Sections 2 and 11 of the specification: what a price account is worth.

use taper_engine::params::MarketParams;
use taper_engine::EngineError as E;

use super::number::{ceil, compare, floor, Z};
use super::Ledger;
use crate::outside::{Feed, Outcome, Outside, Refusal, QUOTE_DECIMALS};

/// 2^40: the largest price and the most lots.
pub const TWO_40: Z = 1 << 40;

/// What a price is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    Fresh,
    Degraded,
    Frozen,
}

/// A price that has been judged.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    pub price: Z,
    /// Half of the interval; of a frozen price its bias.
    pub confidence: Z,
    pub ema: Z,
    pub time: i64,
    pub grade: Grade,
}

/// The last price that a market used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Last {
    pub price: Z,
    pub time: i64,
    pub slot: u64,
}

/// What is done at a price; each names the refusal of a degraded and of a frozen one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Only a fresh one.
    Fresh,
    /// Any that is live.
    Live,
    /// Any.
    Any,
}

fn power(exponent: i32) -> (Z, Z) {
    match exponent {
        0..=36 => (10i128.pow(exponent.unsigned_abs()), 1),
        -36..=-1 => (1, 10i128.pow(exponent.unsigned_abs())),
        _ => panic!("exponents stay within the table's range"),
    }
}

/// The nearest atom, a tie upwards.
fn nearest(mantissa: Z, exponent: i32) -> Z {
    let (times, over) = power(exponent);
    floor(2 * mantissa.saturating_mul(times).min(1 << 100) + over, 2 * over)
}

fn in_range(price: Z) -> bool {
    (1..=TWO_40).contains(&price)
}

/// Checks 1 to 7 of section 11, in order.
fn judge(feed: &Feed, params: &MarketParams, last: &Last, now: i64) -> Outcome<Price> {
    if !feed.trading {
        return Err(Refusal::OracleNotTrading);
    }
    let reading = &feed.reading;
    if reading.price <= 0 {
        return Err(E::OraclePriceNotPositive.into());
    }
    if reading.publish_time_seconds <= 0 {
        return Err(E::OracleStale.into());
    }
    let age = now - reading.publish_time_seconds;
    if -age > params.oracle_future_skew_seconds.into() {
        return Err(E::OracleFromTheFuture.into());
    }
    if age > params.oracle_max_age_seconds.into() {
        return Err(E::OracleStale.into());
    }
    if reading.publish_time_seconds < last.time {
        return Err(E::OracleOlderThanLast.into());
    }
    let (price, confidence, ema) = converted(feed, params)?;
    let ratio = [Z::from(reading.confidence), 10_000];
    let is_within = |bps: u32| compare(&ratio, &[reading.price.into(), bps.into()]).is_le();
    if !is_within(params.oracle_max_confidence_bps) {
        return Err(E::OracleConfidenceTooWide.into());
    }
    let fresh = age <= params.oracle_fresh_age_seconds.into() && is_within(params.oracle_fresh_confidence_bps);
    let grade = if fresh { Grade::Fresh } else { Grade::Degraded };
    Ok(Price { price, confidence, ema, time: reading.publish_time_seconds, grade })
}

fn converted(feed: &Feed, params: &MarketParams) -> Outcome<(Z, Z, Z)> {
    let reading = &feed.reading;
    if !(-18..=4).contains(&reading.exponent) {
        return Err(E::OracleExponentOutOfRange.into());
    }
    let exponent = reading.exponent + i32::from(QUOTE_DECIMALS) + params.base_lot_exponent;
    let price = nearest(reading.price.into(), exponent);
    if !in_range(price) {
        return Err(E::OraclePriceOutOfRange.into());
    }
    let (times, over) = power(exponent);
    let confidence = ceil(Z::from(reading.confidence) * times, over);
    let ema = if reading.ema_price <= 0 { price } else { nearest(reading.ema_price.into(), exponent) };
    Ok((price, confidence, ema.clamp(1, TWO_40)))
}

/// What freezes a leg: the state of the world, not the account that was passed.
fn freezes(refusal: Refusal) -> bool {
    use Refusal::Engine;
    matches!(
        refusal,
        Refusal::OracleNotTrading
            | Engine(E::OracleStale)
            | Engine(E::OracleConfidenceTooWide)
            | Engine(E::OraclePriceNotPositive)
            | Engine(E::OracleExponentOutOfRange)
            | Engine(E::OraclePriceOutOfRange)
    )
}

/// The last known price: the newer of what the market used last and what the account still says, if that was once good.
fn known(feed: &Feed, params: &MarketParams, last: &Last, now: i64) -> Option<(Z, i64)> {
    let own = (last.price > 0).then_some((last.price, last.time));
    let forgiving = MarketParams { oracle_max_age_seconds: u32::MAX, ..*params };
    let said = judge(feed, &forgiving, &Last::default(), now).ok().map(|price| (price.price, price.time));
    match (own, said) {
        (Some(own), Some(said)) if said.1 > own.1 => Some(said),
        (Some(own), _) => Some(own),
        (None, said) => said,
    }
}

fn frozen(feed: &Feed, params: &MarketParams, last: &Last, now: i64) -> Outcome<Price> {
    let (price, time) = known(feed, params, last, now).ok_or(Refusal::Engine(E::OracleStale))?;
    let age = Z::from((now - time).max(0));
    let bias = ceil(price * Z::from(params.oracle_frozen_bias_bps_per_minute) * age, 600_000);
    let most = ceil(price * Z::from(params.tiers[0].imr_bps), 10_000);
    Ok(Price { price, confidence: bias.min(most), ema: price, time, grade: Grade::Frozen })
}

impl Price {
    /// A settled market's: the final one, of no doubt.
    fn settled(price: Z, time: i64) -> Self {
        Self { price, confidence: 0, ema: price, time, grade: Grade::Fresh }
    }

    /// Refuses a price that is not good enough.
    pub fn require(&self, need: Need) -> Outcome<()> {
        match (need, self.grade) {
            (Need::Any, _) | (Need::Live, Grade::Fresh | Grade::Degraded) | (Need::Fresh, Grade::Fresh) => Ok(()),
            (Need::Fresh, Grade::Degraded) => Err(Refusal::OracleDegraded),
            (_, Grade::Frozen) => Err(E::OracleStale.into()),
        }
    }
}

impl Ledger {
    /// The price of the market that is acted on.
    pub fn live_price(&self, outside: &Outside, market: usize, oracles: u8) -> Outcome<Price> {
        let row = &self.markets[market];
        if row.final_price > 0 {
            return Ok(Price::settled(row.final_price, row.last.time));
        }
        judge(outside.passed(market, oracles).0, &row.params, &row.last, outside.seconds)
    }

    /// As [`Self::live_price`]; the market remembers it.
    pub fn use_price(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<Price> {
        let price = self.live_price(outside, market, oracles)?;
        self.remember(outside, market, &price);
        Ok(price)
    }

    /// The price has been used in this slot.
    pub fn remember(&mut self, outside: &Outside, market: usize, price: &Price) {
        let last = &mut self.markets[market].last;
        *last = Last { price: price.price, time: price.time.max(last.time), slot: outside.slot };
    }

    /// The price of another leg, and why it is not good enough.
    pub fn leg_price(
        &self,
        outside: &Outside,
        market: usize,
        oracles: u8,
        need: Need,
    ) -> Outcome<(Price, Outcome<()>)> {
        let row = &self.markets[market];
        let (feed, is_listing) = outside.passed(market, oracles);
        match self.live_price(outside, market, oracles) {
            Ok(price) => Ok((price, price.require(need))),
            Err(refusal) if freezes(refusal) && is_listing => {
                let price = frozen(feed, &row.params, &row.last, outside.seconds)?;
                let verdict = if need == Need::Any { Ok(()) } else { Err(refusal) };
                Ok((price, verdict))
            }
            Err(refusal) => Err(refusal),
        }
    }
}
