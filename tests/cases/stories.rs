//! Longer stories: a short, a race, eight legs.

use taper::error::TaperError;
use taper::instructions::LiquidateArgs;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, World};

use crate::support::*;

/// The packet size of the network.
const TRANSACTION_LIMIT: usize = 1_232;

#[tokio::test]
async fn a_short_is_bought_back_in_a_rally() {
    let mut world = short_alice().await;
    move_price(&mut world, 0, 1_566_000).await;
    let before = health_bps(&world, "alice");
    assert!(before < 10_000, "{before}");
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(report.side, 0);
    assert!(world.base("alice", 0).unwrap() < 0 && report.base_lots < 5_500);
    assert!(report.health_after_bps >= 12_500 && report.episode_ended);
    // The winners of the rally are paid by the losers: everything adds up to the vault at the end.
    world.pass(10).unwrap();
    let rest = -world.base("alice", 0).unwrap();
    world.take("alice", 0, Side::Bid, rest).await.unwrap();
    assert_eq!(world.market_account(0).unwrap().state.open_interest_base_lots, 0);
    assert_eq!(world.base("maker", 0).unwrap(), 0);
}

#[tokio::test]
async fn long_and_short_in_one_crash_and_its_rebound() {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    world.take("bob", 0, Side::Ask, 10_000).await.unwrap();
    world.pass(10).unwrap();
    let mut slices = [0, 0];
    for price in [SOFT, 1_420_000, 1_450_000, 1_500_000, 1_550_000, 1_566_000, 1_575_000] {
        move_price(&mut world, 0, price).await;
        for (count, name) in slices.iter_mut().zip(["alice", "bob"]) {
            if world.base(name, 0).unwrap() == 0 {
                continue;
            }
            match world.liquidate("carol", name, 0).await {
                Ok((report, _)) => {
                    assert!(report.health_after_bps >= report.health_before_bps);
                    *count += 1;
                }
                refused => refused.map(|_| ()).expect_error(TaperError::AccountHealthy),
            }
        }
        world.pass(10).unwrap();
    }
    assert!(slices[0] >= 1 && slices[1] >= 1, "{slices:?}");
    let audit = world.chain.audit().unwrap();
    assert!(audit.exchanges[&world.venue.keys.exchange].insurance > 0);
}

/// Two liquidators saw the same position. The second finds another one, and loses nothing but its fee.
#[tokio::test]
async fn two_liquidators_race() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let args = LiquidateArgs { max_base_lots: 1_100, ..args };
    let (first, second) = (world.payout_as_credit("carol"), world.payout_as_credit("dave"));
    world.liquidate_with("carol", "alice", 0, &first, args).await.unwrap();
    let cash = world.cash("dave").unwrap();
    world.liquidate_with("dave", "alice", 0, &second, args).await.expect_error(TaperError::UnexpectedBase);
    assert_eq!(world.cash("dave").unwrap(), cash);
    // With the position as it is now, the cooldown is in the way, then it works.
    let now = world.liquidate_args("alice", 0).unwrap();
    world.liquidate_with("dave", "alice", 0, &second, now).await.expect_error(TaperError::CooldownNotOver);
    let wait = world.account("alice").unwrap().state.cooldown_until_slot - world.chain.slot();
    world.pass(wait).unwrap();
    let (report, _) = world.liquidate("dave", "alice", 0).await.unwrap();
    assert_eq!(world.cash("dave").unwrap(), cash + report.caller_payout_atoms);
}

/// Eight legs, long and short, on push and pull oracles; one transaction a slice, without a lookup table.
#[tokio::test]
async fn eight_legs() {
    let mut world = World::with_markets(8).await.unwrap();
    world.deposit("alice", 1_000 * TOKEN).await.unwrap();
    for market in 0..8 {
        let side = if market % 3 == 2 { Side::Ask } else { Side::Bid };
        world.take("alice", market, side, 2_400).await.unwrap();
    }
    world.pass(10).unwrap();
    assert_eq!(world.account("alice").unwrap().used_positions().count(), 8);
    for market in 0..8 {
        let price = if market % 3 == 2 { 1_549_000 } else { 1_436_000 };
        move_price(&mut world, market, price).await;
    }
    let before = health_bps(&world, "alice");
    assert!((3_300..10_000).contains(&before), "{before}");

    let args = world.liquidate_args("alice", 3).unwrap();
    for payout in [world.payout_as_credit("carol"), world.payout_in_tokens("carol")] {
        let slice = world.liquidate_instruction("carol", "alice", 3, &payout, args).unwrap();
        let budget = [
            solana_compute_budget_interface::ComputeBudgetInstruction::set_compute_unit_limit(100_000),
            solana_compute_budget_interface::ComputeBudgetInstruction::set_compute_unit_price(1),
        ];
        let size = world.chain.transaction_size(&[&budget[..], &[slice]].concat());
        assert!(size <= TRANSACTION_LIMIT, "{size} bytes");
    }

    let mut health = before;
    let mut market = 0;
    while world.account("alice").unwrap().state.episode.kind != 0 || health < 10_000 {
        if world.base("alice", market).unwrap() != 0 {
            let (report, _) = world.liquidate("carol", "alice", market).await.unwrap();
            assert!(report.health_after_bps >= health, "{report:?}");
            health = report.health_after_bps;
            let wait = report.cooldown_until_slot.saturating_sub(world.chain.slot());
            world.pass(wait).unwrap();
        }
        market += 1;
        assert!(market <= 8, "eight slices were not enough");
    }
    assert!(health >= 12_500);
}
