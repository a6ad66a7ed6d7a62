use super::*;
use crate::account::AccountState;
use crate::audit::{check_market, market_value};
use crate::fixture::{bid, owner, rig, Rig, PRICE};
use crate::margin::{requirement, value_leg, Health, LegTotals, Requirement, Valuation};
use crate::resolve::{resolve_leg, OtherLegs, ResolveContext, ResolveLog};
use crate::seat::SEATS;
use crate::sweep::{settle_loss, touch_seat};
use bytemuck::allocation::zeroed_box;
use bytemuck::Zeroable;
use core::cell::Cell;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::boxed::Box;
use std::vec::Vec;

fn winding_down() -> Rig {
    let mut rig = rig(4);
    rig.give(0, 1, 30);
    rig.give(2, 1, 12);
    rig.place(3, bid(99_000, 7)).unwrap();
    rig.market.settle_after_slot = 100;
    rig
}

fn at(rig: &Rig, price: i64, ema: i64, grade: Grade) -> OraclePrice {
    OraclePrice { price: Price(price), ema: Price(ema), grade, ..rig.context.price }
}

fn assert_sound(rig: &Rig) {
    let found: Vec<_> = check_market(&rig.market, &rig.book).iter().collect();
    assert_eq!(found, []);
}

#[test]
fn every_position_becomes_its_result_at_the_average() {
    let mut rig = winding_down();
    rig.market.charges.funding_index_scaled = 3 << 20;
    let price = at(&rig, 90_000, 91_000, Grade::Fresh);
    let before = market_value(&rig.market);
    let realised: Vec<i64> = rig.market.seats.rows.iter().take(4).map(|seat| seat.realised_atoms).collect();
    let done = settle_market(&mut rig.market, &mut rig.book, Some(&price), 100).unwrap();
    let (price_of, lots) = (Price(91_000), BaseLots(42));
    // What longs pay shorts get.
    assert_eq!(done, Settlement { price: price_of, lots, orders: 1, charged: QuoteAtoms(0) });
    // 9,000 a lot lost by longs, and three atoms of funding.
    let results: Vec<i64> = (0..4).map(|who| rig.seat(who).realised_atoms - realised[who]).collect();
    assert_eq!(results, [-9_003 * 30, 9_003 * 42, -9_003 * 12, 0]);
    assert!((0..4).all(|who| rig.seat(who).base_lots == 0 && rig.seat(who).quote_entry_atoms == 0));
    assert_eq!((rig.seat(3).bid_count, rig.book.bid_count, rig.market.open_interest_base_lots), (0, 0, 0));
    assert_eq!(market_value(&rig.market), before);
    assert_sound(&rig);
    assert_eq!(settle_market(&mut rig.market, &mut rig.book, Some(&price), 101), Err(EngineError::MarketSettled));
    // Funding has ended with the positions.
    rig.market.charges.sampled_slot = 100;
    rig.market.accrue(5_000);
    assert_eq!(rig.market.charges.funding_index_scaled, 3 << 20);
}

#[test]
fn not_before_its_time_and_only_at_a_fresh_price_for_a_day() {
    let mut rig = winding_down();
    let fresh = at(&rig, PRICE, PRICE, Grade::Fresh);
    let degraded = at(&rig, PRICE, PRICE + 5, Grade::Degraded);
    let frozen = at(&rig, PRICE, PRICE, Grade::Frozen);
    let late = 100 + SILENT_ORACLE_SLOTS;
    let (early, stale) = (Err(EngineError::SettlementTooEarly), Err(EngineError::OracleStale));
    rig.market.last_price.price_atoms_per_lot = 77_777;
    for slot in [100, late - 1] {
        assert_eq!(final_price(&rig.market, Some(&degraded), slot), stale);
        assert_eq!(final_price(&rig.market, None, slot), stale);
        assert_eq!(final_price(&rig.market, Some(&fresh), slot), Ok(Price(PRICE)));
    }
    assert_eq!(final_price(&rig.market, Some(&fresh), 99), early);
    assert_eq!(final_price(&rig.market, Some(&fresh), late), Ok(Price(PRICE)));
    assert_eq!(final_price(&rig.market, Some(&degraded), late), Ok(Price(PRICE + 5)));
    rig.market.settle_after_slot = 0;
    assert_eq!(final_price(&rig.market, Some(&fresh), late), Err(EngineError::NotWindingDown));
    // A silent oracle: nobody has used a price for a day.
    rig.market.settle_after_slot = 100;
    for none in [None, Some(&frozen)] {
        for (used_slot, slot, wanted) in [
            (0, late - 1, stale),
            (0, late, Ok(Price(77_777))),
            (100, late, Ok(Price(77_777))),
            (101, late, stale),
            (101, late + 1, Ok(Price(77_777))),
        ] {
            rig.market.last_price.used_slot = used_slot;
            assert_eq!(final_price(&rig.market, none, slot), wanted, "{used_slot} {slot}");
        }
    }
    rig.market.last_price.price_atoms_per_lot = 0;
    assert_eq!(final_price(&rig.market, None, 2 * late), Err(EngineError::OraclePriceOutOfRange));
}

