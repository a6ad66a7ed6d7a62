//! One action, one transaction: built, simulated, sent, and followed until its outcome is known or time is up.

use serde_json::json;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::{AddressLookupTableAccount, CompileError, VersionedMessage};
use solana_pubkey::Pubkey;
use solana_rpc_client::rpc_client::SerializableTransaction;
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcSimulateTransactionConfig};
use solana_rpc_client_api::request::RpcRequest;
use solana_rpc_client_api::response::{RpcBlockhash, RpcPrioritizationFee, RpcSimulateTransactionResult};
use solana_signature::Signature;
use solana_signer::signers::Signers;
use solana_signer::SignerError;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::UiTransactionEncoding;
use taper_sdk::failure::{explain, Failure};
use taper_sdk::lookup;

use crate::error::Lie;
use crate::{Client, Fate, Following, RpcFault};

/// Most compute units that a transaction may ask for.
pub const UNITS_MAX: u32 = 1_400_000;
/// Largest transaction, in bytes.
pub const TRANSACTION_BYTES_MAX: usize = 1_232;
/// Asked for beyond what a simulation used, in percent: the chain moves on in between.
const UNITS_MARGIN_PERCENT: u64 = 20;
/// A transaction is sent again after so many looks at its status.
const LOOKS_PER_SENDING: u32 = 8;

/// Compute units and their price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// Limit; `None`: what a simulation used, and a fifth more.
    pub units: Option<u32>,
    /// Price of a unit, in millionths of a lamport.
    pub micro_lamports_per_unit: u64,
}

/// What a node says that a transaction would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// The slot it was simulated in.
    pub slot: u64,
    /// Units it used.
    pub units: u64,
    /// What the programs logged.
    pub logs: Vec<String>,
    /// The error that it would fail with.
    pub error: Option<TransactionError>,
    /// The same, explained.
    pub failure: Option<Failure>,
}

/// What of a transaction a simulation takes as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Everything: signatures are verified, the blockhash must be good.
    Final,
    /// The instructions: it will be signed anew.
    Draft,
}

/// A blockhash, and how long it is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blockhash {
    /// The blockhash.
    pub hash: Hash,
    /// Last block height at which it is good.
    pub last_valid_block_height: u64,
}

/// A signed transaction that a simulation found good.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The transaction.
    pub transaction: VersionedTransaction,
    /// Its simulation.
    pub simulation: Simulation,
    /// The last block height in which it can land.
    pub last_valid_block_height: u64,
    /// Programs of its instructions, to explain a failure with.
    pub programs: Vec<Pubkey>,
}

/// A transaction that landed and succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Its signature.
    pub signature: Signature,
    /// The slot it landed in.
    pub slot: u64,
}

