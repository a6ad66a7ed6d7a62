//! The order of deleveraging as a thing to be bought, by search: trades among the coalition's wallets and with the market, sweeps, withdrawals,
//! resting orders and waits, before and between the calls that resolve.

use crate::rig::{limit, Rig, PRICE};
use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use std::ops::RangeInclusive;
use taper_engine::quantity::Side;

const LOSER: usize = 0;
const HONEST: usize = 1;
/// Quotes the oracle price, and is long what the honest short sold.
const MAKER: usize = 2;
const COALITION: [usize; 4] = [3, 4, 5, 6];
const LOTS: i64 = 8_000;
/// Of the price, for the loss and for the takeover.
const AFTER: i64 = 60_000;
const NEARLY: i64 = 95_300;
const UNPAID: i64 = LOTS * (PRICE - AFTER) - LOTS * PRICE / 20;
/// Kind, two wallets, lots, ticks off the oracle price, wait.
const NUMBERS: usize = 6;
const WAITS: [u64; 5] = [0, 0, 0, 1, 20_000];

/// The loser is long 8,000 lots with 5% of margin, the coalition's first wallet short as many; an honest account is short 8,000 from another price.
fn world(honest_entry: i64) -> Rig {
    let mut rig = Rig::new(1, 7);
    for who in 1..7 {
        rig.deposit(who, 10_000_000_000);
    }
    rig.deposit(LOSER, LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000);
    rig.set_price(0, honest_entry);
    rig.trade(MAKER, HONEST, 0, honest_entry, LOTS).unwrap();
    rig.set_price(0, PRICE);
    rig.trade(LOSER, COALITION[0], 0, PRICE, LOTS).unwrap();
    rig.slot += 1;
    rig
}

fn ranges(steps: usize) -> Vec<RangeInclusive<i64>> {
    (0..steps).flat_map(|_| [0..=11, 0..=3, 0..=3, 1..=2 * LOTS, -20..=20, 0..=4]).collect()
}

/// A step that is refused changes nothing. The market trades at the oracle price with whoever takes.
fn step(rig: &mut Rig, step: &[i64]) {
    let wallet = |at: i64| COALITION[usize::try_from(at).unwrap()];
    let (one, other, lots) = (wallet(step[1]), wallet(step[2]), step[3]);
    let (price, off) = (rig.price(0), step[4] * 100);
    match step[0] {
        0..=2 if one != other => drop(rig.trade(one, other, 0, price + off, lots)),
        3 => drop(rig.take(one, Side::Bid, MAKER, 0, price, lots)),
        4 => drop(rig.take(one, Side::Ask, MAKER, 0, price, lots)),
        5 => rig.touch(one),
        6 => drop(rig.withdraw_all(one)),
        7 => drop(rig.resolve(LOSER, 0)),
        8 => drop(rig.place(one, 0, limit(Side::Bid, price - 100 - off.abs(), lots))),
        9 => drop(rig.place(one, 0, limit(Side::Ask, price + 100 + off.abs(), lots))),
        10 => drop(rig.liquidate(one, LOSER, 0)),
        11 => drop(rig.absorb(one, LOSER, 0)),
        _ => {}
    }
    rig.slot += WAITS[usize::try_from(step[5]).unwrap()];
}

/// A loss that somebody has to bear: the coalition ranks first, and bears all of it if it does nothing. It escapes by no more than the charge, less
/// fees: nothing is to be won. Who ranks next bears it, within its profit, and all lots, those too that
/// the coalition has sold to others, share within the first maintenance rate of the price.
fn escape(tries: u32) {
    const HONEST_ENTRY: i64 = 65_000;
    let mut world = world(HONEST_ENTRY);
    world.set_price(0, AFTER);
    let plain = {
        let mut rig = world.clone();
        let before = rig.worth(&COALITION);
        rig.resolve_all(LOSER);
        rig.worth(&COALITION) - before
    };
    assert_eq!(plain, -(UNPAID - 1_000_000));
    let charged = LOTS * (HONEST_ENTRY - AFTER);
    let (mut moved, mut all_lots) = (0, 0);
    let found = Search::new(ranges(6), 31).best(tries, |plan| {
        let mut rig = world.clone();
        let (before, honest, maker) = (rig.worth(&COALITION), rig.worth(&[HONEST]), rig.worth(&[MAKER]));
        let mut lots = 2 * LOTS;
        for numbers in plan.chunks_exact(NUMBERS) {
            step(&mut rig, numbers);
            lots = lots.max(LOTS + rig.base(MAKER, 0).abs());
        }
        rig.resolve_all(LOSER);
        rig.audit();
        let profit = rig.worth(&COALITION) - before;
        assert!(profit <= 0, "{profit} won by a loss: {plan:?}");
        let (honest, maker) = (honest - rig.worth(&[HONEST]), maker - rig.worth(&[MAKER]));
        let shared = AFTER * 300 / 10_000;
        assert!(honest <= charged + shared * LOTS, "{honest}: {plan:?}");
        assert!(honest + maker <= (charged + shared * lots).min(UNPAID), "{honest} and {maker}: {plan:?}");
        moved += u32::from(honest > 0);
        all_lots += u32::from(maker > 0);
        (profit - plain, honest + maker)
    });
    tell("escaping a charge", &found, -plain);
    println!(
        "honest accounts bear {} of it; {moved} plans charged the next in rank, {all_lots} all lots",
        found.outcome
    );
    assert!(found.profit * 100 >= -plain * 98, "a weak search: {} of {}", found.profit, -plain);
    assert!(moved > 10 && all_lots > 0);
}

/// An account that is taken over gives what equity it has left to those who rank first, and an honest short does. Rank, slices and absorptions
/// together win the coalition no more than that equity; it is the loser's, and nobody else pays.
fn buy(tries: u32) {
    let mut world = world(PRICE + 200);
    world.set_price(0, NEARLY);
    assert!((500..2_000).contains(&world.health_bps(LOSER)), "{}", world.health_bps(LOSER));
    let given = world.equity(LOSER);
    let mut taken_over = 0;
    let found = Search::new(ranges(6), 32).best(tries, |plan| {
        let mut rig = world.clone();
        let (before, others) = (rig.worth(&COALITION), [HONEST, MAKER].map(|who| rig.worth(&[who])));
        plan.chunks_exact(NUMBERS).for_each(|numbers| step(&mut rig, numbers));
        taken_over += u32::from(!rig.resolve_all(LOSER).is_empty());
        rig.audit();
        let profit = rig.worth(&COALITION) - before;
        assert!(profit <= given, "{profit} of {given}: {plan:?}");
        for (who, had) in [HONEST, MAKER].into_iter().zip(others) {
            assert!(rig.worth(&[who]) >= had, "{who} pays {}: {plan:?}", had - rig.worth(&[who]));
        }
        (profit, ())
    });
    tell("buying a rank", &found, given);
    assert!(taken_over > 20, "{taken_over} were taken over");
    assert!(found.profit * 100 >= given * 80, "a weak search: {} of {given}", found.profit);
}

#[test]
fn the_best_escape_from_a_charge_is_the_charge() {
    escape(SHORT_RUN / 2);
}

#[test]
fn the_best_bought_rank_wins_what_a_takeover_gives() {
    buy(SHORT_RUN / 3);
}

#[test]
#[ignore = "minutes"]
fn longer_escape_and_buy() {
    escape(LONG_RUN / 5);
    buy(LONG_RUN / 5);
}
