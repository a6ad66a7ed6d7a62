//! `taper-sim stress` from outside: the defaults hold what they claim, files that cannot are found out, and bad input has its line.

use std::fs;

use crate::{place, taper_sim, taper_sim_on, text};

/// The defaults of a SOL-like market, with lines replaced that must be there once.
fn file(name: &str, changes: &[(&str, &str)]) -> String {
    let printed = taper_sim(&["params", "default", "--price", "450000", "--depth", "2000000", "--exponent", "-2"]);
    let mut params = text(&printed.stdout);
    for (line, by) in changes {
        assert_eq!(params.matches(&format!("\n{line}\n")).count(), 1, "{line}");
        params = params.replacen(&format!("\n{line}\n"), &format!("\n{by}\n"), 1);
    }
    let path = place(&format!("stress-{name}.toml"));
    fs::write(&path, params).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Output and exit code.
fn stress(arguments: &[&str]) -> (String, Option<i32>) {
    let output = taper_sim(&[&["stress"], arguments].concat());
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    (text(&output.stdout), output.status.code())
}

/// The number before `×` after these words.
fn times(shown: &str, words: &str) -> f64 {
    let from = shown.find(words).unwrap_or_else(|| panic!("'{words}' is not in\n{shown}")) + words.len();
    shown[from..].split('×').next().unwrap().trim().parse().unwrap()
}

#[track_caller]
fn assert_refused(arguments: &[&str], expected: &str) {
    crate::assert_refused("stress", arguments, expected);
}

#[test]
fn the_defaults_hold_what_they_claim_with_a_margin() {
    let (shown, code) = stress(&[&file("defaults", &[]), "--price", "450000", "--shapes", "32"]);
    assert_eq!(code, Some(0), "{shown}");
    for line in [
        "  Throughput holds",
        "      m × (1 − bypass) − c − μ × L > 0: 166000000 > 0",
        "claim: with 1000000 lots liquidatable at once, a fall of 1.785% over 142.8 s (and whatever is milder) is drained before any \
         account is down to health 0.33",
        "market: 450000 atoms a lot, 2000000 lots within 1%, open interest at its cap, feedback 0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(shown.contains("\nHOLDS its claim, margin "), "{shown}");
    assert!(times(&shown, "margin ") > 5.0, "{shown}");
    assert!(!shown.contains('✗'), "{shown}");
    // A jump of the whole maintenance margin leaves nothing: no parameters survive it.
    let jump = shown.lines().find(|line| line.starts_with("jump")).unwrap();
    assert!(jump.contains("−3.0") && jump.ends_with("bad debt"), "{jump}");
}

#[test]
fn a_bucket_that_is_too_small_fails_by_its_inequality() {
    let small = ("throttle_capacity_base_lots = 1000000", "throttle_capacity_base_lots = 900000");
    let (shown, code) = stress(&[&file("bucket", &[small])]);
    assert_eq!(code, Some(1), "{shown}");
    let term = "    ✗ throttle_capacity × stress slack ≥ μ × open_interest_cap × stress_share × throttle_refill: \
                149400000000000 ≥ 150000000000000";
    assert!(shown.lines().any(|line| line == term), "{shown}");
    assert!(shown.ends_with(
        "DOES NOT HOLD: the rule Throughput fails, so the parameters claim nothing; no path was searched\n"
    ));
}

/// Every inequality holds, but the engine does not drain the market: only a run can tell.
#[test]
fn what_the_inequalities_let_pass_is_found_out() {
    let cooldowns = [("cooldown_slots = 5", "cooldown_slots = 2000"), ("cooldown_slots = 2", "cooldown_slots = 2000")];
    let caps = [
        ("cost_cap_bps_of_mmr = 3000", "cost_cap_bps_of_mmr = 500"),
        ("cost_cap_bps_of_mmr = 4700", "cost_cap_bps_of_mmr = 1200"),
        ("cost_cap_start_bps_of_mmr = 1500", "cost_cap_start_bps_of_mmr = 0"),
        ("cost_cap_ramp_bps_of_mmr_per_slot = 100", "cost_cap_ramp_bps_of_mmr_per_slot = 1"),
    ];
    for (name, changes) in [("cooldowns", &cooldowns[..]), ("caps", &caps[..])] {
        let file = file(name, changes);
        assert_eq!(taper_sim(&["params", "check", &file]).status.code(), Some(0), "{name}");
        let (shown, code) = stress(&[&file, "--shapes", "16"]);
        assert_eq!(code, Some(1), "{name}: {shown}");
        assert!(
            shown.contains("\nDOES NOT HOLD: on its own path with 1 accounts: unsafe beyond the bound; margin 0."),
            "{shown}"
        );
        assert!(shown.contains("\nand not even with the 1000000 lots that are claimed\n"), "{shown}");
    }
}

#[test]
fn threads_change_no_byte_and_the_path_is_the_one_that_is_told() {
    let defaults = file("threads", &[]);
    let run = |name: &str, threads: &str, seed: &str| {
        let path = place(name);
        let arguments = ["stress", &defaults, "--shapes", "40", "--seed", seed, "--path", path.to_str().unwrap()];
        let output = taper_sim_on(threads, &arguments);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
        (text(&output.stdout), fs::read_to_string(path).unwrap())
    };
    let (shown, path) = run("stress-one.csv", "1", "3");
    assert_eq!((&shown, &path), (&run("stress-four.csv", "4", "3").0, &run("stress-four.csv", "4", "3").1));

    let mut reader = csv::Reader::from_reader(path.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["after_ms", "price_atoms_per_lot", "fall_ppm", "book_permille"]);
    let rows: Vec<[i64; 4]> = reader.deserialize().map(Result::unwrap).collect();
    assert!(rows.windows(2).all(|pair| pair[0][0] < pair[1][0]), "times rise");
    assert_eq!((rows[0][2], rows[1][2]), (0, 0));
    // It ends where the screen says that it goes, to a thousandth of a percent.
    let last = rows.last().unwrap()[2];
    let told = shown.lines().find_map(|line| line.strip_prefix("mildest path that breaks it: ")).unwrap();
    let told: f64 = told.split('%').next().unwrap().parse().unwrap();
    assert!((last as f64 / 1e4 - told).abs() < 0.001, "{last} {told}");
}

#[test]
fn bad_input_is_refused() {
    let good = file("good", &[]);
    assert_refused(&["no/such.toml"], "no/such.toml");
    let misspelt = file("misspelt", &[("stall_slots = 150", "stall_slots = many")]);
    let line =
        fs::read_to_string(&misspelt).unwrap().lines().position(|line| line.starts_with("stall_slots")).unwrap() + 1;
    assert_refused(&[&misspelt], &format!("line {line},"));
    let spoilt = file("spoilt", &[("target_first_bps = 12500", "target_first_bps = 9000")]);
    assert_refused(&[&spoilt], "stress-spoilt.toml: it breaks the rule Targets");
    assert_refused(&[&good, "--profile", "doge"], "there is no depth profile 'doge'");
    assert_refused(&[&good, "--feedback", "2"], "'2' is none of 0, 0.5, 1");
    assert_refused(&[&good, "--price", "0"], "--price");
    assert_refused(&[&good, "--depth", "0"], "--depth");
    // Far beyond what the engine can count.
    let output = taper_sim(&["stress", &good, "--price", "99999999"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("stress-good.toml: the market cannot be opened; are --price and --depth right?: "),
        "{message}"
    );
    assert_refused(&[&good, "--path", "/proc/no/such.csv"], "/proc/no/such.csv");
}
