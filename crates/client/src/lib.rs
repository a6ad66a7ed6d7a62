//! Access to a cluster over JSON-RPC: reads with a time limit, patience with rate limits, and a memory of the newest slot seen, so that a
//! node that lags behind another is noticed; transactions that are simulated first, and whose outcome is either known or said to be unknown.
#![deny(missing_docs)]

pub mod cluster;
mod error;
mod read;
mod transact;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::http_sender::HttpSender;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client::rpc_client::RpcClientConfig;
pub use solana_rpc_client::rpc_sender::{RpcSender, RpcTransportStats};
pub use solana_rpc_client_api::client_error::Result as SentResult;
pub use solana_rpc_client_api::request::RpcRequest;

pub use error::RpcFault;
pub use read::{Fetched, Filter, Snapshot};
pub use transact::{Fees, Landed, Prepared, Simulation, TransactError};
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

/// A cluster, through one RPC address.
pub struct Client {
    rpc: RpcClient,
    commitment: CommitmentConfig,
    patience: Patience,
    newest_slot: AtomicU64,
}

impl Client {
    /// Through HTTP.
    pub fn new(url: &str, commitment: CommitmentConfig, patience: Patience) -> Self {
        Self::with_sender(HttpSender::new_with_timeout(url, patience.request), commitment, patience)
    }

    /// Through another transport: a test's, or a recorder's.
    pub fn with_sender(
        sender: impl RpcSender + Send + Sync + 'static,
        commitment: CommitmentConfig,
        patience: Patience,
    ) -> Self {
        let rpc = RpcClient::new_sender(sender, RpcClientConfig::with_commitment(commitment));
        Self { rpc, commitment, patience, newest_slot: AtomicU64::new(0) }
    }

    /// The commitment of reads and confirmations.
    pub fn commitment(&self) -> CommitmentConfig {
        self.commitment
    }

    /// Its patience.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// The newest slot that any answer was of: reads are never of an older one.
    pub fn newest_slot(&self) -> u64 {
        self.newest_slot.load(Ordering::Relaxed)
    }

    /// Says that a slot exists, seen elsewhere: on a websocket, in a confirmation.
    pub fn note_slot(&self, slot: u64) {
        self.newest_slot.fetch_max(slot, Ordering::Relaxed);
    }

    /// The client underneath, for what is not offered here. Without patience and memory.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Makes a request until it is answered, the error is not one that passes, or patience is over.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn request<T: DeserializeOwned>(&self, request: RpcRequest, params: Value) -> Result<T, RpcFault> {
        let mut pause = self.patience.pause;
        let mut attempt = 1;
        loop {
            let call = self.rpc.send::<T>(request, params.clone());
            let fault = match tokio::time::timeout(self.patience.request, call).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => RpcFault::of(request, &error),
                Err(_) => RpcFault::Timeout { request: request.to_string(), after: self.patience.request },
            };
            if attempt >= self.patience.attempts || !fault.passes() {
                return Err(fault);
            }
            tokio::time::sleep(pause).await;
            (attempt, pause) = (attempt + 1, pause.saturating_mul(2));
        }
    }
}
