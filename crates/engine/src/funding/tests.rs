use super::*;
use crate::book::ORDERS_PER_SIDE;
use crate::fixture::{ask, bid, limit, rig, Rig, PRICE};
use crate::matching::within_maker_band;
use crate::oracle::Grade;
use crate::orders::{cancel_all, OrderRequest};
use crate::quantity::Price;

/// A market that looks at 100 lots, every 10 slots, for at most 50; the book is empty, the slot is 1,000.
fn sampled_rig() -> Rig {
    let mut rig = rig(3);
    let params = &mut rig.market.params;
    params.funding_impact_base_lots = 100;
    params.funding_interval_slots = 10;
    params.funding_gap_slots = 50;
    params.funding_period_slots = 1_000;
    params.min_order_base_lots = 1;
    rig.context.slot = 1_000;
    rig
}

/// One with 100 lots at 300 and 500 above the EMA, resting since the slot before: a premium of 300.
fn with_premium() -> Rig {
    let mut rig = sampled_rig();
    rig.place(0, bid(PRICE + 300, 100)).unwrap();
    rig.place(0, ask(PRICE + 500, 100)).unwrap();
    rig.context.slot += 1;
    rig
}

fn sample_now(rig: &mut Rig) -> Result<FundingSample> {
    sample(&mut rig.market, &rig.book, &rig.context.price, rig.context.slot)
}

/// The premium of one sample, if the book shows one.
fn premium_of(rig: &mut Rig) -> Option<i64> {
    rig.market.charges = bytemuck::Zeroable::zeroed();
    let sampled = sample_now(rig).unwrap();
    assert!(sampled.is_measured || sampled.premium_atoms_per_lot == 0);
    sampled.is_measured.then_some(sampled.premium_atoms_per_lot)
}

/// `premium × 2^20 ÷ 1,000`.
fn rate(premium: i64) -> i64 {
    (premium << 20) / 1_000
}

#[test]
fn the_rate_is_the_lesser_of_two_premiums_of_one_sign() {
    let mut rig = with_premium();
    let expected = |premium, rate, index| FundingSample {
        premium_atoms_per_lot: premium,
        is_measured: true,
        rate_scaled_per_slot: rate,
        funding_index_scaled: index,
    };
    assert_eq!(sample_now(&mut rig), Ok(expected(300, 0, 0)));
    rig.context.slot += 10;
    assert_eq!(sample_now(&mut rig), Ok(expected(300, rate(300), 0)));
    // A smaller premium counts at once, a larger one when it is seen again.
    let at_ema = |rig: &mut Rig, ema: i64| {
        rig.context.slot += 10;
        rig.context.price.ema = Price(ema);
        sample_now(rig).unwrap()
    };
    let mut index = 10 * rate(300);
    assert_eq!(at_ema(&mut rig, PRICE + 200), expected(100, rate(100), index));
    index += 10 * rate(100);
    assert_eq!(at_ema(&mut rig, PRICE - 100), expected(400, rate(100), index));
    index += 10 * rate(100);
    assert_eq!(at_ema(&mut rig, PRICE), expected(300, rate(300), index));
    index += 10 * rate(300);
    // Two of different signs are none.
    assert_eq!(at_ema(&mut rig, PRICE + 700), expected(-200, 0, index));
    assert_eq!(at_ema(&mut rig, PRICE + 650), expected(-150, rate(-150), index));
    index += 10 * rate(-150);
    // Nor is there one while the EMA lies between bid and ask.
    assert_eq!(at_ema(&mut rig, PRICE + 300), expected(0, 0, index));
    assert_eq!(at_ema(&mut rig, PRICE + 500), expected(0, 0, index));
}

