//! The engine's arithmetic of a slice, described once: `margin::requirement`, `ladder::per_lot_down`, `slice::health_bound_per_lot_down`,
//! `SliceSolver::step` and what it calls, and the comparisons of `Health`. Read as it stands in `crates/engine/src`.
//!
//! Described in unbounded integers. The engine's numbers are bounded and checked: where one leaves its type the call fails and nothing has
//! happened. The places that saturate instead do so beyond the bounds of quantities (lemma `bounds`).

use super::term::{all, any, int, Num, Script, Truth};

/// `10^8`: the deficit is in `10^-8` atoms.
pub const DEFICIT_SCALE: i128 = 100_000_000;
const BPS_ONE: i128 = 10_000;
const PPB_ONE: i128 = 1_000_000_000;

/// The arithmetic as it is coded, or with one mistake: for the negative controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    AsIs,
    /// `H·r·P` rounded up.
    BoundRoundedUp,
    /// κ not limited by `H·r·P`.
    CapBeyondBound,
    /// The penalty limited by κ, not by what slippage leaves of it.
    PenaltyBesideSlippage,
    /// A straddling lot charged at the rate it begins in, not at the lowest it touches.
    StraddleAtUpperRate,
    /// Lots to the tier's edge rounded up.
    EdgeLotsRoundedUp,
    /// Lots that the deficit needs rounded down.
    NeededRoundedDown,
    /// A lot more than the deficit needs.
    NeededAndOne,
    /// The gain of a lot without its penalty.
    GainWithoutPenalty,
    /// The gain of a lot with slippage above zero only, so that a better price counts for nothing.
    GainOfAdverse,
    /// A lot that would leave the target missed by nothing counts as needed: `≤` for `<`.
    MetCountsAsMissed,
    /// A cost of an atom more than the bound.
    AnAtomBeyondBound,
    /// Rates of tiers in any order.
    RatesMayFall,
    /// Equity beyond the bounds of quantities.
    EquityUnbounded,
}

/// Margin tiers.
pub struct Tiers {
    pub caps: Vec<Num>,
    pub rates: Vec<Num>,
}

impl Tiers {
    /// As `MarketParams::validate` admits them (rules `TierEdges`, `TierRates`).
    pub fn declare(script: &mut Script, count: usize, coded: Coded) -> Self {
        script.words("Tiers: rising caps, rates that do not fall.");
        let caps: Vec<Num> = (1..=count).map(|tier| script.input(&format!("cap_{tier}"))).collect();
        let rates: Vec<Num> = (1..=count).map(|tier| script.input(&format!("rate_{tier}"))).collect();
        script.given(all([caps[0].positive(), rates[0].positive()]));
        for pair in caps.windows(2) {
            script.given(pair[0].less(&pair[1]));
        }
        for pair in rates.windows(2) {
            let rising = pair[0].at_most(&pair[1]);
            script.given(if coded == Coded::RatesMayFall { pair[1].positive() } else { rising });
        }
        Self { caps, rates }
    }

    /// `margin::requirement` of a notional, at maintenance, in 10^-4 atoms.
    pub fn requirement(&self, script: &mut Script, name: &str, notional: &Num) -> Num {
        let (mut sum, mut lower) = (int(0), int(0));
        let mut sums = Vec::new();
        for (tier, (cap, rate)) in (1..).zip(self.caps.iter().zip(&self.rates)) {
            let part = (notional.least(cap) - &lower).greatest(&int(0));
            sum = script.define(&format!("{name}_to_{tier}"), &sum + &part * rate);
            lower = cap.clone();
            sums.push((cap, sum.clone()));
        }
        let above = (notional - &lower).greatest(&int(0));
        let beyond = &sum + &above * self.rates.last().expect("a tier");
        script.define(name, sums.iter().rev().fold(beyond, |rest, (cap, sum)| notional.at_most(cap).choose(sum, &rest)))
    }

