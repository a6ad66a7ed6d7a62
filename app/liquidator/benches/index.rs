//! Re-evaluation of accounts after price updates.

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{criterion_group, criterion_main, Criterion};
use support::{oracle, oracle_key, World, START_PRICE, START_SECONDS};
use taper_sdk::pyth::PYTH_PULL;

const ACCOUNTS: usize = 100_000;
/// Full markets, but for the last: 300,000 legs at 2,048 a market.
const MARKETS: usize = 147;

fn benches(criterion: &mut Criterion) {
    let mut store = World::new(ACCOUNTS, MARKETS, 1).load();
    let legs: usize = (0..ACCOUNTS as u32).map(|id| usize::from(store.accounts().row(id).legs)).sum();
    assert!(legs > 290_000, "{legs} legs");
    // Two prices in turn, 0.1% apart: every leg's value moves every time.
    let oracles: Vec<[Vec<u8>; 2]> = (0..MARKETS)
        .map(|market| [0, 1_500].map(|change| oracle(market, START_PRICE + change, START_SECONDS, 5)))
        .collect();
    let mut turn = 0;
    criterion.bench_function("one price update: the 2,048 accounts of a full market", |bencher| {
        bencher.iter(|| {
            turn ^= 1;
            store.put_oracle(oracle_key(0), PYTH_PULL, &oracles[0][turn], 1)
        });
    });
    criterion.bench_function("a price update in every market: 100,000 accounts, all 300,000 legs", |bencher| {
        bencher.iter(|| {
            turn ^= 1;
            for (market, data) in oracles.iter().enumerate() {
                store.put_oracle(oracle_key(market), PYTH_PULL, &data[turn], 1);
            }
        });
    });
}

criterion_group!(index, benches);
criterion_main!(index);
