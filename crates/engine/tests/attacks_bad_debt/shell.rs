//! Orders that outlive their margin. A wallet rests orders, loses in another market, to a friend, what stood behind them, and closes there: it has
//! no position, so no maintenance requirement, and is healthy. Whoever meets its orders then, at the edge of the maker band, has a counterparty
//! that cannot pay. No price has to jump for it.

use crate::rig::{limit, taking, Rig, PRICE, TICK};
use crate::search::{tell, Search, LONG_RUN, SHORT_RUN};
use std::ops::RangeInclusive;
use taper_engine::error::EngineError;
use taper_engine::quantity::Side;

const SHELL: usize = 0;
const COALITION: [usize; 3] = [SHELL, 1, 2];
/// Bids for what is sliced, and watches.
const FAIR: usize = 3;
/// Honest: short and long, before the price fell.
const BEAR: usize = 4;
const BULL: usize = 5;
const HERE: usize = 0;
const THERE: usize = 1;
const LOTS: i64 = 90_000;
const FUND: i64 = 1_000_000_000;

/// The shell can pay the initial margin of two positions, their bonds and the fees of one.
fn world() -> Rig {
    let mut rig = Rig::new(2, 6);
    for who in 1..6 {
        rig.deposit(who, 1_000_000_000_000);
    }
    rig.donate(FAIR, None, FUND);
    rig.trade(BULL, BEAR, HERE, PRICE, 2 * LOTS).unwrap();
    rig.deposit(SHELL, 2 * LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 2_000_000);
    rig
}

/// What strangers do after every price: cancel, slice, resolve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// All that they may.
    Orders,
    /// As they could before there was a valuation with orders: they cancel only what an unhealthy account rests.
    Unhealthy,
}

fn watch(rig: &mut Rig, watch: Watch) {
    for who in COALITION {
        for venue in [HERE, THERE] {
            if watch == Watch::Orders || rig.health_bps(who) < 10_000 {
                let _ = rig.force_cancel(who, venue);
            }
            let (price, lots) = (rig.price(venue), rig.base(who, venue));
            let side = if lots > 0 { Side::Bid } else { Side::Ask };
            let off = if lots > 0 { -TICK } else { TICK };
            if lots != 0 && rig.health_bps(who) < 10_000 {
                let _ = rig.place(FAIR, venue, limit(side, price / TICK * TICK + off, lots.abs()));
                let _ = rig.liquidate(FAIR, who, venue);
                rig.cancel_all(FAIR, venue);
            }
        }
        if rig.health_bps(who) < 2_000 {
            rig.resolve_all(who);
        }
    }
}

/// Both prices are new, and strangers look for 100 slots.
fn move_to(rig: &mut Rig, price: i64, watching: Watch) {
    rig.set_price(HERE, price);
    rig.set_price(THERE, price);
    let end = rig.slot + 100;
    while rig.slot < end {
        rig.slot += 5;
        watch(rig, watching);
        if COALITION.iter().all(|who| rig.health_bps(*who) >= 10_000) {
            rig.slot = end;
        }
    }
}

/// Half a percent at a time, as fast as the stress that the parameters are made for.
fn drift(rig: &mut Rig, ticks: i64, watching: Watch) {
    for _ in 0..ticks.abs() {
        let price = rig.price(HERE);
        move_to(rig, price + ticks.signum() * price / 200, watching);
    }
}

/// What is rested, lost, closed and met, in this order; every step that is refused changes nothing. Side; lots and distance of the order, in half
/// percents; lots of the position, as fewer than the margin is for; how far the price goes, how far once the position is closed, in half percents; price at which a friend closes, in thousandths off
/// the oracle price. Twice in between: a trade of the shell's with a friend.
const NUMBERS: usize = 7;
const BETWEEN: usize = 4;

fn ranges() -> Vec<RangeInclusive<i64>> {
    let plan = [0..=1, 1..=2 * LOTS, 0..=24, 0..=LOTS / 8, 0..=24, 0..=5, -20..=20];
    let trade = [0..=1, 0..=1, 1..=LOTS, -20..=20];
    [&plan[..], &trade, &trade].concat()
}

fn off(rig: &Rig, venue: usize, thousandths: i64) -> i64 {
    (rig.price(venue) * (1_000 + thousandths) / 1_000 + TICK / 2) / TICK * TICK
}

fn between(rig: &mut Rig, trade: &[i64]) {
    let venue = usize::try_from(trade[1]).unwrap();
    let side = [Side::Bid, Side::Ask][usize::try_from(trade[0]).unwrap()];
    let price = off(rig, venue, trade[3]);
    let _ = rig.take(SHELL, side, 1, venue, price, trade[2]);
}

