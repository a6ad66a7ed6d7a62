//! A node whose answers a test scripts: JSON-RPC over HTTP and over a websocket, in this process. Honest unless told otherwise.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::prelude::{Engine, BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{json, Value};
use solana_pubkey::Pubkey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

/// What a node answers to one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// HTTP with this status, and a `Retry-After` if there is one.
    Status(u16, Option<u64>),
    /// These bytes.
    Body(String),
    /// This result.
    Result(Value),
    /// This error.
    Error(i64, &'static str),
    /// Nothing, for a long time.
    Hang,
    /// An honest answer, cut in its middle.
    Truncated,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Lands,
    Fails(u32),
    Vanishes,
}

pub struct Row {
    pub owner: Pubkey,
    pub data: Vec<u8>,
    pub executable: bool,
}

/// What the node is made of.
pub struct State {
    pub genesis: String,
    pub slot: u64,
    pub height: u64,
    pub rows: BTreeMap<Pubkey, Row>,
    /// Answers to the next requests of a kind, one each.
    pub next: HashMap<&'static str, VecDeque<Answer>>,
    /// The answer to all requests of a kind, while it is there.
    pub always: HashMap<&'static str, Answer>,
    pub fate: Fate,
    pub fee: u64,
    /// Methods asked for, in order.
    pub asked: Vec<(String, Value)>,
    /// When each of them arrived.
    pub times: Vec<Instant>,
    /// Signatures sent, with what becomes of them.
    pub sent: BTreeMap<String, Fate>,
}

#[derive(Clone)]
pub struct Node {
    pub state: Arc<Mutex<State>>,
    out: broadcast::Sender<Message>,
    pub http: String,
    pub websocket: String,
}

impl Node {
    pub async fn start(slot: u64) -> Self {
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let websocket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State {
            genesis: Pubkey::new_from_array([8; 32]).to_string(),
            slot,
            height: slot,
            rows: BTreeMap::new(),
            next: HashMap::new(),
            always: HashMap::new(),
            fate: Fate::Lands,
            fee: 0,
            asked: Vec::new(),
            times: Vec::new(),
            sent: BTreeMap::new(),
        };
        let node = Self {
            state: Arc::new(Mutex::new(state)),
            out: broadcast::channel(1 << 16).0,
            http: format!("http://{}", http.local_addr().unwrap()),
            websocket: format!("ws://{}", websocket.local_addr().unwrap()),
        };
        let (over_http, over_websocket) = (node.clone(), node.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = http.accept().await {
                let node = over_http.clone();
                tokio::spawn(async move { node.serve_http(stream).await });
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = websocket.accept().await {
                let node = over_websocket.clone();
                tokio::spawn(async move { node.serve_websocket(stream).await });
            }
        });
        node
    }

    pub fn put(&self, key: Pubkey, owner: Pubkey, data: Vec<u8>) {
        self.state.lock().unwrap().rows.insert(key, Row { owner, data, executable: false });
    }

    pub fn always(&self, method: &'static str, answer: Answer) {
        self.state.lock().unwrap().always.insert(method, answer);
    }

    pub fn sane(&self) {
        self.state.lock().unwrap().always.clear();
    }

    pub fn next(&self, method: &'static str, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().next.entry(method).or_default().extend(answers);
    }

