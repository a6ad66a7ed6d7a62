//! `deposit`, `withdraw`.

mod gate;
mod records;

use taper::error::TaperError;
use taper::events::{Deposited, Withdrawn};
use taper_engine::quantity::Side;
use taper_harness::{keypair, mint_bytes, token_account_bytes, ExpectRefusal, Venue, World};
use taper_sdk::instruction;

use crate::support::*;
use solana_signer::Signer;

/// The token program's error for more than there is.
const INSUFFICIENT_FUNDS: u32 = 1;
/// Its error for a signer who does not own the account.
const OWNER_MISMATCH: u32 = 4;
/// Anchor: the account did not sign.
const NOT_SIGNER: u32 = 3_010;

#[tokio::test]
async fn anyone_deposits_for_anyone() {
    let mut world = World::new().await.unwrap();
    let (alice, bob, keys) = (world.trader("alice"), world.trader("bob"), world.venue.keys);
    let vault = world.chain.tokens(&keys.vault);
    let (cash, tokens) = (world.cash("alice").unwrap(), world.chain.tokens(&bob.token_account));
    let gift = instruction::deposit(bob.key(), &keys, alice.margin, bob.token_account, 7, &[]);
    let outcome = world.chain.send(&[gift], &[&bob.keypair]).await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), cash + 7);
    assert_eq!(world.chain.tokens(&bob.token_account), tokens - 7);
    assert_eq!(world.chain.tokens(&keys.vault), vault + 7);
    if world.chain.is_vm() {
        let deposited = outcome.event::<Deposited>().unwrap();
        assert_eq!((deposited.amount_atoms, deposited.cash_after_atoms), (7, cash + 7));
        assert_eq!((deposited.depositor, deposited.episode_ended), (bob.key(), false));
    }
}

#[tokio::test]
async fn amounts_of_deposits() {
    let mut world = World::new().await.unwrap();
    world.deposit("alice", 0).await.expect_error(TaperError::AmountZero);
    let owned = world.chain.tokens(&world.trader("alice").token_account);
    world.deposit("alice", owned + 1).await.expect_code(INSUFFICIENT_FUNDS);
    for too_much in [(1 << 56) + 1, u64::MAX] {
        world.deposit("alice", too_much).await.expect_error(TaperError::MathOverflow);
    }
    world.deposit("alice", owned).await.unwrap();
}

#[tokio::test]
async fn deposits_from_and_to_the_wrong_accounts() {
    let mut world = World::new().await.unwrap();
    let (alice, bob, keys) = (world.trader("alice"), world.trader("bob"), world.venue.keys);
    let other_mint = keypair("other mint").pubkey();
    world.chain.set_account(&other_mint, mint_bytes(6));
    let other_tokens = keypair("other tokens").pubkey();
    world.chain.set_account(&other_tokens, token_account_bytes(&other_mint, &alice.key(), 1_000));
    let other = Venue::create(&mut world.chain, "other exchange", keys.quote_mint).await.unwrap();

    let deposit = |keys, from| instruction::deposit(alice.key(), &keys, alice.margin, from, 5, &[]);
    let mut send = async |instruction, error| {
        world.chain.send(&[instruction], &[&alice.keypair]).await.expect_error(error);
    };
    send(deposit(keys, other_tokens), TaperError::WrongMint).await;
    let wrong_mint = instruction::ExchangeKeys { quote_mint: other_mint, ..keys };
    send(deposit(wrong_mint, other_tokens), TaperError::WrongMint).await;
    let wrong_vault = instruction::ExchangeKeys { vault: bob.token_account, ..keys };
    send(deposit(wrong_vault, alice.token_account), TaperError::WrongVault).await;
    let foreign_vault = instruction::ExchangeKeys { vault: other.keys.vault, ..keys };
    send(deposit(foreign_vault, alice.token_account), TaperError::WrongVault).await;
    send(deposit(other.keys, alice.token_account), TaperError::WrongExchange).await;
    send(deposit(keys, keys.vault), TaperError::DuplicateAccount).await;

    let theft = instruction::deposit(alice.key(), &keys, alice.margin, bob.token_account, 5, &[]);
    world.chain.send(&[theft], &[&alice.keypair]).await.expect_code(OWNER_MISMATCH);
    let mut unsigned = instruction::deposit(bob.key(), &keys, alice.margin, bob.token_account, 5, &[]);
    unsigned.accounts[0].is_signer = false;
    world.chain.send(&[unsigned], &[]).await.expect_code(NOT_SIGNER);
}

