//! The arithmetic of a slice, described once (`proof_encoding/arithmetic.rs`) in a language that can be evaluated and printed as SMT-LIB.
//! Here it is evaluated and compared with the engine, and the files that z3 proves (`tools/proof`) are compared with what it prints.
//! To write them: `TAPER_WRITE_PROOF=1 cargo test -p taper-engine --test proof_encoding`.

macro_rules! hold {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(format!($($why)*));
        }
    };
}

#[path = "proof_encoding/arithmetic.rs"]
mod arithmetic;
#[path = "proof_encoding/files.rs"]
mod files;
#[path = "proof_encoding/lemmas.rs"]
mod lemmas;
#[allow(dead_code, reason = "shared with slice_exactness, which uses all of it")]
mod reference;
#[allow(dead_code, reason = "shared with slice_exactness, which uses all of it")]
#[path = "slice_exactness/run.rs"]
mod run;
#[path = "proof_encoding/term.rs"]
mod term;

use arithmetic::{per_lot_down, Coded, Health as HealthTerm, Tiers};
use lemmas::{whole, Case, Statement};
use reference::scenario::{draw, Scenario};
use run::{engine_health, inputs};
use taper_engine::episode::Target;
use taper_engine::margin::{requirement, Health, Requirement};
use taper_engine::params::{MarginTier, MarketParams};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::slice::{health_bound_per_lot_down, SliceSolver};
use taper_engine::{ladder, quantity};
use term::Script;

/// Cases of each test; `TAPER_CASES` sets another number.
fn cases() -> u64 {
    std::env::var("TAPER_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(100_000)
}

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// Within `low..=high`: an end, next to one, or as likely in one octave as in the next.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low);
        let over = match self.below(8) {
            0 => 0,
            1 => span,
            2 => span.saturating_sub(1),
            _ => self.roll() >> self.below(64),
        };
        low.wrapping_add_unsigned(if over > span { self.below(span.saturating_add(1).max(1)) } else { over })
    }
}

/// What the comparison met.
#[derive(Debug, Default)]
struct Met {
    steps: u64,
    fills: u64,
    straddles: u64,
    stopped_by_cost: u64,
    penalties_unpaid: u64,
    better_than_oracle: u64,
    minimal: u64,
    dust: u64,
}

/// The state of the described solver, moved by what is described alone.
struct Described<'a> {
    statement: &'a Statement,
    numbers: Vec<(&'static str, i128)>,
    flags: Vec<(&'static str, bool)>,
}

impl Described<'_> {
    fn set(&mut self, name: &'static str, value: i128) {
        self.numbers.retain(|(known, _)| *known != name);
        self.numbers.push((name, value));
    }

    fn get(&self, name: &str) -> i128 {
        self.numbers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).expect("an input")
    }
}

const CAPS: [&str; 4] = ["cap_1", "cap_2", "cap_3", "cap_4"];
const RATES: [&str; 4] = ["rate_1", "rate_2", "rate_3", "rate_4"];

fn tier_numbers(params: &MarketParams) -> Vec<(&'static str, i128)> {
    let caps = CAPS.into_iter().zip(params.tiers().iter().map(|tier| i128::from(tier.notional_cap_atoms)));
    let rates = RATES.into_iter().zip(params.tiers().iter().map(|tier| i128::from(tier.mmr_bps)));
    caps.chain(rates).collect()
}

