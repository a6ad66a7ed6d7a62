//! A long run: `cargo run --release -p taper-model -- --ops 1000000 --seed 1 --threads 2`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{bail, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use taper_model::generate::{setup, Generator};
use taper_model::op::Op;
use taper_model::outside::{Outcome, Refusal};
use taper_model::run::{End, Session};
use taper_model::shrink::shrink;

/// Random, adversarial work on the engine, audited after every operation.
#[derive(Parser)]
struct Args {
    /// Operations in all.
    #[arg(long, default_value_t = 1_000_000)]
    ops: u64,
    /// First seed; each run takes the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Operations of a run: then another seed begins with another exchange.
    #[arg(long, default_value_t = 20_000)]
    run: u64,
    /// Where failures are written.
    #[arg(long)]
    failures: Option<std::path::PathBuf>,
}

/// How often each kind of operation was accepted, and refused for which reason.
#[derive(Default)]
struct Coverage(Vec<Vec<(Outcome<()>, u64)>>);

impl Coverage {
    fn note(&mut self, kind: usize, outcome: Outcome<()>, times: u64) {
        self.0.resize(Op::NAMES.len(), Vec::new());
        let rows = &mut self.0[kind];
        match rows.iter_mut().find(|(of, _)| *of == outcome) {
            Some((_, count)) => *count += times,
            None => rows.push((outcome, times)),
        }
    }

    fn merge(&mut self, other: Coverage) {
        for (kind, rows) in other.0.into_iter().enumerate() {
            for (outcome, count) in rows {
                self.note(kind, outcome, count);
            }
        }
    }

    fn print(&self) {
        for (name, rows) in Op::NAMES.iter().zip(&self.0) {
            let mut rows = rows.clone();
            rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let told: Vec<String> = rows
                .iter()
                .map(|(outcome, count)| match outcome {
                    Ok(()) => format!("accepted {count}"),
                    Err(Refusal::Engine(error)) => format!("{error:?} {count}"),
                    Err(refusal) => format!("{refusal:?} {count}"),
                })
                .collect();
            println!("{name:>18}: {}", told.join(", "));
        }
    }

    fn never_accepted(&self) -> Vec<&'static str> {
        let names = Op::NAMES.iter().zip(&self.0);
        names.filter(|(_, rows)| !rows.iter().any(|(outcome, _)| outcome.is_ok())).map(|(name, _)| *name).collect()
    }
}

/// A run of one seed that failed.
struct Failure {
    seed: u64,
    what: String,
    ops: Vec<Op>,
}

fn run(seed: u64, ops: u64, coverage: &mut Coverage, bar: &ProgressBar) -> Result<End, Failure> {
    let setup = setup(seed);
    let mut session = Session::new(&setup);
    let mut generator = Generator::new(seed);
    let mut done = Vec::new();
    for nth in 0..ops {
        let op = generator.next(&session);
        done.push(op);
        let op = &done[done.len() - 1];
        match session.step(op) {
            Ok(outcome) => coverage.note(op.kind(), outcome, 1),
            Err(what) => {
                let ops = shrink(&setup, &done, &what);
                return Err(Failure { seed, what, ops });
            }
        }
        if nth % 1_024 == 0 {
            bar.inc(1_024.min(ops - nth));
        }
    }
    session.finish().map_err(|what| {
        let ops = shrink(&setup, &done, &what);
        Failure { seed, what, ops }
    })
}

fn main() -> Result<()> {
    let args = Args::parse();
    let bar = ProgressBar::new(args.ops);
    bar.set_style(ProgressStyle::with_template("{elapsed_precise} {bar:40} {human_pos}/{human_len} {per_sec} {eta}")?);
    let (failed, coverage, first) = (AtomicBool::new(false), Mutex::new(Coverage::default()), Mutex::new(None));
    let ends = Mutex::new(End::default());
    let (seeds, begun) = (args.ops.div_ceil(args.run), Instant::now());
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for thread in 0..args.threads {
            let (failed, coverage, first, bar, ends) = (&failed, &coverage, &first, &bar, &ends);
            scope.spawn(move || {
                let mut own = Coverage::default();
                for nth in (thread..seeds).step_by(args.threads as usize) {
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                    let ops = args.run.min(args.ops - nth * args.run);
                    match run(args.seed + nth, ops, &mut own, bar) {
                        Ok(end) => ends.lock().expect("no thread panics").add(end),
                        Err(failure) => {
                            failed.store(true, Ordering::Relaxed);
                            first.lock().expect("no thread panics").get_or_insert(failure);
                        }
                    }
                }
                coverage.lock().expect("no thread panics").merge(own);
            });
        }
    });
    bar.finish();
    let coverage = coverage.into_inner()?;
    coverage.print();
    if let Some(failure) = first.into_inner()? {
        println!("seed {}: {}\n{}", failure.seed, failure.what, serde_json::to_string(&failure.ops)?);
        if let Some(path) = args.failures {
            std::fs::write(path, serde_json::to_string(&failure.ops)?)?;
        }
        bail!("the auditor does not agree");
    }
    let missing = coverage.never_accepted();
    if !missing.is_empty() {
        bail!("never accepted: {}", missing.join(", "));
    }
    let End { rescue, ruin } = ends.into_inner()?;
    println!(
        "at the ends {} unhealthy accounts became sound in {} calls, {} are worth no more than their bonds; \
         {} bankrupt ones were resolved in {} calls, {} wait at a sweep cap",
        rescue.accounts, rescue.calls, rescue.between, ruin.accounts, ruin.calls, ruin.waiting
    );
    println!("{} operations, {} seeds from {}, {:.0} s", args.ops, seeds, args.seed, begun.elapsed().as_secs_f64());
    Ok(())
}
