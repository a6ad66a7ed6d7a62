//! The end of a market: wound down, settled at a final price, emptied, closed.

mod closing;
mod prices;
mod story;

use solana_signer::Signer;
use taper::error::TaperError;
use taper::events::MarketSettled;
use taper::instructions::CancelOrderArgs;
use taper::state::ProposalAction;
use taper_engine::quantity::Side;
use taper_engine::settlement::SILENT_ORACLE_SLOTS;
use taper_harness::{order, ExpectRefusal, MarketSpec, Outcome, PriceSource, Result, World};
use taper_sdk::instruction;

use crate::support::*;

/// Slots that proposals wait where a case says so.
const TIMELOCK: u64 = 1_000;
/// Anchor: the account belongs to another program (the system program: it is gone).
const GONE: u32 = 3_007;

/// Proposes, waits out the timelock, and applies.
async fn carry(world: &mut World, market: Option<usize>, action: ProposalAction) -> Result<Outcome> {
    let (admin, exchange, index) =
        (world.venue.admin.clone(), world.venue.keys.exchange, world.exchange()?.proposal_count);
    let market = market.map(|index| world.market(index)).transpose()?.map(|handle| handle.keys.market);
    let propose = instruction::propose(admin.pubkey(), exchange, market, index, action);
    world.chain.send(&[propose], &[&admin]).await?;
    if world.exchange()?.timelock_slots > 0 {
        world.pass(TIMELOCK)?;
    }
    world.send_unsigned(instruction::apply_proposal(exchange, index, market, None)).await
}

/// From now on the exchange has a timelock.
async fn with_timelock(world: &mut World) {
    carry(world, None, ProposalAction::Timelock { timelock_slots: TIMELOCK }).await.unwrap();
}

async fn wind_down(world: &mut World, market: usize) {
    carry(world, Some(market), ProposalAction::WindDown).await.unwrap();
}

/// Posts a price and an average.
fn post(world: &mut World, market: usize, price: i64, ema: i64) {
    world.set_price(market, price).unwrap();
    let feed = world.markets()[market].feed;
    let mut published = feed.calm(&world.chain, price).unwrap();
    published.ema_price = published.ema_price / price * ema;
    feed.post(&mut world.chain, &published);
}

async fn resolve(world: &mut World, name: &str, market: usize) -> Result<Outcome> {
    let (keys, margin, legs) = (world.market(market)?.keys, world.trader(name).margin, world.legs(name, Some(market))?);
    world.send_unsigned(instruction::resolve_account(&keys, margin, &legs)).await
}

#[tokio::test]
async fn a_market_is_settled_in_its_time_and_once() {
    let mut world = long_alice().await;
    with_timelock(&mut world).await;
    world.settle_market(0).await.expect_error(TaperError::NotWindingDown);
    wind_down(&mut world, 0).await;
    world.settle_market(0).await.expect_error(TaperError::SettlementTooEarly);
    // Whoever does not want the average closes now.
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::ReduceOnly);
    world.take("alice", 0, Side::Ask, 1_000).await.unwrap();
    world.pass(TIMELOCK - 1).unwrap();
    world.settle_market(0).await.expect_error(TaperError::SettlementTooEarly);
    world.pass(1).unwrap();
    // No status stops it.
    let (guardian, exchange) = (world.venue.guardian.clone(), world.venue.keys.exchange);
    let pause = instruction::set_status(guardian.pubkey(), exchange, None, 2);
    world.chain.send(&[pause], &[&guardian]).await.unwrap();
    post(&mut world, 0, LISTED, LISTED - 10_000);
    let (maker, alice) = (*world.seat("maker", 0).unwrap().unwrap(), *world.seat("alice", 0).unwrap().unwrap());
    let outcome = world.settle_market(0).await.unwrap();
    let market = world.market_account(0).unwrap();
    assert_eq!((market.state.final_price_atoms_per_lot, market.state.open_interest_base_lots), (LISTED - 10_000, 0));
    let book = &world.book(0).unwrap().book;
    assert_eq!((book.bid_count, book.ask_count), (0, 0));
    for (name, before) in [("maker", maker), ("alice", alice)] {
        let after = *world.seat(name, 0).unwrap().unwrap();
        let value = before.base_lots * (LISTED - 10_000) + before.quote_entry_atoms;
        assert_eq!(after.realised_atoms, before.realised_atoms + value, "{name}");
        assert_eq!((after.base_lots, after.quote_entry_atoms, after.bond_atoms), (0, 0, before.bond_atoms));
        assert_eq!((after.bid_count, after.ask_count, after.bid_lots, after.ask_lots), (0, 0, 0, 0));
    }
    if world.chain.is_vm() {
        let event = outcome.event::<MarketSettled>().unwrap();
        assert_eq!((event.final_price_atoms_per_lot, event.is_from_oracle), (LISTED - 10_000, true));
        assert_eq!((event.base_lots, event.orders, event.charged_atoms), (9_000, 16, 0));
    }
    world.settle_market(0).await.expect_error(TaperError::MarketSettled);
}