#[test]
fn the_average_is_no_further_from_the_price_than_the_first_maintenance_rate() {
    let rig = winding_down();
    assert_eq!(rig.market.params.tiers[0].mmr_bps, 300);
    let late = 100 + SILENT_ORACLE_SLOTS;
    for (ema, fits) in [(102_999, true), (103_000, true), (103_001, false), (97_000, true), (96_999, false), (1, false)]
    {
        for (grade, slot) in [(Grade::Fresh, 100), (Grade::Fresh, late), (Grade::Degraded, late)] {
            let found = final_price(&rig.market, Some(&at(&rig, 100_000, ema, grade)), slot);
            assert_eq!(found, if fits { Ok(Price(ema)) } else { Err(EngineError::OracleAverageTooFar) });
        }
    }
}

/// An account at any health, its leg in the market at any size, others beside it: settled at any average that is allowed, it is healthy if it was.
#[test]
fn settlement_makes_no_healthy_account_unhealthy() {
    let params = rig(1).market.params;
    let healthy = Cell::new(0);
    let mut runner = TestRunner::default();
    let worlds = (1i64..1 << 34, any::<bool>(), 1i64..1 << 18, -10_000i64..=10_000, -1_000i64..5_000, 0i64..1 << 40);
    runner
        .run(&worlds, |(lots, is_long, price, away, above, other)| {
            let mut seat: Seat = bytemuck::Zeroable::zeroed();
            seat.base_lots = if is_long { lots } else { -lots };
            let notional = QuoteAtoms(lots * price);
            let Ok(required) = requirement(&params, notional, false) else { return Ok(()) };
            // An EMA as far away as it may be, or nearer; cash around what makes the account just healthy.
            let ema = price + (wide_mul(price, 300 * away) / 100_000_000) as i64;
            let needed = required.0 + i128::from(other) * 10_000;
            let value = i128::from(price * seat.base_lots);
            let cash = (needed / 10_000 - value) as i64 + above;
            let health_at = |base: i64, cash: i64, required: i128| {
                let equity = QuoteAtoms(base * price + cash);
                Health { equity, requirement: Requirement(required) }.is_at_least(10_000)
            };
            let before = health_at(seat.base_lots, cash, needed);
            let oracle = OraclePrice { ema: Price(ema.max(1)), ..at(&rig(1), price, price, Grade::Fresh) };
            let final_price = average(&params, &oracle).unwrap();
            let terms = FinalTerms { price: final_price, funding_index_scaled: 0, loss_index_scaled: 0 };
            terms.close(&mut seat).unwrap();
            let after = health_at(0, cash + seat.realised_atoms, i128::from(other) * 10_000);
            prop_assert!(after || !before, "{lots} {price} {ema}");
            if before {
                count(&healthy);
            }
            Ok(())
        })
        .unwrap();
    assert!(healthy.get() > 50);
}

fn count(counter: &Cell<u32>) {
    counter.set(counter.get() + 1);
}

/// Numbers of every size, and the ends of `i64`.
fn wild() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0u32..64, any::<bool>())
        .prop_map(|(bits, shift, at_end)| if at_end { bits >> shift } else { i64::MAX >> shift })
}

