//! The judge: what could have been earned, found without the bot. It looks at the chain itself, at every account and every leg, both ways,
//! asks the SDK what the program would do, and sets its own price on it. It knows nothing of the store, of who is at risk, or of the planner.

use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper::state::{MarginAccount, Market};
use taper_sdk::legs::{ordered, Leg};
use taper_sdk::plan::{health, plan_absorb, plan_slice, AbsorberQuery, LegQuery};

use crate::rig::{Rig, BOT};

/// What the bot says that it costs, and what it may hold.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub quote_atoms_per_sol: i64,
    pub fee_lamports: u64,
    pub min_profit_atoms: i64,
    pub absorb_haircut_bps: u32,
    pub inventory_atoms_per_market: i64,
    pub inventory_atoms: i64,
}

/// Something that would have paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub person: String,
    pub market: usize,
    pub way: &'static str,
    pub lots: i64,
    pub profit_atoms: i64,
}

/// The judge.
pub struct Judge {
    terms: Terms,
    /// Accounts looked at, and plans made.
    pub looked_at: u64,
    pub plans: u64,
}

impl Judge {
    pub fn new(terms: Terms) -> Self {
        Self { terms, looked_at: 0, plans: 0 }
    }

    /// Everything that would pay now. Unless `every_leg` it asks the SDK for an account's health first, and passes over those that the
    /// program calls healthy and that are in no episode.
    pub fn missed(&mut self, rig: &Rig, every_leg: bool) -> Vec<Missed> {
        let mut missed = Vec::new();
        for person in rig.people.iter() {
            self.look_at(rig, person, every_leg, &mut missed);
        }
        missed
    }

    fn look_at(&mut self, rig: &Rig, person: &str, every_leg: bool, missed: &mut Vec<Missed>) {
        let (chain, margin) = (&rig.world.chain, rig.world.trader(person).margin);
        let account: &MarginAccount = chain.load(&margin).unwrap();
        self.looked_at += 1;
        if (0..rig.world.markets().len()).all(|market| rig.world.base(person, market).unwrap() == 0) {
            return;
        }
        let all = legs(rig, account, None);
        let found = health(chain, rig.world.now(), &rig.world.venue.keys.exchange, &margin, &all);
        let is_healthy = found.is_ok_and(|health| health.favourable.is_at_least(10_000));
        if is_healthy && account.state.episode.kind == 0 && !every_leg {
            return;
        }
        for (market, handle) in rig.world.markets().iter().enumerate() {
            let Some(seat) = account.seat_in(&handle.keys.market) else { continue };
            let seen: &Market = chain.load(&handle.keys.market).unwrap();
            let lots = seen.state.seats.get(seat).unwrap().base_lots;
            if lots == 0 {
                continue;
            }
            let others = legs(rig, account, Some(&handle.keys.market));
            let query = LegQuery { now: rig.world.now(), keys: &handle.keys, margin_account: margin, legs: &others };
            let room = self.room_lots(rig, market);
            for (way, most) in [("book", lots.abs()), ("absorb", lots.abs()), ("absorb", lots.abs().min(room))] {
                if most == 0 {
                    continue;
                }
                let args = LiquidateArgs {
                    max_base_lots: most,
                    expected_base_lots: lots,
                    min_payout_atoms: i64::MIN,
                    deadline_slot: rig.world.chain.slot() + 1,
                };
                self.plans += 1;
                let planned = if way == "book" {
                    plan_slice(chain, &query, &args)
                } else {
                    let own = rig.world.trader(BOT).margin;
                    let own_legs = legs(rig, chain.load(&own).unwrap(), Some(&handle.keys.market));
                    plan_absorb(chain, &query, &AbsorberQuery { margin_account: own, legs: &own_legs }, &args)
                };
                let Ok(report) = planned else { continue };
                let is_allowed = way == "book" || report.base_lots <= room;
                let profit_atoms = self.profit_atoms(way, &report);
                if report.base_lots > 0 && is_allowed && profit_atoms >= self.terms.min_profit_atoms {
                    let person = person.to_owned();
                    missed.push(Missed { person, market, way, lots: report.base_lots, profit_atoms });
                }
            }
        }
    }

    /// Paid to the caller, and for an absorbed slice what the lots are worth more than they cost, less insurance's part and the haircut; less
    /// the fee.
    fn profit_atoms(&self, way: &str, report: &SliceReport) -> i64 {
        let terms = &self.terms;
        let fee = (terms.fee_lamports as i128 * i128::from(terms.quote_atoms_per_sol) + 999_999_999) / 1_000_000_000;
        let mut profit = i128::from(report.caller_payout_atoms) - fee;
        if way == "absorb" {
            let worth = i128::from(report.base_lots) * i128::from(report.oracle_price_atoms_per_lot);
            let paid = i128::from(report.quote_atoms);
            // Side 1: the long's lots are sold to the bot; side 0: it takes over a short and is paid for it.
            profit += if report.side == 1 { worth - paid } else { paid - worth };
            profit -= i128::from(report.discount_insurance_atoms);
            profit -= (worth * i128::from(terms.absorb_haircut_bps) + 9_999) / 10_000;
        }
        i64::try_from(profit).unwrap()
    }

    /// Lots of a market that the bot may still take over, by the limits on what it holds.
    fn room_lots(&self, rig: &Rig, market: usize) -> i64 {
        let held = |market: usize| {
            let handle = &rig.world.markets()[market];
            rig.world.base(BOT, market).unwrap().abs() * handle.price_atoms_per_lot
        };
        let total: i64 = (0..rig.world.markets().len()).map(held).sum();
        let room = (self.terms.inventory_atoms_per_market - held(market)).min(self.terms.inventory_atoms - total);
        // A lot to spare: the price of the program may differ from the published one by what a mantissa is cut off.
        (room / rig.world.markets()[market].price_atoms_per_lot - 1).max(0)
    }
}

fn legs(rig: &Rig, account: &MarginAccount, primary: Option<&Pubkey>) -> Vec<Leg> {
    ordered(account, primary, |market| rig.oracle_of(market)).unwrap()
}
