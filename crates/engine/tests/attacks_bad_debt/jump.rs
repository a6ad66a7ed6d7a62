//! Two colluding wallets, long and short at the most leverage there is, and a price that jumps beyond both margins: one is bankrupt, the other
//! has won more than the first can pay.

use crate::pump::Random;
use crate::rig::{Rig, PRICE};

const LOSER: usize = 0;
const WINNER: usize = 1;
const THIRD: usize = 2;
const OTHERS: usize = 3;
/// Honest accounts of the same market: long and short.
const BULL: usize = 4;
const BEAR: usize = 5;
const COALITION: [usize; 3] = [LOSER, WINNER, THIRD];
const HONEST: [usize; 2] = [BULL, BEAR];
const LOTS: i64 = 10_000;
const AFTER: i64 = 60_000;
/// What the loser owes beyond its margin of 5%.
const UNPAID: i64 = LOTS * (PRICE - AFTER) - LOTS * PRICE / 20;

fn world(sweep_cap: i64) -> Rig {
    let mut rig = Rig::new(1, 6);
    rig.venues[0].market.params.sweep_cap_atoms = sweep_cap;
    for who in [THIRD, OTHERS, BULL, BEAR] {
        rig.deposit(who, 10_000_000_000);
    }
    // Others have filled the fund; this market has no part in it.
    rig.donate(OTHERS, None, 5_000_000_000);
    rig
}

/// Both sides, each with just the initial margin, bond and fee, in a market where the honest ones may have a position of their own.
fn open(rig: &mut Rig) {
    let margin = LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000;
    rig.deposit(LOSER, margin);
    rig.deposit(WINNER, margin);
    rig.trade(LOSER, WINNER, 0, PRICE, LOTS).unwrap();
}

/// What the coalition may do after the jump, in any order; strangers resolve, too.
fn after_the_jump(rig: &mut Rig, action: usize) {
    let short = -rig.base(WINNER, 0);
    match action {
        0 if short > 0 => drop(rig.trade(WINNER, THIRD, 0, AFTER, short)),
        1 if short > 1 => drop(rig.trade(WINNER, THIRD, 0, AFTER, short / 2)),
        2 => drop(rig.resolve(LOSER, 0)),
        3 => rig.touch(WINNER),
        4 => drop(rig.withdraw_all(WINNER)),
        5 => drop(rig.settle_loss(LOSER, 0)),
        6 => drop(rig.resolve(THIRD, 0)),
        7 => drop(rig.liquidate(THIRD, LOSER, 0)),
        8 => drop(rig.absorb(THIRD, LOSER, 0)),
        9 => rig.take_income(0),
        10 => drop(rig.cover_loss(0)),
        _ => rig.slot += 250_000,
    }
}

fn end(rig: &mut Rig) -> i64 {
    for _ in 0..4 {
        rig.resolve_all(LOSER);
        let _ = rig.settle_loss(LOSER, 0);
        for who in [WINNER, THIRD] {
            rig.touch(who);
            let _ = rig.release(who, 0);
        }
        let (short, long) = (-rig.base(WINNER, 0), rig.base(THIRD, 0));
        let _ = rig.trade(WINNER, THIRD, 0, rig.price(0), short.max(0).min(long.max(0)));
    }
    for who in COALITION {
        rig.withdraw_all(who);
    }
    rig.audit();
    rig.wallets(&COALITION)
}

/// Alone in the market, with no sweep cap: over every order of what can be done, and over one to three jumps, the coalition ends below its start.
/// The fund of 5,000 million, filled by others, loses no atom.
#[test]
fn two_wallets_alone_cannot_draw_a_funds_atom() {
    let mut random = Random(0xd4a1);
    let mut best = i64::MIN;
    for _ in 0..150 {
        let mut rig = world(0);
        for _ in 0..1 + random.below(3) {
            rig.set_price(0, PRICE);
            if rig.base(LOSER, 0) == 0 && rig.base(WINNER, 0) == 0 {
                open(&mut rig);
            }
            rig.set_price(0, AFTER);
            rig.slot += 10;
            for _ in 0..random.below(10) {
                after_the_jump(&mut rig, random.below(12));
            }
            rig.resolve_all(LOSER);
        }
        let gain = end(&mut rig);
        assert!(gain < 0, "{gain}");
        assert_eq!(rig.venues[0].market.insurance.drawn_atoms, 0);
        assert!(rig.fund >= 5_000_000_000);
        best = best.max(gain);
    }
    // Fees of the first trade, at least.
    assert!(best <= -LOTS * PRICE / 2_500, "{best}");
}

/// With a sweep cap the vault advances winners as much; with what this market has paid in, as much is drawn. Nothing else.
#[test]
fn alone_they_gain_the_sweep_cap_and_what_their_market_has_paid_in() {
    for (sweep_cap, paid_in) in [(30_000_000, 0), (0, 40_000_000), (30_000_000, 40_000_000), (1_000_000_000_000, 0)] {
        let mut rig = world(sweep_cap);
        rig.donate(OTHERS, Some(0), paid_in);
        open(&mut rig);
        rig.set_price(0, AFTER);
        rig.trade(WINNER, THIRD, 0, AFTER, LOTS).unwrap();
        let gain = end(&mut rig);
        assert!(gain <= (sweep_cap + paid_in).min(UNPAID), "{gain}");
        assert!(gain > (sweep_cap + paid_in).min(UNPAID) - 5_000_000, "{gain}");
    }
}

/// When the loser is resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resolved {
    /// After the winner has closed its position.
    TooLate,
    /// Before; the winner's short is the best ranked.
    WinnerFirst,
    /// Before; honest shorts have won more a lot, and rank above it.
    HonestFirst,
}