    /// `slice::tier_below`: the lower edge and the rate of the tier that holds what lies just below a notional.
    fn tier_below(&self, notional: &Num) -> (Num, Num) {
        let lowers: Vec<Num> = std::iter::once(int(0)).chain(self.caps.iter().cloned()).collect();
        let last = self.caps.len() - 1;
        let mut found = (lowers[last].clone(), self.rates[last].clone());
        for tier in (0..last).rev() {
            let inside = notional.at_most(&self.caps[tier]);
            found = (inside.choose(&lowers[tier], &found.0), inside.choose(&self.rates[tier], &found.1));
        }
        found
    }

    /// `slice::lowest_rate_from`: the rate just above a notional.
    fn lowest_rate_from(&self, notional: &Num) -> Num {
        let last = self.rates.last().expect("a tier").clone();
        let tiers = self.caps.iter().zip(&self.rates);
        tiers.rev().fold(last, |rest, (cap, rate)| notional.less(cap).choose(rate, &rest))
    }
}

/// `SliceSolver::stretch`: the lots that come next at one rate, and what each frees.
pub struct Stretch {
    /// Requirement of the leg as it is.
    pub required: Num,
    pub straddles: Truth,
    pub rate: Num,
    pub lots: Num,
    pub freed: Num,
}

impl Stretch {
    pub fn describe(script: &mut Script, tiers: &Tiers, price: &Num, remaining: &Num, coded: Coded) -> Self {
        script.words("The stretch: lots to the tier's lower edge, or the one lot that straddles it.");
        let notional = script.define("notional", remaining * price);
        let (edge, rate) = tiers.tier_below(&notional);
        let inside_rate = script.define("inside_rate", rate);
        let inside = script.define("inside", (&notional - edge).greatest(&int(0)));
        let quotient = if coded == Coded::EdgeLotsRoundedUp { Script::quotient_up } else { Script::quotient_down };
        let inside_lots = quotient(script, "inside_lots", inside, price.clone());
        let straddles = script.define_truth("straddles", inside_lots.at_most(&int(0)));
        let after = script.define("notional_after", (remaining - int(1)) * price);
        let rate_after =
            if coded == Coded::StraddleAtUpperRate { inside_rate.clone() } else { tiers.lowest_rate_from(&after) };
        let required = tiers.requirement(script, "leg_required", &notional);
        let one_less = tiers.requirement(script, "leg_required_one_less", &after);
        let rate = script.define("rate", straddles.choose(&rate_after, &inside_rate));
        let lots = script.define("stretch_lots", straddles.choose(&int(1), &inside_lots));
        let freed = script.define("freed", straddles.choose(&(&required - &one_less), &(price * &inside_rate)));
        Self { required, straddles, rate, lots, freed }
    }
}

/// `ladder::per_lot_down`: a fraction of the maintenance rate in atoms per lot.
pub fn per_lot_down(script: &mut Script, name: &str, fraction_ppb: &Num, rate: &Num, price: &Num) -> Num {
    let of_notional = script.quotient_down(&format!("{name}_ppb_of_notional"), fraction_ppb * rate, int(BPS_ONE));
    script.quotient_down(name, of_notional * price, int(PPB_ONE))
}

/// `SliceSolver::bounds_for`, of the health before the slice.
pub struct Bounds {
    pub cost_cap: Num,
    pub penalty: Num,
    pub health_bound: Num,
}

impl Bounds {
    /// The requirement is positive: the leg has a position and rates are positive.
    pub fn describe(script: &mut Script, rate: &Num, price: &Num, before: &Health, coded: Coded) -> Self {
        script.words("The bounds of a lot at this rate, in atoms, from the health before the slice.");
        let cost_cap_ppb = script.input("cost_cap_ppb");
        let penalty_ppb = script.input("penalty_ppb");
        script.given(all([cost_cap_ppb.natural(), penalty_ppb.natural()]));
        let equity = before.equity.greatest(&int(0));
        let quotient = if coded == Coded::BoundRoundedUp { Script::quotient_up } else { Script::quotient_down };
        let health_bound = quotient(script, "health_bound", equity * (price * rate), before.required.clone());
        let scheduled_cap = per_lot_down(script, "scheduled_cap", &cost_cap_ppb, rate, price);
        let penalty = per_lot_down(script, "ladder_penalty", &penalty_ppb, rate, price);
        let within = if coded == Coded::CapBeyondBound { scheduled_cap } else { scheduled_cap.least(&health_bound) };
        let cost_cap = script.define("cost_cap", within);
        Self { cost_cap, penalty, health_bound }
    }
}

