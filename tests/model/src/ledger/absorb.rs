//! Section 10: a slice that is taken into another account.

use taper_engine::EngineError as E;

use super::cash::grown;
use super::episode::Stage;
use super::margin::Kind;
use super::number::{ceil, Z};
use super::oracle::Need;
use super::slice::{End, Plan};
use super::solver::{Level, Solver, Sums};
use super::Ledger;
use crate::op::Slice;
use crate::outside::{Outcome, Outside, Refusal};

/// Orders of the book that count at most.
const SHOWN: usize = 32;

impl Ledger {
    pub(super) fn absorb(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        by: usize,
        slice: &Slice,
        oracles: u8,
    ) -> Outcome<()> {
        if who == by {
            return Err(Refusal::AbsorbIntoItself);
        }
        if self.markets[market].final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        let price = self.live_price(outside, market, oracles)?;
        price.require(Need::Fresh)?;
        self.remember(outside, market, &price);
        let others = self.others(outside, who, Some((market, &price)), oracles, Need::Any)?;
        let absorbers = self.others(outside, by, Some((market, &price)), oracles, Need::Fresh)?;
        let seat = self.require_leg(who, market)?;
        self.touch(outside, who, market, seat)?;
        let (absorber, _) = self.leg_or_new(by, market, true)?;
        self.touch(outside, by, market, absorber)?;
        let absorber_initial = absorbers.initial?;

        let plan = self.plan(outside, who, (market, seat, &price), &others, slice)?;
        let (sums, met) = self.fill_from_view(outside, &plan);
        if sums.lots == 0 {
            return Err(E::NoFillInsideCap.into());
        }
        let least = plan.needed.min(self.markets[market].params.min_slice_base_lots.into());
        if sums.lots < least && !met {
            return Err(E::SliceTooSmall.into());
        }
        let side = plan.side();
        self.markets[market].seat_mut(seat).fill(side, sums.lots, sums.quote, 0);
        self.markets[market].seat_mut(absorber).fill(1 - side, sums.lots, sums.quote, 0);
        let (caller, _) = self.conclude(outside, who, &plan, &sums, (End::Whole, met, false))?;
        self.accounts[by].cash = grown(self.accounts[by].cash, caller)?;
        let share = Z::from(self.markets[market].params.insurance_share_bps);
        let of_discount = ceil(sums.discount * share, 10_000);
        if caller + sums.discount - of_discount - sums.premium < slice.min_payout.into() {
            return Err(E::PayoutTooLow.into());
        }
        if of_discount > 0 && self.accounts[by].cash < of_discount {
            return Err(E::InsufficientCash.into());
        }
        self.accounts[by].cash -= of_discount;
        self.markets[market].contribute(of_discount);
        let worth = self.health(outside, by, (market, absorber, &price), absorber_initial, Kind::Initial)?;
        if worth.is_below(10_000) {
            return Err(E::InitialHealthTooLow.into());
        }
        let row = &self.markets[market];
        let held = row.seat(absorber);
        let extended = held.base.abs() + held.resting(usize::from(held.base < 0));
        if extended * price.price > row.largest_position() {
            return Err(E::PositionTooLarge.into());
        }
        self.accounts[by].last_risk_slot = outside.slot;
        self.see_after(outside, who, &plan, &others, End::Whole)?;
        self.sweep(outside, who, market, seat)?;
        self.sweep(outside, by, market, absorber)
    }

    /// The levels that a book shows, each with its lots, best first: those that could be filled.
    fn shown(&self, outside: &Outside, plan: &Plan) -> Vec<(Z, Z)> {
        let row = &self.markets[plan.market];
        let opposite = 1 - plan.side();
        let mut levels = Vec::new();
        let mut left: Vec<Option<Z>> = vec![None; row.seats.len()];
        for order in &row.book[opposite] {
            if order.is_expired(outside.slot)
                || row.is_out_of_band(opposite, order.price, plan.price.price)
                || order.seat == plan.seat
            {
                continue;
            }
            let seat = row.seat(order.seat);
            let lots = if order.reduce_only {
                let left = left[order.seat].get_or_insert(seat.reducible(opposite));
                order.lots.min(*left)
            } else {
                order.lots
            };
            if lots > 0 {
                levels.push((order.price, lots));
            }
        }
        levels
    }

    fn fill_from_view(&self, outside: &Outside, plan: &Plan) -> (Sums, bool) {
        let mut solver = self.solver(plan);
        let levels = self.shown(outside, plan);
        let direction = plan.base.signum();
        let better = |left: Z, right: Z| direction * (left - right) > 0;
        for (nth, (price, lots)) in levels.iter().enumerate() {
            let mut left = *lots;
            while left > 0 && !solver.is_done() {
                let endless = self.endless(plan, &solver);
                if !better(*price, endless) {
                    // No later order is better either, while the rate stays; at a lower rate the endless level is better still.
                    return self.rest(plan, solver, None);
                }
                if nth == SHOWN {
                    return self.rest(plan, solver, Some(*price));
                }
                match solver.take(Level::At(*price), Some(left)) {
                    Some(taken) => left -= taken,
                    None => return (solver.sums, solver.is_met()),
                }
            }
        }
        self.rest(plan, solver, None)
    }

    /// The price of the endless level at the next lot.
    fn endless(&self, plan: &Plan, solver: &Solver<'_>) -> Z {
        if plan.stage == Stage::Backstop {
            solver.discounted()
        } else {
            plan.price.price
        }
    }

    /// The rest at the endless level, whose discount does not reach beyond an order that is not shown.
    fn rest(&self, plan: &Plan, mut solver: Solver<'_>, unseen: Option<Z>) -> (Sums, bool) {
        let direction = plan.base.signum();
        while !solver.is_done() {
            let level = match (plan.stage, unseen) {
                (Stage::Backstop, None) => Level::Discounted,
                (Stage::Backstop, Some(unseen)) => {
                    // At that order's price, or at the oracle price if that is worse for the liquidatee.
                    Level::At(if direction > 0 { unseen.min(plan.price.price) } else { unseen.max(plan.price.price) })
                }
                _ => Level::At(plan.price.price),
            };
            if solver.take(level, None).is_none() {
                break;
            }
        }
        (solver.sums, solver.is_met())
    }
}
