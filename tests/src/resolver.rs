//! What anybody may do in a [`World`] past the ladder: resolve legs, record deficits, cover losses, donate.

use solana_instruction::Instruction;
use taper::events::{LegResolved, ResolveReport};
use taper_sdk::instruction;
use taper_sdk::plan::{deficit, plan_resolution, LegQuery, ResolvePlan};
use taper_sdk::snapshot::PlanError;

use crate::error::{HarnessError, Result};
use crate::outcome::Outcome;
use crate::world::World;

/// Calls after which an account that still has a position is an error: a table has 2,048 seats, a call takes 16.
const CALLS_MAX: usize = 8 * 130;

/// A resolution as planned and as done, which are the same.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// What the SDK planned.
    pub plan: ResolvePlan,
    /// What the chain did.
    pub outcome: Outcome,
}

impl World {
    /// The instruction that resolves a leg.
    ///
    /// # Errors
    /// As [`World::legs`].
    pub fn resolve_instruction(&self, name: &str, market: usize) -> Result<Instruction> {
        let legs = self.legs(name, Some(market))?;
        Ok(instruction::resolve_account(&self.market(market)?.keys, self.trader(name).margin, &legs))
    }

    /// What the SDK says a resolution would do.
    ///
    /// # Errors
    /// [`PlanError`] inside `Ok`: what the program would refuse with. As [`Chain::load`](crate::Chain::load) outside.
    pub fn plan_resolution(&self, name: &str, market: usize) -> Result<std::result::Result<ResolvePlan, PlanError>> {
        let (legs, keys) = (self.legs(name, Some(market))?, self.market(market)?.keys);
        let query = LegQuery { now: self.now(), keys: &keys, margin_account: self.trader(name).margin, legs: &legs };
        Ok(plan_resolution(&self.chain, &query))
    }

    /// Resolves a leg, and holds the SDK's plan against what is done: return data, event and cash, or the refusal.
    ///
    /// # Errors
    /// As [`Chain::send`](crate::Chain::send); `Answer` when plan and chain differ.
    pub async fn resolve(&mut self, name: &str, market: usize) -> Result<Resolution> {
        let planned = self.plan_resolution(name, market)?;
        let call = self.resolve_instruction(name, market)?;
        match (planned, self.send_unsigned(call).await) {
            (Ok(plan), Ok(outcome)) => {
                let done = self.what_was_done(name, &plan, &outcome)?;
                if done != plan {
                    return Err(HarnessError::Answer(format!("the plan was {plan:?}, done was {done:?}")));
                }
                Ok(Resolution { plan, outcome })
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

    /// The plan with everything replaced that the chain tells.
    fn what_was_done(&self, name: &str, plan: &ResolvePlan, outcome: &Outcome) -> Result<ResolvePlan> {
        let mut done = plan.clone();
        done.cash_after_atoms = self.cash(name)?;
        if self.chain.is_vm() {
            done.report = outcome.returned::<ResolveReport>()?;
            let event = outcome.event::<LegResolved>()?;
            done.counterparties.clone_from(&event.counterparties);
            if event.report != done.report || event.cash_after_atoms != done.cash_after_atoms {
                return Err(HarnessError::Answer(format!("the event says {:?}, the call {done:?}", event.report)));
            }
        }
        Ok(done)
    }

    /// Resolves a leg in as many calls as it takes to have no lots left. Returns them.
    ///
    /// # Errors
    /// As [`World::resolve`]; `Answer` when it never ends.
    pub async fn resolve_leg(&mut self, name: &str, market: usize) -> Result<Vec<Resolution>> {
        let mut calls = Vec::new();
        while calls.len() < CALLS_MAX {
            let call = self.resolve(name, market).await?;
            let is_last = call.plan.report.base_lots_left == 0;
            calls.push(call);
            if is_last {
                return Ok(calls);
            }
        }
        Err(HarnessError::Answer(format!("{name} is not resolved after {CALLS_MAX} calls")))
    }

    /// The instruction that records a deficit.
    ///
    /// # Errors
    /// As [`World::legs`].
    pub fn record_instruction(&self, name: &str) -> Result<Instruction> {
        let legs = self.legs(name, None)?;
        Ok(instruction::record_deficit(self.venue.keys.exchange, self.trader(name).margin, &legs))
    }

    /// Records a deficit, and holds what the SDK says of it against what is recorded. Returns the record.
    ///
    /// # Errors
    /// As [`Chain::send`](crate::Chain::send); `Answer` when plan and chain differ.
    pub async fn record_deficit(&mut self, name: &str) -> Result<i64> {
        let (legs, margin) = (self.legs(name, None)?, self.trader(name).margin);
        let planned = deficit(&self.chain, self.now(), &self.venue.keys.exchange, &margin, &legs);
        let call = self.record_instruction(name)?;
        self.send_unsigned(call).await?;
        let recorded = self.account(name)?.state.recorded_deficit_atoms;
        match planned {
            Ok(planned) if planned.0 == recorded => Ok(recorded),
            other => Err(HarnessError::Answer(format!("{recorded} is recorded, the plan said {other:?}"))),
        }
    }

    /// Covers a market's unassigned loss.
    ///
    /// # Errors
    /// As [`Chain::send`](crate::Chain::send).
    pub async fn cover_loss(&mut self, market: usize) -> Result<Outcome> {
        let keys = self.market(market)?.keys;
        self.send_unsigned(instruction::cover_loss(keys.exchange, keys.market)).await
    }

    /// The instruction of a donation to insurance, for a market or for none.
    ///
    /// # Errors
    /// `Range` for an index that no market has.
    pub fn donate_instruction(&self, name: &str, market: Option<usize>, amount_atoms: u64) -> Result<Instruction> {
        let market = market.map(|index| self.market(index)).transpose()?.map(|handle| handle.keys.market);
        let (donor, keys) = (self.trader(name), self.venue.keys);
        Ok(instruction::donate_insurance(donor.key(), &keys, market, donor.token_account, amount_atoms))
    }

    /// Donates to insurance.
    ///
    /// # Errors
    /// As [`Chain::send`](crate::Chain::send).
    pub async fn donate(&mut self, name: &str, market: Option<usize>, amount_atoms: u64) -> Result<Outcome> {
        let donation = self.donate_instruction(name, market, amount_atoms)?;
        self.chain.send(&[donation], &[&self.trader(name).keypair]).await
    }
}
