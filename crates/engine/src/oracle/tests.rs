use super::*;
use bytemuck::Zeroable;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, Zero};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000;
const SOL: OracleReading = OracleReading {
    price: 14_856_315_152,
    confidence: 9_859_015,
    exponent: -8,
    ema_price: 14_847_938_300,
    publish_time_seconds: NOW,
};

fn params() -> MarketParams {
    let mut tiers = MarketParams::zeroed().tiers;
    tiers[0].imr_bps = 500;
    MarketParams {
        tiers,
        tier_count: 1,
        base_lot_exponent: -3,
        oracle_fresh_age_seconds: 10,
        oracle_max_age_seconds: 60,
        oracle_future_skew_seconds: 2,
        oracle_leg_skew_seconds: 15,
        oracle_fresh_confidence_bps: 100,
        oracle_max_confidence_bps: 300,
        oracle_ema_bias_max_bps: 500,
        oracle_frozen_bias_bps_per_minute: 50,
        ..MarketParams::zeroed()
    }
}

fn never() -> LastPrice {
    LastPrice::zeroed()
}

fn judge(reading: &OracleReading) -> Result<OraclePrice> {
    assess(reading, &params(), 6, &never(), NOW)
}

fn at_age(seconds: i64) -> OracleReading {
    OracleReading { publish_time_seconds: NOW - seconds, ..SOL }
}

fn priced(price: i64, confidence: i64, ema: i64) -> OraclePrice {
    OraclePrice {
        price: Price(price),
        confidence: Price(confidence),
        ema: Price(ema),
        publish_time_seconds: NOW,
        grade: Grade::Fresh,
    }
}

#[test]
fn converts_real_prices() {
    // SOL 148.56315152 with lots of 0.001: 148,563.15152 atoms.
    assert_eq!(convert(14_856_315_152, -8, 6, -3), Ok(Price(148_563)));
    // BTC 68,084.177328 with lots of 0.0001.
    assert_eq!(convert(6_808_417_732_800, -8, 6, -4), Ok(Price(6_808_418)));
    // BONK 0.0000145975 with lots of 100,000.
    assert_eq!(convert(145_975, -10, 6, 5), Ok(Price(1_459_750)));
}

#[test]
fn a_tie_rounds_away_from_zero() {
    assert_eq!(convert(1_499, -3, 0, 0), Ok(Price(1)));
    assert_eq!(convert(1_500, -3, 0, 0), Ok(Price(2)));
    assert_eq!(convert(2_500, -3, 0, 0), Ok(Price(3)), "not to even");
    assert_eq!(convert(499, -3, 0, 0), Err(EngineError::OraclePriceOutOfRange), "would be a price of zero");
    assert_eq!(convert(500, -3, 0, 0), Ok(Price(1)));
}

#[test]
fn exponent_edges() {
    assert_eq!(convert(1, MAX_EXPONENT, 0, 0), Ok(Price(10_000)));
    assert_eq!(convert(1, MAX_EXPONENT + 1, 0, 0), Err(EngineError::OracleExponentOutOfRange));
    assert_eq!(convert(2_000_000_000_000_000_000, MIN_EXPONENT, 0, 0), Ok(Price(2)));
    assert_eq!(convert(i64::MAX, MIN_EXPONENT - 1, 0, 0), Err(EngineError::OracleExponentOutOfRange));
    assert_eq!(convert(1, i32::MAX, 0, 0), Err(EngineError::OracleExponentOutOfRange));
    assert_eq!(convert(1, i32::MIN, 0, 0), Err(EngineError::OracleExponentOutOfRange));
}

