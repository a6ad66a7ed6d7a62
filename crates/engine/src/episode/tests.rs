use super::*;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::{BaseLots, Price};

/// Cool-off 1,500 slots, re-entry 216,000, τ 1.25, repeated: full close, budget 30%.
fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn none() -> Episode {
    bytemuck::Zeroable::zeroed()
}

const REQUIRED: Requirement = Requirement(12_345_678);

fn started_at(slot: u64) -> Episode {
    let mut episode = none();
    assert!(episode.observe(slot, true, REQUIRED, &params(), false));
    episode
}

#[test]
fn a_healthy_observation_starts_nothing() {
    let mut episode = none();
    assert!(!episode.observe(100, false, REQUIRED, &params(), false));
    assert_eq!(episode, none());
    assert_eq!(episode.target(&params()), None);
}

#[test]
fn the_first_unhealthy_observation_starts_an_episode() {
    let episode = started_at(100);
    // 12,345,678 × 10^-4 atoms, rounded down.
    let expected = Episode {
        started_slot: 100,
        last_unhealthy_slot: 100,
        start_requirement_atoms: 1_234,
        kind: KIND_FIRST,
        unhealthy: 1,
        ..none()
    };
    assert_eq!(episode, expected);
    assert_eq!(episode.target(&params()), Some(Target::Ratio(12_500)));
}

#[test]
fn the_clock_runs_only_between_unhealthy_observations() {
    let params = params();
    let mut episode = started_at(100);
    for (slot, unhealthy, clock) in [
        (110, true, 10),
        (110, true, 10),
        (130, false, 10),
        (150, true, 10),
        (155, true, 15),
        (160, false, 15),
        (161, false, 15),
        (162, true, 15),
        (163, true, 16),
    ] {
        assert!(!episode.observe(slot, unhealthy, REQUIRED, &params, false));
        assert_eq!(episode.clock_slots, clock, "at {slot}");
    }
    assert_eq!((episode.started_slot, episode.last_unhealthy_slot), (100, 163));
}

#[test]
fn nothing_in_between_resets_what_the_episode_has_cost() {
    let params = params();
    let mut episode = started_at(100);
    (episode.cost_atoms, episode.tip_credit_atoms, episode.sliced) = (77, 31, 1);
    episode.observe(120, false, Requirement(1), &params, true);
    episode.observe(140, true, Requirement(1), &params, true);
    assert_eq!((episode.cost_atoms, episode.tip_credit_atoms, episode.sliced), (77, 31, 1));
    assert_eq!((episode.start_requirement_atoms, episode.kind), (1_234, KIND_FIRST));
}

#[test]
fn it_expires_one_slot_after_the_cooloff() {
    let params = params();
    let mut episode = started_at(100);
    episode.sliced = 1;
    assert!(!episode.expire(1_600, &params));
    assert!(episode.is_active());
    assert!(episode.expire(1_601, &params));
    assert!(!episode.is_active());
    // It ended when the cool-off did, not when somebody looked.
    assert_eq!((episode.last_end_slot, episode.had_one_before, episode.unhealthy, episode.sliced), (1_600, 1, 0, 0));
    assert!(!episode.expire(1_000_000, &params));
}

#[test]
fn an_unhealthy_observation_postpones_the_expiry() {
    let params = params();
    let mut episode = started_at(100);
    episode.observe(1_600, true, REQUIRED, &params, false);
    assert!(!episode.expire(3_100, &params));
    assert!(episode.expire(3_101, &params));
}

#[test]
fn an_episode_without_a_slice_leaves_the_mercy_unused() {
    let params = params();
    let mut episode = started_at(100);
    assert!(episode.expire(5_000, &params));
    assert_eq!((episode.had_one_before, episode.last_end_slot), (0, 0));
    assert!(episode.observe(5_001, true, REQUIRED, &params, false));
    assert_eq!(episode.target(&params), Some(Target::Ratio(12_500)));
}

#[test]
fn reentry_is_repeated_up_to_its_last_slot() {
    let params = params();
    for (slot, kind, target) in [
        (1_000, KIND_FULL, Target::Full),
        (217_000, KIND_FULL, Target::Full),
        (217_001, KIND_FIRST, Target::Ratio(12_500)),
    ] {
        let mut episode = started_at(100);
        episode.sliced = 1;
        episode.end(1_000);
        assert!(episode.observe(slot, true, REQUIRED, &params, false));
        assert_eq!((episode.kind, episode.target(&params)), (kind, Some(target)), "at {slot}");
        assert_eq!((episode.clock_slots, episode.cost_atoms, episode.sliced), (0, 0, 0));
    }
}

