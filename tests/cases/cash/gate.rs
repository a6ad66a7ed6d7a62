//! The withdrawal gate: what it holds back, from whom, and until when.

use taper::error::TaperError;
use taper::instructions::PlaceOrderArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, MarketSpec, PriceSource, World};
use taper_sdk::instruction;

use crate::support::*;

/// 120 dollars.
pub const LOW: i64 = 1_200_000;

/// `taker` takes all lots of `maker`'s fresh order at a price.
pub async fn trade(world: &mut World, taker: &str, side: Side, maker: &str, price: i64, lots: i64) {
    world.place(maker, 0, order(side.opposite(), price, lots)).await.unwrap();
    world.place(taker, 0, PlaceOrderArgs { kind: 3, ..order(side, price, lots) }).await.unwrap();
}

/// Alice went long 100 SOL at 150 on 1,000 dollars; at 120 she lacks 2,000. The winner has closed against bob, who is short at 120 and has
/// won nothing, and has its profit of 3,000 in cash. Dave and erin hold 20 SOL against each other.
async fn drained() -> World {
    let mut world = World::empty().await.unwrap();
    world.add_market(&MarketSpec::sol("SOL", PriceSource::Push).unwrap()).await.unwrap();
    for (name, stake) in [("alice", 1_000), ("winner", 10_000), ("bob", 2_000), ("dave", 1_000), ("erin", 1_000)] {
        world.add_trader(name, 20_000 * TOKEN, stake * TOKEN).await.unwrap();
    }
    trade(&mut world, "alice", Side::Bid, "winner", LISTED, 10_000).await;
    world.pass(10).unwrap();
    world.set_price(0, LOW).unwrap();
    trade(&mut world, "winner", Side::Bid, "bob", LOW, 10_000).await;
    trade(&mut world, "dave", Side::Bid, "erin", LOW, 2_000).await;
    world.pass(1).unwrap();
    world.deposit("winner", 1).await.unwrap();
    world
}

fn vault(world: &World) -> u64 {
    world.chain.tokens(&world.venue.keys.vault)
}

/// The winner, who is flat, takes out all but 20 dollars of what is not held. Returns what is free.
async fn winner_leaves(world: &mut World, held: i64) -> u64 {
    let free = vault(world) - u64::try_from(held).unwrap();
    world.withdraw("winner", free + 1).await.expect_error(TaperError::WithdrawalHeld);
    world.withdraw("winner", free - 20 * TOKEN).await.unwrap();
    20 * TOKEN
}

/// Withdraws all the cash that a flat account has.
async fn withdraw_all(world: &mut World, name: &str) {
    let cash = u64::try_from(world.cash(name).unwrap()).unwrap();
    world.withdraw(name, cash).await.unwrap();
}

#[tokio::test]
async fn no_more_is_held_than_is_recorded_and_resolution_may_come_in_the_same_transaction() {
    let mut world = drained().await;
    let lacking = -world.health("alice").unwrap().maintenance.equity.0 - i64::try_from(TOKEN).unwrap();
    assert!(lacking > 1_990_000_000, "{lacking}");
    assert_eq!(world.record_deficit("alice").await.unwrap(), lacking);
    // What is left in the vault beyond the deficit may leave, and not an atom more.
    let free = winner_leaves(&mut world, lacking).await;
    world.withdraw("bob", free + 1).await.expect_error(TaperError::WithdrawalHeld);
    world.withdraw("bob", free).await.unwrap();
    for name in ["bob", "dave", "erin"] {
        world.withdraw(name, 1).await.expect_error(TaperError::WithdrawalHeld);
    }
    // Nobody has won what alice lost but has not paid: all open lots share it, and nothing is held any more.
    let (bob, legs) = (world.trader("bob"), world.legs("bob", None).unwrap());
    let keys = world.venue.keys;
    let withdraw = instruction::withdraw(bob.key(), &keys, bob.margin, bob.token_account, 1, &legs);
    let resolve = world.resolve_instruction("alice", 0).unwrap();
    world.chain.send(&[resolve, withdraw], &[&bob.keypair]).await.unwrap();
    assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, 0);
    assert!(world.market_account(0).unwrap().state.socialised_atoms > 0);
}

