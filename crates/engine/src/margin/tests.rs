use super::*;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::Price;

/// Edges at 0.9, 3.6, 9 and 18 × 10^12 atoms; mmr 300, 400, 600, 1,000 bps; imr 500, 650, 1,000, 1,600 bps.
fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn priced(confidence: i64, grade: Grade) -> OraclePrice {
    let price = Price(450_000);
    OraclePrice { price, confidence: Price(confidence), ema: price, publish_time_seconds: 1, grade }
}

fn seat(base: i64, entry: i64, realised: i64) -> Seat {
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (base, entry, realised);
    seat
}

fn totals(equity: i64, requirement: i128) -> LegTotals {
    LegTotals { equity: QuoteAtoms(equity), requirement: Requirement(requirement) }
}

fn health(equity: i64, requirement: i128) -> Health {
    Health { equity: QuoteAtoms(equity), requirement: Requirement(requirement) }
}

#[test]
fn the_requirement_is_marginal_and_exact_at_every_edge() {
    let params = params();
    let cases = [
        (0, 0, 0),
        (1, 300, 500),
        (899_999_999_999, 269_999_999_999_700, 449_999_999_999_500),
        (900_000_000_000, 270_000_000_000_000, 450_000_000_000_000),
        (900_000_000_001, 270_000_000_000_400, 450_000_000_000_650),
        (3_600_000_000_000, 1_350_000_000_000_000, 2_205_000_000_000_000),
        (3_600_000_000_001, 1_350_000_000_000_600, 2_205_000_000_001_000),
        (9_000_000_000_000, 4_590_000_000_000_000, 7_605_000_000_000_000),
        (18_000_000_000_000, 13_590_000_000_000_000, 22_005_000_000_000_000),
        // Above the last edge the last rate goes on.
        (18_000_000_000_005, 13_590_000_000_005_000, 22_005_000_000_008_000),
        (4_503_599_627_370_496, 4_499_189_627_370_496_000, 7_198_964_403_792_793_600),
    ];
    for (notional, maintenance, initial) in cases {
        assert_eq!(requirement(&params, QuoteAtoms(notional), false), Ok(Requirement(maintenance)));
        assert_eq!(requirement(&params, QuoteAtoms(notional), true), Ok(Requirement(initial)));
    }
}

#[test]
fn a_notional_out_of_bounds_has_no_requirement() {
    let params = params();
    for notional in [-1, i64::MIN, (1 << 52) + 1, i64::MAX] {
        assert_eq!(requirement(&params, QuoteAtoms(notional), false), Err(EngineError::MathOverflow));
    }
}

#[test]
fn a_requirement_in_atoms_is_rounded_down() {
    for (atom_bps, atoms) in [(0, 0), (9_999, 0), (10_000, 1), (19_999, 1), (i128::MAX, i64::MAX)] {
        assert_eq!(Requirement(atom_bps).to_atoms_down(), atoms);
    }
}

#[test]
fn equity_beyond_the_bound_is_refused() {
    const BOUND: i64 = 1 << 56;
    assert_eq!(totals(1, 5).with_cash(QuoteAtoms(BOUND - 1)), Ok(health(BOUND, 5)));
    assert_eq!(totals(1, 5).with_cash(QuoteAtoms(BOUND)), Err(EngineError::MathOverflow));
    assert_eq!(totals(-1, 5).with_cash(QuoteAtoms(1 - BOUND)), Ok(health(-BOUND, 5)));
    assert_eq!(totals(-1, 5).with_cash(QuoteAtoms(-BOUND)), Err(EngineError::MathOverflow));
    assert_eq!(totals(i64::MIN, 0).with_cash(QuoteAtoms(i64::MIN)), Err(EngineError::MathOverflow));
    assert_eq!(totals(i64::MAX, 0).add(totals(1, 0)), Err(EngineError::MathOverflow));
    assert_eq!(totals(0, i128::MAX).add(totals(0, 1)), Err(EngineError::MathOverflow));
    assert_eq!(totals(3, 4).add(totals(-5, 6)), Ok(totals(-2, 10)));
}

