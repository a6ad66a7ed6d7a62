//! `flag_account`, `settle_loss`, and what owners do in between.

use taper::error::TaperError;
use taper::events::{AccountFlagged, LossSettled};
use taper::instructions::LiquidateArgs;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, World};
use taper_sdk::instruction;

use crate::support::*;

#[tokio::test]
async fn a_flag_starts_the_clock_and_the_cost_cap_opens_with_it() {
    let mut world = long_alice().await;
    world.flag("alice", 0).await.expect_error(TaperError::AccountHealthy);
    world.flag("bob", 0).await.expect_error(TaperError::PositionNotFound);
    world.set_price(0, SOFT).unwrap();
    // The only bids are far: at the start of an episode they are beyond the cap.
    world.cancel_all("maker", 0).await.unwrap();
    world.place("maker", 0, taper_harness::order(Side::Bid, SOFT - 10_000, 20_000)).await.unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::NoFillInsideCap);
    let outcome = world.flag("alice", 0).await.unwrap();
    let episode = world.account("alice").unwrap().state.episode;
    assert_eq!((episode.kind, episode.clock_slots, episode.unhealthy, episode.sliced), (1, 0, 1, 0));
    if world.chain.is_vm() {
        let flagged = outcome.event::<AccountFlagged>().unwrap();
        assert_eq!((flagged.kind, flagged.clock_slots), (1, 0));
        assert!(flagged.health_bps < 10_000);
    }
    // 15% of the rate and 1% a slot: after nine slots the cap is 24% of 43,020 atoms: 10,324.
    world.pass(8).unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::NoFillInsideCap);
    world.pass(1).unwrap();
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert!(report.base_lots > 0 && report.cost_atoms >= report.base_lots * 10_000);
}

#[tokio::test]
async fn a_recovered_account_is_not_unhealthy_and_its_clock_stands_still() {
    let mut world = long_alice().await;
    move_price(&mut world, 0, SOFT).await;
    world.flag("alice", 0).await.unwrap();
    world.pass(4).unwrap();
    world.flag("alice", 0).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.clock_slots, 4);
    move_price(&mut world, 0, 1_446_000).await;
    assert!((10_000..12_500).contains(&health_bps(&world, "alice")), "{}", health_bps(&world, "alice"));
    world.pass(4).unwrap();
    world.flag("alice", 0).await.unwrap();
    let episode = world.account("alice").unwrap().state.episode;
    assert_eq!((episode.kind, episode.unhealthy, episode.clock_slots), (1, 0, 4));
    // The episode still runs, so a slice towards its target is allowed.
    let args = world.liquidate_args("alice", 0).unwrap();
    assert!(world.plan("alice", 0, &args).unwrap().is_ok());
    // A price that meets the target ends it.
    move_price(&mut world, 0, LISTED).await;
    world.flag("alice", 0).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 0);
    world.flag("alice", 0).await.expect_error(TaperError::AccountHealthy);
}

#[tokio::test]
async fn an_episode_fades_without_observations() {
    let mut world = soft_alice().await;
    world.flag("alice", 0).await.unwrap();
    move_price(&mut world, 0, 1_446_000).await;
    let cooloff = world.market(0).unwrap().params.cooloff_slots;
    world.pass(cooloff).unwrap();
    let args = world.liquidate_args("alice", 0).unwrap();
    assert!(world.plan("alice", 0, &args).unwrap().is_ok());
    world.pass(1).unwrap();
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::AccountHealthy);
}

