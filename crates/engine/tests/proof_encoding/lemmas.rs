//! What is proved of the arithmetic, lemma by lemma, and the mistakes that z3 must find.

use super::arithmetic::{gain, lots_wanted, Bounds, Coded, Cost, Health, Payable, Step, Stretch, Tiers};
use super::term::{all, any, int, Num, Script, Sort, Truth};

/// A statement: under its script's givens, the claim.
pub struct Statement {
    pub script: Script,
    pub claim: Truth,
}

/// A statement with its name, its words and the numbers it is about.
pub struct Lemma {
    pub name: String,
    pub words: &'static str,
    pub sort: Sort,
    pub statement: Statement,
    /// Whether it holds. The others are controls.
    pub holds: bool,
}

fn claimed(script: Script, claim: impl Into<Vec<Truth>>) -> Statement {
    Statement { script, claim: all(claim) }
}

fn positive(script: &mut Script, name: &str) -> Num {
    let value = script.input(name);
    script.given(int(1).at_most(&value));
    value
}

/// A leg of some lots, and the stretch that comes next.
fn stretched(script: &mut Script, tier_count: usize, coded: Coded) -> (Tiers, Num, Num, Stretch) {
    let tiers = Tiers::declare(script, tier_count, coded);
    let price = positive(script, "price");
    let remaining = positive(script, "remaining");
    let stretch = Stretch::describe(script, &tiers, &price, &remaining, coded);
    (tiers, price, remaining, stretch)
}

fn inside(tier_count: usize, coded: Coded) -> Statement {
    let mut script = Script::default();
    let (tiers, price, remaining, stretch) = stretched(&mut script, tier_count, coded);
    script.given(stretch.straddles.not());
    let lots = script.input("lots");
    script.given(all([lots.natural(), lots.at_most(&stretch.lots)]));
    let after = tiers.requirement(&mut script, "leg_required_after", &((&remaining - &lots) * &price));
    let freed = &stretch.required - after;
    claimed(script, [freed.equals(&(&lots * &stretch.freed)), stretch.freed.equals(&(&stretch.rate * &price))])
}

fn straddle(tier_count: usize, coded: Coded) -> Statement {
    let mut script = Script::default();
    let (_, price, _, stretch) = stretched(&mut script, tier_count, coded);
    script.given(stretch.straddles.clone());
    claimed(script, [(&stretch.rate * &price).at_most(&stretch.freed), stretch.rate.positive()])
}

/// Bounds, slippage and penalty of one lot, inside κ.
fn priced(script: &mut Script, coded: Coded) -> (Health, Num, Bounds, Cost, Num) {
    let before = Health::declare(script, "before");
    script.given(all([before.equity.positive(), before.required.positive()]));
    let (price, rate) = (positive(script, "price"), positive(script, "rate"));
    let bounds = Bounds::describe(script, &rate, &price, &before, coded);
    let slippage = script.input("slippage");
    let cost = Cost::describe(script, &bounds, &slippage, coded);
    script.given(cost.inside_cap.clone());
    (before, price * rate, bounds, cost, slippage)
}

fn cost(coded: Coded) -> Statement {
    let mut script = Script::default();
    let (before, margin, bounds, cost, slippage) = priced(&mut script, coded);
    let offered = positive(&mut script, "offered_lots");
    let payable = Payable::describe(&mut script, &cost, &offered);
    let spent = &cost.adverse + &payable.penalty;
    let claim = [
        spent.at_most(&bounds.cost_cap),
        bounds.cost_cap.at_most(&bounds.health_bound),
        (&bounds.health_bound * &before.required).at_most(&(&before.equity * &margin)),
        (&spent * &before.required).at_most(&(&before.equity * &margin)),
        (&slippage + &payable.penalty).at_most(&spent),
        payable.penalty.at_most(&bounds.penalty.greatest(&int(0))),
    ];
    claimed(script, claim)
}

/// Needs whole numbers: half of one atom, rounded down, is none.
fn penalty() -> Statement {
    let mut script = Script::default();
    let (_, _, bounds, cost, _) = priced(&mut script, Coded::AsIs);
    let offered = positive(&mut script, "offered_lots");
    let payable = Payable::describe(&mut script, &cost, &offered);
    let twice = (&payable.penalty * int(2) + &cost.adverse).at_most(&bounds.health_bound.greatest(&cost.adverse));
    claimed(script, [payable.penalty.natural(), payable.lots.positive(), payable.lots.at_most(&offered), twice])
}