#[tokio::test]
async fn nothing_is_traded_in_a_settled_market() {
    let mut world = soft_alice().await;
    let sequence = world.book(0).unwrap().book.bids[0].sequence;
    let price_atoms_per_lot = world.book(0).unwrap().book.bids[0].price_atoms_per_lot;
    wind_down(&mut world, 0).await;
    world.settle_market(0).await.unwrap();
    let reduce = taper::instructions::PlaceOrderArgs { reduce_only: true, ..order(Side::Ask, LISTED, 1) };
    for args in [order(Side::Bid, LISTED, 1), reduce] {
        world.place("alice", 0, args).await.expect_error(TaperError::MarketSettled);
    }
    let args = world.liquidate_args("alice", 0).unwrap();
    let payout = world.payout_as_credit("carol");
    let sliced = world.liquidate_with("carol", "alice", 0, &payout, args).await;
    sliced.expect_error(TaperError::MarketSettled);
    world.absorb("carol", "alice", 0, args).await.expect_error(TaperError::MarketSettled);
    world.update_funding(0).await.expect_error(TaperError::MarketSettled);
    world.settle_loss("alice", 0).await.expect_error(TaperError::NothingToSettle);
    world.flag("alice", 0).await.expect_error(TaperError::MarketSettled);
    world.force_cancel("maker", 0).await.expect_error(TaperError::ForceCancelHealthy);
    // Cancelling goes on being harmless.
    let (maker, keys) = (world.trader("maker"), world.market(0).unwrap().keys);
    let one = CancelOrderArgs { side: 0, price_atoms_per_lot, sequence };
    let cancel = instruction::cancel_order(maker.key(), &keys, maker.margin, one);
    world.chain.send(&[cancel], &[&maker.keypair]).await.expect_error(TaperError::OrderNotFound);
    world.cancel_all("maker", 0).await.unwrap();
    // Nor does governance bring anything back.
    let feed = world.markets()[0].feed;
    let oracle = ProposalAction::Oracle { oracle_kind: 0, oracle_key: feed.identity, oracle_account: feed.account };
    let params = ProposalAction::Params { params: world.market_account(0).unwrap().state.params };
    for (action, wanted) in [
        (oracle, TaperError::ProposalMismatch),
        (params, TaperError::MarketSettled),
        (ProposalAction::WindDown, TaperError::AlreadyWindingDown),
    ] {
        carry(&mut world, Some(0), action).await.expect_error(wanted);
    }
    let index = world.exchange().unwrap().proposal_count - 2;
    let apply = instruction::apply_proposal(keys.exchange, index, Some(keys.market), Some(feed.account));
    world.send_unsigned(apply).await.expect_error(TaperError::MarketSettled);
}

/// Alice has legs in a market that is settled, and whose oracle account does not even exist any more, and in another one.
#[tokio::test]
async fn a_settled_leg_needs_no_oracle() {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 0, Side::Bid, 1_000).await.unwrap();
    world.take("alice", 1, Side::Bid, 9_000).await.unwrap();
    wind_down(&mut world, 0).await;
    world.settle_market(0).await.unwrap();
    let oracle = world.markets()[0].feed.account;
    // The other market's price is as young as can be, and the settled market's as old.
    let gone = |world: &mut World| world.chain.set_account(&oracle, solana_account::Account::default());
    world.pass(100_000).unwrap();
    gone(&mut world);
    world.withdraw("alice", 1).await.unwrap();
    world.deposit("alice", 1).await.unwrap();
    world.place("alice", 1, order(Side::Bid, LISTED - 5_000, 10)).await.unwrap();
    let (legs, alice) = (world.legs("alice", None).unwrap(), world.trader("alice"));
    let record = instruction::record_deficit(world.venue.keys.exchange, alice.margin, &legs);
    world.send_unsigned(record).await.expect_error(TaperError::NothingToRecord);
    assert!(world.health("alice").unwrap().maintenance.requirement.0 > 0);
    // What is left of the settled leg counts with the others: its loss is swept, nothing of it is required.
    world.pass(10).unwrap();
    move_price(&mut world, 1, 1_425_000).await;
    gone(&mut world);
    world.flag("alice", 1).await.unwrap();
    let (report, _) = world.liquidate("carol", "alice", 1).await.unwrap();
    assert!(report.base_lots > 0);
    world.release("alice", 0).await.unwrap();
    assert!(world.seat("alice", 0).unwrap().is_none());
    assert_eq!(world.legs("alice", None).unwrap().len(), 1);
}

