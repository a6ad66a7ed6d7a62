//! What the committed IDL says of the program's instructions: which there are, and what their accounts are called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use solana_instruction::Instruction;

use super::scene;

/// Name of the slot of another leg's market.
pub const LEG_MARKET: &str = "leg_market";
const LEG_ORACLE: &str = "leg_oracle";

/// An account as the IDL lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub name: String,
    is_writable: bool,
    is_signer: bool,
    is_optional: bool,
}

/// Accounts of every instruction, by its discriminator and name.
fn instructions() -> BTreeMap<[u8; 8], (String, Vec<Slot>)> {
    let idl: Value = serde_json::from_str(include_str!("../../../idls/taper.json")).unwrap();
    let slot = |account: &Value| {
        let is = |what: &str| account[what].as_bool().unwrap_or(false);
        let name = account["name"].as_str().unwrap().to_owned();
        Slot { name, is_writable: is("writable"), is_signer: is("signer"), is_optional: is("optional") }
    };
    let instruction = |row: &Value| {
        let bytes = row["discriminator"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap());
        let bytes: Vec<u8> = bytes.map(|byte| u8::try_from(byte).unwrap()).collect();
        let slots = row["accounts"].as_array().unwrap().iter().map(slot).collect();
        (bytes.try_into().unwrap(), (row["name"].as_str().unwrap().to_owned(), slots))
    };
    idl["instructions"].as_array().unwrap().iter().map(instruction).collect()
}

fn of(instruction: &Instruction) -> (String, Vec<Slot>) {
    let discriminator: [u8; 8] = instruction.data[..8].try_into().unwrap();
    instructions().remove(&discriminator).expect("the IDL knows the instruction")
}

/// What the accounts of an instruction are called: those of the IDL, and then legs, a market and its oracle each. Checks on the way that the
/// instruction asks for the privileges that the IDL names.
pub fn slots(instruction: &Instruction) -> Vec<String> {
    let (name, slots) = of(instruction);
    for (slot, meta) in slots.iter().zip(&instruction.accounts) {
        let is_absent = slot.is_optional && meta.pubkey == taper::ID;
        let asked = (meta.is_writable, meta.is_signer);
        assert!(
            is_absent || asked == (slot.is_writable, slot.is_signer),
            "{name}: {slot:?}, but the SDK says {meta:?}"
        );
    }
    let legs = instruction.accounts.len() - slots.len();
    assert_eq!(legs % 2, 0, "{name}: legs come as pairs");
    let pairs = [LEG_MARKET, LEG_ORACLE].into_iter().cycle().take(legs).map(str::to_owned);
    slots.into_iter().map(|slot| slot.name).chain(pairs).collect()
}

/// Nobody has to remember a new instruction: without a scene in which it works this fails.
#[tokio::test]
async fn every_instruction_of_the_idl_works_in_a_scene() {
    let mut covered = BTreeSet::new();
    for scene in [scene::trouble().await, scene::governing().await, scene::ruin().await, scene::ending().await] {
        covered.extend(scene.cases.iter().map(|case| of(&case.instruction).0));
    }
    let all: BTreeSet<String> = instructions().into_values().map(|(name, _)| name).collect();
    let missing: Vec<&String> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "no scene has: {missing:?}");
}
