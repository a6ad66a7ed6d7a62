//! One market from its last trades to its rent, every number worked out by hand.

use taper::events::{LossCovered, MarketClosed};
use taper_harness::keypair;

use super::*;

/// The EMA stands so far below the price while funding is sampled; the makers' bids over the impact size stand 680 below it. The rate is
/// `3,000 × 2^20 ÷ 72,000` a slot, towards zero.
const EMA_BELOW: i64 = 3_680;
const RATE: i64 = 43_690;
const SETTLED: i64 = 1_395_000;

/// So many slots pass; the price is as listed, the average below.
fn pass(world: &mut World, slots: u64) {
    world.pass(slots).unwrap();
    post(world, 0, LISTED, LISTED - EMA_BELOW);
}

/// Alice and carol are long, bob and the maker short; dave has an order in the book. Funding runs for the 1,000 slots of the wind-down.
async fn wound_down() -> World {
    let mut world = World::new().await.unwrap();
    with_timelock(&mut world).await;
    world.take("alice", 0, Side::Bid, 10_000).await.unwrap(); // at 1,500,500
    world.take("bob", 0, Side::Ask, 4_000).await.unwrap(); // at 1,499,500
    world.take("carol", 0, Side::Bid, 3_000).await.unwrap(); // at 1,500,500
    world.place("dave", 0, order(Side::Bid, LISTED - 10_000, 10)).await.unwrap();
    world.quote("maker", 0, World::QUOTES).await.unwrap();
    let (admin, keys) = (world.venue.admin.clone(), world.market(0).unwrap().keys);
    let index = world.exchange().unwrap().proposal_count;
    let propose =
        instruction::propose(admin.pubkey(), keys.exchange, Some(keys.market), index, ProposalAction::WindDown);
    world.chain.send(&[propose], &[&admin]).await.unwrap();
    pass(&mut world, 10);
    world.update_funding(0).await.unwrap();
    pass(&mut world, TIMELOCK - 10);
    world.update_funding(0).await.unwrap();
    assert_eq!(world.market_account(0).unwrap().state.charges.funding_rate_scaled_per_slot, RATE);
    let apply = instruction::apply_proposal(keys.exchange, index, Some(keys.market), None);
    world.send_unsigned(apply).await.unwrap();
    world.take("carol", 0, Side::Bid, 1).await.expect_error(TaperError::ReduceOnly);
    pass(&mut world, TIMELOCK);
    world
}

