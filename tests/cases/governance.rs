//! Proposals, roles, limits: what each key can do at once, what only after the timelock, and what never.

mod markets;
mod params;
mod roles;
mod stolen_key;

use std::sync::Arc;

use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::constants::PROPOSAL_LIFE_SLOTS;
use taper::error::TaperError;
use taper::events::{ProposalApplied, ProposalCancelled, ProposalClosed, ProposalCreated};
use taper::instructions::TightenLimitsArgs;
use taper::state::{Market, Proposal, ProposalAction};
use taper_engine::params::MarketParams;
use taper_harness::{keypair, ExpectRefusal, Outcome, Result, Venue, World};
use taper_sdk::{address, instruction};

/// Slots that proposals wait in these cases.
const TIMELOCK: u64 = 1_000;
/// Anchor: the account belongs to another program (the system program: it is gone).
const GONE: u32 = 3_007;
/// Anchor: the address does not follow from the seeds.
const SEEDS: u32 = 2_006;

/// The usual world, its exchange under a timelock.
async fn governed() -> World {
    let mut world = World::with_markets(2).await.unwrap();
    let index = propose(&mut world, None, ProposalAction::Timelock { timelock_slots: TIMELOCK }).await.unwrap();
    apply(&mut world, index, None).await.unwrap();
    assert_eq!(world.exchange().unwrap().timelock_slots, TIMELOCK);
    world
}

fn signer(world: &World, name: &str) -> Arc<Keypair> {
    match name {
        "admin" => world.venue.admin.clone(),
        "guardian" => world.venue.guardian.clone(),
        name => world.trader(name).keypair,
    }
}

fn market_key(world: &World, market: Option<usize>) -> Option<Pubkey> {
    market.map(|index| world.market(index).unwrap().keys.market)
}

fn market(world: &World) -> &Market {
    world.market_account(0).unwrap()
}

async fn propose_by(world: &mut World, by: &str, market: Option<usize>, action: ProposalAction) -> Result<Outcome> {
    let (signer, exchange, index) = (signer(world, by), world.venue.keys.exchange, world.exchange()?.proposal_count);
    let propose = instruction::propose(signer.pubkey(), exchange, market_key(world, market), index, action);
    world.chain.send(&[propose], &[&signer]).await
}

/// By the admin. Returns the index.
async fn propose(world: &mut World, market: Option<usize>, action: ProposalAction) -> Result<u64> {
    let index = world.exchange()?.proposal_count;
    propose_by(world, "admin", market, action).await.map(|_| index)
}

async fn apply(world: &mut World, index: u64, market: Option<usize>) -> Result<Outcome> {
    apply_with(world, index, market, None).await
}

async fn apply_with(world: &mut World, index: u64, market: Option<usize>, oracle: Option<Pubkey>) -> Result<Outcome> {
    let apply = instruction::apply_proposal(world.venue.keys.exchange, index, market_key(world, market), oracle);
    world.chain.send(&[apply], &[]).await
}

/// Waits out the timelock first.
async fn apply_later(world: &mut World, index: u64, market: Option<usize>) -> Result<Outcome> {
    world.pass(TIMELOCK)?;
    apply(world, index, market).await
}

async fn cancel(world: &mut World, by: &str, index: u64) -> Result<Outcome> {
    let signer = signer(world, by);
    let cancel = instruction::cancel_proposal(signer.pubkey(), world.venue.keys.exchange, index);
    world.chain.send(&[cancel], &[&signer]).await
}

async fn close(world: &mut World, index: u64, proposer: Pubkey) -> Result<Outcome> {
    let close = instruction::close_proposal(world.venue.keys.exchange, index, proposer);
    world.chain.send(&[close], &[]).await
}

async fn tighten(world: &mut World, by: &str, args: TightenLimitsArgs) -> Result<Outcome> {
    let (signer, keys) = (signer(world, by), world.market(0)?.keys);
    let tighten = instruction::tighten_limits(signer.pubkey(), keys.exchange, keys.market, args);
    world.chain.send(&[tighten], &[&signer]).await
}

fn proposal(world: &World, index: u64) -> &Proposal {
    world.chain.load(&address::proposal(&world.venue.keys.exchange, index)).unwrap()
}

/// The first market's parameters with a change.
fn changed(world: &World, change: impl Fn(&mut MarketParams)) -> ProposalAction {
    let mut params = market(world).state.params;
    change(&mut params);
    ProposalAction::Params { params }
}

/// A change that loosens nothing.
fn harmless(world: &World) -> ProposalAction {
    changed(world, |params| params.taker_fee_ppm = 400)
}