#[tokio::test]
async fn withdrawals_leave_initial_margin() {
    let mut world = World::new().await.unwrap();
    world.withdraw("alice", 0).await.expect_error(TaperError::AmountZero);
    world.withdraw("alice", 1_000 * TOKEN + 1).await.expect_error(TaperError::InsufficientCash);
    for too_much in [(1 << 56) + 1, u64::MAX] {
        world.withdraw("alice", too_much).await.expect_error(TaperError::MathOverflow);
    }
    let outcome = world.withdraw("alice", 100 * TOKEN).await.unwrap();
    if world.chain.is_vm() {
        let withdrawn = outcome.event::<Withdrawn>().unwrap();
        assert_eq!((withdrawn.amount_atoms, withdrawn.cash_after_atoms), (100 * TOKEN, 900_000_000));
    }
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    // Exactly down to an initial health of 1: one atom more is refused.
    let initial = world.health("alice").unwrap().initial.unwrap();
    let required = (initial.requirement.0 + 9_999) / 10_000;
    let free = u64::try_from(i128::from(initial.equity.0) - required).unwrap();
    world.withdraw("alice", free + 1).await.expect_error(TaperError::InitialHealthTooLow);
    world.withdraw("alice", free).await.unwrap();
    world.withdraw("alice", 1).await.expect_error(TaperError::InitialHealthTooLow);
}

#[tokio::test]
async fn paper_profit_is_not_withdrawn() {
    let mut world = long_alice().await;
    move_price(&mut world, 0, 1_800_000).await;
    // 3,000 dollars of paper gain; cash backs the requirement alone.
    let cash = u64::try_from(world.cash("alice").unwrap()).unwrap();
    world.withdraw("alice", cash).await.expect_error(TaperError::InitialHealthTooLow);
    world.take("alice", 0, Side::Ask, 10_000).await.unwrap();
    // Realised, and swept: the pool has room for it.
    let cash_now = u64::try_from(world.cash("alice").unwrap()).unwrap();
    assert!(cash_now > cash + 2_900 * TOKEN, "{cash_now}");
    world.withdraw("alice", cash_now).await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), 0);
}

#[tokio::test]
async fn withdrawals_by_and_to_the_wrong_ones() {
    let mut world = World::new().await.unwrap();
    let (alice, bob, keys) = (world.trader("alice"), world.trader("bob"), world.venue.keys);
    let withdraw = |signer, to| instruction::withdraw(signer, &keys, alice.margin, to, 5, &[]);
    let stolen = withdraw(bob.key(), bob.token_account);
    world.chain.send(&[stolen], &[&bob.keypair]).await.expect_error(TaperError::NotAuthority);
    let mut unsigned = withdraw(alice.key(), bob.token_account);
    unsigned.accounts[0].is_signer = false;
    world.chain.send(&[unsigned], &[]).await.expect_code(NOT_SIGNER);
    let circle = withdraw(alice.key(), keys.vault);
    world.chain.send(&[circle], &[&alice.keypair]).await.expect_error(TaperError::DuplicateAccount);
    // To somebody else's tokens: her own choice.
    let gift = withdraw(alice.key(), bob.token_account);
    world.chain.send(&[gift], &[&alice.keypair]).await.unwrap();
}

#[tokio::test]
async fn a_deposit_with_legs_ends_the_episode() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let credit = world.payout_as_credit("carol");
    let args = taper::instructions::LiquidateArgs { max_base_lots: 1_100, ..args };
    world.liquidate_with("carol", "alice", 0, &credit, args).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 1);
    // Too little: the episode goes on.
    world.deposit("alice", 10 * TOKEN).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 1);
    // Enough, but without legs: cash and nothing else.
    let alice = world.trader("alice");
    let blind = alice.deposit(&world.venue, 1_000 * TOKEN);
    world.chain.send(&[blind], &[&alice.keypair]).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 1);
    world.deposit("alice", 1).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 0);
}