#[test]
fn a_sample_waits_for_the_interval_and_is_forgotten_after_the_gap() {
    let mut rig = with_premium();
    sample_now(&mut rig).unwrap();
    let before = rig.market.charges;
    for slot in [rig.context.slot, rig.context.slot + 9] {
        let early = sample(&mut rig.market, &rig.book, &rig.context.price, slot);
        assert_eq!(early, Err(EngineError::FundingTooSoon));
        assert_eq!(rig.market.charges, before);
    }
    rig.context.slot += 50;
    assert_eq!(sample_now(&mut rig).unwrap().rate_scaled_per_slot, rate(300));
    rig.context.slot += 51;
    let late = sample_now(&mut rig).unwrap();
    // It accrued for fifty slots, then nobody looked; and one look sets no rate.
    assert_eq!((late.funding_index_scaled, late.rate_scaled_per_slot), (50 * rate(300), 0));
}

#[test]
fn only_a_fresh_price_and_a_market_that_is_not_settled() {
    let mut rig = with_premium();
    for grade in [Grade::Degraded, Grade::Frozen] {
        let price = OraclePrice { grade, ..rig.context.price };
        assert_eq!(sample(&mut rig.market, &rig.book, &price, rig.context.slot), Err(EngineError::OracleStale));
    }
    rig.market.final_price_atoms_per_lot = PRICE;
    assert_eq!(sample_now(&mut rig), Err(EngineError::MarketSettled));
}

#[test]
fn impact_prices_are_averages_over_the_depth_and_rounding_is_towards_zero() {
    let mut rig = sampled_rig();
    for (price, lots) in [(PRICE - 100, 33), (PRICE - 200, 40), (PRICE - 700, 500)] {
        rig.place(0, bid(price, lots)).unwrap();
    }
    for (price, lots) in [(PRICE + 100, 60), (PRICE + 300, 500)] {
        rig.place(0, ask(price, lots)).unwrap();
    }
    rig.context.slot += 1;
    rig.market.params.funding_impact_base_lots = 99;
    // −(33 × 100 + 40 × 200 + 26 × 700) ÷ 99 = −297.98 and (60 × 100 + 39 × 300) ÷ 99 = 178.79.
    for (ema, premium) in [(-400, 102), (-299, 1), (-298, 0), (0, 0), (179, 0), (180, -1), (200, -21)] {
        rig.context.price.ema = Price(PRICE + ema);
        assert_eq!(premium_of(&mut rig), Some(premium), "{ema}");
    }
}

#[test]
fn premiums_end_at_the_clamp() {
    let mut rig = with_premium();
    rig.market.params.funding_clamp_bps = 30;
    rig.context.price.ema = Price(PRICE - 33);
    // 30 bps of 99,967 are 299.9 atoms.
    assert_eq!(premium_of(&mut rig), Some(299));
    rig.context.price.ema = Price(PRICE + 867);
    assert_eq!(premium_of(&mut rig), Some(-302));
}

#[test]
fn a_side_without_the_depth_says_nothing() {
    for (short, ema, premium) in [(bid(PRICE + 300, 1), PRICE, 300), (ask(PRICE + 500, 1), PRICE + 700, -200)] {
        let mut rig = with_premium();
        rig.context.price.ema = Price(ema);
        let missing = OrderRequest {
            kind: crate::orders::OrderKind::ImmediateOrCancel,
            ..limit(short.side.opposite(), short.price.0, 1)
        };
        rig.place(1, missing).unwrap();
        assert_eq!(premium_of(&mut rig), Some(0));
        rig.place(1, short).unwrap();
        rig.context.slot += 1;
        assert_eq!(premium_of(&mut rig), Some(premium));
    }
    assert_eq!(premium_of(&mut sampled_rig()), None);
}

