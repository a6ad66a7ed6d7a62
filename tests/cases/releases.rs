//! What earlier releases left on a cluster, in the middle of everything: this program goes on from there. `src/bin/save_world.rs` says what
//! is in the files.

use taper::state::ProposalAction;
use taper_engine::quantity::Side;
use taper_harness::{Result, SavedWorld, World};
use taper_sdk::instruction;

use crate::support::*;

/// One file a release. A layout that changes leaves its file here, and brings what reads it.
const RELEASES: &[(&str, &[u8])] = &[("0.1.0", include_bytes!("../data/releases/0.1.0.json.gz"))];
const TIMELOCK: u64 = 1_000;

/// Every release's world.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (version, bytes) in RELEASES {
        let saved = SavedWorld::from_bytes(bytes).unwrap();
        assert_eq!(&saved.version, version);
        let world = World::load(&saved).await.unwrap();
        world.chain.audit().unwrap();
        worlds.push(world);
    }
    worlds
}

/// The files are as they were written: nobody has made them anew with a later program.
#[tokio::test]
async fn the_files_are_what_the_release_left() {
    let world = &worlds().await[0];
    let alice = world.account("alice").unwrap();
    assert_eq!((alice.state.episode.kind, alice.used_positions().count()), (1, 2));
    assert!(world.account("dave").unwrap().state.recorded_deficit_atoms > 0);
    assert_eq!(world.base("bob", 2).unwrap(), 500);
    assert_eq!(world.exchange().unwrap().proposal_count, 3);
    assert_ne!(world.market_account(0).unwrap().state.charges.funding_index_scaled, 0);
}

/// The episode, its clock, its budget and the cooldown are still there; the next slice is what the SDK plans.
#[tokio::test]
async fn an_episode_goes_on() {
    for mut world in worlds().await {
        let before = world.account("alice").unwrap().state.episode;
        let wait = world.account("alice").unwrap().state.cooldown_until_slot - world.chain.slot();
        world.pass(wait).unwrap();
        world.quote("maker", 0, World::QUOTES).await.unwrap();
        let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
        assert!(report.base_lots > 0 && report.health_after_bps >= report.health_before_bps);
        let after = world.account("alice").unwrap().state.episode;
        assert!(report.episode_ended || after.cost_atoms >= before.cost_atoms);
        world.cancel_all("alice", 1).await.unwrap();
        world.deposit("alice", TOKEN).await.unwrap();
    }
}

/// What is half resolved is finished, and nothing of it is left.
#[tokio::test]
async fn a_resolution_is_finished() {
    for mut world in worlds().await {
        world.resolve_leg("bob", 2).await.unwrap();
        assert_eq!(world.base("bob", 2).unwrap(), 0);
        if world.seat("bob", 2).unwrap().is_some() {
            world.release("bob", 2).await.unwrap();
        }
        for name in (0..17).map(|nr| format!("winner-{nr}")) {
            assert_eq!(world.base(&name, 2).unwrap(), 0);
            world.release(&name, 2).await.unwrap();
        }
        assert_eq!(world.market_account(2).unwrap().state.open_interest_base_lots, 0);
    }
}

/// What is on record holds withdrawals, and falls with the resolution.
#[tokio::test]
async fn a_record_is_lowered_by_what_is_resolved() {
    for mut world in worlds().await {
        let recorded = world.account("dave").unwrap().state.recorded_deficit_atoms;
        assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, recorded);
        world.resolve_leg("dave", 1).await.unwrap();
        assert_eq!(world.account("dave").unwrap().state.recorded_deficit_atoms, 0);
        assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, 0);
    }
}

async fn apply(world: &mut World, index: u64, market: usize) -> Result<()> {
    let keys = world.market(market)?.keys;
    world.send_unsigned(instruction::apply_proposal(keys.exchange, index, Some(keys.market), None)).await.map(|_| ())
}

/// Proposals that were waiting are applied in their time.
#[tokio::test]
async fn proposals_are_applied() {
    for mut world in worlds().await {
        let cap = world.market_account(0).unwrap().state.params.open_interest_cap_base_lots;
        world.pass(TIMELOCK).unwrap();
        apply(&mut world, 1, 0).await.unwrap();
        assert_eq!(world.market_account(0).unwrap().state.params.open_interest_cap_base_lots, cap - 1);
        apply(&mut world, 2, 1).await.unwrap();
        world.take("carol", 1, Side::Bid, 1).await.map(|_| ()).unwrap();
        world.pass(TIMELOCK).unwrap();
        world.settle_market(1).await.unwrap();
        assert_eq!(world.market_account(1).unwrap().state.open_interest_base_lots, 0);
        let index = world.exchange().unwrap().proposal_count;
        let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
        let action = ProposalAction::Timelock { timelock_slots: TIMELOCK + 1 };
        let propose = instruction::propose(solana_signer::Signer::pubkey(&admin), exchange, None, index, action);
        world.chain.send(&[propose], &[&admin]).await.unwrap();
    }
}
