//! Section 12: placing and cancelling orders.

use taper_engine::EngineError as E;

use super::margin::{Kind, Others, Worth, NOTIONAL_MAX};
use super::matching::{Call, Own};
use super::number::{ceil, Z};
use super::oracle::{Grade, Need, Price, TWO_40};
use super::seat::sign;
use super::{Ledger, Seat};
use crate::op::Order;
use crate::outside::{Outcome, Outside, Refusal};

/// Open orders of a seat, and of a side.
const ORDERS_PER_SEAT: u32 = 32;
const ORDERS_PER_SIDE: usize = 1_024;

/// A resting order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Limit.
    pub price: Z,
    /// Number in the book.
    pub sequence: u64,
    /// Lots left.
    pub lots: Z,
    /// First slot in which it is no longer good; zero: never.
    pub expires: u64,
    /// Seat of its owner.
    pub seat: usize,
    /// May only reduce.
    pub reduce_only: bool,
    /// Slot in which it was placed.
    pub placed: u64,
}

impl Resting {
    /// True once its slot has come.
    pub fn is_expired(&self, slot: u64) -> bool {
        self.expires != 0 && self.expires <= slot
    }
}

/// What an order did.
#[derive(Default)]
struct Done {
    filled: Z,
    posted: Z,
}

impl Ledger {
    pub(super) fn place(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        order: &Order,
        oracles: u8,
    ) -> Outcome<()> {
        if order.side > 1 || order.kind > 3 || order.self_trade > 2 {
            return Err(Refusal::InvalidArgument);
        }
        if self.markets[market].final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        let price = self.use_price(outside, market, oracles)?;
        let others = self.others(outside, who, Some((market, &price)), oracles, Need::Fresh)?;
        let (seat, is_new) = self.leg_or_new(who, market, false)?;
        self.touch(outside, who, market, seat)?;

        let before = self.markets[market].seat(seat).clone();
        let longs_before = self.markets[market].longs();
        let worth_before = self.health(outside, who, (market, seat, &price), others.maintenance, Kind::Maintenance);
        let done = self.execute(outside, market, seat, order, &price)?;
        let longs = self.markets[market].longs();
        let side = usize::from(order.side);
        let after = self.markets[market].seat(seat).clone();
        let changed = done.filled > 0 || done.posted > 0;
        let adds_risk = changed && !is_pure_reduction(&before, &after, side);
        let initial = self.initial(outside, who, (market, seat, &price), &others);
        if others.initial.is_ok() {
            // A value beyond the engine's bounds is refused, whether or not it decides.
            initial?;
        }
        let is_sound = matches!(initial, Ok(worth) if worth.is_at_least(10_000));
        let mut reasons = Vec::new();
        if longs > longs_before && longs > self.markets[market].params.open_interest_cap_base_lots.into() {
            reasons.push(E::OpenInterestCap.into());
        }
        if adds_risk {
            self.check_added_risk(outside, (market, &price, &others), &after, side, &mut reasons);
            if initial.is_ok() && !is_sound {
                reasons.push(E::InitialHealthTooLow.into());
            }
        } else if changed && !is_sound {
            let worth = self.health(outside, who, (market, seat, &price), others.maintenance, Kind::Maintenance)?;
            if !worth.is_not_worse_than(&worth_before?) {
                reasons.push(E::HealthWouldWorsen.into());
            }
        }
        if let Some(first) = reasons.first().copied() {
            self.reasons = reasons;
            return Err(first);
        }
        initial.or_else(|refusal| if adds_risk { Err(refusal) } else { Ok(Worth::default()) })?;
        if adds_risk {
            self.accounts[who].last_risk_slot = outside.slot;
        }
        if is_new && !adds_risk {
            others.initial?;
            match initial {
                Ok(worth) if worth.is_at_least(10_000) => {}
                _ => return Err(E::InitialHealthTooLow.into()),
            }
        }
        self.sweep(outside, who, market, seat)?;
        if let (Ok(worth), false, true) = (initial, adds_risk, done.filled > 0) {
            self.owner_acted(outside, who, worth);
        }
        Ok(())
    }