/// Orders that nobody can reach in time make no premium: not by missing depth, and not by depth that is taken away before them.
#[test]
fn orders_far_behind_risk_nothing_and_move_nothing() {
    let mut rig = sampled_rig();
    rig.place(2, ask(PRICE + 200, 100)).unwrap();
    rig.place(0, bid(PRICE / 10, 100)).unwrap();
    rig.place(0, ask(PRICE + 900, 100)).unwrap();
    rig.context.slot += 1;
    assert_eq!(premium_of(&mut rig), Some(0));
    rig.place(0, bid(PRICE + 100, 100)).unwrap();
    rig.context.slot += 1;
    assert_eq!(premium_of(&mut rig), Some(100));
    let taken = OrderRequest { kind: crate::orders::OrderKind::ImmediateOrCancel, ..bid(PRICE + 200, 100) };
    rig.place(1, taken).unwrap();
    assert_eq!(rig.book.orders(Side::Ask)[0].price_atoms_per_lot, PRICE + 900);
    assert_eq!(premium_of(&mut rig), Some(100));
}

#[test]
fn orders_that_do_not_count_are_passed_over() {
    let mut rig = sampled_rig();
    rig.give(1, 2, 50);
    rig.place(0, bid(PRICE + 300, 100)).unwrap();
    rig.place(0, ask(PRICE + 600, 100)).unwrap();
    rig.context.slot += 1;
    let above = |rig: &mut Rig| {
        rig.context.price.ema = Price(PRICE + 700);
        let premium = premium_of(rig);
        rig.context.price.ema = Price(PRICE);
        premium
    };
    // Placed in this slot; expired by now; out of the maker band; and two that may not be firm.
    let slot = rig.context.slot;
    rig.context.slot = slot - 1;
    rig.place(1, OrderRequest { expires_at_slot: slot, ..bid(PRICE + 400, 1_000) }).unwrap();
    rig.place(2, OrderRequest { reduce_only: true, ..bid(PRICE + 400, 50) }).unwrap();
    rig.place(1, OrderRequest { reduce_only: true, ..ask(PRICE + 500, 50) }).unwrap();
    rig.context.slot = slot;
    rig.place(1, bid(PRICE + 400, 1_000)).unwrap();
    assert_eq!(rig.book.orders(Side::Bid).len(), 4);
    assert_eq!((premium_of(&mut rig), above(&mut rig)), (Some(300), Some(-100)));
    // A slot later the one placed now counts, and only it.
    rig.context.slot += 1;
    assert_eq!((premium_of(&mut rig), above(&mut rig)), (Some(400), Some(-100)));
    // The bid at +400 is out of the band once the price has fallen: bids may be 2% above it.
    rig.context.price.price = Price(98_335);
    assert_eq!(premium_of(&mut rig), Some(300));
}

#[test]
fn the_edge_of_the_band_is_the_matching_loops() {
    let mut rig = sampled_rig();
    for band in [0, 1, 7, 200, 3_333, 9_999] {
        rig.market.params.maker_band_bps = band;
        for oracle in [1, 2, 99, 10_000, 100_001, 1_499_999, (1 << 40) - 1, 1 << 40] {
            for side in [Side::Bid, Side::Ask] {
                let edge = band_edge(&rig.market.params, side, Price(oracle)).unwrap();
                for price in edge - 2..=edge + 2 {
                    let inside = if side == Side::Bid { price <= edge } else { price >= edge };
                    assert_eq!(inside, within_maker_band(&rig.market.params, side, Price(price), Price(oracle)));
                }
            }
        }
    }
}

#[test]
fn an_order_at_the_edge_of_the_band_counts_and_one_beyond_it_does_not() {
    let mut rig = rig(3);
    rig.market.params.tick_size_atoms_per_lot = 1;
    let quote = |rig: &mut Rig, side: Side, price: i64| {
        *rig.book = bytemuck::Zeroable::zeroed();
        let order =
            Order { price_atoms_per_lot: price, size_base_lots: i64::MAX >> 20, ..bytemuck::Zeroable::zeroed() };
        rig.book.insert(side, &order).unwrap();
        rig.market.params.funding_impact_base_lots = 1;
        impact_quote(&rig.market.params, &rig.book, side, Price(PRICE), 10).unwrap()
    };
    // 2% of 100,000.
    assert_eq!(rig.market.params.maker_band_bps, 200);
    assert_eq!(quote(&mut rig, Side::Bid, 102_000), Some(QuoteAtoms(102_000)));
    assert_eq!(quote(&mut rig, Side::Bid, 102_001), None);
    assert_eq!(quote(&mut rig, Side::Ask, 98_000), Some(QuoteAtoms(98_000)));
    assert_eq!(quote(&mut rig, Side::Ask, 97_999), None);
}

