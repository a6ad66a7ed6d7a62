//! What stands between a cluster as it is and as it should be. Pure: the same two descriptions give the same plan, and when they agree, none.

use core::fmt;

use solana_pubkey::Pubkey;
use taper_engine::governance::check_change;
use taper_engine::params::MarketParams;
use taper_parameters::{differences, Difference};
use taper_sdk::constants::{PROPOSAL_PENDING, STATUS_PAUSED};
use taper_sdk::state::{Exchange, Market, Proposal, ProposalAction};

use crate::desired::{Desired, DesiredMarket};

/// A cluster as it is.
#[derive(Default)]
pub struct Actual {
    /// The slot it was read in.
    pub slot: u64,
    /// The exchange, if there is one.
    pub exchange: Option<Box<Exchange>>,
    /// Its markets.
    pub markets: Vec<(Pubkey, Box<Market>)>,
    /// Its proposals.
    pub proposals: Vec<(Pubkey, Box<Proposal>)>,
}

/// What one transaction does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the exchange and its vault.
    CreateExchange,
    /// Lists a market.
    CreateMarket(Box<DesiredMarket>),
    /// Tightens a status, at once.
    Tighten {
        /// The market; `None` for the exchange.
        market: Option<Pubkey>,
        /// The status.
        status: u8,
    },
    /// Proposes a change, which then waits out the timelock.
    Propose {
        /// The market; `None` for the exchange.
        market: Option<Pubkey>,
        /// What is proposed.
        action: Box<ProposalAction>,
    },
    /// Applies a proposal whose timelock is over.
    Apply {
        /// Its number.
        index: u64,
        /// The market; `None` for the exchange.
        market: Option<Pubkey>,
        /// The new oracle account, if it names one.
        oracle: Option<Pubkey>,
    },
    /// Nobody can do anything yet.
    Wait {
        /// The proposal's number.
        index: u64,
        /// First slot in which it can be applied.
        ready_slot: u64,
    },
    /// Names the next admin, who has to accept.
    Nominate {
        /// The next admin.
        nominee: Pubkey,
    },
    /// The next admin has to accept: `accept_admin`, signed by it.
    WaitForAdmin {
        /// The next admin.
        nominee: Pubkey,
    },
    /// The program holds a limit above the file's for as long as it must (INV-12): nothing is left to do, and nothing can be done.
    Held,
    /// Cannot be brought about: somebody has to change the file, or the cluster by other means.
    Conflict,
}

impl Action {
    /// True if it sends a transaction now.
    pub fn is_executable(&self) -> bool {
        !matches!(self, Self::Wait { .. } | Self::WaitForAdmin { .. } | Self::Held | Self::Conflict)
    }

    /// True if the cluster is not as the file says until it, or somebody, has done something.
    pub fn is_left(&self) -> bool {
        *self != Self::Held
    }

    /// True if only the admin may do it.
    pub fn needs_admin(&self) -> bool {
        self.is_executable() && !matches!(self, Self::Apply { .. } | Self::CreateExchange)
    }
}

/// One step, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// For people.
    pub text: String,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match &self.action {
            Action::Conflict => "CONFLICT",
            Action::Wait { .. } | Action::WaitForAdmin { .. } => "wait",
            Action::Held => "held",
            Action::Propose { .. } => "propose",
            Action::Apply { .. } => "apply",
            _ => "do",
        };
        write!(out, "{mark:<8}  {}", self.text)
    }
}

/// The plan. Nothing of it is left to do ([`Action::is_left`]) when the cluster is as it should be.
pub fn plan(desired: &Desired, actual: &Actual) -> Vec<Step> {
    let mut planner = Planner { actual, steps: Vec::new() };
    let Some(exchange) = &actual.exchange else {
        planner.push(
            Action::CreateExchange,
            format!("create exchange {} of {}", desired.exchange.index, desired.exchange.creator),
        );
        for market in &desired.markets {
            planner.list(market, desired.exchange.timelock_slots);
        }
        return planner.steps;
    };
    planner.exchange(desired, exchange);
    for market in &desired.markets {
        let found: Vec<_> = actual.markets.iter().filter(|(_, is)| is.name == market.name_bytes).collect();
        match found.as_slice() {
            [] => planner.list(market, exchange.timelock_slots),
            [(key, is)] => planner.market(key, is, market),
            _ => planner.conflict(format!("market {}: the exchange has {} of that name", market.name, found.len())),
        }
    }
    planner.steps
}

