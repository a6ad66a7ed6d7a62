//! The desk decides: which accounts to look at, which slices to make, within which limits. It holds every action until its outcome is
//! known. No I/O: it is given the store and the time, and says what is to be done.

mod orders;
mod rest;
mod upkeep;

use core::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_sdk::account::decode;

use crate::action::{Action, IllegalStep, Outcome, Plan, State, Step, Upkeep, Way, Work};
use crate::decide::{Considered, Planner};
use crate::ledger::{Earned, Ledger};
use crate::limits::{InventoryLimit, OverLimit, SpendLimit};
use crate::store::accounts::AccountId;
use crate::store::{sparse, Store};
use orders::Look;
use rest::{Rest, Wake};
use upkeep::Trouble;
pub use upkeep::UpkeepRules;

/// Refusals of actions on one account within a second, after which it is left alone for the rest of it.
const REFUSALS_PER_SECOND: u32 = 3;

/// Accounts of which only a book has changed are planned when there is nothing else to do, and so many at once: news that comes meanwhile
/// waits for no more than these.
const WOKEN_PER_ROUND: usize = 8;

/// Number of an action.
pub type ActionId = u64;

/// How the desk works.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Most actions on their way at once.
    pub max_in_flight: usize,
    /// Most accounts planned in a round.
    pub plans_per_round: usize,
    /// Slots until an account of which nothing could be made is looked at again; a new price, or a change of the account or of its markets,
    /// comes first.
    pub retry_slots: u64,
    /// The most that a transaction may cost.
    pub max_fee_lamports: u64,
}

struct Live {
    action: Action,
    reserved_lamports: u64,
    reserved_notional_atoms: i64,
}

/// What a round has found.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Actions to be carried out.
    pub started: Vec<(ActionId, Plan)>,
    /// Accounts that were planned.
    pub planned: usize,
    /// Accounts at risk that were not looked at for lack of time.
    pub postponed: usize,
    /// Calls that pay nobody, to be carried out as well.
    pub upkeep: Vec<(ActionId, Upkeep)>,
    /// Such calls that a limit forbids.
    pub upkeep_over_limit: Vec<(Upkeep, OverLimit)>,
    /// Slices that a limit forbids.
    pub over_limit: Vec<(Plan, OverLimit)>,
    /// Accounts of which nothing can be made, and why.
    pub refused: Vec<(Pubkey, Considered)>,
}

/// The desk.
pub struct Desk {
    /// How slices are planned.
    pub planner: Planner,
    rules: Rules,
    spend: SpendLimit,
    inventory: InventoryLimit,
    live: BTreeMap<ActionId, Live>,
    busy: HashMap<Pubkey, ActionId>,
    rests: HashMap<AccountId, Rest>,
    /// How often actions on an account were refused since one landed, and in which second: a node that lags must not be asked the same over
    /// and over.
    refused: HashMap<Pubkey, (i64, u32)>,
    next_id: ActionId,
    ledger: Ledger,
    outcomes: BTreeMap<&'static str, u64>,
    closing: bool,
    upkeep: UpkeepRules,
    upkeep_spend: SpendLimit,
    upkeep_outcomes: BTreeMap<(&'static str, &'static str), u64>,
    troubles: HashMap<Pubkey, Trouble>,
    look: Look,
    /// Slot of the last round.
    slot: u64,
}

impl Desk {
    /// An empty desk.
    pub fn new(planner: Planner, rules: Rules, spend: SpendLimit, inventory: InventoryLimit) -> Self {
        Self {
            planner,
            rules,
            spend,
            inventory,
            live: BTreeMap::new(),
            busy: HashMap::new(),
            rests: HashMap::new(),
            refused: HashMap::new(),
            next_id: 1,
            ledger: Ledger::default(),
            outcomes: Outcome::LABELS.iter().map(|label| (*label, 0)).collect(),
            closing: false,
            upkeep: UpkeepRules::default(),
            upkeep_spend: SpendLimit::new(0),
            upkeep_outcomes: upkeep::no_outcomes(),
            troubles: HashMap::new(),
            look: Look::default(),
            slot: 0,
        }
    }

