use std::boxed::Box;

use super::*;
use crate::margin::requirement;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::{BaseLots, Price, QuoteAtoms};

mod ramps;

const LATER: u64 = 1_000_000;

fn sol() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn market() -> Box<MarketState> {
    let mut market: Box<MarketState> = bytemuck::allocation::zeroed_box();
    market.params = sol();
    market
}

fn with(change: impl Fn(&mut MarketParams)) -> MarketParams {
    let mut params = sol();
    change(&mut params);
    params
}

fn check(old: &MarketParams, new: &MarketParams) -> Result<bool> {
    check_change(old, new, 0, LATER).map(|change| change.raises_limits)
}

#[test]
fn what_orders_and_positions_are_counted_in_never_changes() {
    for new in [with(|p| p.base_lot_exponent = -3), with(|p| p.tick_size_atoms_per_lot += 1)] {
        assert_eq!(new.violated_rule(), None);
        assert_eq!(check(&sol(), &new), Err(EngineError::ImmutableParameter));
    }
    assert_eq!(check(&sol(), &sol()), Ok(false));
}

#[test]
fn new_parameters_are_validated_whole() {
    let new = with(|p| p.open_interest_cap_base_lots = 11_066_667);
    assert_eq!(check(&sol(), &new), Err(EngineError::InvalidParameters));
    assert_eq!(check(&sol(), &with(|p| p.open_interest_cap_base_lots = 11_066_666)), Ok(true));
}

/// What the defaults are changed by first, the limit, the last value of a step, the first value beyond it.
type Row = (fn(&mut MarketParams), fn(&mut MarketParams, i64), i64, i64);

fn u(value: i64) -> u32 {
    u32::try_from(value).unwrap()
}

fn unchanged(_: &mut MarketParams) {}

/// Room in the throughput inequality.
fn small(params: &mut MarketParams) {
    params.open_interest_cap_base_lots = 1_000_000;
}

fn roomy_rates(params: &mut MarketParams) {
    small(params);
    params.tiers[0].imr_bps = 600;
    params.maker_band_bps = 20;
    (params.taker_fee_ppm, params.maker_fee_ppm) = (0, 0);
}

const ROWS: &[Row] = &[
    (small, |p, v| p.open_interest_cap_base_lots = v, 1_500_000, 1_500_001),
    // Up to what one bucket can liquidate.
    (|p| p.open_interest_cap_base_lots = 10, |p, v| p.open_interest_cap_base_lots = v, 1_000_000, 1_000_001),
    (unchanged, |p, v| p.tiers[3].notional_cap_atoms = v.unsigned_abs(), 27_000_000_000_000, 27_000_000_000_001),
    (unchanged, |p, v| p.profit_init_weight_bps = u(v), 50, 51),
    (|p| p.profit_init_weight_bps = 1_001, |p, v| p.profit_init_weight_bps = u(v), 1_501, 1_502),
    (unchanged, |p, v| p.sweep_cap_atoms = v, 150_000_000_000, 150_000_000_001),
    (|p| p.sweep_cap_atoms = 0, |p, v| p.sweep_cap_atoms = v, LIMIT_FLOOR_ATOMS, LIMIT_FLOOR_ATOMS + 1),
    (unchanged, |p, v| p.insurance_draw_cap_atoms = v, 150_000_000_000, 150_000_000_001),
    (unchanged, |p, v| p.insurance_grant_atoms = v, LIMIT_FLOOR_ATOMS, LIMIT_FLOOR_ATOMS + 1),
    (unchanged, |p, v| p.insurance_window_slots = u(v), 144_000, 143_999),
    (unchanged, |p, v| p.ladder[0].cooldown_slots = u(v), 10, 11),
    (|p| p.ladder[1].health_bps = 4_000, |p, v| p.ladder[1].health_bps = u(v), 6_000, 6_001),
    (unchanged, |p, v| p.ladder[2].health_bps = u(v), 4_950, 4_951),
    (|p| p.ladder[2].penalty_bps_of_mmr = 1_200, |p, v| p.ladder[2].penalty_bps_of_mmr = u(v), 1_800, 1_801),
    (unchanged, |p, v| p.ladder[1].cost_cap_bps_of_mmr = u(v), 7_050, 7_051),
    (unchanged, |p, v| p.cost_cap_start_bps_of_mmr = u(v), 2_250, 2_251),
    (unchanged, |p, v| p.cost_cap_ramp_bps_of_mmr_per_slot = u(v), 150, 151),
    (unchanged, |p, v| p.episode_cost_budget_bps = u(v), 4_500, 4_501),
    (small, |p, v| p.throttle_bypass_health_bps = u(v), 4_950, 4_951),
    (unchanged, |p, v| p.stall_slots = u(v), 100, 99),
    (unchanged, |p, v| p.mmr_ramp_slots = u(v), 144_000, 143_999),
    (unchanged, |p, v| p.oracle_fresh_age_seconds = u(v), 15, 16),
    (unchanged, |p, v| p.oracle_max_age_seconds = u(v), 90, 91),
    (|p| p.oracle_future_skew_seconds = 1, |p, v| p.oracle_future_skew_seconds = u(v), 5, 6),
    (unchanged, |p, v| p.oracle_leg_skew_seconds = u(v), 30, 31),
    (unchanged, |p, v| p.oracle_fresh_confidence_bps = u(v), 150, 151),
    (unchanged, |p, v| p.oracle_max_confidence_bps = u(v), 450, 451),
    (unchanged, |p, v| p.oracle_ema_bias_max_bps = u(v), 134, 133),
    (unchanged, |p, v| p.oracle_frozen_bias_bps_per_minute = u(v), 75, 76),
    (unchanged, |p, v| p.funding_clamp_bps = u(v), 150, 151),
    (unchanged, |p, v| p.funding_gap_slots = u(v), 13_500, 13_501),
    (unchanged, |p, v| p.funding_period_slots = u(v), 48_000, 47_999),
    (unchanged, |p, v| p.funding_interval_slots = u(v), 100, 99),
    (unchanged, |p, v| p.funding_impact_base_lots = v, 41_667, 41_666),
    (unchanged, |p, v| p.rank_window_slots = u(v), 144_000, 143_999),
    (unchanged, |p, v| p.stress_drift_ppm_per_slot = u(v), 34, 33),
    (unchanged, |p, v| p.stress_latency_slots = u(v), 15, 14),
    (
        |p| {
            small(p);
            p.stress_share_bps = 3_000;
        },
        |p, v| p.stress_share_bps = u(v),
        2_000,
        1_999,
    ),
    (
        |p| {
            small(p);
            p.stress_cost_bps_of_mmr = 1_500;
        },
        |p, v| p.stress_cost_bps_of_mmr = u(v),
        1_000,
        999,
    ),
    (roomy_rates, |p, v| p.tiers[0].mmr_bps = u(v), 200, 199),
    (roomy_rates, |p, v| p.tiers[0].imr_bps = u(v), 400, 399),
];