struct Planner<'a> {
    actual: &'a Actual,
    steps: Vec<Step>,
}

impl Planner<'_> {
    fn push(&mut self, action: Action, text: String) {
        self.steps.push(Step { action, text });
    }

    fn conflict(&mut self, text: String) {
        self.push(Action::Conflict, text);
    }

    fn list(&mut self, market: &DesiredMarket, timelock_slots: u64) {
        let text = format!(
            "list market {} on oracle account {}; it opens {timelock_slots} slots later",
            market.name, market.oracle.account
        );
        self.push(Action::CreateMarket(Box::new(market.clone())), text);
        if market.status != 0 {
            self.steps.last_mut().into_iter().for_each(|step| step.text.push_str("; its status follows"));
        }
    }

    fn exchange(&mut self, desired: &Desired, is: &Exchange) {
        let want = &desired.exchange;
        if is.quote_mint != want.quote_mint || is.quote_decimals != want.quote_decimals {
            let text =
                format!("the quote mint is {} ({} decimals), and can never change", is.quote_mint, is.quote_decimals);
            self.conflict(text);
        }
        if is.guardian != want.guardian {
            let text = format!("guardian: {} -> {}", is.guardian, want.guardian);
            self.propose(None, ProposalAction::Guardian { guardian: want.guardian }, None, text);
        }
        if is.timelock_slots != want.timelock_slots {
            let text = format!("timelock: {} -> {} slots", is.timelock_slots, want.timelock_slots);
            if want.timelock_slots == 0 {
                self.conflict(format!("{text}: an exchange never gives its timelock up"));
            } else {
                self.propose(None, ProposalAction::Timelock { timelock_slots: want.timelock_slots }, None, text);
            }
        }
        self.status(None, "exchange", is.status, want.status);
        if is.admin != want.admin {
            if is.pending_admin == want.admin {
                let text = format!("{} has been nominated as admin and has to accept", want.admin);
                self.push(Action::WaitForAdmin { nominee: want.admin }, text);
            } else {
                let text = format!("nominate {} as admin in the place of {}", want.admin, is.admin);
                self.push(Action::Nominate { nominee: want.admin }, text);
            }
        }
    }

    fn market(&mut self, key: &Pubkey, is: &Market, want: &DesiredMarket) {
        let name = &want.name;
        if is.state.is_settled() || is.state.settle_after_slot != 0 {
            return self.conflict(format!("market {name} is winding down or settled: it can only be closed"));
        }
        if (is.oracle_kind, is.oracle_key, is.oracle_account)
            != (want.oracle.kind, want.oracle.key, want.oracle.account)
        {
            let action = ProposalAction::Oracle {
                oracle_kind: want.oracle.kind,
                oracle_key: want.oracle.key,
                oracle_account: want.oracle.account,
            };
            let text = format!("market {name}: oracle account {} -> {}", is.oracle_account, want.oracle.account);
            self.propose(Some(*key), action, Some(want.oracle.account), text);
        }
        self.params(key, is, want);
        self.status(Some(*key), &format!("market {name}"), is.status, want.status);
    }

    fn params(&mut self, key: &Pubkey, is: &Market, want: &DesiredMarket) {
        let name = &want.name;
        let reachable = reachable(is, &want.params);
        if reachable.sweep_cap_atoms > want.params.sweep_cap_atoms {
            let (least, file) = (reachable.sweep_cap_atoms, want.params.sweep_cap_atoms);
            let text = format!("market {name}: sweep_cap_atoms cannot be below {least}, which winners have taken out (INV-12); the file says {file}");
            self.push(Action::Held, text);
        }
        let differing = differences(&at_the_end_of_its_ramp(is), &reachable);
        if differing.is_empty() {
            return;
        }
        let list: Vec<String> =
            differing.iter().map(|Difference { field, from, to }| format!("{field}: {from} -> {to}")).collect();
        let list = list.join("; ");
        let action = ProposalAction::Params { params: want.params };
        if self.find(Some(key), &action).is_none() {
            // Judged again when it is applied; what can never come into force is not even proposed.
            let judged = check_change(&is.state.params, &want.params, is.state.limits_raised_slot, self.actual.slot);
            if let Err(error) = judged {
                if error != taper_engine::EngineError::LimitRaisedTooSoon {
                    return self.conflict(format!("market {name}: the program would refuse ({error:?}) {list}"));
                }
            }
        }
        self.propose(Some(*key), action, None, format!("market {name}: {list}"));
    }

    fn status(&mut self, market: Option<Pubkey>, name: &str, is: u8, want: u8) {
        let text = format!("{name}: status {is} -> {want}");
        if want > is {
            self.push(Action::Tighten { market, status: want }, format!("{text}, at once"));
        } else if want < is && want < STATUS_PAUSED {
            self.propose(market, ProposalAction::Status { status: want }, None, text);
        }
    }

    /// A pending proposal of the same change, not yet expired.
    fn find(&self, market: Option<&Pubkey>, action: &ProposalAction) -> Option<&Proposal> {
        let about = market.copied().unwrap_or_default();
        let of_interest = self.actual.proposals.iter().map(|(_, proposal)| proposal.as_ref()).filter(|proposal| {
            proposal.state == PROPOSAL_PENDING && proposal.market == about && self.actual.slot < proposal.expires_slot
        });
        of_interest
            .filter(|proposal| proposal.action().ok().as_ref() == Some(action))
            .max_by_key(|proposal| proposal.index)
    }

    /// What the timelock makes of a change: it is proposed, waits, and is applied.
    fn propose(&mut self, market: Option<Pubkey>, action: ProposalAction, oracle: Option<Pubkey>, text: String) {
        let timelock = self.actual.exchange.as_ref().map_or(0, |exchange| exchange.timelock_slots);
        match self.find(market.as_ref(), &action).map(|proposal| (proposal.index, proposal.ready_slot)) {
            Some((index, ready_slot)) if self.actual.slot >= ready_slot => {
                self.push(Action::Apply { index, market, oracle }, format!("proposal {index}: {text}"));
            }
            Some((index, ready_slot)) => {
                let left = ready_slot - self.actual.slot;
                let text =
                    format!("proposal {index} can be applied from slot {ready_slot} on, in {left} slots: {text}");
                self.push(Action::Wait { index, ready_slot }, text);
            }
            None => {
                let action = Box::new(action);
                let text = format!("{text} (comes into force after a timelock of {timelock} slots)");
                self.push(Action::Propose { market, action }, text);
            }
        }
    }
}

/// The file's parameters as far as the program would let them come into force now: a sweep cap stays at what winners have taken out already.
fn reachable(market: &Market, want: &MarketParams) -> MarketParams {
    MarketParams { sweep_cap_atoms: want.sweep_cap_atoms.max(market.state.net_swept_profit_atoms), ..*want }
}

/// The parameters that a market will have when a ramp that is on its way has ended.
fn at_the_end_of_its_ramp(market: &Market) -> MarketParams {
    let (mut params, ramp) = (market.state.params, &market.state.ramp);
    if ramp.end_slot != 0 {
        let used = usize::try_from(params.tier_count).unwrap_or(0);
        for (place, tier) in params.tiers.iter_mut().enumerate().take(used) {
            tier.mmr_bps = ramp.to_mmr_bps[place];
            tier.notional_cap_atoms = ramp.to_cap_atoms[place];
        }
    }
    params
}

#[cfg(test)]
mod tests;
