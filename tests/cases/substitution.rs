//! Every account slot of every instruction, filled with every other account of the world: refused, and no byte changed;
//! or harmless, for a reason written here. Which refusal it is, `expected` says for each.

mod expected;
mod governance;
mod idl;
mod ruin;
pub(crate) mod scene;
mod spoilt;
pub(crate) mod table;

use std::collections::BTreeMap;

use taper_harness::Checks;

use idl::LEG_MARKET;
use scene::Scene;

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
    ("set_status", "cosigner", ANY, "not needed to tighten, whoever signs"),
    ("propose for a market", "market", &["market"], "the admin says which"),
    ("apply parameters", "oracle", ANY, "not looked at where none is replaced"),
    ("apply a guardian", "oracle", ANY, "not looked at where none is replaced"),
    ("cancel_proposal", "authority", &["admin"], "the admin may do what the guardian may"),
    ("cancel_proposal", "proposal", &["proposal"], "another one that is pending"),
    ("close_proposal", "proposal", &["proposal"], "another one that is over"),
    ("tighten_limits", "authority", &["admin"], "the admin may do what the guardian may"),
    ("tighten_limits", "market", &["market"], "another market of the same exchange"),
    ("donate for a market", "market", &["market", "this program"], "the donor says for which, or for none"),
    ("close_market", "recipient", ANY, "the admin says who gets the lamports"),
    ("set_status", "market", &["market", "this program"], "another market, or none: the exchange itself"),
];

fn is_harmless(case: &str, slot: &str, kind: &str) -> bool {
    HARMLESS.iter().any(|(name, at, kinds, _)| *name == case && *at == slot && (kinds.contains(&kind) || *kinds == ANY))
}

#[tokio::test]
async fn every_slot_with_every_other_account() {
    swap_all(scene::trouble().await, 3_000).await;
}

async fn swap_all(mut scene: Scene, at_least: usize) {
    // The full audit runs where something went through; a refusal is compared byte by byte in any case.
    scene.world.chain.set_checks(Checks { audit_every: 1 });
    let start = scene.world.chain.snapshot();
    let (candidates, names) = (scene.candidates.clone(), scene.names.clone());
    let (mut tried, mut harmless, mut surprises, mut unexpected) = (0, 0, Vec::new(), Vec::new());
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
                let named = names.get(key).map_or("", String::as_str);
                // The native processor keeps less than a discriminator in the account of a program.
                let is_decoded = name == "create_market" && ["market", "order_book"].contains(&slot.as_str());
                let is_stub = !scene.world.chain.is_vm() && is_decoded && *kind == "this program";
                let expected = match is_stub {
                    true => Some("AccountDidNotDeserialize"),
                    false => expected::refusal(name, slot, kind, named),
                };
                if expected != Some(&refusal) {
                    unexpected.push(format!("{name} | {slot} | {kind} | {named} | {refusal} | {expected:?}"));
                }
                *codes.entry(refusal).or_default() += 1;
            }
        }
    }
    println!("{tried} substitutions, {harmless} harmless, refusals: {codes:#?}");
    assert!(surprises.is_empty(), "these went through: {surprises:#?}");
    assert!(unexpected.is_empty(), "refused otherwise than expected:\n{}", unexpected.join("\n"));
    assert!(tried > at_least, "{tried}");
}

#[tokio::test]
async fn every_slot_of_governance_with_every_other_account() {
    swap_all(scene::governing().await, 1_000).await;
}

#[tokio::test]
async fn every_slot_of_governance_without_its_privilege() {
    strip_all(scene::governing().await).await;
}

#[tokio::test]
async fn every_slot_past_the_ladder_with_every_other_account() {
    swap_all(scene::ruin().await, 1_000).await;
}

#[tokio::test]
async fn every_slot_past_the_ladder_without_its_privilege() {
    strip_all(scene::ruin().await).await;
}

#[tokio::test]
async fn every_slot_at_the_end_of_a_market_with_every_other_account() {
    swap_all(scene::ending().await, 200).await;
}

#[tokio::test]
async fn every_slot_at_the_end_of_a_market_without_its_privilege() {
    strip_all(scene::ending().await).await;
}

#[tokio::test]
async fn every_slot_without_its_privilege() {
    strip_all(scene::trouble().await).await;
}

async fn strip_all(mut scene: Scene) {
    let start = scene.world.chain.snapshot();
    for index in 0..scene.cases.len() {
        let metas = scene.cases[index].instruction.accounts.clone();
        let (name, slots) = (scene.cases[index].name, scene.cases[index].slots.clone());
        // Privileges are the transaction's: another instruction in it may lend them.
        if !scene.cases[index].before.is_empty() {
            continue;
        }
        for (at, meta) in metas.iter().enumerate() {
            let slot = &slots[at];
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
