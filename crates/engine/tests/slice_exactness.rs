//! The slice solver, the margin and the ladder against an independent reference in big rationals, for accounts drawn to sit on
//! the edges. 10,000 cases here; a million with
//! `cargo test --release -p taper-engine --test slice_exactness -- --ignored million`.

macro_rules! hold {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(format!($($why)*));
        }
    };
}

mod reference;
#[path = "slice_exactness/run.rs"]
mod run;

use num_bigint::BigInt;
use num_traits::Signed;
use proptest::prelude::*;
use reference::scenario::{draw, Scenario};
use reference::solve::{at_once, one_by_one, End, Problem, Taken, Terms};
use reference::{clamp_to_one, floor, int, on_ladder, position_ppb, ratio, schedule, State, Q};
use run::{engine_health, inputs, run_engine, Sliced};
use taper_engine::episode::Target;
use taper_engine::ladder::{cost_cap_ppb, position_ppb_up, values_at};
use taper_engine::margin::{requirement, Health};
use taper_engine::quantity::QuoteAtoms;
use taper_engine::slice::{planned_lots, SliceSolver};

/// Positions up to this are also solved one lot at a time.
const ONE_BY_ONE_LOTS: i64 = 64;

type Check = Result<(), String>;

/// Every property, for one scenario.
fn check(scenario: &Scenario) -> Check {
    let problem = scenario.problem();
    let sliced = run_engine(scenario)?;
    check_health_and_ladder(scenario, &problem, &sliced.health)?;
    let (expected, end) = at_once(&problem);
    if problem.leg.base.abs() <= ONE_BY_ONE_LOTS {
        let naive = one_by_one(&problem);
        hold!(naive == (expected.clone(), end), "references differ: {naive:?} / {expected:?} {end:?}");
    }
    check_after(scenario, &problem, &sliced)?;
    check_each_fill(scenario, &problem, &sliced)?;
    check_sums(&problem, &sliced)?;
    hold!(sliced.taken == expected, "engine {:?}\nreference {expected:?} {end:?}", sliced.taken);
    let ended = matches!(end, End::TargetMet | End::Flat | End::Cap);
    hold!(sliced.done == ended, "is_done {} at {end:?}", sliced.done);
    check_plan(scenario, &problem, sliced.health)?;
    check_split(scenario, &problem, &sliced)
}

/// Equity, requirement, comparisons and ladder are the reference's, exactly.
fn check_health_and_ladder(scenario: &Scenario, problem: &Problem, health: &Health) -> Check {
    let state = &problem.before;
    hold!(int(health.equity.0) == state.equity, "equity {:?}", health.equity);
    hold!(ratio(health.requirement.0, 10_000) == state.requirement, "requirement {:?}", health.requirement);
    for leg in &scenario.account.legs {
        let notional = BigInt::from(leg.base.abs()) * leg.price;
        let got = requirement(&leg.params, QuoteAtoms(reference::narrow(&notional)), false);
        let want = reference::requirement_atom_bps(&leg.params, &notional);
        hold!(got.map(|r| BigInt::from(r.0)) == Ok(want), "requirement of a leg");
    }
    let exact = problem.health.clone();
    for point in &problem.leg.params.ladder {
        let at_least = exact >= ratio(point.health_bps, 10_000);
        hold!(health.is_at_least(point.health_bps) == at_least, "is_at_least {}", point.health_bps);
        hold!(health.is_below(point.health_bps) != at_least, "is_below {}", point.health_bps);
    }
    let bps = floor(&(&exact * int(10_000)));
    hold!(BigInt::from(health.to_bps_down()) == bps, "to_bps_down");
    let position = position_ppb_up(health).ok_or("no position")?;
    hold!(BigInt::from(position) == position_ppb(&exact), "position {position}");
    let values = values_at(&problem.leg.params, position).map_err(|e| format!("{e:?}"))?;
    let want = schedule(&problem.leg.params, &exact, scenario.clock);
    hold!(BigInt::from(values.penalty_ppb_of_mmr) == want.penalty_ppb, "penalty of the ladder");
    hold!(BigInt::from(values.cooldown_slots) == want.cooldown, "cooldown of the ladder");
    let cap = cost_cap_ppb(&problem.leg.params, &values, scenario.clock);
    hold!(BigInt::from(cap) == want.cost_cap_ppb, "cost cap {cap}");
    Ok(())
}

