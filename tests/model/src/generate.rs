//! Proposes operations: at random, but with an eye on the world, so that they hurt.

mod amounts;
mod attack;
mod crowd;
mod office;
mod setup;
mod siege;
mod source;

use rand::Rng;
use std::collections::VecDeque;

use crate::op::{Op, Order, Publication, Slice};
use crate::run::Session;
pub use setup::{setup, CROWDED};
use source::Source;

/// Makes an operation of one kind.
type Make = fn(&mut Generator, &Session) -> Op;

/// Which operations, how often.
const WEIGHTS: [(Make, u32); 22] = [
    (Generator::clock, 60),
    (Generator::publish, 60),
    (Generator::deposit, 25),
    (Generator::withdraw, 20),
    (Generator::place, 300),
    (Generator::cancel, 15),
    (Generator::cancel_all, 8),
    (Generator::force_cancel, 8),
    (Generator::release_seat, 25),
    (Generator::settle_loss, 20),
    (Generator::sample, 15),
    (Generator::flag, 10),
    (Generator::slice, 20),
    (Generator::absorb, 15),
    (Generator::resolve, 15),
    (Generator::record_deficit, 10),
    (Generator::cover_loss, 8),
    (Generator::donate, 4),
    (Generator::sweep_income, 6),
    (Generator::always_full_close, 2),
    (Generator::status, 4),
    (Generator::govern, 10),
];

/// A siege begins with one in so many operations that are not part of one.
const SIEGE_ONE_IN: u32 = 150;

/// In so many operations one is about roles, proposals, delegates, or an account's or a market's beginning or end.
const OFFICE_ONE_IN: u32 = 20;

/// A source of operations.
pub struct Generator {
    rng: Source,
    queue: VecDeque<Op>,
    total: u32,
    /// Steps for which strangers work on whoever is unhealthy.
    hunt: u32,
    siege: Option<siege::Siege>,
    /// False for a fuzzer's bytes, which keep their meaning when kinds of operations are added.
    is_seeded: bool,
    has_begun: bool,
}

impl Generator {
    /// The same seed proposes the same operations to the same world.
    pub fn new(seed: u64) -> Self {
        Self { is_seeded: true, ..Self::of(Source::seeded(seed)) }
    }

