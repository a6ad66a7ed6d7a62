//! Carries out one action: simulate, sign, send, and watch until its outcome is certain. One transaction a slice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction::error::InstructionError;
use solana_instruction::Instruction;
use solana_message::{v0, AddressLookupTableAccount, VersionedMessage};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use taper_client::{Executed, Fate, Following, Trial, UNITS_MAX};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::chain::Chain;
use super::patience::watched;
use super::watch::Recent;
use crate::action::Step;
use crate::desk::ActionId;
use crate::wallet::Wallet;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const SEND_EVERY: Duration = Duration::from_secs(1);
/// A node that has not answered for so long is lost.
const NODE_LOST_AFTER: Duration = Duration::from_secs(10);
/// The log of a transaction can be a little later than its status.
const LOG_ATTEMPTS: u32 = 20;
/// Time before a node that contradicts itself is asked again.
const CONTRADICTION_PAUSE: Duration = Duration::from_secs(2);
const LAMPORTS_PER_SIGNATURE: u64 = 5_000;

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
    /// The bot's own time from the news that led to the action to the transaction, without the node's answers.
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

/// What a transaction with this limit costs: one signature, and its units.
pub fn fee_lamports(units: u32, micro_lamports_per_unit: u64) -> u64 {
    let priority = u128::from(micro_lamports_per_unit) * u128::from(units);
    LAMPORTS_PER_SIGNATURE.saturating_add(u64::try_from(priority.div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// The most that a transaction can cost at this fee.
pub fn max_fee_lamports(micro_lamports_per_unit: u64) -> u64 {
    fee_lamports(UNITS_MAX, micro_lamports_per_unit)
}

/// The units to ask for, given what a simulation used.
pub fn unit_limit(used: u64, margin_percent: u64) -> u32 {
    let wanted = used.saturating_mul(margin_percent.saturating_add(100)).div_ceil(100);
    u32::try_from(wanted).unwrap_or(UNITS_MAX).clamp(1, UNITS_MAX)
}

/// What an error on chain means for an action. The program's instruction is the third: two of the compute budget come first.
pub fn step_of(error: &TransactionError) -> Step {
    match error {
        TransactionError::InstructionError(2, InstructionError::Custom(code)) => Step::Refused { code: *code },
        other => Step::Broken(other.to_string()),
    }
}

/// A signed transaction.
struct Signed {
    transaction: VersionedTransaction,
    last_valid_block_height: u64,
    /// What it costs if it lands.
    fee_lamports: u64,
}

impl Signed {
    fn signature(&self) -> Signature {
        self.transaction.signatures.first().copied().unwrap_or_default()
    }
}

impl Sender {
    /// Carries out an action. `started` is when the news that led to it arrived.
    pub async fn carry_out(&self, id: ActionId, instruction: Instruction, started: Instant) {
        let step = |step| self.tell(Progress::Step(id, step));
        let (units, waited) = match self.try_out(&instruction).await {
            Ok(tried) => tried,
            Err(refused) => return step(refused),
        };
        step(Step::Simulated { units });
        if self.dry_run || *self.closing.borrow() {
            return step(Step::Withheld);
        }
        let recent = *self.recent.borrow();
        if !recent.is_fresh(tokio::time::Instant::now()) {
            return step(Step::Broken("nothing was sent: the node gives no blockhash that is new enough".into()));
        }
        let signed = match self.sign(&instruction, unit_limit(units, self.unit_margin_percent), &recent) {
            Ok(signed) => signed,
            Err(broken) => return step(broken),
        };
        // From here on the action is sent: its outcome is waited for, whatever happens.
        step(Step::Sent { last_valid_block_height: signed.last_valid_block_height });
        let (sent, sending) = watched(self.chain.sure.hand_over(&signed.transaction)).await;
        if let Err(error) = sent {
            debug!(%error, "not accepted by the node");
        }
        let handed_over = sending.first.unwrap_or_else(Instant::now);
        self.tell(Progress::Latency(handed_over.duration_since(started).saturating_sub(waited)));
        self.follow(id, &signed).await;
    }

    fn tell(&self, progress: Progress) {
        // Nobody listens any more only when the process ends.
        let _ = self.progress.send(progress);
    }

    /// Simulates: the units used, and how long the node was waited for.
    async fn try_out(&self, instruction: &Instruction) -> Result<(u64, Duration), Step> {
        let recent = *self.recent.borrow();
        // Nobody looks at the signature of a simulation.
        let message = self.message(instruction, UNITS_MAX, &recent)?;
        let signatures = vec![Signature::default(); usize::from(message.header().num_required_signatures)];
        let draft = VersionedTransaction { signatures, message };
        let (simulated, waited) = watched(self.chain.newest.simulate(&draft, &[], Trial::Draft)).await;
        let simulated = simulated.map_err(|fault| Step::Broken(format!("nothing was sent: {fault}")))?;
        match simulated.error {
            Some(error) => Err(step_of(&error)),
            None => Ok((simulated.units, waited.sum)),
        }
    }

    fn message(&self, instruction: &Instruction, units: u32, recent: &Recent) -> Result<VersionedMessage, Step> {
        let instructions = [
            ComputeBudgetInstruction::set_compute_unit_limit(units),
            ComputeBudgetInstruction::set_compute_unit_price(recent.micro_lamports_per_unit),
            instruction.clone(),
        ];
        v0::Message::try_compile(&self.wallet.key(), &instructions, &self.tables, recent.blockhash.hash)
            .map(VersionedMessage::V0)
            .map_err(|error| Step::Broken(format!("the message does not compile: {error}")))
    }

    fn sign(&self, instruction: &Instruction, units: u32, recent: &Recent) -> Result<Signed, Step> {
        let message = self.message(instruction, units, recent)?;
        let transaction = VersionedTransaction::try_new(message, &[self.wallet.signer()])
            .map_err(|error| Step::Broken(format!("it cannot be signed: {error}")))?;
        let fee_lamports = fee_lamports(units, recent.micro_lamports_per_unit);
        Ok(Signed { transaction, last_valid_block_height: recent.blockhash.last_valid_block_height, fee_lamports })
    }

    /// Watches a transaction, and sends it again, until its fate is certain: however long nobody can tell.
    async fn follow(&self, id: ActionId, signed: &Signed) {
        let following =
            Following { is_sent: true, look_every: LOOK_EVERY, send_every: SEND_EVERY, give_up_after: Duration::MAX };
        let (mut answered, mut is_lost) = (Instant::now(), false);
        let lost = |is_lost: &mut bool| {
            if !core::mem::replace(is_lost, true) {
                self.tell(Progress::Step(id, Step::NodeLost));
            }
        };
        loop {
            let look = |fault: Option<&taper_client::RpcFault>| match fault {
                None => answered = Instant::now(),
                Some(_) if answered.elapsed() > NODE_LOST_AFTER => lost(&mut is_lost),
                Some(_) => {}
            };
            let height = signed.last_valid_block_height;
            match self.chain.sure.follow(&signed.transaction, height, &following, look).await {
                Ok(Fate::Expired { block_height }) => {
                    return self.tell(Progress::Step(id, Step::HeightPassed { block_height }));
                }
                Ok(Fate::Landed { slot, error }) => {
                    if let Some(landed) = self.landed(id, signed, slot, error).await {
                        return self.tell(landed);
                    }
                    lost(&mut is_lost);
                    tokio::time::sleep(CONTRADICTION_PAUSE).await;
                }
                // Its time is never up.
                Err(_) => {}
            }
        }
    }

    /// A transaction whose status is known, with its log; `None` if the transaction itself says otherwise.
    async fn landed(
        &self,
        id: ActionId,
        signed: &Signed,
        slot: u64,
        error: Option<TransactionError>,
    ) -> Option<Progress> {
        let signature = signed.signature();
        let step = error.as_ref().map_or(Step::Landed { slot }, step_of);
        let landed = |fee_lamports, logs| Some(Progress::Landed { id, signature, fee_lamports, logs, step });
        for _ in 0..LOG_ATTEMPTS {
            match self.chain.sure.executed(&signature).await {
                Ok(Some(Executed { error: other, fee_lamports, logs, .. })) if other == error => {
                    return landed(fee_lamports, logs);
                }
                Ok(Some(_)) => {
                    warn!(%signature, "the node says both that the transaction succeeded and that it failed");
                    return None;
                }
                Ok(None) | Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        warn!(%signature, "the node does not give the log: what was earned is not accounted for");
        landed(signed.fee_lamports, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taper::error::TaperError;

    #[test]
    fn units_and_fees() {
        assert_eq!(unit_limit(100_000, 20), 120_000);
        assert_eq!(unit_limit(1_300_000, 20), UNITS_MAX);
        assert_eq!(unit_limit(u64::MAX, 20), UNITS_MAX);
        assert_eq!(unit_limit(0, 20), 1);
        assert_eq!(max_fee_lamports(0), 5_000);
        assert_eq!(max_fee_lamports(200_000), 285_000);
        assert_eq!(fee_lamports(100_000, 15), 5_002);
        assert_eq!(max_fee_lamports(u64::MAX), u64::MAX);
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
