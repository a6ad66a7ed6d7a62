//! Every refusal of an oracle, through the program: as the price of an instruction's own market.

use solana_account::Account;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::error::TaperError;
use taper_engine::quantity::Side;
use taper_harness::{keypair, order, ExpectRefusal, MarketSpec, OracleFeed, PriceSource, World};
use taper_sdk::pyth::{PublishedPrice, PushStatus, Verification, PYTH_PULL, PYTH_PUSH_DEVNET, PYTH_PUSH_MAINNET};

use crate::support::*;

/// A world with one market on this kind of oracle, a minute after its listing.
async fn world_on(source: PriceSource) -> World {
    let mut world = World::empty().await.unwrap();
    world.add_trader("alice", 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    world.add_market(&MarketSpec::sol("SOL", source).unwrap()).await.unwrap();
    world.pass(150).unwrap();
    world
}

async fn accepted(world: &mut World) {
    world.place("alice", 0, order(Side::Bid, LISTED - 5_000, 1)).await.unwrap();
}

async fn refused(world: &mut World, error: TaperError) {
    world.place("alice", 0, order(Side::Bid, LISTED - 5_000, 1)).await.expect_error(error);
}

fn feed(world: &World) -> OracleFeed {
    world.markets()[0].feed
}

/// Posts what a calm market would, changed.
fn post(world: &mut World, change: impl FnOnce(&mut PublishedPrice)) {
    let mut published = feed(world).calm(&world.chain, LISTED).unwrap();
    change(&mut published);
    feed(world).post(&mut world.chain, &published);
}

#[tokio::test]
async fn values_and_times() {
    for source in [PriceSource::Push, PriceSource::Pull] {
        let mut world = world_on(source).await;
        let now = world.chain.seconds();
        for price in [0, -1, i64::MIN, -15_000_000_000] {
            post(&mut world, |p| p.price = price);
            refused(&mut world, TaperError::OraclePriceNotPositive).await;
        }
        for exponent in [-19, 5, i32::MIN, i32::MAX] {
            post(&mut world, |p| p.exponent = exponent);
            refused(&mut world, TaperError::OracleExponentOutOfRange).await;
        }
        // The largest mantissa, at an exponent where it is far beyond 2^40 atoms per lot, and one that rounds to
        // nothing.
        post(&mut world, |p| (p.price, p.confidence) = (i64::MAX, 0));
        refused(&mut world, TaperError::OraclePriceOutOfRange).await;
        post(&mut world, |p| (p.price, p.confidence) = (1, 0));
        refused(&mut world, TaperError::OraclePriceOutOfRange).await;
        // 3% of the price, and a bit.
        for confidence in [450_000_001, u64::MAX] {
            post(&mut world, |p| p.confidence = confidence);
            refused(&mut world, TaperError::OracleConfidenceTooWide).await;
        }
        for time in [now - 61, 0, -1, i64::MIN] {
            post(&mut world, |p| p.publish_time_seconds = time);
            refused(&mut world, TaperError::OracleStale).await;
        }
        for time in [now + 6, i64::MAX] {
            post(&mut world, |p| p.publish_time_seconds = time);
            refused(&mut world, TaperError::OracleFromTheFuture).await;
        }
        // Not fresh, though usable to reduce risk.
        post(&mut world, |p| p.publish_time_seconds = now - 11);
        refused(&mut world, TaperError::OracleDegraded).await;
        post(&mut world, |p| p.confidence = 150_000_001);
        refused(&mut world, TaperError::OracleDegraded).await;
        // The edges that are good.
        post(&mut world, |p| (p.publish_time_seconds, p.confidence) = (now - 10, 150_000_000));
        accepted(&mut world).await;
        post(&mut world, |p| p.publish_time_seconds = now + 5);
        accepted(&mut world).await;
        // A price older than the last one used: no shopping for past prices.
        post(&mut world, |p| p.publish_time_seconds = now + 4);
        refused(&mut world, TaperError::OracleOlderThanLast).await;
    }
}

#[tokio::test]
async fn a_push_feed_that_is_not_trading() {
    let mut world = world_on(PriceSource::Push).await;
    let published = feed(&world).calm(&world.chain, LISTED).unwrap();
    for status in [PushStatus::Unknown, PushStatus::Halted, PushStatus::Auction, PushStatus::Ignored] {
        feed(&world).post_as(&mut world.chain, &published, status, Verification::Full);
        refused(&mut world, TaperError::OracleNotTrading).await;
    }
    feed(&world).post(&mut world.chain, &published);
    accepted(&mut world).await;
}

#[tokio::test]
async fn a_pull_update_of_partial_verification() {
    let mut world = world_on(PriceSource::Pull).await;
    let published = feed(&world).calm(&world.chain, LISTED).unwrap();
    for signatures in [0, 5, 12, 255] {
        let partial = Verification::Partial(signatures);
        feed(&world).post_as(&mut world.chain, &published, PushStatus::Trading, partial);
        refused(&mut world, TaperError::OraclePartialVerification).await;
    }
    feed(&world).post(&mut world.chain, &published);
    accepted(&mut world).await;
}

/// Puts bytes at the address of the market's oracle.
fn put(world: &mut World, owner: Pubkey, data: Vec<u8>) {
    let account = Account { lamports: 30_000_000, data, owner, executable: false, rent_epoch: u64::MAX };
    let key = feed(world).account;
    world.chain.set_account(&key, account);
}

#[tokio::test]
async fn accounts_that_are_something_else() {
    let legacy = concat!(env!("CARGO_MANIFEST_DIR"), "/data/pyth/legacy/");
    let real = |name: &str| std::fs::read(format!("{legacy}{name}")).unwrap();
    let mut world = world_on(PriceSource::Push).await;
    for (name, owner) in [
        ("NEGATIVE_type2_product_3312bytes.bin", PYTH_PUSH_MAINNET),
        ("NEGATIVE_version1_price_1712bytes.bin", PYTH_PUSH_MAINNET),
        ("NEGATIVE_pythnet_BTC_12576bytes.bin", PYTH_PUSH_MAINNET),
    ] {
        put(&mut world, owner, real(name));
        refused(&mut world, TaperError::OracleWrongAccountType).await;
    }
    let good = world.chain.get(&feed(&world).account).unwrap().data.clone();
    post(&mut world, |_| ());
    let good_price = world.chain.get(&feed(&world).account).unwrap().data.clone();
    assert_ne!(good, good_price);
    // A price account of any other owner is somebody's imitation.
    for owner in [taper::ID, taper_harness::TOKEN_PROGRAM, Pubkey::default(), world.trader("alice").key()] {
        put(&mut world, owner, good_price.clone());
        refused(&mut world, TaperError::OracleWrongOwner).await;
    }
    // Of the other kind's owner: another kind of oracle than this market's.
    put(&mut world, PYTH_PULL, good_price.clone());
    refused(&mut world, TaperError::OracleWrongFeed).await;
    for length in [0, 1, 8, 240, 3_311] {
        put(&mut world, PYTH_PUSH_MAINNET, good_price[..length].to_vec());
        refused(&mut world, TaperError::OracleWrongAccountType).await;
    }
    put(&mut world, PYTH_PUSH_MAINNET, vec![0; 3_312]);
    refused(&mut world, TaperError::OracleWrongAccountType).await;
    put(&mut world, PYTH_PUSH_DEVNET, good_price);
    accepted(&mut world).await;
}

#[tokio::test]
async fn feeds_of_other_markets() {
    for source in [PriceSource::Push, PriceSource::Pull] {
        let mut world = world_on(source).await;
        let alice = world.trader("alice");
        for (label, other_source) in [("OTHER", PriceSource::Push), ("OTHER TOO", PriceSource::Pull)] {
            let other = OracleFeed::new(label, other_source, -2);
            let calm = other.calm(&world.chain, LISTED).unwrap();
            other.post(&mut world.chain, &calm);
            let mut place = world.place_instruction("alice", 0, order(Side::Bid, LISTED - 5_000, 1)).unwrap();
            place.accounts[5].pubkey = other.account;
            world.chain.send(&[place], &[&alice.keypair]).await.expect_error(TaperError::OracleWrongFeed);
        }
    }
}

#[tokio::test]
async fn a_pull_update_of_the_same_feed_may_come_from_any_address() {
    let mut world = world_on(PriceSource::Pull).await;
    let alice = world.trader("alice");
    let elsewhere = OracleFeed { account: keypair("another poster's update").pubkey(), ..feed(&world) };
    let calm = elsewhere.calm(&world.chain, LISTED).unwrap();
    elsewhere.post(&mut world.chain, &calm);
    let mut place = world.place_instruction("alice", 0, order(Side::Bid, LISTED - 5_000, 1)).unwrap();
    place.accounts[5].pubkey = elsewhere.account;
    world.chain.send(&[place], &[&alice.keypair]).await.unwrap();
}

#[tokio::test]
async fn degraded_prices_liquidate_only_in_the_hard_stage_or_worse() {
    let mut world = soft_alice().await;
    let degraded = |world: &mut World, price: i64| {
        let mut published = feed(world).calm(&world.chain, price).unwrap();
        published.publish_time_seconds = world.chain.seconds();
        feed(world).post(&mut world.chain, &published);
        world.chain.advance(1, 11);
    };
    degraded(&mut world, SOFT);
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::DegradedPriceSoftStage);
    degraded(&mut world, HARD);
    let (report, _) = world.liquidate("carol", "alice", 0).await.unwrap();
    assert_eq!(report.stage, 1);
}

#[tokio::test]
async fn a_stale_price_stops_slices_and_whatever_adds_risk_but_not_cash_coming_in() {
    let mut world = soft_alice().await;
    world.place("alice", 0, order(Side::Ask, LISTED, 10)).await.unwrap();
    world.chain.advance(200, 61);
    world.liquidate("carol", "alice", 0).await.expect_error(TaperError::OracleStale);
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::OracleStale);
    world.withdraw("alice", 1).await.expect_error(TaperError::OracleStale);
    world.deposit("alice", 1).await.unwrap();
    world.cancel_all("alice", 0).await.unwrap();
}
