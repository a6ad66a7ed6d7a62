//! Whom a resolution refuses, each by name.

use taper::error::TaperError;
use taper::state::Market;
use taper_harness::{Checks, ExpectRefusal};

use super::*;

/// The highest price at which alice, alone in the first market, is worse off than this.
fn price_below(world: &mut World, is_worse: impl Fn(&World) -> bool) -> i64 {
    let (mut low, mut high) = (1_200_000, LISTED);
    while high - low > 1 {
        let middle = (low + high) / 2;
        world.set_price(0, middle).unwrap();
        if is_worse(world) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Healthy, soft, hard, in the backstop stage, down to an atom per lot above the takeover point: solvent. So is whoever was bankrupt and has
/// been paid for by a deposit.
#[tokio::test]
async fn a_solvent_account() {
    let mut world = long_alice().await;
    let taken_over = price_below(&mut world, |world| for_the_point(world).is_below(2_000));
    for price in [LISTED, SOFT, HARD, taken_over + 1] {
        world.set_price(0, price).unwrap();
        world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    }
    world.set_price(0, BANKRUPT).unwrap();
    let start = world.chain.snapshot();
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.kind, 0);
    world.chain.restore(&start);
    world.deposit("alice", 500 * TOKEN).await.unwrap();
    world.resolve("alice", 0).await.expect_error(TaperError::AccountSolvent);
    // Nor is somebody else's account.
    world.resolve("maker", 0).await.expect_error(TaperError::AccountSolvent);
}

/// An atom decides: with equity and bonds of zero the account is bankrupt, with one more it is taken over.
#[tokio::test]
async fn bankruptcy_begins_at_zero() {
    let mut world = long_alice().await;
    world.set_price(0, BANKRUPT).unwrap();
    let lacking = -world.health("alice").unwrap().maintenance.equity.0 - i64::try_from(TOKEN).unwrap();
    for (more, kind) in [(0, 0), (1, 1)] {
        let start = world.chain.snapshot();
        world.deposit("alice", u64::try_from(lacking + more).unwrap()).await.unwrap();
        let report = world.resolve("alice", 0).await.unwrap().plan.report;
        assert_eq!((report.kind, report.deleveraged_atoms), (kind, -more));
        world.chain.restore(&start);
    }
}

/// In one slot a leg that has been begun is finished before another is.
#[tokio::test]
async fn another_leg_is_half_resolved() {
    let mut world = crowded().await;
    let first = world.resolve("alice", 0).await.unwrap().plan.report;
    assert!(first.base_lots_left > 0 && first.remaining_atoms > 0, "{first:?}");
    world.resolve("alice", 1).await.expect_error(TaperError::ResolutionInProgress);
    let second = world.resolve("alice", 0).await.unwrap().plan.report;
    assert!(second.base_lots_left > 0);
    world.resolve("alice", 1).await.expect_error(TaperError::ResolutionInProgress);
    let start = world.chain.snapshot();
    assert_eq!(world.resolve("alice", 0).await.unwrap().plan.report.base_lots_left, 0);
    world.resolve("alice", 1).await.unwrap();
    // A caller that leaves it half done stops nobody: in the next slot any leg may be begun.
    world.chain.restore(&start);
    world.pass(1).unwrap();
    assert_eq!(world.resolve("alice", 1).await.unwrap().plan.report.base_lots_left, 0);
    world.resolve_leg("alice", 0).await.unwrap();
    resolve_flat(&mut world, "alice", [0, 1]).await;
}

/// A seat without a position has no share as long as another leg is open: its loss is paid out of what that leg brings.
#[tokio::test]
async fn open_legs_come_first() {
    let mut world = hedged().await;
    let owes = |world: &World, market| {
        let seat = world.seat("alice", market).unwrap().unwrap();
        seat.base_lots == 0 && seat.realised_atoms < -i64::try_from(seat.bond_atoms).unwrap()
    };
    for market in [0, 1] {
        world.resolve_leg("alice", market).await.unwrap();
        assert!(owes(&world, market));
        for flat in 0..=market {
            world.resolve("alice", flat).await.expect_error(TaperError::OpenLegsFirst);
        }
    }
    world.resolve_leg("alice", 2).await.unwrap();
    resolve_flat(&mut world, "alice", 0..3).await;
}

/// Alice has two flat seats, and the first owes more than its own bond: nothing is there to pay it until the other's bond has come back.
#[tokio::test]
async fn nothing_to_resolve() {
    let mut world = empty(2, &["alice", "bob"]).await;
    for market in 0..2 {
        trade(&mut world, "alice", Side::Bid, "bob", market, LISTED, 10).await;
        trade(&mut world, "alice", Side::Ask, "bob", market, LISTED, 10).await;
    }
    world.pass(1).unwrap();
    world.deposit("alice", 1).await.unwrap();
    let cash = u64::try_from(world.cash("alice").unwrap()).unwrap();
    world.withdraw("alice", cash).await.unwrap();
    // As if a resolution had left it so: one and a half bonds owed to bob.
    world.chain.set_checks(Checks { audit_every: 1 });
    let (alice, bob) = (world.trader("alice").margin, world.trader("bob").margin);
    let seat_of = |world: &World, name: &str| {
        world.account(name).unwrap().seat_in(&world.market(0).unwrap().keys.market).unwrap()
    };
    let (debtor, creditor) = (seat_of(&world, "alice"), seat_of(&world, "bob"));
    let key = world.market(0).unwrap().keys.market;
    let owed = 3 * TOKEN as i64 / 2;
    world
        .chain
        .forge::<Market>(&key, |market| {
            let rows = &mut market.state.seats.rows;
            rows[debtor as usize].realised_atoms -= owed;
            rows[creditor as usize].realised_atoms += owed;
        })
        .unwrap();
    assert_ne!(alice, bob);
    world.resolve("alice", 0).await.expect_error(TaperError::NothingToResolve);
    // The other seat owes nothing: it is given back, and its bond is cash that pays.
    world.resolve("alice", 1).await.unwrap();
    let last = world.resolve("alice", 0).await.unwrap().plan;
    assert_eq!((last.report.deleveraged_atoms, last.report.socialised_atoms), (0, 0));
    assert_eq!(world.account("alice").unwrap().used_positions().count(), 0);
    assert_eq!(world.cash("alice").unwrap(), 2 * TOKEN as i64 - owed);
}
