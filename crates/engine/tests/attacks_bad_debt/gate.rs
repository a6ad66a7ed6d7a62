//! Keeping the gate shut: deficits on record hold withdrawals, so whoever owes something could try to owe it for ever.

use crate::pump::Random;
use crate::rig::{limit, Rig, PRICE};
use taper_engine::error::EngineError;
use taper_engine::oracle::Grade;
use taper_engine::quantity::Side;

const DEBTOR: usize = 0;
const WINNER: usize = 1;
const THIRD: usize = 2;
const SAVER: usize = 3;
const SWEEP_CAP: i64 = 25_000_000;

/// A debtor that is long 1,000 lots of its own second wallet, with just its margin; the winner closes against the third at `price` and takes out
/// what it can. The saver has cash and nothing else.
fn with_debt(price: i64) -> Rig {
    let mut rig = Rig::new(2, 60);
    rig.venues[0].market.params.sweep_cap_atoms = SWEEP_CAP;
    rig.deposit(SAVER, 400_000_000);
    rig.deposit(WINNER, 50_000_000);
    rig.deposit(THIRD, 5_000_000_000);
    rig.deposit(DEBTOR, 1_000 * PRICE / 20 + 1_000_000 + 1_000 * PRICE / 2_000);
    rig.trade(DEBTOR, WINNER, 0, PRICE, 1_000).unwrap();
    rig.set_price(0, price);
    rig.trade(WINNER, THIRD, 0, price / 100 * 100, 1_000).unwrap();
    rig.withdraw_all(WINNER);
    rig
}

/// An account that is negative by an atom holds back an atom.
#[test]
fn an_atom_of_debt_holds_an_atom() {
    // Of 6,000,000 of margin and bond 5,999,999 are lost, then one atom more, then two.
    for (price, owed) in [(94_001, 0), (94_000, 0), (93_999, 1_000)] {
        let mut rig = with_debt(price);
        rig.record_deficit(DEBTOR);
        assert_eq!(rig.held(), owed, "{price}");
        assert!(rig.held() <= SWEEP_CAP);
    }
    let mut rig = with_debt(93_999);
    // Somebody pays all but one atom of it.
    rig.deposit(DEBTOR, 999);
    rig.record_deficit(DEBTOR);
    assert_eq!(rig.held(), 1);
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    rig.withdraw_all(THIRD);
    rig.audit();
}

/// A debt of any size holds no more than its market's winners have taken out, here of a winner that has taken out all that the cap allows.
/// Whoever wants its money resolves the debtor first, in the same transaction; what nobody can bear then holds no more than the cap.
#[test]
fn a_debt_of_billions_holds_the_sweep_cap() {
    // A short in a market that rises thirtyfold.
    let mut rig = Rig::new(1, 4);
    rig.venues[0].market.params.sweep_cap_atoms = SWEEP_CAP;
    for (who, stake) in [(DEBTOR, 7_000_000), (WINNER, 50_000_000), (THIRD, 500_000_000), (SAVER, 400_000_000)] {
        rig.deposit(who, stake);
    }
    rig.trade(WINNER, DEBTOR, 0, PRICE, 1_000).unwrap();
    rig.set_price(0, 3_000_000);
    rig.trade(THIRD, WINNER, 0, 3_000_000, 1_000).unwrap();
    rig.withdraw_all(WINNER);
    assert!(rig.equity(DEBTOR) < -2_000_000_000);
    rig.record_deficit(DEBTOR);
    assert_eq!(rig.held(), SWEEP_CAP);
    let saved = rig.clone();
    // With the record alone.
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    // And with the debtor resolved first.
    let mut rig = saved;
    rig.resolve_all(DEBTOR);
    assert_eq!(rig.recorded(DEBTOR), 0);
    assert!(rig.venues[0].market.unassigned_loss_atoms > 2_000_000_000);
    assert_eq!(rig.held(), SWEEP_CAP);
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    rig.audit();
}

