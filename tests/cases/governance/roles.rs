//! Admin, guardian, timelock.

use taper::constants::TIMELOCK_MAX_SLOTS;
use taper::events::{AdminChanged, AdminNominated};

use super::*;

async fn nominate(world: &mut World, by: &str, nominee: Pubkey) -> Result<Outcome> {
    let signer = signer(world, by);
    let nominate = instruction::nominate_admin(signer.pubkey(), world.venue.keys.exchange, nominee);
    world.chain.send(&[nominate], &[&signer]).await
}

async fn accept(world: &mut World, by: &str) -> Result<Outcome> {
    let signer = signer(world, by);
    let accept = instruction::accept_admin(signer.pubkey(), world.venue.keys.exchange);
    world.chain.send(&[accept], &[&signer]).await
}

#[tokio::test]
async fn the_admin_changes_in_two_steps() {
    let mut world = governed().await;
    let (alice, bob) = (world.trader("alice").key(), world.trader("bob").key());
    // Nobody is nominated: nobody accepts.
    accept(&mut world, "alice").await.expect_error(TaperError::NotNominated);
    for by in ["guardian", "alice"] {
        nominate(&mut world, by, alice).await.expect_error(TaperError::NotAdmin);
    }
    let outcome = nominate(&mut world, "admin", bob).await.unwrap();
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<AdminNominated>().unwrap().nominee, bob);
    }
    // Named again, for another one: the first is none any more. Taken back: nobody is.
    nominate(&mut world, "admin", alice).await.unwrap();
    accept(&mut world, "bob").await.expect_error(TaperError::NotNominated);
    accept(&mut world, "guardian").await.expect_error(TaperError::NotNominated);
    accept(&mut world, "admin").await.expect_error(TaperError::NotNominated);
    nominate(&mut world, "admin", Pubkey::default()).await.unwrap();
    accept(&mut world, "alice").await.expect_error(TaperError::NotNominated);
    nominate(&mut world, "admin", alice).await.unwrap();
    // Until she accepts she is nobody.
    let action = harmless(&world);
    propose_by(&mut world, "alice", Some(0), action).await.expect_error(TaperError::NotAdmin);
    let former = world.venue.admin.pubkey();
    let outcome = accept(&mut world, "alice").await.unwrap();
    if world.chain.is_vm() {
        let event = outcome.event::<AdminChanged>().unwrap();
        assert_eq!((event.former, event.admin), (former, alice));
    }
    let exchange = world.exchange().unwrap();
    assert_eq!((exchange.admin, exchange.pending_admin), (alice, Pubkey::default()));
    accept(&mut world, "alice").await.expect_error(TaperError::NotNominated);
    // The former admin has no rights left, the new one has them; the address of the exchange is what it was.
    nominate(&mut world, "admin", former).await.expect_error(TaperError::NotAdmin);
    propose_by(&mut world, "admin", Some(0), action).await.expect_error(TaperError::NotAdmin);
    propose_by(&mut world, "alice", Some(0), action).await.unwrap();
    cancel(&mut world, "admin", 1).await.expect_error(TaperError::NotGuardian);
}

#[tokio::test]
async fn admin_and_guardian_are_never_one_key() {
    let mut world = governed().await;
    let (admin, guardian) = (world.venue.admin.pubkey(), world.venue.guardian.pubkey());
    nominate(&mut world, "admin", guardian).await.expect_error(TaperError::RolesNotDistinct);
    let itself = ProposalAction::Guardian { guardian: admin };
    propose(&mut world, None, itself).await.expect_error(TaperError::RolesNotDistinct);
    // The nominee becomes the guardian before it accepts.
    let alice = world.trader("alice").key();
    let to_alice = ProposalAction::Guardian { guardian: alice };
    let index = propose(&mut world, None, to_alice).await.unwrap();
    nominate(&mut world, "admin", alice).await.unwrap();
    apply_later(&mut world, index, None).await.unwrap();
    accept(&mut world, "alice").await.expect_error(TaperError::RolesNotDistinct);
    // And the other way round: it accepts before the proposal that makes it the guardian is applied.
    let bob = world.trader("bob").key();
    let index = propose(&mut world, None, ProposalAction::Guardian { guardian: bob }).await.unwrap();
    nominate(&mut world, "admin", bob).await.unwrap();
    accept(&mut world, "bob").await.unwrap();
    apply_later(&mut world, index, None).await.expect_error(TaperError::RolesNotDistinct);
    let exchange = world.exchange().unwrap();
    assert_eq!((exchange.admin, exchange.guardian), (bob, alice));
}

