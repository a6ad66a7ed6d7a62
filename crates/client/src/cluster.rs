//! Which cluster a node belongs to, told by its genesis, not by its address.

use solana_hash::Hash;
use solana_rpc_client_api::request::RpcRequest;

use crate::{Client, RpcFault};

/// A public cluster, or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// Mainnet-beta.
    Mainnet,
    /// Devnet.
    Devnet,
    /// Testnet.
    Testnet,
    /// Any other: a local one, a fork.
    Other,
}

/// Genesis hashes of the public clusters, as `solana genesis-hash` says and `solana-sdk`'s `ClusterType::get_genesis_hash` has them.
const GENESIS: [(Cluster, &str); 3] = [
    (Cluster::Mainnet, "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
    (Cluster::Devnet, "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"),
    (Cluster::Testnet, "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"),
];

impl Cluster {
    /// The cluster with this genesis.
    pub fn of_genesis(genesis: &Hash) -> Self {
        let genesis = genesis.to_string();
        GENESIS.iter().find(|(_, hash)| *hash == genesis).map_or(Self::Other, |(cluster, _)| *cluster)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet-beta",
            Self::Devnet => "devnet",
            Self::Testnet => "testnet",
            Self::Other => "a local or private cluster",
        }
    }

    /// The public cluster that an RPC address or a moniker names, as far as it names one.
    pub fn of_url(url: &str) -> Option<Self> {
        [
            (Self::Mainnet, "mainnet-beta.solana.com"),
            (Self::Devnet, "devnet.solana.com"),
            (Self::Testnet, "testnet.solana.com"),
        ]
        .into_iter()
        .find(|(_, host)| url.contains(host))
        .map(|(cluster, _)| cluster)
    }
}

/// The address that a moniker stands for, as with the Solana CLI: `m`, `d`, `t`, `l` and their long forms. Anything else is an address.
pub fn url_of(moniker: &str) -> String {
    match moniker {
        "m" | "mainnet-beta" => "https://api.mainnet-beta.solana.com",
        "d" | "devnet" => "https://api.devnet.solana.com",
        "t" | "testnet" => "https://api.testnet.solana.com",
        "l" | "localhost" => "http://localhost:8899",
        url => url,
    }
    .to_owned()
}

impl Client {
    /// The hash of the cluster's first block.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn genesis(&self) -> Result<Hash, RpcFault> {
        let request = RpcRequest::GetGenesisHash;
        let text: String = self.request(request, serde_json::Value::Null).await?;
        text.parse()
            .map_err(|_| RpcFault::Nonsense { request: request.to_string(), reason: format!("{text:?} is no hash") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_told_by_genesis_and_monikers_are_those_of_solana() {
        for (cluster, hash) in GENESIS {
            assert_eq!(Cluster::of_genesis(&hash.parse().unwrap()), cluster);
        }
        assert_eq!(Cluster::of_genesis(&Hash::default()), Cluster::Other);
        for (moniker, cluster) in [("m", Cluster::Mainnet), ("devnet", Cluster::Devnet), ("t", Cluster::Testnet)] {
            assert_eq!(Cluster::of_url(&url_of(moniker)), Some(cluster));
        }
        assert_eq!(url_of("l"), "http://localhost:8899");
        assert_eq!(Cluster::of_url(&url_of("http://example.org")), None);
    }
}
