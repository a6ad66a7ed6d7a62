//! `place_order`: kinds, seats and bonds, and every reason to refuse.

use taper::error::TaperError;
use taper::events::{BookChanged, OrderPlaced, SeatTaken};
use taper::instructions::PlaceOrderArgs;
use taper_engine::quantity::Side;
use taper_harness::{order, Checks, ExpectRefusal, MarketSpec, PriceSource, World};

use crate::support::*;

const LIMIT: u8 = 0;
const POST_ONLY: u8 = 1;
const IMMEDIATE_OR_CANCEL: u8 = 2;
const FILL_OR_KILL: u8 = 3;
/// Best prices of the usual book.
const BEST_BID: i64 = LISTED - 500;
const BEST_ASK: i64 = LISTED + 500;

async fn refused(world: &mut World, name: &str, args: PlaceOrderArgs, error: TaperError) {
    world.place(name, 0, args).await.expect_error(error);
}

#[tokio::test]
async fn the_first_order_takes_a_seat_against_a_bond() {
    let mut world = World::new().await.unwrap();
    let cash = world.cash("alice").unwrap();
    let args = PlaceOrderArgs { client_order_id: 77, ..order(Side::Bid, BEST_BID - 1_000, 300) };
    let outcome = world.place("alice", 0, args).await.unwrap();
    let seat = world.seat("alice", 0).unwrap().unwrap();
    let bond = world.market(0).unwrap().params.seat_bond_atoms;
    assert_eq!((seat.bond_atoms, seat.bid_lots, seat.bid_count, seat.base_lots), (bond, 300, 1, 0));
    assert_eq!(world.cash("alice").unwrap(), cash - i64::try_from(bond).unwrap());
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<SeatTaken>().unwrap().bond_atoms, bond);
        let placed = outcome.event::<OrderPlaced>().unwrap();
        assert_eq!((placed.posted_base_lots, placed.filled_base_lots, placed.client_order_id), (300, 0, 77));
    }
    // The second takes none.
    let cash = world.cash("alice").unwrap();
    world.place("alice", 0, order(Side::Bid, BEST_BID - 1_500, 300)).await.unwrap();
    assert_eq!(world.cash("alice").unwrap(), cash);
}

#[tokio::test]
async fn a_taker_pays_its_fee_and_the_rest_rests() {
    let mut world = World::new().await.unwrap();
    // The best level has 20,000 lots; she has money for about 19,000.
    let outcome = world.place("alice", 0, order(Side::Bid, BEST_ASK, 10_000)).await.unwrap();
    let notional = 10_000 * BEST_ASK;
    let fee = notional * 500 / 1_000_000;
    // Realised costs are swept from cash at once.
    assert_eq!(world.cash("alice").unwrap(), 1_000_000_000 - 1_000_000 - fee);
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.base_lots, seat.quote_entry_atoms, seat.realised_atoms), (10_000, -notional, 0));
    let rebate = notional / 10_000;
    assert_eq!(world.market_account(0).unwrap().state.fees_atoms, fee - rebate);
    if world.chain.is_vm() {
        let placed = outcome.event::<OrderPlaced>().unwrap();
        assert_eq!((placed.filled_base_lots, placed.taker_fee_atoms, placed.posted_base_lots), (10_000, fee, 0));
        let fill = outcome.event::<BookChanged>().unwrap().fills[0];
        assert_eq!((fill.price_atoms_per_lot, fill.base_lots, fill.maker_fee_atoms), (BEST_ASK, 10_000, -rebate));
    }
    // A limit order takes what crosses and rests with what is left.
    world.place("dave", 0, order(Side::Ask, BEST_ASK + 200, 100)).await.unwrap();
    let args = order(Side::Bid, BEST_ASK + 200, 10_200);
    world.place("bob", 0, args).await.unwrap();
    assert_eq!(world.base("bob", 0).unwrap(), 10_100);
    assert_eq!(world.seat("bob", 0).unwrap().unwrap().bid_lots, 100);
}

