//! An exchange and who runs it.

use std::sync::Arc;

use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_sdk::address;
use taper_sdk::instruction::{self, ExchangeKeys};

use crate::chain::Chain;
use crate::error::Result;
use crate::keys::keypair;
use crate::token::TOKEN_PROGRAM;

const LAMPORTS: u64 = 100_000_000_000;

/// An exchange and who runs it.
#[derive(Clone)]
pub struct Venue {
    /// Its admin.
    pub admin: Arc<Keypair>,
    /// Its guardian.
    pub guardian: Arc<Keypair>,
    /// Its addresses.
    pub keys: ExchangeKeys,
}

impl Venue {
    /// Keys and addresses of an exchange with this label, before it exists.
    pub fn prepare(label: &str, quote_mint: Pubkey) -> Self {
        let admin = keypair(&format!("{label} admin"));
        let guardian = keypair(&format!("{label} guardian"));
        let exchange = address::exchange(&admin.pubkey(), 0);
        let vault = address::vault(&exchange);
        let keys = ExchangeKeys { exchange, vault, quote_mint, token_program: TOKEN_PROGRAM };
        Self { admin: Arc::new(admin), guardian: Arc::new(guardian), keys }
    }

    /// Creates an exchange for a mint that exists, without a timelock.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn create(chain: &mut Chain, label: &str, quote_mint: Pubkey) -> Result<Self> {
        Self::create_with_timelock(chain, label, quote_mint, 0).await
    }

    /// Creates an exchange with a timelock.
    ///
    /// # Errors
    /// As [`Chain::send`].
    pub async fn create_with_timelock(
        chain: &mut Chain,
        label: &str,
        quote_mint: Pubkey,
        timelock_slots: u64,
    ) -> Result<Self> {
        let venue = Self::prepare(label, quote_mint);
        chain.fund(&venue.admin.pubkey(), LAMPORTS);
        chain.fund(&venue.guardian.pubkey(), LAMPORTS);
        let (admin, guardian) = (venue.admin.pubkey(), venue.guardian.pubkey());
        let create = instruction::initialize_exchange(admin, 0, guardian, timelock_slots, quote_mint, TOKEN_PROGRAM);
        chain.send(&[create], &[&venue.admin]).await?;
        Ok(venue)
    }
}