fn described<'a>(statement: &'a Statement, scenario: &Scenario, health: &Health) -> Result<Described<'a>, String> {
    let given = inputs(scenario, *health)?;
    let (equity, required) = (i128::from(health.equity.0), health.requirement.0);
    let (target, deficit) = match given.target {
        Target::Full => (1, 0),
        Target::Ratio(bps) => (i128::from(bps), i128::from(bps) * required - equity * arithmetic::DEFICIT_SCALE),
    };
    let mut numbers = tier_numbers(given.params);
    numbers.extend([
        ("price", i128::from(given.price.0)),
        ("equity_before", equity),
        ("required_before", required),
        ("equity_now", equity),
        ("required_now", required),
        ("remaining", i128::from(given.base.0.abs())),
        ("room", i128::from(given.cap.0)),
        ("min_position", i128::from(given.params.min_position_base_lots)),
        ("target", target),
        ("deficit", deficit),
        ("cost_cap_ppb", i128::from(given.cost_cap_ppb_of_mmr)),
        ("penalty_ppb", i128::from(given.penalty_ppb_of_mmr)),
        ("fund", i128::from(given.penalty_fund.0)),
        ("budget", i128::from(given.budget.map_or(0, |budget| budget.0))),
    ]);
    let has_target = given.target != Target::Full;
    let flags =
        vec![("is_long", given.base.is_positive()), ("has_target", has_target), ("has_budget", given.budget.is_some())];
    Ok(Described { statement, numbers, flags })
}

/// Runs engine and description over the same levels, step by step.
fn compare(statements: &[Statement], scenario: &Scenario, met: &mut Met) -> Result<(), String> {
    let health = engine_health(&scenario.account)?;
    let params = &scenario.account.legs[scenario.leg].params;
    let mut solver = SliceSolver::new(inputs(scenario, health)?).map_err(|e| format!("new: {e:?}"))?;
    let mut state = described(&statements[params.tiers().len() - 1], scenario, &health)?;
    let (mut penalties, mut costs, mut forgone) = (0, 0, 0);
    'levels: for (level, lots) in &scenario.levels {
        let mut available = *lots;
        loop {
            met.steps += 1;
            let fill = solver.step(Price(*level), BaseLots(available)).map_err(|e| format!("step: {e:?}"))?;
            state.set("level", i128::from(*level));
            state.set("available", i128::from(available));
            let dust = state.get("remaining") < state.get("min_position") && state.get("deficit") <= 0;
            let values = state.statement.script.evaluate(&state.numbers, &state.flags);
            hold!(values.is("fills") == fill.is_some(), "fills {} for {fill:?}", values.is("fills"));
            let Some(fill) = fill else {
                if available == 0 {
                    break;
                }
                met.stopped_by_cost += u64::from(!values.is("done"));
                break 'levels;
            };
            let told = ["fill_lots", "slippage", "penalty", "rate"].map(|name| values.get(name));
            let did = [fill.lots.0, fill.slippage_per_lot, fill.penalty_per_lot, i64::from(fill.rate_bps)];
            hold!(told == did.map(i128::from), "described {told:?}, engine {did:?}");
            hold!(values.given, "the givens of the lemma do not hold");
            hold!(values.truth(&state.statement.claim), "the lemma is false here");
            let (lots, each) = (told[0], told[1] + told[2]);
            penalties += lots * told[2];
            costs += values.get("paid");
            forgone += values.get("forgone");
            let freed = leg_requirement(params, &state, 0)? - leg_requirement(params, &state, lots)?;
            state.set("equity_now", state.get("equity_now") - lots * each);
            state.set("required_now", state.get("required_now") - freed);
            state.set("remaining", state.get("remaining") - lots);
            state.set("room", state.get("room") - lots);
            state.set("fund", values.get("fund_after"));
            state.set("budget", values.get("budget_after"));
            if state.flags.contains(&("has_target", true)) {
                state.set("deficit", values.get("deficit_after"));
                let exact = state.get("target") * state.get("required_now") - state.get("equity_now") * 100_000_000;
                hold!(state.get("deficit") == exact, "deficit {} is {exact}", state.get("deficit"));
                hold!(solver.target_met() == (exact <= 0), "target_met");
                met.minimal += u64::from(exact <= 0 && !dust);
            }
            available -= fill.lots.0;
            met.fills += 1;
            met.straddles += u64::from(values.is("straddles"));
            met.penalties_unpaid += u64::from(values.get("forgone") > 0);
            met.better_than_oracle += u64::from(told[1] < 0);
            met.dust += u64::from(dust);
        }
    }
    let sums = [solver.penalty_total().0, solver.cost_total().0, solver.forgone_total().0];
    hold!(sums.map(i128::from) == [penalties, costs, forgone], "sums {sums:?}");
    Ok(())
}

