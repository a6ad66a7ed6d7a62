//! The table of oracle modes through the program: every action at a fresh, a degraded and a frozen price. An action without a scene does
//! not compile.

use solana_signer::Signer;
use taper::constants::ORACLE_PYTH_PUSH;
use taper::error::TaperError;
use taper::state::ProposalAction;
use taper_engine::error::EngineError;
use taper_engine::modes::{Action, TABLE};
use taper_engine::oracle::Grade;
use taper_engine::quantity::Side;
use taper_harness::{keypair, order, HarnessError, MarketHandle, MarketSpec, OracleFeed, PriceSource, Result, World};
use taper_sdk::instruction;

use crate::support::*;

const GRADES: [Grade; 3] = [Grade::Fresh, Grade::Degraded, Grade::Frozen];
/// A price at which `long_alice` is in the backstop stage.
const BACKSTOP: i64 = 1_410_000;
/// One at which she may be taken over.
const TAKEOVER: i64 = 1_405_000;

/// What the program says of an engine's refusal at a price of this grade.
fn told(refusal: EngineError, grade: Grade) -> TaperError {
    match (refusal, grade) {
        (EngineError::OracleStale, Grade::Degraded) => TaperError::OracleDegraded,
        (refusal, _) => refusal.into(),
    }
}

#[tokio::test]
async fn every_cell_is_what_happens() {
    for (action, modes) in TABLE {
        let mut world = scene(action).await;
        let start = world.chain.snapshot();
        for (grade, mode) in GRADES.into_iter().zip(modes) {
            world.chain.restore(&start);
            let expected = mode.map_err(|refusal| u32::from(told(refusal, grade)));
            match attempt(&mut world, action, grade).await {
                Ok(true) => assert_eq!(expected, Ok(()), "{action:?} {grade:?}"),
                Ok(false) => assert!(expected.is_err(), "{action:?} {grade:?}: passed and was not seen"),
                Err(HarnessError::Refused(refusal)) => {
                    assert_eq!(expected, Err(refusal.code.unwrap_or_default()), "{action:?} {grade:?}");
                }
                Err(other) => panic!("{action:?} {grade:?}: {other}"),
            }
        }
    }
}

/// A world in which the action is possible at a fresh price.
async fn scene(action: Action) -> World {
    match action {
        Action::ListMarket | Action::AddRisk | Action::SampleFunding => World::new().await.unwrap(),
        Action::ReplaceOracle => {
            let mut world = World::new().await.unwrap();
            let (oracle_key, oracle_account) = (other_feed().identity, other_feed().account);
            let change = ProposalAction::Oracle { oracle_kind: ORACLE_PYTH_PUSH, oracle_key, oracle_account };
            propose(&mut world, change).await;
            world
        }
        Action::ResolveBankrupt => alice_at(BANKRUPT).await,
        Action::ResolveNearlyBankrupt => nearly_bankrupt().await,
        Action::TakeOver => alice_at(TAKEOVER).await,
        Action::SettleMarket => {
            let mut world = long_alice().await;
            let market = world.market(0).unwrap().keys.market;
            propose(&mut world, ProposalAction::WindDown).await;
            let apply = instruction::apply_proposal(world.venue.keys.exchange, 0, Some(market), None);
            world.send_unsigned(apply).await.unwrap();
            world
        }
        Action::RecordDeficit => {
            let mut world = alice_at(SOFT).await;
            // The vault lacks no more than what a winner has taken out of it.
            assert!(pay_the_maker(&mut world, 0, "bob", 1_000).await > 0);
            move_price(&mut world, 0, BANKRUPT).await;
            world
        }
        Action::Reduce | Action::Withdraw => long_alice().await,
        Action::ForceCancel => {
            let mut world = long_alice().await;
            world.place("alice", 0, order(Side::Ask, LISTED * 2, 10)).await.unwrap();
            move_price(&mut world, 0, SOFT).await;
            world
        }
        Action::StartSoftEpisode | Action::SliceSoft | Action::Absorb => soft_alice().await,
        Action::StartLowerEpisode | Action::SliceLower => alice_at(HARD).await,
        Action::ObserveEpisode | Action::ObserveDeposit => {
            let mut world = soft_alice().await;
            world.flag("alice", 0).await.unwrap();
            world
        }
        Action::ObserveStall => alice_at(BACKSTOP).await,
        Action::SettleLoss => {
            let mut world = soft_alice().await;
            assert!(pay_the_maker(&mut world, 0, "bob", 1_000).await > 0);
            world
        }
        Action::BesideTakeover => {
            let mut world = World::with_markets(2).await.unwrap();
            for (market, lots) in [(0, 10_000), (1, 1)] {
                world.take("alice", market, Side::Bid, lots).await.unwrap();
            }
            world.pass(10).unwrap();
            move_price(&mut world, 0, TAKEOVER).await;
            world
        }
        Action::BesideAddedRisk | Action::BesideOthers => {
            let mut world = World::with_markets(2).await.unwrap();
            for market in [0, 1] {
                world.take("alice", market, Side::Bid, 1_000).await.unwrap();
            }
            world.pass(10).unwrap();
            world
        }
    }
}

/// The first proposal, about the market.
async fn propose(world: &mut World, action: ProposalAction) {
    let (admin, exchange) = (world.venue.admin.clone(), world.venue.keys.exchange);
    let market = world.market(0).unwrap().keys.market;
    let propose = instruction::propose(admin.pubkey(), exchange, Some(market), 0, action);
    world.chain.send(&[propose], &[&admin]).await.unwrap();
}

