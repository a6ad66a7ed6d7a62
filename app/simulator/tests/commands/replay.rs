//! `taper-sim replay` from outside: what it refuses, and that the same seed gives the same bytes.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use crate::{place, text};

const HEADER: &str = "ts_ms,open,high,low,close,volume";
const FIRST: &str = "1600000000000,10,12,9,11,5";
const SECOND: &str = "1600000060000,11,12,10,10,5";

fn taper_sim(arguments: &[&str]) -> Output {
    crate::taper_sim(&[&["replay"], arguments].concat())
}

/// A file in the test's own folder.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = place(name);
    fs::write(&path, content).unwrap();
    path
}

#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    crate::assert_refused("replay", arguments, expected);
}

#[test]
fn bad_files_are_refused_with_the_line() {
    let lines = |lines: &[&str]| format!("{HEADER}\n{}\n", lines.join("\n"));
    let third = |line: &str| lines(&[FIRST, SECOND, line]);
    let cases = [
        ("empty", String::new(), "line 1: the file is empty"),
        ("header", lines(&[]), "line 2: the file ends after 0 candle(s)"),
        ("single", lines(&[FIRST]), "line 2: the file ends after 1 candle(s)"),
        ("unknown", format!("{HEADER},vwap\n{FIRST},1\n"), "line 1: unknown column 'vwap'"),
        ("missing", format!("ts_ms,open,high,low,close\n{FIRST}\n"), "line 1: missing column 'volume'"),
        ("twice", format!("{HEADER},low\n{FIRST},1\n"), "line 1: column 'low' appears twice"),
        ("fields", third("1600000120000,10,12,9,11"), "line 4: 5 fields where the header has 6"),
        ("gap", third("1600000180000,10,12,9,11,5"), "line 4: gap: expected ts_ms 1600000120000, found 1600000180000"),
        ("back", third("1600000000000,10,12,9,11,5"), "line 4: time does not advance"),
        ("again", third(SECOND), "line 4: time does not advance"),
        ("spacing", lines(&[FIRST, "1600000000500,10,12,9,11,5"]), "line 3: the candles' spacing of 500 ms"),
        ("time", third("yesterday,10,12,9,11,5"), "line 4: ts_ms 'yesterday' is not a whole number"),
        ("zero", third("1600000120000,0,12,9,11,5"), "line 4: open '0' is zero"),
        ("negative", third("1600000120000,10,12,-9,11,5"), "line 4: low '-9' is negative"),
        ("nan", third("1600000120000,10,NaN,9,11,5"), "line 4: high 'NaN' is not a finite number"),
        ("infinite", third("1600000120000,10,12,9,inf,5"), "line 4: close 'inf' is not a finite number"),
        ("word", third("1600000120000,10,12,9,eleven,5"), "line 4: close 'eleven' is not a number"),
        ("volume", third("1600000120000,10,12,9,11,-5"), "line 4: volume '-5' is negative"),
        (
            "overflow",
            third("1600000120000,10,99999999999999999999,9,11,5"),
            "line 4: high '99999999999999999999' is too large",
        ),
        ("crossed", third("1600000120000,10,9,12,11,5"), "line 4: high 9 is below low 12"),
        ("scale", third("1600000120000,10,12,9,2001,5"), "line 4: the price leaves the range"),
        ("early", format!("{HEADER}\n0,1,1,1,1,1\n60000,1,1,1,1,1\n"), "line 2: the candles start before 1970-01-02"),
        ("blank", lines(&[FIRST, "", SECOND]), "line 3: 1 fields where the header has 6"),
    ];
    for (name, content, expected) in cases {
        let path = file(&format!("{name}.csv"), content.as_bytes());
        let path = path.to_str().unwrap();
        assert_refused(&["--prices", path], &format!("{name}.csv: {expected}"));
    }
}

