//! `taper-sim replay --jump --jump-at --insurance` from outside: what is refused, and that the report says of every lost atom who bore it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::{candles, place, taper_sim, text};

const MINUTES: i64 = 8;
const USD: i64 = 1_000_000;

fn replay(arguments: &[&str]) -> Output {
    taper_sim(&[&["replay"], arguments].concat())
}

/// Eight minutes in which next to nothing happens: what there is of loss the jump has made.
fn calm_file(name: &str) -> String {
    let file = candles(place(name), 1_600_000_000_000, MINUTES, |minute| 1_000 - minute % 2);
    file.to_str().unwrap().to_owned()
}

#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    crate::assert_refused("replay", arguments, expected);
}

#[test]
fn bad_values_get_clear_errors() {
    let prices = calm_file("calm-refused.csv");
    let refused = |more: &[&str], expected: &str| assert_refused(&[&["--prices", &prices], more].concat(), expected);
    refused(&["--jump", "0"], "--jump 0: it would not move the price");
    for out_of_range in ["91", "100", "-101"] {
        refused(&["--jump", out_of_range], &format!("invalid value '{out_of_range}' for '--jump <PERCENT>'"));
    }
    refused(&["--jump", "a lot"], "invalid value 'a lot' for '--jump <PERCENT>'");
    refused(&["--jump", "12.5"], "invalid value '12.5' for '--jump <PERCENT>'");
    refused(&["--jump-at", "3"], "--jump <PERCENT>");
    for out_of_range in ["0", "1", "-2"] {
        refused(&["--jump", "10", &format!("--jump-at={out_of_range}")], "for '--jump-at <N>'");
    }
    refused(&["--jump", "10", "--jump-at", "9"], "--jump-at 9: the replay has 8 candles only");
    refused(&["--jump", "10", "--candles", "4", "--jump-at", "5"], "--jump-at 5: the replay has 4 candles only");
    refused(&["--insurance=-1"], "invalid value '-1' for '--insurance <USD>'");
    refused(&["--insurance", "1.5"], "invalid value '1.5' for '--insurance <USD>'");
    refused(&["--insurance", "1000000001"], "invalid value '1000000001' for '--insurance <USD>'");
}