/// The account before the slice, and before one of its fills, with what the earlier lemmas have shown of the fill.
struct Fill {
    before: Health,
    now: Health,
    lots: Num,
    cost: Num,
    freed: Num,
}

impl Fill {
    fn declare(script: &mut Script, coded: Coded) -> Self {
        script.words("Before the slice, and before this fill: health has not fallen so far.");
        let before = Health::declare(script, "before");
        let now = Health::declare(script, "now");
        script.given(all([before.equity.positive(), before.required.positive()]));
        script.given(all([now.equity.natural(), now.required.positive()]));
        script.given(now.is_not_worse_than(&before));
        script.words("The fill: lots of one rate that free at least rate * price each (inside, straddle), at a cost within the bound (cost).");
        let (price, rate) = (positive(script, "price"), positive(script, "rate"));
        let lots = positive(script, "lots");
        let (cost, freed) = (script.input("cost"), script.input("freed"));
        script.given((&rate * &price).at_most(&freed));
        script.given((&lots * &freed).at_most(&now.required));
        let spent = if coded == Coded::AnAtomBeyondBound { &cost - int(1) } else { cost.clone() };
        script.given((&spent * &before.required).at_most(&(&before.equity * (&price * &rate))));
        Self { before, now, lots, cost, freed }
    }
}

fn health(coded: Coded) -> Statement {
    let mut script = Script::default();
    let Fill { before, now, lots, cost, freed } = Fill::declare(&mut script, coded);
    let after = now.after(&lots, &cost, &freed);
    claimed(script, [after.is_not_worse_than(&now), after.is_not_worse_than(&before), after.equity.natural()])
}

fn progress(coded: Coded) -> Statement {
    let mut script = Script::default();
    let Fill { before, now, cost, freed, .. } = Fill::declare(&mut script, coded);
    let target = positive(&mut script, "target");
    script.given(now.is_at_least(&target).not());
    if coded != Coded::AsIs {
        script.words("A control: one small case is enough.");
        script.given(all([target.equals(&int(10_000)), before.equity.equals(&int(1)), now.equity.equals(&int(1))]));
        script.given(all([freed.equals(&int(1)), cost.equals(&int(1))]));
    }
    let gained = gain(&mut script, &target, &freed, &cost, &int(0), Coded::AsIs);
    claimed(script, [gained.positive()])
}

fn deficit(coded: Coded) -> Statement {
    let mut script = Script::default();
    let now = Health::declare(&mut script, "now");
    let lots = positive(&mut script, "lots");
    let target = positive(&mut script, "target");
    if coded != Coded::AsIs {
        script.words("A control: one small case is enough.");
        script.given(all([lots.equals(&int(1)), target.equals(&int(10_000))]));
    }
    let (slippage, penalty, freed) = (script.input("slippage"), script.input("penalty"), script.input("freed"));
    script.given(all([penalty.natural(), freed.positive()]));
    if coded != Coded::AsIs {
        script.given(all([slippage.equals(&int(-1)), penalty.equals(&int(1)), freed.equals(&int(2))]));
    }
    script.given((&lots * &freed).at_most(&now.required));
    let gained = gain(&mut script, &target, &freed, &slippage, &penalty, coded);
    let after = now.after(&lots, &(&slippage + &penalty), &freed);
    let left = script.define("deficit_after", now.deficit(&target) - &gained * &lots);
    let met = script.define_truth("met", left.at_most(&int(0)));
    let at_target = script.define_truth("at_target", after.is_at_least(&target));
    let same = any([all([met.clone(), at_target.clone()]), all([met.not(), at_target.not()])]);
    claimed(script, [left.equals(&after.deficit(&target)), same])
}

fn minimal(coded: Coded) -> Statement {
    let mut script = Script::default();
    let deficit = positive(&mut script, "deficit");
    let gain = positive(&mut script, "gain");
    let offered = positive(&mut script, "payable_lots");
    let wanting = script.define_truth("wanting", deficit.positive());
    let lots = lots_wanted(&mut script, &wanting, &deficit, &offered, &gain, coded);
    script.words("Any smaller number of lots.");
    let fewer = script.input("fewer");
    script.given(all([fewer.natural(), fewer.at_most(&(&lots - int(1)))]));
    let after = &deficit - &gain * &lots;
    let claim = [
        (&deficit - &gain * &fewer).positive(),
        lots.at_most(&offered),
        any([after.at_most(&int(0)), lots.equals(&offered)]),
    ];
    claimed(script, claim)
}

