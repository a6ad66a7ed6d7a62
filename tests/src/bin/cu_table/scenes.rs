//! What is measured.

use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, CancelOrderArgs, LiquidateArgs, PlaceOrderArgs};
use taper_engine::quantity::Side;
use taper_harness::{
    keypair, order, Checks, HarnessError, MarketHandle, MarketSpec, OracleFeed, Outcome, PriceSource, Quotes, Result,
    Trader, Venue, World,
};
use taper_sdk::instruction;

use crate::table::{Part, Row};
use crate::{proposals, resolution, settlement, worst};

pub const TOKEN: u64 = 1_000_000;
pub const LISTED: i64 = 1_500_000;
const SOFT: i64 = 1_434_000;

/// Rows as they are measured.
pub struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, part: Part, name: &str, limit: Option<u64>, outcome: &Outcome) -> Result<()> {
        let units = outcome.program_units();
        if units == 0 {
            return Err(HarnessError::Answer(format!("{name}: no units in the logs")));
        }
        self.0.push(Row { part, name: name.to_owned(), units, limit });
        Ok(())
    }

    pub fn call(&mut self, name: &str, limit: impl Into<Option<u64>>, outcome: &Outcome) -> Result<()> {
        self.add(Part::Instructions, name, limit.into(), outcome)
    }

    pub fn difference(&mut self, name: &str, outcome: &Outcome) -> Result<()> {
        self.add(Part::Differences, name, None, outcome)
    }

    fn refusal<T>(&mut self, name: &str, refused: Result<T>) -> Result<()> {
        let Err(HarnessError::Refused(refusal)) = refused else {
            return Err(HarnessError::Answer(format!("{name}: not refused")));
        };
        let outcome = Outcome { logs: refusal.logs.clone(), ..Outcome::default() };
        self.add(Part::Refusals, &format!("{name}: {}", refusal.name()), None, &outcome)
    }
}

/// Measures everything.
pub async fn measure() -> Result<Vec<Row>> {
    let mut rows = Rows(Vec::new());
    creation(&mut rows).await?;
    cash(&mut rows).await?;
    orders(&mut rows).await?;
    distress(&mut rows).await?;
    liquidation(&mut rows).await?;
    governance(&mut rows).await?;
    worst::measure(&mut rows).await?;
    resolution::measure(&mut rows).await?;
    settlement::measure(&mut rows).await?;
    slices_by_shape(&mut rows).await?;
    orders_by_shape(&mut rows).await?;
    refusals(&mut rows).await?;
    Ok(rows.0)
}

async fn send(world: &mut World, call: Instruction, signer: &Keypair) -> Result<Outcome> {
    world.chain.send(&[call], &[signer]).await
}

/// Alice long 100 SOL on 1,000 dollars, after the fall, with bids of this shape.
async fn soft_alice(quotes: Quotes) -> Result<World> {
    let mut world = World::new().await?;
    world.take("alice", 0, Side::Bid, 10_000).await?;
    world.pass(10)?;
    world.set_price(0, SOFT)?;
    world.quote("maker", 0, quotes).await?;
    Ok(world)
}

