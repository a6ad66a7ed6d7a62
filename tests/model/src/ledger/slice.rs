//! Section 8: a slice through the book, and what every slice has in common.

use taper_engine::EngineError as E;

use super::cash::grown;
use super::episode::{stage, Stage};
use super::margin::{requirement, Kind, Others, Worth};
use super::matching::{Call, Own};
use super::number::{ceil, floor, Z};
use super::oracle::{Grade, Need, Price};
use super::solver::{ladder, Level, Solver, Sums, Task, Values};
use super::Ledger;
use crate::op::Slice;
use crate::outside::{Outcome, Outside, Refusal};

/// A slice that has passed every check.
pub struct Plan {
    pub market: usize,
    pub seat: usize,
    pub base: Z,
    pub price: Price,
    pub worth: Worth,
    pub stage: Stage,
    pub values: Values,
    pub ratio: Option<Z>,
    pub budget: Option<Z>,
    pub cash: Z,
    is_last_leg: bool,
    pub needed: Z,
    pub planned: Z,
    /// The solver's cap.
    pub cap: Z,
    leg_requirement: Z,
}

/// What a slice was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Whole,
    /// A limit of the matching loop ended it before a whole slice.
    Crumb,
}

impl Plan {
    /// Index of the side that closes: 1 sells a long.
    pub fn side(&self) -> usize {
        usize::from(self.base > 0)
    }

    fn bucket(&self) -> usize {
        usize::from(self.base < 0)
    }
}

