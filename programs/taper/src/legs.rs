//! The other legs of an account: a walk over the remaining accounts, in the order of the account's positions.
//!
//! For each used position but the instruction's own market, the remaining accounts hold `[market, oracle]`: exactly these, in slot
//! order. A leg whose price cannot be used is frozen: it is valued at its last good price, biased in the account's favour, so that it
//! never shields the others; but no risk may be added beside it.

use anchor_lang::prelude::*;
use taper_engine::account::POSITIONS;
use taper_engine::margin::{value_leg, value_leg_for, LegTotals, Valuation};
use taper_engine::market::MarketState;
use taper_engine::modes::Action;
use taper_engine::oracle::OraclePrice;
use taper_engine::seat::Seat;

use crate::error::{Refusal, TaperError};
use crate::fills::SeatTouch;
use crate::state::{Exchange, MarginAccount, Market, PositionRef};

mod price;
mod span;

pub(crate) use price::judged_price;
pub use price::{leg_price, live_price, refused_at, require_mode};
pub(crate) use span::Span;

/// The chain's clock, read once.
#[derive(Clone, Copy)]
pub struct Now {
    /// Slot.
    pub slot: u64,
    /// Unix seconds.
    pub seconds: i64,
}

impl Now {
    /// Reads the clock.
    ///
    /// # Errors
    /// The runtime's own.
    pub fn get() -> Result<Self> {
        let clock = Clock::get()?;
        Ok(Self { slot: clock.slot, seconds: clock.unix_timestamp })
    }
}

/// Which valuations an instruction needs; each costs compute units.
#[derive(Clone, Copy)]
pub struct Needs {
    /// Maintenance at mid prices.
    pub maintenance: bool,
    /// Maintenance at the edges that favour the account.
    pub favourable: bool,
    /// The same, as if its orders had been filled.
    pub with_orders: bool,
    /// Initial.
    pub initial: bool,
    /// What for: the row of the engine's table of modes that says which prices each leg may have.
    pub action: Action,
}

impl Needs {
    /// For an order: would the account be sound, and did it get worse?
    pub const ORDER: Self = Self {
        maintenance: true,
        favourable: false,
        with_orders: false,
        initial: true,
        action: Action::BesideAddedRisk,
    };
    /// For a slice: eligibility in the account's favour, everything else at mid prices.
    pub const SLICE: Self =
        Self { maintenance: true, favourable: true, with_orders: false, initial: false, action: Action::BesideOthers };
    /// For a withdrawal.
    pub const WITHDRAWAL: Self =
        Self { maintenance: false, favourable: false, with_orders: false, initial: true, action: Action::Withdraw };
    /// For a deposit that looks at an episode.
    pub const DEPOSIT: Self = Self {
        maintenance: false,
        favourable: false,
        with_orders: false,
        initial: true,
        action: Action::ObserveDeposit,
    };
    /// For strangers who cancel its orders.
    pub const CANCEL: Self =
        Self { maintenance: false, favourable: true, with_orders: true, initial: false, action: Action::BesideOthers };
}

/// Sums over legs, in the valuations asked for.
#[derive(Default)]
pub struct Legs {
    /// Maintenance at mid prices.
    pub maintenance: LegTotals,
    /// Maintenance in the account's favour.
    pub favourable: LegTotals,
    /// The same, as if its orders had been filled.
    pub with_orders: LegTotals,
    initial: LegTotals,
    refusal: Option<TaperError>,
    span: Span,
}

impl Legs {
    /// Initial valuation; `None` when a leg's price is not good enough for what it was asked for.
    pub fn initial(&self) -> Option<LegTotals> {
        if self.refusal.is_some() {
            None
        } else {
            Some(self.initial)
        }
    }

    /// Initial valuation, or why there is none.
    ///
    /// # Errors
    /// The specific reason of the first leg that is not fresh.
    pub fn require_initial(&self) -> Result<LegTotals> {
        match self.refusal {
            Some(refusal) => Err(refusal.into()),
            None => Ok(self.initial),
        }
    }

