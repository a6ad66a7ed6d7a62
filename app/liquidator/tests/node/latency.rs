//! The bot's own time from a price's update to the bytes of a transaction, on a local node: a measurement, not a case.

use std::time::Duration;

use taper_cluster::node::binaries;

use crate::bot;
use crate::bot::Bot;
use crate::scene::{Scene, START_PRICE};

const LONGS: u64 = 40;
/// Transactions to be measured.
const ACTIONS: usize = 500;
/// Each makes a hundred of them or so.
const CRASHES_MAX: usize = 12;
/// Prices of a crash.
const STEPS: usize = 30;
/// What is demanded of the 99th percentile.
const DEMANDED: Duration = Duration::from_millis(5);

/// One crash after another, two thirds of a percent at a time, until so many transactions were sent.
#[test]
#[ignore = "a measurement: alone on the machine, in a release build"]
fn own_time_from_an_update_to_a_sent_transaction() {
    let Some(binaries) = binaries() else { return };
    let mut scene = Scene::new(binaries, 0);
    let mut bot = bot(&scene, "fast", &[], &[]);
    let sent = |bot: &Bot| bot.lines("sent").len();
    for crash in 0..CRASHES_MAX {
        scene.feed.set(START_PRICE);
        // None is as far from its liquidation as another, so each price is the first bad one for some of them.
        let name = |n: u64| format!("long {crash} {n}");
        scene.longs = (0..LONGS).map(|n| scene.trader(&name(n), (1_000 + 40 * n) * 1_000_000)).collect();
        scene.open_longs();
        let mut price = START_PRICE * 97 / 100;
        for _ in 0..STEPS {
            price -= price / 150;
            scene.feed.set(price);
            scene.quote(price);
            std::thread::sleep(Duration::from_secs(1));
        }
        println!("{} were sent", sent(&bot));
        if sent(&bot) >= ACTIONS {
            break;
        }
    }
    bot.stop();
    let mut micros: Vec<u64> = bot.lines("sent").iter().filter_map(|line| line["own_micros"].as_u64()).collect();
    micros.sort_unstable();
    assert!(micros.len() >= ACTIONS, "{} were sent", micros.len());
    let at = |percent: usize| micros[(micros.len() * percent).div_ceil(100).saturating_sub(1)];
    let (count, largest) = (micros.len(), micros.last().unwrap());
    println!("{count} transactions: p50 {} µs, p90 {} µs, p99 {} µs, most {largest} µs", at(50), at(90), at(99));
    println!("{} lots closed for {} atoms", bot.earned().0, bot.earned().1);
    assert!(Duration::from_micros(at(99)) <= DEMANDED, "p99 is {} µs", at(99));
}
