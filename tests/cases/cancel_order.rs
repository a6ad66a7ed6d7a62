//! `cancel_order`, `cancel_all_orders`, `force_cancel_orders`.

use taper::error::TaperError;
use taper::events::{OrderCancelled, OrdersCancelled};
use taper::instructions::{CancelAllOrdersArgs, CancelOrderArgs};
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, Outcome, Result, World};
use taper_sdk::instruction;

use crate::support::*;

async fn cancel(world: &mut World, signer: &str, owner: &str, args: CancelOrderArgs) -> Result<Outcome> {
    let (signer, owner) = (world.trader(signer), world.trader(owner));
    let keys = world.market(0)?.keys;
    let cancel = instruction::cancel_order(signer.key(), &keys, owner.margin, args);
    world.chain.send(&[cancel], &[&signer.keypair]).await
}

async fn cancel_all(world: &mut World, owner: &str, side: u8, limit: u8) -> Result<Outcome> {
    let owner = world.trader(owner);
    let keys = world.market(0)?.keys;
    let args = CancelAllOrdersArgs { side, limit };
    let cancel = instruction::cancel_all_orders(owner.key(), &keys, owner.margin, args);
    world.chain.send(&[cancel], &[&owner.keypair]).await
}

async fn force_cancel(world: &mut World, name: &str, limit: u8) -> Result<Outcome> {
    let keys = world.market(0)?.keys;
    let legs = world.legs(name, Some(0))?;
    let force = instruction::force_cancel_orders(&keys, world.trader(name).margin, limit, &legs);
    world.chain.send(&[force], &[]).await
}

/// The sequence of the newest order.
fn last_sequence(world: &World) -> u64 {
    world.book(0).unwrap().book.next_sequence - 1
}

#[tokio::test]
async fn an_order_is_cancelled_by_its_place() {
    let mut world = World::new().await.unwrap();
    let price = LISTED - 5_000;
    world.place("alice", 0, order(Side::Bid, price, 300)).await.unwrap();
    let sequence = last_sequence(&world);
    let good = CancelOrderArgs { side: 0, price_atoms_per_lot: price, sequence };
    let not_found = [
        CancelOrderArgs { side: 1, ..good },
        CancelOrderArgs { sequence: sequence + 1, ..good },
        CancelOrderArgs { sequence: u64::MAX, ..good },
        CancelOrderArgs { price_atoms_per_lot: price - 100, ..good },
        CancelOrderArgs { price_atoms_per_lot: i64::MIN, ..good },
        CancelOrderArgs { price_atoms_per_lot: i64::MAX, ..good },
    ];
    for args in not_found {
        cancel(&mut world, "alice", "alice", args).await.expect_error(TaperError::OrderNotFound);
    }
    let side = CancelOrderArgs { side: 2, ..good };
    cancel(&mut world, "alice", "alice", side).await.expect_error(TaperError::InvalidArgument);
    cancel(&mut world, "bob", "alice", good).await.expect_error(TaperError::NotAuthority);
    cancel(&mut world, "bob", "bob", good).await.expect_error(TaperError::PositionNotFound);
    world.place("bob", 0, order(Side::Bid, price, 1)).await.unwrap();
    cancel(&mut world, "bob", "bob", good).await.expect_error(TaperError::OrderNotOwned);
    let outcome = cancel(&mut world, "alice", "alice", good).await.unwrap();
    if world.chain.is_vm() {
        let cancelled = outcome.event::<OrderCancelled>().unwrap();
        assert_eq!((cancelled.order.base_lots, cancelled.order.sequence), (300, sequence));
    }
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().bid_count, 0);
    cancel(&mut world, "alice", "alice", good).await.expect_error(TaperError::OrderNotFound);
}