/// Health not worse, equity not negative, never a lot too many, never one too few without a named reason.
fn check_after(scenario: &Scenario, problem: &Problem, sliced: &Sliced) -> Check {
    let after = sliced.account.state();
    hold!(after.is_not_worse_than(&problem.before), "health fell: {:?} to {after:?}", problem.before);
    hold!(!after.equity.is_negative(), "equity {:?}", after.equity);
    let health_after = engine_health(&sliced.account)?;
    hold!(health_after.is_not_worse_than(&sliced.health), "the engine's own comparison");
    let (before, now) = (problem.leg.base, sliced.account.legs[scenario.leg].base);
    hold!(now == 0 || now.signum() == before.signum(), "sign");
    let remaining = now.abs();
    let met = match scenario.target {
        Target::Ratio(bps) => after.meets(bps),
        Target::Full => remaining == 0,
    };
    if let (Target::Ratio(bps), Some(last), true) =
        (scenario.target, sliced.taken.last(), remaining >= problem.leg.params.min_position_base_lots)
    {
        let without = give_back_one(scenario, sliced, last);
        hold!(!without.meets(bps), "one lot too many");
    }
    if !met && remaining != 0 && sliced.closed != scenario.cap {
        check_stopped(scenario, problem, sliced, remaining)?;
    }
    Ok(())
}

/// The account after the slice, had its last lot not been closed.
fn give_back_one(scenario: &Scenario, sliced: &Sliced, last: &Taken) -> State {
    let mut account = sliced.account.clone();
    let leg = &mut account.legs[scenario.leg];
    let sign = scenario.account.legs[scenario.leg].base.signum();
    leg.base += sign;
    leg.quote -= sign * leg.price - last.slippage;
    account.cash += last.penalty;
    account.state()
}

/// A slice short of its target either has used up every level, or the next level is beyond κ. Neither happens to one at a discount.
fn check_stopped(scenario: &Scenario, problem: &Problem, sliced: &Sliced, remaining: i64) -> Check {
    hold!(!scenario.discounted, "stopped although the discounted level is endless");
    let mut closed = sliced.closed;
    let next = scenario.levels.iter().find(|(_, lots)| {
        let within = closed >= *lots;
        closed -= if within { *lots } else { 0 };
        !within
    });
    if let Some((price, _)) = next {
        let slippage = problem.slippage(*price);
        let rate = reference::rate_of_lot(&problem.leg.params, remaining, problem.leg.price);
        hold!(problem.penalty(rate, slippage).is_none(), "stopped before a level inside the cap: {slippage}");
    }
    Ok(())
}

/// Cost within κ within `H·r·P`; the penalty within every bound, and no less than the least of them.
fn check_each_fill(scenario: &Scenario, problem: &Problem, sliced: &Sliced) -> Check {
    let (params, price) = (&problem.leg.params, problem.leg.price);
    let health = problem.health.clone();
    let position = ratio(position_ppb(&health), 1_000_000_000);
    let mut remaining = problem.leg.base.abs();
    let (mut budget, mut fund) = (scenario.budget.map(BigInt::from), BigInt::from(scenario.fund));
    let at_position = on_ladder(&params.ladder, &position, |point| point.penalty_bps_of_mmr);
    let at_health = on_ladder(&params.ladder, &clamp_to_one(&health), |point| point.penalty_bps_of_mmr);
    hold!(at_position <= at_health, "the quantised position is against the account");
    let ramp = BigInt::from(params.cost_cap_ramp_bps_of_mmr_per_slot) * scenario.clock;
    let by_clock = ratio(ramp + params.cost_cap_start_bps_of_mmr, 10_000);
    let by_ladder = on_ladder(&params.ladder, &position, |point| point.cost_cap_bps_of_mmr);
    let cap_of_mmr = by_ladder.min(by_clock).min(health.clone());
    let tolerance = quantisation(problem);
    let mut of_rate: Option<(u32, Terms, [Q; 3])> = None;
    for run in &sliced.taken {
        let lowest = reference::rate_of_lot(params, remaining, price);
        hold!(run.rate == lowest, "rate {} of a lot at {lowest}", run.rate);
        let margin = ratio(BigInt::from(run.rate) * price, 10_000);
        let (terms, [cost_cap, scheduled, most]) = match &of_rate {
            Some((rate, terms, exact)) if *rate == run.rate => (terms, exact),
            _ => {
                let exact = [&cap_of_mmr * &margin, &at_position * &margin, &at_health * &margin];
                let (_, terms, exact) = of_rate.insert((run.rate, problem.terms(run.rate), exact));
                (&*terms, &*exact)
            }
        };
        let by_health = &terms.health_bound;
        let (paid, penalty) = (int(run.slippage.max(0)), int(run.penalty));
        let cost = int(run.slippage.max(0) + run.penalty);
        hold!(run.penalty >= 0, "penalty {}", run.penalty);
        hold!(cost <= *cost_cap && cost_cap <= by_health, "cost {cost} over κ {cost_cap}");
        hold!(penalty <= *scheduled && scheduled <= most, "penalty {penalty} over the schedule");
        let left = by_health - &paid;
        hold!(int(2 * run.penalty) <= left, "penalty {penalty} over half of what is left");
        let formula = terms.penalty_at(run.slippage).ok_or("a fill beyond κ")?;
        let enough = int(formula) + &tolerance;
        let undercharged = enough < *most && enough < cost_cap - &paid && enough < left / int(2);
        hold!(!undercharged, "penalty {formula} undercharges");
        hold!(run.penalty == formula || run.penalty == 0, "penalty {} for {formula}", run.penalty);
        let fits = |cost: i64, penalty: i64, lots: i64| {
            let within_budget = budget.as_ref().is_none_or(|left| BigInt::from(cost) * lots <= *left);
            within_budget && BigInt::from(penalty) * lots <= fund
        };
        let slippage = run.slippage.max(0);
        if run.penalty > 0 {
            hold!(fits(slippage + run.penalty, run.penalty, run.lots), "budget or fund exceeded");
        } else if formula > 0 {
            hold!(!fits(slippage + formula, formula, 1), "no penalty although it could be paid");
        }
        fund -= BigInt::from(run.penalty) * run.lots;
        budget = budget.map(|left| (left - BigInt::from(slippage + run.penalty) * run.lots).max(0.into()));
        remaining -= run.lots;
    }
    Ok(())
}

