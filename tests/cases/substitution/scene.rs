//! Worlds in which every instruction works, and all that it could be given instead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_engine::quantity::Side;
use taper_harness::{
    keypair, mint_bytes, order, token_account_bytes, HarnessError, MarketHandle, MarketSpec, Outcome, PriceSource,
    Trader, Venue, World, TOKEN_PROGRAM,
};
use taper_sdk::instruction;

use super::table::{self, Case};
use super::{governance, ruin};
use crate::support::*;

/// A world, the instructions that work in it, and the accounts they are tried with.
pub struct Scene {
    pub world: World,
    pub cases: Vec<Case>,
    /// Every key that is tried, with its kind.
    pub candidates: BTreeMap<Pubkey, &'static str>,
    /// What tells those of one kind apart.
    pub names: BTreeMap<Pubkey, String>,
    pub signers: BTreeMap<Pubkey, Arc<Keypair>>,
}

impl Scene {
    async fn of(mut world: World, cases: impl FnOnce(&World) -> Vec<Case>) -> Self {
        let mut candidates = BTreeMap::new();
        add_other_exchange(&mut world, &mut candidates).await;
        let signers = gather(&world, &mut candidates);
        let cases = cases(&world);
        let names = names(&world);
        Self { world, cases, candidates, names, signers }
    }

    /// Sends a case with other accounts. `Some(name)` of the refusal, `None` if it went through.
    pub async fn attempt(&mut self, case: usize, metas: Vec<AccountMeta>) -> Option<String> {
        let (all, signers) = self.transaction(case, metas);
        let signers: Vec<&Keypair> = signers.iter().map(Arc::as_ref).collect();
        let sent = self.world.chain.send(&all, &signers).await;
        self.refusal(case, sent)
    }

    /// The same, simulated.
    pub async fn simulate(&mut self, case: usize, metas: Vec<AccountMeta>) -> Option<String> {
        let (all, signers) = self.transaction(case, metas);
        let signers: Vec<&Keypair> = signers.iter().map(Arc::as_ref).collect();
        let simulated = self.world.chain.simulate(&all, &signers).await;
        self.refusal(case, simulated)
    }

    fn transaction(&self, case: usize, metas: Vec<AccountMeta>) -> (Vec<Instruction>, Vec<Arc<Keypair>>) {
        let case = &self.cases[case];
        let instruction = Instruction { accounts: metas, ..case.instruction.clone() };
        let mut all = case.before.clone();
        all.push(instruction);
        let keys: BTreeSet<Pubkey> =
            all.iter().flat_map(|i| &i.accounts).filter(|m| m.is_signer).map(|m| m.pubkey).collect();
        let signers = keys.iter().filter_map(|key| self.signers.get(key).cloned()).collect();
        (all, signers)
    }

    fn refusal(&self, case: usize, done: taper_harness::Result<Outcome>) -> Option<String> {
        match done {
            Ok(_) => None,
            Err(HarnessError::Refused(refusal)) => Some(refusal.name()),
            Err(other) => panic!("{}: {other}", self.cases[case].name),
        }
    }
}

/// Alice is long in two markets, has an order in the first, and is in trouble. A second exchange has a market, a trader
/// and a vault of its own; there are tokens of another mint.
pub async fn trouble() -> Scene {
    let mut world = World::with_markets(2).await.unwrap();
    world.take("alice", 0, Side::Bid, 5_000).await.unwrap();
    world.take("alice", 1, Side::Bid, 5_000).await.unwrap();
    world.place("alice", 0, order(Side::Ask, LISTED * 2, 10)).await.unwrap();
    world.place("bob", 0, order(Side::Bid, LISTED / 2, 10)).await.unwrap();
    // A seat to release.
    world.place("dave", 0, order(Side::Bid, LISTED / 2, 10)).await.unwrap();
    world.cancel_all("dave", 0).await.unwrap();
    let alice = world.trader("alice");
    let set_delegate = instruction::set_delegate(alice.key(), alice.margin, world.trader("carol").key());
    world.chain.send(&[set_delegate], &[&alice.keypair]).await.unwrap();
    world.pass(10).unwrap();
    for market in [0, 1] {
        move_price(&mut world, market, SOFT).await;
    }
    // A winner has been paid, so that there is a loss to settle.
    assert!(pay_the_maker(&mut world, 0, "bob", 1_000).await > 0);
    Scene::of(world, table::cases).await
}

