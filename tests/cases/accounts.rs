//! `create_margin_account`, `close_margin_account`, `set_delegate`, `release_seat`.

use solana_pubkey::Pubkey;
use taper::error::TaperError;
use taper::events::{DelegateSet, MarginAccountClosed, MarginAccountCreated, SeatReleased};
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, Outcome, Result, World};
use taper_sdk::{address, instruction};

use crate::support::*;

/// Anchor: the address does not follow from the seeds.
const SEEDS: u32 = 2_006;
/// Anchor: the account did not sign.
const NOT_SIGNER: u32 = 3_010;

async fn release(world: &mut World, name: &str) -> Result<Outcome> {
    let release = instruction::release_seat(world.market(0)?.keys.market, world.trader(name).margin);
    world.chain.send(&[release], &[]).await
}

async fn close(world: &mut World, signer: &str, name: &str) -> Result<Outcome> {
    let (signer, margin) = (world.trader(signer), world.trader(name).margin);
    let close = instruction::close_margin_account(signer.key(), margin);
    world.chain.send(&[close], &[&signer.keypair]).await
}

async fn delegate(world: &mut World, signer: &str, name: &str, to: Pubkey) -> Result<Outcome> {
    let (signer, margin) = (world.trader(signer), world.trader(name).margin);
    let set = instruction::set_delegate(signer.key(), margin, to);
    world.chain.send(&[set], &[&signer.keypair]).await
}

#[tokio::test]
async fn accounts_are_numbered() {
    let mut world = World::new().await.unwrap();
    let (alice, exchange) = (world.trader("alice"), world.venue.keys.exchange);
    let first = instruction::create_margin_account(alice.key(), exchange, 0, false);
    world.chain.send(&[first], &[&alice.keypair]).await.expect_error(TaperError::AccountExists);
    let highest = instruction::create_margin_account(alice.key(), exchange, u16::MAX, true);
    let outcome = world.chain.send(&[highest], &[&alice.keypair]).await.unwrap();
    let key = address::margin_account(&exchange, &alice.key(), u16::MAX);
    let account: &taper::state::MarginAccount = world.chain.load(&key).unwrap();
    assert_eq!((account.authority, account.number, account.state.always_full_close), (alice.key(), u16::MAX, 1));
    assert_eq!((account.delegate, account.state.cash_atoms), (Pubkey::default(), 0));
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<MarginAccountCreated>().unwrap().margin_account, key);
    }
    // The address of one number with the data of another.
    let mut crossed = instruction::create_margin_account(alice.key(), exchange, 5, false);
    crossed.accounts[2].pubkey = address::margin_account(&exchange, &alice.key(), 6);
    world.chain.send(&[crossed], &[&alice.keypair]).await.expect_code(SEEDS);
    let mut unsigned = instruction::create_margin_account(alice.key(), exchange, 5, false);
    unsigned.accounts[0].is_signer = false;
    world.chain.send(&[unsigned], &[]).await.expect_code(NOT_SIGNER);
}

#[tokio::test]
async fn only_an_empty_account_is_closed_and_only_by_its_owner() {
    let mut world = World::new().await.unwrap();
    world.place("alice", 0, order(Side::Bid, LISTED - 5_000, 10)).await.unwrap();
    close(&mut world, "alice", "alice").await.expect_error(TaperError::PositionsRemain);
    world.cancel_all("alice", 0).await.unwrap();
    close(&mut world, "alice", "alice").await.expect_error(TaperError::PositionsRemain);
    release(&mut world, "alice").await.unwrap();
    close(&mut world, "alice", "alice").await.expect_error(TaperError::CashRemains);
    world.withdraw("alice", 1_000 * TOKEN - 1).await.unwrap();
    close(&mut world, "alice", "alice").await.expect_error(TaperError::CashRemains);
    world.withdraw("alice", 1).await.unwrap();
    let bob = world.trader("bob");
    close(&mut world, "bob", "alice").await.expect_error(TaperError::NotAuthority);
    delegate(&mut world, "alice", "alice", bob.key()).await.unwrap();
    close(&mut world, "bob", "alice").await.expect_error(TaperError::OwnerOnly);
    let alice = world.trader("alice");
    let (rent, lamports) =
        (world.chain.get(&alice.margin).unwrap().lamports, world.chain.get(&alice.key()).unwrap().lamports);
    let outcome = close(&mut world, "alice", "alice").await.unwrap();
    assert!(world.chain.get(&alice.margin).is_err());
    assert_eq!(world.chain.get(&alice.key()).unwrap().lamports, lamports + rent);
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<MarginAccountClosed>().unwrap().margin_account, alice.margin);
    }
}

