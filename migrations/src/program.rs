//! Is the program on the cluster the one that was built here? Byte by byte.

use anyhow::{bail, ensure, Context, Result};
use solana_pubkey::{pubkey, Pubkey};
use taper_client::Client;
use taper_sdk::PROGRAM_ID;

const UPGRADEABLE_LOADER: Pubkey = pubkey!("BPFLoaderUpgradeab1e11111111111111111111111");
/// Bytes before the program in its data account: tag, slot, upgrade authority.
const PROGRAM_DATA_HEADER: usize = 45;
/// Tag of a program account and of its data account.
const TAGS: (u32, u32) = (2, 3);

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Where its bytes are.
    pub data_account: Pubkey,
    /// The slot it was deployed in.
    pub slot: u64,
    /// Who can replace it; `None`: nobody.
    pub upgrade_authority: Option<Pubkey>,
    /// Its bytes, with the zeroes that the loader keeps behind them.
    pub bytes: Vec<u8>,
}

/// How it compares with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same, and nothing but zeroes behind.
    Same,
    /// Different from this byte on.
    Differs {
        /// The first byte that differs.
        at: usize,
    },
}

impl Deployed {
    /// Reads a data account.
    ///
    /// # Errors
    /// It is not one.
    pub fn of(data_account: Pubkey, data: &[u8]) -> Result<Self> {
        let is_data = data.len() >= PROGRAM_DATA_HEADER && data.starts_with(&TAGS.1.to_le_bytes());
        ensure!(is_data, "account {data_account} holds no program");
        let slot = data[4..].first_chunk::<8>().context("slot")?;
        let authority = data[13..].first_chunk::<32>().context("authority")?;
        Ok(Self {
            data_account,
            slot: u64::from_le_bytes(*slot),
            upgrade_authority: (data[12] == 1).then(|| Pubkey::new_from_array(*authority)),
            bytes: data[PROGRAM_DATA_HEADER..].to_vec(),
        })
    }

    /// Compares with a local build.
    pub fn compare(&self, local: &[u8]) -> Comparison {
        let deployed = self.bytes.iter().copied().chain(std::iter::repeat(0));
        let length = self.bytes.len().max(local.len());
        // What the local file does not have must be zero; what the chain does not have is a difference even if it is zero.
        let differs =
            deployed.zip(local.iter().copied().chain(std::iter::repeat(0))).take(length).position(|(a, b)| a != b);
        match differs.or((local.len() > self.bytes.len()).then_some(self.bytes.len())) {
            Some(at) => Comparison::Differs { at },
            None => Comparison::Same,
        }
    }
}

/// Reads the deployed program.
///
/// # Errors
/// It is not there, or not upgradeable; the node's.
pub async fn read(client: &Client) -> Result<Deployed> {
    let Some(program) = client.account(&PROGRAM_ID).await? else {
        bail!("program {PROGRAM_ID} is not deployed: wrong --url?")
    };
    ensure!(
        program.owner == UPGRADEABLE_LOADER,
        "program {PROGRAM_ID} belongs to {}: not the upgradeable loader",
        program.owner
    );
    let address = program.data.get(4..).and_then(|rest| rest.first_chunk::<32>());
    let address = address.filter(|_| program.data.starts_with(&TAGS.0.to_le_bytes()));
    let data_account = Pubkey::new_from_array(*address.context("the program account is malformed")?);
    let data = client.account(&data_account).await?.context("the program has been closed")?;
    Deployed::of(data_account, &data.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(authority: Option<u8>, bytes: &[u8]) -> Vec<u8> {
        let mut data = TAGS.1.to_le_bytes().to_vec();
        data.extend(77u64.to_le_bytes());
        data.push(u8::from(authority.is_some()));
        data.extend([authority.unwrap_or(0); 32]);
        data.extend(bytes);
        data
    }

    fn deployed(bytes: &[u8]) -> Deployed {
        Deployed::of(Pubkey::default(), &account(Some(5), bytes)).unwrap()
    }

    #[test]
    fn a_data_account_is_read() {
        let found = deployed(&[1, 2]);
        assert_eq!((found.slot, found.bytes.as_slice()), (77, &[1, 2][..]));
        assert_eq!(found.upgrade_authority, Some(Pubkey::new_from_array([5; 32])));
        assert_eq!(Deployed::of(Pubkey::default(), &account(None, &[])).unwrap().upgrade_authority, None);
        let error = Deployed::of(Pubkey::default(), &[2; 60]).unwrap_err().to_string();
        assert!(error.contains("holds no program"), "{error}");
    }

    #[test]
    fn only_zeroes_may_follow_and_nothing_may_be_missing() {
        assert_eq!(deployed(&[1, 2, 0, 0]).compare(&[1, 2]), Comparison::Same);
        assert_eq!(deployed(&[1, 2]).compare(&[1, 2]), Comparison::Same);
        assert_eq!(deployed(&[1, 2, 0, 9]).compare(&[1, 2]), Comparison::Differs { at: 3 });
        assert_eq!(deployed(&[1, 3]).compare(&[1, 2]), Comparison::Differs { at: 1 });
        assert_eq!(deployed(&[1]).compare(&[1, 2]), Comparison::Differs { at: 1 });
        assert_eq!(deployed(&[1]).compare(&[1, 0]), Comparison::Differs { at: 1 });
    }
}
