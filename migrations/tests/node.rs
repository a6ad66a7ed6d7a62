//! Against a real node: an exchange from nothing, a change under a timelock, and every refusal in the words that a person reads. Needs the node
//! of `tests/node` and the program; without them the cases are skipped, unless `TAPER_REQUIRE_NODE` is set.

use std::path::Path;

use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper_cluster::command::{Said, Terminal};
use taper_cluster::migrated::{localnet, Venue, QUOTE_MINT, SOL_ORACLE, START_PRICE};
use taper_cluster::node::{binaries, Cluster};
use taper_cluster::people::{keypair, mint};

/// The cluster is not as the file says.
const LEFT: i32 = 3;

/// Runs the binary on a file of this text.
fn run(person: &Terminal, line: &str, text: &str, answer: &str) -> Said {
    let file = person.file("cluster.toml", text);
    let line = line.replace("FILE", &file.display().to_string());
    person.run(Path::new(env!("CARGO_BIN_EXE_taper-migrate")), &line, answer)
}

fn steps(said: &Value, of: &str) -> Vec<String> {
    let rows = said[of].as_array().unwrap_or_else(|| panic!("{said}"));
    rows.iter().map(|row| row["step"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn from_nothing_to_the_file_and_through_a_timelock() {
    let Some(binaries) = binaries() else { return };
    let so = binaries.so.clone();
    let venue = Venue::start(binaries);
    let (admin, text) = (venue.admin(), localnet());
    let exchange = venue.exchange();
    let is_there = || venue.cluster.rpc.get_balance(&exchange).unwrap() > 0;

    // It shows, asks, and takes no for an answer.
    let shown = run(&admin, "plan FILE", &text, "");
    assert!(shown.code == LEFT && shown.out.contains("do        create exchange 0"), "{shown:?}");
    assert!(shown.out.contains("do        list market SOL on oracle account"), "{shown:?}");
    run(&admin, "apply FILE", &text, "n\n").refused(LEFT, "Nothing was sent.");
    run(&admin, "apply FILE", &text, "").refused(LEFT, "Nothing was sent.");
    run(&admin, "--json apply FILE", &text, "y\n").refused(1, "add --yes");
    assert!(!is_there());

    // It does it, of the program that was built here; and then there is nothing to do.
    let built = format!("apply FILE --build {}", so.display());
    let done = run(&admin, &built, &text, "y\n").done();
    assert!(done.out.contains("done      create exchange 0") && done.out.contains("Nothing to do."), "{done:?}");
    assert!(is_there());
    let again = run(&admin, "--json apply FILE --yes", &text, "").done().json();
    assert_eq!((&again["done"], &again["left"]), (&json!([]), &json!([])));

    // A timelock can be given, and from then on every change waits.
    let locked = text.replace("timelock_slots = 0", "timelock_slots = 10000");
    let done = run(&admin, "--json apply FILE --yes", &locked, "").done().json();
    assert!(steps(&done, "done")[0].contains("timelock: 0 -> 10000 slots"), "{done}");
    let changed = locked.replacen("\n[market.params]", "\n[market.params]\nstall_slots = 151", 1);
    let shown = run(&admin, "plan FILE", &changed, "");
    let told = "propose   market SOL: stall_slots: 150 -> 151 (comes into force after a timelock of 10000 slots)";
    assert!(shown.code == LEFT && shown.out.contains(told), "{shown:?}");
    let proposed = run(&admin, "--json apply FILE --yes", &changed, "");
    assert_eq!((proposed.code, steps(&proposed.json(), "done").len()), (LEFT, 1), "{proposed:?}");
    assert!(steps(&proposed.json(), "left")[0].contains("can be applied from slot"), "{proposed:?}");
    let waits = run(&admin, "--json apply FILE --yes", &changed, "");
    assert_eq!((waits.code, &waits.json()["done"]), (LEFT, &json!([])), "nothing is proposed twice: {waits:?}");
    venue.cluster.travel_to(venue.cluster.now().slot + 10_000);
    let applied = run(&admin, "--json apply FILE --yes", &changed, "").done().json();
    assert!(steps(&applied, "done")[0].starts_with("proposal 1: market SOL: stall_slots: 150 -> 151"), "{applied}");
    assert_eq!(applied["left"], json!([]));
    let again = run(&admin, "plan FILE", &changed, "").done();
    assert!(again.out.contains("The cluster is as the file says."), "{again:?}");
}

#[test]
fn each_refusal_says_what_is_wrong_before_anything_is_sent() {
    let Some(binaries) = binaries() else { return };
    let so = binaries.so.clone();
    let venue = Venue::start(binaries);
    let (admin, text) = (venue.admin(), localnet());
    let apply = "apply FILE --yes";

    let devnet =
        text.replace("cluster = \"local\"", "cluster = \"devnet\"").replace("timelock_slots = 0", "timelock_slots = 9");
    run(&admin, apply, &devnet, "")
        .refused(1, "the file is for devnet, the node belongs to a local or private cluster: wrong cluster");

    let broken = text.replacen("index = 0", "index = \"none\"", 1);
    let line = broken.lines().position(|line| line.starts_with("index")).unwrap() + 1;
    let said = run(&admin, apply, &broken, "");
    said.refused(1, &format!("at line {line}, column 9"));
    assert!(said.errors.contains("index = \"none\"") && said.errors.contains("expected u16"), "{said:?}");
    let mut coarse = mint();
    coarse.data[44] = 2;
    venue.cluster.set_account(&QUOTE_MINT, &coarse);
    run(&admin, apply, &text, "").refused(1, "the quote mint has 2 decimals, the file says 6");
    venue.cluster.set_account(&QUOTE_MINT, &mint());

    let stranger = Terminal::new(&venue.cluster.http_url(), &keypair("stranger"))
        .with("TAPER_ADMIN", keypair("stranger").pubkey())
        .with("TAPER_GUARDIAN", keypair("guardian").pubkey());
    let poor = run(&stranger, apply, &text, "");
    poor.refused(1, "has 0 SOL, the plan needs about 3.55");
    assert!(poor.errors.contains("fund it first. Nothing was sent"), "{poor:?}");

    let other = admin.file("other.so", "\x7fELF of something else");
    run(&admin, &format!("{apply} --build {}", other.display()), &text, "")
        .refused(1, "DIFFERS from the local build from byte");
    let said = run(&admin, &format!("program {}", so.display()), &text, "").done();
    assert!(said.out.contains("byte for byte") && said.out.contains("can be replaced by"), "{said:?}");

    // Somebody else's exchange.
    run(&admin, apply, &text, "").done();
    venue.cluster.fund(&keypair("stranger").pubkey());
    let not_mine = stranger.with("TAPER_ADMIN", keypair("admin").pubkey());
    let changed = text.replacen("\n[market.params]", "\n[market.params]\nstall_slots = 151", 1);
    run(&not_mine, apply, &changed, "").refused(1, &format!("the admin is {}", keypair("admin").pubkey()));

    // An exchange that another version of the program wrote.
    let mut exchange = venue.cluster.rpc.get_account(&venue.exchange()).unwrap();
    exchange.data.truncate(exchange.data.len() - 8);
    venue.cluster.set_account(&venue.exchange(), &exchange);
    run(&admin, apply, &text, "").refused(1, "bytes, this account has");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let Some(binaries) = binaries() else { return };
    let cluster = Cluster::with_program(binaries, &Keypair::new().pubkey());
    let admin = keypair("admin");
    let person = Terminal::new(&cluster.http_url(), &admin)
        .with("TAPER_ADMIN", admin.pubkey())
        .with("TAPER_GUARDIAN", Pubkey::default());
    run(&person, "apply FILE --yes", &localnet(), "")
        .refused(1, &format!("program {} is not deployed on ", taper_sdk::PROGRAM_ID));
    run(&person, "program FILE", &localnet(), "").refused(1, "is not deployed: wrong --url?");
}

#[test]
fn what_stops_in_the_middle_says_what_is_done_and_goes_on_from_there() {
    let Some(binaries) = binaries() else { return };
    let cluster = Cluster::start(binaries);
    cluster.set_account(&QUOTE_MINT, &mint());
    // No price yet: the exchange can be created, the market cannot be listed.
    let admin = keypair("admin");
    cluster.fund(&admin.pubkey());
    let person = Terminal::new(&cluster.http_url(), &admin)
        .with("TAPER_ADMIN", admin.pubkey())
        .with("TAPER_GUARDIAN", keypair("guardian").pubkey());
    let stopped = run(&person, "apply FILE --yes", &localnet(), "");
    stopped.refused(1, &format!("is its oracle account {SOL_ORACLE} live?"));
    let (done, not_done) = stopped.errors.split_once("Not done:").unwrap_or_else(|| panic!("{stopped:?}"));
    assert!(done.contains("create exchange 0 of") && !done.contains("\n  list market"), "{stopped:?}");
    assert!(not_done.contains("list market SOL") && not_done.contains("Run the same command again"), "{stopped:?}");
    let stopped = run(&person, "--json apply FILE --yes", &localnet(), "");
    let told = stopped.json();
    assert_eq!((stopped.code, &told["done"], &told["outcome_is_unknown"]), (1, &json!([]), &json!(false)), "{told}");
    assert_eq!(told["not_done"].as_array().map(Vec::len), Some(1), "{told}");

    let _price = cluster.feed(SOL_ORACLE, taper_cluster::migrated::feed_id(), START_PRICE);
    let done = run(&person, "--json apply FILE --yes", &localnet(), "").done().json();
    assert_eq!((steps(&done, "done").len(), &done["left"]), (1, &json!([])), "{done}");
}
