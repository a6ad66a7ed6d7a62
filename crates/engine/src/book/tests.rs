use super::*;
use bytemuck::allocation::zeroed_box;
use bytemuck::Zeroable;

fn order(price: i64, sequence: u64) -> Order {
    Order { price_atoms_per_lot: price, sequence, size_base_lots: 1, ..Order::zeroed() }
}

fn rows(book: &Book, side: Side) -> Vec<(i64, u64)> {
    book.orders(side).iter().map(|order| (order.price_atoms_per_lot, order.sequence)).collect()
}

fn book_of(side: Side, prices: &[i64]) -> Box<Book> {
    let mut book: Box<Book> = zeroed_box();
    for (sequence, price) in (1..).zip(prices) {
        assert_eq!(book.insert(side, &order(*price, sequence)).map(|worst| worst.is_none()), Ok(true));
    }
    book
}

#[test]
fn the_best_and_oldest_order_is_last() {
    let bids = book_of(Side::Bid, &[5, 7, 5, 6, 7]);
    assert_eq!(rows(&bids, Side::Bid), [(5, 3), (5, 1), (6, 4), (7, 5), (7, 2)]);
    assert_eq!(bids.best(Side::Bid).map(|order| order.sequence), Some(2));
    let asks = book_of(Side::Ask, &[5, 7, 5, 6, 7]);
    assert_eq!(rows(&asks, Side::Ask), [(7, 5), (7, 2), (6, 4), (5, 3), (5, 1)]);
    assert!(asks.best(Side::Bid).is_none());
}

#[test]
fn every_order_is_found_and_no_other() {
    let prices = [5, 7, 5, 6, 7];
    for side in [Side::Bid, Side::Ask] {
        let book = book_of(side, &prices);
        for (sequence, price) in (1..).zip(prices) {
            let at = book.find(&OrderId { side, price_atoms_per_lot: price, sequence }).unwrap();
            assert_eq!(book.orders(side)[at].sequence, sequence);
            assert_eq!(book.find(&OrderId { side, price_atoms_per_lot: price + 1, sequence }), None);
            assert_eq!(book.find(&OrderId { side: side.opposite(), price_atoms_per_lot: price, sequence }), None);
        }
    }
}

#[test]
fn removing_closes_the_gap() {
    for (index, left) in [(0, [2, 3]), (1, [1, 3]), (2, [1, 2])] {
        let mut book = book_of(Side::Bid, &[1, 2, 3]);
        assert_eq!(book.remove_at(Side::Bid, index).map(|order| order.sequence), Ok(index as u64 + 1));
        assert_eq!(book.orders(Side::Bid).iter().map(|order| order.sequence).collect::<Vec<_>>(), left);
    }
    let mut book = book_of(Side::Bid, &[1]);
    assert_eq!(book.remove_at(Side::Bid, 1).map(|_| ()), Err(EngineError::OrderNotFound));
}

#[test]
fn removing_many_leaves_the_others_in_order() {
    let prices: Vec<i64> = (1..=8).collect();
    for mask in 0u32..256 {
        let mut book = book_of(Side::Bid, &prices);
        let gone: Vec<u16> = (0..8u16).rev().filter(|index| mask & (1 << index) != 0).collect();
        assert_eq!(book.remove_all(Side::Bid, &gone), Ok(()));
        let expected: Vec<i64> = (0..8).filter(|index| mask & (1 << index) == 0).map(|index| index + 1).collect();
        let left: Vec<i64> = book.orders(Side::Bid).iter().map(|order| order.price_atoms_per_lot).collect();
        assert_eq!(left, expected);
    }
    let mut book = book_of(Side::Bid, &prices);
    for wrong in [&[1, 2][..], &[3, 3], &[8], &[9, 2], &[8, 7]] {
        assert_eq!(book.remove_all(Side::Bid, wrong), Err(EngineError::InvariantViolated));
    }
}

#[test]
fn a_full_side_drops_its_worst_for_a_better_one_only() {
    for side in [Side::Bid, Side::Ask] {
        let better = |steps: i64| 10_000 + side.sign() * steps;
        let prices: Vec<i64> = (0..1_024).map(|index| better(index / 2 + 10)).collect();
        let mut book = book_of(side, &prices[1..]);
        assert!(!book.is_full(side) && !book.is_full(side.opposite()));
        book = book_of(side, &prices);
        assert!(book.is_full(side));
        for price in [better(9), better(10)] {
            assert_eq!(book.insert(side, &order(price, 5_000)).map(|_| ()), Err(EngineError::BookFull));
        }
        let worst = book.insert(side, &order(better(11), 5_000)).unwrap().unwrap();
        // Of the two at the worst price the younger leaves.
        assert_eq!((worst.price_atoms_per_lot, worst.sequence), (better(10), 2));
        assert_eq!(rows(&book, side)[..3], [(better(10), 1), (better(11), 5_000), (better(11), 4)]);
        let worst = book.insert(side, &order(better(9_000), 5_001)).unwrap().unwrap();
        assert_eq!(worst.sequence, 1);
        assert_eq!(book.best(side).map(|order| order.sequence), Some(5_001));
        assert_eq!(book.orders(side).len(), 1_024);
    }
}

#[test]
fn an_order_expires_in_its_slot_and_zero_means_never() {
    let expires = |slot| Order { expires_at_slot: slot, ..Order::zeroed() };
    assert!(!expires(0).is_expired(u64::MAX));
    assert!(!expires(5).is_expired(4));
    assert!(expires(5).is_expired(5));
}

#[test]
fn an_order_is_reduce_only_by_its_flag() {
    assert!(!Order::zeroed().is_reduce_only());
    assert!(Order { flags: ORDER_REDUCE_ONLY, ..Order::zeroed() }.is_reduce_only());
}