/// A winner is paid what losers have paid in, and what the cap advances, as ever.
#[tokio::test]
async fn winners_wait_for_losers_and_no_longer() {
    let mut world = World::new().await.unwrap();
    let mut spec = MarketSpec::sol("SMALL", PriceSource::Push).unwrap();
    spec.params.sweep_cap_atoms = 1_000_000;
    let market = world.add_market(&spec).await.unwrap();
    world.place("alice", market, order(Side::Bid, LISTED, 1_000)).await.unwrap();
    world.place("bob", market, order(Side::Ask, LISTED, 1_000)).await.unwrap();
    wind_down(&mut world, market).await;
    post(&mut world, market, LISTED - 20_000, LISTED - 20_000);
    world.settle_market(market).await.unwrap();
    world.release("bob", market).await.expect_error(TaperError::SeatNotEmpty);
    world.deposit("bob", 1).await.unwrap();
    assert_eq!(world.market_account(market).unwrap().state.net_swept_profit_atoms, 1_000_000);
    world.release("bob", market).await.expect_error(TaperError::SeatNotEmpty);
    world.release("alice", market).await.unwrap();
    world.release("bob", market).await.unwrap();
    // 20,000 a lot; bob took at 500 ppm and alice made at 100.
    assert_eq!(world.cash("bob").unwrap(), 1_000_000_001 + 20_000_000 - 750_000);
    assert_eq!(world.cash("alice").unwrap(), 1_000_000_000 - 20_000_000 + 150_000);
    world.release("bob", market).await.expect_error(TaperError::PositionNotFound);
}

/// Sixteen of seventeen counterparties are closed when the settlement comes between.
#[tokio::test]
async fn a_resolution_that_is_cut_short_leaves_nothing_behind() {
    let mut world = World::new().await.unwrap();
    world.place("alice", 0, order(Side::Bid, LISTED, 8_500)).await.unwrap();
    for short in 0..17 {
        let name = format!("short {short}");
        world.add_trader(&name, 1_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
        world.take(&name, 0, Side::Ask, 500).await.unwrap();
    }
    wind_down(&mut world, 0).await;
    world.set_price(0, 1_380_000).unwrap();
    resolve(&mut world, "alice", 0).await.unwrap();
    let half_done = world.account("alice").unwrap().state.resolution;
    assert_eq!((half_done.position_plus_one, world.base("alice", 0).unwrap()), (1, 500));
    assert!(half_done.remaining_atoms > 0);
    world.settle_market(0).await.unwrap();
    assert_eq!(world.account("alice").unwrap().state.resolution.position_plus_one, 1);
    // What the seventeenth would have borne is nobody's: it has no lots any more.
    let (seat, cash) = (*world.seat("alice", 0).unwrap().unwrap(), world.cash("alice").unwrap());
    let lacking = -seat.realised_atoms - i64::try_from(seat.bond_atoms).unwrap() - cash;
    resolve(&mut world, "alice", 0).await.unwrap();
    let account = *world.account("alice").unwrap();
    assert_eq!((account.used_positions().count(), account.state.cash_atoms), (0, 0));
    assert_eq!(account.state.resolution, bytemuck::Zeroable::zeroed());
    let state = &world.market_account(0).unwrap().state;
    assert_eq!(state.unassigned_loss_atoms, lacking);
    assert!(lacking > 0);
    for short in 0..17 {
        world.release(&format!("short {short}"), 0).await.unwrap();
    }
}
