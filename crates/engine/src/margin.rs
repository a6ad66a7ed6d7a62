//! Margin tiers, the value of a leg, health. `H = E / M`, never computed as a quotient: thresholds are compared by
//! cross-multiplication. With the bounds of [`crate::quantity`], `M ≤ 8 × 2^52 × 10^4 < 2^69` and `|E| ≤ 2^56`, so every product
//! here stays under `2^126`.

use crate::error::{EngineError, Result};
use crate::modes::Action;
use crate::oracle::{Grade, OraclePrice};
use crate::params::{MarginTier, MarketParams};
use crate::quantity::{wide_mul, BaseLots, QuoteAtoms, Side, BPS_ONE, MAX_EQUITY_ATOMS, MAX_NOTIONAL_ATOMS};
use crate::seat::Seat;

mod legs;

pub use legs::FavourableLegs;

/// A margin requirement in `10^-4` quote atoms ("atom-bps"): notional times rate in bps, exact, never rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement(pub i128);

impl Requirement {
    /// In whole quote atoms, rounded down (against the account where it bounds what the account may be charged: a smaller
    /// requirement gives a smaller budget).
    pub fn to_atoms_down(self) -> i64 {
        i64::try_from(self.0.checked_div(i128::from(BPS_ONE)).unwrap_or(0)).unwrap_or(i64::MAX)
    }
}

/// How a leg is valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valuation {
    /// Maintenance rates at the mid price (a frozen leg: at its last price moved in the account's favour).
    Maintenance,
    /// Maintenance rates at the edge of the interval that favours the account.
    Favourable,
    /// As `Favourable`, as if the resting orders that extend or turn the position had been filled at their limits: whose orders have
    /// outlived their margin. Orders on a frozen leg, which nobody can meet, do not count.
    WithOrders,
    /// Initial rates, worst case over open orders, prices biased against the account, profit weighted. Refuses frozen prices.
    Initial,
}

/// Equity and requirement of one leg, or the sum over several; without cash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegTotals {
    /// `quote_entry + base × P + realised`, summed.
    pub equity: QuoteAtoms,
    /// Requirement, summed.
    pub requirement: Requirement,
}

impl LegTotals {
    /// The sum of two.
    ///
    /// # Errors
    /// `MathOverflow`.
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "checked: it returns a Result")]
    pub fn add(self, other: LegTotals) -> Result<LegTotals> {
        let sum = self.requirement.0.checked_add(other.requirement.0).ok_or(EngineError::MathOverflow)?;
        Ok(LegTotals { equity: self.equity.add(other.equity)?, requirement: Requirement(sum) })
    }

    /// The account's health, given its cash.
    ///
    /// # Errors
    /// `MathOverflow` when equity leaves `±2^56` atoms.
    #[inline]
    pub fn with_cash(self, cash: QuoteAtoms) -> Result<Health> {
        let equity = self.equity.add(cash)?;
        if equity.0.unsigned_abs() > MAX_EQUITY_ATOMS.unsigned_abs() {
            return Err(EngineError::MathOverflow);
        }
        Ok(Health { equity, requirement: self.requirement })
    }
}

/// Equity against requirement: `H = E / M`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Equity, in quote atoms.
    pub equity: QuoteAtoms,
    /// Requirement, in atom-bps.
    pub requirement: Requirement,
}

impl Health {
    /// `H ≥ ratio`. Without a requirement: `E ≥ 0`.
    #[inline]
    pub fn is_at_least(&self, ratio_bps: u32) -> bool {
        if self.requirement.0 == 0 {
            return !self.equity.is_negative();
        }
        // E ≥ ratio × M, both sides × 10^8: M is in 10^-4 atoms and the ratio in 10^-4.
        wide_mul(self.equity.0, BPS_ONE.wrapping_mul(BPS_ONE))
            >= i128::from(ratio_bps).saturating_mul(self.requirement.0)
    }

    /// `H < ratio`. Without a requirement: `E < 0`.
    #[inline]
    pub fn is_below(&self, ratio_bps: u32) -> bool {
        !self.is_at_least(ratio_bps)
    }

    /// What added risk, a withdrawal and a new seat need: initial health (this one) of at least 1 after (INV-14).
    ///
    /// # Errors
    /// `InitialHealthTooLow`.
    pub fn require_initial(&self) -> Result<()> {
        if self.is_at_least(10_000) {
            Ok(())
        } else {
            Err(EngineError::InitialHealthTooLow)
        }
    }