/// Slippage and penalty of a lot, as `SliceSolver::step` finds them before it asks what budget and cash can pay.
pub struct Cost {
    pub adverse: Num,
    pub inside_cap: Truth,
    pub scheduled: Num,
}

impl Cost {
    pub fn describe(script: &mut Script, bounds: &Bounds, slippage: &Num, coded: Coded) -> Self {
        script.words("Slippage above zero; the penalty of the schedule, of what slippage leaves.");
        let adverse = script.define("adverse", slippage.greatest(&int(0)));
        let inside_cap = script.define_truth("inside_cap", adverse.at_most(&bounds.cost_cap));
        let left = (&bounds.health_bound - &adverse).greatest(&int(0));
        let half_left = script.quotient_down("half_left", left, int(2));
        let of_cap =
            if coded == Coded::PenaltyBesideSlippage { bounds.cost_cap.clone() } else { &bounds.cost_cap - &adverse };
        let scheduled = script.define("scheduled", bounds.penalty.least(&of_cap).least(&half_left));
        Self { adverse, inside_cap, scheduled }
    }
}

/// `SliceSolver::lots_with_penalty`: whether budget and cash pay for a lot with its penalty, and for how many.
pub struct Payable {
    pub penalty: Num,
    pub lots: Num,
}

impl Payable {
    pub fn describe(script: &mut Script, cost: &Cost, lots: &Num) -> Self {
        script.words("What cash and budget can pay. (Divisors of at least 1: where the penalty is zero the quotients are not looked at.)");
        let fund = script.input("fund");
        let budget = script.input("budget");
        let has_budget = script.flag("has_budget");
        script.given(all([fund.natural(), budget.natural()]));
        let by_fund = script.quotient_down("lots_by_fund", fund, cost.scheduled.greatest(&int(1)));
        let each = (&cost.adverse + &cost.scheduled).greatest(&int(1));
        let by_budget = script.quotient_down("lots_by_budget", budget.greatest(&int(0)), each);
        let affordable = script.define("affordable", has_budget.choose(&by_fund.least(&by_budget), &by_fund));
        let free = cost.scheduled.equals(&int(0));
        let limited = all([free.not(), affordable.at_most(&int(0)).not()]);
        let penalty = script.define("penalty", limited.choose(&cost.scheduled, &int(0)));
        let lots = script.define("payable_lots", limited.choose(&lots.least(&affordable), lots));
        Self { penalty, lots }
    }
}

/// `SliceSolver::gain_per_lot`: how much a lot lowers the deficit.
pub fn gain(script: &mut Script, target: &Num, freed: &Num, slippage: &Num, penalty: &Num, coded: Coded) -> Num {
    script.words("How much a lot lowers the deficit, in 10^-8 atoms.");
    let cost = match coded {
        Coded::GainWithoutPenalty => slippage.clone(),
        Coded::GainOfAdverse => slippage.greatest(&int(0)) + penalty,
        _ => slippage + penalty,
    };
    script.define("gain", freed * target - cost * int(DEFICIT_SCALE))
}

/// `SliceSolver::lots_wanted` of a positive gain.
pub fn lots_wanted(script: &mut Script, wanting: &Truth, deficit: &Num, lots: &Num, gain: &Num, coded: Coded) -> Num {
    script.words(
        "Lots that the deficit needs, rounded up: all of them where they do not suffice, or where there is no deficit.",
    );
    let quotient = if coded == Coded::NeededRoundedDown { Script::quotient_down } else { Script::quotient_up };
    let needed = quotient(script, "needed", deficit.clone(), gain.greatest(&int(1)));
    let needed = match coded {
        Coded::NeededAndOne => needed + int(1),
        Coded::MetCountsAsMissed => (&needed * gain).equals(deficit).choose(&(&needed + int(1)), &needed),
        _ => needed,
    };
    let whole = (gain * lots).at_most(deficit);
    let wanted = whole.choose(lots, &needed.least(lots));
    script.define("fill_lots", wanting.choose(&wanted, lots))
}

/// Equity in atoms and requirement in 10^-4 atoms.
#[derive(Clone)]
pub struct Health {
    pub equity: Num,
    pub required: Num,
}

