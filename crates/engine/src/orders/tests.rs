mod edges;

use super::*;
use crate::book::OrderId;
use crate::fixture::{ask, bid, limit, rig, Rig, PRICE};
use crate::oracle::Grade;

fn reduce(request: OrderRequest) -> OrderRequest {
    OrderRequest { reduce_only: true, ..request }
}

fn of_kind(kind: OrderKind, request: OrderRequest) -> OrderRequest {
    OrderRequest { kind, ..request }
}

#[test]
fn requests_that_are_wrong_by_themselves() {
    for (request, error) in [
        (bid(PRICE, 0), EngineError::AmountZero),
        (bid(PRICE, -5), EngineError::AmountZero),
        (bid(PRICE, MAX_BASE_LOTS + 1), EngineError::MathOverflow),
        (bid(PRICE, MAX_BASE_LOTS), EngineError::MathOverflow),
        (bid(0, 10), EngineError::PriceNotOnTick),
        (bid(-100, 10), EngineError::PriceNotOnTick),
        (bid(PRICE + 1, 10), EngineError::PriceNotOnTick),
        (bid(MAX_PRICE_ATOMS_PER_LOT / 100 * 100 + 100, 10), EngineError::PriceNotOnTick),
        (OrderRequest { expires_at_slot: 10, ..bid(PRICE, 10) }, EngineError::OrderExpired),
        (bid(PRICE, 4), EngineError::OrderTooSmall),
        (reduce(bid(PRICE, 10)), EngineError::NothingToReduce),
    ] {
        assert_eq!(rig(1).place(0, request), Err(error), "{request:?}");
    }
    assert_eq!(rig(1).place(0, OrderRequest { expires_at_slot: 11, ..bid(PRICE, 5) }).unwrap().posted, BaseLots(5));
    let mut foreign = rig(2);
    foreign.context.owner = crate::fixture::owner(1);
    let (request, context) = (bid(PRICE, 10), foreign.context);
    let Rig { market, book, accounts, log, .. } = &mut foreign;
    let result = place_order(market, book, &mut accounts[0], 0, &request, &context, log);
    assert_eq!(result, Err(EngineError::SeatNotOwned));
}

#[test]
fn a_limit_order_takes_then_rests() {
    let mut rig = rig(2);
    rig.place(1, ask(PRICE, 20)).unwrap();
    rig.place(1, ask(PRICE + 100, 20)).unwrap();
    let summary = rig.place(0, bid(PRICE, 50)).unwrap();
    assert_eq!((summary.filled, summary.posted, summary.sequence), (BaseLots(20), BaseLots(30), 3));
    assert!(summary.added_risk);
    assert_eq!(rig.accounts[0].last_risk_slot, 10);
    assert_eq!(rig.levels(Side::Bid), [(PRICE, 30)]);
    assert_eq!(rig.levels(Side::Ask), [(PRICE + 100, 20)]);
    assert_eq!((rig.market.open_interest_base_lots, rig.market.fill_sequence), (20, 1));
    rig.assert_sound();
}

#[test]
fn a_remainder_under_the_smallest_order_is_dropped_unless_it_closes_the_position() {
    let mut opening = rig(2);
    opening.place(1, ask(PRICE, 20)).unwrap();
    let summary = opening.place(0, bid(PRICE, 24)).unwrap();
    assert_eq!((summary.filled, summary.posted), (BaseLots(20), BaseLots(0)));
    let mut closing = rig(3);
    closing.give(0, 2, -24);
    closing.place(1, ask(PRICE, 20)).unwrap();
    let summary = closing.place(0, bid(PRICE, 24)).unwrap();
    assert_eq!((summary.filled, summary.posted), (BaseLots(20), BaseLots(4)));
    closing.assert_sound();
}

#[test]
fn a_small_order_may_close_what_is_left() {
    let mut rig = rig(2);
    rig.give(0, 1, 7);
    rig.place(1, bid(PRICE, 50)).unwrap();
    let ioc = |lots| of_kind(OrderKind::ImmediateOrCancel, ask(PRICE, lots));
    assert_eq!(rig.place(0, ioc(4)), Err(EngineError::OrderTooSmall));
    rig.place(0, ioc(5)).unwrap();
    assert_eq!(rig.place(0, ioc(1)), Err(EngineError::OrderTooSmall));
    assert_eq!(rig.place(0, ioc(2)).unwrap().filled, BaseLots(2));
    assert_eq!(rig.seat(0).base_lots, 0);
}

