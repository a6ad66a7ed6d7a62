//! Is this the right cluster, with the right program and accounts? Asked before anything is done.

use solana_hash::Hash;
use solana_pubkey::{pubkey, Pubkey};
use taper_sdk::account::{copied, decode_owned, DecodeError, ProgramAccount};
use taper_sdk::PROGRAM_ID;

use crate::cluster::Cluster;
use crate::{Client, Fetched, RpcFault};

/// Owners of programs.
const LOADERS: [Pubkey; 3] = [
    pubkey!("BPFLoaderUpgradeab1e11111111111111111111111"),
    pubkey!("BPFLoader2111111111111111111111111111111111"),
    pubkey!("LoaderV411111111111111111111111111111111111"),
];

/// Why one cannot work with a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is another cluster.
    #[error(
        "wrong cluster: {place} is a node of {is} (genesis hash {found}), expected is the genesis hash {expected}"
    )]
    OtherCluster {
        /// The node.
        place: String,
        /// What it belongs to.
        is: &'static str,
        /// Its genesis hash.
        found: String,
        /// The one that was expected.
        expected: String,
    },
    /// The program is not there.
    #[error("program {PROGRAM_ID} is not deployed on {place}: is it the right cluster?")]
    NoProgram {
        /// The node.
        place: String,
    },
    /// There is an account at the program's address that is no program.
    #[error("account {PROGRAM_ID} on {place} is not a program: {reason}")]
    NotAProgram {
        /// The node.
        place: String,
        /// Why not.
        reason: &'static str,
    },
    /// An account is not there.
    #[error("{what} {key} does not exist on {place}")]
    Missing {
        /// What it should be.
        what: &'static str,
        /// Its address.
        key: Pubkey,
        /// The node.
        place: String,
    },
    /// An account was written by another version of the program.
    #[error("{what} {key}: {error}. The program of {place} is of another version than this one is made for")]
    OtherVersion {
        /// What it should be.
        what: &'static str,
        /// Its address.
        key: Pubkey,
        /// Which versions.
        error: DecodeError,
        /// The node.
        place: String,
    },
    /// An account is not what it should be.
    #[error("{what} {key}: {reason}")]
    Wrong {
        /// What it should be.
        what: &'static str,
        /// Its address.
        key: Pubkey,
        /// Why not.
        reason: String,
    },
    /// The payer has nothing to pay with.
    #[error("{payer} has no lamports on {place}: it cannot pay a fee. Fund it first")]
    NoLamports {
        /// The payer.
        payer: Pubkey,
        /// The node.
        place: String,
    },
    /// The node cannot say.
    #[error(transparent)]
    Rpc(#[from] RpcFault),
}

impl Client {
    /// The cluster that the node belongs to.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn cluster(&self) -> Result<Cluster, RpcFault> {
        Ok(Cluster::of_genesis(&self.genesis().await?))
    }

    /// The node belongs to the cluster with this genesis.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn require_genesis(&self, expected: &Hash) -> Result<(), Unfit> {
        let found = self.genesis().await?;
        if found == *expected {
            return Ok(());
        }
        let (is, found) = (Cluster::of_genesis(&found).name(), found.to_string());
        Err(Unfit::OtherCluster { place: self.place(), is, found, expected: expected.to_string() })
    }

    /// The program is deployed.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn require_program(&self) -> Result<(), Unfit> {
        let place = self.place();
        let Some(program) = self.account(&PROGRAM_ID).await? else { return Err(Unfit::NoProgram { place }) };
        let reason = match (program.executable, LOADERS.contains(&program.owner)) {
            (true, true) => return Ok(()),
            (false, _) => "it is not executable",
            (true, false) => "no loader owns it",
        };
        Err(Unfit::NotAProgram { place, reason })
    }

    /// An account that must be there, whatever it is.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn require(&self, what: &'static str, key: &Pubkey) -> Result<Fetched, Unfit> {
        let found = self.account(key).await?;
        found.ok_or_else(|| Unfit::Missing { what, key: *key, place: self.place() })
    }

    /// An account of the program that must be there, and of the version that is known here.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn require_account<T: ProgramAccount>(&self, what: &'static str, key: &Pubkey) -> Result<Box<T>, Unfit> {
        let found = self.require(what, key).await?;
        // Bytes from a node are not aligned: what is decoded is a copy, unless it is not worth one.
        let decoded = match found.owner == PROGRAM_ID && found.data.len() == 8 + core::mem::size_of::<T>() {
            true => copied::<T>(&found.data),
            false => decode_owned::<T>(&found.owner, &found.data).and_then(|_| copied::<T>(&found.data)),
        };
        decoded.map_err(|error| match error {
            DecodeError::WrongVersion { .. } | DecodeError::WrongSize { .. } => {
                Unfit::OtherVersion { what, key: *key, error, place: self.place() }
            }
            error => Unfit::Wrong { what, key: *key, reason: error.to_string() },
        })
    }

    /// The payer can pay a fee.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn require_lamports(&self, payer: &Pubkey) -> Result<u64, Unfit> {
        match self.balance(payer).await? {
            0 => Err(Unfit::NoLamports { payer: *payer, place: self.place() }),
            lamports => Ok(lamports),
        }
    }
}
