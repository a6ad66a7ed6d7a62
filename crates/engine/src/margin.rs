//! Margin tiers, the value of a leg, health.

use crate::error::Result;
use crate::oracle::OraclePrice;
use crate::params::MarketParams;
use crate::quantity::{BaseLots, Price, QuoteAtoms};
use crate::seat::Seat;

/// A margin requirement in `10^-4` quote atoms ("atom-bps"): notional times rate in bps, exact, never rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement(pub i128);

/// How a leg is valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valuation {
    /// Maintenance rates at the mid price (a frozen leg: at its last price moved in the account's favour).
    Maintenance,
    /// Maintenance rates at the edge of the interval that favours the account.
    Favourable,
    /// Initial rates, worst case over open orders, prices biased against the account, profit weighted. Refuses frozen prices.
    Initial,
}

/// Equity and requirement of one leg, or the sum over several; without cash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegTotals {
    /// `quote_entry + base × P + realised`, summed.
    pub equity: QuoteAtoms,
    /// Requirement, summed.
    pub requirement: Requirement,
}

/// Equity against requirement: `H = E / M`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Equity, in quote atoms.
    pub equity: QuoteAtoms,
    /// Requirement, in atom-bps.
    pub requirement: Requirement,
}
