//! Every account of every instruction in a worse state: closed, emptied, cut, lengthened, of another version, type or owner. Refused by the
//! name that the kind of account and the damage give, and no byte changed.

use std::collections::BTreeMap;

use solana_account::Account;
use solana_pubkey::Pubkey;
use taper_harness::{Checks, TOKEN_PROGRAM};
use taper_sdk::instruction::SYSTEM_PROGRAM;

use super::scene::{self, Scene};

/// What is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    /// Its lamports are gone: the runtime has forgotten it.
    Closed,
    /// Closed, and its address paid again: an account of the system program.
    Reopened,
    /// All bytes are zero.
    Zeroed,
    /// No bytes at all.
    Empty,
    /// Seven bytes: less than a discriminator.
    Stump,
    /// The last byte is missing.
    Truncated,
    /// One byte more.
    Padded,
    /// The discriminator of no type.
    OtherType,
    /// The layout's version is the next one.
    OtherVersion,
    /// The same bytes, written by another program.
    OtherOwner,
}

use Damage::*;
use Kind::*;

const ALL: [Damage; 10] =
    [Closed, Reopened, Zeroed, Empty, Stump, Truncated, Padded, OtherType, OtherVersion, OtherOwner];

impl Damage {
    /// The account after it; `None` where that is no damage.
    fn done_to(self, account: &Account, is_ours: bool) -> Option<Account> {
        let mut spoilt = account.clone();
        match self {
            Closed => {}
            Reopened => spoilt = Account { lamports: account.lamports, ..Account::default() },
            Zeroed => spoilt.data.fill(0),
            Empty => spoilt.data.clear(),
            Stump => spoilt.data.truncate(7),
            Truncated => spoilt.data.truncate(account.data.len() - 1),
            Padded => spoilt.data.push(0),
            OtherType => spoilt.data[0] ^= 1,
            OtherVersion if is_ours => spoilt.data[8] += 1,
            OtherVersion => return None,
            OtherOwner => spoilt.owner = if is_ours { TOKEN_PROGRAM } else { taper::ID },
        }
        Some(spoilt)
    }
}

/// What an account is for the one who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// One of the program's.
    Ours,
    /// One of the program's that is only opened as far as its own bytes go: another leg.
    Leg,
    /// Tokens, or a mint.
    Token,
    /// A price.
    Oracle,
}

fn kind_of(slot: &str, account: &Account) -> Option<Kind> {
    Some(match slot {
        "leg_market" => Kind::Leg,
        "oracle" | "leg_oracle" => Kind::Oracle,
        _ if account.owner == taper::ID => Kind::Ours,
        _ if account.owner == TOKEN_PROGRAM => Kind::Token,
        _ => return None,
    })
}

/// `(instruction, slot, kind, damage, refusal)`; `*` is every one. The first row that fits counts. Codes without a name are the token program's.
/// "taken" is harmless: a mint's first bytes say who may mint, and neither the owner of the exchange's mint nor the length of an account of
/// this program can be changed by anybody, this program included.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("*", "*", Some(Ours), &[Padded], "taken"),
    ("*", "*", Some(Leg), &[Padded], "taken"),
    ("create_market", "oracle", None, &[Padded], "OracleWrongAccountType"),
    ("*", "*", Some(Ours), &[Closed, Reopened, OtherOwner], "AccountOwnedByWrongProgram"),
    ("*", "*", Some(Leg), &[Closed, Reopened, OtherOwner], "AccountOwnedByWrongProgram"),
    ("*", "*", Some(Ours), &[Zeroed, OtherType], "AccountDiscriminatorMismatch"),
    ("*", "*", Some(Leg), &[Zeroed, OtherType], "AccountDiscriminatorMismatch"),
    ("*", "*", Some(Ours), &[Empty, Stump], "AccountDiscriminatorNotFound"),
    ("*", "*", Some(Leg), &[Empty, Stump], "AccountDiscriminatorNotFound"),
    ("*", "*", Some(Ours), &[Truncated], "AccountDidNotDeserialize"),
    ("*", "*", Some(Leg), &[Truncated], "AccountDidNotDeserialize"),
    ("*", "*", Some(Ours), &[OtherVersion], "WrongVersion"),
    ("*", "*", Some(Leg), &[OtherVersion], "WrongVersion"),
    ("*", "*", Some(Oracle), &[Closed, Reopened, OtherOwner], "OracleWrongOwner"),
    ("*", "*", Some(Oracle), &[Zeroed, Empty, Stump, Truncated, Padded, OtherType], "OracleWrongAccountType"),
    ("*", "vault", None, &[Closed, Reopened, Empty, Stump], "WrongVault"),
    ("*", "vault", None, &[OtherOwner], "InstructionError(1, ExternalAccountDataModified)"),
    ("*", "vault", None, &[OtherType], "InstructionError(1, Custom(3))"),
    ("withdraw", "vault", None, &[Zeroed], "VaultCannotPay"),
    ("liquidate for tokens", "vault", None, &[Zeroed], "VaultCannotPay"),
    ("initialize_exchange", "quote_mint", None, &[Closed], "AccountNotInitialized"),
    ("initialize_exchange", "quote_mint", None, &[Reopened, OtherOwner], "AccountOwnedByWrongProgram"),
    ("*", "quote_mint", None, &[OtherOwner, OtherType], "taken"),
    ("*", "quote_mint", None, &[Closed, Reopened], "InstructionError(1, InvalidAccountData)"),
    ("*", "*", Some(Token), &[Closed], "AccountNotInitialized"),
    ("*", "*", Some(Token), &[Reopened, OtherOwner], "AccountOwnedByWrongProgram"),
    ("*", "*", Some(Token), &[OtherType], "WrongMint"),
    ("*", "*", Some(Token), &[Empty, Stump, Truncated, Padded], "InstructionError(1, InvalidAccountData)"),
    ("*", "*", Some(Token), &[Zeroed], "InstructionError(1, UninitializedAccount)"),
];

