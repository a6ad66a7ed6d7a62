//! The claim and the findings in words and numbers.

use std::io::{self, Write};

use taper_engine::params::MarketParams;

use super::{Arguments, Findings, STRESS_RULES};
use crate::stress::claim::Claim;
use crate::stress::path::{Shape, WHOLE};
use crate::stress::search::{Family, Found, Mildest};
use crate::stress::trial::{Ground, Verdict};

/// The inequality term by term, and what follows from it.
///
/// # Errors
/// Of the output.
pub fn claim(out: &mut dyn Write, arguments: &Arguments, params: &MarketParams, ground: &Ground) -> io::Result<()> {
    let claim = &ground.claim;
    writeln!(out, "{}", arguments.file.display())?;
    let mmr = params.tiers().first().map_or(0, |tier| tier.mmr_bps);
    writeln!(out, "  m   maintenance rate of the first tier  {} bps", mmr)?;
    writeln!(out, "  h   health at which the throttle ends   {} bps", params.throttle_bypass_health_bps)?;
    writeln!(out, "  c   expected penalty and cost           {} bps of m", params.stress_cost_bps_of_mmr)?;
    writeln!(out, "  μ   drift of the price                  {} ppm a slot", params.stress_drift_ppm_per_slot)?;
    writeln!(out, "  L   latency                             {} slots", params.stress_latency_slots)?;
    writeln!(
        out,
        "  N   what becomes liquidatable           {} lots ({} bps of the cap of {})",
        claim.lots, params.stress_share_bps, claim.interest_lots
    )?;
    writeln!(
        out,
        "  S/T the bucket                          {} lots, full again in {} slots",
        params.throttle_capacity_base_lots, params.throttle_refill_slots
    )?;
    for rule in STRESS_RULES {
        writeln!(out, "  {rule:?} {}", if params.holds(rule) { "holds" } else { "FAILS" })?;
        let mut lines = Vec::new();
        params.terms(rule, &mut |term| lines.push(format!("    {} {term}", if term.holds() { " " } else { "✗" })));
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    if let Some(rule) = STRESS_RULES.iter().find(|rule| !params.holds(**rule)) {
        return writeln!(
            out,
            "DOES NOT HOLD: the rule {rule:?} fails, so the parameters claim nothing; no path was searched"
        );
    }
    writeln!(
        out,
        "claim: with {} lots liquidatable at once, a fall of {} over {} (and whatever is milder) is drained before any account is down to \
         health {}",
        claim.lots,
        percent(claim.whole_fall_ppm()),
        seconds(claim.bound_slots),
        health(claim.bypass_health_bps),
    )?;
    writeln!(
        out,
        "market: {} atoms a lot, {} lots within 1%, open interest at its cap, feedback {}",
        ground.listing.price.0, ground.listing.calm_depth.0, arguments.feedback
    )
}

/// What was found.
///
/// # Errors
/// Of the output.
pub fn findings(out: &mut dyn Write, ground: &Ground, findings: &Findings) -> io::Result<()> {
    let claim = &ground.claim;
    writeln!(
        out,
        "\nthe claim's own path: {:<12} {:>12} {:>14} {:>14}",
        "accounts", "bad debt", "unsafe at most", "lowest health"
    )?;
    for (accounts, verdict) in &findings.claimed {
        writeln!(out, "{:<22} {accounts:<12} {}", "", judged(verdict, claim))?;
    }
    writeln!(
        out,
        "\n{:<36} {:>20} {:>22}  how it breaks",
        "falls below the edge of health", "throttle bypassed", "breaks"
    )?;
    for Family { name, bypassed, broken, .. } in &findings.families {
        let how = broken.as_ref().map_or("", |found| how(&found.verdict, claim));
        writeln!(out, "{name:<36} {:>20} {:>22}  {how}", depth(bypassed), depth(broken))?;
    }
    let reach = &findings.reach;
    let book = reach.book.map_or("1% of the calm book".to_owned(), |part| {
        format!("more than {}.{}% of the calm book", part / 10, part % 10)
    });
    writeln!(out, "\non the claim's own path it holds with {book},")?;
    match reach.lots {
        None => {
            writeln!(out, "and with all of the open interest at the edge of health (the claim: {} lots)", claim.lots)?
        }
        Some(lots) if lots <= claim.lots => {
            writeln!(out, "and not even with the {} lots that are claimed", claim.lots)?
        }
        Some(lots) => writeln!(
            out,
            "and with up to {lots} lots at the edge of health, {} of the claim",
            times(lots.saturating_mul(WHOLE) / claim.lots)
        )?,
    }
    if let Some(mildest) = &findings.mildest {
        self::mildest(out, mildest, claim)?;
    }
    verdict(out, findings, claim)
}

fn verdict(out: &mut dyn Write, findings: &Findings, claim: &Claim) -> io::Result<()> {
    writeln!(out)?;
    let minute = findings.families.iter().find(|family| family.shape == Shape::ramp(150));
    let within_minute = minute.and_then(|family| family.broken).map_or(String::new(), |found| {
        format!(
            "; an even fall of {} in 60 s breaks it, {} is claimed",
            percent(found.fall_ppm),
            percent(claim.fall_ppm(150))
        )
    });
    let margin = match &findings.mildest {
        None => "no path that was tried breaks it".to_owned(),
        Some(mildest) => {
            format!("margin {}: the mildest path that breaks it{within_minute}", times(mildest.found.violence))
        }
    };
    if findings.holds(claim) {
        return writeln!(out, "HOLDS its claim, {margin}");
    }
    let own = findings.claimed.iter().find(|(_, verdict)| verdict.breaks(claim) || verdict.bypasses(claim));
    match own {
        Some((accounts, verdict)) => {
            let what = if verdict.breaks(claim) { how(verdict, claim) } else { "the throttle is bypassed" };
            writeln!(out, "DOES NOT HOLD: on its own path with {accounts} accounts: {what}; {margin}")
        }
        None => writeln!(out, "DOES NOT HOLD: a path within its claim breaks it; {margin}"),
    }
}

fn mildest(out: &mut dyn Write, mildest: &Mildest, claim: &Claim) -> io::Result<()> {
    let Mildest { shape, found } = mildest;
    writeln!(
        out,
        "\nmildest path that breaks it: {} in {}, {} of the claim: {}",
        percent(found.fall_ppm),
        seconds(shape.slots),
        times(found.violence),
        how(&found.verdict, claim)
    )?;
    let Shape { jump, jump_at, bend, legs, rebound, book, accounts, .. } = shape;
    let part = |value: i64| format!("{}%", value / 10);
    let mut parts =
        vec![format!("{accounts} accounts"), format!("book at {}", part(*book)), format!("bend {}", part(*bend))];
    if *jump > 0 {
        parts.push(format!("{} of it at once after {} of the time", part(*jump), part(*jump_at)));
    }
    if *legs > 1 {
        parts.push(format!("{} rebounds by {}", legs - 1, part(*rebound)));
    }
    writeln!(out, "  {}", parts.join(", "))
}

fn judged(verdict: &Verdict, claim: &Claim) -> String {
    let lowest = verdict.lowest_health_bps.map_or("never unsafe".to_owned(), health);
    let mark = if verdict.breaks(claim) || verdict.bypasses(claim) { "  ✗" } else { "" };
    let unsafe_for = format!("{:.1} s", verdict.longest_unsafe_ms as f64 / 1e3);
    format!("{:>12} {unsafe_for:>14} {lowest:>14}{mark}", usd(verdict.bad_debt_atoms))
}

/// What breaks the market there.
fn how(verdict: &Verdict, claim: &Claim) -> &'static str {
    match (verdict.bad_debt_atoms > 0, verdict.is_late(claim)) {
        (true, true) => "bad debt, and unsafe beyond the bound",
        (true, false) => "bad debt",
        (false, _) => "unsafe beyond the bound",
    }
}

fn depth(found: &Option<Found>) -> String {
    found.map_or("never".to_owned(), |found| format!("−{} {}", percent(found.fall_ppm), times(found.violence)))
}

fn percent(ppm: i64) -> String {
    format!("{:.3}%", ppm as f64 / 1e4)
}

fn times(thousandths: i64) -> String {
    format!("{:.2}×", thousandths as f64 / 1e3)
}

fn seconds(slots: i64) -> String {
    format!("{:.1} s", slots as f64 * 0.4)
}

fn health(bps: i64) -> String {
    format!("{:.2}", bps as f64 / 1e4)
}

fn usd(atoms: i64) -> String {
    format!("{:.2} USD", atoms as f64 / 1e6)
}
