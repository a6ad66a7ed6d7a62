//! What an auditor computes from the accounts alone: the money of each exchange, the positions of each market, and that
//! seats and references fit.

use std::collections::{BTreeMap, BTreeSet};

use bytemuck::bytes_of;
use solana_account::Account;
use solana_pubkey::Pubkey;
use taper::state::{Exchange, MarginAccount, Market, OrderBook, Proposal};
use taper_engine::audit::check_market;
use taper_engine::market::MarketState;
use taper_sdk::account::{decode_owned, is, ProgramAccount};

use crate::chain::Chain;
use crate::error::{HarnessError, Result};

mod change;

pub(crate) use change::check_change;

/// The terms of INV-01 for one exchange, in quote atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tokens in the vault.
    pub vault: i128,
    /// Cash of all margin accounts.
    pub cash: i128,
    /// Bonds of all seats.
    pub bonds: i128,
    /// `quote_entry + realised` of all seats.
    pub seats: i128,
    /// Fees in markets and exchange.
    pub fees: i128,
    /// Insurance in markets and exchange.
    pub insurance: i128,
    /// Clearing pools of the markets: funding and shared losses on their way between seats.
    pub clearing: i128,
    /// Losses that nobody has borne yet, of the markets.
    pub unassigned: i128,
    /// What the vault keeps for them, of the markets.
    pub held: i128,
    /// The same, as the exchange says.
    pub held_stated: i128,
    /// Deficits recorded of margin accounts.
    pub deficits: i128,
    /// The same, as the exchange says.
    pub deficits_stated: i128,
}

impl Totals {
    /// What the vault holds beyond what is owed; zero when INV-01 holds.
    pub fn surplus(&self) -> i128 {
        self.vault - self.cash - self.bonds - self.seats - self.fees - self.insurance - self.clearing + self.unassigned
    }
}

/// An audit of all tracked accounts.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// By exchange.
    pub exchanges: BTreeMap<Pubkey, Totals>,
    failures: Vec<(String, Pubkey, String)>,
    /// Seats taken, as `(market, seat)`, and the margin account that the seat names.
    seats: BTreeMap<(Pubkey, u32), Pubkey>,
    /// References, as `(market, seat)`, and the margin account that holds the reference.
    references: BTreeMap<(Pubkey, u32), Pubkey>,
    /// Seats with a position, and all of settled markets: a leg that was half resolved then stays so until it is released.
    open: BTreeSet<(Pubkey, u32)>,
    /// What is on record of margin accounts' deficits: as they say, and as their seats say.
    records: BTreeMap<Pubkey, (i128, i128)>,
    /// Margin accounts with a leg that is half resolved, and that leg.
    half_resolved: Vec<(Pubkey, (Pubkey, u32))>,
}

impl Audit {
    /// Computes the sums.
    ///
    /// # Errors
    /// `Decode` for an account of the program that does not decode, `NoAccount` for an order book that is not tracked.
    pub(crate) fn of(chain: &Chain) -> Result<Self> {
        let mut audit = Self::default();
        for (key, account) in chain.tracked().filter(|(_, account)| account.owner == taper::ID) {
            if is::<Exchange>(&account.data) {
                let exchange: &Exchange = load(key, account)?;
                audit.exchange(key, exchange, chain.tokens(&exchange.vault));
            } else if is::<MarginAccount>(&account.data) {
                audit.margin_account(key, load(key, account)?);
            } else if is::<Market>(&account.data) {
                let market: &Market = load(key, account)?;
                audit.market(key, market, chain.load::<OrderBook>(&market.order_book)?);
            } else if is::<Proposal>(&account.data) {
                let proposal: &Proposal = load(key, account)?;
                audit.proposal(key, proposal, chain.load::<Exchange>(&proposal.exchange)?);
            }
        }
        audit.conclude();
        Ok(audit)
    }

    /// Fails with the first invariant that does not hold.
    ///
    /// # Errors
    /// `Invariant`.
    pub fn check(&self) -> Result<()> {
        match self.failures.first() {
            None => Ok(()),
            Some((invariant, subject, detail)) => {
                Err(HarnessError::Invariant { invariant: invariant.clone(), subject: *subject, detail: detail.clone() })
            }
        }
    }

