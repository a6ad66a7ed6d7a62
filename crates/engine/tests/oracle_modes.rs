//! The table of oracle modes: the page says what the code says, and every cell is walked by really doing the thing at a price of that
//! grade. An action that no walk knows does not compile.

#[path = "attacks/world.rs"]
#[allow(dead_code, reason = "shared with attacks.rs")]
mod world;

use bytemuck::allocation::zeroed_box;
use taper_engine::deficit::owed;
use taper_engine::episode::owner_acted;
use taper_engine::error::{EngineError, Result};
use taper_engine::funding::sample;
use taper_engine::liquidate::partial_liquidate;
use taper_engine::margin::{value_leg_for, LegTotals, Valuation};
use taper_engine::modes::{Action, TABLE};
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{force_cancel, place_order, CancelHealth, OrderContext, OrderRequest};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::resolve::{resolve_leg, OtherLegs, ResolveContext, ResolveLog};
use taper_engine::settlement::settle_market;
use taper_engine::sweep::settle_loss;
use world::{limit, owner, World, ALICE, CAROL, LONG, MAKER, PRICE};

const SPEC: &str = include_str!("../../../docs/spec.md");
const GRADES: [Grade; 3] = [Grade::Fresh, Grade::Degraded, Grade::Frozen];
/// Alice is below the soft stage at this price, and below the hard one at that.
const HARD: i64 = 95_400;
const BACKSTOP: i64 = 94_500;

/// How the page writes a cell. It says what a client sees: the program has a name of its own for a degraded price that is not enough.
fn written(grade: Grade, mode: Result<()>) -> String {
    match (grade, mode) {
        (_, Ok(())) => "allowed".into(),
        (Grade::Degraded, Err(EngineError::OracleStale)) => "`OracleDegraded`".into(),
        (_, Err(error)) => format!("`{error:?}`"),
    }
}

