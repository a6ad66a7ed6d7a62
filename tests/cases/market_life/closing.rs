//! Closing a market: who may, when, and that nothing brings it back.

use anchor_lang::solana_program::system_instruction;
use solana_pubkey::Pubkey;
use taper::events::MarketClosed;
use taper::state::{Market, OrderBook};
use taper_harness::{keypair, HarnessError, MarketHandle};

use super::*;

/// A key that nobody has used.
fn heir() -> Pubkey {
    keypair("heir").pubkey()
}

fn lamports(world: &World, key: &Pubkey) -> u64 {
    world.chain.get(key).map_or(0, |account| account.lamports)
}

async fn unused() -> (World, usize) {
    let mut world = World::new().await.unwrap();
    let market = world.add_market(&MarketSpec::sol("UNUSED", PriceSource::Push).unwrap()).await.unwrap();
    (world, market)
}

#[tokio::test]
async fn a_market_that_nobody_used_is_closed_at_once() {
    let (mut world, market) = unused().await;
    let keys = world.market(market).unwrap().keys;
    let rent = lamports(&world, &keys.market) + lamports(&world, &keys.order_book);
    let outcome = world.close_market(market, heir()).await.unwrap();
    assert_eq!((lamports(&world, &heir()), rent > 3_000_000_000), (rent, true));
    for key in [keys.market, keys.order_book] {
        assert!(matches!(world.chain.get(&key), Err(HarnessError::NoAccount(_))));
    }
    if world.chain.is_vm() {
        let event = outcome.event::<MarketClosed>().unwrap();
        assert_eq!((event.market, event.order_book, event.recipient), (keys.market, keys.order_book, heir()));
        assert_eq!((event.lamports, event.fees_atoms, event.insurance_atoms, event.residue_atoms), (rent, 0, 0, 0));
    }
    world.close_market(market, heir()).await.expect_code(GONE);
    world.settle_market(market).await.expect_code(GONE);
    let alice = world.place("alice", market, order(Side::Bid, LISTED, 1)).await;
    alice.expect_code(GONE);
}

#[tokio::test]
async fn only_the_admin_and_to_a_place_where_lamports_can_be_used() {
    let (mut world, market) = unused().await;
    let keys = world.market(market).unwrap().keys;
    let (guardian, alice) = (world.venue.guardian.clone(), world.trader("alice").keypair);
    for signer in [guardian, alice] {
        let close = instruction::close_market(signer.pubkey(), &keys, heir());
        world.chain.send(&[close], &[&signer]).await.expect_error(TaperError::NotAdmin);
    }
    for lost in [keys.market, keys.order_book, keys.exchange] {
        world.close_market(market, lost).await.expect_error(TaperError::DuplicateAccount);
    }
    let admin = world.venue.admin.clone();
    let mut crossed = instruction::close_market(admin.pubkey(), &keys, heir());
    crossed.accounts[3].pubkey = world.market(0).unwrap().keys.order_book;
    world.chain.send(&[crossed], &[&admin]).await.expect_error(TaperError::WrongOrderBook);
    let mint = world.venue.keys.quote_mint;
    let other = taper_harness::Venue::create(&mut world.chain, "other", mint).await.unwrap();
    let mut foreign = instruction::close_market(other.admin.pubkey(), &keys, heir());
    foreign.accounts[1].pubkey = other.keys.exchange;
    world.chain.send(&[foreign], &[&other.admin]).await.expect_error(TaperError::WrongExchange);
    // To the admin itself.
    let before = lamports(&world, &admin.pubkey());
    world.close_market(market, admin.pubkey()).await.unwrap();
    assert!(lamports(&world, &admin.pubkey()) > before + 3_000_000_000);
}

#[tokio::test]
async fn a_market_that_was_used_is_settled_and_emptied_first() {
    let mut world = World::new().await.unwrap();
    // Empty for the moment; but somebody has been in it.
    world.cancel_all("maker", 0).await.unwrap();
    world.release("maker", 0).await.unwrap();
    world.close_market(0, heir()).await.expect_error(TaperError::MarketNotSettled);
    world.take("alice", 0, Side::Bid, 1).await.unwrap();
    wind_down(&mut world, 0).await;
    world.close_market(0, heir()).await.expect_error(TaperError::MarketNotSettled);
    world.settle_market(0).await.unwrap();
    world.close_market(0, heir()).await.expect_error(TaperError::MarketNotEmpty);
    world.release("alice", 0).await.unwrap();
    world.close_market(0, heir()).await.unwrap();
}

