//! The one matching loop, for users and for liquidations.
//!
//! Orders are met from the best on. An order that must not be filled (expired, out of the maker band, reduce-only with nothing to
//! reduce, the taker's own) is removed; a valid one is offered to the taker's sizer until it is used up or the sizer stops.
//! No order is ever skipped. At most [`MAX_FILLS`] orders are filled and [`MAX_REMOVALS`] removed a call, then the loop stops
//! cleanly and says so. The taker's seat is updated once, at the end, with the sum of its fills.

mod log;

use crate::book::{Book, Order, MAX_FILLS, MAX_REMOVALS};
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::params::MarketParams;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, Price, QuoteAtoms, Side, BPS_ONE};

pub use log::{FillLog, FillRecord, RemovalReason, RemovalRecord, REMOVAL_LOG};

/// One, in millionths.
const PPM_ONE: u64 = 1_000_000;

/// What the taker wants from the order in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many lots, at least one and at most what was offered. What is left of the order is offered again.
    Take(BaseLots),
    /// Nothing more, from this order or any worse one.
    Stop,
}

/// What happens when a taker meets an order of its own seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// The resting order is removed; the taker goes on.
    CancelResting,
    /// The whole call is refused with `SelfTrade`, fills before it included.
    CancelTaking,
    /// Both shrink by the same lots, without a fill.
    DecrementBoth,
}

/// Who takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taker {
    /// Its seat.
    pub seat_index: u32,
    /// The side it trades: a bid takes asks.
    pub side: Side,
    /// Its fee, in millionths of the notional; zero for a liquidation.
    pub fee_ppm: u32,
    /// True if makers get their rebate; false for a liquidation, which has no taker fee to pay it from.
    pub maker_rebate: bool,
    /// What to do with its own orders.
    pub self_trade: SelfTrade,
}

/// Bounds of a taker that is an order. An order beyond them is not looked at, let alone removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TakerLimit {
    /// Worst price.
    pub(crate) price: Price,
    /// Lots, own orders decremented included.
    pub(crate) lots: BaseLots,
}

/// Sums of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchOutcome {
    /// Lots filled.
    pub lots: BaseLots,
    /// Their notional at the makers' prices.
    pub quote: QuoteAtoms,
    /// Fee the taker paid: once on the sum, rounded up (favours the exchange).
    pub taker_fee: QuoteAtoms,
    /// Orders filled, wholly or in part.
    pub fills: u32,
    /// Orders removed or shrunk without a fill.
    pub removals: u32,
    /// Lots by which the taker shrank against its own orders.
    pub decremented: BaseLots,
    /// True if a limit of the call, not the taker, ended it: there may be more to fill.
    pub stopped_by_limits: bool,
}

/// True unless an order at `level` is worse for its owner than `maker_band_bps` against the oracle. `side` is the order's.
/// Exact, by cross-multiplication; the edge itself is inside.
#[inline]
pub fn within_maker_band(params: &MarketParams, side: Side, level: Price, oracle: Price) -> bool {
    // Both factors are at most 2^40 × 2^14, far from saturation.
    let worse = match side {
        Side::Bid => level.0.saturating_sub(oracle.0),
        Side::Ask => oracle.0.saturating_sub(level.0),
    };
    worse.saturating_mul(BPS_ONE) <= oracle.0.saturating_mul(i64::from(params.maker_band_bps))
}

/// Matches a taker against the other side of the book. See the module.
///
/// The taker's seat has been settled; makers are settled when they are filled. The sizer is asked for each valid order, best first, with its price and the lots it can give; for the same order again until
/// it is used up. Makers' fees are rounded up when positive, rebates down (both favour the exchange), once per order.
///
/// # Errors
/// `OracleStale` for a frozen price; `SelfTrade`; `InvariantViolated` for a sizer that takes nothing or more than it was
/// offered; `MathOverflow`; whatever the sizer returns. After an error the state is to be thrown away.
pub fn match_orders<F>(
    market: &mut MarketState,
    book: &mut Book,
    taker: Taker,
    price: &OraclePrice,
    slot: u64,
    log: &mut FillLog,
    sizer: F,
) -> Result<MatchOutcome>
where
    F: FnMut(Price, BaseLots) -> Result<Step>,
{
    match_within(market, book, taker, None, price, slot, log, sizer)
}

