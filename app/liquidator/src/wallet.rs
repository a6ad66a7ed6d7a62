//! The keypair that signs. Its secret is in no log: nothing here prints it.

use std::fmt;
use std::path::Path;

use solana_keypair::{read_keypair_file, Keypair};
use solana_pubkey::Pubkey;
use solana_signer::Signer;

/// A keypair that shows only its public half.
pub struct Wallet(Keypair);

impl fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Wallet").field(&self.key()).finish()
    }
}

impl Wallet {
    /// Reads a file of the Solana CLI.
    ///
    /// # Errors
    /// A message that names the file, and nothing of its content.
    pub fn read(path: &Path) -> Result<Self, String> {
        match std::fs::read(path).map(|_| read_keypair_file(path)) {
            Ok(Ok(keypair)) => Ok(Self(keypair)),
            Ok(Err(_)) => Err(format!("{} is not a keypair file", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("there is no keypair file {}", path.display()))
            }
            Err(error) => Err(format!("cannot read the keypair file {}: {error}", path.display())),
        }
    }

    /// Its address.
    pub fn key(&self) -> Pubkey {
        self.0.pubkey()
    }

    /// For signing.
    pub fn signer(&self) -> &Keypair {
        &self.0
    }
}

impl From<Keypair> for Wallet {
    fn from(keypair: Keypair) -> Self {
        Self(keypair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_never_shown() {
        let keypair = Keypair::new();
        let (bytes, base58) = (keypair.to_bytes(), keypair.to_base58_string());
        let wallet = Wallet::from(keypair);
        let shown = format!("{wallet:?} {wallet:#?}");
        assert!(shown.contains(&wallet.key().to_string()));
        assert!(!shown.contains(&base58), "{shown}");
        let numbers: String = bytes[..4].iter().map(|byte| format!("{byte}, ")).collect();
        assert!(!shown.replace('\n', " ").contains(&numbers), "{shown}");
    }

    #[test]
    fn a_bad_file_is_named_and_not_quoted() {
        let path = std::env::temp_dir().join(format!("taper-not-a-keypair-{}", std::process::id()));
        std::fs::write(&path, "[1,2,s3cret").unwrap();
        let message = Wallet::read(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(message.contains("is not a keypair file") && !message.contains("s3cret"), "{message}");
        assert!(Wallet::read(&path).unwrap_err().contains("there is no keypair file"));
    }
}