    /// Initial health with the leg as it now is; why there is none.
    fn initial(&self, outside: &Outside, who: usize, own: (usize, usize, &Price), others: &Others) -> Outcome<Worth> {
        self.health(outside, who, own, others.initial?, Kind::Initial)
    }

    /// Notes every reason for which risk may not be added.
    fn check_added_risk(
        &self,
        outside: &Outside,
        (market, price, others): (usize, &Price, &Others),
        after: &Seat,
        side: usize,
        reasons: &mut Vec<Refusal>,
    ) {
        reasons.extend(self.require_open(outside, market).err());
        if price.grade != Grade::Fresh {
            reasons.push(Refusal::OracleDegraded);
        }
        reasons.extend(others.initial.err());
        let largest = self.markets[market].largest_position();
        if (sign(side) * after.base + after.resting(side)).max(0) * price.price > largest {
            reasons.push(E::PositionTooLarge.into());
        }
    }

    fn execute(
        &mut self,
        outside: &Outside,
        market: usize,
        seat: usize,
        order: &Order,
        price: &Price,
    ) -> Outcome<Done> {
        let params = self.markets[market].params;
        let (side, limit) = (usize::from(order.side), Z::from(order.price));
        let mut lots = Z::from(order.lots);
        if lots <= 0 {
            return Err(E::AmountZero.into());
        }
        if lots > TWO_40 {
            return Err(E::MathOverflow.into());
        }
        if !(1..=TWO_40).contains(&limit) || limit % Z::from(params.tick_size_atoms_per_lot) != 0 {
            return Err(E::PriceNotOnTick.into());
        }
        let expires = crate::engine_world::expiry(outside.slot, order.expires_in);
        if expires != 0 && expires <= outside.slot {
            return Err(E::OrderExpired.into());
        }
        let reducible = self.markets[market].seat(seat).reducible(side);
        if order.reduce_only {
            if reducible == 0 {
                return Err(E::NothingToReduce.into());
            }
            lots = lots.min(reducible);
        }
        if lots * limit > NOTIONAL_MAX {
            return Err(E::MathOverflow.into());
        }
        let least = Z::from(params.min_order_base_lots);
        if lots < least && lots != reducible {
            return Err(E::OrderTooSmall.into());
        }
        let mut call = Call::new(outside.slot, price.price, seat, side);
        let own = if order.kind == 1 { Own::WouldCross } else { Own::from(order.self_trade) };
        let left = self.markets[market].cross(&mut call, limit, lots, own)?;
        if order.kind == 3 && call.lots != lots {
            return Err(E::FillOrKillNotFilled.into());
        }
        let fee = ceil(call.quote * Z::from(params.taker_fee_ppm), 1_000_000);
        self.markets[market].book_taker(&call, fee);
        let mut done = Done { filled: call.lots, posted: 0 };
        let closes = left == self.markets[market].seat(seat).reducible(side);
        let rests = order.kind < 2 && left > 0 && !call.stopped && (left >= least || closes);
        if rests {
            let resting = Resting {
                price: limit,
                sequence: 0,
                lots: left,
                expires,
                seat,
                reduce_only: order.reduce_only,
                placed: outside.slot,
            };
            self.markets[market].rest(side, resting)?;
            done.posted = left;
        }
        Ok(done)
    }

    pub(super) fn cancel(&mut self, who: usize, market: usize, side: u8, nth: usize) -> Outcome<()> {
        if side > 1 {
            return Err(Refusal::InvalidArgument);
        }
        let seat = self.require_leg(who, market)?;
        let side = usize::from(side);
        match self.markets[market].book[side].get(nth) {
            None => Err(E::OrderNotFound.into()),
            Some(order) if order.seat != seat => Err(E::OrderNotOwned.into()),
            Some(_) => {
                self.markets[market].remove(side, nth);
                Ok(())
            }
        }
    }