/// As [`match_orders`], within the bounds of an order.
#[allow(clippy::too_many_arguments)]
pub(crate) fn match_within<F>(
    market: &mut MarketState,
    book: &mut Book,
    taker: Taker,
    limit: Option<TakerLimit>,
    price: &OraclePrice,
    slot: u64,
    log: &mut FillLog,
    sizer: F,
) -> Result<MatchOutcome>
where
    F: FnMut(Price, BaseLots) -> Result<Step>,
{
    // The least that any taker asks for; what more it needs is its own to ask.
    Action::Reduce.require(price.grade)?;
    let mut call = Matching { market, book, log, taker, oracle: price.price, slot, outcome: MatchOutcome::default() };
    call.run(limit, sizer)?;
    call.settle_taker()
}

/// What to do with the best order.
enum Verdict {
    Remove(RemovalReason),
    Offer { available: BaseLots, own: bool },
}

struct Matching<'a> {
    market: &'a mut MarketState,
    book: &'a mut Book,
    log: &'a mut FillLog,
    taker: Taker,
    oracle: Price,
    slot: u64,
    outcome: MatchOutcome,
}

impl Matching<'_> {
    fn run<F>(&mut self, limit: Option<TakerLimit>, mut sizer: F) -> Result<()>
    where
        F: FnMut(Price, BaseLots) -> Result<Step>,
    {
        let makers = self.taker.side.opposite();
        while let Some(order) = self.book.best(makers).copied() {
            let level = order.price();
            if limit.is_some_and(|limit| self.is_beyond(&limit, level)) {
                break;
            }
            let (available, own) = match self.judge(&order)? {
                Verdict::Remove(reason) => {
                    if !self.has_removal_left() {
                        break;
                    }
                    self.remove_best(&order, BaseLots(order.size_base_lots), reason)?;
                    continue;
                }
                Verdict::Offer { available, own } => (available, own),
            };
            let room = if own { self.has_removal_left() } else { self.has_fill_left() };
            if !room {
                break;
            }
            let mut taken = BaseLots::ZERO;
            let mut stopped = false;
            while taken < available && !stopped {
                let left = available.sub(taken)?;
                match sizer(level, left)? {
                    Step::Stop => stopped = true,
                    Step::Take(lots) if lots.is_positive() && lots <= left => taken = taken.add(lots)?,
                    Step::Take(_) => return Err(EngineError::InvariantViolated),
                }
            }
            if taken.is_positive() {
                if own {
                    self.remove_best(&order, taken, RemovalReason::SelfTradeDecremented)?;
                    self.outcome.decremented = self.outcome.decremented.add(taken)?;
                } else {
                    self.fill_best(&order, taken)?;
                }
            }
            if stopped {
                break;
            }
        }
        Ok(())
    }

    /// True if the order is not crossed, or the taker has all it may have.
    fn is_beyond(&self, limit: &TakerLimit, level: Price) -> bool {
        let used = self.outcome.lots.0.saturating_add(self.outcome.decremented.0);
        let crossed = match self.taker.side {
            Side::Bid => level <= limit.price,
            Side::Ask => level >= limit.price,
        };
        !crossed || used >= limit.lots.0
    }

    fn has_removal_left(&mut self) -> bool {
        let left = crate::book::index_of(self.outcome.removals) < MAX_REMOVALS;
        self.outcome.stopped_by_limits |= !left;
        left
    }

    fn has_fill_left(&mut self) -> bool {
        let left = crate::book::index_of(self.outcome.fills) < MAX_FILLS;
        self.outcome.stopped_by_limits |= !left;
        left
    }

    fn judge(&self, order: &Order) -> Result<Verdict> {
        let makers = self.taker.side.opposite();
        if order.is_expired(self.slot) {
            return Ok(Verdict::Remove(RemovalReason::Expired));
        }
        if !within_maker_band(&self.market.params, makers, order.price(), self.oracle) {
            return Ok(Verdict::Remove(RemovalReason::OutOfBand));
        }
        let size = BaseLots(order.size_base_lots);
        if order.seat_index == self.taker.seat_index {
            return match self.taker.self_trade {
                SelfTrade::CancelResting => Ok(Verdict::Remove(RemovalReason::SelfTradeCancelled)),
                SelfTrade::CancelTaking => Err(EngineError::SelfTrade),
                SelfTrade::DecrementBoth => Ok(Verdict::Offer { available: size, own: true }),
            };
        }
        if !order.is_reduce_only() {
            return Ok(Verdict::Offer { available: size, own: false });
        }
        // Its owner's position as it is now, after every earlier fill of this call.
        let reducible = self.market.seats.get(order.seat_index)?.reducible_by(makers);
        if reducible.is_zero() {
            return Ok(Verdict::Remove(RemovalReason::NothingToReduce));
        }
        Ok(Verdict::Offer { available: size.min(reducible), own: false })
    }

    /// Takes lots off the best order without a fill.
    fn remove_best(&mut self, order: &Order, lots: BaseLots, reason: RemovalReason) -> Result<()> {
        let makers = self.taker.side.opposite();
        let gone = self.shrink_best(order, lots)?;
        self.market.seats.get_mut(order.seat_index)?.order_shrunk(makers, order.price(), lots, gone)?;
        self.outcome.removals = self.outcome.removals.saturating_add(1);
        self.log.push_removal(makers, order, lots, reason)
    }

    /// Shrinks or pops the best order; true if it is gone.
    fn shrink_best(&mut self, order: &Order, lots: BaseLots) -> Result<bool> {
        let makers = self.taker.side.opposite();
        if lots.0 == order.size_base_lots {
            self.book.pop_best(makers);
            return Ok(true);
        }
        let row = self.book.best_mut(makers).ok_or(EngineError::InvariantViolated)?;
        row.size_base_lots = BaseLots(order.size_base_lots).sub(lots)?.0;
        Ok(false)
    }

    fn fill_best(&mut self, order: &Order, lots: BaseLots) -> Result<()> {
        let makers = self.taker.side.opposite();
        let level = order.price();
        let quote = level.notional(lots)?;
        let fee = maker_fee(quote, self.market.params.maker_fee_ppm, self.taker.maker_rebate)?;
        let gone = self.shrink_best(order, lots)?;
        let settled = self.market.settle_seat(order.seat_index)?;
        let seat = self.market.seats.get_mut(order.seat_index)?;
        let longs_before = seat.long_lots();
        seat.apply_fill(makers, lots, quote, fee)?;
        seat.order_shrunk(makers, level, lots, gone)?;
        let change = seat.long_lots().sub(longs_before)?;
        add_interest(self.market, change)?;
        self.market.fees_atoms = QuoteAtoms(self.market.fees_atoms).add(fee)?.0;
        let outcome = &mut self.outcome;
        outcome.lots = outcome.lots.add(lots)?;
        outcome.quote = outcome.quote.add(quote)?;
        outcome.fills = outcome.fills.saturating_add(1);
        self.log.push_fill(FillRecord {
            maker_sequence: order.sequence,
            maker_client_order_id: order.client_order_id,
            price_atoms_per_lot: level.0,
            base_lots: lots.0,
            maker_fee_atoms: fee.0,
            maker_settled_atoms: settled.0,
            maker_seat_index: order.seat_index,
            maker_done: u32::from(gone),
        })
    }

    /// Books the sum of the fills in the taker's seat.
    fn settle_taker(mut self) -> Result<MatchOutcome> {
        if self.outcome.lots.is_zero() {
            return Ok(self.outcome);
        }
        let (taker, outcome) = (self.taker, &mut self.outcome);
        // Rounded up: favours the exchange.
        let fee = mul_div_up(outcome.quote.0.unsigned_abs(), u64::from(taker.fee_ppm), PPM_ONE)?;
        outcome.taker_fee = QuoteAtoms(i64::try_from(fee).map_err(|_| EngineError::MathOverflow)?);
        if !self.market.settle_seat(taker.seat_index)?.is_zero() {
            return Err(EngineError::InvariantViolated);
        }
        let seat = self.market.seats.get_mut(taker.seat_index)?;
        let longs_before = seat.long_lots();
        seat.apply_fill(taker.side, outcome.lots, outcome.quote, outcome.taker_fee)?;
        let change = seat.long_lots().sub(longs_before)?;
        add_interest(self.market, change)?;
        self.market.fees_atoms = QuoteAtoms(self.market.fees_atoms).add(outcome.taker_fee)?.0;
        self.market.fill_sequence = self.market.fill_sequence.saturating_add(u64::from(outcome.fills));
        Ok(self.outcome)
    }
}

fn add_interest(market: &mut MarketState, change: BaseLots) -> Result<()> {
    market.open_interest_base_lots = BaseLots(market.open_interest_base_lots).add(change)?.0;
    Ok(())
}

/// What a maker pays. A fee is rounded up, a rebate down: both favour the exchange.
fn maker_fee(quote: QuoteAtoms, fee_ppm: i32, rebate_allowed: bool) -> Result<QuoteAtoms> {
    let (notional, rate) = (quote.0.unsigned_abs(), u64::from(fee_ppm.unsigned_abs()));
    if fee_ppm >= 0 {
        let fee = mul_div_up(notional, rate, PPM_ONE)?;
        return i64::try_from(fee).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow);
    }
    if !rebate_allowed {
        return Ok(QuoteAtoms::ZERO);
    }
    let rebate = mul_div_down(notional, rate, PPM_ONE)?;
    i64::try_from(rebate).map_err(|_| EngineError::MathOverflow).and_then(|rebate| QuoteAtoms(rebate).neg())
}

#[cfg(test)]
mod tests;
