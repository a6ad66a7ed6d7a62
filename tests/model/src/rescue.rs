//! INV-18 at the end of a run: with live prices and depth on both sides, whoever is unhealthy is sliced, absorbed or taken over until nobody is.

use crate::ledger::{Need, Z};
use crate::op::{Op, Order, Slice};
use crate::ruin::{markets_of, pass_time};
use crate::run::Session;

/// Quotes, and absorbs.
const MAKER: usize = 1;
/// What it has for that.
const DEPTH: u64 = 1 << 50;
/// Longer than any price may be ahead of the clock, than a listing's wait and a bucket's refill.
const PAUSE: (u64, i64) = (2_000, 800);
/// Slots between two rounds, and rounds: several refills of the bucket.
const ROUND: (u64, i64) = (5, 2);
const ROUNDS: usize = 300;

/// What it has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescue {
    /// Unhealthy accounts with equity.
    pub accounts: u64,
    /// Calls that were accepted for them.
    pub calls: u64,
    /// Accounts left as they are: they are worth something with their bonds, and nothing without (`docs/open-findings.md`, 7).
    pub between: u64,
}

/// All statuses are opened, a maker quotes beside the oracle price, and strangers do for every unhealthy account what the program lets them, until there is
/// none. Every call is one more step of the session.
///
/// # Errors
/// What a step finds; whoever is left, with the refusals of the last round.
pub fn rescue_the_unhealthy(session: &mut Session) -> Result<Rescue, String> {
    let markets = 0..session.ledger.markets.len();
    for market in core::iter::once(None).chain(markets.map(Some)) {
        session.step(&Op::SetStatus { market, status: 0, both: true })?.ok();
    }
    session.step(&Op::Deposit { who: MAKER, amount: DEPTH, legs: true, writable: u8::MAX, oracles: 0 })?.ok();
    pass_time(session, PAUSE)?;
    let mut rescue = Rescue::default();
    let mut refusals = Vec::new();
    for round in 0..ROUNDS {
        let sick = standing(session, Standing::Unhealthy);
        if round == 0 {
            rescue.accounts = sick.len() as u64;
        }
        if sick.is_empty() {
            rescue.between = standing(session, Standing::Between).len() as u64;
            return Ok(rescue);
        }
        quote(session)?;
        refusals.clear();
        for who in sick {
            rescue.calls += treat(session, who, &mut refusals)?;
        }
        pass_time(session, ROUND)?;
    }
    Err(format!("INV-18: nobody can help: {}", refusals.join(", ")))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Healthy,
    Unhealthy,
    Between,
    Bankrupt,
}

fn standing(session: &Session, wanted: Standing) -> Vec<usize> {
    let of = |who: usize| {
        let (estate, _) = session.ledger.estate(&session.outside, who, None, 0, Need::Any).ok()?;
        Some(match (estate.favourable.is_at_least(10_000), estate.mid.equity, estate.equity()) {
            (true, ..) => Standing::Healthy,
            (_, _, equity) if equity <= 0 => Standing::Bankrupt,
            (_, without_bonds, _) if without_bonds <= 0 => Standing::Between,
            _ => Standing::Unhealthy,
        })
    };
    (0..session.ledger.accounts.len()).filter(|who| *who != MAKER && of(*who) == Some(wanted)).collect()
}

/// One tick and less to either side, a quarter of a bucket; what is refused is not there.
fn quote(session: &mut Session) -> Result<(), String> {
    for market in 0..session.ledger.markets.len() {
        session.step(&Op::CancelAll { who: MAKER, market, side: 2, limit: u8::MAX })?.ok();
        let Ok(price) = session.ledger.live_price(&session.outside, market, 0) else { continue };
        let params = &session.ledger.markets[market].params;
        let (tick, lots) = (Z::from(params.tick_size_atoms_per_lot.max(1)), params.throttle_capacity_base_lots / 4);
        let below = (price.price - 1) / tick * tick;
        for (side, price) in [(0, below), (1, below + 2 * tick)] {
            let Ok(price) = i64::try_from(price) else { continue };
            let order = Order { side, kind: 0, price, lots, reduce_only: false, expires_in: 0, self_trade: 0 };
            session.step(&Op::Place { who: MAKER, market, order, oracles: 0 })?.ok();
        }
    }
    Ok(())
}

/// Every call that may help, for every leg. Returns how many were accepted.
fn treat(session: &mut Session, who: usize, refusals: &mut Vec<String>) -> Result<u64, String> {
    let mut accepted = 0;
    for market in markets_of(session, who) {
        let slice = Slice { max: i64::MAX, expected: None, min_payout: i64::MIN, deadline_in: 0 };
        for op in [
            Op::Slice { who, market, to: Some(0), slice, oracles: 0 },
            Op::Absorb { who, market, by: MAKER, slice, oracles: 0 },
            Op::Resolve { who, market, oracles: 0 },
        ] {
            match session.step(&op)? {
                Ok(()) => accepted += 1,
                Err(refusal) => refusals.push(format!("account {who}, market {market}: {refusal:?}")),
            }
        }
    }
    Ok(accepted)
}