#[test]
fn price_range_edges() {
    assert_eq!(convert(MAX_PRICE_ATOMS_PER_LOT, 0, 0, 0), Ok(Price(MAX_PRICE_ATOMS_PER_LOT)));
    assert_eq!(convert(MAX_PRICE_ATOMS_PER_LOT + 1, 0, 0, 0), Err(EngineError::OraclePriceOutOfRange));
    assert_eq!(convert(i64::MAX, 0, 0, 0), Err(EngineError::OraclePriceOutOfRange));
    assert_eq!(convert(i64::MAX, 4, u8::MAX, i32::MAX), Err(EngineError::OraclePriceOutOfRange));
    assert_eq!(convert(i64::MAX, -18, 0, i32::MIN), Err(EngineError::OraclePriceOutOfRange));
    // 10^19 is the largest divisor; half of it is below i64::MAX.
    assert_eq!(convert(5_000_000_000_000_000_000, -18, 0, -1), Ok(Price(1)));
    assert_eq!(convert(4_999_999_999_999_999_999, -18, 0, -1), Err(EngineError::OraclePriceOutOfRange));
    assert_eq!(convert(i64::MAX, -18, 0, -2), Err(EngineError::OraclePriceOutOfRange));
    for mantissa in [0, -1, i64::MIN] {
        assert_eq!(convert(mantissa, -8, 6, -3), Err(EngineError::OraclePriceNotPositive));
    }
}

#[test]
fn a_fresh_price() {
    let price = judge(&SOL).unwrap();
    assert_eq!(
        price,
        OraclePrice {
            price: Price(148_563),
            confidence: Price(99), // 98.59015 rounded up
            ema: Price(148_479),   // 148,479.383
            publish_time_seconds: NOW,
            grade: Grade::Fresh,
        }
    );
    assert_eq!(judge(&OracleReading { ema_price: 0, ..SOL }).unwrap().ema, Price(148_563));
    assert_eq!(judge(&OracleReading { ema_price: i64::MIN, ..SOL }).unwrap().ema, Price(148_563));
    assert_eq!(judge(&OracleReading { ema_price: 1, ..SOL }).unwrap().ema, Price(1));
    assert_eq!(judge(&OracleReading { confidence: 0, ..SOL }).unwrap().confidence, Price(0));
    assert_eq!(judge(&OracleReading { confidence: 1, ..SOL }).unwrap().confidence, Price(1));
}

#[test]
fn a_huge_ema_is_put_on_the_edge_of_the_range() {
    let reading = OracleReading { ema_price: i64::MAX, exponent: -2, price: 10_000, confidence: 1, ..SOL };
    let price = assess(&reading, &MarketParams { base_lot_exponent: 0, ..params() }, 6, &never(), NOW).unwrap();
    assert_eq!((price.price, price.ema), (Price(100_000_000), Price(MAX_PRICE_ATOMS_PER_LOT)));
}

#[test]
fn age_decides_the_grade() {
    assert_eq!(judge(&at_age(10)).unwrap().grade, Grade::Fresh);
    assert_eq!(judge(&at_age(11)).unwrap().grade, Grade::Degraded);
    assert_eq!(judge(&at_age(60)).unwrap().grade, Grade::Degraded);
    assert_eq!(judge(&at_age(61)), Err(EngineError::OracleStale));
    assert_eq!(judge(&at_age(-2)).unwrap().grade, Grade::Fresh);
    assert_eq!(judge(&at_age(-3)), Err(EngineError::OracleFromTheFuture));
}

#[test]
fn confidence_decides_the_grade() {
    let at = |confidence| judge(&OracleReading { price: 1_000_000_000, confidence, ..SOL });
    assert_eq!(at(10_000_000).unwrap().grade, Grade::Fresh);
    assert_eq!(at(10_000_001).unwrap().grade, Grade::Degraded);
    assert_eq!(at(30_000_000).unwrap().grade, Grade::Degraded);
    assert_eq!(at(30_000_001), Err(EngineError::OracleConfidenceTooWide));
    assert_eq!(at(u64::MAX), Err(EngineError::OracleConfidenceTooWide));
    let old_and_wide = OracleReading { price: 1_000_000_000, confidence: 20_000_000, ..at_age(11) };
    assert_eq!(judge(&old_and_wide).unwrap().grade, Grade::Degraded);
}

