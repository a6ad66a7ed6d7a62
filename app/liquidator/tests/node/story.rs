//! The whole way of a stranger: an exchange from a file, trades through the command line, a crash, a slice by hand, bots, and the proof at the end.

use std::path::{Path, PathBuf};

use serde_json::Value;
use solana_signer::Signer;
use taper_cluster::command::{sibling, Terminal};
use taper_cluster::events::of_account;
use taper_cluster::migrated::{migrate_beside, Venue};
use taper_cluster::node::binaries;
use taper_cluster::people::{keypair, Trader};
use taper_cluster::wait_for;
use taper_sdk::event::Event;

use crate::bot::Bot;

/// Lots of a long: a hundred coins.
const LOTS: i64 = 10_000;

/// The command line of one person.
struct Person {
    name: &'static str,
    terminal: Terminal,
    taper: PathBuf,
}

impl Person {
    fn new(venue: &Venue, taper: &Path, name: &'static str, tokens: u64) -> Self {
        Self { name, terminal: venue.person(name, tokens), taper: taper.to_owned() }
    }

    /// A command that sends one transaction.
    fn acts(&self, line: &str) -> Value {
        let said = self.terminal.run(&self.taper, &format!("--json {line}"), "").done().json();
        assert!(said["signature"].as_str().is_some_and(|text| text.len() > 80), "{}: {line}: {said}", self.name);
        said
    }

    /// A command that only looks: the text for people, which must have this in it, and the JSON.
    fn looks(&self, line: &str, told: &str) -> Value {
        let text = self.terminal.run(&self.taper, line, "").done().out;
        assert!(text.contains(told), "{}: {line}: {text}", self.name);
        self.terminal.run(&self.taper, &format!("{line} --json"), "").done().json()
    }

    fn opens(&self, deposit: &str) {
        self.acts("account create");
        self.acts(&format!("account deposit {deposit}"));
    }

    fn lots(&self) -> i64 {
        let shown = self.terminal.run(&self.taper, "--json account show", "").done().json();
        shown["positions"][0]["base_lots"].as_i64().unwrap()
    }

    fn cash(&self) -> i64 {
        let shown = self.terminal.run(&self.taper, "--json account show", "").done().json();
        shown["cash_atoms"].as_i64().unwrap()
    }
}

/// Proves INV-01 and INV-02 by `taper audit`.
fn audit(person: &Person) {
    let proof = person.looks("audit", "=> INV-01 holds");
    assert_eq!((&proof["holds"], &proof["surplus_atoms"]), (&Value::Bool(true), &Value::from("0")), "{proof}");
    assert_eq!(proof["markets"][0]["inv_02_holds"], true, "{proof}");
}

fn trade(maker: &Person, alice: &Person, bob: &Person) {
    let listed = maker.looks("market list", "SOL");
    assert_eq!((&listed[0]["name"], &listed[0]["status"]), (&Value::from("SOL"), &Value::from("active")));
    maker.acts("order place SOL sell 200 150");
    for long in [alice, bob] {
        long.acts("order place SOL buy 100 150");
        assert_eq!(long.lots(), LOTS);
    }
    alice.acts("order place SOL buy 5 100 --kind post-only --client-id 7");
    let orders = alice.looks("order list", "client id");
    assert_eq!((&orders[0]["client_order_id"], &orders[0]["side"]), (&Value::from(7), &Value::from("buy")), "{orders}");
    let book = alice.looks("market show SOL", "open interest");
    assert_eq!(book["bids"], serde_json::json!([[1_000_000, 500]]), "{book}");
    alice.acts(&format!("order cancel SOL {}", orders[0]["sequence"]));
    assert_eq!(alice.looks("order list SOL", "sequence"), serde_json::json!([]));
    alice.acts("order place SOL buy 5 100");
    alice.acts("order cancel SOL --all");
    assert_eq!(alice.looks("order list", "sequence"), serde_json::json!([]));
    let cash = alice.cash();
    alice.acts("account withdraw 1.5");
    assert_eq!(cash - alice.cash(), 1_500_000);
    let healthy = alice.looks(&format!("health {}", account(alice)), "healthy");
    assert_eq!(healthy["stage"], "healthy");
    assert!(healthy["ladder"].as_array().is_some_and(|rows| !rows.is_empty()), "{healthy}");
    let exchange = alice.looks("exchange show", "quote mint");
    assert_eq!(exchange["markets"].as_array().map(Vec::len), Some(1));
}

