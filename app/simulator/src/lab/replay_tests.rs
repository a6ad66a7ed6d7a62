//! The differential: the program in the VM, as the replay runs it, and the engine in the laboratory do the same. Slices and resolutions lot
//! for lot and atom for atom, in the same order, at the same prices; positions and equities at the end; flags.
//!
//! On the `.so` where it is there (`TAPER_REQUIRE_SO` insists on it), on the native processor otherwise.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::ProgressBar;
use taper_engine::resolve::ResolveKind;
use taper_harness::PriceSource;

use super::*;
use crate::lab::feed::FeedSource;
use crate::lab::maker::Maker;
use crate::lab::population::Population;
use crate::lab::record::{Journal, Resolution};
use crate::lab::world::{Entry, MAKER_SEAT};
use crate::replay::candles::{Candle, Candles};
use crate::replay::depth::DepthProfile;
use crate::replay::events;
use crate::replay::path::Jump;
use crate::replay::report::{Payer, Report, ResolutionLine, SliceLine, Source};
use crate::replay::session::{self, Settings};

const UNIT: i64 = 10_000_000_000;

/// What both sides are given.
struct Case {
    candles: Candles,
    first: usize,
    depth: String,
    layout: PriceSource,
    seed: u64,
    accounts: usize,
    jump: Option<Jump>,
    insurance: QuoteAtoms,
}

impl Case {
    /// One percent of the first price down each minute for ten minutes; then back up.
    fn fall(seed: u64) -> Self {
        let minutes = 14;
        let price = |minute: i64| (50 * UNIT) * (100 - (minute.min(minutes - 4) - (minute - minutes + 4).max(0))) / 100;
        let row = |minute: i64| {
            let (open, close) = (price(minute), price(minute + 1));
            let (high, low) = (open.max(close), open.min(close));
            Candle { time_ms: 1_600_000_000_000 + 60_000 * minute, open, high, low, close }
        };
        Self {
            candles: Candles { spacing_ms: 60_000, rows: (0..minutes).map(row).collect() },
            first: 0,
            depth: "sol".to_owned(),
            layout: PriceSource::Pull,
            seed,
            accounts: 12,
            jump: None,
            insurance: QuoteAtoms(0),
        }
    }

    /// Some minutes of a bundled crash, what was before them being known.
    fn of_event(name: &str, skipped: usize, minutes: usize, seed: u64) -> Self {
        let event = events::find(name).unwrap();
        let (mut candles, first) = event.load().unwrap();
        candles.rows.truncate(first + skipped + minutes);
        Self { candles, first: first + skipped, depth: event.depth, ..Self::fall(seed) }
    }

