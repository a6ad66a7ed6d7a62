use super::*;
use crate::fixture::rig;

/// Σ owed by all seats, unrounded, plus the pool, is the residue.
fn assert_pool_exact(market: &MarketState) {
    let charges = &market.charges;
    let owed: i128 = market
        .seats
        .rows
        .iter()
        .map(|seat| owed_scaled(seat, charges.funding_index_scaled, charges.loss_index_scaled).unwrap())
        .sum();
    assert_eq!(
        i128::from(charges.clearing_atoms) * i128::from(CHARGE_SCALE) + owed,
        i128::from(charges.residue_scaled)
    );
}

#[test]
fn funding_accrues_by_the_slot_and_only_while_the_sample_is_good() {
    let mut rig = rig(1);
    let market = &mut rig.market;
    market.params.funding_gap_slots = 100;
    market.charges.sampled_slot = 10;
    market.charges.accrued_slot = 10;
    market.charges.funding_rate_scaled_per_slot = 7;
    assert_eq!(market.funding_index_at(11), 7);
    assert_eq!(market.funding_index_at(110), 700);
    assert_eq!(market.funding_index_at(111), 700);
    market.accrue(60);
    assert_eq!((market.charges.funding_index_scaled, market.charges.accrued_slot), (350, 60));
    market.accrue(50);
    assert_eq!((market.charges.funding_index_scaled, market.charges.accrued_slot), (350, 60));
    market.accrue(1_000);
    assert_eq!(market.charges.funding_index_scaled, 700);
}

#[test]
fn longs_pay_shorts_receive_and_rounding_stays_in_the_pool() {
    let mut rig = rig(3);
    rig.give(0, 1, 7);
    rig.give(2, 1, 5);
    let before: i64 = rig.market.seats.rows.iter().map(|seat| seat.realised_atoms).sum();
    // A third of an atom per lot, roughly.
    rig.market.charges.funding_index_scaled = 349_525;
    assert_eq!(rig.market.owed_now(&rig.market.seats.rows[0]), Ok(QuoteAtoms(3)));
    assert_eq!(rig.market.owed_now(&rig.market.seats.rows[1]), Ok(QuoteAtoms(-3)));
    assert_pool_exact(&rig.market);
    for (seat, paid) in [(0, 3), (1, -3), (2, 2)] {
        assert_eq!(rig.market.settle_seat(seat), Ok(QuoteAtoms(paid)));
        assert_eq!(rig.market.settle_seat(seat), Ok(QuoteAtoms(0)));
        assert_pool_exact(&rig.market);
    }
    let after: i64 = rig.market.seats.rows.iter().map(|seat| seat.realised_atoms).sum();
    assert_eq!(after + rig.market.charges.clearing_atoms, before);
    assert_eq!(rig.market.charges.clearing_atoms, 2);
    assert_eq!(rig.market.take_residue(), Ok(QuoteAtoms(2)));
    assert_eq!((rig.market.charges.clearing_atoms, rig.market.charges.residue_scaled), (0, 0));
}

#[test]
fn a_shared_loss_is_collected_in_full_and_the_rest_is_insurances() {
    let mut rig = rig(3);
    rig.give(0, 1, 7);
    rig.give(2, 1, 6);
    assert_eq!(rig.market.socialise(QuoteAtoms(1_000)), Ok(QuoteAtoms(1_000)));
    assert_eq!(rig.market.charges.clearing_atoms, -1_000);
    assert_pool_exact(&rig.market);
    let paid: i64 = (0..3).map(|seat| rig.market.settle_seat(seat).unwrap().0).sum();
    // 7, 13 and 6 lots of 1,000 ÷ 26 atoms, each rounded up.
    assert_eq!(paid, 270 + 501 + 231);
    assert_pool_exact(&rig.market);
    assert_eq!(rig.market.take_residue(), Ok(QuoteAtoms(2)));
    assert_eq!(rig.market.charges.clearing_atoms, 0);
}

#[test]
fn without_lots_nothing_is_shared() {
    let mut rig = rig(1);
    assert_eq!(rig.market.socialise(QuoteAtoms(5)), Ok(QuoteAtoms::ZERO));
    assert_eq!(rig.market.charges.clearing_atoms, 0);
    assert_eq!(rig.market.socialise(QuoteAtoms(-1)), Err(EngineError::InvariantViolated));
}

#[test]
fn an_index_at_its_end_stops_there() {
    let mut rig = rig(1);
    rig.market.params.funding_gap_slots = 1_000;
    rig.market.charges.funding_index_scaled = INDEX_MAX - 1;
    rig.market.charges.funding_rate_scaled_per_slot = i64::MAX;
    rig.market.accrue(900);
    assert_eq!(rig.market.charges.funding_index_scaled, INDEX_MAX);
}
