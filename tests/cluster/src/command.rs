//! The project's own commands, as processes: what they say, and how they end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use solana_keypair::{write_keypair_file, Keypair};

/// A binary of the workspace beside one that Cargo has named: all of them are in one directory. `cargo test --workspace --test node` builds
/// every one that has such tests before it runs any.
pub fn sibling(of: &str, name: &str) -> PathBuf {
    let path = Path::new(of).with_file_name(name);
    assert!(path.exists(), "{} is missing: run `cargo test --workspace --test node`", path.display());
    path
}

/// What a process said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its output.
    pub out: String,
    /// Its errors.
    pub errors: String,
}

impl Said {
    /// What it printed, which must be JSON, whatever its exit code.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It must have succeeded.
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It must have ended with this code and said this.
    pub fn refused(&self, code: i32, told: &str) {
        assert!(self.code == code && (self.errors.contains(told) || self.out.contains(told)), "{told}: {self:?}");
    }
}

/// Somebody at a terminal: a home of its own, a keypair in a file, a node.
pub struct Terminal {
    home: tempfile::TempDir,
    url: String,
    environment: Vec<(String, String)>,
}

impl Terminal {
    /// Signs with this keypair unless a command names another.
    pub fn new(url: &str, keypair: &Keypair) -> Self {
        let home = tempfile::tempdir().unwrap();
        let terminal = Self { home, url: url.to_owned(), environment: Vec::new() };
        write_keypair_file(keypair, terminal.keypair()).unwrap();
        terminal
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Its keypair's file.
    pub fn keypair(&self) -> PathBuf {
        self.home.path().join("id.json")
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command, words split at spaces, with an answer to what it may ask.
    pub fn run(&self, binary: &Path, line: &str, answer: &str) -> Said {
        let mut command = Command::new(binary);
        command.arg("-u").arg(&self.url).arg("-k").arg(self.keypair()).args(line.split_whitespace());
        command.env("HOME", self.home.path()).env_remove("TAPER_EXCHANGE").envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // Who asks nothing may have ended without reading.
        let _ = process.stdin.take().unwrap().write_all(answer.as_bytes());
        let output = process.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said =
            Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), errors: text(output.stderr) };
        note(binary, line, &said);
        said
    }
}

/// With `TAPER_TRANSCRIPT=FILE` everything that is run is written there as it would stand in a terminal: the samples of the READMEs come from it.
fn note(binary: &Path, line: &str, said: &Said) {
    let Some(path) = std::env::var_os("TAPER_TRANSCRIPT") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let name = binary.file_name().unwrap_or_default().to_string_lossy();
    write!(file, "$ {name} {line}\n{}{}[{}]\n\n", said.out, said.errors, said.code).unwrap();
}
