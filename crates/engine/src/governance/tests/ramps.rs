//! How a dearer maintenance rate comes into force.

use super::*;
use proptest::prelude::*;

use crate::params::MarginTier;

/// Six per cent more in every tier, and initial rates that go with it.
fn dearer(params: &MarketParams) -> MarketParams {
    let mut new = *params;
    for tier in &mut new.tiers {
        tier.mmr_bps += 600;
        tier.imr_bps += 1_000;
    }
    new
}

fn rates(market: &MarketState) -> [u32; MARGIN_TIERS] {
    market.params.tiers.map(|tier| tier.mmr_bps)
}

#[test]
fn a_raise_is_linear_in_slots_and_ends_exactly() {
    let mut market = market();
    let market = market.as_mut();
    market.params.mmr_ramp_slots = 100;
    assert_eq!(advance_ramp(market, 50), Err(EngineError::NoRamp));
    let new = dearer(&market.params);
    assert_eq!(
        apply_change(market, &new, 1_000),
        Ok(Applied { raises_limits: false, ramp_end_slot: 1_100, held: QuoteAtoms::ZERO })
    );
    assert_eq!(rates(market), [300, 400, 600, 1_000]);
    assert_eq!(market.params.tiers[0].imr_bps, 1_500);
    assert_eq!(advance_ramp(market, 1_000), Err(EngineError::NoRamp));
    assert_eq!(advance_ramp(market, 1_025), Ok(()));
    assert_eq!(rates(market), [450, 550, 750, 1_150]);
    assert_eq!(advance_ramp(market, 1_025), Err(EngineError::NoRamp));
    // Time that goes back moves nothing back: the clock of the chain does not, and this asks for where the ramp was then.
    assert_eq!(advance_ramp(market, 1_099), Ok(()));
    assert_eq!(rates(market), [894, 994, 1_194, 1_594]);
    assert_eq!(advance_ramp(market, 9_999), Ok(()));
    assert_eq!((rates(market), market.params), ([900, 1_000, 1_200, 1_600], new));
    assert_eq!(market.ramp, bytemuck::Zeroable::zeroed());
    assert_eq!(advance_ramp(market, 10_000), Err(EngineError::NoRamp));
}

#[test]
fn the_ramp_cannot_be_dropped_with_the_raise() {
    let mut market = market();
    let market = market.as_mut();
    market.params.mmr_ramp_slots = 10;
    let mut new = dearer(&market.params);
    new.mmr_ramp_slots = 0;
    // Dropping it is a limit of its own; the raise still takes the old length.
    assert_eq!(
        apply_change(market, &new, 1_000),
        Ok(Applied { raises_limits: true, ramp_end_slot: 1_010, held: QuoteAtoms::ZERO })
    );
    assert_eq!(rates(market), [300, 400, 600, 1_000]);
    // From a market that never had one a raise comes at once.
    advance_ramp(market, 1_010).unwrap();
    let newer = dearer(&market.params);
    assert_eq!(
        apply_change(market, &newer, 2_000),
        Ok(Applied { raises_limits: false, ramp_end_slot: 0, held: QuoteAtoms::ZERO })
    );
    assert_eq!((rates(market)[0], market.ramp.end_slot), (1_500, 0));
}

