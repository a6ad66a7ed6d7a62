//! The auditor's books of what only the program knows, and the engine not: who may sign (section 23 of `docs/spec.md`), roles, proposals and
//! timelocks (section 20). What is refused here never reaches the engine; natively nothing disputes it, on a chain the program does
//! (`tests/cases/model.rs`).

use taper_engine::params::MarketParams;

use crate::engine_world::changed;
use crate::ledger::Ledger;
use crate::op::{Key, Op, Proposed};
use crate::outside::{Outcome, Outside, Refusal, TIMELOCK_SLOTS};

/// Longest timelock: 30 days.
const TIMELOCK_MAX_SLOTS: u64 = 6_480_000;
/// Slots in which a proposal can be applied: 14 days.
const LIFE_SLOTS: u64 = 3_024_000;

/// What came of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Pending,
    Applied,
    Cancelled,
}

/// A proposal.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The market it is about.
    pub market: Option<usize>,
    /// What it would change.
    pub what: Proposed,
    /// Of new parameters: all of them.
    pub params: Option<Box<MarketParams>>,
    /// Of a status: the one that it would loosen.
    pub status_before: u8,
    /// First slot in which it can be applied.
    pub ready_slot: u64,
    /// First slot in which it cannot be applied any more.
    pub expires_slot: u64,
    /// What came of it.
    pub state: State,
    /// True once its account is gone.
    pub is_closed: bool,
    /// Who made it.
    pub proposer: Key,
}

/// Roles, proposals and delegates.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The admin.
    pub admin: Key,
    /// The guardian.
    pub guardian: Key,
    /// Who may become the admin by accepting.
    pub nominee: Option<Key>,
    /// The timelock.
    pub timelock_slots: u64,
    /// All proposals ever made.
    pub proposals: Vec<Proposal>,
    /// The delegate of each margin account.
    pub delegates: Vec<Option<usize>>,
}

/// What the roles make of an operation.
pub enum Judged {
    /// It goes on as it stands.
    AsItStands,
    /// It is done; no balance changes.
    Done,
    /// This is what is to be done.
    Becomes(Op),
}

fn require(holds: bool, otherwise: Refusal) -> Outcome<()> {
    holds.then_some(()).ok_or(otherwise)
}

impl Roles {
    /// Of a new exchange: key 0 is the admin, key 1 the guardian.
    pub fn new(accounts: usize) -> Self {
        Self {
            admin: 0,
            guardian: 1,
            nominee: None,
            timelock_slots: TIMELOCK_SLOTS,
            proposals: Vec::new(),
            delegates: vec![None; accounts],
        }
    }

    /// Whether it may be done by who signs for it.
    pub fn judge(&mut self, op: &Op, ledger: &Ledger, outside: &Outside) -> Outcome<Judged> {
        match *op {
            Op::SignedBy { signer, ref op } => {
                self.check_signer(signer, op)?;
                match **op {
                    Op::SetDelegate { who, delegate } => self.delegates[who] = delegate,
                    ref op => return Ok(Judged::Becomes(op.clone())),
                }
            }
            Op::SetDelegate { who, delegate } => self.delegates[who] = delegate,
            Op::ByKey { key, ref op } => {
                // An argument that means nothing is told first.
                let is_meaningless = matches!(**op, Op::SetStatus { status: 3.., .. });
                require(is_meaningless || key == self.admin || key == self.guardian, Refusal::NotGuardian)?;
                return Ok(Judged::Becomes((**op).clone()));
            }
            Op::Propose { by, market, ref what, skip } => self.propose(by, market, what, skip, ledger, outside)?,
            Op::Apply { nth, market } => return self.apply(nth, market, ledger, outside),
            Op::CancelProposal { by, nth } => {
                self.require(nth)?;
                require(by == self.admin || by == self.guardian, Refusal::NotGuardian)?;
                require(self.proposals[nth].state == State::Pending, Refusal::ProposalNotPending)?;
                // Nor may the guardian stop its own replacement.
                let is_replacement = matches!(self.proposals[nth].what, Proposed::Guardian(_));
                require(!is_replacement || by == self.admin, Refusal::GuardianOwnReplacement)?;
                self.proposals[nth].state = State::Cancelled;
            }
            Op::CloseProposal { nth, to } => {
                self.require(nth)?;
                let proposal = &mut self.proposals[nth];
                require(to == proposal.proposer, Refusal::ProposalMismatch)?;
                let is_over = proposal.state != State::Pending || outside.slot >= proposal.expires_slot;
                require(is_over, Refusal::ProposalPending)?;
                proposal.is_closed = true;
            }
            Op::Nominate { by, nominee } => {
                require(by == self.admin, Refusal::NotAdmin)?;
                require(nominee != Some(self.guardian), Refusal::RolesNotDistinct)?;
                self.nominee = nominee;
            }
            Op::Accept { by } => {
                require(self.nominee == Some(by), Refusal::NotNominated)?;
                require(by != self.guardian, Refusal::RolesNotDistinct)?;
                (self.admin, self.nominee) = (by, None);
            }
            _ => return Ok(Judged::AsItStands),
        }
        Ok(Judged::Done)
    }