#[tokio::test]
async fn a_delegate_trades_and_nothing_else() {
    let mut world = World::new().await.unwrap();
    let (alice, bob, keys) = (world.trader("alice"), world.trader("bob"), world.venue.keys);
    let market = world.market(0).unwrap().keys;
    delegate(&mut world, "bob", "alice", bob.key()).await.expect_error(TaperError::NotAuthority);
    let buy = instruction::place_order(bob.key(), &market, alice.margin, order(Side::Bid, LISTED - 500, 10), &[]);
    world.chain.send(std::slice::from_ref(&buy), &[&bob.keypair]).await.expect_error(TaperError::NotAuthority);

    let outcome = delegate(&mut world, "alice", "alice", bob.key()).await.unwrap();
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<DelegateSet>().unwrap().delegate, bob.key());
    }
    world.chain.send(std::slice::from_ref(&buy), &[&bob.keypair]).await.unwrap();
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().bid_count, 1);
    let both = taper::instructions::CancelAllOrdersArgs { side: 2, limit: 9 };
    let cancel = instruction::cancel_all_orders(bob.key(), &market, alice.margin, both);
    world.chain.send(&[cancel], &[&bob.keypair]).await.unwrap();

    let legs = world.legs("alice", None).unwrap();
    let withdraw = instruction::withdraw(bob.key(), &keys, alice.margin, bob.token_account, 1, &legs);
    world.chain.send(&[withdraw], &[&bob.keypair]).await.expect_error(TaperError::OwnerOnly);
    delegate(&mut world, "bob", "alice", bob.key()).await.expect_error(TaperError::OwnerOnly);

    delegate(&mut world, "alice", "alice", Pubkey::default()).await.unwrap();
    world.chain.send(&[buy], &[&bob.keypair]).await.expect_error(TaperError::NotAuthority);
}

#[tokio::test]
async fn a_flat_seat_is_released_by_anyone() {
    let mut world = World::new().await.unwrap();
    release(&mut world, "alice").await.expect_error(TaperError::PositionNotFound);
    world.place("alice", 0, order(Side::Bid, LISTED - 5_000, 10)).await.unwrap();
    release(&mut world, "alice").await.expect_error(TaperError::SeatNotEmpty);
    world.cancel_all("alice", 0).await.unwrap();
    world.take("alice", 0, Side::Bid, 10).await.unwrap();
    release(&mut world, "alice").await.expect_error(TaperError::SeatNotEmpty);
    world.take("alice", 0, Side::Ask, 10).await.unwrap();
    let cash = world.cash("alice").unwrap();
    let outcome = release(&mut world, "alice").await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), cash + 1_000_000);
    assert!(world.seat("alice", 0).unwrap().is_none());
    if world.chain.is_vm() {
        let released = outcome.event::<SeatReleased>().unwrap();
        assert_eq!((released.bond_atoms, released.cash_after_atoms), (1_000_000, cash + 1_000_000));
    }
    release(&mut world, "alice").await.expect_error(TaperError::PositionNotFound);
    // The row is used again.
    world.place("alice", 0, order(Side::Bid, LISTED - 5_000, 10)).await.unwrap();
    assert_eq!(world.market_account(0).unwrap().state.seats.touched_count, 2);
}

#[tokio::test]
async fn closing_needs_the_owners_signature() {
    let mut world = World::new().await.unwrap();
    world.withdraw("dave", 1_000 * TOKEN).await.unwrap();
    let dave = world.trader("dave");
    let mut close = instruction::close_margin_account(dave.key(), dave.margin);
    close.accounts[0].is_signer = false;
    world.chain.send(&[close], &[]).await.expect_code(NOT_SIGNER);
}

#[tokio::test]
async fn lamports_sent_to_an_address_do_not_block_it() {
    let mut world = World::new().await.unwrap();
    let (alice, exchange) = (world.trader("alice"), world.venue.keys.exchange);
    // Less than the rent, exactly that of an empty account, more than enough.
    for (number, lamports) in [(41, 1), (42, 890_880), (43, 50_000_000)] {
        let key = address::margin_account(&exchange, &alice.key(), number);
        world.chain.fund(&key, lamports);
        let create = instruction::create_margin_account(alice.key(), exchange, number, false);
        world.chain.send(&[create], &[&alice.keypair]).await.unwrap();
        let account: &taper::state::MarginAccount = world.chain.load(&key).unwrap();
        assert_eq!((account.authority, account.number), (alice.key(), number));
    }
}
