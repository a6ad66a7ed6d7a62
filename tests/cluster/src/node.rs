//! A node as a process of its own: started, killed, and started again where it was.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{json, Value};
use solana_account::Account;
use solana_commitment_config::CommitmentConfig;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::request::RpcRequest;
use solana_signer::Signer;
use solana_transaction::Transaction;
use taper::legs::Now;

use crate::feed::Feed;
use crate::PATIENCE;

/// Units of the largest instruction here.
const UNITS: u32 = 1_400_000;
const SLOT_MS: &str = "400";
const LAMPORTS: u64 = 100_000_000_000;
const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
/// Below the range from which connections get their ports: nobody is given one of these by chance.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// HTTP and websocket.
pub type Ports = (u16, u16);

/// The node's program and the one to be deployed.
#[derive(Clone)]
pub struct Binaries {
    /// The node.
    pub node: PathBuf,
    /// The program.
    pub so: PathBuf,
}

/// The node in the target directory and the program in `target/deploy`, or those of `TAPER_NODE` and `TAPER_SO`, if they are there. `TAPER_REQUIRE_NODE=1` makes it a failure that it has not.
pub fn binaries() -> Option<Binaries> {
    let of = |variable: &str, default: PathBuf| {
        let path = std::env::var_os(variable).map_or(default, PathBuf::from);
        path.exists().then_some(path)
    };
    // The test is in `debug/deps` of the target directory, the node in `debug`.
    let test = std::env::current_exe().unwrap();
    let node = test.ancestors().nth(2).unwrap_or(&test).join("taper-node");
    let so = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/taper.so");
    let found = of("TAPER_NODE", node).zip(of("TAPER_SO", so));
    let is_required = std::env::var_os("TAPER_REQUIRE_NODE").is_some();
    assert!(found.is_some() || !is_required, "there is no node or no program: see tests/cluster/README.md");
    if found.is_none() {
        eprintln!("skipped: there is no node or no program; see tests/cluster/README.md");
    }
    found.map(|(node, so)| Binaries { node, so })
}

/// A port that nobody has, and nobody gets unless it asks for that one. Each process begins elsewhere, so that runs side by side seldom meet.
fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let (length, first) = (u32::from(PORTS.end - PORTS.start), std::process::id().wrapping_mul(64));
    let mut ports = std::iter::from_fn(|| {
        let place = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed).into()) % length;
        Some(PORTS.start + u16::try_from(place).unwrap())
    });
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// A running node.
pub struct Cluster {
    binaries: Binaries,
    /// Its ports.
    pub ports: Ports,
    process: Child,
    /// A client.
    pub rpc: RpcClient,
    /// Pays for what nobody else does.
    pub payer: Keypair,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Cluster {
    /// With the program deployed.
    pub fn start(binaries: Binaries) -> Self {
        Self::with_program(binaries, &taper_sdk::PROGRAM_ID)
    }

    /// With the program deployed at this address.
    pub fn with_program(binaries: Binaries, program: &Pubkey) -> Self {
        let ports = (free_port(), free_port());
        let process = spawn(&binaries, ports, program, None);
        let cluster = Self { binaries, ports, process, rpc: client(ports), payer: crate::people::keypair("payer") };
        cluster.fund(&cluster.payer.pubkey());
        cluster
    }

    /// Address for HTTP.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.0)
    }

