//! A market's beginning, its status, its oracle and the beginning of its end.

use taper::constants::{ORACLE_SILENT_SLOTS, PROPOSAL_STATUS};
use taper_engine::quantity::Side;
use taper_harness::{MarketHandle, MarketSpec, OracleFeed, PriceSource};

use super::*;
use crate::support::*;

#[tokio::test]
async fn a_listing_waits_out_the_timelock_before_it_takes_risk() {
    let mut world = governed().await;
    let spec = MarketSpec::sol("NEW", PriceSource::Push).unwrap();
    let listed_slot = world.chain.slot();
    let new = world.add_market(&spec).await.unwrap();
    assert_eq!(world.market_account(new).unwrap().opens_slot, listed_slot + TIMELOCK);
    world.pass(TIMELOCK - 1).unwrap();
    let quote = world.quote("maker", new, World::QUOTES).await;
    quote.expect_error(TaperError::MarketNotOpen);
    // A stricter status says so first.
    let (guardian, keys) = (world.venue.guardian.clone(), world.market(new).unwrap().keys);
    let stop = instruction::set_status(guardian.pubkey(), keys.exchange, Some(keys.market), 2);
    world.chain.send(&[stop], &[&guardian]).await.unwrap();
    world.pass(1).unwrap();
    let quote = world.quote("maker", new, World::QUOTES).await;
    quote.expect_error(TaperError::MarketPaused);
    let admin = world.venue.admin.clone();
    let start = instruction::set_status_jointly(admin.pubkey(), guardian.pubkey(), keys.exchange, Some(keys.market), 0);
    world.chain.send(&[start], &[&admin, &guardian]).await.unwrap();
    world.quote("maker", new, World::QUOTES).await.unwrap();
    world.take("alice", new, Side::Bid, 10).await.unwrap();
}

#[tokio::test]
async fn one_key_loosens_a_status_only_through_the_timelock() {
    for scope in [None, Some(0)] {
        let mut world = governed().await;
        let key = market_key(&world, scope);
        let (guardian, exchange) = (world.venue.guardian.clone(), world.venue.keys.exchange);
        let loosen = ProposalAction::Status { status: 0 };
        // There is nothing to loosen, and tightening needs no proposal.
        propose(&mut world, scope, loosen).await.expect_error(TaperError::InvalidArgument);
        let stop = instruction::set_status(guardian.pubkey(), exchange, key, 1);
        world.chain.send(&[stop], &[&guardian]).await.unwrap();
        for status in [1, 2, 255] {
            let action = ProposalAction::Status { status };
            propose(&mut world, scope, action).await.expect_error(TaperError::InvalidArgument);
        }
        let index = propose(&mut world, scope, loosen).await.unwrap();
        assert_eq!((proposal(&world, index).kind, proposal(&world, index).status_before), (PROPOSAL_STATUS, 1));
        apply(&mut world, index, scope).await.expect_error(TaperError::ProposalTimelocked);
        apply_later(&mut world, index, scope).await.unwrap();
        world.take("alice", 0, Side::Bid, 10).await.unwrap();
        // A proposal to undo one stop does not undo the next.
        for status in [1, 2] {
            let stop = instruction::set_status(guardian.pubkey(), exchange, key, status);
            world.chain.send(&[stop], &[&guardian]).await.unwrap();
            if status == 1 {
                propose(&mut world, scope, loosen).await.unwrap();
            }
        }
        apply_later(&mut world, index + 1, scope).await.expect_error(TaperError::ProposalMismatch);
    }
}

/// A feed that says this price now.
fn feed(world: &mut World, label: &str, source: PriceSource, price: i64) -> OracleFeed {
    let feed = OracleFeed::new(label, source, -2);
    let calm = feed.calm(&world.chain, price).unwrap();
    feed.post(&mut world.chain, &calm);
    feed
}

fn switch_to(feed: &OracleFeed) -> ProposalAction {
    let oracle_kind = u8::from(feed.source == PriceSource::Pull);
    ProposalAction::Oracle { oracle_kind, oracle_key: feed.identity, oracle_account: feed.account }
}

#[tokio::test]
async fn an_oracle_is_replaced_by_one_that_says_the_same() {
    let mut world = governed().await;
    let new = OracleFeed::new("better", PriceSource::Pull, -2);
    let index = propose(&mut world, Some(0), switch_to(&new)).await.unwrap();
    world.pass(TIMELOCK).unwrap();
    let (old, count) = (world.market(0).unwrap().feed, world.chain.slot());
    // No oracle passed; another one than was proposed; one that does not exist.
    apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalMismatch);
    apply_with(&mut world, index, Some(0), Some(old.account)).await.expect_error(TaperError::ProposalMismatch);
    let go = |world: &World| {
        let keys = world.market(0).unwrap().keys;
        instruction::apply_proposal(keys.exchange, index, Some(keys.market), Some(new.account))
    };
    let send = go(&world);
    world.chain.send(&[send], &[]).await.expect_error(TaperError::OracleWrongOwner);
    // The last price is 1,500,000: a tenth away is the limit, on both sides.
    for (price, seconds_old, wanted) in [
        (1_650_001, 0, Some(TaperError::OraclePriceTooFar)),
        (1_349_999, 0, Some(TaperError::OraclePriceTooFar)),
        (1_500_000, 11, Some(TaperError::OracleDegraded)),
        (1_500_000, 61, Some(TaperError::OracleStale)),
        (1_350_000, 0, None),
    ] {
        let mut calm = new.calm(&world.chain, price).unwrap();
        calm.publish_time_seconds -= seconds_old;
        new.post(&mut world.chain, &calm);
        let send = go(&world);
        let sent = world.chain.send(&[send], &[]).await;
        match wanted {
            Some(error) => sent.expect_error(error),
            None => {
                let outcome = sent.unwrap();
                if world.chain.is_vm() {
                    let event = outcome.event::<ProposalApplied>().unwrap();
                    assert_eq!(event.oracle_price_atoms_per_lot, price);
                }
            }
        }
    }
    let state = market(&world);
    assert_eq!((state.oracle_kind, state.oracle_key, state.oracle_account), (1, new.identity, new.account));
    assert_eq!((state.state.last_price.price_atoms_per_lot, state.state.last_price.used_slot), (1_350_000, count));
    // The old one is another feed now.
    world.take("alice", 0, Side::Bid, 1).await.expect_error(TaperError::OracleWrongFeed);
}

