//! The insurance fund: `donate_insurance`, what markets draw and how fast, and what two wallets can make of it.

mod donations;
mod draws;
mod two_wallets;

use taper::state::{Exchange, Market};
use taper_engine::market::MarketState;
use taper_engine::quantity::Side;
use taper_harness::{MarketSpec, PriceSource, World};

use crate::support::*;

const USD: i64 = TOKEN as i64;
/// 130 dollars.
const LOW: i64 = 1_300_000;
/// What a market may draw in [`WINDOW`] slots.
const CAP: i64 = 100 * USD;
const WINDOW: u64 = 1_000;

/// Two markets that may each draw [`CAP`] in a window of [`WINDOW`] slots. In each of them, and against one rich short, four debtors went long
/// and lack some 400 dollars each after a fall. Nobody has donated yet.
async fn debts() -> World {
    let mut world = World::empty().await.unwrap();
    world.add_trader("donor", 10_000 * TOKEN, 0).await.unwrap();
    world.add_trader("rich", 100_000 * TOKEN, 50_000 * TOKEN).await.unwrap();
    for market in 0..2 {
        let mut spec = MarketSpec::sol(&format!("DEBT-{market}"), PriceSource::Push).unwrap();
        spec.params.insurance_draw_cap_atoms = CAP;
        spec.params.insurance_window_slots = u32::try_from(WINDOW).unwrap();
        world.add_market(&spec).await.unwrap();
        for index in 0..4 {
            let name = debtor(market, index);
            world.add_trader(&name, 1_000 * TOKEN, 400 * TOKEN).await.unwrap();
            trade(&mut world, &name, Side::Bid, "rich", market, LISTED, 4_000).await;
        }
    }
    world.pass(10).unwrap();
    for market in 0..2 {
        world.set_price(market, LOW).unwrap();
    }
    world
}

fn debtor(market: usize, index: usize) -> String {
    format!("debtor {market} {index}")
}

/// Resolves a debtor. Returns what insurance paid, out of the market's income and out of the fund.
async fn drawn_for(world: &mut World, market: usize, index: usize) -> (i64, i64) {
    let name = debtor(market, index);
    let lacking = -world.health(&name).unwrap().maintenance.equity.0 - USD;
    let report = world.resolve(&name, market).await.unwrap().plan.report;
    let (from_market, from_fund) = (report.insurance_from_market_atoms, report.insurance_from_fund_atoms);
    assert_eq!(from_market + from_fund + report.deleveraged_atoms, lacking, "{report:?}");
    (from_market, from_fund)
}

fn market_state(world: &World, market: usize) -> &MarketState {
    let market: &Market = world.market_account(market).unwrap();
    &market.state
}

/// What the exchange has: in the fund, ever donated, ever drawn from it.
fn fund(world: &World) -> (i64, i64, i64) {
    let exchange: &Exchange = world.exchange().unwrap();
    (exchange.insurance_atoms, exchange.insurance_donated_atoms, exchange.insurance_drawn_atoms)
}