#[test]
fn kinds() {
    let setup = || {
        let mut rig = rig(2);
        rig.place(1, ask(PRICE, 20)).unwrap();
        rig
    };
    let mut ioc = setup();
    let summary = ioc.place(0, of_kind(OrderKind::ImmediateOrCancel, bid(PRICE, 50))).unwrap();
    assert_eq!((summary.filled, summary.posted), (BaseLots(20), BaseLots(0)));
    assert_eq!(ioc.levels(Side::Bid), []);
    let missed = ioc.place(0, of_kind(OrderKind::ImmediateOrCancel, bid(PRICE, 50))).unwrap();
    assert_eq!((missed.filled, missed.added_risk, missed.sequence), (BaseLots(0), false, 0));
    assert_eq!(setup().place(0, of_kind(OrderKind::FillOrKill, bid(PRICE, 21))), Err(EngineError::FillOrKillNotFilled));
    assert_eq!(setup().place(0, of_kind(OrderKind::FillOrKill, bid(PRICE, 20))).unwrap().filled, BaseLots(20));
    assert_eq!(setup().place(0, of_kind(OrderKind::PostOnly, bid(PRICE, 20))), Err(EngineError::PostOnlyWouldCross));
    assert_eq!(setup().place(1, of_kind(OrderKind::PostOnly, bid(PRICE, 20))), Err(EngineError::PostOnlyWouldCross));
    assert_eq!(setup().place(0, of_kind(OrderKind::PostOnly, bid(PRICE - 100, 20))).unwrap().posted, BaseLots(20));
}

#[test]
fn post_only_looks_past_orders_that_would_not_fill() {
    let mut rig = rig(2);
    rig.place(1, OrderRequest { expires_at_slot: 11, ..ask(PRICE, 20) }).unwrap();
    rig.context.slot = 11;
    assert_eq!(rig.place(0, of_kind(OrderKind::PostOnly, bid(PRICE, 20))).unwrap().posted, BaseLots(20));
    assert_eq!(rig.removals().len(), 1);
    rig.assert_sound();
}

#[test]
fn a_reduce_only_order_is_clipped_when_placed() {
    let mut rig = rig(2);
    rig.give(0, 1, 30);
    let summary = rig.place(0, reduce(ask(PRICE + 100, 500))).unwrap();
    assert_eq!((summary.posted, summary.added_risk), (BaseLots(30), false));
    assert_eq!(rig.place(0, reduce(bid(PRICE, 5))), Err(EngineError::NothingToReduce));
    assert_eq!(rig.book.best(Side::Ask).map(|order| order.flags), Some(ORDER_REDUCE_ONLY));
}

#[test]
fn a_seat_has_at_most_its_number_of_orders_on_both_sides_together() {
    let mut rig = rig(1);
    for index in 0..16 {
        rig.place(0, bid(PRICE - 100 - index * 100, 5)).unwrap();
        rig.place(0, ask(PRICE + 100 + index * 100, 5)).unwrap();
    }
    assert_eq!(rig.place(0, bid(PRICE - 5_000, 5)), Err(EngineError::TooManyOrders));
    // What fills at once needs no row.
    let ioc = of_kind(OrderKind::ImmediateOrCancel, bid(PRICE, 5));
    assert_eq!(rig.place(0, ioc).unwrap().posted, BaseLots(0));
    rig.assert_sound();
}

#[test]
fn eviction_lowers_the_totals_of_the_evicted_seat() {
    let mut rig = rig(34);
    for maker in 0..32 {
        for _ in 0..32 {
            rig.place(maker, ask(PRICE + 1_000 - 100 * (maker as i64 / 4), 5)).unwrap();
        }
    }
    assert_eq!(rig.place(32, ask(PRICE + 1_000, 5)), Err(EngineError::BookFull));
    let summary = rig.place(33, ask(PRICE + 900, 6)).unwrap();
    let evicted = summary.evicted.unwrap();
    assert_eq!((evicted.seat_index, evicted.sequence, evicted.base_lots), (3, 128, 5));
    assert_eq!(rig.removals(), [(128, 5, RemovalReason::Evicted as u8)]);
    assert_eq!((rig.seat(3).ask_lots, rig.seat(3).ask_count), (155, 31));
    assert_eq!((summary.posted, rig.seat(33).ask_lots), (BaseLots(6), 6));
}

