//! The work of `taper-model` in the program: the same random, adversarial operations are done by the engine natively, predicted by the
//! auditor from the specification, and sent to the program as transactions. After each of them every byte of the engine's state in the
//! accounts is what the engine has on the host, and every refusal has the same reason. Between them calls with garbage for data.
//!
//! `TAPER_MODEL_OPERATIONS`, `TAPER_MODEL_RUN` and `TAPER_MODEL_SEED` make it longer or another one.

mod calls;
mod garbage;
mod mirror;
mod offices;

use std::collections::BTreeMap;
use std::time::Instant;

use taper::error::TaperError;
use taper_model::generate::{setup, Generator};
use taper_model::op::Op;
use taper_model::outside::Outcome;
use taper_model::run::Session;

use mirror::{code, Mirror};

/// Operations with every `cargo test`.
const OPERATIONS: u64 = 12_000;
/// Operations of a run; the next one begins with another seed and another chain.
const RUN: u64 = 2_000;
const SEED: u64 = 1;
/// One call with garbage after so many operations.
const GARBAGE_EVERY: u64 = 8;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// What was done, over all runs.
#[derive(Default)]
struct Tally {
    transactions: u64,
    refused: u64,
    garbage: BTreeMap<String, u64>,
    /// Operations carried out, and refused, by kind.
    kinds: BTreeMap<&'static str, (u64, u64)>,
}

impl Tally {
    fn note(&mut self, op: &Op, outcome: &Outcome<()>) {
        let (done, refused) = self.kinds.entry(Op::NAMES[op.kind()]).or_default();
        match outcome {
            Ok(()) => *done += 1,
            Err(_) => *refused += 1,
        }
    }
}

fn is_proposed(op: &Op) -> bool {
    matches!(op, Op::ChangeParams { .. })
}

async fn run(seed: u64, operations: u64, tally: &mut Tally) {
    let setup = setup(seed);
    let mut session = Session::new(&setup);
    let mut generator = Generator::new(seed);
    let mut mirror = Mirror::start(&session).await;
    let mut garbage = garbage::Garbage::new(seed);
    for step in 0..operations {
        let Some(op) = mirror::adapted(generator.next(&session)) else { continue };
        let call = mirror.call(&session, &op);
        let expected = session.step(&op).unwrap_or_else(|found| panic!("seed {seed}, step {step}, {op:?}: {found}"));
        tally.note(&op, &expected);
        let context = || format!("seed {seed}, step {step}: {op:?}");
        let transactions = mirror.chain.transactions();
        let done = mirror.carry_out(&session, call).await.unwrap_or_else(|error| panic!("{}: {error}", context()));
        tally.transactions += mirror.chain.transactions() - transactions;
        tally.refused += u64::from(done.is_err());
        match (&expected, &done) {
            (Ok(()), Ok(())) => {}
            (Err(expected), Err(refusal)) if refusal.code == Some(code(*expected)) => {}
            // What can be judged when it is proposed is judged before the rest, which waits until it is applied.
            (Err(_), Err(refusal))
                if is_proposed(&op) && refusal.code == Some(TaperError::InvalidParameters.into()) => {}
            (expected, done) => {
                let done = done.as_ref().map_err(|refusal| format!("{}, {:#?}", refusal.name(), refusal.logs));
                panic!("{}: on the host {expected:?}, in the program {done:?}", context());
            }
        }
        if let Some(difference) = mirror.difference(&session) {
            panic!("{}: {difference}", context());
        }
        if step % GARBAGE_EVERY == 0 {
            let name =
                garbage.send(&mut mirror, &session).await.unwrap_or_else(|error| panic!("{}: {error}", context()));
            *tally.garbage.entry(name).or_default() += 1;
        }
    }
    mirror.chain.audit().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

#[tokio::test]
async fn the_program_does_what_the_engine_does_and_the_auditor_predicts() {
    let operations = number("TAPER_MODEL_OPERATIONS", OPERATIONS);
    let (per_run, first) = (number("TAPER_MODEL_RUN", RUN), number("TAPER_MODEL_SEED", SEED));
    let (mut tally, begun) = (Tally::default(), Instant::now());
    for nth in 0..operations.div_ceil(per_run) {
        run(first + nth, per_run.min(operations - nth * per_run), &mut tally).await;
    }
    println!("{operations} operations, {} transactions of them, {:.0?}", tally.transactions, begun.elapsed());
    println!("carried out and refused: {:?}", tally.kinds);
    println!("garbage: {:?}", tally.garbage);
    let done = |kind| tally.kinds.get(kind).map_or(0, |(done, _)| *done);
    for kind in [
        "deposit",
        "withdraw",
        "place",
        "slice",
        "resolve",
        "change_params",
        "sample",
        "signed_by",
        "set_delegate",
        "reopen",
        "propose",
        "apply",
        "close_proposal",
        "accept",
    ] {
        assert!(operations < OPERATIONS || done(kind) > 0, "nothing was done of {kind}: {:?}", tally.kinds);
    }
    assert!(tally.refused > 0 && tally.garbage.len() > 3);
}
