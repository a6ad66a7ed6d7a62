//! A candle of −40% on chain: a third of the accounts are bankrupt in it. Who pays, from events and from accounts.

use std::collections::BTreeMap;

use taper::error::TaperError;
use taper::events::LegResolved;
use taper_engine::quantity::Side;
use taper_harness::{ExpectRefusal, MarketSpec, PriceSource, World};

use crate::support::*;

const AFTER: i64 = 900_000;
const THIN: usize = 16;
const SOLID: usize = 10;
const SHORTS: usize = 22;
const LOTS: i64 = 3_000;

fn name(index: usize) -> String {
    match index {
        0..THIN => format!("thin {index}"),
        THIN.. if index < THIN + SOLID => format!("solid {index}"),
        _ => format!("short {index}"),
    }
}

/// Forty-eight accounts in two markets: thin longs with 8% to 15% of margin, some of them in both; longs and shorts that own what they hold.
async fn crowd() -> World {
    let mut world = World::empty().await.unwrap();
    world.add_trader("rich", 100_000_000 * TOKEN, 50_000_000 * TOKEN).await.unwrap();
    for market in 0..2 {
        let source = if market == 0 { PriceSource::Push } else { PriceSource::Pull };
        let mut spec = MarketSpec::sol(&format!("JUMP-{market}"), source).unwrap();
        spec.params.insurance_draw_cap_atoms = 40_000 * TOKEN as i64;
        world.add_market(&spec).await.unwrap();
        world.donate("rich", Some(market), 6_000 * TOKEN).await.unwrap();
    }
    for index in 0..THIN + SOLID + SHORTS {
        // What a position costs: 3,000 lots of 1.5 dollars.
        let cost = u64::try_from(LOTS * LISTED).unwrap();
        let margin = match index {
            0..THIN => cost / 100 * (8 + index as u64 % 8) * (1 + u64::from(index % 4 == 0)),
            _ => 4 * cost,
        };
        world.add_trader(&name(index), 10 * cost, margin + 10 * TOKEN).await.unwrap();
    }
    for long in 0..THIN + SOLID {
        for market in 0..2 {
            let both = long % 4 == 0;
            if !both && long % 2 != market {
                continue;
            }
            let price = LISTED + (long as i64 % 5 - 2) * 5_000;
            let short = name(THIN + SOLID + (long * 7 + market) % SHORTS);
            trade(&mut world, &name(long), Side::Bid, &short, market, price, LOTS - 100 * (long as i64 % 3)).await;
        }
    }
    world.pass(10).unwrap();
    world
}

/// Equity with bonds.
fn claim(world: &World, name: &str) -> i64 {
    let bonds: u64 = (0..2).filter_map(|market| world.seat(name, market).unwrap()).map(|seat| seat.bond_atoms).sum();
    world.health(name).unwrap().maintenance.equity.0 + i64::try_from(bonds).unwrap()
}

#[derive(Default)]
struct Paid {
    calls: usize,
    insurance: i64,
    deleveraged: i64,
    socialised: i64,
    unassigned: i64,
    /// By account: charged for others.
    charged: BTreeMap<String, i64>,
}

/// Resolves one leg to its end. Every deleveraged seat is checked against the rows before: best profit per lot first, at most its profit.
async fn resolve(world: &mut World, who: &str, market: usize, paid: &mut Paid) {
    let rows = world.market_account(market).unwrap().state.seats.rows.to_vec();
    let base = world.base(who, market).unwrap();
    let calls = world.resolve_leg(who, market).await.unwrap();
    let mut lowest = i128::MAX;
    for call in &calls {
        let report = call.plan.report;
        assert!(report.base_lots_left == 0 || call.plan.counterparties.len() == 16);
        paid.calls += 1;
        paid.insurance += report.insurance_from_market_atoms + report.insurance_from_fund_atoms;
        paid.deleveraged += report.deleveraged_atoms;
        paid.socialised += report.socialised_atoms;
        paid.unassigned += report.unassigned_atoms;
        if world.chain.is_vm() {
            let event = call.outcome.event::<LegResolved>().unwrap();
            assert_eq!(event.counterparties, call.plan.counterparties);
        }
        for row in &call.plan.counterparties {
            let seat = &rows[row.seat_index as usize];
            assert_eq!(seat.base_lots.signum(), -base.signum());
            let profit = seat.base_lots * AFTER + seat.quote_entry_atoms;
            assert!(row.charged_atoms <= (profit.max(0) / seat.base_lots.abs() + 1) * row.base_lots);
            // In thousandths of an atom a lot.
            let all = profit + seat.realised_atoms + seat.swept_window_atoms;
            let rank = i128::from(all) * 1_000 / i128::from(seat.base_lots.abs());
            assert!(rank <= lowest.saturating_add(10), "{rank} after {lowest}");
            lowest = rank;
            let owner = world.traders().find(|trader| seat.is_owned_by(&trader.margin.to_bytes())).unwrap();
            *paid.charged.entry(owner.name.clone()).or_default() += row.charged_atoms;
        }
    }
}

