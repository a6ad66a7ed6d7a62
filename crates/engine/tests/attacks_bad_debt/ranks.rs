//! Rank as a thing to be bought: who is deleveraged first decides who pays for a bankrupt account, and who gets what a takeover leaves.

use crate::rig::{limit, Rig, PRICE};
use taper_engine::quantity::{Price, Side};
use taper_engine::rank::rank_of;

const LOSER: usize = 0;
const ATTACKER: usize = 1;
const SECOND: usize = 2;
const HONEST: usize = 3;
const MAKER: usize = 4;
/// Further wallets of the attacker.
const WALLETS: usize = 8;
const COALITION: [usize; 10] = [ATTACKER, SECOND, 8, 9, 10, 11, 12, 13, 14, 15];
const LOTS: i64 = 8_000;
const AFTER: i64 = 60_000;
const UNPAID: i64 = LOTS * (PRICE - AFTER) - LOTS * PRICE / 20;

/// The loser is long 8,000 lots with 5% of margin, from whom does not matter. The attacker and an honest account are short 8,000 lots each from the
/// same price; their seats are as good, and the attacker's is the lower one: it is deleveraged first.
fn world() -> Rig {
    let mut rig = Rig::new(1, 16);
    for who in 1..16 {
        rig.deposit(who, 10_000_000_000);
    }
    rig.deposit(LOSER, LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000);
    rig.trade(LOSER, ATTACKER, 0, PRICE, LOTS).unwrap();
    rig.trade(MAKER, HONEST, 0, PRICE, LOTS).unwrap();
    rig
}

fn rank(rig: &Rig, who: usize) -> i64 {
    let window = rig.venues[0].market.params.rank_window_slots;
    rank_of(&rig.seat(who, 0), Price(rig.price(0)), window, rig.slot)
}

struct Outcome {
    /// What the coalition has at the end, less what it had when the price had fallen.
    attacker: i64,
    honest: i64,
}

/// The price falls, the attacker does what it does, the loser is resolved.
fn resolve_after(act: impl Fn(&mut Rig)) -> Outcome {
    let mut rig = world();
    rig.set_price(0, AFTER);
    let before = (rig.worth(&COALITION), rig.worth(&[HONEST]));
    act(&mut rig);
    let calls = rig.resolve_all(LOSER);
    assert!(calls.iter().all(|(_, summary, _)| summary.insurance.total().unwrap().is_zero()));
    rig.touch(HONEST);
    rig.audit();
    Outcome { attacker: rig.worth(&COALITION) - before.0, honest: rig.worth(&[HONEST]) - before.1 }
}

/// Without tricks the attacker's short takes the loser's lots and pays the loss, within its profit; the honest one nothing.
#[test]
fn who_ranks_first_pays() {
    let outcome = resolve_after(|_| {});
    assert_eq!((outcome.attacker, outcome.honest), (-(UNPAID - 1_000_000), 0));
}

/// Sweeping profit, once or in parts, changes no rank beyond the atoms that the window's sixteenths round off, and nothing that is paid.
#[test]
fn sweeping_does_not_lower_a_rank() {
    let mut rig = world();
    rig.set_price(0, AFTER);
    // A part of the profit is realised, and swept in steps of the cap.
    rig.trade(ATTACKER, MAKER, 0, AFTER, 1_000).unwrap();
    let before = rank(&rig, ATTACKER);
    for step in 1..10 {
        rig.venues[0].market.params.sweep_cap_atoms = rig.venues[0].market.net_swept_profit_atoms + step * 777_777;
        rig.touch(ATTACKER);
        // 15 atoms of the sixteenths, over 7,000 lots.
        assert!(before - rank(&rig, ATTACKER) <= 1, "{before} {}", rank(&rig, ATTACKER));
    }
    assert!(rank(&rig, ATTACKER) > rank(&rig, HONEST));
    rig.audit();
}