/// The engine's requirement of the leg with so many lots less.
fn leg_requirement(params: &MarketParams, state: &Described<'_>, less: i128) -> Result<i128, String> {
    let notional = (state.get("remaining") - less) * state.get("price");
    let notional = QuoteAtoms(i64::try_from(notional).map_err(|e| e.to_string())?);
    Ok(requirement(params, notional, false).map_err(|e| format!("requirement: {e:?}"))?.0)
}

/// Every step of 100,000 slices drawn to sit on the edges: the same fill, the same state after it; and the givens of the lemmas hold there.
#[test]
fn the_description_is_the_engine() {
    let statements: Vec<Statement> = (1..=4).map(|count| whole(count, Coded::AsIs, Case::Any)).collect();
    let mut met = Met::default();
    for seed in 0..cases() {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x7461_7065);
        let tape: Vec<u64> = (0..400).map(|_| dice.roll()).collect();
        let scenario = draw(&tape);
        if let Err(why) = compare(&statements, &scenario, &mut met) {
            panic!("seed {seed}: {why}\n{scenario:#?}");
        }
    }
    println!("{} slices, {met:?}", cases());
    let rare =
        [met.straddles, met.stopped_by_cost, met.penalties_unpaid, met.better_than_oracle, met.minimal, met.dust];
    assert!(rare.iter().all(|seen| *seen >= cases() / 200), "not drawn: {met:?}");
}

/// The functions that the description names, at the ends of their ranges and everywhere between.
#[test]
fn its_parts_are_the_engines_functions() {
    let (tiers, lots, healths) = (tier_scripts(), lot_script(), health_script());
    let mut dice = Dice(20);
    for case in 0..cases() {
        let params = any_tiers(&mut dice);
        let notional = any_notional(&mut dice, &params);
        let mut numbers = tier_numbers(&params);
        numbers.push(("notional", i128::from(notional)));
        let values = tiers[params.tiers().len() - 1].evaluate(&numbers, &[]);
        let got = requirement(&params, QuoteAtoms(notional), false).map(|required| required.0);
        assert_eq!(got, Ok(values.get("requirement")), "case {case}: {notional} in {:?}", params.tiers());
        assert!(values.given, "case {case}");
        check_per_lot(&mut dice, &lots);
        check_health(&mut dice, &healths);
    }
    println!("{} cases of each part", cases());
}

fn tier_scripts() -> Vec<Script> {
    let of = |count| {
        let mut script = Script::default();
        let tiers = Tiers::declare(&mut script, count, Coded::AsIs);
        let notional = script.input("notional");
        tiers.requirement(&mut script, "requirement", &notional);
        script
    };
    (1..=4).map(of).collect()
}

fn any_tiers(dice: &mut Dice) -> MarketParams {
    let mut params: MarketParams = bytemuck::Zeroable::zeroed();
    let mut edges: Vec<i64> = (0..=dice.below(4)).map(|_| dice.within(1, 1 << 50)).collect();
    edges.sort_unstable();
    edges.dedup();
    params.tier_count = u32::try_from(edges.len()).expect("four at most");
    let mut rate = 1;
    for (tier, edge) in params.tiers.iter_mut().zip(edges) {
        rate = dice.within(rate, 10_000);
        let mmr_bps = u32::try_from(rate).expect("a rate");
        *tier = MarginTier { notional_cap_atoms: edge.unsigned_abs(), mmr_bps, imr_bps: mmr_bps };
    }
    params
}

/// At an edge, next to one, or anywhere.
fn any_notional(dice: &mut Dice, params: &MarketParams) -> i64 {
    let tiers = params.tiers();
    let tier = usize::try_from(dice.below(8)).expect("small");
    match tiers.get(tier) {
        Some(tier) => i64::try_from(tier.notional_cap_atoms).expect("an edge") + dice.within(-1, 1),
        None => dice.within(0, quantity::MAX_NOTIONAL_ATOMS),
    }
}

