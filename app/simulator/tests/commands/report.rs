//! `taper-sim compare --report` from outside: what it refuses, what lies in the folder, and that the same comparison gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{candles, place, taper_sim_on, text, valley};

const FILES: [&str; 6] = ["index.html", "marks.csv", "pairs.csv", "runs.csv", "series.csv", "summary.csv"];

/// A folder of a test's own, empty at first.
fn own(name: &str) -> PathBuf {
    let folder = place(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A fall of 1% a minute for twelve minutes, then a recovery of as much.
fn prices(folder: &Path, name: &str) -> PathBuf {
    candles(folder.join(name), 1_600_000_000_000, 24, valley(10))
}

fn compare(prices: &Path, report: &Path, threads: &str) -> Output {
    let usual = ["--candles", "16", "--seeds", "2", "--accounts", "30", "--feedback", "1,0"];
    let (prices, report) = (prices.to_str().unwrap(), report.to_str().unwrap());
    taper_sim_on(threads, &[&["compare", "--prices", prices], &usual[..], &["--report", report]].concat())
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Rows of a CSV file, by column.
struct Table {
    columns: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        Self { columns: reader.headers().unwrap().clone(), rows: reader.records().map(Result::unwrap).collect() }
    }

    fn get<'a>(&self, row: &'a csv::StringRecord, column: &str) -> &'a str {
        row.get(self.columns.iter().position(|name| name == column).unwrap()).unwrap()
    }

    fn number(&self, row: &csv::StringRecord, column: &str) -> i64 {
        self.get(row, column).parse().unwrap()
    }
}

#[test]
fn the_same_comparison_gives_the_same_bytes_and_the_page_needs_nothing_else() {
    let folder = own("report-bytes");
    // A name that would be markup if it were not escaped.
    let prices = prices(&folder, "a <b>&\" fall.csv");
    let [first, second] = ["first", "second"].map(|name| folder.join(name));
    // One is new, the other is there and empty.
    fs::create_dir(&second).unwrap();
    for (goal, threads) in [(&first, "1"), (&second, "4")] {
        let output = compare(&prices, goal, threads);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(names_in(goal), FILES);
    }
    for name in FILES {
        assert!(fs::read(first.join(name)).unwrap() == fs::read(second.join(name)).unwrap(), "{name} differs");
    }
    assert_eq!(names_in(&folder), ["a <b>&\" fall.csv", "first", "second"]);

    let page = fs::read_to_string(first.join("index.html")).unwrap();
    for forbidden in ["http", "src=", "url(", "<script", "<link", "@import", "<b>&\" fall", "NaN", "inf\""] {
        assert!(!page.contains(forbidden), "{forbidden} is in the page");
    }
    assert!(page.contains("a &lt;b&gt;&amp;&quot; fall.csv"));
    assert!(page.contains("--candles 16 --seeds 2 --accounts 30 --feedback 1,0 --report DIR</pre>"));
    // Five charts of all seeds for each strength of feedback, three of all policies through time, and price and health of each of six.
    assert_eq!(page.matches("<figure>").count(), 2 * 5 + 3 + 2 * 6);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    for policy in ["hard-1pct", "hard-taper-fee", "hard-nofee", "hyperliquid", "dydx", "taper"] {
        assert!(page.contains(&format!("<b>{policy}</b>")), "{policy}");
    }
}

/// What the charts through time show adds up to what the tables say of the same run.
#[test]
fn marks_and_series_add_up_to_the_run() {
    let folder = own("report-sums");
    let goal = folder.join("report");
    let output = compare(&prices(&folder, "fall.csv"), &goal, "2");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let [runs, marks, series] = ["runs.csv", "marks.csv", "series.csv"].map(|name| Table::read(&goal.join(name)));
    let mut compared = 0;
    for run in &runs.rows {
        let shown = runs.get(run, "seed") == "1" && runs.get(run, "feedback") == "1" && runs.get(run, "at") == "end";
        if !shown {
            continue;
        }
        let policy = runs.get(run, "policy");
        let own: Vec<_> = marks.rows.iter().filter(|row| marks.get(row, "policy") == policy).collect();
        let sum = |kind: &str| -> i64 {
            let of = own.iter().filter(|row| marks.get(row, "kind") == kind);
            of.map(|row| marks.number(row, "sold_atoms").abs()).sum()
        };
        let slices = own.iter().filter(|row| marks.get(row, "kind") == "close").count();
        assert_eq!(slices.to_string(), runs.get(run, "slices"), "{policy}");
        assert_eq!(sum("close"), runs.number(run, "liquidated_atoms"), "{policy}");
        assert_eq!(sum("takeover"), runs.number(run, "taken_over_atoms"), "{policy}");
        assert_eq!(sum("bankrupt"), runs.number(run, "adl_atoms"), "{policy}");
        let own: Vec<_> = series.rows.iter().filter(|row| series.get(row, "policy") == policy).collect();
        let last = own.last().unwrap();
        assert_eq!(series.number(last, "sold_atoms") + series.number(last, "bought_atoms"), sum("close"), "{policy}");
        assert_eq!(series.number(last, "path_atoms_per_lot"), runs.number(run, "price_atoms_per_lot"), "{policy}");
        let peak = own.iter().map(|row| series.number(row, "displacement_ppm").abs()).max().unwrap();
        assert_eq!(peak, runs.number(run, "peak_ppm"), "{policy}");
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn a_place_that_cannot_be_used_is_refused_and_nothing_is_left() {
    let folder = own("report-refused");
    let prices = prices(&folder, "fall.csv");
    let full = own("report-refused/full");
    fs::write(full.join("mine.txt"), "mine").unwrap();
    let refused = |goal: &Path, expected: &str| {
        let output = compare(&prices, goal, "1");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(output.stdout.is_empty());
        assert!(message.contains(expected), "{message}");
    };
    refused(&full, "full: there is something already; name a new folder, or an empty one");
    refused(&full.join("mine.txt"), "mine.txt: this is a file; name a folder");
    refused(&folder.join("no/such"), "no/such: cannot write there: No such file or directory");
    refused(Path::new("/proc/no"), "/proc/no: cannot write there");
    // Bad input of another kind makes no folder either.
    let output = compare(&folder.join("no.csv"), &folder.join("never"), "1");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(names_in(&folder), ["fall.csv", "full"]);
    assert_eq!(names_in(&full), ["mine.txt"]);
}