/// Selling to one's own second wallet at the oracle resets the entry: the position is the same, its profit is realised, and only unrealised profit
/// is charged. What is gained is the charge that the position would have borne, less two fees (0.04% of the notional, maker's rebate taken off);
/// the honest seat that now ranks first pays it, within its profit. Closing for good would have gained as much: charges are for those who are
/// still in. Measured: 279.0 million of charges escaped for 0.2 million of fees.
#[test]
fn resetting_the_entry_escapes_the_charge_and_no_more() {
    let plain = resolve_after(|_| {});
    let washed = resolve_after(|rig| {
        rig.trade(ATTACKER, SECOND, 0, AFTER, LOTS).unwrap();
    });
    let fees = LOTS * AFTER / 2_500;
    assert_eq!(washed.attacker, -fees);
    assert!(washed.attacker - plain.attacker <= UNPAID);
    // The honest seat bears it now: what its rank demands, within its profit of 40,000 a lot.
    assert_eq!(washed.honest, plain.attacker);
    assert!(-washed.honest <= LOTS * (PRICE - AFTER));
}

/// Washing within the same seat, too: its rank stays (realised counts), so it is still the first to be closed, at the oracle, at no charge; what it
/// would have paid nobody else can be asked for by rank, and all open lots share it, the second wallet's among them.
#[test]
fn washing_in_the_same_seat_keeps_the_rank_and_shares_the_loss() {
    let better_by_a_trade = |rig: &mut Rig| {
        // Its profit a lot is 1,000 above the honest one's, before and after.
        rig.trade(SECOND, ATTACKER, 0, AFTER + 1_000, LOTS).unwrap();
        rig.trade(ATTACKER, SECOND, 0, AFTER, LOTS).unwrap();
    };
    let plain = resolve_after(better_by_a_trade);
    let washed = resolve_after(|rig| {
        better_by_a_trade(rig);
        rig.trade(ATTACKER, SECOND, 0, AFTER, LOTS).unwrap();
        rig.trade(SECOND, ATTACKER, 0, AFTER, LOTS).unwrap();
        assert!(rank(rig, ATTACKER) > rank(rig, HONEST));
    });
    assert!(washed.attacker > plain.attacker && washed.attacker - plain.attacker <= UNPAID);
    // Half of the loss: one of the two lots of every pair that is left.
    assert!(-washed.honest <= UNPAID / 2 + 1, "{}", washed.honest);
}

/// The same position in eight seats instead of one, at the same entry: the same rank, and to the atom a seat the same charge. Bonds and fees are
/// lost, or at best nothing.
#[test]
fn splitting_over_seats_gains_less_than_an_atom_a_seat() {
    for (first, lots_lost) in [(LOTS, LOTS), (LOTS, 7_919), (LOTS, 13)] {
        let charge = |parts: i64| {
            let mut rig = Rig::new(1, 16);
            for who in 1..16 {
                rig.deposit(who, 10_000_000_000);
            }
            rig.deposit(LOSER, lots_lost * PRICE / 20 + lots_lost * PRICE / 2_000 + 1_000_000);
            let wallets: Vec<_> =
                (0..parts as usize).map(|part| if part == 0 { ATTACKER } else { WALLETS + part }).collect();
            rig.trade(LOSER, wallets[0], 0, PRICE, (first / parts).min(lots_lost)).unwrap();
            for who in &wallets {
                let left = first / parts + rig.base(*who, 0);
                if left > 0 {
                    rig.trade(MAKER, *who, 0, PRICE, left).unwrap();
                }
            }
            let more = lots_lost - rig.base(LOSER, 0);
            if more > 0 {
                rig.trade(LOSER, MAKER, 0, PRICE, more).unwrap();
            }
            rig.set_price(0, AFTER);
            let before = rig.worth(&wallets);
            rig.resolve_all(LOSER);
            rig.audit();
            before - rig.worth(&wallets)
        };
        let (whole, split) = (charge(1), charge(8));
        assert!(split >= whole - 8, "{split} instead of {whole}");
        assert!(split <= whole + 8);
    }
}

