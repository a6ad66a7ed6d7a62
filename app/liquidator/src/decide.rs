//! What a slice would earn, and by which way: through the book or absorbed. The slice itself is planned by the SDK, on the program's own
//! code; here is only its price for the bot.

use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper::state::MarginAccount;
use taper_sdk::account::decode;
use taper_sdk::legs::{ordered, Leg};
use taper_sdk::plan::{plan_absorb, plan_slice, AbsorberQuery, LegQuery};
use taper_sdk::snapshot::PlanError;

use crate::action::{Plan, Way};
use crate::limits::InventoryLimit;
use crate::store::accounts::AccountId;
use crate::store::{sparse, Store};

const LAMPORTS_PER_SOL: i128 = 1_000_000_000;
const BPS_ONE: i128 = 10_000;

/// Lamports in quote atoms, rounded up: a cost.
pub fn lamports_in_atoms(lamports: u64, quote_atoms_per_sol: i64) -> i64 {
    let scaled = i128::from(lamports) * i128::from(quote_atoms_per_sol.max(0)) + LAMPORTS_PER_SOL - 1;
    i64::try_from(scaled / LAMPORTS_PER_SOL).unwrap_or(i64::MAX)
}

/// What an absorber has gained against the oracle price, without its part of the penalty: as the engine counts it for `min_payout`.
pub fn gained_atoms(report: &SliceReport) -> i64 {
    let at_oracle = report.base_lots.saturating_mul(report.oracle_price_atoms_per_lot);
    let gained = match report.side {
        0 => report.quote_atoms.saturating_sub(at_oracle),
        _ => at_oracle.saturating_sub(report.quote_atoms),
    };
    gained.saturating_sub(report.discount_insurance_atoms)
}

/// What the bot's money is worth to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Economics {
    /// Price of a SOL, for fees.
    pub quote_atoms_per_sol: i64,
    /// Expected fee of a transaction.
    pub fee_lamports: u64,
    /// An action must earn this much.
    pub min_profit_atoms: i64,
    /// What it costs to get rid of what was absorbed, and to hold it until then, of its notional.
    pub absorb_haircut_bps: u32,
    /// The least payout that a call insists on, of the planned one.
    pub min_payout_bps: u32,
}

impl Economics {
    /// What a slice earns before fees and risks: what `min_payout` is compared with.
    pub fn earnings_atoms(way: Way, report: &SliceReport) -> i64 {
        match way {
            Way::Book => report.caller_payout_atoms,
            Way::Absorb => report.caller_payout_atoms.saturating_add(gained_atoms(report)),
        }
    }

    /// What is left of it.
    pub fn profit_atoms(&self, way: Way, report: &SliceReport) -> i64 {
        let risk = match way {
            Way::Book => 0,
            Way::Absorb => self.haircut_atoms(report),
        };
        let fee = lamports_in_atoms(self.fee_lamports, self.quote_atoms_per_sol);
        Self::earnings_atoms(way, report).saturating_sub(risk).saturating_sub(fee)
    }

    fn haircut_atoms(&self, report: &SliceReport) -> i64 {
        let notional = i128::from(report.base_lots) * i128::from(report.oracle_price_atoms_per_lot);
        let scaled = notional.abs() * i128::from(self.absorb_haircut_bps) + BPS_ONE - 1;
        i64::try_from(scaled / BPS_ONE).unwrap_or(i64::MAX)
    }

    /// The least payout to insist on: a part of the planned one, rounded down; a planned loss is not made worse.
    fn min_payout_atoms(&self, way: Way, report: &SliceReport) -> i64 {
        let planned = i128::from(Self::earnings_atoms(way, report));
        let part = planned.max(0) * i128::from(self.min_payout_bps) / BPS_ONE;
        i64::try_from(part.min(planned)).unwrap_or(0)
    }
}

