//! The laboratory against the replay: the engine alone, and the program on its chain, do the same to the atom.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use taper_harness::PriceSource;

use super::*;
use crate::lab::feed::FeedSource;
use crate::lab::maker::Maker;
use crate::lab::world::Entry;
use crate::replay::candles::{Candle, Candles};
use crate::replay::depth::DepthProfile;
use crate::replay::path::Jump;
use crate::replay::report::{Report, Source};
use crate::replay::session::{self, Settings};

const UNIT: i64 = 10_000_000_000;
const ACCOUNTS: usize = 12;

/// One percent of the first price down each minute; then back up.
fn candles(minutes: i64) -> Candles {
    let price = |minute: i64| (50 * UNIT) * (100 - (minute.min(minutes - 4) - (minute - minutes + 4).max(0))) / 100;
    let row = |minute: i64| {
        let (open, close) = (price(minute), price(minute + 1));
        let (high, low) = (open.max(close), open.min(close));
        Candle { time_ms: 1_600_000_000_000 + 60_000 * minute, open, high, low, close }
    };
    Candles { spacing_ms: 60_000, rows: (0..minutes).map(row).collect() }
}

fn replayed(candles: &Candles, seed: u64, jump: Option<Jump>) -> Report {
    let source = Source {
        name: "differential".to_owned(),
        title: String::new(),
        seed,
        processor: "",
        oracle: "pull",
        depth_profile: "sol".to_owned(),
        first_ts_ms: candles.rows[0].time_ms,
        spacing_ms: candles.spacing_ms,
        candles: candles.rows.len(),
        jump_percent: None,
        jump_candle: None,
        insurance_donated_atoms: 0,
    };
    let layout = PriceSource::Pull;
    let settings = Settings { source, candles: candles.clone(), first: 0, layout, accounts: ACCOUNTS, jump };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(session::run(&settings, &mut Vec::new(), &ProgressBar::hidden())).unwrap()
}

/// The same in the laboratory, with the replay's book: no tail, no feedback. Slices, and each account's lots and equity at the end.
fn in_the_laboratory(candles: &Candles, seed: u64, jump: Option<Jump>) -> (Vec<Entry>, Vec<(i64, i64)>, Tally) {
    let profile = DepthProfile::bundled("sol").unwrap();
    let feed = Feed::new(FeedSource { candles, first: 0, window: candles.rows.len(), profile: profile.clone(), jump })
        .unwrap();
    let policy = PolicyKind::named("taper").unwrap();
    let spec = RunSpec {
        feed: &feed,
        policy: &policy,
        seed,
        accounts: ACCOUNTS,
        interest_tenths: INTEREST_TENTHS,
        feedback_halves: 0,
        fund: QuoteAtoms(0),
        look_at_all: false,
    };
    let mut run = Run::open(&spec).unwrap();
    run.world.maker = Maker::of_the_replay(profile);
    run.world.journal = Some(Vec::new());
    run.all().unwrap();
    let end = |index| {
        let health = run.world.health(index, Valuation::Maintenance).unwrap();
        (run.world.base(index).unwrap().0.abs(), health.equity.0)
    };
    let ends = (0..ACCOUNTS).map(end).collect();
    (run.world.journal.unwrap(), ends, run.world.tally)
}

/// Compares them; returns the numbers of slices and of resolutions.
fn agree(seed: u64, jump: Option<Jump>) -> (usize, usize) {
    let candles = candles(14);
    let report = replayed(&candles, seed, jump);
    let (journal, ends, tally) = in_the_laboratory(&candles, seed, jump);
    let places: BTreeMap<&str, usize> =
        report.accounts.iter().enumerate().map(|(index, account)| (account.label.as_str(), index)).collect();
    for (line, entry) in report.slices.iter().zip(&journal) {
        let summary = &entry.summary;
        let on_chain = (
            (line.time_ms, line.slot, places[line.account.as_str()], line.price_atoms_per_lot),
            (line.lots, line.quote_atoms, line.penalty_atoms, line.caller_income_atoms, line.insurance_atoms),
            (line.health_before_bps, line.episode_ended),
        );
        let in_engine = (
            (entry.time_ms, entry.slot, entry.trader, entry.price.0),
            (summary.lots.0, summary.quote.0, summary.penalty.0, summary.caller_payout.0, summary.insurance.0),
            (summary.health_before_bps, summary.episode_ended),
        );
        assert_eq!(on_chain, in_engine, "seed {seed}");
    }
    assert_eq!(report.slices.len(), journal.len(), "seed {seed}");
    let on_chain: Vec<_> = report.accounts.iter().map(|account| (account.end_lots, account.end_equity_atoms)).collect();
    assert_eq!(on_chain, ends, "seed {seed}");
    assert_eq!(report.summary.flags, tally.flags, "seed {seed}");
    (journal.len(), report.resolutions.len())
}

#[test]
fn the_program_and_the_engine_slice_alike() {
    for seed in 1..=3 {
        let (slices, _) = agree(seed, None);
        assert!(slices > 10, "seed {seed}: {slices}");
    }
}

#[test]
fn they_resolve_alike_after_a_jump() {
    let (slices, resolutions) = agree(4, Some(Jump { candle: 5, left_bps: 9_200 }));
    assert!(slices > 0 && resolutions > 0, "{slices} {resolutions}");
}
