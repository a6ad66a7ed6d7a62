use super::*;
use bytemuck::allocation::zeroed_box;
use bytemuck::Zeroable;
use proptest::prelude::*;

fn fill(seat: &mut Seat, side: Side, lots: i64, quote: i64, fee: i64) {
    seat.apply_fill(side, BaseLots(lots), QuoteAtoms(quote), QuoteAtoms(fee)).unwrap();
}

fn row(seat: &Seat) -> (i64, i64, i64) {
    (seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms)
}

#[test]
fn a_reduction_rounds_against_realised_in_both_directions() {
    let mut long = Seat::zeroed();
    fill(&mut long, Side::Bid, 3, 10, 0);
    fill(&mut long, Side::Ask, 1, 4, 0);
    // A third of -10 is -3.33: -4 leaves with the lot.
    assert_eq!(row(&long), (2, -6, 0));
    let mut short = Seat::zeroed();
    fill(&mut short, Side::Ask, 3, 10, 0);
    fill(&mut short, Side::Bid, 1, 4, 0);
    // A third of 10 is 3.33: 3 leaves with the lot.
    assert_eq!(row(&short), (-2, 7, -1));
    fill(&mut short, Side::Bid, 2, 5, 1);
    assert_eq!(row(&short), (0, 0, 0 - 1 + 7 - 5 - 1));
}

#[test]
fn a_flip_closes_then_opens() {
    let mut seat = Seat::zeroed();
    fill(&mut seat, Side::Bid, 10, 1_000, 5);
    fill(&mut seat, Side::Ask, 25, 2_752, 7);
    // 10 of 25 lots: 1,100.8, rounded down, close; the rest opens.
    assert_eq!(row(&seat), (-15, 1_652, 100 - 12));
    fill(&mut seat, Side::Bid, 16, 1_601, 0);
    // 15 of 16 lots cost 1,500.94, as a signed amount rounded down to -1,501.
    assert_eq!(row(&seat), (1, -100, 88 + 1_652 - 1_501));
}

#[test]
fn a_rebate_is_credited() {
    let mut seat = Seat::zeroed();
    fill(&mut seat, Side::Bid, 1, 100, -3);
    assert_eq!(row(&seat), (1, -100, 3));
}

#[test]
fn a_fill_of_nothing_or_of_a_negative_quote_is_refused() {
    let mut seat = Seat::zeroed();
    for (lots, quote) in [(0, 5), (-1, 5), (1, -5)] {
        let result = seat.apply_fill(Side::Bid, BaseLots(lots), QuoteAtoms(quote), QuoteAtoms(0));
        assert_eq!(result, Err(EngineError::InvariantViolated));
    }
    seat.base_lots = MAX_BASE_LOTS;
    let result = seat.apply_fill(Side::Bid, BaseLots(1), QuoteAtoms(1), QuoteAtoms(0));
    assert_eq!(result, Err(EngineError::MathOverflow));
    assert_eq!(row(&seat), (MAX_BASE_LOTS, 0, 0));
}

proptest! {
    #[test]
    fn a_share_is_the_floor(amount in -(1i64 << 60)..(1i64 << 60), whole in 1i64..(1 << 40), part in 1i64..(1 << 40)) {
        let part = part.min(whole);
        let exact = (i128::from(amount) * i128::from(part)).div_euclid(i128::from(whole));
        let share = share_down(QuoteAtoms(amount), BaseLots(part), BaseLots(whole)).unwrap();
        prop_assert_eq!(i128::from(share.0), exact);
    }

    #[test]
    fn fills_change_the_seats_value_exactly(
        fills in prop::collection::vec((any::<bool>(), 1i64..100, 1i64..10_000, -50i64..50), 1..40)
    ) {
        let mut seat = Seat::zeroed();
        let (mut base, mut value) = (0i64, 0i64);
        for (buys, lots, price, fee) in fills {
            let side = if buys { Side::Bid } else { Side::Ask };
            fill(&mut seat, side, lots, lots * price, fee);
            base += side.sign() * lots;
            value -= side.sign() * lots * price + fee;
            prop_assert_eq!(seat.base_lots, base);
            prop_assert_eq!(seat.quote_entry_atoms + seat.realised_atoms, value);
            prop_assert!(base != 0 || seat.quote_entry_atoms == 0);
            // Minus the cost of the open position: a long's is never positive, a short's never negative.
            prop_assert!(seat.quote_entry_atoms * base <= 0);
        }
    }
}