    /// Room for fields to come, and padding, is zero: what a later version finds in it must mean nothing.
    fn reserve(&mut self, key: &Pubkey, parts: &[&[u8]]) {
        if parts.concat().iter().any(|byte| *byte != 0) {
            self.fail("zero reserve", key, "reserved bytes were written".into());
        }
    }

    /// Sums that are never below zero, by name.
    fn not_negative(&mut self, key: &Pubkey, sums: &[(&str, i64)]) {
        for (name, sum) in sums {
            if *sum < 0 {
                self.fail("INV-13", key, format!("{name}: {sum}"));
            }
        }
    }

    fn exchange(&mut self, key: &Pubkey, exchange: &Exchange, vault_atoms: u64) {
        self.reserve(key, &[bytes_of(&exchange.reserved), &[exchange.padding]]);
        self.not_negative(key, &[("insurance", exchange.insurance_atoms), ("fees", exchange.fees_atoms)]);
        let totals = self.exchanges.entry(*key).or_default();
        totals.vault += i128::from(vault_atoms);
        totals.fees += i128::from(exchange.fees_atoms);
        totals.insurance += i128::from(exchange.insurance_atoms);
        totals.deficits_stated = exchange.recorded_deficit_atoms.into();
        totals.held_stated = exchange.held_loss_atoms.into();
    }

    fn margin_account(&mut self, key: &Pubkey, account: &MarginAccount) {
        let state = &account.state;
        self.reserve(key, &[bytes_of(&account.reserved), &account.padding, bytes_of(&state.reserved), &state.padding]);
        self.reserve(key, &[&state.episode.padding, &state.resolution.padding]);
        self.reserve(key, &account.positions.each_ref().map(|position| &position.padding[..]));
        let totals = self.exchanges.entry(account.exchange).or_default();
        totals.cash += i128::from(state.cash_atoms);
        totals.deficits += i128::from(state.recorded_deficit_atoms);
        self.records.entry(*key).or_default().0 += i128::from(state.recorded_deficit_atoms);
        if state.recorded_deficit_atoms < 0 {
            self.fail("INV-13", key, format!("a recorded deficit of {}", state.recorded_deficit_atoms));
        }
        for position in account.used_positions() {
            if self.references.insert((position.market, position.seat_index), *key).is_some() {
                self.fail("INV-07", key, format!("two references to seat {}", position.seat_index));
            }
        }
        if let Some(place) = state.resolution.position_plus_one.checked_sub(1) {
            match account.positions.get(usize::from(place)).filter(|position| position.in_use != 0) {
                Some(position) => self.half_resolved.push((*key, (position.market, position.seat_index))),
                None => self.fail("INV-22", key, format!("place {place} is half resolved, and empty")),
            }
        }
    }

    fn market(&mut self, key: &Pubkey, market: &Market, book: &OrderBook) {
        let state = &market.state;
        self.reserve(key, &[bytes_of(&market.reserved), &market.padding, bytes_of(&state.reserved)]);
        self.reserve(key, &[bytes_of(&state.params.reserved), bytes_of(&book.reserved), &book.padding]);
        let (insurance, pending) = (&state.insurance, state.insurance_pending_atoms);
        self.not_negative(key, &[("pending", pending), ("fees", state.fees_atoms), ("window", insurance.window_atoms)]);
        if let Some(rule) = state.params.violated_rule() {
            self.fail("INV-21", key, format!("{rule:?}"));
        }
        let (bonds, quote) = self.seats_of(key, state);
        if bonds != i128::from(state.seats.bonds_atoms) {
            let stated = state.seats.bonds_atoms;
            self.fail("INV-01", key, format!("bonds sum to {bonds}, the table says {stated}"));
        }
        let totals = self.exchanges.entry(market.exchange).or_default();
        totals.bonds += bonds;
        totals.seats += quote;
        totals.fees += i128::from(state.fees_atoms);
        totals.insurance += i128::from(state.insurance_pending_atoms);
        totals.clearing += i128::from(state.charges.clearing_atoms);
        totals.unassigned += i128::from(state.unassigned_loss_atoms);
        totals.held += i128::from(state.held_loss_atoms);
        for violation in check_market(state, &book.book).iter() {
            self.fail("engine audit", key, format!("{violation:?}"));
        }
        let orders = book.book.bid_count.saturating_add(book.book.ask_count);
        if state.is_settled() && (state.open_interest_base_lots != 0 || orders != 0) {
            let left = state.open_interest_base_lots;
            self.fail("settled", key, format!("a settled market has {left} lots and {orders} orders"));
        }
    }

