//! The next price, known a transaction ahead.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::{fine_world, ranges, Siege, WALLETS};

/// The attacker knows the next price, and acts before and after it: beside κ he gets the move, on the lots that he took before it, and no more.
/// Seen to fail with `max` for `min` in
/// `ladder::cost_cap_ppb` (κ open from the start). With κ doubled in the solver alone nothing is gained: the checks after the fills refuse.
fn sandwich(tries: u32) {
    let world = fine_world();
    let mut choices = ranges(6);
    choices.push(94_500..=99_500);
    let found = Search::new(choices, 3).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&WALLETS);
        let (acts, next) = plan.split_at(24);
        siege.run(&acts[..12]);
        let lots_before = siege.closed;
        let moved = (next[0] - siege.world.price.price.0).max(0);
        siege.world.set_price(next[0]);
        siege.run(&acts[12..]);
        let profit = siege.wealth(&WALLETS) - before;
        let bound = siege.allowed + moved * lots_before;
        assert!(profit <= bound, "{profit} of {bound}: {plan:?}");
        (profit, bound)
    });
    tell("sandwiching an update", &found, found.outcome);
    assert!(found.profit * 100 >= found.outcome * 80, "a weak search: {} of {}", found.profit, found.outcome);
}

#[test]
fn a_sandwich_of_an_update_gains_the_move_and_kappa() {
    sandwich(SHORT_RUN);
}

#[test]
#[ignore = "a minute"]
fn longer_sandwich() {
    sandwich(LONG_RUN);
}