    fn on_chain(&self) -> Report {
        let source = Source {
            name: "differential".to_owned(),
            title: String::new(),
            seed: self.seed,
            processor: "",
            oracle: "",
            depth_profile: self.depth.clone(),
            first_ts_ms: self.candles.rows[self.first].time_ms,
            spacing_ms: self.candles.spacing_ms,
            candles: self.candles.rows.len() - self.first,
            jump_percent: None,
            jump_candle: None,
            insurance_donated_atoms: self.insurance.0,
        };
        let settings = Settings {
            source,
            candles: self.candles.clone(),
            first: self.first,
            layout: self.layout,
            accounts: self.accounts,
            jump: self.jump,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(session::run(&settings, &mut Vec::new(), &ProgressBar::hidden())).unwrap()
    }

    /// The same in the laboratory, with the replay's book: no tail, no feedback. Also each account's lots and equity at the end.
    fn in_the_laboratory(&self) -> (Journal, Vec<(i64, i64)>, Tally) {
        let profile = DepthProfile::bundled(&self.depth).unwrap();
        let feed = Feed::new(FeedSource {
            candles: &self.candles,
            first: self.first,
            window: self.candles.rows.len() - self.first,
            profile: profile.clone(),
            jump: self.jump,
        })
        .unwrap();
        let policy = PolicyKind::named("taper").unwrap();
        let spec = RunSpec {
            feed: &feed,
            policy: &policy,
            seed: self.seed,
            accounts: self.accounts,
            population: &Population::replay(),
            interest_tenths: 30,
            feedback_halves: 0,
            fund: self.insurance,
            look_at_all: false,
        };
        let mut run = Run::open(&spec).unwrap();
        run.world.maker = Maker::of_the_replay(profile);
        run.world.journal = Some(Box::default());
        run.all().unwrap();
        let end = |index| {
            let health = run.world.health(index, Valuation::Maintenance).unwrap();
            (run.world.base(index).unwrap().0.abs(), health.equity.0)
        };
        let ends = (0..self.accounts).map(end).collect();
        (*run.world.journal.unwrap(), ends, run.world.tally)
    }

    /// Compares them; returns the replay's report, to be asked how much there was to compare.
    fn agree(&self) -> Report {
        let report = self.on_chain();
        let (journal, ends, tally) = self.in_the_laboratory();
        let seed = self.seed;
        let labels: Vec<&str> = report.accounts.iter().map(|account| account.label.as_str()).collect();
        for (line, entry) in report.slices.iter().zip(&journal.slices) {
            assert_eq!(chain_slice(line, &labels), engine_slice(entry), "seed {seed}");
        }
        assert_eq!(report.slices.len(), journal.slices.len(), "seed {seed}");
        let resolved = engine_resolutions(&journal.resolutions, &labels);
        for (line, resolution) in report.resolutions.iter().zip(&resolved) {
            assert_eq!(&comparable(line), resolution, "seed {seed}");
        }
        assert_eq!(report.resolutions.len(), resolved.len(), "seed {seed}");
        let on_chain: Vec<_> =
            report.accounts.iter().map(|account| (account.end_lots, account.end_equity_atoms)).collect();
        assert_eq!(on_chain, ends, "seed {seed}");
        assert_eq!(report.summary.flags, tally.flags, "seed {seed}");
        report
    }
}

/// Every number of a slice that both sides tell, by name.
type Numbers = BTreeMap<&'static str, i64>;

fn chain_slice(line: &SliceLine, labels: &[&str]) -> Numbers {
    let account = labels.iter().position(|label| *label == line.account).unwrap();
    BTreeMap::from([
        ("time_ms", line.time_ms),
        ("slot", i64::try_from(line.slot).unwrap()),
        ("account", i64::try_from(account).unwrap()),
        ("price", line.price_atoms_per_lot),
        ("lots", line.lots),
        ("quote_atoms", line.quote_atoms),
        ("penalty_atoms", line.penalty_atoms),
        ("caller_atoms", line.caller_income_atoms),
        ("tip_atoms", line.tip_atoms),
        ("insurance_atoms", line.insurance_atoms),
        ("health_before_bps", line.health_before_bps),
        ("health_after_bps", line.health_after_bps.unwrap_or(i64::MAX)),
        ("episode_ended", i64::from(line.episode_ended)),
    ])
}

fn engine_slice(entry: &Entry) -> Numbers {
    let summary = &entry.summary;
    BTreeMap::from([
        ("time_ms", entry.time_ms),
        ("slot", i64::try_from(entry.slot).unwrap()),
        ("account", i64::try_from(entry.trader).unwrap()),
        ("price", entry.price.0),
        ("lots", summary.lots.0),
        ("quote_atoms", summary.quote.0),
        ("penalty_atoms", summary.penalty.0),
        ("caller_atoms", summary.caller_payout.0),
        ("tip_atoms", summary.tip.0),
        ("insurance_atoms", summary.insurance.0),
        ("health_before_bps", summary.health_before_bps),
        ("health_after_bps", summary.health_after_bps),
        ("episode_ended", i64::from(summary.episode_ended)),
    ])
}

/// A resolution's line without what the laboratory has none of: the health before the first call, and compute units. Its payers in the
/// order of their names.
fn comparable(line: &ResolutionLine) -> ResolutionLine {
    let mut line = ResolutionLine { health_before_bps: 0, compute_units: None, ..line.clone() };
    line.payers = merged(line.payers);
    line
}

fn merged(payers: Vec<Payer>) -> Vec<Payer> {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for payer in payers {
        let sum = sums.entry(payer.account).or_default();
        *sum = (sum.0 + payer.lots, sum.1 + payer.atoms);
    }
    sums.into_iter().map(|(account, (lots, atoms))| Payer { account, lots, atoms }).collect()
}

/// The laboratory's calls as lines: calls of one account at one time are one.
fn engine_resolutions(calls: &[Resolution], labels: &[&str]) -> Vec<ResolutionLine> {
    let name = |seat: u32| match usize::try_from(seat).unwrap().checked_sub(1) {
        Some(index) => labels[index].to_owned(),
        None => {
            assert_eq!(seat, MAKER_SEAT);
            "maker".to_owned()
        }
    };
    let mut lines: Vec<ResolutionLine> = Vec::new();
    for call in calls {
        let continued =
            lines.last().is_some_and(|line| line.account == labels[call.trader] && line.time_ms == call.time_ms);
        if !continued {
            lines.push(ResolutionLine {
                time_ms: call.time_ms,
                slot: call.slot,
                price_atoms_per_lot: call.price.0,
                account: labels[call.trader].to_owned(),
                side: if call.sold_lots > 0 { "long" } else { "short" },
                kind: match call.kind {
                    ResolveKind::Bankrupt => "bankrupt",
                    ResolveKind::Takeover => "takeover",
                },
                ..ResolutionLine::default()
            });
        }
        let line = lines.last_mut().unwrap();
        line.calls += 1;
        line.lots += call.sold_lots.abs();
        line.insurance_atoms += call.insurance.0;
        line.deleveraged_atoms += call.deleveraged.0;
        line.socialised_atoms += call.socialised.0;
        line.unassigned_atoms += call.unassigned.0;
        line.payers.extend(call.payers.iter().map(|row| Payer {
            account: name(row.seat_index),
            lots: row.base_lots,
            atoms: row.charged_atoms,
        }));
    }
    for line in &mut lines {
        line.payers = merged(std::mem::take(&mut line.payers));
    }
    lines
}

#[test]
fn the_program_and_the_engine_slice_alike() {
    for seed in 1..=3 {
        let slices = Case::fall(seed).agree().slices.len();
        assert!(slices > 10, "seed {seed}: {slices}");
    }
}

/// The steepest minutes of real crashes, both layouts of the oracle, another book.
#[test]
fn they_slice_alike_on_real_candles() {
    let cases = [
        Case::of_event("sol-2021-05", 60, 8, 5),
        Case { layout: PriceSource::Push, ..Case::of_event("btc-2020-03", 63, 8, 6) },
        Case { accounts: 30, ..Case::of_event("eth-2024-08", 76, 6, 7) },
    ];
    for case in cases {
        let slices = case.agree().slices.len();
        assert!(slices > 3, "seed {}: {slices}", case.seed);
    }
}

/// Jumps of several sizes, which leave some accounts bankrupt and others fit for a takeover; without insurance, and with some.
#[test]
fn they_resolve_alike_after_a_jump() {
    let mut kinds = BTreeSet::new();
    let mut drawn = Vec::new();
    for (left_bps, insurance) in [(9_200, QuoteAtoms(0)), (9_200, QuoteAtoms(2_000_000_000)), (9_550, QuoteAtoms(0))] {
        let jump = Some(Jump { candle: 5, left_bps });
        let report = Case { jump, insurance, ..Case::fall(4) }.agree();
        assert!(!report.slices.is_empty() && !report.resolutions.is_empty(), "{left_bps}");
        kinds.extend(report.resolutions.iter().map(|line| line.kind));
        drawn.push(report.summary.loss_insurance_atoms);
    }
    assert_eq!(kinds, BTreeSet::from(["bankrupt", "takeover"]));
    assert!(drawn[1] > drawn[0], "{drawn:?}");
}