#[test]
fn each_limit_loosens_by_a_step_and_tightens_freely() {
    for (row, (prepare, set, last, beyond)) in ROWS.iter().enumerate() {
        let old = with(prepare);
        let to = |value: i64| {
            let mut new = old;
            set(&mut new, value);
            assert_eq!(new.violated_rule(), None, "row {row}: {value}");
            new
        };
        assert_eq!(check(&old, &to(*last)), Ok(true), "row {row}");
        assert_eq!(check(&old, &to(*beyond)), Err(EngineError::LimitRaisedTooFar), "row {row}");
        // The way back is free, even a slot after a raise.
        let back = check_change(&to(*last), &old, LATER - 1, LATER).map(|change| change.raises_limits);
        assert_eq!(back, Ok(false), "row {row}");
    }
}

#[test]
fn a_takeover_may_come_neither_much_earlier_nor_much_later() {
    for (health, wanted) in [
        (3_000, Ok(true)),
        (3_001, Err(EngineError::LimitRaisedTooFar)),
        (1_334, Ok(true)),
        (1_333, Err(EngineError::LimitRaisedTooFar)),
    ] {
        assert_eq!(check(&sol(), &with(|p| p.takeover_health_bps = health)), wanted, "{health}");
    }
}

#[test]
fn edges_of_tiers_lower_the_requirement_by_a_third_at_most() {
    // One tier less: what was in the fourth, at 10%, would need 6%.
    let fewer = with(|p| {
        p.tiers[2].notional_cap_atoms = p.tiers[3].notional_cap_atoms;
        p.tiers[3] = bytemuck::Zeroable::zeroed();
        p.tier_count = 3;
    });
    assert_eq!(fewer.violated_rule(), None);
    assert_eq!(check(&sol(), &fewer), Err(EngineError::LimitRaisedTooFar));
    // The other way nothing is loosened.
    assert_eq!(check(&fewer, &sol()), Ok(false));
}

