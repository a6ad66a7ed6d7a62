//! Funding as a weapon: a coalition with a position bends the premium that sets the rate, and is paid by everybody else.

use crate::rig::{limit, taking, Rig, PRICE};
use taper_engine::quantity::{BaseLots, Side};

const HONEST: usize = 0;
const SHORT: usize = 1;
const PAINTER: usize = 2;
const ARBITRAGEUR: usize = 3;
/// The coalition.
const COALITION: [usize; 2] = [SHORT, PAINTER];
/// What the coalition's short collects from: nearly all that the market may have open (10 million). At the cap itself only those who are
/// long already could take painted bids; they are the ones who pay for them.
const POSITION: i64 = 9_375_000;

/// An honest account is long, the coalition short. The book is empty: nobody keeps the coalition from showing what it likes.
fn world() -> Rig {
    let mut rig = Rig::new(1, 4);
    for who in 0..4 {
        rig.deposit(who, 2_000_000_000_000);
    }
    rig.trade(HONEST, SHORT, 0, PRICE, POSITION).unwrap();
    rig.slot += 1;
    rig
}

/// Shows bids and asks 0.8% and 1.2% above the oracle, of the size that a sample looks at.
fn paint(rig: &mut Rig) {
    let lots = rig.venues[0].market.params.funding_impact_base_lots;
    rig.place(PAINTER, 0, limit(Side::Bid, PRICE + 800, lots)).unwrap();
    rig.place(PAINTER, 0, limit(Side::Ask, PRICE + 1_200, lots)).unwrap();
}

fn interval(rig: &Rig) -> u64 {
    rig.venues[0].market.params.funding_interval_slots.into()
}

/// Orders of the same slot (shown, sampled and taken away in one transaction) count for nothing, however often.
#[test]
fn a_book_shown_within_a_slot_moves_nothing() {
    let mut rig = world();
    let before = rig.worth(&COALITION);
    for _ in 0..20 {
        paint(&mut rig);
        let sample = rig.sample(0).unwrap();
        assert_eq!((sample.is_measured, sample.rate_scaled_per_slot), (false, 0));
        rig.cancel_all(PAINTER, 0);
        rig.slot += interval(&rig);
    }
    assert_eq!(rig.worth(&COALITION), before);
    rig.audit();
}

/// One sample of a painted book sets no rate, as long as anybody samples the book as it is in between.
#[test]
fn a_book_shown_for_every_other_sample_moves_nothing() {
    let mut rig = world();
    let before = rig.worth(&COALITION);
    for _ in 0..10 {
        paint(&mut rig);
        rig.slot += 1;
        assert!(rig.sample(0).unwrap().is_measured);
        rig.cancel_all(PAINTER, 0);
        rig.slot += interval(&rig);
        assert_eq!(rig.sample(0).unwrap().rate_scaled_per_slot, 0);
        rig.slot += interval(&rig);
    }
    assert_eq!(rig.worth(&COALITION), before);
    rig.audit();
}

/// To hold a rate, the orders must stand over a slot at each sample, where anybody may take them: what is lost to one taker is
/// `impact lots × distance`, what the rate brings until the next sample is `position × rate × interval`. With the default parameters the
/// first is three times the second at most, with all of the open interest in the coalition's hands. Per interval, measured: brings 15.6
/// million atoms (0.002% of the notional), costs 50 million.
#[test]
fn a_painted_book_that_one_arbitrageur_sees_costs_more_than_it_brings() {
    let mut rig = world();
    let before = rig.worth(&COALITION);
    let mut earned = 0;
    for round in 0..10 {
        paint(&mut rig);
        rig.slot += 1;
        let sample = rig.sample(0).unwrap();
        assert_eq!(sample.premium_atoms_per_lot, 800);
        assert_eq!(sample.rate_scaled_per_slot > 0, round > 0);
        let lots = rig.venues[0].market.params.funding_impact_base_lots;
        let hit = rig.place(ARBITRAGEUR, 0, taking(Side::Ask, PRICE + 800, lots)).unwrap();
        assert_eq!(hit.filled, BaseLots(lots));
        rig.cancel_all(PAINTER, 0);
        let owed = rig.equity(SHORT);
        rig.slot += interval(&rig);
        earned = rig.equity(SHORT) - owed;
    }
    // 9,375,000 lots × 800 atoms ÷ 72,000 slots × 150 slots, rounded down per lot and slot.
    assert!((15_500_000..=15_625_000).contains(&earned), "{earned}");
    assert!(rig.worth(&COALITION) < before, "{}", rig.worth(&COALITION) - before);
    assert!(rig.worth(&COALITION) <= before - 10 * (50_000_000 - 15_625_000));
    rig.audit();
}

