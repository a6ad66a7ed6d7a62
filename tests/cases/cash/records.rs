//! What is on record of deficits: by whom, together how much, and what is refused.

use solana_instruction::{AccountMeta, Instruction};
use taper::error::TaperError;
use taper::state::MarginAccount;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, MarketSpec, OracleFeed, PriceSource, World};
use taper_sdk::instruction;

use super::gate::{trade, LOW};
use crate::support::*;

/// Anchor: the account is not writable.
const NOT_WRITABLE: u32 = 3_006;
const DEBTORS: [&str; 4] = ["first", "second", "third", "fourth"];

/// Four accounts went long 100 SOL each at 150 on 1,000 dollars; at 120 each lacks 2,000. The winner has closed a fourth of its short against
/// bob, and has the 3,000 of it in cash.
async fn indebted() -> World {
    let mut world = World::empty().await.unwrap();
    world.add_market(&MarketSpec::sol("SOL", PriceSource::Push).unwrap()).await.unwrap();
    world.add_trader("winner", 20_000 * TOKEN, 15_000 * TOKEN).await.unwrap();
    world.add_trader("bob", 20_000 * TOKEN, 5_000 * TOKEN).await.unwrap();
    for name in DEBTORS {
        world.add_trader(name, 20_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        trade(&mut world, name, Side::Bid, "winner", LISTED, 10_000).await;
    }
    world.pass(10).unwrap();
    world.set_price(0, LOW).unwrap();
    trade(&mut world, "winner", Side::Bid, "bob", LOW, 10_000).await;
    world.pass(1).unwrap();
    world.deposit("winner", 1).await.unwrap();
    world
}

fn taken_out(world: &World, market: usize) -> i64 {
    world.market_account(market).unwrap().state.taken_out().0
}

/// What is on record: of the market, which is all that the exchange holds back.
fn on_record(world: &World, market: usize) -> i64 {
    let recorded = world.market_account(market).unwrap().state.recorded_atoms;
    assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, recorded);
    recorded
}

#[tokio::test]
async fn debtors_in_numbers_hold_together_what_was_taken_out() {
    let mut world = indebted().await;
    let most = taken_out(&world, 0);
    let lacking = -world.health("first").unwrap().maintenance.equity.0 - i64::try_from(TOKEN).unwrap();
    assert!(lacking < most && most < 2 * lacking, "{lacking} {most}");
    assert_eq!(world.record_deficit("first").await.unwrap(), lacking);
    assert_eq!(world.record_deficit("second").await.unwrap(), most - lacking);
    for name in ["third", "fourth", "first", "second"] {
        world.record_deficit(name).await.expect_error(TaperError::NothingToRecord);
    }
    assert_eq!(on_record(&world, 0), most);
    // Whoever is resolved leaves the record; what it had of it others may have, as far as it has not paid.
    world.resolve_leg("first", 0).await.unwrap();
    assert_eq!(world.account("first").unwrap().state.recorded_deficit_atoms, 0);
    assert_eq!(on_record(&world, 0), most - lacking);
    let left = taken_out(&world, 0);
    assert!(left > most - lacking && left < most, "{left}");
    assert_eq!(world.record_deficit("third").await.unwrap(), left - (most - lacking));
    world.record_deficit("fourth").await.expect_error(TaperError::NothingToRecord);
    assert_eq!(on_record(&world, 0), left);
    for name in ["second", "third", "fourth"] {
        world.resolve_leg(name, 0).await.unwrap();
    }
    assert_eq!(on_record(&world, 0), 0);
}

#[tokio::test]
async fn a_seat_on_record_is_released_once_it_is_recorded_anew() {
    let mut world = indebted().await;
    let recorded = world.record_deficit("first").await.unwrap();
    world.deposit("first", 5_000 * TOKEN).await.unwrap();
    trade(&mut world, "first", Side::Ask, "bob", LOW, 10_000).await;
    world.release("first", 0).await.expect_error(TaperError::DeficitRemains);
    assert_eq!(on_record(&world, 0), recorded);
    // Its seat is flat, so that no price is needed to see that it owes nothing.
    world.chain.advance(175, 70);
    assert_eq!(world.record_deficit("first").await.unwrap(), 0);
    world.release("first", 0).await.unwrap();
    assert_eq!(on_record(&world, 0), 0);
}

#[tokio::test]
async fn an_account_on_record_is_not_closed() {
    let mut world = World::new().await.unwrap();
    world.withdraw("dave", 1_000 * TOKEN).await.unwrap();
    let dave = world.trader("dave");
    let close = instruction::close_margin_account(dave.key(), dave.margin);
    let before = world.chain.snapshot();
    // An account without a seat has no record: as if a bug had written one.
    world.chain.forge::<MarginAccount>(&dave.margin, |account| account.state.recorded_deficit_atoms = 1).unwrap();
    world.chain.send(std::slice::from_ref(&close), &[&dave.keypair]).await.expect_error(TaperError::DeficitRemains);
    world.chain.restore(&before);
    world.chain.send(&[close], &[&dave.keypair]).await.unwrap();
}

