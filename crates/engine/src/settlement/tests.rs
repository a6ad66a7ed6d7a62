use super::*;
use crate::audit::{check_market, market_value};
use crate::fixture::{bid, rig, Rig, PRICE};
use std::vec::Vec;

fn winding_down() -> Rig {
    let mut rig = rig(4);
    rig.give(0, 1, 30);
    rig.give(2, 1, 12);
    rig.place(3, bid(99_000, 7)).unwrap();
    rig.market.settle_after_slot = 100;
    rig
}

fn at(rig: &Rig, price: i64, ema: i64, grade: Grade) -> OraclePrice {
    OraclePrice { price: Price(price), ema: Price(ema), grade, ..rig.context.price }
}

fn assert_sound(rig: &Rig) {
    let found: Vec<_> = check_market(&rig.market, &rig.book).iter().collect();
    assert_eq!(found, []);
}

#[test]
fn every_position_becomes_its_result_at_the_average() {
    let mut rig = winding_down();
    rig.market.charges.funding_index_scaled = 3 << 20;
    let price = at(&rig, 90_000, 91_000, Grade::Fresh);
    let before = market_value(&rig.market);
    let realised: Vec<i64> = rig.market.seats.rows.iter().take(4).map(|seat| seat.realised_atoms).collect();
    let done = settle_market(&mut rig.market, &mut rig.book, Some(&price), 100).unwrap();
    assert_eq!(done, Settlement { price: Price(91_000), lots: BaseLots(42), seats: 4 });
    // 9,000 a lot lost by longs, and three atoms of funding.
    let results: Vec<i64> = (0..4).map(|who| rig.seat(who).realised_atoms - realised[who]).collect();
    assert_eq!(results, [-9_003 * 30, 9_003 * 42, -9_003 * 12, 0]);
    assert!((0..4).all(|who| rig.seat(who).base_lots == 0 && rig.seat(who).quote_entry_atoms == 0));
    assert_eq!((rig.seat(3).bid_count, rig.book.bid_count, rig.market.open_interest_base_lots), (0, 0, 0));
    assert_eq!(market_value(&rig.market), before);
    assert_sound(&rig);
    assert_eq!(settle_market(&mut rig.market, &mut rig.book, Some(&price), 101), Err(EngineError::MarketSettled));
    // Funding has ended with the positions.
    rig.market.charges.sampled_slot = 100;
    rig.market.accrue(5_000);
    assert_eq!(rig.market.charges.funding_index_scaled, 3 << 20);
}

#[test]
fn not_before_its_time_and_only_at_a_fresh_price_or_a_day_later() {
    let mut rig = winding_down();
    let fresh = at(&rig, PRICE, PRICE, Grade::Fresh);
    let degraded = at(&rig, PRICE, PRICE, Grade::Degraded);
    assert_eq!(final_price(&rig.market, Some(&fresh), 99), Err(EngineError::SettlementTooEarly));
    assert_eq!(final_price(&rig.market, Some(&degraded), 100), Err(EngineError::OracleStale));
    assert_eq!(final_price(&rig.market, None, 100), Err(EngineError::OracleStale));
    let late = 100 + SILENT_ORACLE_SLOTS;
    assert_eq!(final_price(&rig.market, None, late), Err(EngineError::OraclePriceOutOfRange));
    rig.market.last_price.price_atoms_per_lot = 77_777;
    assert_eq!(final_price(&rig.market, None, late - 1), Err(EngineError::OracleStale));
    assert_eq!(final_price(&rig.market, None, late), Ok(Price(77_777)));
    assert_eq!(final_price(&rig.market, Some(&degraded), late), Ok(Price(77_777)));
    assert_eq!(final_price(&rig.market, Some(&fresh), late), Ok(Price(PRICE)));
    rig.market.settle_after_slot = 0;
    assert_eq!(final_price(&rig.market, Some(&fresh), late), Err(EngineError::NotWindingDown));
}

#[test]
fn a_market_closes_when_nothing_is_left_in_it() {
    let mut rig = winding_down();
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    let price = at(&rig, 90_000, 91_000, Grade::Fresh);
    settle_market(&mut rig.market, &mut rig.book, Some(&price), 100).unwrap();
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    let fees = rig.market.fees_atoms;
    for who in 0..4u32 {
        let account = &mut rig.accounts[who as usize];
        crate::sweep::sweep_seat(&mut rig.market, who, account, 101).unwrap();
        rig.market.seats.release(who, account).unwrap();
    }
    rig.market.unassigned_loss_atoms = 1;
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    rig.market.unassigned_loss_atoms = 0;
    let income = close_market(&mut rig.market, &rig.book).unwrap();
    assert_eq!((income.fees, income.insurance), (QuoteAtoms(fees), QuoteAtoms(0)));
    assert_eq!(market_value(&rig.market), 0);
    let mut unused = rig_without_seats();
    assert!(close_market(&mut unused.market, &unused.book).is_ok());
}

fn rig_without_seats() -> Rig {
    rig(0)
}
