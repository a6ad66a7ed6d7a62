//! From a decoded oracle reading to a price that may be used: conversion, grading, bias. Knows no account layout.

use crate::error::Result;
use crate::market::LastPrice;
use crate::params::MarketParams;
use crate::quantity::Price;

/// What an oracle account says, decoded but not judged. Integers as published; `10^exponent` quote units per base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleReading {
    /// Price mantissa.
    pub price: i64,
    /// Confidence mantissa.
    pub confidence: u64,
    /// Exponent of all mantissas.
    pub exponent: i32,
    /// EMA mantissa; zero or negative when there is none.
    pub ema_price: i64,
    /// Publish time, Unix seconds.
    pub publish_time_seconds: i64,
}

/// What a price may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Everything.
    Fresh,
    /// Risk reduction, and liquidation in the hard stage or worse.
    Degraded,
    /// Valuing a leg beside live ones: the last good price, moved in the account's favour.
    Frozen,
}

/// A price that has passed the checks for its grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OraclePrice {
    /// Mid price.
    pub price: Price,
    /// Half-width of the interval, in atoms per lot, rounded up. For a frozen price: the bias in the account's favour.
    pub confidence: Price,
    /// EMA, or the price where there is none.
    pub ema: Price,
    /// Publish time, Unix seconds.
    pub publish_time_seconds: i64,
    /// What it may be used for.
    pub grade: Grade,
}
