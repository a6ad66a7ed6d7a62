//! A liquidator with no rights and no inventory: watches accounts, plans a slice with the SDK, sends it if it pays, takes its income
//! in tokens.

use std::collections::BTreeMap;

use anyhow::{bail, Result};
use solana_pubkey::Pubkey;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper::legs::Now;
use taper::state::MarginAccount;
use taper_engine::quantity::BaseLots;
use taper_harness::{HarnessError, Trader};
use taper_sdk::instruction::{self, Payout};
use taper_sdk::plan::{plan_slice, LegQuery};
use taper_sdk::snapshot::PlanError;

use super::stage::Stage;

/// Least income worth a transaction, in quote atoms: a tenth of a cent, about what a transaction costs.
pub const LEAST_INCOME_ATOMS: i64 = 1_000;
/// Slots that a call may be late.
pub const PATIENCE_SLOTS: u64 = 20;

/// Refusals that more patience can cure.
const DEPTH_REFUSALS: [&str; 3] = ["NoFillInsideCap", "SliceTooSmall", "PayoutTooLow"];
/// Slots between two flags of an account.
pub const FLAG_SLOTS: u64 = 5;
/// After so many slots the cost cap of the default parameters rises no more: (4,700 − 1,500) ÷ 100.
pub const CLOCK_SLOTS: u64 = 32;

/// The liquidator.
pub struct Liquidator {
    who: Trader,
    /// Accounts flagged.
    pub flags: u64,
    /// Refusals met, by the program's name of the error.
    pub refusals: BTreeMap<String, u64>,
}

/// A slice that went through.
pub struct Taken {
    pub report: SliceReport,
    /// Absent on the native processor.
    pub compute_units: Option<u64>,
}

impl Liquidator {
    /// A liquidator with an empty token account.
    pub fn new(stage: &mut Stage) -> Self {
        Self { who: stage.stranger("liquidator"), flags: 0, refusals: BTreeMap::new() }
    }

    /// What it has earned, in quote atoms.
    pub fn income_atoms(&self, stage: &Stage) -> u64 {
        stage.chain.tokens(&self.who.token_account)
    }

    /// Tries one slice of an account that holds this position. `None` when the plan or the chain refused, which is counted.
    ///
    /// # Errors
    /// Of the chain, and when the chain did something else than the plan said.
    pub async fn try_slice(&mut self, stage: &mut Stage, account: Pubkey, base: BaseLots) -> Result<Option<Taken>> {
        let now = Now { slot: stage.chain.slot(), seconds: stage.chain.seconds() };
        let mut args = LiquidateArgs {
            max_base_lots: base.0.abs(),
            expected_base_lots: base.0,
            min_payout_atoms: LEAST_INCOME_ATOMS,
            deadline_slot: now.slot + PATIENCE_SLOTS,
        };
        let query = LegQuery { now, keys: &stage.market, margin_account: account, legs: &[] };
        let planned = match plan_slice(&stage.chain, &query, &args) {
            Ok(planned) => planned,
            Err(PlanError::Refused { name, .. }) => {
                if DEPTH_REFUSALS.contains(&name.as_str()) {
                    self.flag(stage, account, now.slot).await?;
                }
                self.count(name);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        // The plan is exact: whoever comes second in a race finds another position, or less income, and is told so by name.
        args.min_payout_atoms = planned.caller_payout_atoms;
        let payout = Payout::Tokens { token_account: self.who.token_account, keys: stage.venue.keys };
        let call = instruction::partial_liquidate(self.who.key(), &stage.market, account, &payout, args, &[]);
        match stage.chain.send(&[call], &[&self.who.keypair]).await {
            Ok(outcome) if stage.chain.is_vm() => {
                let report: SliceReport = outcome.returned()?;
                if report != planned {
                    bail!("the chain's slice differs from the plan: {report:?}, planned {planned:?}");
                }
                Ok(Some(Taken { report, compute_units: Some(outcome.program_units()) }))
            }
            // The native processor loses return data; what the engine planned on the same bytes is what it did.
            Ok(_) => Ok(Some(Taken { report: planned, compute_units: None })),
            Err(HarnessError::Refused(refusal)) => {
                self.count(format!("{} (on chain)", refusal.name()));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the clock of the account's episode running, which raises its cost cap: what lies too deep now comes within it. A flag
    /// pays nothing, but costs little more.
    async fn flag(&mut self, stage: &mut Stage, account: Pubkey, slot: u64) -> Result<()> {
        let episode = stage.chain.load::<MarginAccount>(&account)?.state.episode;
        if episode.is_active() && episode.clock_slots >= CLOCK_SLOTS {
            return Ok(());
        }
        if episode.is_active() && slot - episode.last_unhealthy_slot < FLAG_SLOTS {
            return Ok(());
        }
        match stage.chain.send(&[instruction::flag_account(&stage.market, account, &[])], &[]).await {
            Ok(_) => self.flags += 1,
            Err(HarnessError::Refused(refusal)) => self.count(format!("{} (flag)", refusal.name())),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn count(&mut self, name: String) {
        *self.refusals.entry(name).or_default() += 1;
    }
}