/// The rule of the specification, in numbers without end: paid, result.
fn by_the_book(terms: &FinalTerms, seat: &Seat) -> Option<(i64, i64)> {
    let wide = i128::from;
    let base = wide(seat.base_lots);
    let funding = wide(terms.funding_index_scaled) - wide(seat.funding_checkpoint_scaled);
    let loss = wide(terms.loss_index_scaled) - wide(seat.loss_checkpoint_scaled);
    // An index ends at 2^62: a difference that is not one of 64 bits cannot be, and is refused.
    let (funding, loss) = (wide(i64::try_from(funding).ok()?), wide(i64::try_from(loss).ok()?));
    let scaled = (base * funding).checked_add(base.abs() * loss)?;
    let paid = scaled.div_euclid(1 << 20) + i128::from(scaled.rem_euclid(1 << 20) != 0);
    let result = wide(seat.realised_atoms) - paid + base * wide(terms.price.0) + wide(seat.quote_entry_atoms);
    Some((i64::try_from(paid).ok()?, i64::try_from(result).ok()?))
}

#[test]
fn a_seat_is_closed_by_the_book_at_any_size() {
    let seats = (-(1i64 << 40)..=1 << 40, wild(), wild(), wild(), wild(), wild(), wild(), 1i64..=1 << 40, 0u32..41);
    let (small, large, refused) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 20_000, ..Config::default() });
    runner
        .run(&seats, |(base, entry, realised, funding, loss, funding_before, loss_before, price, shift)| {
            let terms = FinalTerms {
                price: Price((price >> shift).max(1)),
                funding_index_scaled: funding >> 1,
                loss_index_scaled: loss >> 1,
            };
            let mut seat: Seat = bytemuck::Zeroable::zeroed();
            (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (base >> shift, entry, realised);
            (seat.funding_checkpoint_scaled, seat.loss_checkpoint_scaled) = (funding_before >> 1, loss_before >> 1);
            if seat.base_lots == 0 {
                let before = seat;
                prop_assert_eq!(terms.close(&mut seat), Ok(0));
                prop_assert_eq!(bytemuck::bytes_of(&seat), bytemuck::bytes_of(&before));
                return Ok(());
            }
            let wanted = by_the_book(&terms, &seat);
            let mut other = seat;
            let closed = terms.close(&mut seat);
            prop_assert_eq!(closed.map(|paid| (paid, seat.realised_atoms)).ok(), wanted);
            match (wanted, terms.close_exactly(&mut other)) {
                (Some(_), closed_exactly) => {
                    prop_assert_eq!(closed, closed_exactly);
                    prop_assert_eq!(bytemuck::bytes_of(&seat), bytemuck::bytes_of(&other));
                    prop_assert_eq!((seat.base_lots, seat.quote_entry_atoms), (0, 0));
                    let checkpoints = (seat.funding_checkpoint_scaled, seat.loss_checkpoint_scaled);
                    prop_assert_eq!(checkpoints, (terms.funding_index_scaled, terms.loss_index_scaled));
                    count(if seat.realised_atoms.unsigned_abs() < 1 << 60 { &small } else { &large });
                }
                (None, refusal) => {
                    prop_assert_eq!(refusal, Err(EngineError::MathOverflow));
                    count(&refused);
                }
            }
            Ok(())
        })
        .unwrap();
    let counts = [small.get(), large.get(), refused.get()];
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}

/// Terms that leave 64 bits only together, and the least number: what the sums of plain arithmetic would wrap is refused.
#[test]
fn what_leaves_the_range_of_a_result_is_refused() {
    let terms = FinalTerms { price: Price(100), funding_index_scaled: 0, loss_index_scaled: 0 };
    for (base, entry, realised) in [(1, 1 << 62, 1 << 62), (-1, -(1 << 62), -(1 << 62)), (-1, i64::MIN + 1, 0)] {
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (base, entry, realised);
        let before = seat;
        assert_eq!(terms.close(&mut seat), Err(EngineError::MathOverflow), "{base} {entry} {realised}");
        assert_eq!(bytemuck::bytes_of(&seat), bytemuck::bytes_of(&before));
    }
}

