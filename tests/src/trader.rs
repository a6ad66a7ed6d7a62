//! Somebody with a wallet, tokens and a margin account.

use std::sync::Arc;

use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
pub use taper_sdk::instruction::limit_order as order;
use taper_sdk::{address, instruction};

use crate::chain::Chain;
use crate::error::Result;
use crate::exchange::Venue;
use crate::keys::keypair;
use crate::token::token_account_bytes;

const LAMPORTS: u64 = 100_000_000_000;

/// Somebody with a wallet, tokens and a margin account.
#[derive(Clone)]
pub struct Trader {
    /// Name; the key follows from it.
    pub name: String,
    /// Wallet.
    pub keypair: Arc<Keypair>,
    /// Margin account number 0.
    pub margin: Pubkey,
    /// Account of quote tokens.
    pub token_account: Pubkey,
}

impl Trader {
    /// Keys and addresses of a trader, before there is a margin account.
    pub fn prepare(venue: &Venue, name: &str) -> Self {
        let keypair_of = keypair(name);
        let margin = address::margin_account(&venue.keys.exchange, &keypair_of.pubkey(), 0);
        let token_account = keypair(&format!("{name} tokens")).pubkey();
        Self { name: name.to_owned(), keypair: Arc::new(keypair_of), margin, token_account }
    }

    /// Gives somebody lamports, tokens and a margin account, and deposits.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn create(chain: &mut Chain, venue: &Venue, name: &str, tokens: u64, deposit_atoms: u64) -> Result<Self> {
        let trader = Self::prepare(venue, name);
        chain.fund(&trader.key(), LAMPORTS);
        let bytes = token_account_bytes(&venue.keys.quote_mint, &trader.key(), tokens);
        chain.set_account(&trader.token_account, bytes);
        let mut instructions = vec![instruction::create_margin_account(trader.key(), venue.keys.exchange, 0, false)];
        if deposit_atoms > 0 {
            instructions.push(trader.deposit(venue, deposit_atoms));
        }
        chain.send(&instructions, &[&trader.keypair]).await?;
        Ok(trader)
    }

    /// Wallet address.
    pub fn key(&self) -> Pubkey {
        self.keypair.pubkey()
    }

    /// A deposit of cash and nothing else.
    pub fn deposit(&self, venue: &Venue, amount_atoms: u64) -> solana_instruction::Instruction {
        instruction::deposit(self.key(), &venue.keys, self.margin, self.token_account, amount_atoms, &[])
    }
}
