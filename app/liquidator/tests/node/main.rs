//! End to end: the program on a JSON-RPC node, bots as processes, prices written as Pyth writes them. Needs the node of `tests/node` and
//! the program; without them the cases are skipped, unless `TAPER_REQUIRE_NODE` is set.

mod cluster;
mod people;
mod scene;

use std::time::{Duration, Instant};

use cluster::{binaries, wait_for};
use scene::{Bot, Scene, LOTS};

const PATIENCE: Duration = Duration::from_secs(120);

/// Lets the price fall step by step, with a maker who follows it, until `done` says so. At the last step it stays for as long as that takes.
fn fall(scene: &Scene, steps: &[i64], mut done: impl FnMut() -> bool) {
    let (last, before) = steps.split_last().unwrap();
    let stays = before.iter().map(|price| (price, Duration::from_secs(12))).chain([(last, PATIENCE)]);
    for (price, stay) in stays {
        let until = Instant::now() + stay;
        scene.publish(*price);
        scene.quote(*price);
        while Instant::now() < until && !done() {
            std::thread::sleep(Duration::from_secs(1));
            scene.publish(*price);
        }
    }
}

#[test]
fn two_bots_taper_a_crash_and_every_slice_is_paid_once() {
    let Some(binaries) = binaries() else { return };
    let scene = Scene::new(binaries, 4);
    scene.open_longs();
    scene.audit();
    assert_eq!(scene.positions(), [LOTS; 4]);
    let mut bots = [Bot::start(&scene, "one", &[], &[]), Bot::start(&scene, "two", &[], &[])];
    let before = [0, 1].map(|bot: usize| scene.cash(&bots[bot].trader.margin));
    fall(&scene, &[1_434_000, 1_420_000, 1_410_000], || scene.positions().iter().all(|lots| *lots < LOTS / 2));
    for bot in &mut bots {
        bot.stop();
    }
    scene.audit();
    let after = scene.positions();
    assert!(after.iter().all(|lots| (0..LOTS).contains(lots)), "{after:?}: {}", bots[0].log());
    let closed: i64 = after.iter().map(|lots| LOTS - lots).sum();
    let earned = [0, 1].map(|bot: usize| bots[bot].earned());
    // Every lot that was closed was closed by exactly one of them, and each has what it says it was paid.
    assert_eq!(earned[0].0 + earned[1].0, closed, "{earned:?}");
    for (bot, (before, (_, payout))) in bots.iter().zip(before.iter().zip(earned)) {
        assert_eq!(scene.cash(&bot.trader.margin) - before, payout);
    }
    assert!(earned[0].1 + earned[1].1 > 0, "{earned:?}");
    for bot in &bots {
        assert_eq!(bot.lines("step refused").len(), 0);
        let secret = bot.trader.keypair.to_base58_string();
        assert!(!bot.log().contains(&secret));
    }
}

#[test]
fn a_bot_survives_a_killed_node() {
    let Some(binaries) = binaries() else { return };
    let mut scene = Scene::new(binaries, 3);
    scene.open_longs();
    let mut bot = Bot::start(&scene, "survivor", &[], &[("backoff_max_seconds = 30", "backoff_max_seconds = 3")]);
    fall(&scene, &[1_434_000], || bot.earned().0 > 0);
    assert!(bot.earned().0 > 0, "{}", bot.log());
    let (mut saved, slot) = (scene.save(), scene.cluster.now().slot);
    for key in [bot.trader.key(), bot.trader.token_account] {
        saved.insert(key, scene.cluster.rpc.get_account(&key).unwrap());
    }
    let loads = bot.lines("loaded").len();
    scene.cluster.kill();
    wait_for("the bot to notice", PATIENCE, || (!bot.lines("connection lost").is_empty()).then_some(()));
    scene.cluster.restart(&saved, slot + 5);
    scene.audit();
    wait_for("the bot to load again", PATIENCE, || (bot.lines("loaded").len() > loads).then_some(()));
    let before = bot.earned().0;
    fall(&scene, &[1_405_000, 1_390_000], || bot.earned().0 > before);
    assert!(bot.earned().0 > before, "{}", bot.log());
    bot.stop();
    scene.audit();
}

#[test]
fn a_dry_run_sends_nothing() {
    let Some(binaries) = binaries() else { return };
    let scene = Scene::new(binaries, 1);
    scene.open_longs();
    let mut bot = Bot::start(&scene, "dry", &["--dry-run"], &[]);
    let lamports = scene.cluster.rpc.get_balance(&bot.trader.key()).unwrap();
    fall(&scene, &[1_434_000], || bot.lines("ended").iter().any(|line| line["outcome"] == "NotSent"));
    assert!(!bot.lines("planned").is_empty(), "{}", bot.log());
    assert!(bot.lines("ended").iter().any(|line| line["outcome"] == "NotSent"), "{}", bot.log());
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
    let mut bot = Bot::start(&scene, "absorber", &[], &changes);
    fall(&scene, &[1_434_000], || bot.earned().0 > 0);
    bot.stop();
    let (planned, earned) = (bot.lines("planned"), bot.lines("earned"));
    assert!(!earned.is_empty(), "{}", bot.log());
    assert!(planned.iter().all(|plan| plan["way"] == "Absorb"));
    // Nobody else was there: what was planned first is what was done first, to the lot.
    assert_eq!(planned[0]["lots"], earned[0]["lots"], "{}", bot.log());
    let taken = scene.base(&bot.trader.margin);
    assert_eq!(taken, bot.earned().0);
    assert_eq!(scene.positions(), [LOTS - taken]);
    scene.audit();
}
