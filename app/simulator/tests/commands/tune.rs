//! `taper-sim tune` from outside: what it refuses, that threads change no byte, and that it never reports on what it has chosen on.

use std::fs;
use std::path::PathBuf;

use crate::{candles, place, taper_sim, taper_sim_on, text, valley};

/// Candles of a minute: down by so much of 1,000 a minute for twelve minutes, and up again.
fn prices(name: &str, start_minute: i64, fall: i64) -> PathBuf {
    candles(place(name), 1_600_000_020_000 + 60_000 * start_minute, 24, valley(fall))
}

/// The defaults of a SOL-like market as a file.
fn base(name: &str, change: impl Fn(String) -> String) -> PathBuf {
    let printed = taper_sim(&["params", "default", "--price", "450000", "--depth", "2000000", "--exponent", "-2"]);
    let path = place(name);
    fs::write(&path, change(text(&printed.stdout))).unwrap();
    path
}

#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    crate::assert_refused("tune", arguments, expected);
}

#[test]
fn bad_input_is_refused() {
    assert_refused(&["--budget", "0"], "--budget");
    assert_refused(&["--seeds", "0"], "--seeds");
    assert_refused(&["--events", "moon"], "there is no bundled event 'moon'");
    assert_refused(&["--hold-out", "moon"], "there is no bundled event 'moon'");
    assert_refused(&["--events", "no/such.csv"], "no/such.csv: cannot read the file");
    assert_refused(&["--feedback", "0.7"], "'0.7' is none of 0, 0.5, 1");
    assert_refused(&["--keep", "fees"], "there is no group 'fees'; known are ladder, penalty, caps");
    let all = "ladder,penalty,caps,cooldown,target,throttle,episode,takeover";
    assert_refused(&["--keep", all], "there is nothing to search");
    assert_refused(&["--out", "/proc/no/such"], "/proc/no/such: cannot write there");
    assert_refused(&["--base", "no/such.toml"], "no/such.toml");
}

#[test]
fn what_is_held_out_must_be_unseen() {
    let both = ["--events", "sol-2021-05,btc-2020-03", "--hold-out", "eth-2024-08,sol-2021-05"];
    assert_refused(&both, "sol-2021-05 is both in --events and in --hold-out");
    // Another market's candles of the same day.
    let same_day = ["--events", "sol-2021-05", "--hold-out", "btc-2021-05"];
    assert_refused(&same_day, "btc-2021-05 (--hold-out) is of the same hours as sol-2021-05 (--events)");
}

#[test]
fn an_invalid_base_is_refused_with_the_line_or_the_rule() {
    let misspelt = base("tune-misspelt.toml", |text| text.replacen("stall_slots = 150", "stall_slots = many", 1));
    let line = fs::read_to_string(&misspelt).unwrap().lines().position(|line| line.starts_with("stall_slots")).unwrap();
    assert_refused(&["--base", misspelt.to_str().unwrap()], &format!("line {},", line + 1));
    let spoilt = base("tune-spoilt.toml", |text| text.replace("target_first_bps = 12500", "target_first_bps = 9000"));
    assert_refused(&["--base", spoilt.to_str().unwrap()], "tune-spoilt.toml: it breaks the rule Targets");
}

/// Events to choose on and to report on.
fn events(test: &str) -> [PathBuf; 2] {
    [prices(&format!("{test}-seen.csv"), 0, 12), prices(&format!("{test}-unseen.csv"), 100, 9)]
}

