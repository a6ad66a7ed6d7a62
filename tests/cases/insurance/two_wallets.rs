//! Two wallets that own both sides of a position and let one go bankrupt, for insurance to pay the other.

use super::*;

const ROUNDS: usize = 6;
const STAKE: u64 = 1_000;
/// What the attackers trade with each other: two and a half times what 1,000 dollars may carry is out of reach; this is within.
const SIZE: i64 = 12_000;
const GRANT: i64 = 250 * USD;

/// A market that may draw [`CAP`] in a window, with this grant; a fund of 10,000 dollars that is not the market's; an honest pair that holds
/// 20 SOL; `long` and `short`, who are one person.
async fn market(grant_atoms: i64) -> World {
    let mut world = World::empty().await.unwrap();
    let mut spec = MarketSpec::sol("TARGET", PriceSource::Push).unwrap();
    spec.params.insurance_draw_cap_atoms = CAP;
    spec.params.insurance_window_slots = u32::try_from(WINDOW).unwrap();
    spec.params.insurance_grant_atoms = grant_atoms;
    world.add_market(&spec).await.unwrap();
    world.add_trader("donor", 20_000 * TOKEN, 0).await.unwrap();
    world.donate("donor", None, 10_000 * TOKEN).await.unwrap();
    for name in ["honest long", "honest short"] {
        world.add_trader(name, 20_000 * TOKEN, 10_000 * TOKEN).await.unwrap();
    }
    world.set_price(0, LOW).unwrap();
    trade(&mut world, "honest long", Side::Bid, "honest short", 0, LOW, 2_000).await;
    for name in ["long", "short"] {
        world.add_trader(name, 50_000 * TOKEN, 0).await.unwrap();
    }
    world
}

/// All that the two have: tokens, cash and bonds. They hold no position.
fn wealth(world: &World) -> i64 {
    let of = |name: &str| {
        assert_eq!(world.base(name, 0).unwrap(), 0);
        let bond = world
            .seat(name, 0)
            .unwrap()
            .map_or(0, |seat| i64::try_from(seat.bond_atoms).unwrap() + seat.realised_atoms);
        let tokens = i64::try_from(world.chain.tokens(&world.trader(name).token_account)).unwrap();
        tokens + world.cash(name).unwrap() + bond
    };
    of("long") + of("short")
}

/// One round: both stake, trade with each other, wait for a fall of 15% in one candle, resolve the loser, and take everything out. Returns
/// what insurance paid.
async fn round(world: &mut World) -> i64 {
    world.set_price(0, LISTED).unwrap();
    for name in ["long", "short"] {
        world.deposit(name, STAKE * TOKEN).await.unwrap();
    }
    trade(world, "long", Side::Bid, "short", 0, LISTED, SIZE).await;
    world.pass(10).unwrap();
    world.set_price(0, LISTED / 100 * 85).unwrap();
    assert!(world.health("long").unwrap().maintenance.equity.0 < -15 * USD * (STAKE as i64) / 10);
    let mut paid = 0;
    for call in world.resolve_leg("long", 0).await.unwrap() {
        paid += call.plan.report.insurance_from_market_atoms + call.plan.report.insurance_from_fund_atoms;
    }
    world.pass(1).unwrap();
    for name in ["long", "short"] {
        if world.seat(name, 0).unwrap().is_some() {
            world.release(name, 0).await.unwrap();
        }
        let cash = u64::try_from(world.cash(name).unwrap()).unwrap();
        if cash > 0 {
            world.withdraw(name, cash).await.unwrap();
        }
    }
    paid
}

/// The honest pair's equity at the price at which the attack begins and ends: what they have does not change.
fn honest(world: &World) -> i64 {
    ["honest long", "honest short"].map(|name| world.health(name).unwrap().maintenance.equity.0).iter().sum()
}

/// Plays so many rounds. Returns what the attackers gained and what insurance paid, in each.
async fn attack(world: &mut World) -> Vec<(i64, i64)> {
    let mut rounds = Vec::new();
    world.set_price(0, LISTED).unwrap();
    let bystanders = honest(world);
    for _ in 0..ROUNDS {
        let before = wealth(world);
        let paid = round(world).await;
        rounds.push((wealth(world) - before, paid));
        world.pass(WINDOW).unwrap();
    }
    world.set_price(0, LISTED).unwrap();
    assert_eq!(honest(world), bystanders, "nobody else pays, and nobody else gains");
    println!("gained and paid by insurance, each round: {rounds:?}");
    rounds
}

/// Without a grant every round loses its fees: nothing is drawn, and the winner pays for the loser, who is himself.
#[tokio::test]
async fn without_a_grant_they_lose_every_time() {
    let mut world = market(0).await;
    for (gained, paid) in attack(&mut world).await {
        assert_eq!(paid, 0);
        assert!(gained < 0, "{gained}");
    }
    assert_eq!(fund(&world), (10_000 * USD, 10_000 * USD, 0));
}

/// With a grant they get it, once in the market's life, no faster than the window allows, and less their fees: what governance has said it is
/// ready to lose (adr/0028). After that they lose every time.
#[tokio::test]
async fn with_a_grant_they_gain_the_grant_once() {
    let mut world = market(GRANT).await;
    let rounds = attack(&mut world).await;
    let paid: Vec<i64> = rounds.iter().map(|(_, paid)| *paid).collect();
    assert_eq!(paid, [CAP, CAP, GRANT - 2 * CAP, 0, 0, 0]);
    let gained: i64 = rounds.iter().map(|(gained, _)| gained).sum();
    assert!(gained > 0 && gained < GRANT, "{gained}");
    for (gained, paid) in rounds {
        assert!(gained < paid, "a round gains {gained}, insurance paid {paid}");
    }
    assert_eq!(fund(&world), (10_000 * USD - GRANT, 10_000 * USD, GRANT));
}

/// A donation for the market by the attackers comes back to them, less their fees: they have only moved their own money.
#[tokio::test]
async fn their_own_donation_comes_back_with_a_loss() {
    let mut world = market(0).await;
    let before = wealth(&world);
    world.donate("short", Some(0), 2 * CAP as u64).await.unwrap();
    let rounds = attack(&mut world).await;
    assert_eq!(rounds.iter().map(|(_, paid)| *paid).sum::<i64>(), 2 * CAP);
    assert!(wealth(&world) < before, "{}", wealth(&world) - before);
    assert_eq!(fund(&world), (10_000 * USD, 10_000 * USD + 2 * CAP, 2 * CAP));
}
