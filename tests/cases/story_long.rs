//! Open, crash, taper, recover.

use taper_engine::quantity::Side;
use taper_harness::World;

#[tokio::test]
async fn a_long_is_tapered_and_recovers() {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 10_000);
    world.pass(10).unwrap();
    world.set_price(0, 1_430_000).unwrap();
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    println!("{:?}", world.health("alice").unwrap());
    let (report, outcome) = world.liquidate("carol", "alice", 0).await.unwrap();
    println!("{report:?} {} {}", outcome.units, outcome.program_units());
}
