//! The worked example of `docs/spec.md`, recomputed: every `name = number` of its blocks and every cell of its table of fills is an
//! input or comes out of the engine, digit by digit. What stands behind a `#` is a comment for people.

#[path = "spec_example/page.rs"]
mod page;
#[path = "spec_example/transitions.rs"]
mod transitions;

use page::{table, Page};
use taper_engine::account::AccountState;
use taper_engine::episode::{self, Target};
use taper_engine::ladder;
use taper_engine::margin::{requirement, value_leg, Health, Requirement, Valuation};
use taper_engine::market::{LastPrice, Throttle};
use taper_engine::oracle::{assess, Grade, OraclePrice, OracleReading};
use taper_engine::params::{MarginTier, MarketParams};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms};
use taper_engine::seat::Seat;
use taper_engine::slice::{health_bound_per_lot_down, planned_lots, SliceFill, SliceInputs, SliceSolver};
use taper_engine::throttle::account_share;

fn market_params(page: &Page) -> MarketParams {
    let sizing = MarketSizing {
        base_lot_exponent: page.input("base_lot_exponent"),
        price: Price(page.input("price_atoms_per_lot")),
        calm_depth_lots: BaseLots(page.input::<i64>("throttle_capacity_base_lots") * 2),
    };
    let mut params = default_params(&sizing).unwrap();
    let unused = MarginTier { notional_cap_atoms: 0, mmr_bps: 0, imr_bps: 0 };
    let tier = |index: u32| MarginTier {
        notional_cap_atoms: page.input(&format!("tier_{index}_cap_atoms")),
        mmr_bps: page.input(&format!("tier_{index}_mmr_bps")),
        imr_bps: page.input(&format!("tier_{index}_imr_bps")),
    };
    params.tiers = [tier(1), tier(2), unused, unused];
    params.tier_count = 2;
    for (point, index) in params.ladder.iter_mut().zip(1..) {
        point.health_bps = page.input(&format!("ladder_{index}_health_bps"));
        point.penalty_bps_of_mmr = page.input(&format!("ladder_{index}_penalty_bps_of_mmr"));
        point.cost_cap_bps_of_mmr = page.input(&format!("ladder_{index}_cost_cap_bps_of_mmr"));
        point.cooldown_slots = page.input(&format!("ladder_{index}_cooldown_slots"));
    }
    params.cost_cap_start_bps_of_mmr = page.input("cost_cap_start_bps_of_mmr");
    params.cost_cap_ramp_bps_of_mmr_per_slot = page.input("cost_cap_ramp_bps_of_mmr_per_slot");
    params.target_first_bps = page.input("target_first_bps");
    params.episode_cost_budget_bps = page.input("episode_cost_budget_bps");
    params.insurance_share_bps = page.input("insurance_share_bps");
    params.throttle_bypass_health_bps = page.input("throttle_bypass_health_bps");
    params.min_position_base_lots = page.input("min_position_base_lots");
    params.min_slice_base_lots = page.input("min_slice_base_lots");
    params.tick_size_atoms_per_lot = page.input("tick_size_atoms_per_lot");
    assert_eq!(params.violated_rule(), None, "the example's parameters must be a market's");
    params
}

fn oracle_price(page: &Page, params: &MarketParams) -> OraclePrice {
    let reading = OracleReading {
        price: page.input("pyth_price_mantissa"),
        confidence: page.input("pyth_confidence_mantissa"),
        exponent: page.input("pyth_exponent"),
        ema_price: 0,
        publish_time_seconds: 1_700_000_000,
    };
    let never = LastPrice { price_atoms_per_lot: 0, publish_time_seconds: 0, used_slot: 0 };
    let price = assess(&reading, params, page.input("quote_decimals"), &never, 1_700_000_001).unwrap();
    assert_eq!(price.grade, Grade::Fresh);
    page.says("price_atoms_per_lot", price.price.0);
    page.says("confidence_atoms_per_lot", price.confidence.0);
    price
}

fn seat(page: &Page) -> Seat {
    Seat {
        base_lots: page.input("base_lots"),
        quote_entry_atoms: page.input("quote_entry_atoms"),
        realised_atoms: page.input("realised_atoms"),
        ..bytemuck::Zeroable::zeroed()
    }
}

/// The account, flagged `clock_slots` before the slice.
fn account(page: &Page, params: &MarketParams, requirement: Requirement) -> AccountState {
    let mut account: AccountState = bytemuck::Zeroable::zeroed();
    account.cash_atoms = page.input("cash_atoms");
    let flagged = page.input("flagged_slot");
    assert!(account.episode.observe(flagged, true, requirement, params, false));
    account
}