    /// The operation was carried out.
    pub fn note(&mut self, op: &Op) {
        match *op {
            Op::Apply { nth, .. } => self.proposals[nth].state = State::Applied,
            Op::Reopen { who, .. } => self.delegates[who] = None,
            Op::SignedBy { ref op, .. } => self.note(op),
            _ => {}
        }
    }

    /// Section 23: the owner does everything, the delegate trades.
    fn check_signer(&self, signer: usize, op: &Op) -> Outcome<()> {
        let is_delegate = |who: usize| self.delegates[who] == Some(signer);
        let is_trader = |who: usize| who == signer || is_delegate(who);
        match *op {
            Op::Place { ref order, .. } if order.side > 1 || order.kind > 3 || order.self_trade > 2 => Ok(()),
            Op::CancelAll { side, limit, .. } if side > 2 || limit == 0 => Ok(()),
            Op::Place { who, .. } | Op::Cancel { who, .. } | Op::CancelAll { who, .. } => {
                require(is_trader(who), Refusal::NotAuthority)
            }
            Op::Absorb { who, by, .. } => require(who == by || is_trader(by), Refusal::NotCallerAccount),
            Op::Withdraw { who, .. } | Op::SetDelegate { who, .. } | Op::Reopen { who, .. } if who != signer => {
                Err(if is_delegate(who) { Refusal::OwnerOnly } else { Refusal::NotAuthority })
            }
            _ => Ok(()),
        }
    }

    /// A proposal that exists.
    fn require(&self, nth: usize) -> Outcome<()> {
        let exists = self.proposals.get(nth).is_some_and(|proposal| !proposal.is_closed);
        require(exists, Refusal::NoAccount)
    }

    fn propose(
        &mut self,
        by: Key,
        market: Option<usize>,
        what: &Proposed,
        skip: u64,
        ledger: &Ledger,
        outside: &Outside,
    ) -> Outcome<()> {
        require(by == self.admin, Refusal::NotAdmin)?;
        require(skip == 0, Refusal::ProposalMismatch)?;
        let is_about_a_market = match what {
            Proposed::Params(_) | Proposed::WindDown => Some(true),
            Proposed::Guardian(_) | Proposed::Timelock(_) => Some(false),
            Proposed::Status(_) => None,
        };
        require(is_about_a_market.is_none_or(|is| is == market.is_some()), Refusal::ProposalMismatch)?;
        let status_before = market.map_or(ledger.status, |market| ledger.markets[market].status);
        let mut params = None;
        match *what {
            Proposed::Params(ref change) => {
                let new = market.map(|market| changed(&ledger.markets[market].params, change));
                params = new.map(Box::new);
                params.iter().try_for_each(|params| params.validate())?;
            }
            Proposed::WindDown => {
                let ends = market.is_some_and(|market| ledger.markets[market].settle_after != 0);
                require(!ends, Refusal::AlreadyWindingDown)?;
            }
            Proposed::Status(status) => require(status < 2 && status < status_before, Refusal::InvalidArgument)?,
            Proposed::Guardian(key) => {
                require(key.is_some(), Refusal::InvalidArgument)?;
                require(key != Some(self.admin), Refusal::RolesNotDistinct)?;
            }
            Proposed::Timelock(slots) => {
                require((1..=TIMELOCK_MAX_SLOTS).contains(&slots), Refusal::TimelockOutOfRange)?;
            }
        }
        let ready_slot = outside.slot.saturating_add(self.timelock_slots);
        self.proposals.push(Proposal {
            market,
            what: what.clone(),
            params,
            status_before,
            ready_slot,
            expires_slot: ready_slot.saturating_add(LIFE_SLOTS),
            state: State::Pending,
            is_closed: false,
            proposer: by,
        });
        Ok(())
    }

    fn apply(&mut self, nth: usize, market: Option<usize>, ledger: &Ledger, outside: &Outside) -> Outcome<Judged> {
        self.require(nth)?;
        let proposal = &mut self.proposals[nth];
        require(proposal.state == State::Pending, Refusal::ProposalNotPending)?;
        require(outside.slot >= proposal.ready_slot, Refusal::ProposalTimelocked)?;
        require(outside.slot < proposal.expires_slot, Refusal::ProposalExpired)?;
        require(market == proposal.market, Refusal::ProposalMismatch)?;
        match proposal.what {
            Proposed::Params(_) => {
                let params = proposal.params.clone().ok_or(Refusal::ProposalMismatch)?;
                let market = market.ok_or(Refusal::ProposalMismatch)?;
                return Ok(Judged::Becomes(Op::SetParams { market, params }));
            }
            Proposed::WindDown => {
                let market = market.ok_or(Refusal::ProposalMismatch)?;
                return Ok(Judged::Becomes(Op::WindDown { market }));
            }
            Proposed::Status(status) => {
                let now = market.map_or(ledger.status, |market| ledger.markets[market].status);
                require(now == proposal.status_before, Refusal::ProposalMismatch)?;
                return Ok(Judged::Becomes(Op::SetStatus { market, status, both: true }));
            }
            Proposed::Guardian(key) => {
                let key = key.filter(|key| *key != self.admin).ok_or(Refusal::RolesNotDistinct)?;
                self.guardian = key;
            }
            Proposed::Timelock(slots) => self.timelock_slots = slots,
        }
        self.proposals[nth].state = State::Applied;
        Ok(Judged::Done)
    }
}