#[tokio::test]
async fn a_third_of_the_accounts_goes_bankrupt_in_one_candle() {
    let mut world = crowd().await;
    for market in 0..2 {
        world.set_price(market, AFTER).unwrap();
    }
    let everybody: Vec<String> = (0..THIN + SOLID + SHORTS).map(name).collect();
    let claims: BTreeMap<_, _> = everybody.iter().map(|who| (who.clone(), claim(&world, who))).collect();
    let bankrupt: Vec<_> = everybody.iter().filter(|who| claims[*who] <= 0).cloned().collect();
    assert_eq!(bankrupt.len(), THIN);
    // Nobody has taken anything out yet: the vault lacks nothing, and the gate stands open.
    for who in &bankrupt {
        world.record_deficit(who).await.expect_error(TaperError::NothingToRecord);
    }

    let mut paid = Paid::default();
    // Legs in turn, from the last account to the first, the second market before the first.
    for market in [1, 0] {
        for who in bankrupt.iter().rev() {
            if world.base(who, market).unwrap() != 0 {
                resolve(&mut world, who, market, &mut paid).await;
            }
        }
    }
    for who in &bankrupt {
        for market in 0..2 {
            if world.seat(who, market).unwrap().is_some() {
                resolve(&mut world, who, market, &mut paid).await;
            }
        }
        assert_eq!(world.account(who).unwrap().used_positions().count(), 0, "{who}");
        assert_eq!(world.cash(who).unwrap(), 0);
    }
    let owed: i64 = claims.values().map(|claim| (-claim).max(0)).sum();
    println!(
        "{} of {} accounts owe {owed} atoms after the candle; {} calls. Insurance {}, deleveraged {}, socialised {}, unassigned {}",
        bankrupt.len(), everybody.len(), paid.calls, paid.insurance, paid.deleveraged, paid.socialised, paid.unassigned
    );
    for (who, charged) in paid.charged.iter().filter(|(_, charged)| **charged > 0) {
        println!("  {who}: {charged} of {}", claims[who]);
    }
    // Every atom is accounted for, and nothing was shared: the winners could bear it.
    assert_eq!(owed, paid.insurance + paid.deleveraged + paid.socialised + paid.unassigned);
    assert_eq!((paid.socialised, paid.unassigned), (0, 0));
    assert!(paid.insurance > 0 && paid.deleveraged > 0);
    for who in everybody.iter().filter(|who| claims[*who] > 0) {
        let charged = paid.charged.get(who).copied().unwrap_or(0);
        assert_eq!(claim(&world, who), claims[who] - charged, "{who}");
    }
    everybody_leaves(&mut world, &everybody).await;
}

/// All close at the oracle and take out all they have. The vault keeps what is the exchange's.
async fn everybody_leaves(world: &mut World, everybody: &[String]) {
    world.pass(2).unwrap();
    for who in everybody {
        for market in 0..2 {
            let base = world.base(who, market).unwrap();
            if base != 0 {
                let side = if base > 0 { Side::Ask } else { Side::Bid };
                trade(world, who, side, "rich", market, AFTER, base.abs()).await;
            }
            if world.seat(who, market).unwrap().is_some() {
                world.release(who, market).await.unwrap();
            }
        }
        let cash = u64::try_from(world.cash(who).unwrap()).unwrap();
        if cash > 0 {
            world.withdraw(who, cash).await.unwrap();
        }
    }
    for market in 0..2 {
        world.release("rich", market).await.unwrap();
        world.sweep_income(market).await.unwrap();
        assert_eq!(world.market_account(market).unwrap().state.seats.used_count, 0);
    }
    let left = u64::try_from(world.cash("rich").unwrap()).unwrap();
    world.withdraw("rich", left).await.unwrap();
    let exchange = world.exchange().unwrap();
    let (fees, insurance) = (exchange.fees_atoms, exchange.insurance_atoms);
    let audit = world.chain.audit().unwrap();
    assert_eq!(audit.exchanges[&world.venue.keys.exchange].vault, i128::from(fees + insurance));
}
