//! Keeping the gate shut: deficits on record hold withdrawals, so whoever owes something could try to owe it for ever.

use crate::rig::{limit, Rig, PRICE};
use taper_engine::error::EngineError;
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
    assert_eq!(rig.traders[DEBTOR].state.recorded_deficit_atoms, 0);
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
    assert_eq!(resolved.traders[DEBTOR].state.recorded_deficit_atoms, 0);
    for rig in [paid, recovered, resolved] {
        rig.audit();
    }
}

/// Many debtors hold, together, no more than each of them would; every one that is resolved opens the gate by its part. None of them can make
/// itself unresolvable with orders in the book.
#[test]
fn debtors_in_numbers_are_resolved_one_by_one() {
    let mut rig = with_debt(PRICE);
    let debtors: Vec<_> = (10..30).collect();
    rig.deposit(WINNER, 1_000_000_000);
    for who in &debtors {
        rig.deposit(*who, 8_000_000);
        rig.trade(*who, WINNER, 0, PRICE, 1_000).unwrap();
        for level in 0..16 {
            let _ = rig.place(*who, 0, limit(Side::Ask, PRICE + 10_000 + level * 100, 1));
        }
    }
    rig.set_price(0, 85_000);
    rig.trade(WINNER, THIRD, 0, 85_000, 20_000).unwrap();
    rig.withdraw_all(WINNER);
    let mut held = 0;
    for who in &debtors {
        rig.record_deficit(*who);
        assert!(rig.held() > held && rig.held() - held <= SWEEP_CAP);
        held = rig.held();
    }
    for who in &debtors {
        let before = rig.held();
        let calls = rig.resolve_all(*who).len();
        assert!(calls <= 3, "{calls}");
        assert_eq!((rig.leg(*who, 0), rig.traders[*who].state.recorded_deficit_atoms), (None, 0));
        assert!(rig.held() < before);
    }
    assert!(rig.held() <= SWEEP_CAP);
    assert_eq!(rig.withdraw_all(SAVER), 400_000_000);
    rig.audit();
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
