//! Golden vectors with their digits worked out by hand. Everything else is in `tests/slice_exactness.rs`.

use super::*;
use crate::ladder::values_at;
use crate::presets::{default_params, MarketSizing};

/// mmr 300 bps below 0.9 × 10^12 atoms, 400 above; τ 1.25; dust under 2 lots.
fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

/// A long of 1,000 lots at 450,000: M = 13,500,000 atoms. H = 0.8, the clock at its end.
fn inputs(params: &MarketParams) -> SliceInputs<'_> {
    // Between 1 and 0.67: penalty 0.05 + 0.07 × 20/33, κ₁ 0.30 + 0.17 × 20/33.
    let values = values_at(params, 800_000_000).unwrap();
    assert_eq!((values.penalty_ppb_of_mmr, values.cost_cap_ppb_of_mmr), (92_424_242, 403_030_303));
    SliceInputs {
        params,
        price: Price(450_000),
        base: BaseLots(1_000),
        health: Health { equity: QuoteAtoms(10_800_000), requirement: Requirement(135_000_000_000) },
        target: Target::Ratio(12_500),
        penalty_ppb_of_mmr: values.penalty_ppb_of_mmr,
        cost_cap_ppb_of_mmr: values.cost_cap_ppb_of_mmr,
        budget: None,
        penalty_fund: QuoteAtoms(i64::MAX),
        cap: BaseLots(1_000),
    }
}

fn fill(lots: i64, slippage_per_lot: i64, penalty_per_lot: i64) -> SliceFill {
    SliceFill { lots: BaseLots(lots), slippage_per_lot, penalty_per_lot, rate_bps: 300 }
}

#[test]
fn a_flat_leg_and_a_bankrupt_account_have_no_slice() {
    let params = params();
    let flat = SliceInputs { base: BaseLots(0), ..inputs(&params) };
    assert_eq!(SliceSolver::new(flat).err(), Some(EngineError::NoPosition));
    for equity in [0, -1] {
        let health = Health { equity: QuoteAtoms(equity), ..inputs(&params).health };
        let bankrupt = SliceInputs { health, ..inputs(&params) };
        assert_eq!(SliceSolver::new(bankrupt).err(), Some(EngineError::AccountBankrupt));
    }
    let smallest = SliceInputs { base: BaseLots(i64::MIN), ..inputs(&params) };
    assert_eq!(SliceSolver::new(smallest).err(), Some(EngineError::MathOverflow));
}

#[test]
fn one_lot_more_than_the_deficit_divided_by_the_gain_rounded_down() {
    let params = params();
    let mut solver = SliceSolver::new(inputs(&params)).unwrap();
    // D = 1.25 × 13,500,000 − 10,800,000 = 6,075,000. r·P = 13,500; p = floor(1,247.72) = 1,247.
    // Gain of a lot at the oracle price: 16,875 − 1,247 = 15,628. 6,075,000 / 15,628 = 388.7.
    assert_eq!(planned_lots(&solver), Ok(BaseLots(389)));
    assert_eq!(solver.step(Price(450_000), BaseLots(100)), Ok(Some(fill(100, 0, 1_247))));
    assert!(!solver.is_done());
    // 4,512,200 are left. At 1,000 below the oracle: 16,875 − 1,000 − 1,247 = 14,628; 308.5.
    assert_eq!(solver.step(Price(449_000), BaseLots(1_000)), Ok(Some(fill(309, 1_000, 1_247))));
    assert!(solver.is_done());
    assert_eq!(solver.step(Price(450_000), BaseLots(1)), Ok(None));
    assert_eq!((solver.closed(), solver.penalty_total()), (BaseLots(409), QuoteAtoms(510_023)));
    assert_eq!((solver.cost_total(), solver.side()), (QuoteAtoms(819_023), Side::Ask));
}

#[test]
fn slippage_eats_the_penalty_and_stops_at_the_cost_cap() {
    let params = params();
    // κ = floor(0.403030303 × 13,500) = 5,440 of H·r·P = 10,800.
    for (slippage, penalty) in [
        (-9_000, Some(1_247)),
        (4_193, Some(1_247)),
        (4_194, Some(1_246)),
        (5_439, Some(1)),
        (5_440, Some(0)),
        (5_441, None),
    ] {
        let mut solver = SliceSolver::new(inputs(&params)).unwrap();
        let expected = penalty.map(|penalty| fill(7, slippage, penalty));
        assert_eq!(solver.step(Price(450_000 - slippage), BaseLots(7)), Ok(expected), "{slippage}");
    }
}

#[test]
fn near_bankruptcy_half_of_what_health_allows_is_left() {
    let params = params();
    // H = 0.1: H·r·P = 1,350 binds κ, and half of what slippage leaves of it the penalty.
    let health = Health { equity: QuoteAtoms(1_350_000), requirement: Requirement(135_000_000_000) };
    for (slippage, penalty) in [(0, Some(675)), (1, Some(674)), (1_349, Some(0)), (1_350, Some(0)), (1_351, None)] {
        let near = SliceInputs {
            health,
            penalty_ppb_of_mmr: 250_000_000,
            cost_cap_ppb_of_mmr: 330_000_000,
            ..inputs(&params)
        };
        let mut solver = SliceSolver::new(near).unwrap();
        let expected = penalty.map(|penalty| fill(7, slippage, penalty));
        assert_eq!(solver.step(Price(450_000 - slippage), BaseLots(7)), Ok(expected), "{slippage}");
    }
}

#[test]
fn a_short_is_bought_back() {
    let params = params();
    let short = SliceInputs { base: BaseLots(-1_000), ..inputs(&params) };
    let mut solver = SliceSolver::new(short).unwrap();
    assert_eq!(solver.side(), Side::Bid);
    assert_eq!(solver.step(Price(449_000), BaseLots(10)), Ok(Some(fill(10, -1_000, 1_247))));
    assert_eq!(solver.step(Price(451_000), BaseLots(10)), Ok(Some(fill(10, 1_000, 1_247))));
}

