use super::*;
use crate::fixture::{ask, bid, rig, PRICE};
use crate::oracle::Grade;
use crate::orders::{OrderKind, OrderRequest};

fn taker(seat_index: u32, side: Side) -> Taker {
    Taker { seat_index, side, fee_ppm: 0, maker_rebate: false, self_trade: SelfTrade::CancelResting }
}

#[test]
fn a_sizer_that_takes_one_order_in_parts_leaves_one_record() {
    let mut rig = rig(3);
    rig.place(1, bid(PRICE, 100)).unwrap();
    rig.place(2, bid(PRICE - 100, 100)).unwrap();
    *rig.log = bytemuck::Zeroable::zeroed();
    let mut steps =
        [Step::Take(BaseLots(30)), Step::Take(BaseLots(70)), Step::Take(BaseLots(1)), Step::Stop].into_iter();
    let mut offers = vec![];
    let price = rig.context.price;
    let outcome = match_orders(
        &mut rig.market,
        &mut rig.book,
        taker(0, Side::Ask),
        &price,
        10,
        &mut rig.log,
        |level, available| {
            offers.push((level.0, available.0));
            Ok(steps.next().unwrap())
        },
    )
    .unwrap();
    assert_eq!(offers, [(PRICE, 100), (PRICE, 70), (PRICE - 100, 100), (PRICE - 100, 99)]);
    let fills: Vec<_> = rig.log.fills().iter().map(|f| (f.maker_sequence, f.base_lots, f.maker_done)).collect();
    assert_eq!(fills, [(1, 100, 1), (2, 1, 0)]);
    let quote = QuoteAtoms(100 * PRICE + PRICE - 100);
    let expected = MatchOutcome { lots: BaseLots(101), quote, fills: 2, ..MatchOutcome::default() };
    assert_eq!(outcome, expected);
    assert_eq!(rig.market.fees_atoms, 0, "no taker fee and no rebate in a liquidation");
    assert_eq!((rig.seat(0).base_lots, rig.seat(0).quote_entry_atoms), (-101, quote.0));
    assert_eq!((rig.seat(2).bid_lots, rig.seat(2).bid_count), (99, 1));
    rig.assert_sound();
}

#[test]
fn a_sizer_may_not_take_nothing_or_more_than_offered() {
    for wrong in [0, -1, 101] {
        let mut rig = rig(2);
        rig.place(1, bid(PRICE, 100)).unwrap();
        let price = rig.context.price;
        let result =
            match_orders(&mut rig.market, &mut rig.book, taker(0, Side::Ask), &price, 10, &mut rig.log, |_, _| {
                Ok(Step::Take(BaseLots(wrong)))
            });
        assert_eq!(result, Err(EngineError::InvariantViolated));
    }
}

#[test]
fn a_frozen_price_matches_nothing() {
    let mut rig = rig(2);
    rig.context.price.grade = Grade::Frozen;
    assert_eq!(rig.place(1, bid(PRICE, 100)), Err(EngineError::OracleStale));
}

#[test]
fn a_positive_maker_fee_is_taken_in_a_liquidation_too() {
    let mut rig = rig(2);
    rig.market.params.maker_fee_ppm = 101;
    rig.place(1, bid(PRICE, 5)).unwrap();
    let price = rig.context.price;
    match_orders(&mut rig.market, &mut rig.book, taker(0, Side::Ask), &price, 10, &mut rig.log, |_, all| {
        Ok(Step::Take(all))
    })
    .unwrap();
    // 500,000 × 101 / 10^6 = 50.5, rounded up.
    assert_eq!((rig.market.fees_atoms, rig.seat(1).realised_atoms, rig.seat(0).realised_atoms), (51, -51, 0));
}

#[test]
fn fees_are_rounded_for_the_exchange() {
    let mut rig = rig(2);
    rig.market.params.taker_fee_ppm = 501;
    rig.market.params.maker_fee_ppm = -101;
    rig.place(1, bid(PRICE, 5)).unwrap();
    let summary = rig.place(0, ask(PRICE, 5)).unwrap();
    // 250.5 up; 50.5 down.
    assert_eq!(summary.taker_fee, QuoteAtoms(251));
    assert_eq!((rig.seat(0).realised_atoms, rig.seat(1).realised_atoms, rig.market.fees_atoms), (-251, 50, 201));
}

#[test]
fn the_band_is_measured_for_the_owner_and_its_edge_is_inside() {
    let params = rig(0).market.params;
    let oracle = Price(PRICE);
    for (side, level, inside) in [
        (Side::Bid, 102_000, true),
        (Side::Bid, 102_001, false),
        (Side::Bid, 1, true),
        (Side::Ask, 98_000, true),
        (Side::Ask, 97_999, false),
        (Side::Ask, 1 << 40, true),
    ] {
        assert_eq!(within_maker_band(&params, side, Price(level), oracle), inside, "{side:?} {level}");
    }
}

#[test]
fn an_order_out_of_band_is_removed_and_the_next_one_fills() {
    let mut rig = rig(3);
    rig.place(1, bid(PRICE, 50)).unwrap();
    rig.place(2, bid(PRICE - 3_000, 50)).unwrap();
    rig.context.price.price = Price(PRICE - 3_000);
    let summary = rig.place(0, ask(PRICE - 3_000, 20)).unwrap();
    assert_eq!((summary.filled, summary.quote), (BaseLots(20), QuoteAtoms(20 * (PRICE - 3_000))));
    assert_eq!(rig.removals(), [(1, 50, RemovalReason::OutOfBand as u8)]);
    let seat = rig.seat(1);
    assert_eq!((seat.bid_lots, seat.bid_quote_atoms, seat.bid_count, seat.bid_price_max_atoms_per_lot), (0, 0, 0, 0));
    rig.assert_sound();
}