/// A record outlives its reason only until anybody looks: a debtor that recovers, or pays, or is resolved.
#[test]
fn a_stale_record_is_anybodys_to_correct() {
    let mut rig = with_debt(80_000);
    rig.record_deficit(DEBTOR);
    let held = rig.held();
    assert!(held > 0);
    let mut paid = rig.clone();
    paid.deposit(DEBTOR, 30_000_000);
    paid.record_deficit(DEBTOR);
    assert_eq!(paid.held(), 0);
    let mut recovered = rig.clone();
    recovered.set_price(0, PRICE);
    recovered.record_deficit(DEBTOR);
    assert_eq!(recovered.held(), 0);
    let mut resolved = rig.clone();
    resolved.resolve_all(DEBTOR);
    assert_eq!(resolved.recorded(DEBTOR), 0);
    for rig in [paid, recovered, resolved] {
        rig.audit();
    }
}

/// Sixty debtors of a pumped market, each of them short of a hundred times what was taken out of it.
fn pumped(debtors: &[usize]) -> Rig {
    let mut rig = Rig::new(1, 10 + debtors.len());
    rig.venues[0].market.params.sweep_cap_atoms = SWEEP_CAP;
    for (who, stake) in [(SAVER, 400_000_000), (WINNER, 5_000_000_000), (THIRD, 500_000_000)] {
        rig.deposit(who, stake);
    }
    for who in debtors {
        rig.deposit(*who, 8_000_000);
        rig.trade(WINNER, *who, 0, PRICE, 1_000).unwrap();
        for level in 0..16 {
            let _ = rig.place(*who, 0, limit(Side::Bid, PRICE - 10_000 - level * 100, 1));
        }
    }
    rig.set_price(0, 3_000_000);
    rig.trade(THIRD, WINNER, 0, 3_000_000, 10).unwrap();
    rig.touch(WINNER);
    assert_eq!(rig.venues[0].market.taken_out().0, SWEEP_CAP);
    rig
}

/// Many debtors hold together no more than what was taken out of their market, and not an atom less, in whatever order and however often they are
/// recorded; one that is resolved makes room for the next. None of them can make itself unresolvable with orders in the book.
#[test]
fn debtors_in_numbers_hold_together_what_was_taken_out() {
    let debtors: Vec<_> = (10..70).collect();
    let mut rig = pumped(&debtors);
    for who in debtors.iter().chain(debtors.iter().rev()).chain(&debtors) {
        assert!(rig.equity(*who) < -100 * SWEEP_CAP);
        rig.record_deficit(*who);
        assert_eq!(rig.held(), SWEEP_CAP);
    }
    rig.audit();
    // One of them holds all of it. Once that one is resolved another may, as far as the losers have not paid by then.
    assert_eq!(rig.recorded(debtors[0]), SWEEP_CAP);
    for who in &debtors {
        let calls = rig.resolve_all(*who).len();
        assert!(calls <= 3, "{calls}");
        assert_eq!((rig.leg(*who, 0), rig.recorded(*who)), (None, 0));
        for other in &debtors {
            rig.record_deficit(*other);
            assert!(rig.venues[0].market.recorded_atoms <= rig.venues[0].market.taken_out().0);
            assert!(rig.held() <= SWEEP_CAP, "what is kept for the losses of some is recorded again for others");
        }
    }
    assert_eq!(rig.venues[0].market.recorded_atoms, 0);
    assert!(rig.held() <= SWEEP_CAP);
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    rig.audit();
}