/// How far the formula in whole atoms may stay below the exact one: an atom, and what the quantisation in `10^-9` takes.
fn quantisation(problem: &Problem) -> Q {
    // A step of 10^-9 in health moves a value by at most its steepest slope, and values and rates lose up to 10^-9 each.
    let steepest = problem.leg.params.ladder.windows(2).map(|pair| {
        let rise = (pair[1].penalty_bps_of_mmr - pair[0].penalty_bps_of_mmr)
            .max(pair[1].cost_cap_bps_of_mmr.abs_diff(pair[0].cost_cap_bps_of_mmr));
        ratio(rise, pair[0].health_bps - pair[1].health_bps)
    });
    let slope = steepest.max().expect("a ladder has points");
    (slope + int(2)) * ratio(problem.leg.price, 1_000_000_000) + int(1)
}

fn check_sums(problem: &Problem, sliced: &Sliced) -> Check {
    let lots: i64 = sliced.taken.iter().map(|run| run.lots).sum();
    let penalty: i64 = sliced.taken.iter().map(|run| run.lots * run.penalty).sum();
    let slippage: i64 = sliced.taken.iter().map(|run| run.lots * run.slippage.max(0)).sum();
    let unpaid = |run: &Taken| problem.penalty(run.rate, run.slippage).unwrap_or(0) - run.penalty;
    let forgone: i64 = sliced.taken.iter().map(|run| run.lots * unpaid(run)).sum();
    hold!(sliced.closed == lots, "closed {} for {lots}", sliced.closed);
    hold!(sliced.penalty == penalty, "penalty {} for {penalty}", sliced.penalty);
    hold!(sliced.forgone == forgone, "forgone {} for {forgone}", sliced.forgone);
    hold!(sliced.cost == penalty + slippage, "cost {} for {}", sliced.cost, penalty + slippage);
    Ok(())
}

/// The plan before depth: what an endless level at the oracle price gives.
fn check_plan(scenario: &Scenario, problem: &Problem, health: Health) -> Check {
    let solver = SliceSolver::new(inputs(scenario, health)?).map_err(|e| format!("new: {e:?}"))?;
    let planned = planned_lots(&solver).map_err(|e| format!("planned_lots: {e:?}"))?;
    let endless = Problem { levels: vec![(problem.leg.price, i64::MAX >> 8)], discounted: false, ..problem.clone() };
    let wanted: i64 = at_once(&endless).0.iter().map(|run| run.lots).sum();
    hold!(planned.0 == wanted, "planned {} for {wanted}", planned.0);
    Ok(())
}

