//! A mint that has changed under its exchange, and one that is none: what only the vault's own balance can tell.

use solana_account::Account;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::error::TaperError;
use taper_harness::{keypair, mint_bytes, token_account_bytes, Chain, Checks, ExpectRefusal, Trader, Venue};
use taper_sdk::{address, instruction};

use crate::support::*;

const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// Anchor: the data of an account that is not initialised cannot be read as a mint.
const MINT: u8 = 1;
const TOKEN_ACCOUNT: u8 = 2;
/// Kinds of extensions: a fee on transfers, of the mint; what was withheld, of a token account.
const TRANSFER_FEE_CONFIG: u16 = 1;
const TRANSFER_FEE_AMOUNT: u16 = 2;

/// The account as token-2022 has it, with one extension: zeroes to 165 bytes, the kind of account, the extension.
fn extended(mut account: Account, account_kind: u8, extension: u16, body: &[u8]) -> Account {
    account.owner = TOKEN_2022;
    account.data.resize(165, 0);
    account.data.push(account_kind);
    account.data.extend_from_slice(&extension.to_le_bytes());
    account.data.extend_from_slice(&u16::try_from(body.len()).unwrap().to_le_bytes());
    account.data.extend_from_slice(body);
    account
}

/// A mint that takes 1% of every transfer, now and later.
fn taxing_mint() -> Account {
    // Two authorities and what was withheld; then the older fee and the newer: epoch, maximum, bps.
    let mut body = vec![0; 72];
    for _ in 0..2 {
        body.extend_from_slice(&0u64.to_le_bytes());
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        body.extend_from_slice(&100u16.to_le_bytes());
    }
    extended(mint_bytes(6), MINT, TRANSFER_FEE_CONFIG, &body)
}

fn taxed_tokens(mint: &Pubkey, owner: &Pubkey, amount: u64) -> Account {
    extended(token_account_bytes(mint, owner, amount), TOKEN_ACCOUNT, TRANSFER_FEE_AMOUNT, &[0; 8])
}

/// An exchange on a plain token-2022 mint, and bob with 1,000 tokens and a margin account.
async fn exchange() -> (Chain, Venue, Trader) {
    let mut chain = Chain::start().await.unwrap();
    let mint = keypair("changing mint").pubkey();
    chain.set_account(&mint, Account { owner: TOKEN_2022, ..mint_bytes(6) });
    let mut venue = Venue::prepare("changing", mint);
    venue.keys.token_program = TOKEN_2022;
    for who in [&venue.admin, &venue.guardian] {
        chain.fund(&who.pubkey(), 100_000 * TOKEN);
    }
    let (admin, guardian) = (venue.admin.pubkey(), venue.guardian.pubkey());
    let create = instruction::initialize_exchange(admin, 0, guardian, 0, mint, TOKEN_2022);
    chain.send(&[create], &[&venue.admin]).await.unwrap();
    let bob = Trader::prepare(&venue, "bob");
    chain.fund(&bob.key(), 100_000 * TOKEN);
    let tokens = token_account_bytes(&mint, &bob.key(), 1_000 * TOKEN);
    chain.set_account(&bob.token_account, Account { owner: TOKEN_2022, ..tokens });
    let create = instruction::create_margin_account(bob.key(), venue.keys.exchange, 0, false);
    chain.send(&[create], &[&bob.keypair]).await.unwrap();
    (chain, venue, bob)
}

/// No mint can begin to take fees. If one could, no deposit and no donation would be booked at more than has arrived, and no withdrawal would
/// change what the vault has by another amount than was asked.
#[tokio::test]
async fn the_vault_must_change_by_exactly_what_was_moved() {
    let (mut chain, venue, bob) = exchange().await;
    let keys = venue.keys;
    chain.send(&[bob.deposit(&venue, 100 * TOKEN)], &[&bob.keypair]).await.unwrap();
    assert_eq!(chain.tokens(&keys.vault), 100 * TOKEN);
    chain.set_checks(Checks { audit_every: 0 });
    let plain = chain.snapshot();
    chain.set_account(&keys.quote_mint, taxing_mint());
    chain.set_account(&keys.vault, taxed_tokens(&keys.quote_mint, &keys.exchange, 100 * TOKEN));
    chain.set_account(&bob.token_account, taxed_tokens(&keys.quote_mint, &bob.key(), 900 * TOKEN));
    let deposit = bob.deposit(&venue, 50 * TOKEN);
    chain.send(&[deposit], &[&bob.keypair]).await.expect_error(TaperError::VaultMismatch);
    let donate = instruction::donate_insurance(bob.key(), &keys, None, bob.token_account, 50 * TOKEN);
    chain.send(&[donate], &[&bob.keypair]).await.expect_error(TaperError::VaultMismatch);
    // Tokens that leave are taxed on the way: the vault pays exactly what was asked, and bob bears the fee.
    let withdraw = instruction::withdraw(bob.key(), &keys, bob.margin, bob.token_account, 50 * TOKEN, &[]);
    chain.send(&[withdraw], &[&bob.keypair]).await.unwrap();
    assert_eq!(chain.tokens(&keys.vault), 50 * TOKEN);
    assert_eq!(chain.tokens(&bob.token_account), 949 * TOKEN + TOKEN / 2);
    chain.restore(&plain);
    let deposit = bob.deposit(&venue, 50 * TOKEN);
    chain.send(&[deposit], &[&bob.keypair]).await.unwrap();
}

/// The framework reads the mint before the program looks at it, and has its own word for one that was never initialised.
#[tokio::test]
async fn a_mint_that_is_not_initialised() {
    let mut chain = Chain::start().await.unwrap();
    let venue = Venue::prepare("empty", keypair("empty mint").pubkey());
    chain.fund(&venue.admin.pubkey(), 100_000 * TOKEN);
    let sound = mint_bytes(6);
    let create = |program| {
        let (admin, guardian) = (venue.admin.pubkey(), venue.guardian.pubkey());
        instruction::initialize_exchange(admin, 0, guardian, 0, venue.keys.quote_mint, program)
    };
    for program in [sound.owner, TOKEN_2022] {
        chain.set_account(&venue.keys.quote_mint, Account { owner: program, data: vec![0; 82], ..sound.clone() });
        let refusal = chain.send(&[create(program)], &[&venue.admin]).await.expect_refusal();
        assert_eq!(refusal.name(), "InstructionError(1, UninitializedAccount)");
        assert!(chain.get(&address::exchange(&venue.admin.pubkey(), 0)).is_err());
    }
    chain.set_account(&venue.keys.quote_mint, sound.clone());
    chain.send(&[create(sound.owner)], &[&venue.admin]).await.unwrap();
}