/// Why an action was not done, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// It would fail: nothing was sent.
    #[error("nothing was sent, for the simulation fails: {failure}")]
    Simulation {
        /// Why.
        failure: Box<Failure>,
        /// What the programs logged.
        logs: Vec<String>,
    },
    /// It landed and failed: it changed nothing but took the fee.
    #[error("transaction {signature} failed: {failure}")]
    Failed {
        /// Its signature.
        signature: Signature,
        /// Why.
        failure: Box<Failure>,
    },
    /// It can no longer land: it was not done.
    #[error("transaction {signature} did not land in time and never will: nothing was done; try again")]
    Expired {
        /// Its signature.
        signature: Signature,
    },
    /// It may have landed, or may still.
    #[error("unknown outcome of transaction {signature}: {reason}. Look it up before you try again")]
    Unknown {
        /// Its signature.
        signature: Signature,
        /// Why nobody knows.
        reason: String,
    },
    /// It is too large.
    #[error("the transaction has {bytes} bytes, more than {TRANSACTION_BYTES_MAX}: use a lookup table")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The message could not be built.
    #[error("the transaction cannot be built: {0}")]
    Compile(#[from] CompileError),
    /// A signature is missing.
    #[error("the transaction cannot be signed: {0}")]
    Sign(#[from] SignerError),
    /// The node failed before anything was sent.
    #[error("nothing was sent: {0}")]
    Rpc(#[from] RpcFault),
}

impl Client {
    /// The newest blockhash and the last block height in which it is good.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn latest_blockhash(&self) -> Result<Blockhash, RpcFault> {
        let request = RpcRequest::GetLatestBlockhash;
        let (_, found): (u64, RpcBlockhash) = self.newer(request, json!([self.commitment()])).await?;
        let reason = || format!("{:?} is no hash", found.blockhash);
        let hash = found.blockhash.parse();
        let hash = hash.map_err(|_| RpcFault::Nonsense { request: request.to_string(), reason: reason() })?;
        Ok(Blockhash { hash, last_valid_block_height: found.last_valid_block_height })
    }

    /// What others have lately paid for a unit while writing to these accounts, in millionths of a lamport, by slot.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn recent_fees(&self, accounts: &[Pubkey]) -> Result<Vec<(u64, u64)>, RpcFault> {
        let names: Vec<String> = accounts.iter().map(Pubkey::to_string).collect();
        let fees: Vec<RpcPrioritizationFee> =
            self.request(RpcRequest::GetRecentPrioritizationFees, json!([names])).await?;
        Ok(fees.iter().map(|fee| (fee.slot, fee.prioritization_fee)).collect())
    }

    /// The fee, per compute unit, that this share of the recent transactions on these accounts stayed under.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn usual_fee(&self, accounts: &[Pubkey], percentile: u8) -> Result<u64, RpcFault> {
        let mut fees: Vec<u64> = self.recent_fees(accounts).await?.into_iter().map(|(_, fee)| fee).collect();
        Ok(percentile_of(&mut fees, percentile))
    }

    /// Lamports of an address.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn balance(&self, key: &Pubkey) -> Result<u64, RpcFault> {
        Ok(self.account(key).await?.map_or(0, |account| account.lamports))
    }

    /// Simulates a signed transaction. `programs` are those of its instructions.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn simulate(
        &self,
        transaction: &VersionedTransaction,
        programs: &[Pubkey],
        trial: Trial,
    ) -> Result<Simulation, RpcFault> {
        let config = RpcSimulateTransactionConfig {
            sig_verify: trial == Trial::Final,
            replace_recent_blockhash: trial == Trial::Draft,
            commitment: Some(self.commitment()),
            encoding: Some(UiTransactionEncoding::Base64),
            min_context_slot: Some(self.newest_slot()),
            ..RpcSimulateTransactionConfig::default()
        };
        let (slot, found): (u64, RpcSimulateTransactionResult) =
            self.newer(RpcRequest::SimulateTransaction, json!([encoded(transaction)?, config])).await?;
        let logs = found.logs.unwrap_or_default();
        let error = found.err.map(TransactionError::from);
        let failure = error.as_ref().map(|error| explain(error, &logs, programs));
        // A node that does not say what it used leaves no choice but the most.
        let units = found.units_consumed.unwrap_or(u64::from(UNITS_MAX));
        Ok(Simulation { slot, units, logs, error, failure })
    }

    /// Builds, signs and simulates. The first signer pays.
    ///
    /// # Errors
    /// [`TransactError`]; nothing was sent.
    pub async fn prepare<S: Signers + ?Sized>(
        &self,
        payer: &Pubkey,
        instructions: &[Instruction],
        tables: &[AddressLookupTableAccount],
        signers: &S,
        fees: Fees,
    ) -> Result<Prepared, TransactError> {
        let Blockhash { hash, last_valid_block_height } = self.latest_blockhash().await?;
        let build = |units: u32| -> Result<VersionedTransaction, TransactError> {
            let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(units)];
            if fees.micro_lamports_per_unit != 0 {
                all.push(ComputeBudgetInstruction::set_compute_unit_price(fees.micro_lamports_per_unit));
            }
            all.extend_from_slice(instructions);
            let message = VersionedMessage::V0(lookup::message(payer, &all, tables, hash)?);
            let transaction = VersionedTransaction::try_new(message, signers)?;
            let bytes = serialized(&transaction)?.len();
            if bytes > TRANSACTION_BYTES_MAX {
                return Err(TransactError::TooLarge { bytes });
            }
            Ok(transaction)
        };
        let transaction = build(fees.units.unwrap_or(UNITS_MAX))?;
        let programs = programs_of(&transaction);
        let simulation = self.simulate(&transaction, &programs, Trial::Final).await?;
        if let Some(failure) = simulation.failure {
            return Err(TransactError::Simulation { failure: Box::new(failure), logs: simulation.logs });
        }
        let transaction = match fees.units {
            Some(_) => transaction,
            None => build(with_margin(simulation.units))?,
        };
        Ok(Prepared { transaction, simulation, last_valid_block_height, programs })
    }

    /// Sends a transaction once. The answer names its signature, or the fault: after a fault other than a failed preflight it may have been sent.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn send(&self, transaction: &VersionedTransaction) -> Result<Signature, RpcFault> {
        let config = RpcSendTransactionConfig {
            skip_preflight: false,
            preflight_commitment: Some(self.commitment().commitment),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSendTransactionConfig::default()
        };
        let named: String = self.request(RpcRequest::SendTransaction, json!([encoded(transaction)?, config])).await?;
        let sent = *transaction.get_signature();
        if named != sent.to_string() {
            return Err(RpcFault::Lie(Lie::Signature { sent: sent.to_string(), named }));
        }
        Ok(sent)
    }

    /// Sends and follows a prepared transaction to the client's commitment. It is sent again while it can land and has not.
    ///
    /// # Errors
    /// [`TransactError`].
    pub async fn submit(&self, prepared: &Prepared) -> Result<Landed, TransactError> {
        let signature = *prepared.transaction.get_signature();
        let first = match self.send(&prepared.transaction).await {
            Ok(_) => None,
            Err(RpcFault::Preflight { error, logs }) => {
                let failure = Box::new(explain(&error, &logs, &prepared.programs));
                return Err(TransactError::Simulation { failure, logs });
            }
            // Whether the node has passed it on nobody knows: only its status, or its expiry, will tell.
            Err(fault) => Some(fault),
        };
        let patience = self.patience();
        let following = Following {
            is_sent: true,
            look_every: patience.pause,
            send_every: patience.pause.saturating_mul(LOOKS_PER_SENDING),
            give_up_after: patience.confirmation,
        };
        match self.follow(&prepared.transaction, prepared.last_valid_block_height, &following, |_| ()).await {
            Ok(Fate::Landed { slot, error: None }) => Ok(Landed { signature, slot }),
            Ok(Fate::Landed { error: Some(error), .. }) => {
                let failure = Box::new(explain::<&str>(&error, &[], &prepared.programs));
                Err(TransactError::Failed { signature, failure })
            }
            Ok(Fate::Expired { .. }) => Err(TransactError::Expired { signature }),
            Err(doubt) => {
                let reason = match doubt.or(first) {
                    Some(fault) => fault.to_string(),
                    None => format!("it was not confirmed within {:?}", patience.confirmation),
                };
                Err(TransactError::Unknown { signature, reason })
            }
        }
    }

    /// Prepares and submits.
    ///
    /// # Errors
    /// [`TransactError`].
    pub async fn transact<S: Signers + ?Sized>(
        &self,
        payer: &Pubkey,
        instructions: &[Instruction],
        signers: &S,
        fees: Fees,
    ) -> Result<Landed, TransactError> {
        let prepared = self.prepare(payer, instructions, &[], signers, fees).await?;
        self.submit(&prepared).await
    }
}

