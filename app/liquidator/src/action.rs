//! The life of one action, from its plan to what became of it. A step that does not fit the state is refused, so no transaction is ever
//! counted twice or forgotten.

use solana_pubkey::Pubkey;
use taper::error::TaperError;
use taper::events::SliceReport;
use taper::instructions::LiquidateArgs;

use crate::outcome::{verdict, Verdict};

/// How a slice is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// Through the book.
    Book,
    /// Into the bot's own margin account.
    Absorb,
}

/// One slice that the bot has decided to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The liquidatee.
    pub margin_account: Pubkey,
    /// The leg's market.
    pub market: Pubkey,
    /// Book or absorb.
    pub way: Way,
    /// Arguments of the call.
    pub args: LiquidateArgs,
    /// What it would do.
    pub report: SliceReport,
    /// What it would earn, fees and the risk of what is taken over already off.
    pub profit_atoms: i64,
}

/// A call that pays nobody, and keeps the market safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Duty {
    /// `resolve_account`: a leg of an account that is bankrupt or taken over.
    Resolve,
    /// `flag_account`: the clock of an unhealthy account's episode begins to run, so that its cost cap rises.
    Flag,
    /// `force_cancel_orders`: orders without margin.
    Cancel,
}

impl Duty {
    /// A word for logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Flag => "flag",
            Self::Cancel => "cancel",
        }
    }
}

/// One such call that the bot has decided to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// Which call.
    pub duty: Duty,
    /// The account.
    pub margin_account: Pubkey,
    /// The leg's market.
    pub market: Pubkey,
}

/// What an action is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A slice.
    Slice(Plan),
    /// A call that pays nobody.
    Upkeep(Upkeep),
}

impl From<Plan> for Work {
    fn from(plan: Plan) -> Self {
        Self::Slice(plan)
    }
}

impl From<Upkeep> for Work {
    fn from(upkeep: Upkeep) -> Self {
        Self::Upkeep(upkeep)
    }
}

impl Work {
    /// The account that it is about.
    pub fn margin_account(&self) -> Pubkey {
        match self {
            Self::Slice(plan) => plan.margin_account,
            Self::Upkeep(upkeep) => upkeep.margin_account,
        }
    }

    /// The leg's market.
    pub fn market(&self) -> Pubkey {
        match self {
            Self::Slice(plan) => plan.market,
            Self::Upkeep(upkeep) => upkeep.market,
        }
    }
}

/// Where an action is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Decided on.
    Planned,
    /// A node has run it, with so many compute units.
    Simulated {
        /// Units.
        units: u64,
    },
    /// Signed and given to a node. From here on only the chain knows.
    Sent {
        /// Last block height at which it can land.
        last_valid_block_height: u64,
    },
    /// It is over.
    Done(Outcome),
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It landed and did something.
    Confirmed {
        /// Slot.
        slot: u64,
    },
    /// Somebody else, or the account's owner, was faster.
    LostRace(TaperError),
    /// The world is not as planned: stale prices, no depth. Later, perhaps.
    NotNow(TaperError),
    /// It can never land any more, and has not.
    Expired,
    /// It was refused for a reason that is this bot's, or the node's.
    Failed(String),
    /// It was sent, and nobody can tell yet: the node was lost. Its fee and its inventory stay reserved until somebody can.
    Unknown,
    /// Planned, and by intention not sent: a dry run, or the shutdown came first.
    NotSent,
}

/// What happens to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The simulation succeeded.
    Simulated {
        /// Units used.
        units: u64,
    },
    /// The program refuses, in simulation or on chain, with this code.
    Refused {
        /// Custom error code.
        code: u32,
    },
    /// The node, or the runtime, refuses.
    Broken(String),
    /// It was sent.
    Sent {
        /// Last block height at which it can land.
        last_valid_block_height: u64,
    },
    /// It is on chain and succeeded.
    Landed {
        /// Slot.
        slot: u64,
    },
    /// The chain has passed the last height at which it could land, and does not know it.
    HeightPassed {
        /// The chain's height.
        block_height: u64,
    },
    /// The node cannot be asked.
    NodeLost,
    /// It is not to be sent.
    Withheld,
}

/// A step that does not fit the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action that is {state:?} cannot take the step {step:?}")]
pub struct IllegalStep {
    /// The state.
    pub state: State,
    /// The step.
    pub step: Step,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What was decided.
    pub work: Work,
    /// Where it is.
    pub state: State,
}

impl Action {
    /// A new action.
    pub fn new(work: impl Into<Work>) -> Self {
        Self { work: work.into(), state: State::Planned }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`IllegalStep`]; the action is as before.
    pub fn step(&mut self, step: Step) -> Result<(), IllegalStep> {
        self.state = match (&self.state, &step) {
            (State::Planned, Step::Simulated { units }) => State::Simulated { units: *units },
            (State::Planned | State::Simulated { .. }, Step::Withheld) => State::Done(Outcome::NotSent),
            // Nothing was sent yet: a node that is lost has cost nothing.
            (State::Planned | State::Simulated { .. }, Step::NodeLost) => {
                State::Done(Outcome::Failed("the node was lost before anything was sent".into()))
            }
            (State::Simulated { .. }, Step::Sent { last_valid_block_height }) => {
                State::Sent { last_valid_block_height: *last_valid_block_height }
            }
            (State::Sent { .. } | State::Done(Outcome::Unknown), Step::Landed { slot }) => {
                State::Done(Outcome::Confirmed { slot: *slot })
            }
            (State::Sent { last_valid_block_height }, Step::HeightPassed { block_height })
                if block_height > last_valid_block_height =>
            {
                State::Done(Outcome::Expired)
            }
            (State::Done(Outcome::Unknown), Step::HeightPassed { .. }) => State::Done(Outcome::Expired),
            (State::Sent { .. }, Step::NodeLost) => State::Done(Outcome::Unknown),
            (State::Planned | State::Simulated { .. } | State::Sent { .. }, Step::Refused { code })
            | (State::Done(Outcome::Unknown), Step::Refused { code }) => State::Done(refused(*code)),
            (State::Planned | State::Simulated { .. } | State::Sent { .. }, Step::Broken(reason)) => {
                State::Done(Outcome::Failed(reason.clone()))
            }
            (state, _) => return Err(IllegalStep { state: state.clone(), step }),
        };
        Ok(())
    }