#[test]
fn a_lower_rate_is_immediate_and_a_change_restarts_the_ramp_from_where_it_is() {
    let mut market = market();
    let market = market.as_mut();
    market.params.mmr_ramp_slots = 100;
    let start = market.params;
    let new = dearer(&start);
    apply_change(market, &new, 1_000).unwrap();
    // Nobody has asked for a step; the change does. Half of the way.
    let mut other = new;
    other.tiers[0].mmr_bps = 500;
    let applied = apply_change(market, &other, 1_050).unwrap();
    assert_eq!(applied, Applied { raises_limits: true, ramp_end_slot: 1_150, held: QuoteAtoms::ZERO });
    assert_eq!(rates(market), [500, 700, 900, 1_300]);
    assert_eq!(
        (market.ramp.from_mmr_bps, market.ramp.to_mmr_bps),
        ([500, 700, 900, 1_300], [500, 1_000, 1_200, 1_600])
    );
    // Back to the start would be too far. Lower rates come at once, and no ramp is left; the old one has ended unseen.
    assert_eq!(apply_change(market, &start, LATER), Err(EngineError::LimitRaisedTooFar));
    let mut between = start;
    let rates_between = [(400, 1_000), (700, 1_120), (800, 1_334), (1_100, 1_760)];
    for (tier, (mmr_bps, imr_bps)) in between.tiers.iter_mut().zip(rates_between) {
        (tier.mmr_bps, tier.imr_bps) = (mmr_bps, imr_bps);
    }
    assert_eq!(
        apply_change(market, &between, LATER),
        Ok(Applied { raises_limits: true, ramp_end_slot: 0, held: QuoteAtoms::ZERO })
    );
    assert_eq!((rates(market), market.ramp.end_slot), ([400, 700, 800, 1_100], 0));
}

#[test]
fn what_needs_the_higher_rates_is_refused_while_they_ramp() {
    // The open-interest cap needs the throughput of 4%; the ramp starts at 3%.
    let raised = |p: &mut MarketParams| {
        p.tiers[0].mmr_bps = 400;
        p.tiers[0].imr_bps = 600;
        p.open_interest_cap_base_lots = 12_000_000;
    };
    assert_eq!(with(raised).violated_rule(), None);
    assert_eq!(check(&sol(), &with(raised)), Err(EngineError::InvalidParameters));
    let fees = |p: &mut MarketParams| {
        p.tiers[0].mmr_bps = 400;
        p.tiers[0].imr_bps = 600;
        p.taker_fee_ppm = 600;
    };
    assert_eq!(with(fees).violated_rule(), None);
    assert_eq!(check(&sol(), &with(fees)), Err(EngineError::InvalidParameters));
}

#[test]
fn an_edge_that_falls_ramps_like_a_rate() {
    let mut market = market();
    let market = market.as_mut();
    market.params.mmr_ramp_slots = 10;
    // A market whose depth has shrunk to a tenth: nothing is loosened on the way, and no requirement jumps.
    let mut new = market.params;
    for tier in &mut new.tiers {
        tier.notional_cap_atoms /= 10;
    }
    let edges = |market: &MarketState| market.params.tiers.map(|tier| tier.notional_cap_atoms / 10_000_000_000);
    assert_eq!(edges(market), [90, 360, 900, 1_800]);
    assert_eq!(
        apply_change(market, &new, 1_000),
        Ok(Applied { raises_limits: false, ramp_end_slot: 1_010, held: QuoteAtoms::ZERO })
    );
    // The largest position falls at once as far as it can; the edges below it only later.
    assert_eq!(market.params.tiers[3].notional_cap_atoms, 9_000_000_000_001);
    assert_eq!(edges(market), [90, 360, 900, 900]);
    advance_ramp(market, 1_005).unwrap();
    assert_eq!(edges(market), [49, 198, 495, 540]);
    advance_ramp(market, 1_010).unwrap();
    assert_eq!(market.params, new);
}

#[test]
fn a_ramp_does_not_bring_back_an_edge_that_was_lowered_since() {
    let mut market = market();
    let market = market.as_mut();
    market.params.mmr_ramp_slots = 10;
    let mut new = dearer(&market.params);
    new.tiers[2].notional_cap_atoms -= 10;
    apply_change(market, &new, 1_000).unwrap();
    let lower = new.tiers[2].notional_cap_atoms + 11;
    tighten(market, &Limits { position_cap_atoms: Some(lower), ..Limits::default() }, 1_000).unwrap();
    for slot in 1_001..=1_010 {
        advance_ramp(market, slot).unwrap();
        assert_eq!(market.params.tiers[3].notional_cap_atoms, lower);
    }
    new.tiers[3].notional_cap_atoms = lower;
    assert_eq!(market.params, new);
}

