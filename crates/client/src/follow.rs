//! From a sent transaction to its fate. What a node says once proves little: a transaction has landed when its status says so at the
//! commitment asked for, and can land no more when a view of the chain that is past its last block does not know it.

use std::time::Duration;

use serde_json::json;
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcTransactionConfig};
use solana_rpc_client_api::request::RpcRequest;
use solana_rpc_client_api::response::Response;
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::option_serializer::OptionSerializer;
use solana_transaction_status_client_types::{
    EncodedConfirmedTransactionWithStatusMeta, TransactionStatus, UiTransactionEncoding,
};
use tokio::time::Instant;

use crate::error::Lie;
use crate::transact::encoded;
use crate::{Client, RpcFault};

/// The status is asked for so often before the height is.
const LOOKS_PER_HEIGHT: u32 = 4;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the chain.
    Landed {
        /// In this slot.
        slot: u64,
        /// With this error.
        error: Option<TransactionError>,
    },
    /// It is not, and never will be.
    Expired {
        /// The height that the chain has reached.
        block_height: u64,
    },
}

/// How a transaction is followed.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    /// True if it has been sent once already.
    pub is_sent: bool,
    /// Time between two looks.
    pub look_every: Duration,
    /// Time between two sendings of the same bytes.
    pub send_every: Duration,
    /// After so long it is not known what became of it.
    pub give_up_after: Duration,
}

/// A transaction on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// In this slot.
    pub slot: u64,
    /// It paid this.
    pub fee_lamports: u64,
    /// With this error.
    pub error: Option<TransactionError>,
    /// What it logged; empty if the node does not say.
    pub logs: Vec<String>,
}

/// Height and slot of one block.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Height {
    absolute_slot: u64,
    block_height: u64,
}

impl Client {
    /// Sends a transaction again and again, as it is, until its fate is known. `look` is told what each look has brought: nothing yet, or a
    /// fault.
    ///
    /// # Errors
    /// The last fault, or `None`, when time is up.
    pub async fn follow(
        &self,
        transaction: &VersionedTransaction,
        last_valid_block_height: u64,
        following: &Following,
        mut look: impl FnMut(Option<&RpcFault>),
    ) -> Result<Fate, Option<RpcFault>> {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let started = Instant::now();
        let (mut sent, mut looks, mut doubt) = (following.is_sent.then_some(started), 0u32, None);
        while started.elapsed() < following.give_up_after {
            if sent.is_none_or(|at| at.elapsed() >= following.send_every) {
                sent = Some(Instant::now());
                if let Err(fault) = self.hand_over(transaction).await {
                    look(Some(&fault));
                }
            }
            tokio::time::sleep(following.look_every).await;
            looks = looks.wrapping_add(1);
            let height = looks.is_multiple_of(LOOKS_PER_HEIGHT);
            match self.fate(&signature, height.then_some(last_valid_block_height)).await {
                Ok(Some(fate)) => return Ok(fate),
                Ok(None) => {
                    look(None);
                    doubt = None;
                }
                Err(fault) => {
                    look(Some(&fault));
                    doubt = Some(fault);
                }
            }
        }
        Err(doubt)
    }

    async fn fate(&self, signature: &Signature, last_valid: Option<u64>) -> Result<Option<Fate>, RpcFault> {
        // The height first: a transaction that lands in between has a status.
        let height = match last_valid {
            Some(_) => Some(self.request::<Height>(RpcRequest::GetEpochInfo, json!([self.commitment()])).await?),
            None => None,
        };
        let (slot, status) = self.status(signature).await?;
        match status {
            Some(status) if status.satisfies_commitment(self.commitment()) => {
                self.note_slot(status.slot);
                Ok(Some(Fate::Landed { slot: status.slot, error: status.err }))
            }
            Some(_) => Ok(None),
            None => {
                let passed = height.filter(|height| last_valid.is_some_and(|last| height.block_height > last));
                // A node that is behind the one that has told the height knows nothing of what landed in between.
                let passed = passed.filter(|height| slot >= height.absolute_slot);
                Ok(passed.map(|height| Fate::Expired { block_height: height.block_height }))
            }
        }
    }

    /// Gives a transaction to the node once, without having it tried first. Whether it arrived is seen by its status, and by nothing else.
    ///
    /// # Errors
    /// [`RpcFault`]; it may have arrived all the same.
    pub async fn hand_over(&self, transaction: &VersionedTransaction) -> Result<(), RpcFault> {
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSendTransactionConfig::default()
        };
        let _: String = self.request(RpcRequest::SendTransaction, json!([encoded(transaction)?, config])).await?;
        Ok(())
    }

    /// What became of a transaction, as far as the node knows, and the slot of its knowledge.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn status(&self, signature: &Signature) -> Result<(u64, Option<TransactionStatus>), RpcFault> {
        let params = json!([[signature.to_string()], { "searchTransactionHistory": true }]);
        let answer: Response<Vec<Option<TransactionStatus>>> =
            self.request(RpcRequest::GetSignatureStatuses, params).await?;
        let status: Result<[_; 1], _> = answer.value.try_into();
        let [status] = status.map_err(|other: Vec<_>| RpcFault::Lie(Lie::Count { asked: 1, answered: other.len() }))?;
        Ok((answer.context.slot, status))
    }

    /// A transaction that has landed, with its log; `None` while the node does not show it. The log can be a little later than the status.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn executed(&self, signature: &Signature) -> Result<Option<Executed>, RpcFault> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(self.commitment()),
            max_supported_transaction_version: Some(0),
        };
        let found: Option<EncodedConfirmedTransactionWithStatusMeta> =
            self.request(RpcRequest::GetTransaction, json!([signature.to_string(), config])).await?;
        let Some(found) = found else { return Ok(None) };
        let Some(meta) = found.transaction.meta else { return Ok(None) };
        let logs = match meta.log_messages {
            OptionSerializer::Some(logs) => logs,
            OptionSerializer::None | OptionSerializer::Skip => Vec::new(),
        };
        let error = meta.err.map(TransactionError::from);
        Ok(Some(Executed { slot: found.slot, fee_lamports: meta.fee, error, logs }))
    }
}