type Row = (&'static str, &'static str, Option<Kind>, &'static [Damage], &'static str);

fn expected(case: &str, slot: &str, kind: Kind, damage: Damage) -> Option<&'static str> {
    let fits = |row: &&Row| {
        (row.0 == "*" || row.0 == case)
            && (row.1 == "*" || row.1 == slot)
            && row.2.is_none_or(|of| of == kind)
            && row.3.contains(&damage)
    };
    ROWS.iter().find(fits).map(|row| row.4)
}

async fn spoil_all(mut scene: Scene, at_least: usize) {
    // The auditor wants accounts that decode; refusals are compared byte by byte all the same.
    scene.world.chain.set_checks(Checks { audit_every: 0 });
    let start = scene.world.chain.snapshot();
    let mut tried = 0;
    let mut unexpected: BTreeMap<(String, Kind, Damage, String), Vec<String>> = BTreeMap::new();
    for index in 0..scene.cases.len() {
        let (name, slots) = (scene.cases[index].name, scene.cases[index].slots.clone());
        let metas = scene.cases[index].instruction.accounts.clone();
        for (meta, slot) in metas.iter().zip(&slots) {
            let Some((account, kind)) = damageable(&scene, &meta.pubkey, slot) else { continue };
            for damage in ALL {
                // The native processor panics where the runtime says that a program may not write to what is not its own.
                if !scene.world.chain.is_vm() && slot == "vault" && damage == OtherOwner {
                    continue;
                }
                let Some(spoilt) = damage.done_to(&account, account.owner == taper::ID) else { continue };
                match damage {
                    Closed => scene.world.chain.take_account(&meta.pubkey),
                    _ => scene.world.chain.set_account(&meta.pubkey, spoilt),
                }
                tried += 1;
                // Where it is taken the chain would want to decode it.
                let refusal = match damage {
                    Padded => scene.simulate(index, metas.clone()).await,
                    _ => scene.attempt(index, metas.clone()).await,
                };
                let refusal = refusal.unwrap_or_else(|| "taken".to_owned());
                if expected(name, slot, kind, damage) != Some(&refusal) {
                    let group = (slot.clone(), kind, damage, refusal);
                    unexpected.entry(group).or_default().push(name.to_owned());
                }
                scene.world.chain.restore(&start);
            }
        }
    }
    println!("{tried} damaged accounts");
    let lines: Vec<String> = unexpected.iter().map(|(key, names)| format!("{key:?}: {names:?}")).collect();
    assert!(lines.is_empty(), "refused otherwise than expected:\n{}", lines.join("\n"));
    assert!(tried > at_least, "{tried}");
}

/// An account that can be damaged: not a wallet, a program or nothing.
fn damageable(scene: &Scene, key: &Pubkey, slot: &str) -> Option<(Account, Kind)> {
    let account = scene.world.chain.get(key).ok().filter(|account| !account.data.is_empty())?.clone();
    if account.executable || account.owner == SYSTEM_PROGRAM {
        return None;
    }
    let kind = kind_of(slot, &account)?;
    Some((account, kind))
}

#[tokio::test]
async fn every_account_in_a_worse_state() {
    spoil_all(scene::trouble().await, 500).await;
}

#[tokio::test]
async fn every_account_of_governance_in_a_worse_state() {
    spoil_all(scene::governing().await, 150).await;
}

#[tokio::test]
async fn every_account_past_the_ladder_in_a_worse_state() {
    spoil_all(scene::ruin().await, 100).await;
}

#[tokio::test]
async fn every_account_at_the_end_of_a_market_in_a_worse_state() {
    spoil_all(scene::ending().await, 40).await;
}