#[test]
fn cancels_are_the_owners() {
    let mut rig = rig(2);
    rig.place(0, bid(PRICE, 10)).unwrap();
    let id = |sequence| OrderId { side: Side::Bid, price_atoms_per_lot: PRICE, sequence };
    let cancel =
        |rig: &mut Rig, seat, id| cancel_order(&mut rig.market, &mut rig.book, seat, &id).map(|o| o.size_base_lots);
    assert_eq!(cancel(&mut rig, 1, id(1)), Err(EngineError::OrderNotOwned));
    assert_eq!(cancel(&mut rig, 0, id(2)), Err(EngineError::OrderNotFound));
    assert_eq!(cancel(&mut rig, 0, id(1)), Ok(10));
    assert_eq!(cancel(&mut rig, 0, id(1)), Err(EngineError::OrderNotFound));
    assert_eq!((rig.seat(0).bid_lots, rig.seat(0).bid_price_max_atoms_per_lot), (0, 0));
    rig.assert_sound();
}

#[test]
fn cancelling_all_stops_at_its_limit_best_first() {
    let mut rig = rig(2);
    for index in 0..3 {
        for who in 0..2 {
            rig.place(who, bid(PRICE - index * 100, 5)).unwrap();
            rig.place(who, ask(PRICE + 100 + index * 100, 5)).unwrap();
        }
    }
    *rig.log = bytemuck::Zeroable::zeroed();
    let Rig { market, book, log, .. } = &mut rig;
    assert_eq!(cancel_all(market, book, 0, Some(Side::Ask), 2, log), Ok(2));
    assert_eq!(cancel_all(market, book, 0, None, 40, log), Ok(4));
    assert_eq!(cancel_all(market, book, 0, None, 40, log), Ok(0));
    let sequences: Vec<_> = rig.removals().iter().map(|removal| removal.0).collect();
    assert_eq!(sequences, [2, 6, 1, 5, 9, 10]);
    assert_eq!((rig.seat(0).bid_count, rig.seat(0).ask_count, rig.seat(1).bid_count), (0, 0, 3));
    rig.assert_sound();
}

#[test]
fn open_interest_stops_at_its_cap_only_when_it_rises() {
    let mut rig = rig(3);
    rig.market.params.open_interest_cap_base_lots = 50;
    rig.give(0, 1, 50);
    rig.place(1, ask(PRICE, 10)).unwrap();
    assert_eq!(rig.place(0, bid(PRICE, 10)), Err(EngineError::OpenInterestCap));
    let mut rig = crate::fixture::rig(3);
    rig.give(0, 1, 50);
    rig.market.params.open_interest_cap_base_lots = 20;
    // A new short takes over from the old one: nothing rises.
    rig.place(1, bid(PRICE, 10)).unwrap();
    rig.place(2, ask(PRICE, 10)).unwrap();
    assert_eq!(rig.market.open_interest_base_lots, 50);
}

#[test]
fn the_position_cap_counts_resting_orders_of_the_side_at_the_oracle() {
    let mut rig = rig(1);
    rig.accounts[0].cash_atoms = 1 << 55;
    let largest = rig.market.params.tiers[3].notional_cap_atoms;
    let lots = i64::try_from(largest).unwrap() / PRICE;
    rig.place(0, bid(PRICE - 1_000, lots - 10)).unwrap();
    assert_eq!(rig.place(0, bid(PRICE - 1_000, 11)), Err(EngineError::PositionTooLarge));
    let mut rig = crate::fixture::rig(1);
    rig.accounts[0].cash_atoms = 1 << 55;
    rig.place(0, bid(PRICE - 1_000, lots - 10)).unwrap();
    rig.place(0, bid(PRICE - 1_000, 10)).unwrap();
    assert!(rig.place(0, ask(PRICE + 1_000, lots)).is_ok(), "the other side counts on its own");
}

