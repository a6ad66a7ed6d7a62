//! From what was decided to the instruction, and from the configuration to the desk.

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_sdk::account::decode;
use taper_sdk::instruction::{
    absorb, flag_account, force_cancel_orders, partial_liquidate, resolve_account, MarketKeys, Payout,
};
use taper_sdk::legs::Leg;

use super::send::max_fee_lamports;
use crate::action::{Duty, Plan, Upkeep, Way};
use crate::config::Config;
use crate::decide::{legs_of, own_legs, Economics, Planner};
use crate::desk::{Desk, Rules, UpkeepRules};
use crate::limits::{InventoryLimit, SpendLimit};
use crate::store::{sparse, Store};

/// Units of a usual slice, to estimate its fee before it is simulated.
const USUAL_UNITS: u64 = 150_000;

/// Orders that one call cancels: all that a seat may have.
const ORDERS: u8 = 64;

/// Who calls, and where payouts are credited.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Signs and pays.
    pub key: Pubkey,
    /// Its margin account.
    pub margin_account: Pubkey,
}

impl Caller {
    /// The instruction of a slice.
    ///
    /// # Errors
    /// What is missing.
    pub fn slice(&self, store: &Store, plan: &Plan) -> Result<Instruction, String> {
        let (keys, legs) = found(store, &plan.margin_account, &plan.market)?;
        Ok(match plan.way {
            Way::Book => {
                let payout = Payout::Credit { margin_account: self.margin_account };
                partial_liquidate(self.key, &keys, plan.margin_account, &payout, plan.args, &legs)
            }
            Way::Absorb => {
                let own = &self.margin_account;
                let own_legs = own_legs(store, own, &plan.market).map_err(|error| error.to_string())?;
                absorb(self.key, &keys, plan.margin_account, *own, plan.args, &legs, &own_legs)
            }
        })
    }

    /// The instruction of a call that pays nobody.
    ///
    /// # Errors
    /// What is missing.
    pub fn upkeep(&self, store: &Store, upkeep: &Upkeep) -> Result<Instruction, String> {
        let (keys, legs) = found(store, &upkeep.margin_account, &upkeep.market)?;
        Ok(match upkeep.duty {
            Duty::Resolve => resolve_account(&keys, upkeep.margin_account, &legs),
            Duty::Flag => flag_account(&keys, upkeep.margin_account, &legs),
            Duty::Cancel => force_cancel_orders(&keys, upkeep.margin_account, ORDERS, &legs),
        })
    }
}

fn found(store: &Store, margin_account: &Pubkey, market: &Pubkey) -> Result<(MarketKeys, Vec<Leg>), String> {
    let keys = store.market(market).ok_or("the market is gone")?.keys;
    let id = store.accounts().find(margin_account).ok_or("the account is gone")?;
    let words = store.accounts().unpack(id);
    let account: &MarginAccount =
        decode(sparse::bytes_of(&words, MarginAccount::SPACE)).map_err(|error| error.to_string())?;
    let legs = legs_of(store, account, market).map_err(|error| error.to_string())?;
    Ok((keys, legs))
}

/// The desk that a configuration asks for.
pub fn desk_of(config: &Config, own: Pubkey) -> Desk {
    let usual = config.fees.min_micro_lamports_per_unit.saturating_mul(USUAL_UNITS).div_ceil(1_000_000);
    let economics = Economics {
        quote_atoms_per_sol: config.profit.quote_atoms_per_sol,
        fee_lamports: 5_000u64.saturating_add(usual),
        min_profit_atoms: config.profit.min_profit_atoms,
        absorb_haircut_bps: config.profit.absorb_haircut_bps,
        min_payout_bps: config.profit.min_payout_bps,
    };
    let planner = Planner {
        economics,
        own_margin_account: own,
        book: config.profit.book,
        absorb: config.profit.absorb,
        deadline_slots: config.fees.deadline_slots,
    };
    let rules = Rules {
        max_in_flight: config.limits.max_in_flight,
        plans_per_round: config.sync.plans_per_round,
        retry_slots: config.sync.retry_slots,
        max_fee_lamports: max_fee_lamports(config.fees.max_micro_lamports_per_unit),
    };
    let inventory = InventoryLimit::new(config.limits.inventory_atoms_per_market, config.limits.inventory_atoms);
    let upkeep = UpkeepRules {
        resolve: config.upkeep.resolve,
        flag: config.upkeep.flag,
        cancel: config.upkeep.cancel,
        spend_lamports_per_hour: config.upkeep.spend_lamports_per_hour,
    };
    Desk::new(planner, rules, SpendLimit::new(config.limits.spend_lamports_per_hour), inventory).with_upkeep(upkeep)
}
