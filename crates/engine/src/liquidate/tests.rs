//! Funding and shared losses around a slice: what is owed counts before it is settled, and every seat is settled before its base changes.

mod edges;

use super::*;
use crate::absorb::{absorb, Absorber};
use crate::charges::CHARGE_SCALE;
use crate::fixture::{bid, owner, rig, Rig, PRICE};
use crate::orders::OrderContext;
use crate::quantity::Price;

const LONG: i64 = 1_000;
/// Ten slots at two atoms a lot.
const OWED: i64 = 20_000;

/// Seat 0 is long 1,000 lots of seat 1, requirement 3,000,000, equity 3,010,000; funding of 20,000 has run since the last sample.
fn owing() -> Rig {
    let mut rig = rig(3);
    rig.give(0, 1, LONG);
    rig.accounts[0].cash_atoms = 3_010_000 - rig.seat(0).realised_atoms;
    let slot = rig.context.slot;
    let charges = &mut rig.market.charges;
    (charges.sampled_slot, charges.accrued_slot) = (slot, slot);
    charges.funding_rate_scaled_per_slot = 2 * CHARGE_SCALE;
    rig
}

fn context(rig: &Rig, slot: u64) -> LiquidationContext {
    let none = LegTotals::default();
    LiquidationContext { slot, price: rig.context.price, others: none, others_favourable: none, owner: owner(0) }
}

fn request() -> LiquidationRequest {
    LiquidationRequest {
        caller_max: BaseLots(LONG),
        expected_base: BaseLots(LONG),
        min_payout: QuoteAtoms::ZERO,
        deadline_slot: u64::MAX,
    }
}

fn health(rig: &Rig) -> Health {
    let (price, none) = (&rig.context.price, LegTotals::default());
    account_health(&rig.market, 0, &rig.accounts[0], price, none, Valuation::Maintenance).unwrap()
}

/// Cash and seats at the oracle price, with the market's own pools.
fn everything(rig: &Rig) -> i64 {
    let seats: i64 = rig.market.seats.rows.iter().map(|seat| seat.quote_entry_atoms + seat.realised_atoms).sum();
    let cash: i64 = rig.accounts.iter().map(|account| account.cash_atoms).sum();
    let market = &rig.market;
    seats + cash + market.charges.clearing_atoms + market.insurance_pending_atoms + market.fees_atoms
}

#[test]
fn what_is_owed_counts_once_the_index_has_moved_and_settling_changes_nothing() {
    let mut rig = owing();
    assert_eq!(health(&rig).equity, QuoteAtoms(3_010_000));
    rig.market.accrue(20);
    let owing = health(&rig);
    assert_eq!(owing.equity, QuoteAtoms(3_010_000 - OWED));
    assert_eq!(rig.market.settle_seat(0), Ok(QuoteAtoms(OWED)));
    assert_eq!(health(&rig), owing);
    assert!(owing.is_below(10_000));
}

#[test]
fn a_slice_accrues_and_settles_first() {
    let mut rig = owing();
    // The short buys its own position back: it is owed funding on all of it.
    rig.place(1, bid(PRICE, LONG)).unwrap();
    let (total, his) = (everything(&rig), rig.seat(1).realised_atoms);
    let early = context(&rig, 14);
    let account = &mut rig.accounts[0];
    let refused = partial_liquidate(&mut rig.market, &mut rig.book, account, 0, &request(), &early, &mut rig.log);
    assert_eq!(refused, Err(EngineError::AccountHealthy), "8,000 are not enough");
    let due = context(&rig, 20);
    let account = &mut rig.accounts[0];
    let slice = partial_liquidate(&mut rig.market, &mut rig.book, account, 0, &request(), &due, &mut rig.log).unwrap();
    assert_eq!(slice.health_before_bps, 9_966);
    let index = 20 * CHARGE_SCALE;
    for seat in [0, 1] {
        assert_eq!(rig.seat(seat).funding_checkpoint_scaled, index);
    }
    assert_eq!(rig.seat(1).realised_atoms - his, OWED, "sold and bought at one price");
    assert_eq!(rig.log.fills()[0].maker_settled_atoms, -OWED);
    rig.accounts[1].cash_atoms += slice.caller_payout.0;
    assert_eq!(everything(&rig), total);
    rig.assert_sound();
}

#[test]
fn an_absorber_is_settled_before_its_base_changes() {
    // Once the short itself, which is owed funding, once an account without a position.
    for (who, funding) in [(1, OWED), (2, 0)] {
        let mut rig = owing();
        rig.market.params.taker_fee_ppm = 0;
        let (total, before) = (everything(&rig), rig.seat(who).realised_atoms);
        let due = context(&rig, 20);
        let order_context = OrderContext { slot: 20, owner: owner(who), ..rig.context };
        let (liquidatee, others) = rig.accounts.split_at_mut(1);
        let seat_index = u32::try_from(who).unwrap();
        let mut absorber = Absorber { account: &mut others[who - 1], seat_index, context: order_context };
        let slice = absorb(&mut rig.market, &rig.book, &mut liquidatee[0], 0, &mut absorber, &request(), &due).unwrap();
        assert_eq!(slice.quote, Price(PRICE).notional(slice.lots).unwrap());
        assert_eq!(rig.seat(who).realised_atoms - before, funding);
        assert_eq!(rig.seat(who).funding_checkpoint_scaled, 20 * CHARGE_SCALE);
        assert_eq!(everything(&rig), total);
        rig.assert_sound();
    }
}
