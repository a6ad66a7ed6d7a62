//! A delegate and a friend.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::world::{limit, World, ALICE, ATTACKER, LONG};
use taper_engine::orders::{cancel_all, OrderKind, OrderRequest};
use taper_engine::quantity::Side;

/// The delegate trades Alice's account against a friend at the edge of the maker band, there and back. Nothing but her equity is within its
/// reach, and all of that is: initial margin falls with the position, so it protects nothing of what is closed at a loss. That it is no more than
/// her equity is due to initial margin: seen to fail (63,841,704 of 60,000,000) without `require_initial` in `check_added_risk`.
fn delegate(tries: u32) {
    let mut world = World::new();
    world.market.params.tick_size_atoms_per_lot = 1;
    world.accounts[0].cash_atoms = 60_000_000;
    let found = Search::new((0..24).flat_map(|_| [0..=1, 1..=LONG, -2_200..=2_200]).collect(), 5).best(tries, |plan| {
        let mut world = world.clone();
        let (before, hers) = (world.wealth(ATTACKER), world.wealth(ALICE));
        for step in plan.chunks_exact(3) {
            let side = if step[0] == 0 { Side::Bid } else { Side::Ask };
            let price = 100_000 + step[2];
            if world.attempt(ATTACKER, limit(side.opposite(), price, step[1])).is_err() {
                continue;
            }
            let order = OrderRequest { kind: OrderKind::ImmediateOrCancel, ..limit(side, price, step[1]) };
            let _ = world.attempt(ALICE, order);
            let world = &mut world;
            cancel_all(&mut world.market, &mut world.book, ATTACKER, None, 32, &mut world.log).unwrap();
            world.slot += 1;
        }
        let profit = world.wealth(ATTACKER) - before;
        assert!(profit <= hers, "{profit} of {hers}: {plan:?}");
        assert!(world.wealth(ALICE) >= 0, "more than she had: {plan:?}");
        (profit, hers)
    });
    tell("a delegate gone bad", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 60, "a weak search: {} of {}", found.profit, found.outcome);
}

#[test]
fn a_bad_delegate_takes_the_equity_and_no_more() {
    delegate(SHORT_RUN);
}

#[test]
#[ignore = "minutes"]
fn longer_delegate() {
    delegate(LONG_RUN);
}
