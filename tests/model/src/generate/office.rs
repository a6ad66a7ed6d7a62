//! Roles, proposals, delegates; the beginning and end of accounts and markets.

use rand::Rng;

use super::Generator;
use crate::op::{Key, Op, Proposed, KEYS};
use crate::roles::{Proposal, State};
use crate::run::Session;

/// More than a timelock and the life of a proposal.
const EXPIRED_SLOTS: u64 = 3_024_300;

impl Generator {
    pub(super) fn office(&mut self, session: &Session) -> Op {
        match self.rng.gen_range(0..40) {
            0..=1 => self.set_delegate(session),
            2..=11 => self.signed_by(session),
            12..=15 => self.reopen(session),
            16..=21 => self.propose(session),
            22..=27 => self.apply(session),
            28..=29 => Op::CancelProposal { by: self.key(session, false), nth: self.proposal(session) },
            30..=32 => {
                let nth = self.past_proposal(session);
                let proposer = session.roles.proposals.get(nth).map_or(0, |proposal| proposal.proposer);
                let to = if self.rng.gen_ratio(1, 8) { self.rng.gen_range(0..KEYS) } else { proposer };
                Op::CloseProposal { nth, to }
            }
            33 => {
                let nominee = (!self.rng.gen_ratio(1, 6)).then(|| self.rng.gen_range(0..KEYS));
                self.queue.extend(nominee.filter(|_| self.rng.gen_bool(0.5)).map(|by| Op::Accept { by }));
                Op::Nominate { by: self.key(session, true), nominee }
            }
            34 => {
                let nominee = session.roles.nominee.filter(|_| self.rng.gen_bool(0.7));
                Op::Accept { by: nominee.unwrap_or_else(|| self.rng.gen_range(0..KEYS)) }
            }
            35..=38 => self.by_key(session),
            _ => self.list(session),
        }
    }

    /// Mostly who has the role: the admin, or one of both.
    fn key(&mut self, session: &Session, admin: bool) -> Key {
        match self.rng.gen_range(0..6) {
            0 => self.rng.gen_range(0..KEYS),
            1..=2 if !admin => session.roles.guardian,
            _ => session.roles.admin,
        }
    }

    /// Mostly one that can be applied.
    fn proposal(&mut self, session: &Session) -> usize {
        let proposals = &session.roles.proposals;
        if self.rng.gen_ratio(1, 4) {
            return self.rng.gen_range(0..=proposals.len());
        }
        let is_due = |nth: &usize| {
            let proposal = &proposals[*nth];
            proposal.state == State::Pending && proposal.ready_slot <= session.outside.slot
        };
        let due = (0..proposals.len()).rev().find(is_due);
        due.unwrap_or_else(|| self.rng.gen_range(proposals.len().saturating_sub(4)..=proposals.len()))
    }

    /// Mostly one whose account can be closed.
    fn past_proposal(&mut self, session: &Session) -> usize {
        let is_past = |proposal: &Proposal| {
            let is_over = proposal.state != State::Pending || session.outside.slot >= proposal.expires_slot;
            is_over && !proposal.is_closed
        };
        match session.roles.proposals.iter().position(is_past) {
            Some(nth) if self.rng.gen_bool(0.7) => nth,
            _ => self.proposal(session),
        }
    }

    /// The delegate of an account is mostly one of its neighbours.
    fn set_delegate(&mut self, session: &Session) -> Op {
        let who = self.who(session);
        let op = Op::SetDelegate { who, delegate: (!self.rng.gen_ratio(1, 5)).then(|| self.who(session)) };
        if self.rng.gen_bool(0.5) {
            return op;
        }
        Op::SignedBy { signer: self.signer(session, who), op: Box::new(op) }
    }

    /// The owner, the delegate, or anybody.
    fn signer(&mut self, session: &Session, who: usize) -> usize {
        match session.roles.delegates[who] {
            Some(delegate) if self.rng.gen_bool(0.7) => delegate,
            _ if self.rng.gen_ratio(1, 6) => who,
            _ => self.who(session),
        }
    }

    /// An account with a delegate, mostly, and what that or a stranger tries with it.
    fn signed_by(&mut self, session: &Session) -> Op {
        let (op, who) = match self.rng.gen_range(0..12) {
            0..=4 => {
                let (who, market) = self.entrusted(session);
                let order = self.order(session, who, market);
                (Op::Place { who, market, order, oracles: self.oracles() }, who)
            }
            5..=6 => {
                let (who, market) = self.entrusted(session);
                let nth = self.rng.gen_range(0..8);
                (Op::Cancel { who, market, side: self.rng.gen_range(0..2), nth }, who)
            }
            7 => {
                let (who, market) = self.entrusted(session);
                (Op::CancelAll { who, market, side: self.rng.gen_range(0..4), limit: self.rng.gen_range(0..6) }, who)
            }
            8 => {
                let op = self.absorb(session);
                let by = if let Op::Absorb { by, .. } = op { by } else { 0 };
                (op, by)
            }
            9..=10 => {
                let who = self.entrusted(session).0;
                let cash = session.engine.accounts[who].state.cash_atoms;
                let amount = (cash.max(0) / self.rng.gen_range(1..20)).unsigned_abs();
                (Op::Withdraw { who, amount, writable: self.rng.gen(), oracles: 0 }, who)
            }
            _ => {
                let who = self.entrusted(session).0;
                (Op::Reopen { who, always_full: self.rng.gen() }, who)
            }
        };
        Op::SignedBy { signer: self.signer(session, who), op: Box::new(op) }
    }

