//! `taper-sim oracle` as a user runs it: output, exit code, the program's error names.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{taper_sim, text};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pyth")
}

fn account(file: &str) -> String {
    data().join(file).to_str().unwrap().to_owned()
}

struct Output {
    code: i32,
    text: String,
    errors: String,
}

fn run(arguments: &[&str]) -> Output {
    let output = taper_sim(&[&["oracle"], arguments].concat());
    Output { code: output.status.code().unwrap(), text: text(&output.stdout), errors: text(&output.stderr) }
}

fn run_json(arguments: &[&str]) -> (i32, Vec<Value>) {
    let output = run(&[arguments, &["--json"]].concat());
    (output.code, serde_json::from_str(&output.text).unwrap_or_else(|error| panic!("{error}: {}", output.text)))
}

const SOL_PULL: &str = "pull/SOL_mainnet_20250104T094807Z_slot311798332_Full.bin";
const SOL_PUSH: &str = "legacy/SOL_mainnet_20231223T221945Z_slot237631872.bin";
const PARTIAL: &str = "pull/SOL_mainnet_20240611T200500Z_slot271269395_Partial5.bin";
const UNKNOWN: &str = "legacy/UNK_mainnet_20230126T011257Z_slot174405425.bin";
const NO_TIME: &str = "legacy/SOL_devnet_no-ts_slot64252304.bin";
const PRODUCT: &str = "legacy/NEGATIVE_type2_product_3312bytes.bin";

#[test]
fn a_good_account_is_described_and_accepted() {
    let output = run(&[&account(SOL_PULL)]);
    let file = account(SOL_PULL);
    let expected = format!(
        "{file}
  owner       rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ (inferred from the layout)
  feed        pull, ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d
  price       215.68137069 (EMA 216.16020100)
  confidence  0.20134469 (9.34 bps)
  age         0 s (published 1735984087, judged at 1735984087)
  per lot     215681 ± 202 atoms (1 lot = 10^-3 units)
  verdict     fresh
"
    );
    assert_eq!((output.code, output.text, output.errors), (0, expected, String::new()));
}

#[test]
fn age_is_judged_at_the_clock_given() {
    let file = account(SOL_PULL);
    let at = |seconds: i64| {
        let (code, reports) = run_json(&[&file, "--at", &(1_735_984_087 + seconds).to_string()]);
        let error = reports[0]["error"].as_str().unwrap_or("").to_owned();
        assert_eq!(reports[0]["age_seconds"], seconds);
        (code, reports[0]["verdict"].as_str().unwrap().to_owned(), error)
    };
    let outcome = |code, verdict: &str, error: &str| (code, verdict.to_owned(), error.to_owned());
    assert_eq!(at(10), outcome(0, "fresh", ""));
    assert_eq!(at(11), outcome(0, "degraded", ""));
    assert_eq!(at(60), outcome(0, "degraded", ""));
    assert_eq!(at(61), outcome(1, "refused", "OracleStale"));
    assert_eq!(at(-6), outcome(1, "refused", "OracleFromTheFuture"));
}

#[test]
fn refusals_carry_the_program_s_own_names() {
    for (file, error) in [
        (PARTIAL, "OraclePartialVerification"),
        (UNKNOWN, "OracleNotTrading"),
        (NO_TIME, "OracleStale"),
        (PRODUCT, "OracleWrongAccountType"),
        ("legacy/NEGATIVE_version1_price_1712bytes.bin", "OracleWrongAccountType"),
        ("legacy/NEGATIVE_pythnet_BTC_12576bytes.bin", "OracleWrongAccountType"),
        ("README.md", "OracleWrongAccountType"),
    ] {
        let (code, reports) = run_json(&[&account(file)]);
        assert_eq!(
            (code, reports[0]["verdict"].as_str(), reports[0]["error"].as_str()),
            (1, Some("refused"), Some(error))
        );
        let output = run(&[&account(file)]);
        assert!(output.text.contains(&format!("  verdict     refused: {error} (")), "{}", output.text);
        assert_eq!(output.code, 1);
    }
}

#[test]
fn an_owner_given_is_believed_and_not_called_inferred() {
    let owner = "FsJ3A3u2vn5cTVofAjvy6y5kwABJAqYWpe4975bi2epH";
    let (code, reports) = run_json(&[&account(SOL_PUSH), "--owner", owner]);
    assert_eq!(
        (code, &reports[0]["owner_inferred"], reports[0]["owner"].as_str()),
        (0, &Value::Bool(false), Some(owner))
    );
    assert_eq!(reports[0]["kind"], "push");
    assert_eq!(reports[0]["price_raw"], 10_376_123_787_i64);
    let (code, reports) = run_json(&[&account(SOL_PUSH), "--owner", "11111111111111111111111111111111"]);
    assert_eq!((code, reports[0]["error"].as_str()), (1, Some("OracleWrongOwner")));
    let (code, reports) = run_json(&[&account(SOL_PULL), "--owner", owner]);
    assert_eq!((code, reports[0]["error"].as_str()), (1, Some("OracleWrongAccountType")));
}

#[test]
fn every_real_account_is_fresh_at_its_own_time_or_refused_for_its_own_reason() {
    let mut files = Vec::new();
    for folder in ["legacy", "pull"] {
        for entry in std::fs::read_dir(data().join(folder)).unwrap() {
            files.push(entry.unwrap().path().to_str().unwrap().to_owned());
        }
    }
    let arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    let (code, reports) = run_json(&arguments);
    assert_eq!((code, reports.len()), (1, 43));
    let count = |verdict: &str| reports.iter().filter(|report| report["verdict"] == verdict).count();
    // Refused: six partial, three of another type, one not trading, two without a time.
    assert_eq!((count("fresh"), count("degraded"), count("refused")), (31, 0, 12));
}

#[test]
fn an_unreadable_file_is_exit_code_two_and_the_others_are_still_judged() {
    let missing = account("no-such-file.bin");
    let output = run(&[&missing, &account(SOL_PULL)]);
    assert_eq!(output.code, 2);
    assert!(output.errors.contains(&missing), "{}", output.errors);
    assert!(output.text.contains("verdict     fresh"), "{}", output.text);
    let directory = data().to_str().unwrap().to_owned();
    assert_eq!(run(&[&directory, &account(PARTIAL)]).code, 2, "unreadable outweighs refused");
    let (code, reports) = run_json(&[&missing]);
    assert_eq!((code, reports[0]["verdict"].as_str()), (2, Some("unreadable")));
    assert_eq!(run(&[]).code, 2, "no file named");
    assert_eq!(run(&[&account(SOL_PULL), "--owner", "not a key"]).code, 2);
}