#[test]
fn a_confidence_beyond_the_range_of_prices_is_too_wide_whatever_the_parameters_say() {
    let loose = MarketParams { oracle_max_confidence_bps: u32::MAX, base_lot_exponent: 0, ..params() };
    let reading = OracleReading { price: 10_000_000, confidence: 1 << 40, exponent: 0, ..SOL };
    assert_eq!(assess(&reading, &loose, 0, &never(), NOW).unwrap().confidence, Price(1 << 40));
    let reading = OracleReading { confidence: (1 << 40) + 1, ..reading };
    assert_eq!(assess(&reading, &loose, 0, &never(), NOW), Err(EngineError::OracleConfidenceTooWide));
}

#[test]
fn a_publish_time_that_is_absent_is_stale_at_any_clock() {
    for publish_time_seconds in [0, -1, i64::MIN] {
        for now in [i64::MIN, -1, 0, 1, NOW, i64::MAX] {
            let reading = OracleReading { publish_time_seconds, ..SOL };
            assert_eq!(assess(&reading, &params(), 6, &never(), now), Err(EngineError::OracleStale));
        }
    }
}

#[test]
fn extreme_clocks() {
    let at = |publish_time_seconds, now| {
        assess(&OracleReading { publish_time_seconds, ..SOL }, &params(), 6, &never(), now).map(|price| price.grade)
    };
    assert_eq!(at(i64::MAX, i64::MAX), Ok(Grade::Fresh));
    assert_eq!(at(i64::MAX, i64::MIN), Err(EngineError::OracleFromTheFuture));
    assert_eq!(at(1, i64::MIN), Err(EngineError::OracleFromTheFuture));
    assert_eq!(at(1, i64::MAX), Err(EngineError::OracleStale));
}

#[test]
fn older_than_the_last_price_is_refused_and_equal_is_not() {
    let last = LastPrice { price_atoms_per_lot: 1, publish_time_seconds: NOW - 5, used_slot: 9 };
    let at = |seconds| assess(&at_age(seconds), &params(), 6, &last, NOW).map(|price| price.grade);
    assert_eq!(at(5), Ok(Grade::Fresh));
    assert_eq!(at(6), Err(EngineError::OracleOlderThanLast));
    assert_eq!(at(61), Err(EngineError::OracleStale), "too old for any market: that comes first");
}

#[test]
fn sign_exponent_and_range_are_told_apart() {
    for price in [0, -1, i64::MIN] {
        assert_eq!(judge(&OracleReading { price, ..SOL }), Err(EngineError::OraclePriceNotPositive));
    }
    for exponent in [-19, 5, i32::MIN, i32::MAX] {
        assert_eq!(judge(&OracleReading { exponent, ..SOL }), Err(EngineError::OracleExponentOutOfRange));
    }
    assert_eq!(judge(&OracleReading { price: i64::MAX, ..SOL }), Err(EngineError::OraclePriceOutOfRange));
    assert_eq!(judge(&OracleReading { price: 1, confidence: 0, ..SOL }), Err(EngineError::OraclePriceOutOfRange));
}

#[test]
fn a_frozen_bias_grows_with_age() {
    let last = LastPrice { price_atoms_per_lot: 148_563, publish_time_seconds: NOW, used_slot: 1 };
    let bias_at = |age: i64| frozen(&last, &params(), NOW.saturating_add(age)).unwrap().confidence.0;
    assert_eq!(bias_at(-5), 0);
    assert_eq!(bias_at(0), 0);
    assert_eq!(bias_at(1), 13); // 148,563 × 50 ÷ 600,000 = 12.38, rounded up
    assert_eq!(bias_at(60), 743); // 742.8
    assert_eq!(bias_at(599), 7_416); // 7,415.8
    assert_eq!(bias_at(600), 7_429); // 7,428.15: also the cap, 5% of the price, rounded up
    assert_eq!(bias_at(3_600), 7_429);
    assert_eq!(bias_at(i64::MAX), 7_429);
    let price = frozen(&last, &params(), NOW + 60).unwrap();
    assert_eq!((price.grade, price.price, price.ema), (Grade::Frozen, Price(148_563), Price(148_563)));
    assert_eq!(price.favourable(BaseLots(1)), Price(149_306));
    assert_eq!(price.favourable(BaseLots(-1)), Price(147_820));
}