#[tokio::test]
async fn a_proposal_waits_in_sight_and_is_applied_once_by_anyone() {
    let mut world = governed().await;
    let (action, slot) = (harmless(&world), world.chain.slot());
    let outcome = propose_by(&mut world, "admin", Some(0), action).await.unwrap();
    let (index, ready_slot) = (1, slot + TIMELOCK);
    let pending = *proposal(&world, index);
    assert_eq!((pending.kind, pending.state, pending.index, pending.decided_slot), (0, 0, index, 0));
    assert_eq!((pending.exchange, pending.market), (world.venue.keys.exchange, world.market(0).unwrap().keys.market));
    assert_eq!(pending.proposer, world.venue.admin.pubkey());
    assert_eq!((pending.created_slot, pending.ready_slot), (slot, ready_slot));
    assert_eq!(pending.expires_slot, ready_slot + PROPOSAL_LIFE_SLOTS);
    assert_eq!(pending.action().unwrap(), action);
    if world.chain.is_vm() {
        let event = outcome.event::<ProposalCreated>().unwrap();
        assert_eq!((event.action, event.ready_slot, event.index), (action, ready_slot, index));
        assert_eq!(event.expires_slot, pending.expires_slot);
    }
    apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalTimelocked);
    world.pass(TIMELOCK - 1).unwrap();
    apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalTimelocked);
    world.pass(1).unwrap();
    let outcome = apply(&mut world, index, Some(0)).await.unwrap();
    assert_eq!(ProposalAction::Params { params: market(&world).state.params }, action);
    assert_eq!((proposal(&world, index).state, proposal(&world, index).decided_slot), (1, ready_slot));
    if world.chain.is_vm() {
        let event = outcome.event::<ProposalApplied>().unwrap();
        assert_eq!((event.index, event.action, event.raises_limits, event.ramp_end_slot), (index, action, false, 0));
    }
    // Replayed; and it can be neither cancelled nor applied to another market any more.
    apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalNotPending);
    apply(&mut world, index, Some(1)).await.expect_error(TaperError::ProposalNotPending);
    cancel(&mut world, "guardian", index).await.expect_error(TaperError::ProposalNotPending);
}

#[tokio::test]
async fn only_the_admin_proposes_and_numbers_follow_each_other() {
    let mut world = governed().await;
    let action = harmless(&world);
    for by in ["guardian", "alice"] {
        propose_by(&mut world, by, Some(0), action).await.expect_error(TaperError::NotAdmin);
    }
    assert_eq!(world.exchange().unwrap().proposal_count, 1);
    assert_eq!(propose(&mut world, Some(0), action).await.unwrap(), 1);
    assert_eq!(propose(&mut world, Some(0), action).await.unwrap(), 2);
    // A number out of turn: one that is taken, and one that is to come.
    let (admin, exchange, key) = (signer(&world, "admin"), world.venue.keys.exchange, market_key(&world, Some(0)));
    for index in [1, 4] {
        let propose = instruction::propose(admin.pubkey(), exchange, key, index, action);
        world.chain.send(&[propose], &[&admin]).await.expect_error(TaperError::ProposalMismatch);
    }
    let mut elsewhere = instruction::propose(admin.pubkey(), exchange, key, 3, action);
    elsewhere.accounts[3].pubkey = address::proposal(&exchange, 4);
    world.chain.send(&[elsewhere], &[&admin]).await.expect_code(SEEDS);
    // Somebody has sent lamports to the next address.
    world.chain.fund(&address::proposal(&exchange, 3), 5);
    assert_eq!(propose(&mut world, Some(0), action).await.unwrap(), 3);
}

#[tokio::test]
async fn guardian_and_admin_cancel_for_good() {
    let mut world = governed().await;
    for by in ["guardian", "admin"] {
        let action = harmless(&world);
        let early = propose(&mut world, Some(0), action).await.unwrap();
        cancel(&mut world, "alice", early).await.expect_error(TaperError::NotGuardian);
        let outcome = cancel(&mut world, by, early).await.unwrap();
        assert_eq!((proposal(&world, early).state, proposal(&world, early).decided_slot), (2, world.chain.slot()));
        if world.chain.is_vm() {
            assert_eq!(outcome.event::<ProposalCancelled>().unwrap().by, signer(&world, by).pubkey());
        }
        cancel(&mut world, by, early).await.expect_error(TaperError::ProposalNotPending);
        let late = propose(&mut world, Some(0), action).await.unwrap();
        world.pass(TIMELOCK).unwrap();
        cancel(&mut world, by, late).await.unwrap();
        for index in [early, late] {
            apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalNotPending);
        }
    }
}

