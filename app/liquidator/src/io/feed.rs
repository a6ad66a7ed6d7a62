//! News over the websocket. The subscriptions stand first, then everything is loaded; a connection that breaks, or is silent, begins anew,
//! and so does the loading: what was missed is never guessed.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll};
use futures_util::StreamExt;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_pubkey::Pubkey;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::chain::decoded;

/// News.
#[derive(Debug)]
pub enum News {
    /// The subscriptions of a new connection stand: everything is to be loaded now.
    Connected,
    /// An account of the program, or an oracle account.
    Account {
        /// Its address.
        key: Pubkey,
        /// Its owner.
        owner: Pubkey,
        /// Its bytes.
        data: Vec<u8>,
        /// Slot.
        slot: u64,
        /// True if it was subscribed to as an oracle.
        is_oracle: bool,
        /// When it arrived, still packed.
        arrived: std::time::Instant,
    },
    /// These oracle accounts are subscribed to from now on: they are to be loaded once.
    Oracles(Vec<Pubkey>),
    /// The connection is lost.
    Lost(String),
}

/// What the feed and its reader share.
#[derive(Default)]
pub struct Dropped {
    updates: AtomicU64,
}

impl Dropped {
    /// Updates dropped because the queue was full, since this was asked last. One is enough to load everything anew.
    pub fn take(&self) -> u64 {
        self.updates.swap(0, Ordering::AcqRel)
    }
}

/// How to connect.
#[derive(Clone, Debug)]
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

enum Item {
    Account { key: Pubkey, owner: Pubkey, data: Vec<u8>, slot: u64, is_oracle: bool, arrived: std::time::Instant },
    Slot,
    Unreadable,
}

/// Runs until the reader is gone.
pub async fn run(
    config: FeedConfig,
    mut oracles: watch::Receiver<Vec<Pubkey>>,
    out: mpsc::Sender<News>,
    dropped: Arc<Dropped>,
) {
    let mut failures = 0;
    while !out.is_closed() {
        let started = Instant::now();
        let reason = connection(&config, &mut oracles, &out, &dropped).await.unwrap_or_else(|error| error);
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

/// One connection, until it is lost: `Ok` and `Err` both say why.
async fn connection(
    config: &FeedConfig,
    oracles: &mut watch::Receiver<Vec<Pubkey>>,
    out: &mpsc::Sender<News>,
    dropped: &Dropped,
) -> Result<String, String> {
    let within = |future| tokio::time::timeout(config.silence, future);
    let client = within(PubsubClient::new(config.url.as_str())).await.map_err(|_| "no connection in time")?;
    let client = client.map_err(|error| format!("no connection: {error}"))?;
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64Zstd),
        commitment: Some(CommitmentConfig::processed()),
        ..RpcAccountInfoConfig::default()
    };
    let program_config =
        RpcProgramAccountsConfig { account_config: account_config.clone(), ..RpcProgramAccountsConfig::default() };
    let refused = |error| format!("subscription refused: {error}");
    let (accounts, _) =
        client.program_subscribe(&taper_sdk::PROGRAM_ID, Some(program_config)).await.map_err(refused)?;
    let (slots, _) = client.slot_subscribe().await.map_err(refused)?;
    let mut items: SelectAll<BoxStream<'_, Option<Item>>> = SelectAll::new();
    items.push(ending(accounts.map(|update| {
        let arrived = std::time::Instant::now();
        let found = Pubkey::from_str(&update.value.pubkey).ok().zip(decoded(&update.value.account));
        found.map_or(Item::Unreadable, |(key, (owner, data))| Item::Account {
            key,
            owner,
            data,
            slot: update.context.slot,
            is_oracle: false,
            arrived,
        })
    })));
    items.push(ending(slots.map(|_| Item::Slot)));
    let mut watched: Vec<Pubkey> = Vec::new();
    if out.send(News::Connected).await.is_err() {
        return Ok("the reader is gone".into());
    }
    oracles.mark_changed();
    loop {
        tokio::select! {
            changed = oracles.changed() => {
                if changed.is_err() {
                    return Ok("the reader is gone".into());
                }
                let wanted = oracles.borrow_and_update().clone();
                let new: Vec<Pubkey> = wanted.into_iter().filter(|key| !watched.contains(key)).collect();
                for key in &new {
                    let (updates, _) =
                        client.account_subscribe(key, Some(account_config.clone())).await.map_err(refused)?;
                    let key = *key;
                    items.push(ending(updates.map(move |update| {
                        let arrived = std::time::Instant::now();
                        decoded(&update.value).map_or(Item::Unreadable, |(owner, data)| Item::Account {
                            key,
                            owner,
                            data,
                            slot: update.context.slot,
                            is_oracle: true,
                            arrived,
                        })
                    })));
                }
                if !new.is_empty() {
                    watched.extend(&new);
                    if out.send(News::Oracles(new)).await.is_err() {
                        return Ok("the reader is gone".into());
                    }
                }
            }
            item = tokio::time::timeout(config.silence, items.next()) => match item {
                Err(_) => return Ok(format!("silent for {} seconds", config.silence.as_secs())),
                Ok(None | Some(None)) => return Ok("a subscription ended".into()),
                Ok(Some(Some(Item::Slot))) => {}
                Ok(Some(Some(Item::Unreadable))) => {
                    dropped.updates.fetch_add(1, Ordering::AcqRel);
                }
                Ok(Some(Some(Item::Account { key, owner, data, slot, is_oracle, arrived }))) => {
                    let news = News::Account { key, owner, data, slot, is_oracle, arrived };
                    // The reader of the socket never waits: a full queue drops the newest, and the bot loads everything anew.
                    if out.try_send(news).is_err() {
                        dropped.updates.fetch_add(1, Ordering::AcqRel);
                    }
                }
            },
        }
    }
}

/// A stream whose end shows: one subscription that ends among others would go unnoticed.
fn ending<'a>(stream: impl futures_util::Stream<Item = Item> + Send + 'a) -> BoxStream<'a, Option<Item>> {
    stream.map(Some).chain(futures_util::stream::once(async { None })).boxed()
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
}
