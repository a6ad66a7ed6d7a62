//! The accounts that one plan needs, as the SDK takes them.

use solana_pubkey::Pubkey;
use taper::state::{Exchange, MarginAccount, OrderBook};
use taper_sdk::snapshot::{Accounts, RawAccount};

use super::{sparse, Store};

/// A store as the SDK's planning sees it: what is packed is unpacked once for each account asked for here.
pub struct AccountView<'a> {
    store: &'a Store,
    unpacked: Vec<(Pubkey, Vec<u64>, usize)>,
}

impl Store {
    /// A view that can show these margin accounts, the books of these markets, and everything else that is not packed.
    pub fn view(&self, margin_accounts: &[Pubkey], markets: &[Pubkey]) -> AccountView<'_> {
        let accounts = margin_accounts.iter().filter_map(|key| {
            let words = self.accounts.find(key).map(|id| self.accounts.unpack(id))?;
            Some((*key, words, MarginAccount::SPACE))
        });
        let books = markets.iter().filter_map(|key| {
            let entry = self.market(key)?;
            Some((entry.keys.order_book, entry.book_words(), OrderBook::SPACE))
        });
        AccountView { store: self, unpacked: accounts.chain(books).filter(|(_, words, _)| !words.is_empty()).collect() }
    }
}

impl Accounts for AccountView<'_> {
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>> {
        let own = |data| Some(RawAccount { owner: taper_sdk::PROGRAM_ID, data });
        if let Some((_, words, len)) = self.unpacked.iter().find(|(other, _, _)| other == key) {
            return own(sparse::bytes_of(words, *len));
        }
        if let Some(entry) = self.store.market(key) {
            return own(entry.data());
        }
        if *key == self.store.exchange_key {
            let (words, _) = self.store.exchange.as_ref()?;
            return own(sparse::bytes_of(words, Exchange::SPACE));
        }
        let oracle = self.store.oracles.get(key)?;
        Some(RawAccount { owner: oracle.owner, data: oracle.data() })
    }
}
