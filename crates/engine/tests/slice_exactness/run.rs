//! The engine's answer to a scenario.

use super::reference::scenario::Scenario;
use super::reference::solve::{push, Taken};
use super::reference::Account;
use taper_engine::ladder::{cost_cap_ppb, position_ppb_up, values_at};
use taper_engine::margin::{value_leg, Health, LegTotals, Valuation};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::seat::Seat;
use taper_engine::slice::{SliceFill, SliceInputs, SliceSolver};

/// What the engine did with a scenario.
pub struct Sliced {
    pub health: Health,
    pub taken: Vec<Taken>,
    pub closed: i64,
    pub penalty: i64,
    pub forgone: i64,
    pub cost: i64,
    pub done: bool,
    pub account: Account,
}

pub fn engine_health(account: &Account) -> Result<Health, String> {
    let mut totals = LegTotals::default();
    for leg in &account.legs {
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        (seat.base_lots, seat.quote_entry_atoms) = (leg.base, leg.quote / 3);
        seat.realised_atoms = leg.quote - seat.quote_entry_atoms;
        let price = OraclePrice {
            price: Price(leg.price),
            confidence: Price(1),
            ema: Price(leg.price),
            publish_time_seconds: 1,
            grade: Grade::Fresh,
        };
        let valued = value_leg(&leg.params, &seat, QuoteAtoms::ZERO, &price, Valuation::Maintenance);
        totals = totals.add(valued.map_err(|e| format!("value_leg: {e:?}"))?).map_err(|e| format!("add: {e:?}"))?;
    }
    totals.with_cash(QuoteAtoms(account.cash)).map_err(|e| format!("with_cash: {e:?}"))
}

pub fn inputs<'a>(scenario: &'a Scenario, health: Health) -> Result<SliceInputs<'a>, String> {
    let leg = &scenario.account.legs[scenario.leg];
    let position = position_ppb_up(&health).ok_or("no position on the ladder")?;
    let values = values_at(&leg.params, position).map_err(|e| format!("values_at: {e:?}"))?;
    Ok(SliceInputs {
        params: &leg.params,
        price: Price(leg.price),
        base: BaseLots(leg.base),
        health,
        target: scenario.target,
        penalty_ppb_of_mmr: values.penalty_ppb_of_mmr,
        cost_cap_ppb_of_mmr: cost_cap_ppb(&leg.params, &values, scenario.clock),
        budget: scenario.budget.map(QuoteAtoms),
        penalty_fund: QuoteAtoms(scenario.fund),
        cap: BaseLots(scenario.cap),
    })
}

/// Runs the engine's solver over the levels and applies its fills to the account.
pub fn run_engine(scenario: &Scenario) -> Result<Sliced, String> {
    let health = engine_health(&scenario.account)?;
    let mut solver = SliceSolver::new(inputs(scenario, health)?).map_err(|e| format!("new: {e:?}"))?;
    let mut account = scenario.account.clone();
    let leg = &mut account.legs[scenario.leg];
    let sign = leg.base.signum();
    let mut taken = Vec::new();
    let mut last = None;
    let endless = |solver: &mut SliceSolver<'_>| solver.discounted_level().map_err(|e| format!("level: {e:?}"));
    let rest = scenario.discounted.then_some((0, i64::MAX));
    'levels: for (level, (price, available)) in scenario.levels.iter().copied().chain(rest).enumerate() {
        let is_rest = level == scenario.levels.len();
        if scenario.discounted && !is_rest && (endless(&mut solver)?.0 - price) * sign >= 0 {
            continue;
        }
        let mut left = available;
        while left > 0 {
            let price = if is_rest { endless(&mut solver)?.0 } else { price };
            let fill = solver.step(Price(price), BaseLots(left)).map_err(|e| format!("step: {e:?}"))?;
            let Some(fill) = fill else {
                if scenario.discounted {
                    continue 'levels;
                }
                break 'levels;
            };
            hold!(fill.lots.0 > 0 && fill.lots.0 <= left, "took {} of {left}", fill.lots.0);
            left -= fill.lots.0;
            leg.base -= sign * fill.lots.0;
            leg.quote += sign * fill.lots.0 * price;
            account.cash -= fill.lots.0 * fill.penalty_per_lot;
            push(&mut taken, as_taken(level, &fill));
            last = Some(fill);
        }
    }
    hold!(solver.last_fill() == last, "last fill {:?} for {last:?}", solver.last_fill());
    Ok(Sliced {
        health,
        taken,
        closed: solver.closed().0,
        penalty: solver.penalty_total().0,
        forgone: solver.forgone_total().0,
        cost: solver.cost_total().0,
        done: solver.is_done(),
        account,
    })
}

fn as_taken(level: usize, fill: &SliceFill) -> Taken {
    Taken {
        level,
        lots: fill.lots.0,
        slippage: fill.slippage_per_lot,
        penalty: fill.penalty_per_lot,
        rate: fill.rate_bps,
    }
}
