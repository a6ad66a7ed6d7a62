//! The runtime's part, as much of it as the program sees: accounts in memory, the loader's input buffer, the clock, token transfers. What the
//! runtime would refuse after a call that succeeds is a failure here: the program must not rely on being refused.

use std::cell::{Cell, RefCell};
use std::sync::Once;

use anchor_lang::prelude::{AccountInfo, Clock, ProgramError, Pubkey, Rent};
use anchor_lang::solana_program::entrypoint::{self, ProgramResult, MAX_PERMITTED_DATA_INCREASE};
use anchor_lang::solana_program::instruction::Instruction;
use anchor_spl::{token, token_2022};
use solana_sysvar::program_stubs::{set_syscall_stubs, SyscallStubs};

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub key: Pubkey,
    pub owner: Pubkey,
    pub lamports: u64,
    pub data: Vec<u8>,
}

/// An account of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    pub row: usize,
    pub is_signer: bool,
    pub is_writable: bool,
}

/// Accounts and a clock.
#[derive(Clone, Debug)]
pub struct Chain {
    pub rows: Vec<Row>,
    pub slot: u64,
    pub seconds: i64,
}

/// Token accounts and their bytes.
type Written = Vec<(Pubkey, Vec<u8>)>;

thread_local! {
    static CLOCK: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
    /// Token accounts as transfers of this call have left them; `None` once one was refused: on a cluster that is the end of the call.
    static TRANSFERRED: RefCell<Option<Written>> = const { RefCell::new(None) };
}

/// Bytes of an account before its data, in the loader's buffer: marker, privileges, key, owner, lamports, length.
const HEAD: usize = 8 + 32 + 32 + 8 + 8;

impl Chain {
    /// Runs the program. Refused, nothing has changed.
    ///
    /// # Panics
    /// If the program panics, or succeeds at what no runtime would let it do.
    pub fn call(&mut self, metas: &[Meta], data: &[u8]) -> Result<(), ProgramError> {
        static STUBS: Once = Once::new();
        STUBS.call_once(|| drop(set_syscall_stubs(Box::new(Stubs))));
        CLOCK.set((self.slot, self.seconds));
        TRANSFERRED.set(Some(Vec::new()));
        let (mut buffer, places) = self.serialized(metas, data);
        // SAFETY: the buffer is laid out as the loader lays it out, aligned to eight bytes, and outlives the call.
        let (id, accounts, data) = unsafe { entrypoint::deserialize(buffer.as_mut_ptr().cast()) };
        let outcome = taper::entry(id, unlimited(&accounts), data);
        drop(accounts);
        let transferred = TRANSFERRED.take();
        outcome?;
        // A refused transfer ends the transaction, whatever the program makes of it.
        let Some(transferred) = transferred else { return Err(ProgramError::Custom(1)) };
        self.take_back(metas, bytemuck::cast_slice(&buffer), &places, &transferred);
        Ok(())
    }

    /// The loader's buffer, and where the rows stand in it.
    fn serialized(&self, metas: &[Meta], data: &[u8]) -> (Vec<u64>, Vec<(usize, usize)>) {
        let mut bytes = Vec::with_capacity(1 << 20);
        bytes.extend_from_slice(&(metas.len() as u64).to_le_bytes());
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (nth, meta) in metas.iter().enumerate() {
            if let Some(first) = metas[..nth].iter().position(|before| before.row == meta.row) {
                bytes.extend_from_slice(&(first as u64).to_le_bytes());
                continue;
            }
            // A message knows each account once, with all that is asked of it.
            let (mut signs, mut writes) = (false, false);
            for same in metas.iter().filter(|same| same.row == meta.row) {
                (signs, writes) = (signs | same.is_signer, writes | same.is_writable);
            }
            let row = &self.rows[meta.row];
            places.push((meta.row, bytes.len()));
            let is_program = u8::from(PROGRAMS.contains(&row.key));
            bytes.extend_from_slice(&[0xff, u8::from(signs), u8::from(writes), is_program, 0, 0, 0, 0]);
            bytes.extend_from_slice(row.key.as_ref());
            bytes.extend_from_slice(row.owner.as_ref());
            bytes.extend_from_slice(&row.lamports.to_le_bytes());
            bytes.extend_from_slice(&(row.data.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&row.data);
            bytes.resize((bytes.len() + MAX_PERMITTED_DATA_INCREASE).next_multiple_of(8), 0);
            bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        }
        bytes.extend_from_slice(&(data.len() as u64).to_le_bytes());
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(taper::ID.as_ref());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        (bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect(), places)
    }

    /// What the call has left in the buffer, by the runtime's rules.
    fn take_back(
        &mut self,
        metas: &[Meta],
        bytes: &[u8],
        places: &[(usize, usize)],
        transferred: &[(Pubkey, Vec<u8>)],
    ) {
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let (mut had, mut has) = (0u128, 0u128);
        for &(place, at) in places {
            let before = &self.rows[place];
            let length = usize::try_from(number(at + HEAD - 8)).unwrap();
            let after = Row {
                key: before.key,
                owner: Pubkey::new_from_array(bytes[at + 40..at + 72].try_into().unwrap()),
                lamports: number(at + 72),
                data: bytes[at + HEAD..at + HEAD + length].to_vec(),
            };
            had += u128::from(before.lamports);
            has += u128::from(after.lamports);
            let writes = metas.iter().any(|meta| meta.row == place && meta.is_writable);
            assert!(writes || after == *before, "{} is read-only, and was written", before.key);
            if before.owner != taper::ID {
                let left = transferred.iter().rev().find(|(key, _)| *key == before.key);
                let expected = left.map_or(&before.data, |(_, data)| data);
                assert!(after.data == *expected, "{} belongs to another program, and was written", before.key);
                assert!(after.lamports >= before.lamports, "lamports of {} were taken", before.key);
                assert_eq!(after.owner, before.owner, "{} was given away", before.key);
            } else if after.owner != taper::ID {
                assert!(after.data.iter().all(|byte| *byte == 0), "{} was given away with its data", before.key);
            }
            self.rows[place] = after;
        }
        assert_eq!(had, has, "lamports");
    }
}

/// What can be run: the token programs, the system program, and this one.
const PROGRAMS: [Pubkey; 4] = [token::ID, token_2022::ID, Pubkey::new_from_array([0; 32]), taper::ID];

/// Anchor's entry point asks for one lifetime for the accounts and for what is in them.
fn unlimited<'a>(accounts: &[AccountInfo<'a>]) -> &'a [AccountInfo<'a>] {
    // SAFETY: nothing keeps them: the call has returned before they are dropped.
    unsafe { std::slice::from_raw_parts(accounts.as_ptr(), accounts.len()) }
}

