use super::*;
use proptest::prelude::*;

/// The edges of the short ways: 32 and 64 bits, and around them.
fn edge() -> impl Strategy<Value = i64> {
    let edges = [0, 1, 2, 1 << 31, 1 << 32, 1 << 33, 1 << 40, i64::MAX];
    (prop::sample::select(edges.to_vec()), -2i64..=2, any::<bool>()).prop_map(|(edge, by, is_negative)| {
        let value = edge.saturating_add(by);
        if is_negative {
            -value
        } else {
            value
        }
    })
}

fn any_number() -> impl Strategy<Value = i64> {
    prop_oneof![edge(), any::<i64>()]
}

proptest! {
    #[test]
    fn products_are_those_of_128_bits(a in any_number(), b in any_number()) {
        let exact = i128::from(a) * i128::from(b);
        prop_assert_eq!(wide_mul(a, b), exact);
        prop_assert_eq!(signed_product(a, b), i64::try_from(exact).ok());
        prop_assert_eq!(Price(a).notional(BaseLots(b)), i64::try_from(exact).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow));
        let (a, b) = (a.cast_unsigned(), b.cast_unsigned());
        prop_assert_eq!(product(a, b), a.checked_mul(b));
    }

    #[test]
    fn quotients_are_the_floor_and_the_ceiling(a in any_number(), b in any_number(), c in any_number()) {
        let (a, b, c) = (a.cast_unsigned(), b.cast_unsigned(), c.cast_unsigned());
        let exact = u128::from(a) * u128::from(b);
        let fits = |quotient: Option<u128>| {
            quotient.and_then(|quotient| u64::try_from(quotient).ok()).ok_or(EngineError::MathOverflow)
        };
        prop_assert_eq!(mul_div_down(a, b, c), fits(exact.checked_div(c.into())));
        prop_assert_eq!(mul_div_up(a, b, c), fits((c != 0).then(|| exact.div_ceil(c.into()))));
    }
}

#[test]
fn a_product_is_taken_until_the_last_number_that_fits() {
    let most = u64::MAX / 3;
    assert_eq!(product(most, 3), Some(u64::MAX));
    assert_eq!(product(most + 1, 3), None);
    assert_eq!(product(u64::MAX, 1), Some(u64::MAX));
    assert_eq!(product(u64::MAX, 0), Some(0));
    assert_eq!(mul_div_up(u64::MAX, 2, 0), Err(EngineError::MathOverflow));
    assert_eq!(mul_div_up(1, 2, 0), Err(EngineError::MathOverflow));
    assert_eq!(mul_div_down(1, 2, 0), Err(EngineError::MathOverflow));
}

#[test]
fn half_of_64_bits_ends_where_a_product_could_leave_them() {
    for (value, fits) in
        [(0, true), (i64::from(i32::MAX), true), (i64::from(i32::MIN), true), (1 << 31, false), (-(1 << 31) - 1, false)]
    {
        assert_eq!(is_half(value), fits, "{value}");
    }
    assert_eq!((is_half(i64::MAX), is_half(i64::MIN)), (false, false));
}

#[test]
fn a_side_has_a_sign_and_reduces_the_opposite_position() {
    assert_eq!((Side::Bid.sign(), Side::Ask.sign()), (1, -1));
    assert_eq!((Side::Bid.opposite(), Side::Ask.opposite()), (Side::Ask, Side::Bid));
    for (base, side) in
        [(1, Some(Side::Ask)), (7, Some(Side::Ask)), (0, None), (-1, Some(Side::Bid)), (-7, Some(Side::Bid))]
    {
        assert_eq!(Side::reducing(BaseLots(base)), side, "{base}");
    }
}