#[test]
fn raises_are_a_day_apart() {
    let more = with(|p| p.sweep_cap_atoms += 1);
    let raise = |raised, slot| check_change(&sol(), &more, raised, slot).map(|change| change.raises_limits);
    assert_eq!(raise(0, 1), Ok(true));
    assert_eq!(raise(5, LIMIT_INTERVAL_SLOTS + 4), Err(EngineError::LimitRaisedTooSoon));
    assert_eq!(raise(5, LIMIT_INTERVAL_SLOTS + 5), Ok(true));
    assert_eq!(raise(u64::MAX, u64::MAX - 1), Err(EngineError::LimitRaisedTooSoon));
    // Fees, sizes and the throttle are no limits of risk.
    let other = with(|p| {
        (p.taker_fee_ppm, p.min_order_base_lots, p.throttle_capacity_base_lots) = (510, 1_000, 1_200_000);
    });
    assert_eq!(check_change(&sol(), &other, LATER - 1, LATER).map(|change| change.raises_limits), Ok(false));
}

#[test]
fn under_a_higher_sweep_cap_more_is_kept_for_what_nobody_has_borne() {
    let mut market = market();
    let market = market.as_mut();
    let cap = market.params.sweep_cap_atoms;
    (market.unassigned_loss_atoms, market.held_loss_atoms) = (cap + 7, cap);
    let mut new = market.params;
    for (raised, held) in [(5, 5), (9, 2), (10, 0)] {
        new.sweep_cap_atoms = cap + raised;
        market.limits_raised_slot = 0;
        let applied = apply_change(market, &new, 4 * LATER).unwrap();
        assert_eq!((applied.raises_limits, applied.held), (true, QuoteAtoms(held)));
    }
    assert_eq!(market.held_loss_atoms, cap + 7);
    // A lower cap frees nothing: what was taken out above it is still missing.
    new.sweep_cap_atoms = 3;
    let applied = apply_change(market, &new, 5 * LATER).unwrap();
    assert_eq!((applied.held, market.held_loss_atoms), (QuoteAtoms::ZERO, cap + 7));
}

#[test]
fn an_applied_raise_is_remembered_and_a_tightening_is_not() {
    let mut market = market();
    let market = market.as_mut();
    let mut new = market.params;
    new.sweep_cap_atoms += 5;
    assert_eq!(
        apply_change(market, &new, 400),
        Ok(Applied { raises_limits: true, ramp_end_slot: 0, held: QuoteAtoms::ZERO })
    );
    assert_eq!((market.params, market.limits_raised_slot), (new, 400));
    new.sweep_cap_atoms += 1;
    assert_eq!(apply_change(market, &new, 401), Err(EngineError::LimitRaisedTooSoon));
    new.sweep_cap_atoms = 3;
    assert_eq!(
        apply_change(market, &new, 402),
        Ok(Applied { raises_limits: false, ramp_end_slot: 0, held: QuoteAtoms::ZERO })
    );
    assert_eq!(market.limits_raised_slot, 400);
    market.final_price_atoms_per_lot = 1;
    assert_eq!(apply_change(market, &new, 403), Err(EngineError::MarketSettled));
}

#[test]
fn a_sweep_cap_stays_at_what_has_been_swept_out() {
    let mut market = market();
    let market = market.as_mut();
    market.net_swept_profit_atoms = 700;
    let mut new = market.params;
    new.sweep_cap_atoms = 0;
    apply_change(market, &new, 400).unwrap();
    assert_eq!(market.params.sweep_cap_atoms, 700);
    market.net_swept_profit_atoms = -20;
    apply_change(market, &new, 401).unwrap();
    assert_eq!(market.params.sweep_cap_atoms, 0);
}

#[test]
fn buckets_keep_their_lots_and_fit_their_new_size() {
    let mut market = market();
    let market = market.as_mut();
    // Half full, and full; refilled by a tenth of the way until the change.
    let capacity = market.params.throttle_capacity_base_lots;
    market.throttles[0] = Throttle { level_lot_slots: 150 * 1_000_000, refilled_slot: 100 };
    market.throttles[1] = Throttle { level_lot_slots: 300 * 1_000_000, refilled_slot: 100 };
    assert_eq!((capacity, market.params.throttle_refill_slots), (1_000_000, 300));
    let mut new = market.params;
    new.throttle_refill_slots = 299;
    new.throttle_capacity_base_lots = 999_000;
    new.open_interest_cap_base_lots = 5_000_000;
    apply_change(market, &new, 130).unwrap();
    let available = |market: &MarketState, side: usize| market.throttles[side].available(&market.params).0;
    assert_eq!((available(market, 0), available(market, 1)), (600_000, 999_000));
    assert_eq!((market.throttles[0].refilled_slot, market.throttles[1].refilled_slot), (130, 130));
    // The longest refill that is allowed, with a bucket as large as allowed, does not overflow.
    let mut throttle = Throttle { level_lot_slots: 1 << 62, refilled_slot: 0 };
    new.throttle_refill_slots = 80_000_000;
    rescale(&mut throttle, 1, &new);
    assert_eq!(throttle.level_lot_slots, 999_000 * 80_000_000);
}

