//! A program that calls others, and notes what it sees before, between and after the calls. It is native; what it calls runs in the VM.
//! Whoever reads the program's accounts in the middle of a transaction sees what this one sees.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use anchor_lang::prelude::{AccountInfo, ProgramError};
use anchor_lang::solana_program::entrypoint::ProgramResult;
use anchor_lang::solana_program::program::invoke;
use solana_account::Account;
use solana_instruction::{AccountMeta, Instruction};
use solana_pubkey::Pubkey;

use crate::chain::Chain;
use crate::error::{HarnessError, Result};

/// The program.
pub const CALLER: Pubkey = Pubkey::from_str_const("Ca11er1111111111111111111111111111111111111");
/// Bytes of a note.
const NOTE: usize = 8;
const NOTES: usize = 64;
const NOTES_LAMPORTS: u64 = 10_000_000;

/// One call, as it is told to the program: the program's index, then index, signer and writable for each account, then the data.
struct Call<'a> {
    program: u8,
    accounts: &'a [u8],
    data: &'a [u8],
}

/// Calls by a program in one instruction.
pub struct Calls {
    /// The instruction.
    pub instruction: Instruction,
    /// Accounts that it looks at: what its calls may write.
    pub seen: Vec<Pubkey>,
    notes: Pubkey,
    count: usize,
}

impl Calls {
    /// Makes these calls one after another. What it sees is written into `notes`.
    ///
    /// # Errors
    /// `Range` for what does not fit.
    pub fn new(calls: &[Instruction], notes: &Pubkey) -> Result<Self> {
        let mut metas: BTreeMap<Pubkey, AccountMeta> = BTreeMap::new();
        for call in calls {
            metas.entry(call.program_id).or_insert_with(|| AccountMeta::new_readonly(call.program_id, false));
            for meta in &call.accounts {
                let entry = metas.entry(meta.pubkey).or_insert_with(|| meta.clone());
                entry.is_signer |= meta.is_signer;
                entry.is_writable |= meta.is_writable;
            }
        }
        let seen = metas.values().filter(|meta| meta.is_writable).map(|meta| meta.pubkey).collect();
        let index: BTreeMap<Pubkey, usize> = metas.keys().enumerate().map(|(at, key)| (*key, at + 1)).collect();
        let at = |key: &Pubkey| byte(index.get(key).copied().unwrap_or(usize::MAX));
        let mut data = Vec::new();
        for call in calls {
            data.extend([at(&call.program_id)?, byte(call.accounts.len())?]);
            for meta in &call.accounts {
                data.extend([at(&meta.pubkey)?, u8::from(meta.is_signer), u8::from(meta.is_writable)]);
            }
            let length = u16::try_from(call.data.len()).map_err(|_| HarnessError::Range("length of a call"))?;
            data.extend(length.to_le_bytes());
            data.extend(&call.data);
        }
        let accounts = [AccountMeta::new(*notes, false)].into_iter().chain(metas.into_values()).collect();
        let instruction = Instruction { program_id: CALLER, accounts, data };
        Ok(Self { instruction, seen, notes: *notes, count: calls.len() })
    }

    /// What was noted: before the first call and after each.
    ///
    /// # Errors
    /// `NoAccount`.
    pub fn noted(&self, chain: &Chain) -> Result<Vec<u64>> {
        let data = &chain.get(&self.notes)?.data;
        let notes = data.chunks_exact(NOTE).take(self.count + 1);
        Ok(notes.map(|note| u64::from_le_bytes(note.try_into().unwrap_or_default())).collect())
    }

    /// What the program would note now.
    pub fn note_of(&self, chain: &Chain) -> u64 {
        let nothing = Account::default();
        let accounts = self.seen.iter().map(|key| (key, chain.get(key).unwrap_or(&nothing)));
        note(accounts.map(|(key, account)| (key, &account.owner, account.lamports, account.data.as_slice())))
    }
}

/// An empty account for notes.
pub fn empty_notes() -> Account {
    let data = vec![0; NOTE * NOTES];
    Account { lamports: NOTES_LAMPORTS, data, owner: CALLER, executable: false, rent_epoch: u64::MAX }
}

fn byte(number: usize) -> Result<u8> {
    u8::try_from(number).map_err(|_| HarnessError::Range("accounts of a call"))
}

/// One number for all that can be read: address, owner, lamports and bytes.
fn note<'a>(accounts: impl Iterator<Item = (&'a Pubkey, &'a Pubkey, u64, &'a [u8])>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, owner, lamports, data) in accounts {
        hasher.write(&key.to_bytes());
        hasher.write(&owner.to_bytes());
        hasher.write_u64(lamports);
        hasher.write_usize(data.len());
        hasher.write(data);
    }
    hasher.finish()
}

/// The program itself. Its first account takes the notes.
pub(crate) fn process(_program_id: &Pubkey, accounts: &[AccountInfo], mut data: &[u8]) -> ProgramResult {
    let mut step = 0;
    look(accounts, step)?;
    while !data.is_empty() {
        let (call, rest) = Call::read(data).ok_or(ProgramError::InvalidInstructionData)?;
        invoke(&call.instruction(accounts).ok_or(ProgramError::NotEnoughAccountKeys)?, accounts)?;
        data = rest;
        step += 1;
        look(accounts, step)?;
    }
    Ok(())
}

fn look(accounts: &[AccountInfo], step: usize) -> ProgramResult {
    let (notes, others) = accounts.split_first().ok_or(ProgramError::NotEnoughAccountKeys)?;
    let mut hashed = Vec::new();
    for account in others.iter().filter(|account| account.is_writable) {
        hashed.push((account.key, account.owner, account.lamports(), account.try_borrow_data()?));
    }
    let seen = note(hashed.iter().map(|(key, owner, lamports, data)| (*key, *owner, *lamports, &***data)));
    let mut written = notes.try_borrow_mut_data()?;
    let place = written.chunks_exact_mut(NOTE).nth(step).ok_or(ProgramError::AccountDataTooSmall)?;
    place.copy_from_slice(&seen.to_le_bytes());
    Ok(())
}

impl<'a> Call<'a> {
    fn read(data: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([program, count], rest) = data.split_first_chunk::<2>()?;
        let (accounts, rest) = rest.split_at_checked(usize::from(*count) * 3)?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (data, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        Some((Self { program: *program, accounts, data }, rest))
    }

    fn instruction(&self, accounts: &[AccountInfo]) -> Option<Instruction> {
        let key = |at: u8| accounts.get(usize::from(at)).map(|account| *account.key);
        let meta = |row: &[u8]| match row {
            [at, signer, writable] => {
                Some(AccountMeta { pubkey: key(*at)?, is_signer: *signer == 1, is_writable: *writable == 1 })
            }
            _ => None,
        };
        let metas = self.accounts.chunks_exact(3).map(meta).collect::<Option<Vec<_>>>()?;
        Some(Instruction { program_id: key(self.program)?, accounts: metas, data: self.data.to_vec() })
    }
}
