//! Tips by search: whoever owns account, makers and caller cuts slices so that budget and cash forbid penalties.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::{fine_world, ranges, Siege};

/// The market's insurance income holds 10,000,000 atoms of other people, the farm chooses the budget that it finds. Tips are at most
/// `floor(keeper_tip_share × insurance's part of its own penalties)`. Seen to fail with `tip_share` doubled in `liquidate/finish.rs`.
fn farm(tries: u32) {
    let mut world = fine_world();
    world.market.insurance_pending_atoms += 10_000_000;
    world.market.insurance.contributed_atoms += 10_000_000;
    let mut choices = ranges(8);
    choices.push(1..=400);
    let found = Search::new(choices, 7).best(tries, |plan| {
        let mut siege = Siege::new(&world);
        siege.world.market.params.episode_cost_budget_bps = u32::try_from(plan[32]).unwrap();
        siege.run(&plan[..32]);
        let bound = siege.insurance * i64::from(world.market.params.keeper_tip_share_bps) / 10_000;
        assert!(siege.tips <= bound, "{} of {bound}: {plan:?}", siege.tips);
        (siege.tips, bound)
    });
    tell("farming tips", &found, found.outcome);
    assert!(found.profit > 0 && found.profit * 100 >= found.outcome * 95, "a weak search: {}", found.profit);
}

#[test]
fn the_best_farm_of_tips_gets_their_share() {
    farm(SHORT_RUN);
}

#[test]
#[ignore = "a minute"]
fn longer_farm() {
    farm(LONG_RUN);
}
