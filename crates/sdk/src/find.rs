//! Instructions from what a client knows (an account, a market, an amount): every other address is found in the accounts at hand.

use std::collections::BTreeMap;

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use taper::constants::ORACLE_PYTH_PUSH;
use taper::state::{Exchange, MarginAccount, Market};

use crate::idl::types::{CancelAllOrdersArgs, CancelOrderArgs, LiquidateArgs, PlaceOrderArgs};
use crate::instruction::{self, ExchangeKeys, MarketKeys, Payout};
use crate::legs::{ordered, Leg};
use crate::snapshot::{look, Accounts, PlanError};

/// Finds addresses in accounts.
pub struct Finder<'a, A> {
    accounts: &'a A,
    oracles: BTreeMap<Pubkey, Pubkey>,
}

impl<'a, A: Accounts> Finder<'a, A> {
    /// Looks in these accounts. A market on pull accounts is priced by the account of its listing, unless [`Self::with_oracle`] names another.
    pub fn new(accounts: &'a A) -> Self {
        Self { accounts, oracles: BTreeMap::new() }
    }

    /// Prices a market on pull accounts by this account of its feed.
    #[must_use]
    pub fn with_oracle(mut self, market: Pubkey, oracle: Pubkey) -> Self {
        self.oracles.insert(market, oracle);
        self
    }

    /// Vault, mint and token program of an exchange.
    ///
    /// # Errors
    /// [`PlanError`] when the exchange is not at hand or not one.
    pub fn exchange_keys(&self, exchange: &Pubkey) -> Result<ExchangeKeys, PlanError> {
        let found = look::<Exchange>(self.accounts, exchange)?;
        let (vault, quote_mint, token_program) = (found.vault, found.quote_mint, found.token_program);
        Ok(ExchangeKeys { exchange: *exchange, vault, quote_mint, token_program })
    }

    /// Exchange, book and oracle of a market.
    ///
    /// # Errors
    /// [`PlanError`] when the market is not at hand or not one.
    pub fn market_keys(&self, market: &Pubkey) -> Result<MarketKeys, PlanError> {
        let found = look::<Market>(self.accounts, market)?;
        let (exchange, order_book, oracle) = (found.exchange, found.order_book, self.oracle_of(market, found));
        Ok(MarketKeys { exchange, market: *market, order_book, oracle })
    }

    /// The legs of an account in the program's order, without that of `primary`.
    ///
    /// # Errors
    /// [`PlanError`] when the account or one of its markets is not at hand.
    pub fn legs(&self, margin_account: &Pubkey, primary: Option<&Pubkey>) -> Result<Vec<Leg>, PlanError> {
        let account = look::<MarginAccount>(self.accounts, margin_account)?;
        for position in account.used_positions() {
            look::<Market>(self.accounts, &position.market)?;
        }
        let oracle = |market: &Pubkey| {
            let found = look::<Market>(self.accounts, market).ok()?;
            Some(self.oracle_of(market, found))
        };
        ordered(account, primary, oracle).map_err(PlanError::NoAccount)
    }

