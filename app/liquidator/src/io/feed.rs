//! News over the websocket. The subscriptions stand first, then everything is loaded; a connection that breaks, or is silent, begins anew,
//! and so does the loading: what was missed is never guessed.

use std::collections::HashMap;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_commitment_config::CommitmentConfig;
use solana_pubkey::Pubkey;
use solana_rpc_client_api::config::RpcAccountInfoConfig;
use solana_rpc_client_api::response::{Response, RpcKeyedAccount, SlotInfo};
use taper_client::socket::{Note, Socket, SubscriptionId};
use taper_client::Fetched;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// News.
#[derive(Debug)]
pub enum News {
    /// The subscriptions of a new connection stand: everything is to be loaded now.
    Connected,
    /// An account of the program, or an oracle account.
    Account(Update),
    /// These oracle accounts are subscribed to from now on: they are to be loaded once.
    Oracles(Vec<Pubkey>),
    /// The connection is lost.
    Lost(String),
}

/// A new state of an account.
#[derive(Clone, Debug)]
pub struct Update {
    /// Its address.
    pub key: Pubkey,
    /// Its owner.
    pub owner: Pubkey,
    /// Its bytes.
    pub data: Vec<u8>,
    /// Slot.
    pub slot: u64,
    /// True if it was subscribed to as an oracle.
    pub is_oracle: bool,
    /// When it arrived, still packed.
    pub arrived: std::time::Instant,
}

/// What the feed and its reader share: updates that did not get through, each of which leads to loading everything anew.
#[derive(Default)]
pub struct Gaps {
    full_queue: AtomicU64,
    unreadable: AtomicU64,
    late: AtomicU64,
}

/// Updates that did not get through, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Dropped because the queue was full.
    pub full_queue: u64,
    /// Not understood, or of a slot that cannot be.
    pub unreadable: u64,
    /// Of a slot far behind the chain's clock.
    pub late: u64,
}

impl Gaps {
    /// What was missed since this was asked last.
    pub fn take(&self) -> Missed {
        let taken = |count: &AtomicU64| count.swap(0, Ordering::AcqRel);
        Missed { full_queue: taken(&self.full_queue), unreadable: taken(&self.unreadable), late: taken(&self.late) }
    }

    /// One more of a slot far behind the clock.
    pub fn late(&self) {
        self.late.fetch_add(1, Ordering::AcqRel);
    }

    /// One more that was not understood.
    pub fn unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::AcqRel);
    }
}

/// How to connect.
#[derive(Clone)]
pub struct FeedConfig {
    /// The node's websocket.
    pub url: String,
    /// Silence that counts as a lost connection.
    pub silence: Duration,
    /// Most time between attempts.
    pub backoff_max: Duration,
}

/// Time before the next attempt: 1, 2, 4 … seconds.
pub fn backoff(failures: u32, max: Duration) -> Duration {
    Duration::from_secs(1 << failures.min(16)).min(max)
}

/// Runs until the reader is gone.
pub async fn run(
    config: FeedConfig,
    mut oracles: watch::Receiver<Vec<Pubkey>>,
    out: mpsc::Sender<News>,
    gaps: Arc<Gaps>,
) {
    let mut failures = 0;
    while !out.is_closed() {
        let started = Instant::now();
        let reason = connection(&config, &mut oracles, &out, &gaps).await.unwrap_or_else(|reason| reason);
        if started.elapsed() > config.backoff_max {
            failures = 0;
        }
        if out.send(News::Lost(reason)).await.is_err() {
            return;
        }
        tokio::time::sleep(backoff(failures, config.backoff_max)).await;
        failures += 1;
    }
}

/// What a subscription is of.
enum Topic {
    Program,
    Slots,
    Oracle(Pubkey),
}

