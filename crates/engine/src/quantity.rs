//! Quantities with their units in the type. Mixed units do not compile; every operation is checked.
//!
//! Bounds, on which the absence of overflow in 128-bit products rests (see `docs/spec.md`):
//! `|lots| ≤ 2^40`, `price ≤ 2^40` atoms per lot, `notional ≤ 2^52` atoms a leg, `|cash|, |equity| ≤ 2^56` atoms.

use crate::error::{EngineError, Result};

/// Largest number of lots in a position, an order or an open interest.
pub const MAX_BASE_LOTS: i64 = 1 << 40;
/// Largest price, in quote atoms per lot.
pub const MAX_PRICE_ATOMS_PER_LOT: i64 = 1 << 40;
/// Largest notional of one leg, in quote atoms.
pub const MAX_NOTIONAL_ATOMS: i64 = 1 << 52;
/// Largest absolute cash or equity, in quote atoms.
pub const MAX_EQUITY_ATOMS: i64 = 1 << 56;
/// One, in basis points.
pub const BPS_ONE: i64 = 10_000;

macro_rules! signed_quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// Sum; `MathOverflow` outside `i64`.
            #[inline(always)]
            pub const fn add(self, other: Self) -> Result<Self> {
                match self.0.checked_add(other.0) { Some(v) => Ok(Self(v)), None => Err(EngineError::MathOverflow) }
            }

            /// Difference; `MathOverflow` outside `i64`.
            #[inline(always)]
            pub const fn sub(self, other: Self) -> Result<Self> {
                match self.0.checked_sub(other.0) { Some(v) => Ok(Self(v)), None => Err(EngineError::MathOverflow) }
            }

            /// Negation; `MathOverflow` for the smallest `i64`.
            #[inline(always)]
            pub const fn neg(self) -> Result<Self> {
                match self.0.checked_neg() { Some(v) => Ok(Self(v)), None => Err(EngineError::MathOverflow) }
            }

            /// Magnitude; `MathOverflow` for the smallest `i64`.
            #[inline(always)]
            pub const fn abs(self) -> Result<Self> {
                match self.0.checked_abs() { Some(v) => Ok(Self(v)), None => Err(EngineError::MathOverflow) }
            }

            /// The lesser of two.
            #[inline(always)]
            pub const fn min(self, other: Self) -> Self { if self.0 < other.0 { self } else { other } }

            /// The greater of two.
            #[inline(always)]
            pub const fn max(self, other: Self) -> Self { if self.0 > other.0 { self } else { other } }

            /// True above zero.
            #[inline(always)]
            pub const fn is_positive(self) -> bool { self.0 > 0 }

            /// True below zero.
            #[inline(always)]
            pub const fn is_negative(self) -> bool { self.0 < 0 }

            /// True at zero.
            #[inline(always)]
            pub const fn is_zero(self) -> bool { self.0 == 0 }
        }
    };
}

signed_quantity! {
    /// Base quantity in lots; negative for a short.
    BaseLots
}
signed_quantity! {
    /// Quote quantity in atoms of the quote mint; negative for a debt.
    QuoteAtoms
}

/// Price in quote atoms per base lot. Positive wherever it is used as a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub i64);

impl Price {
    /// `lots × self`, exact. `MathOverflow` outside `i64`.
    #[inline(always)]
    pub const fn notional(self, lots: BaseLots) -> Result<QuoteAtoms> {
        match signed_product(self.0, lots.0) {
            Some(v) => Ok(QuoteAtoms(v)),
            None => Err(EngineError::MathOverflow),
        }
    }
}

/// Side of the book or of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Buys base.
    Bid,
    /// Sells base.
    Ask,
}

impl Side {
    /// The side it trades against.
    #[inline(always)]
    pub const fn opposite(self) -> Self {
        match self {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
        }
    }

    /// `+1` for a bid, `-1` for an ask: the sign a fill gives to base.
    #[inline(always)]
    pub const fn sign(self) -> i64 {
        match self {
            Side::Bid => 1,
            Side::Ask => -1,
        }
    }

    /// The side that reduces a position of this sign; `None` for a flat one.
    #[inline(always)]
    pub const fn reducing(base: BaseLots) -> Option<Self> {
        if base.0 > 0 {
            Some(Side::Ask)
        } else if base.0 < 0 {
            Some(Side::Bid)
        } else {
            None
        }
    }
}

/// True within 32 bits: a product of two such numbers fits 64 bits. A checked product is a call of a library on chain, and dear.
#[inline(always)]
const fn is_half(value: i64) -> bool {
    value.wrapping_add(1 << 31).cast_unsigned() < 1 << 32
}

/// As `checked_mul`, with a short way for small numbers.
#[inline(always)]
pub(crate) const fn signed_product(a: i64, b: i64) -> Option<i64> {
    if is_half(a) && is_half(b) {
        return Some(a.wrapping_mul(b));
    }
    a.checked_mul(b)
}

/// As `checked_mul`, by a division: one instruction on chain, where a checked product is a call of a library.
#[inline(always)]
const fn product(a: u64, b: u64) -> Option<u64> {
    match u64::MAX.checked_div(b) {
        Some(most) if a > most => None,
        _ => Some(a.wrapping_mul(b)),
    }
}

/// `a × b` in 128 bits. Exact for every pair of 64-bit values, hence unchecked: `|a × b| ≤ 2^126`.
#[inline(always)]
pub const fn wide_mul(a: i64, b: i64) -> i128 {
    if is_half(a) && is_half(b) {
        return a.wrapping_mul(b) as i128;
    }
    (a as i128).wrapping_mul(b as i128)
}

/// `floor(a × b / c)`; `MathOverflow` when `c = 0` or the result leaves `u64`. Takes the 64-bit path when the product fits,
/// because a 128-bit division is dear on chain.
#[inline]
pub fn mul_div_down(a: u64, b: u64, c: u64) -> Result<u64> {
    if let Some(product) = product(a, b) {
        return product.checked_div(c).ok_or(EngineError::MathOverflow);
    }
    let product = u128::from(a).checked_mul(u128::from(b)).ok_or(EngineError::MathOverflow)?;
    let quotient = product.checked_div(u128::from(c)).ok_or(EngineError::MathOverflow)?;
    u64::try_from(quotient).map_err(|_| EngineError::MathOverflow)
}

/// `ceil(a × b / c)`; `MathOverflow` when `c = 0` or the result leaves `u64`.
#[inline]
pub fn mul_div_up(a: u64, b: u64, c: u64) -> Result<u64> {
    if let Some(product) = product(a, b) {
        return if c == 0 { Err(EngineError::MathOverflow) } else { Ok(product.div_ceil(c)) };
    }
    let product = u128::from(a).checked_mul(u128::from(b)).ok_or(EngineError::MathOverflow)?;
    if c == 0 {
        return Err(EngineError::MathOverflow);
    }
    u64::try_from(product.div_ceil(u128::from(c))).map_err(|_| EngineError::MathOverflow)
}

#[cfg(test)]
mod tests;