    /// Starts no more actions.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Actions whose outcome is not known.
    pub fn in_flight(&self) -> usize {
        self.live.len()
    }

    /// An action on its way.
    pub fn action(&self, id: ActionId) -> Option<&Action> {
        self.live.get(&id).map(|live| &live.action)
    }

    /// What was earned.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many actions ended how.
    pub fn outcomes(&self) -> &BTreeMap<&'static str, u64> {
        &self.outcomes
    }

    /// Lamports that may still be spent in this hour.
    pub fn spend_left_lamports(&mut self, now_seconds: i64) -> u64 {
        self.spend.left(now_seconds)
    }

    /// What is held and on its way, in all markets.
    pub fn inventory_atoms(&self) -> i64 {
        self.inventory.total()
    }

    /// Looks at the accounts at risk, the ones that lack most first, and starts the most profitable slices.
    pub fn round(&mut self, store: &Store) -> Round {
        let mut round = Round::default();
        self.count_inventory(store);
        self.slot = store.now().slot;
        if self.closing {
            return round;
        }
        let (mut due, woken) = self.due(store);
        let waiting = due.len() + woken.len();
        if due.is_empty() {
            due.extend(woken.into_iter().take(WOKEN_PER_ROUND));
        }
        due.truncate(self.rules.plans_per_round);
        round.postponed = waiting - due.len();
        let mut plans = Vec::new();
        for id in due {
            round.planned += 1;
            let considered = self.planner.consider(store, id, &self.inventory);
            match considered.plans.first() {
                Some(best) => plans.push((best.profit_atoms, id, considered.plans)),
                None => {
                    self.keep_up(store, id, &mut round);
                    self.rest(store, id);
                    round.refused.push((store.accounts().key(id), considered));
                }
            }
        }
        plans.sort_by_key(|(profit_atoms, id, _)| (Reverse(*profit_atoms), *id));
        for (_, id, plans) in plans {
            if self.live.len() >= self.rules.max_in_flight {
                break;
            }
            self.start_one(store, id, plans, &mut round);
        }
        self.look_for_orders(store, &mut round);
        round
    }

    /// Starts the first of an account's slices that no limit forbids.
    fn start_one(&mut self, store: &Store, id: AccountId, plans: Vec<Plan>, round: &mut Round) {
        // What others of this round have reserved is known better in the next one: with less room a smaller slice may be worth it.
        let is_alone = round.started.is_empty();
        for plan in plans {
            match self.start(store, plan.clone()) {
                Ok(action) => return round.started.push((action, plan)),
                Err(over) => round.over_limit.push((plan, over)),
            }
        }
        if is_alone {
            self.rest(store, id);
        }
    }

    /// The accounts at risk that nothing is being done about, and those of which only a book has changed; both by what they lack of their
    /// requirement.
    fn due(&self, store: &Store) -> (Vec<AccountId>, Vec<AccountId>) {
        let now = store.now();
        let is_refused =
            |key: &Pubkey| self.refused.get(key).is_some_and(|known| *known >= (now.seconds, REFUSALS_PER_SECOND));
        let mut due: Vec<(Wake, Reverse<i128>, AccountId)> = store
            .at_risk()
            .iter()
            .filter(|id| {
                let key = store.accounts().key(**id);
                !self.busy.contains_key(&key) && !is_refused(&key) && !self.is_troubled(&key)
            })
            .filter_map(|id| {
                let wake = self.rests.get(id).map_or(Some(Wake::Due), |rest| rest.wake(store, *id))?;
                let lacking = store.accounts().row(*id).health().map_or(i128::MAX, |health| {
                    health.requirement.0 - i128::from(health.equity.0) * i128::from(taper_engine::quantity::BPS_ONE)
                });
                Some((wake, Reverse(lacking), *id))
            })
            .collect();
        due.sort_unstable();
        let (due, woken): (Vec<_>, Vec<_>) = due.into_iter().partition(|(wake, ..)| *wake == Wake::Due);
        let ids = |of: Vec<(Wake, Reverse<i128>, AccountId)>| of.into_iter().map(|(.., id)| id).collect();
        (ids(due), ids(woken))
    }

    fn rest(&mut self, store: &Store, id: AccountId) {
        self.rests.insert(id, Rest::of(store, id, self.rules.retry_slots));
    }

    fn start(&mut self, store: &Store, plan: Plan) -> Result<ActionId, OverLimit> {
        let lamports = self.rules.max_fee_lamports;
        let report = &plan.report;
        let notional = match plan.way {
            Way::Book => 0,
            Way::Absorb => report.base_lots.saturating_mul(report.oracle_price_atoms_per_lot),
        };
        self.spend.reserve(store.now().seconds, lamports)?;
        if let Err(over) = self.inventory.reserve(&plan.market, notional) {
            self.spend.settle(store.now().seconds, lamports, 0);
            return Err(over);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.busy.insert(plan.margin_account, id);
        let live = Live { action: Action::new(plan), reserved_lamports: lamports, reserved_notional_atoms: notional };
        self.live.insert(id, live);
        Ok(id)
    }

    /// What the bot's own account holds.
    fn count_inventory(&mut self, store: &Store) {
        let Some(words) = store.accounts().find(&self.planner.own_margin_account).map(|id| store.accounts().unpack(id))
        else {
            return;
        };
        let Ok(own) = decode::<MarginAccount>(sparse::bytes_of(&words, MarginAccount::SPACE)) else { return };
        for position in own.used_positions() {
            let Some(entry) = store.market(&position.market) else { continue };
            let Ok(market) = entry.market() else { continue };
            let lots = market.state.seats.get(position.seat_index).map_or(0, |seat| seat.base_lots);
            let price = entry.price.map_or(market.state.last_price.price_atoms_per_lot, |price| price.price.0);
            self.inventory.set_held(position.market, lots.saturating_mul(price));
        }
    }

    /// Something happened to an action. Returns what became of it, once that is known.
    ///
    /// # Errors
    /// [`IllegalStep`]; an action that is not known counts as over, and takes no step.
    pub fn step(&mut self, now_seconds: i64, id: ActionId, step: Step) -> Result<Option<Outcome>, IllegalStep> {
        let Some(live) = self.live.get_mut(&id) else {
            return Err(IllegalStep { state: State::Done(Outcome::NotSent), step });
        };
        live.action.step(step)?;
        let Some(outcome) = live.action.outcome().cloned() else { return Ok(None) };
        if outcome == Outcome::Unknown {
            return Ok(Some(outcome));
        }
        if let Some(over) = self.live.remove(&id) {
            let work = &over.action.work;
            let key = work.margin_account();
            self.busy.remove(&key);
            match &outcome {
                Outcome::LostRace(_) | Outcome::NotNow(_) => {
                    let known = self.refused.entry(key).or_default();
                    *known = if known.0 == now_seconds { (now_seconds, known.1 + 1) } else { (now_seconds, 1) };
                }
                // Depth, the own account and the room for inventory are not as they were: what could not be done before is worth a look.
                Outcome::Confirmed { .. } => {
                    self.refused.clear();
                    self.rests.clear();
                }
                _ => {}
            }
            self.spend.settle(now_seconds, over.reserved_lamports, 0);
            self.inventory.release(&work.market(), over.reserved_notional_atoms);
            self.note_trouble(work.margin_account(), &outcome);
            if let Work::Upkeep(upkeep) = work {
                self.upkeep_is_over(now_seconds, *upkeep, over.reserved_lamports, &outcome);
            }
        }
        *self.outcomes.entry(outcome.label()).or_default() += 1;
        Ok(Some(outcome))
    }

    /// A transaction landed, whether the program did what was asked or not: its fee was paid, and this was earned.
    pub fn landed(&mut self, now_seconds: i64, signature: [u8; 64], fee_lamports: u64, earned: &[Earned]) {
        if self.ledger.enter(signature, fee_lamports, earned) {
            self.spend.settle(now_seconds, 0, fee_lamports);
        }
    }

    /// Forgets which accounts are left alone: after a resynchronisation numbers may mean other accounts.
    pub fn forget_rests(&mut self) {
        self.rests.clear();
        self.refused.clear();
    }
}
