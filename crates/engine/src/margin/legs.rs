//! Many legs of one market at once: what does not depend on the seat is worked out before the first one.

use super::{requirement, wide_part, LegTotals, Requirement};
use crate::charges::{owed_scaled, to_atoms_up};
use crate::error::Result;
use crate::market::MarketState;
use crate::oracle::OraclePrice;
use crate::params::MarketParams;
use crate::quantity::{BaseLots, Price, QuoteAtoms};
use crate::seat::Seat;

/// The legs of a market at one price in one slot, each at the edge that favours its account, with what its seat owes: for each seat exactly
/// what [`super::value_leg`] says of [`super::Valuation::Favourable`] and [`MarketState::owed_at`].
pub struct FavourableLegs<'a> {
    params: &'a MarketParams,
    /// The edges for a long, a flat seat and a short.
    edges: [Price; 3],
    funding_index: i64,
    loss_index: i64,
    /// Upper edge and maintenance rate of the first tier, in which almost every leg is.
    first_tier: (i64, u32),
}

impl MarketState {
    /// Its legs at a price, in a slot.
    pub fn favourable_legs(&self, price: &OraclePrice, slot: u64) -> FavourableLegs<'_> {
        let edge = |lots| price.favourable(BaseLots(lots));
        let first_tier = self
            .params
            .tiers()
            .first()
            .map_or((-1, 0), |tier| (i64::try_from(tier.notional_cap_atoms).unwrap_or(-1), tier.mmr_bps));
        FavourableLegs {
            params: &self.params,
            edges: [edge(1), edge(0), edge(-1)],
            funding_index: self.funding_index_at(slot),
            loss_index: self.charges.loss_index_scaled,
            first_tier,
        }
    }
}

impl FavourableLegs<'_> {
    /// What one leg is worth, and what it requires.
    ///
    /// # Errors
    /// `MathOverflow` beyond the engine's bounds.
    #[inline]
    pub fn value(&self, seat: &Seat) -> Result<LegTotals> {
        let [above, mid, below] = self.edges;
        let base = BaseLots(seat.base_lots);
        let used = match base.0.signum() {
            1 => above,
            -1 => below,
            _ => mid,
        };
        let owed = to_atoms_up(owed_scaled(seat, self.funding_index, self.loss_index)?)?;
        let realised = QuoteAtoms(seat.realised_atoms).sub(owed)?;
        let notional = used.notional(base)?;
        let equity = notional.add(QuoteAtoms(seat.quote_entry_atoms))?.add(realised)?;
        let size = notional.abs()?;
        let (cap, rate) = self.first_tier;
        let required = if size.0 <= cap {
            Requirement(wide_part(size.0.unsigned_abs(), rate))
        } else {
            requirement(self.params, size, false)?
        };
        Ok(LegTotals { equity, requirement: required })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::margin::{value_leg, Valuation};
    use crate::oracle::Grade;
    use crate::presets::{default_params, MarketSizing};
    use crate::quantity::{MAX_BASE_LOTS, MAX_PRICE_ATOMS_PER_LOT};

    fn state() -> Box<MarketState> {
        let sizing =
            MarketSizing { base_lot_exponent: -2, price: Price(500_000), calm_depth_lots: BaseLots(2_000_000) };
        let mut state = bytemuck::zeroed_box::<MarketState>();
        state.params = default_params(&sizing).unwrap();
        state
    }

    /// Around zero, of a usual size, and at the ends of the range.
    fn around(most: i64) -> impl Strategy<Value = i64> {
        prop_oneof![-3i64..=3, -5_000_000i64..=5_000_000, -most..=most, Just(most), Just(-most), any::<i64>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        /// The same value, or the same refusal, of every seat, price and slot, also beyond the bounds.
        #[test]
        fn each_leg_is_worth_what_it_is_alone(
            (base, entry, realised) in (around(MAX_BASE_LOTS), around(1 << 56), around(1 << 56)),
            (funding, loss, rate) in (around(1 << 62), around(1 << 62), around(1 << 40)),
            (funding_paid, loss_paid) in (around(1 << 62), around(1 << 62)),
            (price, confidence) in (1i64..=MAX_PRICE_ATOMS_PER_LOT, 0i64..=1 << 40),
            (accrued, slots) in (0u64..1_000_000, 0u64..100_000),
            small in any::<bool>(),
        ) {
            let mut state = state();
            let charges = &mut state.charges;
            (charges.funding_index_scaled, charges.loss_index_scaled) = (funding, loss);
            (charges.funding_rate_scaled_per_slot, charges.accrued_slot) = (rate, accrued);
            charges.sampled_slot = accrued;
            let mut seat: Seat = bytemuck::Zeroable::zeroed();
            (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (base, entry, realised);
            (seat.funding_checkpoint_scaled, seat.loss_checkpoint_scaled) = (funding_paid, loss_paid);
            let (price, confidence) = if small { (price % 1_000_000 + 1, confidence % 9_999) } else { (price, confidence) };
            let price = OraclePrice {
                price: Price(price),
                confidence: Price(confidence),
                ema: Price(price),
                publish_time_seconds: 0,
                grade: Grade::Fresh,
            };
            let slot = accrued + slots;
            let alone = state
                .owed_at(&seat, slot)
                .and_then(|owed| value_leg(&state.params, &seat, owed, &price, Valuation::Favourable));
            prop_assert_eq!(state.favourable_legs(&price, slot).value(&seat), alone);
        }
    }
}
