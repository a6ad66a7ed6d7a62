//! Past the ladder: resolutions, records, insurance.

use taper::instructions::PlaceOrderArgs;
use taper::state::Market;
use taper_engine::quantity::Side;
use taper_engine::resolve::COUNTERPARTIES;
use taper_engine::seat::{Seat, SEATS};
use taper_harness::{order, Checks, HarnessError, Outcome, Result, World};

use crate::scenes::{Rows, LISTED, TOKEN};

/// No call of this kind may be dearer.
const LIMIT: u64 = 200_000;
/// A price at which the account of 100 coins on 1,000 dollars is bankrupt.
const BANKRUPT: i64 = 1_390_000;
/// Lots that one call can close of a full table.
const LOTS_EACH: i64 = 3;

/// Everything that is measured here.
pub async fn measure(rows: &mut Rows) -> Result<()> {
    let mut world = bankrupt(1).await?;
    let recorded = record(&mut world, 1).await?;
    rows.call("record_deficit, one leg", LIMIT, &recorded)?;
    rows.call("donate_insurance, for a market", LIMIT, &world.donate("maker", Some(0), TOKEN).await?)?;
    let mut world = bankrupt(1).await?;
    rows.call("resolve_account, one leg, one counterparty", LIMIT, &resolve(&mut world, 1).await?)?;
    let mut world = bankrupt(1).await?;
    world.chain.set_checks(Checks { audit_every: 0 });
    let market = world.market(0)?.keys.market;
    world.chain.forge::<Market>(&market, |market| {
        market.state.insurance_pending_atoms = 2;
        market.state.insurance.contributed_atoms = 2;
        market.state.unassigned_loss_atoms = 1;
        market.state.net_swept_profit_atoms = 1;
    })?;
    rows.call("cover_loss", LIMIT, &world.cover_loss(0).await?)?;
    let mut world = bankrupt(8).await?;
    let recorded = record(&mut world, 8).await?;
    rows.call("record_deficit, eight legs", LIMIT, &recorded)?;
    let mut world = bankrupt(8).await?;
    rows.call("resolve_account, eight legs, one counterparty", LIMIT, &resolve(&mut world, 1).await?)?;
    let mut world = bankrupt(1).await?;
    fill_table(&mut world, SEATS, Ranks::Equal, LOTS_EACH)?;
    let outcome = resolve(&mut world, COUNTERPARTIES).await?;
    rows.call("resolve_account, full table, one leg, 16 counterparties", LIMIT, &outcome)?;
    for (ranks, name) in [(Ranks::Rising, "rising"), (Ranks::Falling, "falling"), (Ranks::Equal, "equal")] {
        let mut world = bankrupt(8).await?;
        rest_orders(&mut world).await?;
        fill_table(&mut world, SEATS, ranks, LOTS_EACH)?;
        let name = format!("resolve_account, full table, ranks {name}, eight legs, 32 orders, 16 counterparties");
        rows.call(&name, LIMIT, &resolve(&mut world, COUNTERPARTIES).await?)?;
    }
    for (seats, lots, counterparties) in
        [(0, 0, 1), (40, 10_000, 1), (40, LOTS_EACH, 16), (1_024, 10_000, 1), (SEATS, 10_000, 1)]
    {
        let mut world = bankrupt(1).await?;
        fill_table(&mut world, seats, Ranks::Equal, lots)?;
        let name = format!("resolution, {seats} seats in the table, {counterparties} counterparties");
        rows.difference(&name, &resolve(&mut world, counterparties).await?)?;
    }
    Ok(())
}

async fn record(world: &mut World, legs: i64) -> Result<Outcome> {
    // Somebody must have taken profits out, or nothing is missing: the maker, who is short, buys back.
    world.take("bob", 0, Side::Ask, 100 * legs).await?;
    world.quote("maker", 0, World::QUOTES).await?;
    let call = world.record_instruction("alice")?;
    world.send_unsigned(call).await
}

async fn resolve(world: &mut World, counterparties: usize) -> Result<Outcome> {
    let call = world.resolve("alice", 0).await?;
    if call.plan.counterparties.len() != counterparties {
        let found = call.plan.counterparties.len();
        return Err(HarnessError::Answer(format!("{found} counterparties, not {counterparties}")));
    }
    Ok(call.outcome)
}

/// Alice long in so many markets, all fallen past her equity.
async fn bankrupt(legs: usize) -> Result<World> {
    let mut world = World::with_markets(legs).await?;
    let lots = 10_000 / i64::try_from(legs).unwrap_or(1);
    for market in 0..legs {
        world.take("alice", market, Side::Bid, lots).await?;
    }
    world.pass(10)?;
    for market in 0..legs {
        world.set_price(market, BANKRUPT)?;
        world.quote("maker", market, World::QUOTES).await?;
    }
    Ok(world)
}

/// Alice's seat has all the orders that it may have.
async fn rest_orders(world: &mut World) -> Result<()> {
    let away = PlaceOrderArgs { reduce_only: true, ..order(Side::Ask, LISTED * 2, 10) };
    world.place_many("alice", 0, away, taper_engine::seat::ORDERS_PER_SEAT.into()).await
}

/// How the ranks of a full table run with its index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ranks {
    Rising,
    Falling,
    Equal,
}

/// Of so many seats every free one is a short's of so many lots, with charges to be settled and profit swept lately.
fn fill_table(world: &mut World, seats: usize, ranks: Ranks, lots: i64) -> Result<()> {
    world.chain.set_checks(Checks { audit_every: 0 });
    let (market, slot) = (world.market(0)?.keys.market, world.chain.slot());
    world.chain.forge::<Market>(&market, |market| {
        let state = &mut market.state;
        state.charges.funding_index_scaled += 1 << 21;
        state.charges.loss_index_scaled += 1 << 21;
        let mut added = 0;
        for (index, seat) in (0i64..).zip(state.seats.rows.iter_mut().take(seats)) {
            if seat.base_lots != 0 || !seat.is_free() {
                continue;
            }
            let profit = match ranks {
                Ranks::Rising => index,
                Ranks::Falling => -index,
                Ranks::Equal => 0,
            };
            *seat = Seat {
                owner: [7; 32],
                base_lots: -lots,
                quote_entry_atoms: lots * (LISTED + profit),
                realised_atoms: 12_345,
                swept_window_atoms: 1_234_567,
                swept_window_slot: slot - 5,
                ..*seat
            };
            added += lots;
        }
        state.seats.touched_count = state.seats.touched_count.max(u32::try_from(seats).unwrap_or(0));
        state.seats.used_count = state.seats.touched_count;
        state.open_interest_base_lots += added;
    })
}
