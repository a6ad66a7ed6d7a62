//! Sampling the premium of the book over the oracle: what sets the rate of funding. How the rate becomes money is [`crate::charges`].
//!
//! A sample must not be what somebody makes it for the length of a transaction: it looks only at orders that have stood since an earlier
//! slot, and the rate is the lesser of two samples. Nor may it be prevented: both sides are walked to their ends if need be, so dust at
//! the top of the book hides nothing behind it.

use crate::book::{Book, Order};
use crate::charges::CHARGE_SCALE;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::params::MarketParams;
use crate::quantity::{wide_mul, Price, QuoteAtoms, Side, BPS_ONE};

/// What a sample found and set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingSample {
    /// The premium of the impact bid over the EMA, or of the impact ask under it as a negative number, clamped, in quote atoms per lot.
    pub premium_atoms_per_lot: i64,
    /// False if neither side of the book had the depth: then the premium counts as zero.
    pub is_measured: bool,
    /// The rate from now on, in `2^-20` atoms per lot and slot; positive: longs pay.
    pub rate_scaled_per_slot: i64,
    /// The funding index now, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
}

/// Samples the premium and sets the rate. Until now the index has moved at the old one.
///
/// The rate is that of the lesser in size of this premium and the last one, if they have one sign and are at most `funding_gap_slots`
/// apart; otherwise zero. So a book that is shown for one sample moves nothing, and can only end a rate that was there.
///
/// # Errors
/// `OracleStale` unless the price is fresh; `MarketSettled`; `FundingTooSoon`; `MathOverflow`. After an error the state is to be thrown
/// away.
pub fn sample(market: &mut MarketState, book: &Book, price: &OraclePrice, slot: u64) -> Result<FundingSample> {
    Action::SampleFunding.require(price.grade)?;
    if market.final_price_atoms_per_lot != 0 {
        return Err(EngineError::MarketSettled);
    }
    let since = slot.saturating_sub(market.charges.sampled_slot);
    // A market that was never sampled has no last sample to be too close to.
    let is_first = market.charges.sampled_slot == 0;
    if !is_first && since < u64::from(market.params.funding_interval_slots) {
        return Err(EngineError::FundingTooSoon);
    }
    market.accrue(slot);
    let measured = premium(market, book, price, slot)?;
    let premium = measured.unwrap_or(0);
    let is_recent = !is_first && since <= u64::from(market.params.funding_gap_slots);
    let last = if is_recent { market.charges.premium_atoms_per_lot } else { 0 };
    let rate = rate_of(lesser(last, premium), market.params.funding_period_slots)?;
    let charges = &mut market.charges;
    charges.premium_atoms_per_lot = premium;
    charges.funding_rate_scaled_per_slot = rate;
    charges.sampled_slot = slot;
    Ok(FundingSample {
        premium_atoms_per_lot: premium,
        is_measured: measured.is_some(),
        rate_scaled_per_slot: rate,
        funding_index_scaled: charges.funding_index_scaled,
    })
}

/// The lesser in size of two premiums of one sign; zero otherwise.
fn lesser(last: i64, now: i64) -> i64 {
    if last > 0 && now > 0 {
        last.min(now)
    } else if last < 0 && now < 0 {
        last.max(now)
    } else {
        0
    }
}

/// `premium × 2^20 ÷ period`, towards zero: in favour of whoever pays. A premium is under `2^40`, so the product is under `2^60`.
fn rate_of(premium: i64, period_slots: u32) -> Result<i64> {
    let scaled = premium.checked_mul(CHARGE_SCALE).ok_or(EngineError::MathOverflow)?;
    scaled.checked_div(i64::from(period_slots)).ok_or(EngineError::MathOverflow)
}

