//! The world of a release, by what its accounts are: what the slots of an instruction are filled with.

use std::io::Read;
use std::sync::OnceLock;

use anchor_lang::prelude::Pubkey;
use anchor_lang::Discriminator;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use bytemuck::Pod;
use flate2::read::GzDecoder;
use serde_json::Value;
use taper::oracle::{PYTH_PULL, PYTH_PUSH_DEVNET, PYTH_PUSH_MAINNET};
use taper::state::{Exchange, MarginAccount, Market, OrderBook, Proposal};
use taper_engine::audit::{check_market, market_value};

use super::chain::{Chain, Meta, Row};

const SAVED: &[u8] = include_bytes!("../data/releases/0.1.0.json.gz");

/// A chain, and which of its accounts are what when it begins.
#[derive(Clone, Debug)]
pub struct World {
    pub chain: Chain,
    pub markets: Vec<usize>,
    pub margins: Vec<usize>,
    pub exchange: usize,
    pub proposals: Vec<usize>,
}

impl World {
    /// As it was saved. Unpacked once.
    pub fn saved() -> Self {
        static SAVED_WORLD: OnceLock<World> = OnceLock::new();
        SAVED_WORLD.get_or_init(Self::unpacked).clone()
    }

    fn unpacked() -> Self {
        let mut json = Vec::new();
        GzDecoder::new(SAVED).read_to_end(&mut json).expect("the saved world");
        let saved: Value = serde_json::from_slice(&json).expect("its JSON");
        let key = |text: &Value| text.as_str().and_then(|text| text.parse::<Pubkey>().ok()).expect("an address");
        let row = |account: &Value| Row {
            key: key(&account["key"]),
            owner: key(&account["owner"]),
            lamports: account["lamports"].as_u64().expect("lamports"),
            data: STANDARD.decode(account["data"].as_str().expect("data")).expect("base64"),
        };
        let rows = saved["accounts"].as_array().expect("accounts").iter().map(row).collect();
        let (slot, seconds) = (saved["slot"].as_u64().expect("a slot"), saved["seconds"].as_i64().expect("a time"));
        let chain = Chain { rows, slot, seconds };
        let all = |is: fn(&Row) -> bool| (0..chain.rows.len()).filter(|row| is(&chain.rows[*row])).collect::<Vec<_>>();
        let world = Self {
            markets: all(is::<Market>),
            margins: all(is::<MarginAccount>),
            exchange: all(is::<Exchange>)[0],
            proposals: all(is::<Proposal>),
            chain,
        };
        assert_eq!(world.broken(), None, "as it was saved");
        world
    }

    /// An account of the program; `None` once it has become something else.
    pub fn of<T: Pod + Discriminator>(&self, row: usize) -> Option<&T> {
        let row = &self.chain.rows[row];
        is::<T>(row).then(|| bytemuck::from_bytes(&row.data[8..]))
    }

    /// The account with this address; a new one of nobody's if there is none.
    pub fn row(&mut self, key: Pubkey) -> usize {
        if let Some(found) = self.chain.rows.iter().position(|row| row.key == key) {
            return found;
        }
        self.chain.rows.push(Row { key, lamports: 1 << 40, ..Row::default() });
        self.chain.rows.len() - 1
    }

    /// The account that the market's prices come from.
    pub fn oracle(&self, market: usize) -> Option<usize> {
        let market: &Market = self.of(market)?;
        let is_it = |row: &Row| match market.oracle_kind {
            0 => row.key == market.oracle_key,
            _ => row.owner == PYTH_PULL && row.data.get(41..73) == Some(market.oracle_key.as_ref()),
        };
        self.chain.rows.iter().position(is_it)
    }

    /// The token account of somebody.
    pub fn tokens_of(&self, holder: &Pubkey, mint: &Pubkey) -> Option<usize> {
        let wanted = [mint.to_bytes(), holder.to_bytes()].concat();
        self.chain.rows.iter().position(|row| row.data.len() >= 165 && row.data[..64] == wanted[..])
    }