/// Funding and a shared loss on their way, a full table: nothing is lost, and the pool stays exact.
#[test]
fn what_seats_owe_is_collected_to_the_atom() {
    let mut rig = rig(SEATS);
    for pair in 0..SEATS / 2 {
        let lots = 5 + (pair as i64 * 7_919) % 4_093;
        rig.give(2 * pair, 2 * pair + 1, if pair % 3 == 0 { -lots } else { lots });
    }
    rig.place(9, bid(99_000, 7)).unwrap();
    let charges = &mut rig.market.charges;
    (charges.funding_rate_scaled_per_slot, charges.sampled_slot, charges.accrued_slot) = (-12_345, 10, 10);
    assert_eq!(rig.market.socialise(QuoteAtoms(1_000_003)), Ok(QuoteAtoms(1_000_003)));
    rig.market.settle_after_slot = 500;
    assert_sound(&rig);
    let (before, residue) = (market_value(&rig.market), rig.market.charges.residue_scaled);
    let price = at(&rig, 101_000, 100_900, Grade::Fresh);
    let done = settle_market(&mut rig.market, &mut rig.book, Some(&price), 777).unwrap();
    assert!(done.charged.0 > 1_000_003 && done.lots.0 > 1_000_000);
    assert_eq!(rig.market.charges.funding_index_scaled, -12_345 * 767);
    assert_eq!(market_value(&rig.market), before);
    assert!(rig.market.charges.residue_scaled > residue);
    // All is collected: the pool holds the residue and nothing else.
    assert_eq!(rig.market.charges.clearing_atoms << 20, rig.market.charges.residue_scaled as i64);
    assert_sound(&rig);
}

#[test]
fn positions_that_do_not_balance_are_not_settled() {
    type Spoil = fn(&mut MarketState);
    let spoils: [Spoil; 3] = [
        |market| market.seats.rows[0].base_lots += 1,
        |market| market.open_interest_base_lots -= 1,
        |market| {
            market.seats.rows[0].base_lots += 1;
            market.open_interest_base_lots += 1;
        },
    ];
    for spoil in spoils {
        let mut rig = winding_down();
        spoil(&mut rig.market);
        let price = at(&rig, PRICE, PRICE, Grade::Fresh);
        let settled = settle_market(&mut rig.market, &mut rig.book, Some(&price), 100);
        assert_eq!(settled, Err(EngineError::InvariantViolated));
    }
}

#[test]
fn a_market_closes_when_nothing_is_left_in_it() {
    let mut rig = winding_down();
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    let price = at(&rig, 90_000, 91_000, Grade::Fresh);
    settle_market(&mut rig.market, &mut rig.book, Some(&price), 100).unwrap();
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    let fees = rig.market.fees_atoms;
    for who in 0..4u32 {
        let account = &mut rig.accounts[who as usize];
        crate::sweep::sweep_seat(&mut rig.market, who, account, 101).unwrap();
        rig.market.seats.release(who, account).unwrap();
    }
    rig.market.unassigned_loss_atoms = 1;
    assert_eq!(close_market(&mut rig.market, &rig.book), Err(EngineError::MarketNotEmpty));
    rig.market.unassigned_loss_atoms = 0;
    // A pool that still has something, or owes it, without anybody: INV-11 is broken, and nothing may hide it.
    for charges in [(1, 0), (0, 1)] {
        let mut broken = rig.market.clone();
        (broken.charges.clearing_atoms, broken.charges.residue_scaled) = charges;
        assert_eq!(close_market(&mut broken, &rig.book), Err(EngineError::InvariantViolated));
    }
    let income = close_market(&mut rig.market, &rig.book).unwrap();
    assert_eq!((income.fees, income.insurance), (QuoteAtoms(fees), QuoteAtoms(0)));
    assert_eq!(market_value(&rig.market), 0);
    let mut unused = rig_without_seats();
    assert!(close_market(&mut unused.market, &unused.book).is_ok());
}

#[test]
fn a_market_is_over_when_it_is_settled_or_nobody_ever_had_a_seat() {
    let mut used = rig(1);
    used.market.seats.release(0, &mut used.accounts[0]).unwrap();
    assert!(!used.market.is_over());
    assert_eq!(used.market.require_unsettled(), Ok(()));
    // Nothing is left in it, but it is not over.
    assert_eq!(close_market(&mut used.market, &used.book), Err(EngineError::MarketNotEmpty));
    used.market.final_price_atoms_per_lot = 1;
    assert!(used.market.is_over());
    assert_eq!(used.market.require_unsettled(), Err(EngineError::MarketSettled));
    assert!(rig_without_seats().market.is_over());
}

