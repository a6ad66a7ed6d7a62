//! `absorb`: the caller takes the slice into its own account.

use taper::error::TaperError;
use taper::events::{Absorbed, SliceReport};
use taper::instructions::LiquidateArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal};
use taper_sdk::instruction;

use crate::support::*;

#[tokio::test]
async fn a_slice_moves_into_the_callers_account_at_the_oracle_price() {
    let mut world = soft_alice().await;
    let (hers, his) = (world.cash("alice").unwrap(), world.cash("carol").unwrap());
    let args = world.liquidate_args("alice", 0).unwrap();
    let outcome = world.absorb("carol", "alice", 0, args).await.unwrap();
    let taken = world.base("carol", 0).unwrap();
    assert!(taken > 0);
    assert_eq!(world.base("alice", 0).unwrap(), 10_000 - taken);
    // No bid is better than the oracle, so the whole slice changes hands at the oracle price.
    let seat = world.seat("carol", 0).unwrap().unwrap();
    assert_eq!(seat.quote_entry_atoms, -taken * SOFT);
    // The absorber got a seat, paid its bond, and earned its part of the penalty.
    let bond = i64::try_from(seat.bond_atoms).unwrap();
    let insurance = world.market_account(0).unwrap().state.insurance_pending_atoms;
    let payout = world.cash("carol").unwrap() - his + bond;
    assert!(payout > 0 && insurance > 0);
    assert!(world.cash("alice").unwrap() < hers - payout - insurance + 1);
    assert!(health_bps(&world, "alice") >= 12_500);
    if world.chain.is_vm() {
        let report: SliceReport = outcome.returned().unwrap();
        assert_eq!((report.base_lots, report.caller_payout_atoms, report.insurance_atoms), (taken, payout, insurance));
        assert_eq!((report.fills, report.quote_atoms), (0, taken * SOFT));
        assert_eq!(outcome.event::<Absorbed>().unwrap().report, report);
    }
    // Slippage-free, so cheaper for her than the book: a lot less is closed than through it.
}

#[tokio::test]
async fn bids_better_than_the_oracle_count_for_the_liquidatee() {
    let mut world = soft_alice().await;
    world.place("bob", 0, order(Side::Bid, SOFT + 400, 300)).await.unwrap();
    // Out of the band for its owner, expired, or hers: not executable, so not counted.
    world.pass(1).unwrap();
    let args = world.liquidate_args("alice", 0).unwrap();
    world.absorb("carol", "alice", 0, args).await.unwrap();
    let seat = world.seat("carol", 0).unwrap().unwrap();
    assert_eq!(seat.quote_entry_atoms, -(seat.base_lots * SOFT + 300 * 400));
    assert_eq!(world.seat("bob", 0).unwrap().unwrap().bid_lots, 300, "the book is only looked at");
}

#[tokio::test]
async fn the_absorber_must_be_able_to_hold_it() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    world.absorb("alice", "alice", 0, args).await.expect_error(TaperError::AbsorbIntoItself);
    // 4,000 lots at 1,434,000 need 286 dollars of initial margin.
    world.add_trader("weak", 300 * TOKEN, 200 * TOKEN).await.unwrap();
    world.absorb("weak", "alice", 0, args).await.expect_error(TaperError::InitialHealthTooLow);
    // But a quarter of the plan is within its means.
    let less = LiquidateArgs { max_base_lots: 1_100, ..args };
    world.absorb("weak", "alice", 0, less).await.unwrap();
    assert_eq!(world.base("weak", 0).unwrap(), 1_100);
}

#[tokio::test]
async fn only_the_absorbers_owner_or_delegate_absorbs() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let (bob, carol, alice) = (world.trader("bob"), world.trader("carol"), world.trader("alice"));
    let keys = world.market(0).unwrap().keys;
    let into_carol = instruction::absorb(bob.key(), &keys, alice.margin, carol.margin, args, &[], &[]);
    world
        .chain
        .send(std::slice::from_ref(&into_carol), &[&bob.keypair])
        .await
        .expect_error(TaperError::NotCallerAccount);
    let delegate = instruction::set_delegate(carol.key(), carol.margin, bob.key());
    world.chain.send(&[delegate], &[&carol.keypair]).await.unwrap();
    world.chain.send(&[into_carol], &[&bob.keypair]).await.unwrap();
    assert!(world.base("carol", 0).unwrap() > 0);
}

