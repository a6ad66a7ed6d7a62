//! A market as it was last seen, its book, and the value of each of its legs at the price of the last update.

use solana_pubkey::Pubkey;
use taper::state::{Market, OrderBook};
use taper_engine::margin::LegTotals;
use taper_engine::oracle::OraclePrice;
use taper_engine::seat::SEATS;
use taper_sdk::account::{decode, DecodeError};
use taper_sdk::instruction::MarketKeys;

use super::accounts::{AccountId, Row};
use super::sparse::{bytes_of, words_of, SparseWords};

/// No account has the seat.
pub const NOBODY: AccountId = AccountId::MAX;

/// Number of a market in the store.
pub type MarketId = u32;

/// What a leg was worth when it was last valued. The requirement in two words, or padding would take a fifth of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Valued {
    equity_atoms: i64,
    requirement: [u64; 2],
}

impl Valued {
    #[inline]
    fn of(totals: &LegTotals) -> Self {
        let requirement = totals.requirement.0.cast_unsigned();
        // The two halves of the number, nothing is lost.
        Self { equity_atoms: totals.equity.0, requirement: [requirement as u64, (requirement >> 64) as u64] }
    }

    #[inline]
    fn requirement(&self) -> i128 {
        (u128::from(self.requirement[1]) << 64 | u128::from(self.requirement[0])).cast_signed()
    }
}

/// One market.
pub struct MarketEntry {
    /// Its addresses. The oracle account is the one it was listed with.
    pub keys: MarketKeys,
    /// Slot of the newest data.
    pub slot: u64,
    /// Slot of the newest data of the book.
    pub book_slot: u64,
    /// The price at which its legs are valued; `None` while there is none.
    pub price: Option<OraclePrice>,
    /// Slot in which they were valued.
    pub valued_slot: u64,
    /// How often its data or its book were replaced.
    pub changes: u64,
    words: Box<[u64]>,
    book: SparseWords,
    owners: Box<[AccountId; SEATS]>,
    valued: Box<[Valued; SEATS]>,
    faulty: Box<[bool; SEATS]>,
}

/// Boxed arrays are made on the heap: one on the stack first would not fit a small thread's.
fn boxed<T: Copy>(value: T) -> Box<[T; SEATS]> {
    let rows: Box<[T]> = vec![value; SEATS].into_boxed_slice();
    rows.try_into().unwrap_or_else(|_| unreachable!("it has SEATS rows"))
}

impl MarketEntry {
    pub(super) fn new(keys: MarketKeys, data: &[u8], slot: u64) -> Self {
        Self {
            keys,
            slot,
            book_slot: 0,
            price: None,
            valued_slot: 0,
            changes: 0,
            words: words_of(data),
            book: SparseWords::default(),
            owners: boxed(NOBODY),
            valued: boxed(Valued::default()),
            faulty: boxed(false),
        }
    }

    /// The market's bytes.
    pub fn data(&self) -> &[u8] {
        bytes_of(&self.words, Market::SPACE)
    }

    /// The market.
    ///
    /// # Errors
    /// [`DecodeError`]; what was put in did decode.
    pub fn market(&self) -> Result<&Market, DecodeError> {
        decode(self.data())
    }

    /// The bytes of the book, aligned; empty before it was seen.
    pub fn book_words(&self) -> Vec<u64> {
        if self.book == SparseWords::default() {
            return Vec::new();
        }
        self.book.unpack(OrderBook::SPACE)
    }

    pub(super) fn put_book(&mut self, data: &[u8], slot: u64) {
        self.book = SparseWords::pack(data);
        self.book_slot = slot;
        self.changes += 1;
    }

    pub(super) fn put_data(&mut self, data: &[u8], slot: u64) {
        self.words = words_of(data);
        self.slot = slot;
        self.changes += 1;
    }

    /// Seats whose owner in the data is not the one that is noted: `(seat, owner noted, owner in the data)`.
    pub(super) fn moved_seats(
        &self,
        key_of: impl Fn(AccountId) -> Pubkey,
    ) -> Result<Vec<(usize, AccountId, Option<Pubkey>)>, DecodeError> {
        let market = self.market()?;
        let seats = self.owners.iter().zip(&market.state.seats.rows).enumerate();
        let moved = seats.filter_map(|(seat, (noted, row))| {
            let owner = (!row.is_free()).then(|| Pubkey::new_from_array(row.owner));
            let is_same = match owner {
                Some(owner) => *noted != NOBODY && key_of(*noted) == owner,
                None => *noted == NOBODY,
            };
            (!is_same).then_some((seat, *noted, owner))
        });
        Ok(moved.collect())
    }

    /// Takes a leg's value off its owner.
    pub(super) fn detach(&mut self, seat: usize, row: &mut Row) {
        row.equity_atoms = row.equity_atoms.wrapping_sub(self.valued[seat].equity_atoms);
        row.requirement = row.requirement.wrapping_sub(self.valued[seat].requirement());
        row.faulty_legs -= u16::from(self.faulty[seat]);
        row.legs -= 1;
        (self.owners[seat], self.valued[seat], self.faulty[seat]) = (NOBODY, Valued::default(), false);
    }

    pub(super) fn attach(&mut self, seat: usize, id: AccountId, row: &mut Row) {
        self.owners[seat] = id;
        row.legs += 1;
    }

    /// The seats that somebody has.
    pub(super) fn taken_seats(&self) -> Vec<(usize, AccountId)> {
        let owned = self.owners.iter().copied().enumerate();
        owned.filter(|(_, id)| *id != NOBODY).collect()
    }

    /// Values every leg at a price and moves its owner's sums by the difference. Calls `changed` with the account of each leg whose value has
    /// moved. This is all that a price update costs.
    pub(super) fn value_legs(
        &mut self,
        rows: &mut [Row],
        price: OraclePrice,
        slot: u64,
        mut changed: impl FnMut(AccountId, &mut Row),
    ) -> Result<(), DecodeError> {
        self.price = Some(price);
        self.valued_slot = slot;
        let market: &Market = decode(bytes_of(&self.words, Market::SPACE))?;
        let state = &market.state;
        let all = state.favourable_legs(&price, slot);
        let legs = self.owners.iter().zip(self.valued.iter_mut()).zip(self.faulty.iter_mut());
        for (((id, valued), faulty), seat) in legs.zip(&state.seats.rows) {
            let Some(row) = rows.get_mut(*id as usize) else { continue };
            let (value, is_faulty) = match all.value(seat) {
                Ok(totals) => (Valued::of(&totals), false),
                Err(_) => (*valued, true),
            };
            if value == *valued && is_faulty == *faulty {
                continue;
            }
            let (before, after) = (*valued, value);
            row.equity_atoms = row.equity_atoms.wrapping_add(after.equity_atoms).wrapping_sub(before.equity_atoms);
            row.requirement = row.requirement.wrapping_add(after.requirement()).wrapping_sub(before.requirement());
            row.faulty_legs = row.faulty_legs + u16::from(is_faulty) - u16::from(*faulty);
            (*valued, *faulty) = (value, is_faulty);
            changed(*id, row);
        }
        Ok(())
    }
}