    /// Every choice is read from the bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of(Source::of_bytes(bytes))
    }

    /// True once no byte is left to choose by.
    pub fn is_used_up(&self) -> bool {
        self.rng.is_used_up()
    }

    fn of(rng: Source) -> Self {
        let total = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        Self { rng, queue: VecDeque::new(), total, hunt: 0, siege: None, is_seeded: false, has_begun: false }
    }

    /// The next operation.
    pub fn next(&mut self, session: &Session) -> Op {
        if let Some(op) = self.queue.pop_front() {
            return op;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.gather(session);
        }
        self.besiege(session);
        if let Some(op) = self.queue.pop_front() {
            return op;
        }
        let ends = |market: &usize| session.ledger.markets[*market].settle_after != 0;
        if let Some(market) = (0..session.ledger.markets.len()).find(ends).filter(|_| self.rng.gen_ratio(1, 100)) {
            self.settle(session, market);
        } else if self.rng.gen_ratio(1, SIEGE_ONE_IN) {
            self.begin_siege(session);
        } else if self.rng.gen_ratio(1, 30) {
            self.attack(session);
        }
        if let Some(op) = self.queue.pop_front() {
            return op;
        }
        if self.is_seeded && self.rng.gen_ratio(1, OFFICE_ONE_IN) {
            return self.office(session);
        }
        if self.hunt > 0 {
            self.hunt -= 1;
            return self.hunted(session);
        }
        let mut drawn = self.rng.gen_range(0..self.total);
        for (make, weight) in WEIGHTS {
            if drawn < weight {
                return make(self, session);
            }
            drawn -= weight;
        }
        self.clock(session)
    }

    fn market(&mut self, session: &Session) -> usize {
        self.rng.gen_range(0..session.engine.venues.len())
    }

    fn who(&mut self, session: &Session) -> usize {
        // Of a crowd most only stand there.
        let all = session.engine.accounts.len();
        let among = if all > setup::ACCOUNTS && self.rng.gen_ratio(9, 10) { setup::ACCOUNTS } else { all };
        self.rng.gen_range(0..among)
    }

    /// Mostly the accounts of the listing.
    fn oracles(&mut self) -> u8 {
        if self.rng.gen_ratio(1, 20) {
            self.rng.gen()
        } else {
            0
        }
    }

    /// An account and one of its markets, if it has any.
    fn leg(&mut self, session: &Session) -> (usize, usize) {
        let (who, market) = (self.who(session), self.market(session));
        for skipped in 0..session.engine.accounts.len() {
            let who = (who + skipped) % session.engine.accounts.len();
            let legs: Vec<usize> = session.engine.accounts[who].positions.iter().flatten().map(|leg| leg.0).collect();
            if !legs.is_empty() {
                return (who, legs[self.rng.gen_range(0..legs.len())]);
            }
        }
        (who, market)
    }

    /// Whatever strangers can do to an unhealthy account.
    fn hunted(&mut self, session: &Session) -> Op {
        match self.rng.gen_range(0..20) {
            0..=6 => self.slice(session),
            7..=9 => self.absorb(session),
            10..=13 => self.resolve(session),
            14 => self.record_deficit(session),
            15 => self.force_cancel(session),
            16 => self.settle_loss(session),
            17..=18 => self.clock(session),
            _ => self.flag(session),
        }
    }

    /// A leg of one of the least healthy accounts.
    fn sick_leg(&mut self, session: &Session) -> (usize, usize) {
        if self.rng.gen_ratio(1, 8) {
            return self.leg(session);
        }
        let accounts = session.engine.accounts.len();
        let sickness = |who: usize| session.ledger.health_ppm(&session.outside, who);
        let mut sick: Vec<(i128, usize)> =
            (0..accounts).filter_map(|who| sickness(who).map(|ppm| (ppm, who))).collect();
        sick.sort_unstable();
        if sick.first().is_none_or(|(ppm, _)| *ppm >= 1_000_000) {
            self.hunt = 0;
            return self.leg(session);
        }
        let among = sick.iter().take_while(|(ppm, _)| *ppm < 1_000_000).count();
        let who = sick[self.rng.gen_range(0..among)].1;
        let legs: Vec<(usize, u32)> = session.engine.accounts[who].positions.iter().flatten().copied().collect();
        let is_open = |leg: &&(usize, u32)| session.ledger.markets[leg.0].seat(leg.1 as usize).base != 0;
        let open: Vec<(usize, u32)> = legs.iter().filter(is_open).copied().collect();
        let among = if open.is_empty() || self.rng.gen_ratio(1, 12) { legs } else { open };
        (who, among[self.rng.gen_range(0..among.len())].0)
    }

    fn clock(&mut self, session: &Session) -> Op {
        let slots = match self.rng.gen_range(0..100) {
            0..=59 => self.rng.gen_range(1..5),
            60..=89 => self.rng.gen_range(5..60),
            90..=97 => self.rng.gen_range(60..2_000),
            98 => self.rng.gen_range(2_000..250_000),
            _ => 0,
        };
        let seconds = if self.rng.gen_ratio(1, 50) { self.rng.gen_range(0..90_000) } else { (slots * 2 / 5) as i64 };
        // Publishers go with the clock, mostly.
        for market in 0..session.engine.venues.len() {
            if self.rng.gen_ratio(9, 10) {
                let op = self.publication(session, market, false);
                self.queue.push_back(op);
            }
        }
        Op::Clock { slots, seconds }
    }

    fn publish(&mut self, session: &Session) -> Op {
        let (market, other) = (self.market(session), self.rng.gen_ratio(1, 4));
        self.publication(session, market, other)
    }

    fn publication(&mut self, session: &Session, market: usize, other: bool) -> Op {
        let feed = session.outside.feeds[market][0].reading;
        let start = session.setup.publications[market].price;
        let from = if (start / 8..start.saturating_mul(8)).contains(&feed.price) { feed.price } else { start };
        let price = self.moved(from);
        let confidence = match self.rng.gen_range(0..100) {
            0..=79 => price.unsigned_abs() / self.rng.gen_range(1_000..20_000),
            80..=89 => price.unsigned_abs() / self.rng.gen_range(60..110),
            90..=95 => price.unsigned_abs() / self.rng.gen_range(30..60),
            96 => self.rng.gen(),
            _ => 0,
        };
        let ema = match self.rng.gen_range(0..20) {
            0 => self.edge(),
            1..=5 => self.moved(price),
            _ => from / 2 + price / 2,
        };
        let age_seconds = match self.rng.gen_range(0..100) {
            0..=91 => 0,
            92..=94 => self.rng.gen_range(0..30),
            95..=96 => self.rng.gen_range(30..120),
            97 => -self.rng.gen_range(0..12),
            98 if self.rng.gen_ratio(1, 4) => i64::from(self.rng.gen::<i32>()),
            _ => 0,
        };
        let exponent = if self.rng.gen_ratio(1, 200) { self.rng.gen_range(-20..6) } else { -8 };
        let price = if self.rng.gen_ratio(1, 200) { self.edge() } else { price };
        let trading = !self.rng.gen_ratio(1, 100);
        Op::Publish {
            market,
            other,
            publication: Publication { price, confidence, exponent, ema, age_seconds, trading },
        }
    }

    fn deposit(&mut self, session: &Session) -> Op {
        let who = self.who(session);
        let amount = self.amount(session.engine.accounts[who].state.cash_atoms);
        let (legs, writable, oracles) = (self.rng.gen_bool(0.6), self.rng.gen(), self.oracles());
        Op::Deposit { who, amount, legs, writable, oracles }
    }

    fn withdraw(&mut self, session: &Session) -> Op {
        let who = self.who(session);
        let cash = session.engine.accounts[who].state.cash_atoms;
        let amount = match self.rng.gen_range(0..10) {
            0 => cash.unsigned_abs(),
            1 => self.amount(cash),
            _ => (cash.max(0) / self.rng.gen_range(1..20)).unsigned_abs(),
        };
        let (writable, oracles) = (self.rng.gen(), self.oracles());
        Op::Withdraw { who, amount, writable, oracles }
    }

    fn place(&mut self, session: &Session) -> Op {
        let (who, market) =
            if self.rng.gen_bool(0.4) { self.leg(session) } else { (self.who(session), self.market(session)) };
        let order = self.order(session, who, market);
        Op::Place { who, market, order, oracles: self.oracles() }
    }

    fn order(&mut self, session: &Session, who: usize, market: usize) -> Order {
        let side = self.rng.gen_range(0..2u8);
        let kind = [0, 0, 0, 1, 1, 2, 2, 3][self.rng.gen_range(0..8)];
        let (price, lots) = (self.limit(session, market, side), self.lots(session, who, market));
        let expires_in = match self.rng.gen_range(0..10) {
            0..=1 => self.rng.gen_range(1..20),
            2 if self.rng.gen_ratio(1, 10) => -1,
            _ => 0,
        };
        let mut order = Order {
            side,
            kind,
            price,
            lots,
            reduce_only: self.rng.gen_ratio(1, if session.ledger.leg(who, market).is_some() { 8 } else { 90 }),
            expires_in,
            self_trade: self.rng.gen_range(0..3),
        };
        if self.rng.gen_ratio(1, 100) {
            self.spoil(&mut order);
        }
        order
    }

    fn spoil(&mut self, order: &mut Order) {
        match self.rng.gen_range(0..6) {
            0 => order.side = self.rng.gen(),
            1 => order.kind = self.rng.gen(),
            2 => order.price = self.edge(),
            3 => order.lots = self.edge(),
            4 => order.expires_in = self.edge(),
            _ => order.self_trade = self.rng.gen(),
        }
    }

    fn cancel(&mut self, session: &Session) -> Op {
        let (who, market) = self.leg(session);
        let side = self.rng.gen_range(0..2u8);
        let rows = &session.ledger.markets[market].book[usize::from(side)];
        let seat = session.ledger.leg(who, market);
        let own = rows.iter().position(|order| Some(order.seat) == seat);
        let nth = own.filter(|_| self.rng.gen_bool(0.8)).unwrap_or_else(|| self.rng.gen_range(0..40));
        Op::Cancel { who, market, side, nth }
    }

    fn cancel_all(&mut self, session: &Session) -> Op {
        let (who, market) = self.leg(session);
        let limit = if self.rng.gen_bool(0.5) { 255 } else { self.rng.gen_range(0..6) };
        Op::CancelAll { who, market, side: self.rng.gen_range(0..4), limit }
    }

    fn force_cancel(&mut self, session: &Session) -> Op {
        let (who, market) = self.sick_leg(session);
        Op::ForceCancel { who, market, limit: self.rng.gen_range(0..40), oracles: self.oracles() }
    }

    fn release_seat(&mut self, session: &Session) -> Op {
        let (who, market) = self.leg(session);
        Op::ReleaseSeat { who, market }
    }

    fn settle_loss(&mut self, session: &Session) -> Op {
        let (who, market) = self.leg(session);
        Op::SettleLoss { who, market, oracles: self.oracles() }
    }

    fn sample(&mut self, session: &Session) -> Op {
        Op::Sample { market: self.market(session), oracles: self.oracles() }
    }

    fn flag(&mut self, session: &Session) -> Op {
        let (who, market) = self.sick_leg(session);
        Op::Flag { who, market, oracles: self.oracles() }
    }

    fn request(&mut self, session: &Session, who: usize, market: usize) -> Slice {
        let base = session.ledger.leg(who, market).map_or(0, |seat| session.ledger.markets[market].seat(seat).base);
        let size = i64::try_from(base.abs()).unwrap_or(0);
        let max = match self.rng.gen_range(0..20) {
            0..=13 => i64::MAX,
            14..=16 => self.rng.gen_range(0..=size.max(1)),
            17 => self.edge(),
            _ => size / self.rng.gen_range(1..12),
        };
        let expected = self.rng.gen_ratio(1, 30).then(|| self.rng.gen_range(-size..=size));
        let min_payout = match self.rng.gen_range(0..20) {
            0 => self.rng.gen_range(0..2_000_000),
            1 => self.edge(),
            2..=8 => i64::MIN,
            _ => 0,
        };
        let deadline_in = if self.rng.gen_ratio(1, 50) { -1 } else { 0 };
        Slice { max, expected, min_payout, deadline_in }
    }

    fn slice(&mut self, session: &Session) -> Op {
        let (who, market) = self.sick_leg(session);
        let to = self.rng.gen_bool(0.8).then(|| self.who(session));
        let slice = self.request(session, who, market);
        Op::Slice { who, market, to, slice, oracles: self.oracles() }
    }

    fn absorb(&mut self, session: &Session) -> Op {
        let (who, market) = self.sick_leg(session);
        let by = self.who(session);
        let slice = self.request(session, who, market);
        Op::Absorb { who, market, by, slice, oracles: self.oracles() }
    }

    fn resolve(&mut self, session: &Session) -> Op {
        let (who, market) = self.sick_leg(session);
        Op::Resolve { who, market, oracles: self.oracles() }
    }

    fn record_deficit(&mut self, session: &Session) -> Op {
        let (who, _) = self.sick_leg(session);
        Op::RecordDeficit { who, oracles: self.oracles() }
    }

    fn cover_loss(&mut self, session: &Session) -> Op {
        Op::CoverLoss { market: self.market(session) }
    }

    fn donate(&mut self, session: &Session) -> Op {
        let market = self.rng.gen_bool(0.7).then(|| self.market(session));
        Op::Donate { market, amount: self.amount(1_000_000) }
    }

    fn sweep_income(&mut self, session: &Session) -> Op {
        Op::SweepIncome { market: self.market(session) }
    }

    fn always_full_close(&mut self, session: &Session) -> Op {
        Op::AlwaysFullClose { who: self.who(session), wanted: self.rng.gen() }
    }
}