#[tokio::test]
async fn all_of_a_side_up_to_a_limit() {
    let mut world = World::new().await.unwrap();
    for index in 0..5 {
        world.place("alice", 0, order(Side::Bid, LISTED - 5_000 - 100 * index, 1)).await.unwrap();
        world.place("alice", 0, order(Side::Ask, LISTED + 5_000 + 100 * index, 1)).await.unwrap();
    }
    cancel_all(&mut world, "alice", 3, 1).await.expect_error(TaperError::InvalidArgument);
    cancel_all(&mut world, "alice", 2, 0).await.expect_error(TaperError::InvalidArgument);
    cancel_all(&mut world, "bob", 2, 1).await.expect_error(TaperError::PositionNotFound);
    let counts = |world: &World| {
        let seat = world.seat("alice", 0).unwrap().unwrap();
        (seat.bid_count, seat.ask_count)
    };
    let outcome = cancel_all(&mut world, "alice", 0, 2).await.unwrap();
    assert_eq!(counts(&world), (3, 5));
    if world.chain.is_vm() {
        let cancelled = outcome.event::<OrdersCancelled>().unwrap();
        assert_eq!((cancelled.removals.len(), cancelled.side, cancelled.forced), (2, 0, false));
    }
    cancel_all(&mut world, "alice", 1, 255).await.unwrap();
    assert_eq!(counts(&world), (3, 0));
    cancel_all(&mut world, "alice", 2, 255).await.unwrap();
    assert_eq!(counts(&world), (0, 0));
    // Nothing left is not an error.
    cancel_all(&mut world, "alice", 2, 255).await.unwrap();
}

#[tokio::test]
async fn strangers_cancel_only_for_the_unhealthy() {
    let mut world = long_alice().await;
    for index in 0..3 {
        world.place("alice", 0, order(Side::Ask, LISTED + 50_000 + 100 * index, 100)).await.unwrap();
    }
    world.pass(1).unwrap();
    force_cancel(&mut world, "alice", 32).await.expect_error(TaperError::ForceCancelHealthy);
    move_price(&mut world, 0, SOFT).await;
    force_cancel(&mut world, "alice", 0).await.expect_error(TaperError::InvalidArgument);
    force_cancel(&mut world, "bob", 32).await.expect_error(TaperError::PositionNotFound);
    let outcome = force_cancel(&mut world, "alice", 2).await.unwrap();
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().ask_count, 1);
    if world.chain.is_vm() {
        let cancelled = outcome.event::<OrdersCancelled>().unwrap();
        assert_eq!((cancelled.removals.len(), cancelled.side, cancelled.forced), (2, 2, true));
    }
    force_cancel(&mut world, "alice", 32).await.unwrap();
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().ask_count, 0);
    // It works in bankruptcy too.
    move_price(&mut world, 0, BANKRUPT).await;
    force_cancel(&mut world, "alice", 32).await.unwrap();
}

/// Alice bids for more than she could hold if the price fell to her bid. What only reduces stays.
#[tokio::test]
async fn strangers_cancel_what_would_make_its_owner_unhealthy() {
    let mut world = long_alice().await;
    world.place("alice", 0, order(Side::Bid, LISTED - 100_000, 2_800)).await.unwrap();
    world.place("alice", 0, order(Side::Ask, LISTED + 50_000, 10_000)).await.unwrap();
    world.pass(1).unwrap();
    force_cancel(&mut world, "alice", 32).await.expect_error(TaperError::ForceCancelHealthy);
    move_price(&mut world, 0, LISTED - 44_000).await;
    assert!(health_bps(&world, "alice") > 12_000);
    let health = world.health("alice").unwrap();
    assert!(health.favourable.is_at_least(10_000) && health.with_orders.is_below(10_000));
    let outcome = force_cancel(&mut world, "alice", 32).await.unwrap();
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.bid_count, seat.ask_count), (0, 1));
    if world.chain.is_vm() {
        let cancelled = outcome.event::<OrdersCancelled>().unwrap();
        assert_eq!((cancelled.removals.len(), cancelled.side, cancelled.forced), (1, 0, true));
    }
    assert_eq!(world.health("alice").unwrap().with_orders, world.health("alice").unwrap().favourable);
    force_cancel(&mut world, "alice", 32).await.expect_error(TaperError::ForceCancelHealthy);
}