#[test]
fn the_penalty_ends_with_the_budget_or_with_the_cash_that_pays_it() {
    let params = params();
    // Three lots at 2,247 each; the fourth carries none.
    for limited in [
        SliceInputs { budget: Some(QuoteAtoms(8_987)), ..inputs(&params) },
        SliceInputs { penalty_fund: QuoteAtoms(4_987), ..inputs(&params) },
    ] {
        let mut solver = SliceSolver::new(limited).unwrap();
        assert_eq!(solver.step(Price(449_000), BaseLots(10)), Ok(Some(fill(3, 1_000, 1_247))));
        assert_eq!(solver.step(Price(449_000), BaseLots(7)), Ok(Some(fill(7, 1_000, 0))));
        assert_eq!(solver.step(Price(450_000), BaseLots(7)).unwrap().unwrap().penalty_per_lot, 0);
        assert_eq!(solver.forgone_total(), QuoteAtoms(14 * 1_247));
    }
    // What slippage eats is not forgone: κ leaves 440.
    let spent = SliceInputs { budget: Some(QuoteAtoms::ZERO), ..inputs(&params) };
    let mut solver = SliceSolver::new(spent).unwrap();
    assert_eq!(solver.step(Price(445_000), BaseLots(7)), Ok(Some(fill(7, 5_000, 0))));
    assert_eq!(solver.forgone_total(), QuoteAtoms(7 * 440));
}

#[test]
fn dust_is_closed_too_but_not_beyond_the_cap() {
    let mut params = params();
    params.min_position_base_lots = 612;
    // 389 lots meet the target and leave 611: dust.
    let mut solver = SliceSolver::new(inputs(&params)).unwrap();
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(fill(389, 0, 1_247))));
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(fill(611, 0, 1_247))));
    assert!(solver.is_done());
    let mut solver = SliceSolver::new(SliceInputs { cap: BaseLots(400), ..inputs(&params) }).unwrap();
    assert_eq!(planned_lots(&solver), Ok(BaseLots(400)));
    solver.step(Price(450_000), BaseLots(389)).unwrap();
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(fill(11, 0, 1_247))));
    params.min_position_base_lots = 611;
    let mut solver = SliceSolver::new(inputs(&params)).unwrap();
    solver.step(Price(450_000), BaseLots(2_000)).unwrap();
    assert_eq!((solver.closed(), solver.is_done()), (BaseLots(389), true));
}

#[test]
fn a_lot_that_straddles_an_edge_is_a_fill_of_its_own_at_the_lower_rate() {
    let mut params = params();
    // The edge lies 100,000 atoms above lot 997: inside lot 998.
    params.tiers[0].notional_cap_atoms = 997 * 450_000 + 100_000;
    let full = SliceInputs { target: Target::Full, ..inputs(&params) };
    let mut solver = SliceSolver::new(full).unwrap();
    let upper = SliceFill { lots: BaseLots(2), slippage_per_lot: 0, penalty_per_lot: 1_663, rate_bps: 400 };
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(upper)));
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(fill(1, 0, 1_247))));
    assert_eq!(solver.step(Price(450_000), BaseLots(2_000)), Ok(Some(fill(997, 0, 1_247))));
    assert!(solver.is_done());
}

#[test]
fn the_discounted_level_is_kappa_away_at_the_rate_of_the_next_lot() {
    let mut params = params();
    params.tiers[0].notional_cap_atoms = 997 * 450_000 + 100_000;
    // κ = floor(0.403030303 × 18,000) = 7,254 above the edge, 5,440 across and below it. Short: above the oracle price.
    for sign in [1, -1] {
        let full = SliceInputs { base: BaseLots(sign * 1_000), target: Target::Full, ..inputs(&params) };
        let mut solver = SliceSolver::new(full).unwrap();
        for (lots, discount, rate_bps) in [(2, 7_254, 400), (1, 5_440, 300), (997, 5_440, 300)] {
            let level = solver.discounted_level().unwrap();
            assert_eq!(level, Price(450_000 - sign * discount));
            let taken = SliceFill { lots: BaseLots(lots), slippage_per_lot: discount, penalty_per_lot: 0, rate_bps };
            assert_eq!(solver.step(level, BaseLots(i64::MAX)), Ok(Some(taken)));
        }
        assert_eq!(solver.discounted_level(), Ok(Price(450_000)), "nothing is wanted any more");
        assert_eq!(solver.slippage_total(), Ok(QuoteAtoms(2 * 7_254 + 998 * 5_440)));
        assert_eq!((solver.penalty_total(), solver.forgone_total()), Default::default());
    }
}

#[test]
fn the_bound_by_health_is_the_floor_of_the_exact_quotient() {
    let health = |equity, requirement| Health { equity: QuoteAtoms(equity), requirement: Requirement(requirement) };
    let bound = |health: Health| health_bound_per_lot_down(&health, 300, Price(450_000));
    assert_eq!(bound(health(10_800_000, 135_000_000_000)), Ok(10_800));
    assert_eq!(bound(health(10_800_000, 135_000_000_001)), Ok(10_799));
    assert_eq!(bound(health(-5, 135_000_000_000)), Ok(0));
    assert_eq!(bound(health(5, 0)), Ok(i64::MAX));
    // Beyond 64 bits: 2^56 × 10^4 × 2^40 / (10^4 × 2^55).
    let largest = health_bound_per_lot_down(&health(1 << 56, 10_000 << 55), 10_000, Price(1 << 40));
    assert_eq!(largest, Ok(1 << 41));
}