/// Needs whole numbers: more than none is one.
fn one_lot() -> Statement {
    let mut script = Script::default();
    let deficit = script.input("deficit");
    let gain = positive(&mut script, "gain");
    let offered = positive(&mut script, "payable_lots");
    let wanting = script.define_truth("wanting", deficit.positive());
    let lots = lots_wanted(&mut script, &wanting, &deficit, &offered, &gain, Coded::AsIs);
    claimed(script, [int(1).at_most(&lots)])
}

fn width(coded: Coded) -> Statement {
    let mut script = Script::default();
    let mut within = |name: &str, low: i128, high: i128| {
        let value = script.input(name);
        script.given(all([int(low).at_most(&value), value.at_most(&int(high))]));
        value
    };
    let most_equity = if coded == Coded::EquityUnbounded { 1 << 80 } else { 1 << 56 };
    let (equity, required) = (within("equity", -most_equity, most_equity), within("required", 0, 10_000 << 55));
    let (price, rate) = (within("price", 1, 1 << 40), within("rate", 1, 10_000));
    let (target, lots) = (within("target", 1, 100_000), within("lots", 1, 1 << 40));
    let notional = within("notional", 1, 1 << 52);
    let (freed, margin) = (&notional * &rate, &price * &rate);
    let most = int(i128::MAX);
    let claim = [
        margin.at_most(&int(i64::MAX)),
        (&equity * &margin).at_most(&most),
        (&target * &required + &equity * int(100_000_000)).at_most(&most),
        (&equity * &required).at_most(&most),
        (&equity * int(10_000_000_000_000i128)).at_most(&most),
        (&lots * (&freed * &target)).at_most(&most),
    ];
    claimed(script, claim)
}

/// Where the next lot lies. The cases of one tier count together are all there are.
#[derive(Clone, Copy)]
pub enum Case {
    Any,
    Straddle,
    /// Counted from 1; what is above the last edge belongs to the last tier.
    InsideTier(usize),
}

/// A fill as it is coded, whole, in an account with any other legs.
pub fn whole(tier_count: usize, coded: Coded, case: Case) -> Statement {
    let mut script = Script::default();
    let step = Step::describe(&mut script, tier_count, coded);
    script.words("What holds before this fill. The requirement of the other legs is what is left of the account's.");
    script.given(all([int(1).at_most(&step.price), int(1).at_most(&step.remaining), step.fills.clone()]));
    let notional = &step.remaining * &step.price;
    match case {
        Case::Any => {}
        Case::Straddle => script.given(step.stretch.straddles.clone()),
        Case::InsideTier(tier) => {
            script.given(step.stretch.straddles.not());
            let caps = &step.tiers.caps;
            if tier > 1 {
                script.given(caps[tier - 2].less(&notional));
            }
            if tier < tier_count {
                script.given(notional.at_most(&caps[tier - 1]));
            }
        }
    }
    let now = Health::declare(&mut script, "now");
    script.given(int(1).at_most(&step.lots));
    script.given(all([step.before.equity.positive(), step.before.required.positive(), now.equity.natural()]));
    let of_leg = &step.stretch.required;
    script.given(of_leg.at_most(&now.required));
    script.given(now.is_not_worse_than(&step.before));
    let rest = (&step.remaining - &step.lots) * &step.price;
    let left = step.tiers.requirement(&mut script, "leg_required_after", &rest);
    let after = Health { equity: &now.equity - &step.lots * &step.cost, required: &now.required - of_leg + left };
    claimed(script, [after.is_not_worse_than(&now), after.is_not_worse_than(&step.before), after.equity.natural()])
}

struct List(Vec<Lemma>);

impl List {
    fn holds(&mut self, name: impl Into<String>, sort: Sort, statement: Statement, words: &'static str) {
        self.0.push(Lemma { name: name.into(), words, sort, statement, holds: true });
    }

    fn fails(&mut self, name: &str, statement: Statement, words: &'static str) {
        self.0.push(Lemma { name: name.to_owned(), words, sort: Sort::Int, statement, holds: false });
    }
}

/// Every lemma, and every control.
pub fn every() -> Vec<Lemma> {
    let mut list = List(Vec::new());
    lemmas(&mut list);
    controls(&mut list);
    list.0
}