#[test]
fn an_expired_order_is_removed_in_its_slot() {
    let mut rig = rig(2);
    rig.place(1, OrderRequest { expires_at_slot: 11, ..bid(PRICE, 50) }).unwrap();
    rig.context.slot = 11;
    assert_eq!(rig.place(0, ask(PRICE, 20)).unwrap().posted, BaseLots(20));
    assert_eq!(rig.removals(), [(1, 50, RemovalReason::Expired as u8)]);
    rig.assert_sound();
}

#[test]
fn a_reduce_only_maker_is_clipped_to_its_position_as_it_is_then() {
    let mut rig = rig(3);
    rig.give(1, 2, 30);
    // Two reduce-only asks of 30 and of 20 on a long of 30: together they give 30.
    for (price, lots) in [(PRICE + 100, 20), (PRICE + 200, 30)] {
        rig.place(1, OrderRequest { reduce_only: true, ..ask(price, lots) }).unwrap();
    }
    let summary = rig.place(0, bid(PRICE + 200, 60)).unwrap();
    assert_eq!((summary.filled, summary.posted, summary.fills), (BaseLots(30), BaseLots(30), 2));
    assert_eq!(rig.removals(), [(3, 20, RemovalReason::NothingToReduce as u8)]);
    assert_eq!((rig.seat(1).base_lots, rig.seat(1).ask_lots, rig.seat(1).quote_entry_atoms), (0, 0, 0));
    rig.assert_sound();
}

#[test]
fn the_loop_stops_after_the_most_fills_and_drops_the_remainder() {
    let mut rig = rig(40);
    for maker in 1..40 {
        rig.place(maker, ask(PRICE, 5)).unwrap();
    }
    let summary = rig.place(0, bid(PRICE, 500)).unwrap();
    assert_eq!((summary.fills, summary.filled, summary.posted), (32, BaseLots(160), BaseLots(0)));
    assert!(summary.stopped_by_limits);
    assert_eq!(rig.levels(Side::Ask).len(), 7);
    rig.assert_sound();
    // Exactly the most fills is no stop.
    let mut rig = crate::fixture::rig(33);
    for maker in 1..33 {
        rig.place(maker, ask(PRICE, 5)).unwrap();
    }
    let summary = rig.place(0, bid(PRICE, 165)).unwrap();
    assert_eq!((summary.fills, summary.posted, summary.stopped_by_limits), (32, BaseLots(5), false));
}

#[test]
fn the_loop_stops_after_the_most_removals_and_the_removals_stay() {
    let mut rig = rig(2);
    for _ in 0..20 {
        rig.place(1, OrderRequest { expires_at_slot: 11, ..ask(PRICE, 5) }).unwrap();
    }
    rig.context.slot = 11;
    let post_only = OrderRequest { kind: OrderKind::PostOnly, ..bid(PRICE, 10) };
    let summary = rig.place(0, post_only).unwrap();
    assert_eq!((summary.posted, summary.stopped_by_limits, rig.removals().len()), (BaseLots(0), true, MAX_REMOVALS));
    rig.assert_sound();
    let summary = rig.place(0, post_only).unwrap();
    assert_eq!((summary.posted, summary.stopped_by_limits, rig.removals().len()), (BaseLots(10), false, 4));
    rig.assert_sound();
}

#[test]
fn self_trade_modes() {
    let own = |self_trade| OrderRequest { self_trade, ..bid(PRICE, 30) };
    let setup = || {
        let mut rig = rig(2);
        rig.place(0, ask(PRICE, 20)).unwrap();
        rig.place(1, ask(PRICE, 20)).unwrap();
        rig
    };
    let mut cancel = setup();
    let summary = cancel.place(0, own(SelfTrade::CancelResting)).unwrap();
    assert_eq!((summary.filled, summary.posted, summary.decremented), (BaseLots(20), BaseLots(10), BaseLots(0)));
    assert_eq!(cancel.removals(), [(1, 20, RemovalReason::SelfTradeCancelled as u8)]);
    assert_eq!(setup().place(0, own(SelfTrade::CancelTaking)), Err(EngineError::SelfTrade));
    let mut decrement = setup();
    let summary = decrement.place(0, own(SelfTrade::DecrementBoth)).unwrap();
    assert_eq!((summary.filled, summary.posted, summary.decremented), (BaseLots(10), BaseLots(0), BaseLots(20)));
    assert_eq!(decrement.removals(), [(1, 20, RemovalReason::SelfTradeDecremented as u8)]);
    for rig in [cancel, decrement] {
        assert_eq!((rig.seat(0).ask_lots, rig.seat(0).ask_count), (0, 0));
        rig.assert_sound();
    }
}

#[test]
fn a_partial_decrement_leaves_the_rest_of_the_order() {
    let mut rig = rig(1);
    rig.place(0, ask(PRICE, 20)).unwrap();
    let summary = rig.place(0, OrderRequest { self_trade: SelfTrade::DecrementBoth, ..bid(PRICE, 8) }).unwrap();
    assert_eq!((summary.filled, summary.posted, summary.decremented), (BaseLots(0), BaseLots(0), BaseLots(8)));
    assert_eq!(rig.levels(Side::Ask), [(PRICE, 12)]);
    assert_eq!(rig.seat(0).ask_lots, 12);
    rig.assert_sound();
}