#[test]
fn the_table_of_the_specification_is_the_table_of_the_code() {
    let section = SPEC.split("\n### Modes\n").nth(1).expect("a section on modes");
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> =
        lines.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let expected: Vec<Vec<String>> = TABLE
        .iter()
        .map(|(action, modes)| {
            let cells = GRADES.iter().zip(modes).map(|(grade, mode)| written(*grade, *mode));
            std::iter::once(format!("`{action:?}`")).chain(cells).collect()
        })
        .collect();
    // The second column says in words at whose price.
    let found: Vec<Vec<&str>> = rows.iter().map(|row| [&row[..1], &row[2..]].concat()).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_cell_is_what_happens() {
    let mut walked = 0;
    for (action, modes) in TABLE {
        for (grade, mode) in GRADES.into_iter().zip(modes) {
            assert_eq!(action.require(grade), mode, "{action:?} {grade:?}");
            if let Some(happened) = attempt(action, grade) {
                assert_eq!(happened, mode, "{action:?} {grade:?}");
                walked += 1;
            }
        }
    }
    // All but the listing and a new oracle, which are the program's alone.
    assert_eq!(walked, 3 * (TABLE.len() - 2));
}

/// Does the thing at a price of that grade. `None` for what the engine has no part in.
fn attempt(action: Action, grade: Grade) -> Option<Result<()>> {
    Some(match action {
        Action::ListMarket | Action::ReplaceOracle => return None,
        Action::AddRisk => order(World::new(), grade, limit(Side::Bid, PRICE - 100, 10)),
        Action::Reduce => {
            let reduction = OrderRequest { reduce_only: true, ..limit(Side::Ask, PRICE + 100, 10) };
            order(World::with_position(Side::Bid, MAKER), grade, reduction)
        }
        Action::ForceCancel => cancel_by_force(grade),
        Action::StartSoftEpisode => World::with_unhealthy_long().flag(grade).map(drop),
        Action::StartLowerEpisode => alice_at(HARD).flag(grade).map(drop),
        Action::ObserveEpisode => {
            let mut world = World::with_unhealthy_long();
            world.flag(Grade::Fresh).unwrap();
            world.flag(grade).map(drop)
        }
        Action::ObserveStall => observe_stall(grade),
        Action::SliceSoft => slice(World::with_unhealthy_long(), grade, LegTotals::default()),
        Action::SliceLower => slice(alice_at(HARD), grade, LegTotals::default()),
        Action::Absorb => {
            let mut world = at(World::with_unhealthy_long(), grade);
            world.absorb(world.request()).map(drop)
        }
        Action::SettleLoss => settle(grade),
        Action::SampleFunding => {
            let mut world = at(World::new(), grade);
            sample(&mut world.market, &world.book, &world.price, world.slot).map(drop)
        }
        Action::Withdraw => withdraw(grade),
        Action::ObserveDeposit => deposit(grade),
        Action::BesideAddedRisk => other_leg(action, grade, Valuation::Initial).and_then(|others| {
            let mut world = World::new();
            let context = OrderContext { others_initial: Some(others), ..world.order_context(CAROL) };
            let (request, account) = (limit(Side::Bid, PRICE - 100, 10), &mut world.accounts[CAROL as usize]);
            let (market, book) = (&mut world.market, &mut world.book);
            place_order(market, book, account, CAROL, &request, &context, &mut world.log).map(drop)
        }),
        Action::BesideOthers => other_leg(action, grade, Valuation::Maintenance)
            .and_then(|others| slice(World::with_unhealthy_long(), Grade::Fresh, others)),
        // Alice has nothing left at 94,050.
        Action::ResolveBankrupt => resolve(93_950, 50, grade),
        Action::ResolveNearlyBankrupt => resolve(93_950, 150, grade),
        Action::TakeOver => resolve(94_300, 0, grade),
        Action::BesideTakeover => resolve_beside(94_300, 0, Grade::Fresh, open_leg(grade)),
        Action::SettleMarket => end(grade),
        Action::RecordDeficit => record(grade),
    })
}

/// The world at a price of that grade; a frozen or degraded one is otherwise the same.
fn at(mut world: World, grade: Grade) -> World {
    world.price.grade = grade;
    world
}

/// Alice, long, at this price.
fn alice_at(price: i64) -> World {
    let mut world = World::with_unhealthy_long();
    world.set_price(price);
    world
}

fn order(world: World, grade: Grade, request: OrderRequest) -> Result<()> {
    let posted = at(world, grade).place(ALICE, request)?.posted;
    assert_eq!(posted, request.lots);
    Ok(())
}

fn cancel_by_force(grade: Grade) -> Result<()> {
    let mut world = World::with_position(Side::Bid, MAKER);
    world.place(ALICE, limit(Side::Ask, PRICE + 100, 10)).unwrap();
    world.set_price(HARD);
    let account = &world.accounts[ALICE as usize];
    let (price, others) = (&world.price, LegTotals::default());
    let health = |valuation| {
        taper_engine::liquidate::account_health(&world.market, ALICE, account, price, others, valuation).unwrap()
    };
    let health = CancelHealth { favourable: health(Valuation::Favourable), with_orders: health(Valuation::WithOrders) };
    let (market, book) = (&mut world.market, &mut world.book);
    let cancelled = force_cancel(market, book, ALICE, grade, &health, 32, &mut world.log)?;
    assert_eq!(cancelled, 1);
    Ok(())
}

/// A flag at a degraded price passes without moving the clock.
fn observe_stall(grade: Grade) -> Result<()> {
    let mut world = alice_at(BACKSTOP);
    assert!((1..3_300).contains(&world.health_bps(ALICE)));
    world.flag(grade)?;
    if world.accounts[ALICE as usize].stalled_since_slot == 0 {
        return Err(EngineError::OracleStale);
    }
    Ok(())
}

/// A slice of Alice beside these other legs, with a bid for all of it.
fn slice(mut world: World, grade: Grade, others: LegTotals) -> Result<()> {
    let price = world.price.price.0 - world.price.price.0 % 100 - 100;
    world.place(MAKER, limit(Side::Bid, price, 2 * LONG)).unwrap();
    world.slot += 1;
    let mut world = at(world, grade);
    let (request, mut context) = (world.request(), world.context());
    (context.others, context.others_favourable) = (others, others);
    let account = &mut world.accounts[ALICE as usize];
    let (market, book) = (&mut world.market, &mut world.book);
    let summary = partial_liquidate(market, book, account, ALICE, &request, &context, &mut world.log)?;
    assert!(summary.lots.is_positive());
    Ok(())
}

/// Resolves Alice's only leg, at this price and confidence.
fn resolve(price: i64, confidence: i64, grade: Grade) -> Result<()> {
    resolve_beside(price, confidence, grade, OtherLegs::default())
}

/// A leg of one lot in another market, at a price of that grade.
fn open_leg(grade: Grade) -> OtherLegs {
    let World { market, price, slot, .. } = at(World::new(), grade);
    let mut seat = *market.seats.get(ALICE).unwrap();
    (seat.base_lots, seat.quote_entry_atoms) = (1, -PRICE);
    let mut others = OtherLegs::default();
    others.add(3, &market, &seat, &price, slot).unwrap();
    others
}

/// Resolves Alice's leg beside others, at this price and confidence.
fn resolve_beside(price: i64, confidence: i64, grade: Grade, others: OtherLegs) -> Result<()> {
    let mut world = at(alice_at(price), grade);
    world.price.confidence = Price(confidence);
    let context = ResolveContext {
        slot: world.slot,
        price: world.price,
        owner: owner(ALICE),
        position: 0,
        others,
        fund: QuoteAtoms::ZERO,
    };
    let (market, book, account) = (&mut world.market, &mut world.book, &mut world.accounts[ALICE as usize]);
    let mut moves: Box<ResolveLog> = zeroed_box();
    resolve_leg(market, book, account, ALICE, &context, &mut world.log, &mut moves)?;
    assert_eq!(world.seat(ALICE).base_lots, 0);
    Ok(())
}

/// Closes all positions of a market that is winding down.
fn end(grade: Grade) -> Result<()> {
    let mut world = at(World::with_position(Side::Bid, MAKER), grade);
    world.market.settle_after_slot = world.slot;
    let settlement = settle_market(&mut world.market, &mut world.book, Some(&world.price), world.slot)?;
    assert_eq!((settlement.lots, world.seat(ALICE).base_lots), (BaseLots(LONG), 0));
    Ok(())
}

fn settle(grade: Grade) -> Result<()> {
    let mut world = at(World::with_unhealthy_long(), grade);
    // A winner has been paid.
    world.market.net_swept_profit_atoms = 1_000;
    let account = &mut world.accounts[ALICE as usize];
    let settled = settle_loss(&mut world.market, ALICE, account, &world.price)?;
    assert_eq!(settled, QuoteAtoms(1_000));
    Ok(())
}

/// Alice's leg, in initial valuation, for an action.
fn initial_leg(world: &World, action: Action) -> Result<LegTotals> {
    let seat = world.seat(ALICE);
    value_leg_for(action, &world.market.params, seat, QuoteAtoms::ZERO, &world.price, Valuation::Initial)
}

fn withdraw(grade: Grade) -> Result<()> {
    let mut world = at(World::with_position(Side::Bid, MAKER), grade);
    let legs = initial_leg(&world, Action::Withdraw)?;
    world.accounts[ALICE as usize].withdraw(1, legs).map(drop)
}

fn record(grade: Grade) -> Result<()> {
    let world = at(alice_at(94_000), grade);
    let seat = world.seat(ALICE);
    let (params, valuation) = (&world.market.params, Valuation::Maintenance);
    let legs = value_leg_for(Action::RecordDeficit, params, seat, QuoteAtoms::ZERO, &world.price, valuation)?;
    let cash = QuoteAtoms(world.accounts[ALICE as usize].cash_atoms);
    assert_eq!(owed(legs, cash, QuoteAtoms::ZERO)?, QuoteAtoms(500_000));
    Ok(())
}

fn deposit(grade: Grade) -> Result<()> {
    let mut world = World::with_unhealthy_long();
    world.flag(Grade::Fresh).unwrap();
    let mut world = at(world, grade);
    let account = &mut world.accounts[ALICE as usize];
    account.credit(QuoteAtoms(1_000_000_000)).unwrap();
    let cash = QuoteAtoms(account.cash_atoms);
    let health = initial_leg(&world, Action::ObserveDeposit)?.with_cash(cash).unwrap();
    assert!(owner_acted(&mut world.accounts[ALICE as usize], &health, world.slot));
    Ok(())
}

/// A leg in another market, of 10 lots at a price of that grade.
fn other_leg(action: Action, grade: Grade, valuation: Valuation) -> Result<LegTotals> {
    let market = World::new().market;
    let mut seat = *market.seats.get(ALICE).unwrap();
    seat.base_lots = 10;
    seat.quote_entry_atoms = -10 * PRICE;
    let price =
        OraclePrice { price: Price(PRICE), confidence: Price(0), ema: Price(PRICE), publish_time_seconds: 1, grade };
    let value = value_leg_for(action, &market.params, &seat, QuoteAtoms::ZERO, &price, valuation)?;
    assert_eq!(seat.base(), BaseLots(10));
    Ok(value)
}