#[test]
fn thresholds_count_at_equality() {
    let cases = [
        (health(300, 3_000_000), 10_000, true),
        (health(299, 3_000_000), 10_000, false),
        (health(300, 3_000_001), 10_000, false),
        (health(375, 3_000_000), 12_500, true),
        (health(374, 3_000_000), 12_500, false),
        (health(0, 3_000_000), 0, true),
        (health(-1, 3_000_000), 0, false),
        (health(0, 0), 10_000, true),
        (health(-1, 0), 0, false),
        (health(1 << 56, 10_000 << 56), 10_000, true),
        (health((1 << 56) - 1, 10_000 << 56), 10_000, false),
    ];
    for (health, ratio, at_least) in cases {
        assert_eq!(health.is_at_least(ratio), at_least, "{health:?} {ratio}");
        assert_eq!(health.is_below(ratio), !at_least);
    }
}

#[test]
fn not_worse_is_exact() {
    let cases = [
        (health(1, 3), health(1, 3), true),
        (health(2, 6), health(1, 3), true),
        (health(2, 7), health(1, 3), false),
        (health(-2, 6), health(-1, 3), true),
        (health(-3, 6), health(-1, 3), false),
        (health((1 << 56) - 1, (1 << 69) - 1), health(1 << 56, 1 << 69), false),
        // Flat after: healthy if nothing is owed.
        (health(0, 0), health(5, 3), true),
        (health(-1, 0), health(5, 3), false),
        (health(-1, 0), health(-5, 0), true),
        (health(-5, 0), health(-1, 0), false),
        (health(0, 0), health(9, 0), true),
        (health(9, 1), health(9, 0), false),
    ];
    for (after, before, expected) in cases {
        assert_eq!(after.is_not_worse_than(&before), expected, "{after:?} after {before:?}");
    }
}

#[test]
fn displayed_health_is_rounded_down() {
    let cases = [
        (health(1, 30_000), 3_333),
        (health(-1, 30_000), -3_334),
        (health(1 << 56, 10_000 << 56), 10_000),
        (health((1 << 56) - 1, 10_000 << 56), 9_999),
        (health(-(1 << 56), 10_000 << 57), -5_000),
        (health(0, 0), i64::MAX),
        (health(-1, 0), i64::MIN),
    ];
    for (health, bps) in cases {
        assert_eq!(health.to_bps_down(), bps, "{health:?}");
    }
}

#[test]
fn a_leg_at_maintenance_is_valued_at_the_mid_price() {
    let params = params();
    let price = priced(1_000, Grade::Fresh);
    let value = |seat: &Seat, valuation| value_leg(&params, seat, QuoteAtoms::ZERO, &price, valuation);
    let long = seat(10, -4_400_000, 5);
    assert_eq!(value(&long, Valuation::Maintenance), Ok(totals(100_005, 1_350_000_000)));
    let short = seat(-10, 4_400_000, -5);
    assert_eq!(value(&short, Valuation::Maintenance), Ok(totals(-100_005, 1_350_000_000)));
    // At the edge that favours it: 451,000 for the long, 449,000 for the short.
    assert_eq!(value(&long, Valuation::Favourable), Ok(totals(110_005, 1_353_000_000)));
    assert_eq!(value(&short, Valuation::Favourable), Ok(totals(-90_005, 1_347_000_000)));
    // Without a position only the result counts.
    assert_eq!(value(&seat(0, 0, -7), Valuation::Maintenance), Ok(totals(-7, 0)));
}

#[test]
fn a_degraded_leg_counts_at_mid_and_a_frozen_one_in_the_accounts_favour() {
    let params = params();
    let long = seat(10, -4_400_000, 5);
    let value = |grade, valuation| value_leg(&params, &long, QuoteAtoms::ZERO, &priced(2_000, grade), valuation);
    assert_eq!(value(Grade::Degraded, Valuation::Maintenance), Ok(totals(100_005, 1_350_000_000)));
    assert_eq!(value(Grade::Frozen, Valuation::Maintenance), Ok(totals(120_005, 1_356_000_000)));
    assert_eq!(value(Grade::Frozen, Valuation::Favourable), Ok(totals(120_005, 1_356_000_000)));
    assert_eq!(value(Grade::Frozen, Valuation::Initial), Err(EngineError::OracleStale));
}

