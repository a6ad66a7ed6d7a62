//! Dust and exhaustion of the book: three wallets with 32 orders each stand before the honest depth.

use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use crate::siege::fine_world;
use crate::world::{limit, ALICE, ATTACKER, CAROL, LONG, MAKER, SECOND};
use taper_engine::liquidate::LiquidationRequest;
use taper_engine::orders::OrderRequest;
use taper_engine::quantity::{QuoteAtoms, Side};

/// Orders that three seats can hold.
const ORDERS: i64 = 3 * 32;

/// Good, expired and out-of-band bids, their sizes and the order of wallets are the attacker's. Each call removes 16 or fills 32, so depth is
/// reached after `⌈orders ÷ 16⌉` calls, and a crumb makes it wait `⌊cooldown × lots ÷ plan⌋` slots at most: for the lots that it has closed, nothing for dust.
/// Seen to fail with every share rounded up in `charged_cooldown`.
fn hold_up(tries: u32) {
    let mut world = fine_world();
    world.place(MAKER, limit(Side::Bid, 96_400, 2 * LONG)).unwrap();
    let smallest = world.market.params.min_slice_base_lots;
    let cooldown = i64::from(world.market.params.ladder[0].cooldown_slots);
    let choices = (0..6).flat_map(|_| [0..=2, 0..=2, 1..=32, 1..=400]).collect();
    let found = Search::new(choices, 8).best(tries, |plan| {
        let mut world = world.clone();
        for group in plan.chunks_exact(4) {
            let wallet = [ATTACKER, SECOND, CAROL][usize::try_from(group[0]).unwrap()];
            for _ in 0..group[2] {
                let order = match group[1] {
                    0 => limit(Side::Bid, 96_500, group[3]),
                    1 => OrderRequest { expires_at_slot: world.slot + 1, ..limit(Side::Bid, 96_500, group[3]) },
                    _ => limit(Side::Bid, 99_000, group[3]),
                };
                if world.place(wallet, order).is_err() {
                    break;
                }
            }
        }
        world.slot += 1;
        let (start, hers) = (world.slot, world.wealth(ALICE));
        let (mut calls, mut allowed) = (0, 0);
        loop {
            calls += 1;
            world.slot = world.slot.max(world.accounts[0].cooldown_until_slot);
            let request = LiquidationRequest { min_payout: QuoteAtoms(i64::MIN), ..world.request() };
            let slice = world.liquidate(request).unwrap();
            if slice.lots.0 >= smallest || slice.episode_ended {
                break;
            }
            assert!(calls <= ORDERS / 16, "{plan:?}");
            // Of what the crumb has closed, rounded down: dust of 32 lots costs nothing.
            allowed += cooldown * slice.lots.0 / slice.planned.0;
        }
        let held = i64::try_from(world.slot - start).unwrap();
        assert!(held <= allowed, "{held} slots of {allowed}, {calls} calls: {plan:?}");
        // The dust bought at her price or better: her cost is the last slice's.
        assert!(hers - world.wealth(ALICE) <= LONG * 1_100);
        (100 * calls + held, (calls, held))
    });
    let most = ORDERS / 16 + 1;
    tell("calls (hundreds) and slots that dust holds a slice up", &found, 100 * most + cooldown);
    assert!(found.outcome.0 >= most - 1, "a weak search: {} calls of {most}", found.outcome.0);
}

#[test]
fn dust_holds_a_slice_up_by_calls_and_not_by_slots() {
    hold_up(SHORT_RUN / 10);
}

#[test]
#[ignore = "minutes"]
fn longer_hold_up() {
    hold_up(LONG_RUN / 10);
}
