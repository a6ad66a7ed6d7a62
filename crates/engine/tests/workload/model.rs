//! A book that is only meant to be obviously right: one vector, searched anew for every step, in 128-bit arithmetic.

use taper_engine::book::{MAX_FILLS, MAX_REMOVALS};
use taper_engine::matching::{RemovalReason, SelfTrade};
use taper_engine::orders::{OrderKind, OrderRequest};
use taper_engine::quantity::Side;

#[derive(Clone, Debug, PartialEq)]
pub struct ModelOrder {
    pub side: Side,
    pub price: i64,
    pub sequence: u64,
    pub lots: i64,
    pub expires: u64,
    pub seat: usize,
    pub reduce_only: bool,
}

#[derive(Clone, Debug, Default)]
pub struct ModelSeat {
    pub base: i64,
    /// `quote_entry + realised`, before anything is swept.
    pub value: i128,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub orders: Vec<ModelOrder>,
    pub seats: Vec<ModelSeat>,
    pub fees: i128,
    pub next_sequence: u64,
}

/// Rates and bounds of the market.
#[derive(Clone, Copy)]
pub struct Rules {
    pub taker_ppm: i128,
    pub maker_ppm: i128,
    pub band_bps: i128,
    pub min_order: i64,
}

#[derive(Debug, PartialEq)]
pub enum Refused {
    PostOnly,
    FillOrKill,
    SelfTrade,
    NothingToReduce,
    TooSmall,
    TooMany,
}

#[derive(Debug, Default, PartialEq)]
pub struct Predicted {
    /// `(sequence, lots)` in order.
    pub fills: Vec<(u64, i64)>,
    /// `(sequence, lots, reason)` in order.
    pub removals: Vec<(u64, i64, u8)>,
    pub posted: i64,
    pub stopped: bool,
}

fn ceil_div(a: i128, b: i128) -> i128 {
    a.div_euclid(b) + i128::from(a.rem_euclid(b) != 0)
}

impl Model {
    pub fn new(seats: usize) -> Self {
        Self { orders: Vec::new(), seats: vec![ModelSeat::default(); seats], fees: 0, next_sequence: 1 }
    }

    fn best_against(&self, side: Side) -> Option<usize> {
        let against = self.orders.iter().enumerate().filter(|(_, o)| o.side != side);
        against
            .min_by_key(|(_, o)| (if side == Side::Bid { o.price } else { -o.price }, o.sequence))
            .map(|(index, _)| index)
    }

    pub fn reducible(&self, seat: usize, side: Side) -> i64 {
        (-side.sign() * self.seats[seat].base).max(0)
    }

    fn invalid(&self, o: &ModelOrder, slot: u64, oracle: i64, rules: &Rules) -> Option<RemovalReason> {
        if o.expires != 0 && o.expires <= slot {
            return Some(RemovalReason::Expired);
        }
        let worse = i128::from(o.side.sign()) * (i128::from(o.price) - i128::from(oracle));
        (worse * 10_000 > i128::from(oracle) * rules.band_bps).then_some(RemovalReason::OutOfBand)
    }

    fn trade(&mut self, seat: usize, side: Side, lots: i64, quote: i128, fee: i128) {
        self.seats[seat].base += side.sign() * lots;
        self.seats[seat].value -= i128::from(side.sign()) * quote + fee;
        self.fees += fee;
    }

    pub fn place(
        &mut self,
        seat: usize,
        request: &OrderRequest,
        slot: u64,
        oracle: i64,
        rules: &Rules,
    ) -> Result<Predicted, Refused> {
        let (side, mut lots) = (request.side, request.lots.0);
        let reducible = self.reducible(seat, side);
        if request.reduce_only {
            if reducible == 0 {
                return Err(Refused::NothingToReduce);
            }
            lots = lots.min(reducible);
        }
        if lots < rules.min_order && lots != reducible {
            return Err(Refused::TooSmall);
        }
        let mut left = lots;
        let mut done = Predicted::default();
        let (mut quote, mut filled) = (0i128, 0i64);
        while left > 0 {
            let Some(index) = self.best_against(side) else { break };
            let order = self.orders[index].clone();
            if side.sign() * (request.price.0 - order.price) < 0 {
                break;
            }
            let own = order.seat == seat;
            let mut reason = self.invalid(&order, slot, oracle, rules);
            if reason.is_none() && own && request.kind != OrderKind::PostOnly {
                match request.self_trade {
                    SelfTrade::CancelTaking => return Err(Refused::SelfTrade),
                    SelfTrade::CancelResting => reason = Some(RemovalReason::SelfTradeCancelled),
                    SelfTrade::DecrementBoth => {}
                }
            }
            let mut available = order.lots;
            if reason.is_none() && !own && order.reduce_only {
                available = available.min(self.reducible(order.seat, order.side));
                if available == 0 {
                    reason = Some(RemovalReason::NothingToReduce);
                }
            }
            let full = match (reason.is_some() || own, request.kind) {
                (true, _) => done.removals.len() == MAX_REMOVALS,
                (false, _) => done.fills.len() == MAX_FILLS,
            };
            if full {
                done.stopped = true;
                break;
            }
            if let Some(reason) = reason {
                done.removals.push((order.sequence, order.lots, reason as u8));
                self.orders.remove(index);
                continue;
            }
            if request.kind == OrderKind::PostOnly {
                return Err(Refused::PostOnly);
            }
            let taken = left.min(available);
            left -= taken;
            self.orders[index].lots -= taken;
            if self.orders[index].lots == 0 {
                self.orders.remove(index);
            }
            if own {
                done.removals.push((order.sequence, taken, RemovalReason::SelfTradeDecremented as u8));
                continue;
            }
            let notional = i128::from(taken) * i128::from(order.price);
            self.trade(order.seat, order.side, taken, notional, ceil_div(notional * rules.maker_ppm, 1_000_000));
            done.fills.push((order.sequence, taken));
            quote += notional;
            filled += taken;
        }
        if filled > 0 {
            self.trade(seat, side, filled, quote, ceil_div(quote * rules.taker_ppm, 1_000_000));
        }
        if request.kind == OrderKind::FillOrKill && filled != lots {
            return Err(Refused::FillOrKill);
        }
        let rests = matches!(request.kind, OrderKind::Limit | OrderKind::PostOnly) && !done.stopped;
        let small = left < rules.min_order && left != self.reducible(seat, side);
        if rests && left > 0 && !small {
            if self.orders.iter().filter(|o| o.seat == seat).count() >= 32 {
                return Err(Refused::TooMany);
            }
            self.orders.push(ModelOrder {
                side,
                price: request.price.0,
                sequence: self.next_sequence,
                lots: left,
                expires: request.expires_at_slot,
                seat,
                reduce_only: request.reduce_only,
            });
            self.next_sequence += 1;
            done.posted = left;
        }
        Ok(done)
    }

    /// The rows of a side, worst first: by rising price for bids, falling for asks, then by falling sequence.
    pub fn side(&self, side: Side) -> Vec<&ModelOrder> {
        let mut rows: Vec<_> = self.orders.iter().filter(|o| o.side == side).collect();
        rows.sort_by_key(|o| (side.sign() * o.price, std::cmp::Reverse(o.sequence)));
        rows
    }
}
