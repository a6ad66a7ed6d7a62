//! Scenes that several cases start from.

use taper::instructions::PlaceOrderArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, World};

/// One quote token, in atoms.
pub const TOKEN: u64 = 1_000_000;
/// The price at which the usual world lists SOL: 150 dollars, per lot of 0.01.
pub const LISTED: i64 = 1_500_000;
/// A price at which [`long_alice`] is in the soft stage, at a health of about 0.76.
pub const SOFT: i64 = 1_434_000;
/// A price at which she is in the hard stage, at about 0.48.
pub const HARD: i64 = 1_422_000;
/// A price at which she is bankrupt.
pub const BANKRUPT: i64 = 1_395_000;

/// The usual world with alice long 100 SOL at 150.05 on 1,000 dollars.
pub async fn long_alice() -> World {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 10_000);
    world.pass(10).unwrap();
    world
}

/// The usual world with alice short 100 SOL at 149.95 on 1,000 dollars.
pub async fn short_alice() -> World {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Ask, 10_000).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), -10_000);
    world.pass(10).unwrap();
    world
}

/// `taker` takes all lots of `maker`'s fresh order at a price.
pub async fn trade(world: &mut World, taker: &str, side: Side, maker: &str, market: usize, price: i64, lots: i64) {
    world.place(maker, market, order(side.opposite(), price, lots)).await.unwrap();
    world.place(taker, market, PlaceOrderArgs { kind: 3, ..order(side, price, lots) }).await.unwrap();
}

/// The price moves, and the maker quotes around the new one.
pub async fn move_price(world: &mut World, market: usize, price_atoms_per_lot: i64) {
    world.set_price(market, price_atoms_per_lot).unwrap();
    world.quote("maker", market, World::QUOTES).await.unwrap();
}

/// The maker, who is short, buys so many lots back from `seller`, and its profit is swept when it quotes anew: a winner has
/// been paid ahead of the losers. Returns the market's net swept profit.
pub async fn pay_the_maker(world: &mut World, market: usize, seller: &str, base_lots: i64) -> i64 {
    world.take(seller, market, Side::Ask, base_lots).await.unwrap();
    world.quote("maker", market, World::QUOTES).await.unwrap();
    world.market_account(market).unwrap().state.net_swept_profit_atoms
}

/// [`long_alice`] after the fall to [`SOFT`].
pub async fn soft_alice() -> World {
    let mut world = long_alice().await;
    move_price(&mut world, 0, SOFT).await;
    world
}

/// Health in bps, at maintenance and mid prices.
pub fn health_bps(world: &World, name: &str) -> i64 {
    world.health(name).unwrap().maintenance.to_bps_down()
}