#[test]
fn the_last_known_price_is_the_newer_of_the_markets_and_the_accounts() {
    let last = LastPrice { price_atoms_per_lot: 150_000, publish_time_seconds: NOW - 9_000, used_slot: 4 };
    let known = |reading: &OracleReading| last_known(Some(reading), &params(), 6, &last, NOW + 7_200);
    let own = LastPrice { price_atoms_per_lot: 148_563, publish_time_seconds: NOW, used_slot: 4 };
    assert_eq!(known(&SOL), own);
    assert_eq!(last_known(None, &params(), 6, &last, NOW + 7_200), last);
    for not_good in [
        OracleReading { publish_time_seconds: NOW - 9_000, ..SOL },
        OracleReading { publish_time_seconds: NOW + 7_206, ..SOL },
        OracleReading { publish_time_seconds: i64::MIN, ..SOL },
        OracleReading { publish_time_seconds: i64::MAX, ..SOL },
        OracleReading { price: 0, ..SOL },
        OracleReading { price: -1, ..SOL },
        OracleReading { price: i64::MAX, ..SOL },
        OracleReading { exponent: 5, ..SOL },
        OracleReading { confidence: u64::MAX, ..SOL },
    ] {
        assert_eq!(known(&not_good), last, "{not_good:?}");
    }
}

#[test]
fn a_market_without_a_price_has_no_frozen_one() {
    for price_atoms_per_lot in [0, -1, i64::MIN] {
        let last = LastPrice { price_atoms_per_lot, publish_time_seconds: NOW, used_slot: 1 };
        assert_eq!(frozen(&last, &params(), NOW), Err(EngineError::OracleStale));
    }
    let last = LastPrice { price_atoms_per_lot: i64::MAX, publish_time_seconds: i64::MIN, used_slot: 1 };
    assert_eq!(frozen(&last, &params(), i64::MAX), Err(EngineError::OraclePriceOutOfRange));
    let most = LastPrice { price_atoms_per_lot: MAX_PRICE_ATOMS_PER_LOT, publish_time_seconds: NOW, used_slot: 1 };
    assert_eq!(frozen(&most, &params(), NOW).map(|price| price.price), Ok(Price(MAX_PRICE_ATOMS_PER_LOT)));
    let more = LastPrice { price_atoms_per_lot: MAX_PRICE_ATOMS_PER_LOT + 1, ..most };
    assert_eq!(frozen(&more, &params(), NOW), Err(EngineError::OraclePriceOutOfRange));
}

#[test]
fn skew_between_live_legs() {
    let at = |seconds: i64| OraclePrice { publish_time_seconds: NOW + seconds, ..priced(1, 0, 1) };
    let old_frozen = OraclePrice { grade: Grade::Frozen, ..at(-1_000) };
    assert_eq!(check_skew(&[], 0), Ok(()));
    assert_eq!(check_skew(&[at(0)], 0), Ok(()));
    assert_eq!(check_skew(&[at(0), at(15), at(7)], 15), Ok(()));
    assert_eq!(check_skew(&[at(15), at(0)], 14), Err(EngineError::OracleLegsSkewed));
    assert_eq!(check_skew(&[at(0), old_frozen], 0), Ok(()));
    let ends = [priced(1, 0, 1), OraclePrice { publish_time_seconds: i64::MIN, ..priced(1, 0, 1) }];
    assert_eq!(check_skew(&ends, u32::MAX), Err(EngineError::OracleLegsSkewed));
}

