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