fn tune([seen, unseen]: &[PathBuf; 2], folder: &str, threads: &str, more: &[&str]) -> (String, [String; 3]) {
    let folder = place(folder);
    let events = ["tune", "--events", seen.to_str().unwrap(), "--hold-out", unseen.to_str().unwrap()];
    let usual = ["--accounts", "24", "--seeds", "2", "--feedback", "0,1", "--out", folder.to_str().unwrap()];
    let output = taper_sim_on(threads, &[&events[..], &usual, more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "no bars where there is no terminal");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    (text(&output.stdout), ["candidates.csv", "events.csv", "best.toml"].map(read))
}

/// A file without its comments, where the folder's name is.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

#[test]
fn threads_change_no_byte_and_what_it_writes_is_what_it_found() {
    let (on, budget) = (events("tune-threads"), ["--budget", "20", "--seed", "7"]);
    let (shown, [candidates, events, best]) = tune(&on, "tune-one", "1", &budget);
    let (again, [candidates_again, events_again, best_again]) = tune(&on, "tune-four", "4", &budget);
    assert_eq!((&shown, &candidates, &events), (&again, &candidates_again, &events_again));
    assert_eq!(without_comments(&best), without_comments(&best_again));
    let other = tune(&on, "tune-other", "2", &["--budget", "20", "--seed", "8"]);
    assert_ne!(candidates, other.1[0]);

    // As many as the budget, each once, the base first and the cover before its neighbours.
    let mut reader = csv::Reader::from_reader(candidates.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 20);
    let from = |row: &csv::StringRecord| row[column("from")].to_owned();
    assert_eq!((from(&rows[0]), from(&rows[1])), ("base".to_owned(), "cover".to_owned()));
    assert!(rows[11..].iter().all(|row| from(row).starts_with("near ")), "{candidates}");
    assert_eq!(rows[0][column("to_base_bps")], *"0.0000");
    let values = |row: &csv::StringRecord| row.iter().skip(column("health_3")).map(str::to_owned).collect::<Vec<_>>();
    let mut distinct: Vec<_> = rows.iter().map(values).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);

    // The best is the one with the highest objective among those within the limit.
    let number = |row: &csv::StringRecord, name: &str| row[column(name)].parse::<f64>().unwrap();
    let allowed: Vec<_> = rows.iter().filter(|row| row[column("within_limit")] == *"true").collect();
    for row in &rows {
        assert_eq!(row[column("within_limit")] == *"true", number(row, "peak_percent_of_control") <= 60.0);
    }
    let highest =
        allowed.iter().max_by(|a, b| number(a, "objective_bps").total_cmp(&number(b, "objective_bps"))).unwrap();
    assert!(best.starts_with(&format!("# Candidate {} of `taper-sim tune ", &highest[0])), "{best}");
    assert!(best.contains(&format!("\ntarget_first_bps = {}\n", &highest[column("target_first")])), "{best}");
    // And it is a file that the program would accept.
    let file = place("tune-one").join("best.toml");
    let check = taper_sim(&["params", "check", file.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stdout));

    // Finalists: the base and five more, on both sets, two strengths of feedback, two seeds, at two moments.
    assert_eq!(events.lines().count(), 1 + 6 * 2 * 2 * 2 * 2);
    assert!(shown.contains("chosen on") && shown.contains("held out") && shown.contains("hold"), "{shown}");
}

#[test]
fn what_is_kept_does_not_move() {
    let (_, [candidates, ..]) =
        tune(&events("tune-keep"), "tune-keep", "2", &["--budget", "6", "--keep", "penalty,target"]);
    let mut reader = csv::Reader::from_reader(candidates.as_bytes());
    let columns = reader.headers().unwrap().clone();
    for row in reader.records() {
        let row = row.unwrap();
        let of = |name: &str| row[columns.iter().position(|column| column == name).unwrap()].to_owned();
        let kept = ["penalty_1", "penalty_2_above_1", "penalty_3_above_2", "penalty_4_above_3", "target_first"].map(of);
        assert_eq!(kept, ["500", "700", "1300", "0", "12500"]);
    }
}

#[test]
fn a_limit_that_nothing_keeps_ranks_by_impact() {
    let (shown, [candidates, _, best]) =
        tune(&events("tune-limit"), "tune-limit", "2", &["--budget", "5", "--peak", "1"]);
    let mut reader = csv::Reader::from_reader(candidates.as_bytes());
    let peak = reader.headers().unwrap().iter().position(|column| column == "peak_percent_of_control").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let least = rows.iter().min_by(|a, b| {
        let of = |row: &csv::StringRecord| row[peak].parse::<f64>().unwrap();
        of(a).total_cmp(&of(b))
    });
    assert!(best.starts_with(&format!("# Candidate {} of ", &least.unwrap()[0])), "{best}");
    assert!(shown.contains("at most 1"), "{shown}");
}
