use super::*;
use crate::audit::{check_market, market_value};
use crate::fixture::{owner, rig, Rig};
use crate::oracle::Grade;
use crate::quantity::Price;
use bytemuck::allocation::zeroed_box;
use std::boxed::Box;
use std::vec::Vec;

mod several_calls;
mod takeover;

/// What a call did, its log included.
type Answer = (Result<ResolveSummary>, Vec<Deleveraged>);

/// Accounts of which the first is short of cash: long `lots` against the others, in the order of the rig.
fn world(cash: i64, against: &[i64]) -> Rig {
    let mut rig = rig(against.len() + 1);
    rig.market.params.min_order_base_lots = 1;
    for (index, lots) in against.iter().enumerate().filter(|(_, lots)| **lots != 0) {
        rig.give(0, index + 1, *lots);
    }
    for seat in &mut rig.market.seats.rows {
        seat.realised_atoms = 0;
    }
    rig.market.fees_atoms = 0;
    rig.accounts[0].cash_atoms = cash;
    rig
}

fn context(rig: &Rig, price: i64) -> ResolveContext {
    let price = OraclePrice { price: Price(price), ema: Price(price), ..rig.context.price };
    ResolveContext { slot: 20, price, owner: owner(0), position: 0, others: OtherLegs::default(), fund: QuoteAtoms(0) }
}

fn resolve(rig: &mut Rig, context: &ResolveContext) -> Answer {
    let mut moves: Box<ResolveLog> = zeroed_box();
    *rig.log = Zeroable::zeroed();
    let (market, book, account) = (&mut rig.market, &mut rig.book, &mut rig.accounts[0]);
    let summary = resolve_leg(market, book, account, 0, context, &mut rig.log, &mut moves);
    (summary, moves.rows().to_vec())
}

fn total(rig: &Rig) -> i128 {
    let cash: i128 = rig.accounts.iter().map(|account| i128::from(account.cash_atoms)).sum();
    cash + market_value(&rig.market)
}

fn assert_sound(rig: &Rig) {
    let found: Vec<_> = check_market(&rig.market, &rig.book).iter().collect();
    assert_eq!(found, []);
}

/// Long 18,000 lots against 18 others; all but the last 2,000 lots are in a tier of 10%, those in one of 3%. 0.19 of the requirement is left.
fn tiered() -> Rig {
    let mut rig = world(31_540_000, &[1_000; 18]);
    rig.market.params.tiers[0].notional_cap_atoms = 2_000 * 100_000;
    rig.market.params.tiers[1] = rig.market.params.tiers[3];
    rig.market.params.tier_count = 2;
    rig
}

/// Another leg, at place 3: 3,000 lots long at 100,000, with this result, at a price of this grade and confidence.
fn beside(result: i64, grade: Grade, confidence: i64) -> OtherLegs {
    let mut rig = rig(1);
    rig.market.params.insurance_grant_atoms = 1 << 40;
    rig.market.params.insurance_draw_cap_atoms = 1 << 40;
    let seat = &mut rig.market.seats.rows[0];
    (seat.base_lots, seat.quote_entry_atoms) = (3_000, result - 3_000 * 100_000);
    let price = OraclePrice { grade, confidence: Price(confidence), ..rig.context.price };
    let mut others = OtherLegs::default();
    others.add(3, &rig.market, &rig.market.seats.rows[0], &price, 20).unwrap();
    others
}

#[test]
fn insurance_then_the_counterparty_up_to_its_profit_then_everybody() {
    let mut rig = world(100_000, &[10, 5]);
    // Long 15 at 100,000; at 80,000 it has lost 300,000 and has 100,000: a loss of 200,000.
    rig.give(1, 2, 40);
    rig.market.seats.rows[1].realised_atoms = 0;
    rig.market.seats.rows[2].realised_atoms = 0;
    rig.market.fees_atoms = 0;
    rig.market.contribute(QuoteAtoms(30_000)).unwrap();
    let before = total(&rig);
    // Seat 1 is long 30, seat 2 short 45: only seat 2 is opposite, and it closes 15 of its 45 with a profit of 20,000 a lot.
    let at = context(&rig, 80_000);
    let (summary, moves) = resolve(&mut rig, &at);
    let summary = summary.unwrap();
    assert_eq!(summary.kind, ResolveKind::Bankrupt);
    assert_eq!((summary.lots, summary.lots_left), (BaseLots(15), BaseLots(0)));
    assert_eq!((summary.insurance.from_market, summary.insurance.from_fund), (QuoteAtoms(30_000), QuoteAtoms(0)));
    assert_eq!(summary.deleveraged, QuoteAtoms(170_000));
    assert_eq!((summary.socialised, summary.unassigned), (QuoteAtoms(0), QuoteAtoms(0)));
    assert_eq!(
        moves,
        [Deleveraged { base_lots: 15, settled_atoms: 0, charged_atoms: 170_000, seat_index: 2, padding: 0 }]
    );
    assert_eq!(summary.released_bond, Some(QuoteAtoms(0)));
    assert_eq!(rig.accounts[0].cash_atoms, 0);
    assert_eq!(total(&rig), before);
    assert_sound(&rig);
}

