//! The index against the SDK, which runs the program's own code: the same equity, the same requirement, and nobody missed.

mod support;

use rand::Rng;
use support::{bytes_of, margin_key, market_key, oracle, oracle_key, World, START_PRICE};
use taper_liquidator::store::{Put, Store};
use taper_sdk::legs::ordered;
use taper_sdk::plan::health;
use taper_sdk::pyth::PYTH_PULL;

/// Holds every account of the store against the SDK. Returns how many are at risk.
fn check(store: &Store, world: &World) -> usize {
    let mut unhealthy = 0;
    for (number, account) in world.accounts.iter().enumerate() {
        let key = margin_key(number);
        let legs = ordered(account, None, |market| store.market(market).map(|entry| entry.keys.oracle)).unwrap();
        let view = store.view(&[key], &[]);
        let found = health(&view, store.now(), &store.exchange_key(), &key, &legs);
        let id = store.accounts().find(&key).unwrap();
        let row = store.accounts().row(id);
        // Prices that are too far apart in time refuse every call: there is nothing to compare with, and nothing to miss.
        let Ok(found) = found else { continue };
        assert_eq!(row.health(), Some(found.favourable), "account {number}");
        let is_at_risk = store.at_risk().contains(&id);
        assert_eq!(
            is_at_risk,
            found.favourable.is_below(10_000) || account.state.episode.kind != 0,
            "account {number}"
        );
        unhealthy += usize::from(is_at_risk);
    }
    unhealthy
}

fn publish(store: &mut Store, world: &mut World, market: usize, slot: u64) {
    let price = START_PRICE + world.random.gen_range(-300_000..300_000);
    let data = oracle(market, price, world.now.seconds, world.random.gen_range(1..90));
    assert_eq!(store.put_oracle(oracle_key(market), PYTH_PULL, &data, slot), Put::Applied);
}

#[test]
fn the_index_is_the_engines_after_every_update() {
    let program = taper_sdk::PROGRAM_ID;
    let mut most = 0;
    for seed in 0..4 {
        let mut world = World::new(60, 7, seed);
        let mut store = world.load();
        check(&store, &world);
        for step in 0..60u64 {
            world.now.slot += world.random.gen_range(1..40);
            world.now.seconds += world.random.gen_range(0..20);
            store.set_now(world.now);
            let (slot, market) = (world.now.slot, world.random.gen_range(0..world.markets.len()));
            match step % 4 {
                0 | 1 => publish(&mut store, &mut world, market, slot),
                2 => {
                    // A trade, funding, a new rate: the market is written.
                    let state = &mut world.markets[market].state;
                    let lots = world.random.gen_range(-500..500);
                    let seat = &mut state.seats.rows[world.random.gen_range(0..4)];
                    seat.base_lots += lots;
                    seat.quote_entry_atoms -= lots * START_PRICE;
                    state.charges.funding_rate_scaled_per_slot = world.random.gen_range(-5_000_000..5_000_000);
                    (state.charges.accrued_slot, state.charges.sampled_slot) = (slot, slot);
                    let data = bytes_of(world.markets[market].as_ref());
                    assert_eq!(store.put(market_key(market), &program, &data, slot).unwrap(), Put::Applied);
                }
                _ => {
                    let number = world.random.gen_range(0..world.accounts.len());
                    let account = &mut world.accounts[number];
                    account.state.cash_atoms += world.random.gen_range(-900_000_000..900_000_000);
                    account.state.episode.kind = u8::from(world.random.gen_bool(0.2));
                    assert_eq!(
                        store.put(margin_key(number), &program, &bytes_of(account), slot).unwrap(),
                        Put::Applied
                    );
                }
            }
            store.refresh(0);
            most = most.max(check(&store, &world));
        }
    }
    assert!(most > 20, "at most {most} accounts were ever at risk: nothing was tried");
}

#[test]
fn an_atom_less_than_the_requirement_is_at_risk_and_the_requirement_is_not() {
    let mut world = World::new(12, 3, 8);
    let mut store = world.load();
    for number in 0..12 {
        let id = store.accounts().find(&margin_key(number)).unwrap();
        let row = *store.accounts().row(id);
        let enough = i64::try_from((row.requirement + 9_999) / 10_000).unwrap() - row.equity_atoms;
        for (cash_atoms, is_at_risk) in [(enough, false), (enough - 1, true)] {
            world.accounts[number].state.cash_atoms = cash_atoms;
            let data = bytes_of(&world.accounts[number]);
            assert_eq!(store.put(margin_key(number), &taper_sdk::PROGRAM_ID, &data, 2).unwrap(), Put::Applied);
            assert_eq!(store.at_risk().contains(&id), is_at_risk, "account {number}");
        }
    }
}

#[test]
fn older_data_changes_nothing() {
    let mut world = World::new(12, 3, 5);
    let mut store = world.load();
    let program = taper_sdk::PROGRAM_ID;
    let before = *store.accounts().row(0);
    world.accounts[0].state.cash_atoms = -1;
    let data = bytes_of(&world.accounts[0]);
    assert_eq!(store.put(margin_key(0), &program, &data, 0).unwrap(), Put::Late);
    assert_eq!(store.put_oracle(oracle_key(0), PYTH_PULL, &oracle(0, 1, 1, 1), 0), Put::Late);
    assert_eq!(*store.accounts().row(0), before);
    assert_eq!(store.put(margin_key(0), &program, &data, 2).unwrap(), Put::Applied);
    assert_eq!(store.accounts().row(0).cash_atoms, -1);
}

#[test]
fn closed_accounts_and_markets_leave_nothing_behind() {
    let mut world = World::new(12, 3, 6);
    let mut store = world.load();
    let program = taper_sdk::PROGRAM_ID;
    // A seat changes hands: what it was worth goes with it.
    let seat = &mut world.markets[0].state.seats.rows[0];
    let old = store.accounts().find(&seat.owner.into()).unwrap();
    let legs = store.accounts().row(old).legs;
    seat.owner = margin_key(77).to_bytes();
    store.put(market_key(0), &program, &bytes_of(world.markets[0].as_ref()), 2).unwrap();
    assert_eq!(store.accounts().row(old).legs, legs - 1);
    let new = store.accounts().find(&margin_key(77)).unwrap();
    assert_eq!(store.accounts().row(new).legs, 1);
    assert!(!store.at_risk().contains(&new), "an account that has not been loaded cannot be planned");
    for number in 0..3 {
        assert_eq!(store.put(market_key(number), &program, &[], 3).unwrap(), Put::Applied);
    }
    assert_eq!(store.accounts().find(&margin_key(77)), None);
    for number in 0..12 {
        let row = *store.accounts().row(store.accounts().find(&margin_key(number)).unwrap());
        assert_eq!((row.legs, row.equity_atoms, row.requirement), (0, 0, 0), "account {number}");
        store.put(margin_key(number), &program, &[], 3).unwrap();
    }
    assert!(store.accounts().is_empty() && store.at_risk().is_empty());
}
