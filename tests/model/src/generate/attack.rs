//! Short stories that random operations would seldom tell.

use rand::Rng;

use super::{setup, Generator};
use crate::op::{Change, Op, Order, Publication};
use crate::run::Session;

impl Generator {
    pub(super) fn attack(&mut self, session: &Session) {
        match self.rng.gen_range(0..40) {
            0..=7 => self.wash(session),
            8..=12 => self.crash(session),
            13 => self.dust(session),
            14 => self.clean_up(session),
            15 => self.end_of_market(session),
            16 => self.fund(session),
            17..=27 => self.leverage(session),
            _ => self.quote(session),
        }
    }

    /// Two accounts of one owner trade with each other, far from nobody's price.
    fn wash(&mut self, session: &Session) {
        let (first, second, market) = (self.who(session), self.who(session), self.market(session));
        let side = self.rng.gen_range(0..2u8);
        let price = self.limit(session, market, side);
        let lots = self.lots(session, first, market).min(self.lots(session, second, market)).max(1);
        let order = |side, kind| Order { side, kind, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
        self.queue.push_back(Op::Place { who: first, market, order: order(side, 0), oracles: 0 });
        self.queue.push_back(Op::Place { who: second, market, order: order(1 - side, 2), oracles: 0 });
    }

    /// A maker, one of three, is funded and quotes both sides around the price.
    fn quote(&mut self, session: &Session) {
        let (who, market) = (self.rng.gen_range(0..3), self.market(session));
        let cash = session.engine.accounts[who].state.cash_atoms;
        if cash < 1 << 37 {
            self.queue.push_back(Op::Deposit { who, amount: 1 << 39, legs: false, writable: 0, oracles: 0 });
        }
        self.queue.push_back(Op::CancelAll { who, market, side: 2, limit: 255 });
        let params = &session.engine.venues[market].state.params;
        let (tick, depth) = (params.tick_size_atoms_per_lot.max(1), params.throttle_capacity_base_lots);
        let price = session.engine.venues[market].state.last_price.price_atoms_per_lot;
        let reading = session.outside.feeds[market][0].reading.price;
        let price = if self.rng.gen_bool(0.5) { price } else { reading / self.scale(session, market) };
        for level in 1..self.rng.gen_range(3..7i64) {
            for side in 0..2u8 {
                let away = price / 10_000 * self.rng.gen_range(1..=level * 25) * if side == 0 { -1 } else { 1 };
                let price = ((price + away) / tick).max(1) * tick;
                let lots = (depth / self.rng.gen_range(1..20)).max(1);
                let order = Order { side, kind: 1, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
                self.queue.push_back(Op::Place { who, market, order, oracles: 0 });
            }
        }
    }

    /// What a publisher's number is divided by to be a price per lot.
    pub(super) fn scale(&self, session: &Session, market: usize) -> i64 {
        10i64.pow((2 - session.setup.params[market].base_lot_exponent).unsigned_abs())
    }

    /// An account goes as far as its initial margin lets it, in one market or several.
    fn leverage(&mut self, session: &Session) {
        let who = self.rng.gen_range(3..session.engine.accounts.len());
        let cash = session.engine.accounts[who].state.cash_atoms;
        if cash < 1 << 24 {
            let amount = 1 << self.rng.gen_range(23..31u32);
            self.queue.push_back(Op::Deposit { who, amount, legs: true, writable: 255, oracles: 0 });
        }
        let legs = self.rng.gen_range(1..=session.engine.venues.len());
        for _ in 0..legs {
            let (market, side) = (self.market(session), self.rng.gen_range(0..2u8));
            let state = &session.engine.venues[market].state;
            let (at, tick) = (state.last_price.price_atoms_per_lot, state.params.tick_size_atoms_per_lot.max(1));
            let price = if side == 0 { at + at / 50 } else { at - at / 50 } / tick * tick;
            let whole = self.affordable(session, who, market) / legs as i64;
            for part in [90, 60, 30, 8, 4, 2] {
                let lots = (whole / 100 * part).max(1);
                let order = Order { side, kind: 2, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
                self.queue.push_back(Op::Place { who, market, order, oracles: 0 });
            }
        }
    }

    /// A price moves away for a while, and strangers work on whoever is unhealthy.
    fn crash(&mut self, session: &Session) {
        let market = self.market(session);
        let down = self.rng.gen_bool(0.5);
        let mut price = session.outside.feeds[market][0].reading.price;
        self.hunt = self.rng.gen_range(20..150);
        for _ in 0..self.rng.gen_range(1..6) {
            let ppm = if self.rng.gen_ratio(4, 5) {
                self.rng.gen_range(3_000..25_000i64)
            } else {
                self.rng.gen_range(25_000..150_000)
            };
            let by = (i128::from(price) * i128::from(ppm) / 1_000_000) as i64;
            price = if down { price.saturating_sub(by) } else { price.saturating_add(by) };
            let (ema, confidence) = (price, price.unsigned_abs() / 5_000);
            let publication = Publication { price, confidence, exponent: -8, ema, age_seconds: 0, trading: true };
            self.queue.push_back(Op::Clock { slots: self.rng.gen_range(1..4), seconds: 1 });
            self.queue.push_back(Op::Publish { market, other: false, publication });
        }
    }

    /// One account fills the top of the book with the smallest orders.
    fn dust(&mut self, session: &Session) {
        let (who, market) = (self.who(session), self.market(session));
        let side = self.rng.gen_range(0..2u8);
        let lots = session.engine.venues[market].state.params.min_order_base_lots;
        let reduce_only = self.rng.gen_ratio(1, 5);
        for _ in 0..self.rng.gen_range(4..40) {
            let price = self.limit(session, market, side);
            let expires_in = if self.rng.gen_ratio(1, 3) { 1 } else { 0 };
            let order = Order { side, kind: 1, price, lots, reduce_only, expires_in, self_trade: 0 };
            self.queue.push_back(Op::Place { who, market, order, oracles: 0 });
        }
    }

    /// Everybody closes in a market, and seats are released.
    fn clean_up(&mut self, session: &Session) {
        let market = self.market(session);
        for who in self.holders(session, market) {
            self.queue.push_back(Op::CancelAll { who, market, side: 2, limit: 255 });
            self.queue.push_back(Op::ReleaseSeat { who, market });
            self.queue.push_back(Op::Resolve { who, market, oracles: 0 });
        }
        self.queue.push_back(Op::CoverLoss { market });
        self.queue.push_back(Op::SweepIncome { market });
        self.queue.push_back(Op::Relist { market, oracles: 0 });
    }

    /// A market is wound down, settled and, if its debtors allow, replaced.
    fn end_of_market(&mut self, session: &Session) {
        if self.rng.gen_ratio(3, 4) {
            return;
        }
        let market = self.market(session);
        self.queue.push_back(Op::WindDown { market });
        self.queue.push_back(Op::Clock { slots: 41, seconds: 16 });
        self.settle(session, market);
    }

    /// A market that winds down is settled and, if its debtors allow, replaced.
    pub(super) fn settle(&mut self, session: &Session, market: usize) {
        let price = session.outside.feeds[market][0].reading.price;
        let publication = Publication {
            price,
            confidence: price.unsigned_abs() / 9_000,
            exponent: -8,
            ema: price,
            age_seconds: 0,
            trading: true,
        };
        self.queue.push_back(Op::Publish { market, other: false, publication });
        self.queue.push_back(Op::SettleMarket { market, oracles: 0 });
        for _ in 0..2 {
            for who in self.holders(session, market) {
                self.queue.push_back(Op::ReleaseSeat { who, market });
                self.queue.push_back(Op::Resolve { who, market, oracles: 0 });
                self.queue.push_back(Op::RecordDeficit { who, oracles: 0 });
            }
        }
        self.queue.push_back(Op::CoverLoss { market });
        self.queue.push_back(Op::Relist { market, oracles: 0 });
        self.queue.push_back(Op::Clock { slots: 41, seconds: 0 });
    }

    /// Accounts with a seat in a market, and seldom all.
    fn holders(&mut self, session: &Session, market: usize) -> Vec<usize> {
        let all = session.engine.accounts.len() == setup::ACCOUNTS && self.rng.gen_ratio(1, 20);
        let holds = |who: &usize| all || session.ledger.leg(*who, market).is_some();
        (0..session.engine.accounts.len()).filter(holds).collect()
    }

    /// Everybody gets fresh money.
    fn fund(&mut self, session: &Session) {
        for who in 0..session.engine.accounts.len() {
            let amount = 1 << self.rng.gen_range(20..31u32);
            self.queue.push_back(Op::Deposit { who, amount, legs: true, writable: 255, oracles: 0 });
        }
    }

    pub(super) fn status(&mut self, session: &Session) -> Op {
        let market = self.rng.gen_bool(0.6).then(|| self.market(session));
        let status = self.rng.gen_range(0..4);
        // Mostly it does not last.
        if self.rng.gen_ratio(4, 5) {
            self.queue.push_back(Op::SetStatus { market, status: 0, both: true });
        }
        Op::SetStatus { market, status, both: self.rng.gen() }
    }

    /// A change of parameters, or the end of a market.
    pub(super) fn govern(&mut self, session: &Session) -> Op {
        let market = self.market(session);
        match self.rng.gen_range(0..12) {
            0 => Op::AdvanceRamp { market },
            1 if self.rng.gen_ratio(1, 8) => Op::WindDown { market },
            2 => Op::SettleMarket { market, oracles: self.oracles() },
            3 => Op::Relist { market, oracles: self.oracles() },
            4..=6 => Op::Tighten { market, change: self.change(session, market, true) },
            _ => Op::ChangeParams { market, change: self.change(session, market, false) },
        }
    }

    pub(super) fn change(&mut self, session: &Session, market: usize, lower: bool) -> Change {
        let params = session.engine.venues[market].state.params;
        let start = session.setup.params[market];
        let mut near = |value: i64, start: i64| match self.rng.gen_range(0..6) {
            0 => value.saturating_sub(1),
            1 => value / 2 + start / 2,
            2 if !lower => value.saturating_add(value / 2),
            3 if !lower => start,
            _ => value - value / 20,
        };
        let mut change = Change::default();
        let (sweep, draw) = (
            near(params.sweep_cap_atoms, start.sweep_cap_atoms),
            near(params.insurance_draw_cap_atoms, start.insurance_draw_cap_atoms),
        );
        let (grant, interest) = (
            near(params.insurance_grant_atoms, start.insurance_grant_atoms),
            near(params.open_interest_cap_base_lots, start.open_interest_cap_base_lots),
        );
        let last = params.tier_count as usize - 1;
        let edge = |tier: usize| i64::try_from(start.tiers[tier].notional_cap_atoms).unwrap_or(i64::MAX);
        let edge = near(i64::try_from(params.tiers[last].notional_cap_atoms).unwrap_or(i64::MAX), edge(last));
        match self.rng.gen_range(0..5) {
            0 => change.sweep_cap = Some(sweep),
            1 => change.draw_cap = Some(draw),
            2 => change.grant = Some(grant),
            3 => change.open_interest_cap = Some(interest),
            _ => change.position_cap = Some(edge.unsigned_abs()),
        }
        if lower {
            return change;
        }
        match self.rng.gen_range(0..10) {
            0 => change.rates = Some(self.rng.gen_range(-40..40)),
            1 => change.taker_fee = Some(self.rng.gen_range(100..600)),
            2 => change.maker_fee = Some(self.rng.gen_range(-120..200)),
            3 => change.profit_weight = Some(self.rng.gen_range(0..200)),
            4 => change.refill = Some(self.rng.gen_range(100..400)),
            5 => change.target_again = Some([0, 11_000, 12_000][self.rng.gen_range(0..3)]),
            6 if self.rng.gen_ratio(1, 10) => change.tick = Some(7),
            7 => {
                change = Change {
                    rates: Some(i32::from(start.tiers[0].mmr_bps > params.tiers[0].mmr_bps)),
                    ..Change::default()
                }
            }
            _ => {}
        }
        change
    }
}