#[test]
fn what_profits_cannot_bear_is_shared_by_all_open_lots() {
    let mut rig = world(0, &[10]);
    let before = total(&rig);
    // The only counterparty bought its short at 95,000: it has 15,000 a lot, the loss is 20,000 a lot.
    rig.market.seats.rows[1].quote_entry_atoms = 950_000;
    rig.market.seats.rows[0].quote_entry_atoms = -1_000_000;
    let gap = before - total(&rig);
    let at = context(&rig, 80_000);
    let (summary, _) = resolve(&mut rig, &at);
    let summary = summary.unwrap();
    assert_eq!(summary.deleveraged, QuoteAtoms(150_000));
    // No lots are left to share the rest.
    assert_eq!((summary.socialised, summary.unassigned), (QuoteAtoms(0), QuoteAtoms(50_000)));
    assert_eq!(rig.market.unassigned_loss_atoms, 50_000);
    assert_eq!(total(&rig) + gap, before);
    assert_sound(&rig);
}

#[test]
fn a_solvent_account_is_left_alone() {
    let mut rig = world(0, &[15]);
    // H = 0.5 at 99,700 with 26,933 of cash; 1.02 with 50,500.
    for (cash, price) in [(26_933, 99_700), (50_500, 99_700), (1_000_000, 99_700)] {
        rig.accounts[0].cash_atoms = cash;
        let at = context(&rig, price);
        assert_eq!(resolve(&mut rig, &at).0, Err(EngineError::AccountSolvent));
    }
}

#[test]
fn grades_of_the_price_decide_who_may_be_resolved() {
    let mut rig = world(0, &[15]);
    let mut degraded = context(&rig, 80_000);
    degraded.price.grade = Grade::Degraded;
    // Bankrupt at the mid price, not at the favourable edge.
    rig.accounts[0].cash_atoms = 290_000;
    degraded.price.confidence = Price(1_000);
    assert_eq!(resolve(&mut rig, &degraded).0, Err(EngineError::AccountSolvent));
    degraded.price.confidence = Price(600);
    assert!(resolve(&mut rig, &degraded).0.is_ok());

    let mut rig = world(5_000, &[15]);
    let mut takeover = context(&rig, 99_700);
    takeover.price.grade = Grade::Degraded;
    assert_eq!(resolve(&mut rig, &takeover).0, Err(EngineError::OracleStale));
}

#[test]
fn a_leg_draws_for_what_it_has_lost_on_balance() {
    // 20,000 lost a lot, 180,000 won before: the cap on sweeps keeps it in the seat.
    let mut rig = world(0, &[10]);
    rig.market.seats.rows[0].realised_atoms = 180_000;
    rig.market.seats.rows[1].realised_atoms = -180_000;
    rig.market.params.sweep_cap_atoms = 0;
    rig.market.contribute(QuoteAtoms(50_000)).unwrap();
    let mut at = context(&rig, 80_000);
    at.others.maintenance.equity = QuoteAtoms(-100_000);
    at.others.favourable.equity = QuoteAtoms(-100_000);
    let summary = resolve(&mut rig, &at).0.unwrap();
    assert_eq!(summary.equity_before, QuoteAtoms(-120_000));
    assert_eq!((summary.insurance.from_market, summary.deleveraged), (QuoteAtoms(20_000), QuoteAtoms(0)));
    // Nothing is left in the seat that another market's leg could be paid with.
    assert_eq!(summary.released_bond, Some(QuoteAtoms(0)));
    assert_eq!(rig.accounts[0].cash_atoms, 0);
}

/// Three lots stay on either side. The shorts were sold at 80,000: nothing to deleverage. 2.2 million are lost, winners have taken `taken_out`.
fn emptied(taken_out: i64) -> Rig {
    let mut rig = world(0, &[10, 0]);
    rig.give(2, 1, 3);
    for seat in &mut rig.market.seats.rows {
        seat.realised_atoms = 0;
    }
    rig.market.fees_atoms = 0;
    rig.market.seats.rows[1].quote_entry_atoms = 13 * 80_000;
    rig.market.seats.rows[0].quote_entry_atoms = -10 * 300_000;
    rig.market.net_swept_profit_atoms = taken_out;
    rig
}

