//! The other legs of an account: exactly these accounts, in this order, at prices of about the same time.

use solana_instruction::AccountMeta;
use taper::error::TaperError;
use taper::instructions::LiquidateArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, ExpectRefusal, OracleFeed, World};

use crate::support::*;

/// Three markets; alice is long in the first two and has an order in the third.
async fn three_legs() -> World {
    let mut world = World::with_markets(3).await.unwrap();
    world.take("alice", 0, Side::Bid, 5_000).await.unwrap();
    world.take("alice", 1, Side::Bid, 5_000).await.unwrap();
    world.place("alice", 2, order(Side::Bid, LISTED - 50_000, 10)).await.unwrap();
    world.pass(10).unwrap();
    world
}

#[tokio::test]
async fn exactly_the_legs_in_order() {
    let mut world = three_legs().await;
    let alice = world.trader("alice");
    let place = world.place_instruction("alice", 0, order(Side::Bid, LISTED - 50_000, 1)).unwrap();
    assert_eq!(place.accounts.len(), 6 + 4);
    let mut changed = async |change: &dyn Fn(&mut Vec<AccountMeta>), error| {
        let mut instruction = place.clone();
        change(&mut instruction.accounts);
        world.chain.send(&[instruction], &[&alice.keypair]).await.expect_error(error);
    };
    for length in 6..10 {
        changed(&|metas| metas.truncate(length), TaperError::MissingLegAccounts).await;
    }
    changed(&|metas| metas.push(metas[8].clone()), TaperError::SurplusLegAccounts).await;
    changed(&|metas| metas.extend_from_within(6..10), TaperError::SurplusLegAccounts).await;
    changed(&|metas| metas[6..10].rotate_left(2), TaperError::WrongLegMarket).await;
    changed(&|metas| metas[6..8].reverse(), TaperError::WrongLegMarket).await;
    changed(&|metas| metas.swap(7, 9), TaperError::OracleWrongFeed).await;
    // The instruction's own market is not among the others.
    changed(
        &|metas| {
            let own = [metas[2].pubkey, metas[5].pubkey].map(|key| AccountMeta::new_readonly(key, false));
            metas.splice(6..6, own);
        },
        TaperError::WrongLegMarket,
    )
    .await;
    world.chain.send(&[place], &[&alice.keypair]).await.unwrap();
}

#[tokio::test]
async fn deposits_and_withdrawals_name_all_legs() {
    let mut world = three_legs().await;
    let (alice, keys) = (world.trader("alice"), world.venue.keys);
    let legs = world.legs("alice", None).unwrap();
    assert_eq!(legs.len(), 3);
    let mut swapped = legs.clone();
    swapped.swap(0, 1);
    let surplus = [legs.clone(), vec![legs[0]]].concat();
    for (given, error) in [
        (&legs[..2], TaperError::MissingLegAccounts),
        (&legs[..0], TaperError::MissingLegAccounts),
        (&swapped[..], TaperError::WrongLegMarket),
        (&surplus[..], TaperError::SurplusLegAccounts),
    ] {
        let withdraw =
            taper_sdk::instruction::withdraw(alice.key(), &keys, alice.margin, alice.token_account, 1, given);
        world.chain.send(&[withdraw], &[&alice.keypair]).await.expect_error(error);
        if !given.is_empty() {
            let deposit =
                taper_sdk::instruction::deposit(alice.key(), &keys, alice.margin, alice.token_account, 1, given);
            world.chain.send(&[deposit], &[&alice.keypair]).await.expect_error(error);
        }
    }
    world.withdraw("alice", 1).await.unwrap();
    world.deposit("alice", 1).await.unwrap();
}

#[tokio::test]
async fn legs_of_different_ages() {
    let mut world = three_legs().await;
    let now = world.chain.seconds();
    let skew = i64::from(world.market(0).unwrap().params.oracle_leg_skew_seconds);
    let publish = |world: &mut World, market: usize, time: i64| {
        let feed: OracleFeed = world.markets()[market].feed;
        let mut published = feed.calm(&world.chain, LISTED).unwrap();
        published.publish_time_seconds = time;
        feed.post(&mut world.chain, &published);
    };
    // All within their own maximum age, two of them further apart than allowed.
    world.chain.advance(75, 30);
    publish(&mut world, 0, now + 30);
    publish(&mut world, 1, now + 30);
    publish(&mut world, 2, now + 30 - skew - 1);
    let reduce = taper::instructions::PlaceOrderArgs { kind: 2, ..order(Side::Ask, LISTED - 500, 1) };
    world.place("alice", 0, reduce).await.expect_error(TaperError::OracleLegsSkewed);
    world.withdraw("alice", 1).await.expect_error(TaperError::OracleLegsSkewed);
    publish(&mut world, 2, now + 30 - skew);
    world.place("alice", 0, reduce).await.unwrap();
}