/// How slices are planned.
#[derive(Clone, Copy, Debug)]
pub struct Planner {
    /// What they earn.
    pub economics: Economics,
    /// The bot's own margin account: it absorbs into it, and is credited there.
    pub own_margin_account: Pubkey,
    /// Slices through the book.
    pub book: bool,
    /// Absorbed slices.
    pub absorb: bool,
    /// Slots for which a call is good.
    pub deadline_slots: u64,
}

/// The best that can be done with an account now, or why there is nothing.
#[derive(Clone, Debug, Default)]
pub struct Considered {
    /// The slices that are worth it, the most profitable first. What a limit forbids leaves the next one.
    pub plans: Vec<Plan>,
    /// What each leg and way was refused with.
    pub refusals: Vec<(Pubkey, Way, PlanError)>,
    /// The best profit of a slice that was not worth it.
    pub below_minimum_atoms: Option<i64>,
}

impl Planner {
    /// Plans every leg of an account in every way. What is absorbed is no more than the inventory has room for.
    pub fn consider(&self, store: &Store, id: AccountId, inventory: &InventoryLimit) -> Considered {
        let mut considered = Considered::default();
        let key = store.accounts().key(id);
        let words = store.accounts().unpack(id);
        let Ok(account) = decode::<MarginAccount>(sparse::bytes_of(&words, MarginAccount::SPACE)) else {
            return considered;
        };
        if key == self.own_margin_account {
            return considered;
        }
        for position in account.used_positions() {
            let Some(lots) = self.lots_of(store, &position.market, position.seat_index) else { continue };
            if lots == 0 {
                continue;
            }
            for way in [Way::Book, Way::Absorb] {
                let wanted = match way {
                    Way::Book => self.book,
                    Way::Absorb => self.absorb,
                };
                if !wanted {
                    continue;
                }
                let most = match way {
                    Way::Book => lots.saturating_abs(),
                    Way::Absorb => within_room(store, &position.market, lots.saturating_abs(), inventory),
                };
                match self.plan(store, account, &key, &position.market, (lots, most), way) {
                    Ok(plan) if plan.report.base_lots == 0 => {}
                    Ok(plan) => considered.offer(plan, self.economics.min_profit_atoms),
                    Err(refusal) => considered.refusals.push((position.market, way, refusal)),
                }
            }
        }
        considered.plans.sort_by_key(|plan| core::cmp::Reverse(plan.profit_atoms));
        considered
    }

    fn lots_of(&self, store: &Store, market: &Pubkey, seat_index: u32) -> Option<i64> {
        let market = store.market(market)?.market().ok()?;
        market.state.seats.get(seat_index).ok().map(|seat| seat.base_lots)
    }

    fn plan(
        &self,
        store: &Store,
        account: &MarginAccount,
        key: &Pubkey,
        market: &Pubkey,
        (lots, most): (i64, i64),
        way: Way,
    ) -> Result<Plan, PlanError> {
        let keys = store.market(market).ok_or(PlanError::NoAccount(*market))?.keys;
        let now = store.now();
        let mut args = LiquidateArgs {
            max_base_lots: most,
            expected_base_lots: lots,
            min_payout_atoms: i64::MIN,
            deadline_slot: now.slot.saturating_add(self.deadline_slots),
        };
        let legs = legs_of(store, account, market)?;
        let query = LegQuery { now, keys: &keys, margin_account: *key, legs: &legs };
        let report = match way {
            Way::Book => plan_slice(&store.view(&[*key], &[*market]), &query, &args)?,
            Way::Absorb => {
                let own = self.own_margin_account;
                let absorber_legs = own_legs(store, &own, market)?;
                let absorber = AbsorberQuery { margin_account: own, legs: &absorber_legs };
                plan_absorb(&store.view(&[*key, own], &[*market]), &query, &absorber, &args)?
            }
        };
        args.min_payout_atoms = self.economics.min_payout_atoms(way, &report);
        let profit_atoms = self.economics.profit_atoms(way, &report);
        Ok(Plan { margin_account: *key, market: *market, way, args, report, profit_atoms })
    }
}