#[test]
fn what_accrues_and_fades_does_so_at_the_old_parameters_until_the_change() {
    let mut market = market();
    let market = market.as_mut();
    market.charges.funding_rate_scaled_per_slot = 7;
    (market.charges.sampled_slot, market.charges.accrued_slot) = (100, 100);
    market.params.insurance_draw_cap_atoms = 1_000;
    market.params.insurance_window_slots = 100;
    (market.insurance.window_atoms, market.insurance.window_slot) = (1_000, 100);
    let mut new = market.params;
    new.insurance_draw_cap_atoms = 1_500;
    new.funding_gap_slots = 150;
    apply_change(market, &new, 150).unwrap();
    assert_eq!(market.charges.funding_index_scaled, 7 * 50);
    // Half of the old cap is forgotten, not half of the new one; from here on 15 are each slot.
    assert_eq!(market.drawn_lately(150), Ok(QuoteAtoms(500)));
    assert_eq!(market.drawn_lately(160), Ok(QuoteAtoms(350)));
}

#[test]
fn tightening_lowers_what_it_names_and_nothing_else() {
    let mut market = market();
    let market = market.as_mut();
    let before = market.params;
    let limits = Limits {
        open_interest_cap_base_lots: Some(before.open_interest_cap_base_lots),
        position_cap_atoms: Some(before.tiers[3].notional_cap_atoms - 1),
        sweep_cap_atoms: Some(1),
        insurance_draw_cap_atoms: None,
        insurance_grant_atoms: Some(0),
    };
    assert_eq!(tighten(market, &limits, 10), Ok(()));
    let mut wanted = before;
    wanted.sweep_cap_atoms = 1;
    wanted.tiers[3].notional_cap_atoms -= 1;
    assert_eq!((market.params, market.limits_raised_slot), (wanted, 0));
    // Again, nothing falls.
    assert_eq!(tighten(market, &limits, 10), Err(EngineError::LimitNotLowered));
    assert_eq!(tighten(market, &Limits::default(), 10), Err(EngineError::LimitNotLowered));
}

#[test]
fn tightening_never_raises_and_leaves_parameters_valid() {
    let mut market = market();
    let market = market.as_mut();
    let params = market.params;
    let raises = [
        Limits { open_interest_cap_base_lots: Some(params.open_interest_cap_base_lots + 1), ..Limits::default() },
        Limits { position_cap_atoms: Some(params.tiers[3].notional_cap_atoms + 1), ..Limits::default() },
        Limits { sweep_cap_atoms: Some(params.sweep_cap_atoms + 1), ..Limits::default() },
        Limits { insurance_draw_cap_atoms: Some(params.insurance_draw_cap_atoms + 1), ..Limits::default() },
        Limits { insurance_grant_atoms: Some(1), sweep_cap_atoms: Some(0), ..Limits::default() },
    ];
    for limits in raises {
        assert_eq!(tighten(market, &limits, 10), Err(EngineError::LimitNotLowered), "{limits:?}");
    }
    let invalid = [
        Limits { open_interest_cap_base_lots: Some(0), ..Limits::default() },
        Limits { position_cap_atoms: Some(params.tiers[2].notional_cap_atoms), ..Limits::default() },
        Limits { sweep_cap_atoms: Some(-1), ..Limits::default() },
        Limits { insurance_grant_atoms: Some(-1), ..Limits::default() },
    ];
    for limits in invalid {
        let wanted = if limits.sweep_cap_atoms.is_some() { Ok(()) } else { Err(EngineError::InvalidParameters) };
        // Nothing has been swept out: a cap below zero becomes zero.
        assert_eq!(tighten(market, &limits, 10), wanted, "{limits:?}");
    }
    assert_eq!(market.params.sweep_cap_atoms, 0);
    let swept = Limits { sweep_cap_atoms: Some(0), ..Limits::default() };
    (market.params.sweep_cap_atoms, market.net_swept_profit_atoms) = (100, 60);
    assert_eq!(tighten(market, &swept, 10), Ok(()));
    assert_eq!(market.params.sweep_cap_atoms, 60);
}

#[test]
fn a_lower_draw_cap_forgets_no_faster() {
    let mut market = market();
    let market = market.as_mut();
    market.params.insurance_draw_cap_atoms = 1_000;
    market.params.insurance_window_slots = 100;
    (market.insurance.window_atoms, market.insurance.window_slot) = (1_000, 100);
    tighten(market, &Limits { insurance_draw_cap_atoms: Some(100), ..Limits::default() }, 150).unwrap();
    assert_eq!(market.drawn_lately(150), Ok(QuoteAtoms(500)));
    assert_eq!(market.drawn_lately(200), Ok(QuoteAtoms(450)));
}
