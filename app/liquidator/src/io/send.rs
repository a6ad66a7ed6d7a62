//! Carries out one action: simulate, sign, send, and watch until its outcome is certain. One transaction a slice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_instruction::error::InstructionError;
use solana_instruction::Instruction;
use solana_message::{v0, AddressLookupTableAccount, VersionedMessage};
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcSimulateTransactionConfig, RpcTransactionConfig};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::option_serializer::OptionSerializer;
use solana_transaction_status_client_types::UiTransactionEncoding;
use tokio::sync::{mpsc, watch};

use super::chain::Chain;
use super::patience::watched;
use crate::action::Step;
use crate::desk::ActionId;
use crate::wallet::Wallet;

/// Units that a simulation may use: the most that any transaction can.
const MAX_UNITS: u32 = 1_400_000;
const POLL: Duration = Duration::from_millis(250);
const RESEND: Duration = Duration::from_secs(1);
/// A node that has not answered for so long is lost.
const NODE_LOST_AFTER: Duration = Duration::from_secs(10);
/// A blockhash is good for about a minute: what the chain does not know after this can land no more, whatever a node says of its height.
const GIVE_UP_AFTER: Duration = Duration::from_secs(180);
/// The log of a transaction can be a little later than its status.
const LOG_ATTEMPTS: u32 = 20;

/// A blockhash, and how long it is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// The blockhash; the default one before the first.
    pub blockhash: Hash,
    /// Last block height at which it is good.
    pub last_valid_block_height: u64,
    /// Priority fee.
    pub micro_lamports_per_unit: u64,
}

/// What a sender reports.
#[derive(Debug)]
pub enum Progress {
    /// A step of the action.
    Step(ActionId, Step),
    /// It is on chain: its fee, and its log.
    Landed {
        /// The action.
        id: ActionId,
        /// Its signature.
        signature: Signature,
        /// Fee paid.
        fee_lamports: u64,
        /// Its log; empty if the node does not give it.
        logs: Vec<String>,
        /// Landed or refused.
        step: Step,
    },
    /// The bot's own time from the news that led to the action to the transaction's bytes, without what the node was waited for.
    Latency(Duration),
}

/// What all senders share.
pub struct Sender {
    /// The node.
    pub chain: Arc<Chain>,
    /// Who signs.
    pub wallet: Wallet,
    /// Lookup tables.
    pub tables: Vec<AddressLookupTableAccount>,
    /// Units on top of the simulated ones.
    pub unit_margin_percent: u64,
    /// Only simulate.
    pub dry_run: bool,
    /// The newest blockhash and fee.
    pub recent: watch::Receiver<Recent>,
    /// Turns true when nothing more is to be sent.
    pub closing: watch::Receiver<bool>,
    /// Where progress goes.
    pub progress: mpsc::UnboundedSender<Progress>,
}

/// The most that a transaction can cost: one signature, and all its units at this fee.
pub fn max_fee_lamports(micro_lamports_per_unit: u64) -> u64 {
    5_000 + micro_lamports_per_unit.saturating_mul(u64::from(MAX_UNITS)).div_ceil(1_000_000)
}

/// The units to ask for, given what a simulation used.
pub fn unit_limit(used: u64, margin_percent: u64) -> u32 {
    let wanted = used.saturating_mul(100 + margin_percent).div_ceil(100);
    u32::try_from(wanted).unwrap_or(MAX_UNITS).clamp(1, MAX_UNITS)
}

/// What an error on chain means for an action. The program's instruction is the third: two of the compute budget come first.
pub fn step_of(error: &TransactionError) -> Step {
    match error {
        TransactionError::InstructionError(2, InstructionError::Custom(code)) => Step::Refused { code: *code },
        other => Step::Broken(other.to_string()),
    }
}

