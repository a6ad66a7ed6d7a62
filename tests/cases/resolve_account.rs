//! `resolve_account`: who is refused and why, and that neither the order of legs nor how calls are cut changes an atom.
//!
//! That a refusal leaves every byte of every account as it was, the harness's chain compares after each of them (INV-17).

mod order;
mod other_legs;
mod ranking;
mod refusals;
mod takeover;

use std::collections::BTreeMap;

use solana_account::Account;
use solana_pubkey::Pubkey;
use taper_engine::margin::Health;
use taper_engine::quantity::{QuoteAtoms, Side};
use taper_harness::{order, MarketSpec, PriceSource, World, TOKEN_PROGRAM};

use crate::support::*;

/// Prices after the fall, near 130 dollars, that leave remainders in every division.
const FALLEN: [i64; 3] = [1_300_007, 1_310_011, 1_289_993];
/// What alice is long.
const LOTS: [i64; 3] = [4_000, 3_000, 2_000];
const SHORTS: [&str; 3] = ["s0", "s1", "s2"];

/// Alice's health as the takeover point looks at it, if she has one leg: her bond counts, and an atom more.
fn for_the_point(world: &World) -> Health {
    let health = world.health("alice").unwrap().maintenance;
    let bond = world.seat("alice", 0).unwrap().unwrap().bond_atoms;
    Health { equity: QuoteAtoms(health.equity.0 + i64::try_from(bond).unwrap() + 1), ..health }
}

/// An exchange with so many markets and these traders, with 5,000 dollars of cash each.
async fn empty(markets: usize, traders: &[&str]) -> World {
    let mut world = World::empty().await.unwrap();
    for market in 0..markets {
        let source = if market % 2 == 0 { PriceSource::Push } else { PriceSource::Pull };
        world.add_market(&MarketSpec::sol(&format!("SOL-{market}"), source).unwrap()).await.unwrap();
    }
    for name in traders {
        world.add_trader(name, 50_000 * TOKEN, 5_000 * TOKEN).await.unwrap();
    }
    world
}

/// Alice is long in three markets on 1,000 dollars, against three shorts who came in at different prices, and lacks about 800. For the first
/// market there is a small donation. In the third the winners have passed their positions on and taken their profits: nobody is left to cover that
/// leg's share, and whoever still holds lots there shares what her cash leaves of the hole.
async fn ruined() -> World {
    let mut world = empty(3, &["s0", "s1", "s2", "late", "dave", "donor"]).await;
    world.add_trader("alice", 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    for (market, lots) in LOTS.into_iter().enumerate() {
        let parts = [lots / 2, lots / 3, lots - lots / 2 - lots / 3];
        for ((name, part), entry) in SHORTS.into_iter().zip(parts).zip([3_000, 0, -3_000]) {
            trade(&mut world, "alice", Side::Bid, name, market, LISTED + entry, part).await;
        }
    }
    world.place("alice", 1, order(Side::Bid, LISTED / 2, 5)).await.unwrap();
    world.donate("donor", Some(0), 100 * TOKEN).await.unwrap();
    world.pass(10).unwrap();
    for (market, price) in FALLEN.into_iter().enumerate() {
        world.set_price(market, price).unwrap();
    }
    let near = next_tick(FALLEN[2]);
    for winner in SHORTS {
        let lots = -world.base(winner, 2).unwrap();
        trade(&mut world, winner, Side::Bid, "late", 2, near, lots).await;
        world.deposit(winner, 1).await.unwrap();
    }
    trade(&mut world, "dave", Side::Bid, "late", 2, near, 3_000).await;
    world.pass(1).unwrap();
    assert!(world.health("alice").unwrap().maintenance.equity.0 < -750_000_000);
    world
}

/// Alice is long in two markets and short in the third. She has lost more in each of the first two than she has in cash, and won in the third;
/// all in all she lacks about 160 dollars.
async fn hedged() -> World {
    let mut world = empty(3, &SHORTS).await;
    world.add_trader("alice", 2_000 * TOKEN, 1_200 * TOKEN).await.unwrap();
    for (market, other) in SHORTS.into_iter().enumerate() {
        let (side, lots) = if market < 2 { (Side::Bid, 5_000) } else { (Side::Ask, 4_000) };
        trade(&mut world, "alice", side, other, market, LISTED, lots).await;
    }
    world.pass(10).unwrap();
    for (market, price) in [1_200_000, 1_210_000, 1_100_000].into_iter().enumerate() {
        world.set_price(market, price).unwrap();
    }
    world.pass(1).unwrap();
    world
}

/// Alice is long in two markets on 1,000 dollars, in the first against forty shorts: three calls' work.
async fn crowded() -> World {
    let mut world = empty(2, &["s0", "carol"]).await;
    world.add_trader("alice", 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    for index in 0..40 {
        let name = format!("short {index}");
        world.add_trader(&name, 500 * TOKEN, 100 * TOKEN).await.unwrap();
        let entry = LISTED + 100 * ((index * 7) % 13 - 6);
        trade(&mut world, "alice", Side::Bid, &name, 0, entry, 150 + index % 3).await;
    }
    trade(&mut world, "alice", Side::Bid, "s0", 1, LISTED, 3_000).await;
    world.pass(10).unwrap();
    for (market, price) in FALLEN.into_iter().enumerate().take(2) {
        world.set_price(market, price).unwrap();
    }
    world.pass(1).unwrap();
    world
}

/// The next price on the tick of a cent, from this one on.
fn next_tick(price: i64) -> i64 {
    (price + 99) / 100 * 100
}

/// All bytes of all accounts of the program, and all token accounts.
fn everything(world: &World) -> BTreeMap<Pubkey, Account> {
    let ours = |account: &Account| account.owner == taper::ID || account.owner == TOKEN_PROGRAM;
    world.chain.tracked().filter(|(_, account)| ours(account)).map(|(key, account)| (*key, account.clone())).collect()
}

/// Asserts that two ends are one, account by account, and says which is not.
#[track_caller]
fn assert_same(one: &BTreeMap<Pubkey, Account>, other: &BTreeMap<Pubkey, Account>, how: &str) {
    assert!(one.keys().eq(other.keys()), "{how}: other accounts");
    for (key, account) in one {
        assert!(other[key] == *account, "{how}: account {key} differs");
    }
}

/// Resolves what is left of an account whose positions are all closed: seats that owe have waited for the cash of other legs.
async fn resolve_flat(world: &mut World, name: &str, markets: impl IntoIterator<Item = usize>) {
    for market in markets {
        if world.seat(name, market).unwrap().is_some() {
            world.resolve(name, market).await.unwrap();
        }
    }
    assert_eq!(world.account(name).unwrap().used_positions().count(), 0, "{name} still has seats");
    assert_eq!(world.cash(name).unwrap(), 0);
}
