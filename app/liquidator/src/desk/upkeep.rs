//! Calls that pay nobody and keep the market safe: made when the operator asks for them, where no slice is worth it, within a spending limit
//! of their own. And how long an account is left alone with which something went wrong.

use std::collections::BTreeMap;

use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_engine::liquidate::FlagOutcome;
use taper_sdk::account::decode;
use taper_sdk::plan::{plan_flag, plan_resolution, LegQuery};
use taper_sdk::snapshot::PlanError;

use super::{ActionId, Desk, Live, Round};
use crate::action::{Action, Duty, Outcome, Upkeep};
use crate::decide::legs_of;
use crate::limits::{OverLimit, SpendLimit};
use crate::store::accounts::AccountId;
use crate::store::{sparse, Store};

/// An account is left alone for at most so many times the usual rest.
const REST_DOUBLINGS_MAX: u32 = 6;

/// Which of these calls the operator asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpkeepRules {
    /// `resolve_account`.
    pub resolve: bool,
    /// `flag_account`.
    pub flag: bool,
    /// `force_cancel_orders`.
    pub cancel: bool,
    /// Fees for all within an hour.
    pub spend_lamports_per_hour: u64,
}

/// What went wrong with an account, and until when it is left alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    count: u32,
    until_slot: u64,
}

pub(super) fn no_outcomes() -> BTreeMap<(&'static str, &'static str), u64> {
    let duties = [Duty::Resolve, Duty::Flag, Duty::Cancel];
    duties.iter().flat_map(|duty| Outcome::LABELS.map(|outcome| ((duty.label(), outcome), 0))).collect()
}

impl Desk {
    /// With calls that pay nobody.
    #[must_use]
    pub fn with_upkeep(mut self, rules: UpkeepRules) -> Self {
        (self.upkeep, self.upkeep_spend) = (rules, SpendLimit::new(rules.spend_lamports_per_hour));
        self
    }

    /// How many calls that pay nobody ended how, by call and outcome.
    pub fn upkeep_outcomes(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.upkeep_outcomes
    }

    /// Does for an account without a slice that is worth it what the operator asks for.
    pub(super) fn keep_up(&mut self, store: &Store, id: AccountId, round: &mut Round) {
        if let Some(upkeep) = self.upkeep_of(store, id) {
            self.begin_upkeep(store, upkeep, round);
        }
    }

    pub(super) fn begin_upkeep(&mut self, store: &Store, upkeep: Upkeep, round: &mut Round) {
        if self.live.len() >= self.rules.max_in_flight {
            return;
        }
        match self.start_upkeep(store, upkeep) {
            Ok(id) => round.upkeep.push((id, upkeep)),
            Err(over) => round.upkeep_over_limit.push((upkeep, over)),
        }
    }

    fn upkeep_of(&self, store: &Store, id: AccountId) -> Option<Upkeep> {
        if !self.upkeep.resolve && !self.upkeep.flag {
            return None;
        }
        let margin_account = store.accounts().key(id);
        let words = store.accounts().unpack(id);
        let account: &MarginAccount = decode(sparse::bytes_of(&words, MarginAccount::SPACE)).ok()?;
        let leg = |would: &dyn Fn(&LegQuery<'_>, &Pubkey) -> bool| {
            let found = account.used_positions().find(|position| {
                let query = |legs: &[_]| -> Result<bool, PlanError> {
                    let keys = &store.market(&position.market).ok_or(PlanError::NoAccount(position.market))?.keys;
                    Ok(would(&LegQuery { now: store.now(), keys, margin_account, legs }, &position.market))
                };
                legs_of(store, account, &position.market).and_then(|legs| query(&legs)).unwrap_or(false)
            });
            found.map(|position| position.market)
        };
        let view = |market: &Pubkey| store.view(&[margin_account], &[*market]);
        let upkeep = |duty| move |market| Upkeep { duty, margin_account, market };
        let resolve = || leg(&|query, market| plan_resolution(&view(market), query).is_ok());
        // Once an episode's clock runs, the next slice or flag counts all slots since: it is observed anew only before it would end.
        let flag = || {
            leg(&|query, market| match plan_flag(&view(market), query).map(|plan| plan.outcome) {
                Ok(FlagOutcome::Started | FlagOutcome::Ended) => true,
                Ok(FlagOutcome::Unhealthy) => is_half_cooled(store, account, market),
                Ok(FlagOutcome::Healthy) | Err(_) => false,
            })
        };
        let resolved = self.upkeep.resolve.then(resolve).flatten().map(upkeep(Duty::Resolve));
        resolved.or_else(|| self.upkeep.flag.then(flag).flatten().map(upkeep(Duty::Flag)))
    }

    fn start_upkeep(&mut self, store: &Store, upkeep: Upkeep) -> Result<ActionId, OverLimit> {
        let (seconds, lamports) = (store.now().seconds, self.rules.max_fee_lamports);
        self.upkeep_spend.reserve(seconds, lamports)?;
        if let Err(over) = self.spend.reserve(seconds, lamports) {
            self.upkeep_spend.settle(seconds, lamports, 0);
            return Err(over);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.busy.insert(upkeep.margin_account, id);
        let live = Live { action: Action::new(upkeep), reserved_lamports: lamports, reserved_notional_atoms: 0 };
        self.live.insert(id, live);
        Ok(id)
    }

    /// An action on its way is such a call.
    pub fn duty_of(&self, id: ActionId) -> Option<Duty> {
        match self.action(id)?.work {
            crate::action::Work::Upkeep(upkeep) => Some(upkeep.duty),
            crate::action::Work::Slice(_) => None,
        }
    }

    /// The fee of such a call was paid.
    pub fn upkeep_paid(&mut self, now_seconds: i64, fee_lamports: u64) {
        self.upkeep_spend.settle(now_seconds, 0, fee_lamports);
    }

    pub(super) fn upkeep_is_over(&mut self, now_seconds: i64, upkeep: Upkeep, reserved: u64, outcome: &Outcome) {
        self.upkeep_spend.settle(now_seconds, reserved, 0);
        *self.upkeep_outcomes.entry((upkeep.duty.label(), outcome.label())).or_default() += 1;
    }

    pub(super) fn is_troubled(&self, margin_account: &Pubkey) -> bool {
        self.troubles.get(margin_account).is_some_and(|trouble| trouble.until_slot > self.slot)
    }

    /// What fails again and again is tried less and less often: each attempt costs a question, and perhaps a fee. Refusals by the program are
    /// counted elsewhere.
    pub(super) fn note_trouble(&mut self, margin_account: Pubkey, outcome: &Outcome) {
        match outcome {
            Outcome::Confirmed { .. } => {
                self.troubles.remove(&margin_account);
            }
            Outcome::Failed(_) | Outcome::Expired | Outcome::NotSent => {
                let trouble = self.troubles.entry(margin_account).or_default();
                let rest = self.rules.retry_slots.saturating_mul(1 << trouble.count.min(REST_DOUBLINGS_MAX));
                trouble.count = trouble.count.saturating_add(1);
                trouble.until_slot = self.slot.saturating_add(rest);
            }
            Outcome::LostRace(_) | Outcome::NotNow(_) | Outcome::Unknown => {}
        }
    }
}

/// The episode would end of itself in less than half its cool-off.
fn is_half_cooled(store: &Store, account: &MarginAccount, market: &Pubkey) -> bool {
    let Some(Ok(market)) = store.market(market).map(|entry| entry.market()) else { return false };
    let since = store.now().slot.saturating_sub(account.state.episode.last_unhealthy_slot);
    since.saturating_mul(2) >= market.state.params.cooloff_slots
}
