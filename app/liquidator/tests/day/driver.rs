//! The bot's own store, desk and ledger, fed as its websocket would feed them, its decisions sent to the chain.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_harness::HarnessError;
use taper_liquidator::action::{Outcome, Plan, Step, Way};
use taper_liquidator::decide::{legs_of, own_legs, Economics, Planner};
use taper_liquidator::desk::{Desk, Rules};
use taper_liquidator::ledger::earned;
use taper_liquidator::limits::{InventoryLimit, SpendLimit};
use taper_liquidator::store::Store;
use taper_sdk::instruction::{absorb, partial_liquidate, Payout};

use crate::judge::Terms;
use crate::rig::{Rig, BOT, RIVAL};

/// Rounds after which a bot that still starts something is one that never ends.
const ROUNDS_MAX: usize = 500;

/// What goes wrong on the way, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Updates lost; the bot is told that some were, as its feed tells it, and loads everything anew.
    pub dropped_updates: u32,
    /// Slices that a rival makes just before the bot.
    pub lost_races: u32,
    /// A market of which the bot hears no price: not a fault that it could survive, but one that the judge must see.
    pub blind_to: Option<usize>,
}

/// What the bot did.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    pub book: u64,
    pub absorbed: u64,
    pub resyncs: u64,
    pub rivals: u64,
    pub profit_atoms: i64,
    /// Slices that a limit forbade.
    pub over_limit: u64,
    /// Most accounts at risk at once.
    pub at_risk: usize,
}

/// The bot without its sockets.
pub struct Driver {
    pub desk: Desk,
    pub store: Store,
    pub deeds: Deeds,
    faults: Faults,
    own: Pubkey,
    fed: BTreeMap<Pubkey, Vec<u8>>,
    random: ChaCha8Rng,
    signatures: u64,
}

impl Driver {
    pub fn new(rig: &Rig, terms: &Terms, faults: Faults) -> Self {
        let own = rig.world.trader(BOT).margin;
        let economics = Economics {
            quote_atoms_per_sol: terms.quote_atoms_per_sol,
            fee_lamports: terms.fee_lamports,
            min_profit_atoms: terms.min_profit_atoms,
            absorb_haircut_bps: terms.absorb_haircut_bps,
            min_payout_bps: 9_000,
        };
        let planner = Planner { economics, own_margin_account: own, book: true, absorb: true, deadline_slots: 25 };
        let rules =
            Rules { max_in_flight: 16, plans_per_round: 64, retry_slots: 2, max_fee_lamports: terms.fee_lamports };
        let inventory = InventoryLimit::new(terms.inventory_atoms_per_market, terms.inventory_atoms);
        let mut driver = Self {
            desk: Desk::new(planner, rules, SpendLimit::new(u64::MAX), inventory),
            store: Store::new(rig.world.venue.keys.exchange),
            deeds: Deeds::default(),
            faults,
            own,
            fed: BTreeMap::new(),
            random: ChaCha8Rng::seed_from_u64(7),
            signatures: 0,
        };
        driver.load(rig);
        driver
    }

    /// Everything anew, as after a lost connection.
    fn load(&mut self, rig: &Rig) {
        self.store = Store::new(rig.world.venue.keys.exchange);
        self.fed.clear();
        self.desk.forget_rests();
        let faults = std::mem::take(&mut self.faults);
        self.faults.blind_to = faults.blind_to;
        self.hear(rig);
        self.faults = faults;
    }

    /// Every account that has changed, as an update of it. Returns whether one was lost.
    fn hear(&mut self, rig: &Rig) -> bool {
        let chain = &rig.world.chain;
        let (mut lost, slot) = (false, chain.slot());
        self.store.set_now(rig.world.now());
        let blind = self.faults.blind_to.map(|market| rig.world.markets()[market].feed.account);
        let oracles: Vec<Pubkey> = rig.world.markets().iter().map(|handle| handle.feed.account).collect();
        for (key, account) in chain.tracked() {
            let is_oracle = oracles.contains(key);
            if !is_oracle && account.owner != taper::ID || self.fed.get(key) == Some(&account.data) {
                continue;
            }
            self.fed.insert(*key, account.data.clone());
            if self.random.gen_ratio(self.faults.dropped_updates, 100) {
                lost = true;
            } else if is_oracle && Some(*key) != blind {
                self.store.put_oracle(*key, account.owner, &account.data, slot);
            } else if !is_oracle {
                self.store.put(*key, &account.owner, &account.data, slot).unwrap();
            }
        }
        self.store.refresh(10);
        lost
    }

