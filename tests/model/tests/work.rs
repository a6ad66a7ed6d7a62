//! A fixed amount of random work, and everything that has ever failed.

use taper_model::generate::{setup, Generator};
use taper_model::op::Op;
use taper_model::run::Session;
use taper_model::shrink::replay;

/// Each line: a seed and how many of its operations to run, or the seed of a setup and the operations themselves.
const SEEDS: &str = include_str!("seeds.txt");

fn work(seed: u64, operations: usize) {
    let mut session = Session::new(&setup(seed));
    let mut generator = Generator::new(seed);
    for nth in 0..operations {
        let op = generator.next(&session);
        if let Err(failure) = session.step(&op) {
            panic!("seed {seed}, operation {nth}, {op:?}: {failure}");
        }
    }
    session.finish().unwrap_or_else(|failure| panic!("seed {seed}, at the end: {failure}"));
}

#[test]
fn the_auditor_agrees_with_the_engine_on_new_seeds() {
    for seed in 1_000..1_008 {
        work(seed, 15_000);
    }
}

#[test]
fn what_has_failed_once_does_not_fail_again() {
    for line in SEEDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (seed, rest) = line.split_once(' ').expect("a seed and what to do");
        let seed = seed.parse().expect("a seed");
        if let Ok(operations) = rest.parse() {
            work(seed, operations);
        } else {
            let ops: Vec<Op> = serde_json::from_str(rest).expect("operations");
            assert_eq!(replay(&setup(seed), &ops), None, "{line}");
        }
    }
}

/// An auditor that could not disagree would be worth nothing: it finds an atom that is missing.
#[test]
fn the_auditor_finds_a_missing_atom() {
    let mut session = Session::new(&setup(1));
    let deposit = Op::Deposit { who: 2, amount: 1_000, legs: false, writable: 0, oracles: 0 };
    session.step(&deposit).unwrap().unwrap();
    session.engine.accounts[2].state.cash_atoms -= 1;
    let failure = session.step(&deposit).unwrap_err();
    assert_eq!(failure, "account 2: cash: the engine has 1999, the auditor 2000");
    let failure = session.finish().unwrap_err();
    assert_eq!(failure, "INV-01: the vault holds 2000, all claims are 1999");
}