/// The deepest debt of a wallet: what others would have to bear. (What the coalition has at the end says less: strangers who have taken over
/// positions have won or lost by the price.)
fn run(world: &Rig, plan: &[i64], watching: Watch) -> i64 {
    let mut rig = world.clone();
    let (plan, trades) = plan.split_at(NUMBERS);
    let mut trades = trades.chunks_exact(BETWEEN);
    // The order and the position are on one side, and the price goes against both.
    let (side, away) = if plan[0] == 0 { (Side::Bid, -1) } else { (Side::Ask, 1) };
    let rested = off(&rig, HERE, away * plan[2] * 5);
    let _ = rig.place(SHELL, HERE, limit(side, rested, plan[1]));
    let _ = rig.take(SHELL, side, 1, THERE, PRICE, 2 * LOTS - plan[1] - plan[3]);
    between(&mut rig, trades.next().unwrap());
    drift(&mut rig, away * plan[4], watching);
    let _ = rig.take(1, side, SHELL, THERE, off(&rig, THERE, plan[6]), rig.base(SHELL, THERE).abs());
    between(&mut rig, trades.next().unwrap());
    drift(&mut rig, away * plan[5], watching);
    // Whoever is first at a new price need not wait for those who watch.
    let price = rig.price(HERE);
    rig.set_price(HERE, price + away * price / 200);
    let debt_of = |rig: &Rig| COALITION.iter().map(|who| -rig.equity(*who)).max().unwrap();
    let _ = rig.place(2, HERE, taking(side.opposite(), off(&rig, HERE, away * 20), plan[1]));
    let debt = debt_of(&rig);
    rig.resolve_all(SHELL);
    rig.audit();
    debt
}

/// No wallet ever owes; and the same search finds one that does if strangers could not cancel in time.
fn search(tries: u32) {
    let world = world();
    let careless = Search::new(ranges(), 41).best(tries, |plan| (run(&world, plan, Watch::Unhealthy), ()));
    tell("orders without margin, not cancelled", &careless, 0);
    assert!(careless.profit > 50_000_000, "a weak search: {}", careless.profit);
    let found = Search::new(ranges(), 41).best(tries, |plan| {
        let debt = run(&world, plan, Watch::Orders);
        assert!(debt <= 0, "{debt}: {plan:?}");
        (debt, ())
    });
    tell("orders without margin", &found, 0);
}

#[test]
fn orders_do_not_outlive_their_margin() {
    search(SHORT_RUN);
}

#[test]
#[ignore = "a minute: cargo test --release -p taper-engine --test attacks_bad_debt -- --ignored longer --nocapture"]
fn longer_orders_do_not_outlive_their_margin() {
    search(LONG_RUN / 5);
}

/// The attack, step by step: 7% of a fall, not watched, is enough.
fn shell(watching: Watch) -> (Rig, i64) {
    let mut rig = world();
    let bid = PRICE * 93 / 100;
    let before = rig.worth(&COALITION);
    rig.place(SHELL, HERE, limit(Side::Bid, bid, LOTS)).unwrap();
    rig.trade(SHELL, 1, THERE, PRICE, LOTS).unwrap();
    while rig.price(HERE) > bid {
        let price = (rig.price(HERE) - PRICE / 200).max(bid);
        move_to(&mut rig, price, watching);
    }
    (rig, before)
}

#[test]
fn whoever_has_lost_what_stood_behind_an_order_has_it_cancelled() {
    // Without: it closes at the edge of the band, its order is met at the edge, and an honest short bears what it cannot pay.
    let (mut rig, before) = shell(Watch::Unhealthy);
    assert!((10_000..11_000).contains(&rig.health_bps(SHELL)), "{}", rig.health_bps(SHELL));
    let bid = rig.price(HERE);
    rig.trade(1, SHELL, THERE, (bid * 98 / 100 / TICK + 1) * TICK, LOTS).unwrap();
    assert!(rig.equity(SHELL) > 0 && rig.health_bps(SHELL) == i64::MAX);
    rig.set_price(HERE, bid * 10_000 / 10_200 + 1);
    let honest = rig.worth(&[BEAR]);
    rig.place(2, HERE, taking(Side::Ask, bid, LOTS)).unwrap();
    assert!(rig.equity(SHELL) < -40_000_000, "{}", rig.equity(SHELL));
    rig.resolve_all(SHELL);
    let (won, lost) = (rig.worth(&COALITION) - before, honest - rig.worth(&[BEAR]) + FUND - rig.fund);
    assert!(won > 30_000_000 && lost > 40_000_000, "{won} {lost}");

    // With: the order is gone before the shell is unhealthy, and only the order.
    let (rig, _) = shell(Watch::Orders);
    assert_eq!(rig.seat(SHELL, HERE).bid_count, 0);
    assert_eq!(rig.base(SHELL, THERE), LOTS);
    assert!(rig.health_bps(SHELL) >= 10_000);
}

/// Its own counterparty's cancels: a sound account's orders stay, and so do those that reduce.
#[test]
fn strangers_cancel_only_what_adds() {
    let mut rig = world();
    rig.place(SHELL, HERE, limit(Side::Bid, PRICE * 93 / 100, LOTS)).unwrap();
    assert_eq!(rig.force_cancel(SHELL, HERE), Err(EngineError::ForceCancelHealthy));
    rig.trade(SHELL, 1, THERE, PRICE, LOTS).unwrap();
    rig.place(SHELL, THERE, limit(Side::Ask, PRICE * 105 / 100, LOTS)).unwrap();
    rig.set_price(THERE, PRICE * 94 / 100);
    // Below 1 with the order filled, above without: 3% of both positions, at the prices of now.
    assert!(rig.health_bps(SHELL) > 10_000);
    assert_eq!(rig.force_cancel(SHELL, THERE), Err(EngineError::ForceCancelHealthy), "it only reduces");
    assert_eq!(rig.force_cancel(SHELL, HERE), Ok(1));
    assert_eq!(rig.seat(SHELL, THERE).ask_count, 1);
    // Unhealthy: everything goes.
    rig.set_price(THERE, PRICE * 92 / 100);
    assert!(rig.health_bps(SHELL) < 10_000);
    assert_eq!(rig.force_cancel(SHELL, THERE), Ok(1));
    rig.audit();
}
