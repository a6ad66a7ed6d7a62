//! The exchange that a seed works on: three markets and a fourth to come, small enough that every limit is met.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};

use crate::op::Publication;
use crate::outside::Setup;

/// Margin accounts; more than a call of a resolution takes on.
pub(super) const ACCOUNTS: usize = 22;
/// Margin accounts of a crowded exchange: more than a market has seats.
const CROWD: usize = 2_060;
/// Of so many seeds one has a crowd: each of its steps costs as much as fifty.
const CROWDED_ONE_OF: u64 = 1_000;
/// Which one.
pub const CROWDED: u64 = 530;

fn market(price: i64, depth: i64, base_lot_exponent: i32) -> (MarketParams, Publication) {
    let sizing = MarketSizing { base_lot_exponent, price: Price(price), calm_depth_lots: BaseLots(depth) };
    let params = default_params(&sizing).expect("sizings of the setup have defaults");
    // Exponent −8, quote in 10^-6.
    let scale = 10i64.pow((2 - base_lot_exponent).unsigned_abs());
    let mantissa = price * scale;
    let confidence = mantissa.unsigned_abs() / 5_000;
    let publication =
        Publication { price: mantissa, confidence, exponent: -8, ema: mantissa, age_seconds: 0, trading: true };
    (params, publication)
}

/// Price, depth and lot of each market; the last is listed later, if at all.
const SIZES: [(i64, i64, i32); 4] =
    [(450_000, 40_000, -2), (100_000_000, 1_000, 0), (100_003, 3_000_000, -3), (2_000_000, 20_000, -1)];

/// Short periods: what takes days on a chain is to happen often here.
fn hasten(params: &mut MarketParams, rng: &mut ChaCha8Rng) {
    params.cooloff_slots = rng.gen_range(50..400);
    params.reentry_slots = rng.gen_range(100..20_000);
    params.insurance_window_slots = rng.gen_range(200..20_000);
    params.stall_slots = rng.gen_range(4..60);
    params.funding_interval_slots = rng.gen_range(1..20);
    params.funding_gap_slots = rng.gen_range(20..600);
    params.funding_period_slots = rng.gen_range(600..3_000);
    params.rank_window_slots = rng.gen_range(16..4_000);
    params.mmr_ramp_slots = rng.gen_range(0..2_000);
    params.funding_impact_base_lots = (params.throttle_capacity_base_lots / rng.gen_range(20..400)).max(1);
    // A painted premium costs at least what it brings (rule `Funding`).
    let (cap, period) = (params.open_interest_cap_base_lots, i64::from(params.funding_period_slots));
    params.funding_impact_base_lots = params.funding_impact_base_lots.max((cap + period - 1) / period);
    let longest = u32::try_from(params.funding_impact_base_lots * period / cap).unwrap_or(u32::MAX);
    params.funding_interval_slots = params.funding_interval_slots.min(longest);
}

/// The setup of a seed.
///
/// # Panics
/// Never: every range is within the inequalities of the parameters.
pub fn setup(seed: u64) -> Setup {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5E7);
    let mut params = Vec::new();
    let mut publications = Vec::new();
    for (price, depth, exponent) in SIZES {
        let (mut row, publication) = market(price, depth, exponent);
        hasten(&mut row, &mut rng);
        row.sweep_cap_atoms = 1 << rng.gen_range(16..36u32);
        row.insurance_draw_cap_atoms = 1 << rng.gen_range(20..34u32);
        row.insurance_grant_atoms = if rng.gen_bool(0.5) { 0 } else { 1 << rng.gen_range(16..32u32) };
        row.target_again_bps = [0, 11_000, 12_500][rng.gen_range(0..3)];
        row.profit_init_weight_bps = [0, 0, 2_500, 10_000][rng.gen_range(0..4)];
        row.maker_fee_ppm = [-100, 0, 150][rng.gen_range(0..3)];
        row.seat_bond_atoms = [0, 1_000_000, 20_000_000][rng.gen_range(0..3)];
        row.min_position_base_lots = rng.gen_range(1..20);
        row.validate().expect("parameters of the setup validate");
        params.push(row);
        publications.push(publication);
    }
    let accounts = if seed % CROWDED_ONE_OF == CROWDED { CROWD } else { ACCOUNTS };
    Setup { listed: params.len() - 1, params, publications, accounts }
}