impl Considered {
    fn offer(&mut self, plan: Plan, min_profit_atoms: i64) {
        if plan.profit_atoms < min_profit_atoms {
            let best = self.below_minimum_atoms.map_or(plan.profit_atoms, |best| best.max(plan.profit_atoms));
            self.below_minimum_atoms = Some(best);
        } else {
            self.plans.push(plan);
        }
    }
}

/// The most lots that the inventory has room for; all of them where it has room for none, so that the limit is seen to forbid it.
fn within_room(store: &Store, market: &Pubkey, lots: i64, inventory: &InventoryLimit) -> i64 {
    let price = store.market(market).and_then(|entry| entry.price).map_or(0, |price| price.price.0);
    match inventory.room_atoms(market).checked_div(price) {
        Some(room) if room > 0 => lots.min(room),
        _ => lots,
    }
}

/// The other legs of an account, in the program's order.
///
/// # Errors
/// `NoAccount` for a market that has not been seen.
pub fn legs_of(store: &Store, account: &MarginAccount, market: &Pubkey) -> Result<Vec<Leg>, PlanError> {
    ordered(account, Some(market), |market| store.market(market).map(|entry| entry.keys.oracle))
        .map_err(PlanError::NoAccount)
}

/// The same of the bot's own account.
///
/// # Errors
/// As [`legs_of`]; `NoAccount` if the own account has not been seen.
pub fn own_legs(store: &Store, own: &Pubkey, market: &Pubkey) -> Result<Vec<Leg>, PlanError> {
    let id = store.accounts().find(own).ok_or(PlanError::NoAccount(*own))?;
    let words = store.accounts().unpack(id);
    let account: &MarginAccount = decode(sparse::bytes_of(&words, MarginAccount::SPACE))
        .map_err(|error| PlanError::Decode { account: *own, error })?;
    legs_of(store, account, market)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::AnchorDeserialize;

    fn report(side: u8, lots: i64, quote: i64) -> SliceReport {
        let zero: SliceReport = AnchorDeserialize::deserialize(&mut [0u8; 200].as_slice()).unwrap();
        SliceReport {
            side,
            base_lots: lots,
            quote_atoms: quote,
            oracle_price_atoms_per_lot: 1_000,
            caller_payout_atoms: 50,
            discount_insurance_atoms: 8,
            ..zero
        }
    }

    fn economics() -> Economics {
        Economics {
            quote_atoms_per_sol: 150_000_000,
            fee_lamports: 10_000,
            min_profit_atoms: 1,
            absorb_haircut_bps: 25,
            min_payout_bps: 9_000,
        }
    }

    #[test]
    fn an_absorber_gains_the_discount_of_a_long_and_of_a_short() {
        assert_eq!(gained_atoms(&report(1, 10, 9_900)), 100 - 8);
        assert_eq!(gained_atoms(&report(0, 10, 10_100)), 100 - 8);
        assert_eq!(gained_atoms(&report(1, 10, 10_050)), -50 - 8);
    }

    #[test]
    fn profit_is_what_is_left_of_it() {
        let (ask, economics) = (report(1, 10, 9_900), economics());
        // 10,000 lamports at 150 dollars: 0.0015 dollars. 25 bps of 10,000 atoms: 25.
        assert_eq!(economics.profit_atoms(Way::Book, &ask), 50 - 1_500);
        assert_eq!(economics.profit_atoms(Way::Absorb, &ask), 50 + 92 - 25 - 1_500);
        assert_eq!(economics.min_payout_atoms(Way::Book, &ask), 45);
        let loss = report(1, 10, 11_000);
        assert_eq!(economics.min_payout_atoms(Way::Absorb, &loss), 50 - 1_008);
        assert_eq!(lamports_in_atoms(1, 1), 1);
        assert_eq!(lamports_in_atoms(0, 1), 0);
    }
}
