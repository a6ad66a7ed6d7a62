//! Attacks past the ladder, through the program: a pumped thin market, its gate, its neighbours.

use taper::error::TaperError;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, MarketSpec, PriceSource, World};
use taper_sdk::instruction;

use crate::support::*;

const DEEP: usize = 0;
const THIN: usize = 1;
const SWEEP_CAP: i64 = 2_000 * TOKEN as i64;
const PUMPED: i64 = 30 * LISTED;
const LOTS: i64 = 400;
const ATTACKERS: [&str; 3] = ["a", "b", "c"];

/// A deep market with honest positions, and a thin one whose price the attackers make. `b` is short in the thin market against `a`, and holds a
/// position in the deep one.
async fn world() -> World {
    let mut world = World::empty().await.unwrap();
    let deep = MarketSpec::sol("DEEP", PriceSource::Push).unwrap();
    let mut thin = MarketSpec::sol("THIN", PriceSource::Pull).unwrap();
    thin.params.sweep_cap_atoms = SWEEP_CAP;
    world.add_market(&deep).await.unwrap();
    world.add_market(&thin).await.unwrap();
    for name in ["long", "short", "saver"] {
        world.add_trader(name, 10_000 * TOKEN, 9_000 * TOKEN).await.unwrap();
    }
    world.add_trader("donor", 60_000 * TOKEN, 0).await.unwrap();
    world.donate("donor", Some(DEEP), 20_000 * TOKEN).await.unwrap();
    for (name, stake) in ATTACKERS.into_iter().zip([1_000, 3_000, 6_000]) {
        world.add_trader(name, 50_000 * TOKEN, stake * TOKEN).await.unwrap();
    }
    trade(&mut world, "long", Side::Bid, "short", DEEP, LISTED, 20_000).await;
    trade(&mut world, "b", Side::Bid, "short", DEEP, LISTED, 5_000).await;
    trade(&mut world, "a", Side::Bid, "b", THIN, LISTED, LOTS).await;
    world.pass(10).unwrap();
    world
}

/// The pump: the winner closes against the third account, and takes out what it can.
async fn pump(world: &mut World) {
    world.set_price(THIN, PUMPED).unwrap();
    trade(world, "c", Side::Bid, "a", THIN, PUMPED, LOTS).await;
    let cash = u64::try_from(world.cash("a").unwrap()).unwrap();
    world.withdraw("a", cash).await.unwrap();
}

/// What a trader has in its wallet.
fn tokens(world: &World, name: &str) -> i64 {
    let account = world.chain.get(&world.trader(name).token_account).unwrap();
    let amount: [u8; 8] = account.data[64..72].try_into().unwrap();
    i64::try_from(u64::from_le_bytes(amount)).unwrap()
}

/// The pump gains the thin market's sweep cap, its loss of 17,000 tokens touches nobody of the deep market, and savers leave with all they have.
#[tokio::test]
async fn a_pumped_market_gains_its_sweep_cap_and_touches_no_other() {
    let mut world = world().await;
    pump(&mut world).await;
    let owed = -world.health("b").unwrap().maintenance.equity.0;
    assert!(owed > 13_000 * TOKEN as i64, "{owed}");
    for market in [DEEP, THIN] {
        world.resolve_leg("b", market).await.unwrap();
    }
    let deep = world.market_account(DEEP).unwrap().state;
    assert_eq!((deep.insurance.drawn_atoms, deep.deleveraged_atoms, deep.socialised_atoms), (0, 0, 0));
    let thin = world.market_account(THIN).unwrap().state;
    assert!(thin.unassigned_loss_atoms > 13_000 * TOKEN as i64 && thin.held_loss_atoms == SWEEP_CAP);
    assert_eq!(world.exchange().unwrap().held_loss_atoms, SWEEP_CAP);

    // All three attackers take out what they can, over and over.
    for _ in 0..3 {
        for name in ATTACKERS {
            for market in [DEEP, THIN] {
                let _ = world.settle_loss(name, market).await;
                if world.seat(name, market).unwrap().is_some() {
                    let _ = world.release(name, market).await;
                }
            }
            let cash = u64::try_from(world.cash(name).unwrap()).unwrap();
            if cash > 0 {
                let _ = world.withdraw(name, cash).await;
            }
        }
    }
    let gained: i64 = ATTACKERS.iter().map(|name| tokens(&world, name) - 50_000 * TOKEN as i64).sum();
    assert!(gained > SWEEP_CAP * 9 / 10 && gained <= SWEEP_CAP, "{gained}");

    // The honest ones close at the price that has not moved, and leave; fees are all they lack.
    world.pass(2).unwrap();
    let lots = world.base("long", DEEP).unwrap().min(-world.base("short", DEEP).unwrap());
    trade(&mut world, "short", Side::Bid, "long", DEEP, LISTED, lots).await;
    for name in ["long", "saver"] {
        if world.seat(name, DEEP).unwrap().is_some() {
            world.release(name, DEEP).await.unwrap();
        }
        let cash = u64::try_from(world.cash(name).unwrap()).unwrap();
        world.withdraw(name, cash).await.unwrap();
        assert!(tokens(&world, name) > 9_970 * TOKEN as i64, "{name}: {}", tokens(&world, name));
    }
}

/// The debtor's deficit, on record, holds what its winners have taken out and not an atom more; resolved in the transaction of a withdrawal, it
/// holds the sweep cap.
#[tokio::test]
async fn a_debt_of_any_size_holds_no_more_than_the_sweep_cap() {
    let mut world = world().await;
    pump(&mut world).await;
    let recorded = world.record_deficit("b").await.unwrap();
    let taken_out = world.market_account(THIN).unwrap().state.net_swept_profit_atoms;
    assert_eq!(recorded, taken_out);
    assert!(recorded > 0 && recorded <= SWEEP_CAP);
    world.record_deficit("b").await.expect_error(TaperError::NothingToRecord);

    // Resolution and withdrawal in one transaction.
    let saver = world.trader("saver");
    let resolve = [world.resolve_instruction("b", DEEP).unwrap()];
    let legs = world.legs("saver", None).unwrap();
    let all = u64::try_from(world.cash("saver").unwrap()).unwrap();
    let withdraw = instruction::withdraw(saver.key(), &world.venue.keys, saver.margin, saver.token_account, all, &legs);
    world.chain.send(&[&resolve[..], &[withdraw]].concat(), &[&saver.keypair]).await.unwrap();
    assert_eq!(world.cash("saver").unwrap(), 0);
    world.resolve_leg("b", THIN).await.unwrap();
    assert_eq!(world.account("b").unwrap().state.recorded_deficit_atoms, 0);
    assert_eq!(world.exchange().unwrap().recorded_deficit_atoms, 0);
    assert_eq!(world.exchange().unwrap().held_loss_atoms, SWEEP_CAP);
}

/// A solvent account is not resolved, whatever a stranger passes; nor does a stranger's record stand against it.
#[tokio::test]
async fn a_solvent_account_is_neither_resolved_nor_recorded() {
    let mut world = world().await;
    for name in ["long", "short", "b"] {
        for market in [DEEP, THIN] {
            if world.seat(name, market).unwrap().is_some() {
                world.resolve(name, market).await.map(|_| ()).expect_error(TaperError::AccountSolvent);
            }
        }
        world.record_deficit(name).await.map(|_| ()).expect_error(TaperError::NothingToRecord);
    }
}
