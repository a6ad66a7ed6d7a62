//! The bot's own time from a price's update to the bytes of a transaction, on a local node: a measurement, not a case.

use std::time::{Duration, Instant};

use crate::cluster::binaries;
use crate::scene::{Bot, Scene, START_PRICE};

const LONGS: u64 = 40;
/// Transactions to be measured.
const ACTIONS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(1_200);
/// What is demanded of the 99th percentile.
const DEMANDED: Duration = Duration::from_millis(5);

/// The price falls by half a percent at a time until so many transactions were sent.
#[test]
#[ignore = "a measurement: alone on the machine, in a release build"]
fn own_time_from_an_update_to_a_sent_transaction() {
    let Some(binaries) = binaries() else { return };
    let mut scene = Scene::new(binaries, 0);
    // None is as far from its liquidation as another, so each price is the first bad one for some of them.
    scene.longs = (0..LONGS).map(|n| scene.trader(&format!("long {n}"), (1_000 + 50 * n) * 1_000_000)).collect();
    scene.open_longs();
    let mut bot = Bot::start(&scene, "fast", &[], &[]);
    let (started, mut price) = (Instant::now(), START_PRICE * 97 / 100);
    while bot.lines("sent").len() < ACTIONS {
        assert!(started.elapsed() < PATIENCE, "{} were sent", bot.lines("sent").len());
        price -= price / 200;
        scene.publish(price);
        scene.quote(price);
        std::thread::sleep(Duration::from_secs(2));
    }
    bot.stop();
    let mut micros: Vec<u64> = bot.lines("sent").iter().filter_map(|line| line["own_micros"].as_u64()).collect();
    micros.sort_unstable();
    let at = |percent: usize| micros[(micros.len() * percent).div_ceil(100).saturating_sub(1)];
    let (count, largest) = (micros.len(), micros.last().unwrap());
    println!("{count} transactions: p50 {} µs, p90 {} µs, p99 {} µs, most {largest} µs", at(50), at(90), at(99));
    println!("{} lots closed for {} atoms", bot.earned().0, bot.earned().1);
    assert!(Duration::from_micros(at(99)) <= DEMANDED, "p99 is {} µs", at(99));
}
