//! The invariants of `docs/invariants.md` that can be stated about a state, or a step, of the engine.
//!
//! After every accepted operation: INV-01, 02, 03, 06, 07, 08, 09, 11, 12, 13, 14, 15, 16, 21, 23, recomputed from the rows. Every
//! [`crate::run::WHOLE_EVERY`] steps, and at the end: INV-07, 08, 09, 11 once more by the engine's own auditor, over all rows of the tables, used or
//! not. At the end of a run INV-18 and 22 ([`crate::rescue`], [`crate::ruin`]). INV-04, 05 and 10 hold because the auditor predicts every fill,
//! penalty and removal; INV-17 is the runtime's; INV-19 and 20 are searches (`docs/attacks.md`).

use std::collections::HashMap;

use taper_engine::audit::{check_market, market_value};
use taper_engine::book::Order;
use taper_engine::params::MarketParams;
use taper_engine::quantity::Side;

use crate::engine_world::{owner, EngineWorld, Venue};
use crate::ledger::{Ledger, Z};
use crate::op::Op;
use crate::outside::Outside;

/// What is remembered of a market before a step.
#[derive(Clone, Debug)]
struct MarketBefore {
    time: i64,
    loss_index: i64,
    recorded: i64,
    drawn: i64,
    draw_room: i64,
    params: MarketParams,
}

/// What is remembered of an account before a step.
#[derive(Clone, Copy, Debug)]
struct AccountBefore {
    cooldown_until: u64,
    last_risk_slot: u64,
    episode: (u64, u8, u64),
}

/// What is remembered of the state before a step.
#[derive(Clone, Debug, Default)]
pub struct Before {
    markets: Vec<MarketBefore>,
    accounts: Vec<AccountBefore>,
}

impl Before {
    /// Notes it.
    pub fn note(&mut self, engine: &EngineWorld, slot: u64) {
        self.markets.clear();
        self.markets.extend(engine.venues.iter().map(|venue| {
            let state = &venue.state;
            MarketBefore {
                time: state.last_price.publish_time_seconds,
                loss_index: state.charges.loss_index_scaled,
                recorded: state.recorded_atoms,
                drawn: state.insurance.drawn_atoms,
                draw_room: state.draw_room(slot).map_or(0, |room| room.0),
                params: state.params,
            }
        }));
        self.accounts.clear();
        self.accounts.extend(engine.accounts.iter().map(|account| {
            let (state, episode) = (&account.state, &account.state.episode);
            AccountBefore {
                cooldown_until: state.cooldown_until_slot,
                last_risk_slot: state.last_risk_slot,
                episode: (episode.started_slot, episode.kind, episode.clock_slots),
            }
        }));
    }
}

/// One step that was not refused.
pub struct Step<'a> {
    /// What was done.
    pub op: &'a Op,
    /// Clock and prices.
    pub outside: &'a Outside,
    /// The state before.
    pub before: &'a Before,
    /// The auditor's books before.
    pub books: &'a Ledger,
}

/// After a step that was not refused.
///
/// # Errors
/// Which invariant does not hold.
pub fn check(engine: &EngineWorld, ledger: &Ledger, step: &Step<'_>, whole: bool) -> Result<(), String> {
    for (nr, venue) in engine.venues.iter().enumerate() {
        let relisted = matches!(step.op, Op::Relist { market, .. } if *market == nr);
        standing(nr, venue, engine)?;
        book(nr, venue)?;
        // One that has just been listed has no past.
        if let Some(before) = step.before.markets.get(nr).filter(|_| !relisted) {
            moved(nr, venue, before)?;
        }
    }
    vault(engine)?;
    accounts(engine, step)?;
    health(ledger, step)?;
    if whole {
        check_whole(engine)?;
    }
    Ok(())
}

fn broken(nr: usize, invariant: &str, market: usize) -> Result<(), String> {
    Err(format!("INV-{nr:02}: {invariant}, market {market}"))
}

