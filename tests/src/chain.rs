//! The chain: sends transactions, keeps the clock, and checks after each transaction.

use std::collections::{BTreeMap, BTreeSet};

use anchor_lang::prelude::Clock;
use solana_account::{Account, AccountSharedData};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction::error::InstructionError;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_program_test::ProgramTestContext;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use taper_sdk::account::{decode_owned, ProgramAccount};
use taper_sdk::snapshot::{Accounts, RawAccount};

use crate::audit::{check_change, Audit};
use crate::error::{HarnessError, Refusal, Result};
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::processor::Processor;

/// Unix time at which a chain starts.
pub const START_SECONDS: i64 = 1_700_000_000;
/// Slot at which a chain starts.
const START_SLOT: u64 = 1_000;
/// Compute units a transaction may use.
const MAX_UNITS: u32 = 1_400_000;
/// Transactions are told apart by the units they ask for: that many in a row are distinct.
const DISTINCT: u64 = 400_000;
/// A blockhash lives for about a second here, so a busy machine can miss it.
const BLOCKHASH_RETRIES: usize = 10;

/// Which checks run after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// The whole audit runs after every so many transactions; 1 is every one, 0 never.
    pub audit_every: u64,
}

impl Default for Checks {
    fn default() -> Self {
        Self { audit_every: 1 }
    }
}

/// Accounts and clock at one moment.
#[derive(Clone)]
pub struct Snapshot {
    accounts: BTreeMap<Pubkey, Account>,
    clock: Clock,
    ledger: Option<Ledger>,
}

/// A local chain with the program on it. Keeps a copy of every account that a transaction could have written.
pub struct Chain {
    context: ProgramTestContext,
    processor: Processor,
    payer: Keypair,
    clock: Clock,
    checks: Checks,
    accounts: BTreeMap<Pubkey, Account>,
    /// Accounts that were there before anything here wrote them, as they were when first seen.
    found: BTreeMap<Pubkey, Account>,
    /// What the events said. `None` where they are lost (the native processor), and once an account of the program was
    /// written past it.
    ledger: Option<Ledger>,
    sent: u64,
    simulated: u64,
    audits: u64,
}

impl Accounts for Chain {
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>> {
        self.accounts.get(key).map(|account| RawAccount { owner: account.owner, data: &account.data })
    }
}

impl Chain {
    /// Starts a chain.
    ///
    /// # Errors
    /// `NoProgramFile` when the program's file is required and missing.
    pub async fn start() -> Result<Self> {
        let (processor, test) = Processor::prepare()?;
        let context = test.start_with_context().await;
        let payer = context.payer.insecure_clone();
        let clock = Clock { slot: START_SLOT, unix_timestamp: START_SECONDS, ..Clock::default() };
        let chain = Self {
            context,
            processor,
            payer,
            clock,
            checks: Checks::default(),
            accounts: BTreeMap::new(),
            found: BTreeMap::new(),
            ledger: (processor == Processor::Vm).then(Ledger::default),
            sent: 0,
            simulated: 0,
            audits: 0,
        };
        chain.context.set_sysvar(&chain.clock);
        Ok(chain)
    }

    /// What runs the program.
    pub fn processor(&self) -> Processor {
        self.processor
    }

    /// True on the real VM.
    pub fn is_vm(&self) -> bool {
        self.processor == Processor::Vm
    }

    /// Chooses the checks.
    pub fn set_checks(&mut self, checks: Checks) {
        self.checks = checks;
    }

    /// Transactions sent so far.
    pub fn transactions(&self) -> u64 {
        self.sent
    }

    /// Audits made so far.
    pub fn audits(&self) -> u64 {
        self.audits
    }

    /// Who pays the fees of every transaction, and the rent of markets and books.
    pub fn payer(&self) -> Pubkey {
        self.payer.pubkey()
    }

    /// Current slot, as the program sees it.
    pub fn slot(&self) -> u64 {
        self.clock.slot
    }

    /// Current Unix time, as the program sees it.
    pub fn seconds(&self) -> i64 {
        self.clock.unix_timestamp
    }

    /// Moves the clock forward. Only the clock that programs read moves: no bank is built per slot, so a day costs as
    /// much as a slot.
    pub fn advance(&mut self, slots: u64, seconds: i64) {
        self.set_time(self.clock.slot.saturating_add(slots), self.clock.unix_timestamp.saturating_add(seconds));
    }

    /// Sets the clock.
    pub fn set_time(&mut self, slot: u64, seconds: i64) {
        self.clock.slot = slot;
        self.clock.unix_timestamp = seconds;
        self.context.set_sysvar(&self.clock);
    }

