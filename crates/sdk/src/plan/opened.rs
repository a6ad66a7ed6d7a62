//! The accounts of an instruction on a leg, as the program would have opened them.

use anchor_lang::prelude::AccountInfo;
use taper::legs::Walk;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};

use super::LegQuery;
use crate::snapshot::{copy, look, Accounts, Copies, PlanError};

/// Copies of what the instruction writes, which belong together.
pub struct Opened<'a> {
    exchange: &'a Exchange,
    pub account: Box<MarginAccount>,
    pub market: Box<Market>,
    pub order_book: Box<OrderBook>,
}

impl<'a> Opened<'a> {
    /// Opens them, with the program's checks.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn of(accounts: &'a impl Accounts, query: &LegQuery<'_>) -> Result<Self, PlanError> {
        let keys = query.keys;
        let exchange = look::<Exchange>(accounts, &keys.exchange)?;
        let account = copy::<MarginAccount>(accounts, &query.margin_account)?;
        let market = copy::<Market>(accounts, &keys.market)?;
        let order_book = copy::<OrderBook>(accounts, &keys.order_book)?;
        account.check_belongs(&keys.exchange)?;
        market.check_belongs(&keys.exchange)?;
        market.check_book(&keys.order_book)?;
        Ok(Self { exchange, account, market, order_book })
    }

    /// Shows the program's own walk the oracle and the other legs.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn walk<T>(
        &mut self,
        accounts: &impl Accounts,
        query: &LegQuery<'_>,
        gather: impl for<'i> FnOnce(
            &Walk<'_>,
            &mut Market,
            &AccountInfo<'i>,
            &'i [AccountInfo<'i>],
        ) -> anchor_lang::Result<T>,
    ) -> Result<T, PlanError> {
        let walk = Walk {
            exchange: self.exchange,
            exchange_key: &query.keys.exchange,
            account: &self.account,
            account_key: &query.margin_account,
            now: query.now,
        };
        let oracle = &query.keys.oracle;
        let shown = core::iter::once(oracle).chain(query.legs.iter().flat_map(|leg| [&leg.market, &leg.oracle]));
        let mut copies = Copies::of(accounts, shown)?;
        let infos = copies.infos();
        let [own, remaining @ ..] = infos.as_slice() else {
            return Err(PlanError::NoAccount(*oracle));
        };
        Ok(gather(&walk, &mut self.market, own, remaining)?)
    }
}