/// In a market with honest positions the coalition has an option, as in every market with margin: what a jump takes beyond the loser's margin
/// the winner has, if it closes before it is deleveraged, or if others rank above it. It is charged to those, within their profit, and to the
/// loss index. Bound: what the loser lacks (and the winner's profit is no more than that above what the coalition paid). Measured for
/// 1,000 million a side and a fall of 40%: 350 million lacking; 348.3 gained, all of it charged to honest shorts with a profit of 1,520, or 0.4 lost
/// (fees) where the winner's own short is deleveraged. Only margin that covers the jump closes this; insurance pays no atom of it.
#[test]
fn a_jump_beyond_margins_is_worth_what_the_loser_lacks() {
    let run = |resolved: Resolved| {
        let mut rig = world(1_000_000_000_000);
        let honest_entry = if resolved == Resolved::HonestFirst { 101_000 } else { 98_000 };
        rig.set_price(0, honest_entry);
        rig.trade(BULL, BEAR, 0, honest_entry, 4 * LOTS).unwrap();
        rig.set_price(0, PRICE);
        open(&mut rig);
        rig.touch(BEAR);
        let honest = rig.worth(&HONEST);
        rig.set_price(0, AFTER);
        let moved = 4 * LOTS * (PRICE - AFTER);
        assert_eq!(rig.equity(BULL) + moved + rig.wallets(&[BULL, BEAR]) + rig.equity(BEAR) - moved, honest);
        if resolved == Resolved::TooLate {
            rig.trade(WINNER, BULL, 0, AFTER, LOTS).unwrap();
        }
        rig.resolve_all(LOSER);
        end(&mut rig);
        // What it cannot take out yet, with an open position, is worth as much at the oracle.
        let gain = rig.worth(&COALITION);
        let market = &rig.venues[0].market;
        let borne = market.deleveraged_atoms + market.socialised_atoms;
        assert!(gain <= borne && borne <= UNPAID && honest - rig.worth(&HONEST) <= borne);
        assert_eq!((rig.fund, market.insurance.drawn_atoms), (5_000_000_000, 0));
        (gain, honest - rig.worth(&HONEST))
    };
    assert_eq!(run(Resolved::TooLate), (348_300_000, 348_940_000));
    assert_eq!(run(Resolved::WinnerFirst), (-400_000, 0));
    assert_eq!(run(Resolved::HonestFirst), (348_600_000, 349_000_000));
}

/// Winners whom insurance has paid for the losers take their money out, whatever the sweep cap: the money is there.
#[test]
fn winners_whom_insurance_has_paid_do_not_wait_at_the_cap() {
    let mut rig = world(0);
    rig.donate(OTHERS, Some(0), UNPAID);
    rig.deposit(LOSER, LOTS * PRICE / 20 + LOTS * PRICE / 2_000 + 1_000_000);
    rig.trade(LOSER, BEAR, 0, PRICE, LOTS).unwrap();
    rig.set_price(0, AFTER);
    rig.resolve_all(LOSER);
    assert_eq!(rig.venues[0].market.unassigned_loss_atoms, 0);
    rig.touch(BEAR);
    rig.release(BEAR, 0).unwrap();
    let rebate = LOTS * PRICE / 10_000;
    assert!(rig.cash(BEAR) >= 10_000_000_000 + LOTS * (PRICE - AFTER) - 3_000_000, "{}", rig.cash(BEAR));
    assert!(rig.cash(BEAR) <= 10_000_000_000 + LOTS * (PRICE - AFTER) + rebate);
    rig.audit();
}

/// A single lot left open on either side: a large loss is more per lot than the loss index can hold. It is resolved all the same; a lot bears
/// the first maintenance rate of its price at most, and what is left is nobody's.
#[test]
fn a_single_lot_left_open_does_not_stop_a_resolution() {
    let mut rig = world(1 << 50);
    rig.venues[0].market.params.open_interest_cap_base_lots = 1 << 40;
    for tier in &mut rig.venues[0].market.params.tiers {
        tier.notional_cap_atoms = tier.notional_cap_atoms.saturating_mul(1_000);
    }
    let lots = 3_000_000_000;
    rig.deposit(LOSER, lots * PRICE / 10);
    rig.deposit(THIRD, lots * PRICE / 10);
    rig.deposit(WINNER, lots * PRICE);
    rig.trade(LOSER, WINNER, 0, PRICE, lots).unwrap();
    rig.trade(BULL, BEAR, 0, PRICE, 1).unwrap();
    rig.set_price(0, AFTER);
    // The winner goes, the third wallet has its short at the new price: no profit to deleverage.
    rig.trade(WINNER, THIRD, 0, AFTER, lots).unwrap();
    rig.resolve(LOSER, 0).unwrap();
    assert_eq!(rig.base(LOSER, 0), 0);
    let market = &rig.venues[0].market;
    assert_eq!(market.params.tiers[0].mmr_bps, 300);
    assert!(market.socialised_atoms > 0 && market.unassigned_loss_atoms > 0);
    assert_eq!((market.socialised_atoms, market.charges.loss_index_scaled), (AFTER * 6 / 100, (AFTER << 20) / 100 * 3));
    rig.resolve_all(LOSER);
    assert_eq!(rig.leg(LOSER, 0), None);
    // The bear was the best ranked: it is out, at the oracle price. The bull pays for its lot, and that does not make it bankrupt.
    assert_eq!((rig.base(BEAR, 0), rig.base(BULL, 0)), (0, 1));
    assert_eq!(rig.resolve_all(BULL).len(), 0);
    assert!(rig.equity(BULL) > 0);
    rig.audit();
}
