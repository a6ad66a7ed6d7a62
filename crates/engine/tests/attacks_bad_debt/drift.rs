//! Two colluding wallets, long and short at the most leverage there is, while the price drifts and somebody fair liquidates: every atom that
//! the loser loses the winner gains, but for what leaves the coalition on the way. It must leave.

use crate::rig::{limit, Rig, PRICE};
use taper_engine::quantity::Side;

const LONG: usize = 0;
const SHORT: usize = 1;
/// The coalition's liquidator and maker.
const THIRD: usize = 2;
const FAIR: usize = 3;
const OTHERS: usize = 4;
const COALITION: [usize; 3] = [LONG, SHORT, THIRD];
const LOTS: i64 = 90_000;

/// Insurance filled by others; the market has no grant.
fn world() -> Rig {
    let mut rig = Rig::new(1, 5);
    for who in [FAIR, OTHERS, THIRD] {
        rig.deposit(who, 1_000_000_000_000);
    }
    rig.donate(OTHERS, None, 1_000_000_000);
    rig
}

/// Opens both sides, each with just the initial margin (5%), a bond and the fee.
fn open(rig: &mut Rig) {
    let margin = LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000;
    rig.deposit(LONG, margin);
    rig.deposit(SHORT, margin);
    rig.trade(LONG, SHORT, 0, rig.price(0), LOTS).unwrap();
}

/// Who may liquidate, through whose orders.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The coalition calls, and earns the caller's part.
    own_caller: bool,
    /// The coalition's third account bids this far below the oracle, in bps: slippage stays in the coalition, and eats the penalty.
    own_bid_bps: Option<i64>,
    /// Slots of each step of the price.
    step_slots: u64,
    /// Fall of the price a step, in bps.
    step_bps: i64,
}

/// Lets the price fall by 12% in steps, liquidating at each. Returns what the coalition has in the end, less what it began with.
fn run(plan: Plan, windows: u32) -> i64 {
    let mut rig = world();
    let before = rig.worth(&COALITION);
    for _ in 0..windows {
        rig.set_price(0, PRICE);
        open(&mut rig);
        let mut price = PRICE;
        while price > PRICE * 88 / 100 {
            price -= PRICE * plan.step_bps / 10_000;
            rig.set_price(0, price);
            rig.slot += plan.step_slots;
            let (bidder, below) = match plan.own_bid_bps {
                Some(bps) => (THIRD, price * bps / 10_000),
                None => (FAIR, price / 1_000),
            };
            rig.cancel_all(bidder, 0);
            let bid = (price - below).div_euclid(100) * 100;
            rig.place(bidder, 0, limit(Side::Bid, bid, 10 * LOTS)).unwrap();
            rig.slot += 1;
            let caller = if plan.own_caller { THIRD } else { FAIR };
            while rig.liquidate(caller, LONG, 0).is_ok() {}
            // Where the coalition's book offers no fair price, whoever is fair takes the slice over, and keeps the clock running.
            rig.flag(LONG, 0);
            while rig.absorb(FAIR, LONG, 0).is_ok() {}
            // What others took of the long is bought back at the oracle, for the coalition to be hedged: it bets on nothing.
            rig.cancel_all(bidder, 0);
            let lacking = -COALITION.iter().map(|who| rig.base(*who, 0)).sum::<i64>();
            if lacking > 0 {
                rig.trade(THIRD, FAIR, 0, price / 100 * 100, lacking).unwrap();
            }
            rig.audit();
        }
        // The short is closed against the coalition's longs; all is taken home.
        for who in [LONG, THIRD] {
            let left = rig.base(who, 0);
            if left > 0 {
                rig.trade(SHORT, who, 0, price / 100 * 100, left).unwrap();
            }
        }
        assert_eq!(rig.base(SHORT, 0), 0);
        for who in [LONG, SHORT] {
            rig.touch(who);
            let _ = rig.release(who, 0);
            rig.withdraw_all(who);
        }
        rig.slot += 300_000;
    }
    rig.audit();
    rig.worth(&COALITION) - before
}

/// Insurance's part of penalties and the fees on both sides are lost whoever calls and whoever bids: a coalition that is its own liquidator and its
/// own maker loses less than one that is not, and loses all the same. Over three windows it loses three times as much.
#[test]
fn liquidating_ones_own_other_side_loses_money() {
    let mut best = i64::MIN;
    for own_caller in [false, true] {
        for own_bid_bps in [None, Some(10), Some(60), Some(120), Some(-90)] {
            for (step_slots, step_bps) in [(5, 25), (40, 50), (2, 100)] {
                let plan = Plan { own_caller, own_bid_bps, step_slots, step_bps };
                let once = run(plan, 1);
                assert!(once < 0, "{plan:?}: {once}");
                best = best.max(once);
            }
        }
    }
    let fees = LOTS * PRICE / 2_500;
    assert!(best <= -fees, "{best}");
    let plan = Plan { own_caller: true, own_bid_bps: Some(60), step_slots: 5, step_bps: 25 };
    assert!(run(plan, 3) < 2 * run(plan, 1));
}