    /// Why there is no initial valuation.
    pub fn refusal(&self) -> Option<TaperError> {
        self.refusal
    }
}

/// The instruction's own market and the price used for it.
pub struct Primary<'a> {
    /// Address of the market.
    pub market: &'a Pubkey,
    /// Its price.
    pub price: &'a OraclePrice,
    /// The skew that it allows; `None` for a settled market, whose price is of no time.
    pub skew_max_seconds: Option<u32>,
}

impl<'a> Primary<'a> {
    /// The instruction's own market at this price.
    pub fn new(market: &'a Pubkey, state: &MarketState, price: &'a OraclePrice) -> Self {
        let skew_max_seconds = (!state.is_settled()).then_some(state.params.oracle_leg_skew_seconds);
        Self { market, price, skew_max_seconds }
    }
}

/// The account whose legs are walked.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// The exchange.
    pub exchange: &'a Exchange,
    /// Its address.
    pub exchange_key: &'a Pubkey,
    /// The margin account.
    pub account: &'a MarginAccount,
    /// Its address.
    pub account_key: &'a Pubkey,
    /// The clock.
    pub now: Now,
}

impl Walk<'_> {
    /// Values the account's legs, other than the primary one. Consumes their accounts from the front of `remaining`.
    ///
    /// # Errors
    /// `MissingLegAccounts`, `WrongLegMarket`, `WrongExchange`, `SeatNotOwned`, `OracleLegsSkewed`; the oracle's identity errors.
    pub fn value<'info>(
        &self,
        primary: Option<Primary<'_>>,
        remaining: &mut &'info [AccountInfo<'info>],
        needs: Needs,
    ) -> Result<Legs> {
        let mut legs = Legs::default();
        legs.span.note_primary(primary.as_ref());
        for position in self.account.used_positions() {
            if primary.as_ref().is_some_and(|primary| *primary.market == position.market) {
                continue;
            }
            let [market, oracle, rest @ ..] = *remaining else {
                return err!(TaperError::MissingLegAccounts);
            };
            *remaining = rest;
            self.value_one(position, market, oracle, needs, &mut legs)?;
        }
        legs.span.check()?;
        Ok(legs)
    }

    /// Prices the instruction's own market, records that price as the last one used, and values the other legs from all remaining
    /// accounts.
    ///
    /// # Errors
    /// As [`live_price`] and [`Walk::value`]; `SurplusLegAccounts`.
    pub fn price_and_value<'info>(
        &self,
        market: &mut Market,
        market_key: &Pubkey,
        oracle: &AccountInfo,
        remaining: &'info [AccountInfo<'info>],
        needs: Needs,
    ) -> Result<(OraclePrice, Legs)> {
        let price = live_price(market, oracle, self.exchange, &self.now)?;
        market.state.last_price.record(&price, self.now.slot).or_refuse()?;
        let primary = Primary::new(market_key, &market.state, &price);
        let mut rest = remaining;
        let legs = self.value(Some(primary), &mut rest, needs)?;
        require_consumed(rest)?;
        Ok((price, legs))
    }

    #[inline(never)]
    fn value_one<'info>(
        &self,
        position: &PositionRef,
        market: &'info AccountInfo<'info>,
        oracle: &AccountInfo<'info>,
        needs: Needs,
        legs: &mut Legs,
    ) -> Result<()> {
        require!(*market.key == position.market, TaperError::WrongLegMarket);
        let loader = AccountLoader::<Market>::try_from(market)?;
        let market = loader.load()?;
        let (seat, price, refusal) = self.leg(&market, position, oracle, needs.action, &mut legs.span)?;
        let params = &market.state.params;
        let owed = market.state.owed_at(seat, self.now.slot).or_refuse()?;
        legs.refusal = legs.refusal.or(refusal);
        if needs.maintenance {
            let value = value_leg(params, seat, owed, &price, Valuation::Maintenance).or_refuse()?;
            legs.maintenance = legs.maintenance.add(value).or_refuse()?;
        }
        if needs.favourable {
            let value = value_leg(params, seat, owed, &price, Valuation::Favourable).or_refuse()?;
            legs.favourable = legs.favourable.add(value).or_refuse()?;
        }
        if needs.with_orders {
            let value = value_leg(params, seat, owed, &price, Valuation::WithOrders).or_refuse()?;
            legs.with_orders = legs.with_orders.add(value).or_refuse()?;
        }
        if needs.initial && legs.refusal.is_none() {
            let value = value_leg_for(needs.action, params, seat, owed, &price, Valuation::Initial).or_refuse()?;
            legs.initial = legs.initial.add(value).or_refuse()?;
        }
        Ok(())
    }

    /// The account's seat in this leg's market, the leg's price, and why the action may not use that. The price is noted in `span`.
    pub(crate) fn leg<'m>(
        &self,
        market: &'m Market,
        position: &PositionRef,
        oracle: &AccountInfo,
        action: Action,
        span: &mut Span,
    ) -> Result<(&'m Seat, OraclePrice, Option<TaperError>)> {
        market.check_belongs(self.exchange_key)?;
        let seat = market.state.seats.get(position.seat_index).or_refuse()?;
        require!(seat.is_owned_by(&self.account_key.to_bytes()), TaperError::SeatNotOwned);
        let (price, refusal) = leg_price(market, oracle, self.exchange, &self.now, action)?;
        if !market.state.is_settled() {
            span.note(&price, market.state.params.oracle_leg_skew_seconds);
        }
        Ok((seat, price, refusal))
    }
}

