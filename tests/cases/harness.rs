//! The harness itself: its checks must be able to fail.

use std::mem::offset_of;

use solana_pubkey::Pubkey;
use taper::state::{Exchange, MarginAccount, Market, OrderBook, PositionRef};
use taper_engine::account::AccountState;
use taper_engine::market::MarketState;
use taper_engine::quantity::Side;
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
        + offset_of!(Market, state)
        + offset_of!(MarketState, seats)
        + offset_of!(SeatTable, rows)
        + size_of::<Seat>() * index
        + offset_of!(Seat, base_lots);
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

/// Overwrites bytes of an account of the program, and has the audit find it.
fn forge(world: &mut World, key: &Pubkey, offset: usize, bytes: &[u8], invariant: &str) {
    let before = world.chain.snapshot();
    let mut account = world.chain.get(key).unwrap().clone();
    assert_ne!(&account.data[offset..offset + bytes.len()], bytes);
    account.data[offset..offset + bytes.len()].copy_from_slice(bytes);
    world.chain.set_account(key, account);
    assert_eq!(invariant_of(world.chain.audit().unwrap_err()), invariant, "at {offset}");
    world.chain.restore(&before);
    world.chain.audit().unwrap();
}

/// Where a field of a margin account's state, of a market's state, of the exchange stands in its account.
macro_rules! at {
    (account $($field:tt)+) => { 8 + offset_of!(MarginAccount, state) + offset_of!(AccountState, $($field)+) };
    (market $($field:tt)+) => { 8 + offset_of!(Market, state) + offset_of!(MarketState, $($field)+) };
    (exchange $($field:tt)+) => { 8 + offset_of!(Exchange, $($field)+) };
}

#[tokio::test]
async fn written_reserves_are_found() {
    let mut world = long_alice().await;
    let (alice, exchange) = (world.trader("alice").margin, world.venue.keys.exchange);
    let (market, book) = (world.market(0).unwrap().keys.market, world.market(0).unwrap().keys.order_book);
    let seat = usize::try_from(world.account("alice").unwrap().seat_in(&market).unwrap()).unwrap();
    let rows = at!(market seats) + offset_of!(SeatTable, rows) + seat * size_of::<Seat>();
    for (key, offset) in [
        (alice, at!(account reserved)),
        (alice, at!(account padding)),
        (alice, at!(account episode.padding)),
        (alice, at!(account resolution.padding)),
        (alice, 8 + offset_of!(MarginAccount, positions) + offset_of!(PositionRef, padding)),
        (alice, 8 + size_of::<MarginAccount>() - 1),
        (market, at!(market reserved)),
        (market, at!(market seats) - 1),
        (market, rows + offset_of!(Seat, reserved)),
        (market, 8 + offset_of!(Market, reserved)),
        (exchange, at!(exchange reserved)),
        (exchange, at!(exchange padding)),
        (exchange, 8 + size_of::<Exchange>() - 1),
        (book, 8 + offset_of!(OrderBook, reserved)),
    ] {
        forge(&mut world, &key, offset, &[1], "zero reserve");
    }
}

#[tokio::test]
async fn sums_that_do_not_fit_are_found() {
    let mut world = long_alice().await;
    let (alice, exchange) = (world.trader("alice").margin, world.venue.keys.exchange);
    let market = world.market(0).unwrap().keys.market;
    let one = 1i64.to_le_bytes();
    // An atom that no account owes, and one that the exchange has not heard of.
    forge(&mut world, &exchange, at!(exchange recorded_deficit_atoms), &one, "gate");
    forge(&mut world, &alice, at!(account recorded_deficit_atoms), &one, "gate");
    forge(&mut world, &exchange, at!(exchange held_loss_atoms), &one, "gate");
    forge(&mut world, &market, at!(market unassigned_loss_atoms), &one, "INV-01");
    forge(&mut world, &exchange, at!(exchange insurance_atoms), &(-1i64).to_le_bytes(), "INV-13");
    forge(&mut world, &market, at!(market insurance.window_atoms), &(-1i64).to_le_bytes(), "INV-13");
    // A target below 1; the pool of charges; a price at which all is said to be settled.
    forge(&mut world, &market, at!(market params.target_first_bps), &[0; 4], "INV-21");
    forge(&mut world, &market, at!(market charges.residue_scaled), &one, "engine audit");
    forge(&mut world, &market, at!(market recorded_atoms), &one, "engine audit");
    forge(&mut world, &market, at!(market final_price_atoms_per_lot), &one, "settled");
}

/// Market and seat agree, but the account has not heard of it.
#[tokio::test]
async fn a_part_of_no_record_is_found() {
    let mut world = long_alice().await;
    let market = world.market(0).unwrap().keys.market;
    let seat = usize::try_from(world.account("alice").unwrap().seat_in(&market).unwrap()).unwrap();
    let forged = world.chain.forge::<Market>(&market, |market| {
        market.state.recorded_atoms = 1;
        market.state.seats.rows[seat].recorded_atoms = 1;
    });
    forged.unwrap();
    assert_eq!(invariant_of(world.chain.audit().unwrap_err()), "INV-23");
}

#[tokio::test]
async fn a_resolution_of_nothing_is_found() {
    let mut world = long_alice().await;
    let (alice, maker) = (world.trader("alice").margin, world.trader("maker").margin);
    let place = at!(account resolution.position_plus_one);
    forge(&mut world, &alice, place, &[2], "INV-22");
    // The maker is short here: a leg of its own may be half resolved. Bob has a seat without a position.
    world.place("bob", 0, taper_harness::order(Side::Bid, LISTED / 2, 1)).await.unwrap();
    let bob = world.trader("bob").margin;
    forge(&mut world, &bob, place, &[1], "INV-22");
    let mut account = world.chain.get(&maker).unwrap().clone();
    account.data[place] = 1;
    world.chain.set_account(&maker, account);
    world.chain.audit().unwrap();
}
