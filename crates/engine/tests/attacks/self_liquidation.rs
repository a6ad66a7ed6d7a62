//! Alice, makers and caller are one person.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::{fine_world, ranges, Siege};
use crate::world::{ALICE, ATTACKER, CAROL, SECOND};

/// Lots that bring Alice from 0.86 to 1.25, at no cost: 11,700,000 ÷ (1.25 × 2,895) is 3,233.
const ENOUGH: i64 = 3_233;

/// Owner, maker and caller are one: closing what the target asks for costs the coalition insurance's part, or nothing where its own
/// bid at κ has left no penalty (docs/adr/0026); it never gains. Seen to fail with the whole penalty as the caller's part in
/// `split_penalty`.
fn liquidate_oneself(tries: u32) {
    let world = fine_world();
    let all = [ALICE, ATTACKER, SECOND, CAROL];
    let found = Search::new(ranges(6), 2).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&all);
        siege.run(plan);
        let profit = siege.wealth(&all) - before;
        assert!(profit <= siege.tips - siege.insurance, "{profit}: {plan:?}");
        assert!(profit <= 0);
        // A plan that closes less is not the attack.
        (profit - 100_000 * (ENOUGH - siege.closed).max(0), siege.closed)
    });
    tell("liquidating oneself", &found, 0);
    assert!(found.outcome >= ENOUGH && found.profit >= -1_000_000, "a weak search: {}", found.profit);
}

#[test]
fn liquidating_oneself_never_gains() {
    liquidate_oneself(SHORT_RUN);
}

#[test]
#[ignore = "a minute"]
fn longer_liquidate_oneself() {
    liquidate_oneself(LONG_RUN);
}
