//! Whoever wants every seat: the capital that it binds, whatever the order of taking and giving back.

use crate::search::{tell, Search};
use crate::world::{owner, World, ATTACKER};
use taper_engine::error::EngineError;
use taper_engine::seat::SEATS;

const BOND: u64 = 1_000_000;

/// What the first 95% of the table cost from the sixth seat on: one bond below 80%, two below 90%, four below 95%.
fn cost() -> i64 {
    let table = u64::try_from(SEATS).unwrap();
    let seats = (5..).take_while(|used| used * 100 < table * 95);
    let bonds = seats.map(|used| 1 + u64::from(used * 100 >= table * 80) + 2 * u64::from(used * 100 >= table * 90));
    i64::try_from(bonds.sum::<u64>() * BOND).unwrap()
}

/// Takes and gives back in any rhythm, first or last seats, until only absorbers' seats are left. All bonds come back, and no rhythm binds less.
/// Seen to fail with the bond of today, not the one that was paid, given back in `release`.
#[test]
fn squatting_binds_the_bonds_of_the_table_and_gains_nothing() {
    let world = World::new();
    let choices = (0..8).flat_map(|_| [0..=1_945, 0..=1_945, 0..=1]).collect();
    let found = Search::new(choices, 9).best(60, |plan| {
        let mut seats = world.market.seats;
        let mut account = world.accounts[ATTACKER as usize];
        let had = account.cash_atoms;
        let address = owner(ATTACKER);
        let mut held = std::collections::VecDeque::new();
        for rhythm in plan.chunks_exact(3) {
            for _ in 0..rhythm[0] {
                held.extend(seats.allocate(&address, &mut account, BOND, false));
            }
            for _ in 0..rhythm[1] {
                let Some(seat) = (if rhythm[2] == 0 { held.pop_front() } else { held.pop_back() }) else { break };
                seats.release(seat, &mut account).unwrap();
            }
        }
        let refused = loop {
            match seats.allocate(&address, &mut account, BOND, false) {
                Ok(seat) => held.push_back(seat),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused, EngineError::NoFreeSeat);
        let bound_capital = had - account.cash_atoms;
        for seat in held {
            seats.release(seat, &mut account).unwrap();
        }
        assert_eq!(account.cash_atoms, had, "{plan:?}");
        (-bound_capital, ())
    });
    tell("least capital that squats a table (negative)", &found, -cost());
    // Giving back early, cheap seats and keeping late ones costs more, never less.
    assert_eq!(found.profit, -cost());
}
