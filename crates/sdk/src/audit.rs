//! INV-01 and INV-02 recomputed from the accounts of one moment: is every atom in the vault somebody's, and does every long have its short?

use std::collections::BTreeMap;

use solana_pubkey::Pubkey;
use taper::state::{Exchange, MarginAccount, Market};
use taper_engine::audit::market_value;

use crate::account::{copied, decode_owned, is, DecodeError};
use crate::snapshot::RawAccount;

/// The terms of one market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketTerms {
    /// Its name.
    pub name: String,
    /// Seats that are taken.
    pub seats: u32,
    /// Sum of all positions, in lots; zero when INV-02 holds.
    pub base_lots: i128,
    /// Sum of the long positions, in lots.
    pub long_lots: i128,
    /// What the market says that sum is.
    pub open_interest_lots: i128,
    /// Bonds of the seats.
    pub bonds_atoms: i128,
    /// What the market says that sum is.
    pub bonds_stated_atoms: i128,
    /// Entries of the open positions.
    pub entries_atoms: i128,
    /// Results not yet swept.
    pub realised_atoms: i128,
    /// Fees not yet swept.
    pub fees_atoms: i128,
    /// Insurance income not yet swept.
    pub insurance_atoms: i128,
    /// The clearing pool: funding and shared losses on their way.
    pub clearing_atoms: i128,
    /// Losses that nobody has borne yet.
    pub unassigned_atoms: i128,
}

impl MarketTerms {
    fn of(market: &Market) -> Self {
        let state = &market.state;
        let name = market.name.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut terms = Self {
            name: String::from_utf8_lossy(name).into_owned(),
            open_interest_lots: state.open_interest_base_lots.into(),
            bonds_stated_atoms: state.seats.bonds_atoms.into(),
            fees_atoms: state.fees_atoms.into(),
            insurance_atoms: state.insurance_pending_atoms.into(),
            clearing_atoms: state.charges.clearing_atoms.into(),
            unassigned_atoms: state.unassigned_loss_atoms.into(),
            ..Self::default()
        };
        for seat in &state.seats.rows {
            terms.seats += u32::from(!seat.is_free());
            terms.base_lots += i128::from(seat.base_lots);
            terms.long_lots += i128::from(seat.base_lots.max(0));
            terms.bonds_atoms += i128::from(seat.bond_atoms);
            terms.entries_atoms += i128::from(seat.quote_entry_atoms);
            terms.realised_atoms += i128::from(seat.realised_atoms);
        }
        terms
    }

    /// The market's part of the vault, from its terms.
    pub fn value_atoms(&self) -> i128 {
        self.bonds_atoms
            + self.entries_atoms
            + self.realised_atoms
            + self.fees_atoms
            + self.insurance_atoms
            + self.clearing_atoms
            - self.unassigned_atoms
    }

    /// INV-02: positions sum to zero, and open interest is the sum of the longs.
    pub fn is_base_conserved(&self) -> bool {
        self.base_lots == 0 && self.long_lots == self.open_interest_lots
    }
}

/// The terms of INV-01 and INV-02 for one exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Tokens in the vault.
    pub vault_atoms: i128,
    /// Margin accounts.
    pub margin_accounts: u64,
    /// Their cash.
    pub cash_atoms: i128,
    /// Insurance fund of the exchange.
    pub insurance_atoms: i128,
    /// Fees of the exchange.
    pub fees_atoms: i128,
    /// By market.
    pub markets: BTreeMap<Pubkey, MarketTerms>,
    /// Markets for which the engine's own sum differs from the sum of the terms, or whose bonds are not what they state: never, unless one of the
    /// two is wrong.
    pub doubtful: Vec<Pubkey>,
}

impl Proof {
    /// What all terms but the vault sum to.
    pub fn owed_atoms(&self) -> i128 {
        let markets: i128 = self.markets.values().map(MarketTerms::value_atoms).sum();
        self.cash_atoms + self.insurance_atoms + self.fees_atoms + markets
    }

    /// What the vault holds beyond what is owed; zero when INV-01 holds. Positive is also what somebody has sent to the vault as a gift.
    pub fn surplus_atoms(&self) -> i128 {
        self.vault_atoms - self.owed_atoms()
    }

    /// Both invariants hold.
    pub fn holds(&self) -> bool {
        self.surplus_atoms() == 0
            && self.doubtful.is_empty()
            && self.markets.values().all(MarketTerms::is_base_conserved)
    }
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The exchange is not among the accounts.
    #[error("exchange {0} is not among the accounts")]
    NoExchange(Pubkey),
    /// An account of the program does not decode: no sum without it means anything.
    #[error("account {account}: {error}")]
    Decode {
        /// The account.
        account: Pubkey,
        /// Why.
        error: DecodeError,
    },
}

/// Sums up all accounts of the program, of one moment, for one exchange. Those of other exchanges are passed over.
///
/// # Errors
/// [`AuditError`].
pub fn prove<'a>(
    exchange_key: &Pubkey,
    accounts: impl IntoIterator<Item = (&'a Pubkey, RawAccount<'a>)>,
    vault_atoms: u64,
) -> Result<Proof, AuditError> {
    let mut proof = Proof { vault_atoms: vault_atoms.into(), ..Proof::default() };
    let mut is_found = false;
    for (key, raw) in accounts {
        let failed = |error| AuditError::Decode { account: *key, error };
        if raw.owner != crate::PROGRAM_ID {
            continue;
        }
        if is::<Exchange>(raw.data) && key == exchange_key {
            let exchange: &Exchange = decode_owned(&raw.owner, raw.data).map_err(failed)?;
            proof.insurance_atoms += i128::from(exchange.insurance_atoms);
            proof.fees_atoms += i128::from(exchange.fees_atoms);
            is_found = true;
        } else if is::<MarginAccount>(raw.data) {
            let account = copied::<MarginAccount>(raw.data).map_err(failed)?;
            if account.exchange == *exchange_key {
                proof.margin_accounts += 1;
                proof.cash_atoms += i128::from(account.state.cash_atoms);
            }
        } else if is::<Market>(raw.data) {
            let market = copied::<Market>(raw.data).map_err(failed)?;
            if market.exchange == *exchange_key {
                let terms = MarketTerms::of(&market);
                let is_sound = market_value(&market.state)
                    == terms.value_atoms() - terms.bonds_atoms + terms.bonds_stated_atoms
                    && terms.bonds_atoms == terms.bonds_stated_atoms;
                if !is_sound {
                    proof.doubtful.push(*key);
                }
                proof.markets.insert(*key, terms);
            }
        }
    }
    if is_found {
        Ok(proof)
    } else {
        Err(AuditError::NoExchange(*exchange_key))
    }
}

#[cfg(test)]
mod tests;