#[test]
fn added_risk_needs_initial_health() {
    let mut rig = rig(1);
    // 500 bps of 100 lots at 100,000: 500,000 atoms.
    rig.accounts[0].cash_atoms = 499_999;
    assert_eq!(rig.place(0, bid(PRICE, 100)), Err(EngineError::InitialHealthTooLow));
    let mut rig = crate::fixture::rig(1);
    rig.accounts[0].cash_atoms = 500_000;
    assert!(rig.place(0, bid(PRICE, 100)).unwrap().added_risk);
    // A bid above the oracle counts its loss.
    let mut rig = crate::fixture::rig(1);
    rig.accounts[0].cash_atoms = 500_000 + 100 * 200 - 1;
    assert_eq!(rig.place(0, bid(PRICE + 200, 100)), Err(EngineError::InitialHealthTooLow));
}

#[test]
fn added_risk_needs_an_open_market_and_a_fresh_price_everywhere() {
    type Spoil = fn(&mut Rig);
    let spoil: [(Spoil, EngineError); 3] = [
        (|rig| rig.context.reduce_only_market = true, EngineError::ReduceOnly),
        (|rig| rig.context.price.grade = Grade::Degraded, EngineError::OracleStale),
        (|rig| rig.context.others_initial = None, EngineError::OracleStale),
    ];
    for (change, error) in spoil {
        let mut rig = rig(2);
        rig.give(0, 1, 30);
        rig.place(1, bid(PRICE, 100)).unwrap();
        rig.accounts[0].last_risk_slot = 3;
        change(&mut rig);
        let ioc = |lots| of_kind(OrderKind::ImmediateOrCancel, ask(PRICE, lots));
        let reduction = rig.place(0, ioc(10)).unwrap();
        assert_eq!((reduction.filled, reduction.added_risk), (BaseLots(10), false));
        assert_eq!(rig.place(0, reduce(ask(PRICE + 100, 10))).unwrap().posted, BaseLots(10));
        assert_eq!(rig.accounts[0].last_risk_slot, 3);
        // One lot more than the position rests or fills: risk.
        assert_eq!(rig.place(0, ask(PRICE + 100, 11)), Err(error));
    }
}

#[test]
fn turning_a_position_adds_risk() {
    let mut rig = rig(2);
    rig.give(0, 1, 10);
    rig.place(1, bid(PRICE, 100)).unwrap();
    rig.context.reduce_only_market = true;
    assert_eq!(rig.place(0, ask(PRICE, 21)), Err(EngineError::ReduceOnly));
}

#[test]
fn selling_what_resting_orders_count_on_adds_risk() {
    let mut rig = rig(2);
    rig.give(0, 1, 10);
    rig.place(1, bid(PRICE, 100)).unwrap();
    rig.place(0, ask(PRICE + 100, 10)).unwrap();
    rig.context.reduce_only_market = true;
    // The resting ask closed the long; after this it would open a short.
    let ioc = of_kind(OrderKind::ImmediateOrCancel, limit(Side::Ask, PRICE, 5));
    assert_eq!(rig.place(0, ioc), Err(EngineError::ReduceOnly));
}

#[test]
fn an_unhealthy_account_may_reduce_unless_that_makes_it_worse() {
    let setup = |level: i64| {
        let mut rig = rig(2);
        rig.give(0, 1, 100);
        rig.place(1, bid(level, 100)).unwrap();
        // Equity 100,000 after the fee of 5,000 on the way in; maintenance 300,000: health 0.33.
        rig.accounts[0].cash_atoms = 105_000;
        rig
    };
    let ioc = |price| of_kind(OrderKind::ImmediateOrCancel, ask(price, 10));
    // At the oracle a lot costs its fee alone, 50 atoms, and health allows up to 1,000.
    let summary = setup(PRICE).place(0, ioc(PRICE)).unwrap();
    assert!(summary.maintenance_health_after.is_some());
    assert!(!summary.added_risk);
    // 900 of slippage and 49.55 of fee are within 1,000; 1,000 of slippage are not.
    assert!(setup(PRICE - 900).place(0, ioc(PRICE - 900)).is_ok());
    assert_eq!(setup(PRICE - 1_000).place(0, ioc(PRICE - 1_000)), Err(EngineError::HealthWouldWorsen));
    // With initial margin after, the price is the owner's business.
    let mut rich = setup(PRICE - 1_000);
    rich.accounts[0].cash_atoms = 1_000_000_000;
    assert!(rich.place(0, ioc(PRICE - 1_000)).is_ok());
}
