//! Changes of parameters: every inequality again, limits in steps, requirements on a ramp, tightening at once.

use bytemuck::Zeroable;
use taper::events::{LimitsTightened, RampAdvanced};
use taper_engine::governance::{LIMIT_FLOOR_ATOMS, LIMIT_INTERVAL_SLOTS};
use taper_engine::params::MarginTier;
use taper_engine::quantity::Side;
use taper_engine::validate::Rule;

use super::*;
use crate::support::*;

/// Where the parameters stand in a proposal's account: after the discriminator.
const PARAMS_AT: usize = 8 + 216;

type Spoil = fn(&mut MarketParams);

/// A way to break each rule, none of those before it.
#[rustfmt::skip]
const SPOILS: [(Rule, Spoil); 29] = [
    (Rule::TierEdges, |p| p.tiers[1].notional_cap_atoms = p.tiers[0].notional_cap_atoms),
    (Rule::TierRates, |p| p.tiers[3].mmr_bps = 500),
    (Rule::InitialCoversTarget, |p| p.target_first_bps = 17_000),
    (Rule::LadderHealth, |p| p.ladder[0].health_bps = 9_999),
    (Rule::LadderValues, |p| p.ladder[1].penalty_bps_of_mmr = 499),
    (Rule::CostCapOpens, |p| (p.cost_cap_start_bps_of_mmr, p.cost_cap_ramp_bps_of_mmr_per_slot) = (0, 0)),
    (Rule::Sizes, |p| p.min_position_base_lots = 0),
    (Rule::SliceFitsShare, |p| p.min_slice_base_lots = p.throttle_capacity_base_lots / 4 + 1),
    (Rule::SliceFitsFills, |p| p.min_slice_base_lots = 33),
    (Rule::LotExponent, |p| p.base_lot_exponent = 19),
    (Rule::Fees, |p| p.maker_fee_ppm = -501),
    (Rule::MakerBand, |p| p.maker_band_bps = 201),
    (Rule::Targets, |p| p.target_again_bps = 10_000),
    (Rule::Shares, |p| p.episode_cost_budget_bps = 0),
    (Rule::SelfLiquidation, |p| p.taker_fee_ppm = 511),
    (Rule::Throttle, |p| p.throttle_bypass_health_bps = 0),
    (Rule::Periods, |p| p.cooloff_slots = 0),
    (Rule::StressSlack, |p| p.stress_latency_slots = 357),
    (Rule::Throughput, |p| p.open_interest_cap_base_lots = p.throttle_capacity_base_lots * 12),
    (Rule::StressInputs, |p| p.stress_cost_bps_of_mmr = 749),
    (Rule::Oracle, |p| p.oracle_fresh_age_seconds = 61),
    (Rule::Pool, |p| p.sweep_cap_atoms = -1),
    (Rule::Takeover, |p| p.takeover_health_bps = 3_301),
    (Rule::Insurance, |p| p.insurance_grant_atoms = -1),
    (Rule::KeeperTip, |p| (p.taker_fee_ppm, p.maker_fee_ppm, p.keeper_tip_share_bps) = (0, 0, 10_001)),
    (Rule::Funding, |p| p.funding_gap_slots = p.funding_interval_slots - 1),
    (Rule::RankWindow, |p| p.rank_window_slots = 15),
    (Rule::Ramp, |p| p.mmr_ramp_slots = 80_000_001),
    (Rule::Reserved, |p| p.reserved[16] = 1),
];

#[tokio::test]
async fn every_inequality_is_checked_when_proposed_and_again_when_applied() {
    let mut world = governed().await;
    let action = harmless(&world);
    let index = propose(&mut world, Some(0), action).await.unwrap();
    world.pass(TIMELOCK).unwrap();
    let key = address::proposal(&world.venue.keys.exchange, index);
    let sound = world.chain.get(&key).unwrap().clone();
    for ((rule, spoil), in_order) in SPOILS.iter().zip(Rule::ALL) {
        assert_eq!(*rule, in_order);
        let spoiled = changed(&world, spoil);
        let ProposalAction::Params { params } = spoiled else { unreachable!() };
        assert_eq!(params.violated_rule(), Some(*rule));
        propose(&mut world, Some(0), spoiled).await.expect_error(TaperError::InvalidParameters);
        // As if an older program had let it through.
        let mut forged = sound.clone();
        forged.data[PARAMS_AT..][..size_of::<MarketParams>()].copy_from_slice(bytemuck::bytes_of(&params));
        world.chain.set_account(&key, forged);
        assert_eq!(proposal(&world, index).params, params);
        apply(&mut world, index, Some(0)).await.expect_error(TaperError::InvalidParameters);
    }
    world.chain.set_account(&key, sound);
    apply(&mut world, index, Some(0)).await.unwrap();
}

