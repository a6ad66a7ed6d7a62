//! Which processor runs the program: the real VM on `taper.so`, or the native one.

use std::path::PathBuf;
use std::sync::Once;
use std::time::SystemTime;

use anchor_lang::prelude::AccountInfo;
use anchor_lang::solana_program::entrypoint::ProgramResult;
use solana_account::Account;
use solana_program_test::{processor, ProgramTest};
use solana_pubkey::Pubkey;

use crate::caller;
use crate::error::{HarnessError, Result};

/// Set to anything: the native processor even if the file is there.
const FORCE_NATIVE: &str = "TAPER_NATIVE";
/// Set to anything: an error if the file is not there.
const REQUIRE_FILE: &str = "TAPER_REQUIRE_SO";
/// Directory of the file; `target/deploy` of this workspace without it.
const FILE_DIRECTORY: &str = "SBF_OUT_DIR";
const FILE_NAME: &str = "taper.so";
/// Lamports of the program's account: rent of any program.
const PROGRAM_LAMPORTS: u64 = 100_000_000_000;

/// What runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// The real VM, with compute units, privileges, events, stack and heap as on a cluster.
    Vm,
    /// The host's own code. Drops writes to read-only accounts, and meters nothing.
    Native,
}

impl Processor {
    /// A chain with the program on it, not yet started.
    pub(crate) fn prepare() -> Result<(Self, ProgramTest)> {
        quieten();
        let path = directory().join(FILE_NAME);
        let path = path.canonicalize().unwrap_or(path);
        let required = std::env::var_os(REQUIRE_FILE).is_some();
        let fail =
            |reason: &str| HarnessError::NoProgramFile { path: path.display().to_string(), reason: reason.to_owned() };
        if std::env::var_os(FORCE_NATIVE).is_some() {
            if required {
                return Err(fail("TAPER_NATIVE and TAPER_REQUIRE_SO are both set"));
            }
            announce("native processor (TAPER_NATIVE is set)");
            return Ok((Self::Native, native()));
        }
        match std::fs::read(&path) {
            Ok(elf) => {
                announce(&format!("real VM on {}{}", path.display(), age_note(&path)));
                Ok((Self::Vm, vm(elf)))
            }
            Err(error) if required => Err(fail(&error.to_string())),
            Err(_) => {
                announce(&format!("native processor (no {})", path.display()));
                Ok((Self::Native, native()))
            }
        }
    }
}

fn directory() -> PathBuf {
    match std::env::var_os(FILE_DIRECTORY) {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/deploy"),
    }
}

/// Once a process: which processor runs.
fn announce(what: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| eprintln!("taper-harness: {what}"));
}

/// A file older than its sources tests something else than what is read: say so.
fn age_note(path: &std::path::Path) -> &'static str {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let newest = [root.join("programs/taper/src"), root.join("crates/engine/src")]
        .iter()
        .filter_map(|directory| newest_change(directory))
        .max();
    let built = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    match (built, newest) {
        (Some(built), Some(newest)) if built < newest => " (older than the sources!)",
        _ => "",
    }
}

fn newest_change(directory: &std::path::Path) -> Option<SystemTime> {
    std::fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            if path.is_dir() {
                newest_change(&path)
            } else {
                path.metadata().ok()?.modified().ok()
            }
        })
        .max()
}

/// The runtime logs every instruction by default; that costs more than running it.
fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("RUST_LOG").is_none() {
            std::env::set_var("RUST_LOG", "error");
        }
    });
}

fn vm(elf: Vec<u8>) -> ProgramTest {
    let mut test = ProgramTest::default();
    let owner = Pubkey::from_str_const("BPFLoader2111111111111111111111111111111111");
    let account = Account { lamports: PROGRAM_LAMPORTS, data: elf, owner, executable: true, rent_epoch: 0 };
    test.add_account(taper::ID, account);
    add_caller(&mut test);
    test
}

fn native() -> ProgramTest {
    let mut test = ProgramTest::default();
    test.prefer_bpf(false);
    test.add_program("taper", taper::ID, processor!(native_entry));
    add_caller(&mut test);
    test
}

/// A program that calls this one. It is always native.
fn add_caller(test: &mut ProgramTest) {
    test.prefer_bpf(false);
    test.add_program("caller", caller::CALLER, processor!(caller::process));
}

/// Anchor's entry point asks for one lifetime where the runtime gives three. Copies of the program id, the accounts
/// (handles to the same data) and the instruction data are leaked, so that there is one: a few hundred bytes a call.
fn native_entry(program_id: &Pubkey, accounts: &[AccountInfo], data: &[u8]) -> ProgramResult {
    let program_id: &'static Pubkey = Box::leak(Box::new(*program_id));
    let accounts = Box::leak(accounts.to_vec().into_boxed_slice());
    let data: &'static [u8] = Box::leak(data.to_vec().into_boxed_slice());
    taper::entry(program_id, accounts, data)
}
