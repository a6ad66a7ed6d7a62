//! A bot as a process of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use solana_keypair::{write_keypair_file, Keypair};
use solana_pubkey::Pubkey;
use taper_cluster::node::Cluster;
use taper_cluster::people::Trader;
use taper_cluster::wait_for;

/// A bot as a process of its own.
pub struct Bot {
    process: Child,
    directory: tempfile::TempDir,
    pub trader: Trader,
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bot {
    /// Starts a bot for somebody with a margin account, and waits until it has loaded everything. `changes` are made to the configuration.
    pub fn start(
        cluster: &Cluster,
        exchange: &Pubkey,
        trader: Trader,
        arguments: &[&str],
        changes: &[(&str, &str)],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (wallet, log) = (directory.path().join("wallet.json"), directory.path().join("log.json"));
        write_keypair_file(&Keypair::new_from_array(*trader.keypair.secret_bytes()), &wallet).unwrap();
        let mut text = include_str!("../../liquidator.example.toml").to_owned();
        let own = [
            ("http://127.0.0.1:8899", cluster.http_url()),
            ("ws://127.0.0.1:8900", cluster.websocket_url()),
            ("11111111111111111111111111111112", exchange.to_string()),
            ("\"liquidator.json\"", format!("{wallet:?}")),
            ("json = false", format!("json = true\nlog_file = {log:?}")),
            // What was sent just before the end is counted, however slow the machine.
            ("shutdown_seconds = 60", "shutdown_seconds = 240".to_owned()),
            ("backoff_max_seconds = 30", "backoff_max_seconds = 3".to_owned()),
            // A test that fails says what the bot saw.
            ("# filter = ", "filter = ".to_owned()),
        ];
        let others = changes.iter().map(|(from, to)| (*from, (*to).to_owned()));
        for (from, to) in own.into_iter().chain(others) {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, &to);
        }
        let config = directory.path().join("bot.toml");
        std::fs::write(&config, text).unwrap();
        // A measurement wants the release build.
        let binary = std::env::var_os("TAPER_LIQUIDATOR").unwrap_or(env!("CARGO_BIN_EXE_taper-liquidator").into());
        let mut command = Command::new(binary);
        command.arg("--config").arg(&config).args(arguments).stdout(Stdio::null());
        let bot = Self { process: command.spawn().unwrap(), directory, trader };
        bot.waits_for("the bot to load", |bot| !bot.lines("loaded").is_empty());
        bot
    }

    /// Waits until something holds of it.
    pub fn waits_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        wait_for(what, || self.log(), || is_so(self).then_some(()));
    }

    /// Everything it has logged, as far as whole lines go.
    fn entries(&self) -> Vec<Value> {
        let text = self.log();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|mut line| line["fields"].take()).collect()
    }

    /// The lines of its log with this message.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|line| line["message"] == message).collect()
    }

    /// True if it has logged one message, and later the other.
    pub fn has_logged_after(&self, first: &str, then: &str) -> bool {
        let entries = self.entries();
        let place = entries.iter().position(|line| line["message"] == first);
        place.is_some_and(|place| entries[place..].iter().any(|line| line["message"] == then))
    }

    /// Lots and payouts of the slices that it has been paid for, as it says.
    pub fn earned(&self) -> (i64, i64) {
        let sum = |field: &str| self.lines("earned").iter().filter_map(|line| line[field].as_i64()).sum();
        (sum("lots"), sum("payout_atoms"))
    }

    /// Its whole log.
    pub fn log(&self) -> String {
        let path: PathBuf = self.directory.path().join("log.json");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Asks it to end, and waits until it has; its exit must be a success.
    pub fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let log = self.directory.path().join("log.json");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let status = wait_for("the bot to end", said, || self.process.try_wait().unwrap());
        assert!(status.success(), "{status}: {}", self.log());
    }
}