async fn creation(rows: &mut Rows) -> Result<()> {
    let mut world = World::empty().await?;
    let venue = Venue::prepare("another", world.venue.keys.quote_mint);
    world.chain.fund(&venue.admin.pubkey(), 100 * TOKEN * 1_000);
    let (admin, guardian, keys) = (venue.admin.clone(), venue.guardian.pubkey(), venue.keys);
    let create = instruction::initialize_exchange(admin.pubkey(), 0, guardian, 0, keys.quote_mint, keys.token_program);
    rows.call("initialize_exchange", None, &send(&mut world, create, &admin).await?)?;

    let spec = MarketSpec::sol("SOL", PriceSource::Push)?;
    let feed = OracleFeed::new("SOL", PriceSource::Push, spec.params.base_lot_exponent);
    let calm = feed.calm(&world.chain, LISTED)?;
    feed.post(&mut world.chain, &calm);
    let (_, create) = MarketHandle::creation(&world.chain, &world.venue, &spec, &feed);
    let signers = [&*world.venue.admin, &keypair("SOL market"), &keypair("SOL book")];
    rows.call("create_market", None, &world.chain.send(&create, &signers).await?)?;

    let trader = Trader::prepare(&world.venue, "newcomer");
    world.chain.fund(&trader.key(), 100 * TOKEN * 1_000);
    let create = instruction::create_margin_account(trader.key(), world.venue.keys.exchange, 0, false);
    rows.call("create_margin_account", None, &send(&mut world, create, &trader.keypair).await?)?;
    let close = instruction::close_margin_account(trader.key(), trader.margin);
    rows.call("close_margin_account", None, &send(&mut world, close, &trader.keypair).await?)
}

async fn cash(rows: &mut Rows) -> Result<()> {
    let mut world = World::new().await?;
    let alice = world.trader("alice");
    let deposit = alice.deposit(&world.venue, TOKEN);
    rows.call("deposit, cash only", 16_000, &send(&mut world, deposit, &alice.keypair).await?)?;
    world.take("alice", 0, Side::Bid, 1_000).await?;
    rows.call("deposit, sweeping one leg", None, &world.deposit("alice", TOKEN).await?)?;
    rows.call("withdraw, one leg", None, &world.withdraw("alice", TOKEN).await?)
}

async fn orders(rows: &mut Rows) -> Result<()> {
    let mut world = World::new().await?;
    let resting = order(Side::Bid, LISTED - 10_000, 100);
    let first = world.place("alice", 0, resting).await?;
    rows.call("place_order, rests, first of its account (takes a seat)", None, &first)?;
    rows.call("place_order, rests", 10_000, &world.place("alice", 0, resting).await?)?;
    let sequence = world.book(0)?.book.next_sequence - 1;
    let one = CancelOrderArgs { side: 0, price_atoms_per_lot: LISTED - 10_000, sequence };
    let (alice, keys) = (world.trader("alice"), world.market(0)?.keys);
    let cancel = instruction::cancel_order(alice.key(), &keys, alice.margin, one);
    rows.call("cancel_order", 8_000, &send(&mut world, cancel, &alice.keypair).await?)?;
    for _ in 0..7 {
        world.place("alice", 0, resting).await?;
    }
    let all = CancelAllOrdersArgs { side: 2, limit: 32 };
    let cancel = instruction::cancel_all_orders(alice.key(), &keys, alice.margin, all);
    rows.call("cancel_all_orders, eight", None, &send(&mut world, cancel, &alice.keypair).await?)?;
    let takes = take_levels(&mut world, 4).await?;
    rows.call("place_order, takes four levels", 18_000, &takes)?;
    let reduces = PlaceOrderArgs { reduce_only: true, kind: 2, ..order(Side::Ask, LISTED - 100_000, 10) };
    rows.call("place_order, reduces, one level", None, &world.place("alice", 0, reduces).await?)?;
    world.take("alice", 0, Side::Ask, world.base("alice", 0)?).await?;
    let release = instruction::release_seat(keys.market, alice.margin);
    rows.call("release_seat", None, &send(&mut world, release, &alice.keypair).await?)?;
    let sweep = instruction::sweep_market_income(world.venue.keys.exchange, keys.market);
    rows.call("sweep_market_income", None, &send(&mut world, sweep, &alice.keypair).await?)
}

/// The maker quotes thin levels; alice takes so many of them.
async fn take_levels(world: &mut World, levels: u32) -> Result<Outcome> {
    let lots = 100;
    world.quote("maker", 0, Quotes { base_lots: lots, ..World::QUOTES }).await?;
    world.take("alice", 0, Side::Bid, lots * i64::from(levels)).await
}

