//! What liquidators do in a [`World`].

use solana_instruction::Instruction;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;
use taper_sdk::instruction::{self, Payout};
use taper_sdk::plan::{plan_slice, LegQuery};
use taper_sdk::snapshot::PlanError;

use crate::error::{HarnessError, Result};
use crate::outcome::Outcome;
use crate::world::World;

impl World {
    /// The arguments of a caller that wants all it can get of the position it sees.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn liquidate_args(&self, name: &str, market: usize) -> Result<LiquidateArgs> {
        let base = self.base(name, market)?;
        Ok(LiquidateArgs {
            max_base_lots: base.saturating_abs().max(1),
            expected_base_lots: base,
            min_payout_atoms: 0,
            deadline_slot: self.chain.slot().saturating_add(100),
        })
    }

    /// What the SDK says a slice would do.
    ///
    /// # Errors
    /// [`PlanError`] inside `Ok`: what the program would refuse with. As [`Chain::load`] outside.
    pub fn plan(
        &self,
        name: &str,
        market: usize,
        args: &LiquidateArgs,
    ) -> Result<std::result::Result<SliceReport, PlanError>> {
        let legs = self.legs(name, Some(market))?;
        let keys = self.market(market)?.keys;
        let query = LegQuery { now: self.now(), keys: &keys, margin_account: self.trader(name).margin, legs: &legs };
        Ok(plan_slice(&self.chain, &query, args))
    }

    /// Payout in tokens, to a caller's token account.
    pub fn payout_in_tokens(&self, caller: &str) -> Payout {
        Payout::Tokens { token_account: self.trader(caller).token_account, keys: self.venue.keys }
    }

    /// Payout as credit, to a caller's margin account.
    pub fn payout_as_credit(&self, caller: &str) -> Payout {
        Payout::Credit { margin_account: self.trader(caller).margin }
    }

    /// The instruction of a slice.
    ///
    /// # Errors
    /// As [`World::legs`].
    pub fn liquidate_instruction(
        &self,
        caller: &str,
        name: &str,
        market: usize,
        payout: &Payout,
        args: LiquidateArgs,
    ) -> Result<Instruction> {
        let keys = self.market(market)?.keys;
        let legs = self.legs(name, Some(market))?;
        let (caller, margin) = (self.trader(caller).key(), self.trader(name).margin);
        Ok(instruction::partial_liquidate(caller, &keys, margin, payout, args, &legs))
    }

    /// Makes a slice with these arguments, and holds the SDK's plan against it: the plan is what happened, or the
    /// plan's refusal is the chain's.
    ///
    /// # Errors
    /// As [`Chain::send`]; `Answer` when plan and chain differ.
    pub async fn liquidate_with(
        &mut self,
        caller: &str,
        name: &str,
        market: usize,
        payout: &Payout,
        args: LiquidateArgs,
    ) -> Result<(SliceReport, Outcome)> {
        let planned = self.plan(name, market, &args)?;
        let slice = self.liquidate_instruction(caller, name, market, payout, args)?;
        let sent = self.chain.send(&[slice], &[&self.trader(caller).keypair]).await;
        match (planned, sent) {
            (Ok(plan), Ok(outcome)) => {
                if self.chain.is_vm() && outcome.returned::<SliceReport>()? != plan {
                    return Err(HarnessError::Answer(format!("the plan was {plan:?}, not what was done")));
                }
                Ok((plan, outcome))
            }
            (Err(PlanError::Refused { code, name }), Err(HarnessError::Refused(refusal))) => {
                if refusal.code != Some(code) {
                    let found = refusal.name();
                    return Err(HarnessError::Answer(format!("planned to be refused with {name}, not {found}")));
                }
                Err(HarnessError::Refused(refusal))
            }
            (_, Err(error)) => Err(error),
            (Err(error), Ok(_)) => Err(HarnessError::Answer(format!("it succeeded, the plan said: {error}"))),
        }
    }

    /// Makes the largest slice, paid as credit.
    ///
    /// # Errors
    /// As [`World::liquidate_with`].
    pub async fn liquidate(&mut self, caller: &str, name: &str, market: usize) -> Result<(SliceReport, Outcome)> {
        let args = self.liquidate_args(name, market)?;
        let payout = self.payout_as_credit(caller);
        self.liquidate_with(caller, name, market, &payout, args).await
    }

    /// Absorbs a slice into the caller's margin account.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn absorb(&mut self, caller: &str, name: &str, market: usize, args: LiquidateArgs) -> Result<Outcome> {
        let absorb = self.absorb_instruction(caller, name, market, args)?;
        self.chain.send(&[absorb], &[&self.trader(caller).keypair]).await
    }

    /// The instruction that absorbs a slice.
    ///
    /// # Errors
    /// As [`World::legs`].
    pub fn absorb_instruction(
        &self,
        caller: &str,
        name: &str,
        market: usize,
        args: LiquidateArgs,
    ) -> Result<Instruction> {
        let keys = self.market(market)?.keys;
        let (legs, absorber_legs) = (self.legs(name, Some(market))?, self.legs(caller, Some(market))?);
        let (absorber, margin) = (self.trader(caller), self.trader(name).margin);
        Ok(instruction::absorb(absorber.key(), &keys, margin, absorber.margin, args, &legs, &absorber_legs))
    }
}