/// Refuses remaining accounts that no leg needed.
///
/// # Errors
/// `SurplusLegAccounts`.
pub fn require_consumed(remaining: &[AccountInfo]) -> Result<()> {
    require!(remaining.is_empty(), TaperError::SurplusLegAccounts);
    Ok(())
}

/// Sweeps the seats of those legs whose markets were passed writable. `remaining` holds `[market, oracle]` of every position, in order.
///
/// # Errors
/// `MissingLegAccounts`, `WrongLegMarket`, `WrongExchange`, `SeatNotOwned`.
pub fn sweep_writable<'info>(
    exchange_key: &Pubkey,
    account: &mut MarginAccount,
    account_key: &Pubkey,
    remaining: &'info [AccountInfo<'info>],
    slot: u64,
) -> Result<()> {
    let mut pairs = remaining.chunks_exact(2);
    for place in 0..POSITIONS {
        let Some(position) = account.positions.get(place).filter(|position| position.in_use != 0).copied() else {
            continue;
        };
        let Some([info, _oracle]) = pairs.next() else {
            return err!(TaperError::MissingLegAccounts);
        };
        require!(*info.key == position.market, TaperError::WrongLegMarket);
        if info.is_writable {
            sweep_one(exchange_key, account, account_key, info, position.seat_index, slot)?;
        }
    }
    Ok(())
}

#[inline(never)]
fn sweep_one<'info>(
    exchange_key: &Pubkey,
    account: &mut MarginAccount,
    account_key: &Pubkey,
    info: &'info AccountInfo<'info>,
    seat_index: u32,
    slot: u64,
) -> Result<()> {
    let loader = AccountLoader::<Market>::try_from(info)?;
    let mut market = loader.load_mut()?;
    market.check_belongs(exchange_key)?;
    market.state.seats.owned_mut(seat_index, &account_key.to_bytes()).or_refuse()?;
    let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, slot)?;
    market.invariant()?;
    touched.emit_if_any(info.key, account_key, seat_index);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_is_the_one_that_is_told() {
        let legs = Legs { refusal: Some(TaperError::OracleStale), ..Legs::default() };
        assert_eq!(legs.initial(), None);
        assert_eq!(legs.require_initial().unwrap_err(), TaperError::OracleStale.into());
        assert_eq!(Legs::default().require_initial().unwrap(), LegTotals::default());
    }
}
