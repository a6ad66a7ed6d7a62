//! Loss settlement as a weapon: cash is margin for new positions, paper profit is not. Whoever can turn one into the other against its
//! owner's will has taken something from it.

use crate::rig::{limit, Rig, PRICE};
use proptest::prelude::*;
use taper_engine::error::EngineError;
use taper_engine::quantity::Side;

const TRADER: usize = 0;
const MAKER: usize = 1;
const WINNER: usize = 2;
const LOSER: usize = 3;
const THIRD: usize = 4;
const LOTS: i64 = 10_000;

/// A trader is long 10,000 lots from an honest maker. Three accounts of a stranger are rich.
fn world() -> Rig {
    let mut rig = Rig::new(1, 5);
    for who in 0..5 {
        rig.deposit(who, 1_000_000_000_000);
    }
    rig.trade(TRADER, MAKER, 0, PRICE, LOTS).unwrap();
    rig.touch(TRADER);
    rig
}

/// Ten swings down and back up. At each bottom somebody settles the trader's loss, so that its cash becomes paper profit when the price is
/// back. As long as nobody has taken profit out of the market, nothing can be settled, and nothing becomes paper.
#[test]
fn swings_alone_turn_no_cash_into_paper() {
    let mut rig = world();
    let cash = rig.cash(TRADER);
    for _ in 0..10 {
        rig.slot += 100;
        rig.set_price(0, 80_000);
        assert_eq!(rig.settle_loss(TRADER, 0), Err(EngineError::NothingToSettle));
        rig.set_price(0, PRICE);
        assert_eq!(rig.settle_loss(MAKER, 0), Err(EngineError::NothingToSettle));
    }
    assert_eq!(rig.cash(TRADER), cash);
    rig.audit();
}

/// A stranger that does take profit out (its other account has lost as much, and keeps it as an open loss) can have the trader pay ahead
/// by exactly as much. The trader's equity is what it was, and the loser's cash, held by the loser's own margin, stays there to pay it back.
#[test]
fn a_strangers_withdrawal_is_all_that_it_can_turn_into_paper() {
    let mut rig = world();
    let lots = 3_000;
    rig.trade(LOSER, WINNER, 0, PRICE, lots).unwrap();
    rig.set_price(0, 80_000);
    // The winner closes against a third account, and takes the profit out.
    rig.trade(WINNER, THIRD, 0, 80_000, lots).unwrap();
    rig.touch(WINNER);
    let taken_out = rig.venues[0].market.net_swept_profit_atoms;
    assert!(taken_out > 0 && taken_out <= lots * 20_000);
    let (cash, equity) = (rig.cash(TRADER), rig.equity(TRADER));
    assert_eq!(rig.settle_loss(TRADER, 0).map(|moved| moved.0), Ok(taken_out));
    assert_eq!(rig.settle_loss(TRADER, 0), Err(EngineError::NothingToSettle));
    assert_eq!((rig.cash(TRADER), rig.equity(TRADER)), (cash - taken_out, equity));
    // Back at its entry, the trader has the rest as paper profit. It closes, and has its cash again.
    rig.set_price(0, PRICE);
    rig.trade(MAKER, TRADER, 0, PRICE, LOTS).unwrap();
    rig.touch(TRADER);
    let fees = 2 * LOTS * PRICE * 500 / 1_000_000;
    assert!(rig.cash(TRADER) + rig.bonds(TRADER) >= 1_000_000_000_000 - fees);
    rig.audit();
}

#[derive(Clone, Debug)]
enum Step {
    Price(i64),
    Trade { buyer: usize, seller: usize, lots: i64 },
    Touch(usize),
    Settle(usize),
    Withdraw(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (70i64..130).prop_map(|percent| Step::Price(percent * 1_000)),
        3 => (2usize..5, 2usize..5, 1i64..8_000).prop_map(|(buyer, seller, lots)| Step::Trade { buyer, seller, lots }),
        2 => (2usize..5).prop_map(Step::Touch),
        4 => prop_oneof![2 => Just(TRADER), 1 => 1usize..5].prop_map(Step::Settle),
        1 => (2usize..5).prop_map(Step::Withdraw),
    ]
}

/// The sum of what wallets, cash and seats of the strangers have gained in cash by sweeping this market: profits moved less losses moved.
fn attack(steps: Vec<Step>) {
    let mut rig = world();
    let started = rig.cash(TRADER);
    let mut settled = 0;
    for step in steps {
        rig.slot += 7;
        match step {
            Step::Price(price) => rig.set_price(0, price),
            Step::Trade { buyer, seller, lots } if buyer != seller => {
                let _ = rig.trade(buyer, seller, 0, rig.price(0), lots);
            }
            Step::Trade { .. } => {}
            Step::Touch(who) => rig.touch(who),
            Step::Withdraw(who) => {
                rig.withdraw_all(who);
            }
            Step::Settle(who) => {
                rig.touch(who);
                let (taken_out, equity) = (rig.venues[0].market.net_swept_profit_atoms, rig.equity(who));
                let moved = rig.settle_loss(who, 0).map_or(0, |moved| moved.0);
                assert!(moved <= taken_out.max(0));
                assert_eq!(rig.equity(who), equity);
                if who == TRADER {
                    settled += moved;
                }
            }
        }
        // What has become paper is what the others have taken out and not paid in: never more than the cap at a time.
        let others: i64 =
            (1..5).map(|who| rig.seat(who, 0)).map(|seat| seat.realised_atoms + seat.quote_entry_atoms).sum();
        let own = rig.seat(TRADER, 0);
        let pool = others + own.realised_atoms + own.quote_entry_atoms + rig.venues[0].market.fees_atoms;
        assert_eq!(pool, -rig.venues[0].market.net_swept_profit_atoms);
        rig.audit();
    }
    // The price is back. Losers are settled by anybody, the trader closes and has its money: nothing of it stays paper.
    rig.set_price(0, PRICE);
    if rig.trade(MAKER, TRADER, 0, PRICE, LOTS).is_err() {
        return;
    }
    for _ in 0..8 {
        for who in 1..5 {
            let _ = rig.settle_loss(who, 0);
        }
        rig.touch(TRADER);
    }
    let fee = LOTS * PRICE * 500 / 1_000_000;
    assert!(
        settled == 0 || rig.seat(TRADER, 0).realised_atoms == 0,
        "paid back {}",
        rig.seat(TRADER, 0).realised_atoms
    );
    assert!(rig.cash(TRADER) >= started - fee, "{} of {started}", rig.cash(TRADER));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a stranger with three accounts does to make a trader pay ahead, every single settlement is within the net profit that has left
    /// the market, leaves equity as it was, and comes back when the trader closes.
    #[test]
    fn no_path_keeps_a_traders_cash_as_paper(steps in prop::collection::vec(step(), 1..60)) {
        attack(steps);
    }
}

/// An order of the book that nobody fills does not matter to any of it.
#[test]
fn resting_orders_are_no_loss() {
    let mut rig = world();
    rig.place(TRADER, 0, limit(Side::Bid, 60_000, LOTS)).unwrap();
    assert_eq!(rig.settle_loss(TRADER, 0), Err(EngineError::NothingToSettle));
    rig.audit();
}