fn lot_script() -> Script {
    let mut script = Script::default();
    let (price, rate) = (script.input("price"), script.input("rate"));
    let before = HealthTerm::declare(&mut script, "before");
    let bounds = arithmetic::Bounds::describe(&mut script, &rate, &price, &before, Coded::AsIs);
    script.define("bound", bounds.health_bound);
    let fraction = script.input("fraction_ppb");
    per_lot_down(&mut script, "per_lot", &fraction, &rate, &price);
    script
}

fn check_per_lot(dice: &mut Dice, script: &Script) {
    let (price, rate) = (dice.within(1, quantity::MAX_PRICE_ATOMS_PER_LOT), dice.within(1, 10_000));
    let fraction = dice.within(0, 1_000_000_000);
    // Not more than 2^23 requirements of equity, so that the bound fits an atom per lot of 64 bits.
    let required = dice.within(1, i64::MAX).max(1);
    let wide = i128::from(required) << dice.below(7);
    let equity = dice.within(1, quantity::MAX_EQUITY_ATOMS.min(required.saturating_mul(1 << 7)).max(1));
    let numbers = [
        ("price", i128::from(price)),
        ("rate", i128::from(rate)),
        ("fraction_ppb", i128::from(fraction)),
        ("equity_before", i128::from(equity)),
        ("required_before", wide),
        ("cost_cap_ppb", 0),
        ("penalty_ppb", 0),
    ];
    let values = script.evaluate(&numbers, &[]);
    let rate = u32::try_from(rate).expect("a rate");
    let per_lot = ladder::per_lot_down(fraction.unsigned_abs(), rate, price.unsigned_abs());
    assert_eq!(per_lot.map(i128::from), Ok(values.get("per_lot")), "{numbers:?}");
    let health = Health { equity: QuoteAtoms(equity), requirement: Requirement(wide) };
    let bound = health_bound_per_lot_down(&health, rate, Price(price));
    // Above 64 bits the engine refuses (where its short way applies) or saturates: never more than what is described.
    match (bound, i64::try_from(values.get("bound"))) {
        (Ok(bound), Ok(told)) => assert_eq!(bound, told, "{numbers:?}"),
        (Ok(bound), Err(_)) => assert_eq!(bound, i64::MAX, "{numbers:?}"),
        (Err(why), told) => assert!(told.is_err(), "{why:?} {numbers:?}"),
    }
}

fn health_script() -> Script {
    let mut script = Script::default();
    let (now, before) = (HealthTerm::declare(&mut script, "now"), HealthTerm::declare(&mut script, "before"));
    let target = script.input("target");
    script.define_truth("at_least", now.is_at_least(&target));
    script.define_truth("not_worse", now.is_not_worse_than(&before));
    script
}

fn check_health(dice: &mut Dice, script: &Script) {
    let most = quantity::MAX_EQUITY_ATOMS;
    // Close to a target, or to each other, as often as anywhere.
    let target = dice.within(1, 100_000);
    let required = |dice: &mut Dice| i128::from(dice.within(0, 1 << 55)) * i128::from(dice.within(0, 10_000));
    let before = (dice.within(-most, most), required(dice).max(1));
    let now_required = required(dice);
    let around = match dice.below(3) {
        0 => i128::from(target) * now_required / 100_000_000,
        1 => i128::from(before.0) * (now_required >> 12) / (before.1 >> 12).max(1),
        _ => i128::from(dice.within(-most, most)),
    };
    let equity = i64::try_from(around + i128::from(dice.within(-1, 1))).unwrap_or(most).clamp(-most, most);
    let numbers = [
        ("equity_now", i128::from(equity)),
        ("required_now", now_required),
        ("equity_before", i128::from(before.0)),
        ("required_before", before.1),
        ("target", i128::from(target)),
    ];
    let values = script.evaluate(&numbers, &[]);
    let health = |equity, required| Health { equity: QuoteAtoms(equity), requirement: Requirement(required) };
    let now = health(equity, now_required);
    let target = u32::try_from(target).expect("a target");
    assert_eq!(now.is_at_least(target), values.is("at_least"), "{numbers:?}");
    assert_eq!(now.is_not_worse_than(&health(before.0, before.1)), values.is("not_worse"), "{numbers:?}");
}
