//! The replay as text, for people: a line a slice while it runs, then the sums.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::calendar::utc;
use super::report::{centibps, health, money, percent, Report, SliceLine, Source, Units};

/// Prints what is about to be replayed, and the head of the table.
///
/// # Errors
/// Of the writer.
pub fn heading(out: &mut dyn Write, source: &Source) -> io::Result<()> {
    writeln!(out, "{}: {}", source.name, source.title)?;
    writeln!(
        out,
        "{} candles of {} s from {} UTC, seed {}, depth '{}', Pyth {} accounts, {} program",
        source.candles,
        source.spacing_ms / 1_000,
        utc(source.first_ts_ms),
        source.seed,
        source.depth_profile,
        source.oracle,
        if source.processor == "bpf" { "compiled" } else { "native (no compute units)" },
    )?;
    writeln!(out)?;
    writeln!(
        out,
        "{:<19} {:>11} {:<5} {:<5} {:<8} {:>16} {:>13} {:>12} {:>7} {:>10} {:>10} {:>7}",
        "time (UTC)", "price", "acct", "side", "stage", "health", "closed", "left", "bps", "penalty", "income", "CU"
    )
}

/// Prints a slice.
///
/// # Errors
/// Of the writer.
pub fn slice(out: &mut dyn Write, line: &SliceLine, units: &Units) -> io::Result<()> {
    let after = line.health_after_bps.map_or_else(|| "closed".to_owned(), health);
    let compute = line.compute_units.map_or_else(|| "n/a".to_owned(), |used| used.to_string());
    writeln!(
        out,
        "{:<19} {:>11} {:<5} {:<5} {:<8} {:>16} {:>13} {:>12} {:>7} {:>10} {:>10} {:>7}",
        utc(line.time_ms),
        units.price(line.price_atoms_per_lot),
        line.account,
        line.side,
        line.stage,
        format!("{} > {after}", health(line.health_before_bps)),
        units.base(line.lots),
        units.base(line.remaining_lots),
        centibps(line.slippage_centibps),
        money(line.penalty_atoms),
        money(line.caller_income_atoms),
        compute,
    )
}

/// Prints the sums.
///
/// # Errors
/// Of the writer.
pub fn summary(out: &mut dyn Write, report: &Report, units: &Units) -> io::Result<()> {
    let (sums, market) = (&report.summary, &report.market);
    writeln!(out)?;
    let mut row = |name: &str, value: String| writeln!(out, "{name:<22} {value}");
    row(
        "price",
        format!(
            "{} > {} (lowest {}, highest {})",
            units.price(market.start_price_atoms_per_lot),
            units.price(market.end_price_atoms_per_lot),
            units.price(market.lowest_price_atoms_per_lot),
            units.price(market.highest_price_atoms_per_lot)
        ),
    )?;
    row(
        "open interest",
        format!(
            "{} at the start, {} resting within 1% in calm, down to {} of it in the crash",
            units.base(market.open_interest_lots),
            units.base(market.calm_depth_lots),
            percent(market.smallest_depth_part_bps)
        ),
    )?;
    row(
        "accounts",
        format!(
            "{} opened, {} touched, {} of them closed, {} unhealthy at the end, {} of them bankrupt",
            sums.accounts, sums.accounts_touched, sums.accounts_closed, sums.accounts_unhealthy, sums.accounts_bankrupt
        ),
    )?;
    let stages: Vec<String> = sums.slices_by_stage.iter().map(|(stage, count)| format!("{stage} {count}")).collect();
    row("slices", format!("{} ({})", sums.slices, stages.join(", ")))?;
    row("closed", format!("{} worth {}", units.base(sums.closed_lots), money(sums.closed_notional_atoms)))?;
    row(
        "cost to accounts",
        format!(
            "{} bps of that: slippage {}, penalties {}",
            centibps(sums.cost_centibps),
            money(sums.slippage_atoms),
            money(sums.penalty_atoms)
        ),
    )?;
    row(
        "equity retained",
        format!(
            "{} of all accounts ({} > {}), {} of those touched ({} > {})",
            percent(sums.equity_retained_bps),
            money(sums.start_equity_atoms),
            money(sums.end_equity_atoms),
            percent(sums.touched_equity_retained_bps),
            money(sums.touched_start_equity_atoms),
            money(sums.touched_end_equity_atoms)
        ),
    )?;
    row(
        "past the ladder",
        format!(
            "{} bankrupt, {} taken over, {} closed",
            sums.resolved_bankrupt,
            sums.resolved_takeover,
            units.base(sums.resolved_lots)
        ),
    )?;
    row(
        "losses borne by",
        format!(
            "insurance {}, deleveraged {}, all open lots {}, nobody yet {}",
            money(sums.loss_insurance_atoms),
            money(sums.loss_deleveraged_atoms),
            money(sums.loss_socialised_atoms),
            money(sums.loss_unassigned_atoms)
        ),
    )?;
    row("given by takeovers", money(sums.takeover_given_atoms))?;
    for (account, atoms) in payers(report) {
        row("", format!("{account}: {}", paid_or_given(atoms)))?;
    }
    row("bad debt", format!("{} not resolved at the last price", money(sums.bad_debt_atoms)))?;
    row("insurance", money(sums.insurance_atoms))?;
    row("fees", money(sums.fees_atoms))?;
    row("liquidator's income", money(sums.caller_income_atoms))?;
    row("maker's result", money(sums.maker_result_atoms))?;
    if let (Some(median), Some(largest)) = (sums.compute_units_median, sums.compute_units_largest) {
        row("compute units", format!("median {median}, largest {largest} a slice"))?;
    }
    row("refusals met", names(&report.refusals))?;
    if !report.maker_refusals.is_empty() {
        row("maker's refusals", names(&report.maker_refusals))?;
    }
    row(
        "chain",
        format!(
            "{} transactions, {} prices posted, {} requotes, {} flags, {} invariants checked, none broken",
            sums.transactions, sums.prices_posted, sums.requotes, sums.flags, sums.invariants_checked
        ),
    )
}

/// What each deleveraged account paid in all; negative was given to it.
fn payers(report: &Report) -> BTreeMap<&str, i64> {
    let mut sums = BTreeMap::new();
    for payer in report.resolutions.iter().flat_map(|line| &line.payers) {
        *sums.entry(payer.account.as_str()).or_default() += payer.atoms;
    }
    sums
}

fn paid_or_given(atoms: i64) -> String {
    if atoms < 0 {
        format!("given {}", money(-atoms))
    } else {
        format!("paid {}", money(atoms))
    }
}

fn names(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