/// What is on record for a market of which losers have paid since is anybody's to lower, with a silent oracle, too: by as much as the market's
/// records exceed what was taken out, and by nothing that the price would have to tell.
#[test]
fn a_silent_oracle_lets_a_record_fall_to_what_was_taken_out() {
    let debtors: Vec<_> = (10..13).collect();
    let mut rig = pumped(&debtors);
    rig.record_deficit(debtors[0]);
    rig.venues[0].price.grade = Grade::Frozen;
    for who in &debtors {
        assert!(!rig.record_deficit(*who), "it is silent, and nothing may be raised");
    }
    // The winner's profit stays in the debtor's account, which has cash again: it is a loss of the market's.
    rig.venues[0].price.grade = Grade::Fresh;
    rig.deposit(debtors[1], 10_000_000);
    assert_eq!(rig.settle_loss(debtors[1], 0).map(|moved| moved.0 > 0), Ok(true));
    rig.venues[0].price.grade = Grade::Frozen;
    let taken_out = rig.venues[0].market.taken_out().0;
    assert!(taken_out > 0 && taken_out < SWEEP_CAP && rig.held() == SWEEP_CAP);
    assert!(!rig.record_deficit(debtors[2]));
    assert!(rig.record_deficit(debtors[0]));
    assert_eq!(rig.held(), taken_out);
    assert!(!rig.record_deficit(debtors[0]));
    // Silent again for a price at which it would owe nothing: nobody knows.
    rig.set_price(0, PRICE);
    assert!(!rig.record_deficit(debtors[0]));
    rig.venues[0].price.grade = Grade::Degraded;
    assert!(rig.record_deficit(debtors[0]));
    assert_eq!(rig.held(), 0);
    rig.audit();
}

/// A debtor with a loss in two markets: each market's part is the leg's share, and falls when that leg is resolved, whichever comes first.
#[test]
fn a_record_falls_leg_by_leg() {
    let mut rig = Rig::new(2, 60);
    for (who, stake) in [(SAVER, 400_000_000), (DEBTOR, 30_000_000), (THIRD, 5_000_000_000), (WINNER, 5_000_000_000)] {
        rig.deposit(who, stake);
    }
    let legs = [(0, 1_000), (1, 3_000)];
    for (venue, lots) in legs {
        rig.venues[venue].market.params.sweep_cap_atoms = 200_000_000;
        rig.trade(DEBTOR, WINNER, venue, PRICE, lots).unwrap();
    }
    for (venue, lots) in legs {
        rig.set_price(venue, 80_000);
        rig.trade(WINNER, THIRD, venue, 80_000, lots).unwrap();
        rig.withdraw_all(WINNER);
    }
    let owed = -rig.equity(DEBTOR);
    assert!(owed > 40_000_000);
    assert!(rig.record_deficit(DEBTOR));
    assert_eq!(rig.recorded(DEBTOR), owed);
    let parts = [0, 1].map(|venue| rig.venues[venue].market.recorded_atoms);
    assert!((parts[0] * 3 - parts[1]).abs() < 4, "{parts:?}");
    for first in [0, 1] {
        let mut rig = rig.clone();
        let (summary, _) = rig.resolve(DEBTOR, first).unwrap();
        assert_eq!(rig.recorded(DEBTOR), parts[1 - first]);
        assert_eq!(summary.deficit_left().map(|left| left.0), Ok(parts[1 - first]));
        rig.resolve(DEBTOR, 1 - first).unwrap();
        assert_eq!(rig.recorded(DEBTOR), 0);
        rig.audit();
    }
}

/// Whoever owes nothing in a market any more cannot get rid of its part of the record by giving the seat back: another leg may owe it now.
#[test]
fn a_seat_with_a_part_of_the_record_is_recorded_anew_before_it_is_released() {
    let mut rig = with_debt(85_000);
    assert!(rig.record_deficit(DEBTOR));
    rig.deposit(DEBTOR, 50_000_000);
    rig.trade(THIRD, DEBTOR, 0, 85_000, 1_000).unwrap();
    rig.touch(DEBTOR);
    assert!(rig.seat(DEBTOR, 0).is_flat());
    assert_eq!(rig.release(DEBTOR, 0), Err(EngineError::SeatNotEmpty));
    // A seat without a position needs no price.
    rig.venues[0].price.grade = Grade::Frozen;
    assert!(rig.record_deficit(DEBTOR));
    rig.release(DEBTOR, 0).unwrap();
    assert_eq!(rig.held(), 0);
    rig.audit();
}

