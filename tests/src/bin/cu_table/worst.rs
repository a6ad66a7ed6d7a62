//! Worst cases: full books, full tables of seats.

use taper::instructions::PlaceOrderArgs;
use taper_engine::book::ORDERS_PER_SIDE;
use taper_engine::quantity::Side;
use taper_engine::seat::ORDERS_PER_SEAT;
use taper_harness::{order, Checks, Result, World};

use crate::scenes::{Rows, LISTED, TOKEN};

/// Everything that is measured here.
pub async fn measure(rows: &mut Rows) -> Result<()> {
    funding(rows).await
}

/// A sample that walks both sides of a full book to their ends.
async fn funding(rows: &mut Rows) -> Result<()> {
    let mut world = World::with_markets(1).await?;
    rows.call("update_funding", None, &world.update_funding(0).await?)?;
    world.cancel_all("maker", 0).await?;
    // The last order of a side completes the depth that is looked for.
    let orders = i64::try_from(ORDERS_PER_SIDE).unwrap_or(i64::MAX);
    let lots = world.market(0)?.params.funding_impact_base_lots / (orders - 1);
    world.chain.set_checks(Checks { audit_every: 200 });
    let makers = ORDERS_PER_SIDE * 2 / usize::from(ORDERS_PER_SEAT);
    for maker in 0..makers {
        let side = if maker % 2 == 0 { Side::Bid } else { Side::Ask };
        let away = if side == Side::Bid { -500 } else { 500 };
        let name = format!("maker {maker}");
        world.add_trader(&name, 2_000 * TOKEN, 1_000 * TOKEN).await?;
        let args = PlaceOrderArgs { kind: 1, ..order(side, LISTED + away, lots) };
        world.place_many(&name, 0, args, ORDERS_PER_SEAT.into()).await?;
    }
    world.pass(200)?;
    rows.call("update_funding, full book", 200_000, &world.update_funding(0).await?)
}