#[test]
fn the_record_never_goes_back() {
    let mut last = never();
    let price = judge(&SOL).unwrap();
    last.record(&price, 7).unwrap();
    assert_eq!(last, LastPrice { price_atoms_per_lot: 148_563, publish_time_seconds: NOW, used_slot: 7 });
    let older = OraclePrice { publish_time_seconds: NOW - 1, price: Price(1), ..price };
    assert_eq!(last.record(&older, 8), Err(EngineError::OracleOlderThanLast));
    assert_eq!(last, LastPrice { price_atoms_per_lot: 148_563, publish_time_seconds: NOW, used_slot: 7 });
    let same_second = OraclePrice { price: Price(148_600), ..price };
    last.record(&same_second, 8).unwrap();
    assert_eq!(last, LastPrice { price_atoms_per_lot: 148_600, publish_time_seconds: NOW, used_slot: 8 });
    last.record(&same_second, 7).unwrap();
    assert_eq!(last.used_slot, 8, "nor does the slot");
    let before = last;
    last.record(&frozen(&before, &params(), NOW + 100).unwrap(), 9).unwrap();
    assert_eq!(last, before);
}

#[test]
fn favourable_and_adverse_sides() {
    let (long, short, flat) = (BaseLots(3), BaseLots(-3), BaseLots(0));
    let price = priced(100_000, 100, 99_000);
    assert_eq!(price.favourable(long), Price(100_100));
    assert_eq!(price.favourable(short), Price(99_900));
    assert_eq!(price.favourable(flat), Price(100_000));
    // The EMA below biases a long down to it, and a short not at all.
    assert_eq!(price.adverse(long, &params()), Price(98_900));
    assert_eq!(price.adverse(short, &params()), Price(100_100));
    assert_eq!(price.adverse(flat, &params()), Price(100_000));
    // The bias is at most 5%.
    assert_eq!(priced(100_000, 100, 1).adverse(long, &params()), Price(94_900));
    assert_eq!(priced(100_000, 100, 200_000).adverse(short, &params()), Price(105_100));
    assert_eq!(priced(100_000, 100, 200_000).adverse(long, &params()), Price(99_900));
    // 5% of 19 is 0.95: rounded down, no bias.
    assert_eq!(priced(19, 0, 1).adverse(long, &params()), Price(19));
}

#[test]
fn biased_prices_stay_in_the_range() {
    let wide = priced(5, 100, 5);
    assert_eq!(wide.favourable(BaseLots(-1)), Price(1));
    assert_eq!(wide.adverse(BaseLots(1), &params()), Price(1));
    let high = priced(MAX_PRICE_ATOMS_PER_LOT, i64::MAX, i64::MAX);
    assert_eq!(high.favourable(BaseLots(1)), Price(MAX_PRICE_ATOMS_PER_LOT));
    assert_eq!(high.adverse(BaseLots(-1), &params()), Price(MAX_PRICE_ATOMS_PER_LOT));
    let no_limit = MarketParams { oracle_ema_bias_max_bps: u32::MAX, ..params() };
    assert_eq!(priced(MAX_PRICE_ATOMS_PER_LOT, 0, 1).adverse(BaseLots(1), &no_limit), Price(1));
}

/// The conversion in rationals: what the specification says, with none of the engine's arithmetic.
fn reference(mantissa: i64, shift: i64) -> Option<BigInt> {
    let ten = BigInt::from(10);
    let factor = Pow::pow(ten, shift.unsigned_abs());
    let scale = if shift >= 0 { BigRational::from(factor) } else { BigRational::new(BigInt::one(), factor) };
    let exact = BigRational::from(BigInt::from(mantissa)) * scale;
    let rounded = exact.round().to_integer(); // ties away from zero
    assert!((BigRational::from(rounded.clone()) - exact).abs() <= BigRational::new(BigInt::one(), BigInt::from(2)));
    (!rounded.is_zero() && rounded <= BigInt::from(MAX_PRICE_ATOMS_PER_LOT)).then_some(rounded)
}

