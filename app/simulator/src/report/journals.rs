//! Runs with a journal, in the units of a chart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use taper_engine::quantity::Price;

use crate::compare::inputs::Scenario;
use crate::lab::record::Journal;

const QUOTE_DECIMALS: i32 = 6;
const MS_PER_MINUTE: f64 = 60_000.0;
const ATOMS_PER_USD: f64 = 1e6;

/// The journal of a run.
pub struct Recorded<'a> {
    /// Place of the scenario.
    pub place: usize,
    pub scenario: &'a Scenario,
    pub policy: usize,
    pub journal: Journal,
}

/// What liquidations closed between two samples, at its average price.
pub struct Mark {
    pub minute: f64,
    pub price: f64,
    pub usd: f64,
    pub is_sale: bool,
}

/// What liquidations had closed through the book at a sample.
pub struct Flow {
    pub minute: f64,
    pub sold_usd: f64,
    pub bought_usd: f64,
}

impl Recorded<'_> {
    fn start_ms(&self) -> i64 {
        self.scenario.feed.ticks.first().map_or(0, |tick| tick.time_ms)
    }

    pub fn minute(&self, time_ms: i64) -> f64 {
        (time_ms - self.start_ms()) as f64 / MS_PER_MINUTE
    }

    /// The window.
    pub fn minutes(&self) -> Range<f64> {
        let end = self.journal.samples.last().map_or(1.0, |sample| self.minute(sample.time_ms));
        0.0..end.max(0.1)
    }

    /// Dollars a base unit.
    pub fn price(&self, price: Price) -> f64 {
        price.0 as f64 / 10f64.powi(QUOTE_DECIMALS + self.scenario.feed.defaults.base_lot_exponent)
    }

    /// One mark for the sales of an interval between samples, one for its purchases: hundreds of slices in a minute are one blot anyway.
    pub fn marks(&self) -> Vec<Mark> {
        let mut sums: BTreeMap<(usize, bool), (f64, f64, f64)> = BTreeMap::new();
        for close in &self.journal.closes {
            let interval = self.journal.samples.partition_point(|sample| sample.time_ms < close.time_ms);
            let usd = close.sold_atoms.unsigned_abs() as f64 / ATOMS_PER_USD;
            let sum = sums.entry((interval, close.sold_atoms > 0)).or_default();
            *sum = (sum.0 + usd, sum.1 + usd * self.minute(close.time_ms), sum.2 + usd * self.price(close.price));
        }
        let mark = |((_, is_sale), (usd, minutes, prices)): ((usize, bool), (f64, f64, f64))| {
            let whole = usd.max(f64::MIN_POSITIVE);
            Mark { minute: minutes / whole, price: prices / whole, usd, is_sale }
        };
        sums.into_iter().map(mark).collect()
    }

    /// Accounts that were taken over, or bankrupt and resolved.
    pub fn resolved_accounts(&self) -> usize {
        self.journal.resolutions.iter().map(|call| call.trader).collect::<BTreeSet<_>>().len()
    }

    /// The largest of the marks.
    pub fn largest_usd(&self) -> f64 {
        self.marks().iter().fold(0.0, |largest, mark| mark.usd.max(largest))
    }

    /// At the start, and at every sample.
    pub fn flow(&self) -> Vec<Flow> {
        let mut closes = self.journal.closes.iter().peekable();
        let (mut sold, mut bought) = (0i64, 0i64);
        let mut flow = vec![Flow { minute: 0.0, sold_usd: 0.0, bought_usd: 0.0 }];
        for sample in &self.journal.samples {
            while let Some(close) = closes.next_if(|close| close.time_ms <= sample.time_ms) {
                sold += close.sold_atoms.max(0);
                bought -= close.sold_atoms.min(0);
            }
            flow.push(Flow {
                minute: self.minute(sample.time_ms),
                sold_usd: sold as f64 / ATOMS_PER_USD,
                bought_usd: bought as f64 / ATOMS_PER_USD,
            });
        }
        flow
    }
}