#[tokio::test]
async fn kinds() {
    let mut world = World::new().await.unwrap();
    let kind = |kind, args| PlaceOrderArgs { kind, ..args };
    refused(&mut world, "alice", kind(POST_ONLY, order(Side::Bid, BEST_ASK, 10)), TaperError::PostOnlyWouldCross).await;
    refused(&mut world, "alice", kind(POST_ONLY, order(Side::Ask, BEST_BID, 10)), TaperError::PostOnlyWouldCross).await;
    let more_than_a_level = order(Side::Bid, BEST_ASK, 20_001);
    refused(&mut world, "carol", kind(FILL_OR_KILL, more_than_a_level), TaperError::FillOrKillNotFilled).await;
    world.place("carol", 0, kind(FILL_OR_KILL, order(Side::Bid, BEST_ASK, 19_000))).await.unwrap();
    assert_eq!(world.base("carol", 0).unwrap(), 19_000);
    // Immediate-or-cancel takes the last 1,000 and drops the rest.
    world.place("carol", 0, kind(IMMEDIATE_OR_CANCEL, order(Side::Bid, BEST_ASK, 5_000))).await.unwrap();
    let seat = world.seat("carol", 0).unwrap().unwrap();
    assert_eq!((seat.base_lots, seat.bid_lots), (20_000, 0));
    world.place("alice", 0, kind(POST_ONLY, order(Side::Bid, BEST_BID, 10))).await.unwrap();
    world.place("alice", 0, kind(LIMIT, order(Side::Bid, BEST_BID, 10))).await.unwrap();
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().bid_count, 2);
}

#[tokio::test]
async fn arguments_out_of_range() {
    let mut world = World::new().await.unwrap();
    let good = order(Side::Bid, BEST_BID, 10);
    for size in [0, -1, i64::MIN] {
        refused(&mut world, "alice", PlaceOrderArgs { size_base_lots: size, ..good }, TaperError::AmountZero).await;
    }
    for size in [(1 << 40) + 1, i64::MAX] {
        refused(&mut world, "alice", PlaceOrderArgs { size_base_lots: size, ..good }, TaperError::MathOverflow).await;
    }
    for price in [0, -100, i64::MIN, i64::MAX, BEST_BID + 1, BEST_BID - 99, (1 << 40) / 100 * 100 + 100] {
        let args = PlaceOrderArgs { price_atoms_per_lot: price, ..good };
        refused(&mut world, "alice", args, TaperError::PriceNotOnTick).await;
    }
    refused(&mut world, "alice", PlaceOrderArgs { side: 2, ..good }, TaperError::InvalidArgument).await;
    refused(&mut world, "alice", PlaceOrderArgs { kind: 4, ..good }, TaperError::InvalidArgument).await;
    refused(&mut world, "alice", PlaceOrderArgs { self_trade: 3, ..good }, TaperError::InvalidArgument).await;
    for slot in [1, world.chain.slot()] {
        refused(&mut world, "alice", PlaceOrderArgs { expires_at_slot: slot, ..good }, TaperError::OrderExpired).await;
    }
    let slot = world.chain.slot();
    world.place("alice", 0, PlaceOrderArgs { expires_at_slot: slot + 1, ..good }).await.unwrap();
}

#[tokio::test]
async fn expired_orders_are_removed_not_filled() {
    let mut world = World::new().await.unwrap();
    let slot = world.chain.slot();
    let args = PlaceOrderArgs { expires_at_slot: slot + 3, ..order(Side::Bid, BEST_BID + 100, 50) };
    world.place("alice", 0, args).await.unwrap();
    world.pass(3).unwrap();
    let outcome = world.take("bob", 0, Side::Ask, 10).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 0);
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().bid_count, 0);
    if world.chain.is_vm() {
        let changed = outcome.event::<BookChanged>().unwrap();
        assert_eq!(changed.removals.len(), 1);
        assert_eq!((changed.removals[0].base_lots, changed.fills[0].price_atoms_per_lot), (50, BEST_BID));
    }
}