#[tokio::test]
async fn a_guardian_is_replaced_through_the_timelock_and_cannot_stop_it() {
    let mut world = governed().await;
    let alice = world.trader("alice").key();
    let nobody = ProposalAction::Guardian { guardian: Pubkey::default() };
    propose(&mut world, None, nobody).await.expect_error(TaperError::InvalidArgument);
    let replace = ProposalAction::Guardian { guardian: alice };
    let stopped = propose(&mut world, None, replace).await.unwrap();
    cancel(&mut world, "guardian", stopped).await.expect_error(TaperError::GuardianOwnReplacement);
    cancel(&mut world, "admin", stopped).await.unwrap();
    let index = propose(&mut world, None, replace).await.unwrap();
    apply(&mut world, index, None).await.expect_error(TaperError::ProposalTimelocked);
    apply_later(&mut world, index, None).await.unwrap();
    assert_eq!(world.exchange().unwrap().guardian, alice);
    // The former guardian has no rights left, the new one has them.
    let action = harmless(&world);
    let index = propose(&mut world, Some(0), action).await.unwrap();
    cancel(&mut world, "guardian", index).await.expect_error(TaperError::NotGuardian);
    let limits = TightenLimitsArgs { sweep_cap_atoms: Some(0), ..TightenLimitsArgs::default() };
    tighten(&mut world, "guardian", limits).await.expect_error(TaperError::NotGuardian);
    cancel(&mut world, "alice", index).await.unwrap();
    tighten(&mut world, "alice", limits).await.unwrap();
}

#[tokio::test]
async fn a_timelock_is_shortened_only_through_itself() {
    let mut world = governed().await;
    for timelock_slots in [0, TIMELOCK_MAX_SLOTS + 1, u64::MAX] {
        let action = ProposalAction::Timelock { timelock_slots };
        propose(&mut world, None, action).await.expect_error(TaperError::TimelockOutOfRange);
    }
    let shorter = propose(&mut world, None, ProposalAction::Timelock { timelock_slots: 5 }).await.unwrap();
    let action = harmless(&world);
    let before = propose(&mut world, Some(0), action).await.unwrap();
    world.pass(TIMELOCK - 1).unwrap();
    apply(&mut world, shorter, None).await.expect_error(TaperError::ProposalTimelocked);
    let late = propose(&mut world, Some(0), action).await.unwrap();
    world.pass(1).unwrap();
    apply(&mut world, shorter, None).await.unwrap();
    assert_eq!(world.exchange().unwrap().timelock_slots, 5);
    // What was proposed under the long one keeps its slot; what is proposed now waits as long as is now right.
    apply(&mut world, late, Some(0)).await.expect_error(TaperError::ProposalTimelocked);
    apply(&mut world, before, Some(0)).await.unwrap();
    let longer = ProposalAction::Timelock { timelock_slots: TIMELOCK_MAX_SLOTS };
    let quick = propose(&mut world, None, longer).await.unwrap();
    world.pass(4).unwrap();
    apply(&mut world, quick, None).await.expect_error(TaperError::ProposalTimelocked);
    world.pass(1).unwrap();
    apply(&mut world, quick, None).await.unwrap();
    assert_eq!(world.exchange().unwrap().timelock_slots, TIMELOCK_MAX_SLOTS);
}