struct Stubs;

impl SyscallStubs for Stubs {
    fn sol_log(&self, _message: &str) {}

    fn sol_log_data(&self, _fields: &[&[u8]]) {}

    fn sol_get_clock_sysvar(&self, address: *mut u8) -> u64 {
        let (slot, unix_timestamp) = CLOCK.get();
        // SAFETY: the caller gives the address of a `Clock`.
        unsafe { address.cast::<Clock>().write(Clock { slot, unix_timestamp, ..Clock::default() }) };
        0
    }

    fn sol_get_rent_sysvar(&self, address: *mut u8) -> u64 {
        // SAFETY: the caller gives the address of a `Rent`.
        unsafe { address.cast::<Rent>().write(Rent::default()) };
        0
    }

    fn sol_invoke_signed(&self, call: &Instruction, accounts: &[AccountInfo], seeds: &[&[&[u8]]]) -> ProgramResult {
        let done = transfer(call, accounts, seeds);
        TRANSFERRED.with_borrow_mut(|transferred| match (&done, transferred.as_mut()) {
            (Some(rows), Some(all)) => all.extend(rows.iter().cloned()),
            _ => *transferred = None,
        });
        done.map(drop).ok_or(ProgramError::Custom(1))
    }
}

/// `TransferChecked` of either token program, on plain accounts; no other call. What it leaves in both accounts.
fn transfer(call: &Instruction, accounts: &[AccountInfo], seeds: &[&[&[u8]]]) -> Option<Written> {
    let (&tag, rest) = call.data.split_first()?;
    let amount = u64::from_le_bytes(rest.first_chunk::<8>().copied()?);
    let named = |nth: usize| {
        let key = call.accounts.get(nth)?.pubkey;
        accounts.iter().find(|account| *account.key == key)
    };
    let (from, mint, to, authority) = (named(0)?, named(1)?, named(2)?, named(3)?);
    let programs = [token::ID, token_2022::ID];
    let derived = |seeds: &&[&[u8]]| Pubkey::create_program_address(seeds, &taper::ID) == Ok(*authority.key);
    let is_signed = call.accounts[3].is_signer && (authority.is_signer || seeds.iter().any(derived));
    let is_known = tag == 12 && programs.contains(&call.program_id) && from.owner == &call.program_id;
    let may_write = from.is_writable && to.is_writable && to.owner == from.owner && mint.owner == from.owner;
    if !(is_known && is_signed && may_write) || rest.get(8) != mint.try_borrow_data().ok()?.get(44) {
        return None;
    }
    let tokens = |account: &AccountInfo| -> Option<u64> {
        let data = account.try_borrow_data().ok()?;
        let is_of_mint = data.len() >= 165 && data[..32] == mint.key.to_bytes() && data[108] == 1;
        is_of_mint.then(|| u64::from_le_bytes(data[64..72].try_into().unwrap()))
    };
    let put = |account: &AccountInfo, amount: u64| -> Option<(Pubkey, Vec<u8>)> {
        let mut data = account.try_borrow_mut_data().ok()?;
        data[64..72].copy_from_slice(&amount.to_le_bytes());
        Some((*account.key, data.to_vec()))
    };
    let (had, _) = (tokens(from)?, tokens(to)?);
    if from.try_borrow_data().ok()?[32..64] != authority.key.to_bytes() {
        return None;
    }
    let from_left = put(from, had.checked_sub(amount)?)?;
    let to_left = put(to, tokens(to)?.checked_add(amount)?)?;
    Some(vec![from_left, to_left])
}