impl Sender {
    /// Carries out an action. `started` is when the news that led to it arrived.
    pub async fn carry_out(&self, id: ActionId, instruction: Instruction, started: Instant) {
        let step = |step| Progress::Step(id, step);
        let recent = *self.recent.borrow();
        let (transaction, waited) = match self.prepare(&instruction, &recent).await {
            Ok(prepared) => prepared,
            Err(refused) => return self.tell(step(refused)),
        };
        let (transaction, units) = transaction;
        self.tell(step(Step::Simulated { units }));
        if self.dry_run || *self.closing.borrow() || recent.blockhash == Hash::default() {
            return self.tell(step(Step::Withheld));
        }
        // From here on the action is sent: its outcome is waited for, whatever happens.
        self.tell(step(Step::Sent { last_valid_block_height: recent.last_valid_block_height }));
        let handed_over = self.submit(&transaction).await;
        self.tell(Progress::Latency(handed_over.duration_since(started).saturating_sub(waited)));
        self.follow(id, &transaction, &recent).await;
    }

    fn tell(&self, progress: Progress) {
        // Nobody listens any more only when the process ends.
        let _ = self.progress.send(progress);
    }

    /// Simulates, and signs what is to be sent. Also how long the node was waited for.
    async fn prepare(
        &self,
        instruction: &Instruction,
        recent: &Recent,
    ) -> Result<((VersionedTransaction, u64), Duration), Step> {
        let fee = recent.micro_lamports_per_unit;
        // Nobody looks at the signature of a simulation.
        let message = self.message(instruction, MAX_UNITS, fee, recent.blockhash)?;
        let signatures = vec![Signature::default(); usize::from(message.header().num_required_signatures)];
        let trial = VersionedTransaction { signatures, message };
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(CommitmentConfig::processed()),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSimulateTransactionConfig::default()
        };
        let (simulated, waited) = watched(self.chain.client.simulate_transaction_with_config(&trial, config)).await;
        let result = simulated.map_err(|error| match error.kind().get_transaction_error() {
            Some(error) => step_of(&error),
            None => Step::Broken(format!("simulation: {error}")),
        })?;
        if let Some(error) = result.value.err {
            return Err(step_of(&error.into()));
        }
        let units = result.value.units_consumed.unwrap_or(u64::from(MAX_UNITS));
        let limit = unit_limit(units, self.unit_margin_percent);
        Ok(((self.sign(instruction, limit, fee, recent.blockhash)?, units), waited.sum))
    }

    fn sign(
        &self,
        instruction: &Instruction,
        units: u32,
        micro_lamports_per_unit: u64,
        blockhash: Hash,
    ) -> Result<VersionedTransaction, Step> {
        let message = self.message(instruction, units, micro_lamports_per_unit, blockhash)?;
        VersionedTransaction::try_new(message, &[self.wallet.signer()])
            .map_err(|error| Step::Broken(format!("it cannot be signed: {error}")))
    }

    fn message(
        &self,
        instruction: &Instruction,
        units: u32,
        micro_lamports_per_unit: u64,
        blockhash: Hash,
    ) -> Result<VersionedMessage, Step> {
        let instructions = [
            ComputeBudgetInstruction::set_compute_unit_limit(units),
            ComputeBudgetInstruction::set_compute_unit_price(micro_lamports_per_unit),
            instruction.clone(),
        ];
        v0::Message::try_compile(&self.wallet.key(), &instructions, &self.tables, blockhash)
            .map(VersionedMessage::V0)
            .map_err(|error| Step::Broken(format!("the message does not compile: {error}")))
    }

    /// After it was sent: sends again until the chain knows it or it can land no more.
    async fn follow(&self, id: ActionId, transaction: &VersionedTransaction, recent: &Recent) {
        let Some(signature) = transaction.signatures.first().copied() else {
            return self.tell(Progress::Step(id, Step::Broken("it has no signature".into())));
        };
        let (sent, mut resent, mut answered, mut is_lost) = (Instant::now(), Instant::now(), Instant::now(), false);
        loop {
            if resent.elapsed() >= RESEND {
                resent = Instant::now();
                self.submit(transaction).await;
            }
            tokio::time::sleep(POLL).await;
            match self.landed(id, &signature).await {
                Ok(Some(landed)) => return self.tell(landed),
                Ok(None) => {
                    answered = Instant::now();
                    let height =
                        self.chain.client.get_block_height_with_commitment(CommitmentConfig::confirmed()).await;
                    let is_over = height.as_ref().is_ok_and(|height| *height > recent.last_valid_block_height);
                    if is_over || sent.elapsed() > GIVE_UP_AFTER {
                        // The last word is the chain's: it may have landed between the two questions.
                        let landed = self.landed(id, &signature).await;
                        let block_height = height.unwrap_or(u64::MAX).max(recent.last_valid_block_height + 1);
                        let over = Progress::Step(id, Step::HeightPassed { block_height });
                        return self.tell(landed.ok().flatten().unwrap_or(over));
                    }
                }
                Err(_) if !is_lost && answered.elapsed() > NODE_LOST_AFTER => {
                    is_lost = true;
                    self.tell(Progress::Step(id, Step::NodeLost));
                }
                Err(_) => {}
            }
        }
    }

    /// Hands it to the node. Returns when its bytes had been given to the connection.
    async fn submit(&self, transaction: &VersionedTransaction) -> Instant {
        let config = RpcSendTransactionConfig { skip_preflight: true, max_retries: Some(0), ..Default::default() };
        // Whether it arrived is seen by its status, and by nothing else.
        let (sent, waited) = watched(self.chain.client.send_transaction_with_config(transaction, config)).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "not accepted by the node");
        }
        waited.first.unwrap_or_else(Instant::now)
    }

    /// Whether the chain knows the transaction, and what came of it.
    async fn landed(&self, id: ActionId, signature: &Signature) -> Result<Option<Progress>, ()> {
        let statuses = self.chain.client.get_signature_statuses(&[*signature]).await.map_err(|_| ())?;
        let Some(status) = statuses.value.into_iter().next().flatten() else { return Ok(None) };
        if !status.satisfies_commitment(CommitmentConfig::confirmed()) {
            return Ok(None);
        }
        let step = match &status.err {
            None => Step::Landed { slot: status.slot },
            Some(error) => step_of(error),
        };
        let (fee_lamports, logs) = self.log_of(signature).await;
        Ok(Some(Progress::Landed { id, signature: *signature, fee_lamports, logs, step }))
    }

    async fn log_of(&self, signature: &Signature) -> (u64, Vec<String>) {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(0),
        };
        for _ in 0..LOG_ATTEMPTS {
            if let Ok(found) = self.chain.client.get_transaction_with_config(signature, config).await {
                if let Some(meta) = found.transaction.meta {
                    let logs = match meta.log_messages {
                        OptionSerializer::Some(logs) => logs,
                        _ => Vec::new(),
                    };
                    return (meta.fee, logs);
                }
            }
            tokio::time::sleep(POLL).await;
        }
        tracing::warn!(%signature, "the node does not give the log: what was earned is not accounted for");
        (0, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper::error::TaperError;

    #[test]
    fn units_and_fees() {
        assert_eq!(unit_limit(100_000, 20), 120_000);
        assert_eq!(unit_limit(1_300_000, 20), MAX_UNITS);
        assert_eq!(unit_limit(u64::MAX, 20), MAX_UNITS);
        assert_eq!(unit_limit(0, 20), 1);
        assert_eq!(max_fee_lamports(0), 5_000);
        assert_eq!(max_fee_lamports(200_000), 285_000);
    }

    #[test]
    fn only_the_programs_own_refusal_is_one() {
        let code = u32::from(TaperError::UnexpectedBase);
        let custom = |instruction| TransactionError::InstructionError(instruction, InstructionError::Custom(code));
        assert_eq!(step_of(&custom(2)), Step::Refused { code });
        assert!(matches!(step_of(&custom(0)), Step::Broken(_)));
        assert!(matches!(step_of(&TransactionError::BlockhashNotFound), Step::Broken(_)));
    }
}