#[tokio::test]
async fn from_the_last_trade_to_the_rent() {
    let mut world = wound_down().await;
    let keys = world.market(0).unwrap().keys;
    let vault = world.chain.tokens(&world.venue.keys.vault);
    assert_eq!(vault, 50_103_000_000_000);
    // The price falls to 1,400,000, its average to 1,395,000; nobody has time to liquidate alice.
    post(&mut world, 0, 1_400_000, SETTLED);
    let outcome = world.settle_market(0).await.unwrap();
    if world.chain.is_vm() {
        let event = outcome.event::<MarketSettled>().unwrap();
        // 43,690,000 ÷ 2^20 a lot: longs pay 416,661 and 124,999, shorts get 166,664 and 374,994. The maker's 16 orders and dave's.
        assert_eq!((event.funding_index_scaled, event.charged_atoms), (RATE * 1_000, 2));
        assert_eq!((event.base_lots, event.orders, event.final_price_atoms_per_lot), (13_000, 17, SETTLED));
    }
    // From here on the oracle is gone.
    world.chain.set_account(&keys.oracle, solana_account::Account::default());
    world.chain.advance(1_000_000, 400_000);
    // Anybody releases them, in any order. A bond of a million comes back to each; the maker's quotes had paid out what it had won before.
    for name in ["dave", "bob", "carol", "maker"] {
        world.release(name, 0).await.unwrap();
    }
    // Nothing.
    assert_eq!(world.cash("dave").unwrap(), 1_000_000_000);
    // Fee 2,999,000; 4,000 × 104,500; funding 166,664.
    assert_eq!(world.cash("bob").unwrap(), 1_000_000_000 - 2_999_000 + 418_000_000 + 166_664);
    // Fee 2,250,750; 3,000 × 105,500; funding 124,999.
    assert_eq!(world.cash("carol").unwrap(), 100_000_000_000 - 2_250_750 - 316_500_000 - 124_999);
    // Rebates 1,500,500 + 599,800 + 450,150; 15,005,000,000 − 5,998,000,000 + 4,501,500,000 − 9,000 × 1,395,000; funding 374,994.
    assert_eq!(world.cash("maker").unwrap(), 50_000_000_000_000 + 2_550_450 + 953_500_000 + 374_994);

    // Alice had 1,000,000,000; fee 7,502,500; 10,000 × 105,500; funding 416,661: she lacks 62,919,161, her bond already counted.
    world.release("alice", 0).await.expect_error(TaperError::SeatNotEmpty);
    let bob = world.trader("bob");
    let all = u64::try_from(world.cash("bob").unwrap()).unwrap();
    world.withdraw("bob", all).await.unwrap();
    resolve(&mut world, "alice", 0).await.unwrap();
    assert!(world.cash("alice").unwrap() == 0 && world.seat("alice", 0).unwrap().is_none());
    assert_eq!(world.market_account(0).unwrap().state.unassigned_loss_atoms, 62_919_161);
    assert_eq!(world.exchange().unwrap().held_loss_atoms, 62_919_161);
    let heir = keypair("heir").pubkey();
    world.close_market(0, heir).await.expect_error(TaperError::MarketNotEmpty);
    let cover = instruction::cover_loss(keys.exchange, keys.market);
    world.send_unsigned(cover.clone()).await.expect_error(TaperError::NothingToCover);
    let give = |atoms| {
        let (tokens, market) = (bob.token_account, Some(keys.market));
        instruction::donate_insurance(bob.key(), &world.venue.keys, market, tokens, atoms)
    };
    let gifts = [give(62_919_160), give(1)];
    for (gift, left) in gifts.into_iter().zip([1, 0]) {
        world.chain.send(&[gift], &[&bob.keypair]).await.unwrap();
        let outcome = world.send_unsigned(cover.clone()).await.unwrap();
        if world.chain.is_vm() {
            assert_eq!(outcome.event::<LossCovered>().unwrap().unassigned_after_atoms, left);
        }
        if left > 0 {
            world.close_market(0, heir).await.expect_error(TaperError::MarketNotEmpty);
        }
    }
    assert_eq!(world.exchange().unwrap().held_loss_atoms, 0);
    close_and_count(&mut world, all).await;
}

/// The market is closed, its last income arrives, and the vault holds what everybody is owed and nothing else.
async fn close_and_count(world: &mut World, withdrawn: u64) {
    let (keys, heir) = (world.market(0).unwrap().keys, keypair("heir").pubkey());
    let rent: u64 = [keys.market, keys.order_book].iter().map(|key| world.chain.get(key).unwrap().lamports).sum();
    let outcome = world.close_market(0, heir).await.unwrap();
    assert_eq!(world.chain.get(&heir).unwrap().lamports, rent);
    if world.chain.is_vm() {
        let event = outcome.event::<MarketClosed>().unwrap();
        // Fees 7,502,500 + 2,999,000 + 2,250,750 less the rebates; what rounding has left of funding.
        assert_eq!((event.lamports, event.fees_atoms, event.insurance_atoms), (rent, 10_201_800, 2));
        assert_eq!(event.residue_atoms, 2);
    }
    let exchange = world.exchange().unwrap();
    assert_eq!((exchange.fees_atoms, exchange.insurance_atoms), (10_201_800, 2));
    assert_eq!((exchange.held_loss_atoms, exchange.recorded_deficit_atoms), (0, 0));
    let cash: i64 = ["alice", "bob", "carol", "dave", "maker"].iter().map(|name| world.cash(name).unwrap()).sum();
    let vault = world.chain.tokens(&world.venue.keys.vault);
    assert_eq!(vault, 50_103_000_000_000 + 62_919_161 - withdrawn);
    assert_eq!(i64::try_from(vault).unwrap(), cash + 10_201_800 + 2);
    // Everybody can leave.
    for name in ["carol", "dave", "maker"] {
        let all = u64::try_from(world.cash(name).unwrap()).unwrap();
        world.withdraw(name, all).await.unwrap();
    }
    assert_eq!(world.chain.tokens(&world.venue.keys.vault), 10_201_802);
    for name in ["alice", "bob", "carol", "dave", "maker"] {
        let trader = world.trader(name);
        let close = instruction::close_margin_account(trader.key(), trader.margin);
        world.chain.send(&[close], &[&trader.keypair]).await.unwrap();
    }
}