    fn proposal(&mut self, key: &Pubkey, proposal: &Proposal, exchange: &Exchange) {
        self.reserve(key, &[bytes_of(&proposal.reserved), &[proposal.padding]]);
        let (index, count) = (proposal.index, exchange.proposal_count);
        if index >= count || *key != taper_sdk::address::proposal(&proposal.exchange, index) {
            self.fail("proposal", key, format!("number {index} of {count}"));
        }
    }

    /// Sums of the seats' bonds, and of their entries and results. Checks INV-02 on the way.
    fn seats_of(&mut self, key: &Pubkey, state: &MarketState) -> (i128, i128) {
        let (mut base, mut longs, mut bonds, mut quote) = (0i128, 0i128, 0i128, 0i128);
        // Rows from `touched_count` on have never been used; the engine's audit checks that they are zero.
        let touched = usize::try_from(state.seats.touched_count).unwrap_or(usize::MAX);
        for (index, seat) in (0u32..).zip(state.seats.rows.iter().take(touched)) {
            if seat.owner == [0; 32] {
                continue;
            }
            base += i128::from(seat.base_lots);
            longs += i128::from(seat.base_lots.max(0));
            bonds += i128::from(seat.bond_atoms);
            quote += i128::from(seat.quote_entry_atoms) + i128::from(seat.realised_atoms);
            let owner = Pubkey::new_from_array(seat.owner);
            self.seats.insert((*key, index), owner);
            self.records.entry(owner).or_default().1 += i128::from(seat.recorded_atoms);
            self.reserve(key, &[bytes_of(&seat.reserved)]);
            if seat.base_lots != 0 || state.is_settled() {
                self.open.insert((*key, index));
            }
        }
        if base != 0 || longs != i128::from(state.open_interest_base_lots) {
            let interest = state.open_interest_base_lots;
            self.fail("INV-02", key, format!("base sums to {base}, longs to {longs}, open interest is {interest}"));
        }
        (bonds, quote)
    }

    fn conclude(&mut self) {
        let short: Vec<(Pubkey, Totals)> = self
            .exchanges
            .iter()
            .filter(|(_, totals)| totals.surplus() != 0)
            .map(|(key, totals)| (*key, *totals))
            .collect();
        for (key, totals) in short {
            self.fail("INV-01", &key, format!("the vault has {} atoms too many: {totals:?}", totals.surplus()));
        }
        for (key, totals) in self.exchanges.clone() {
            let Totals { held, held_stated, deficits, deficits_stated, .. } = totals;
            if held != held_stated || deficits != deficits_stated {
                let detail =
                    format!("held for losses {held} and {held_stated}, deficits {deficits} and {deficits_stated}");
                self.fail("gate", &key, detail);
            }
        }
        for (key, (stated, parts)) in std::mem::take(&mut self.records) {
            if stated != parts {
                self.fail("INV-23", &key, format!("{stated} on record, its seats say {parts}"));
            }
        }
        for (key, leg) in std::mem::take(&mut self.half_resolved) {
            if !self.open.contains(&leg) {
                self.fail("INV-22", &key, format!("the leg in {} is half resolved, and flat", leg.0));
            }
        }
        if self.seats != self.references {
            let odd = |(place, owner): (&(Pubkey, u32), &Pubkey), other: &BTreeMap<(Pubkey, u32), Pubkey>| {
                (other.get(place) != Some(owner)).then_some((*place, *owner))
            };
            let seats = self.seats.iter().find_map(|entry| odd(entry, &self.references));
            let references = self.references.iter().find_map(|entry| odd(entry, &self.seats));
            if let Some((market, seat)) = seats.or(references).map(|(place, _)| place) {
                self.fail("INV-07", &market, format!("seat {seat} and its reference do not fit"));
            }
        }
    }

    fn fail(&mut self, invariant: &str, subject: &Pubkey, detail: String) {
        self.failures.push((invariant.to_owned(), *subject, detail));
    }
}

fn load<'a, T: ProgramAccount>(key: &Pubkey, account: &'a Account) -> Result<&'a T> {
    decode_owned(&account.owner, &account.data).map_err(|error| HarnessError::Decode { account: *key, error })
}
