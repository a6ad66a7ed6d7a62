//! End to end: the program on a JSON-RPC node, bots as processes, prices written as Pyth writes them. Needs the node of `tests/node` and
//! the program; without them the cases are skipped, unless `TAPER_REQUIRE_NODE` is set.

mod bot;
mod latency;
mod scene;
mod story;

use std::collections::BTreeMap;

use bot::Bot;
use scene::{Scene, LOTS};
use solana_pubkey::Pubkey;
use taper_cluster::events::of_account;
use taper_cluster::node::binaries;
use taper_sdk::event::Event;

/// A price at which every long of the scene is to be tapered, and one at which a tapered one is again.
const LOW: i64 = 1_434_000;
const LOWER: i64 = 1_410_000;

fn bot(scene: &Scene, name: &str, arguments: &[&str], changes: &[(&str, &str)]) -> Bot {
    let trader = scene.trader(name, 20_000_000_000);
    Bot::start(&scene.cluster, &scene.keys.exchange, trader, arguments, changes)
}

/// Slices by liquidatee, and what was paid for them by the account that was credited: from the chain's events alone.
fn slices(scene: &Scene) -> (BTreeMap<Pubkey, i64>, BTreeMap<Pubkey, i64>) {
    let (mut closed, mut paid) = (BTreeMap::new(), BTreeMap::new());
    for event in of_account(&scene.cluster.rpc, &scene.keys.market) {
        if let Event::Sliced(sliced) = event {
            *closed.entry(sliced.margin_account).or_default() += sliced.report.base_lots;
            *paid.entry(sliced.payout_to).or_default() += sliced.report.caller_payout_atoms;
        }
    }
    (closed, paid)
}

#[test]
fn two_bots_taper_a_crash_and_every_slice_is_paid_once() {
    let Some(binaries) = binaries() else { return };
    let scene = Scene::new(binaries, 4);
    scene.open_longs();
    scene.audit();
    assert_eq!(scene.positions(), [LOTS; 4]);
    let mut bots = [bot(&scene, "one", &[], &[]), bot(&scene, "two", &[], &[])];
    let before = [0, 1].map(|place: usize| scene.cash(&bots[place].trader.margin));
    let said = || format!("{:?}\n{}\n{}", scene.positions(), bots[0].log(), bots[1].log());
    scene.fall("a slice of every long", LOW, said, || scene.positions().iter().all(|lots| *lots < LOTS));
    scene.fall("half of every long", LOWER, said, || scene.positions().iter().all(|lots| *lots < LOTS / 2));
    for bot in &mut bots {
        bot.stop();
    }
    scene.audit();
    let after = scene.positions();
    assert!(after.iter().all(|lots| (0..LOTS / 2).contains(lots)), "{after:?}");

    // Every lot that is gone was closed by exactly one slice, and each slice was paid once: the events of the chain, its accounts and the bots' own
    // books say the same.
    let (closed, paid) = slices(&scene);
    for (long, left) in scene.longs.iter().zip(&after) {
        assert_eq!(closed[&long.margin], LOTS - left);
    }
    let mut sum = (0, 0);
    for (bot, before) in bots.iter().zip(before) {
        let (lots, payout) = bot.earned();
        assert_eq!(scene.cash(&bot.trader.margin) - before, payout);
        assert_eq!(paid.get(&bot.trader.margin).copied().unwrap_or_default(), payout);
        sum = (sum.0 + lots, sum.1 + payout);
    }
    assert_eq!(sum, (closed.values().sum::<i64>(), paid.values().sum::<i64>()));
    assert!(sum.1 > 0);
    for bot in &bots {
        assert_eq!(bot.lines("step refused").len(), 0);
        assert!(!bot.log().contains(&bot.trader.keypair.to_base58_string()));
    }
}

#[test]
fn a_bot_survives_a_killed_node() {
    let Some(binaries) = binaries() else { return };
    let mut scene = Scene::new(binaries, 3);
    scene.open_longs();
    let mut bot = bot(&scene, "survivor", &[], &[]);
    scene.fall("the first slice", LOW, || bot.log(), || bot.earned().0 > 0);
    let (mut saved, slot) = (scene.save(), scene.cluster.now().slot);
    for key in [bot.trader.key(), bot.trader.token_account] {
        saved.insert(key, scene.cluster.rpc.get_account(&key).unwrap());
    }
    scene.cluster.kill();
    bot.waits_for("the bot to notice", |bot| !bot.lines("connection lost").is_empty());
    let exchange = scene.keys.exchange;
    scene.cluster.restart(&saved, &exchange, slot + 5);
    bot.waits_for("the bot to load again", |bot| bot.has_logged_after("connection lost", "loaded"));
    let before = bot.earned().0;
    scene.fall("a slice on the new node", LOWER, || bot.log(), || bot.earned().0 > before);
    bot.stop();
    scene.audit();
}

#[test]
fn a_dry_run_sends_nothing() {
    let Some(binaries) = binaries() else { return };
    let scene = Scene::new(binaries, 1);
    scene.open_longs();
    let mut bot = bot(&scene, "dry", &["--dry-run"], &[]);
    let lamports = scene.cluster.rpc.get_balance(&bot.trader.key()).unwrap();
    let is_not_sent = || bot.lines("ended").iter().any(|line| line["outcome"] == "NotSent");
    scene.fall("a plan that is not sent", LOW, || bot.log(), is_not_sent);
    assert!(!bot.lines("planned").is_empty(), "{}", bot.log());
    bot.stop();
    assert_eq!(scene.cluster.rpc.get_balance(&bot.trader.key()).unwrap(), lamports);
    assert_eq!(scene.positions(), [LOTS]);
    assert_eq!(scene.cash(&bot.trader.margin), 20_000_000_000);
}

#[test]
fn an_absorbing_bot_takes_what_it_planned() {
    let Some(binaries) = binaries() else { return };
    let scene = Scene::new(binaries, 1);
    scene.open_longs();
    let changes = [
        ("book = true", "book = false"),
        ("absorb = false", "absorb = true"),
        ("absorb_haircut_bps = 30", "absorb_haircut_bps = 0"),
        ("inventory_atoms_per_market = 50_000_000_000", "inventory_atoms_per_market = 500_000_000_000"),
        ("inventory_atoms = 100_000_000_000", "inventory_atoms = 500_000_000_000"),
    ];
    let mut bot = bot(&scene, "absorber", &[], &changes);
    scene.fall("an absorbed slice", LOW, || bot.log(), || bot.earned().0 > 0);
    bot.stop();
    let (planned, earned) = (bot.lines("planned"), bot.lines("earned"));
    assert!(planned.iter().all(|plan| plan["way"] == "Absorb"));
    // Nobody else was there: every slice that was done had been planned so, to the lot.
    for done in &earned {
        assert!(planned.iter().any(|plan| plan["lots"] == done["lots"]), "{}", bot.log());
    }
    let taken = scene.base(&bot.trader.margin);
    assert_eq!(taken, bot.earned().0);
    assert_eq!(scene.positions(), [LOTS - taken]);
    scene.audit();
}
