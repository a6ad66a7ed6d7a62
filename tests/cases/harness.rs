//! The harness itself: its checks must be able to fail.

use taper::state::Market;
use taper_engine::market::MarketState;
use taper_engine::seat::{Seat, SeatTable};
use taper_harness::{keypair, token_account_bytes, HarnessError, World};

use crate::support::*;
use solana_signer::Signer;

fn invariant_of(error: HarnessError) -> String {
    match error {
        HarnessError::Invariant { invariant, .. } => invariant,
        other => panic!("not an invariant: {other}"),
    }
}

#[tokio::test]
async fn a_missing_atom_in_the_vault_is_found() {
    let mut world = World::new().await.unwrap();
    world.chain.audit().unwrap();
    let keys = world.venue.keys;
    let held = world.chain.tokens(&keys.vault);
    for amount in [held - 1, held + 1] {
        let bytes = token_account_bytes(&keys.quote_mint, &keys.exchange, amount);
        world.chain.set_account(&keys.vault, bytes);
        assert_eq!(invariant_of(world.chain.audit().unwrap_err()), "INV-01");
        assert_eq!(
            invariant_of(
                world
                    .place("alice", 0, taper_harness::order(taper_engine::quantity::Side::Bid, LISTED / 2, 1))
                    .await
                    .unwrap_err()
            ),
            "INV-01"
        );
    }
}

#[tokio::test]
async fn a_lot_out_of_nowhere_is_found() {
    let mut world = long_alice().await;
    let market = world.market(0).unwrap().keys.market;
    let mut account = world.chain.get(&market).unwrap().clone();
    let index = usize::try_from(world.account("alice").unwrap().seat_in(&market).unwrap()).unwrap();
    let at = 8
        + core::mem::offset_of!(Market, state)
        + core::mem::offset_of!(MarketState, seats)
        + core::mem::offset_of!(SeatTable, rows)
        + size_of::<Seat>() * index
        + core::mem::offset_of!(Seat, base_lots);
    account.data[at..at + 8].copy_from_slice(&10_001i64.to_le_bytes());
    world.chain.set_account(&market, account);
    assert_eq!(invariant_of(world.chain.audit().unwrap_err()), "INV-02");
}

#[tokio::test]
async fn a_snapshot_is_put_back() {
    let mut world = long_alice().await;
    let before = world.chain.snapshot();
    let (cash, slot) = (world.cash("alice").unwrap(), world.chain.slot());
    world.pass(100).unwrap();
    world.withdraw("alice", 1).await.unwrap();
    world.add_trader("late", TOKEN, TOKEN).await.unwrap();
    world.chain.restore(&before);
    assert_eq!((world.cash("alice").unwrap(), world.chain.slot()), (cash, slot));
    assert!(world.chain.get(&world.trader("late").margin).is_err());
    world.chain.audit().unwrap();
    // The chain itself is back, not only the copies of the harness: everything works again.
    world.add_trader("late", TOKEN, TOKEN).await.unwrap();
    world.pass(1).unwrap();
    world.withdraw("alice", 1).await.unwrap();
}

#[tokio::test]
async fn keys_are_the_same_in_every_run() {
    assert_eq!(keypair("alice").pubkey(), keypair("alice").pubkey());
    assert_ne!(keypair("alice").pubkey(), keypair("bob").pubkey());
    assert_ne!(keypair("").pubkey(), keypair("\0").pubkey());
}

#[tokio::test]
async fn a_written_reserve_is_found() {
    let mut world = World::new().await.unwrap();
    let alice = world.trader("alice").margin;
    let mut account = world.chain.get(&alice).unwrap().clone();
    let last = account.data.len() - 1;
    account.data[last] = 1;
    world.chain.set_account(&alice, account);
    assert_eq!(invariant_of(world.chain.audit().unwrap_err()), "zero reserve");
}