#[tokio::test]
async fn orders_out_of_the_maker_band_are_removed() {
    let mut world = World::new().await.unwrap();
    world.place("alice", 0, order(Side::Bid, BEST_BID + 100, 50)).await.unwrap();
    world.pass(1).unwrap();
    // 3% lower, her bid is worse for her than 2% against the oracle; so are all of the maker's.
    world.set_price(0, LISTED / 100 * 97).unwrap();
    world.cancel_all("maker", 0).await.unwrap();
    world.place("maker", 0, order(Side::Bid, LISTED / 100 * 97, 1_000)).await.unwrap();
    world
        .place("bob", 0, PlaceOrderArgs { kind: IMMEDIATE_OR_CANCEL, ..order(Side::Ask, 1_400_000, 10) })
        .await
        .unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 0);
    assert_eq!(world.base("bob", 0).unwrap(), -10);
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().bid_count, 0);
}

#[tokio::test]
async fn self_trade_prevention() {
    let mut world = World::new().await.unwrap();
    let resting = order(Side::Ask, BEST_ASK - 200, 100);
    let crossing = order(Side::Bid, BEST_ASK - 200, 40);
    world.place("alice", 0, resting).await.unwrap();
    refused(&mut world, "alice", PlaceOrderArgs { self_trade: 1, ..crossing }, TaperError::SelfTrade).await;
    world.place("alice", 0, PlaceOrderArgs { self_trade: 2, ..crossing }).await.unwrap();
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.ask_lots, seat.bid_lots, seat.base_lots), (60, 0, 0));
    world.place("alice", 0, crossing).await.unwrap();
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.ask_lots, seat.bid_lots, seat.base_lots), (0, 40, 0));
}

#[tokio::test]
async fn reduce_only_orders() {
    let mut world = World::new().await.unwrap();
    let reduce = |args| PlaceOrderArgs { reduce_only: true, kind: IMMEDIATE_OR_CANCEL, ..args };
    world.place("alice", 0, order(Side::Bid, BEST_BID - 5_000, 10)).await.unwrap();
    refused(&mut world, "alice", reduce(order(Side::Ask, BEST_BID, 10)), TaperError::NothingToReduce).await;
    world.take("alice", 0, Side::Bid, 100).await.unwrap();
    refused(&mut world, "alice", reduce(order(Side::Bid, BEST_ASK, 10)), TaperError::NothingToReduce).await;
    world.place("alice", 0, reduce(order(Side::Ask, BEST_BID, 1_000))).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 0);
}

#[tokio::test]
async fn a_reduce_only_order_is_clipped_when_it_fills() {
    let mut world = World::new().await.unwrap();
    world.take("alice", 0, Side::Bid, 100).await.unwrap();
    let exit = PlaceOrderArgs { reduce_only: true, ..order(Side::Ask, BEST_ASK - 100, 100) };
    world.place("alice", 0, exit).await.unwrap();
    world.take("alice", 0, Side::Ask, 70).await.unwrap();
    world.take("bob", 0, Side::Bid, 500).await.unwrap();
    // Of the resting 100 only 30 had something to reduce.
    assert_eq!(world.base("alice", 0).unwrap(), 0);
    assert_eq!(world.seat("alice", 0).unwrap().unwrap().ask_count, 0);
    assert_eq!(world.base("bob", 0).unwrap(), 500);
}