    /// A market and its oracle for every position of an account but the one in `except`, as they travel with an instruction.
    pub fn legs(&self, margin: usize, except: Option<Pubkey>, writes: bool) -> Vec<Meta> {
        let Some(account) = self.of::<MarginAccount>(margin) else { return Vec::new() };
        let used = account.positions.iter().filter(|position| position.in_use != 0);
        let mut metas = Vec::new();
        for position in used.filter(|position| Some(position.market) != except) {
            let Some(row) = self.chain.rows.iter().position(|row| row.key == position.market) else { continue };
            let oracle = self.oracle(row).unwrap_or(row);
            metas.push(Meta { row, is_signer: false, is_writable: writes });
            metas.push(Meta { row: oracle, is_signer: false, is_writable: false });
        }
        metas
    }

    /// A publisher writes a price: so many thousandths of the last one, so old.
    pub fn publish(&mut self, market: usize, thousandths: i64, age_seconds: i64) {
        let Some(oracle) = self.oracle(market) else { return };
        let (slot, time) = (self.chain.slot, self.chain.seconds.saturating_sub(age_seconds));
        let row = &mut self.chain.rows[oracle];
        let is_push = [PYTH_PUSH_MAINNET, PYTH_PUSH_DEVNET].contains(&row.owner);
        let [price, ema, published] = if is_push { [208, 48, 96] } else { [73, 109, 93] };
        let mut put = |at: usize, value: i64| row.data[at..at + 8].copy_from_slice(&value.to_le_bytes());
        put(published, time);
        if is_push {
            put(32, slot.cast_signed());
            put(232, slot.cast_signed());
        }
        for at in [price, ema] {
            let before = i64::from_le_bytes(row.data[at..at + 8].try_into().expect("eight bytes"));
            let after = (i128::from(before) * i128::from(thousandths) / 1_000).clamp(1, 1 << 62);
            row.data[at..at + 8].copy_from_slice(&i64::try_from(after).unwrap_or(1).to_le_bytes());
        }
    }

    /// What is broken of the market's invariants and of INV-01, in words.
    pub fn broken(&self) -> Option<String> {
        let exchange = self.of::<Exchange>(self.exchange)?;
        let mut owed = i128::from(exchange.insurance_atoms) + i128::from(exchange.fees_atoms);
        let key = self.chain.rows[self.exchange].key;
        for row in &self.chain.rows {
            if is::<MarginAccount>(row) {
                let account: &MarginAccount = bytemuck::from_bytes(&row.data[8..]);
                owed += if account.exchange == key { i128::from(account.state.cash_atoms) } else { 0 };
            }
            if !is::<Market>(row) {
                continue;
            }
            let market: &Market = bytemuck::from_bytes(&row.data[8..]);
            if market.exchange != key {
                continue;
            }
            owed += market_value(&market.state);
            let book =
                self.chain.rows.iter().find(|row| row.key == market.order_book).filter(|row| is::<OrderBook>(row));
            let Some(book) = book else { return Some(format!("{} has no book", row.key)) };
            let book: &OrderBook = bytemuck::from_bytes(&book.data[8..]);
            let violated = check_market(&market.state, &book.book);
            if !violated.is_empty() {
                return Some(format!("{}: {:?}", row.key, violated.iter().collect::<Vec<_>>()));
            }
        }
        let vault = self
            .chain
            .rows
            .iter()
            .find(|row| row.key == exchange.vault)
            .map_or(0, |row| u64::from_le_bytes(row.data[64..72].try_into().expect("eight bytes")));
        (i128::from(vault) != owed).then(|| format!("INV-01: the vault has {vault}, {owed} are owed"))
    }
}

/// True for an account of the program of this type.
pub fn is<T: Pod + Discriminator>(row: &Row) -> bool {
    let size = 8 + std::mem::size_of::<T>();
    row.owner == taper::ID && row.data.len() == size && row.data[..8] == *T::DISCRIMINATOR
}
