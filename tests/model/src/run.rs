//! One step: the engine does it, the auditor says what should have happened, both are compared.

use std::panic::{catch_unwind, AssertUnwindSafe};

use taper_engine::EngineError;

use crate::compare::difference;
use crate::engine_world::{EngineWorld, Saved};
use crate::invariants::{self, Before, Step};
use crate::ledger::Ledger;
use crate::op::Op;
use crate::outside::{Outcome, Outside, Refusal, Setup};
use crate::rescue::{self, Rescue};
use crate::roles::{Judged, Roles};
use crate::ruin::{self, Ruin};

/// Steps between two complete checks, for what is checked in part after every step.
pub const WHOLE_EVERY: u64 = 64;

/// What the end of a run has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The unhealthy.
    pub rescue: Rescue,
    /// The bankrupt.
    pub ruin: Ruin,
}

impl End {
    /// Adds another run's.
    pub fn add(&mut self, other: Self) {
        self.rescue.accounts += other.rescue.accounts;
        self.rescue.calls += other.rescue.calls;
        self.rescue.between += other.rescue.between;
        self.ruin.accounts += other.ruin.accounts;
        self.ruin.calls += other.ruin.calls;
        self.ruin.waiting += other.ruin.waiting;
    }
}

/// An exchange twice over: on the engine, and in the auditor's books.
pub struct Session {
    /// Clock and prices.
    pub outside: Outside,
    /// The engine.
    pub engine: EngineWorld,
    /// The auditor.
    pub ledger: Ledger,
    /// Roles, proposals and delegates.
    pub roles: Roles,
    /// What both began with.
    pub setup: Setup,
    saved: Saved,
    before: Before,
    steps: u64,
}

impl Session {
    /// Both begin empty.
    ///
    /// # Panics
    /// If a setup is refused.
    pub fn new(setup: &Setup) -> Self {
        let outside = Outside::new(&setup.publications);
        let engine = EngineWorld::new(setup, &outside).expect("the engine lists the markets");
        let ledger = Ledger::new(setup, &outside).expect("the auditor lists the markets");
        Self {
            outside,
            engine,
            ledger,
            roles: Roles::new(setup.accounts),
            setup: setup.clone(),
            saved: Saved::default(),
            before: Before::default(),
            steps: 0,
        }
    }

    /// Does it. Returns what came of it; an error says what the auditor found.
    ///
    /// # Errors
    /// What differs, or which invariant does not hold.
    pub fn step(&mut self, op: &Op) -> Result<Outcome<()>, String> {
        self.steps += 1;
        if self.outside.apply(op) {
            return Ok(Ok(()));
        }
        let done = match self.roles.judge(op, &self.ledger, &self.outside) {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(Judged::Done) => Ok(()),
            Ok(Judged::AsItStands) => self.carry_out(op)?,
            Ok(Judged::Becomes(op)) => self.carry_out(&op)?,
        };
        if done.is_ok() {
            self.roles.note(op);
            self.outside.timelock_slots = self.roles.timelock_slots;
        }
        Ok(done)
    }

    /// Both do it.
    fn carry_out(&mut self, op: &Op) -> Result<Outcome<()>, String> {
        self.engine.save(&mut self.saved);
        self.before.note(&self.engine, self.outside.slot);
        let done = self.engine.apply(&self.outside, op);
        if done.is_err() {
            self.engine.restore(&self.saved);
        }
        let books = self.ledger.clone();
        self.ledger.next_seat = self.new_seat(op);
        let expected = catch_unwind(AssertUnwindSafe(|| self.ledger.apply(&self.outside, op)))
            .map_err(|_| "the auditor panicked".to_string())?;
        let reasons = std::mem::take(&mut self.ledger.reasons);
        if expected.is_err() {
            self.ledger.clone_from(&books);
        }
        let overflows = done == Err(Refusal::Engine(EngineError::MathOverflow));
        if overflows && expected.is_ok() && books.is_near_bounds(&self.outside) {
            // So near the engine's bounds the auditor does not say which sum leaves them.
            self.ledger.clone_from(&books);
            return Ok(done);
        }
        agree(done, expected, &reasons)?;
        if done.is_ok() {
            if let Some(difference) = difference(&self.engine, &self.ledger, self.outside.slot) {
                return Err(difference);
            }
            let whole = self.steps.is_multiple_of(WHOLE_EVERY);
            let step = Step { op, outside: &self.outside, before: &self.before, books: &books };
            invariants::check(&self.engine, &self.ledger, &step, whole)?;
        }
        Ok(done)
    }

    /// The seat that the engine has just given.
    fn new_seat(&self, op: &Op) -> Option<u32> {
        let (who, market) = match *op {
            Op::Place { who, market, .. } => (who, market),
            Op::Absorb { by, market, .. } => (by, market),
            _ => return None,
        };
        self.engine.seat_in(who, market)
    }

    /// Everything, at the end of a run; then strangers help whoever is unhealthy, and resolve whoever is bankrupt.
    ///
    /// # Errors
    /// Which invariant does not hold.
    pub fn finish(&mut self) -> Result<End, String> {
        invariants::check_whole(&self.engine)?;
        let ruin = ruin::resolve_bankrupts(self, self.steps)?;
        let rescue = rescue::rescue_the_unhealthy(self)?;
        invariants::check_whole(&self.engine)?;
        Ok(End { rescue, ruin })
    }
}

/// Both did it, or both refused for the same reason. Beyond the engine's bounds the auditor says no more than that it is refused.
fn agree(done: Outcome<()>, expected: Outcome<()>, reasons: &[Refusal]) -> Result<(), String> {
    match (done, expected) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(done), Err(expected)) if done == expected || reasons.contains(&done) => Ok(()),
        (Err(Refusal::Engine(EngineError::MathOverflow)), Err(_)) => Ok(()),
        (Err(_), Err(Refusal::Engine(EngineError::MathOverflow))) => Ok(()),
        (done, expected) => Err(format!("the engine says {done:?}, the auditor {expected:?}")),
    }
}
