//! One slice in several calls.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::fine_world;
use crate::world::{limit, LONG, MAKER};
use taper_engine::ladder::per_lot_down;
use taper_engine::liquidate::LiquidationRequest;
use taper_engine::quantity::{BaseLots, Side};

/// One caller, honest depth at the oracle price, up to eight calls: in the soft stage no split pays more than the whole slice does, but for
/// the lot and the atoms that roundings leave, and no lot more than the schedule at the first health. Seen to fail with a
/// penalty that rises with health in `ladder::values_at`.
fn split(tries: u32) {
    let mut world = fine_world();
    world.place(MAKER, limit(Side::Bid, 96_500, LONG)).unwrap();
    world.slot += 1;
    let whole = world.clone().liquidate(world.request()).unwrap();
    let params = world.market.params;
    // At 0.86 the schedule's penalty is under that at 0.67: 0.12 of the mmr.
    let most = i64::try_from(per_lot_down(120_000_000, params.tiers[0].mmr_bps, 96_500).unwrap()).unwrap();
    let found = Search::new(vec![1..=LONG; 8], 4).best(tries, |plan| {
        let mut world = world.clone();
        let (mut paid, mut lots) = (0, 0);
        for most_lots in plan {
            world.slot = world.slot.max(world.accounts[0].cooldown_until_slot);
            let request = LiquidationRequest { caller_max: BaseLots(*most_lots), ..world.request() };
            let Ok(slice) = world.liquidate(request) else { continue };
            (paid, lots) = (paid + slice.caller_payout.0, lots + slice.lots.0);
        }
        assert!(paid <= whole.caller_payout.0 + most, "{paid} of {}: {plan:?}", whole.caller_payout.0);
        (paid, lots)
    });
    tell("splitting a slice", &found, whole.caller_payout.0 + most);
    assert!(found.profit * 100 >= whole.caller_payout.0 * 99, "a weak search: {}", found.profit);
}

#[test]
fn splitting_a_slice_pays_no_more_than_the_whole() {
    split(SHORT_RUN / 2);
}

#[test]
#[ignore = "a minute"]
fn longer_split() {
    split(LONG_RUN);
}