#[test]
fn unreadable_files_are_refused() {
    assert_refused(&["--prices", "no/such/file.csv"], "no/such/file.csv: cannot read the file");
    assert_refused(&["--prices", "."], "cannot read the file");
    let plain = file("plain.csv.gz", HEADER.as_bytes());
    assert_refused(&["--prices", plain.to_str().unwrap()], "the name ends in .gz but the content is not gzip");
    let cut = file("cut.csv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    assert_refused(&["--prices", cut.to_str().unwrap()], "bad gzip data after this line");
    let binary = file("binary.csv", b"ts_ms,open\n\xff\xfe\n");
    assert_refused(&["--prices", binary.to_str().unwrap()], "line 2: not UTF-8 text");
}

#[test]
fn bad_arguments_are_refused() {
    assert_refused(&["--event", "moon"], "there is no bundled event 'moon'");
    assert_refused(&["--depth", "doge", "--candles", "2"], "there is no depth profile 'doge'");
    assert_refused(&["--event", "btc-2020-03", "--prices", "file.csv"], "cannot be used with");
    assert_refused(&["--accounts", "0"], "--accounts");
    assert_refused(&["--candles", "0"], "--candles");
    assert_refused(&["--json", "no/such/folder/out.json"], "cannot write the JSON file");
}

#[test]
fn events_are_listed() {
    let output = taper_sim(&["--list-events"]);
    assert!(output.status.success());
    let listed = text(&output.stdout);
    for name in ["sol-2021-05 ", "btc-2020-03 ", "eth-2025-02 "] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
}

/// A fall of 1% a minute for eight minutes: the most leveraged longs are tapered.
fn falling_file() -> PathBuf {
    let mut lines = vec![HEADER.to_owned()];
    for minute in 0..8i64 {
        let (open, close) = (1_000 - 10 * minute, 990 - 10 * minute);
        lines.push(format!("{},{open},{open},{close},{close},1", 1_600_000_000_000 + 60_000 * minute));
    }
    file("falling.csv", lines.join("\n").as_bytes())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let prices = falling_file();
    let json = place;
    let run = |seed: &str, name: &str| {
        let json = json(name);
        let output = taper_sim(&[
            "--prices",
            prices.to_str().unwrap(),
            "--accounts",
            "8",
            "--seed",
            seed,
            "--json",
            json.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), fs::read_to_string(json).unwrap())
    };
    let (first, again, other) = (run("7", "first.json"), run("7", "again.json"), run("8", "other.json"));
    assert_eq!(first, again);
    assert_ne!(first.1, other.1);

    let report: serde_json::Value = serde_json::from_str(&first.1).unwrap();
    let slices = report["slices"].as_array().unwrap();
    assert!(!slices.is_empty(), "{}", first.0);
    for slice in slices {
        let (before, after) = (slice["health_before_bps"].as_i64().unwrap(), slice["health_after_bps"].as_i64());
        assert!(before < 10_100 && after.is_none_or(|after| after >= before), "{slice}");
        let atoms = |name: &str| slice[name].as_i64().unwrap();
        let (paid, earned) = (atoms("penalty_atoms") + atoms("tip_atoms"), atoms("caller_income_atoms"));
        assert!(paid >= earned && earned >= atoms("tip_atoms"), "{slice}");
    }
    for account in report["accounts"].as_array().unwrap() {
        let lots = |name: &str| account[name].as_i64().unwrap();
        let resolved: i64 = report["resolutions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["account"] == account["label"])
            .map(|line| line["lots"].as_i64().unwrap())
            .sum();
        assert_eq!(lots("start_lots") - lots("closed_lots") - resolved, lots("end_lots"), "{account}");
    }
    let summary = &report["summary"];
    assert_eq!(summary["slices"].as_u64().unwrap(), u64::try_from(slices.len()).unwrap());
    assert_eq!(summary["accounts"].as_u64(), Some(8));
    assert!(summary["invariants_checked"].as_u64().unwrap() > summary["transactions"].as_u64().unwrap());
    // The table has a line a slice, between the heading and the sums.
    let lines = first.0.lines().filter(|line| line.starts_with("2020-09-13 ")).count();
    assert_eq!(lines, slices.len());
}

#[test]
fn a_bundled_event_replays_on_both_layouts_alike() {
    let run = |oracle: &str| {
        let output = taper_sim(&["--event", "btc-2020-03", "--candles", "3", "--accounts", "4", "--oracle", oracle]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let (push, pull) = (run("push"), run("pull"));
    assert!(push.contains("Pyth push accounts") && pull.contains("Pyth pull accounts"));
    let sums = |output: &str| output.lines().find(|line| line.starts_with("equity retained")).unwrap().to_owned();
    assert_eq!(sums(&push), sums(&pull));
}