    /// An account with a delegate, if there is one, and a market.
    fn entrusted(&mut self, session: &Session) -> (usize, usize) {
        let (who, market) = if self.rng.gen_bool(0.5) { self.leg(session) } else { (self.who(session), 0) };
        let market = if market == 0 { self.market(session) } else { market };
        let delegates = &session.roles.delegates;
        let found =
            (0..delegates.len()).map(|skip| (who + skip) % delegates.len()).find(|who| delegates[*who].is_some());
        (found.unwrap_or(who), market)
    }

    /// Everything out of an account, and the account anew.
    fn reopen(&mut self, session: &Session) -> Op {
        let who = self.who(session);
        let account = &session.engine.accounts[who];
        if self.rng.gen_bool(0.7) {
            for (market, _) in account.positions.iter().flatten().copied() {
                self.queue.push_back(Op::CancelAll { who, market, side: 2, limit: 255 });
                self.queue.push_back(Op::ReleaseSeat { who, market });
            }
            let amount = account.state.cash_atoms.unsigned_abs();
            self.queue.push_back(Op::Withdraw { who, amount, writable: 255, oracles: 0 });
        }
        let always_full = self.rng.gen_ratio(1, 4);
        self.queue.push_back(Op::Reopen { who, always_full });
        self.queue.pop_front().unwrap_or(Op::Reopen { who, always_full })
    }

    fn propose(&mut self, session: &Session) -> Op {
        let market = self.market(session);
        let what = match self.rng.gen_range(0..24) {
            0..=9 => Proposed::Params(self.change(session, market, false)),
            10 if self.rng.gen_ratio(1, 6) => Proposed::WindDown,
            11..=15 => Proposed::Status(self.rng.gen_range(0..3)),
            16..=18 => Proposed::Guardian((!self.rng.gen_ratio(1, 8)).then(|| self.rng.gen_range(0..KEYS))),
            19..=21 => Proposed::Timelock(match self.rng.gen_range(0..8) {
                0 => 0,
                1 => 6_480_001,
                2 => self.edge().unsigned_abs(),
                _ => self.rng.gen_range(1..200),
            }),
            _ => Proposed::Params(self.change(session, market, true)),
        };
        let is_about_a_market = match what {
            Proposed::Params(_) | Proposed::WindDown => true,
            Proposed::Guardian(_) | Proposed::Timelock(_) => false,
            Proposed::Status(_) => self.rng.gen_bool(0.6),
        };
        let named = (is_about_a_market != self.rng.gen_ratio(1, 30)).then_some(market);
        if let Proposed::Status(_) = what {
            // Something to loosen.
            let (status, both) = (self.rng.gen_range(1..3), false);
            self.queue.push_back(Op::SetStatus { market: named, status, both });
            let op = Op::Propose { by: self.key(session, true), market: named, what, skip: 0 };
            self.queue.push_back(op);
            self.queue.push_back(Op::Clock { slots: session.roles.timelock_slots.min(1_000), seconds: 1 });
            self.queue.push_back(Op::Apply { nth: session.roles.proposals.len(), market: named });
            self.queue.push_back(Op::SetStatus { market: named, status: 0, both: true });
        } else {
            let skip = if self.rng.gen_ratio(1, 25) { self.rng.gen_range(0..3) } else { 0 };
            let op = Op::Propose { by: self.key(session, true), market: named, what, skip };
            self.queue.push_back(op);
            if self.rng.gen_ratio(1, 100) {
                // Nobody applies it in time.
                self.queue.push_back(Op::Clock { slots: EXPIRED_SLOTS, seconds: 1 });
                self.queue.push_back(Op::Apply { nth: session.roles.proposals.len(), market: named });
            }
        }
        self.queue.pop_front().unwrap_or(Op::Clock { slots: 1, seconds: 0 })
    }

    fn apply(&mut self, session: &Session) -> Op {
        let nth = self.proposal(session);
        let named = session.roles.proposals.get(nth).and_then(|proposal| proposal.market);
        let other = self.rng.gen_bool(0.5).then(|| self.market(session));
        Op::Apply { nth, market: if self.rng.gen_ratio(1, 12) { other } else { named } }
    }

    /// A status or a limit, by whoever.
    fn by_key(&mut self, session: &Session) -> Op {
        let market = self.market(session);
        let op = if self.rng.gen_bool(0.5) {
            let named = self.rng.gen_bool(0.6).then_some(market);
            self.queue.push_back(Op::SetStatus { market: named, status: 0, both: true });
            Op::SetStatus { market: named, status: self.rng.gen_range(0..4), both: false }
        } else {
            Op::Tighten { market, change: self.change(session, market, true) }
        };
        Op::ByKey { key: self.rng.gen_range(0..KEYS), op: Box::new(op) }
    }

    /// The market that is still to come, in half of the worlds.
    fn list(&mut self, session: &Session) -> Op {
        let market = session.engine.venues.len();
        if market == session.setup.params.len() || session.setup.params[0].reentry_slots.is_multiple_of(2) {
            return Op::Clock { slots: 1, seconds: 0 };
        }
        if !self.rng.gen_ratio(1, 10) {
            let mut publication = session.setup.publications[market];
            publication.price += publication.price / 1_000 * self.rng.gen_range(-20..20);
            self.queue.push_back(Op::Publish { market, other: false, publication });
        }
        let oracles = self.oracles();
        self.queue.push_back(Op::List { oracles });
        self.queue.pop_front().unwrap_or(Op::List { oracles: 0 })
    }
}