    /// What became of it, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }
}

fn refused(code: u32) -> Outcome {
    match taper_sdk::error::of_code(code) {
        Some(error) => match verdict(error) {
            Verdict::LostRace => Outcome::LostRace(error),
            Verdict::NotNow => Outcome::NotNow(error),
            Verdict::Fault => Outcome::Failed(format!("{error:?}")),
        },
        None => Outcome::Failed(taper_sdk::error::name(code).unwrap_or_else(|| format!("error code {code}"))),
    }
}

impl Outcome {
    /// A word for logs and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "confirmed",
            Self::LostRace(_) => "lost_race",
            Self::NotNow(_) => "not_now",
            Self::Expired => "expired",
            Self::Failed(_) => "failed",
            Self::Unknown => "unknown",
            Self::NotSent => "not_sent",
        }
    }

    /// All labels.
    pub const LABELS: [&'static str; 7] =
        ["confirmed", "lost_race", "not_now", "expired", "failed", "unknown", "not_sent"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action() -> Action {
        let report: SliceReport = anchor_lang::AnchorDeserialize::deserialize(&mut [0u8; 200].as_slice()).unwrap();
        let args = LiquidateArgs { max_base_lots: 1, expected_base_lots: 1, min_payout_atoms: 0, deadline_slot: 9 };
        Action::new(Plan {
            margin_account: Pubkey::new_from_array([1; 32]),
            market: Pubkey::new_from_array([2; 32]),
            way: Way::Book,
            args,
            report,
            profit_atoms: 5,
        })
    }

    fn after(steps: &[Step]) -> Action {
        let mut action = action();
        for step in steps {
            action.step(step.clone()).unwrap();
        }
        action
    }

    const SIMULATED: Step = Step::Simulated { units: 100 };
    const SENT: Step = Step::Sent { last_valid_block_height: 50 };

    #[test]
    fn the_good_way() {
        let done = after(&[SIMULATED, SENT, Step::Landed { slot: 7 }]);
        assert_eq!(done.outcome(), Some(&Outcome::Confirmed { slot: 7 }));
    }

    #[test]
    fn a_lost_race_is_an_outcome_of_its_own_before_and_after_sending() {
        let code = u32::from(TaperError::UnexpectedBase);
        let lost = Some(&Outcome::LostRace(TaperError::UnexpectedBase));
        assert_eq!(after(&[Step::Refused { code }]).outcome(), lost);
        assert_eq!(after(&[SIMULATED, SENT, Step::Refused { code }]).outcome(), lost);
        let stale = u32::from(TaperError::OracleStale);
        assert_eq!(after(&[Step::Refused { code: stale }]).outcome(), Some(&Outcome::NotNow(TaperError::OracleStale)));
        let fault = u32::from(TaperError::WrongOrderBook);
        assert_eq!(after(&[Step::Refused { code: fault }]).outcome().unwrap().label(), "failed");
        assert_eq!(after(&[Step::Refused { code: 1 }]).outcome().unwrap().label(), "failed");
    }

    #[test]
    fn it_expires_only_when_it_can_land_no_more() {
        let mut sent = after(&[SIMULATED, SENT]);
        let early = sent.step(Step::HeightPassed { block_height: 50 });
        assert!(matches!(early, Err(IllegalStep { state: State::Sent { .. }, .. })));
        sent.step(Step::HeightPassed { block_height: 51 }).unwrap();
        assert_eq!(sent.outcome(), Some(&Outcome::Expired));
    }

    #[test]
    fn a_lost_node_leaves_doubt_only_about_what_was_sent() {
        assert_eq!(after(&[SIMULATED, Step::NodeLost]).outcome().unwrap().label(), "failed");
        let mut unknown = after(&[SIMULATED, SENT, Step::NodeLost]);
        assert_eq!(unknown.outcome(), Some(&Outcome::Unknown));
        unknown.step(Step::Landed { slot: 3 }).unwrap();
        assert_eq!(unknown.outcome(), Some(&Outcome::Confirmed { slot: 3 }));
    }

    #[test]
    fn nothing_is_sent_unsimulated_or_twice_and_what_is_over_stays_over() {
        for (steps, step) in [
            (vec![], SENT),
            (vec![SIMULATED, SENT], SENT),
            (vec![SIMULATED, SENT], Step::Withheld),
            (vec![SIMULATED, SENT, Step::Landed { slot: 7 }], Step::Landed { slot: 8 }),
            (vec![SIMULATED, SENT, Step::Landed { slot: 7 }], Step::NodeLost),
            (vec![Step::Withheld], SIMULATED),
        ] {
            let mut action = after(&steps);
            let before = action.clone();
            let refused = action.step(step.clone()).unwrap_err();
            assert_eq!((refused.state, refused.step), (before.state.clone(), step));
            assert_eq!(action, before);
        }
    }
}
