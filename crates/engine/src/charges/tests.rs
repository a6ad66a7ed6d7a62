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

#[test]
fn what_the_loss_index_has_no_room_for_is_not_shared() {
    let mut rig = rig(3);
    rig.give(0, 1, 7);
    rig.give(2, 1, 6);
    // Every seat has paid up to here; three atoms a lot are left, and half of one.
    rig.market.charges.loss_index_scaled = INDEX_MAX - 7 * CHARGE_SCALE / 2;
    for seat in &mut rig.market.seats.rows {
        seat.loss_checkpoint_scaled = INDEX_MAX - 7 * CHARGE_SCALE / 2;
    }
    // 26 lots.
    assert_eq!(rig.market.socialise(QuoteAtoms(26)), Ok(QuoteAtoms(26)));
    assert_pool_exact(&rig.market);
    assert_eq!(rig.market.socialise(QuoteAtoms(i64::MAX)), Ok(QuoteAtoms(65)));
    assert_eq!((rig.market.charges.loss_index_scaled, rig.market.socialised_atoms), (INDEX_MAX, 91));
    assert_pool_exact(&rig.market);
    assert_eq!(rig.market.socialise(QuoteAtoms(1)), Ok(QuoteAtoms::ZERO));
    let paid: i64 = (0..3).map(|seat| rig.market.settle_seat(seat).unwrap().0).sum();
    // 7, 13 and 6 lots of 3.5 atoms.
    assert_eq!(paid, 25 + 46 + 21);
    assert_pool_exact(&rig.market);
}

/// The largest positions, after funding has run for ten periods at the widest premium there is: everything stays within its bounds.
#[test]
fn the_largest_positions_settle() {
    let mut rig = rig(2);
    let (lots, period) = (crate::quantity::MAX_BASE_LOTS, i64::from(rig.market.params.funding_period_slots));
    // A price at which the largest position has the largest notional there is.
    let premium = (crate::quantity::MAX_NOTIONAL_ATOMS / lots) * 9_999 / 10_000;
    rig.market.charges.funding_rate_scaled_per_slot = premium * CHARGE_SCALE / period;
    rig.market.params.funding_gap_slots = u32::MAX;
    for (seat, base) in [(0, lots), (1, -lots)] {
        rig.market.seats.rows[seat].base_lots = base;
    }
    rig.market.open_interest_base_lots = lots;
    rig.market.accrue(u64::try_from(10 * period).unwrap());
    let paid = [0, 1].map(|seat| rig.market.settle_seat(seat).unwrap().0);
    assert!(
        paid[0] > 9 * crate::quantity::MAX_NOTIONAL_ATOMS && paid[0] + paid[1] == rig.market.charges.clearing_atoms
    );
    assert!((0..=2).contains(&rig.market.charges.clearing_atoms));
    assert_pool_exact(&rig.market);
}