/// Proposals, a nominee, a ramp.
pub async fn governing() -> Scene {
    let mut scene = Scene::of(governance::world().await, governance::cases).await;
    for (key, kind, name) in governance::candidates(&scene.world) {
        scene.candidates.insert(key, kind);
        scene.names.insert(key, name.to_owned());
    }
    scene
}

/// A bankrupt account, a loss that nobody bears.
pub async fn ruin() -> Scene {
    Scene::of(ruin::ruined().await, ruin::ruin_cases).await
}

/// A market to be settled, and one to be closed.
pub async fn ending() -> Scene {
    Scene::of(ruin::ending().await, ruin::ending_cases).await
}

async fn add_other_exchange(world: &mut World, candidates: &mut BTreeMap<Pubkey, &'static str>) {
    let mint = keypair("second mint").pubkey();
    world.chain.set_account(&mint, mint_bytes(6));
    candidates.insert(mint, "mint");
    let venue = Venue::create(&mut world.chain, "second exchange", mint).await.unwrap();
    let spec = MarketSpec::sol("SECOND", PriceSource::Push).unwrap();
    let market = MarketHandle::create(&mut world.chain, &venue, &spec).await.unwrap();
    let mallory = Trader::create(&mut world.chain, &venue, "mallory", 2_000 * TOKEN, 1_000 * TOKEN).await.unwrap();
    let args = order(Side::Bid, LISTED / 2, 10);
    let place = instruction::place_order(mallory.key(), &market.keys, mallory.margin, args, &[]);
    world.chain.send(&[place], &[&mallory.keypair]).await.unwrap();
    let alices_other_tokens = keypair("alice's tokens of the second mint").pubkey();
    let bytes = token_account_bytes(&mint, &world.trader("alice").key(), 1_000 * TOKEN);
    world.chain.set_account(&alices_other_tokens, bytes);
    for (key, kind) in [
        (venue.keys.exchange, "second exchange"),
        (venue.keys.vault, "second vault"),
        (market.keys.market, "second market"),
        (market.keys.order_book, "second order book"),
        (mallory.margin, "second margin account"),
        (market.feed.account, "oracle"),
    ] {
        candidates.insert(key, kind);
    }
    candidates.insert(mallory.token_account, "tokens of the second mint");
    candidates.insert(alices_other_tokens, "tokens of the second mint");
    candidates.insert(mallory.key(), "wallet");
}

/// Names of accounts of which there are several of a kind, and which do not all meet the same refusal.
fn names(world: &World) -> BTreeMap<Pubkey, String> {
    let margins = world.traders().map(|trader| (trader.margin, format!("{}'s margin account", trader.name)));
    let programs = [(TOKEN_PROGRAM, "token program"), (instruction::SYSTEM_PROGRAM, "system program")];
    margins.chain(programs.map(|(key, name)| (key, name.to_owned()))).collect()
}

/// Everything in the world that an instruction could be given, and who can sign.
fn gather(world: &World, candidates: &mut BTreeMap<Pubkey, &'static str>) -> BTreeMap<Pubkey, Arc<Keypair>> {
    let keys = world.venue.keys;
    for (key, kind) in [
        (keys.exchange, "exchange"),
        (keys.vault, "vault"),
        (keys.quote_mint, "mint"),
        (TOKEN_PROGRAM, "program"),
        (instruction::SYSTEM_PROGRAM, "program"),
        (taper::ID, "this program"),
        (world.chain.payer(), "payer"),
        (keypair("nobody").pubkey(), "nothing"),
    ] {
        candidates.insert(key, kind);
    }
    for market in world.markets() {
        candidates.insert(market.keys.market, "market");
        candidates.insert(market.keys.order_book, "order book");
        candidates.insert(market.feed.account, "oracle");
    }
    let mut signers: BTreeMap<Pubkey, Arc<Keypair>> = BTreeMap::new();
    for trader in world.traders() {
        candidates.insert(trader.margin, "margin account");
        candidates.insert(trader.token_account, "tokens");
        candidates.insert(trader.key(), if trader.name == "carol" { "delegate" } else { "wallet" });
        signers.insert(trader.key(), trader.keypair.clone());
    }
    for (governor, kind) in [(&world.venue.admin, "admin"), (&world.venue.guardian, "wallet")] {
        candidates.insert(governor.pubkey(), kind);
        signers.insert(governor.pubkey(), governor.clone());
    }
    for label in ["mallory", "THIRD market", "THIRD book"] {
        signers.insert(keypair(label).pubkey(), Arc::new(keypair(label)));
    }
    signers
}
