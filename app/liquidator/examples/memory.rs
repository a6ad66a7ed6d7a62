//! How much memory a million margin accounts with three legs on average take: `cargo run --release -p taper-liquidator --example memory`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::read_to_string;

use support::{bytes_of, exchange, exchange_key, key, margin_key, market, market_key, oracle, oracle_key, order_book};
use support::{START_PRICE, START_SECONDS};
use taper::constants::ACCOUNT_VERSION;
use taper::legs::Now;
use taper::state::MarginAccount;
use taper_engine::seat::SEATS;
use taper_liquidator::store::Store;
use taper_sdk::pyth::PYTH_PULL;

const ACCOUNTS: usize = 1_000_000;
const LEGS: usize = 3;

/// Bytes of memory that this process holds.
fn resident_bytes() -> usize {
    let status = read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = status.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}

fn main() {
    let before = resident_bytes();
    let mut store = Store::new(exchange_key());
    store.set_now(Now { slot: 1, seconds: START_SECONDS });
    store.reserve_accounts(ACCOUNTS);
    let program = taper_sdk::PROGRAM_ID;
    let put =
        |store: &mut Store, key, data: Vec<u8>| store.put(key, &program, &data, 1).unwrap_or_else(|e| panic!("{e}"));
    put(&mut store, exchange_key(), bytes_of(&exchange()));
    let markets = (ACCOUNTS * LEGS).div_ceil(SEATS);
    // Made one at a time, and dropped: only what the store keeps counts. Leg `l` of account `n` is seat `n × 3 + l`.
    for number in 0..markets {
        let mut market = market(number);
        for (place, seat) in market.state.seats.rows.iter_mut().enumerate() {
            let leg = number * SEATS + place;
            let lots = 1 + (leg % 20_000) as i64;
            (seat.owner, seat.base_lots) = (margin_key(leg / LEGS).to_bytes(), lots);
            (seat.quote_entry_atoms, seat.bond_atoms) = (-lots * START_PRICE, 1_000_000);
        }
        (market.state.seats.touched_count, market.state.seats.used_count) = (SEATS as u32, SEATS as u32);
        put(&mut store, market_key(number), bytes_of(market.as_ref()));
        put(&mut store, market.order_book, bytes_of(order_book(number).as_ref()));
        store.put_oracle(oracle_key(number), PYTH_PULL, &oracle(number, START_PRICE, START_SECONDS, 5), 1);
    }
    for number in 0..ACCOUNTS {
        let mut account: MarginAccount = bytemuck::Zeroable::zeroed();
        (account.version, account.exchange, account.authority) = (ACCOUNT_VERSION, exchange_key(), key(6, number));
        account.state.cash_atoms = 20_000_000_000;
        account.state.last_risk_slot = 900;
        for leg in 0..LEGS {
            let place = number * LEGS + leg;
            let position = &mut account.positions[leg];
            (position.market, position.in_use) = (market_key(place / SEATS), 1);
            position.seat_index = (place % SEATS) as u32;
        }
        put(&mut store, margin_key(number), bytes_of(&account));
    }
    let used = resident_bytes() - before;
    let accounts = store.accounts().len();
    println!("{accounts} accounts, {} legs, {markets} markets: {} MiB", ACCOUNTS * LEGS, used >> 20);
    println!("{} at risk", store.at_risk().len());
}
