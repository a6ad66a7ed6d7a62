//! Bad input and lookup tables, through the binary, against a real node: each refusal is checked in the words that a person reads. Needs the node
//! of `tests/node` and the program; without them the cases are skipped, unless `TAPER_REQUIRE_NODE` is set.

use std::path::Path;

use serde_json::json;
use solana_signer::Signer;
use taper_cluster::command::{Said, Terminal};
use taper_cluster::migrated::{migrate_beside, Venue, QUOTE_MINT};
use taper_cluster::node::binaries;
use taper_cluster::people::keypair;

const TAPER: &str = env!("CARGO_BIN_EXE_taper");

fn run(person: &Terminal, line: &str) -> Said {
    person.run(Path::new(TAPER), line, "")
}

#[test]
fn bad_input_is_refused_in_words_that_help_and_changes_nothing() {
    let Some(binaries) = binaries() else { return };
    let venue = Venue::start(binaries);
    let alice = venue.person("alice", 1_000);
    run(&alice, "market list").refused(1, "the program has no exchange on");
    venue.migrate(&migrate_beside(TAPER));

    let poor = Terminal::new(&venue.cluster.http_url(), &keypair("poor"));
    run(&poor, "account create").refused(1, "has no lamports on");
    run(&alice, "account show").refused(1, "open one with `taper account create`");
    run(&alice, "account create").done();
    run(&alice, "account create").refused(1, "(number 0) exists already");
    for (amount, told) in [
        ("12.3456789", "finer than the smallest unit, 0.000001"),
        ("-5", "unexpected argument '-5'"),
        ("0", "must be more than zero"),
        ("ten", "\"ten\" is not a decimal number"),
    ] {
        let said = run(&alice, &format!("account deposit {amount}"));
        assert!(said.code != 0 && said.errors.contains(told), "{amount}: {said:?}");
    }
    run(&alice, &format!("account deposit 1 --token-account {}", keypair("nobody").pubkey()))
        .refused(1, &format!("spl-token create-account {QUOTE_MINT}"));
    run(&alice, "account deposit 1000000").refused(1, "nothing was sent, for the simulation fails");
    run(&alice, "account deposit 500").done();
    run(&alice, "account withdraw 501").refused(1, "InsufficientCash");

    for (order, told) in [
        ("DOGE buy 1 1", "there is no market \"DOGE\"; there are: SOL"),
        ("SOL buy 1 150.005", "is not a multiple of the market's tick, 0.01: the nearest are 150 and 150.01"),
        ("SOL buy 0.001 150", "size"),
        ("SOL buy 1 x", "price"),
        ("SOL buy 1 150", "OrderTooSmall"),
        ("SOL buy 1000 150", "nothing was sent, for the simulation fails"),
    ] {
        run(&alice, &format!("order place {order}")).refused(1, told);
    }
    run(&alice, "order place SOL hold 1 150").refused(2, "invalid value 'hold'");
    run(&alice, "order cancel SOL 7").refused(1, "the account has no seat in");
    run(&alice, "order place SOL buy 5 100").done();
    run(&alice, "order cancel SOL 12345").refused(1, "has no order 12345 in");
    let account = venue.margin_account("alice");
    run(&alice, &format!("liquidate {account}")).refused(1, "no slice of");
    run(&alice, &format!("health {}", venue.exchange())).refused(1, "is not a margin account of this program");
    run(&alice, &format!("--exchange {account} exchange show"))
        .refused(1, "is of another version than this one is made for");
    run(&alice, "--commitment soon market list").refused(1, "\"soon\" is no commitment");

    // In JSON a refusal is JSON too, and all that was refused has changed nothing.
    let said = run(&alice, "--json account withdraw 501");
    assert!(
        said.code == 1 && said.json()["error"].as_str().is_some_and(|text| text.contains("InsufficientCash")),
        "{said:?}"
    );
    assert_eq!(
        run(&alice, "--json account show").done().json()["cash_atoms"].as_i64().map(|cash| cash > 400_000_000),
        Some(true)
    );
    assert_eq!(run(&alice, "--json audit").done().json()["holds"], json!(true));
}

#[test]
fn a_lookup_table_is_made_used_and_filled_up() {
    let Some(binaries) = binaries() else { return };
    let venue = Venue::start(binaries);
    venue.migrate(&migrate_beside(TAPER));
    let alice = venue.person("alice", 1_000);
    run(&alice, "account create").done();
    let made = run(&alice, "--json lookup-table create").done().json();
    let table = made["lookup_table"].as_str().unwrap().to_owned();
    assert_eq!(made["added"], json!(8));
    let slot = venue.cluster.now().slot;
    taper_cluster::wait_for("the next slot", String::new, || (venue.cluster.now().slot > slot + 1).then_some(()));
    // The exchange with its vault, mint and programs, the market with its book and oracle: none of them is named by its 32 bytes.
    let done = run(&alice, &format!("--json --lookup-table {table} account deposit 10")).done().json();
    let signature = done["signature"].as_str().unwrap().parse().unwrap();
    let config = solana_rpc_client_api::config::RpcTransactionConfig {
        max_supported_transaction_version: Some(0),
        encoding: Some(solana_transaction_status_client_types::UiTransactionEncoding::Base64),
        ..Default::default()
    };
    let landed = venue.cluster.rpc.get_transaction_with_config(&signature, config).unwrap();
    let transaction = landed.transaction.transaction.decode().unwrap();
    let looked_up = transaction.message.address_table_lookups().unwrap();
    assert_eq!((looked_up.len(), looked_up[0].account_key.to_string()), (1, table.clone()));
    assert_eq!(run(&alice, &format!("--json lookup-table extend {table}")).done().json()["added"], json!(0));
    run(&alice, &format!("--lookup-table {} account deposit 1", keypair("nobody").pubkey()))
        .refused(1, "there is no lookup table");
    run(&alice, &format!("--lookup-table {QUOTE_MINT} account deposit 1")).refused(1, "is owned by");
}
