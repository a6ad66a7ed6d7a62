//! Calls that pay nobody: made when they are asked for, where no slice is worth it, within a limit of their own.

mod support;

use support::{bytes_of, margin_key, oracle, oracle_key, order_book, World, START_PRICE};
use taper_liquidator::action::{Duty, Step};
use taper_liquidator::decide::{Economics, Planner};
use taper_liquidator::desk::{Desk, Rules, UpkeepRules};
use taper_liquidator::limits::{InventoryLimit, OverLimit, SpendLimit};
use taper_liquidator::store::Store;
use taper_sdk::pyth::PYTH_PULL;

const FEE: u64 = 20_000;

/// Twelve accounts in two markets without any order, after the price has gone to this part of what it was.
fn after(percent: i64) -> Store {
    let mut world = World::new(12, 2, 5);
    for market in &mut world.markets {
        // Who has the other side: a market's longs and shorts are as many.
        let seats = &mut market.state.seats;
        let other = seats.touched_count;
        let (lots, longs) = seats.rows[..other as usize]
            .iter()
            .fold((0, 0), |(sum, longs), seat| (sum + seat.base_lots, longs + seat.base_lots.max(0)));
        let row = &mut seats.rows[other as usize];
        (row.owner, row.base_lots, row.quote_entry_atoms) = (margin_key(998).to_bytes(), -lots, lots * START_PRICE);
        (seats.touched_count, seats.used_count) = (other + 1, other + 1);
        seats.bonds_atoms = seats.rows.iter().map(|seat| seat.bond_atoms).sum();
        market.state.open_interest_base_lots = longs + (-lots).max(0);
    }
    let mut store = world.load();
    world.now.slot += 10;
    world.now.seconds += 4;
    store.set_now(world.now);
    for number in 0..2 {
        let data = oracle(number, START_PRICE * percent / 100, world.now.seconds, 5);
        let book = order_book(number);
        store.put(world.markets[number].order_book, &taper_sdk::PROGRAM_ID, &bytes_of(book.as_ref()), 1_010).unwrap();
        store.put_oracle(oracle_key(number), PYTH_PULL, &data, 1_010);
    }
    store
}

fn desk(resolve: bool, flag: bool, spend_lamports_per_hour: u64) -> Desk {
    let economics = Economics {
        quote_atoms_per_sol: 150_000_000,
        fee_lamports: FEE,
        min_profit_atoms: 10_000,
        absorb_haircut_bps: 0,
        min_payout_bps: 9_000,
    };
    let own_margin_account = margin_key(999);
    let planner = Planner { economics, own_margin_account, book: true, absorb: false, deadline_slots: 20 };
    let rules = Rules { max_in_flight: 100, plans_per_round: 100, retry_slots: 5, max_fee_lamports: FEE };
    Desk::new(planner, rules, SpendLimit::new(1 << 40), InventoryLimit::new(0, 0)).with_upkeep(UpkeepRules {
        resolve,
        flag,
        spend_lamports_per_hour,
    })
}

fn duties(desk: &mut Desk, store: &Store) -> Vec<(u64, Duty)> {
    let round = desk.round(store);
    assert_eq!(round.started, [], "there is no order to slice against");
    round.upkeep.iter().map(|(id, upkeep)| (*id, upkeep.duty)).collect()
}

#[test]
fn bankrupt_accounts_are_resolved_and_unhealthy_ones_flagged_only_when_that_is_asked_for() {
    let (crash, dip) = (after(70), after(95));
    assert!(!crash.at_risk().is_empty() && !dip.at_risk().is_empty());
    assert_eq!(duties(&mut desk(false, false, 1 << 40), &crash), []);
    let resolved = duties(&mut desk(true, false, 1 << 40), &crash);
    assert!(!resolved.is_empty() && resolved.iter().all(|(_, duty)| *duty == Duty::Resolve), "{resolved:?}");
    let flagged = duties(&mut desk(false, true, 1 << 40), &dip);
    assert!(!flagged.is_empty() && flagged.iter().all(|(_, duty)| *duty == Duty::Flag), "{flagged:?}");
    // An account that can be resolved is not flagged.
    let both = duties(&mut desk(true, true, 1 << 40), &crash);
    assert_eq!(both.iter().filter(|(_, duty)| *duty == Duty::Resolve).count(), resolved.len());
}

#[test]
fn they_have_a_limit_and_outcomes_of_their_own() {
    let dip = after(95);
    let mut desk = desk(false, true, FEE);
    let round = desk.round(&dip);
    assert_eq!(round.upkeep.len(), 1);
    assert!(
        round.upkeep_over_limit.iter().all(|(_, over)| matches!(over, OverLimit::Spend { left_lamports: 0, .. })),
        "{:?}",
        round.upkeep_over_limit
    );
    let (id, seconds) = (round.upkeep[0].0, dip.now().seconds);
    for step in [Step::Simulated { units: 9 }, Step::Sent { last_valid_block_height: 5 }] {
        desk.step(seconds, id, step).unwrap();
    }
    assert_eq!(desk.duty_of(id), Some(Duty::Flag));
    desk.upkeep_paid(seconds, 5_000);
    desk.step(seconds, id, Step::Landed { slot: 7 }).unwrap();
    assert_eq!(desk.upkeep_outcomes()[&("flag", "confirmed")], 1);
    assert_eq!(desk.upkeep_outcomes()[&("resolve", "confirmed")], 0);
    // What was paid counts: there is not enough left for another.
    let next = desk.round(&dip);
    assert_eq!(next.upkeep.len(), 0);
    let left = |over: &OverLimit| matches!(over, OverLimit::Spend { left_lamports: 15_000, .. });
    assert!(!next.upkeep_over_limit.is_empty() && next.upkeep_over_limit.iter().all(|(_, over)| left(over)));
}
