//! Amounts, sizes and prices: mostly what makes sense, often what is just at an edge, sometimes what makes none.

use rand::Rng;

use super::Generator;
use crate::run::Session;

impl Generator {
    /// An edge of the 64-bit integers, or of the engine's bounds.
    pub(super) fn edge(&mut self) -> i64 {
        const EDGES: [i64; 18] = [
            0,
            1,
            -1,
            2,
            i64::MAX,
            i64::MIN,
            i64::MIN + 1,
            1 << 40,
            (1 << 40) + 1,
            -(1 << 40),
            1 << 52,
            (1 << 52) + 1,
            1 << 56,
            (1 << 56) + 1,
            -(1 << 56),
            1 << 50,
            1 << 32,
            i32::MAX as i64,
        ];
        if self.rng.gen_ratio(1, 3) {
            self.rng.gen()
        } else {
            EDGES[self.rng.gen_range(0..EDGES.len())]
        }
    }

    /// Tokens.
    pub(super) fn amount(&mut self, cash: i64) -> u64 {
        match self.rng.gen_range(0..100) {
            0 => self.edge().unsigned_abs(),
            1 => 0,
            2..=9 => self.rng.gen_range(1..10),
            10..=30 => cash.unsigned_abs().min(1 << 40) / self.rng.gen_range(1..10) + 1,
            _ => 1 << self.rng.gen_range(15..31u32),
        }
    }

    /// A price after a move.
    pub(super) fn moved(&mut self, from: i64) -> i64 {
        let ppm: i64 = match self.rng.gen_range(0..1_000) {
            0..=699 => self.rng.gen_range(-2_000..=2_000),
            700..=899 => self.rng.gen_range(-10_000..=10_000),
            900..=979 => self.rng.gen_range(-40_000..=40_000),
            980..=996 => self.rng.gen_range(-150_000..=150_000),
            _ => self.rng.gen_range(-600_000..=900_000),
        };
        let moved = i128::from(from) + i128::from(from) * i128::from(ppm) / 1_000_000;
        i64::try_from(moved).unwrap_or(from)
    }

    /// A limit on the tick, near the market's price.
    pub(super) fn limit(&mut self, session: &Session, market: usize, side: u8) -> i64 {
        let state = &session.engine.venues[market].state;
        let tick = state.params.tick_size_atoms_per_lot.max(1);
        let price = state.last_price.price_atoms_per_lot;
        let bps: i64 = match self.rng.gen_range(0..10) {
            0..=5 => self.rng.gen_range(-60..=40),
            6..=8 => self.rng.gen_range(-250..=250),
            _ => self.rng.gen_range(-3_000..=3_000),
        };
        let toward = if side == 0 { 1 } else { -1 };
        let limit = price + (price as i128 * i128::from(bps * toward) / 10_000) as i64;
        (limit / tick).max(1) * tick
    }

    /// Lots whose initial requirement is the account's cash.
    pub(super) fn affordable(&self, session: &Session, who: usize, market: usize) -> i64 {
        let state = &session.engine.venues[market].state;
        let price = state.last_price.price_atoms_per_lot.max(1);
        let cash = session.engine.accounts[who].state.cash_atoms.max(0);
        let imr = i128::from(state.params.tiers[0].imr_bps.max(1));
        i64::try_from(i128::from(cash) * 10_000 / imr / i128::from(price)).unwrap_or(1).min(1 << 39)
    }

    /// Lots that an account might just afford, or the least there is, or what closes its position.
    pub(super) fn lots(&mut self, session: &Session, who: usize, market: usize) -> i64 {
        let state = &session.engine.venues[market].state;
        let affordable = self.affordable(session, who, market);
        let base = session.ledger.leg(who, market).map_or(0, |seat| session.ledger.markets[market].seat(seat).base);
        let base = i64::try_from(base.abs()).unwrap_or(0);
        match self.rng.gen_range(0..20) {
            0..=2 => self.rng.gen_range(1..6),
            3..=4 => state.params.min_order_base_lots,
            5..=8 => base.max(1),
            9..=10 => self.rng.gen_range(0..=base) + 1,
            11 => affordable + self.rng.gen_range(0..3),
            12..=14 => (affordable / 10 * self.rng.gen_range(6..12)).max(1),
            _ => affordable / self.rng.gen_range(2..40) + 1,
        }
    }
}
