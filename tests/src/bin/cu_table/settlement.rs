//! The end of a market: every seat of a full table is closed in one call.

use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::state::{Market, OrderBook, ProposalAction};
use taper_engine::book::ORDERS_PER_SIDE;
use taper_engine::seat::SEATS;
use taper_harness::{Checks, Result, World};
use taper_sdk::instruction;

use crate::scenes::{Rows, LISTED};

/// A full table in which no seat's result fits plain arithmetic. No trading leads there: a seat would need a result of 2^60 atoms, 16 times what an
/// account can have. The limit says that even then settlement does not come near the 1,400,000 units that a transaction may ask for.
const BEYOND_PLAIN_LIMIT: u64 = 360_000;

/// Everything that is measured here.
pub async fn measure(rows: &mut Rows) -> Result<()> {
    let mut world = winding_down().await?;
    full_table(&mut world, |_, _| {})?;
    rows.call("settle_market, full table, full book", 200_000, &world.settle_market(0).await?)?;
    let mut world = winding_down().await?;
    full_table(&mut world, |market, index| {
        // Beyond what plain arithmetic holds.
        let seat = &mut market.state.seats.rows[index];
        seat.realised_atoms = if index % 2 == 0 { 1 << 60 } else { -(1 << 60) };
    })?;
    rows.call(
        "settle_market, full table, every seat beyond plain arithmetic",
        BEYOND_PLAIN_LIMIT,
        &world.settle_market(0).await?,
    )?;

    let mut world = winding_down().await?;
    world.cancel_all("maker", 0).await?;
    rows.call("settle_market, nothing open", None, &world.settle_market(0).await?)?;
    world.release("maker", 0).await?;
    let recipient = world.trader("carol").key();
    rows.call("close_market", None, &world.close_market(0, recipient).await?)
}

/// The usual world, its market ready to be settled.
async fn winding_down() -> Result<World> {
    let mut world = World::new().await?;
    let (admin, exchange, market) = (world.venue.admin.clone(), world.venue.keys.exchange, market(&world)?);
    let propose = instruction::propose(admin.pubkey(), exchange, Some(market), 0, ProposalAction::WindDown);
    let apply = instruction::apply_proposal(exchange, 0, Some(market), None);
    world.chain.send(&[propose, apply], &[&admin]).await?;
    Ok(world)
}

fn market(world: &World) -> Result<Pubkey> {
    Ok(world.market(0)?.keys.market)
}

/// Forges positions with orders and unsettled funding and losses in every seat, then `change`.
fn full_table(world: &mut World, change: impl Fn(&mut Market, usize)) -> Result<()> {
    // Owners without accounts: nothing that an auditor would accept.
    world.chain.set_checks(Checks { audit_every: 0 });
    let keys = world.market(0)?.keys;
    world.chain.forge(&keys.market, |market: &mut Market| {
        let state = &mut market.state;
        state.seats.used_count = SEATS as u32;
        state.seats.touched_count = SEATS as u32;
        state.charges.funding_index_scaled = 987_654_321;
        state.charges.loss_index_scaled = 123_456_789;
        state.open_interest_base_lots = 0;
        for index in 0..SEATS {
            let lots = 100 + (index as i64 / 2 * 7_919) % 40_009;
            let base = if index % 2 == 0 { lots } else { -lots };
            let seat = &mut market.state.seats.rows[index];
            let number = (index as u64 + 1).to_le_bytes();
            seat.owner[..8].copy_from_slice(&number);
            (seat.base_lots, seat.quote_entry_atoms) = (base, -base * (LISTED - index as i64));
            seat.realised_atoms = index as i64 * 1_003 - 999_999;
            seat.funding_checkpoint_scaled = index as i64 * 12_345;
            seat.loss_checkpoint_scaled = index as i64 * 54;
            (seat.bid_count, seat.ask_count, seat.bid_lots, seat.ask_lots) = (1, 1, 5, 5);
            (seat.bid_quote_atoms, seat.ask_quote_atoms) = (5 * LISTED, 5 * LISTED);
            (seat.bid_price_max_atoms_per_lot, seat.ask_price_min_atoms_per_lot) = (LISTED, LISTED + 100);
            market.state.open_interest_base_lots += base.max(0);
            change(market, index);
        }
    })?;
    world.chain.forge(&keys.order_book, |book: &mut OrderBook| {
        (book.book.bid_count, book.book.ask_count) = (ORDERS_PER_SIDE as u32, ORDERS_PER_SIDE as u32);
    })
}