    pub fn count(&self, method: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|(asked, _)| asked == method).count()
    }

    pub fn sent(&self) -> usize {
        self.state.lock().unwrap().sent.len()
    }

    /// Says something on every websocket.
    pub fn say(&self, text: impl Into<String>) {
        let _ = self.out.send(Message::text(text.into()));
    }

    /// Closes every websocket.
    pub fn hang_up(&self) {
        let _ = self.out.send(Message::Close(None));
    }

    /// An update of an account on the subscription to the program.
    pub fn update(&self, key: &Pubkey, slot: u64) -> String {
        let state = self.state.lock().unwrap();
        let value = json!({ "pubkey": key.to_string(), "account": ui(&state.rows[key]) });
        notification(1, json!({ "context": { "slot": slot }, "value": value }))
    }

    async fn serve_http(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut buffer = [0; 65_536];
        let body = loop {
            let Ok(read) = stream.read(&mut buffer).await else { return };
            if read == 0 {
                return;
            }
            request.extend_from_slice(&buffer[..read]);
            let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.unwrap().parse().unwrap();
            if request.len() >= end + 4 + length {
                break request[end + 4..].to_vec();
            }
        };
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let (status, retry_after, text) = match self.answer(&asked) {
            Some(answer) => answer,
            None => return tokio::time::sleep(Duration::from_secs(600)).await,
        };
        let after = retry_after.map_or(String::new(), |after| format!("Retry-After: {after}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{after}Content-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn answer(&self, asked: &Value) -> Option<(u16, Option<u64>, String)> {
        let (id, method) = (&asked["id"], asked["method"].as_str().unwrap().to_owned());
        let mut state = self.state.lock().unwrap();
        state.note(&method, asked["params"].clone());
        let scripted = state.next.get_mut(method.as_str()).and_then(VecDeque::pop_front);
        let scripted = scripted.or_else(|| state.always.get(method.as_str()).cloned());
        let result = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
        let error = |code: i64, message: &str| {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
        };
        Some(match scripted {
            Some(Answer::Hang) => return None,
            Some(Answer::Status(status, after)) => (status, after, String::new()),
            Some(Answer::Body(text)) => (200, None, text),
            Some(Answer::Result(value)) => (200, None, result(value)),
            Some(Answer::Error(code, message)) => (200, None, error(code, message)),
            scripted => {
                let mut text = match state.honest(&method, &asked["params"]) {
                    Ok(value) => result(value),
                    Err((code, message)) => error(code, message),
                };
                if scripted.is_some() {
                    text.truncate(text.len() / 2);
                }
                (200, None, text)
            }
        })
    }

    /// Notes a request over a websocket, and what a test has scripted as its answer.
    fn scripted(&self, method: &str) -> Option<Answer> {
        let mut state = self.state.lock().unwrap();
        state.note(method, Value::Null);
        state.always.get(method).cloned()
    }

    async fn serve_websocket(&self, stream: TcpStream) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let mut out = self.out.subscribe();
        let mut subscriptions = 0u64;
        let mut beat = tokio::time::interval(Duration::from_millis(200));
        loop {
            let message = tokio::select! {
                heard = socket.next() => match heard {
                    Some(Ok(Message::Text(text))) => {
                        let asked: Value = serde_json::from_str(&text).unwrap();
                        match self.scripted(asked["method"].as_str().unwrap()) {
                            Some(Answer::Hang) => continue,
                            Some(Answer::Error(code, message)) => {
                                let error = json!({ "code": code, "message": message });
                                Message::text(json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }).to_string())
                            }
                            _ => {
                                subscriptions += 1;
                                let result = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": subscriptions });
                                Message::text(result.to_string())
                            }
                        }
                    }
                    Some(Ok(_)) => continue,
                    _ => return,
                },
                said = out.recv() => match said {
                    Ok(message) => message,
                    Err(_) => continue,
                },
                _ = beat.tick(), if subscriptions > 1 && !self.state.lock().unwrap().always.contains_key("slots") => {
                    let slot = self.state.lock().unwrap().slot;
                    Message::text(notification(2, json!({ "slot": slot, "parent": slot - 1, "root": slot - 1 })))
                }
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

pub fn notification(subscription: u64, result: Value) -> String {
    json!({ "jsonrpc": "2.0", "method": "notification", "params": { "result": result, "subscription": subscription } })
        .to_string()
}

fn ui(row: &Row) -> Value {
    json!({
        "lamports": 1_000_000_000u64, "data": [BASE64_STANDARD.encode(&row.data), "base64"], "owner": row.owner.to_string(),
        "executable": row.executable, "rentEpoch": 0, "space": row.data.len()
    })
}

impl State {
    fn note(&mut self, method: &str, params: Value) {
        self.asked.push((method.to_owned(), params));
        self.times.push(Instant::now());
    }

    fn honest(&mut self, method: &str, params: &Value) -> Result<Value, (i64, &'static str)> {
        let wanted = params[1]["minContextSlot"].as_u64().unwrap_or(0);
        if wanted > self.slot {
            return Err((-32_016, "Minimum context slot has not been reached"));
        }
        let at = |value: Value| json!({ "context": { "slot": self.slot }, "value": value });
        Ok(match method {
            "getGenesisHash" => json!(self.genesis),
            "getMultipleAccounts" => {
                let names = params[0].as_array().unwrap();
                let found = names.iter().map(|name| self.rows.get(&name.as_str().unwrap().parse().unwrap()).map(ui));
                at(found.collect())
            }
            "getProgramAccounts" => {
                let program: Pubkey = params[0].as_str().unwrap().parse().unwrap();
                let of_program = self.rows.iter().filter(|(_, row)| row.owner == program);
                at(of_program.map(|(key, row)| json!({ "pubkey": key.to_string(), "account": ui(row) })).collect())
            }
            "getLatestBlockhash" => {
                let hash = Pubkey::new_from_array([self.height as u8; 32]).to_string();
                at(json!({ "blockhash": hash, "lastValidBlockHeight": self.height + 150 }))
            }
            "getRecentPrioritizationFees" => json!([{ "slot": self.slot, "prioritizationFee": self.fee }]),
            "simulateTransaction" => at(json!({ "err": null, "logs": [], "unitsConsumed": 100_000 })),
            "sendTransaction" => {
                let bytes = BASE64_STANDARD.decode(params[0].as_str().unwrap()).unwrap();
                // One signature: its count, and then its bytes.
                let signature: [u8; 64] = bytes[1..65].try_into().unwrap();
                let signature = solana_signature::Signature::from(signature).to_string();
                self.sent.entry(signature.clone()).or_insert(self.fate);
                json!(signature)
            }
            "getSignatureStatuses" => {
                let fate = self.sent.get(params[0][0].as_str().unwrap()).copied();
                let error = fate.and_then(failure);
                let outcome = error.clone().map_or(json!({ "Ok": null }), |error| json!({ "Err": error }));
                at(json!([fate.filter(|fate| *fate != Fate::Vanishes).map(|_| json!({
                    "slot": self.slot, "confirmations": 1, "err": error, "status": outcome, "confirmationStatus": "confirmed"
                }))]))
            }
            "getEpochInfo" => json!({
                "absoluteSlot": self.slot, "blockHeight": self.height, "epoch": 0, "slotIndex": 0, "slotsInEpoch": 432_000
            }),
            "getTransaction" => {
                let fate = self.sent.get(params[0].as_str().unwrap()).copied();
                let error = fate.and_then(failure);
                let outcome = error.clone().map_or(json!({ "Ok": null }), |error| json!({ "Err": error }));
                json!({
                    "slot": self.slot, "transaction": ["", "base64"], "blockTime": null,
                    "meta": {
                        "err": error, "status": outcome, "fee": 5_001, "preBalances": [], "postBalances": [],
                        "innerInstructions": [], "logMessages": [], "preTokenBalances": [], "postTokenBalances": [],
                        "rewards": [], "loadedAddresses": { "writable": [], "readonly": [] }
                    }
                })
            }
            _ => return Err((-32_601, "Method not found")),
        })
    }
}

fn failure(fate: Fate) -> Option<Value> {
    match fate {
        Fate::Fails(code) => Some(json!({ "InstructionError": [2, { "Custom": code }] })),
        Fate::Lands | Fate::Vanishes => None,
    }
}
