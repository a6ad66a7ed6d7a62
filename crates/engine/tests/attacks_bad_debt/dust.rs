//! Dust between the calls of one resolution: does it move a loss from one market's counterparties to another's?

use crate::rig::{taking, Rig, PRICE};
use taper_engine::quantity::Side;

const DEBTOR: usize = 0;
/// The attacker: the winner of the other market.
const WINNER: usize = 1;
const FIRST: usize = 2;
const COUNTERPARTIES: usize = 160;
const LOTS_EACH: i64 = 100;
const LOTS: i64 = LOTS_EACH * 160;
const BROAD: usize = 0;
const OTHER: usize = 1;

/// A debtor that is long in two markets, in one against 160 seats, in the other against the attacker; both have fallen by a fifth.
fn world() -> Rig {
    let mut rig = Rig::new(2, FIRST + COUNTERPARTIES);
    rig.deposit(DEBTOR, 400_000_000);
    for who in (WINNER..FIRST + COUNTERPARTIES).collect::<Vec<_>>() {
        rig.deposit(who, 1_000_000_000);
    }
    for who in FIRST..FIRST + COUNTERPARTIES {
        rig.trade(DEBTOR, who, BROAD, PRICE, LOTS_EACH).unwrap();
    }
    rig.trade(DEBTOR, WINNER, OTHER, PRICE, LOTS).unwrap();
    for venue in [BROAD, OTHER] {
        rig.set_price(venue, PRICE * 4 / 5);
    }
    rig
}

/// What the attacker is charged, if this is done between any two calls.
fn charged(between: impl Fn(&mut Rig)) -> i64 {
    let mut rig = world();
    let before = rig.worth(&[WINNER, DEBTOR]);
    while rig.leg(DEBTOR, BROAD).is_some() && rig.base(DEBTOR, BROAD) > 0 {
        rig.resolve(DEBTOR, BROAD).unwrap();
        between(&mut rig);
    }
    rig.resolve_all(DEBTOR);
    rig.audit();
    before - rig.worth(&[WINNER, DEBTOR])
}

/// Each call of ten that a leg needs was worked out anew when an atom had come in between, and each time its counterparties were given a part of
/// what the account's cash had been meant to cover: the attacker, who had won as much in the other market, paid 64 million in place of 121.
#[test]
fn dust_between_calls_moves_no_loss() {
    let plain = charged(|_| ());
    assert!(plain > 100_000_000, "{plain}");
    // What is deposited is the account's own part, and rounding: an atom a call and seat at most.
    let dust = charged(|rig| rig.deposit(DEBTOR, 1));
    assert!((plain - dust).abs() <= 200, "{plain} {dust}");
}

/// Nor does a slot with another price between two calls, in either market, there and back.
#[test]
fn prices_that_move_between_calls_and_come_back_move_no_loss() {
    let plain = charged(|_| ());
    for (venue, tick) in [(BROAD, 100), (BROAD, -100), (OTHER, 100), (OTHER, -100)] {
        let moved = charged(|rig| {
            rig.slot += 1;
            rig.set_price(venue, PRICE * 4 / 5 + tick);
            let _ = rig.resolve(DEBTOR, BROAD);
            rig.slot += 1;
            rig.set_price(venue, PRICE * 4 / 5);
        });
        // Half of the lots change hands a tick off, which is 0.1%: 800,000 atoms of 640 million.
        assert!((plain - moved).abs() <= 2_000_000, "{venue} {tick}: {plain} {moved}");
    }
}

/// What others have borne of a position is no longer counted once its owner, sound again, has enlarged it.
#[test]
fn what_was_borne_is_forgotten_with_a_new_position() {
    let mut rig = world();
    rig.resolve(DEBTOR, BROAD).unwrap();
    assert!(rig.seat(DEBTOR, BROAD).borne_atoms > 0);
    rig.deposit(DEBTOR, 900_000_000);
    rig.place(DEBTOR, BROAD, taking(Side::Ask, PRICE / 2, 1)).unwrap();
    assert!(rig.seat(DEBTOR, BROAD).borne_atoms > 0, "smaller, and the same position");
    rig.trade(DEBTOR, WINNER, BROAD, PRICE * 4 / 5, 1).unwrap();
    assert_eq!(rig.seat(DEBTOR, BROAD).borne_atoms, 0);
    rig.audit();
}
