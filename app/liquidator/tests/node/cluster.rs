//! A node as a process of its own: started, killed, and started again where it was.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// Units of the largest instruction here.
const UNITS: u32 = 1_400_000;
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// The node's program and the deployed one, if this machine has them. `TAPER_REQUIRE_NODE=1` makes it a failure that it has not.
pub fn binaries() -> Option<(PathBuf, PathBuf)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let of = |variable: &str, default: &str| {
        let path = std::env::var_os(variable).map_or_else(|| root.join(default), PathBuf::from);
        path.exists().then_some(path)
    };
    let found = of("TAPER_NODE", "tests/node/target/debug/taper-node").zip(of("TAPER_SO", "target/deploy/taper.so"));
    let is_required = std::env::var_os("TAPER_REQUIRE_NODE").is_some();
    assert!(found.is_some() || !is_required, "build tests/node and the program first, or set TAPER_NODE and TAPER_SO");
    if found.is_none() {
        eprintln!("skipped: there is no node; see tests/node");
    }
    found
}

/// A port that nobody has.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running node.
pub struct Cluster {
    binaries: (PathBuf, PathBuf),
    ports: (u16, u16),
    process: Child,
    pub rpc: RpcClient,
    pub payer: Keypair,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Cluster {
    pub fn start(binaries: (PathBuf, PathBuf)) -> Self {
        let ports = (free_port(), free_port());
        let process = spawn(&binaries, ports, None);
        let rpc = client(ports);
        let cluster = Self { binaries, ports, process, rpc, payer: crate::people::keypair("payer") };
        cluster.fund(&cluster.payer.pubkey());
        cluster
    }

    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.0)
    }

    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.1)
    }

    /// SIGKILL: nothing is said to anybody.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// A new node on the same ports, with these accounts, at a slot after this one.
    pub fn restart(&mut self, accounts: &BTreeMap<Pubkey, Account>, slot: u64) {
        self.process = spawn(&self.binaries, self.ports, Some(slot));
        // The old client keeps connections to the old node.
        self.rpc = client(self.ports);
        for (key, account) in accounts {
            self.set_account(key, account);
        }
    }

    /// A cheat code of the node.
    pub fn cheat(&self, method: &'static str, params: Value) -> Value {
        self.rpc.send(RpcRequest::Custom { method }, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub fn set_account(&self, key: &Pubkey, account: &Account) {
        let data: String = account.data.iter().map(|byte| format!("{byte:02x}")).collect();
        let fields = json!({
            "lamports": account.lamports, "owner": account.owner.to_string(), "executable": account.executable, "data": data,
        });
        self.cheat("surfnet_setAccount", json!([key.to_string(), fields]));
    }

    pub fn fund(&self, key: &Pubkey) {
        self.cheat("surfnet_setAccount", json!([key.to_string(), { "lamports": 100_000_000_000u64 }]));
    }

    /// Slot and time of the chain.
    pub fn now(&self) -> Now {
        let clock = self.rpc.get_account_with_commitment(
            &Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111"),
            CommitmentConfig::processed(),
        );
        let data = clock.unwrap().value.unwrap().data;
        let word = |place: usize| data[place..place + 8].try_into().unwrap();
        Now { slot: u64::from_le_bytes(word(0)), seconds: i64::from_le_bytes(word(32)) }
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

fn client(ports: (u16, u16)) -> RpcClient {
    RpcClient::new_with_commitment(format!("http://127.0.0.1:{}", ports.0), CommitmentConfig::confirmed())
}

fn spawn(binaries: &(PathBuf, PathBuf), ports: (u16, u16), slot: Option<u64>) -> Child {
    let mut command = Command::new(&binaries.0);
    command.args([ports.0.to_string(), ports.1.to_string(), taper_sdk::PROGRAM_ID.to_string()]).arg(&binaries.1);
    command.arg("400").args(slot.map(|slot| slot.to_string()));
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
    if heard.recv_timeout(START_TIMEOUT).is_err() {
        let _ = process.kill();
        panic!("the node was not ready in time");
    }
    process
}

/// Waits until something holds.
pub fn wait_for<T>(what: &str, timeout: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < timeout, "waited {} seconds for {what}", timeout.as_secs());
        std::thread::sleep(Duration::from_millis(300));
    }
}