    /// `H ≥ H_before`, exactly. Without a requirement: `E ≥ 0`, and when both have none, equity has not fallen.
    pub fn is_not_worse_than(&self, before: &Health) -> bool {
        match (self.requirement.0 == 0, before.requirement.0 == 0) {
            (true, true) => !self.equity.is_negative() || self.equity.0 >= before.equity.0,
            (true, false) => !self.equity.is_negative(),
            (false, true) => false,
            (false, false) => {
                let after_scaled = i128::from(self.equity.0).checked_mul(before.requirement.0);
                let before_scaled = i128::from(before.equity.0).checked_mul(self.requirement.0);
                matches!((after_scaled, before_scaled), (Some(a), Some(b)) if a >= b)
            }
        }
    }

    /// Health in bps, rounded down: for events and displays, never for a decision. `i64::MAX` without a requirement and `E ≥ 0`,
    /// `i64::MIN` without one and `E < 0`.
    pub fn to_bps_down(&self) -> i64 {
        if self.requirement.0 == 0 {
            return if self.equity.is_negative() { i64::MIN } else { i64::MAX };
        }
        let scaled = wide_mul(self.equity.0, BPS_ONE.wrapping_mul(BPS_ONE));
        if let (Ok(s), Ok(m)) = (i64::try_from(scaled), i64::try_from(self.requirement.0)) {
            return s.div_euclid(m.max(1));
        }
        i64::try_from(scaled.div_euclid(self.requirement.0.max(1))).unwrap_or(i64::MAX)
    }
}

impl MarketParams {
    /// The tiers in use.
    #[inline]
    pub fn tiers(&self) -> &[MarginTier] {
        self.tiers.get(..usize::try_from(self.tier_count).unwrap_or(0)).unwrap_or(&self.tiers)
    }
}

/// Requirement of a notional: `Σ over tiers of rate × the part of the notional inside`, exact. What is above the last tier's
/// edge counts at the last tier's rate (a price can carry a position there; an order cannot).
///
/// # Errors
/// `MathOverflow` when the notional is negative or above `2^52` atoms.
pub fn requirement(params: &MarketParams, notional: QuoteAtoms, initial: bool) -> Result<Requirement> {
    if notional.is_negative() || notional.0 > MAX_NOTIONAL_ATOMS {
        return Err(EngineError::MathOverflow);
    }
    let notional = notional.0.unsigned_abs();
    let (mut sum, mut lower, mut last_rate) = (0i128, 0u64, 0u32);
    for tier in params.tiers() {
        last_rate = if initial { tier.imr_bps } else { tier.mmr_bps };
        let part = notional.min(tier.notional_cap_atoms).saturating_sub(lower);
        sum = sum.wrapping_add(wide_part(part, last_rate));
        lower = tier.notional_cap_atoms;
        if notional <= lower {
            return Ok(Requirement(sum));
        }
    }
    sum = sum.wrapping_add(wide_part(notional.saturating_sub(lower), last_rate));
    Ok(Requirement(sum))
}

/// `part × rate`, with `part ≤ 2^52`: far from overflow, and five such sums too.
#[inline(always)]
fn wide_part(part: u64, rate_bps: u32) -> i128 {
    match part.checked_mul(u64::from(rate_bps)) {
        Some(product) => i128::from(product),
        None => i128::from(part).wrapping_mul(i128::from(rate_bps)),
    }
}

/// Equity and requirement of one leg at one price, in the given valuation. `owed` is what the seat owes in funding and shared losses and
/// has not settled yet; it counts like a realised loss (or profit).
///
/// Initial valuation takes the worst case over the seat's open orders: the larger requirement of "all bids fill" and "all asks
/// fill", less the loss of each resting order at its limit against the oracle (bounded from above by
/// `(highest bid − P)⁺ × bid lots`, and alike for asks). A positive equity counts with `profit_init_weight_bps`, rounded down
/// (against the account); a realised loss always counts in full, so that a sweep of losses changes nothing.
///
/// # Errors
/// `MathOverflow` beyond the engine's bounds; `OracleStale` for an initial valuation at a frozen price.
pub fn value_leg(
    params: &MarketParams,
    seat: &Seat,
    owed: QuoteAtoms,
    price: &OraclePrice,
    valuation: Valuation,
) -> Result<LegTotals> {
    let base = BaseLots(seat.base_lots);
    let used = match (valuation, price.grade) {
        (Valuation::Initial, _) => return initial_value(params, seat, owed, price),
        (Valuation::Maintenance, grade) if grade != Grade::Frozen => price.price,
        _ => price.favourable(base),
    };
    let realised = QuoteAtoms(seat.realised_atoms).sub(owed)?;
    let equity = used.notional(base)?.add(QuoteAtoms(seat.quote_entry_atoms))?.add(realised)?;
    if valuation == Valuation::WithOrders && price.grade != Grade::Frozen {
        let (exposure, loss) = filled(seat, price)?;
        let notional = wide_mul(used.0, exposure.0).min(i128::from(MAX_NOTIONAL_ATOMS));
        let notional = QuoteAtoms(i64::try_from(notional).map_err(|_| EngineError::MathOverflow)?);
        return Ok(LegTotals { equity: equity.sub(loss)?, requirement: requirement(params, notional, false)? });
    }
    let required = requirement(params, used.notional(base.abs()?)?, false)?;
    Ok(LegTotals { equity, requirement: required })
}