/// One connection, until it is lost: `Ok` and `Err` both say why.
async fn connection(
    config: &FeedConfig,
    oracles: &mut watch::Receiver<Vec<Pubkey>>,
    out: &mpsc::Sender<News>,
    gaps: &Gaps,
) -> Result<String, String> {
    let gone = || Ok("the reader is gone".to_owned());
    let mut socket = within(config, Socket::connect(&config.url)).await?;
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64Zstd),
        commitment: Some(CommitmentConfig::processed()),
        ..RpcAccountInfoConfig::default()
    };
    let mut topics: HashMap<SubscriptionId, Topic> = HashMap::new();
    let program = json!([taper_sdk::PROGRAM_ID.to_string(), account_config]);
    topics.insert(within(config, socket.subscribe("programSubscribe", program)).await?, Topic::Program);
    topics.insert(within(config, socket.subscribe("slotSubscribe", json!([]))).await?, Topic::Slots);
    let mut watched: Vec<Pubkey> = Vec::new();
    if out.send(News::Connected).await.is_err() {
        return gone();
    }
    oracles.mark_changed();
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            changed = oracles.changed() => {
                if changed.is_err() {
                    return gone();
                }
                let wanted = oracles.borrow_and_update().clone();
                let new: Vec<Pubkey> = wanted.into_iter().filter(|key| !watched.contains(key)).collect();
                for key in &new {
                    let params = json!([key.to_string(), account_config]);
                    let subscription = within(config, socket.subscribe("accountSubscribe", params)).await?;
                    topics.insert(subscription, Topic::Oracle(*key));
                }
                if !new.is_empty() {
                    watched.extend(&new);
                    if out.send(News::Oracles(new)).await.is_err() {
                        return gone();
                    }
                }
            }
            note = tokio::time::timeout_at(heard + config.silence, socket.next()) => {
                let Ok(note) = note else { return Ok(format!("silent for {} seconds", config.silence.as_secs())) };
                let arrived = std::time::Instant::now();
                heard = Instant::now();
                match read(note.map_err(|fault| fault.to_string())?, &topics, arrived) {
                    Some(Read::Update(update)) => {
                        // The reader of the socket never waits: a full queue drops the newest, and the bot loads everything anew.
                        if out.try_send(News::Account(update)).is_err() {
                            gaps.full_queue.fetch_add(1, Ordering::AcqRel);
                        }
                    }
                    Some(Read::Slot) => {}
                    None => gaps.unreadable(),
                }
            },
        }
    }
}

async fn within<T>(
    config: &FeedConfig,
    future: impl Future<Output = Result<T, taper_client::socket::SocketFault>>,
) -> Result<T, String> {
    let done = tokio::time::timeout(config.silence, future).await;
    let silent = || format!("no connection within {} seconds", config.silence.as_secs());
    done.map_err(|_| silent())?.map_err(|fault| fault.to_string())
}

enum Read {
    Update(Update),
    Slot,
}

/// What a note says; `None` if it is not what its subscription is of, or of none.
fn read(note: Note, topics: &HashMap<SubscriptionId, Topic>, arrived: std::time::Instant) -> Option<Read> {
    let Note::Update { subscription, value } = note else { return None };
    let (key, account, slot, is_oracle) = match topics.get(&subscription)? {
        Topic::Slots => return typed::<SlotInfo>(value).map(|_| Read::Slot),
        Topic::Program => {
            let update: Response<RpcKeyedAccount> = typed(value)?;
            (Pubkey::from_str(&update.value.pubkey).ok()?, update.value.account, update.context.slot, false)
        }
        Topic::Oracle(key) => {
            let update: Response<UiAccount> = typed(value)?;
            (*key, update.value, update.context.slot, true)
        }
    };
    let Fetched { owner, data, .. } = Fetched::of(&account)?;
    Some(Read::Update(Update { key, owner, data, slot, is_oracle, arrived }))
}

fn typed<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_further_and_further_apart() {
        let max = Duration::from_secs(30);
        let waits: Vec<u64> = (0..7).map(|failures| backoff(failures, max).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff(u32::MAX, Duration::MAX).as_secs(), 1 << 16);
    }

    #[test]
    fn what_is_not_what_was_subscribed_to_is_seen() {
        let topics = HashMap::from([(1, Topic::Program), (2, Topic::Slots), (3, Topic::Oracle(Pubkey::default()))]);
        let read = |subscription, value| {
            read(Note::Update { subscription, value }, &topics, std::time::Instant::now()).map(|read| match read {
                Read::Slot => None,
                Read::Update(update) => Some((update.data, update.slot, update.is_oracle)),
            })
        };
        let owner = taper_sdk::PROGRAM_ID.to_string();
        let account = |data: &str, owner: &str| json!({ "lamports": 1, "data": [data, "base64"], "owner": owner, "executable": false, "rentEpoch": 0 });
        let context = json!({ "slot": 5 });
        let oracle = |account: Value| json!({ "context": context, "value": account });
        let keyed = json!({ "pubkey": owner, "account": account("AQI=", &owner) });
        assert_eq!(read(1, json!({ "context": context, "value": keyed })), Some(Some((vec![1, 2], 5, false))));
        assert_eq!(read(2, json!({ "slot": 5, "parent": 4, "root": 1 })), Some(None));
        assert_eq!(read(3, oracle(account("AQI=", &owner))), Some(Some((vec![1, 2], 5, true))));
        for (subscription, value) in [
            (1, oracle(account("AQI=", &owner))),
            (2, json!({ "slot": "five" })),
            (3, oracle(account("AQI=", "nobody"))),
            (3, oracle(account("?", &owner))),
            (4, json!({ "slot": 5, "parent": 4, "root": 1 })),
        ] {
            assert_eq!(read(subscription, value.clone()), None, "{subscription} {value}");
        }
    }
}
