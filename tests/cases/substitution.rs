//! Every account slot of every instruction, filled with every other account of the world: refused, and no byte changed;
//! or harmless, for a reason written here.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_engine::quantity::Side;
use taper_harness::{
    keypair, mint_bytes, order, token_account_bytes, Checks, HarnessError, MarketHandle, MarketSpec, PriceSource,
    Trader, Venue, World, TOKEN_PROGRAM,
};
use taper_sdk::instruction;

use crate::support::*;
use table::{cases, Case, LEG_MARKET};

/// Any kind of account.
const ANY: &[&str] = &["*"];
const CALLERS: &[&str] = &["wallet", "delegate", "admin", "payer"];

/// A slot in which another account is harmless: `(instruction, slot, the kinds of accounts that may stand there, why)`.
const HARMLESS: &[(&str, &str, &[&str], &str)] = &[
    ("deposit", "margin_account", &["margin account"], "anyone may deposit for anyone"),
    ("deposit with legs", "margin_account", &["margin account"], "and for whoever has the same legs"),
    ("withdraw", "token_account", &["tokens"], "the owner says where the tokens go"),
    ("place_order", "authority", &["delegate"], "the delegate trades"),
    ("cancel_order", "authority", &["delegate"], "the delegate trades"),
    ("cancel_all_orders", "authority", &["delegate"], "the delegate trades"),
    ("liquidate for credit", "caller", CALLERS, "anyone may call"),
    ("liquidate for tokens", "caller", CALLERS, "anyone may call"),
    ("liquidate for credit", "caller_margin_account", &["margin account"], "the caller says who is credited"),
    ("liquidate for tokens", "caller_token_account", &["tokens"], "the caller says where the payout goes"),
    ("liquidate for credit", "vault", ANY, "not looked at where nothing is paid in tokens"),
    ("liquidate for credit", "quote_mint", ANY, "not looked at where nothing is paid in tokens"),
    ("liquidate for credit", "token_program", ANY, "not looked at where nothing is paid in tokens"),
    ("settle_loss", "margin_account", &["margin account"], "anyone who loses"),
    ("initialize_exchange", "quote_mint", &["mint"], "an exchange for another mint"),
    ("sweep_market_income", "market", &["market"], "another market of the same exchange"),
    ("set_status", "authority", &["admin"], "the admin may do what the guardian may"),
    ("set_status", "market", &["market", "this program"], "another market, or none: the exchange itself"),
];

struct Scene {
    world: World,
    cases: Vec<Case>,
    /// Every key that is tried, with its kind.
    candidates: BTreeMap<Pubkey, &'static str>,
    signers: BTreeMap<Pubkey, Arc<Keypair>>,
}