#[tokio::test]
async fn margin_gates() {
    let mut world = World::new().await.unwrap();
    // 1,000 dollars carry 20,000 at 5%: 13,333 lots, less the spread, the fee and the bias.
    refused(&mut world, "alice", order(Side::Bid, BEST_ASK, 13_300), TaperError::InitialHealthTooLow).await;
    refused(&mut world, "alice", order(Side::Bid, BEST_BID, 14_000), TaperError::InitialHealthTooLow).await;
    refused(&mut world, "alice", order(Side::Ask, LISTED * 2, 14_000), TaperError::InitialHealthTooLow).await;
    world.take("alice", 0, Side::Bid, 12_500).await.unwrap();
    refused(&mut world, "alice", order(Side::Bid, BEST_BID, 800), TaperError::InitialHealthTooLow).await;
    world.pass(1).unwrap();
    move_price(&mut world, 0, 1_470_000).await;
    // Below initial margin she may still reduce, but not turn, and not at a price that makes her worse.
    world.take("alice", 0, Side::Ask, 1_000).await.unwrap();
    refused(&mut world, "alice", order(Side::Ask, 1_469_000, 30_000), TaperError::InitialHealthTooLow).await;
    world.cancel_all("maker", 0).await.unwrap();
    world.place("maker", 0, order(Side::Bid, 1_396_500, 20_000)).await.unwrap();
    let fire_sale = PlaceOrderArgs { kind: IMMEDIATE_OR_CANCEL, ..order(Side::Ask, 1_396_500, 5_000) };
    refused(&mut world, "alice", fire_sale, TaperError::HealthWouldWorsen).await;
}

#[tokio::test]
async fn caps_of_a_market() {
    let mut world = World::new().await.unwrap();
    let mut spec = MarketSpec::sol("SMALL", PriceSource::Push).unwrap();
    spec.params.open_interest_cap_base_lots = 1_000;
    // The last tier ends at 30,000 dollars: 20,000 lots.
    for (tier, edge) in spec.params.tiers.iter_mut().zip([7_500, 15_000, 22_500, 30_000u64]) {
        tier.notional_cap_atoms = edge * TOKEN;
    }
    spec.params.min_order_base_lots = 10;
    let small = world.add_market(&spec).await.unwrap();
    assert_eq!(small, 1);
    let place = |side, lots| order(side, LISTED, lots);
    world.place("maker", 1, place(Side::Ask, 5_000)).await.unwrap();
    world.place("carol", 1, place(Side::Bid, 1_001)).await.expect_error(TaperError::OpenInterestCap);
    world.place("carol", 1, place(Side::Bid, 1_000)).await.unwrap();
    world.place("alice", 1, place(Side::Bid, 10)).await.expect_error(TaperError::OpenInterestCap);
    world.place("carol", 1, order(Side::Bid, LISTED - 1_000, 19_001)).await.expect_error(TaperError::PositionTooLarge);
    world.place("carol", 1, order(Side::Bid, LISTED - 1_000, 9)).await.expect_error(TaperError::OrderTooSmall);
    world.place("carol", 1, order(Side::Bid, LISTED - 1_000, 19_000)).await.unwrap();
}

#[tokio::test]
async fn thirty_two_orders_a_seat() {
    let mut world = World::new().await.unwrap();
    for index in 0..32 {
        world.place("alice", 0, order(Side::Bid, BEST_BID - 10_000 - 100 * index, 1)).await.unwrap();
    }
    refused(&mut world, "alice", order(Side::Bid, BEST_BID - 20_000, 1), TaperError::TooManyOrders).await;
    refused(&mut world, "alice", order(Side::Ask, BEST_ASK + 20_000, 1), TaperError::TooManyOrders).await;
}

#[tokio::test]
async fn seats_need_cash_and_run_out() {
    let mut world = World::new().await.unwrap();
    world.add_trader("poor", TOKEN, 0).await.unwrap();
    refused(&mut world, "poor", order(Side::Bid, BEST_BID, 1), TaperError::BondNotCovered).await;
    // As if all seats but those of absorbers were taken: rows that no account refers to, so the audit is off.
    world.chain.set_checks(Checks { audit_every: 0 });
    let market = world.market(0).unwrap().keys.market;
    let mut account = world.chain.get(&market).unwrap().clone();
    let at = 8 + 256 + core::mem::offset_of!(taper_engine::market::MarketState, seats);
    let full: u32 = 1_946;
    account.data[at..at + 4].copy_from_slice(&full.to_le_bytes());
    account.data[at + 4..at + 8].copy_from_slice(&full.to_le_bytes());
    world.chain.set_account(&market, account);
    refused(&mut world, "alice", order(Side::Bid, BEST_BID, 1), TaperError::NoFreeSeat).await;
    // Who has a seat goes on trading.
    world.place("maker", 0, order(Side::Bid, BEST_BID, 1)).await.unwrap();
}

