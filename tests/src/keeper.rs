//! What anybody may do in a [`World`] to keep it sound: observe, settle, sweep, sample.

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_sdk::instruction;

use crate::error::Result;
use crate::outcome::Outcome;
use crate::world::World;

impl World {
    /// Sends an instruction that needs nobody's signature.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn send_unsigned(&mut self, call: Instruction) -> Result<Outcome> {
        self.chain.send(&[call], &[]).await
    }

    /// Flags an account, by one of its markets.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn flag(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let legs = self.legs(name, Some(market))?;
        let flag = instruction::flag_account(&self.market(market)?.keys, self.trader(name).margin, &legs);
        self.send_unsigned(flag).await
    }

    /// Settles a seat's loss.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn settle_loss(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let settle = instruction::settle_loss(&self.market(market)?.keys, self.trader(name).margin);
        self.send_unsigned(settle).await
    }

    /// Cancels an unhealthy account's orders in a market.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn force_cancel(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let legs = self.legs(name, Some(market))?;
        let force = instruction::force_cancel_orders(&self.market(market)?.keys, self.trader(name).margin, 32, &legs);
        self.send_unsigned(force).await
    }

    /// Releases a flat seat.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn release(&mut self, name: &str, market: usize) -> Result<Outcome> {
        let release = instruction::release_seat(self.market(market)?.keys.market, self.trader(name).margin);
        self.send_unsigned(release).await
    }

    /// Moves a market's income to the exchange.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn sweep_income(&mut self, market: usize) -> Result<Outcome> {
        let keys = self.market(market)?.keys;
        self.send_unsigned(instruction::sweep_market_income(keys.exchange, keys.market)).await
    }

    /// Samples a market's premium.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn update_funding(&mut self, market: usize) -> Result<Outcome> {
        let update = instruction::update_funding(&self.market(market)?.keys);
        self.send_unsigned(update).await
    }

    /// Settles a market that has been wound down.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn settle_market(&mut self, market: usize) -> Result<Outcome> {
        let settle = instruction::settle_market(&self.market(market)?.keys);
        self.send_unsigned(settle).await
    }

    /// Closes a market, as the admin; its lamports go to `recipient`.
    ///
    /// # Errors
    /// As [`crate::Chain::send`].
    pub async fn close_market(&mut self, market: usize, recipient: Pubkey) -> Result<Outcome> {
        let (admin, keys) = (self.venue.admin.clone(), self.market(market)?.keys);
        let close = instruction::close_market(admin.pubkey(), &keys, recipient);
        self.chain.send(&[close], &[&admin]).await
    }
}
