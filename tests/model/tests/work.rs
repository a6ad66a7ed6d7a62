//! A fixed amount of random work, and everything that has ever failed.

use taper_engine::quantity::Side;
use taper_engine::EngineError;
use taper_model::generate::{setup, Generator, CROWDED};
use taper_model::invariants::{check, Before, Step};
use taper_model::op::Op;
use taper_model::outside::Refusal;
use taper_model::run::Session;
use taper_model::shrink::replay;

/// Each line: a seed and how many of its operations to run, or the seed of a setup and the operations themselves.
const SEEDS: &str = include_str!("seeds.txt");

/// Of them two each for everybody to come, and some for what happens then.
const CROWD_OPERATIONS: usize = 5_000;

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

/// A market with every seat taken that an order may take, and a book that is full on both sides.
#[test]
fn the_auditor_agrees_in_a_crowd() {
    let mut session = Session::new(&setup(CROWDED));
    let mut generator = Generator::new(CROWDED);
    let (mut evictions, mut without_seat, mut without_row, mut most) = (0, 0, 0, 0);
    for nth in 0..CROWD_OPERATIONS {
        let op = generator.next(&session);
        let rows = |session: &Session| session.engine.venues.iter().map(|venue| venue.book.bid_count).max();
        let before = rows(&session);
        let outcome = session.step(&op).unwrap_or_else(|failure| panic!("operation {nth}, {op:?}: {failure}"));
        match (&op, outcome) {
            (Op::Place { order, .. }, Ok(())) if order.kind == 1 && before == Some(1_024) => evictions += 1,
            (_, Err(Refusal::Engine(EngineError::NoFreeSeat))) => without_seat += 1,
            (_, Err(Refusal::Engine(EngineError::BookFull))) => without_row += 1,
            _ => {}
        }
        most = most.max(session.engine.venues[2].state.seats.used_count);
    }
    session.finish().unwrap_or_else(|failure| panic!("at the end: {failure}"));
    let seen = format!("{evictions} orders gave way, {without_row} had no row, {without_seat} no seat, {most} seats");
    assert!(evictions > 0 && without_row > 0 && without_seat > 0 && most > 1_940, "{seen}");
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

/// Nor would checks of a book that cannot fail: orders out of order, and a seat that says something else of them.
#[test]
fn a_book_in_disorder_is_found() {
    let mut session = Session::new(&setup(2));
    let mut generator = Generator::new(2);
    let disordered = |session: &Session| {
        let mut before = Before::default();
        before.note(&session.engine, session.outside.slot);
        let op = Op::SweepIncome { market: 0 };
        let step = Step { op: &op, outside: &session.outside, before: &before, books: &session.ledger };
        check(&session.engine, &session.ledger, &step, false).err()
    };
    // A market with two bids of different prices.
    let market = loop {
        let op = generator.next(&session);
        session.step(&op).unwrap().ok();
        let worst_two = |book: &taper_engine::book::Book| match book.orders(Side::Bid) {
            [one, other, ..] => one.price_atoms_per_lot < other.price_atoms_per_lot,
            _ => false,
        };
        if let Some(market) = session.engine.venues.iter().position(|venue| worst_two(&venue.book)) {
            break market;
        }
    };
    assert_eq!(disordered(&session), None);
    session.engine.venues[market].book.bids.swap(0, 1);
    assert_eq!(disordered(&session).unwrap(), format!("INV-09: the book is not sorted, market {market}"));
    session.engine.venues[market].book.bids.swap(0, 1);
    let seat = session.engine.venues[market].book.bids[0].seat_index as usize;
    session.engine.venues[market].state.seats.rows[seat].bid_quote_atoms += 1;
    assert_eq!(disordered(&session).unwrap(), format!("INV-08: a seat's totals, market {market}"));
}
