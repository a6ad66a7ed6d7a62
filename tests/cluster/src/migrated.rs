//! A cluster as `migrations/clusters/localnet.toml` describes it: what that file takes for granted, and the file itself.

use std::path::{Path, PathBuf};

use solana_pubkey::Pubkey;
use solana_signer::Signer;

use crate::command::{Said, Terminal};
use crate::feed::Feed;
use crate::node::{Binaries, Cluster};
use crate::people::{keypair, mint, tokens};

/// The mint of the file.
pub const QUOTE_MINT: Pubkey = Pubkey::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
/// Pyth's account of SOL, of shard 0, and its feed: those of the file.
pub const SOL_ORACLE: Pubkey = Pubkey::from_str_const("7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE");
const SOL_FEED: &str = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";
/// 150 dollars for lots of a hundredth.
pub const START_PRICE: i64 = 1_500_000;
const TOKEN: u64 = 1_000_000;

/// The file.
pub fn localnet() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/clusters/localnet.toml");
    std::fs::read_to_string(path).unwrap()
}

/// A node with the mint and the price that the file names.
pub struct Venue {
    /// The node.
    pub cluster: Cluster,
    /// The price of SOL.
    pub sol: Feed,
}

impl Venue {
    /// Nothing but mint and price: the exchange is not there.
    pub fn start(binaries: Binaries) -> Self {
        let cluster = Cluster::start(binaries);
        cluster.set_account(&QUOTE_MINT, &mint());
        let sol = cluster.feed(SOL_ORACLE, feed_id(), START_PRICE);
        Self { cluster, sol }
    }

    /// Whoever governs, with lamports.
    pub fn admin(&self) -> Terminal {
        let (admin, guardian) = (keypair("admin"), keypair("guardian"));
        self.cluster.fund(&admin.pubkey());
        let terminal = Terminal::new(&self.cluster.http_url(), &admin);
        terminal.with("TAPER_ADMIN", admin.pubkey()).with("TAPER_GUARDIAN", guardian.pubkey())
    }

    /// Somebody with lamports and so many tokens in the associated account.
    pub fn person(&self, name: &str, tokens_whole: u64) -> Terminal {
        let person = keypair(name);
        self.cluster.fund(&person.pubkey());
        let account = associated_token_account(&person.pubkey());
        self.cluster.set_account(&account, &tokens(&QUOTE_MINT, &person.pubkey(), tokens_whole * TOKEN));
        Terminal::new(&self.cluster.http_url(), &person)
    }

    /// The state of the file, by the binary of the migrations.
    pub fn migrate(&self, binary: &Path) -> Said {
        let admin = self.admin();
        let file = admin.file("localnet.toml", &localnet());
        admin.run(binary, &format!("--json apply --yes {}", file.display()), "").done()
    }

    /// The exchange of the file.
    pub fn exchange(&self) -> Pubkey {
        taper_sdk::address::exchange(&keypair("admin").pubkey(), 0)
    }

    /// Number 0 of somebody's margin accounts.
    pub fn margin_account(&self, name: &str) -> Pubkey {
        taper_sdk::address::margin_account(&self.exchange(), &keypair(name).pubkey(), 0)
    }
}

/// The associated token account of somebody, for the mint of the file.
pub fn associated_token_account(owner: &Pubkey) -> Pubkey {
    let program = Pubkey::from_str_const("ATokenGPvbdGVxr1b9hvZbsiqW5xWH25efTNsLJA8knL");
    let seeds = [owner.as_ref(), crate::people::TOKEN_PROGRAM.as_ref(), QUOTE_MINT.as_ref()];
    Pubkey::find_program_address(&seeds, &program).0
}

/// The binary of the migrations, beside another of the workspace.
pub fn migrate_beside(binary: &str) -> PathBuf {
    crate::command::sibling(binary, "taper-migrate")
}

/// The feed of SOL.
pub fn feed_id() -> [u8; 32] {
    std::array::from_fn(|place| u8::from_str_radix(&SOL_FEED[2 * place..2 * place + 2], 16).unwrap())
}
