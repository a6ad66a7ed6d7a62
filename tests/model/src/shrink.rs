//! Makes a failing sequence short: leaves operations out, then makes their amounts small.

use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::op::Op;
use crate::outside::Setup;
use crate::run::Session;

/// Replays operations. Returns the first failure, and after how many operations.
pub fn replay(setup: &Setup, ops: &[Op]) -> Option<(usize, String)> {
    let mut session = Session::new(setup);
    for (nth, op) in ops.iter().enumerate() {
        match catch_unwind(AssertUnwindSafe(|| session.step(op))) {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => return Some((nth + 1, failure)),
            Err(_) => return Some((nth + 1, "a panic".into())),
        }
    }
    match catch_unwind(AssertUnwindSafe(|| session.finish())) {
        Ok(Ok(_)) => None,
        Ok(Err(failure)) => Some((ops.len(), failure)),
        Err(_) => Some((ops.len(), "a panic".into())),
    }
}

/// What is looked at of a failure when another one is compared with it: its words, without its numbers.
fn kind(failure: &str) -> String {
    failure.chars().filter(|c| !c.is_ascii_digit() && *c != '-').collect()
}

/// The shortest sequence found that fails in the same way.
pub fn shrink(setup: &Setup, ops: &[Op], failure: &str) -> Vec<Op> {
    let wanted = kind(failure);
    let fails =
        |ops: &[Op]| replay(setup, ops).filter(|(_, failure)| kind(failure) == wanted).map(|(length, _)| length);
    let mut best = ops.to_vec();
    let mut chunk = best.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < best.len() {
            let mut candidate = best.clone();
            candidate.drain(from..(from + chunk).min(best.len()));
            match fails(&candidate) {
                Some(length) => {
                    candidate.truncate(length);
                    best = candidate;
                    shorter = true;
                }
                None => from += chunk,
            }
        }
        if !shorter || chunk > 1 {
            chunk /= 2;
        }
    }
    lessen(&mut best, |ops| fails(ops).is_some());
    best
}

/// Halves amounts as long as it still fails.
fn lessen(ops: &mut [Op], fails: impl Fn(&[Op]) -> bool) {
    for nth in 0..ops.len() {
        loop {
            let before = ops[nth].clone();
            if !halve(&mut ops[nth]) || ops[nth] == before {
                ops[nth] = before;
                break;
            }
            if !fails(ops) {
                ops[nth] = before;
                break;
            }
        }
    }
}

fn halve(op: &mut Op) -> bool {
    match op {
        Op::Deposit { amount, .. } | Op::Withdraw { amount, .. } | Op::Donate { amount, .. } => *amount /= 2,
        Op::Place { order, .. } => order.lots /= 2,
        Op::Clock { slots, .. } => *slots /= 2,
        Op::Publish { publication, .. } => publication.confidence /= 2,
        _ => return false,
    }
    true
}