fn mantissas() -> impl Strategy<Value = i64> {
    // Uniform mantissas are nearly all huge: draw the size first, and sit on ties often.
    prop_oneof![
        (0u32..63).prop_flat_map(|bits| 1i64..=(1i64 << bits)),
        (1i64..10_000, 0u32..14).prop_map(|(head, zeros)| (head * 10 + 5) * 10i64.pow(zeros)),
        Just(i64::MAX),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn convert_equals_the_rational_reference(
        mantissa in mantissas(), exponent in MIN_EXPONENT..=MAX_EXPONENT, decimals in 0u8..=18, lot in -12i32..=12,
    ) {
        let expected = reference(mantissa, i64::from(exponent) + i64::from(decimals) + i64::from(lot));
        match (convert(mantissa, exponent, decimals, lot), expected) {
            (Ok(price), Some(exact)) => prop_assert_eq!(BigInt::from(price.0), exact),
            (Err(error), None) => prop_assert_eq!(error, EngineError::OraclePriceOutOfRange),
            (got, wanted) => prop_assert!(false, "{:?} instead of {:?}", got, wanted),
        }
    }

    #[test]
    fn no_bit_pattern_panics_and_a_price_is_always_in_range(
        price in prop_oneof![any::<i64>(), mantissas()], confidence in prop_oneof![any::<u64>(), 0u64..1_000],
        exponent in prop_oneof![any::<i32>(), -20..6i32], ema_price: i64,
        publish_time_seconds in prop_oneof![any::<i64>(), NOW - 9..NOW + 4], lot in prop_oneof![any::<i32>(), -12..12i32],
        decimals in prop_oneof![any::<u8>(), 0u8..10], last_time in prop_oneof![any::<i64>(), NOW - 12..NOW],
        last_price: i64, now in prop_oneof![any::<i64>(), Just(NOW)], base: i64,
    ) {
        let market = MarketParams {
            base_lot_exponent: lot,
            oracle_max_age_seconds: u32::MAX,
            oracle_max_confidence_bps: u32::MAX,
            ..params()
        };
        let last = LastPrice { price_atoms_per_lot: last_price, publish_time_seconds: last_time, used_slot: 0 };
        let reading = OracleReading { price, confidence, exponent, ema_price, publish_time_seconds };
        for judged in [assess(&reading, &market, decimals, &last, now), frozen(&last, &market, now)].into_iter().flatten() {
            for value in [judged.price, judged.favourable(BaseLots(base)), judged.adverse(BaseLots(base), &market)] {
                prop_assert!((1..=MAX_PRICE_ATOMS_PER_LOT).contains(&value.0));
            }
            prop_assert!((0..=MAX_PRICE_ATOMS_PER_LOT).contains(&judged.confidence.0));
        }
    }
}

#[test]
fn scaling_rounds_what_is_not_whole_and_nothing_else() {
    for (mantissa, shift, up, nearest) in [
        (500, -2, 5, 5),
        (501, -2, 6, 5),
        (549, -2, 6, 5),
        (550, -2, 6, 6),
        (1, -19, 1, 0),
        // 10^20 does not fit; what it divides is a fraction.
        (u64::MAX, -20, 1, 0),
        (7, 3, 7_000, 7_000),
        (0, -20, 0, 0),
    ] {
        assert_eq!(scale(mantissa, shift, Rounding::Up), Some(up), "{mantissa} {shift}");
        assert_eq!(scale(mantissa, shift, Rounding::Nearest), Some(nearest), "{mantissa} {shift}");
    }
    assert_eq!(scale(u64::MAX, 0, Rounding::Up), None);
    assert_eq!(scale(10, 19, Rounding::Up), None);
}
