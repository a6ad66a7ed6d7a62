//! The loss index turned against honest lots: whoever owns the winner and many losers of a market has each loser resolved in turn, so that
//! honest lots pay the winner again and again.

use crate::rig::{Rig, PRICE};

const WINNER: usize = 0;
/// Honest: in the market with a small position, and far more cash than that.
const VICTIM: usize = 1;
/// The attacker's: takes the other side of the victim.
const KEEPER: usize = 2;
/// The attacker's: takes the winner's position over at the new price, so that there is no profit to deleverage.
const SINK: usize = 3;
const DEBTORS: usize = 10;
const SWEEP_CAP: i64 = 25_000_000;
const LOTS_EACH: i64 = 1_000;
/// Maintenance rate of the first tier, in bps.
const RATE_BPS: i64 = 300;

struct World {
    rig: Rig,
    debtors: Vec<usize>,
}

impl World {
    fn new(debtors: usize, victim_cash: i64) -> Self {
        let mut rig = Rig::new(1, DEBTORS + debtors);
        rig.venues[0].market.params.sweep_cap_atoms = SWEEP_CAP;
        assert_eq!(i64::from(rig.venues[0].market.params.tiers[0].mmr_bps), RATE_BPS);
        rig.deposit(VICTIM, victim_cash);
        for who in [WINNER, KEEPER, SINK] {
            rig.deposit(who, 100_000_000_000);
        }
        Self { rig, debtors: (0..debtors).map(|index| DEBTORS + index).collect() }
    }

    /// The least that opens a position: margin, bond and fee.
    fn stake(&mut self, who: usize) {
        self.rig.deposit(who, LOTS_EACH * PRICE / 20 + 1_000_000 + LOTS_EACH * PRICE / 1_000);
    }

    /// All debtors are resolved, the attackers collect what they can, and the victim is asked to pay at every turn.
    fn collect(&mut self) {
        for who in self.debtors.clone() {
            self.rig.resolve_all(who);
        }
        for _ in 0..6 {
            self.rig.touch(VICTIM);
            let _ = self.rig.settle_loss(VICTIM, 0);
            for who in [WINNER, KEEPER, SINK] {
                self.rig.touch(who);
                let _ = self.rig.release(who, 0);
                self.rig.withdraw_all(who);
                self.rig.resolve_all(who);
            }
        }
        self.rig.audit();
    }

    fn attackers(&self) -> Vec<usize> {
        [WINNER, KEEPER, SINK].into_iter().chain(self.debtors.iter().copied()).collect()
    }
}

/// What an honest short of 100 lots lost, and the attackers gained, when the oracle says thirty times the price.
fn pumped(debtors: usize, rounds: usize) -> (i64, i64) {
    let mut world = World::new(debtors, 200_000_000_000);
    let pumped = 30 * PRICE;
    let mut lost = 0;
    for round in 0..rounds {
        world.rig.set_price(0, PRICE);
        for who in world.debtors.clone() {
            world.stake(who);
            if round > 0 {
                // Another window: the winner has closed, the sink holds its lots.
                world.rig.deposit(WINNER, 1);
            }
            let _ = world.rig.trade(WINNER, who, 0, PRICE, LOTS_EACH);
        }
        world.rig.set_price(0, pumped);
        if round == 0 {
            world.rig.trade(KEEPER, VICTIM, 0, pumped, 100).unwrap();
        }
        let lots = world.rig.base(WINNER, 0).max(0);
        let _ = world.rig.trade(SINK, WINNER, 0, pumped, lots);
        world.rig.touch(WINNER);
        let before = world.rig.equity(VICTIM);
        world.collect();
        lost += before - world.rig.equity(VICTIM);
        world.rig.slot += 300_000;
    }
    let attackers = world.attackers();
    (lost, world.rig.wallets(&attackers))
}

/// 300 million is what the victim's position is worth at the pumped price. One debtor or sixty: the market's winners take out the sweep cap, less
/// what bonds and fees cost them; the victim pays no more than 3% of its price a lot.
#[test]
fn many_debtors_gain_no_more_than_one() {
    for debtors in [1, 2, 5, 20, 60] {
        let (lost, gain) = pumped(debtors, 1);
        assert!(lost <= 100 * 30 * PRICE * RATE_BPS / 10_000 + 100, "{debtors} debtors: lost {lost}");
        assert!(gain <= SWEEP_CAP, "{debtors} debtors: gained {gain}");
        assert!(lost > 0, "{debtors} debtors: nothing was shared");
    }
}

