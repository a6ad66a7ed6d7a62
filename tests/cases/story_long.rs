//! Open, crash, taper, recover.

use taper::error::TaperError;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, World};

use crate::support::*;

/// Alice goes long with fifteenfold leverage, the price falls, she is tapered to a health of 1.25 instead of closed,
/// the price comes back, and she leaves with what is hers.
#[tokio::test]
async fn a_long_is_tapered_and_recovers() {
    let mut world = long_alice().await;
    let bond = i64::try_from(world.seat("alice", 0).unwrap().unwrap().bond_atoms).unwrap();
    move_price(&mut world, 0, SOFT).await;
    let before = world.health("alice").unwrap().maintenance;
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    let after = world.health("alice").unwrap().maintenance;
    // Less than half was closed, and she keeps more than 93% of her equity.
    assert!(report.base_lots < 5_000, "{report:?}");
    assert!(after.equity.0 * 100 > before.equity.0 * 93);
    assert!(after.is_at_least(12_500) && report.episode_ended);
    let costs = before.equity.0 - after.equity.0;
    let slippage = report.base_lots * SOFT - report.quote_atoms;
    assert_eq!(costs, report.penalty_atoms + slippage, "she paid the penalty and the slippage, nothing else");

    // Safe again: nobody can touch her.
    world.pass(20).unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::AccountHealthy);
    world.pass(1_000).unwrap();
    move_price(&mut world, 0, LISTED).await;
    let rest = world.base("alice", 0).unwrap();
    assert_eq!(rest, 10_000 - report.base_lots);
    world.take("alice", 0, Side::Ask, rest).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 0);

    // Out: seat, cash, account.
    let alice = world.trader("alice");
    let market = world.market(0).unwrap().keys.market;
    let release = taper_sdk::instruction::release_seat(market, alice.margin);
    let cash_before = world.cash("alice").unwrap();
    world.chain.send(&[release], &[]).await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), cash_before + bond);
    let cash = u64::try_from(world.cash("alice").unwrap()).unwrap();
    let tokens = world.chain.tokens(&alice.token_account);
    world.withdraw("alice", cash).await.unwrap();
    assert_eq!(world.chain.tokens(&alice.token_account), tokens + cash);
    let close = taper_sdk::instruction::close_margin_account(alice.key(), alice.margin);
    world.chain.send(&[close], &[&alice.keypair]).await.unwrap();
    assert!(world.chain.get(&alice.margin).is_err());
    // What she lost: the fall on the part that was closed, fees, spread and penalty: far from all of it.
    assert!(cash > 600 * TOKEN, "{cash}");
}

#[tokio::test]
async fn a_second_episode_closes_everything_in_slices() {
    let mut world = soft_alice().await;
    let (first, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert!(first.episode_ended);
    world.pass(20).unwrap();
    // A lower price makes her unhealthy again, soon after: no second mercy.
    move_price(&mut world, 0, 1_412_000).await;
    assert!(health_bps(&world, "alice") < 10_000);
    let mut slices = 0;
    while world.base("alice", 0).unwrap() != 0 {
        let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
        assert!(report.health_after_bps >= report.health_before_bps);
        slices += 1;
        let wait = report.cooldown_until_slot.saturating_sub(world.chain.slot());
        world.pass(wait).unwrap();
    }
    assert_eq!(slices, 1, "she is small enough for one slice");
    assert!(world.health("alice").unwrap().maintenance.equity.is_positive());
}

#[tokio::test]
async fn an_owner_who_asks_for_no_mercy_is_closed_at_once() {
    let mut world = World::new().await.unwrap();
    let frank = taper_harness::Trader::prepare(&world.venue, "frank");
    world.chain.fund(&frank.key(), 10_000_000_000);
    let tokens = taper_harness::token_account_bytes(&world.venue.keys.quote_mint, &frank.key(), 2_000 * TOKEN);
    world.chain.set_account(&frank.token_account, tokens);
    let open = taper_sdk::instruction::create_margin_account(frank.key(), world.venue.keys.exchange, 0, true);
    let deposit = frank.deposit(&world.venue, 1_000 * TOKEN);
    world.chain.send(&[open, deposit], &[&frank.keypair]).await.unwrap();
    world.take("frank", 0, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    move_price(&mut world, 0, SOFT).await;
    let (report, _) = world.liquidate("carol", "frank", 0).await.unwrap();
    assert_eq!(report.base_lots, 10_000);
    assert!(report.episode_ended);
}
