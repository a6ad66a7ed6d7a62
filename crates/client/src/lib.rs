//! Access to a cluster over JSON-RPC: reads with a time limit, patience with rate limits, and a memory of the newest slot seen, so that a
//! node that lags behind another is noticed; transactions that are simulated first, and whose outcome is either known or said to be unknown.
#![deny(missing_docs)]

pub mod address;
pub mod check;
pub mod cluster;
mod error;
mod follow;
mod http;
mod pace;
mod read;
pub mod socket;
mod transact;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use solana_commitment_config::{CommitmentConfig, CommitmentLevel};
pub use solana_rpc_client::rpc_sender::{RpcSender, RpcTransportStats};
pub use solana_rpc_client_api::client_error::Result as SentResult;
pub use solana_rpc_client_api::request::RpcRequest;

use address::Veil;
pub use error::{Lie, RpcFault};
pub use follow::{Executed, Fate, Following};
use http::Http;
use pace::Pace;
pub use read::{Fetched, Filter, Snapshot};
pub use transact::{percentile_of, Blockhash, Fees, Landed, Prepared, Simulation, TransactError, Trial, UNITS_MAX};
pub use world::World;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Limit of one request.
    pub request: Duration,
    /// How often a request is made before its error is reported.
    pub attempts: u32,
    /// Pause before the second attempt; doubles with each.
    pub pause: Duration,
    /// How long to wait for a transaction's outcome.
    pub confirmation: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(15),
            attempts: 5,
            pause: Duration::from_millis(300),
            confirmation: Duration::from_secs(90),
        }
    }
}

/// The longest pause between two attempts of one request.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A cluster, through one RPC address. Clones share what is known of the node: its pace, and the newest slots seen.
#[derive(Clone)]
pub struct Client {
    node: Arc<Node>,
    commitment: CommitmentConfig,
    patience: Patience,
}

struct Node {
    sender: Box<dyn RpcSender + Send + Sync>,
    pace: Arc<Pace>,
    veil: Veil,
    /// By commitment: what is only processed is ahead of what is confirmed.
    newest_slots: [AtomicU64; 3],
    faults: [AtomicU64; RpcFault::CLASSES.len()],
}

impl Client {
    /// Through HTTP.
    pub fn new(url: &str, commitment: CommitmentConfig, patience: Patience) -> Self {
        let pace = Arc::new(Pace::default());
        let sender = Http::new(url, patience.request, pace.clone());
        Self::with(Box::new(sender), pace, Veil::of([url]), commitment, patience)
    }

    /// Through another transport: a test's, or a recorder's.
    pub fn with_sender(
        sender: impl RpcSender + Send + Sync + 'static,
        commitment: CommitmentConfig,
        patience: Patience,
    ) -> Self {
        Self::with(Box::new(sender), Arc::default(), Veil::default(), commitment, patience)
    }

    fn with(
        sender: Box<dyn RpcSender + Send + Sync>,
        pace: Arc<Pace>,
        veil: Veil,
        commitment: CommitmentConfig,
        patience: Patience,
    ) -> Self {
        let (newest_slots, faults) = Default::default();
        Self { node: Arc::new(Node { sender, pace, veil, newest_slots, faults }), commitment, patience }
    }

    /// The same node at another commitment.
    #[must_use]
    pub fn at(&self, commitment: CommitmentConfig) -> Self {
        Self { commitment, ..self.clone() }
    }

    /// The same node with other patience.
    #[must_use]
    pub fn patient(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The commitment of reads and confirmations.
    pub fn commitment(&self) -> CommitmentConfig {
        self.commitment
    }

    /// Its patience.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Host and port of the node, as far as the transport has them.
    pub fn place(&self) -> String {
        self.node.sender.url()
    }

    fn newest(&self) -> &AtomicU64 {
        let [processed, confirmed, finalized] = &self.node.newest_slots;
        match self.commitment.commitment {
            CommitmentLevel::Processed => processed,
            CommitmentLevel::Confirmed => confirmed,
            CommitmentLevel::Finalized => finalized,
        }
    }

    /// The newest slot that any answer at this commitment was of: reads are never of an older one.
    pub fn newest_slot(&self) -> u64 {
        self.newest().load(Ordering::Relaxed)
    }

    /// Says that a slot exists, seen elsewhere: on a websocket, in a confirmation.
    pub fn note_slot(&self, slot: u64) {
        self.newest().fetch_max(slot, Ordering::Relaxed);
    }

    /// Forgets the newest slots: the chain behind the node began anew.
    pub fn forget_slots(&self) {
        self.node.newest_slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }

    /// How many faults of each class there were, those that a further attempt has mended among them.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        RpcFault::CLASSES
            .into_iter()
            .zip(&self.node.faults)
            .map(|(class, count)| (class, count.load(Ordering::Relaxed)))
    }

    fn count(&self, fault: &RpcFault) {
        let place = RpcFault::CLASSES.iter().position(|class| *class == fault.class());
        if let Some(count) = place.and_then(|place| self.node.faults.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes a request until it is answered, the error is not one that passes, or patience is over.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn request<T: DeserializeOwned>(&self, request: RpcRequest, params: Value) -> Result<T, RpcFault> {
        self.request_checked(request, params, |_| Ok(())).await
    }

    /// The same; an answer that the check refuses is a fault as any other.
    async fn request_checked<T: DeserializeOwned>(
        &self,
        request: RpcRequest,
        params: Value,
        check: impl Fn(&T) -> Result<(), RpcFault>,
    ) -> Result<T, RpcFault> {
        let mut pause = self.patience.pause;
        let mut attempt = 1;
        loop {
            let answer = self.once(request, params.clone()).await;
            let fault = match answer.and_then(|answer| check(&answer).map(|()| answer)) {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            self.count(&fault);
            if attempt >= self.patience.attempts || !fault.passes() {
                return Err(fault);
            }
            tokio::time::sleep(pause).await;
            (attempt, pause) = (attempt + 1, pause.saturating_mul(2).min(PAUSE_MAX));
        }
    }

    async fn once<T: DeserializeOwned>(&self, request: RpcRequest, params: Value) -> Result<T, RpcFault> {
        self.node.pace.wait().await;
        let call = self.node.sender.send(request, params);
        let answer = tokio::time::timeout(self.patience.request, call).await;
        let timeout = || RpcFault::Timeout { request: request.to_string(), after: self.patience.request };
        let answer = answer.map_err(|_| timeout())?;
        let answer = answer.map_err(|error| match RpcFault::of(request, &error) {
            // Both limits are the same: whichever strikes first, it took too long.
            RpcFault::Unreachable { .. } if is_timeout(&error) => timeout(),
            fault => fault.veiled(&self.node.veil),
        })?;
        serde_json::from_value(answer).map_err(|error| {
            RpcFault::Nonsense { request: request.to_string(), reason: error.to_string() }.veiled(&self.node.veil)
        })
    }
}

fn is_timeout(error: &solana_rpc_client_api::client_error::Error) -> bool {
    use solana_rpc_client_api::client_error::ErrorKind;
    matches!(error.kind(), ErrorKind::Reqwest(error) if error.is_timeout())
}
