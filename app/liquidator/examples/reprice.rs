//! How much processor time a price update in every market takes, at 100,000 accounts with three legs on average:
//! `cargo run --release -p taper-liquidator --example reprice`. Unlike the benchmark's wall time it does not count what other processes of
//! the machine take.

#[path = "../tests/support/mod.rs"]
mod support;

use support::{oracle, oracle_key, World, START_PRICE, START_SECONDS};
use taper_sdk::pyth::PYTH_PULL;

const ACCOUNTS: usize = 100_000;
const MARKETS: usize = 147;
const ROUNDS: u64 = 60;

/// Nanoseconds that this thread has run.
fn cpu_nanoseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut store = World::new(ACCOUNTS, MARKETS, 1).load();
    let oracles: Vec<[Vec<u8>; 2]> = (0..MARKETS)
        .map(|market| [0, 1_500].map(|change| oracle(market, START_PRICE + change, START_SECONDS, 5)))
        .collect();
    let started = cpu_nanoseconds();
    for round in 0..ROUNDS {
        for (market, data) in oracles.iter().enumerate() {
            store.put_oracle(oracle_key(market), PYTH_PULL, &data[usize::from(round % 2 == 0)], 1);
        }
    }
    let each = (cpu_nanoseconds() - started) / ROUNDS;
    let legs: usize = (0..ACCOUNTS as u32).map(|id| usize::from(store.accounts().row(id).legs)).sum();
    println!("{ACCOUNTS} accounts, {legs} legs: {} µs, {} ns a leg", each / 1_000, each / legs as u64);
    println!("one full market (2,048 accounts): {} µs", each / MARKETS as u64 / 1_000);
}