/// Whatever is done to six accounts in two markets, one of which falls silent now and then: no market's record is raised above what was taken
/// out of it, seats, markets and accounts agree on what it is, and where all prices are live anybody can bring it down to that.
#[test]
fn records_stay_within_what_was_taken_out_in_any_order() {
    let mut random = Random(0xde_f1c1);
    let (mut raised, mut lowered, mut full) = (0, 0, 0);
    for _ in 0..160 {
        let mut rig = Rig::new(2, 6);
        for venue in &mut rig.venues {
            venue.market.params.sweep_cap_atoms = random.of(&[3_000_000, SWEEP_CAP, 200_000_000]);
        }
        for who in 0..6 {
            rig.deposit(who, random.of(&[12_000_000, 40_000_000, 400_000_000]));
        }
        for _ in 0..120 {
            let (who, other, venue) = (random.below(6), random.below(6), random.below(2));
            match random.below(18) {
                0..6 if who != other && rig.venues.iter().all(|venue| venue.price.grade == Grade::Fresh) => {
                    let price = rig.price(venue) / 100 * 100;
                    let _ = rig.trade(who, other, venue, price, random.of(&[200, 800, 3_000]));
                }
                0..7 => rig.set_price(venue, random.of(&[40_000, 70_000, PRICE, 130_000, 300_000])),
                7..13 => {
                    let before = rig.held();
                    let _ = rig.record_deficit(who);
                    raised += usize::from(rig.held() > before);
                    lowered += usize::from(rig.held() < before);
                }
                13 => drop(rig.resolve(who, venue)),
                14 => drop(rig.release(who, venue)),
                15 => rig.touch(who),
                16 => drop(rig.settle_loss(who, venue)),
                _ => rig.venues[venue].price.grade = random.of(&[Grade::Fresh, Grade::Fresh, Grade::Frozen]),
            }
        }
        rig.audit();
        for venue in &mut rig.venues {
            venue.price.grade = Grade::Fresh;
        }
        for who in 0..6 {
            rig.record_deficit(who);
        }
        for venue in &rig.venues {
            assert!(venue.market.recorded_atoms <= venue.market.taken_out().0);
            full += usize::from(
                venue.market.recorded_atoms > 0 && venue.market.recorded_atoms == venue.market.taken_out().0,
            );
        }
        rig.audit();
    }
    assert!(raised > 60 && lowered > 40 && full > 20, "{raised} {lowered} {full}");
}

/// A leg with many counterparties is half resolved, and stays so for the slot: another leg of the account cannot be begun, but anybody goes on
/// with the first, in the same slot, to the end, and then with the other.
#[test]
fn a_half_resolved_leg_does_not_stop_the_rest() {
    let mut rig = Rig::new(2, 60);
    rig.deposit(SAVER, 400_000_000);
    rig.deposit(DEBTOR, 40 * 100 * PRICE / 10 + 80_000_000);
    for who in 10..50 {
        rig.deposit(who, 50_000_000);
        rig.trade(DEBTOR, who, 0, PRICE, 100).unwrap();
        rig.trade(DEBTOR, who, 1, PRICE, 40).unwrap();
    }
    for venue in [0, 1] {
        rig.set_price(venue, 60_000);
    }
    assert!(rig.equity(DEBTOR) < 0);
    rig.record_deficit(DEBTOR);
    let (first, _) = rig.resolve(DEBTOR, 0).unwrap();
    assert!(first.lots_left.is_positive());
    assert_eq!(rig.resolve(DEBTOR, 1).map(|_| ()), Err(EngineError::ResolutionInProgress));
    assert!(rig.withdraw(DEBTOR, 1).is_err());
    // In the same slot, without waiting for anything.
    let calls = rig.resolve_all(DEBTOR).len();
    assert!(calls <= 8, "{calls}");
    assert!(rig.traders[DEBTOR].legs.iter().all(|leg| leg.is_none()));
    assert_eq!(rig.held(), 0);
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    rig.audit();
}
