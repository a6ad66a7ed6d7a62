use super::*;
use crate::fixture::{ask, bid, rig, Rig, PRICE};
use crate::quantity::QuoteAtoms;

fn sound() -> Rig {
    let mut rig = rig(4);
    rig.give(0, 1, 30);
    for (who, offset) in [(0, 100), (1, 200), (1, 300)] {
        rig.place(who, bid(PRICE - offset, 10)).unwrap();
        rig.place(who, ask(PRICE + offset, 10)).unwrap();
    }
    for seat in [2, 3] {
        assert_eq!(rig.market.seats.release(seat, &mut rig.accounts[3]), Ok(QuoteAtoms(0)));
    }
    rig.assert_sound();
    rig
}

#[test]
fn every_invariant_can_be_broken_alone() {
    use Invariant::*;
    type Spoil = fn(&mut Rig);
    let spoils: [(Invariant, Spoil); 25] = [
        (BaseConserved, |rig| rig.market.seats.rows[0].base_lots += 1),
        (BaseConserved, |rig| rig.market.open_interest_base_lots += 1),
        (SeatTable, |rig| rig.market.seats.used_count += 1),
        (SeatTable, |rig| rig.market.seats.bonds_atoms += 1),
        (SeatTable, |rig| rig.market.seats.free_head_plus_one = 0),
        (SeatTable, |rig| rig.market.seats.free_head_plus_one = 1),
        (SeatTable, |rig| rig.market.seats.rows[2].next_free_plus_one = 4),
        (SeatTable, |rig| rig.market.seats.rows[3].realised_atoms = 1),
        (SeatTable, |rig| rig.market.seats.rows[9].next_free_plus_one = 1),
        (SeatTable, |rig| rig.market.seats.rows[0].next_free_plus_one = 3),
        (OrderTotals, |rig| rig.market.seats.rows[0].bid_lots += 1),
        (OrderTotals, |rig| rig.market.seats.rows[1].ask_quote_atoms -= 1),
        (OrderTotals, |rig| rig.market.seats.rows[1].ask_count += 1),
        (OrderTotals, |rig| rig.market.seats.rows[0].bid_price_max_atoms_per_lot -= 1),
        (OrderTotals, |rig| rig.market.seats.rows[0].ask_price_min_atoms_per_lot += 1),
        (OrderTotals, |rig| rig.book.bids[0].seat_index = 0),
        (BookSorted, |rig| rig.book.bids.swap(0, 1)),
        (BookSorted, |rig| rig.book.asks.swap(1, 2)),
        (BookSorted, |rig| rig.book.next_sequence = 3),
        (BookSorted, |rig| rig.market.params.tick_size_atoms_per_lot = 300),
        (SweptProfit, |rig| rig.market.net_swept_profit_atoms = rig.market.params.sweep_cap_atoms + 1),
        (SweptProfit, |rig| rig.market.params.sweep_cap_atoms = -1),
        (RecordedParts, |rig| rig.market.recorded_atoms = 1),
        (RecordedParts, |rig| rig.market.seats.rows[0].recorded_atoms = 1),
        (RecordedParts, |rig| {
            (rig.market.seats.rows[0].recorded_atoms, rig.market.seats.rows[1].recorded_atoms) = (1, -1);
        }),
    ];
    for (place, (invariant, spoil)) in spoils.into_iter().enumerate() {
        let mut rig = sound();
        spoil(&mut rig);
        let found: Vec<_> = check_market(&rig.market, &rig.book).iter().collect();
        assert_eq!(found, [invariant], "spoil {place}");
    }
}

