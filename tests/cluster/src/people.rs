//! Keys, tokens and traders of the scene.

use solana_account::Account;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_sdk::instruction::{self, ExchangeKeys};

/// The SPL token program.
pub const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const RENT: u64 = 10_000_000;

/// The key pair of a label: the same in every run.
pub fn keypair(label: &str) -> Keypair {
    let mut seed = [7u8; 32];
    for (place, byte) in label.bytes().enumerate() {
        seed[place % 32] = seed[place % 32].wrapping_mul(31).wrapping_add(byte);
    }
    Keypair::new_from_array(seed)
}

fn token(data: Vec<u8>) -> Account {
    Account { lamports: RENT, data, owner: TOKEN_PROGRAM, executable: false, rent_epoch: u64::MAX }
}

/// A mint of six decimals, in the token program's layout.
pub fn mint() -> Account {
    let mut data = vec![0; 82];
    data[36..44].copy_from_slice(&u64::MAX.to_le_bytes());
    (data[44], data[45]) = (6, 1);
    token(data)
}

/// Tokens of somebody.
pub fn tokens(mint: &Pubkey, owner: &Pubkey, amount: u64) -> Account {
    let mut data = vec![0; 165];
    data[..32].copy_from_slice(mint.as_ref());
    data[32..64].copy_from_slice(owner.as_ref());
    data[64..72].copy_from_slice(&amount.to_le_bytes());
    data[108] = 1;
    token(data)
}

/// The addresses of an exchange of the label `admin`.
pub fn exchange_keys() -> ExchangeKeys {
    let exchange = taper_sdk::address::exchange(&keypair("admin").pubkey(), 0);
    let (vault, quote_mint) = (taper_sdk::address::vault(&exchange), keypair("quote mint").pubkey());
    ExchangeKeys { exchange, vault, quote_mint, token_program: TOKEN_PROGRAM }
}

/// Somebody with a wallet, tokens and a margin account.
pub struct Trader {
    /// Signs.
    pub keypair: Keypair,
    /// Number 0 of its margin accounts.
    pub margin: Pubkey,
    /// Its tokens.
    pub token_account: Pubkey,
}

impl Trader {
    /// Of a name.
    pub fn new(name: &str) -> Self {
        let keypair_of = keypair(name);
        let margin = taper_sdk::address::margin_account(&exchange_keys().exchange, &keypair_of.pubkey(), 0);
        Self { keypair: keypair_of, margin, token_account: keypair(&format!("{name}: tokens")).pubkey() }
    }

    /// Its address.
    pub fn key(&self) -> Pubkey {
        self.keypair.pubkey()
    }

    /// A deposit of cash and nothing else.
    pub fn deposit(&self, amount_atoms: u64) -> Instruction {
        instruction::deposit(self.key(), &exchange_keys(), self.margin, self.token_account, amount_atoms, &[])
    }
}
