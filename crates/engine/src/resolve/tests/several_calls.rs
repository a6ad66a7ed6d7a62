//! A resolution that one call does not end: what changes in between, and what must not.

use super::*;

#[test]
fn more_counterparties_than_a_call_takes() {
    let cut = |stop: usize| {
        let against: Vec<i64> = (0..40).map(|index| 1 + index % 3).collect();
        let mut rig = world(100_000, &against);
        let before = total(&rig);
        let context = context(&rig, 80_000);
        let mut charged = Vec::new();
        for call in 0..8 {
            let (summary, moves) = resolve(&mut rig, &context);
            let summary = summary.unwrap();
            charged.extend(moves.iter().map(|row| (row.seat_index, row.charged_atoms)));
            assert_eq!(total(&rig), before);
            assert_sound(&rig);
            if summary.lots_left.is_zero() {
                assert_eq!(rig.accounts[0].resolution.position_plus_one, 0);
                return (charged, rig.accounts[0].cash_atoms);
            }
            assert_eq!(summary.lots.0 > 0, moves.len() == COUNTERPARTIES);
            if call == stop {
                // Another leg may not be begun in this slot.
                let mut other = context;
                other.position = 3;
                assert_eq!(resolve(&mut rig, &other).0, Err(EngineError::ResolutionInProgress));
            }
        }
        panic!("it never ended");
    };
    assert_eq!(cut(0), cut(9));
    assert_eq!(cut(0).0.len(), 40);
}

#[test]
fn cash_that_comes_in_between_has_the_share_worked_out_anew() {
    let mut rig = world(100_000, &[1; 20]);
    let at = context(&rig, 80_000);
    let first = resolve(&mut rig, &at).0.unwrap();
    // 300,000 of 400,000 are missing: 15,000 a lot, of which four are left.
    assert_eq!(
        (first.deleveraged, first.remaining, first.swept),
        (QuoteAtoms(240_000), QuoteAtoms(60_000), QuoteAtoms(0))
    );
    rig.accounts[0].cash_atoms += 1_000;
    let second = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((second.deleveraged, second.equity_before), (QuoteAtoms(59_000), QuoteAtoms(-59_000)));
    assert_eq!(rig.accounts[0].cash_atoms, 0);
}

/// What insurance has got since the first call is for the next loss: a leg's result does not depend on when its second call comes.
#[test]
fn what_was_begun_does_not_draw_again() {
    let mut rig = world(100_000, &[1; 20]);
    let mut at = context(&rig, 80_000);
    let first = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((first.remaining, first.lots_left), (QuoteAtoms(60_000), BaseLots(4)));
    rig.market.contribute(QuoteAtoms(30_000)).unwrap();
    at.slot += 1;
    let second = resolve(&mut rig, &at).0.unwrap();
    assert_eq!(second.insurance.total().unwrap(), QuoteAtoms(0));
    assert_eq!((second.deleveraged, second.lots_left), (QuoteAtoms(60_000), BaseLots(0)));
    assert_sound(&rig);
}

#[test]
fn what_was_begun_never_takes_more_than_is_missing_now() {
    let mut rig = world(100_000, &[1; 20]);
    let mut at = context(&rig, 80_000);
    resolve(&mut rig, &at).0.unwrap();
    // Another leg has recovered by 50,000 at the same price of this one.
    at.others.maintenance.equity = QuoteAtoms(50_000);
    at.others.favourable.equity = QuoteAtoms(50_000);
    let second = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((second.deleveraged, second.equity_before), (QuoteAtoms(10_000), QuoteAtoms(-10_000)));
}

/// What was begun when the account lacked ten atoms does not spare the counterparties what it lacks once another leg has fallen.
#[test]
fn another_legs_price_has_the_share_worked_out_anew() {
    let mut rig = world(100_000, &[1; 20]);
    let mut at = context(&rig, 80_000);
    at.others.maintenance.equity = QuoteAtoms(299_990);
    at.others.favourable.equity = at.others.maintenance.equity;
    let first = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((first.equity_before, first.lots_left), (QuoteAtoms(-10), BaseLots(4)));
    assert_eq!(first.deleveraged.0 + first.remaining.0, 10);
    at.others.maintenance.equity = QuoteAtoms(0);
    at.others.favourable.equity = at.others.maintenance.equity;
    let second = resolve(&mut rig, &at).0.unwrap();
    assert_eq!((second.deleveraged, second.lots_left), (QuoteAtoms(80_000), BaseLots(0)));
    assert_eq!(first.deleveraged.0 + second.deleveraged.0 + second.unassigned.0, 300_000);
}

#[test]
fn the_stall_clock_stops_when_nothing_is_open_and_not_half_way() {
    let mut rig = tiered();
    rig.accounts[0].stalled_since_slot = 5;
    let at = context(&rig, 100_000);
    assert_eq!(resolve(&mut rig, &at).0.unwrap().lots_left, BaseLots(2_000));
    assert_eq!(rig.accounts[0].stalled_since_slot, 5);
    assert_eq!(resolve(&mut rig, &at).0.unwrap().lots_left, BaseLots(0));
    assert_eq!(rig.accounts[0].stalled_since_slot, 0);
    for (is_open, expected) in [(true, 5), (false, 0)] {
        let mut rig = world(1_000, &[15]);
        rig.accounts[0].stalled_since_slot = 5;
        rig.accounts[0].episode.kind = 1;
        let mut at = context(&rig, 80_000);
        at.others.legs[3].is_open = is_open;
        at.others.maintenance.requirement = Requirement(i128::from(is_open));
        resolve(&mut rig, &at).0.unwrap();
        assert_eq!((rig.accounts[0].stalled_since_slot, rig.accounts[0].episode.is_active()), (expected, is_open));
    }
}