#[tokio::test]
async fn a_new_price_is_never_older_than_the_last_one() {
    let mut world = governed().await;
    let new = OracleFeed::new("better", PriceSource::Push, -2);
    let index = propose(&mut world, Some(0), switch_to(&new)).await.unwrap();
    world.pass(TIMELOCK).unwrap();
    world.take("alice", 0, Side::Bid, 1).await.unwrap();
    let mut calm = new.calm(&world.chain, LISTED).unwrap();
    calm.publish_time_seconds -= 1;
    new.post(&mut world.chain, &calm);
    let sent = apply_with(&mut world, index, Some(0), Some(new.account)).await;
    sent.expect_error(TaperError::OracleOlderThanLast);
}

#[tokio::test]
async fn where_the_old_oracle_is_silent_there_is_nothing_to_compare_with() {
    let mut world = governed().await;
    let doubled = OracleFeed::new("doubled", PriceSource::Push, -2);
    let index = propose(&mut world, Some(0), switch_to(&doubled)).await.unwrap();
    world.pass(TIMELOCK).unwrap();
    let used = market(&world).state.last_price.used_slot;
    for (slot, wanted) in
        [(used + ORACLE_SILENT_SLOTS - 1, Some(TaperError::OraclePriceTooFar)), (used + ORACLE_SILENT_SLOTS, None)]
    {
        world.chain.set_time(slot, world.chain.seconds() + 100_000);
        feed(&mut world, "doubled", PriceSource::Push, 2 * LISTED);
        let sent = apply_with(&mut world, index, Some(0), Some(doubled.account)).await;
        match wanted {
            Some(error) => sent.expect_error(error),
            None => drop(sent.unwrap()),
        }
    }
    assert_eq!(market(&world).state.last_price.price_atoms_per_lot, 2 * LISTED);
    let unknown =
        ProposalAction::Oracle { oracle_kind: 2, oracle_key: doubled.identity, oracle_account: doubled.account };
    propose(&mut world, Some(0), unknown).await.expect_error(TaperError::InvalidArgument);
}

#[tokio::test]
async fn a_wind_down_allows_reductions_only_and_is_never_undone() {
    let mut world = governed().await;
    world.take("alice", 0, Side::Bid, 100).await.unwrap();
    let index = propose(&mut world, Some(0), ProposalAction::WindDown).await.unwrap();
    let twice = propose(&mut world, Some(0), ProposalAction::WindDown).await.unwrap();
    apply(&mut world, index, Some(0)).await.expect_error(TaperError::ProposalTimelocked);
    world.take("bob", 0, Side::Bid, 1).await.unwrap();
    let outcome = apply_later(&mut world, index, Some(0)).await.unwrap();
    let settle_after_slot = world.chain.slot() + TIMELOCK;
    assert_eq!(market(&world).state.settle_after_slot, settle_after_slot);
    if world.chain.is_vm() {
        assert_eq!(outcome.event::<ProposalApplied>().unwrap().settle_after_slot, settle_after_slot);
    }
    apply(&mut world, twice, Some(0)).await.expect_error(TaperError::AlreadyWindingDown);
    propose(&mut world, Some(0), ProposalAction::WindDown).await.expect_error(TaperError::AlreadyWindingDown);
    world.take("bob", 0, Side::Bid, 1).await.expect_error(TaperError::ReduceOnly);
    world.take("alice", 0, Side::Ask, 100).await.unwrap();
    // The other market goes on.
    world.take("bob", 1, Side::Bid, 1).await.unwrap();
    // It has no looser status that could bring it back.
    let loosen = ProposalAction::Status { status: 0 };
    propose(&mut world, Some(0), loosen).await.expect_error(TaperError::InvalidArgument);
}

#[tokio::test]
async fn a_market_of_another_exchange_is_no_market_of_this_one() {
    let mut world = governed().await;
    let mint = world.venue.keys.quote_mint;
    let other = Venue::create(&mut world.chain, "other", mint).await.unwrap();
    let spec = MarketSpec::sol("FOREIGN", PriceSource::Push).unwrap();
    let foreign = MarketHandle::create(&mut world.chain, &other, &spec).await.unwrap();
    let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
    let index = world.exchange().unwrap().proposal_count;
    let action = ProposalAction::WindDown;
    let propose = instruction::propose(admin.pubkey(), exchange, Some(foreign.keys.market), index, action);
    world.chain.send(&[propose], &[&admin]).await.expect_error(TaperError::WrongExchange);
}
