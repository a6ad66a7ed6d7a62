use super::*;
use crate::margin::Requirement;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::{BaseLots, Price, QuoteAtoms};

fn params() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn health(equity: i64, requirement: i128) -> Health {
    Health { equity: QuoteAtoms(equity), requirement: Requirement(requirement) }
}

#[test]
fn the_position_is_health_rounded_up_and_at_most_one() {
    let cases = [
        (health(1, 30_000), Some(333_333_334)),
        (health(2, 30_000), Some(666_666_667)),
        (health(1, 20_000), Some(500_000_000)),
        (health(3, 30_000), Some(1_000_000_000)),
        (health(30, 30_000), Some(1_000_000_000)),
        (health(1, 0), Some(1_000_000_000)),
        (health(0, 30_000), None),
        (health(-1, 30_000), None),
        (health(0, 0), None),
        // Smaller than 10^-9: still above zero.
        (health(1, 1 << 68), Some(1)),
        // Beyond 64 bits: 2^56 atoms against 2^57, and one atom-bps more.
        (health(1 << 56, 10_000 << 57), Some(500_000_000)),
        (health(1 << 56, (10_000 << 57) + 1), Some(500_000_000)),
        (health((1 << 56) - 1, 10_000 << 56), Some(1_000_000_000)),
        (health(999_999_999, 10_000_000_000_000), Some(999_999_999)),
    ];
    for (health, position) in cases {
        assert_eq!(position_ppb_up(&health), position, "{health:?}");
    }
}

#[test]
fn the_values_at_points_midpoints_and_ends() {
    let params = params();
    let cases = [
        (1_000_000_000, 50_000_000, 300_000_000, 5, Stage::Soft),
        (5_000_000_000, 50_000_000, 300_000_000, 5, Stage::Soft),
        (835_000_000, 85_000_000, 385_000_000, 4, Stage::Soft),
        (670_000_000, 120_000_000, 470_000_000, 2, Stage::Soft),
        // Just under a point: 120,000,000.38, 469,999,999.59, 1.99…
        (669_999_999, 120_000_000, 469_999_999, 2, Stage::Hard),
        (500_000_000, 185_000_000, 400_000_000, 1, Stage::Hard),
        (330_000_000, 250_000_000, 330_000_000, 0, Stage::Hard),
        (330_000_001, 249_999_999, 330_000_000, 1, Stage::Hard),
        (329_999_999, 250_000_000, 330_000_000, 0, Stage::Backstop),
        (165_000_000, 250_000_000, 330_000_000, 0, Stage::Backstop),
        (1, 250_000_000, 330_000_000, 0, Stage::Backstop),
        (0, 250_000_000, 330_000_000, 0, Stage::Backstop),
    ];
    for (position, penalty, cap, cooldown, stage) in cases {
        let expected =
            LadderValues { penalty_ppb_of_mmr: penalty, cost_cap_ppb_of_mmr: cap, cooldown_slots: cooldown, stage };
        assert_eq!(values_at(&params, position), Ok(expected), "at {position}");
    }
}

#[test]
fn a_ladder_that_does_not_reach_zero_is_refused_below_its_end() {
    let mut params = params();
    params.ladder[3].health_bps = 100;
    assert!(values_at(&params, 10_000_000).is_ok());
    assert_eq!(values_at(&params, 9_999_999), Err(EngineError::InvalidParameters));
}

#[test]
fn the_cost_cap_opens_with_the_clock_up_to_the_ladder() {
    let params = params();
    let top = values_at(&params, 1_000_000_000).unwrap();
    let hard = values_at(&params, 670_000_000).unwrap();
    for (clock, at_top, at_hard) in [
        (0, 150_000_000, 150_000_000),
        (1, 160_000_000, 160_000_000),
        (14, 290_000_000, 290_000_000),
        (15, 300_000_000, 300_000_000),
        (16, 300_000_000, 310_000_000),
        (32, 300_000_000, 470_000_000),
        (u64::MAX, 300_000_000, 470_000_000),
    ] {
        assert_eq!((cost_cap_ppb(&params, &top, clock), cost_cap_ppb(&params, &hard, clock)), (at_top, at_hard));
    }
}

#[test]
fn a_fraction_of_the_rate_in_whole_atoms_a_lot() {
    // 5% of 3% of 450,000 = 675; the atom over does not count until it is whole.
    assert_eq!(per_lot_down(50_000_000, 300, 450_000), Ok(675));
    assert_eq!(per_lot_down(50_000_000, 300, 450_666), Ok(675));
    assert_eq!(per_lot_down(50_000_000, 300, 450_667), Ok(676));
    // The fraction of the rate is kept in 10^-9, rounded down: 0.99 of a unit is none.
    assert_eq!(per_lot_down(33, 300, 1 << 40), Ok(0));
    assert_eq!(per_lot_down(34, 300, 1 << 40), Ok(1_099));
    assert_eq!(per_lot_down(1_000_000_000, 10_000, 1 << 40), Ok(1 << 40));
    assert_eq!(per_lot_down(u64::MAX, 2, 1), Err(EngineError::MathOverflow));
}