#[test]
fn the_largest_price_settles_and_orders_of_both_sides_are_forgotten() {
    let mut rig = winding_down();
    rig.place(3, crate::fixture::ask(101_000, 7)).unwrap();
    assert_eq!((rig.seat(3).bid_count, rig.seat(3).ask_count), (1, 1));
    let largest = at(&rig, MAX_PRICE_ATOMS_PER_LOT, MAX_PRICE_ATOMS_PER_LOT, Grade::Fresh);
    assert_eq!(final_price(&rig.market, Some(&largest), 100), Ok(Price(MAX_PRICE_ATOMS_PER_LOT)));
    let price = at(&rig, 90_000, 90_000, Grade::Fresh);
    settle_market(&mut rig.market, &mut rig.book, Some(&price), 100).unwrap();
    let seat = rig.seat(3);
    assert_eq!((seat.bid_count, seat.ask_count, seat.bid_lots, seat.ask_lots), (0, 0, 0, 0));
    assert_eq!((seat.bid_price_max_atoms_per_lot, seat.ask_price_min_atoms_per_lot), (0, 0));
}

fn rig_without_seats() -> Rig {
    rig(0)
}

/// A loser without cash, healthy by what another market's leg is worth on paper: nothing makes it pay, and nothing lets it out before it has.
#[test]
fn a_healthy_debtor_pays_with_the_first_cash_and_keeps_none_before() {
    let mut rig = winding_down();
    for seat in &mut rig.market.seats.rows {
        seat.realised_atoms = 0;
    }
    rig.market.fees_atoms = 0;
    rig.market.params.sweep_cap_atoms = 50_000;
    let final_terms = at(&rig, 91_000, 91_000, Grade::Fresh);
    settle_market(&mut rig.market, &mut rig.book, Some(&final_terms), 100).unwrap();
    let debt = 9_000 * 30;
    assert_eq!(rig.seat(0).realised_atoms, -debt);
    rig.accounts[0].cash_atoms = 0;
    let price = rig.market.settled_price();
    // Elsewhere it is open, and worth this much on paper.
    let resolve = |rig: &mut Rig, paper: i64, is_open: bool| {
        let equity = LegTotals { equity: QuoteAtoms(paper), requirement: Requirement(i128::from(is_open) * 1_000_000) };
        let mut others = OtherLegs { maintenance: equity, favourable: equity, ..OtherLegs::default() };
        others.legs[3].is_open = is_open;
        let fund = QuoteAtoms::ZERO;
        let context = ResolveContext { slot: 101, price, owner: owner(0), position: 0, others, fund };
        let mut moves: Box<ResolveLog> = zeroed_box();
        let (market, book, account) = (&mut rig.market, &mut rig.book, &mut rig.accounts[0]);
        resolve_leg(market, book, account, 0, &context, &mut rig.log, &mut moves)
    };
    assert_eq!(resolve(&mut rig, debt + 100, true), Err(EngineError::AccountSolvent));
    let Rig { market, accounts, .. } = &mut rig;
    let account = &mut accounts[0];
    assert_eq!(settle_loss(market, 0, account, &price), Err(EngineError::NothingToSettle));
    assert_eq!(touch_seat(market, 0, account, 101).unwrap().swept, QuoteAtoms(0));
    assert_eq!(market.seats.release(0, account), Err(EngineError::SeatNotEmpty));
    // The winner has what may be paid ahead, and waits for the rest.
    assert_eq!(touch_seat(market, 1, &mut AccountState::zeroed(), 101).unwrap().swept, QuoteAtoms(50_000));
    // No cash leaves, whatever the paper is worth.
    account.cash_atoms = debt - 1;
    let seat = market.seats.get(0).unwrap();
    let initial = value_leg(&market.params, seat, QuoteAtoms::ZERO, &price, Valuation::Initial).unwrap();
    assert_eq!(account.withdraw(1, initial), Err(EngineError::InitialHealthTooLow));
    // Cash pays, and makes room for as much.
    assert_eq!(touch_seat(market, 0, account, 101).unwrap().swept, QuoteAtoms(1 - debt));
    assert_eq!((account.cash_atoms, market.net_swept_profit_atoms), (0, 50_001 - debt));
    // Once the paper is gone, what is still owed is the settled leg's: insurance's, which has nothing here, and nobody's.
    let summary = resolve(&mut rig, -20, false).unwrap();
    assert_eq!((summary.insurance.from_market, summary.unassigned), (QuoteAtoms(0), QuoteAtoms(1)));
    assert!(summary.released_bond.is_some());
}
