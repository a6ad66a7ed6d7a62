//! One account is brought below its requirement step by step and sliced there: what random prices seldom do for long.

use rand::Rng;

use super::Generator;
use crate::op::{Op, Order, Publication, Slice};
use crate::run::Session;

/// Makers with money: the first accounts.
const MAKERS: usize = 3;
/// Health one.
const WELL_PPM: i128 = 1_000_000;

/// Whose account, in which market, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Siege {
    who: usize,
    market: usize,
    left: u32,
}

impl Generator {
    /// A trader takes as much as its margin allows from a maker's quotes.
    pub(super) fn begin_siege(&mut self, session: &Session) {
        let (who, market) = (self.rng.gen_range(MAKERS..session.engine.accounts.len()), self.market(session));
        self.fresh_prices(session, who, market, 0);
        self.requote(session, market);
        let amount = 1 << self.rng.gen_range(26..32u32);
        self.queue.push_back(Op::Deposit { who, amount, legs: false, writable: 0, oracles: 0 });
        let params = &session.engine.venues[market].state.params;
        let rate = i128::from(params.tiers[0].imr_bps.max(1));
        let at = self.published(session, market).max(1);
        let most = i128::from(amount) * 10_000 / rate / i128::from(at);
        let most = i64::try_from(most).unwrap_or(i64::MAX).min(params.throttle_capacity_base_lots.saturating_mul(4));
        let (side, tick) = (self.rng.gen_range(0..2u8), params.tick_size_atoms_per_lot.max(1));
        let price = if side == 0 { at + at / 40 } else { at - at / 40 } / tick * tick;
        for part in [80, 40, 20, 10, 5] {
            let lots = (most / 100 * part).max(1);
            let order = Order { side, kind: 2, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
            self.queue.push_back(Op::Place { who, market, order, oracles: 0 });
        }
        self.siege = Some(Siege { who, market, left: self.rng.gen_range(20..120) });
    }

    /// The next steps of a siege, into the queue; none when it is over.
    pub(super) fn besiege(&mut self, session: &Session) {
        let Some(mut siege) = self.siege.take() else { return };
        let Siege { who, market, .. } = siege;
        let base = |seat: u32| session.engine.venues[market].state.seats.get(seat).map_or(0, |row| row.base_lots);
        let base = session.engine.seat_in(who, market).map_or(0, base);
        siege.left = siege.left.saturating_sub(1);
        if base == 0 || siege.left == 0 {
            return;
        }
        self.siege = Some(siege);
        let slots = if self.rng.gen_ratio(1, 6) { self.rng.gen_range(5..60) } else { self.rng.gen_range(1..5) };
        self.queue.push_back(Op::Clock { slots, seconds: 1 });
        let is_well = session.ledger.health_ppm(&session.outside, who).is_none_or(|health| health >= WELL_PPM);
        if is_well {
            let ppm = self.rng.gen_range(500..9_000i64);
            self.fresh_prices(session, who, market, if base > 0 { -ppm } else { ppm });
            if self.rng.gen_bool(0.6) {
                self.requote(session, market);
            }
            return;
        }
        let ppm = if self.rng.gen_ratio(1, 5) { self.rng.gen_range(-3_000..3_000) } else { 0 };
        self.fresh_prices(session, who, market, ppm);
        if self.rng.gen_ratio(1, 3) {
            self.requote(session, market);
        }
        for _ in 0..self.rng.gen_range(1..4) {
            let op = self.blow(session, who, market, base);
            self.queue.push_back(op);
        }
    }

    fn blow(&mut self, session: &Session, who: usize, market: usize, base: i64) -> Op {
        let maker = self.rng.gen_range(0..MAKERS);
        let max =
            if self.rng.gen_ratio(1, 4) { self.rng.gen_range(1..=base.saturating_abs().max(1)) } else { i64::MAX };
        let slice = Slice { max, expected: None, min_payout: i64::MIN, deadline_in: 0 };
        match self.rng.gen_range(0..20) {
            0 => Op::Flag { who, market, oracles: self.oracles() },
            1..=3 => Op::Absorb { who, market, by: maker, slice, oracles: 0 },
            4..=5 => Op::Resolve { who, market, oracles: 0 },
            6 => Op::ForceCancel { who, market, limit: 32, oracles: 0 },
            7 => Op::Deposit { who, amount: 1 << self.rng.gen_range(10..24u32), legs: true, writable: 255, oracles: 0 },
            8 => Op::RecordDeficit { who, oracles: 0 },
            _ => {
                let to = self.rng.gen_bool(0.7).then(|| (who + 1) % session.engine.accounts.len());
                Op::Slice { who, market, to, slice, oracles: self.oracles() }
            }
        }
    }

    /// The published price of a lot.
    fn published(&self, session: &Session, market: usize) -> i64 {
        session.outside.feeds[market][0].reading.price / self.scale(session, market)
    }

    /// New prices of the market and of the account's other legs; the market's moves by so many millionths.
    fn fresh_prices(&mut self, session: &Session, who: usize, market: usize, ppm: i64) {
        let legs = session.engine.accounts[who].positions.iter().flatten().map(|(leg, _)| *leg);
        let others: Vec<usize> = legs.filter(|leg| *leg != market).collect();
        for (leg, ppm) in others.into_iter().map(|leg| (leg, 0)).chain([(market, ppm)]) {
            let start = session.setup.publications[leg].price;
            let now = session.outside.feeds[leg][0].reading.price;
            let now = if (start / 8..start.saturating_mul(8)).contains(&now) { now } else { start };
            let price = now + (i128::from(now) * i128::from(ppm) / 1_000_000) as i64;
            let (confidence, ema) = (price.unsigned_abs() / 5_000, price);
            let publication = Publication { price, confidence, exponent: -8, ema, age_seconds: 0, trading: true };
            self.queue.push_back(Op::Publish { market: leg, other: false, publication });
        }
    }

    /// A maker quotes anew around the published price, close enough for slices.
    fn requote(&mut self, session: &Session, market: usize) {
        let who = self.rng.gen_range(0..MAKERS);
        if session.engine.accounts[who].state.cash_atoms < 1 << 37 {
            self.queue.push_back(Op::Deposit { who, amount: 1 << 39, legs: false, writable: 0, oracles: 0 });
        }
        self.queue.push_back(Op::CancelAll { who, market, side: 2, limit: 255 });
        let params = &session.engine.venues[market].state.params;
        let (tick, depth) = (params.tick_size_atoms_per_lot.max(1), params.throttle_capacity_base_lots);
        let price = self.published(session, market);
        for level in 1..self.rng.gen_range(3..6i64) {
            for side in 0..2u8 {
                let away = price / 10_000 * self.rng.gen_range(1..=level * 8) * if side == 0 { -1 } else { 1 };
                let price = ((price + away) / tick).max(1) * tick;
                let lots = (depth / self.rng.gen_range(1..12)).max(1);
                let order = Order { side, kind: 1, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
                self.queue.push_back(Op::Place { who, market, order, oracles: 0 });
            }
        }
    }
}
