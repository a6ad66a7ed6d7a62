//! Who is deleveraged: ranked here anew from the bytes of the market's account, seat by seat.

use std::cmp::Reverse;

use taper::events::DeleveragedSeat;
use taper::state::Market;
use taper_engine::seat::Seat;

use super::*;

const PRICE: i64 = FALLEN[0];

/// Alice is long against thirty-two shorts: winners of different degrees, some alike to the atom, some with swept profit, one who has it
/// still in its seat, some who came in late and have won nothing.
async fn world() -> World {
    let mut world = empty(1, &["taker", "winner"]).await;
    world.add_trader("alice", 4_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    for index in 0..26 {
        let name = format!("short {index}");
        world.add_trader(&name, 5_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        // Every third at the price of the one before.
        let entry = LISTED + 200 * ((index - i64::from(index % 3 == 2)) * 5 % 17 - 8);
        trade(&mut world, "alice", Side::Bid, &name, 0, entry, 330 + index).await;
    }
    world.pass(10).unwrap();
    world.set_price(0, PRICE).unwrap();
    // Some realise a part: swept with the next order of theirs, or kept in the seat.
    let near = next_tick(PRICE);
    for index in [1, 4, 9] {
        let name = format!("short {index}");
        world.add_trader(&format!("late {index}"), 5_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        trade(&mut world, &name, Side::Bid, &format!("late {index}"), 0, near, 100 + index).await;
        world.deposit(&name, 1).await.unwrap();
        world.pass(20_000).unwrap();
    }
    for index in [13, 20] {
        trade(&mut world, "winner", Side::Ask, &format!("short {index}"), 0, near, 50).await;
    }
    world.pass(1).unwrap();
    world
}

/// What is left of a swept profit in the ranking: a sixteenth less with each sixteenth of the window.
fn swept(seat: &Seat, window: u64, slot: u64) -> i64 {
    let elapsed = (slot - seat.swept_window_slot).min(window);
    let left = 16 - elapsed * 16 / window;
    seat.swept_window_atoms.div_euclid(16) * i64::try_from(left).unwrap()
}

/// The seats opposite to a long, best first: profit per lot in whole atoms, rounded down; equal ones by the lower seat.
fn ranked(market: &Market, slot: u64) -> Vec<(i128, usize, i64)> {
    let window = u64::from(market.state.params.rank_window_slots);
    let mut all = Vec::new();
    for (index, seat) in market.state.seats.rows.iter().enumerate().filter(|(_, seat)| seat.base_lots < 0) {
        let unrealised = seat.base_lots * PRICE + seat.quote_entry_atoms;
        let profit = unrealised + seat.realised_atoms + swept(seat, window, slot);
        let lots = -seat.base_lots;
        all.push((i128::from(profit).div_euclid(i128::from(lots)), index, lots));
    }
    all.sort_by_key(|(rank, index, _)| (Reverse(*rank), *index));
    all
}

/// Every call takes the best seats of those left, each whole but the last, and touches no other row.
#[tokio::test]
async fn no_better_rank_is_skipped() {
    let mut world = world().await;
    let first = ranked(world.market_account(0).unwrap(), world.chain.slot());
    assert!(first.len() >= 29, "{}", first.len());
    assert!(first.windows(2).any(|pair| pair[0].0 == pair[1].0), "two that rank alike");
    let alice = world.account("alice").unwrap().seat_in(&world.market(0).unwrap().keys.market).unwrap();
    let mut calls = 0;
    while world.base("alice", 0).unwrap() != 0 {
        let slot = world.chain.slot();
        let order = ranked(world.market_account(0).unwrap(), slot);
        let before = world.market_account(0).unwrap().state.seats.rows.to_vec();
        let needed = world.base("alice", 0).unwrap();
        let call = world.resolve("alice", 0).await.unwrap();
        assert_ranked(&call.plan.counterparties, &order, needed);
        let rows = &world.market_account(0).unwrap().state.seats.rows;
        for (index, (old, new)) in before.iter().zip(rows.iter()).enumerate() {
            let row = call.plan.counterparties.iter().find(|row| row.seat_index as usize == index);
            match row {
                Some(row) => assert_paid(old, new, row),
                None if index == alice as usize => {}
                None => assert!(bytemuck::bytes_of(old) == bytemuck::bytes_of(new), "seat {index} was not deleveraged"),
            }
        }
        calls += 1;
        world.pass(1).unwrap();
    }
    assert!(calls >= 2, "{calls}");
}

/// The best ones in their order, all their lots, up to what is needed or sixteen seats.
fn assert_ranked(rows: &[DeleveragedSeat], order: &[(i128, usize, i64)], needed: i64) {
    let mut left = needed;
    let mut expected = Vec::new();
    for (_, index, lots) in order.iter().take(16) {
        if left == 0 {
            break;
        }
        let part = left.min(*lots);
        expected.push((*index, part));
        left -= part;
    }
    let done: Vec<_> = rows.iter().map(|row| (row.seat_index as usize, row.base_lots)).collect();
    assert_eq!(done, expected);
}

/// It closed its lots at the oracle price, and paid no more than these lots had won.
fn assert_paid(old: &Seat, new: &Seat, row: &DeleveragedSeat) {
    assert_eq!((new.base_lots, new.owner), (old.base_lots + row.base_lots, old.owner));
    let worth = |seat: &Seat| seat.base_lots * PRICE + seat.quote_entry_atoms + seat.realised_atoms;
    assert_eq!(worth(new), worth(old) - row.settled_atoms - row.charged_atoms);
    let won = (old.base_lots * PRICE + old.quote_entry_atoms).max(0);
    assert!((0..=won * row.base_lots / -old.base_lots).contains(&row.charged_atoms), "{row:?} of {won}");
}
