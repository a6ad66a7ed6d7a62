use bytemuck::zeroed_box;
use taper_sdk::constants::{ACCOUNT_VERSION, PROPOSAL_APPLIED};

use super::*;

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn desired() -> Desired {
    let environment = |name: &str| Some(key(if name == "TAPER_ADMIN" { 1 } else { 2 }).to_string());
    Desired::parse(include_str!("../../clusters/devnet.toml"), environment).unwrap()
}

/// The cluster that the file describes.
fn actual(desired: &Desired) -> Actual {
    let want = &desired.exchange;
    let mut exchange = zeroed_box::<Exchange>();
    (exchange.version, exchange.quote_decimals, exchange.status) = (ACCOUNT_VERSION, want.quote_decimals, want.status);
    (exchange.admin, exchange.guardian, exchange.quote_mint) = (want.admin, want.guardian, want.quote_mint);
    exchange.timelock_slots = want.timelock_slots;
    let markets = desired.markets.iter().zip(10u8..).map(|(want, byte)| {
        let mut market = zeroed_box::<Market>();
        (market.name, market.status, market.state.params) = (want.name_bytes, want.status, want.params);
        (market.oracle_kind, market.oracle_key, market.oracle_account) =
            (want.oracle.kind, want.oracle.key, want.oracle.account);
        (key(byte), market)
    });
    Actual { slot: 1_000, exchange: Some(exchange), markets: markets.collect(), proposals: Vec::new() }
}

fn proposal(index: u64, market: Pubkey, action: &ProposalAction, ready_slot: u64) -> (Pubkey, Box<Proposal>) {
    let mut proposal = zeroed_box::<Proposal>();
    proposal.record(action);
    (proposal.version, proposal.index, proposal.market) = (ACCOUNT_VERSION, index, market);
    (proposal.ready_slot, proposal.expires_slot) = (ready_slot, ready_slot + 500);
    (key(100), proposal)
}

fn actions(desired: &Desired, actual: &Actual) -> Vec<Action> {
    plan(desired, actual).into_iter().map(|step| step.action).collect()
}

#[test]
fn a_cluster_as_it_should_be_needs_nothing() {
    let desired = desired();
    assert_eq!(plan(&desired, &actual(&desired)), []);
}

#[test]
fn an_empty_cluster_gets_everything_in_order() {
    let desired = desired();
    let steps = actions(&desired, &Actual::default());
    assert_eq!(steps.len(), 1 + desired.markets.len());
    assert_eq!(steps[0], Action::CreateExchange);
    assert!(steps[1..].iter().all(|step| matches!(step, Action::CreateMarket(_)) && step.needs_admin()));
}

#[test]
fn a_missing_market_is_listed_and_a_foreign_one_left_alone() {
    let desired = desired();
    let mut actual = actual(&desired);
    actual.markets[0].1.name = *b"OTHER\0\0\0\0\0\0\0\0\0\0\0";
    let steps = actions(&desired, &actual);
    assert!(matches!(steps.as_slice(), [Action::CreateMarket(market)] if market.name == "SOL"), "{steps:?}");
}

#[test]
fn a_change_of_parameters_is_proposed_waits_and_is_applied_once() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    desired.markets[0].params.stall_slots += 1;
    let steps = plan(&desired, &actual);
    let change = ProposalAction::Params { params: desired.markets[0].params };
    let wanted = Action::Propose { market: Some(key(10)), action: Box::new(change) };
    assert_eq!(steps.iter().map(|step| &step.action).collect::<Vec<_>>(), [&wanted]);
    let text = &steps[0].text;
    assert!(text.contains("stall_slots: 150 -> 151") && text.contains("timelock of 1500 slots"), "{text}");

    actual.proposals.push(proposal(3, key(10), &change, 2_500));
    assert_eq!(actions(&desired, &actual), [Action::Wait { index: 3, ready_slot: 2_500 }]);
    actual.slot = 2_500;
    assert_eq!(actions(&desired, &actual), [Action::Apply { index: 3, market: Some(key(10)), oracle: None }]);
    // Expired: once more from the beginning.
    actual.slot = 3_000;
    assert_eq!(actions(&desired, &actual), std::slice::from_ref(&wanted));
    // Applied, and still different, because something else has come after it: once more too.
    actual.slot = 2_500;
    actual.proposals[0].1.state = PROPOSAL_APPLIED;
    assert_eq!(actions(&desired, &actual), [wanted]);
    actual.markets[0].1.state.params = desired.markets[0].params;
    assert_eq!(actions(&desired, &actual), []);
}

