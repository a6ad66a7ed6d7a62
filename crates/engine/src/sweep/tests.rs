use super::*;
use crate::fixture::{rig, PRICE};
use crate::oracle::Grade;
use crate::quantity::Price;

#[test]
fn profits_move_up_to_the_cap_and_losses_up_to_cash() {
    let mut rig = rig(1);
    rig.market.params.sweep_cap_atoms = 100;
    rig.accounts[0].cash_atoms = 7;
    let mut step = |realised: i64, moved: i64, cash: i64, left: i64, net: i64| {
        rig.market.seats.rows[0].realised_atoms += realised;
        assert_eq!(sweep_seat(&mut rig.market, 0, &mut rig.accounts[0], 1), Ok(QuoteAtoms(moved)));
        assert_eq!(rig.accounts[0].cash_atoms, cash);
        assert_eq!(rig.market.seats.rows[0].realised_atoms, left);
        assert_eq!(rig.market.net_swept_profit_atoms, net);
    };
    step(0, 0, 7, 0, 0);
    step(130, 100, 107, 30, 100);
    step(-80, -50, 57, 0, 50);
    step(-60, -57, 0, -3, -7);
    step(0, 0, 0, -3, -7);
    step(4, 1, 1, 0, -6);
}

#[test]
fn a_debt_is_not_swept_into() {
    let mut rig = rig(1);
    rig.accounts[0].cash_atoms = -5;
    rig.market.seats.rows[0].realised_atoms = -10;
    assert_eq!(sweep_seat(&mut rig.market, 0, &mut rig.accounts[0], 1), Ok(QuoteAtoms(0)));
    rig.market.seats.rows[0].realised_atoms = 12;
    assert_eq!(sweep_seat(&mut rig.market, 0, &mut rig.accounts[0], 1), Ok(QuoteAtoms(12)));
    assert_eq!(rig.accounts[0].cash_atoms, 7);
}

#[test]
fn a_lowered_cap_takes_nothing_back() {
    let mut rig = rig(1);
    rig.market.params.sweep_cap_atoms = 10;
    rig.market.net_swept_profit_atoms = 50;
    rig.market.seats.rows[0].realised_atoms = 5;
    assert_eq!(sweep_seat(&mut rig.market, 0, &mut rig.accounts[0], 1), Ok(QuoteAtoms(0)));
}

#[test]
fn settling_rebases_the_entry_and_leaves_equity() {
    let mut rig = rig(2);
    rig.give(0, 1, 10);
    // Long 10 at the price, fee of 500 in realised: value at 99,000 is -10,000 - 500.
    let mut price = rig.context.price;
    price.price = Price(PRICE - 1_000);
    rig.accounts[0].cash_atoms = 4_000;
    // As long as no winner has taken anything out, nothing is taken from a loser.
    let early = settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price);
    assert_eq!(early, Err(EngineError::NothingToSettle));
    rig.market.net_swept_profit_atoms = 9_000;
    assert_eq!(settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price), Ok(QuoteAtoms(4_000)));
    assert_eq!(rig.accounts[0].cash_atoms, 0);
    assert_eq!((rig.seat(0).quote_entry_atoms, rig.seat(0).realised_atoms), (-996_000, -500));
    assert_eq!(rig.market.net_swept_profit_atoms, 5_000);
    let again = settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price);
    assert_eq!(again, Err(EngineError::NothingToSettle));
    rig.accounts[0].cash_atoms = 10_000;
    assert_eq!(settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price), Ok(QuoteAtoms(5_000)));
    assert_eq!(rig.market.net_swept_profit_atoms, 0);
    rig.market.net_swept_profit_atoms = 1_500;
    assert_eq!(settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price), Ok(QuoteAtoms(1_500)));
    rig.market.net_swept_profit_atoms = 1;
    rig.accounts[1].cash_atoms = 10_000;
    let winner = settle_loss(&mut rig.market, 1, &mut rig.accounts[1], &price);
    assert_eq!(winner, Err(EngineError::NothingToSettle));
    price.grade = Grade::Frozen;
    assert_eq!(settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &price), Err(EngineError::OracleStale));
    assert_eq!(
        settle_loss(&mut rig.market, 9_999, &mut rig.accounts[0], &rig.context.price),
        Err(EngineError::SeatNotOwned)
    );
}

#[test]
fn a_flat_seat_pays_its_loss_in_realised_and_can_be_released() {
    let mut rig = rig(1);
    rig.market.seats.rows[0].realised_atoms = -30;
    rig.market.net_swept_profit_atoms = 40;
    assert_eq!(settle_loss(&mut rig.market, 0, &mut rig.accounts[0], &rig.context.price), Ok(QuoteAtoms(30)));
    assert_eq!(rig.market.seats.release(0, &mut rig.accounts[0]), Ok(QuoteAtoms(0)));
}

#[test]
fn touching_a_seat_charges_it_sweeps_it_and_tells_whether_its_checkpoints_moved() {
    let mut rig = rig(3);
    rig.give(0, 1, 10);
    for seat in &mut rig.market.seats.rows[..3] {
        seat.realised_atoms = 0;
    }
    rig.market.params.sweep_cap_atoms = 1_000;
    let touch = |rig: &mut crate::fixture::Rig, who: usize| {
        touch_seat(&mut rig.market, u32::try_from(who).unwrap(), &mut rig.accounts[who], 1).unwrap()
    };
    let nothing = Touch { charged: QuoteAtoms(0), swept: QuoteAtoms(0), settled: false };
    assert_eq!(touch(&mut rig, 0), nothing);
    // Funding of 3 atoms a lot: the long pays 30, the short gets them.
    rig.accounts[0].cash_atoms = 50;
    let short_before = rig.accounts[1].cash_atoms;
    rig.market.charges.funding_index_scaled += 3 << 20;
    let paid = Touch { charged: QuoteAtoms(30), swept: QuoteAtoms(-30), settled: true };
    assert_eq!((touch(&mut rig, 0), rig.accounts[0].cash_atoms), (paid, 20));
    assert_eq!(touch(&mut rig, 0), nothing);
    let received = Touch { charged: QuoteAtoms(-30), swept: QuoteAtoms(30), settled: true };
    assert_eq!((touch(&mut rig, 1), rig.accounts[1].cash_atoms), (received, short_before + 30));
    // A shared loss of 2 atoms a lot moves the other checkpoint alone.
    rig.market.charges.loss_index_scaled += 2 << 20;
    let shared = Touch { charged: QuoteAtoms(20), swept: QuoteAtoms(-20), settled: true };
    assert_eq!((touch(&mut rig, 0), rig.accounts[0].cash_atoms), (shared, 0));
    // A seat without a position has nothing to settle, whatever its checkpoints say.
    assert_eq!(touch(&mut rig, 2), nothing);
}