fn health(params: &MarketParams, seat: &Seat, price: &OraclePrice, cash: i64, valuation: Valuation) -> Health {
    value_leg(params, seat, QuoteAtoms::ZERO, price, valuation).unwrap().with_cash(QuoteAtoms(cash)).unwrap()
}

/// The parts of the example before the slice, checked on the way.
struct Prepared {
    params: MarketParams,
    price: OraclePrice,
    seat: Seat,
    account: AccountState,
    health: Health,
    values: ladder::LadderValues,
}

fn prepare(page: &Page) -> Prepared {
    let params = market_params(page);
    let price = oracle_price(page, &params);
    let seat = seat(page);
    let cash = page.input("cash_atoms");
    let before = health(&params, &seat, &price, cash, Valuation::Maintenance);
    page.says("notional_atoms", price.price.notional(BaseLots(seat.base_lots)).unwrap().0);
    page.says("equity_atoms", before.equity.0);
    page.says("requirement_atom_bps", before.requirement.0);
    page.says("health_bps_down", before.to_bps_down());
    let favourable = health(&params, &seat, &price, cash, Valuation::Favourable);
    page.says("favourable_price_atoms_per_lot", price.favourable(BaseLots(seat.base_lots)).0);
    page.says("favourable_equity_atoms", favourable.equity.0);
    page.says("favourable_requirement_atom_bps", favourable.requirement.0);
    page.says("favourable_health_bps_down", favourable.to_bps_down());
    assert!(favourable.is_below(10_000));

    let mut account = account(page, &params, before.requirement);
    account.episode.observe(page.input("slot"), true, before.requirement, &params, false);
    assert_eq!(account.episode.kind, episode::KIND_FIRST);
    page.says("clock_slots", account.episode.clock_slots);
    page.says("start_requirement_atoms", account.episode.start_requirement_atoms);
    page.says("budget_left_atoms", account.episode.budget_left(&params).unwrap().0);

    let position = ladder::position_ppb_up(&before).unwrap();
    let values = ladder::values_at(&params, position).unwrap();
    page.says("ladder_position_ppb", position);
    page.says("penalty_ppb_of_mmr", values.penalty_ppb_of_mmr);
    page.says("cost_cap_ladder_ppb_of_mmr", values.cost_cap_ppb_of_mmr);
    page.says("cost_cap_ppb_of_mmr", ladder::cost_cap_ppb(&params, &values, account.episode.clock_slots));
    page.says("cooldown_slots", values.cooldown_slots);
    assert_eq!(values.stage, ladder::Stage::Soft);
    Prepared { params, price, seat, account, health: before, values }
}

impl Prepared {
    fn inputs(&self, cap: BaseLots) -> SliceInputs<'_> {
        SliceInputs {
            params: &self.params,
            price: self.price.price,
            base: BaseLots(self.seat.base_lots),
            health: self.health,
            target: self.account.episode.target(&self.params).unwrap(),
            penalty_ppb_of_mmr: self.values.penalty_ppb_of_mmr,
            cost_cap_ppb_of_mmr: ladder::cost_cap_ppb(&self.params, &self.values, self.account.episode.clock_slots),
            budget: Some(self.account.episode.budget_left(&self.params).unwrap()),
            penalty_fund: QuoteAtoms(self.account.cash_atoms.max(0)),
            cap,
        }
    }

    fn bounds(&self, page: &Page) {
        let price = self.price.price;
        for tier in [1u32, 2] {
            let rate: u32 = page.input(&format!("tier_{tier}_mmr_bps"));
            let per_lot = |fraction| ladder::per_lot_down(fraction, rate, price.0.unsigned_abs()).unwrap();
            let bound = health_bound_per_lot_down(&self.health, rate, price).unwrap();
            let cap = per_lot(self.inputs(BaseLots::ZERO).cost_cap_ppb_of_mmr);
            page.says(&format!("tier_{tier}_health_bound_atoms_per_lot"), bound);
            page.says(&format!("tier_{tier}_cost_cap_atoms_per_lot"), i128::from(cap).min(i128::from(bound)));
            page.says(&format!("tier_{tier}_penalty_atoms_per_lot"), per_lot(self.values.penalty_ppb_of_mmr));
        }
    }

    /// `τ·M − E`, in `10^-8` atoms.
    fn deficit(&self) -> i128 {
        let Some(Target::Ratio(target)) = self.account.episode.target(&self.params) else { panic!("a first episode") };
        self.health.requirement.0 * i128::from(target) - i128::from(self.health.equity.0) * 100_000_000
    }
}

