//! The measures of a run, as `docs/metrics.md` defines them, in the units that people read.

use crate::lab::run::Snapshot;

/// A transaction's cost to its sender, in quote atoms: a tenth of a cent.
const TRANSACTION_ATOMS: i64 = 1_000;

/// A measure: its name in files, its head on the screen, its decimals there, and where it comes from.
pub struct Measure {
    pub name: &'static str,
    pub head: &'static str,
    pub decimals: usize,
    pub of: fn(&Snapshot) -> f64,
}

/// What callers earned less what their transactions cost.
pub fn caller_net_atoms(snapshot: &Snapshot) -> i64 {
    let cost = i64::try_from(snapshot.tally.caller_transactions).unwrap_or(i64::MAX).saturating_mul(TRANSACTION_ATOMS);
    snapshot.tally.caller_income_atoms - cost
}

/// Part of all accounts' equity at the start, in basis points.
fn bps(snapshot: &Snapshot, atoms: i64) -> f64 {
    atoms as f64 * 1e4 / snapshot.split.start_atoms.max(1) as f64
}

fn usd(atoms: i64) -> f64 {
    atoms as f64 / 1e6
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        return 100.0;
    }
    part as f64 * 100.0 / whole as f64
}

fn count(value: u64) -> f64 {
    value as f64
}

/// Equity retained: the first measure, and the one that is compared.
pub const EQUITY: &Measure =
    &Measure { name: "equity_bps", head: "equity", decimals: 1, of: |s| bps(s, s.split.sum_atoms()) };

/// The largest displacement: impact against a run without liquidations.
pub const PEAK: &Measure =
    &Measure { name: "peak_bps", head: "peak", decimals: 0, of: |s| s.tally.peak_ppm as f64 / 100.0 };

/// All of them, in the order of the table.
pub const MEASURES: [Measure; 21] = [
    Measure { name: "equity_bps", head: "equity", decimals: 1, of: |s| bps(s, s.split.sum_atoms()) },
    Measure { name: "fee_bps", head: "fee", decimals: 1, of: |s| bps(s, s.split.fee_atoms) },
    Measure { name: "impact_bps", head: "impact", decimals: 1, of: |s| bps(s, s.split.impact_atoms) },
    Measure { name: "direction_bps", head: "direct.", decimals: 1, of: |s| bps(s, s.split.direction_atoms) },
    Measure { name: "transfer_bps", head: "transf.", decimals: 1, of: |s| bps(s, s.split.transfer_atoms) },
    Measure {
        name: "bad_debt_bps",
        head: "baddebt",
        decimals: 1,
        of: |s| bps(s, s.tally.bad_debt_atoms - s.uncovered_atoms),
    },
    Measure { name: "taken_over_usd", head: "takeover", decimals: 0, of: |s| usd(s.tally.taken_over_atoms) },
    Measure { name: "adl_usd", head: "adl", decimals: 0, of: |s| usd(s.tally.adl_atoms) },
    Measure { name: "liquidated_usd", head: "volume", decimals: 0, of: |s| usd(s.tally.liquidated_atoms) },
    Measure { name: "peak_bps", head: "peak", decimals: 0, of: |s| s.tally.peak_ppm as f64 / 100.0 },
    Measure { name: "disturbed_seconds", head: ">50bps", decimals: 0, of: |s| s.tally.disturbed_ms as f64 / 1e3 },
    Measure { name: "slices", head: "slices", decimals: 0, of: |s| count(s.tally.slices) },
    Measure { name: "repeat_slices", head: "repeat", decimals: 0, of: |s| count(s.tally.repeat_slices) },
    Measure { name: "touched", head: "touched", decimals: 0, of: |s| count(s.touched) },
    Measure { name: "kept_percent", head: "kept%", decimals: 1, of: |s| kept_percent(s) },
    Measure { name: "kept_lots_percent", head: "lots%", decimals: 1, of: |s| share(s.kept_lots, s.touched_lots) },
    Measure { name: "safety_seconds", head: "safe s", decimals: 0, of: |s| safety_seconds(s) },
    Measure { name: "caller_net_usd", head: "keepers", decimals: 0, of: |s| usd(caller_net_atoms(s)) },
    Measure { name: "insurance_drawn_usd", head: "insur.", decimals: 0, of: |s| usd(s.tally.insurance_atoms) },
    Measure { name: "handed_over_usd", head: "handed", decimals: 0, of: |s| usd(s.tally.handed_over_atoms) },
    Measure { name: "socialised_usd", head: "social.", decimals: 0, of: |s| usd(s.tally.socialised_atoms) },
];

fn kept_percent(snapshot: &Snapshot) -> f64 {
    if snapshot.touched == 0 {
        return 100.0;
    }
    count(snapshot.kept) * 100.0 / count(snapshot.touched)
}

fn safety_seconds(snapshot: &Snapshot) -> f64 {
    if snapshot.tally.spells == 0 {
        return 0.0;
    }
    snapshot.tally.unsafe_ms as f64 / 1e3 / count(snapshot.tally.spells)
}