#[test]
fn a_position_out_of_bounds_is_an_error_and_not_a_panic() {
    let params = params();
    let price = priced(0, Grade::Fresh);
    for valuation in [Valuation::Maintenance, Valuation::Favourable, Valuation::Initial] {
        for seat in [seat(i64::MAX, 0, 0), seat(i64::MIN, 0, 0), seat(1 << 40, 0, 0), seat(1, i64::MAX, 1)] {
            assert_eq!(value_leg(&params, &seat, QuoteAtoms::ZERO, &price, valuation), Err(EngineError::MathOverflow));
        }
    }
}

#[test]
fn profit_counts_with_its_weight_at_first_and_a_loss_wholly() {
    let mut params = params();
    let price = priced(0, Grade::Fresh);
    let initial = |params: &MarketParams, entry| {
        value_leg(params, &seat(10, entry, 0), QuoteAtoms::ZERO, &price, Valuation::Initial).map(|value| value.equity.0)
    };
    assert_eq!(initial(&params, -4_400_001), Ok(0));
    assert_eq!(initial(&params, -4_600_000), Ok(-100_000));
    params.profit_init_weight_bps = 3_333;
    // 99,999 × 0.3333 = 33,329.67: rounded down, against the account.
    assert_eq!(initial(&params, -4_400_001), Ok(33_329));
    assert_eq!(initial(&params, -4_600_000), Ok(-100_000));
    params.profit_init_weight_bps = 10_000;
    assert_eq!(initial(&params, -4_400_001), Ok(99_999));
}

#[test]
fn initial_prices_are_biased_against_the_position() {
    let params = params();
    let price = priced(1_000, Grade::Degraded);
    let value = |seat: &Seat| value_leg(&params, seat, QuoteAtoms::ZERO, &price, Valuation::Initial);
    // A long is worth 449,000 a lot and required at the mid price; a short costs 451,000 and is required at it.
    assert_eq!(value(&seat(10, -4_600_000, 0)), Ok(totals(-110_000, 2_250_000_000)));
    assert_eq!(value(&seat(-10, 4_400_000, 0)), Ok(totals(-110_000, 2_255_000_000)));
    let below = OraclePrice { ema: Price(300_000), ..price };
    // The EMA counts to 200 bps (9,000) at most, then the confidence: 440,000.
    let value = value_leg(&params, &seat(10, -4_600_000, 0), QuoteAtoms::ZERO, &below, Valuation::Initial);
    assert_eq!(value, Ok(totals(-200_000, 2_250_000_000)));
}

#[test]
fn open_orders_count_at_their_worst() {
    let params = params();
    let price = priced(0, Grade::Fresh);
    let value = |seat: &Seat| value_leg(&params, seat, QuoteAtoms::ZERO, &price, Valuation::Initial);
    let mut long = seat(10, -4_600_000, 0);
    (long.bid_lots, long.bid_price_max_atoms_per_lot) = (5, 460_000);
    // 15 lots required, and 10,000 a lot of loss at the limit.
    assert_eq!(value(&long), Ok(totals(-150_000, 3_375_000_000)));
    long.bid_price_max_atoms_per_lot = 450_000;
    assert_eq!(value(&long), Ok(totals(-100_000, 3_375_000_000)));
    // Asks to 20 lots short need more than bids to 15 long; both lose at their limits.
    long.bid_price_max_atoms_per_lot = 460_000;
    (long.ask_lots, long.ask_price_min_atoms_per_lot) = (30, 440_000);
    assert_eq!(value(&long), Ok(totals(-450_000, 4_500_000_000)));
    // Asks that only reduce need nothing beyond the position.
    (long.bid_lots, long.bid_price_max_atoms_per_lot) = (0, 0);
    (long.ask_lots, long.ask_price_min_atoms_per_lot) = (20, 450_000);
    assert_eq!(value(&long), Ok(totals(-100_000, 2_250_000_000)));
    let mut short = seat(-10, 4_400_000, 0);
    (short.ask_lots, short.ask_price_min_atoms_per_lot) = (5, 440_000);
    assert_eq!(value(&short), Ok(totals(-150_000, 3_375_000_000)));
    (short.ask_lots, short.bid_lots, short.bid_price_max_atoms_per_lot) = (0, i64::MAX, 450_000);
    assert_eq!(value(&short), Err(EngineError::MathOverflow));
}

