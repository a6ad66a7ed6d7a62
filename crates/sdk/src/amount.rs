//! Human amounts, exactly: "12.5" is read digit by digit, never through a float, and what does not fit the unit is refused, never rounded.

/// Most digits that are read.
const DIGITS_MAX: usize = 30;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("{text:?} is not a decimal number such as 12.5")]
    NotANumber {
        /// The text.
        text: String,
    },
    /// Finer than the unit.
    #[error("{text} is finer than the smallest unit, {unit}")]
    TooFine {
        /// The text.
        text: String,
        /// The smallest unit.
        unit: String,
    },
    /// Larger than any amount.
    #[error("{text} is too large")]
    TooLarge {
        /// The text.
        text: String,
    },
    /// Zero or less, where something is needed.
    #[error("{text} must be more than zero")]
    NotPositive {
        /// The text.
        text: String,
    },
}

/// The units of one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Decimals of the quote mint.
    pub quote_decimals: u8,
    /// `1 lot = 10^base_lot_exponent` base units.
    pub base_lot_exponent: i32,
}

impl Units {
    /// A price in quote per base unit, as quote atoms per lot.
    ///
    /// ```
    /// use taper_sdk::amount::Units;
    ///
    /// // Lots of 0.01, a mint of six decimals.
    /// let units = Units { quote_decimals: 6, base_lot_exponent: -2 };
    /// assert_eq!(units.price("45.125")?, 451_250);
    /// assert_eq!(units.size("1.5")?, 150);
    /// assert_eq!(units.show_price(451_250), "45.125");
    /// assert!(units.size("0.001").is_err());
    /// # Ok::<(), taper_sdk::amount::AmountError>(())
    /// ```
    ///
    /// # Errors
    /// [`AmountError`].
    pub fn price(&self, text: &str) -> Result<i64, AmountError> {
        positive(text, self.price_decimals())
    }

    /// A size in base units, as lots.
    ///
    /// # Errors
    /// [`AmountError`].
    pub fn size(&self, text: &str) -> Result<i64, AmountError> {
        positive(text, self.size_decimals())
    }

    /// Atoms per lot, as a price in quote per base unit.
    pub fn show_price(&self, atoms_per_lot: i64) -> String {
        show(atoms_per_lot.into(), self.price_decimals())
    }

    /// Lots, as base units.
    pub fn show_size(&self, lots: i64) -> String {
        show(lots.into(), self.size_decimals())
    }

    /// Quote atoms, as quote.
    pub fn show_quote(&self, atoms: i64) -> String {
        show(atoms.into(), i32::from(self.quote_decimals))
    }

    fn price_decimals(&self) -> i32 {
        i32::from(self.quote_decimals).saturating_add(self.base_lot_exponent)
    }

    fn size_decimals(&self) -> i32 {
        self.base_lot_exponent.saturating_neg()
    }
}

/// As [`parse`], and more than zero.
///
/// # Errors
/// [`AmountError`].
pub fn positive(text: &str, decimals: i32) -> Result<i64, AmountError> {
    match parse(text, decimals)? {
        value if value > 0 => Ok(value),
        _ => Err(AmountError::NotPositive { text: text.to_owned() }),
    }
}

/// `text × 10^decimals`, exactly.
///
/// # Errors
/// [`AmountError`].
pub fn parse(text: &str, decimals: i32) -> Result<i64, AmountError> {
    let bad = || AmountError::NotANumber { text: text.to_owned() };
    let large = || AmountError::TooLarge { text: text.to_owned() };
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_number = !whole.is_empty() && !unsigned.ends_with('.');
    if !is_number || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    if whole.len() > DIGITS_MAX || fraction.len() > DIGITS_MAX {
        return Err(large());
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let exponent = decimals - i32::try_from(fraction.len()).map_err(|_| large())?;
    let digits = digits.trim_start_matches('0');
    // A unit larger than one (a lot of ten base units) needs zeroes at the end, which are taken away.
    let digits = match u32::try_from(exponent) {
        Ok(zeroes) => format!("{digits}{}", "0".repeat(if digits.is_empty() { 0 } else { zeroes as usize })),
        Err(_) => {
            let surplus = exponent.unsigned_abs() as usize;
            let (kept, dropped) = digits.split_at(digits.len().saturating_sub(surplus));
            if dropped.bytes().any(|byte| byte != b'0') {
                return Err(AmountError::TooFine { text: text.to_owned(), unit: show(1, decimals) });
            }
            kept.to_owned()
        }
    };
    let value: i64 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| large())? };
    Ok(if is_negative { -value } else { value })
}

/// `value ÷ 10^decimals`, exactly, without zeroes at the end.
pub fn show(value: i128, decimals: i32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let Some(places) = usize::try_from(decimals).ok().filter(|places| *places > 0) else {
        let zeroes = if value == 0 { 0 } else { decimals.unsigned_abs() as usize };
        return format!("{sign}{digits}{}", "0".repeat(zeroes));
    };
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, decimals, value) in [
            ("12.5", 6, 12_500_000),
            ("0", 6, 0),
            ("0.000001", 6, 1),
            ("-3", 2, -300),
            ("9223372036854.775807", 6, i64::MAX),
            ("450", -1, 45),
            ("1000000", -6, 1),
        ] {
            assert_eq!(parse(text, decimals), Ok(value), "{text}");
            assert_eq!(show(value.into(), decimals), text, "{text}");
        }
        assert_eq!(parse("007.50", 2), Ok(750));
        assert_eq!(parse("1.10000000000000000000", 1), Ok(11));
        assert_eq!(parse("0.0", -3), Ok(0));
        assert_eq!(show(i64::MIN.into(), 3), "-9223372036854775.808");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".5", "5.", "1e6", "1,5", "+1", "1.2.3", " 1", "0x10", "NaN", "--1", "1.-2", "1٣"] {
            assert_eq!(parse(text, 6), Err(AmountError::NotANumber { text: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn nothing_is_rounded_and_nothing_wraps() {
        let fine = |text: &str, unit: &str| AmountError::TooFine { text: text.to_owned(), unit: unit.to_owned() };
        assert_eq!(parse("0.0000001", 6), Err(fine("0.0000001", "0.000001")));
        assert_eq!(parse("455", -1), Err(fine("455", "10")));
        assert_eq!(parse("5", -1), Err(fine("5", "10")));
        for text in ["9223372036854.775808", "99999999999999999999999999999999999999"] {
            assert_eq!(parse(text, 6), Err(AmountError::TooLarge { text: text.to_owned() }));
        }
        for text in ["0", "-1"] {
            assert_eq!(positive(text, 6), Err(AmountError::NotPositive { text: text.to_owned() }));
        }
    }
}