async fn distress(rows: &mut Rows) -> Result<()> {
    let mut world = soft_alice(World::QUOTES).await?;
    let (alice, keys) = (world.trader("alice"), world.market(0)?.keys);
    let flag = instruction::flag_account(&keys, alice.margin, &[]);
    rows.call("flag_account", None, &send(&mut world, flag, &alice.keypair).await?)?;
    // The maker buys back from bob, and its profit is swept when it quotes anew: a winner who has been paid.
    world.take("bob", 0, Side::Ask, 1_000).await?;
    world.quote("maker", 0, World::QUOTES).await?;
    let settle = instruction::settle_loss(&keys, alice.margin);
    rows.call("settle_loss", None, &send(&mut world, settle, &alice.keypair).await?)?;
    let force = instruction::force_cancel_orders(&keys, alice.margin, 32, &[]);
    rows.call("force_cancel_orders, none there", None, &send(&mut world, force, &alice.keypair).await?)
}

async fn liquidation(rows: &mut Rows) -> Result<()> {
    let name = "partial_liquidate, one leg, one level, paid as credit";
    let mut world = soft_alice(World::QUOTES).await?;
    rows.call(name, 22_000, &slice(&mut world, 0, false, 1).await?)?;
    let name = "partial_liquidate, one leg, one level, paid in tokens";
    let mut world = soft_alice(World::QUOTES).await?;
    rows.call(name, 30_000, &slice(&mut world, 0, true, 1).await?)?;
    let name = "partial_liquidate, eight legs, eight levels, paid as credit";
    let mut world = many_legs(8, 8).await?;
    rows.call(name, 70_000, &slice(&mut world, 0, false, 8).await?)?;
    let name = "partial_liquidate, eight legs, eight levels, paid in tokens";
    let mut world = many_legs(8, 8).await?;
    rows.call(name, 70_000, &slice(&mut world, 0, true, 8).await?)?;
    let mut world = soft_alice(World::QUOTES).await?;
    let args = world.liquidate_args("alice", 0)?;
    rows.call("absorb, one leg, takes a seat", None, &world.absorb("carol", "alice", 0, args).await?)
}

/// One slice by carol, which must make exactly so many fills.
async fn slice(world: &mut World, market: usize, tokens: bool, fills: u32) -> Result<Outcome> {
    let payout = if tokens { world.payout_in_tokens("carol") } else { world.payout_as_credit("carol") };
    let args = world.liquidate_args("alice", market)?;
    let (report, outcome) = world.liquidate_with("carol", "alice", market, &payout, args).await?;
    if report.fills != fills {
        return Err(HarnessError::Answer(format!("{} fills, not {fills}", report.fills)));
    }
    Ok(outcome)
}

/// Alice long in so many markets, all fallen; the first one's bids in so many levels, which the slice needs all.
async fn many_legs(legs: usize, levels: u32) -> Result<World> {
    let mut world = World::with_markets(legs).await?;
    world.chain.set_checks(Checks { audit_every: 1 });
    let lots = 10_000 / i64::try_from(legs).unwrap_or(1);
    for market in 0..legs {
        world.take("alice", market, Side::Bid, lots).await?;
    }
    world.pass(10)?;
    for market in 0..legs {
        world.set_price(market, SOFT)?;
    }
    world.quote("maker", 0, World::QUOTES).await?;
    if levels > 1 {
        let args = world.liquidate_args("alice", 0)?;
        let plan = world.plan("alice", 0, &args)?.map_err(|error| HarnessError::Answer(error.to_string()))?;
        // A lot less than an eighth of the plan a level: all of them are needed.
        let base_lots = plan.base_lots / i64::from(levels) - 1;
        world.quote("maker", 0, Quotes { levels, base_lots, step_atoms_per_lot: 100 }).await?;
    }
    Ok(world)
}

