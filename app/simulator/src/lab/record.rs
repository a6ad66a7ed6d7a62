//! A run's journal: what happened, and what the market looked like as it did. A run without one keeps nothing and spends nothing on it.

use anyhow::Result;
use taper_engine::liquidate::SliceSummary;
use taper_engine::margin::Valuation;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::resolve::{Deleveraged, ResolveKind, ResolveSummary};

use super::world::{Entry, World};

/// Percentiles of health that a sample holds.
pub const PERCENTILES: [usize; 5] = [5, 25, 50, 75, 95];
/// Samples of an event's window, at most.
const SAMPLES_MAX: usize = 240;

/// Everything that was recorded. Nothing in it changes the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Slices of the engine, as it returned them.
    pub slices: Vec<Entry>,
    /// Fills of liquidations: slices, and market orders of baselines.
    pub closes: Vec<Close>,
    pub resolutions: Vec<Resolution>,
    pub samples: Vec<Sample>,
    /// The sample that is being made.
    open: Option<Extremes>,
    /// True after the window: what happens later is not noted.
    is_over: bool,
}

/// One slice, or one market order of a baseline, that filled something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    pub time_ms: i64,
    pub trader: usize,
    /// The posted price.
    pub price: Price,
    /// Lots, positive for a sale.
    pub sold_lots: i64,
    /// Notional at the fills' prices, positive for a sale.
    pub sold_atoms: i64,
}

/// One call of a resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub time_ms: i64,
    pub slot: u64,
    pub trader: usize,
    /// The posted price, at which the lots were closed.
    pub price: Price,
    /// Lots, positive for a sale.
    pub sold_lots: i64,
    pub kind: ResolveKind,
    pub insurance: QuoteAtoms,
    pub deleveraged: QuoteAtoms,
    pub socialised: QuoteAtoms,
    pub unassigned: QuoteAtoms,
    /// The seats that were deleveraged.
    pub payers: Vec<Deleveraged>,
}

/// The market at the end of an interval of posted prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub time_ms: i64,
    /// The path's price: at the end, and its extremes since the sample before.
    pub path: Price,
    pub path_low: Price,
    pub path_high: Price,
    /// The posted price.
    pub posted: Price,
    /// The displacement farthest from zero since the sample before.
    pub displacement_ppm: i64,
    /// Accounts with a position, and those of them whose health at the posted price is below 1.
    pub open_accounts: usize,
    pub unhealthy_accounts: usize,
    /// Percentiles of their health, each the value of an account; `None` without any.
    pub health_bps: Option<[i64; PERCENTILES.len()]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extremes {
    low: Price,
    high: Price,
    displacement_ppm: i64,
}

/// Lots of a position that are closed, positive for a sale.
fn sold(base: BaseLots, lots: BaseLots) -> i64 {
    base.0.signum() * lots.0
}

impl World {
    fn journal(&mut self) -> Option<&mut Journal> {
        self.journal.as_deref_mut().filter(|journal| !journal.is_over)
    }

    /// Notes a slice of the engine.
    pub fn note_slice(&mut self, trader: usize, summary: SliceSummary) {
        let (time_ms, slot, price) = (self.time_ms, self.slot, self.price.price);
        let Some(journal) = self.journal() else { return };
        journal.slices.push(Entry { time_ms, slot, trader, price, summary });
    }

    /// Notes a liquidation's fills, of a position of `base` before them.
    pub fn note_close(&mut self, trader: usize, base: BaseLots, lots: BaseLots, quote: QuoteAtoms) {
        let (time_ms, price) = (self.time_ms, self.price.price);
        let Some(journal) = self.journal() else { return };
        let (sold_lots, sold_atoms) = (sold(base, lots), base.0.signum() * quote.0);
        journal.closes.push(Close { time_ms, trader, price, sold_lots, sold_atoms });
    }

    /// Notes one call of a resolution, of a position of `base` before it, for which insurance paid so much.
    pub fn note_resolution(&mut self, trader: usize, base: BaseLots, summary: &ResolveSummary, insurance: QuoteAtoms) {
        let (time_ms, slot, price) = (self.time_ms, self.slot, self.price.price);
        let payers = if self.journal.is_some() { self.moves.rows().to_vec() } else { Vec::new() };
        let Some(journal) = self.journal() else { return };
        journal.resolutions.push(Resolution {
            time_ms,
            slot,
            trader,
            price,
            sold_lots: sold(base, summary.lots),
            kind: summary.kind,
            insurance,
            deleveraged: summary.deleveraged,
            socialised: summary.socialised,
            unassigned: summary.unassigned,
            payers,
        });
    }

    /// Looks at the market after everything of a posted price has happened. `place` counts the prices of a window of so many.
    ///
    /// # Errors
    /// Of the engine.
    pub fn observe(&mut self, place: usize, window: usize) -> Result<()> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        let displacement_ppm = self.maker.displacement_ppm(self.time_ms);
        let seen = journal.open.get_or_insert(Extremes { low: self.path, high: self.path, displacement_ppm });
        (seen.low, seen.high) = (seen.low.min(self.path), seen.high.max(self.path));
        if displacement_ppm.abs() > seen.displacement_ppm.abs() {
            seen.displacement_ppm = displacement_ppm;
        }
        let spacing = window.div_ceil(SAMPLES_MAX).max(1);
        if (place + 1).is_multiple_of(spacing) || place + 1 == window {
            let seen = *seen;
            journal.samples.push(self.sample(&seen)?);
            journal.open = None;
        }
        journal.is_over = place + 1 == window;
        self.journal = Some(journal);
        Ok(())
    }

    fn sample(&self, seen: &Extremes) -> Result<Sample> {
        let mut healths = Vec::with_capacity(self.traders.len());
        for index in 0..self.traders.len() {
            if !self.base(index)?.is_zero() {
                healths.push(self.health(index, Valuation::Maintenance)?.to_bps_down());
            }
        }
        healths.sort_unstable();
        let last = healths.len().saturating_sub(1);
        let percentile = |percent: usize| healths.get(last * percent / 100).copied().unwrap_or(0);
        Ok(Sample {
            time_ms: self.time_ms,
            path: self.path,
            path_low: seen.low,
            path_high: seen.high,
            posted: self.price.price,
            displacement_ppm: seen.displacement_ppm,
            open_accounts: healths.len(),
            unhealthy_accounts: healths.partition_point(|health| *health < 10_000),
            health_bps: (!healths.is_empty()).then(|| PERCENTILES.map(percentile)),
        })
    }
}