    /// Lets the bot work until it has nothing left to do.
    pub async fn work(&mut self, rig: &mut Rig) {
        let mut lost = self.hear(rig);
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "the bot starts something again and again: {:?}", self.desk.outcomes());
            self.deeds.at_risk = self.deeds.at_risk.max(self.store.at_risk().len());
            let found = self.desk.round(&self.store);
            self.deeds.over_limit += found.over_limit.len() as u64;
            let is_idle = found.started.is_empty() && found.postponed == 0;
            for (id, plan) in found.started {
                self.carry_out(rig, id, &plan).await;
            }
            lost |= self.hear(rig);
            if is_idle && lost {
                // Its clock ticks: it was told that updates were lost, and loads.
                self.load(rig);
                self.deeds.resyncs += 1;
                lost = false;
            } else if is_idle {
                return;
            }
        }
    }

    async fn carry_out(&mut self, rig: &mut Rig, id: u64, plan: &Plan) {
        if self.random.gen_ratio(self.faults.lost_races, 100) {
            self.rival(rig, plan).await;
        }
        let instruction = self.instruction(rig, plan);
        let step = |desk: &mut Desk, step| desk.step(rig.world.now().seconds, id, step).unwrap();
        step(&mut self.desk, Step::Simulated { units: 1 });
        step(&mut self.desk, Step::Sent { last_valid_block_height: 1 });
        let keypair = rig.world.trader(BOT).keypair;
        match rig.world.chain.send(&[instruction], &[&keypair]).await {
            Ok(outcome) => {
                let found = earned(&outcome.logs, &rig.world.trader(BOT).key(), Some(&self.own));
                self.signatures += 1;
                let mut signature = [0; 64];
                signature[..8].copy_from_slice(&self.signatures.to_le_bytes());
                let seconds = rig.world.now().seconds;
                let fee = self.desk.planner.economics.fee_lamports;
                self.desk.landed(seconds, signature, fee, &found);
                self.desk.step(seconds, id, Step::Landed { slot: rig.world.chain.slot() }).unwrap();
                self.deeds.profit_atoms += plan.profit_atoms;
                match plan.way {
                    Way::Book => self.deeds.book += 1,
                    Way::Absorb => self.deeds.absorbed += 1,
                }
            }
            Err(HarnessError::Refused(refusal)) => {
                let code = refusal.code.unwrap_or_else(|| panic!("{refusal:?}"));
                let over = self.desk.step(rig.world.now().seconds, id, Step::Refused { code }).unwrap();
                assert!(!matches!(over, Some(Outcome::Failed(_))), "{over:?}: {plan:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn instruction(&self, rig: &Rig, plan: &Plan) -> Instruction {
        let keys = self.store.market(&plan.market).unwrap().keys;
        let account: &MarginAccount = rig.world.chain.load(&plan.margin_account).unwrap();
        let legs = legs_of(&self.store, account, &plan.market).unwrap();
        let caller = rig.world.trader(BOT).key();
        match plan.way {
            Way::Book => {
                let payout = Payout::Credit { margin_account: self.own };
                partial_liquidate(caller, &keys, plan.margin_account, &payout, plan.args, &legs)
            }
            Way::Absorb => {
                let own = own_legs(&self.store, &self.own, &plan.market).unwrap();
                absorb(caller, &keys, plan.margin_account, self.own, plan.args, &legs, &own)
            }
        }
    }

    /// Somebody else makes the slice through the book that the bot is about to make.
    async fn rival(&mut self, rig: &mut Rig, plan: &Plan) {
        let keys = self.store.market(&plan.market).unwrap().keys;
        let account: &MarginAccount = rig.world.chain.load(&plan.margin_account).unwrap();
        let legs = legs_of(&self.store, account, &plan.market).unwrap();
        let rival = rig.world.trader(RIVAL);
        let payout = Payout::Credit { margin_account: rival.margin };
        let args = taper::instructions::LiquidateArgs { min_payout_atoms: 0, ..plan.args };
        let slice = partial_liquidate(rival.key(), &keys, plan.margin_account, &payout, args, &legs);
        if rig.world.chain.send(&[slice], &[&rival.keypair]).await.is_ok() {
            self.deeds.rivals += 1;
        }
    }
}