#[test]
fn the_loss_of_orders_is_not_weighted_as_profit() {
    let mut params = params();
    params.profit_init_weight_bps = 5_000;
    let mut long = seat(10, -4_400_000, 0);
    (long.bid_lots, long.bid_price_max_atoms_per_lot) = (5, 460_000);
    // 100,000 of profit counts half; the loss of 50,000 wholly.
    let value = value_leg(&params, &long, QuoteAtoms::ZERO, &priced(0, Grade::Fresh), Valuation::Initial);
    assert_eq!(value, Ok(totals(0, 3_375_000_000)));
}

#[test]
fn orders_that_extend_or_turn_count_as_filled_at_the_favourable_edge() {
    let params = params();
    let value = |seat: &Seat, owed, grade| {
        value_leg(&params, seat, QuoteAtoms(owed), &priced(1_000, grade), Valuation::WithOrders)
    };
    // Flat: 20 bids, the highest 4,000 above the edge of 451,000; the requirement at the mid price.
    let mut flat = seat(0, 0, 0);
    (flat.bid_lots, flat.bid_price_max_atoms_per_lot) = (20, 455_000);
    assert_eq!(value(&flat, 0, Grade::Fresh), Ok(totals(-80_000, 2_700_000_000)));
    assert_eq!(value(&flat, 7, Grade::Degraded), Ok(totals(-80_007, 2_700_000_000)));
    // Nobody can meet them where there is no price.
    assert_eq!(value(&flat, 7, Grade::Frozen), Ok(totals(-7, 0)));
    // At the edge there is no loss.
    flat.bid_price_max_atoms_per_lot = 451_000;
    assert_eq!(value(&flat, 0, Grade::Fresh), Ok(totals(0, 2_700_000_000)));

    // Long 10, worth 451,000 each: asks for 10 reduce.
    let mut long = seat(10, -4_500_000, -50);
    (long.ask_lots, long.ask_price_min_atoms_per_lot) = (10, 440_000);
    let without = value_leg(&params, &long, QuoteAtoms(3), &priced(1_000, Grade::Fresh), Valuation::Favourable);
    assert_eq!(value(&long, 3, Grade::Fresh), without);
    assert_eq!(without, Ok(totals(9_947, 1_353_000_000)));
    // For 11 they turn it: all of them lose 9,000 under the edge of 449,000, and the size stays.
    long.ask_lots = 11;
    assert_eq!(value(&long, 3, Grade::Fresh), Ok(totals(9_947 - 99_000, 1_353_000_000)));
    long.ask_lots = 30;
    assert_eq!(value(&long, 3, Grade::Fresh), Ok(totals(9_947 - 270_000, 2_706_000_000)));
    // Bids extend it: 15 lots.
    (long.ask_lots, long.bid_lots, long.bid_price_max_atoms_per_lot) = (10, 5, 400_000);
    assert_eq!(value(&long, 3, Grade::Fresh), Ok(totals(9_947, 2_029_500_000)));

    // The mirror image, at 449,000: bids for 10 reduce, asks extend.
    let mut short = seat(-10, 4_500_000, 0);
    (short.bid_lots, short.bid_price_max_atoms_per_lot) = (10, 470_000);
    (short.ask_lots, short.ask_price_min_atoms_per_lot) = (2, 448_000);
    assert_eq!(value(&short, 0, Grade::Fresh), Ok(totals(10_000 - 2_000, 1_616_400_000)));
}

/// Whatever rests, its value says so: strangers must not be refused by an overflow.
#[test]
fn orders_beyond_all_bounds_count_as_much_as_can_be_said() {
    let params = params();
    let mut flat = seat(0, 0, 0);
    (flat.bid_lots, flat.bid_price_max_atoms_per_lot) = (i64::MAX, 1 << 40);
    let value = value_leg(&params, &flat, QuoteAtoms::ZERO, &priced(0, Grade::Fresh), Valuation::WithOrders);
    assert_eq!(value, Ok(totals(-(1 << 52), 4_499_189_627_370_496_000)));
}

#[test]
fn initial_health_of_one_is_enough() {
    // 100 atoms against a requirement of 100 atoms, in atom-bps.
    assert_eq!(health(100, 1_000_000).require_initial(), Ok(()));
    assert_eq!(health(99, 1_000_000).require_initial(), Err(EngineError::InitialHealthTooLow));
}
