//! Where to connect and who signs: the Solana CLI's configuration, overridden by the command line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use solana_commitment_config::{CommitmentConfig, CommitmentLevel};
use solana_keypair::{read_keypair_file, Keypair};
use taper_client::cluster::url_of;

/// Where the Solana CLI keeps its configuration, under the home directory.
const DEFAULT_PATH: &str = ".config/solana/cli/config.yml";
/// Where `solana-keygen` writes, under the home directory.
const DEFAULT_KEYPAIR: &str = ".config/solana/id.json";
/// What the Solana CLI connects to without a configuration.
const DEFAULT_URL: &str = "m";

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what the Solana CLI writes.
    #[error("{path}, line {line}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from one; zero when the parser names none.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Not a commitment.
    #[error("{0:?} is no commitment: processed, confirmed or finalized")]
    Commitment(String),
    /// Not an address.
    #[error("{0:?} is no address of a node: it must begin with http:// or https://, or be one of l, d, m, t")]
    Url(String),
    /// No keypair.
    #[error("keypair {path}: {reason}")]
    Keypair {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No home directory.
    #[error("the home directory is not known: name --config and --keypair")]
    NoHome,
}

/// The part of the Solana CLI's file that matters here.
#[derive(Debug, Default, Deserialize)]
struct File {
    json_rpc_url: Option<String>,
    keypair_path: Option<PathBuf>,
    commitment: Option<String>,
}

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--url`.
    pub url: Option<String>,
    /// `--keypair`.
    pub keypair: Option<PathBuf>,
    /// `--commitment`.
    pub commitment: Option<String>,
}

/// Where to connect and who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the node.
    pub url: String,
    /// The keypair's file.
    pub keypair: PathBuf,
    /// Commitment.
    pub commitment: CommitmentConfig,
}

impl Settings {
    /// Reads the configuration, if there is one, and lets the command line override it. A file that was named must exist.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(overrides: &Overrides, home: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match (&overrides.config, home) {
            (Some(path), _) => read(path)?,
            (None, Some(home)) if home.join(DEFAULT_PATH).exists() => read(&home.join(DEFAULT_PATH))?,
            _ => File::default(),
        };
        let url = overrides.url.clone().or(file.json_rpc_url).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let url = url_of(&url);
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(ConfigError::Url(url));
        }
        let keypair = match overrides.keypair.clone().or(file.keypair_path) {
            Some(path) => path,
            None => home.ok_or(ConfigError::NoHome)?.join(DEFAULT_KEYPAIR),
        };
        let named = overrides.commitment.clone().or(file.commitment).unwrap_or_else(|| "confirmed".to_owned());
        let commitment = commitment_of(&named).ok_or(ConfigError::Commitment(named))?;
        Ok(Self { url, keypair, commitment })
    }

    /// Reads the keypair. Its content is never part of a message.
    ///
    /// # Errors
    /// [`ConfigError::Keypair`].
    pub fn keypair(&self) -> Result<Keypair, ConfigError> {
        let reason = if self.keypair.exists() {
            match read_keypair_file(&self.keypair) {
                Ok(keypair) => return Ok(keypair),
                Err(_) => "it is not a keypair file: a JSON list of 64 numbers, as solana-keygen writes it",
            }
        } else {
            "there is no such file: name one with --keypair, or make one with solana-keygen new"
        };
        Err(ConfigError::Keypair { path: self.keypair.clone(), reason: reason.to_owned() })
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    serde_saphyr::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        line: error.location().map_or(0, |place| place.line()),
        // Without the lines around it: a reason stands in one line.
        reason: error.without_snippet().to_string(),
    })
}

/// The names that the Solana CLI takes, its old ones included.
fn commitment_of(name: &str) -> Option<CommitmentConfig> {
    let commitment = match name {
        "processed" | "recent" => CommitmentLevel::Processed,
        "confirmed" | "single" | "singleGossip" => CommitmentLevel::Confirmed,
        "finalized" | "max" | "root" => CommitmentLevel::Finalized,
        _ => return None,
    };
    Some(CommitmentConfig { commitment })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = "---\njson_rpc_url: http://localhost:8899\nwebsocket_url: ''\nkeypair_path: /k.json\naddress_labels:\n  '11111111111111111111111111111111': System Program\ncommitment: finalized\n";

    fn home_with(text: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(DEFAULT_PATH);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        home
    }

    #[test]
    fn the_solana_configuration_is_read_and_the_command_line_overrides_it() {
        let home = home_with(FILE);
        let settings = Settings::load(&Overrides::default(), Some(home.path())).unwrap();
        assert_eq!(
            (settings.url.as_str(), settings.keypair.as_path()),
            ("http://localhost:8899", Path::new("/k.json"))
        );
        assert_eq!(settings.commitment, CommitmentConfig::finalized());
        let overrides = Overrides {
            url: Some("d".into()),
            keypair: Some("/other.json".into()),
            commitment: Some("processed".into()),
            config: None,
        };
        let settings = Settings::load(&overrides, Some(home.path())).unwrap();
        assert_eq!(settings.url, "https://api.devnet.solana.com");
        assert_eq!(
            (settings.keypair.as_path(), settings.commitment),
            (Path::new("/other.json"), CommitmentConfig::processed())
        );
    }

    #[test]
    fn without_a_file_the_defaults_are_those_of_solana() {
        let home = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Overrides::default(), Some(home.path())).unwrap();
        assert_eq!(settings.url, "https://api.mainnet-beta.solana.com");
        assert_eq!(settings.keypair, home.path().join(DEFAULT_KEYPAIR));
        assert_eq!(settings.commitment, CommitmentConfig::confirmed());
    }

    #[test]
    fn a_malformed_file_is_named_with_its_line() {
        let home = home_with("---\njson_rpc_url: http://localhost:8899\nkeypair_path: [1, 2\n");
        let error = Settings::load(&Overrides::default(), Some(home.path())).unwrap_err();
        let ConfigError::Malformed { path, line, .. } = &error else { panic!("{error}") };
        assert!(path.ends_with("config.yml") && *line >= 3, "{error}");
        let home = home_with("json_rpc_url: http://x\nkeypair_path:\n  - a\n");
        let error = Settings::load(&Overrides::default(), Some(home.path())).unwrap_err();
        assert!(matches!(error, ConfigError::Malformed { line: 2..=3, .. }), "{error}");
    }

    #[test]
    fn a_file_that_was_named_must_exist_and_values_must_mean_something() {
        let home = home_with(FILE);
        let missing = Overrides { config: Some(home.path().join("none.yml")), ..Overrides::default() };
        assert!(matches!(Settings::load(&missing, None), Err(ConfigError::Unreadable { .. })));
        let odd = Overrides { commitment: Some("soon".into()), ..Overrides::default() };
        assert!(
            matches!(Settings::load(&odd, Some(home.path())), Err(ConfigError::Commitment(name)) if name == "soon")
        );
        let odd = Overrides { url: Some("ftp://x".into()), ..Overrides::default() };
        assert!(matches!(Settings::load(&odd, Some(home.path())), Err(ConfigError::Url(url)) if url == "ftp://x"));
    }

    #[test]
    fn a_keypair_is_read_and_a_bad_one_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id.json");
        let settings =
            Settings { url: String::new(), keypair: path.clone(), commitment: CommitmentConfig::confirmed() };
        assert!(settings.keypair().unwrap_err().to_string().contains("solana-keygen"));
        fs::write(&path, "[1,2,77,98]").unwrap();
        let error = settings.keypair().unwrap_err().to_string();
        assert!(error.contains("id.json") && !error.contains("77"), "{error}");
        let keypair = Keypair::new();
        let bytes: Vec<String> = keypair.to_bytes().iter().map(u8::to_string).collect();
        fs::write(&path, format!("[{}]", bytes.join(","))).unwrap();
        assert_eq!(settings.keypair().unwrap().to_bytes(), keypair.to_bytes());
    }
}