#[test]
fn order_totals_follow_the_orders() {
    let mut seat = Seat::zeroed();
    seat.order_added(Side::Ask, Price(100), BaseLots(5)).unwrap();
    seat.order_added(Side::Ask, Price(90), BaseLots(7)).unwrap();
    seat.order_added(Side::Bid, Price(80), BaseLots(2)).unwrap();
    seat.order_added(Side::Bid, Price(70), BaseLots(3)).unwrap();
    assert_eq!((seat.ask_lots, seat.ask_quote_atoms, seat.ask_count), (12, 1_130, 2));
    assert_eq!((seat.bid_lots, seat.bid_quote_atoms, seat.bid_count), (5, 370, 2));
    assert_eq!((seat.ask_price_min_atoms_per_lot, seat.bid_price_max_atoms_per_lot), (90, 80));
    seat.order_shrunk(Side::Ask, Price(90), BaseLots(7), true).unwrap();
    assert_eq!(seat.ask_price_min_atoms_per_lot, 90, "an upper bound of the loss until the side is empty");
    seat.order_shrunk(Side::Ask, Price(100), BaseLots(4), false).unwrap();
    assert_eq!((seat.ask_lots, seat.ask_quote_atoms, seat.ask_count), (1, 100, 1));
    seat.order_shrunk(Side::Ask, Price(100), BaseLots(1), true).unwrap();
    assert_eq!((seat.ask_price_min_atoms_per_lot, seat.ask_quote_atoms, seat.ask_count), (0, 0, 0));
    let too_much = seat.order_shrunk(Side::Bid, Price(80), BaseLots(5), false);
    assert_eq!(too_much, Err(EngineError::InvariantViolated));
}

#[test]
fn the_bond_doubles_at_eighty_ninety_and_ninety_five_percent() {
    // 2,048 seats: 80% is 1,638.4, 90% is 1,843.2, 95% is 1,945.6.
    for (used, bond) in [(0, 10), (1_638, 10), (1_639, 20), (1_843, 20), (1_844, 40), (1_945, 40), (1_946, 80)] {
        assert_eq!(bond_at(used, 10), Ok(bond), "{used}");
    }
    assert_eq!(bond_at(1_946, u64::MAX), Err(EngineError::MathOverflow));
}

#[test]
fn the_last_seats_are_for_absorbers_and_then_there_are_none() {
    let mut table: Box<SeatTable> = zeroed_box();
    let mut account = AccountState::zeroed();
    account.cash_atoms = i64::from(u32::MAX);
    let mut paid = 0u64;
    for index in 0..2_048u32 {
        let absorber = index >= 1_946;
        if absorber {
            assert_eq!(table.allocate(&[1; 32], &mut account, 10, false), Err(EngineError::NoFreeSeat));
        }
        assert_eq!(table.allocate(&[1; 32], &mut account, 10, absorber), Ok(index));
        paid += table.rows[index as usize].bond_atoms;
    }
    assert_eq!(table.allocate(&[1; 32], &mut account, 10, true), Err(EngineError::NoFreeSeat));
    assert_eq!(table.bonds_atoms, paid);
    assert_eq!(account.cash_atoms, i64::from(u32::MAX) - i64::try_from(paid).unwrap());
}

#[test]
fn a_released_seat_returns_its_own_bond_and_is_taken_again_first() {
    let mut table: Box<SeatTable> = zeroed_box();
    let mut account = AccountState::zeroed();
    account.cash_atoms = 29;
    assert_eq!(table.allocate(&[1; 32], &mut account, 10, false), Ok(0));
    assert_eq!(table.allocate(&[2; 32], &mut account, 10, false), Ok(1));
    assert_eq!(table.allocate(&[3; 32], &mut account, 10, false), Err(EngineError::BondNotCovered));
    assert_eq!((account.cash_atoms, table.used_count, table.touched_count, table.bonds_atoms), (9, 2, 2, 20));
    assert_eq!(table.release(0, &mut account), Ok(QuoteAtoms(10)));
    assert_eq!(table.release(0, &mut account), Err(EngineError::SeatNotOwned));
    assert_eq!(table.release(1, &mut account), Ok(QuoteAtoms(10)));
    assert_eq!((account.cash_atoms, table.used_count, table.bonds_atoms), (29, 0, 0));
    assert_eq!(table.allocate(&[3; 32], &mut account, 1, false), Ok(1));
    assert_eq!(table.allocate(&[4; 32], &mut account, 1, false), Ok(0));
    assert_eq!(table.allocate(&[5; 32], &mut account, 1, false), Ok(2));
    assert_eq!(table.touched_count, 3);
    assert_eq!(table.owned_mut(1, &[3; 32]).map(|seat| seat.bond_atoms), Ok(1));
}