#[tokio::test]
async fn lots_and_ticks_never_change() {
    let mut world = governed().await;
    let changes: [Spoil; 2] = [|p| p.base_lot_exponent = -3, |p| p.tick_size_atoms_per_lot *= 2];
    for change in changes {
        let action = changed(&world, change);
        let index = propose(&mut world, Some(0), action).await.unwrap();
        apply_later(&mut world, index, Some(0)).await.expect_error(TaperError::ImmutableParameter);
    }
}

#[tokio::test]
async fn limits_rise_by_a_step_a_day() {
    let mut world = governed().await;
    let cap = market(&world).state.params.sweep_cap_atoms;
    let to = |world: &World, atoms| changed(world, |params| params.sweep_cap_atoms = atoms);
    let (far, near) = (to(&world, cap / 2 * 3 + 1), to(&world, cap / 2 * 3));
    let far = propose(&mut world, Some(0), far).await.unwrap();
    let near = propose(&mut world, Some(0), near).await.unwrap();
    apply_later(&mut world, far, Some(0)).await.expect_error(TaperError::LimitRaisedTooFar);
    let outcome = apply(&mut world, near, Some(0)).await.unwrap();
    let raised_slot = world.chain.slot();
    assert_eq!(market(&world).state.limits_raised_slot, raised_slot);
    if world.chain.is_vm() {
        assert!(outcome.event::<ProposalApplied>().unwrap().raises_limits);
    }
    // The one that was too far is near enough now, but too soon; anything else that loosens is, too.
    apply(&mut world, far, Some(0)).await.expect_error(TaperError::LimitRaisedTooSoon);
    let older_prices = changed(&world, |params| params.oracle_fresh_age_seconds += 1);
    let older_prices = propose(&mut world, Some(0), older_prices).await.unwrap();
    apply_later(&mut world, older_prices, Some(0)).await.expect_error(TaperError::LimitRaisedTooSoon);
    world.chain.set_time(raised_slot + LIMIT_INTERVAL_SLOTS - 1, world.chain.seconds());
    apply(&mut world, older_prices, Some(0)).await.expect_error(TaperError::LimitRaisedTooSoon);
    world.chain.set_time(raised_slot + LIMIT_INTERVAL_SLOTS, world.chain.seconds());
    apply(&mut world, older_prices, Some(0)).await.unwrap();
    let raised_slot = raised_slot + LIMIT_INTERVAL_SLOTS;
    assert_eq!(market(&world).state.limits_raised_slot, raised_slot);
    // Lowering is free, and does not move the day.
    let lower = to(&world, 7);
    let lower = propose(&mut world, Some(0), lower).await.unwrap();
    apply_later(&mut world, lower, Some(0)).await.unwrap();
    let state = &market(&world).state;
    assert_eq!((state.params.sweep_cap_atoms, state.limits_raised_slot), (7, raised_slot));
    // What was near enough to a high cap is too far from a low one, and a little is always near enough.
    let (back, floor) = (to(&world, cap), to(&world, LIMIT_FLOOR_ATOMS));
    let back = propose(&mut world, Some(0), back).await.unwrap();
    let floor = propose(&mut world, Some(0), floor).await.unwrap();
    world.chain.set_time(raised_slot + LIMIT_INTERVAL_SLOTS, world.chain.seconds());
    apply(&mut world, back, Some(0)).await.expect_error(TaperError::LimitRaisedTooFar);
    apply(&mut world, floor, Some(0)).await.unwrap();
}

#[tokio::test]
async fn a_dearer_maintenance_rate_ramps() {
    let mut world = long_alice().await;
    let ramp_slots = u64::from(market(&world).state.params.mmr_ramp_slots);
    let key = market_key(&world, Some(0)).unwrap();
    let step = instruction::advance_ramp(key);
    world.chain.send(std::slice::from_ref(&step), &[]).await.expect_error(TaperError::NoRamp);
    // Her hundred thousand dollars need 3% and should need 6%; the initial rate is the new one at once.
    let dearer = changed(&world, |params| {
        params.tiers[0] = MarginTier { mmr_bps: 600, imr_bps: 1_000, ..params.tiers[0] };
        params.tiers[1] = MarginTier { mmr_bps: 700, imr_bps: 1_000, ..params.tiers[1] };
        params.tiers[2] = MarginTier { mmr_bps: 800, imr_bps: 1_000, ..params.tiers[2] };
        // Dropped in the same breath: the ramp is as long as it was.
        params.mmr_ramp_slots = params.mmr_ramp_slots / 3 * 2;
    });
    let index = propose(&mut world, Some(0), dearer).await.unwrap();
    let (start, before) = (world.chain.slot(), health_bps(&world, "alice"));
    let outcome = apply(&mut world, index, Some(0)).await.unwrap();
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<ProposalApplied>().unwrap().ramp_end_slot, start + ramp_slots);
    }
    assert_eq!(health_bps(&world, "alice"), before);
    let first =
        |world: &World| (market(world).state.params.tiers[0].mmr_bps, market(world).state.params.tiers[0].imr_bps);
    assert_eq!(first(&world), (300, 1_000));
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::InitialHealthTooLow);
    world.chain.send(std::slice::from_ref(&step), &[]).await.expect_error(TaperError::NoRamp);
    let mut last = before;
    for (part, rate) in [(1, 375), (2, 450), (3, 525), (4, 600)] {
        world.pass(start + ramp_slots / 4 * part - world.chain.slot()).unwrap();
        let outcome = world.chain.send(std::slice::from_ref(&step), &[]).await.unwrap();
        assert_eq!(first(&world), (rate, 1_000));
        let now = health_bps(&world, "alice");
        assert!(now < last);
        last = now;
        if world.chain.is_vm() {
            let event = outcome.event::<RampAdvanced>().unwrap();
            let end = if part == 4 { 0 } else { start + ramp_slots };
            assert_eq!((event.tiers[0].mmr_bps, event.ramp_end_slot), (rate, end));
        }
        world.chain.send(std::slice::from_ref(&step), &[]).await.expect_error(TaperError::NoRamp);
    }
    assert_eq!(market(&world).state.ramp, Zeroable::zeroed());
    // A lower rate is there at once.
    let cheaper = changed(&world, |params| params.tiers[0].mmr_bps = 400);
    let index = propose(&mut world, Some(0), cheaper).await.unwrap();
    apply(&mut world, index, Some(0)).await.unwrap();
    assert_eq!(first(&world).0, 400);
}

