//! A world in which money has run out, and one in which markets end: the instructions for it.

use solana_signer::Signer;
use taper::state::ProposalAction;
use taper_engine::quantity::Side;
use taper_harness::World;
use taper_sdk::instruction;

use super::table::{case, Case};
use crate::support::*;

/// A price at which an account that went long with five times its cash lacks more than that.
const LOW: i64 = 1_300_000;

/// Alice is long in two markets and bankrupt, and winners have been paid ahead of her. The third market has a loss that nobody bears.
pub async fn ruined() -> World {
    let mut world = World::with_markets(3).await.unwrap();
    world.take("alice", 0, Side::Bid, 5_000).await.unwrap();
    world.take("alice", 1, Side::Bid, 5_000).await.unwrap();
    world.take("dave", 2, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    for market in 0..3 {
        move_price(&mut world, market, LOW).await;
    }
    assert!(pay_the_maker(&mut world, 0, "bob", 1_000).await > 0);
    // The maker's profit is swept; whoever is short instead has hardly any, so the last loss of that market is nobody's.
    assert!(pay_the_maker(&mut world, 2, "carol", 10_000).await > 0);
    world.resolve_leg("dave", 2).await.unwrap();
    assert!(world.market_account(2).unwrap().state.unassigned_loss_atoms > 0);
    world.donate("carol", Some(2), TOKEN).await.unwrap();
    world.pass(1).unwrap();
    world
}

/// What is done in it.
pub fn ruin_cases(world: &World) -> Vec<Case> {
    let keys = world.market(2).unwrap().keys;
    vec![
        case("resolve_account", world.resolve_instruction("alice", 0).unwrap()),
        case("record_deficit", world.record_instruction("alice").unwrap()),
        case("cover_loss", instruction::cover_loss(keys.exchange, keys.market)),
        case("donate for a market", world.donate_instruction("bob", Some(0), 5).unwrap()),
        case("donate for none", world.donate_instruction("bob", None, 5).unwrap()),
    ]
}

/// The first market may be settled; the second is, and is empty.
pub async fn ending() -> World {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 0, Side::Bid, 1_000).await.unwrap();
    let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
    for (index, market) in [(0, 0), (1, 1)] {
        let key = Some(world.market(market).unwrap().keys.market);
        let propose = instruction::propose(admin.pubkey(), exchange, key, index, ProposalAction::WindDown);
        let apply = instruction::apply_proposal(exchange, index, key, None);
        world.chain.send(&[propose, apply], &[&admin]).await.unwrap();
    }
    world.pass(1).unwrap();
    world.settle_market(1).await.unwrap();
    world.release("maker", 1).await.unwrap();
    world
}

/// What is done in it.
pub fn ending_cases(world: &World) -> Vec<Case> {
    let (first, second) = (world.market(0).unwrap().keys, world.market(1).unwrap().keys);
    let recipient = world.trader("alice").key();
    vec![
        case("settle_market", instruction::settle_market(&first)),
        case("close_market", instruction::close_market(world.venue.admin.pubkey(), &second, recipient)),
    ]
}
