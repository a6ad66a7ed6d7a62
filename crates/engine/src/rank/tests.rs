use super::*;
use crate::seat::SEATS;
use bytemuck::allocation::zeroed_box;
use proptest::prelude::*;
use std::boxed::Box;
use std::vec::Vec;

fn table(rows: &[(i64, i64, i64)]) -> Box<SeatTable> {
    let mut table: Box<SeatTable> = zeroed_box();
    for (seat, (base, entry, realised)) in table.rows.iter_mut().zip(rows) {
        (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (*base, *entry, *realised);
    }
    table.touched_count = u32::try_from(rows.len()).unwrap();
    table
}

fn sorted(table: &SeatTable, of: i64, needed: i64) -> Vec<u32> {
    sorted_at(table, of, needed, 1_000, 160, 500)
}

/// All opposite seats by falling rank, cut where they cover the lots or the number.
fn sorted_at(table: &SeatTable, of: i64, needed: i64, price: i64, window: u32, slot: u64) -> Vec<u32> {
    let mut all: Vec<(i64, u32, i64)> = (0u32..)
        .zip(&table.rows)
        .filter(|(_, seat)| seat.base_lots != 0 && (seat.base_lots < 0) == (of > 0))
        .map(|(index, seat)| (rank_of(seat, Price(price), window, slot), index, seat.base_lots.abs()))
        .collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut covered = 0;
    let wanted = all.into_iter().take_while(|row| {
        let before = covered;
        covered += row.2;
        before < needed
    });
    wanted.take(COUNTERPARTIES).map(|row| row.1).collect()
}

proptest! {
    #[test]
    fn no_better_ranked_seat_is_skipped(
        rows in prop::collection::vec((-40i64..40, -50_000i64..50_000, -900i64..900), 1..120),
        of in prop::sample::select(std::vec![-1i64, 1]),
        needed in 1i64..600,
    ) {
        let table = table(&rows);
        let best = Best::opposite(&table, BaseLots(of), Price(1_000), 160, 500, needed);
        let found: Vec<u32> = best.rows().iter().map(|row| row.seat_index).collect();
        prop_assert_eq!(found, sorted(&table, of, needed));
    }

    /// Of equal ranks the lower seat goes first. Nobody gains more by its seat's number than an atom of profit a lot would bring it: a seat that is
    /// passed over has, a lot, less than an atom more than one that is taken.
    #[test]
    fn a_seat_number_is_worth_less_than_an_atom_a_lot(
        rows in prop::collection::vec((-40i64..40, -300i64..300), 1..120),
        of in prop::sample::select(std::vec![-1i64, 1]),
        needed in 1i64..600,
    ) {
        let rows: Vec<_> = rows.iter().map(|(base, profit)| (*base, *profit - base * 1_000, 0)).collect();
        let table = table(&rows);
        let best = Best::opposite(&table, BaseLots(of), Price(1_000), 160, 500, needed);
        let is_taken = |index: usize| best.rows().iter().any(|row| row.seat_index as usize == index);
        let of_seat = |row: &(i64, i64, i64)| (row.0 * 1_000 + row.1, row.0.abs());
        for (_, taken) in rows.iter().enumerate().filter(|(index, _)| is_taken(*index)) {
            for (_, passed) in rows.iter().enumerate().filter(|(index, row)| row.0 * of < 0 && !is_taken(*index)) {
                let ((more, lots), (profit, others)) = (of_seat(taken), of_seat(passed));
                prop_assert!((profit - others) * lots < more * others, "{taken:?} {passed:?}");
            }
        }
    }

    #[test]
    fn a_rank_is_the_profit_per_lot(base in -1_000_000i64..1_000_000, entry in -1i64 << 50..1 << 50, price in 1i64..1 << 30) {
        prop_assume!(base != 0);
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        (seat.base_lots, seat.quote_entry_atoms) = (base, entry);
        let profit = i128::from(base) * i128::from(price) + i128::from(entry);
        let expected = profit.div_euclid(i128::from(base.abs()));
        prop_assert_eq!(i128::from(rank_of(&seat, Price(price), 160, 0)), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Never a rank of the wrong sign.
    #[test]
    fn at_the_ends_of_the_range_a_rank_stops(
        base in prop_oneof![1i64..100, 1i64..=1 << 40, Just(1i64 << 40)],
        price in prop_oneof![1i64..1_000_000, 1i64..=1 << 40, Just(1i64 << 40)],
        terms in prop::array::uniform3(prop_oneof![-1_000i64..1_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]),
        is_short in any::<bool>(),
    ) {
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        seat.base_lots = if is_short { -base } else { base };
        // More is never recorded as swept.
        let swept = terms[2].clamp(-(1 << 60), 1 << 60);
        (seat.quote_entry_atoms, seat.realised_atoms, seat.swept_window_atoms) = (terms[0], terms[1], swept);
        seat.swept_window_slot = 500;
        let lately = (swept >> 4) * 16;
        let stop = |value: i128| value.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        let mut profit = stop(i128::from(seat.base_lots) * i128::from(price));
        for term in [terms[0], terms[1], lately] {
            profit = stop(profit + i128::from(term));
        }
        let expected = profit.max(-i128::from(i64::MAX)).div_euclid(i128::from(base));
        prop_assert_eq!(i128::from(rank_of(&seat, Price(price), 160, 500)), expected);
    }

    /// As far as numbers go: sizes, prices, results, profit swept lately, all slots (which decide the order of the scan).
    #[test]
    fn the_scan_is_exact_at_the_ends_of_the_range(
        rows in prop::collection::vec((
            prop_oneof![-9i64..10, -(1i64 << 40)..=1 << 40],
            prop_oneof![-100_000i64..100_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
            prop_oneof![-1_000i64..1_000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
            prop_oneof![Just(0i64), -5_000i64..5_000, -(1i64 << 60)..=1 << 60],
            0u64..2_000,
        ), 1..80),
        price in prop_oneof![1i64..5_000, 1i64..=1 << 40],
        needed in prop_oneof![1i64..60, 1i64..1 << 45],
        of in prop::sample::select(std::vec![-1i64, 1]),
        slot in 2_000u64..3_000,
    ) {
        let mut table: Box<SeatTable> = zeroed_box();
        for (seat, (base, entry, realised, swept, swept_slot)) in table.rows.iter_mut().zip(&rows) {
            (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms) = (*base, *entry, *realised);
            (seat.swept_window_atoms, seat.swept_window_slot) = (*swept, *swept_slot);
        }
        table.touched_count = u32::try_from(rows.len()).unwrap();
        let best = Best::opposite(&table, BaseLots(of), Price(price), 1_600, slot, needed);
        let found: Vec<u32> = best.rows().iter().map(|row| row.seat_index).collect();
        prop_assert_eq!(found, sorted_at(&table, of, needed, price, 1_600, slot));
    }

    /// Few ranks, an atom apart or equal, so that ties are everywhere; tables longer than the rows that are kept; every number of lots; every
    /// order of the scan.
    #[test]
    fn ties_stand_in_the_order_of_the_table(
        rows in prop::collection::vec((-3i64..4, prop::sample::select(std::vec![0i64, 1, 2, 3_000])), 1..200),
        needed in prop_oneof![1i64..8, 1i64..90],
        slot in 500u64..1_500,
    ) {
        let rows: Vec<_> = rows.iter().map(|(base, profit)| (*base, *profit * base.abs() - base * 1_000, 0)).collect();
        let table = table(&rows);
        for of in [-1, 1] {
            let best = Best::opposite(&table, BaseLots(of), Price(1_000), 160, slot, needed);
            let found: Vec<u32> = best.rows().iter().map(|row| row.seat_index).collect();
            prop_assert_eq!(found, sorted_at(&table, of, needed, 1_000, 160, slot));
        }
    }
}

#[test]
fn the_wrong_side_and_free_seats_are_not_looked_at() {
    let table = table(&[(-1, 0, 0), (1, 9_000, 0), (0, 0, 77), (0, 5_000, 0)]);
    let best = Best::opposite(&table, BaseLots(5), Price(1_000), 160, 500, 5);
    assert_eq!(best.rows(), [Ranked { rank: -1_000, lots: 1, seat_index: 0 }]);
    let best = Best::opposite(&table, BaseLots(-5), Price(1_000), 160, 500, 5);
    assert_eq!(best.rows(), [Ranked { rank: 10_000, lots: 1, seat_index: 1 }]);
}

#[test]
fn ranks_rise_with_the_index_in_a_full_table() {
    // The dearest order for the scan: every seat is better than all before it.
    let rows: Vec<_> = (0..SEATS as i64).map(|index| (-1, 1_000 + index, 0)).collect();
    let table = table(&rows);
    let best = Best::opposite(&table, BaseLots(5_000), Price(1_000), 160, 500, 5_000);
    let found: Vec<u32> = best.rows().iter().map(|row| row.seat_index).collect();
    assert_eq!(found, (2_032..2_048).rev().collect::<Vec<u32>>());
}

#[test]
fn swept_profit_counts_and_fades_in_sixteenths() {
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    record_swept(&mut seat, QuoteAtoms(1_600), 160, 1_000);
    assert_eq!(swept_lately(&seat, 160, 1_000), 1_600);
    assert_eq!(swept_lately(&seat, 160, 1_009), 1_600);
    assert_eq!(swept_lately(&seat, 160, 1_010), 1_500);
    assert_eq!(swept_lately(&seat, 160, 1_159), 100);
    assert_eq!(swept_lately(&seat, 160, 1_160), 0);
    record_swept(&mut seat, QuoteAtoms(-100), 160, 1_080);
    // 800 − 100; of 1,400 half, cut to sixteen atoms. It goes on fading as before.
    assert_eq!(swept_lately(&seat, 160, 1_080), 696);
    assert_eq!(swept_lately(&seat, 160, 1_159), 87);
    assert_eq!(swept_lately(&seat, 160, 1_160), 0);
}

#[test]
fn a_sweep_does_not_begin_the_window_anew_for_what_was_there() {
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    record_swept(&mut seat, QuoteAtoms(1_600_000), 160, 1_000);
    // An atom every slot: after the window what was there is gone, and of the atoms some are left.
    for slot in 1_001..1_160 {
        record_swept(&mut seat, QuoteAtoms(1), 160, slot);
    }
    assert!(swept_lately(&seat, 160, 1_160) <= 160, "{}", swept_lately(&seat, 160, 1_160));
    // As much again after half of the window: the mean age is a quarter.
    let mut seat: Seat = bytemuck::Zeroable::zeroed();
    record_swept(&mut seat, QuoteAtoms(1_600), 160, 1_000);
    record_swept(&mut seat, QuoteAtoms(1_600), 160, 1_080);
    assert_eq!((seat.swept_window_atoms, seat.swept_window_slot), (3_200, 1_040));
    assert_eq!(swept_lately(&seat, 160, 1_080), 800 + 1_600);
    // More is taken away than is left: a loss, as young as its sweep.
    record_swept(&mut seat, QuoteAtoms(-4_000), 160, 1_080);
    assert_eq!((seat.swept_window_atoms, seat.swept_window_slot), (-1_600, 1_080));
    // In one slot nothing is cut.
    record_swept(&mut seat, QuoteAtoms(-7), 160, 1_080);
    assert_eq!(seat.swept_window_atoms, -1_607);
}
