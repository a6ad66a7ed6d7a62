//! The desk on a crash: what it starts, in which order, within which limits.

mod support;

use support::{bytes_of, margin_key, market_key, oracle, oracle_key, order_book, World, START_PRICE};
use taper::constants::ACCOUNT_VERSION;
use taper::error::TaperError;
use taper::state::MarginAccount;
use taper_liquidator::action::{Outcome, Step, Way};
use taper_liquidator::decide::{Economics, Planner};
use taper_liquidator::desk::{Desk, Rules};
use taper_liquidator::limits::{InventoryLimit, OverLimit, SpendLimit};
use taper_liquidator::store::{sparse, Store};
use taper_sdk::account::decode;
use taper_sdk::pyth::PYTH_PULL;

const OWN: usize = 999;
const MAKER: usize = 998;
const HUGE: i64 = 1 << 55;
const FEE: u64 = 20_000;

/// A crash by 3% over 24 accounts in three markets whose books are deep; the bot has money.
fn crashed() -> (World, Store) {
    crash(24)
}

/// The same over so many accounts.
fn crash(accounts: usize) -> (World, Store) {
    let mut world = World::new(accounts, 3, 11);
    for market in &mut world.markets {
        let maker = market.state.seats.touched_count;
        (market.state.seats.touched_count, market.state.seats.used_count) = (maker + 1, maker + 1);
        market.state.seats.rows[maker as usize].owner = margin_key(MAKER).to_bytes();
    }
    let mut store = world.load();
    let program = taper_sdk::PROGRAM_ID;
    let mut own: MarginAccount = bytemuck::Zeroable::zeroed();
    (own.version, own.exchange) = (ACCOUNT_VERSION, store.exchange_key());
    own.state.cash_atoms = 1 << 50;
    store.put(margin_key(OWN), &program, &bytes_of(&own), 1).unwrap();
    world.now.slot += 10;
    world.now.seconds += 4;
    store.set_now(world.now);
    let price = START_PRICE * 97 / 100;
    for number in 0..3 {
        let maker = world.markets[number].state.seats.touched_count - 1;
        let mut book = order_book(number);
        let limit = price - price / 2_000 / 91 * 91;
        let order = &mut book.book.bids[0];
        (order.price_atoms_per_lot, order.size_base_lots, order.sequence, order.seat_index) = (limit, 60_000, 1, maker);
        (book.book.bid_count, book.book.next_sequence) = (1, 2);
        let seat = &mut world.markets[number].state.seats.rows[maker as usize];
        (seat.bid_lots, seat.bid_quote_atoms, seat.bid_price_max_atoms_per_lot) = (60_000, 60_000 * limit, limit);
        seat.bid_count = 1;
        let market = &world.markets[number];
        store.put(market.order_book, &program, &bytes_of(book.as_ref()), 1_010).unwrap();
        store.put(market_key(number), &program, &bytes_of(market.as_ref()), 1_010).unwrap();
        store.put_oracle(oracle_key(number), PYTH_PULL, &oracle(number, price, world.now.seconds, 5), 1_010);
    }
    (world, store)
}

fn planner(book: bool, absorb: bool) -> Planner {
    let economics = Economics {
        quote_atoms_per_sol: 150_000_000,
        fee_lamports: FEE,
        min_profit_atoms: 10_000,
        absorb_haircut_bps: 0,
        min_payout_bps: 9_000,
    };
    Planner { economics, own_margin_account: margin_key(OWN), book, absorb, deadline_slots: 20 }
}

fn rules() -> Rules {
    Rules { max_in_flight: 100, plans_per_round: 100, retry_slots: 5, max_fee_lamports: FEE }
}

fn desk(planner: Planner) -> Desk {
    Desk::new(planner, rules(), SpendLimit::new(1 << 40), InventoryLimit::new(HUGE, HUGE))
}

#[test]
fn the_most_profitable_slices_come_first_and_each_account_once() {
    let (_, store) = crashed();
    let mut desk = desk(planner(true, true));
    let round = desk.round(&store);
    assert!(round.started.len() >= 3, "{} at risk, {:?}", store.at_risk().len(), round.refused);
    assert_eq!(round.planned, store.at_risk().len());
    let profits: Vec<i64> = round.started.iter().map(|(_, plan)| plan.profit_atoms).collect();
    assert!(profits.windows(2).all(|pair| pair[0] >= pair[1]) && *profits.last().unwrap() >= 10_000, "{profits:?}");
    for (_, plan) in &round.started {
        assert!(plan.report.base_lots > 0 && plan.args.deadline_slot == store.now().slot + 20);
        let earnings = Economics::earnings_atoms(plan.way, &plan.report);
        assert!(plan.args.min_payout_atoms <= earnings && plan.args.min_payout_atoms >= earnings * 9 / 10 - 1);
    }
    // While they are on their way nothing is started twice.
    assert_eq!(desk.in_flight(), round.started.len());
    assert_eq!(desk.round(&store).started, []);
}