    pub(super) fn cancel_all(&mut self, who: usize, market: usize, side: u8, limit: u8) -> Outcome<()> {
        if side > 2 || limit == 0 {
            return Err(Refusal::InvalidArgument);
        }
        let seat = self.require_leg(who, market)?;
        let sides: &[usize] = match side {
            0 => &[0],
            1 => &[1],
            _ => &[0, 1],
        };
        self.markets[market].cancel_of(seat, sides, limit.into());
        Ok(())
    }

    pub(super) fn force_cancel(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        limit: u8,
        oracles: u8,
    ) -> Outcome<()> {
        if limit == 0 {
            return Err(Refusal::InvalidArgument);
        }
        let seat = self.require_leg(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let others = self.others(outside, who, Some((market, &price)), oracles, Need::Any)?;
        self.markets[market].accrue(outside.slot);
        let worth = self.health(outside, who, (market, seat, &price), others.favourable, Kind::Favourable)?;
        let filled = self.health(outside, who, (market, seat, &price), others.filled, Kind::Filled)?;
        let row = &mut self.markets[market];
        let mut sides = vec![0, 1];
        if worth.is_at_least(10_000) {
            sides.retain(|side| beyond(row.seat(seat), *side) > 0);
            if filled.is_at_least(10_000) || sides.is_empty() {
                return Err(E::ForceCancelHealthy.into());
            }
        }
        row.cancel_of(seat, &sides, limit.into());
        Ok(())
    }
}

/// Lots of resting orders of a side that would extend or turn the position.
fn beyond(seat: &Seat, side: usize) -> Z {
    (seat.resting(side) - seat.reducible(side)).max(0)
}

fn is_pure_reduction(before: &Seat, after: &Seat, side: usize) -> bool {
    let turned = before.base.signum() * after.base.signum() < 0;
    !turned && after.base.abs() <= before.base.abs() && beyond(after, side) <= beyond(before, side)
}

impl super::Market {
    /// The last tier's edge.
    pub fn largest_position(&self) -> Z {
        self.params.tiers[self.params.tier_count as usize - 1].notional_cap_atoms.into()
    }

    /// Puts an order behind all of its price.
    fn rest(&mut self, side: usize, mut order: Resting) -> Outcome<()> {
        let row = self.seat(order.seat);
        if row.counts[0] + row.counts[1] >= ORDERS_PER_SEAT {
            return Err(E::TooManyOrders.into());
        }
        let better = |left: Z, right: Z| sign(side) * (left - right) > 0;
        if self.book[side].len() == ORDERS_PER_SIDE {
            let worst = ORDERS_PER_SIDE - 1;
            if !better(order.price, self.book[side][worst].price) {
                return Err(E::BookFull.into());
            }
            self.remove(side, worst);
        }
        self.sequence += 1;
        order.sequence = self.sequence;
        let (price, lots, seat) = (order.price, order.lots, order.seat);
        let place = self.book[side].iter().position(|other| better(price, other.price));
        let place = place.unwrap_or(self.book[side].len());
        self.book[side].insert(place, order);
        self.seat_mut(seat).rests(side, price, lots);
        Ok(())
    }

    /// Takes an order out.
    pub fn remove(&mut self, side: usize, nth: usize) {
        let order = self.book[side].remove(nth);
        self.seat_mut(order.seat).leaves(side, order.price, order.lots, true);
    }

    /// Cancels orders of a seat, best first, bids before asks.
    pub fn cancel_of(&mut self, seat: usize, sides: &[usize], limit: usize) {
        let mut left = limit;
        for side in sides {
            let mut nth = 0;
            while left > 0 && nth < self.book[*side].len() {
                if self.book[*side][nth].seat == seat {
                    self.remove(*side, nth);
                    left -= 1;
                } else {
                    nth += 1;
                }
            }
        }
    }
}