#[tokio::test]
async fn a_full_side_evicts_the_worst_for_a_better_order() {
    let mut world = World::new().await.unwrap();
    world.cancel_all("maker", 0).await.unwrap();
    world.chain.set_checks(Checks { audit_every: 50 });
    for index in 0..32i64 {
        let name = format!("filler {index}");
        let filler = world.add_trader(&name, 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        let orders: Vec<_> = (0..32)
            .map(|row| {
                let price = LISTED - 10_000 - 100 * (index * 32 + row);
                world.place_instruction(&name, 0, order(Side::Bid, price, 1)).unwrap()
            })
            .collect();
        for batch in orders.chunks(8) {
            world.chain.send(batch, &[&filler.keypair]).await.unwrap();
        }
    }
    world.chain.audit().unwrap();
    assert_eq!(world.book(0).unwrap().book.bid_count, 1_024);
    let worst = LISTED - 10_000 - 100 * 1_023;
    refused(&mut world, "alice", order(Side::Bid, worst, 1), TaperError::BookFull).await;
    refused(&mut world, "alice", order(Side::Bid, worst - 100, 1), TaperError::BookFull).await;
    assert_eq!(world.seat("filler 31", 0).unwrap().unwrap().bid_count, 32);
    let outcome = world.place("alice", 0, order(Side::Bid, worst + 100, 1)).await.unwrap();
    world.chain.audit().unwrap();
    assert_eq!(world.book(0).unwrap().book.bid_count, 1_024);
    assert_eq!(world.seat("filler 31", 0).unwrap().unwrap().bid_count, 31);
    if world.chain.is_vm() {
        let removal = outcome.event::<BookChanged>().unwrap().removals[0];
        assert_eq!(removal.price_atoms_per_lot, worst);
    }
}

#[tokio::test]
async fn a_call_stops_cleanly_after_thirty_two_fills() {
    let mut world = World::new().await.unwrap();
    world.cancel_all("maker", 0).await.unwrap();
    for index in 0..20 {
        world.place("bob", 0, order(Side::Ask, LISTED + 100 * index, 1)).await.unwrap();
        world.place("dave", 0, order(Side::Ask, LISTED + 100 * index, 1)).await.unwrap();
    }
    world.place("alice", 0, order(Side::Bid, LISTED + 10_000, 40)).await.unwrap();
    // The rest would cross: it is dropped, not rested.
    let seat = world.seat("alice", 0).unwrap().unwrap();
    assert_eq!((seat.base_lots, seat.bid_lots), (32, 0));
    world.take("alice", 0, Side::Bid, 8).await.unwrap();
    assert_eq!(world.base("alice", 0).unwrap(), 40);
}

#[tokio::test]
async fn an_unhealthy_account_takes_no_seat_with_an_idle_order() {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap();
    world.pass(10).unwrap();
    // An order that fills nothing and rests nothing would still move the bond out of cash, and change the legs that a liquidator names.
    let idle = PlaceOrderArgs { kind: IMMEDIATE_OR_CANCEL, ..order(Side::Bid, LISTED / 2, 300) };
    let snapshot = world.chain.snapshot();
    world.place("alice", 1, idle).await.unwrap();
    assert!(world.seat("alice", 1).unwrap().is_some());
    world.chain.restore(&snapshot);
    move_price(&mut world, 0, SOFT).await;
    world.set_price(1, LISTED).unwrap();
    world.place("alice", 1, idle).await.expect_error(TaperError::InitialHealthTooLow);
    assert!(world.seat("alice", 1).unwrap().is_none());
}
