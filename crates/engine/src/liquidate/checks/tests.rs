//! The solver is right, so that these checks never fail behind it. Here they are given what it would not do.

use super::*;
use crate::fixture::{bid, owner, rig, Rig, PRICE};
use crate::liquidate::{account_health, LiquidationContext, LiquidationRequest};
use crate::margin::{LegTotals, Valuation};

const LONG: i64 = 1_000;
/// First tier: 300 bps of 100,000 atoms.
const MARGIN: i64 = 3_000;
const BAD: Result<()> = Err(EngineError::InvariantViolated);

/// Seat 0 is long 1,000 lots; requirement 3,000,000, equity as given.
fn long(equity: i64) -> Rig {
    let mut rig = rig(2);
    rig.give(0, 1, LONG);
    let seat = rig.seat(0);
    let carried = seat.quote_entry_atoms + seat.realised_atoms + LONG * PRICE;
    rig.accounts[0].cash_atoms = equity - carried;
    rig
}

fn around(rig: &Rig) -> (LiquidationRequest, LiquidationContext) {
    let (lots, none) = (BaseLots(LONG), LegTotals::default());
    let request = LiquidationRequest {
        caller_max: lots,
        expected_base: lots,
        min_payout: QuoteAtoms::ZERO,
        deadline_slot: u64::MAX,
    };
    let price = rig.context.price;
    (request, LiquidationContext { slot: 11, price, others: none, others_favourable: none, owner: owner(0) })
}

fn health(rig: &Rig) -> Health {
    let (price, none) = (&rig.context.price, LegTotals::default());
    account_health(&rig.market, 0, &rig.accounts[0], price, none, Valuation::Maintenance).unwrap()
}

fn with_call<T>(rig: &mut Rig, test: impl FnOnce(&SliceCall<'_>, &Prepared<'_>, &mut Rig) -> T) -> T {
    let (request, context) = around(rig);
    let params = rig.market.params;
    let call = SliceCall { params: &params, seat_index: 0, request: &request, context: &context };
    let prepared = call.prepare(&mut rig.market, &mut rig.accounts[0]).unwrap();
    test(&call, &prepared, rig)
}

fn fill(slippage_per_lot: i64, penalty_per_lot: i64) -> SliceFill {
    SliceFill { lots: BaseLots(1), slippage_per_lot, penalty_per_lot, rate_bps: 300 }
}

#[test]
fn the_size_fell_by_what_was_closed_and_kept_its_sign() {
    with_call(&mut long(2_900_000), |call, _, rig| {
        let mut check = |after: i64, closed: i64| {
            rig.market.seats.rows[0].base_lots = after;
            call.check_size(&rig.market, BaseLots(closed))
        };
        assert_eq!(check(600, 400), Ok(()));
        assert_eq!(check(0, LONG), Ok(()));
        assert_eq!(check(600, 399), BAD, "closed more than the solver says");
        assert_eq!(check(-600, 400), BAD, "the other side");
        assert_eq!(check(LONG, 0), BAD, "nothing closed");
        assert_eq!(check(LONG + 1, -1), BAD, "grown");
    });
}

#[test]
fn health_did_not_fall_and_the_last_lot_cost_no_more_than_its_bounds() {
    with_call(&mut long(2_900_000), |call, prepared, _| {
        let before = prepared.health;
        let check = |last: SliceFill, after: Health| call.check_health(prepared, &last, &after);
        assert_eq!(check(fill(0, 0), before), Ok(()), "as good as before is good enough");
        let poorer = Health { equity: before.equity.sub(QuoteAtoms(1)).unwrap(), ..before };
        assert_eq!(check(fill(0, 0), poorer), BAD);
        // A debt without a requirement is worse, too.
        let debt = Health { equity: QuoteAtoms(-1), requirement: Requirement(0) };
        assert_eq!(check(fill(0, 0), debt), BAD);
        // κ: the clock has not run, so it is 15% of a lot's margin; health would bear 2,900.
        let cap = MARGIN * 1_500 / 10_000;
        assert_eq!(check(fill(cap, 0), before), Ok(()));
        assert_eq!(check(fill(cap - 50, 50), before), Ok(()));
        assert_eq!(check(fill(cap, 1), before), BAD);
        assert_eq!(check(fill(-500, cap + 1), before), BAD, "a better price pays for no penalty");
    });
}

#[test]
fn close_to_bankruptcy_health_bounds_the_cost_before_the_cap_does() {
    // H·r·P is 100 atoms; κ₁ at H ≈ 0.03 is a third of the margin, κ₀ 450.
    with_call(&mut long(100_000), |call, prepared, _| {
        let check = |last: SliceFill| call.check_health(prepared, &last, &prepared.health);
        assert_eq!(check(fill(100, 0)), Ok(()));
        assert_eq!(check(fill(101, 0)), BAD);
        assert_eq!(check(fill(50, 51)), BAD);
    });
}

#[test]
fn one_lot_less_would_have_missed_the_target() {
    let mut rig = long(2_900_000);
    rig.market.params.min_position_base_lots = 100;
    with_call(&mut rig, |call, prepared, rig| {
        let target = prepared.solver.target();
        assert_eq!(target, Target::Ratio(12_500));
        // With 773 lots at no cost health is 2,900,000 ÷ 2,319,000 ≥ 1.25; with 774 it is below.
        let mut check = |after: i64, target: Target, equity: i64| {
            rig.market.seats.rows[0].base_lots = after;
            let after = Health { equity: QuoteAtoms(equity), ..health(rig) };
            call.check_minimal(&rig.market, target, &fill(0, 0), &after)
        };
        assert_eq!(check(773, target, 2_900_000), Ok(()));
        assert_eq!(check(772, target, 2_900_000), BAD, "773 would have done");
        assert_eq!(check(772, Target::Full, 2_900_000), Ok(()), "a full close is not minimal");
        // 100 lots are not dust, 99 are.
        assert_eq!(check(100, target, 2_900_000), BAD);
        assert_eq!(check(99, target, 2_900_000), Ok(()));
        assert_eq!(check(101, target, 2_900_000), BAD);
        // What the lot cost would not have been paid: with it the target would just be met.
        let mut with = |slippage, penalty| {
            let last = fill(slippage, penalty);
            let after = Health { equity: QuoteAtoms(1_250_000 - 7), requirement: Requirement(9_970_000_000) };
            rig.market.seats.rows[0].base_lots = 400;
            call.check_minimal(&rig.market, target, &last, &after)
        };
        assert_eq!(with(3, 3), Ok(()));
        assert_eq!(with(3, 4), BAD);
        assert_eq!(with(-3, 9), Ok(()));
    });
}

#[test]
fn a_slice_passes_its_own_checks() {
    let mut rig = long(2_900_000);
    rig.place(1, bid(PRICE, LONG)).unwrap();
    let (request, context) = around(&rig);
    let (account, log) = (&mut rig.accounts[0], &mut rig.log);
    let slice =
        crate::liquidate::partial_liquidate(&mut rig.market, &mut rig.book, account, 0, &request, &context, log)
            .unwrap();
    assert!(slice.lots.is_positive() && slice.episode_ended);
}