#[test]
fn book_or_absorb_by_profit() {
    let (_, store) = crashed();
    let mut free = desk(planner(true, true));
    let by_profit = free.round(&store).started;
    let (mut books, mut absorbs) = (desk(planner(true, false)), desk(planner(false, true)));
    let (books, absorbs) = (books.round(&store).started, absorbs.round(&store).started);
    assert!(books.iter().all(|(_, plan)| plan.way == Way::Book) && !books.is_empty());
    assert!(absorbs.iter().all(|(_, plan)| plan.way == Way::Absorb) && !absorbs.is_empty());
    for (_, plan) in &by_profit {
        let of = |plans: &[(u64, taper_liquidator::action::Plan)]| {
            let same = plans.iter().find(|(_, other)| other.margin_account == plan.margin_account);
            same.map_or(i64::MIN, |(_, other)| other.profit_atoms)
        };
        assert_eq!(plan.profit_atoms, of(&books).max(of(&absorbs)));
    }
    // Past the risk of holding it, absorbing is never worth it.
    let mut dear = planner(true, true);
    dear.economics.absorb_haircut_bps = 500;
    assert!(desk(dear).round(&store).started.iter().all(|(_, plan)| plan.way == Way::Book));
}

#[test]
fn limits_of_spending_inventory_and_number() {
    let (_, store) = crashed();
    let mut poor = Desk::new(planner(true, true), rules(), SpendLimit::new(2 * FEE), InventoryLimit::new(HUGE, HUGE));
    let round = poor.round(&store);
    assert_eq!(round.started.len(), 2);
    assert!(round.over_limit.iter().all(|(_, over)| matches!(over, OverLimit::Spend { left_lamports: 0, .. })));
    // One of them ends without having landed: its money is there again, for the next one.
    poor.step(0, round.started[0].0, Step::Broken("node".into())).unwrap();
    assert_eq!(poor.spend_left_lamports(0), FEE);
    let mut full = Desk::new(planner(false, true), rules(), SpendLimit::new(1 << 40), InventoryLimit::new(0, 0));
    let round = full.round(&store);
    assert!(round.started.is_empty() && !round.over_limit.is_empty());
    assert!(round.over_limit.iter().all(|(_, over)| matches!(over, OverLimit::Inventory { .. })));
    // With room for a part, a part is absorbed; where the book is allowed too, what does not fit goes there.
    let room = 3_000 * START_PRICE;
    let limit = InventoryLimit::new(room, room);
    let mut part = Desk::new(planner(false, true), rules(), SpendLimit::new(1 << 40), limit.clone());
    let started = part.round(&store).started;
    assert_eq!(started.len(), 1, "what is left of the room is too little for a second one");
    assert!((1..=3_100).contains(&started[0].1.report.base_lots) && part.inventory_atoms() <= room);
    let mut both = Desk::new(planner(true, true), rules(), SpendLimit::new(1 << 40), InventoryLimit::new(0, 0));
    let started = both.round(&store).started;
    assert!(!started.is_empty() && started.iter().all(|(_, plan)| plan.way == Way::Book));
    let few = Rules { max_in_flight: 1, ..rules() };
    let mut few = Desk::new(planner(true, true), few, SpendLimit::new(1 << 40), InventoryLimit::new(HUGE, HUGE));
    assert_eq!(few.round(&store).started.len(), 1);
}

#[test]
fn what_is_over_is_free_again_and_what_is_in_doubt_is_not() {
    let (world, mut store) = crashed();
    let mut desk = desk(planner(true, false));
    let round = desk.round(&store);
    let (first, second) = (round.started[0].0, round.started[1].0);
    let code = u32::from(TaperError::UnexpectedBase);
    let lost = desk.step(0, first, Step::Refused { code }).unwrap();
    assert_eq!(lost, Some(Outcome::LostRace(TaperError::UnexpectedBase)));
    assert!(desk.step(0, first, Step::NodeLost).is_err(), "it is over");
    for step in [Step::Simulated { units: 9 }, Step::Sent { last_valid_block_height: 5 }, Step::NodeLost] {
        desk.step(0, second, step).unwrap();
    }
    assert_eq!(desk.outcomes()["lost_race"], 1);
    assert_eq!(desk.outcomes()["unknown"], 0, "nobody knows yet");
    let again = desk.round(&store).started;
    let accounts: Vec<_> = again.iter().map(|(_, plan)| plan.margin_account).collect();
    assert_eq!(accounts, [round.started[0].1.margin_account]);
    desk.step(0, second, Step::Landed { slot: 1 }).unwrap();
    assert_eq!((desk.outcomes()["confirmed"], desk.outcomes()["lost_race"]), (1, 1));
    // A closed desk starts nothing.
    desk.close();
    store.set_now(taper::legs::Now { slot: world.now.slot + 50, ..world.now });
    assert_eq!(desk.round(&store).started, []);
}