/// INV-02, 07, 11, 12, 13, 23 of a market as it stands.
fn standing(nr: usize, venue: &Venue, engine: &EngineWorld) -> Result<(), String> {
    let state = &venue.state;
    let (charges, table) = (&state.charges, &state.seats);
    let (mut base, mut longs, mut owed, mut bonds, mut recorded, mut taken) = (0, 0, 0, 0, 0, 0);
    for seat in table.rows.iter().take(table.touched_count as usize).filter(|seat| !seat.is_free()) {
        let lots = Z::from(seat.base_lots);
        base += lots;
        longs += lots.max(0);
        owed += lots * Z::from(charges.funding_index_scaled - seat.funding_checkpoint_scaled)
            + lots.abs() * Z::from(charges.loss_index_scaled - seat.loss_checkpoint_scaled);
        bonds += Z::from(seat.bond_atoms);
        recorded += Z::from(seat.recorded_atoms);
        taken += 1;
        if seat.recorded_atoms < 0 {
            return broken(23, "a part is negative", nr);
        }
    }
    let references = engine.accounts.iter().enumerate().flat_map(|(who, account)| {
        account.positions.iter().flatten().filter(|(market, _)| *market == nr).map(move |(_, seat)| (who, *seat))
    });
    let mut held = 0;
    for (who, seat) in references {
        held += 1;
        if !table.rows[seat as usize].is_owned_by(&owner(who)) {
            return broken(7, "a reference to somebody else's seat", nr);
        }
    }
    if held != taken || taken != table.used_count || bonds != Z::from(table.bonds_atoms) {
        return broken(7, "seats, references and bonds", nr);
    }
    if base != 0 || longs != Z::from(state.open_interest_base_lots) {
        return broken(2, "base and open interest", nr);
    }
    // What a settled market's pool holds is the residue; before, the two differ by what seats owe.
    if Z::from(charges.clearing_atoms) * (1 << 20) + owed != Z::from(charges.residue_scaled) {
        return broken(11, "pool, debts and residue", nr);
    }
    if state.net_swept_profit_atoms > state.params.sweep_cap_atoms {
        return broken(12, "net swept profit", nr);
    }
    if state.insurance_pending_atoms < 0 || engine.exchange.insurance < 0 || state.fees_atoms < 0 {
        return broken(13, "insurance or fees", nr);
    }
    if recorded != Z::from(state.recorded_atoms) {
        return broken(23, "the sum of the parts", nr);
    }
    Ok(())
}

/// What a seat's orders are together: bids and asks, each number, lots and quote.
type Orders = [[Z; 3]; 2];

/// INV-08 and 09.
fn book(nr: usize, venue: &Venue) -> Result<(), String> {
    let table = &venue.state.seats;
    let mut of_seats: HashMap<u32, Orders> = HashMap::new();
    for (which, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
        let rows = venue.book.orders(side);
        // Best last: at one price the older is better.
        let rises = |worse: &Order, better: &Order| {
            let by = better.price_atoms_per_lot.cmp(&worse.price_atoms_per_lot);
            let by = if side == Side::Bid { by } else { by.reverse() };
            by.is_gt() || (by.is_eq() && better.sequence < worse.sequence)
        };
        if !rows.windows(2).all(|pair| rises(&pair[0], &pair[1])) {
            return broken(9, "the book is not sorted", nr);
        }
        for order in rows {
            let (price, lots) = (Z::from(order.price_atoms_per_lot), Z::from(order.size_base_lots));
            let sums = &mut of_seats.entry(order.seat_index).or_default()[which];
            for (sum, more) in sums.iter_mut().zip([1, lots, price * lots]) {
                *sum += more;
            }
        }
    }
    let best = |side| venue.book.best(side).map(|order| order.price_atoms_per_lot);
    if let (Some(bid), Some(ask)) = (best(Side::Bid), best(Side::Ask)) {
        if bid >= ask {
            return broken(9, "the book is crossed", nr);
        }
    }
    for (index, seat) in table.rows.iter().take(table.touched_count as usize).enumerate() {
        let totals = [
            [seat.bid_count.into(), seat.bid_lots.into(), seat.bid_quote_atoms.into()],
            [seat.ask_count.into(), seat.ask_lots.into(), seat.ask_quote_atoms.into()],
        ];
        if of_seats.remove(&(index as u32)).unwrap_or_default() != totals {
            return broken(8, "a seat's totals", nr);
        }
    }
    if !of_seats.is_empty() {
        return broken(8, "an order of no seat", nr);
    }
    Ok(())
}

/// INV-13, 16, 21, 23 of a step.
fn moved(nr: usize, venue: &Venue, before: &MarketBefore) -> Result<(), String> {
    let state = &venue.state;
    if state.last_price.publish_time_seconds < before.time {
        return broken(16, "the price time went back", nr);
    }
    if state.charges.loss_index_scaled < before.loss_index {
        return broken(11, "the loss index fell", nr);
    }
    if state.insurance.drawn_atoms - before.drawn > before.draw_room {
        return broken(13, "a draw beyond its room", nr);
    }
    if state.params != before.params && state.params.validate().is_err() {
        return broken(21, "parameters", nr);
    }
    if state.recorded_atoms > before.recorded
        && state.recorded_atoms + state.held_loss_atoms > state.net_swept_profit_atoms
    {
        return broken(23, "a record beyond what was taken out", nr);
    }
    Ok(())
}

