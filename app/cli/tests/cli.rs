//! The binary, as a user meets it without a node; and the commands against a node that answers from a script.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use serde_json::{json, Value};
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use taper_cli::args::Cli;
use taper_cli::config::Settings;
use taper_cli::session::Session;
use taper_client::{Client, Fees, Patience, RpcRequest, RpcSender, RpcTransportStats, SentResult};
use taper_sdk::PROGRAM_ID;

const DEVNET: &str = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";
const LOADER: &str = "BPFLoaderUpgradeab1e11111111111111111111111";

#[derive(Clone)]
struct Node(Arc<Mutex<VecDeque<Value>>>);

#[async_trait]
impl RpcSender for Node {
    async fn send(&self, request: RpcRequest, _: Value) -> SentResult<Value> {
        Ok(self.0.lock().unwrap().pop_front().unwrap_or_else(|| panic!("{request} was not expected")))
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        RpcTransportStats::default()
    }

    fn url(&self) -> String {
        "mock".to_owned()
    }
}

fn answer(value: Value) -> Value {
    json!({ "context": { "slot": 9 }, "value": value })
}

fn account(owner: &str, data: &str, executable: bool) -> Value {
    json!({ "lamports": 1, "data": [data, "base64"], "owner": owner, "executable": executable, "rentEpoch": 0, "space": 0 })
}

async fn run(url: &str, line: &str, script: Vec<Value>) -> String {
    let patience = Patience { attempts: 1, pause: Duration::from_millis(1), ..Patience::default() };
    let node = Node(Arc::new(Mutex::new(script.into())));
    let dir = tempfile::tempdir().unwrap();
    let keypair = dir.path().join("id.json");
    let bytes: Vec<String> = Keypair::new_from_array([7; 32]).to_bytes().iter().map(u8::to_string).collect();
    std::fs::write(&keypair, format!("[{}]", bytes.join(","))).unwrap();
    let settings = Settings { url: url.to_owned(), keypair, commitment: CommitmentConfig::confirmed() };
    let session = Session {
        client: Client::with_sender(node.clone(), CommitmentConfig::confirmed(), patience),
        url: url.to_owned(),
        named_exchange: None,
        fees: Fees::default(),
        lookup_tables: Vec::new(),
    };
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let error = taper_cli::run_with(&cli, &settings, &session).await.unwrap_err();
    assert!(node.0.lock().unwrap().is_empty(), "{error:#}: not everything was asked");
    format!("{error:#}")
}

#[tokio::test]
async fn the_wrong_cluster_is_told_by_its_genesis() {
    let error = run("https://api.mainnet-beta.solana.com", "taper market list", vec![json!(DEVNET)]).await;
    assert!(error.contains("should be mainnet-beta") && error.contains("that of devnet"), "{error}");
}

#[tokio::test]
async fn a_missing_program_and_one_that_is_none_are_told() {
    let error = run("http://x", "taper exchange show", vec![json!(DEVNET), answer(json!([null]))]).await;
    assert!(error.contains("wrong --url?") && error.contains("is not deployed on"), "{error}");
    let wallet = account("11111111111111111111111111111111", "", false);
    let error = run("http://x", "taper exchange show", vec![json!(DEVNET), answer(json!([wallet]))]).await;
    assert!(error.contains("is not a program"), "{error}");
}

#[tokio::test]
async fn without_an_exchange_it_says_how_to_make_one() {
    let program = answer(json!([account(LOADER, "", true)]));
    let error = run("http://x", "taper market list", vec![json!(DEVNET), program, answer(json!([]))]).await;
    assert!(error.contains("taper-migrate"), "{error}");
}

#[tokio::test]
async fn an_exchange_of_another_version_is_told() {
    // The discriminator of an exchange, and nothing behind it.
    let exchange =
        json!({ "pubkey": PROGRAM_ID.to_string(), "account": account(&PROGRAM_ID.to_string(), "HsjclQM9aDI=", false) });
    let program = answer(json!([account(LOADER, "", true)]));
    let error = run("http://x", "taper audit", vec![json!(DEVNET), program, answer(json!([exchange]))]).await;
    assert!(error.contains("another version") && error.contains("have 736 bytes, this account has 8"), "{error}");
}

#[test]
fn a_malformed_configuration_is_named_with_its_line_and_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    std::fs::write(&config, "json_rpc_url: http://localhost:1\ncommitment: [\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_taper"))
        .args(["--json", "-C", config.to_str().unwrap(), "market", "list"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["error"].as_str().unwrap().contains("config.yml, line"), "{told}");
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_taper"))
        .args(["-u", "http://127.0.0.1:9", "-k", "/nowhere", "exchange", "show"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("error: getGenesisHash: the node cannot be reached"), "{told}");
    assert!(output.stdout.is_empty());
}
