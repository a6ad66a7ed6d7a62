//! A deposit and a slice in one slot: the attacker orders the transactions around the owner's rescue.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::{fine_world, ranges, Siege, WALLETS};
use crate::world::ALICE;
use taper_engine::episode::owner_acted;
use taper_engine::liquidate::account_health;
use taper_engine::margin::{LegTotals, Valuation};

/// Three steps before the deposit, three after it, none of which waits. After a deposit that restores initial margin nothing is closed; after a
/// smaller one what is closed costs κ at most. Seen to fail with `max` for `min` in
/// `ladder::cost_cap_ppb` (κ open from the start). With κ doubled in the solver alone nothing is gained: the checks after the fills refuse.
fn around_a_deposit(tries: u32) {
    let world = fine_world();
    let mut choices = ranges(6);
    choices.push(1_000_000..=30_000_000);
    let (mut rescued, mut late) = (0, 0);
    let found = Search::new(choices, 6).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        let before = siege.wealth(&WALLETS);
        siege.run(&plan[..12]);
        let lots_before = siege.closed;
        let account = &mut siege.world.accounts[ALICE as usize];
        account.cash_atoms += plan[24];
        // From outside: nobody of the siege pays it.
        let others = LegTotals::default();
        let initial = {
            let world = &siege.world;
            let account = &world.accounts[ALICE as usize];
            account_health(&world.market, ALICE, account, &world.price, others, Valuation::Initial).unwrap()
        };
        let slot = siege.world.slot;
        owner_acted(&mut siege.world.accounts[ALICE as usize], &initial, slot);
        let same_slot: Vec<i64> =
            plan[12..24].iter().enumerate().map(|(at, value)| if at % 4 == 3 { 0 } else { *value }).collect();
        siege.run(&same_slot);
        if initial.is_at_least(10_000) {
            assert_eq!(siege.closed, lots_before, "rescued, and sliced all the same: {plan:?}");
            rescued += 1;
        }
        late += u32::from(siege.closed > lots_before);
        let profit = siege.wealth(&WALLETS) - before;
        assert!(profit <= siege.allowed, "{profit} of {}: {plan:?}", siege.allowed);
        (profit, siege.allowed)
    });
    tell("in the slot of a deposit", &found, found.outcome);
    assert!(rescued > 20 && late > 20, "{rescued} rescued, {late} sliced after the deposit");
    assert!(found.profit * 100 >= found.outcome * 90, "a weak search: {} of {}", found.profit, found.outcome);
}

#[test]
fn a_slice_in_the_slot_of_a_deposit_gains_kappa_and_none_after_a_rescue() {
    around_a_deposit(SHORT_RUN);
}

#[test]
#[ignore = "a minute"]
fn longer_around_a_deposit() {
    around_a_deposit(LONG_RUN);
}