#[test]
fn a_seat_answers_only_to_its_owner() {
    let mut table: Box<SeatTable> = zeroed_box();
    let mut account = AccountState::zeroed();
    table.allocate(&[1; 32], &mut account, 0, false).unwrap();
    assert_eq!(table.owned_mut(0, &[2; 32]).map(|_| ()), Err(EngineError::SeatNotOwned));
    assert_eq!(table.owned_mut(1, &[0; 32]).map(|_| ()), Err(EngineError::SeatNotOwned), "nobody owns a free seat");
    assert_eq!(table.get(2_048).map(|_| ()), Err(EngineError::SeatNotOwned));
}

#[test]
fn only_an_empty_seat_is_released() {
    let spoil: [fn(&mut Seat); 5] = [
        |seat| seat.base_lots = -1,
        |seat| seat.quote_entry_atoms = 1,
        |seat| seat.realised_atoms = -1,
        |seat| seat.bid_count = 1,
        |seat| seat.ask_count = 1,
    ];
    for change in spoil {
        let mut table: Box<SeatTable> = zeroed_box();
        let mut account = AccountState::zeroed();
        table.allocate(&[1; 32], &mut account, 0, false).unwrap();
        change(&mut table.rows[0]);
        assert_eq!(table.release(0, &mut account), Err(EngineError::SeatNotEmpty));
    }
}

#[test]
fn a_position_has_its_largest_size_and_no_lot_more() {
    let mut seat = Seat { base_lots: MAX_BASE_LOTS - 1, ..Seat::zeroed() };
    fill(&mut seat, Side::Bid, 1, 1, 0);
    assert_eq!(seat.base_lots, MAX_BASE_LOTS);
    let mut short = Seat { base_lots: 1 - MAX_BASE_LOTS, ..Seat::zeroed() };
    fill(&mut short, Side::Ask, 1, 1, 0);
    assert_eq!(short.base_lots, -MAX_BASE_LOTS);
    let more = short.apply_fill(Side::Ask, BaseLots(1), QuoteAtoms(1), QuoteAtoms(0));
    assert_eq!(more, Err(EngineError::MathOverflow));
}

#[test]
fn what_others_have_borne_is_forgotten_with_the_position_or_with_new_lots() {
    let after = |base: i64, side: Side, lots: i64| {
        let mut seat = Seat { base_lots: base, borne_atoms: 9, ..Seat::zeroed() };
        fill(&mut seat, side, lots, 100, 0);
        seat.borne_atoms
    };
    // Fewer lots of the same position: it stands.
    assert_eq!((after(10, Side::Ask, 4), after(-10, Side::Bid, 4)), (9, 9));
    // Closed, turned round, or grown.
    assert_eq!((after(10, Side::Ask, 10), after(10, Side::Ask, 11), after(10, Side::Bid, 1)), (0, 0, 0));
    assert_eq!((after(-10, Side::Bid, 10), after(-10, Side::Bid, 11), after(-10, Side::Ask, 1)), (0, 0, 0));
}

#[test]
fn the_best_ask_of_a_seat_is_the_lowest_since_its_side_was_empty() {
    let mut seat = Seat::zeroed();
    seat.order_added(Side::Ask, Price(90), BaseLots(1)).unwrap();
    assert_eq!(seat.ask_price_min_atoms_per_lot, 90);
    seat.order_added(Side::Ask, Price(100), BaseLots(1)).unwrap();
    assert_eq!(seat.ask_price_min_atoms_per_lot, 90);
    seat.order_added(Side::Ask, Price(80), BaseLots(1)).unwrap();
    assert_eq!(seat.ask_price_min_atoms_per_lot, 80);
}

#[test]
fn a_share_is_of_a_part_of_the_whole() {
    let share = |part: i64, whole: i64| share_down(QuoteAtoms(-7), BaseLots(part), BaseLots(whole));
    assert_eq!((share(1, 2), share(3, 3)), (Ok(QuoteAtoms(-4)), Ok(QuoteAtoms(-7))));
    for (part, whole) in [(0, 3), (-1, 3), (4, 3), (5, 3)] {
        assert_eq!(share(part, whole), Err(EngineError::InvariantViolated), "{part} of {whole}");
    }
}
