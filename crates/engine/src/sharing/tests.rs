use super::*;
use crate::fixture::{rig, Rig, PRICE};

/// A window of 100 slots, winners who have taken out 700 of at most 1,000 atoms, five longs and five shorts.
fn market() -> Rig {
    let mut rig = rig(2);
    let market = &mut rig.market;
    market.params.insurance_window_slots = 100;
    market.params.sweep_cap_atoms = 1_000;
    market.net_swept_profit_atoms = 700;
    market.open_interest_base_lots = 5;
    rig
}

#[test]
fn what_was_shared_lately_is_off_the_hole_and_off_the_room() {
    let mut rig = market();
    let market = &mut rig.market;
    assert_eq!((market.hole(10), market.sweep_room(10)), (Ok(QuoteAtoms(700)), Ok(QuoteAtoms(300))));
    // 250 atoms at slot 10: ten are forgotten with every slot, a hundredth of the cap.
    (market.sharing.lately_atoms, market.sharing.faded_slot) = (250, 10);
    for (slot, lately) in [(9, 250), (10, 250), (11, 240), (34, 10), (35, 0), (110, 0)] {
        let of = (market.hole(slot), market.sweep_room(slot));
        assert_eq!(of, (Ok(QuoteAtoms(700 - lately)), Ok(QuoteAtoms(300 - lately))), "{slot}");
    }
    market.sharing.lately_atoms = 800;
    assert_eq!((market.hole(10), market.sweep_room(10)), (Ok(QuoteAtoms(0)), Ok(QuoteAtoms(0))));
    market.net_swept_profit_atoms = -50;
    market.sharing.lately_atoms = 0;
    assert_eq!((market.hole(10), market.sweep_room(10)), (Ok(QuoteAtoms(0)), Ok(QuoteAtoms(1_050))));
}

#[test]
fn a_lot_shares_at_most_the_first_maintenance_rate_of_its_price_in_a_window() {
    let rig = market();
    // 3% of 100,000, of 33 (0.99 atoms, in 2^-20 atoms rounded down), and of a price that leaves the range.
    assert_eq!(rig.market.params.tiers()[0].mmr_bps, 300);
    assert_eq!(rig.market.most_per_lot(Price(PRICE)), Ok(3_000 << 20));
    assert_eq!(rig.market.most_per_lot(Price(33)), Ok(1_038_090));
    assert_eq!(rig.market.most_per_lot(Price(1 << 50)), Err(EngineError::MathOverflow));
}

#[test]
fn a_loss_is_shared_as_far_as_hole_and_lots_bear_it() {
    let share = |market: &mut MarketState, loss: i64, coming: i64, slot: u64| {
        market.share(QuoteAtoms(loss), QuoteAtoms(coming), Price(1_000), slot).map(|shared| shared.0)
    };
    // Ten lots bear 30 atoms each of a price of 1,000.
    let mut rig = market();
    assert_eq!(share(&mut rig.market, 100, 0, 10), Ok(100));
    assert_eq!((rig.market.sharing.lately_atoms, rig.market.sharing.faded_slot), (100, 10));
    assert_eq!(rig.market.sharing.lately_scaled_per_lot, 10 << 20);
    assert_eq!(share(&mut rig.market, 500, 0, 10), Ok(200), "lots have borne their rate");
    assert_eq!(share(&mut rig.market, 500, 0, 10), Ok(0));
    // Half a window later lots have forgotten half of it.
    assert_eq!(share(&mut rig.market, 500, 0, 60), Ok(150));
    // The hole, less what the loser itself will pay in.
    let mut rig = market();
    rig.market.net_swept_profit_atoms = 90;
    assert_eq!(share(&mut rig.market, 100, 35, 10), Ok(55));
    assert_eq!(share(&mut rig.market, 100, 35, 10), Ok(0));
    assert_eq!(share(&mut rig.market, 100, 0, 10), Ok(35));
    let mut rig = market();
    assert_eq!(share(&mut rig.market, -1, 0, 10), Err(EngineError::InvariantViolated));
}