/// The value below which this percentage of them lies; zero of none.
pub fn percentile_of(values: &mut [u64], percentile: u8) -> u64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let place = last.saturating_mul(usize::from(percentile.min(100))).div_ceil(100);
    values.get(place).copied().unwrap_or(0)
}

fn with_margin(units: u64) -> u32 {
    let padded = units.saturating_add(units.saturating_mul(UNITS_MARGIN_PERCENT) / 100).saturating_add(1_000);
    u32::try_from(padded).unwrap_or(UNITS_MAX).min(UNITS_MAX)
}

fn programs_of(transaction: &VersionedTransaction) -> Vec<Pubkey> {
    let keys = transaction.message.static_account_keys();
    let of = |index: u8| keys.get(usize::from(index)).copied();
    transaction.message.instructions().iter().filter_map(|call| of(call.program_id_index)).collect()
}

fn serialized(transaction: &VersionedTransaction) -> Result<Vec<u8>, RpcFault> {
    bincode::serialize(transaction)
        .map_err(|error| RpcFault::Nonsense { request: "serialisation".to_owned(), reason: error.to_string() })
}

pub(crate) fn encoded(transaction: &VersionedTransaction) -> Result<String, RpcFault> {
    use base64::prelude::{Engine, BASE64_STANDARD};
    Ok(BASE64_STANDARD.encode(serialized(transaction)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        assert_eq!(percentile_of(&mut [], 75), 0);
        assert_eq!(percentile_of(&mut [7], 0), 7);
        let mut fees = [50, 10, 40, 20, 30];
        assert_eq!([0, 50, 75, 100].map(|percentile| percentile_of(&mut fees, percentile)), [10, 30, 40, 50]);
    }
}