#[tokio::test]
async fn the_same_protections_as_a_slice_through_the_book() {
    let mut world = soft_alice().await;
    let args = world.liquidate_args("alice", 0).unwrap();
    let slot = world.chain.slot();
    for (args, error) in [
        (LiquidateArgs { deadline_slot: slot - 1, ..args }, TaperError::DeadlinePassed),
        (LiquidateArgs { expected_base_lots: 9_999, ..args }, TaperError::UnexpectedBase),
        (LiquidateArgs { max_base_lots: 0, ..args }, TaperError::CallerMaximumZero),
        (LiquidateArgs { max_base_lots: 10, ..args }, TaperError::CallerMaximumTooSmall),
        (LiquidateArgs { min_payout_atoms: i64::MAX, ..args }, TaperError::PayoutTooLow),
    ] {
        world.absorb("carol", "alice", 0, args).await.expect_error(error);
    }
    // A crash without a bid in sight: what the book cannot do, an absorber can.
    world.cancel_all("maker", 0).await.unwrap();
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::NoFillInsideCap);
    world.absorb("carol", "alice", 0, args).await.unwrap();
    let healthy = world.liquidate_args("alice", 0).unwrap();
    world.pass(5).unwrap();
    world.absorb("carol", "alice", 0, healthy).await.expect_error(TaperError::AccountHealthy);
}

/// Below a health of 0.33 the slice changes hands at κ beyond the oracle price, which opens at 0.15 of mmr. Insurance's part of the
/// discount is paid out of the absorber's cash.
#[tokio::test]
async fn in_the_backstop_stage_it_changes_hands_at_a_discount() {
    let mut world = long_alice().await;
    let price = 1_410_000;
    world.set_price(0, price).unwrap();
    world.cancel_all("maker", 0).await.unwrap();
    assert!((1_500..3_300).contains(&health_bps(&world, "alice")));
    let (health, his, hers) = (health_bps(&world, "alice"), world.cash("carol").unwrap(), world.cash("alice").unwrap());
    let args = world.liquidate_args("alice", 0).unwrap();
    // 0.15 × 0.03 × 1,410,000.
    let kappa = 6_345;
    let earned = |lots: i64| lots * kappa - (lots * kappa * 4).unsigned_abs().div_ceil(10).cast_signed();
    let too_much = LiquidateArgs { min_payout_atoms: earned(10_000) + 1, ..args };
    world.absorb("carol", "alice", 0, too_much).await.expect_error(TaperError::PayoutTooLow);
    let outcome = world.absorb("carol", "alice", 0, args).await.unwrap();
    let taken = world.base("carol", 0).unwrap();
    let seat = world.seat("carol", 0).unwrap().unwrap();
    assert_eq!(seat.quote_entry_atoms, -taken * (price - kappa));
    assert!(health_bps(&world, "alice") >= health);
    let insurance = world.market_account(0).unwrap().state.insurance_pending_atoms;
    assert_eq!(insurance, taken * kappa - earned(taken));
    assert_eq!(world.cash("carol").unwrap(), his - insurance - i64::try_from(seat.bond_atoms).unwrap());
    // No penalty: her cash pays what she has lost against her entry, and nothing else.
    let lost = hers - world.cash("alice").unwrap();
    assert!((0..taken * 1_000).contains(&(lost - taken * (LISTED - price + kappa))), "{lost}");
    if world.chain.is_vm() {
        let report: SliceReport = outcome.returned().unwrap();
        assert_eq!((report.stage, report.penalty_atoms, report.caller_payout_atoms, report.tip_atoms), (2, 0, 0, 0));
        assert_eq!((report.discount_atoms, report.discount_insurance_atoms), (taken * kappa, insurance));
        assert_eq!((report.cost_atoms, report.insurance_atoms), (taken * kappa, 0));
    }
}

#[tokio::test]
async fn a_short_is_absorbed_too() {
    let mut world = short_alice().await;
    move_price(&mut world, 0, 1_566_000).await;
    let args = world.liquidate_args("alice", 0).unwrap();
    world.absorb("carol", "alice", 0, args).await.unwrap();
    let taken = world.base("carol", 0).unwrap();
    assert!(taken < 0);
    assert_eq!(world.base("alice", 0).unwrap(), -10_000 - taken);
    assert_eq!(world.seat("carol", 0).unwrap().unwrap().quote_entry_atoms, -taken * 1_566_000);
    world.take("carol", 0, Side::Bid, -taken).await.unwrap();
}