    /// Writes an account, past all rules. It is tracked from now on. If it is one of the program's, events no longer
    /// explain the accounts, and the audit stops comparing them.
    pub fn set_account(&mut self, key: &Pubkey, account: Account) {
        let was_ours = self.accounts.get(key).is_some_and(|known| known.owner == taper::ID);
        if was_ours || account.owner == taper::ID {
            self.ledger = None;
        }
        self.write(key, account);
    }

    /// Takes an account away, past all rules, as if it had been closed.
    pub fn take_account(&mut self, key: &Pubkey) {
        self.set_account(key, Account::default());
        self.accounts.remove(key);
    }

    fn write(&mut self, key: &Pubkey, account: Account) {
        self.context.set_account(key, &AccountSharedData::from(account.clone()));
        self.accounts.insert(*key, account);
    }

    /// Gives a key lamports to sign and pay rent with.
    pub fn fund(&mut self, key: &Pubkey, lamports: u64) {
        self.set_account(key, Account { lamports, ..Account::default() });
    }

    /// A tracked account.
    ///
    /// # Errors
    /// `NoAccount`.
    pub fn get(&self, key: &Pubkey) -> Result<&Account> {
        self.accounts.get(key).ok_or(HarnessError::NoAccount(*key))
    }

    /// All tracked accounts.
    pub fn tracked(&self) -> impl Iterator<Item = (&Pubkey, &Account)> {
        self.accounts.iter()
    }

    /// Looks at an account of the program.
    ///
    /// # Errors
    /// `NoAccount`, `Decode`.
    pub fn load<T: ProgramAccount>(&self, key: &Pubkey) -> Result<&T> {
        let account = self.get(key)?;
        decode_owned(&account.owner, &account.data).map_err(|error| HarnessError::Decode { account: *key, error })
    }

    /// Tokens in a token account; zero for one that is not tracked.
    pub fn tokens(&self, key: &Pubkey) -> u64 {
        self.accounts.get(key).and_then(crate::token::amount_of).unwrap_or(0)
    }

