//! The clock of a stall: how long an account has been in the backstop stage without a slice.

use crate::world::{limit, World, ALICE, ATTACKER, LONG, MAKER};
use taper_engine::episode::{in_backstop, is_stalled};
use taper_engine::liquidate::{account_health, FlagOutcome, LiquidationRequest};
use taper_engine::margin::{LegTotals, Valuation};
use taper_engine::oracle::Grade;
use taper_engine::quantity::{BaseLots, Side};

/// At 94,900 health is 8,500,000 ÷ 28,470,000 = 0.2985: the backstop stage.
const BACKSTOP: i64 = 94_900;

fn since(world: &World) -> u64 {
    world.accounts[0].stalled_since_slot
}

fn stalled(world: &World) -> bool {
    is_stalled(&world.accounts[0], &world.market.params, world.slot)
}

fn fallen() -> World {
    let mut world = World::with_position(Side::Bid, MAKER);
    world.set_price(BACKSTOP);
    world
}

#[test]
fn it_starts_at_the_first_observation_and_ends_above_the_stage() {
    let mut world = fallen();
    assert_eq!(world.flag(Grade::Fresh), Ok(FlagOutcome::Started));
    let started = world.slot;
    assert_eq!(since(&world), started);
    // Later observations leave it, bankrupt or not.
    for (later, price) in [(10, BACKSTOP), (20, 93_000), (149, 94_000)] {
        world.slot = started + later;
        world.set_price(price);
        world.flag(Grade::Fresh).unwrap();
        assert_eq!((since(&world), stalled(&world)), (started, false));
    }
    world.slot = started + 150;
    assert!(stalled(&world));
    // One observation above the stage stops it.
    world.set_price(96_500);
    assert_eq!(world.flag(Grade::Fresh), Ok(FlagOutcome::Unhealthy));
    assert_eq!((since(&world), stalled(&world)), (0, false));
    world.set_price(BACKSTOP);
    world.flag(Grade::Fresh).unwrap();
    assert_eq!(since(&world), started + 150);
}

#[test]
fn the_stage_ends_exactly_at_the_third_point() {
    let mut world = fallen();
    // 33% of 28,470,000.
    world.accounts[0].cash_atoms += 9_395_100 - 8_500_000;
    let seen = |world: &World| {
        let (account, totals) = (&world.accounts[0], LegTotals::default());
        let mid = account_health(&world.market, ALICE, account, &world.price, totals, Valuation::Maintenance).unwrap();
        in_backstop(&world.market.params, &mid)
    };
    assert!(!seen(&world));
    world.accounts[0].cash_atoms -= 1;
    assert!(seen(&world));
}

/// Whoever calls chooses among a feed's prices: an old one neither starts the clock nor stops it.
#[test]
fn a_degraded_price_does_not_touch_it() {
    let mut world = fallen();
    assert_eq!(world.flag(Grade::Degraded), Ok(FlagOutcome::Started));
    assert_eq!(since(&world), 0);
    world.flag(Grade::Fresh).unwrap();
    let started = world.slot;
    world.slot += 100;
    world.set_price(96_500);
    world.flag(Grade::Degraded).unwrap();
    assert_eq!(since(&world), started);
}

#[test]
fn it_ends_with_the_episode_and_is_over_with_it() {
    let mut world = fallen();
    world.market.params.stall_slots = 2_000;
    world.flag(Grade::Fresh).unwrap();
    let started = world.slot;
    // Nobody looks for longer than the cool-off: what the account was before counts for nothing.
    world.slot = started + 2_000;
    assert!(!stalled(&world));
    assert_eq!(world.flag(Grade::Fresh), Ok(FlagOutcome::Started));
    assert_eq!(since(&world), world.slot);
    // Observed in time it goes on.
    for later in [1_000, 2_000] {
        world.slot = started + 2_000 + later;
        world.flag(Grade::Fresh).unwrap();
    }
    assert!(stalled(&world));
    // The owner restores initial margin.
    world.accounts[0].cash_atoms += 100_000_000;
    let (account, totals) = (&world.accounts[0], LegTotals::default());
    let initial = account_health(&world.market, ALICE, account, &world.price, totals, Valuation::Initial).unwrap();
    assert!(taper_engine::episode::owner_acted(&mut world.accounts[0], &initial, world.slot));
    assert_eq!(since(&world), 0);
}

#[test]
fn a_slice_starts_it_anew_while_the_account_stays_in_the_stage() {
    let mut world = fallen();
    world.flag(Grade::Fresh).unwrap();
    world.slot += 100;
    world.place(MAKER, limit(Side::Bid, BACKSTOP, 3_000)).unwrap();
    world.slot += 1;
    let slice = world.liquidate(world.request()).unwrap();
    assert_eq!(slice.lots, BaseLots(3_000));
    assert!(world.health_bps(ALICE) > 3_300);
    assert_eq!(since(&world), 0, "out of the stage");
    // A smaller one leaves it in the stage.
    let mut world = fallen();
    world.flag(Grade::Fresh).unwrap();
    world.slot += 100;
    world.place(MAKER, limit(Side::Bid, BACKSTOP, 1_000)).unwrap();
    world.slot += 1;
    assert_eq!(world.liquidate(world.request()).unwrap().lots, BaseLots(1_000));
    assert!(world.health_bps(ALICE) < 3_300);
    assert_eq!(since(&world), world.slot);
}

/// A slice at a degraded price is a fill, so the clock stops; that the account is still in the stage only a fresh price can say.
#[test]
fn a_slice_at_a_degraded_price_stops_it_and_does_not_start_it() {
    let mut world = fallen();
    world.flag(Grade::Fresh).unwrap();
    world.slot += 100;
    world.place(MAKER, limit(Side::Bid, BACKSTOP, 1_000)).unwrap();
    world.slot += 1;
    world.price.grade = Grade::Degraded;
    assert_eq!(world.liquidate(world.request()).unwrap().lots, BaseLots(1_000));
    assert!(world.health_bps(ALICE) < 3_300);
    assert_eq!(since(&world), 0);
    world.flag(Grade::Fresh).unwrap();
    assert_eq!(since(&world), world.slot);
}

/// Thirty-two lots of dust every minute would hold a takeover up for ever if a crumb counted.
#[test]
fn crumbs_do_not_hold_a_takeover_up() {
    let mut world = fallen();
    world.flag(Grade::Fresh).unwrap();
    let started = world.slot;
    world.slot += 140;
    for _ in 0..32 {
        world.place(ATTACKER, limit(Side::Bid, BACKSTOP, 1)).unwrap();
    }
    world.place(MAKER, limit(Side::Bid, BACKSTOP - 100, LONG)).unwrap();
    world.slot += 1;
    assert_eq!(world.liquidate(world.request()).unwrap().lots, BaseLots(32));
    assert_eq!(since(&world), started);
    world.slot = started + 150;
    assert!(stalled(&world));
}

/// A slice that is the first to see the account in the stage starts the clock, too: what persists is an observation.
#[test]
fn a_crumb_is_an_observation() {
    let mut world = fallen();
    for _ in 0..32 {
        world.place(ATTACKER, limit(Side::Bid, BACKSTOP, 1)).unwrap();
    }
    world.place(MAKER, limit(Side::Bid, BACKSTOP - 100, LONG)).unwrap();
    world.slot += 1;
    let all = LiquidationRequest { caller_max: BaseLots(LONG), ..world.request() };
    assert_eq!(world.liquidate(all).unwrap().lots, BaseLots(32));
    assert_eq!(since(&world), world.slot);
}
