//! What a keeper does past the ladder: resolves accounts that are bankrupt or fit for a takeover, and who paid for it.

use std::collections::BTreeMap;

use anyhow::{bail, Result};
use solana_pubkey::Pubkey;
use taper::state::Market;
use taper_engine::quantity::Price;
use taper_harness::HarnessError;
use taper_sdk::instruction;

use super::report::{Payer, ResolutionLine};
use super::stage::Stage;

/// Calls after which an account that is still not resolved is given up: a table has 2,048 seats, a call takes 16.
const CALLS_MAX: usize = 130;

/// The keeper. It earns nothing by this.
#[derive(Default)]
pub struct Resolver {
    /// Refusals met, by the program's name of the error.
    pub refusals: BTreeMap<String, u64>,
}

/// An account to be resolved, as the report calls it.
pub struct Subject<'a> {
    pub margin_account: Pubkey,
    pub label: &'a str,
    pub side: &'static str,
    pub health_before_bps: i64,
    pub is_bankrupt: bool,
}

/// A copy of the market before a call, and who sits where.
struct Before {
    market: Box<Market>,
}

impl Resolver {
    /// Resolves an account's only leg, in as many calls as it takes. `None` when the first call was refused, which is counted.
    ///
    /// # Errors
    /// Of the chain; when it never ends.
    pub async fn resolve(
        &mut self,
        stage: &mut Stage,
        subject: &Subject<'_>,
        price: Price,
        time_ms: i64,
        names: &BTreeMap<Pubkey, String>,
    ) -> Result<Option<ResolutionLine>> {
        let mut line = ResolutionLine {
            time_ms,
            slot: stage.chain.slot(),
            price_atoms_per_lot: price.0,
            account: subject.label.to_owned(),
            side: subject.side,
            kind: if subject.is_bankrupt { "bankrupt" } else { "takeover" },
            health_before_bps: subject.health_before_bps,
            ..ResolutionLine::default()
        };
        for _ in 0..CALLS_MAX {
            let before = Before::of(stage)?;
            let call = instruction::resolve_account(&stage.market, subject.margin_account, &[]);
            match stage.chain.send(&[call], &[]).await {
                Ok(outcome) => {
                    line.calls += 1;
                    if stage.chain.is_vm() {
                        line.compute_units = Some(line.compute_units.unwrap_or(0).max(outcome.program_units()));
                    }
                }
                Err(HarnessError::Refused(refusal)) if line.calls == 0 => {
                    *self.refusals.entry(format!("{} (resolve)", refusal.name())).or_default() += 1;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
            before.count(stage, subject, price, names, &mut line)?;
            if stage.base_of(&subject.margin_account)?.is_zero() {
                return Ok(Some(line));
            }
        }
        bail!("{} is not resolved after {CALLS_MAX} calls", subject.label)
    }
}

impl Before {
    fn of(stage: &Stage) -> Result<Self> {
        let copy = taper_sdk::snapshot::copy::<Market>(&stage.chain, &stage.market.market)?;
        Ok(Self { market: copy })
    }

    /// Adds what a call has done, from the market before and after it.
    fn count(
        &self,
        stage: &Stage,
        subject: &Subject<'_>,
        price: Price,
        names: &BTreeMap<Pubkey, String>,
        line: &mut ResolutionLine,
    ) -> Result<()> {
        let (was, now) = (&self.market.state, &stage.chain.load::<Market>(&stage.market.market)?.state);
        line.insurance_atoms += now.insurance.drawn_atoms - was.insurance.drawn_atoms;
        line.socialised_atoms += now.socialised_atoms - was.socialised_atoms;
        line.unassigned_atoms += now.unassigned_loss_atoms - was.unassigned_loss_atoms;
        for (seat, after) in was.seats.rows.iter().zip(&now.seats.rows) {
            let owner = Pubkey::new_from_array(seat.owner);
            if seat.base_lots == 0 || seat.base_lots == after.base_lots {
                continue;
            }
            let lots = (seat.base_lots - after.base_lots).abs();
            if owner == subject.margin_account {
                line.lots += lots;
                continue;
            }
            let owed = was.owed_now(seat).map_err(|error| anyhow::anyhow!("the engine refuses: {error:?}"))?;
            let worth = |seat: &taper_engine::seat::Seat| {
                seat.base_lots * price.0 + seat.quote_entry_atoms + seat.realised_atoms
            };
            let charged = worth(seat) - owed.0 - worth(after);
            line.deleveraged_atoms += charged;
            let account = names.get(&owner).cloned().unwrap_or_else(|| owner.to_string());
            line.payers.push(Payer { account, lots, atoms: charged });
        }
        Ok(())
    }
}