/// The address of somebody's margin account, as the command line says it.
fn account(person: &Person) -> String {
    let shown = person.looks("account show", "margin account");
    shown["margin_account"].as_str().unwrap().to_owned()
}

#[test]
fn from_nothing_through_a_crash_to_a_proof() {
    let Some(binaries) = binaries() else { return };
    let venue = Venue::start(binaries);
    let bots = env!("CARGO_BIN_EXE_taper-liquidator");
    let (taper, migrate) = (sibling(bots, "taper"), migrate_beside(bots));
    assert_eq!(venue.migrate(&migrate).json()["done"].as_array().map(Vec::len), Some(2));
    assert_eq!(venue.migrate(&migrate).json()["done"].as_array().map(Vec::len), Some(0));

    let [maker, alice, bob, carol] = [("maker", 1_000_000), ("alice", 5_000), ("bob", 5_000), ("carol", 5_000)]
        .map(|(name, tokens)| Person::new(&venue, &taper, name, tokens));
    maker.opens("500000");
    alice.opens("1000");
    bob.opens("1000");
    carol.opens("100.25");
    trade(&maker, &alice, &bob);
    audit(&carol);

    // The crash: a slice by hand first.
    venue.sol.set(1_434_000);
    maker.acts("order place SOL buy 400 143.3");
    let alices = account(&alice);
    assert_ne!(alice.looks(&format!("health {alices}"), "A slice now")["stage"], "healthy");
    let dry = carol.looks(&format!("liquidate {alices} --dry-run"), "Nothing was sent");
    assert!(dry["plan"]["base_lots"].as_i64().is_some_and(|lots| lots > 0), "{dry}");
    assert_eq!(alice.lots(), LOTS);
    let cash = carol.cash();
    carol.acts(&format!("liquidate {alices} --market SOL"));
    let by_hand = (LOTS - alice.lots(), carol.cash() - cash);
    assert!(by_hand.0 > 0 && by_hand.1 > 0, "{by_hand:?}");

    // Then bots, while the price goes on falling.
    let mut bots = ["one", "two"].map(|name| {
        Person::new(&venue, &taper, name, 20_000).opens("20000");
        Bot::start(&venue.cluster, &venue.exchange(), Trader::new(name), &[], &[])
    });
    maker.acts("order cancel SOL --all");
    venue.sol.set(1_410_000);
    maker.acts("order place SOL buy 400 140.9");
    let said = || format!("{}\n{}", bots[0].log(), bots[1].log());
    let are_tapered = || (alice.lots() < LOTS / 2 && bob.lots() < LOTS / 2).then_some(());
    wait_for("half of both longs", said, are_tapered);
    for bot in &mut bots {
        bot.stop();
    }
    audit(&carol);
    every_slice_is_paid_once(&venue, &bots, (LOTS - alice.lots()) + (LOTS - bob.lots()), by_hand);
}

fn every_slice_is_paid_once(venue: &Venue, bots: &[Bot; 2], gone: i64, by_hand: (i64, i64)) {
    let events = of_account(&venue.cluster.rpc, &venue.exchange());
    let sliced = events.iter().filter_map(|event| match event {
        Event::Sliced(sliced) => Some(sliced),
        _ => None,
    });
    let (mut lots, mut hands, mut paid) = (0, (0, 0), [0; 2]);
    for slice in sliced {
        let (closed, payout) = (slice.report.base_lots, slice.report.caller_payout_atoms);
        lots += closed;
        match bots.iter().position(|bot| bot.trader.margin == slice.payout_to) {
            Some(bot) => paid[bot] += payout,
            None => {
                assert_eq!(slice.caller, keypair("carol").pubkey());
                hands = (hands.0 + closed, hands.1 + payout);
            }
        }
    }
    assert_eq!((lots, hands), (gone, by_hand));
    assert_eq!(paid, [0, 1].map(|bot: usize| bots[bot].earned().1));
}
