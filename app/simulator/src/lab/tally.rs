//! Counts of a run.

use super::feed::PPM_ONE;

/// Displacement from which the market counts as disturbed: 50 bps.
const DISTURBED_PPM: i64 = PPM_ONE / 200;

/// What happened, over the whole market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Slices, and market orders of baselines that filled something.
    pub slices: u64,
    /// Those after an account's first.
    pub repeat_slices: u64,
    /// Notional closed by them.
    pub liquidated_atoms: i64,
    /// Losses beyond an account's equity, whoever bore them.
    pub bad_debt_atoms: i64,
    /// Of bad debt: paid by insurance.
    pub insurance_atoms: i64,
    /// Of bad debt: borne by deleveraged seats.
    pub deleveraged_atoms: i64,
    /// Of bad debt: shared among all lots of the market, or borne by nobody yet.
    pub socialised_atoms: i64,
    /// Notional of positions taken over with equity left.
    pub taken_over_atoms: i64,
    /// Notional of positions of bankrupt accounts, closed against the best ranked seats.
    pub adl_atoms: i64,
    /// Equity that went with the positions taken over.
    pub handed_over_atoms: i64,
    /// Penalties, tips and fees that callers got.
    pub caller_income_atoms: i64,
    /// Transactions that callers sent, flags and resolutions included.
    pub caller_transactions: u64,
    pub flags: u64,
    pub maker_refusals: u64,
    /// Resolutions that the engine refused (a degraded price, for instance).
    pub resolve_refusals: u64,
    /// Largest displacement.
    pub peak_ppm: i64,
    /// Time with a displacement of at least 50 bps.
    pub disturbed_ms: i64,
    /// Spells of unhealthiness that ended, and their total length.
    pub spells: u64,
    pub unsafe_ms: i64,
    /// The longest of them, those that go on included.
    pub longest_unsafe_ms: i64,
    /// Lowest health of an unhealthy account with a position, as keepers found it at a posted price.
    pub lowest_health_bps: Option<i64>,
    /// Account-steps: accounts times posted prices.
    pub account_steps: u64,
}

impl Tally {
    /// The health of an unhealthy account, as keepers found it.
    pub fn met(&mut self, health_bps: i64) {
        self.lowest_health_bps = Some(self.lowest_health_bps.map_or(health_bps, |lowest| lowest.min(health_bps)));
    }

    /// A spell of unhealthiness, ended or not.
    pub fn was_unsafe(&mut self, lasted_ms: i64) {
        self.spells += 1;
        self.unsafe_ms += lasted_ms;
        self.longest_unsafe_ms = self.longest_unsafe_ms.max(lasted_ms);
    }

    /// A displacement, and how long it stood.
    pub fn displaced(&mut self, ppm: i64, lasted_ms: i64) {
        self.peak_ppm = self.peak_ppm.max(ppm.abs());
        if ppm.abs() >= DISTURBED_PPM {
            self.disturbed_ms += lasted_ms;
        }
    }
}