/// In each new window the market's lots may share, and its winners sweep, as much again: the sweep cap a window, whatever the number of debtors.
/// What is new is paid by new debtors, and by the victim within its bound.
#[test]
fn window_after_window_the_bound_is_a_sweep_cap_each() {
    for rounds in 2..5 {
        let (lost, gain) = pumped(20, rounds);
        let windows = i64::try_from(rounds).unwrap();
        assert!(lost <= windows * (100 * 30 * PRICE * RATE_BPS / 10_000 + 100), "{rounds} rounds: lost {lost}");
        assert!(gain <= windows * SWEEP_CAP, "{rounds} rounds: gained {gain}");
    }
}

/// No hand on the oracle: a fall of 40%. The victim has been long since before, with cash for ten times its position. What it is charged beyond
/// its own loss was 54.7 million of lots worth 12 million, with 60 debtors; it is 3% of their price for each of them.
#[test]
fn a_real_fall_charges_a_lot_its_maintenance_rate() {
    let (after, lots) = (60_000, 200);
    for debtors in [1, 5, 20, 60] {
        let mut world = World::new(debtors, 10 * lots * PRICE);
        world.rig.trade(VICTIM, KEEPER, 0, PRICE, lots).unwrap();
        for who in world.debtors.clone() {
            world.stake(who);
            world.rig.trade(who, WINNER, 0, PRICE, LOTS_EACH).unwrap();
        }
        world.rig.set_price(0, after);
        let winners = -world.rig.base(WINNER, 0);
        world.rig.trade(WINNER, SINK, 0, after, winners).unwrap();
        world.rig.trade(KEEPER, SINK, 0, after, lots).unwrap();
        world.rig.touch(WINNER);
        world.rig.touch(VICTIM);
        let before = world.rig.equity(VICTIM);
        world.collect();
        let charged = before - world.rig.equity(VICTIM);
        assert!(
            charged > 0 && charged <= lots * after * RATE_BPS / 10_000 + 10,
            "{debtors} debtors: charged {charged}"
        );
        assert!(world.rig.venues[0].market.socialised_atoms <= SWEEP_CAP);
    }
}

/// What a victim of 200 lots is charged for the loss of one debtor with so much margin, by how its cash came into the pool: with the resolution
/// only, or settled before. The debtor lost 40 million.
fn charged_beside(margin: i64, settled_first: bool) -> i64 {
    let (after, lots) = (60_000, 200);
    let mut world = World::new(1, 10 * lots * PRICE);
    let debtor = world.debtors[0];
    world.rig.trade(VICTIM, KEEPER, 0, PRICE, lots).unwrap();
    world.rig.deposit(debtor, margin);
    world.rig.trade(debtor, WINNER, 0, PRICE, LOTS_EACH).unwrap();
    world.rig.set_price(0, after);
    world.rig.trade(WINNER, SINK, 0, after, LOTS_EACH).unwrap();
    world.rig.trade(KEEPER, SINK, 0, after, lots).unwrap();
    for who in [WINNER, KEEPER, VICTIM] {
        world.rig.touch(who);
    }
    assert_eq!(world.rig.venues[0].market.net_swept_profit_atoms, SWEEP_CAP);
    if settled_first {
        world.rig.settle_loss(debtor, 0).unwrap();
    }
    let before = world.rig.equity(VICTIM);
    world.rig.resolve_all(debtor);
    world.rig.audit();
    before - world.rig.equity(VICTIM)
}

/// Lots fill what the vault lacks, and a debtor's own cash and bond are in the vault: they fill the hole first, whether somebody had them settled
/// before the resolution or not. The order was the caller's: lots paid 360,000 atoms for a debtor whose cash was more than winners had taken out.
#[test]
fn a_debtors_own_cash_fills_the_hole_before_lots_do() {
    // Its margin is worth more than what winners have taken out: nobody lacks anything.
    for margin in [SWEEP_CAP + 2_000_000, 35_000_000] {
        assert_eq!([charged_beside(margin, false), charged_beside(margin, true)], [0, 0], "{margin}");
    }
    // A hole is left: at most what is left of it, and the same in either order.
    for margin in [24_960_000, 24_000_000, 10_000_000] {
        let charged = charged_beside(margin, false);
        assert!(charged > 0, "{margin}: nothing was shared");
        assert_eq!(charged, charged_beside(margin, true), "{margin}");
    }
}
