//! Decimal text to an exact integer: prices never pass through floating point.

/// Decimals kept: a price is an integer of `10^-10` quote units.
pub const PRICE_DECIMALS: u32 = 10;

/// Why a text is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("is empty")]
    Empty,
    #[error("is not a number")]
    NotANumber,
    #[error("is not a finite number")]
    NotFinite,
    #[error("is negative")]
    Negative,
    #[error("is zero")]
    Zero,
    #[error("has more than 10 decimals")]
    TooPrecise,
    #[error("is too large (the largest is 900000000)")]
    TooLarge,
}

/// Largest accepted price, in `10^-10`.
const LARGEST: i64 = 9_000_000_000_000_000_000;

/// A positive price, in `10^-10`, exact. Understands `123`, `1.5`, `.5`, `1e-5`.
///
/// # Errors
/// The reason; digits beyond the tenth decimal are refused unless they are zeroes, because rounding would change the data.
pub fn parse_price(text: &str) -> Result<i64, DecimalError> {
    let (negative, digits, exponent) = split(text)?;
    let value = scaled(&digits, exponent)?;
    match (value, negative) {
        (0, _) => Err(DecimalError::Zero),
        (_, true) => Err(DecimalError::Negative),
        (value, false) => Ok(value),
    }
}

/// Checks a quantity that is not used in computations: a finite number, not negative.
///
/// # Errors
/// The reason.
pub fn check_volume(text: &str) -> Result<(), DecimalError> {
    let (negative, digits, _) = split(text)?;
    if negative && digits.bytes().any(|digit| digit != b'0') {
        return Err(DecimalError::Negative);
    }
    Ok(())
}

/// Sign, digits without a point, and the power of ten of the last digit.
fn split(text: &str) -> Result<(bool, String, i32), DecimalError> {
    if text.is_empty() {
        return Err(DecimalError::Empty);
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if ["nan", "inf", "infinity"].contains(&rest.to_ascii_lowercase().as_str()) {
        return Err(DecimalError::NotFinite);
    }
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| DecimalError::NotANumber)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let decimals = i32::try_from(fraction.len()).map_err(|_| DecimalError::TooPrecise)?;
    Ok((negative, digits, i32::from(exponent) - decimals))
}

/// The digits at that power of ten, in `10^-10`.
fn scaled(digits: &str, exponent: i32) -> Result<i64, DecimalError> {
    let trimmed = digits.trim_end_matches('0');
    let shift = exponent + i32::try_from(digits.len() - trimmed.len()).map_err(|_| DecimalError::TooLarge)?;
    let significant = trimmed.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let shift = shift + i32::try_from(PRICE_DECIMALS).map_err(|_| DecimalError::TooLarge)?;
    let power = u32::try_from(shift).map_err(|_| DecimalError::TooPrecise)?;
    let value: i64 = significant.parse().map_err(|_| DecimalError::TooLarge)?;
    let factor = 10i64.checked_pow(power).ok_or(DecimalError::TooLarge)?;
    value.checked_mul(factor).filter(|value| *value <= LARGEST).ok_or(DecimalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly() {
        for (text, value) in [
            ("42.525", 425_250_000_000),
            ("1", 10_000_000_000),
            (".5", 5_000_000_000),
            ("+7.", 70_000_000_000),
            ("1.4e-5", 140_000),
            ("0.0000000001", 1),
            ("0.00000000010000", 1),
            ("5E3", 50_000_000_000_000),
            ("0007", 70_000_000_000),
            ("900000000", LARGEST),
        ] {
            assert_eq!(parse_price(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, reason) in [
            ("", DecimalError::Empty),
            ("abc", DecimalError::NotANumber),
            ("1.2.3", DecimalError::NotANumber),
            ("1e", DecimalError::NotANumber),
            ("-", DecimalError::NotANumber),
            ("0x10", DecimalError::NotANumber),
            ("NaN", DecimalError::NotFinite),
            ("-inf", DecimalError::NotFinite),
            ("-1", DecimalError::Negative),
            ("0", DecimalError::Zero),
            ("0.000", DecimalError::Zero),
            ("-0", DecimalError::Zero),
            ("0.00000000001", DecimalError::TooPrecise),
            ("900000000.0000000001", DecimalError::TooLarge),
            ("1e300", DecimalError::TooLarge),
            ("99999999999999999999999", DecimalError::TooLarge),
            ("1e99999", DecimalError::NotANumber),
        ] {
            assert_eq!(parse_price(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn volume_may_be_zero_but_not_negative() {
        assert_eq!(check_volume("0"), Ok(()));
        assert_eq!(check_volume("1637.716"), Ok(()));
        assert_eq!(check_volume("-1"), Err(DecimalError::Negative));
        assert_eq!(check_volume("nan"), Err(DecimalError::NotFinite));
    }
}