#[tokio::test]
async fn limits_are_tightened_at_once_and_never_loosened_so() {
    let mut world = governed().await;
    let none = TightenLimitsArgs::default();
    let params = market(&world).state.params;
    let lower = TightenLimitsArgs {
        open_interest_cap_base_lots: Some(1_000),
        position_cap_atoms: Some(params.tiers[3].notional_cap_atoms - 1),
        insurance_draw_cap_atoms: Some(9),
        ..none
    };
    tighten(&mut world, "alice", lower).await.expect_error(TaperError::NotGuardian);
    let outcome = tighten(&mut world, "guardian", lower).await.unwrap();
    let mut wanted = params;
    wanted.open_interest_cap_base_lots = 1_000;
    wanted.tiers[3].notional_cap_atoms -= 1;
    wanted.insurance_draw_cap_atoms = 9;
    assert_eq!(market(&world).state.params, wanted);
    if world.chain.is_vm() {
        let event = outcome.event::<LimitsTightened>().unwrap();
        assert_eq!((event.open_interest_cap_base_lots, event.insurance_draw_cap_atoms), (1_000, 9));
        assert_eq!((event.by, event.sweep_cap_atoms), (world.venue.guardian.pubkey(), params.sweep_cap_atoms));
    }
    let raises = [
        TightenLimitsArgs { open_interest_cap_base_lots: Some(1_001), ..none },
        TightenLimitsArgs { position_cap_atoms: Some(params.tiers[3].notional_cap_atoms), ..none },
        TightenLimitsArgs { sweep_cap_atoms: Some(params.sweep_cap_atoms + 1), ..none },
        TightenLimitsArgs { insurance_draw_cap_atoms: Some(10), sweep_cap_atoms: Some(1), ..none },
        TightenLimitsArgs { insurance_grant_atoms: Some(1), ..none },
        // Nothing falls.
        lower,
        none,
    ];
    for by in ["guardian", "admin"] {
        for args in raises {
            tighten(&mut world, by, args).await.expect_error(TaperError::LimitNotLowered);
        }
        let zero = TightenLimitsArgs { open_interest_cap_base_lots: Some(0), ..none };
        tighten(&mut world, by, zero).await.expect_error(TaperError::InvalidParameters);
    }
    // New risk is bounded now; what is open stays.
    world.take("alice", 0, Side::Bid, 1_001).await.expect_error(TaperError::OpenInterestCap);
    world.take("alice", 0, Side::Bid, 1_000).await.unwrap();
    tighten(&mut world, "admin", TightenLimitsArgs { open_interest_cap_base_lots: Some(1), ..none }).await.unwrap();
    world.take("alice", 0, Side::Ask, 500).await.unwrap();
    // Another exchange's guardian has no say here.
    let mint = world.venue.keys.quote_mint;
    let other = Venue::create(&mut world.chain, "other", mint).await.unwrap();
    let (guardian, key) = (other.guardian.pubkey(), market_key(&world, Some(0)).unwrap());
    let args = TightenLimitsArgs { sweep_cap_atoms: Some(0), ..none };
    let foreign = instruction::tighten_limits(guardian, other.keys.exchange, key, args);
    world.chain.send(&[foreign], &[&other.guardian]).await.expect_error(TaperError::WrongExchange);
    let foreign = instruction::tighten_limits(guardian, world.venue.keys.exchange, key, args);
    world.chain.send(&[foreign], &[&other.guardian]).await.expect_error(TaperError::NotGuardian);
}