/// INV-01.
fn vault(engine: &EngineWorld) -> Result<(), String> {
    let cash: Z = engine.accounts.iter().map(|account| Z::from(account.state.cash_atoms)).sum();
    let mut sum = cash + Z::from(engine.exchange.insurance) + Z::from(engine.exchange.fees);
    for venue in &engine.venues {
        let (state, table) = (&venue.state, &venue.state.seats);
        let seats = table.rows.iter().take(table.touched_count as usize);
        sum += seats.map(|seat| Z::from(seat.quote_entry_atoms) + Z::from(seat.realised_atoms)).sum::<Z>();
        sum += Z::from(table.bonds_atoms) + Z::from(state.fees_atoms) + Z::from(state.insurance_pending_atoms);
        sum += Z::from(state.charges.clearing_atoms) - Z::from(state.unassigned_loss_atoms);
    }
    if sum != Z::from(engine.exchange.vault) {
        return Err(format!("INV-01: the vault holds {}, all claims are {sum}", engine.exchange.vault));
    }
    Ok(())
}

/// INV-15: cooldowns and clocks; INV-23: the sums over accounts.
fn accounts(engine: &EngineWorld, step: &Step<'_>) -> Result<(), String> {
    let mut recorded = 0;
    for (who, (account, before)) in engine.accounts.iter().zip(&step.before.accounts).enumerate() {
        let reopened = matches!(step.op, Op::Reopen { who: reopened, .. } if *reopened == who);
        let (state, episode) = (&account.state, &account.state.episode);
        recorded += state.recorded_deficit_atoms;
        if reopened {
            continue;
        }
        if state.cooldown_until_slot < before.cooldown_until && state.cooldown_until_slot < step.outside.slot {
            return Err(format!("INV-15: the cooldown of account {who} went back"));
        }
        let same = (episode.started_slot, episode.kind) == (before.episode.0, before.episode.1);
        if same && episode.clock_slots < before.episode.2 {
            return Err(format!("INV-15: the clock of account {who} went back"));
        }
    }
    if recorded != engine.exchange.recorded {
        return Err("INV-23: the sum of the accounts' records".into());
    }
    let held: i64 = engine.venues.iter().map(|venue| venue.state.held_loss_atoms).sum();
    if held != engine.exchange.held {
        return Err("INV-01: the sum of what is held".into());
    }
    Ok(())
}

/// INV-03 and 06 of a slice, INV-14 of a withdrawal, of added risk, and of an absorber.
fn health(ledger: &Ledger, step: &Step<'_>) -> Result<(), String> {
    let outside = step.outside;
    let added = |who: usize| ledger.accounts[who].last_risk_slot != step.before.accounts[who].last_risk_slot;
    match *step.op {
        Op::Withdraw { who, oracles, .. } if ledger.is_initially_sound(outside, who, oracles) == Some(false) => {
            Err(format!("INV-14: account {who} has withdrawn"))
        }
        Op::Place { who, oracles, .. } if added(who) => match ledger.is_initially_sound(outside, who, oracles) {
            Some(true) => Ok(()),
            _ => Err(format!("INV-14: account {who} has added risk")),
        },
        Op::Absorb { by, oracles, .. } if ledger.is_initially_sound(outside, by, oracles) != Some(true) => {
            Err(format!("INV-14: account {by} has absorbed"))
        }
        Op::Slice { who, market, oracles, .. } | Op::Absorb { who, market, oracles, .. } => {
            let (was, is) = (step.books.leg_base(who, market), ledger.leg_base(who, market));
            if is.abs() > was.abs() || is * was < 0 {
                return Err(format!("INV-06: the position of account {who} went from {was} to {is}"));
            }
            if is != was && !ledger.is_no_worse(step.books, outside, who, oracles) {
                return Err(format!("INV-03: the health of account {who} fell"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Everything that can be recomputed from the state alone.
///
/// # Errors
/// Which invariant does not hold.
pub fn check_whole(engine: &EngineWorld) -> Result<(), String> {
    let cash: Z = engine.accounts.iter().map(|account| Z::from(account.state.cash_atoms)).sum();
    let markets: Z = engine.venues.iter().map(|venue| market_value(&venue.state)).sum();
    let exchange = &engine.exchange;
    let sum = cash + markets + Z::from(exchange.insurance) + Z::from(exchange.fees);
    if sum != Z::from(exchange.vault) {
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