    /// Address for websockets.
    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.1)
    }

    /// SIGKILL: nothing is said to anybody.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// A new node on the same ports, with these accounts, at a slot after this one. The account `last` comes last: who waits for it finds the others.
    pub fn restart(&mut self, accounts: &BTreeMap<Pubkey, Account>, last: &Pubkey, slot: u64) {
        self.process = spawn(&self.binaries, self.ports, &taper_sdk::PROGRAM_ID, Some(slot));
        // The old client keeps connections to the old node.
        self.rpc = client(self.ports);
        for (key, account) in accounts.iter().filter(|(key, _)| *key != last) {
            self.set_account(key, account);
        }
        self.set_account(last, &accounts[last]);
    }

    /// A cheat code of the node.
    pub fn cheat(&self, method: &'static str, params: Value) -> Value {
        cheat(&self.rpc, method, params).unwrap()
    }

    /// Writes an account.
    pub fn set_account(&self, key: &Pubkey, account: &Account) {
        set_account(&self.rpc, key, account).unwrap();
    }

    /// Gives lamports.
    pub fn fund(&self, key: &Pubkey) {
        self.cheat("surfnet_setAccount", json!([key.to_string(), { "lamports": LAMPORTS }]));
    }

    /// Slot and time of the chain.
    pub fn now(&self) -> Now {
        now(&self.rpc).unwrap()
    }

    /// Lets the chain's time pass until this slot, at once.
    pub fn travel_to(&self, slot: u64) {
        self.cheat("surfnet_timeTravel", json!([{ "absoluteSlot": slot }]));
    }

    /// A price that is published from now on.
    pub fn feed(&self, account: Pubkey, feed: [u8; 32], price_atoms_per_lot: i64) -> Feed {
        Feed::start(self.ports, account, feed, price_atoms_per_lot)
    }

    /// Sends, and waits until it is confirmed.
    pub fn send(&self, instructions: &[Instruction], signers: &[&Keypair]) {
        let limit = solana_compute_budget_interface::ComputeBudgetInstruction::set_compute_unit_limit(UNITS);
        let instructions: Vec<Instruction> = std::iter::once(limit).chain(instructions.iter().cloned()).collect();
        let signers: Vec<&Keypair> = std::iter::once(&self.payer).chain(signers.iter().copied()).collect();
        let blockhash = self.rpc.get_latest_blockhash().unwrap();
        let transaction =
            Transaction::new_signed_with_payer(&instructions, Some(&self.payer.pubkey()), &signers, blockhash);
        self.rpc.send_and_confirm_transaction(&transaction).unwrap_or_else(|error| panic!("{error}"));
    }
}

pub(crate) fn client(ports: Ports) -> RpcClient {
    let url = format!("http://127.0.0.1:{}", ports.0);
    RpcClient::new_with_timeout_and_commitment(url, PATIENCE, CommitmentConfig::confirmed())
}

fn cheat(rpc: &RpcClient, method: &'static str, params: Value) -> Result<Value, String> {
    rpc.send(RpcRequest::Custom { method }, params).map_err(|error| format!("{method}: {error}"))
}

pub(crate) fn set_account(rpc: &RpcClient, key: &Pubkey, account: &Account) -> Result<(), String> {
    let data: String = account.data.iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = json!({
        "lamports": account.lamports, "owner": account.owner.to_string(), "executable": account.executable, "data": data,
    });
    cheat(rpc, "surfnet_setAccount", json!([key.to_string(), fields])).map(|_| ())
}

pub(crate) fn now(rpc: &RpcClient) -> Result<Now, String> {
    let clock = rpc.get_account_with_commitment(&CLOCK, CommitmentConfig::processed());
    let data = clock.map_err(|error| error.to_string())?.value.ok_or("there is no clock")?.data;
    let word =
        |place: usize| data.get(place..).and_then(|rest| rest.first_chunk::<8>()).ok_or("the clock is too short");
    Ok(Now { slot: u64::from_le_bytes(*word(0)?), seconds: i64::from_le_bytes(*word(32)?) })
}

fn spawn(binaries: &Binaries, ports: Ports, program: &Pubkey, slot: Option<u64>) -> Child {
    let mut command = Command::new(&binaries.node);
    command.args([ports.0.to_string(), ports.1.to_string(), program.to_string()]).arg(&binaries.so);
    command.arg(SLOT_MS).args(slot.map(|slot| slot.to_string()));
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (ready, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            if line == "ready" {
                let _ = ready.send(());
            }
        }
    });
    if heard.recv_timeout(PATIENCE).is_err() {
        let _ = process.kill();
        panic!("the node has ended, or was not ready in time");
    }
    process
}