async fn alice_at(price_atoms_per_lot: i64) -> World {
    let mut world = long_alice().await;
    move_price(&mut world, 0, price_atoms_per_lot).await;
    world
}

/// Alice has nothing left at the mid price, bond included, and something at the edge that favours her.
async fn nearly_bankrupt() -> World {
    let mut world = alice_at(BANKRUPT).await;
    let bond = i64::try_from(world.seat("alice", 0).unwrap().unwrap().bond_atoms).unwrap();
    let worth = |world: &World| {
        let health = world.health("alice").unwrap();
        (health.maintenance.equity.0 + bond, health.favourable.equity.0 + bond)
    };
    // So far below the price at which the equity of 10,000 lots is nothing.
    let (mid, _) = worth(&world);
    move_price(&mut world, 0, BANKRUPT - mid / 10_000 - 100).await;
    let (mid, favourable) = worth(&world);
    assert!(mid < 0 && favourable > 0, "{mid} {favourable}");
    world
}

/// Makes the price of a market one of this grade, by its age; others stay fresh.
fn age(world: &mut World, market: usize, grade: Grade) {
    let seconds = match grade {
        Grade::Fresh => return,
        Grade::Degraded => 11,
        Grade::Frozen => 61,
    };
    world.chain.advance(1, seconds);
    for other in (0..world.markets().len()).filter(|other| *other != market) {
        let price = world.markets()[other].price_atoms_per_lot;
        world.set_price(other, price).unwrap();
    }
}

/// Does the thing at a price of that grade. False if the call passed and the thing was left undone.
async fn attempt(world: &mut World, action: Action, grade: Grade) -> Result<bool> {
    let beside = [Action::BesideAddedRisk, Action::BesideTakeover, Action::BesideOthers];
    let market = usize::from(beside.contains(&action));
    if matches!(action, Action::ListMarket | Action::ReplaceOracle) {
        // The price of an oracle that is no market's yet.
        let feed = other_feed();
        let calm = feed.calm(&world.chain, LISTED)?;
        feed.post(&mut world.chain, &calm);
        age(world, usize::MAX, grade);
    } else {
        age(world, market, grade);
    }
    let bid = order(Side::Bid, LISTED - 5_000, 1);
    let reduction = taper::instructions::PlaceOrderArgs { reduce_only: true, ..order(Side::Ask, LISTED * 2, 10) };
    match action {
        Action::ListMarket => list(world).await?,
        Action::AddRisk | Action::BesideAddedRisk => world.place("alice", 0, bid).await.map(drop)?,
        Action::Reduce | Action::BesideOthers => world.place("alice", 0, reduction).await.map(drop)?,
        Action::ForceCancel => world.force_cancel("alice", 0).await.map(drop)?,
        Action::StartSoftEpisode | Action::StartLowerEpisode | Action::ObserveEpisode => {
            world.flag("alice", 0).await.map(drop)?;
        }
        Action::ObserveStall => {
            world.flag("alice", 0).await?;
            return Ok(world.account("alice")?.state.stalled_since_slot != 0);
        }
        Action::SliceSoft | Action::SliceLower => {
            let (report, _) = world.liquidate("carol", "alice", 0).await?;
            assert!(report.base_lots > 0);
        }
        Action::Absorb => {
            let args = world.liquidate_args("alice", 0)?;
            world.absorb("carol", "alice", 0, args).await.map(drop)?;
        }
        Action::SettleLoss => world.settle_loss("alice", 0).await.map(drop)?,
        Action::SampleFunding => world.update_funding(0).await.map(drop)?,
        Action::Withdraw => world.withdraw("alice", 1).await.map(drop)?,
        Action::ObserveDeposit => {
            world.deposit("alice", 5_000 * TOKEN).await?;
            return Ok(world.account("alice")?.state.episode.kind == 0);
        }
        Action::ReplaceOracle => {
            let (exchange, market) = (world.venue.keys.exchange, world.market(0)?.keys.market);
            let apply = instruction::apply_proposal(exchange, 0, Some(market), Some(other_feed().account));
            world.send_unsigned(apply).await.map(drop)?;
        }
        Action::ResolveBankrupt | Action::ResolveNearlyBankrupt | Action::TakeOver | Action::BesideTakeover => {
            let call = world.resolve_instruction("alice", 0)?;
            world.send_unsigned(call).await?;
            assert_eq!(world.base("alice", 0)?, 0);
        }
        Action::SettleMarket => {
            let settle = instruction::settle_market(&world.market(0)?.keys);
            world.send_unsigned(settle).await?;
            assert_eq!(world.base("alice", 0)?, 0);
        }
        Action::RecordDeficit => {
            let legs = world.legs("alice", None)?;
            let (exchange, margin) = (world.venue.keys.exchange, world.trader("alice").margin);
            world.send_unsigned(instruction::record_deficit(exchange, margin, &legs)).await?;
            assert!(world.exchange()?.recorded_deficit_atoms > 0);
        }
    }
    Ok(true)
}

/// An oracle of no market.
fn other_feed() -> OracleFeed {
    OracleFeed::new("ANOTHER", PriceSource::Push, -2)
}

/// Lists a market on the other oracle.
async fn list(world: &mut World) -> Result<()> {
    let spec = MarketSpec::sol("ANOTHER", PriceSource::Push)?;
    let (_, create) = MarketHandle::creation(&world.chain, &world.venue, &spec, &other_feed());
    let (admin, market, book) = (world.venue.admin.clone(), keypair("ANOTHER market"), keypair("ANOTHER book"));
    world.chain.send(&create, &[&admin, &market, &book]).await.map(drop)
}