/// Alice is long in two markets, has an order in the first, and is in trouble. A second exchange has a market, a trader
/// and a vault of its own; there are tokens of another mint.
async fn scene() -> Scene {
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
    let mut candidates = BTreeMap::new();
    add_other_exchange(&mut world, &mut candidates).await;
    let signers = gather(&world, &mut candidates);
    let cases = cases(&world);
    Scene { world, cases, candidates, signers }
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
    let second = "of the second exchange";
    for key in [venue.keys.exchange, venue.keys.vault, market.keys.market, market.keys.order_book, mallory.margin] {
        candidates.insert(key, second);
    }
    candidates.insert(market.feed.account, "oracle");
    candidates.insert(mallory.token_account, "tokens of the second mint");
    candidates.insert(alices_other_tokens, "tokens of the second mint");
    candidates.insert(mallory.key(), "wallet");
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

fn is_harmless(case: &str, slot: &str, kind: &str) -> bool {
    HARMLESS.iter().any(|(name, at, kinds, _)| *name == case && *at == slot && (kinds.contains(&kind) || *kinds == ANY))
}

impl Scene {
    /// Sends a case with other accounts. `Some(name)` of the refusal, `None` if it went through.
    async fn attempt(&mut self, case: usize, metas: Vec<AccountMeta>) -> Option<String> {
        let case = &self.cases[case];
        let instruction = Instruction { accounts: metas, ..case.instruction.clone() };
        let mut all = case.before.clone();
        all.push(instruction);
        let keys: BTreeSet<Pubkey> =
            all.iter().flat_map(|i| &i.accounts).filter(|m| m.is_signer).map(|m| m.pubkey).collect();
        let signers: Vec<Arc<Keypair>> = keys.iter().filter_map(|key| self.signers.get(key).cloned()).collect();
        let signers: Vec<&Keypair> = signers.iter().map(|signer| &**signer).collect();
        match self.world.chain.send(&all, &signers).await {
            Ok(_) => None,
            Err(HarnessError::Refused(refusal)) => Some(refusal.name()),
            Err(other) => panic!("{}: {other}", case.name),
        }
    }
}

#[tokio::test]
async fn every_slot_with_every_other_account() {
    let mut scene = scene().await;
    // The full audit runs where something went through; a refusal is compared byte by byte in any case.
    scene.world.chain.set_checks(Checks { audit_every: 1 });
    let start = scene.world.chain.snapshot();
    let candidates = scene.candidates.clone();
    let (mut tried, mut harmless, mut surprises) = (0, 0, Vec::new());
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..scene.cases.len() {
        let metas = scene.cases[index].instruction.accounts.clone();
        let (name, slots) = (scene.cases[index].name, scene.cases[index].slots.clone());
        assert_eq!(slots.len(), metas.len(), "{name}: every slot has a name");
        // Alone it works: what is refused below is refused for the account that was swapped.
        let refused = scene.attempt(index, metas.clone()).await;
        assert_eq!(refused, None, "{name} must work before it is spoilt");
        scene.world.chain.restore(&start);
        for (at, slot) in slots.iter().enumerate().take(metas.len()) {
            for (key, kind) in candidates.iter().filter(|(key, _)| **key != metas[at].pubkey) {
                let mut changed = metas.clone();
                changed[at].pubkey = *key;
                changed[at].is_signer &= scene.signers.contains_key(key);
                tried += 1;
                let Some(refusal) = scene.attempt(index, changed).await else {
                    harmless += 1;
                    if !is_harmless(name, slot, kind) {
                        surprises.push(format!("{name}: {slot} <- {kind} {key}"));
                    }
                    scene.world.chain.restore(&start);
                    continue;
                };
                *codes.entry(refusal).or_default() += 1;
            }
        }
    }
    let unnamed: Vec<&String> = codes.keys().filter(|name| !has_a_name(name)).collect();
    assert!(unnamed.is_empty(), "refused without a reason of the program's or the framework's: {unnamed:?}");
    println!("{tried} substitutions, {harmless} harmless, refusals: {codes:#?}");
    assert!(surprises.is_empty(), "these went through: {surprises:#?}");
    assert!(tried > 3_000, "{tried}");
}

/// True for a code of this program or the framework, and for the token program's refusal of somebody else's signature.
fn has_a_name(refusal: &str) -> bool {
    const TOKEN_PROGRAM_OWNER_MISMATCH: &str = "Custom(4))";
    // Anchor's own answer for a token account or program account it cannot read.
    const UNREADABLE: &str = "InvalidAccountData)";
    !refusal.starts_with("InstructionError")
        || refusal.ends_with(TOKEN_PROGRAM_OWNER_MISMATCH)
        || refusal.ends_with(UNREADABLE)
}

#[tokio::test]
async fn every_slot_without_its_privilege() {
    let mut scene = scene().await;
    let start = scene.world.chain.snapshot();
    for index in 0..scene.cases.len() {
        let metas = scene.cases[index].instruction.accounts.clone();
        let (name, slots) = (scene.cases[index].name, scene.cases[index].slots.clone());
        // Privileges are the transaction's: another instruction in it may lend them.
        if !scene.cases[index].before.is_empty() {
            continue;
        }
        for (at, meta) in metas.iter().enumerate() {
            let slot = slots[at];
            if meta.is_signer {
                let mut unsigned = metas.clone();
                unsigned[at].is_signer = false;
                let refused = scene.attempt(index, unsigned).await;
                assert_eq!(refused.as_deref(), Some("AccountNotSigner"), "{name}: {slot}");
            }
            // A leg is swept where its market is writable, and only looked at where it is not.
            if !meta.is_writable || slot == LEG_MARKET {
                continue;
            }
            let mut read_only = metas.clone();
            read_only[at].is_writable = false;
            let refused = scene.attempt(index, read_only).await;
            assert_eq!(refused.as_deref(), Some("ConstraintMut"), "{name}: {slot}");
        }
        scene.world.chain.restore(&start);
    }
}
