//! The invariants of `docs/invariants.md` that can be stated about a state, or a step, of the engine.

use taper_engine::audit::{check_market, market_value};

use crate::engine_world::EngineWorld;
use crate::ledger::Ledger;
use crate::op::Op;
use crate::outside::Outside;

/// What is remembered of the state before a step.
#[derive(Clone, Debug, Default)]
pub struct Before {
    loss_indices: Vec<i64>,
    times: Vec<i64>,
}

impl Before {
    /// Notes it.
    pub fn note(&mut self, engine: &EngineWorld) {
        self.loss_indices.clear();
        self.times.clear();
        self.loss_indices.extend(engine.venues.iter().map(|venue| venue.state.charges.loss_index_scaled));
        self.times.extend(engine.venues.iter().map(|venue| venue.state.last_price.publish_time_seconds));
    }
}

/// After a step that was not refused.
///
/// # Errors
/// Which invariant does not hold.
pub fn check(
    engine: &EngineWorld,
    _ledger: &Ledger,
    before: &Before,
    _outside: &Outside,
    op: &Op,
    whole: bool,
) -> Result<(), String> {
    for (market, venue) in engine.venues.iter().enumerate() {
        let relisted = matches!(op, Op::Relist { market: relisted, .. } if *relisted == market);
        if !relisted && venue.state.last_price.publish_time_seconds < before.times[market] {
            return Err(format!("INV-16: the price time of market {market} went back"));
        }
    }
    if whole {
        check_whole(engine)?;
    }
    Ok(())
}

/// Everything that can be recomputed from the state alone.
///
/// # Errors
/// Which invariant does not hold.
pub fn check_whole(engine: &EngineWorld) -> Result<(), String> {
    let cash: i128 = engine.accounts.iter().map(|account| i128::from(account.state.cash_atoms)).sum();
    let markets: i128 = engine.venues.iter().map(|venue| market_value(&venue.state)).sum();
    let exchange = &engine.exchange;
    let sum = cash + markets + i128::from(exchange.insurance) + i128::from(exchange.fees);
    if sum != i128::from(exchange.vault) {
        return Err(format!("INV-01: the vault holds {}, all claims are {sum}", exchange.vault));
    }
    for (nr, venue) in engine.venues.iter().enumerate() {
        let violations = check_market(&venue.state, &venue.book);
        if !violations.is_empty() {
            return Err(format!("market {nr}: {:?}", violations.iter().collect::<Vec<_>>()));
        }
    }
    Ok(())
}
