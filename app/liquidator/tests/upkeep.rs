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
    with(World::new(12, 2, 5), percent)
}

fn with(mut world: World, percent: i64) -> Store {
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
    desk_for(UpkeepRules { resolve, flag, cancel: false, spend_lamports_per_hour })
}

fn desk_for(rules: UpkeepRules) -> Desk {
    let economics = Economics {
        quote_atoms_per_sol: 150_000_000,
        fee_lamports: FEE,
        min_profit_atoms: 10_000,
        absorb_haircut_bps: 0,
        min_payout_bps: 9_000,
    };
    let own_margin_account = margin_key(999);
    let planner = Planner { economics, own_margin_account, book: true, absorb: false, deadline_slots: 20 };
    let usual = Rules { max_in_flight: 100, plans_per_round: 100, retry_slots: 5, max_fee_lamports: FEE };
    Desk::new(planner, usual, SpendLimit::new(1 << 40), InventoryLimit::new(0, 0)).with_upkeep(rules)
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

/// One account's bids are more than its equity is for; another one's are not, and a third one's only reduce. None of them is at risk.
#[test]
fn orders_without_margin_are_cancelled_market_by_market() {
    let mut world = World::new(12, 2, 5);
    let seats = &mut world.markets[0].state.seats;
    let longs: Vec<usize> = (0..12).filter(|index| seats.rows[*index].base_lots > 0).collect();
    let [covered, reducing, without] = [longs[0], longs[1], longs[2]];
    for (index, lots) in [(covered, 1), (without, 1_000_000)] {
        let row = &mut seats.rows[index];
        (row.bid_lots, row.bid_count, row.bid_price_max_atoms_per_lot) = (lots, 1, START_PRICE / 2);
        row.bid_quote_atoms = lots * START_PRICE / 2;
    }
    let row = &mut seats.rows[reducing];
    (row.ask_lots, row.ask_count, row.ask_price_min_atoms_per_lot) = (row.base_lots, 1, START_PRICE * 2);
    row.ask_quote_atoms = row.base_lots * START_PRICE * 2;
    let expected = solana_pubkey::Pubkey::from(seats.rows[without].owner);
    let mut store = with(world, 100);
    assert!(store.at_risk().is_empty());
    let rules = UpkeepRules { resolve: false, flag: false, cancel: true, spend_lamports_per_hour: 1 << 40 };
    assert_eq!(duties(&mut desk(true, true, 1 << 40), &store), []);
    let (mut desk, mut found) = (desk_for(rules), Vec::new());
    for _ in 0..4 {
        let round = desk.round(&store);
        found.extend(round.upkeep.iter().map(|(_, upkeep)| (upkeep.duty, upkeep.margin_account)));
        // In the same slot nothing is looked at twice.
        assert_eq!(desk.round(&store).upkeep, []);
        let mut now = store.now();
        now.slot += 1;
        store.set_now(now);
    }
    assert_eq!(found, [(Duty::Cancel, expected)], "once: then it is on its way");
}