    /// Accounts and clock as they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { accounts: self.accounts.clone(), clock: self.clock.clone(), ledger: self.ledger.clone() }
    }

    /// Puts accounts and clock back.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let gone: Vec<Pubkey> =
            self.accounts.keys().filter(|key| !snapshot.accounts.contains_key(*key)).copied().collect();
        for key in gone {
            let before = self.found.get(&key).cloned().unwrap_or_default();
            self.context.set_account(&key, &AccountSharedData::from(before));
            self.accounts.remove(&key);
        }
        for (key, account) in &snapshot.accounts {
            if self.accounts.get(key) != Some(account) {
                self.write(key, account.clone());
            }
        }
        self.ledger = snapshot.ledger.clone();
        self.set_time(snapshot.clock.slot, snapshot.clock.unix_timestamp);
    }

    /// Sends one transaction; signers that no instruction asks for are left out. Then checks: a refusal changed
    /// nothing; a success kept every invariant.
    ///
    /// # Errors
    /// `Refused`; `ChangedByRefusal` and `Invariant` when a check fails; `Bank`.
    pub async fn send(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Outcome> {
        let touched = self.track_writable(instructions).await?;
        self.sent += 1;
        for _ in 0..BLOCKHASH_RETRIES {
            let transaction = self.sign(instructions, signers).await?;
            let executed = self.context.banks_client.process_transaction_with_metadata(transaction).await;
            let executed = executed.map_err(|error| HarnessError::Bank(error.to_string()))?;
            let (logs, units, return_data) = executed.metadata.map_or((Vec::new(), 0, None), |meta| {
                (meta.log_messages, meta.compute_units_consumed, meta.return_data.map(|data| data.data))
            });
            match executed.result {
                Ok(()) => {
                    if let Some(ledger) = &mut self.ledger {
                        ledger.take_in(&logs, self.clock.slot);
                    }
                    self.adopt(&touched).await?;
                    return Ok(Outcome { units, logs, return_data });
                }
                Err(TransactionError::BlockhashNotFound) => {}
                Err(error) => return Err(self.refused(&touched, error, logs).await?),
            }
        }
        Err(HarnessError::Bank("no usable blockhash".into()))
    }

    /// Runs one transaction without keeping its effects: a quote.
    ///
    /// # Errors
    /// `Refused`, `Bank`.
    pub async fn simulate(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Outcome> {
        self.simulated += 1;
        let transaction = self.sign(instructions, signers).await?;
        let simulated = self.context.banks_client.simulate_transaction(transaction).await;
        let simulated = simulated.map_err(|error| HarnessError::Bank(error.to_string()))?;
        let (logs, units, return_data) = simulated.simulation_details.map_or((Vec::new(), 0, None), |details| {
            (details.logs, details.units_consumed, details.return_data.map(|data| data.data))
        });
        match simulated.result {
            Some(Ok(())) => Ok(Outcome { units, logs, return_data }),
            Some(Err(error)) => Err(refusal(error, logs)),
            None => Err(HarnessError::Bank("the simulation gave no result".into())),
        }
    }

    /// Bytes of the transaction that these instructions make, signatures included.
    pub fn transaction_size(&self, instructions: &[Instruction]) -> usize {
        let transaction = Transaction::new_with_payer(instructions, Some(&self.payer.pubkey()));
        let signatures = usize::from(transaction.message.header.num_required_signatures);
        // A compact length (one byte below 128), the signatures, the message.
        1 + 64 * signatures + transaction.message_data().len()
    }

    /// The whole audit, now; on the real VM also the comparison of the accounts with what the events said.
    ///
    /// # Errors
    /// `Invariant`, `Decode`.
    pub fn audit(&self) -> Result<Audit> {
        let audit = Audit::of(self)?;
        audit.check()?;
        if let Some(ledger) = &self.ledger {
            if let Some((subject, detail)) = ledger.difference(self)? {
                return Err(HarnessError::Invariant { invariant: "events".into(), subject, detail });
            }
        }
        Ok(audit)
    }

    /// What the events said.
    #[cfg(test)]
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    async fn sign(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Transaction> {
        let bank = |error: String| HarnessError::Bank(error);
        let hash = self.context.banks_client.get_latest_blockhash().await;
        let hash = hash.map_err(|error| bank(error.to_string()))?;
        let distinct = u32::try_from((self.sent + self.simulated) % DISTINCT).unwrap_or(0);
        let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(MAX_UNITS - distinct)];
        all.extend_from_slice(instructions);
        let mut transaction = Transaction::new_with_payer(&all, Some(&self.payer.pubkey()));
        let required = usize::from(transaction.message.header.num_required_signatures);
        let wanted: BTreeSet<&Pubkey> = transaction.message.account_keys.iter().take(required).collect();
        let mut keys: Vec<&Keypair> = vec![&self.payer];
        keys.extend(signers.iter().filter(|signer| wanted.contains(&signer.pubkey())));
        transaction.try_sign(&keys, hash).map_err(|error| bank(error.to_string()))?;
        Ok(transaction)
    }

    /// The keys that the instructions may write, without the payer; those not yet known are fetched.
    async fn track_writable(&mut self, instructions: &[Instruction]) -> Result<BTreeSet<Pubkey>> {
        let metas = instructions.iter().flat_map(|instruction| &instruction.accounts);
        let mut keys: BTreeSet<Pubkey> = metas.filter(|meta| meta.is_writable).map(|meta| meta.pubkey).collect();
        keys.remove(&self.payer.pubkey());
        for key in &keys {
            if !self.accounts.contains_key(key) {
                if let Some(account) = self.fetch(key).await? {
                    self.found.entry(*key).or_insert_with(|| account.clone());
                    self.accounts.insert(*key, account);
                }
            }
        }
        Ok(keys)
    }

    async fn fetch(&mut self, key: &Pubkey) -> Result<Option<Account>> {
        let fetched = self.context.banks_client.get_account(*key).await;
        let fetched = fetched.map_err(|error| HarnessError::Bank(error.to_string()))?;
        Ok(fetched.filter(|account| account.lamports > 0))
    }

    /// After a success: takes over what was written, and audits.
    async fn adopt(&mut self, touched: &BTreeSet<Pubkey>) -> Result<()> {
        for key in touched {
            match self.fetch(key).await? {
                Some(account) => {
                    if let Some(before) = self.accounts.get(key) {
                        check_change(key, before, &account)?;
                    }
                    self.accounts.insert(*key, account);
                }
                None => {
                    self.accounts.remove(key);
                }
            }
        }
        if self.checks.audit_every != 0 && self.sent.is_multiple_of(self.checks.audit_every) {
            self.audit()?;
            self.audits += 1;
        }
        Ok(())
    }

    /// After a refusal: every account that it could have written has the bytes it had.
    async fn refused(
        &mut self,
        touched: &BTreeSet<Pubkey>,
        error: TransactionError,
        logs: Vec<String>,
    ) -> Result<HarnessError> {
        let refused = refusal(error, logs);
        for key in touched {
            if self.fetch(key).await?.as_ref() != self.accounts.get(key) {
                return Err(HarnessError::ChangedByRefusal { account: *key, refusal: refused.to_string() });
            }
        }
        Ok(refused)
    }
}

fn refusal(error: TransactionError, logs: Vec<String>) -> HarnessError {
    let code = match &error {
        TransactionError::InstructionError(_, InstructionError::Custom(code)) => Some(*code),
        _ => None,
    };
    HarnessError::Refused(Box::new(Refusal { code, error, logs }))
}