/// Parameters of one to four tiers, all valid.
fn any_params() -> impl Strategy<Value = MarketParams> {
    let tier = (1u64..4_000_000_000_000, 0u32..300, 0u32..300);
    let others = (0u32..=200, 0i64..=400, 1u32..=200);
    (proptest::collection::vec(tier, 1..=MARGIN_TIERS), 210u32..500, others).prop_map(|(tiers, first, others)| {
        let mut params = sol();
        params.tiers = bytemuck::Zeroable::zeroed();
        let (mut cap, mut mmr, mut imr) = (0, first, 0);
        for (place, (notional, more, extra)) in params.tiers.iter_mut().zip(&tiers) {
            cap += notional;
            mmr += more;
            imr = imr.max((mmr * 5).div_ceil(4).max(mmr + 200)) + extra;
            *place = MarginTier { notional_cap_atoms: cap, mmr_bps: mmr, imr_bps: imr };
        }
        params.tier_count = u(i64::try_from(tiers.len()).unwrap());
        let (fee, interest, ramp) = others;
        (params.taker_fee_ppm, params.maker_fee_ppm) = (fee, 0);
        params.open_interest_cap_base_lots = 1_000_000 + interest;
        params.mmr_ramp_slots = ramp;
        params
    })
}

fn needed(params: &MarketParams, notional: u64) -> i128 {
    requirement(params, QuoteAtoms(i64::try_from(notional).unwrap()), false).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    /// Between any two valid sets of parameters every step of the ramp validates, no step raises a requirement beyond where it ends, and none
    /// falls.
    #[test]
    fn every_step_between_valid_parameters_is_valid(
        old in any_params(),
        new in any_params(),
        notional in 0u64..20_000_000_000_000,
        slots in proptest::collection::vec(0u64..250, 1..6),
    ) {
        prop_assert_eq!(old.violated_rule(), None);
        prop_assert_eq!(new.violated_rule(), None);
        let (at_once, ramp) = start_of_ramp(&old, &new, 1_000);
        prop_assert_eq!(at_once.violated_rule(), None);
        // No position needs more maintenance the moment the change is applied, nor less than the lower of both.
        prop_assert!(needed(&at_once, notional) <= needed(&old, notional));
        prop_assert!(needed(&at_once, notional) <= needed(&new, notional));
        let mut market = market();
        let market = market.as_mut();
        (market.params, market.ramp) = (at_once, ramp);
        let mut slots = slots;
        slots.sort_unstable();
        let mut last = needed(&at_once, notional);
        for slot in slots {
            let moved = advance_ramp(market, 1_000 + slot);
            prop_assert!(moved == Ok(()) || moved == Err(EngineError::NoRamp), "{:?}", moved);
            prop_assert_eq!(market.params.violated_rule(), None);
            let now = needed(&market.params, notional);
            prop_assert!((last..=needed(&new, notional)).contains(&now));
            last = now;
        }
        let _ = advance_ramp(market, 2_000);
        prop_assert_eq!(market.params, new);
    }

    /// Whatever is accepted keeps within a step at every notional, not only at the edges that are compared.
    #[test]
    fn an_accepted_change_lowers_no_requirement_by_more_than_a_third(
        old in any_params(),
        new in any_params(),
        notional in 0u64..20_000_000_000_000,
    ) {
        if let Ok(change) = check_change(&old, &new, 0, LATER) {
            let (was, is) = (needed(&old, notional), needed(&change.at_once, notional));
            prop_assert!(is * 3 >= was * 2, "{} of {} at {}", is, was, notional);
            prop_assert!(change.raises_limits || is >= was);
        }
    }
}