#[tokio::test]
async fn a_proposal_is_for_one_market_of_one_exchange() {
    let mut world = governed().await;
    let action = harmless(&world);
    let index = propose(&mut world, Some(0), action).await.unwrap();
    let guardian = ProposalAction::Guardian { guardian: keypair("new guardian").pubkey() };
    let exchange_wide = propose(&mut world, None, guardian).await.unwrap();
    world.pass(TIMELOCK).unwrap();
    for wrong in [None, Some(1)] {
        apply(&mut world, index, wrong).await.expect_error(TaperError::ProposalMismatch);
    }
    apply(&mut world, exchange_wide, Some(0)).await.expect_error(TaperError::ProposalMismatch);
    // What is about a market names one, and nothing else does.
    let oracle =
        ProposalAction::Oracle { oracle_kind: 0, oracle_key: Pubkey::default(), oracle_account: Pubkey::default() };
    for action in [action, oracle, ProposalAction::WindDown] {
        propose(&mut world, None, action).await.expect_error(TaperError::ProposalMismatch);
    }
    for action in [guardian, ProposalAction::Timelock { timelock_slots: 5 }] {
        propose(&mut world, Some(0), action).await.expect_error(TaperError::ProposalMismatch);
    }
    // Another exchange: its admin can neither propose for this one's market, nor cancel, nor is its proposal applied here.
    let mint = world.venue.keys.quote_mint;
    let other = Venue::create(&mut world.chain, "other", mint).await.unwrap();
    let (own, others) = (world.venue.keys.exchange, other.keys.exchange);
    let key = market_key(&world, Some(0));
    let foreign = instruction::propose(other.admin.pubkey(), others, key, 0, action);
    world.chain.send(&[foreign], &[&other.admin]).await.expect_error(TaperError::WrongExchange);
    let by_other = instruction::cancel_proposal(other.admin.pubkey(), own, index);
    world.chain.send(&[by_other], &[&other.admin]).await.expect_error(TaperError::NotGuardian);
    let mut crossed = instruction::cancel_proposal(other.admin.pubkey(), others, index);
    crossed.accounts[2].pubkey = address::proposal(&own, index);
    world.chain.send(&[crossed], &[&other.admin]).await.expect_error(TaperError::WrongExchange);
    let mut crossed = instruction::apply_proposal(others, exchange_wide, None, None);
    crossed.accounts[1].pubkey = address::proposal(&own, exchange_wide);
    world.chain.send(&[crossed], &[]).await.expect_error(TaperError::WrongExchange);
    apply(&mut world, index, Some(0)).await.unwrap();
}

#[tokio::test]
async fn what_is_over_is_closed_and_pays_its_rent_back() {
    let mut world = governed().await;
    let (action, admin) = (harmless(&world), world.venue.admin.pubkey());
    let [applied, cancelled, expired] = {
        let mut indices = [0; 3];
        for index in &mut indices {
            *index = propose(&mut world, Some(0), action).await.unwrap();
        }
        indices
    };
    let key = address::proposal(&world.venue.keys.exchange, applied);
    let rent = world.chain.get(&key).unwrap().lamports;
    let stranger = world.trader("alice").key();
    close(&mut world, applied, admin).await.expect_error(TaperError::ProposalPending);
    apply_later(&mut world, applied, Some(0)).await.unwrap();
    cancel(&mut world, "guardian", cancelled).await.unwrap();
    for index in [applied, cancelled] {
        close(&mut world, index, stranger).await.expect_error(TaperError::ProposalMismatch);
        let before = world.chain.get(&admin).unwrap().lamports;
        let outcome = close(&mut world, index, admin).await.unwrap();
        assert_eq!(world.chain.get(&admin).unwrap().lamports, before + rent);
        if world.chain.is_vm() {
            assert_eq!(outcome.event::<ProposalClosed>().unwrap().index, index);
        }
        close(&mut world, index, admin).await.expect_code(GONE);
        apply(&mut world, index, Some(0)).await.expect_code(GONE);
    }
    // A closed number is never used again.
    assert_eq!(propose(&mut world, Some(0), action).await.unwrap(), expired + 1);
    // The third was forgotten.
    let last = proposal(&world, expired).expires_slot;
    world.chain.set_time(last - 1, world.chain.seconds());
    close(&mut world, expired, admin).await.expect_error(TaperError::ProposalPending);
    world.chain.set_time(last, world.chain.seconds());
    apply(&mut world, expired, Some(0)).await.expect_error(TaperError::ProposalExpired);
    close(&mut world, expired, admin).await.unwrap();
}