fn lemmas(to: &mut List) {
    let as_is = Coded::AsIs;
    for count in 1..=4 {
        let name = format!("inside-{count}");
        to.holds(name, Sort::Real, inside(count, as_is), "Of the lots that lie in one tier, any number frees exactly rate * price each: the requirement of the leg falls by that, tier edges included.");
    }
    for count in 2..=4 {
        let name = format!("straddle-{count}");
        to.holds(name, Sort::Real, straddle(count, as_is), "The lot that straddles an edge, or several, is charged at a rate whose rate * price is at most what the lot frees; what it frees is counted exactly.");
    }
    to.holds("cost", Sort::Real, cost(as_is), "A lot's cost (adverse slippage and penalty) is within the cost cap, that within floor(E*r*P/M), and that within E*r*P/M of the account before the slice; whatever the ladder says.");
    to.holds("penalty", Sort::Int, penalty(), "A penalty is never negative, leaves the account half of what slippage leaves under the bound, and at least a lot can be taken with it (or without one).");
    to.holds("health", Sort::Real, health(as_is), "A fill whose cost per lot is within H*r*P of the account before the slice does not lower health, neither against the state just before nor against the state before the slice, and leaves no debt. With the first fill now = before; so by induction over the fills of a slice.");
    to.holds("progress", Sort::Real, progress(as_is), "While the target is missed, every lot inside the bound lowers the deficit: the gain that divides it is positive.");
    to.holds("deficit", Sort::Real, deficit(as_is), "The solver's running deficit stays target * M - E exactly, and it is at or below zero exactly where Health::is_at_least says that the target is met.");
    to.holds("minimal", Sort::Real, minimal(as_is), "Of the lots a fill takes, any smaller number misses the target; and if they miss it too, everything that was offered has been taken.");
    to.holds("one-lot", Sort::Int, one_lot(), "A fill takes at least one lot.");
    to.holds("width", Sort::Real, width(as_is), "Within the bounds of quantities (docs/spec.md, section 1) no product leaves 128 bits, nor rate * price 64, so that nothing saturates.");
    for count in 1..=4 {
        let words = "One fill as SliceSolver::step makes it, from tiers to lots: health does not fall, measured with the requirement of the tiers before and after.";
        // One tier has no edge.
        if count > 1 {
            to.holds(format!("whole-{count}-straddle"), Sort::Real, whole(count, as_is, Case::Straddle), words);
        }
        for tier in 1..=count {
            to.holds(
                format!("whole-{count}-tier-{tier}"),
                Sort::Real,
                whole(count, as_is, Case::InsideTier(tier)),
                words,
            );
        }
    }
}

fn controls(to: &mut List) {
    to.fails("bound-rounded-up", cost(Coded::BoundRoundedUp), "H*r*P rounded up.");
    to.fails("cap-beyond-bound", cost(Coded::CapBeyondBound), "The cost cap not limited by H*r*P.");
    to.fails(
        "penalty-beside-slippage",
        cost(Coded::PenaltyBesideSlippage),
        "The penalty limited by the cost cap, not by what slippage leaves of it.",
    );
    to.fails(
        "straddle-at-upper-rate",
        straddle(2, Coded::StraddleAtUpperRate),
        "A straddling lot charged at the rate that it begins in.",
    );
    to.fails(
        "rates-that-fall",
        straddle(2, Coded::RatesMayFall),
        "Tiers whose rates may fall: why the rule TierRates is needed.",
    );
    to.fails("edge-lots-rounded-up", inside(2, Coded::EdgeLotsRoundedUp), "Lots to the tier's edge rounded up.");
    to.fails(
        "an-atom-beyond-bound",
        health(Coded::AnAtomBeyondBound),
        "A cost of an atom more than the bound lowers health.",
    );
    to.fails("no-progress", progress(Coded::AnAtomBeyondBound), "And a lot may then not bring the target nearer.");
    to.fails("gain-without-penalty", deficit(Coded::GainWithoutPenalty), "The gain of a lot without its penalty.");
    to.fails(
        "gain-of-adverse",
        deficit(Coded::GainOfAdverse),
        "A price better than the oracle's not counted in the gain.",
    );
    to.fails(
        "needed-rounded-down",
        minimal(Coded::NeededRoundedDown),
        "Lots that the deficit needs rounded down: the target is missed.",
    );
    to.fails("needed-and-one", minimal(Coded::NeededAndOne), "A lot more than needed.");
    to.fails(
        "met-counts-as-missed",
        minimal(Coded::MetCountsAsMissed),
        "A target that is met exactly counts as missed.",
    );
    to.fails("equity-unbounded", width(Coded::EquityUnbounded), "Equity of 2^80 atoms: why quantities have bounds.");
    to.fails(
        "whole-cap-beyond-bound",
        whole(1, Coded::CapBeyondBound, Case::Any),
        "The whole fill with a cost cap not limited by H*r*P.",
    );
    to.fails(
        "whole-bound-rounded-up",
        whole(1, Coded::BoundRoundedUp, Case::Any),
        "The whole fill with H*r*P rounded up.",
    );
}