#[test]
fn a_lot_bears_its_first_maintenance_rate_and_no_more_of_what_was_taken_out() {
    // 3% of 80,000, of each of six lots: 14,400 are what they bear in a window.
    for (taken_out, shared) in [(1 << 36, 14_400), (14_399, 14_399), (1, 1), (0, 0), (-5, 0)] {
        let mut rig = emptied(taken_out);
        let at = context(&rig, 80_000);
        let summary = resolve(&mut rig, &at).0.unwrap();
        assert_eq!((summary.lots, rig.market.open_interest_base_lots), (BaseLots(10), 3));
        assert_eq!((summary.socialised, summary.unassigned), (QuoteAtoms(shared), QuoteAtoms(2_200_000 - shared)));
        assert_sound(&rig);
    }
}

#[test]
fn a_bond_pays_what_cash_cannot_and_the_rest_comes_back() {
    for (bond, paid, back) in [(60_000, 50_000, Some(10_000)), (50_000, 50_000, Some(0)), (49_999, 0, None)] {
        let mut rig = world(0, &[15]);
        rig.market.seats.rows[0].bond_atoms = bond;
        rig.market.seats.bonds_atoms = bond;
        // A leg elsewhere is open and has won 250,000: this one keeps a loss of 50,000, or all of 300,000 less what the others lack.
        let mut at = context(&rig, 80_000);
        at.others.maintenance.equity = QuoteAtoms(50_000 - i64::try_from(bond).unwrap());
        at.others.favourable.equity = at.others.maintenance.equity;
        at.others.legs[3].is_open = true;
        let swept = rig.market.net_swept_profit_atoms;
        let summary = resolve(&mut rig, &at).0.unwrap();
        assert_eq!(summary.deleveraged, QuoteAtoms(250_000));
        assert_eq!((summary.bond_paid.0, summary.released_bond.map(|bond| bond.0)), (paid, back));
        assert_eq!(rig.market.net_swept_profit_atoms, swept - paid);
        assert_eq!(rig.accounts[0].cash_atoms, back.unwrap_or(0));
    }
}

#[test]
fn the_fund_is_kept_for_a_frozen_leg_as_for_any_other() {
    for grade in [Grade::Fresh, Grade::Degraded, Grade::Frozen] {
        let mut rig = world(0, &[10]);
        rig.market.params.insurance_grant_atoms = 1 << 40;
        rig.market.params.insurance_draw_cap_atoms = 1 << 40;
        let others = beside(-150_000, grade, 0);
        let at = ResolveContext { position: 5, fund: QuoteAtoms(220_000), others, ..context(&rig, 80_000) };
        // 200,000 lost here. Of the fund 150,000 are the other leg's, which stands at a lower place.
        let summary = resolve(&mut rig, &at).0.unwrap();
        assert_eq!((summary.insurance.from_fund, summary.deleveraged), (QuoteAtoms(70_000), QuoteAtoms(130_000)));
    }
}

#[test]
fn at_the_bounds_of_lots_and_prices() {
    // 2^40 lots at 2^12, and 2^12 lots at 2^40: a notional of 2^52, all of it lost.
    for (lots, price) in [(1i64 << 40, 1i64 << 12), (1 << 12, 1 << 40), (1, 1)] {
        for is_short in [false, true] {
            let mut rig = world(0, &[10]);
            let base = if is_short { -lots } else { lots };
            let lost = lots * price;
            let entry = -base * price - lost;
            let rows = &mut rig.market.seats.rows;
            (rows[0].base_lots, rows[0].quote_entry_atoms) = (base, entry);
            (rows[1].base_lots, rows[1].quote_entry_atoms) = (-base, -entry);
            rig.market.open_interest_base_lots = lots;
            let before = total(&rig);
            let at = context(&rig, price);
            let summary = resolve(&mut rig, &at).0.unwrap();
            assert_eq!((summary.deleveraged, summary.lots), (QuoteAtoms(lost), BaseLots(lots)));
            assert_eq!((total(&rig), rig.accounts[0].cash_atoms), (before, 0));
            assert_sound(&rig);
        }
    }
}

#[test]
fn counterparties_keep_their_orders_and_lose_their_lots() {
    let mut rig = world(1_000_000_000, &[10, 5]);
    // The best ranked is the trader's own other account, as far as anybody can know; it has orders on both sides.
    rig.place(1, crate::fixture::bid(90_000, 7)).unwrap();
    rig.place(1, crate::fixture::ask(110_000, 9)).unwrap();
    rig.place(0, crate::fixture::bid(90_000, 7)).unwrap();
    rig.accounts[0].cash_atoms = 0;
    rig.market.seats.rows[1].quote_entry_atoms += 1_000;
    rig.market.seats.rows[0].quote_entry_atoms -= 1_000;
    let at = context(&rig, 80_000);
    let (summary, moves) = resolve(&mut rig, &at);
    assert_eq!(summary.unwrap().cancelled_orders, 1);
    assert_eq!(moves.iter().map(|row| row.seat_index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((rig.seat(1).base_lots, rig.seat(1).bid_count, rig.seat(1).ask_count), (0, 1, 1));
    assert_sound(&rig);
}