/// Being the best ranked counterparty of one's own takeover: what is left of the account's equity goes from one own wallet to the other, and in
/// sum nothing is gained; where an honest seat ranks higher, it is lost to it.
#[test]
fn ones_own_takeover_gains_nothing() {
    for honest_first in [false, true] {
        let mut rig = Rig::new(1, 16);
        for who in 1..16 {
            rig.deposit(who, 10_000_000_000);
        }
        let own = [LOSER, ATTACKER];
        rig.deposit(LOSER, LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000);
        if honest_first {
            rig.set_price(0, PRICE + 1_000);
            rig.trade(MAKER, HONEST, 0, PRICE + 1_000, LOTS).unwrap();
            rig.set_price(0, PRICE);
        }
        rig.trade(LOSER, ATTACKER, 0, PRICE, LOTS).unwrap();
        // Health of 0.1: a takeover.
        rig.set_price(0, 95_280);
        assert!((500..2_000).contains(&rig.health_bps(LOSER)), "{}", rig.health_bps(LOSER));
        let before = rig.worth(&own);
        let given = rig.equity(LOSER);
        rig.resolve_all(LOSER);
        rig.audit();
        let expected = if honest_first { before - given } else { before };
        assert_eq!(rig.worth(&own), expected);
    }
}

/// A high rank can be bought: profit is moved into the seat that is to rank first by trading with an own second wallet at the edges of the
/// maker band. It wins what somebody else's takeover gives away, at most the equity that the account has left: under 0.2 × its maintenance margin,
/// 0.6% of its notional. In sum it costs fees; nobody else is charged by it.
#[test]
fn a_bought_rank_wins_at_most_what_a_takeover_gives() {
    let mut rig = world();
    rig.set_price(0, 95_280);
    let given = rig.equity(LOSER);
    let (before, honest) = (rig.worth(&COALITION), rig.worth(&[HONEST]));
    // SECOND is long from MAKER, and has no profit; it sells high to ATTACKER, and buys back low, until its rank is the highest.
    rig.trade(MAKER, SECOND, 0, 95_200, LOTS).unwrap();
    for _ in 0..6 {
        rig.trade(SECOND, 8, 0, 93_500, LOTS).unwrap();
        rig.trade(8, SECOND, 0, 97_000, LOTS).unwrap();
    }
    assert!(rank(&rig, SECOND) > rank(&rig, HONEST));
    let spent = before - rig.worth(&COALITION);
    rig.resolve_all(LOSER);
    rig.audit();
    assert!(rig.base(SECOND, 0) == 0 && spent > 0);
    let gain = rig.worth(&COALITION) - before;
    assert_eq!(gain, given - spent);
    assert!(given < LOTS * 95_280 * 6 / 1_000);
    assert_eq!(rig.worth(&[HONEST]), honest);
    // What a rank above an account with 40,000 of profit costs by fees alone is more than what there is to win.
    assert!(gain < 0, "given {given}, spent {spent}");
}

/// Old profit fades out of a rank whatever strangers do: a seat that is touched again and again does not keep it for ever.
#[test]
fn touching_a_seat_does_not_keep_its_old_profit_in_the_ranking() {
    let mut rig = world();
    rig.set_price(0, AFTER);
    rig.trade(HONEST, MAKER, 0, AFTER, 4_000).unwrap();
    rig.touch(HONEST);
    rig.set_price(0, PRICE);
    let window = u64::from(rig.venues[0].market.params.rank_window_slots);
    let mut lazy = rig.clone();
    lazy.slot += window;
    // Funding gives every touch something to sweep.
    let slot = rig.slot;
    let charges = &mut rig.venues[0].market.charges;
    (charges.funding_rate_scaled_per_slot, charges.sampled_slot, charges.accrued_slot) = (3, slot, slot);
    for _ in 0..40 {
        rig.slot += window / 20;
        rig.venues[0].market.charges.sampled_slot = rig.slot;
        rig.touch(HONEST);
    }
    assert!(rig.slot >= lazy.slot);
    let (touched, untouched) = (rank(&rig, HONEST), rank(&lazy, HONEST));
    assert!(touched <= untouched + (untouched.abs() / 8).max(1 << 30), "{touched} {untouched}");
}

/// Orders in the book are no position: they neither rank nor shield.
#[test]
fn resting_orders_change_no_charge() {
    let plain = resolve_after(|_| {});
    let with_orders = resolve_after(|rig| {
        for level in 1..10 {
            rig.place(ATTACKER, 0, limit(Side::Ask, AFTER + 1_000 * level, 100)).unwrap();
            rig.place(ATTACKER, 0, limit(Side::Bid, AFTER - 1_000 * level, 100)).unwrap();
        }
    });
    assert_eq!((plain.attacker, plain.honest), (with_orders.attacker, with_orders.honest));
}
