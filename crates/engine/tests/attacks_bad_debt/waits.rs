//! A debt in one market beside a profit that waits at the sweep cap of another.

use crate::rig::{Rig, PRICE};
use taper_engine::error::EngineError;

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
