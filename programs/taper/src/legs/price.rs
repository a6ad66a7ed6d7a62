//! The price of one leg: whether an action may use it, and what stands in for one that cannot be used.

use anchor_lang::prelude::*;
use taper_engine::modes::Action;
use taper_engine::oracle::{assess, frozen, last_known, Grade, OraclePrice};
use taper_engine::EngineError;

use super::Now;
use crate::error::{Refusal, TaperError};
use crate::oracle;
use crate::state::{Exchange, Market};

/// The price of an instruction's own market: fresh or degraded, nothing else.
///
/// # Errors
/// The oracle's, each its own.
pub fn live_price(market: &Market, oracle: &AccountInfo, exchange: &Exchange, now: &Now) -> Result<OraclePrice> {
    Ok(judged_price(market, oracle, exchange, now)?)
}

/// As [`live_price`], with the bare reason of a refusal. A settled market needs no oracle: its price is the final one.
pub(crate) fn judged_price(
    market: &Market,
    oracle: &AccountInfo,
    exchange: &Exchange,
    now: &Now,
) -> core::result::Result<OraclePrice, TaperError> {
    let state = &market.state;
    if state.is_settled() {
        return Ok(state.settled_price());
    }
    let reading = oracle::read(oracle, &market.oracle_identity())?;
    let judged = assess(&reading, &state.params, exchange.quote_decimals, &state.last_price, now.seconds);
    judged.map_err(TaperError::from)
}

/// What a client is told of an engine's refusal at a price of this grade. The engine has one error for a price that is not good enough;
/// here a degraded one has a name of its own.
pub fn refused_at(refusal: EngineError, grade: Grade) -> TaperError {
    match (refusal, grade) {
        (EngineError::OracleStale, Grade::Degraded) => TaperError::OracleDegraded,
        (refusal, _) => refusal.into(),
    }
}

/// Refuses a price of a grade that the action must not use.
///
/// # Errors
/// The cell of [`taper_engine::modes::TABLE`], as [`refused_at`] tells it.
pub fn require_mode(action: Action, grade: Grade) -> core::result::Result<(), TaperError> {
    action.require(grade).map_err(|refusal| refused_at(refusal, grade))
}

/// The price of another leg, and why the action may not use it.
///
/// # Errors
/// The oracle's identity errors, and what is wrong with an account that does not freeze the leg.
pub fn leg_price(
    market: &Market,
    account: &AccountInfo,
    exchange: &Exchange,
    now: &Now,
    action: Action,
) -> Result<(OraclePrice, Option<TaperError>)> {
    let state = &market.state;
    if state.is_settled() {
        return Ok((state.settled_price(), None));
    }
    let read = oracle::read(account, &market.oracle_identity());
    let assessed = read.and_then(|reading| {
        assess(&reading, &state.params, exchange.quote_decimals, &state.last_price, now.seconds)
            .map_err(TaperError::from)
    });
    match assessed {
        Ok(price) => Ok((price, require_mode(action, price.grade).err())),
        // Another account of the same feed proves nothing by being old: its caller may have passed over a fresh one.
        Err(refusal) if freezes(refusal) && market.oracle_account == *account.key => {
            let (params, last) = (&state.params, &state.last_price);
            let known = last_known(read.ok().as_ref(), params, exchange.quote_decimals, last, now.seconds);
            // What is wrong with the reading says more than that it is frozen.
            let refusal = action.require(Grade::Frozen).err().map(|_| refusal);
            Ok((frozen(&known, params, now.seconds).or_refuse()?, refusal))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// True for what is wrong with the world, false for what is wrong with the account that the caller chose to pass.
fn freezes(refusal: TaperError) -> bool {
    matches!(
        refusal,
        TaperError::OracleStale
            | TaperError::OracleConfidenceTooWide
            | TaperError::OracleNotTrading
            | TaperError::OraclePriceNotPositive
            | TaperError::OracleExponentOutOfRange
            | TaperError::OraclePriceOutOfRange
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_state_of_the_world_freezes_a_leg() {
        for world in [
            TaperError::OracleStale,
            TaperError::OracleConfidenceTooWide,
            TaperError::OracleNotTrading,
            TaperError::OraclePriceNotPositive,
            TaperError::OracleExponentOutOfRange,
            TaperError::OraclePriceOutOfRange,
        ] {
            assert!(freezes(world), "{world:?}");
        }
        for choice in [
            TaperError::OracleOlderThanLast,
            TaperError::OracleFromTheFuture,
            TaperError::OracleWrongOwner,
            TaperError::OracleWrongFeed,
            TaperError::OracleWrongAccountType,
            TaperError::OraclePartialVerification,
        ] {
            assert!(!freezes(choice), "{choice:?}");
        }
    }
}