#[tokio::test]
async fn a_seat_with_nothing_but_an_order_keeps_a_market_open() {
    let (mut world, market) = unused().await;
    world.place("alice", market, order(Side::Bid, LISTED - 10_000, 5)).await.unwrap();
    world.close_market(market, heir()).await.expect_error(TaperError::MarketNotSettled);
    wind_down(&mut world, market).await;
    world.settle_market(market).await.unwrap();
    let seat = world.seat("alice", market).unwrap().unwrap();
    assert_eq!((seat.bid_count, seat.bid_lots, seat.bid_quote_atoms), (0, 0, 0));
    world.close_market(market, heir()).await.expect_error(TaperError::MarketNotEmpty);
    let cash = world.cash("alice").unwrap();
    world.release("alice", market).await.unwrap();
    // The bond.
    assert_eq!(world.cash("alice").unwrap(), cash + 1_000_000);
    world.close_market(market, heir()).await.unwrap();
}

/// In the transaction that closes it nobody brings a market back, with lamports or without.
#[tokio::test]
async fn a_closed_market_is_not_revived() {
    let (mut world, market) = unused().await;
    let (keys, admin) = (world.market(market).unwrap().keys, world.venue.admin.clone());
    let close = instruction::close_market(admin.pubkey(), &keys, admin.pubkey());
    let feed = |key: &Pubkey| system_instruction::transfer(&admin.pubkey(), key, 2_900_000_000);
    let place = world.place_instruction("alice", market, order(Side::Bid, LISTED, 1)).unwrap();
    let alice = world.trader("alice").keypair;
    let stop = instruction::set_status(admin.pubkey(), keys.exchange, Some(keys.market), 1);
    for after in [
        vec![close.clone()],
        vec![place.clone()],
        vec![feed(&keys.market), feed(&keys.order_book), close.clone()],
        vec![feed(&keys.market), feed(&keys.order_book), place],
        vec![feed(&keys.market), stop],
    ] {
        let all: Vec<_> = [vec![close.clone()], after].concat();
        world.chain.send(&all, &[&admin, &alice]).await.expect_code(GONE);
    }
    // Lamports alone make an account of nobody's, without a byte.
    world.chain.send(&[close, feed(&keys.market)], &[&admin]).await.unwrap();
    let account = world.chain.get(&keys.market).unwrap();
    assert_eq!((account.owner, account.data.len()), (Pubkey::default(), 0));
    world.settle_market(market).await.expect_code(GONE);
}

/// Whoever has the keys of the two accounts may list at the same address. It is another market: nothing of the old one is left.
#[tokio::test]
async fn an_address_can_be_listed_anew_and_starts_anew() {
    let (mut world, market) = unused().await;
    world.place("alice", market, order(Side::Bid, LISTED - 10_000, 5)).await.unwrap();
    wind_down(&mut world, market).await;
    world.settle_market(market).await.unwrap();
    world.release("alice", market).await.unwrap();
    world.close_market(market, heir()).await.unwrap();
    let spec = MarketSpec::sol("UNUSED", PriceSource::Push).unwrap();
    let again = MarketHandle::create(&mut world.chain, &world.venue, &spec).await.unwrap();
    assert_eq!(again.keys, world.market(market).unwrap().keys);
    let state = &world.chain.load::<Market>(&again.keys.market).unwrap().state;
    assert_eq!((state.settle_after_slot, state.final_price_atoms_per_lot, state.seats.touched_count), (0, 0, 0));
    assert_eq!(world.chain.load::<OrderBook>(&again.keys.order_book).unwrap().book.next_sequence, 0);
    world.place("alice", market, order(Side::Bid, LISTED - 10_000, 5)).await.unwrap();
}

/// A proposal about a market that is gone can be cancelled or expire, not applied.
#[tokio::test]
async fn proposals_do_not_survive_their_market() {
    let (mut world, market) = unused().await;
    let (keys, admin) = (world.market(market).unwrap().keys, world.venue.admin.clone());
    let index = world.exchange().unwrap().proposal_count;
    let propose =
        instruction::propose(admin.pubkey(), keys.exchange, Some(keys.market), index, ProposalAction::WindDown);
    world.chain.send(&[propose], &[&admin]).await.unwrap();
    world.close_market(market, heir()).await.unwrap();
    let apply = instruction::apply_proposal(keys.exchange, index, Some(keys.market), None);
    world.send_unsigned(apply).await.expect_code(GONE);
    let cancel = instruction::cancel_proposal(admin.pubkey(), keys.exchange, index);
    world.chain.send(&[cancel], &[&admin]).await.unwrap();
}