/// Alice is long 50 SOL in each of two markets, and bankrupt at 130. In the first one the maker has taken out twice what carol, who is long, has lost.
async fn two_legs() -> (World, Instruction) {
    let mut world = World::with_markets(2).await.unwrap();
    for market in [0, 1] {
        world.take("alice", market, Side::Bid, 5_000).await.unwrap();
    }
    world.take("carol", 0, Side::Bid, 500).await.unwrap();
    world.pass(10).unwrap();
    for market in [0, 1] {
        move_price(&mut world, market, 1_300_000).await;
    }
    assert!(pay_the_maker(&mut world, 0, "bob", 1_000).await > 0);
    let record = world.record_instruction("alice").unwrap();
    assert_eq!(record.accounts.len(), 2 + 4);
    (world, record)
}

#[tokio::test]
async fn exactly_the_legs_in_order_with_markets_to_write_to() {
    let (mut world, record) = two_legs().await;
    let changed = async |world: &mut World, change: &dyn Fn(&mut Vec<AccountMeta>)| {
        let mut instruction = record.clone();
        change(&mut instruction.accounts);
        world.send_unsigned(instruction).await
    };
    for length in 2..6 {
        changed(&mut world, &|metas| metas.truncate(length)).await.expect_error(TaperError::MissingLegAccounts);
    }
    changed(&mut world, &|metas| metas.push(metas[2].clone())).await.expect_error(TaperError::SurplusLegAccounts);
    changed(&mut world, &|metas| metas.extend_from_within(4..6)).await.expect_error(TaperError::SurplusLegAccounts);
    changed(&mut world, &|metas| metas[2..6].rotate_left(2)).await.expect_error(TaperError::WrongLegMarket);
    changed(&mut world, &|metas| metas[2..4].reverse()).await.expect_error(TaperError::WrongLegMarket);
    changed(&mut world, &|metas| metas.swap(3, 5)).await.expect_error(TaperError::OracleWrongFeed);
    changed(&mut world, &|metas| metas[2].is_writable = false).await.expect_code(NOT_WRITABLE);
    // Nothing is recorded for the second: nobody has taken anything out of it.
    changed(&mut world, &|metas| metas[4].is_writable = false).await.unwrap();
    assert_eq!(on_record(&world, 0), taken_out(&world, 0));
    assert_eq!(world.market_account(1).unwrap().state.recorded_atoms, 0);
}

#[tokio::test]
async fn legs_of_different_ages_are_not_recorded() {
    let (mut world, record) = two_legs().await;
    let now = world.chain.seconds();
    let skew = i64::from(world.market(0).unwrap().params.oracle_leg_skew_seconds);
    world.chain.advance(75, 30);
    for (market, time) in [(0, now + 30), (1, now + 30 - skew - 1)] {
        let feed: OracleFeed = world.markets()[market].feed;
        let mut published = feed.calm(&world.chain, 1_300_000).unwrap();
        published.publish_time_seconds = time;
        feed.post(&mut world.chain, &published);
    }
    world.send_unsigned(record).await.expect_error(TaperError::OracleLegsSkewed);
    world.set_price(1, 1_300_000).unwrap();
    world.set_price(0, 1_300_000).unwrap();
    world.record_deficit("alice").await.unwrap();
}

/// While the second market is silent nothing is raised; but what losers of the first have paid is off the record at once.
#[tokio::test]
async fn beside_a_silent_leg_a_record_is_only_lowered() {
    let (mut world, record) = two_legs().await;
    world.chain.advance(175, 70);
    world.set_price(0, 1_300_000).unwrap();
    world.send_unsigned(record.clone()).await.expect_error(TaperError::OracleStale);
    world.set_price(1, 1_300_000).unwrap();
    let recorded = world.record_deficit("alice").await.unwrap();
    assert_eq!(recorded, taken_out(&world, 0));
    world.chain.advance(175, 70);
    world.set_price(0, 1_300_000).unwrap();
    world.send_unsigned(record.clone()).await.expect_error(TaperError::OracleStale);
    world.settle_loss("carol", 0).await.unwrap();
    let left = taken_out(&world, 0);
    assert!(left > 0 && left < recorded && on_record(&world, 0) == recorded);
    assert_eq!(world.record_deficit("alice").await.unwrap(), left);
    // What the live leg has lost bounds its part, too: back at the price it has lost nothing. What the silent one has lost nobody knows.
    world.set_price(0, LISTED + 10_000).unwrap();
    assert_eq!(world.record_deficit("alice").await.unwrap(), 0);
    assert_eq!(on_record(&world, 0), 0);
    world.send_unsigned(record).await.expect_error(TaperError::OracleStale);
}