#[tokio::test]
async fn a_loss_is_settled_once_and_changes_no_equity() {
    let mut world = long_alice().await;
    world.settle_loss("bob", 0).await.expect_error(TaperError::PositionNotFound);
    move_price(&mut world, 0, 1_550_000).await;
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
    // Another loser, so that winners can take out more than she loses.
    world.take("dave", 0, Side::Bid, 3_000).await.unwrap();
    move_price(&mut world, 0, 1_460_000).await;
    let loss = 10_000 * (LISTED + 500 - 1_460_000);
    // A loss, and cash, but no winner has been paid yet.
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
    let first = pay_the_maker(&mut world, 0, "bob", 4_000).await;
    assert!(0 < first && first < loss, "{first}");
    settle_exactly(&mut world, first).await;
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
    // More has been taken out than she has lost: the rest of her loss, and no more.
    let second = pay_the_maker(&mut world, 0, "carol", 9_000).await;
    assert!(second > loss - first, "{second}");
    settle_exactly(&mut world, loss - first).await;
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
    // Bankrupt: at most the cash there is.
    move_price(&mut world, 0, 1_300_000).await;
    world.take("bob", 0, Side::Bid, 4_000).await.unwrap();
    let cash = world.cash("alice").unwrap();
    assert!(world.market_account(0).unwrap().state.net_swept_profit_atoms > cash);
    settle_exactly(&mut world, cash).await;
    assert_eq!(world.cash("alice").unwrap(), 0);
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
}

/// So much leaves alice's cash for the pool, and her health stays what it was.
async fn settle_exactly(world: &mut World, amount: i64) {
    let (cash, health) = (world.cash("alice").unwrap(), world.health("alice").unwrap());
    let swept = world.market_account(0).unwrap().state.net_swept_profit_atoms;
    let outcome = world.settle_loss("alice", 0).await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), cash - amount);
    assert_eq!(world.market_account(0).unwrap().state.net_swept_profit_atoms, swept - amount);
    assert_eq!(world.health("alice").unwrap().maintenance, health.maintenance);
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<LossSettled>().unwrap().amount_atoms, amount);
    }
}

#[tokio::test]
async fn the_owner_deposits_between_two_slices() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let quarter = LiquidateArgs { max_base_lots: 1_100, ..args };
    let credit = world.payout_as_credit("carol");
    let (first, _) = world.liquidate_with("carol", "alice", 0, &credit, quarter).await.unwrap();
    assert!(!first.episode_ended && first.health_after_bps < 10_000);
    // Not enough for initial margin, enough for health above 1: the episode goes on towards its target.
    world.deposit("alice", 100 * TOKEN).await.unwrap();
    let healthy = health_bps(&world, "alice");
    assert!((10_000..12_500).contains(&healthy), "{healthy}");
    world.pass(5).unwrap();
    let (second, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert!(second.episode_ended);
    // The deposit made the second slice smaller than the first plan.
    assert!(second.base_lots + first.base_lots < first.planned_base_lots);
}

#[tokio::test]
async fn the_owner_tops_up_and_exits() {
    let mut world = soft_alice().await;
    world.flag("alice", 0).await.unwrap();
    world.deposit("alice", 500 * TOKEN).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 0, "initial margin is back");
    world.pass(1).unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::AccountHealthy);
    let base = world.base("alice", 0).unwrap();
    world.take("alice", 0, Side::Ask, base).await.unwrap();
    world.release("alice", 0).await.unwrap();
    let cash = u64::try_from(world.cash("alice").unwrap()).unwrap();
    world.withdraw("alice", cash).await.unwrap();
    let alice = world.trader("alice");
    let close = instruction::close_margin_account(alice.key(), alice.margin);
    world.chain.send(&[close], &[&alice.keypair]).await.unwrap();
}

#[tokio::test]
async fn the_owner_reduces_and_the_episode_ends() {
    let mut world = soft_alice().await;
    world.flag("alice", 0).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 1);
    world.take("alice", 0, Side::Ask, 1_000).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 1, "not enough");
    world.take("alice", 0, Side::Ask, 5_500).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.episode.kind, 0, "initial margin is back");
    // It had no slice, so it does not count as a first one.
    assert_eq!(world.account("alice").unwrap().state.episode.had_one_before, 0);
}