/// INV-19: two calls do not pay the caller more than one.
fn check_split(scenario: &Scenario, problem: &Problem, whole: &Sliced) -> Check {
    let split = scenario.split;
    if split >= whole.closed {
        return Ok(());
    }
    let first = run_engine(&Scenario { cap: split, ..scenario.clone() })?;
    hold!(first.closed == split, "the first call closed {} of {split}", first.closed);
    let mut levels = scenario.levels.clone();
    for run in &first.taken {
        if let Some((_, lots)) = levels.get_mut(run.level) {
            *lots -= run.lots;
        }
    }
    levels.retain(|(_, lots)| *lots > 0);
    let second_scenario = Scenario {
        account: first.account.clone(),
        cap: scenario.cap - split,
        budget: scenario.budget.map(|budget| (budget - first.cost).max(0)),
        fund: scenario.fund - first.penalty,
        levels,
        ..scenario.clone()
    };
    let second = run_engine(&second_scenario)?;
    let paid = first.penalty + second.penalty;
    let second_problem = second_scenario.problem();
    if scenario.discounted {
        // The second call's κ is that of its own health: no lot costs more than the ladder, the clock and that health allow.
        check_each_fill(&second_scenario, &second_problem, &second)?;
    }
    if is_dearer(problem, &second_problem, &second) {
        // ½·H·r·P, and κ where it rises with health, leave more room at the better health the first call has made. Even so no lot
        // pays more than the schedule at the health before both.
        hold!(!is_soft_by_default(problem), "dearer in the soft stage");
        for run in &second.taken {
            let scheduled = problem.terms(run.rate).penalty;
            hold!(BigInt::from(run.penalty) <= scheduled, "a split lot pays {} over {scheduled}", run.penalty);
        }
        return Ok(());
    }
    hold!(paid <= whole.penalty + unspent(problem, whole), "split pays {paid}, whole pays {}", whole.penalty);
    Ok(())
}

/// True if some lot of the second call pays more than the formula asks at the health before the first.
fn is_dearer(problem: &Problem, after: &Problem, second: &Sliced) -> bool {
    second.taken.iter().any(|run| {
        let at_first = problem.penalty(run.rate, run.slippage);
        after.penalty(run.rate, run.slippage) > at_first
    })
}

/// Health at or above 0.67 on the ladder of the specification, where neither `½·H·r·P` nor a rising κ can bind.
fn is_soft_by_default(problem: &Problem) -> bool {
    let params = &problem.leg.params;
    params.ladder[1].health_bps == 6_700
        && params.ladder[1].penalty_bps_of_mmr == 1_200
        && params.ladder[0].cost_cap_bps_of_mmr == 3_000
        && params.ladder[1].cost_cap_bps_of_mmr == 4_700
        && problem.health >= ratio(6_700, 10_000)
}

/// What a whole slice may have left of its budget or fund for want of one whole lot: less than that lot's cost.
fn unspent(problem: &Problem, whole: &Sliced) -> i64 {
    let unpaid = whole.taken.iter().filter(|run| run.penalty == 0);
    let cost = unpaid.map(|run| match problem.penalty(run.rate, run.slippage) {
        Some(formula) if formula > 0 => run.slippage.max(0) + formula,
        _ => 0,
    });
    cost.max().unwrap_or(0)
}

fn tapes() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(any::<u64>(), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, max_shrink_iters: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_slice_is_exact(tape in tapes()) {
        let scenario = draw(&tape);
        if let Err(why) = check(&scenario) {
            prop_assert!(false, "{why}\n{scenario:?}");
        }
    }
}

/// A tape from a seed (SplitMix64).
fn tape_of(seed: u64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..400).map(|_| next()).collect()
}

/// The draws reach what they are there for: lots at a discount, alone and after better levels, and penalties forgone.
#[test]
fn discounts_and_forgone_penalties_are_drawn() {
    let (mut alone, mut after_levels, mut forgone) = (0, 0, 0);
    for seed in 0..2_000 {
        let scenario = draw(&tape_of(seed));
        let sliced = run_engine(&scenario).expect("a slice");
        let at_discount = sliced.taken.iter().filter(|run| run.level == scenario.levels.len()).count();
        let elsewhere = sliced.taken.len() - at_discount;
        alone += u32::from(at_discount > 0 && elsewhere == 0);
        after_levels += u32::from(at_discount > 0 && elsewhere > 0);
        forgone += u32::from(sliced.forgone > 0);
    }
    assert!(alone > 50 && after_levels > 50 && forgone > 50, "{alone}, {after_levels}, {forgone}");
}

/// A million cases on two threads. `TAPER_CASES` sets another number, `TAPER_SEED` the first seed.
#[test]
#[ignore = "minutes"]
fn million() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (cases, first) = (number("TAPER_CASES", 1_000_000), number("TAPER_SEED", 1));
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let failures = &failures;
            scope.spawn(move || {
                for seed in (first + thread..first + cases).step_by(2) {
                    if let Err(why) = check(&draw(&tape_of(seed))) {
                        failures.lock().expect("no panic").push((seed, why));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    let shown: Vec<_> = failures.iter().take(20).collect();
    assert!(failures.is_empty(), "{} of {cases} failed, the first (seed, why): {shown:#?}", failures.len());
}