impl Ledger {
    fn task<'a>(&'a self, plan: &Plan) -> Task<'a> {
        Task {
            params: &self.markets[plan.market].params,
            price: plan.price.price,
            base: plan.base,
            worth: plan.worth,
            values: plan.values,
            ratio: plan.ratio,
            budget: plan.budget,
            cash: plan.cash,
            is_last_leg: plan.is_last_leg,
        }
    }

    /// A solver with the plan's cap.
    pub fn solver<'a>(&'a self, plan: &Plan) -> Solver<'a> {
        Solver::new(&self.task(plan), plan.cap)
    }

    /// Checks 1 to 13.
    pub fn plan(
        &mut self,
        outside: &Outside,
        who: usize,
        (market, seat, price): (usize, usize, &Price),
        others: &Others,
        slice: &Slice,
    ) -> Outcome<Plan> {
        let slot = outside.slot;
        if slice.deadline_in < 0 {
            return Err(E::DeadlinePassed.into());
        }
        if slice.max <= 0 {
            return Err(E::CallerMaximumZero.into());
        }
        let base = self.markets[market].seat(seat).base;
        if base == 0 {
            return Err(E::NoPosition.into());
        }
        if slice.expected.is_some_and(|expected| Z::from(expected) != base) {
            return Err(E::UnexpectedBase.into());
        }
        if self.accounts[who].last_risk_slot == slot {
            return Err(E::RiskAddedThisSlot.into());
        }
        let own = (market, seat, price);
        let favourable = self.health(outside, who, own, others.favourable, Kind::Favourable)?;
        let worth = self.health(outside, who, own, others.maintenance, Kind::Maintenance)?;
        let seen = self.observe(outside, who, market, price, &favourable, &worth);
        // That a degraded price starts no episode in the soft stage is check 10.
        if seen != Err(E::DegradedPriceSoftStage.into()) {
            seen?;
        }
        if worth.equity <= 0 {
            return Err(E::AccountBankrupt.into());
        }
        let account = &self.accounts[who];
        if slot < account.cooldown_until {
            return Err(E::CooldownNotOver.into());
        }
        let params = &self.markets[market].params;
        let stage = stage(params, &worth);
        if price.grade == Grade::Degraded && stage == Stage::Soft {
            return Err(E::DegradedPriceSoftStage.into());
        }
        let ratio = account.episode.ratio(params);
        if ratio.is_some_and(|ratio| worth.is_at_least(ratio)) {
            return Err(E::AccountHealthy.into());
        }
        let bypass = worth.is_below(params.throttle_bypass_health_bps.into());
        let values = ladder(params, &worth, account.episode.clock).ok_or(E::AccountBankrupt)?;
        let leg_requirement = requirement(params, base.abs() * price.price, false);
        let mut plan = Plan {
            market,
            seat,
            base,
            price: *price,
            worth,
            stage,
            values,
            ratio,
            budget: (!bypass).then(|| account.episode.budget(params)),
            cash: account.cash,
            is_last_leg: others.maintenance.requirement == 0,
            needed: 0,
            planned: 0,
            cap: base.abs(),
            leg_requirement,
        };
        plan.needed = self.needed(&plan);
        self.markets[market].refill(plan.bucket(), slot);
        let row = &self.markets[market];
        let allowed =
            if bypass { base.abs() } else { row.available(plan.bucket()).min(row.account_share(row.seat(seat), slot)) };
        if allowed < plan.needed.min(row.params.min_slice_base_lots.into()) {
            return Err(E::ThrottleEmpty.into());
        }
        plan.planned = plan.needed.min(allowed);
        if 4 * Z::from(slice.max) < plan.planned {
            return Err(E::CallerMaximumTooSmall.into());
        }
        plan.cap = allowed.min(slice.max.into());
        Ok(plan)
    }

    /// What an endless level at the oracle price would give.
    fn needed(&self, plan: &Plan) -> Z {
        let mut solver = self.solver(plan);
        while !solver.is_done() {
            if solver.take(Level::At(plan.price.price), None).is_none() {
                break;
            }
        }
        solver.sums.lots
    }

    /// What follows the fills: refusals, penalty, tip, throttle, cooldown, target. Returns what the caller is paid.
    pub fn conclude(
        &mut self,
        outside: &Outside,
        who: usize,
        plan: &Plan,
        sums: &Sums,
        (end, met, tips): (End, bool, bool),
    ) -> Outcome<(Z, Z)> {
        let slot = outside.slot;
        let row = &mut self.markets[plan.market];
        let params = row.params;
        let account = &mut self.accounts[who];
        account.cash -= sums.penalty;
        let share = 10_000 - Z::from(params.insurance_share_bps);
        let caller = floor(sums.penalty * share, 10_000);
        let insurance = sums.penalty - caller;
        row.contribute(insurance);
        // Every slice adds to the credit; only what goes through the book is tipped.
        account.episode.credit += floor(insurance * Z::from(params.keeper_tip_share_bps), 10_000);
        let due = if tips { floor(sums.forgone * share, 10_000) } else { 0 };
        let tip = due.min(account.episode.credit).min(row.pending).min(row.entitlement());
        account.episode.credit -= tip;
        row.pending -= tip;
        row.insurance.tips += tip;
        row.charge(plan.bucket(), sums.lots);
        row.note_use(plan.seat, sums.lots, slot);
        account.episode.cost += sums.cost;
        account.episode.sliced = true;
        let full = params_cooldown(plan, sums.lots, end);
        account.cooldown_until =
            slot + u64::try_from(ceil(full * plan.leg_requirement, plan.worth.requirement)).unwrap_or(0);
        if met {
            account.end_episode(slot);
        }
        Ok((caller, tip))
    }

    pub(super) fn slice(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        to: Option<usize>,
        slice: &Slice,
        oracles: u8,
    ) -> Outcome<()> {
        if to == Some(who) {
            return Err(Refusal::DuplicateAccount);
        }
        if self.markets[market].final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        let seat = self.require_leg(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let others = self.others(outside, who, Some((market, &price)), oracles, Need::Any)?;
        self.touch(outside, who, market, seat)?;
        let plan = self.plan(outside, who, (market, seat, &price), &others, slice)?;
        self.markets[market].cancel_of(seat, &[0, 1], usize::MAX);
        let (sums, met, stopped) = self.fill_from_book(outside, &plan)?;
        let least = plan.needed.min(self.markets[market].params.min_slice_base_lots.into());
        let end = if sums.lots < least && stopped { End::Crumb } else { End::Whole };
        if sums.lots == 0 && !stopped {
            return Err(E::NoFillInsideCap.into());
        }
        if sums.lots < least && !met && !stopped {
            return Err(E::SliceTooSmall.into());
        }
        if sums.lots == 0 {
            if slice.min_payout > 0 {
                return Err(E::PayoutTooLow.into());
            }
            return self.sweep(outside, who, market, seat);
        }
        let (caller, tip) = self.conclude(outside, who, &plan, &sums, (end, met, true))?;
        if caller + tip < slice.min_payout.into() {
            return Err(E::PayoutTooLow.into());
        }
        self.see_after(outside, who, &plan, &others, end)?;
        self.sweep(outside, who, market, seat)?;
        match to {
            _ if caller + tip == 0 => {}
            Some(to) => self.accounts[to].cash = grown(self.accounts[to].cash, caller + tip)?,
            None => self.pay_out(caller + tip).ok_or(Refusal::VaultCannotPay)?,
        }
        Ok(())
    }

    /// The stall clock starts anew with a slice that leaves the account in the backstop stage.
    pub fn see_after(&mut self, outside: &Outside, who: usize, plan: &Plan, others: &Others, end: End) -> Outcome<()> {
        let own = (plan.market, plan.seat, &plan.price);
        let worth = self.health(outside, who, own, others.maintenance, Kind::Maintenance)?;
        let params = &self.markets[plan.market].params;
        let after = stage(params, &worth);
        let account = &mut self.accounts[who];
        if end == End::Whole {
            let starts = after >= Stage::Backstop && account.episode.unhealthy && plan.price.grade == Grade::Fresh;
            account.stalled_since = if starts { outside.slot } else { 0 };
        }
        Ok(())
    }

    fn fill_from_book(&mut self, outside: &Outside, plan: &Plan) -> Outcome<(Sums, bool, bool)> {
        let mut call = Call::new(outside.slot, plan.price.price, plan.seat, plan.side());
        call.rebates = false;
        // The book moves while the solver works: what the solver reads of the market does not.
        let params = self.markets[plan.market].params;
        let task = Task { params: &params, ..self.task_of(plan, &params) };
        let mut solver = Solver::new(&task, plan.cap);
        let market = &mut self.markets[plan.market];
        // A slice is over when a good order is offered to it and it takes nothing: bad ones before that are removed.
        while let Some((price, there)) = market.offered(&mut call, None, Own::Remove)? {
            // What is left of a reduce-only order whose owner has just closed all: to be removed, also if the slice is over.
            if there == 0 {
                market.book_maker(&mut call);
                continue;
            }
            if solver.is_done() {
                break;
            }
            let Some(lots) = solver.take(Level::At(price), Some(there)) else { break };
            market.take(&mut call, lots);
            if market.book[1 - plan.side()][0].lots == 0 {
                market.book_maker(&mut call);
            }
        }
        market.book_maker(&mut call);
        market.book_taker(&call, 0);
        Ok((solver.sums, solver.is_met(), call.stopped))
    }

    fn task_of<'a>(&self, plan: &Plan, params: &'a taper_engine::params::MarketParams) -> Task<'a> {
        Task {
            params,
            price: plan.price.price,
            base: plan.base,
            worth: plan.worth,
            values: plan.values,
            ratio: plan.ratio,
            budget: plan.budget,
            cash: plan.cash,
            is_last_leg: plan.is_last_leg,
        }
    }
}

/// The cooldown charged for what was closed of the plan, before the leg's share.
fn params_cooldown(plan: &Plan, closed: Z, end: End) -> Z {
    let whole = plan.values.cooldown;
    let part = match end {
        End::Whole => ceil(whole * closed, plan.planned),
        End::Crumb => floor(whole * closed, plan.planned),
    };
    part.min(whole)
}