async fn governance(rows: &mut Rows) -> Result<()> {
    let mut world = World::new().await?;
    let (alice, exchange, market) = (world.trader("alice"), world.venue.keys.exchange, world.market(0)?.keys.market);
    let set = instruction::set_delegate(alice.key(), alice.margin, world.trader("bob").key());
    rows.call("set_delegate", None, &send(&mut world, set, &alice.keypair).await?)?;
    let guardian = world.venue.guardian.clone();
    let set = instruction::set_status(guardian.pubkey(), exchange, Some(market), 1);
    rows.call("set_status, of a market", None, &send(&mut world, set, &guardian).await?)?;
    proposals::measure(rows).await
}

async fn slices_by_shape(rows: &mut Rows) -> Result<()> {
    for (legs, levels) in [(1, 1), (1, 2), (1, 4), (1, 8), (2, 1), (4, 1), (8, 1)] {
        let mut world = many_legs(legs, levels).await?;
        let outcome = slice(&mut world, 0, false, levels).await?;
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let levels = usize::try_from(levels).unwrap_or(0);
        rows.difference(&format!("slice, {}, {}", plural(legs, "leg"), plural(levels, "level")), &outcome)?;
    }
    Ok(())
}

async fn orders_by_shape(rows: &mut Rows) -> Result<()> {
    for levels in [1, 2, 4, 8] {
        let mut world = World::new().await?;
        world.place("alice", 0, order(Side::Bid, LISTED - 10_000, 1)).await?;
        let outcome = take_levels(&mut world, levels).await?;
        let plural = if levels == 1 { "" } else { "s" };
        rows.difference(&format!("order, takes {levels} level{plural}"), &outcome)?;
    }
    let mut world = World::with_markets(2).await?;
    for (market, kind) in [(0, "push"), (1, "pull")] {
        let name = if market == 0 { "alice" } else { "bob" };
        world.place(name, market, order(Side::Bid, LISTED - 10_000, 1)).await?;
        let outcome = world.place(name, market, order(Side::Bid, LISTED - 10_000, 1)).await?;
        rows.difference(&format!("order, rests, {kind} oracle"), &outcome)?;
    }
    let mut world = World::new().await?;
    world.chain.set_checks(Checks { audit_every: 20 });
    world.place("alice", 0, order(Side::Bid, LISTED - 500_000, 1)).await?;
    for filler in 0..16 {
        let name = format!("filler {filler}");
        world.add_trader(&name, 2_000 * TOKEN, 1_000 * TOKEN).await?;
        for index in 0..32 {
            world.place(&name, 0, order(Side::Bid, LISTED - 10_000 - 100 * (filler * 32 + index), 1)).await?;
        }
    }
    let outcome = world.place("alice", 0, order(Side::Bid, LISTED - 400_000, 1)).await?;
    rows.difference("order, rests behind 500 better ones", &outcome)
}

async fn refusals(rows: &mut Rows) -> Result<()> {
    let mut world = soft_alice(World::QUOTES).await?;
    let payout = world.payout_as_credit("carol");
    let good = world.liquidate_args("alice", 0)?;
    for args in [
        LiquidateArgs { deadline_slot: 0, ..good },
        LiquidateArgs { expected_base_lots: 1, ..good },
        LiquidateArgs { max_base_lots: 1, ..good },
        LiquidateArgs { min_payout_atoms: i64::MAX, ..good },
    ] {
        let refused = world.liquidate_with("carol", "alice", 0, &payout, args).await;
        rows.refusal("partial_liquidate", refused)?;
    }
    let less = LiquidateArgs { max_base_lots: 1_100, ..good };
    world.liquidate_with("carol", "alice", 0, &payout, less).await?;
    let refused = world.liquidate("carol", "alice", 0).await;
    rows.refusal("partial_liquidate", refused)?;
    world.set_price(0, LISTED)?;
    world.pass(10)?;
    world.quote("maker", 0, World::QUOTES).await?;
    world.take("bob", 0, Side::Bid, 100).await?;
    world.pass(10)?;
    let refused = world.liquidate("carol", "bob", 0).await;
    rows.refusal("partial_liquidate", refused)
}