#[test]
fn a_node_that_refuses_what_was_planned_is_not_asked_over_and_over() {
    let (world, mut store) = crashed();
    let mut desk = desk(planner(true, false));
    let seconds = world.now.seconds;
    let code = u32::from(TaperError::NoFillInsideCap);
    for _ in 0..3 {
        let started = desk.round(&store).started;
        assert!(!started.is_empty());
        for (id, _) in started {
            assert!(matches!(desk.step(seconds, id, Step::Refused { code }).unwrap(), Some(Outcome::NotNow(_))));
        }
    }
    assert_eq!(desk.round(&store).started, []);
    store.set_now(taper::legs::Now { seconds: seconds + 1, ..world.now });
    assert!(!desk.round(&store).started.is_empty());
}

#[test]
fn what_cannot_be_done_is_not_tried_again_at_once() {
    let (world, mut store) = crashed();
    let mut unwilling = planner(true, true);
    unwilling.economics.min_profit_atoms = i64::MAX;
    let mut desk = desk(unwilling);
    let first = desk.round(&store);
    assert!(first.started.is_empty() && first.refused.iter().any(|(_, why)| why.below_minimum_atoms.is_some()));
    assert_eq!(desk.round(&store).planned, 0);
    // A new price is a new look, for those it touches; so is time.
    let price = oracle(0, START_PRICE * 96 / 100, world.now.seconds, 5);
    store.put_oracle(oracle_key(0), PYTH_PULL, &price, 1_011);
    assert!(desk.round(&store).planned > 0);
    store.set_now(taper::legs::Now { slot: world.now.slot + 5, ..world.now });
    assert_eq!(desk.round(&store).planned, store.at_risk().len());
}

/// A rival, or a maker, has changed the depth: the account itself and its price are as they were.
#[test]
fn another_book_is_another_look_but_after_those_who_have_had_none() {
    let (world, mut store) = crash(72);
    let mut unwilling = planner(true, true);
    unwilling.economics.min_profit_atoms = i64::MAX;
    let mut desk = desk(unwilling);
    let first = desk.round(&store);
    let put_book = |store: &mut Store, number: usize, slot| {
        let book = bytes_of(order_book(number).as_ref());
        store.put(world.markets[number].order_book, &taper_sdk::PROGRAM_ID, &book, slot).unwrap();
    };
    // Every account is in the first market, two in three are in the others as well.
    put_book(&mut store, 1, 1_011);
    let again = desk.round(&store);
    assert!(again.planned > 0 && again.planned < first.planned, "{} of {}", again.planned, first.planned);
    let keys =
        |round: &taper_liquidator::desk::Round| -> Vec<_> { round.refused.iter().map(|(key, _)| *key).collect() };
    assert_eq!(desk.round(&store).planned, 0);
    // With a new price in the second market, and another book in the first: whoever the price concerns comes first.
    let price = oracle(1, START_PRICE * 96 / 100, world.now.seconds, 5);
    store.put_oracle(oracle_key(1), PYTH_PULL, &price, 1_012);
    put_book(&mut store, 0, 1_012);
    let first = desk.round(&store);
    assert!(first.postponed > 0);
    let mut rest = Vec::new();
    let mut left = first.postponed;
    while left > 0 {
        let round = desk.round(&store);
        assert!((1..=8).contains(&round.planned) && round.postponed == left - round.planned, "{round:?}");
        left = round.postponed;
        rest.extend(keys(&round));
    }
    let has_second = |key: &solana_pubkey::Pubkey| {
        let words = store.accounts().unpack(store.accounts().find(key).unwrap());
        let account: &MarginAccount = decode(sparse::bytes_of(&words, MarginAccount::SPACE)).unwrap();
        let has_second = account.used_positions().any(|position| position.market == market_key(1));
        has_second
    };
    assert!(keys(&first).iter().all(has_second) && !rest.iter().any(has_second));
}