#[tokio::test]
async fn an_atom_stops_nobody() {
    let mut world = drained().await;
    let missing = -world.health("alice").unwrap().maintenance.equity.0 - i64::try_from(TOKEN).unwrap();
    world.deposit("alice", u64::try_from(missing - 1).unwrap()).await.unwrap();
    assert_eq!(world.record_deficit("alice").await.unwrap(), 1);
    withdraw_all(&mut world, "winner").await;
    for name in ["bob", "dave", "erin"] {
        let initial = world.health(name).unwrap().initial.unwrap();
        let free = i128::from(initial.equity.0) - (initial.requirement.0 + 9_999) / 10_000;
        world.withdraw(name, u64::try_from(free).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_record_follows_the_deficit_up_and_down() {
    let mut world = drained().await;
    world.record_deficit("bob").await.expect_error(TaperError::NothingToRecord);
    let first = world.record_deficit("alice").await.unwrap();
    world.record_deficit("alice").await.expect_error(TaperError::NothingToRecord);
    world.deposit("alice", 500 * TOKEN).await.unwrap();
    assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, first, "a deposit alone changes no record");
    assert_eq!(world.record_deficit("alice").await.unwrap(), first - 500_000_000);
    world.set_price(0, LISTED).unwrap();
    assert_eq!(world.record_deficit("alice").await.unwrap(), 0);
    // At most what winners have taken out, however much she lacks.
    world.set_price(0, 1_000_000).unwrap();
    let taken_out = world.market_account(0).unwrap().state.net_swept_profit_atoms;
    assert!(-world.health("alice").unwrap().maintenance.equity.0 > taken_out);
    assert_eq!(world.record_deficit("alice").await.unwrap(), taken_out);
}

#[tokio::test]
async fn a_loss_that_nobody_bears_is_held_until_insurance_has_covered_it() {
    let mut world = drained().await;
    // Without dave and erin there are no lots to share it.
    trade(&mut world, "erin", Side::Bid, "dave", LOW, 2_000).await;
    world.resolve_leg("alice", 0).await.unwrap();
    let held = world.exchange().unwrap().held_loss_atoms;
    assert!(held > 1_900_000_000, "{held}");
    let free = winner_leaves(&mut world, held).await;
    world.withdraw("bob", free + 1).await.expect_error(TaperError::WithdrawalHeld);
    world.withdraw("bob", free).await.unwrap();
    world.cover_loss(0).await.expect_error(TaperError::NothingToCover);
    // A gift to the fund covers nothing: this market has no claim on it. One for the market does.
    world.donate("erin", None, 100 * TOKEN).await.unwrap();
    world.cover_loss(0).await.expect_error(TaperError::NothingToCover);
    world.donate("erin", Some(0), u64::try_from(held).unwrap()).await.unwrap();
    // What the winner has taken out is covered; what it has won besides, and fees have had, is still there.
    let taken_out = world.market_account(0).unwrap().state.net_swept_profit_atoms;
    assert!(held > taken_out && held - taken_out < 20_000_000, "{held} {taken_out}");
    world.cover_loss(0).await.unwrap();
    assert_eq!(world.exchange().unwrap().held_loss_atoms, held - taken_out);
    withdraw_all(&mut world, "dave").await;
}

#[tokio::test]
async fn a_payout_in_tokens_meets_the_gate_and_credit_does_not() {
    let mut world = drained().await;
    let held = world.record_deficit("alice").await.unwrap();
    let free = winner_leaves(&mut world, held).await;
    world.withdraw("bob", free).await.unwrap();
    // Dave falls ill; erin, who is short against him, bids.
    world.set_price(0, 715_000).unwrap();
    world.place("erin", 0, order(Side::Bid, 714_900, 2_000)).await.unwrap();
    world.pass(1).unwrap();
    let args = world.liquidate_args("dave", 0).unwrap();
    let (tokens, credit) = (world.payout_in_tokens("winner"), world.payout_as_credit("winner"));
    let slice = world.liquidate_instruction("winner", "dave", 0, &tokens, args).unwrap();
    let winner = world.trader("winner").keypair;
    world.chain.send(&[slice], &[&winner]).await.expect_error(TaperError::VaultCannotPay);
    let (report, _) = world.liquidate_with("winner", "dave", 0, &credit, args).await.unwrap();
    assert!(report.caller_payout_atoms > 0);
}