/// Screen and report of a replay of twelve accounts.
fn run(name: &str, more: &[&str]) -> (String, Value) {
    let (prices, json) = (calm_file(&format!("{name}.csv")), place(&format!("{name}.json")));
    let usual = ["--prices", &prices, "--accounts", "12", "--seed", "3", "--json", json.to_str().unwrap()];
    let output = replay(&[&usual, more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap())
}

fn atoms(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Who bore the losses, each line against the sums, and each line against those it names.
fn assert_attributed(report: &Value) {
    let (lines, sums) = (report["resolutions"].as_array().unwrap(), &report["summary"]);
    let mut borne: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        let deleveraged = atoms(line, "deleveraged_atoms");
        let payers = line["payers"].as_array().unwrap();
        assert_eq!(payers.iter().map(|payer| atoms(payer, "atoms")).sum::<i64>(), deleveraged, "{line}");
        assert_eq!(payers.iter().map(|payer| atoms(payer, "lots")).sum::<i64>(), atoms(line, "lots"), "{line}");
        match line["kind"].as_str().unwrap() {
            "bankrupt" => *borne.entry("loss_deleveraged_atoms").or_default() += deleveraged,
            "takeover" => *borne.entry("takeover_given_atoms").or_default() -= deleveraged,
            other => panic!("{other}"),
        }
        for (sum, name) in [
            ("loss_insurance_atoms", "insurance_atoms"),
            ("loss_socialised_atoms", "socialised_atoms"),
            ("loss_unassigned_atoms", "unassigned_atoms"),
        ] {
            *borne.entry(sum).or_default() += atoms(line, name);
        }
    }
    for (name, borne) in borne {
        assert_eq!(atoms(sums, name), borne, "{name}");
    }
    assert_conserved(report);
}

/// What some have lost others have: accounts, the market maker, the liquidator, insurance, and in the end nobody. Nothing is left over but the
/// bonds of seats that were given back: they are no part of the equity before. Fees were paid before the start; a liquidation pays none.
fn assert_conserved(report: &Value) {
    const BOND: i64 = USD;
    let sums = &report["summary"];
    let accounts = atoms(sums, "end_equity_atoms") - atoms(sums, "start_equity_atoms");
    let insurance = atoms(sums, "insurance_atoms") - atoms(&report["source"], "insurance_donated_atoms");
    let others = atoms(sums, "maker_result_atoms") + atoms(sums, "caller_income_atoms");
    let change = accounts + insurance + others - atoms(sums, "loss_unassigned_atoms");
    let released = atoms(sums, "resolved_bankrupt") + atoms(sums, "resolved_takeover");
    assert_eq!(change, released * BOND, "accounts {accounts}, insurance {insurance}, others {others}: {sums}");
}

#[test]
fn every_atom_of_a_jump_is_attributed() {
    let (screen, report) = run("jump", &["--jump", "35", "--jump-at", "4", "--insurance", "500"]);
    let source = &report["source"];
    assert_eq!((atoms(source, "jump_percent"), atoms(source, "jump_candle")), (35, 4));
    assert_eq!(atoms(source, "insurance_donated_atoms"), 500 * USD);
    let sums = &report["summary"];
    assert!(atoms(sums, "resolved_bankrupt") > 0, "{screen}");
    assert!(atoms(sums, "loss_insurance_atoms") > 0 && atoms(sums, "loss_deleveraged_atoms") > 0, "{screen}");
    assert_eq!(atoms(sums, "bad_debt_atoms"), 0, "{screen}");
    assert_attributed(&report);
    // Nothing happens before the fourth candle, and the price does fall by that much in it.
    let first = report["resolutions"].as_array().unwrap().iter().map(|line| atoms(line, "time_ms")).min().unwrap();
    assert!(first >= 1_600_000_000_000 + 3 * 60_000, "{first}");
    let market = &report["market"];
    let (start, end) = (atoms(market, "start_price_atoms_per_lot"), atoms(market, "end_price_atoms_per_lot"));
    assert!((64..=66).contains(&(end * 100 / start)), "{start} {end}");
    // The screen says the same, and names everybody who paid.
    let line = screen.lines().find(|line| line.starts_with("losses borne by")).unwrap();
    assert!(line.contains("insurance 500.00, deleveraged ") && line.ends_with("nobody yet 0.00"), "{line}");
    let payers = report["resolutions"].as_array().unwrap().iter().flat_map(|line| line["payers"].as_array().unwrap());
    for payer in payers {
        let name = payer["account"].as_str().unwrap();
        assert!(screen.contains(&format!("{name}: paid ")), "{name}: {screen}");
    }
}

#[test]
fn insurance_bears_more_when_there_is_more_and_none_when_there_is_none() {
    let paid = ["0", "500", "1000000"].map(|dollars| {
        let (_, report) = run(&format!("insured-{dollars}"), &["--jump", "35", "--insurance", dollars]);
        assert_attributed(&report);
        let sums = &report["summary"];
        (atoms(sums, "loss_insurance_atoms"), atoms(sums, "loss_deleveraged_atoms"))
    });
    // Without a donation there is what penalties have brought.
    assert!(paid[0].0 < paid[1].0 && paid[1].0 < paid[2].0, "{paid:?}");
    assert!(paid[0].1 > paid[1].1 && paid[1].1 > paid[2].1, "{paid:?}");
    assert!(paid[1].0 <= paid[0].0 + 500 * USD, "{paid:?}");
}

/// A rise ruins shorts.
#[test]
fn a_negative_jump_is_a_rise() {
    let (_, report) = run("rise", &["--jump", "-60"]);
    assert_attributed(&report);
    let lines = report["resolutions"].as_array().unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["side"] == "short"), "{lines:?}");
    // Without a candle named it is in the middle.
    assert_eq!((atoms(&report["source"], "jump_percent"), atoms(&report["source"], "jump_candle")), (-60, 5));
}
