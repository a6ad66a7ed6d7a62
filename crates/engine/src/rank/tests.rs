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

/// All opposite seats by falling rank, cut where they cover the lots or the number.
fn sorted(table: &SeatTable, of: i64, needed: i64) -> Vec<u32> {
    let mut all: Vec<(i64, u32, i64)> = (0u32..)
        .zip(&table.rows)
        .filter(|(_, seat)| seat.base_lots != 0 && (seat.base_lots < 0) == (of > 0))
        .map(|(index, seat)| (rank_of(seat, Price(1_000), 160, 500), index, seat.base_lots.abs()))
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

    #[test]
    fn a_rank_is_the_profit_per_lot(base in -1_000_000i64..1_000_000, entry in -1i64 << 50..1 << 50, price in 1i64..1 << 30) {
        prop_assume!(base != 0);
        let mut seat: Seat = bytemuck::Zeroable::zeroed();
        (seat.base_lots, seat.quote_entry_atoms) = (base, entry);
        let profit = i128::from(base) * i128::from(price) + i128::from(entry);
        prop_assume!(profit.unsigned_abs() / u128::from(base.unsigned_abs()) < 1 << 42);
        let exact = (profit.abs() << 20) / i128::from(base.abs());
        let expected = if profit < 0 { -exact } else { exact };
        prop_assert_eq!(i128::from(rank_of(&seat, Price(price), 160, 0)), expected);
    }
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
    // 800 − 100, cut to sixteen atoms.
    assert_eq!(swept_lately(&seat, 160, 1_080), 688);
}
