//! The remaining accounts: exactly the other legs, in the order of the account's positions, with their own oracles.

use solana_instruction::AccountMeta;
use taper::error::TaperError;
use taper_harness::ExpectRefusal;

use super::*;

/// Accounts before those of the other legs.
const OWN: usize = 5;

#[tokio::test]
async fn missing_surplus_reordered_and_foreign_legs() {
    let mut world = ruined().await;
    let resolve = world.resolve_instruction("alice", 0).unwrap();
    assert_eq!(resolve.accounts.len(), OWN + 4);
    let start = everything(&world);
    let read_only = |key| AccountMeta::new_readonly(key, false);
    let [own, second, third] = [0, 1, 2].map(|market| world.market(market).unwrap());
    let mut changed = async |change: &dyn Fn(&mut Vec<AccountMeta>), error| {
        let mut instruction = resolve.clone();
        change(&mut instruction.accounts);
        world.send_unsigned(instruction).await.expect_error(error);
    };
    for length in OWN..OWN + 4 {
        changed(&|metas| metas.truncate(length), TaperError::MissingLegAccounts).await;
    }
    changed(&|metas| metas.push(metas[8].clone()), TaperError::SurplusLegAccounts).await;
    changed(&|metas| metas.extend_from_within(5..9), TaperError::SurplusLegAccounts).await;
    changed(&|metas| metas.push(read_only(taper::ID)), TaperError::SurplusLegAccounts).await;
    // The other legs in turn; market and oracle in turn; one leg twice.
    changed(&|metas| metas[5..9].rotate_left(2), TaperError::WrongLegMarket).await;
    changed(&|metas| metas[5..7].reverse(), TaperError::WrongLegMarket).await;
    changed(&|metas| metas[7] = metas[5].clone(), TaperError::WrongLegMarket).await;
    changed(&|metas| metas.swap(6, 8), TaperError::OracleWrongFeed).await;
    changed(&|metas| metas[6] = read_only(own.feed.account), TaperError::OracleWrongFeed).await;
    changed(&|metas| metas[8] = read_only(second.feed.account), TaperError::OracleWrongFeed).await;
    changed(&|metas| metas[6] = read_only(own.keys.market), TaperError::OracleWrongOwner).await;
    // The leg that is resolved is not among the others.
    let leg = [own.keys.market, own.feed.account].map(read_only);
    changed(&|metas| metas.splice(5..5, leg.clone()).for_each(drop), TaperError::WrongLegMarket).await;
    changed(&|metas| metas.splice(5..7, leg.clone()).for_each(drop), TaperError::WrongLegMarket).await;
    // Another market's account or book in the place of its own.
    changed(&|metas| metas[1].pubkey = second.keys.market, TaperError::WrongOrderBook).await;
    changed(&|metas| metas[2].pubkey = third.keys.order_book, TaperError::WrongOrderBook).await;
    changed(&|metas| metas[4].pubkey = third.feed.account, TaperError::OracleWrongFeed).await;
    assert_same(&start, &everything(&world), "after refusals");
    world.send_unsigned(resolve).await.unwrap();
}

#[tokio::test]
async fn who_has_no_position_there_is_not_resolved() {
    let mut world = ruined().await;
    let mut resolve = world.resolve_instruction("alice", 0).unwrap();
    resolve.accounts.truncate(OWN);
    resolve.accounts[3].pubkey = world.trader("donor").margin;
    world.send_unsigned(resolve).await.expect_error(TaperError::PositionNotFound);
}

/// The times of the legs' prices may not be further apart than the markets allow.
#[tokio::test]
async fn legs_of_different_ages() {
    let mut world = ruined().await;
    let skew = i64::from(world.market(0).unwrap().params.oracle_leg_skew_seconds);
    world.chain.advance(75, 30);
    let now = world.chain.seconds();
    let mut publish = |market: usize, time: i64| {
        let feed = world.markets()[market].feed;
        let mut published = feed.calm(&world.chain, FALLEN[market]).unwrap();
        published.publish_time_seconds = time;
        feed.post(&mut world.chain, &published);
    };
    for (market, time) in [(0, now), (1, now - skew - 1), (2, now)] {
        publish(market, time);
    }
    let resolve = world.resolve_instruction("alice", 0).unwrap();
    world.send_unsigned(resolve.clone()).await.expect_error(TaperError::OracleLegsSkewed);
    let feed = world.markets()[1].feed;
    let mut published = feed.calm(&world.chain, FALLEN[1]).unwrap();
    published.publish_time_seconds = now - skew;
    feed.post(&mut world.chain, &published);
    world.send_unsigned(resolve).await.unwrap();
}