    /// `deposit`, with all legs: results are swept, and a deposit that restores initial margin ends an episode.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn deposit(
        &self,
        depositor: Pubkey,
        margin_account: Pubkey,
        token_account: Pubkey,
        amount_atoms: u64,
    ) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.money(&margin_account)?;
        Ok(instruction::deposit(depositor, &keys, margin_account, token_account, amount_atoms, &legs))
    }

    /// `withdraw`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn withdraw(
        &self,
        authority: Pubkey,
        margin_account: Pubkey,
        token_account: Pubkey,
        amount_atoms: u64,
    ) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.money(&margin_account)?;
        Ok(instruction::withdraw(authority, &keys, margin_account, token_account, amount_atoms, &legs))
    }

    /// `place_order`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn place_order(
        &self,
        authority: Pubkey,
        margin_account: Pubkey,
        market: &Pubkey,
        args: impl Into<PlaceOrderArgs>,
    ) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&margin_account, market)?;
        Ok(instruction::place_order(authority, &keys, margin_account, args, &legs))
    }

    /// `cancel_order`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn cancel_order(
        &self,
        authority: Pubkey,
        margin_account: Pubkey,
        market: &Pubkey,
        args: impl Into<CancelOrderArgs>,
    ) -> Result<Instruction, PlanError> {
        Ok(instruction::cancel_order(authority, &self.market_keys(market)?, margin_account, args))
    }

    /// `cancel_all_orders`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn cancel_all_orders(
        &self,
        authority: Pubkey,
        margin_account: Pubkey,
        market: &Pubkey,
        args: impl Into<CancelAllOrdersArgs>,
    ) -> Result<Instruction, PlanError> {
        Ok(instruction::cancel_all_orders(authority, &self.market_keys(market)?, margin_account, args))
    }

    /// `force_cancel_orders`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn force_cancel_orders(&self, account: Pubkey, market: &Pubkey, limit: u8) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&account, market)?;
        Ok(instruction::force_cancel_orders(&keys, account, limit, &legs))
    }

    /// `flag_account`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn flag_account(&self, margin_account: Pubkey, market: &Pubkey) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&margin_account, market)?;
        Ok(instruction::flag_account(&keys, margin_account, &legs))
    }

    /// `partial_liquidate`, with the slice's size as the account has it now.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn partial_liquidate(
        &self,
        caller: Pubkey,
        margin_account: Pubkey,
        market: &Pubkey,
        payout: &Payout,
        args: impl Into<LiquidateArgs>,
    ) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&margin_account, market)?;
        Ok(instruction::partial_liquidate(caller, &keys, margin_account, payout, args, &legs))
    }

    /// `absorb` into a margin account of the caller.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn absorb(
        &self,
        caller: Pubkey,
        margin_account: Pubkey,
        absorber: Pubkey,
        market: &Pubkey,
        args: impl Into<LiquidateArgs>,
    ) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&margin_account, market)?;
        let own = self.legs(&absorber, Some(market))?;
        Ok(instruction::absorb(caller, &keys, margin_account, absorber, args, &legs, &own))
    }

    /// `resolve_account`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn resolve_account(&self, margin_account: Pubkey, market: &Pubkey) -> Result<Instruction, PlanError> {
        let (keys, legs) = self.leg(&margin_account, market)?;
        Ok(instruction::resolve_account(&keys, margin_account, &legs))
    }

    /// `record_deficit`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn record_deficit(&self, margin_account: Pubkey) -> Result<Instruction, PlanError> {
        let exchange = look::<MarginAccount>(self.accounts, &margin_account)?.exchange;
        Ok(instruction::record_deficit(exchange, margin_account, &self.legs(&margin_account, None)?))
    }

    /// `settle_loss`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn settle_loss(&self, margin_account: Pubkey, market: &Pubkey) -> Result<Instruction, PlanError> {
        Ok(instruction::settle_loss(&self.market_keys(market)?, margin_account))
    }

    /// `update_funding`.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn update_funding(&self, market: &Pubkey) -> Result<Instruction, PlanError> {
        Ok(instruction::update_funding(&self.market_keys(market)?))
    }

    fn leg(&self, margin_account: &Pubkey, market: &Pubkey) -> Result<(MarketKeys, Vec<Leg>), PlanError> {
        Ok((self.market_keys(market)?, self.legs(margin_account, Some(market))?))
    }

    fn money(&self, margin_account: &Pubkey) -> Result<(ExchangeKeys, Vec<Leg>), PlanError> {
        let exchange = look::<MarginAccount>(self.accounts, margin_account)?.exchange;
        Ok((self.exchange_keys(&exchange)?, self.legs(margin_account, None)?))
    }

    /// A push market has one oracle account, its key; a pull market's key is a feed.
    fn oracle_of(&self, key: &Pubkey, market: &Market) -> Pubkey {
        if market.oracle_kind == ORACLE_PYTH_PUSH {
            return market.oracle_key;
        }
        self.oracles.get(key).copied().unwrap_or(market.oracle_account)
    }
}

#[cfg(test)]
mod tests;