/// Dust at the top of the book, as much as sixty-four orders, hides nothing.
#[test]
fn dust_does_not_hide_the_depth_behind_it() {
    let mut rig = with_premium();
    rig.market.params.funding_impact_base_lots = 90;
    for who in [1, 2] {
        for _ in 0..32 {
            rig.place(who, bid(PRICE + 400, 1)).unwrap();
        }
    }
    rig.context.slot += 1;
    // 64 lots at +400, 26 at +300: 371.1.
    assert_eq!(premium_of(&mut rig), Some(371));
}

/// The largest orders there are, a whole side of them: the sums stay within their bounds.
#[test]
fn the_largest_book_does_not_overflow() {
    let mut rig = sampled_rig();
    let largest = 1i64 << 40;
    rig.market.params.funding_impact_base_lots = largest;
    rig.market.params.funding_clamp_bps = 9_999;
    rig.context.price.price = Price(1 << 22);
    rig.context.price.ema = Price(1);
    for (side, price) in [(Side::Bid, (1 << 22) - 1), (Side::Ask, 1 << 22)] {
        for sequence in 1..=ORDERS_PER_SIDE as u64 {
            let order = Order {
                price_atoms_per_lot: price,
                sequence,
                size_base_lots: 1 << 30,
                client_order_id: 0,
                expires_at_slot: 0,
                seat_index: 0,
                flags: 0,
                padding: [0; 3],
                placed_slot: 0,
            };
            rig.book.insert(side, &order).unwrap();
        }
    }
    // Half an atom of clamp, rounded down: nothing.
    assert_eq!(premium_of(&mut rig), Some(0));
    rig.context.price.ema = Price(1 << 40);
    assert_eq!(premium_of(&mut rig), Some(-(((1i64 << 40) * 9_999) / 10_000)));
    let second = rig.context.slot + 10;
    let sampled = sample(&mut rig.market, &rig.book, &rig.context.price, second).unwrap();
    assert_eq!(sampled.rate_scaled_per_slot, -((((1i64 << 40) * 9_999) / 10_000) << 20) / 1_000);
    // One lot less than the side must give: then it has it.
    rig.market.params.funding_impact_base_lots = largest + 1;
    assert_eq!(premium_of(&mut rig), None);
}

/// A book shown for one sample: its owner cancels after it. No rate came of it, whatever was there before.
#[test]
fn a_book_shown_for_one_sample_moves_nothing() {
    let mut rig = sampled_rig();
    rig.place(2, bid(PRICE - 100, 100)).unwrap();
    rig.place(2, ask(PRICE + 100, 100)).unwrap();
    rig.context.slot += 1;
    assert_eq!(sample_now(&mut rig).unwrap().premium_atoms_per_lot, 0);
    rig.context.slot += 9;
    rig.place(0, ask(PRICE + 900, 1_000)).unwrap();
    let taken = OrderRequest { kind: crate::orders::OrderKind::ImmediateOrCancel, ..bid(PRICE + 100, 100) };
    rig.place(0, taken).unwrap();
    rig.place(0, bid(PRICE + 800, 1_000)).unwrap();
    rig.context.slot += 1;
    let shown = sample_now(&mut rig).unwrap();
    assert_eq!((shown.premium_atoms_per_lot, shown.rate_scaled_per_slot), (800, 0));
    cancel_all(&mut rig.market, &mut rig.book, 0, None, 32, &mut rig.log).unwrap();
    rig.context.slot += 10;
    let after = sample_now(&mut rig).unwrap();
    assert_eq!((after.premium_atoms_per_lot, after.rate_scaled_per_slot, after.funding_index_scaled), (0, 0, 0));
}