/// Where nobody takes painted orders and nobody else samples, the rate lasts until `funding_gap_slots` after the last sample, then ends by
/// itself. What the coalition gets of everybody else is then `clamp × gap ÷ period` of the notional a sample: 0.125% with the defaults.
#[test]
fn a_rate_that_nobody_looks_after_ends_by_itself() {
    let mut rig = world();
    let before = rig.worth(&COALITION);
    for _ in 0..2 {
        paint(&mut rig);
        rig.slot += 1;
        rig.sample(0).unwrap();
        rig.cancel_all(PAINTER, 0);
        rig.slot += interval(&rig);
    }
    rig.slot += 10_000_000;
    let gained = rig.worth(&COALITION) - before;
    let params = &rig.venues[0].market.params;
    let bound = i128::from(POSITION * PRICE / 10_000)
        * i128::from(params.funding_clamp_bps)
        * i128::from(params.funding_gap_slots)
        / i128::from(params.funding_period_slots);
    assert!(gained > 0 && i128::from(gained) <= bound, "{gained} of {bound}");
    rig.audit();
}

/// Dust in front of the honest depth has the weight of its lots: a thousand standing one-lot bids, 0.3% better, move the premium
/// by less than they would lose to one taker.
#[test]
fn dust_in_front_of_the_depth_has_the_weight_of_dust() {
    let mut rig = Rig::new(1, 40);
    for who in 0..40 {
        rig.deposit(who, 2_000_000_000_000);
    }
    let impact = rig.venues[0].market.params.funding_impact_base_lots;
    rig.place(HONEST, 0, limit(Side::Bid, PRICE + 400, impact)).unwrap();
    rig.place(HONEST, 0, limit(Side::Ask, PRICE + 800, impact)).unwrap();
    rig.slot += 1;
    let honest = rig.sample(0).unwrap().premium_atoms_per_lot;
    for who in 8..40 {
        for _ in 0..31 {
            rig.place(who, 0, limit(Side::Bid, PRICE + 700, 1)).unwrap();
        }
    }
    rig.slot += interval(&rig);
    let dusty = rig.sample(0).unwrap();
    assert!(dusty.is_measured);
    // 992 of 62,500 lots, 300 atoms better: 4.8 atoms.
    assert_eq!((honest, dusty.premium_atoms_per_lot), (400, 404));
    rig.audit();
}

/// Rounding is against the seat that is touched: whoever touches seats often, its own or others', gains no atom; the rest is insurance's.
#[test]
fn touching_often_pays_nobody_but_insurance() {
    let mut rig = world();
    let mut lazy = rig.clone();
    for rig in [&mut rig, &mut lazy] {
        let slot = rig.slot;
        let charges = &mut rig.venues[0].market.charges;
        (charges.funding_rate_scaled_per_slot, charges.sampled_slot, charges.accrued_slot) = (12_345, slot, slot);
    }
    let start = (rig.equity(HONEST), rig.equity(SHORT));
    for _ in 0..200 {
        rig.slot += 1;
        rig.touch(SHORT);
        rig.touch(HONEST);
    }
    lazy.slot = rig.slot;
    lazy.touch(HONEST);
    lazy.touch(SHORT);
    let paid = |rig: &Rig| (start.0 - rig.equity(HONEST), rig.equity(SHORT) - start.1);
    let ((often_paid, often_got), (paid, got)) = (paid(&rig), paid(&lazy));
    assert!(often_paid >= paid && often_got <= got, "{often_paid} {paid} {often_got} {got}");
    assert!(often_paid - paid <= 200 && got - often_got <= 200);
    rig.take_income(0);
    assert!(rig.fund >= often_paid - often_got - 1);
    rig.audit();
    lazy.audit();
}

/// A position opened just before a sample and closed after it is paid for the slots in which it was held, and fees are far above that: the
/// most that an interval can bring is `clamp × interval ÷ period`, 0.002% of the notional, against 0.08% of fees.
#[test]
fn a_position_around_a_sample_earns_less_than_its_fees() {
    let mut rig = Rig::new(1, 4);
    for who in 0..4 {
        rig.deposit(who, 2_000_000_000_000);
    }
    let impact = rig.venues[0].market.params.funding_impact_base_lots;
    rig.place(HONEST, 0, limit(Side::Bid, PRICE + 900, 2 * impact)).unwrap();
    rig.place(HONEST, 0, limit(Side::Ask, PRICE + 1_000, 2 * impact)).unwrap();
    rig.slot += 1;
    rig.sample(0).unwrap();
    // The book is rich by almost the clamp: the next sample will set the highest rate there is. The sniper sells to another account at the
    // oracle (so that the price itself brings it nothing), lets the sample be taken, and buys back after an interval.
    rig.slot += interval(&rig) - 1;
    let before = rig.worth(&[SHORT]);
    rig.cancel_all(HONEST, 0);
    rig.trade(HONEST, SHORT, 0, PRICE, 5_000_000).unwrap();
    rig.place(HONEST, 0, limit(Side::Bid, PRICE + 900, 2 * impact)).unwrap();
    rig.place(HONEST, 0, limit(Side::Ask, PRICE + 1_000, 2 * impact)).unwrap();
    rig.slot += 1;
    assert!(rig.sample(0).unwrap().rate_scaled_per_slot > 0);
    rig.slot += interval(&rig);
    rig.cancel_all(HONEST, 0);
    rig.trade(SHORT, HONEST, 0, PRICE, 5_000_000).unwrap();
    rig.touch(SHORT);
    assert!(rig.worth(&[SHORT]) < before, "{}", rig.worth(&[SHORT]) - before);
    rig.audit();
}