#[test]
fn a_repeated_target_of_its_own() {
    let mut params = params();
    params.target_again_bps = 15_000;
    let mut episode = started_at(100);
    episode.sliced = 1;
    episode.end(200);
    episode.observe(201, true, REQUIRED, &params, false);
    assert_eq!((episode.kind, episode.target(&params)), (KIND_AGAIN, Some(Target::Ratio(15_000))));
    // Governance turned it into a full close meanwhile.
    params.target_again_bps = 0;
    assert_eq!(episode.target(&params), Some(Target::Full));
}

#[test]
fn a_user_can_ask_for_less_mercy_only() {
    let mut params = params();
    assert_eq!(target(false, &params, true), Target::Full);
    assert_eq!(target(true, &params, true), Target::Full);
    assert_eq!(target(false, &params, false), Target::Ratio(12_500));
    assert_eq!(target(true, &params, false), Target::Full);
    params.target_again_bps = 11_000;
    assert_eq!(target(true, &params, false), Target::Ratio(11_000));
    assert_eq!(target(true, &params, true), Target::Full);
}

#[test]
fn the_budget_is_a_share_of_the_requirement_at_the_start_rounded_down() {
    let params = params();
    let mut episode = started_at(0);
    // 1,234 × 3,000 / 10,000 = 370.2.
    assert_eq!(episode.budget_left(&params), Ok(QuoteAtoms(370)));
    episode.cost_atoms = 369;
    assert_eq!(episode.budget_left(&params), Ok(QuoteAtoms(1)));
    episode.cost_atoms = 371;
    assert_eq!(episode.budget_left(&params), Ok(QuoteAtoms(0)));
    (episode.start_requirement_atoms, episode.cost_atoms) = (i64::MAX, 0);
    assert_eq!(episode.budget_left(&params), Ok(QuoteAtoms(2_767_011_611_056_432_742)));
}

#[test]
fn the_owner_ends_an_episode_at_initial_margin_and_not_below() {
    let mut account: AccountState = bytemuck::Zeroable::zeroed();
    let at_one = Health { equity: QuoteAtoms(50), requirement: Requirement(500_000) };
    let below = Health { equity: QuoteAtoms(49), requirement: Requirement(500_000) };
    assert!(!owner_acted(&mut account, &at_one, 300), "nothing to end");
    account.episode = started_at(100);
    account.episode.sliced = 1;
    let running = account;
    assert!(!owner_acted(&mut account, &below, 300));
    assert_eq!(account, running);
    assert!(owner_acted(&mut account, &at_one, 300));
    assert!(!account.episode.is_active());
    assert_eq!((account.episode.last_end_slot, account.episode.had_one_before), (300, 1));
    assert!(!owner_acted(&mut account, &at_one, 301), "it has ended");
}

#[test]
fn the_owner_ends_an_episode_by_closing_everything() {
    let mut account: AccountState = bytemuck::Zeroable::zeroed();
    account.episode = started_at(100);
    let debt = Health { equity: QuoteAtoms(-1), requirement: Requirement(0) };
    assert!(!owner_acted(&mut account, &debt, 300));
    assert!(owner_acted(&mut account, &Health::default(), 300));
    assert_eq!((account.episode.last_end_slot, account.episode.had_one_before), (0, 0), "no slice, mercy unused");
}

#[test]
fn an_account_is_stalled_from_the_stall_slots_on_while_its_episode_goes_on() {
    let params = params();
    let (since, stall, cooloff) = (200, u64::from(params.stall_slots), params.cooloff_slots);
    let seen = since + stall;
    let account = |since: u64, seen: u64| {
        let mut account = AccountState { stalled_since_slot: since, ..bytemuck::Zeroable::zeroed() };
        account.episode = started_at(100);
        account.episode.last_unhealthy_slot = seen;
        account
    };
    assert!(is_stalled(&account(since, seen), &params, since + stall));
    assert!(!is_stalled(&account(since, seen), &params, since + stall - 1));
    // The clock does not run.
    assert!(!is_stalled(&account(0, seen), &params, since + stall));
    // Seen unhealthy for the last time so long ago that the episode is over.
    assert!(is_stalled(&account(since, seen), &params, seen + cooloff));
    assert!(!is_stalled(&account(since, seen), &params, seen + cooloff + 1));
    let mut over = account(since, seen);
    over.episode = none();
    over.episode.last_unhealthy_slot = seen;
    assert!(!is_stalled(&over, &params, seen));
}
