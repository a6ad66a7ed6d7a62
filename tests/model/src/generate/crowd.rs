//! A market in which nearly every seat is taken, and a book without a free row: what a few accounts never reach.

use super::{setup, Generator};
use crate::op::{Op, Order};
use crate::run::Session;

/// The market that everybody comes to.
const MARKET: usize = 2;
/// Of everybody so many rest a second order on each side, when all seats are taken: more than rows are left.
const SECOND_ORDERS: usize = 160;
/// Covers the bond of the last seats.
const CASH: u64 = 1 << 33;

impl Generator {
    /// Everybody of a crowd rests the smallest order there is, each a little better than the one before.
    pub(super) fn gather(&mut self, session: &Session) {
        let accounts = session.engine.accounts.len();
        if accounts <= setup::ACCOUNTS {
            return;
        }
        let state = &session.engine.venues[MARKET].state;
        let (at, tick) = (state.last_price.price_atoms_per_lot, state.params.tick_size_atoms_per_lot.max(1));
        let lots = state.params.min_order_base_lots.max(1);
        let place = |who: usize, per_100_000: i64| {
            let side = u8::from(who % 2 == 1);
            let away = at / 100_000 * per_100_000 * if side == 0 { -1 } else { 1 };
            let price = (at + away) / tick * tick;
            let order = Order { side, kind: 1, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
            Op::Place { who, market: MARKET, order, oracles: 0 }
        };
        for who in 0..accounts {
            self.queue.push_back(Op::Deposit { who, amount: CASH, legs: false, writable: 0, oracles: 0 });
            // From 8% away to 0.2% away.
            self.queue.push_back(place(who, 8_000 - (7_800 * who / accounts) as i64));
        }
        for who in 0..SECOND_ORDERS {
            // Every fifth is worse than all that rest: there is no row for it once the others have taken what was left.
            let is_worst = who % 10 >= 8;
            self.queue.push_back(place(who, if is_worst { 8_500 } else { 4_000 + who as i64 }));
        }
    }
}
