//! Writes what a release leaves on a cluster to `tests/data/releases/VERSION.json.gz`, in the middle of everything: an episode between two
//! slices, a deficit on record, a resolution half done, a proposal that waits, a market that winds down. The releases after it have to go on
//! from there (`tests/cases/releases.rs`). Run once a release: `TAPER_REQUIRE_SO=1 cargo run -p taper-harness --bin save-world`.

use std::path::PathBuf;

use solana_signer::Signer;
use taper::instructions::{LiquidateArgs, PlaceOrderArgs};
use taper::state::ProposalAction;
use taper_engine::quantity::Side;
use taper_harness::{order, MarketSpec, Outcome, PriceSource, Result, World};
use taper_sdk::instruction;

const TOKEN: u64 = 1_000_000;
/// Counterparties of the account that is half resolved: one more than a call takes.
const WINNERS: usize = 17;
const TIMELOCK: u64 = 1_000;
const LISTED: i64 = 1_500_000;
const SOFT: i64 = 1_434_000;
const BANKRUPT: i64 = 1_395_000;

async fn propose(world: &mut World, market: Option<usize>, action: ProposalAction) -> Result<u64> {
    let (admin, exchange, index) =
        (world.venue.admin.clone(), world.venue.keys.exchange, world.exchange()?.proposal_count);
    let market = market.map(|index| world.market(index)).transpose()?.map(|handle| handle.keys.market);
    let propose = instruction::propose(admin.pubkey(), exchange, market, index, action);
    world.chain.send(&[propose], &[&admin]).await?;
    Ok(index)
}

async fn apply(world: &mut World, index: u64, market: Option<usize>) -> Result<Outcome> {
    let market = market.map(|index| world.market(index)).transpose()?.map(|handle| handle.keys.market);
    let apply = instruction::apply_proposal(world.venue.keys.exchange, index, market, None);
    world.send_unsigned(apply).await
}

/// Market 2: bob is long against many, and bankrupt in one candle; half of it is resolved.
async fn half_resolved(world: &mut World) -> Result<()> {
    let market = world.add_market(&MarketSpec::sol("SOL-many", PriceSource::Push)?).await?;
    world.pass(TIMELOCK)?;
    let names: Vec<String> = (0..WINNERS).map(|nr| format!("winner-{nr}")).collect();
    for name in &names {
        world.add_trader(name, 50_000 * TOKEN, 1_000 * TOKEN).await?;
        world.place(name, market, order(Side::Ask, LISTED, 500)).await?;
        world.place("bob", market, PlaceOrderArgs { kind: 3, ..order(Side::Bid, LISTED, 500) }).await?;
    }
    world.pass(10)?;
    world.set_price(market, BANKRUPT - 10_000)?;
    world.donate("dave", Some(market), 3 * TOKEN).await?;
    world.resolve("bob", market).await?;
    Ok(())
}

/// Market 1: a winner has been paid ahead of the losers, and what dave lacks is on record.
async fn on_record(world: &mut World) -> Result<()> {
    world.take("dave", 1, Side::Bid, 10_000).await?;
    world.take("alice", 1, Side::Ask, 500).await?;
    world.pass(10)?;
    world.set_price(1, BANKRUPT)?;
    world.quote("maker", 1, World::QUOTES).await?;
    world.take("carol", 1, Side::Ask, 3_000).await?;
    world.quote("maker", 1, World::QUOTES).await?;
    world.record_deficit("dave").await?;
    Ok(())
}

async fn scene() -> Result<World> {
    let mut world = World::with_markets(2).await?;
    let timelock = propose(&mut world, None, ProposalAction::Timelock { timelock_slots: TIMELOCK }).await?;
    apply(&mut world, timelock, None).await?;
    half_resolved(&mut world).await?;
    on_record(&mut world).await?;
    world.deposit("alice", 100 * TOKEN).await?;
    world.take("alice", 0, Side::Bid, 10_000).await?;
    world.place("alice", 1, PlaceOrderArgs { reduce_only: true, ..order(Side::Bid, BANKRUPT - 40_000, 100) }).await?;
    world.pass(10)?;
    // The book stands above the average: longs pay.
    world.set_price(0, LISTED - 3_000)?;
    for _ in 0..3 {
        world.update_funding(0).await?;
        world.pass(1_000)?;
    }
    let mut price = SOFT;
    while world.health("alice")?.maintenance.to_bps_down() >= 8_000 {
        price -= 2_000;
        world.set_price(0, price)?;
    }
    world.quote("maker", 0, World::QUOTES).await?;
    let args = LiquidateArgs { max_base_lots: 1_100, ..world.liquidate_args("alice", 0)? };
    let payout = world.payout_as_credit("carol");
    world.liquidate_with("carol", "alice", 0, &payout, args).await?;
    let mut params = world.market_account(0)?.state.params;
    params.open_interest_cap_base_lots -= 1;
    propose(&mut world, Some(0), ProposalAction::Params { params }).await?;
    propose(&mut world, Some(1), ProposalAction::WindDown).await?;
    Ok(world)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let version = env!("CARGO_PKG_VERSION");
    let world = scene().await?;
    let bytes = world.save(version).to_bytes()?;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("data/releases/{version}.json.gz"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, &bytes)?;
    println!(
        "{} accounts, {} bytes: tests/data/releases/{version}.json.gz",
        world.chain.tracked().count(),
        bytes.len()
    );
    Ok(())
}
