//! `taper-sim compare` from outside: what it refuses, and that the same seeds give the same bytes.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use crate::{candles, place, taper_sim, taper_sim_on, text, valley};

fn compare(arguments: &[&str]) -> Output {
    taper_sim(&[&["compare"], arguments].concat())
}

/// A fall of 1% a minute for twelve minutes, then a recovery of as much.
fn prices() -> PathBuf {
    candles(place("compare.csv"), 1_600_000_000_000, 24, valley(10))
}

#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    crate::assert_refused("compare", arguments, expected);
}

#[test]
fn bad_input_is_refused() {
    assert_refused(&["--events", "moon"], "there is no bundled event 'moon'");
    assert_refused(&["--events", "sol-2021-05,moon"], "there is no bundled event 'moon'");
    assert_refused(&["--events", "sol-2021-05", "--prices", "x.csv"], "cannot be used with");
    assert_refused(&["--prices", "no/such.csv"], "no/such.csv: cannot read the file");
    assert_refused(&["--policies", "softer"], "there is no policy 'softer'; known are none, hard-nofee");
    assert_refused(&["--policies", "no/such.toml"], "no/such.toml");
    assert_refused(&["--depth", "doge"], "there is no depth profile 'doge'");
    assert_refused(&["--feedback", "0.7"], "'0.7' is none of 0, 0.5, 1");
    assert_refused(&["--interest", "0"], "'0' is not a number from 0.1 to 60");
    assert_refused(&["--interest", "3.25"], "'3.25' is not a number from 0.1 to 60");
    assert_refused(&["--seeds", "0"], "--seeds");
    assert_refused(&["--population", "everybody"], "there is no population 'everybody'; known are hyperliquid-2025");
    assert_refused(&["--recovery", "0"], "--recovery");
    assert_refused(&["--rolling", "25"], "--rolling");
    assert_refused(&["--rolling", "4", "--prices", prices().to_str().unwrap()], "too short for a window of 4 hours");
    assert_refused(&["--rolling", "4", "--prices", "x.csv", "--candles", "3"], "cannot be used with");
    assert_refused(&["--accounts", "1501"], "--accounts");
    assert_refused(&["--csv", "/proc/no/such"], "/proc/no/such: cannot write there");
    assert_refused(&["--candles", "3"], "--prices");
}

#[test]
fn a_parameter_file_that_breaks_a_rule_is_refused_with_the_rule() {
    let printed =
        taper_sim(&["params", "default", "--price", "450000", "--depth", "200000", "--exponent", "-2"]).stdout;
    let whole = text(&printed);
    let good = place("good.toml");
    fs::write(&good, &whole).unwrap();
    let bad = place("bad.toml");
    fs::write(&bad, whole.replace("target_first_bps = 12500", "target_first_bps = 9000")).unwrap();
    assert_refused(&["--policies", bad.to_str().unwrap()], "breaks the rule Targets");
    let prices = prices();
    // The defaults, written to a file and read again, are Taper.
    let policies = format!("taper,{}", good.to_str().unwrap());
    let arguments = ["--prices", prices.to_str().unwrap(), "--seeds", "2", "--accounts", "20", "--policies", &policies];
    let output = compare(&arguments);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .filter(|line| line.starts_with("taper ") || line.contains("good.toml "))
        .map(|line| line.split_whitespace().skip(1).collect())
        .collect();
    assert_eq!(rows[0], rows[1], "{shown}");
}

#[test]
fn the_same_seeds_give_the_same_bytes_and_every_row_adds_up() {
    let prices = prices();
    let run = |folder: &str, threads: &str, more: &[&str]| {
        let folder = place(folder);
        let usual = ["compare", "--prices", prices.to_str().unwrap(), "--candles", "16", "--seeds", "3"];
        let output_to = ["--accounts", "30", "--feedback", "0,1", "--csv", folder.to_str().unwrap()];
        let output = taper_sim_on(threads, &[&usual[..], &output_to, more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let files = ["runs.csv", "summary.csv", "pairs.csv"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        (text(&output.stdout), files)
    };
    let first = run("first", "1", &[]);
    assert_eq!(first, run("second", "4", &[]));
    assert_eq!(first, run("third", "4", &["--look-at-all"]));

    let (shown, [runs, _, pairs]) = first;
    assert!(shown.contains("hard-taper-fee") && shown.contains("a day later"), "{shown}");
    let mut rows = csv::Reader::from_reader(runs.as_bytes());
    let columns = rows.headers().unwrap().clone();
    let mut count = 0;
    for row in rows.records() {
        let row = row.unwrap();
        let number = |name: &str| -> i64 {
            row.get(columns.iter().position(|column| column == name).unwrap()).unwrap().parse().unwrap()
        };
        let terms = number("start_atoms") + number("held_atoms") - number("fee_atoms") - number("impact_atoms")
            + number("direction_atoms")
            + number("transfer_atoms");
        assert_eq!(terms, number("equity_atoms"), "{row:?}");
        count += 1;
    }
    // Two strengths of feedback, six policies, three seeds, at the end and later.
    assert_eq!(count, 2 * 6 * 3 * 2);
    // What one policy gains on another the other loses.
    let mut sum = 0.0;
    for line in pairs.lines().skip(1) {
        sum += line.split(',').nth(5).unwrap().parse::<f64>().unwrap();
    }
    assert!(sum.abs() < 1e-6, "{sum}");
}