#[test]
fn a_ramp_on_its_way_counts_as_what_it_leads_to() {
    let desired = desired();
    let mut actual = actual(&desired);
    let state = &mut actual.markets[0].1.state;
    for (place, tier) in desired.markets[0].params.tiers.iter().enumerate() {
        state.ramp.to_mmr_bps[place] = tier.mmr_bps;
        state.ramp.to_cap_atoms[place] = tier.notional_cap_atoms;
    }
    state.ramp.end_slot = 9_999;
    state.params.tiers[0].mmr_bps -= 5;
    assert_eq!(actions(&desired, &actual), []);
    actual.markets[0].1.state.ramp.end_slot = 0;
    assert!(matches!(actions(&desired, &actual).as_slice(), [Action::Propose { .. }]));
}

#[test]
fn what_can_never_be_is_a_conflict_and_nothing_is_sent_for_it() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    desired.markets[0].params.tick_size_atoms_per_lot += 1;
    desired.exchange.quote_mint = key(77);
    actual.markets[1].1.state.settle_after_slot = 5;
    let steps = plan(&desired, &actual);
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|step| step.action == Action::Conflict && !step.action.is_executable()), "{steps:?}");
    assert!(steps[1].text.contains("ImmutableParameter"), "{}", steps[1]);
}

#[test]
fn a_status_is_tightened_at_once_and_loosened_by_proposal() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    desired.markets[0].status = 1;
    actual.markets[1].1.status = 2;
    assert_eq!(
        actions(&desired, &actual),
        [
            Action::Tighten { market: Some(key(10)), status: 1 },
            Action::Propose { market: Some(key(11)), action: Box::new(ProposalAction::Status { status: 0 }) },
        ]
    );
}

#[test]
fn authorities_change_by_proposal_and_by_nomination() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    (desired.exchange.guardian, desired.exchange.admin) = (key(8), key(9));
    let guardian = ProposalAction::Guardian { guardian: key(8) };
    let propose = Action::Propose { market: None, action: Box::new(guardian) };
    assert_eq!(actions(&desired, &actual), [propose.clone(), Action::Nominate { nominee: key(9) }]);
    actual.exchange.as_mut().unwrap().pending_admin = key(9);
    assert_eq!(actions(&desired, &actual), [propose, Action::WaitForAdmin { nominee: key(9) }]);
}

#[test]
fn another_oracle_is_proposed_and_applied_with_its_account() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    desired.markets[0].oracle.account = key(55);
    let want = desired.markets[0].oracle;
    let action = ProposalAction::Oracle { oracle_kind: want.kind, oracle_key: want.key, oracle_account: want.account };
    actual.proposals.push(proposal(0, key(10), &action, 900));
    assert_eq!(actions(&desired, &actual), [Action::Apply { index: 0, market: Some(key(10)), oracle: Some(key(55)) }]);
}

#[test]
fn a_sweep_cap_that_the_program_holds_is_not_proposed_again() {
    let mut desired = desired();
    let mut actual = actual(&desired);
    desired.markets[0].params.sweep_cap_atoms = 1_000;
    actual.markets[0].1.state.params.sweep_cap_atoms = 9_000;
    actual.markets[0].1.state.net_swept_profit_atoms = 5_000;
    // It can fall from 9,000 to 5,000: that much is proposed, and said.
    let steps = plan(&desired, &actual);
    assert!(matches!(&steps[..], [Step { action: Action::Held, .. }, Step { action: Action::Propose { .. }, .. }]));
    assert!(steps[1].text.contains("sweep_cap_atoms: 9000 -> 5000"), "{}", steps[1]);
    actual.markets[0].1.state.params.sweep_cap_atoms = 5_000;
    let steps = plan(&desired, &actual);
    assert!(matches!(&steps[..], [Step { action: Action::Held, .. }]) && !steps[0].action.is_left(), "{steps:?}");
    assert!(
        steps[0].text.contains("cannot be below 5000") && steps[0].text.contains("the file says 1000"),
        "{}",
        steps[0]
    );
    // Losers have paid: the rest of the way.
    actual.markets[0].1.state.net_swept_profit_atoms = 0;
    assert!(matches!(&actions(&desired, &actual)[..], [Action::Propose { .. }]));
    actual.markets[0].1.state.params.sweep_cap_atoms = 1_000;
    assert_eq!(plan(&desired, &actual), []);
}