/// What the resting orders of a seat that extend or turn its position would make of it: the largest exposure, and what the fills would lose
/// at the edge that favours them, at most `2^52` a side (an upper bound: the side's worst limit for all of its lots; against the account).
fn filled(seat: &Seat, price: &OraclePrice) -> Result<(BaseLots, QuoteAtoms)> {
    let size = seat.base().abs()?;
    let (mut exposure, mut loss) = (size, QuoteAtoms::ZERO);
    for side in [Side::Bid, Side::Ask] {
        if !seat.rests_beyond(side) {
            continue;
        }
        let signed = if side == Side::Bid { seat.resting_lots(side) } else { seat.resting_lots(side).neg()? };
        exposure = exposure.max(seat.base().add(signed)?.abs()?);
        let (lots, worse) = match side {
            Side::Bid => {
                let edge = price.favourable(BaseLots(1));
                (seat.bid_lots, seat.bid_price_max_atoms_per_lot.saturating_sub(edge.0))
            }
            Side::Ask => {
                let edge = price.favourable(BaseLots(-1));
                (seat.ask_lots, edge.0.saturating_sub(seat.ask_price_min_atoms_per_lot))
            }
        };
        let most = wide_mul(lots, worse.max(0)).min(i128::from(MAX_NOTIONAL_ATOMS));
        loss = loss.add(QuoteAtoms(i64::try_from(most).map_err(|_| EngineError::MathOverflow)?))?;
    }
    Ok((exposure, loss))
}

/// As [`value_leg`], at a price that the action may use.
///
/// # Errors
/// Of the action's row in [`crate::modes::TABLE`]; as [`value_leg`].
pub fn value_leg_for(
    action: Action,
    params: &MarketParams,
    seat: &Seat,
    owed: QuoteAtoms,
    price: &OraclePrice,
    valuation: Valuation,
) -> Result<LegTotals> {
    action.require(price.grade)?;
    value_leg(params, seat, owed, price, valuation)
}

fn initial_value(params: &MarketParams, seat: &Seat, owed: QuoteAtoms, price: &OraclePrice) -> Result<LegTotals> {
    // The least of what looks at initial health.
    Action::Reduce.require(price.grade)?;
    let base = BaseLots(seat.base_lots);
    let adverse = price.adverse(base, params);
    // A realised loss is not set off against paper profit: the next sweep takes it from cash, and the profit would count for nothing.
    let realised = QuoteAtoms(seat.realised_atoms).sub(owed)?;
    let mut equity =
        adverse.notional(base)?.add(QuoteAtoms(seat.quote_entry_atoms))?.add(realised.max(QuoteAtoms::ZERO))?;
    if equity.is_positive() {
        let weighted = crate::quantity::mul_div_down(
            equity.0.unsigned_abs(),
            u64::from(params.profit_init_weight_bps),
            BPS_ONE.unsigned_abs(),
        )?;
        equity = QuoteAtoms(i64::try_from(weighted).map_err(|_| EngineError::MathOverflow)?);
    }
    equity = equity.add(realised.min(QuoteAtoms::ZERO))?;
    let mut exposure = base.abs()?;
    if seat.bid_lots != 0 {
        exposure = exposure.max(base.add(BaseLots(seat.bid_lots))?.abs()?);
        let above = seat.bid_price_max_atoms_per_lot.saturating_sub(price.price.0).max(0);
        equity = equity.sub(crate::quantity::Price(above).notional(BaseLots(seat.bid_lots))?)?;
    }
    if seat.ask_lots != 0 {
        exposure = exposure.max(base.sub(BaseLots(seat.ask_lots))?.abs()?);
        let below = price.price.0.saturating_sub(seat.ask_price_min_atoms_per_lot).max(0);
        equity = equity.sub(crate::quantity::Price(below).notional(BaseLots(seat.ask_lots))?)?;
    }
    let valued_at = if adverse.0 > price.price.0 { adverse } else { price.price };
    let required = requirement(params, valued_at.notional(exposure)?, true)?;
    Ok(LegTotals { equity, requirement: required })
}

#[cfg(test)]
mod tests;
