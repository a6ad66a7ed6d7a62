use super::*;
use crate::fixture::{ask, bid, limit, owner, rig, Rig, PRICE};
use crate::margin::LegTotals;
use crate::orders::OrderRequest;

const LONG: i64 = 1_000;

fn context(rig: &Rig) -> LiquidationContext {
    let none = LegTotals::default();
    LiquidationContext {
        slot: rig.context.slot,
        price: rig.context.price,
        others: none,
        others_favourable: none,
        owner: owner(0),
    }
}

/// Lots that each order of a side offers, best first, to a slice of seat 0.
fn offered(rig: &Rig, side: Side) -> std::vec::Vec<i64> {
    let context = context(rig);
    let shown =
        Shown { market: &rig.market, book: &rig.book, liquidatee_seat: 0, context: &context, stage: Stage::Soft };
    rig.book.orders(side).iter().rev().map(|order| shown.executable_lots(order, side).unwrap()).collect()
}

#[test]
fn an_order_offers_what_a_slice_through_the_book_could_have_of_it() {
    for (side, better) in [(Side::Bid, 100), (Side::Ask, -100)] {
        let mut rig = rig(4);
        rig.market.params.maker_band_bps = 200;
        // Seat 1 has what a reduce-only order of the side may close: 30 lots.
        match side {
            Side::Bid => rig.give(2, 1, 30),
            Side::Ask => rig.give(1, 2, 30),
        }
        let at = |steps: i64| PRICE + steps * better;
        let mut rest = |who: usize, request: OrderRequest| assert!(rig.place(who, request).is_ok());
        rest(3, OrderRequest { expires_at_slot: 12, ..limit(side, at(-1), 10) });
        rest(3, OrderRequest { expires_at_slot: 11, ..limit(side, at(-2), 20) });
        rest(0, limit(side, at(-3), 40));
        rest(1, OrderRequest { reduce_only: true, ..limit(side, at(-4), 25) });
        rest(3, limit(side, at(-5), 50));
        assert_eq!(offered(&rig, side), [10, 20, 0, 25, 50]);
        // The slot in which an order expires is the first without it.
        rig.context.slot = 11;
        assert_eq!(offered(&rig, side), [10, 0, 0, 25, 50]);
        // What may be reduced is less now.
        rig.market.seats.rows[1].base_lots /= 2;
        assert_eq!(offered(&rig, side), [10, 0, 0, 15, 50]);
        // Nothing may be reduced by an order that would add.
        rig.market.seats.rows[1].base_lots *= -1;
        assert_eq!(offered(&rig, side), [10, 0, 0, 0, 50]);
        // The price goes away from the makers until only the last is within the band.
        rig.context.price.price = Price(PRICE - 23 * better);
        assert_eq!(offered(&rig, side), [0, 0, 0, 0, 50]);
    }
}

/// Before the backstop: what is better than the oracle is taken at its level, in order; what is not better is not looked at.
#[test]
fn orders_better_than_the_oracle_come_first_on_both_sides() {
    for (side, better) in [(Side::Bid, 100), (Side::Ask, -100)] {
        let mut rig = rig(4);
        match side {
            Side::Bid => rig.give(0, 1, LONG),
            Side::Ask => rig.give(1, 0, LONG),
        }
        // Health 0.9: stage of partial slices.
        let margin = PRICE * LONG * 3 / 100;
        rig.accounts[0].cash_atoms = margin * 9 / 10 - rig.seat(0).realised_atoms;
        rig.place(3, limit(side, PRICE + 2 * better, 10)).unwrap();
        rig.place(3, limit(side, PRICE + better, 20)).unwrap();
        rig.place(3, limit(side, PRICE, 40)).unwrap();
        rig.context.slot += 1;
        let context = context(&rig);
        let request = LiquidationRequest {
            caller_max: BaseLots(LONG),
            expected_base: BaseLots(rig.seat(0).base_lots),
            min_payout: QuoteAtoms(i64::MIN),
            deadline_slot: u64::MAX,
        };
        let order_context = OrderContext { owner: owner(2), ..rig.context };
        let [liquidatee, _, account, _] = &mut rig.accounts[..] else { unreachable!() };
        let mut absorber = Absorber { account, seat_index: 2, context: order_context };
        let slice = absorb(&mut rig.market, &rig.book, liquidatee, 0, &mut absorber, &request, &context).unwrap();
        assert!(slice.lots.0 > 30, "{}", slice.lots.0);
        assert_eq!(slice.quote.0, PRICE * slice.lots.0 + 2 * better * 10 + better * 20);
    }
}

/// The largest position that an absorber may have is the last tier's edge, exactly, with what rests on its side.
#[test]
fn an_absorber_may_hold_as_much_as_the_last_tier_covers() {
    let mut rig = rig(3);
    rig.give(2, 1, 100);
    rig.place(2, bid(PRICE - 100, 50)).unwrap();
    rig.place(2, ask(PRICE + 100, 70)).unwrap();
    let check = |rig: &mut Rig, edge: i64| {
        let count = usize::try_from(rig.market.params.tier_count).unwrap();
        rig.market.params.tiers[count - 1].notional_cap_atoms = edge.unsigned_abs();
        let context = OrderContext { owner: owner(2), ..rig.context };
        check_absorber(&rig.market, &Absorber { account: &mut rig.accounts[2], seat_index: 2, context })
    };
    assert_eq!(check(&mut rig, 150 * PRICE), Ok(()));
    assert_eq!(check(&mut rig, 150 * PRICE - 1), Err(EngineError::PositionTooLarge));
}