/// How far the impact bid is above the EMA, or the impact ask below it, clamped, in quote atoms per lot; zero where the EMA is between them,
/// `None` when neither side has the depth.
///
/// Not their mid: one who takes away the quote on one side leaves the mid to an order far behind it, which nobody can reach in time and
/// which so risks nothing. A bid above the EMA, or an ask below it, stands where everybody else would trade with it.
fn premium(market: &MarketState, book: &Book, price: &OraclePrice, slot: u64) -> Result<Option<i64>> {
    let params = &market.params;
    let bids = impact_quote(params, book, Side::Bid, price.price, slot)?;
    let asks = impact_quote(params, book, Side::Ask, price.price, slot)?;
    if bids.is_none() && asks.is_none() {
        return Ok(None);
    }
    let overflow = EngineError::MathOverflow;
    // The clamp, rounded down: in favour of whoever pays. The EMA is at most 2^40, so the product is under 2^54.
    let ema = price.ema.0;
    let clamp = ema.checked_mul(i64::from(params.funding_clamp_bps)).ok_or(overflow)?;
    let clamp = clamp.checked_div(BPS_ONE).ok_or(overflow)?;
    // impact price − EMA in one quotient, towards zero: in favour of whoever pays. The sum is at most 2^62, the EMA times the lots at
    // most 2^80.
    let lots = params.funding_impact_base_lots;
    let at_ema = wide_mul(lots, ema);
    let over = |quote: Option<QuoteAtoms>| quote.map_or(0, |quote| i128::from(quote.0).saturating_sub(at_ema));
    let outside = over(bids).max(0).saturating_add(over(asks).min(0));
    let premium = outside.checked_div(i128::from(lots)).ok_or(overflow)?;
    let clamped = premium.clamp(i128::from(clamp.saturating_neg()), i128::from(clamp));
    i64::try_from(clamped).map(Some).map_err(|_| overflow)
}

/// The price beyond which an order of this side is out of the maker band, for a whole walk: what
/// [`within_maker_band`](crate::matching::within_maker_band) says of an order, solved for its price. Rounding the width down changes
/// nothing, prices are whole.
fn band_edge(params: &MarketParams, side: Side, oracle: Price) -> Result<i64> {
    let overflow = EngineError::MathOverflow;
    let width = oracle.0.checked_mul(i64::from(params.maker_band_bps)).ok_or(overflow)?;
    let width = width.checked_div(BPS_ONE).ok_or(overflow)?;
    match side {
        Side::Bid => oracle.0.checked_add(width).ok_or(overflow),
        Side::Ask => oracle.0.checked_sub(width).ok_or(overflow),
    }
}

/// What the first `funding_impact_base_lots` of a side would be traded for, over the orders that count; `None` if they have not so many.
///
/// An order that does not count is passed over. The walk is bounded by the side, 1,024 orders, and a step is kept cheap: a resting order's
/// notional is at most `2^52` since it was placed, so the sum is at most `2^62` and cannot wrap. A closer bound would let an order of a
/// lot, repeated, hide the depth behind it and stop funding.
fn impact_quote(
    params: &MarketParams,
    book: &Book,
    side: Side,
    oracle: Price,
    slot: u64,
) -> Result<Option<QuoteAtoms>> {
    let edge = band_edge(params, side, oracle)?;
    let (mut left, mut quote) = (params.funding_impact_base_lots, 0i64);
    for order in book.orders(side).iter().rev() {
        let price = order.price_atoms_per_lot;
        let out_of_band = if side == Side::Bid { price > edge } else { price < edge };
        if out_of_band || !stands(order, slot) {
            continue;
        }
        let lots = left.min(order.size_base_lots);
        quote = quote.wrapping_add(price.wrapping_mul(lots));
        left = left.wrapping_sub(lots);
        if left <= 0 {
            return Ok(Some(QuoteAtoms(quote)));
        }
    }
    Ok(None)
}

/// True for an order that has stood since an earlier slot and is firm: not expired, and not clipped to a position that may be gone when
/// it is met.
#[inline(always)]
fn stands(order: &Order, slot: u64) -> bool {
    order.placed_slot < slot && !order.is_expired(slot) && !order.is_reduce_only()
}

#[cfg(test)]
mod tests;
