//! A node that answers from a script: what it is asked, and what the client makes of its answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{json, Value};
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_rpc_client_api::client_error::{ErrorKind, Result as SentResult};
use solana_rpc_client_api::request::{RpcError, RpcResponseErrorData};
use solana_signer::Signer;
use taper_client::{Client, Fees, Filter, Patience, RpcFault, RpcRequest, RpcSender, RpcTransportStats, TransactError};
use taper_sdk::instruction::release_seat;
use taper_sdk::PROGRAM_ID;

/// An answer: a value, or a code with a message.
type Answer = Result<Value, (i64, &'static str)>;

#[derive(Clone, Default)]
struct Node {
    script: Arc<Mutex<VecDeque<(&'static str, Answer)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Node {
    fn with(script: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().collect())), ..Self::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    fn params(&self, index: usize) -> Value {
        self.asked.lock().unwrap()[index].1.clone()
    }

    fn is_done(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl RpcSender for Node {
    async fn send(&self, request: RpcRequest, params: Value) -> SentResult<Value> {
        let name = request.to_string();
        self.asked.lock().unwrap().push((name.clone(), params));
        let (expected, answer) = self.script.lock().unwrap().pop_front().unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(expected, name);
        answer.map_err(|(code, message)| {
            let data = RpcResponseErrorData::Empty;
            ErrorKind::RpcError(RpcError::RpcResponseError { code, message: message.to_owned(), data }).into()
        })
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        RpcTransportStats::default()
    }

    fn url(&self) -> String {
        "mock".to_owned()
    }
}

const PATIENCE: Patience = Patience {
    request: Duration::from_secs(1),
    attempts: 3,
    pause: Duration::from_millis(1),
    confirmation: Duration::from_millis(60),
};

fn client(node: &Node) -> Client {
    Client::with_sender(node.clone(), CommitmentConfig::confirmed(), PATIENCE)
}

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn at(slot: u64, value: Value) -> Answer {
    Ok(json!({ "context": { "slot": slot }, "value": value }))
}

/// Two bytes, 0x07 0x08.
fn account(owner: &Pubkey) -> Value {
    json!({ "lamports": 5, "data": ["Bwg=", "base64"], "owner": owner.to_string(), "executable": false, "rentEpoch": 0, "space": 2 })
}

const ACCOUNTS: &str = "getMultipleAccounts";
const PROGRAM_ACCOUNTS: &str = "getProgramAccounts";

#[tokio::test(start_paused = true)]
async fn a_read_is_never_older_than_one_before_and_the_node_is_told_so() {
    let older = || (ACCOUNTS, at(99, json!([null])));
    let node = Node::with([(ACCOUNTS, at(100, json!([account(&key(9))]))), older(), older(), older()]);
    let client = client(&node);
    let found = client.account(&key(1)).await.unwrap().unwrap();
    assert_eq!((found.owner, found.data, found.lamports), (key(9), vec![7, 8], 5));
    assert_eq!(client.newest_slot(), 100);
    let fault = client.account(&key(1)).await.unwrap_err();
    assert_eq!(fault, RpcFault::Lagging { request: ACCOUNTS.to_owned(), wanted: 100 });
    assert_eq!(node.params(1)[1]["minContextSlot"], 100);
    assert!(node.is_done(), "it has been given the time to catch up");
    let lagging = client.faults().find(|(class, _)| *class == "lagging");
    assert_eq!(lagging, Some(("lagging", 3)));
    // Another commitment has slots of its own.
    assert_eq!(client.at(CommitmentConfig::finalized()).newest_slot(), 0);
    client.forget_slots();
    assert_eq!(client.newest_slot(), 0);
}

#[tokio::test(start_paused = true)]
async fn rate_limits_and_lag_are_waited_for_and_then_named() {
    let limited = || (ACCOUNTS, Err((429, "Too many requests")));
    let node = Node::with([limited(), (ACCOUNTS, Err((-32_016, "behind"))), (ACCOUNTS, at(7, json!([null])))]);
    assert_eq!(client(&node).account(&key(1)).await, Ok(None));
    let node = Node::with([limited(), limited(), limited()]);
    let fault = client(&node).account(&key(1)).await.unwrap_err();
    assert_eq!(fault, RpcFault::RateLimited { request: ACCOUNTS.to_owned() });
    assert!(node.is_done());
}

#[tokio::test]
async fn an_error_that_does_not_pass_is_told_at_once() {
    let node = Node::with([(ACCOUNTS, Err((-32_602, "Invalid params")))]);
    let fault = client(&node).account(&key(1)).await.unwrap_err();
    assert!(
        matches!(&fault, RpcFault::Refused { code: -32_602, message, .. } if message == "Invalid params"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_given_up() {
    struct Silent;
    #[async_trait]
    impl RpcSender for Silent {
        async fn send(&self, _: RpcRequest, _: Value) -> SentResult<Value> {
            std::future::pending().await
        }
        fn get_transport_stats(&self) -> RpcTransportStats {
            RpcTransportStats::default()
        }
        fn url(&self) -> String {
            String::new()
        }
    }
    let patience = Patience { request: Duration::from_millis(5), attempts: 2, ..PATIENCE };
    let client = Client::with_sender(Silent, CommitmentConfig::confirmed(), patience);
    let fault = client.genesis().await.unwrap_err();
    assert_eq!(fault, RpcFault::Timeout { request: "getGenesisHash".to_owned(), after: Duration::from_millis(5) });
}

#[tokio::test]
async fn lies_about_a_programs_accounts_are_found_out() {
    let row = |byte: u8, owner: &Pubkey| json!({ "pubkey": key(byte).to_string(), "account": account(owner) });
    let filter = |byte: u8| Filter { offset: 0, bytes: vec![byte] };
    for (rows, filter, lie) in [
        (vec![row(1, &key(9))], filter(7), "owned by"),
        (vec![row(1, &PROGRAM_ID)], filter(8), "does not match the filter"),
        (vec![row(1, &PROGRAM_ID), row(1, &PROGRAM_ID)], filter(7), "listed twice"),
    ] {
        let node = Node::with([(PROGRAM_ACCOUNTS, at(5, json!(rows)))]);
        let fault = client(&node).program_accounts(&PROGRAM_ID, &[filter]).await.unwrap_err();
        assert!(matches!(fault, RpcFault::Lie(_)) && fault.to_string().contains(lie), "{fault}");
    }
    let node = Node::with([(ACCOUNTS, at(5, json!([null, null])))]);
    let fault = client(&node).account(&key(1)).await.unwrap_err();
    assert!(fault.to_string().contains("1 accounts were asked for, 2 came"), "{fault}");
}

fn blockhash() -> (&'static str, Answer) {
    ("getLatestBlockhash", at(10, json!({ "blockhash": key(3).to_string(), "lastValidBlockHeight": 50 })))
}

fn simulated(err: Value) -> (&'static str, Answer) {
    ("simulateTransaction", at(10, json!({ "err": err, "logs": [], "unitsConsumed": 10_000 })))
}

fn height(slot: u64, height: u64) -> (&'static str, Answer) {
    let rest = json!({ "epoch": 0, "slotIndex": 0, "slotsInEpoch": 10, "transactionCount": 0 });
    let mut info = json!({ "absoluteSlot": slot, "blockHeight": height });
    info.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    ("getEpochInfo", Ok(info))
}

fn status(status: Value) -> (&'static str, Answer) {
    ("getSignatureStatuses", at(11, json!([status])))
}

fn landed(err: Value) -> Value {
    let outcome = if err.is_null() { json!({ "Ok": null }) } else { json!({ "Err": err }) };
    json!({ "slot": 11, "confirmations": 1, "err": err, "status": outcome, "confirmationStatus": "confirmed" })
}

fn processed() -> Value {
    json!({ "slot": 11, "confirmations": 0, "err": null, "status": { "Ok": null }, "confirmationStatus": "processed" })
}

/// Sends; the node's answer is another signature than ours, because nobody knows ours here.
fn sent() -> (&'static str, Answer) {
    ("sendTransaction", Ok(json!("1111111111111111111111111111111111111111111111111111111111111111")))
}

async fn act(node: &Node) -> Result<u64, TransactError> {
    let payer = Keypair::new();
    let call = release_seat(key(1), key(2));
    client(node).transact(&payer.pubkey(), &[call], &[&payer], Fees::default()).await.map(|landed| landed.slot)
}

#[tokio::test]
async fn a_transaction_that_would_fail_is_not_sent() {
    let error = json!({ "InstructionError": [1, { "Custom": 6034 }] });
    let node = Node::with([blockhash(), simulated(error)]);
    let error = act(&node).await.unwrap_err();
    assert!(
        matches!(&error, TransactError::Simulation { failure, .. }
        if failure.taper() == Some(taper_sdk::TaperError::AccountHealthy)),
        "{error}"
    );
    assert_eq!(node.asked(), ["getLatestBlockhash", "simulateTransaction"]);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_followed_to_its_end() {
    let node = Node::with([
        blockhash(),
        simulated(Value::Null),
        sent(),
        status(Value::Null),
        status(processed()),
        status(Value::Null),
        height(11, 11),
        status(landed(Value::Null)),
    ]);
    assert_eq!(act(&node).await.unwrap(), 11);
    assert!(node.is_done());
}

#[tokio::test(start_paused = true)]
async fn one_that_landed_and_failed_is_told_from_one_that_was_not_sent() {
    let error = json!({ "InstructionError": [1, { "Custom": 6034 }] });
    let node = Node::with([blockhash(), simulated(Value::Null), sent(), status(landed(error))]);
    let error = act(&node).await.unwrap_err();
    assert!(
        matches!(&error, TransactError::Failed { failure, .. }
        if failure.taper() == Some(taper_sdk::TaperError::AccountHealthy)),
        "{error}"
    );
}

/// Three looks without news; the height is asked for at each fourth.
fn no_news() -> [(&'static str, Answer); 3] {
    [status(Value::Null), status(Value::Null), status(Value::Null)]
}

#[tokio::test(start_paused = true)]
async fn one_that_can_no_longer_land_has_expired() {
    let mut script = vec![blockhash(), simulated(Value::Null), sent()];
    script.extend(no_news());
    script.extend([height(11, 50), status(Value::Null)]);
    script.extend(no_news());
    script.extend([height(11, 51), status(Value::Null)]);
    let node = Node::with(script);
    let error = act(&node).await.unwrap_err();
    assert!(matches!(error, TransactError::Expired { .. }), "{error}");
    assert!(node.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_node_behind_the_height_proves_nothing_about_what_it_does_not_know() {
    let mut script = vec![blockhash(), simulated(Value::Null), sent()];
    script.extend(no_news());
    // The height is that of slot 70; the status is a node's that has seen slot 11 only. The next look finds it landed.
    script.extend([height(70, 51), status(Value::Null), status(landed(Value::Null))]);
    let node = Node::with(script);
    assert_eq!(act(&node).await.unwrap(), 11);
    assert!(node.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_lost_confirmation_is_an_unknown_outcome_with_the_signature() {
    struct Gone(Node);
    #[async_trait]
    impl RpcSender for Gone {
        async fn send(&self, request: RpcRequest, params: Value) -> SentResult<Value> {
            if !self.0.is_done() {
                return self.0.send(request, params).await;
            }
            let message = "gone".to_owned();
            Err(ErrorKind::RpcError(RpcError::RpcResponseError {
                code: -32_603,
                message,
                data: RpcResponseErrorData::Empty,
            })
            .into())
        }
        fn get_transport_stats(&self) -> RpcTransportStats {
            RpcTransportStats::default()
        }
        fn url(&self) -> String {
            String::new()
        }
    }
    let gone = Gone(Node::with([blockhash(), simulated(Value::Null)]));
    let client = Client::with_sender(gone, CommitmentConfig::confirmed(), PATIENCE);
    let payer = Keypair::new();
    let call = release_seat(key(1), key(2));
    let error = client.transact(&payer.pubkey(), &[call], &[&payer], Fees::default()).await.unwrap_err();
    let TransactError::Unknown { signature, reason } = &error else { panic!("{error}") };
    assert!(reason.contains("gone"), "{reason}");
    let text = error.to_string();
    assert!(text.contains("unknown outcome") && text.contains(&signature.to_string()), "{text}");
}
