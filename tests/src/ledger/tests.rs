use std::sync::Arc;

use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use taper::instructions::TightenLimitsArgs;
use taper::state::ProposalAction;
use taper_sdk::instruction;

use super::*;
use crate::outcome::Outcome;
use crate::world::World;

const TOKEN: u64 = 1_000_000;

fn event_lines(outcome: &Outcome) -> Vec<String> {
    outcome.logs.iter().filter(|line| line.starts_with(EVENT_PREFIX)).cloned().collect()
}

/// All events of a transaction explain what it did; without any one of them there is a difference.
fn each_is_needed(before: &Ledger, world: &World, outcome: &Outcome, what: &str) {
    let events = event_lines(outcome);
    assert!(!events.is_empty(), "{what}");
    for dropped in 0..=events.len() {
        let mut ledger = before.clone();
        let kept = events.iter().enumerate().filter(|(index, _)| *index != dropped).map(|(_, event)| event.clone());
        ledger.take_in(&kept.collect::<Vec<_>>(), world.chain.slot());
        let difference = ledger.difference(&world.chain).unwrap();
        assert_eq!(difference.is_none(), dropped == events.len(), "{what}, without event {dropped}: {difference:?}");
    }
}

async fn send(world: &mut World, what: &str, calls: &[Instruction], signers: &[&Arc<Keypair>]) -> Outcome {
    let before = world.chain.ledger().unwrap().clone();
    let signers: Vec<&Keypair> = signers.iter().map(|signer| &***signer).collect();
    let outcome = world.chain.send(calls, &signers).await.unwrap();
    each_is_needed(&before, world, &outcome, what);
    outcome
}

#[tokio::test]
async fn every_event_of_trading_is_needed() {
    let mut world = World::new().await.unwrap();
    if !world.chain.is_vm() {
        return; // The native processor has no events.
    }
    let before = world.chain.ledger().unwrap().clone();
    let outcome = world.take("alice", 0, Side::Bid, 100).await.unwrap();
    // A seat, a book, a sweep of the fee, the order.
    assert_eq!(event_lines(&outcome).len(), 4);
    each_is_needed(&before, &world, &outcome, "take");
    let mut truncated = before;
    truncated.take_in(&[TRUNCATED.to_owned()], world.chain.slot());
    assert!(truncated.difference(&world.chain).unwrap().unwrap().1.contains("truncated"));
    let keys = world.market(0).unwrap().keys;
    send(&mut world, "sample", &[instruction::update_funding(&keys)], &[]).await;
    let sweep = instruction::sweep_market_income(keys.exchange, keys.market);
    send(&mut world, "sweep", &[sweep], &[]).await;
}

#[tokio::test]
async fn every_event_past_the_ladder_is_needed() {
    let mut world = World::new().await.unwrap();
    if !world.chain.is_vm() {
        return;
    }
    // Alice is bankrupt; the winner against her has been paid, and who stands against her now has won little.
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    world.set_price(0, 1_300_000).unwrap();
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    world.take("carol", 0, Side::Ask, 10_000).await.unwrap();
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    world.pass(1).unwrap();
    let carol = world.trader("carol").keypair;
    let donation = world.donate_instruction("carol", None, TOKEN).unwrap();
    send(&mut world, "donate", &[donation], &[&carol]).await;
    let donation = world.donate_instruction("carol", Some(0), TOKEN).unwrap();
    send(&mut world, "donate for a market", &[donation], &[&carol]).await;
    let record = world.record_instruction("alice").unwrap();
    send(&mut world, "record", &[record], &[]).await;
    let resolve = world.resolve_instruction("alice", 0).unwrap();
    send(&mut world, "resolve", &[resolve], &[]).await;
    let donation = world.donate_instruction("carol", Some(0), TOKEN).unwrap();
    send(&mut world, "donate again", &[donation], &[&carol]).await;
    let keys = world.market(0).unwrap().keys;
    send(&mut world, "cover", &[instruction::cover_loss(keys.exchange, keys.market)], &[]).await;
}

#[tokio::test]
async fn every_event_of_governance_is_needed() {
    let mut world = World::new().await.unwrap();
    if !world.chain.is_vm() {
        return;
    }
    let (admin, guardian) = (world.venue.admin.clone(), world.venue.guardian.clone());
    let keys = world.market(0).unwrap().keys;
    let (exchange, market) = (keys.exchange, Some(keys.market));
    let limits = TightenLimitsArgs { sweep_cap_atoms: Some(5), ..TightenLimitsArgs::default() };
    let tighten = instruction::tighten_limits(guardian.pubkey(), exchange, keys.market, limits);
    send(&mut world, "tighten", &[tighten], &[&guardian]).await;
    let mut params = world.market_account(0).unwrap().state.params;
    params.tiers[3].mmr_bps = 1_200;
    params.cooloff_slots += 1;
    let actions = [
        (market, ProposalAction::Params { params }),
        (market, ProposalAction::WindDown),
        (None, ProposalAction::Timelock { timelock_slots: 9 }),
        (None, ProposalAction::Guardian { guardian: world.trader("bob").key() }),
    ];
    let pause = instruction::set_status(guardian.pubkey(), exchange, None, 2);
    send(&mut world, "pause", &[pause], &[&guardian]).await;
    for (index, (market, action)) in (0u64..).zip(actions) {
        let propose = instruction::propose(admin.pubkey(), exchange, market, index, action);
        send(&mut world, "propose", &[propose], &[&admin]).await;
    }
    for (index, (market, action)) in (0u64..).zip(actions) {
        let apply = instruction::apply_proposal(exchange, index, market, None);
        send(&mut world, &format!("apply {action:?}"), &[apply], &[]).await;
    }
    world.pass(100_000).unwrap();
    send(&mut world, "ramp", &[instruction::advance_ramp(keys.market)], &[]).await;
    let close = instruction::close_proposal(exchange, 0, admin.pubkey());
    send(&mut world, "close", &[close], &[]).await;
    let alice = world.trader("alice").keypair;
    let nominate = instruction::nominate_admin(admin.pubkey(), exchange, alice.pubkey());
    send(&mut world, "nominate", &[nominate], &[&admin]).await;
    send(&mut world, "accept", &[instruction::accept_admin(alice.pubkey(), exchange)], &[&alice]).await;
    send(&mut world, "settle", &[instruction::settle_market(&keys)], &[]).await;
}
