//! What an auditor computes from the accounts alone: the money of each exchange, the positions of each market, and that
//! seats and references fit.

use std::collections::BTreeMap;

use solana_account::Account;
use solana_pubkey::Pubkey;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::audit::check_market;
use taper_sdk::account::{decode_owned, is, ProgramAccount};

use crate::chain::Chain;
use crate::error::{HarnessError, Result};

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
    /// Losses that nobody has borne yet.
    pub unassigned: i128,
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
                audit.reserve(key, &[&exchange.reserved, &[exchange.padding.into()]]);
                let totals = audit.exchanges.entry(*key).or_default();
                totals.vault += i128::from(chain.tokens(&exchange.vault));
                totals.fees += i128::from(exchange.fees_atoms);
                totals.insurance += i128::from(exchange.insurance_atoms);
            } else if is::<MarginAccount>(&account.data) {
                audit.margin_account(key, load(key, account)?);
            } else if is::<Market>(&account.data) {
                let market: &Market = load(key, account)?;
                audit.market(key, market, chain.load::<OrderBook>(&market.order_book)?);
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

    /// Room for fields to come is zero: what a later version finds in it must mean nothing.
    fn reserve(&mut self, key: &Pubkey, words: &[&[u64]]) {
        if words.concat().iter().any(|word| *word != 0) {
            self.fail("zero reserve", key, "reserved bytes were written".into());
        }
    }

    fn margin_account(&mut self, key: &Pubkey, account: &MarginAccount) {
        self.reserve(key, &[&account.reserved, &account.state.reserved]);
        self.exchanges.entry(account.exchange).or_default().cash += i128::from(account.state.cash_atoms);
        for position in account.used_positions() {
            if self.references.insert((position.market, position.seat_index), *key).is_some() {
                self.fail("INV-07", key, format!("two references to seat {}", position.seat_index));
            }
        }
    }

    fn market(&mut self, key: &Pubkey, market: &Market, book: &OrderBook) {
        let state = &market.state;
        self.reserve(key, &[&market.reserved, &state.reserved, &book.reserved]);
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
            self.seats.insert((*key, index), Pubkey::new_from_array(seat.owner));
        }
        if base != 0 || longs != i128::from(state.open_interest_base_lots) {
            let open_interest = state.open_interest_base_lots;
            self.fail(
                "INV-02",
                key,
                format!("base sums to {base}, longs to {longs}, open interest is {open_interest}"),
            );
        }
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
        for violation in check_market(state, &book.book).iter() {
            self.fail("engine audit", key, format!("{violation:?}"));
        }
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

/// What may not happen between two states of one account: a market's price time going back (INV-16), its count of fills
/// falling.
pub(crate) fn check_change(key: &Pubkey, before: &Account, after: &Account) -> Result<()> {
    if after.owner != taper::ID || !is::<Market>(&before.data) || !is::<Market>(&after.data) {
        return Ok(());
    }
    let (before, after): (&Market, &Market) = (load(key, before)?, load(key, after)?);
    let (was, now) = (&before.state, &after.state);
    let fail = |invariant: &str, detail: String| {
        Err(HarnessError::Invariant { invariant: invariant.to_owned(), subject: *key, detail })
    };
    if now.last_price.publish_time_seconds < was.last_price.publish_time_seconds {
        let (was, now) = (was.last_price.publish_time_seconds, now.last_price.publish_time_seconds);
        return fail("INV-16", format!("price time went from {was} to {now}"));
    }
    if now.fill_sequence < was.fill_sequence {
        return fail("fill sequence", format!("went from {} to {}", was.fill_sequence, now.fill_sequence));
    }
    Ok(())
}
