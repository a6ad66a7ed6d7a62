//! What a market's parameters claim, in the numbers of the throughput inequality.

use taper_engine::params::MarketParams;
use taper_engine::quantity::BPS_ONE;

/// Millionths in one.
const PPM: i128 = 1_000_000;
/// Units of `10^-10` in a millionth.
const SCALED_PER_PPM: i128 = 10_000;

/// The claim: while the price falls by at most `drift` a slot and is known `latency` late (so by so much at once), the bucket drains `lots` that became liquidatable
/// together before their health is down to `bypass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub drift_ppm_per_slot: i64,
    pub latency_slots: i64,
    pub bypass_health_bps: i64,
    /// What becomes liquidatable.
    pub lots: i64,
    /// Open interest, all of it.
    pub interest_lots: i64,
    /// Slots in which a fall at the drift takes a position from the edge of health down to the bypass, costs included, latency too: the
    /// bound on how long an account may stay unhealthy.
    pub bound_slots: i64,
}

impl Claim {
    /// Of parameters whose stress rules hold; for others the bound is too short for anything.
    pub fn of(params: &MarketParams) -> Self {
        let drift = i128::from(params.stress_drift_ppm_per_slot).max(1);
        let late = i128::from(params.stress_latency_slots);
        let bound = params.stress_slack_scaled().div_euclid(drift * SCALED_PER_PPM) + late;
        let interest = i128::from(params.open_interest_cap_base_lots);
        let lots = interest * i128::from(params.stress_share_bps) / i128::from(BPS_ONE);
        let whole = |value: i128| i64::try_from(value.max(1)).unwrap_or(i64::MAX);
        Self {
            drift_ppm_per_slot: i64::from(params.stress_drift_ppm_per_slot),
            latency_slots: i64::from(params.stress_latency_slots),
            bypass_health_bps: i64::from(params.throttle_bypass_health_bps),
            lots: whole(lots),
            interest_lots: whole(interest),
            bound_slots: whole(bound),
        }
    }

    /// How far the price may fall within so many slots, in millionths: at the drift, latency included, up to the bound.
    pub fn fall_ppm(&self, slots: i64) -> i64 {
        let slots = slots.max(0).saturating_add(self.latency_slots).min(self.bound_slots);
        self.drift_ppm_per_slot.saturating_mul(slots).min(i64::try_from(PPM).unwrap_or(i64::MAX))
    }

    /// The whole fall.
    pub fn whole_fall_ppm(&self) -> i64 {
        self.fall_ppm(self.bound_slots)
    }
}

#[cfg(test)]
mod tests {
    use taper_engine::presets::{default_params, MarketSizing};
    use taper_engine::quantity::{BaseLots, Price};

    use super::*;

    #[test]
    fn the_defaults_claim_what_their_inequality_says() {
        let sizing =
            MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
        let claim = Claim::of(&default_params(&sizing).unwrap());
        // 166,000,000 ÷ (50 × 10,000) = 332 slots, and 25 of latency; a tenth of ten million lots.
        assert_eq!((claim.bound_slots, claim.lots, claim.interest_lots), (357, 1_000_000, 10_000_000));
        // 3% × (0.67 − 0.075) = 1.785%.
        assert_eq!(claim.whole_fall_ppm(), 17_850);
        assert_eq!((claim.fall_ppm(0), claim.fall_ppm(75), claim.fall_ppm(1_000)), (1_250, 5_000, 17_850));
    }
}