impl Health {
    pub fn declare(script: &mut Script, when: &str) -> Self {
        Self { equity: script.input(&format!("equity_{when}")), required: script.input(&format!("required_{when}")) }
    }

    /// `Health::is_at_least`.
    pub fn is_at_least(&self, target: &Num) -> Truth {
        let none = self.required.equals(&int(0));
        let scaled = (target * &self.required).at_most(&(&self.equity * int(DEFICIT_SCALE)));
        any([all([none.clone(), self.equity.natural()]), all([none.not(), scaled])])
    }

    /// `Health::is_not_worse_than`, where there was a requirement before.
    pub fn is_not_worse_than(&self, before: &Health) -> Truth {
        let none = self.required.equals(&int(0));
        let scaled = (&before.equity * &self.required).at_most(&(&self.equity * &before.required));
        any([all([none.clone(), self.equity.natural()]), all([none.not(), scaled])])
    }

    /// `τ·M − E` in 10^-8 atoms, as `SliceSolver::new` starts with it.
    pub fn deficit(&self, target: &Num) -> Num {
        target * &self.required - &self.equity * int(DEFICIT_SCALE)
    }

    /// After lots at this cost that free so much each.
    pub fn after(&self, lots: &Num, cost: &Num, freed: &Num) -> Health {
        Health { equity: &self.equity - lots * cost, required: &self.required - lots * freed }
    }
}

/// `SliceSolver::step`, whole.
pub struct Step {
    pub tiers: Tiers,
    pub price: Num,
    pub before: Health,
    pub remaining: Num,
    pub stretch: Stretch,
    pub fills: Truth,
    /// What a lot costs the account: slippage, of either sign, and penalty.
    pub cost: Num,
    pub lots: Num,
}

impl Step {
    pub fn describe(script: &mut Script, tier_count: usize, coded: Coded) -> Self {
        let tiers = Tiers::declare(script, tier_count, coded);
        script.words("The leg, the level, the health before the slice, the state of the solver.");
        let price = script.input("price");
        let level = script.input("level");
        let is_long = script.flag("is_long");
        let available = script.input("available");
        let before = Health::declare(script, "before");
        let remaining = script.input("remaining");
        let room = script.input("room");
        let min_position = script.input("min_position");
        let target = script.input("target");
        let has_target = script.flag("has_target");
        let deficit = script.input("deficit");
        let met = all([has_target.clone(), deficit.at_most(&int(0))]);
        let dust = remaining.less(&min_position);
        let done = [remaining.equals(&int(0)), room.at_most(&int(0)), all([met, dust.not()])];
        let done = script.define_truth("done", any(done));
        let slippage = script.define("slippage", is_long.choose(&(&price - &level), &(&level - &price)));
        let stretch = Stretch::describe(script, &tiers, &price, &remaining, coded);
        let bounds = Bounds::describe(script, &stretch.rate, &price, &before, coded);
        let cost = Cost::describe(script, &bounds, &slippage, coded);
        let offered = script.define("offered_lots", available.least(&remaining).least(&room).least(&stretch.lots));
        let payable = Payable::describe(script, &cost, &offered);
        let gain = gain(script, &target, &stretch.freed, &slippage, &payable.penalty, coded);
        let wanting = all([has_target.clone(), int(0).less(&deficit)]);
        let lots = lots_wanted(script, &wanting, &deficit, &payable.lots, &gain, coded);
        script.words("The answer, and the state after it.");
        let fills = script.define_truth("fills", all([done.not(), available.positive(), cost.inside_cap.clone()]));
        script.define("deficit_after", &deficit - &gain * &lots);
        script.define("forgone", (&cost.scheduled - &payable.penalty) * &lots);
        let paid = script.define("paid", (&cost.adverse + &payable.penalty) * &lots);
        let (fund, budget) = (Num::Name("fund".into()), Num::Name("budget".into()));
        script.define("fund_after", (fund - &payable.penalty * &lots).greatest(&int(0)));
        script.define("budget_after", (budget - paid).greatest(&int(0)));
        let cost = slippage + payable.penalty;
        Self { tiers, price, before, remaining, stretch, fills, cost, lots }
    }
}
