//! INV-22 at the end of a run: whoever is bankrupt is resolved to the last seat, by anybody, from any leg on.

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::ledger::{Need, Z};
use crate::op::{Op, Publication};
use crate::run::Session;

/// Seats that one call deleverages.
const COUNTERPARTIES: usize = 16;
/// A resolution charges others, who may be bankrupt then: so often everybody is looked at again.
const ROUNDS: usize = 8;
/// Longer than any price may be ahead of the clock.
const PAUSE: (u64, i64) = (2_000, 800);

/// What the end of a run has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ruin {
    /// Bankrupt accounts that had seats.
    pub accounts: u64,
    /// Calls that were accepted.
    pub calls: u64,
    /// Accounts left with seats: their loss is covered by a result that waits at another market's sweep cap.
    pub waiting: u64,
}

/// Live prices, then calls for random legs in random order until nobody who is bankrupt has a seat. Every call is one more step of the session,
/// compared with the auditor and checked like all others.
///
/// # Errors
/// What a step finds; an account that nobody can free, or that takes more calls than it may.
pub fn resolve_bankrupts(session: &mut Session, seed: u64) -> Result<Ruin, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ruin = Ruin::default();
    pass_time(session, PAUSE)?;
    for _ in 0..ROUNDS {
        let mut bankrupt: Vec<usize> = (0..session.ledger.accounts.len()).collect();
        bankrupt.retain(|who| is_bankrupt(session, *who) && !waits(session, *who));
        if bankrupt.is_empty() {
            break;
        }
        bankrupt.shuffle(&mut rng);
        for who in bankrupt {
            ruin.accounts += 1;
            ruin.calls += resolve_all(session, who, &mut rng)?;
        }
    }
    ruin.waiting = (0..session.ledger.accounts.len()).filter(|who| waits(session, *who)).count() as u64;
    Ok(ruin)
}

/// Time passes, and every publisher says once more what it said last, if that was a price.
pub(crate) fn pass_time(session: &mut Session, (slots, seconds): (u64, i64)) -> Result<(), String> {
    session.step(&Op::Clock { slots, seconds })?.ok();
    for market in 0..session.ledger.markets.len() {
        let start = session.setup.publications[market].price;
        let last = session.outside.feeds[market][0].reading.price;
        let price = if (start / 8..start.saturating_mul(8)).contains(&last) { last } else { start };
        let publication = Publication {
            price,
            confidence: price.unsigned_abs() / 9_000,
            exponent: -8,
            ema: price,
            age_seconds: 0,
            trading: true,
        };
        session.step(&Op::Publish { market, other: false, publication })?.ok();
    }
    Ok(())
}

fn is_bankrupt(session: &Session, who: usize) -> bool {
    !markets_of(session, who).is_empty() && equity(session, who).is_some_and(|equity| equity <= 0)
}

/// `E'`, if it is within the bounds.
fn equity(session: &Session, who: usize) -> Option<Z> {
    let estate = session.ledger.estate(&session.outside, who, None, 0, Need::Any);
    estate.ok().map(|(estate, _)| estate.equity())
}

pub(crate) fn markets_of(session: &Session, who: usize) -> Vec<usize> {
    session.ledger.accounts[who].legs.iter().flatten().map(|leg| leg.market).collect()
}

/// The exception of INV-22: nothing is open, the account is worth nothing, and what would pay its debts is a result that cannot
/// leave its market, not all of it now.
fn waits(session: &Session, who: usize) -> bool {
    let legs = session.ledger.accounts[who].legs.iter().flatten();
    let (mut is_flat, mut has_debt, mut has_stuck) = (true, false, false);
    for leg in legs {
        let row = &session.ledger.markets[leg.market];
        let seat = row.seat(leg.seat);
        is_flat &= seat.base == 0;
        has_debt |= seat.realised < 0;
        has_stuck |= seat.realised > row.sweep_room(session.outside.slot);
    }
    is_flat && has_debt && has_stuck && equity(session, who) == Some(0)
}

/// INV-22's bound: each leg's counterparties, sixteen a call, one call to resolve and one to release; one to cancel its orders, where nothing
/// but orders is left; one to record its account's deficit anew, where a deficit is on record that is none any more.
fn bound(session: &Session, who: usize) -> u64 {
    let calls = session.ledger.accounts[who].legs.iter().flatten().map(|leg| {
        let row = &session.ledger.markets[leg.market];
        let base = row.seat(leg.seat).base;
        let opposite = row.seats.iter().flatten().filter(|seat| seat.base * base < 0).count();
        opposite.div_ceil(COUNTERPARTIES) as u64 + 4
    });
    calls.sum()
}

/// Returns how many calls it took.
fn resolve_all(session: &mut Session, who: usize, rng: &mut ChaCha8Rng) -> Result<u64, String> {
    let (bound, mut calls, mut has_waited) = (bound(session, who), 0, false);
    loop {
        let mut legs = markets_of(session, who);
        if legs.is_empty() || waits(session, who) {
            return Ok(calls);
        }
        legs.shuffle(rng);
        let refusals = match one_call(session, who, &legs)? {
            Ok(()) => {
                (calls, has_waited) = (calls + 1, false);
                if calls > bound {
                    return Err(format!("INV-22: account {who} has taken more than {bound} calls"));
                }
                continue;
            }
            Err(refusals) => refusals,
        };
        if equity(session, who).is_some_and(|equity| equity > 0) {
            return Ok(calls);
        }
        if has_waited {
            return Err(format!("INV-22: account {who} is stuck: {refusals}"));
        }
        // A leg that is half resolved stops the others for its slot.
        has_waited = true;
        pass_time(session, (1, 1))?;
    }
}

/// The first call that is accepted, or every refusal.
fn one_call(session: &mut Session, who: usize, legs: &[usize]) -> Result<Result<(), String>, String> {
    let mut refusals = Vec::new();
    for market in legs.iter().copied() {
        let has_orders = session.ledger.leg(who, market).is_some_and(|seat| {
            let seat = session.ledger.markets[market].seat(seat);
            seat.counts != [0, 0]
        });
        let mut calls = vec![Op::Resolve { who, market, oracles: 0 }, Op::ReleaseSeat { who, market }];
        if has_orders {
            calls.push(Op::ForceCancel { who, market, limit: u8::MAX, oracles: 0 });
        }
        for op in calls {
            match session.step(&op)? {
                Ok(()) => return Ok(Ok(())),
                Err(refusal) => refusals.push(format!("{market}: {refusal:?}")),
            }
        }
    }
    match session.step(&Op::RecordDeficit { who, oracles: 0 })? {
        Ok(()) => return Ok(Ok(())),
        Err(refusal) => refusals.push(format!("record: {refusal:?}")),
    }
    Ok(Err(refusals.join(", ")))
}