/// What the other invariants notice too.
#[test]
fn every_condition_of_an_invariant_counts() {
    use Invariant::*;
    type Spoil = fn(&mut Rig);
    let spoils: [(Invariant, Spoil); 16] = [
        (ClearingPool, |rig| rig.market.charges.clearing_atoms += 1),
        (ClearingPool, |rig| rig.market.charges.residue_scaled += 1),
        (ClearingPool, |rig| rig.market.seats.rows[0].funding_checkpoint_scaled += 1),
        (ClearingPool, |rig| rig.market.seats.rows[0].loss_checkpoint_scaled += 1),
        // The first row that was never used.
        (SeatTable, |rig| rig.market.seats.rows[4].next_free_plus_one = 1),
        // The last order's sequence is still to be given.
        (BookSorted, |rig| rig.book.next_sequence -= 1),
        (BookSorted, |rig| rig.book.bids[0].price_atoms_per_lot = 0),
        (BookSorted, |rig| rig.book.asks[0].size_base_lots = 0),
        // The better price, but later, in the worse place; and earlier.
        (BookSorted, |rig| rig.book.bids.swap(0, 1)),
        (BookSorted, |rig| rig.book.asks.swap(0, 1)),
        (BookSorted, |rig| {
            rig.book.bids.swap(0, 1);
            let (worse, better) = (rig.book.bids[0].sequence, rig.book.bids[1].sequence);
            (rig.book.bids[0].sequence, rig.book.bids[1].sequence) = (better, worse);
        }),
        (BookSorted, |rig| {
            rig.book.asks.swap(0, 1);
            let (worse, better) = (rig.book.asks[0].sequence, rig.book.asks[1].sequence);
            (rig.book.asks[0].sequence, rig.book.asks[1].sequence) = (better, worse);
        }),
        // Touching is crossing.
        (BookSorted, |rig| rig.book.asks[2].price_atoms_per_lot = rig.book.bids[2].price_atoms_per_lot),
        (OrderTotals, |rig| rig.market.seats.rows[2].bid_price_max_atoms_per_lot = 1),
        (OrderTotals, |rig| rig.market.seats.rows[2].ask_price_min_atoms_per_lot = 1),
        (SeatTable, |rig| rig.market.seats.rows[2].quote_entry_atoms = 1),
    ];
    for (place, (invariant, spoil)) in spoils.into_iter().enumerate() {
        // Seats 2 and 3 are taken, and have nothing.
        let mut rig = if place < 13 { sound() } else { rig(4) };
        rig.assert_sound();
        assert_eq!(check_market(&rig.market, &rig.book), Violations::default());
        spoil(&mut rig);
        let found = check_market(&rig.market, &rig.book);
        assert!(found.contains(invariant) && !found.is_empty(), "spoil {place}");
    }
}

/// Of two orders at one price the older is the better, and no two have one sequence.
#[test]
fn orders_at_one_price_stand_in_the_order_of_their_sequences() {
    for side in [Side::Bid, Side::Ask] {
        for (worse, better, is_sound) in [(2, 1, true), (1, 2, false), (1, 1, false)] {
            let mut rig = rig(2);
            for who in [0, 1] {
                rig.place(who, crate::fixture::limit(side, PRICE - 1_000 * side.sign(), 10)).unwrap();
            }
            let rows = if side == Side::Bid { &mut rig.book.bids } else { &mut rig.book.asks };
            assert_eq!((rows[0].sequence, rows[1].sequence), (2, 1));
            (rows[0].sequence, rows[1].sequence) = (worse, better);
            let found = check_market(&rig.market, &rig.book);
            assert_eq!(found.is_empty(), is_sound, "{side:?} {worse} {better}");
            assert_eq!(found.contains(Invariant::BookSorted), !is_sound);
        }
    }
}

#[test]
fn a_crossed_book_is_found() {
    let mut rig = sound();
    rig.book.bids[2].price_atoms_per_lot = PRICE + 100;
    assert!(check_market(&rig.market, &rig.book).contains(Invariant::BookSorted));
    assert!(!check_market(&rig.market, &rig.book).is_empty());
}

#[test]
fn value_is_what_seats_fees_and_bonds_hold() {
    let mut rig = sound();
    assert_eq!(market_value(&rig.market), 0);
    rig.market.insurance_pending_atoms = 7;
    rig.market.seats.bonds_atoms = 5;
    rig.market.fees_atoms += 3;
    assert_eq!(market_value(&rig.market), 15);
}
