use std::string::ToString;

use super::*;
use crate::presets::{default_params, MarketSizing};
use crate::quantity::{BaseLots, Price};

fn sol() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    default_params(&sizing).unwrap()
}

fn terms_of(params: &MarketParams, rule: Rule) -> std::vec::Vec<Term> {
    let mut terms = std::vec::Vec::new();
    params.terms(rule, &mut |term| terms.push(term));
    terms
}

#[test]
fn every_rule_is_listed_once_and_explained() {
    for (index, rule) in Rule::ALL.iter().enumerate() {
        assert_eq!(*rule as usize, index);
        let terms = terms_of(&sol(), *rule);
        assert!(!terms.is_empty(), "{rule:?} compares nothing");
        assert!(terms.iter().all(Term::holds), "{rule:?}: {terms:?}");
    }
}

#[test]
fn a_rule_is_broken_exactly_by_its_terms() {
    let mut params = sol();
    params.tiers[3].mmr_bps = 500;
    let broken: std::vec::Vec<_> =
        terms_of(&params, Rule::TierRates).into_iter().filter(|term| !term.holds()).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].to_string(), "tier 4: mmr ≥ mmr before: 500 ≥ 600");
    assert_eq!(params.violated_rule(), Some(Rule::TierRates));
    for rule in Rule::ALL {
        assert_eq!(params.holds(rule), terms_of(&params, rule).iter().all(Term::holds), "{rule:?}");
    }
}

#[test]
fn numbers_of_an_inequality_are_those_that_decide() {
    let mut params = sol();
    params.open_interest_cap_base_lots = 11_066_667;
    let term = terms_of(&params, Rule::Throughput)[0];
    assert_eq!((term.left, term.right), (166_000_000_000_000, 50 * 11_066_667 * 1_000 * 300));
    assert!(!term.holds());
    params.ladder[2].health_bps = 9_000;
    let terms = terms_of(&params, Rule::LadderHealth);
    assert_eq!(terms[3].to_string(), "point 3: health < health before: 9000 < 6700");
}

#[test]
fn a_tier_count_out_of_range_is_refused_and_explained() {
    for count in [0, 5, u32::MAX] {
        let mut params = sol();
        params.tier_count = count;
        assert_eq!(params.violated_rule(), Some(Rule::TierEdges), "{count}");
        let range: std::vec::Vec<_> = terms_of(&params, Rule::TierEdges).iter().take(2).map(Term::holds).collect();
        assert_eq!(range, [count >= 1, count <= 4]);
    }
}

#[test]
fn a_comparison_holds_at_its_edge_or_does_not() {
    let holds = |relation: Relation| {
        [(1, 2), (2, 2), (3, 2)]
            .map(|(left, right)| Term { left, right, relation, ..terms_of(&sol(), Rule::Sizes)[0] }.holds())
    };
    assert_eq!(holds(Relation::Less), [true, false, false]);
    assert_eq!(holds(Relation::AtMost), [true, true, false]);
    assert_eq!(holds(Relation::Equal), [false, true, false]);
    assert_eq!(holds(Relation::AtLeast), [false, true, true]);
    assert_eq!(holds(Relation::More), [false, false, true]);
}

/// Each of the three fields of a tier that is not in use must be zero, also where their bits cancel.
#[test]
fn a_tier_that_is_not_in_use_is_all_zero() {
    let mut three = sol();
    (three.tier_count, three.tiers[3]) = (3, bytemuck::Zeroable::zeroed());
    assert_eq!(three.violated_rule(), None);
    for (cap, mmr, imr) in [(5, 0, 0), (0, 5, 0), (0, 0, 5), (5, 5, 0), (0, 5, 5), (5, 0, 5), (5, 3, 6)] {
        let mut params = three;
        params.tiers[3].notional_cap_atoms = cap;
        (params.tiers[3].mmr_bps, params.tiers[3].imr_bps) = (mmr, imr);
        assert_eq!(params.violated_rule(), Some(Rule::TierEdges), "{cap} {mmr} {imr}");
        assert_eq!(params.validate(), Err(EngineError::InvalidParameters));
    }
}

#[test]
fn the_smallest_slice_is_a_quarter_of_the_throttles_capacity_at_most() {
    let term = |params: &MarketParams| terms_of(params, Rule::SliceFitsShare)[0];
    let params = sol();
    assert_eq!(term(&params).right, i128::from(params.throttle_capacity_base_lots / 4));
}
