//! A debt in one market beside a profit that waits at the sweep cap of another.

use crate::rig::{limit, Rig, PRICE, TICK};
use taper_engine::error::EngineError;
use taper_engine::margin::Valuation;
use taper_engine::quantity::Side;

const BETWEEN: usize = 0;
const WINNER: usize = 1;
const LOSER: usize = 2;
const HERE: usize = 0;
const CAPPED: usize = 1;
const LOTS: i64 = 1_000;

/// It lost 40 million here and won 38 million in a market whose sweep cap is zero: with its cash and bonds it lacks something, and is resolved. What
/// it owes here beyond that loss waits for its profit there, as of a settled market (ADR 0044): nobody else bears it, and it holds no withdrawal.
#[test]
fn a_debt_waits_for_a_profit_at_another_markets_cap() {
    let mut rig = Rig::new(2, 3);
    for (who, stake) in [(BETWEEN, 13_000_000), (WINNER, 1_000_000_000), (LOSER, 1_000_000_000)] {
        rig.deposit(who, stake);
    }
    rig.venues[CAPPED].market.params.sweep_cap_atoms = 0;
    rig.trade(BETWEEN, WINNER, HERE, PRICE, LOTS).unwrap();
    rig.trade(BETWEEN, LOSER, CAPPED, PRICE, LOTS).unwrap();
    rig.set_price(HERE, PRICE * 40 / 100);
    rig.set_price(CAPPED, PRICE * 140 / 100);
    assert!(rig.equity(BETWEEN) < 0, "{}", rig.equity(BETWEEN));
    rig.resolve_all(BETWEEN);
    rig.touch(BETWEEN);
    assert_eq!((rig.base(BETWEEN, HERE), rig.base(BETWEEN, CAPPED), rig.cash(BETWEEN)), (0, 0, 0));
    let (debt, profit) = (rig.seat(BETWEEN, HERE).realised_atoms, rig.seat(BETWEEN, CAPPED).realised_atoms);
    assert!(debt < 0 && profit > 0, "{debt} {profit}");
    assert_eq!(rig.resolve(BETWEEN, HERE).map(|_| ()), Err(EngineError::NothingToResolve));
    assert_eq!(rig.release(BETWEEN, HERE), Err(EngineError::SeatNotEmpty));
    assert!(!rig.record_deficit(BETWEEN) && rig.held() == 0);
    // Room there, as soon as that market's loser pays in: both seats are free.
    rig.venues[CAPPED].market.params.sweep_cap_atoms = profit;
    rig.touch(BETWEEN);
    rig.release(BETWEEN, CAPPED).unwrap();
    // What is left is its own bond's to pay.
    rig.resolve(BETWEEN, HERE).unwrap();
    assert_eq!((rig.leg(BETWEEN, HERE), rig.leg(BETWEEN, CAPPED)), (None, None));
    rig.audit();
}

/// A position so small that its bond is worth more than the takeover point: between what it is worth without the bond and with it, it can neither be sliced
/// nor resolved. Nobody bears anything: the bond stands for the debt, it ends with any cash or a better price, and a further fall makes it a takeover.
#[test]
fn a_bond_worth_more_than_the_takeover_point_holds_both_up() {
    let mut rig = Rig::new(1, 3);
    for (who, stake) in [(BETWEEN, 7_000_000), (WINNER, 1_000_000_000), (LOSER, 1_000_000_000)] {
        rig.deposit(who, stake);
    }
    rig.trade(BETWEEN, WINNER, HERE, PRICE, 500).unwrap();
    rig.place(LOSER, HERE, limit(Side::Bid, PRICE * 88 / 100 - TICK, 500)).unwrap();
    rig.set_price(HERE, PRICE * 88 / 100);
    let health = rig.health(BETWEEN, Valuation::Maintenance);
    let (equity, requirement) = (health.equity.0, health.requirement.to_atoms_down());
    let point = i64::from(rig.venues[HERE].market.params.takeover_health_bps);
    assert!(equity <= 0 && rig.equity(BETWEEN) * 10_000 > point * requirement, "{equity} {requirement}");
    for slots in [1, 100_000] {
        rig.slot += slots;
        rig.flag(BETWEEN, HERE);
        assert_eq!(rig.liquidate(LOSER, BETWEEN, HERE).map(|_| ()), Err(EngineError::AccountBankrupt));
        assert_eq!(rig.absorb(LOSER, BETWEEN, HERE).map(|_| ()), Err(EngineError::AccountBankrupt));
        assert_eq!(rig.resolve(BETWEEN, HERE).map(|_| ()), Err(EngineError::AccountSolvent));
    }
    // Some cash: sliced.
    let mut paid = rig.clone();
    paid.deposit(BETWEEN, 1 - equity + 100_000);
    assert!(paid.liquidate(LOSER, BETWEEN, HERE).unwrap().lots.0 > 0);
    // A further fall: taken over, and nobody has lost anything but its owner.
    rig.set_price(HERE, 86_500);
    let (others, kept) = (rig.worth(&[WINNER, LOSER]), rig.equity(BETWEEN));
    assert!(kept > 0);
    rig.resolve_all(BETWEEN);
    assert_eq!(rig.leg(BETWEEN, HERE), None);
    assert!(rig.worth(&[WINNER, LOSER]) >= others && rig.wallets(&[BETWEEN]) >= -7_000_000);
    rig.audit();
}