fn levels(page: &Page) -> Vec<(Price, BaseLots)> {
    (1..=3)
        .map(|level| {
            let price = Price(page.input(&format!("level_{level}_price_atoms_per_lot")));
            (price, BaseLots(page.input(&format!("level_{level}_base_lots"))))
        })
        .collect()
}

/// Runs the solver over the levels.
fn run(solver: &mut SliceSolver<'_>, levels: &[(Price, BaseLots)]) -> (Vec<(Price, SliceFill)>, i64) {
    let (mut fills, mut quote) = (Vec::new(), 0);
    for (price, lots) in levels {
        let mut left = *lots;
        while let Some(fill) = solver.step(*price, left).unwrap() {
            left = left.sub(fill.lots).unwrap();
            quote += price.notional(fill.lots).unwrap().0;
            fills.push((*price, fill));
        }
    }
    (fills, quote)
}

fn after(prepared: &Prepared, page: &Page, lots: i64, quote: i64, penalty: i64) -> Health {
    let mut seat = prepared.seat;
    seat.base_lots -= lots;
    seat.quote_entry_atoms += quote;
    health(&prepared.params, &seat, &prepared.price, page.input::<i64>("cash_atoms") - penalty, Valuation::Maintenance)
}

#[test]
fn every_digit_of_the_worked_example() {
    let page = Page::read();
    let prepared = prepare(&page);
    prepared.bounds(&page);
    page.says("deficit_e8_atoms", prepared.deficit());
    let open_interest = BaseLots(page.input("open_interest_base_lots"));
    let slot = page.input("slot");
    let share = account_share(&prepared.params, &prepared.seat, open_interest, slot).unwrap();
    let full = Throttle::full(&prepared.params, slot).unwrap().available(&prepared.params);
    page.says("account_share_base_lots", share.0);
    page.says("bucket_base_lots", full.0);
    let planned = planned_lots(&SliceSolver::new(prepared.inputs(share)).unwrap()).unwrap();
    page.says("planned_base_lots", planned.0);

    let mut solver = SliceSolver::new(prepared.inputs(share)).unwrap();
    let (fills, quote) = run(&mut solver, &levels(&page));
    let computed: Vec<[i128; 5]> = fills
        .iter()
        .map(|(price, fill)| {
            [
                i128::from(price.0),
                i128::from(fill.rate_bps),
                i128::from(fill.lots.0),
                i128::from(fill.slippage_per_lot),
                i128::from(fill.penalty_per_lot),
            ]
        })
        .collect();
    assert_eq!(table(), computed, "the table of fills differs from the engine");
    let penalty = solver.penalty_total().0;
    page.says("closed_base_lots", solver.closed().0);
    page.says("quote_atoms", quote);
    page.says("penalty_atoms", penalty);
    page.says("cost_atoms", solver.cost_total().0);

    let health_after = after(&prepared, &page, solver.closed().0, quote, penalty);
    page.says("after_equity_atoms", health_after.equity.0);
    page.says("after_requirement_atom_bps", health_after.requirement.0);
    page.says("after_health_e8_down", health_after.equity.0 as i128 * 1_000_000_000_000 / health_after.requirement.0);
    assert!(health_after.is_at_least(prepared.params.target_first_bps));
    let (last_price, last) = fills.last().unwrap();
    let one_less = after(&prepared, &page, solver.closed().0 - 1, quote - last_price.0, penalty - last.penalty_per_lot);
    page.says("one_lot_less_health_e8_down", one_less.equity.0 as i128 * 1_000_000_000_000 / one_less.requirement.0);
    assert!(one_less.is_below(prepared.params.target_first_bps));
    straddling_lot(&page, &prepared);
    transitions::check(&page, &prepared);
    page.assert_nothing_unchecked();
}

/// What the lot on the tier's edge frees.
fn straddling_lot(page: &Page, prepared: &Prepared) {
    let before: i64 = page.input("straddle_before_base_lots");
    let at = |lots: i64| {
        let notional = prepared.price.price.notional(BaseLots(lots)).unwrap();
        (notional.0, requirement(&prepared.params, notional, false).unwrap().0)
    };
    page.says("straddle_notional_before_atoms", at(before).0);
    page.says("straddle_notional_after_atoms", at(before - 1).0);
    page.says("straddle_freed_atom_bps", at(before).1 - at(before - 1).1);
    let edge = i128::from(prepared.params.tiers[0].notional_cap_atoms);
    assert!(i128::from(at(before).0) > edge && i128::from(at(before - 1).0) < edge);
}
