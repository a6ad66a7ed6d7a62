//! Exact rationals, rounded where the specification says so and nowhere else. In machine words while they fit, in big integers otherwise.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::ToPrimitive;
use std::cmp::Ordering;

/// An exact integer.
pub type Z = i128;

/// `num ÷ den`, rounded down.
pub fn floor(num: Z, den: Z) -> Z {
    Integer::div_floor(&num, &den)
}

/// `num ÷ den`, rounded up.
pub fn ceil(num: Z, den: Z) -> Z {
    Integer::div_ceil(&num, &den)
}

/// `num ÷ den`, towards zero.
pub fn toward_zero(num: Z, den: Z) -> Z {
    num / den
}

fn product(factors: &[Z]) -> Result<Z, BigInt> {
    let small = factors.iter().try_fold(1i128, |product, factor| product.checked_mul(*factor));
    small.ok_or_else(|| factors.iter().fold(BigInt::from(1), |product, factor| product * factor))
}

/// Product of the first over the product of the second, rounded down.
pub fn ratio_floor(over: &[Z], under: &[Z]) -> Z {
    match (product(over), product(under)) {
        (Ok(over), Ok(under)) => floor(over, under),
        (over, under) => big_value(over).div_floor(&big_value(under)).to_i128().expect("a quotient that fits"),
    }
}

fn big_value(product: Result<Z, BigInt>) -> BigInt {
    match product {
        Ok(small) => BigInt::from(small),
        Err(big) => big,
    }
}

/// Compares two products.
pub fn compare(left: &[Z], right: &[Z]) -> Ordering {
    match (product(left), product(right)) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (left, right) => big_value(left).cmp(&big_value(right)),
    }
}
