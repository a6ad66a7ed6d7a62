//! At which price a market is settled, and when.

use solana_account::Account;
use taper_harness::OracleFeed;

use super::*;

/// Alice is long in both markets (one on push, one on pull accounts), which could be settled now.
async fn due() -> World {
    let mut world = World::with_markets(2).await.unwrap();
    for market in [0, 1] {
        world.take("alice", market, Side::Bid, 1_000).await.unwrap();
        wind_down(&mut world, market).await;
    }
    world
}

fn final_price(world: &World, market: usize) -> i64 {
    world.market_account(market).unwrap().state.final_price_atoms_per_lot
}

/// The clock stands so long after the settlement became due; no price has been posted since.
fn wait(world: &mut World, market: usize, slots: u64) {
    let due = world.market_account(market).unwrap().state.settle_after_slot;
    let passed = due + slots - world.chain.slot();
    world.chain.advance(passed, i64::try_from(passed).unwrap() * 2 / 5 + 61);
}

#[tokio::test]
async fn the_average_must_be_near_the_price() {
    let mut world = due().await;
    // 3% of the price, the first tier's maintenance rate.
    for (away, fits) in [(45_001, false), (-45_001, false), (45_000, true)] {
        post(&mut world, 0, LISTED, LISTED + away);
        let settled = world.settle_market(0).await;
        if fits {
            settled.unwrap();
        } else {
            settled.expect_error(TaperError::OracleAverageTooFar);
        }
    }
    assert_eq!(final_price(&world, 0), LISTED + 45_000);
    // However long it waits: a market whose oracle speaks is never settled at a price of the past.
    for slots in [0, 2 * SILENT_ORACLE_SLOTS] {
        wait(&mut world, 1, slots);
        post(&mut world, 1, LISTED, LISTED - 45_001);
        world.settle_market(1).await.expect_error(TaperError::OracleAverageTooFar);
    }
    post(&mut world, 1, LISTED, LISTED - 45_000);
    world.settle_market(1).await.unwrap();
    assert_eq!(final_price(&world, 1), LISTED - 45_000);
}

#[tokio::test]
async fn a_degraded_price_will_do_after_a_day() {
    let mut world = due().await;
    for (slots, fits) in [(SILENT_ORACLE_SLOTS - 1, false), (SILENT_ORACLE_SLOTS, true)] {
        wait(&mut world, 0, slots);
        post(&mut world, 0, LISTED, LISTED - 7_000);
        world.chain.advance(0, 11);
        let settled = world.settle_market(0).await;
        if fits {
            settled.unwrap();
        } else {
            settled.expect_error(TaperError::OracleDegraded);
        }
    }
    assert_eq!(final_price(&world, 0), LISTED - 7_000);
}

#[tokio::test]
async fn a_silent_oracle_holds_nobody_for_ever() {
    let mut world = due().await;
    world.chain.advance(0, 61);
    world.settle_market(0).await.expect_error(TaperError::OracleStale);
    // Somebody uses a price 1,000 slots later: the oracle lives, and its last word counts from then on.
    world.pass(TIMELOCK).unwrap();
    world.set_price(0, LISTED - 3_000).unwrap();
    world.update_funding(0).await.unwrap();
    for slots in [SILENT_ORACLE_SLOTS, SILENT_ORACLE_SLOTS + TIMELOCK - 1] {
        wait(&mut world, 0, slots);
        world.settle_market(0).await.expect_error(TaperError::OracleStale);
    }
    wait(&mut world, 0, SILENT_ORACLE_SLOTS + TIMELOCK);
    // Not with an account that the caller has chosen.
    let (own, other) = (world.market(0).unwrap().keys, world.markets()[1].feed.account);
    let mut foreign = instruction::settle_market(&own);
    foreign.accounts[3].pubkey = other;
    world.send_unsigned(foreign).await.expect_error(TaperError::OracleWrongFeed);
    let outcome = world.settle_market(0).await.unwrap();
    assert_eq!(final_price(&world, 0), LISTED - 3_000);
    if world.chain.is_vm() {
        assert!(!outcome.event::<MarketSettled>().unwrap().is_from_oracle);
    }
}

/// A feed can be pulled through many accounts: that one of them is old proves nothing.
#[tokio::test]
async fn only_the_listings_account_can_be_silent() {
    let mut world = due().await;
    let keys = world.market(1).unwrap().keys;
    let listed = world.markets()[1].feed;
    let another = OracleFeed { account: taper_harness::keypair("another account").pubkey(), ..listed };
    let calm = another.calm(&world.chain, LISTED + 9_000).unwrap();
    another.post(&mut world.chain, &calm);
    wait(&mut world, 1, SILENT_ORACLE_SLOTS);
    let mut by_another = instruction::settle_market(&keys);
    by_another.accounts[3].pubkey = another.account;
    world.send_unsigned(by_another.clone()).await.expect_error(TaperError::OracleStale);
    // Fresh, it is as good as any.
    let start = world.chain.snapshot();
    let calm = another.calm(&world.chain, LISTED + 9_000).unwrap();
    another.post(&mut world.chain, &calm);
    world.send_unsigned(by_another).await.unwrap();
    assert_eq!(final_price(&world, 1), LISTED + 9_000);
    // The listing's own does not exist any more.
    world.chain.restore(&start);
    world.chain.set_account(&listed.account, Account::default());
    world.settle_market(1).await.unwrap();
    assert_eq!(final_price(&world, 1), LISTED);
}

#[tokio::test]
async fn an_account_that_is_gone_is_silent_too_but_not_at_once() {
    let mut world = due().await;
    let oracle = world.markets()[0].feed.account;
    world.chain.set_account(&oracle, Account::default());
    world.settle_market(0).await.expect_error(TaperError::OracleWrongOwner);
    wait(&mut world, 0, SILENT_ORACLE_SLOTS);
    world.settle_market(0).await.unwrap();
    assert_eq!(final_price(&world, 0), LISTED);
}

#[tokio::test]
async fn wrong_accounts() {
    let mut world = due().await;
    let (own, other) = (world.market(0).unwrap().keys, world.market(1).unwrap().keys);
    for (slot, key, error) in [
        (2, other.order_book, TaperError::WrongOrderBook),
        (3, other.oracle, TaperError::OracleWrongFeed),
        (3, own.market, TaperError::OracleWrongOwner),
    ] {
        let mut settle = instruction::settle_market(&own);
        settle.accounts[slot].pubkey = key;
        world.send_unsigned(settle).await.expect_error(error);
    }
}