#[tokio::test]
async fn a_degraded_leg_allows_reductions_only() {
    let mut world = three_legs().await;
    world.chain.advance(30, 12);
    for market in [0, 2] {
        world.set_price(market, LISTED).unwrap();
    }
    world.take("alice", 0, Side::Bid, 10).await.expect_error(TaperError::OracleDegraded);
    world.withdraw("alice", 1).await.expect_error(TaperError::OracleDegraded);
    world.take("alice", 0, Side::Ask, 10).await.unwrap();
}

/// A silent oracle must not shield an account: its leg is valued at its last good price, moved in the account's favour,
/// and the live leg is sliced.
#[tokio::test]
async fn a_frozen_leg_beside_a_live_one() {
    let mut world = three_legs().await;
    move_price(&mut world, 1, LISTED).await;
    world.chain.advance(175, 70);
    world.set_price(0, 1_360_000).unwrap();
    world.set_price(2, LISTED).unwrap();
    world.quote("dave", 0, taper_harness::Quotes { levels: 1, base_lots: 1, step_atoms_per_lot: 500 }).await.unwrap();
    // Risk is refused with the reason of the frozen leg, reductions pass, the frozen leg itself cannot be sliced.
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::OracleStale);
    world.withdraw("alice", 1).await.expect_error(TaperError::OracleStale);
    world.liquidate("carol", "alice", 1).await.expect_error(TaperError::OracleStale);
    let live = world.health("alice").unwrap();
    assert!(live.maintenance.is_below(10_000) && live.initial.is_none(), "{live:?}");
    // The maker has seats in the frozen market too, so it cannot quote; bob has none.
    world.add_trader("bidder", 600_000 * TOKEN, 500_000 * TOKEN).await.unwrap();
    world.place("bidder", 0, order(Side::Bid, 1_359_500, 20_000)).await.unwrap();
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert!(report.base_lots > 0 && report.health_after_bps > report.health_before_bps);
    // The bias of a frozen price only ever favours: with its fresh price the account is no healthier.
    world.set_price(1, LISTED).unwrap();
    let frozen_after = report.health_after_bps;
    assert!(health_bps(&world, "alice") <= frozen_after);
}

#[tokio::test]
async fn a_seat_reference_counts_only_with_the_seats_owner() {
    let mut world = three_legs().await;
    let bob = world.trader("bob");
    world.place("bob", 0, order(Side::Bid, LISTED - 50_000, 1)).await.unwrap();
    // Bob's account with a forged reference to alice's seat: as if a bug had written it.
    world.chain.set_checks(taper_harness::Checks { audit_every: 0 });
    let mut forged = world.chain.get(&bob.margin).unwrap().clone();
    let hers = world.account("alice").unwrap().positions[0];
    let at = 8 + core::mem::offset_of!(taper::state::MarginAccount, positions);
    forged.data[at..at + 40].copy_from_slice(bytemuck::bytes_of(&hers));
    world.chain.set_account(&bob.margin, forged);
    world.place("bob", 0, order(Side::Bid, LISTED - 50_000, 1)).await.expect_error(TaperError::SeatNotOwned);
    world.place("bob", 1, order(Side::Bid, LISTED - 50_000, 1)).await.expect_error(TaperError::SeatNotOwned);
    world.withdraw("bob", 1).await.expect_error(TaperError::SeatNotOwned);
    let args =
        LiquidateArgs { max_base_lots: 1, expected_base_lots: 5_000, min_payout_atoms: 0, deadline_slot: u64::MAX };
    let payout = world.payout_as_credit("carol");
    world.liquidate_with("carol", "bob", 0, &payout, args).await.expect_error(TaperError::SeatNotOwned);
}
