//! Section 12: the matching loop.

use taper_engine::EngineError as E;

use super::number::{ceil, floor, Z};
use super::seat::sign;
use super::Market;
use crate::outside::Outcome;

const MAX_FILLS: u32 = 32;
const MAX_REMOVALS: u32 = 16;

/// What happens when a taker meets its own order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Own {
    Remove,
    Refuse,
    Shrink,
    /// A post-only order meets any order that is good.
    WouldCross,
}

impl From<u8> for Own {
    fn from(code: u8) -> Self {
        [Own::Remove, Own::Refuse, Own::Shrink][usize::from(code)]
    }
}

/// One call of the loop.
pub struct Call {
    slot: u64,
    oracle: Z,
    taker: usize,
    side: usize,
    /// False in a liquidation.
    pub rebates: bool,
    /// Lots filled.
    pub lots: Z,
    /// Their quote.
    pub quote: Z,
    /// Orders filled.
    pub fills: u32,
    /// Orders removed.
    pub removals: u32,
    /// A limit of the loop ended it.
    pub stopped: bool,
    /// Lots taken from the order in front and not booked yet.
    taken: Z,
}

impl Call {
    /// A taker of a seat, which buys (side 0) or sells.
    pub fn new(slot: u64, oracle: Z, taker: usize, side: usize) -> Self {
        Self {
            slot,
            oracle,
            taker,
            side,
            rebates: true,
            lots: 0,
            quote: 0,
            fills: 0,
            removals: 0,
            stopped: false,
            taken: 0,
        }
    }
}

impl Market {
    /// Worse for its owner than the band allows.
    pub fn is_out_of_band(&self, side: usize, limit: Z, oracle: Z) -> bool {
        sign(side) * (limit - oracle) * 10_000 > oracle * Z::from(self.params.maker_band_bps)
    }

    /// The best order that is good, with the lots that it can give; those before it are removed. `None` at the end of the book, beyond the
    /// limit, or when the loop's own limits end the call.
    pub fn offered(&mut self, call: &mut Call, limit: Option<Z>, own: Own) -> Outcome<Option<(Z, Z)>> {
        let opposite = 1 - call.side;
        loop {
            let Some(order) = self.book[opposite].first() else { return Ok(None) };
            if limit.is_some_and(|limit| sign(call.side) * (limit - order.price) < 0) {
                return Ok(None);
            }
            let is_continued = call.taken > 0;
            let is_own = order.seat == call.taker;
            let is_bad = order.is_expired(call.slot) || self.is_out_of_band(opposite, order.price, call.oracle);
            if !is_bad && is_own {
                match own {
                    Own::Refuse => return Err(E::SelfTrade.into()),
                    // To shrink an own order is a removal; a post-only order meets it as if it would.
                    Own::Shrink | Own::WouldCross if call.removals == MAX_REMOVALS => {
                        call.stopped = true;
                        return Ok(None);
                    }
                    Own::WouldCross => return Err(E::PostOnlyWouldCross.into()),
                    Own::Shrink => return Ok(Some((order.price, order.lots))),
                    Own::Remove => {}
                }
            }
            let lots = if order.reduce_only {
                order.lots.min(self.seat(order.seat).reducible(opposite) - call.taken)
            } else {
                order.lots
            };
            if !is_bad && !is_own && (lots > 0 || is_continued) {
                if own == Own::WouldCross {
                    return Err(E::PostOnlyWouldCross.into());
                }
                if !is_continued && call.fills == MAX_FILLS {
                    call.stopped = true;
                    return Ok(None);
                }
                return Ok(Some((order.price, lots)));
            }
            if call.removals == MAX_REMOVALS {
                call.stopped = true;
                return Ok(None);
            }
            self.remove(opposite, 0);
            call.removals += 1;
        }
    }

    /// Takes lots from the order in front.
    pub fn take(&mut self, call: &mut Call, lots: Z) {
        let opposite = 1 - call.side;
        if call.taken == 0 {
            call.fills += 1;
        }
        let order = &mut self.book[opposite][0];
        order.lots -= lots;
        let (price, seat) = (order.price, order.seat);
        call.taken += lots;
        call.lots += lots;
        call.quote += lots * price;
        self.seat_mut(seat).leaves(opposite, price, lots, false);
    }

    /// Books the maker of the order in front; an order that is used up leaves.
    pub fn book_maker(&mut self, call: &mut Call) {
        let opposite = 1 - call.side;
        let lots = std::mem::take(&mut call.taken);
        if lots == 0 {
            return;
        }
        let (price, seat) = (self.book[opposite][0].price, self.book[opposite][0].seat);
        let quote = lots * price;
        let rate = Z::from(self.params.maker_fee_ppm);
        let fee = match rate {
            0.. => ceil(quote * rate, 1_000_000),
            _ if call.rebates => -floor(quote * -rate, 1_000_000),
            _ => 0,
        };
        self.settle(seat);
        self.seat_mut(seat).fill(opposite, lots, quote, fee);
        self.fees += fee;
        if self.book[opposite][0].lots == 0 {
            self.remove(opposite, 0);
        }
    }

    /// Takes what an order crosses. Returns the lots that are left of it.
    pub fn cross(&mut self, call: &mut Call, limit: Z, lots: Z, own: Own) -> Outcome<Z> {
        let opposite = 1 - call.side;
        let mut left = lots;
        while left > 0 {
            let Some((_, there)) = self.offered(call, Some(limit), own)? else { break };
            if self.book[opposite][0].seat == call.taker {
                left -= self.shrink(call, left.min(there));
                continue;
            }
            let taken = left.min(there);
            left -= taken;
            self.take(call, taken);
            self.book_maker(call);
        }
        Ok(left)
    }

    /// Both the taker and its own order shrink.
    fn shrink(&mut self, call: &mut Call, lots: Z) -> Z {
        let opposite = 1 - call.side;
        call.removals += 1;
        let order = &mut self.book[opposite][0];
        if order.lots == lots {
            self.remove(opposite, 0);
        } else {
            order.lots -= lots;
            let (price, seat) = (order.price, order.seat);
            self.seat_mut(seat).leaves(opposite, price, lots, false);
        }
        lots
    }

    /// Books the taker, once.
    pub fn book_taker(&mut self, call: &Call, fee: Z) {
        if call.lots > 0 {
            self.seat_mut(call.taker).fill(call.side, call.lots, call.quote, fee);
            self.fees += fee;
        }
    }
}
