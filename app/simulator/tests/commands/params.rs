//! `taper-sim params` as somebody at a shell meets it.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::{place, taper_sim, text};

fn run(arguments: &[&str]) -> Output {
    taper_sim(&[&["params"], arguments].concat())
}

fn stdout(output: &Output) -> String {
    text(&output.stdout)
}

fn stderr(output: &Output) -> String {
    text(&output.stderr)
}

/// The defaults of a SOL-like market.
fn defaults() -> String {
    let output = run(&["default", "--price", "450000", "--depth", "2000000", "--exponent", "-2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

/// A file with this text, of its own for each test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = place(&format!("params-{name}.toml"));
    fs::write(&path, text).unwrap();
    path
}

fn check(name: &str, text: &str, more: &[&str]) -> Output {
    let path = file(name, text);
    run(&[&["check", path.to_str().unwrap()], more].concat())
}

/// The text with a line replaced. The line must be there once.
fn with(text: &str, line: &str, by: &str) -> String {
    assert_eq!(text.matches(&format!("\n{line}\n")).count(), 1, "{line}");
    text.replacen(&format!("\n{line}\n"), &format!("\n{by}\n"), 1)
}

#[test]
fn the_defaults_are_a_file_that_checks() {
    let text = defaults();
    assert!(text.starts_with("# Defaults for a market at 450000 quote atoms per lot"));
    let output = check("defaults", &text, &[]);
    assert_eq!(output.status.code(), Some(0));
    let shown = stdout(&output);
    assert!(shown.ends_with("all 29 rules hold\n"), "{shown}");
    for line in [
        "  TierEdges            holds",
        "      tier 4: imr ≥ target × mmr: 16000000 ≥ 12500000",
        "      m × (1 − bypass) − c − μ × L > 0: 166000000 > 0",
        "      throttle_capacity × stress slack ≥ μ × open_interest_cap × stress_share × throttle_refill: \
         166000000000000 ≥ 150000000000000",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[test]
fn a_broken_inequality_is_shown_with_its_numbers() {
    let text = with(&defaults(), "open_interest_cap_base_lots = 10000000", "open_interest_cap_base_lots = 11_066_667");
    let output = check("broken", &text, &[]);
    assert_eq!(output.status.code(), Some(1));
    let shown = stdout(&output);
    assert!(shown.contains("\n  Throughput           FAILS\n    ✗ throttle_capacity × stress slack"), "{shown}");
    assert!(shown.contains(": 166000000000000 ≥ 166000005000000\n"), "{shown}");
    assert!(shown.ends_with("1 of 29 rules fail: Throughput\n"), "{shown}");

    let json: Value = serde_json::from_slice(&check("broken-json", &text, &["--json"]).stdout).unwrap();
    assert_eq!(json["valid"], false);
    let rules = json["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 29);
    let failed: Vec<&Value> = rules.iter().filter(|rule| rule["holds"] == false).collect();
    assert_eq!((failed.len(), &failed[0]["rule"]), (1, &Value::from("Throughput")));
    assert_eq!(failed[0]["terms"][0]["left"], "166000000000000");
    assert_eq!(failed[0]["terms"][0]["relation"], "≥");
    let edges = &rules[0]["terms"];
    assert_eq!((&edges[2]["tier"], &edges[2]["text"]), (&Value::from(1), &Value::from("cap > 0")));
}

#[test]
fn malformed_files_are_refused_with_the_line() {
    let text = defaults();
    let line_of = |needle: &str| text.lines().position(|line| line.starts_with(needle)).unwrap() + 1;
    let sweep = line_of("sweep_cap_atoms");
    let cases = [
        (
            "unknown",
            with(&text, "sweep_cap_atoms = 100000000000", "sweep_kap_atoms = 1"),
            sweep,
            "unknown field `sweep_kap_atoms`",
        ),
        ("type", with(&text, "sweep_cap_atoms = 100000000000", "sweep_cap_atoms = \"many\""), sweep, "expected i64"),
        ("range", with(&text, "taker_fee_ppm = 500", "taker_fee_ppm = -1"), line_of("taker_fee_ppm"), "expected u32"),
        ("syntax", with(&text, "sweep_cap_atoms = 100000000000", "sweep_cap_atoms ="), sweep, ""),
        (
            "twice",
            with(&text, "stall_slots = 150", "stall_slots = 150\nstall_slots = 150"),
            line_of("stall_slots") + 1,
            "duplicate key",
        ),
        ("tier field", text.replacen("mmr_bps = 300", "mmr = 300", 1), line_of("mmr_bps"), "unknown field `mmr`"),
    ];
    for (name, text, line, says) in cases {
        let output = check(name, &text, &[]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let shown = stderr(&output);
        assert!(shown.contains(&format!("line {line},")), "{name}: {shown}");
        assert!(shown.contains(says), "{name}: {shown}");
        assert!(shown.starts_with("taper-sim params: ") && shown.contains(".toml: "), "{shown}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    let text = defaults();
    let fifth = format!("{text}\n[[tiers]]\nnotional_cap_atoms = 1\nmmr_bps = 1\nimr_bps = 1\n");
    let point = format!(
        "{text}\n[[ladder]]\nhealth_bps = 0\npenalty_bps_of_mmr = 0\ncost_cap_bps_of_mmr = 0\ncooldown_slots = 0\n"
    );
    for (name, text, says) in [
        ("missing", with(&text, "stall_slots = 150", ""), "missing field `stall_slots`"),
        ("five tiers", fifth, "a market has at most 4 tiers, here are 5"),
        ("five points", point, "a ladder has 4 points, here are 5"),
        ("empty", String::new(), "missing field"),
    ] {
        let output = check(name, &text, &[]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(says), "{name}: {}", stderr(&output));
    }
    let none = run(&["check", "/nowhere/at/all.toml"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("/nowhere/at/all.toml: "));
}

#[test]
fn a_change_is_judged_as_the_program_would() {
    let old = defaults();
    let old_file = file("old", &old);
    let old_name = old_file.to_str().unwrap();
    let cap = "sweep_cap_atoms = 100000000000";
    let last = |output: &Output| stdout(output).lines().last().unwrap().to_owned();
    let same = check("same", &old, &["--against", old_name]);
    assert_eq!(same.status.code(), Some(0));
    assert!(last(&same).ends_with("raises no limit; requirements rise nowhere"), "{}", last(&same));
    let far = check("far", &with(&old, cap, "sweep_cap_atoms = 150000000001"), &["--against", old_name]);
    assert_eq!(far.status.code(), Some(1));
    assert!(last(&far).contains(": LimitRaisedTooFar ("), "{}", last(&far));
    let dearer = with(&with(&old, cap, "sweep_cap_atoms = 150000000000"), "mmr_bps = 1000", "mmr_bps = 1200");
    let near = check("near", &dearer, &["--against", old_name, "--json"]);
    assert_eq!(near.status.code(), Some(0));
    let json: Value = serde_json::from_slice(&near.stdout).unwrap();
    let change = &json["change"];
    assert_eq!((&change["allowed"], &change["raises_limits"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(change["ramp_slots"], 216_000);
    // A change of parameters that no market can have.
    let broken = file("broken-old", &with(&old, cap, "sweep_cap_atoms = -1"));
    let against_broken = check("sound", &old, &["--against", broken.to_str().unwrap()]);
    assert_eq!(against_broken.status.code(), Some(1));
    assert!(last(&against_broken).contains("they break Pool"), "{}", last(&against_broken));
}

#[test]
fn no_defaults_without_depth() {
    let output = run(&["default", "--price", "450000", "--depth", "1", "--exponent", "-2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no market has defaults at this price, depth and exponent"));
    assert_eq!(run(&["default", "--price", "x", "--depth", "1", "--exponent", "-2"]).status.code(), Some(2));
}
