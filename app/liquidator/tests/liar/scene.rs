//! An exchange in a crash on a scripted node, and a bot that watches it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::constants::ACCOUNT_VERSION;
use taper::state::MarginAccount;
use taper_liquidator::config::Config;
use taper_liquidator::io::bot::{run, Start};
use taper_liquidator::io::chain::ChainError;
use taper_liquidator::metrics::Metrics;
use taper_liquidator::wallet::Wallet;
use taper_sdk::pyth::PYTH_PULL;
use taper_sdk::PROGRAM_ID;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::node::{Node, Row};
use crate::support::{
    bytes_of, exchange, exchange_key, margin_key, market_key, oracle, oracle_key, order_book, World, START_PRICE,
};

const MAKER: usize = 998;
const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
const LOADER: Pubkey = Pubkey::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");
const SYSTEM: Pubkey = Pubkey::from_str_const("11111111111111111111111111111111");
const SLOT: u64 = 1_010;

pub struct Scene {
    pub node: Node,
    pub keypair: Keypair,
    pub own: Pubkey,
}

pub struct Bot {
    pub metrics: Arc<Metrics>,
    end: watch::Sender<bool>,
    task: JoinHandle<Result<(), ChainError>>,
}

impl Bot {
    pub async fn end(self) {
        self.end.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(30), self.task).await;
        ended.expect("it ends when it is told to").unwrap().unwrap();
    }
}

/// Waits until something is true.
pub async fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Scene {
    /// A crash by 3% over 24 accounts in three markets whose books are deep; the caller has a margin account with money.
    pub async fn new() -> Self {
        let mut world = World::new(24, 3, 11);
        let node = Node::start(SLOT).await;
        let keypair = Keypair::new();
        let own = taper_sdk::address::margin_account(&exchange_key(), &keypair.pubkey(), 0);
        let seconds = world.now.seconds + 4;
        let price = START_PRICE * 97 / 100;
        for number in 0..3 {
            let market = &mut world.markets[number];
            let maker = market.state.seats.touched_count;
            (market.state.seats.touched_count, market.state.seats.used_count) = (maker + 1, maker + 1);
            let mut book = order_book(number);
            let limit = price - price / 2_000 / 91 * 91;
            let order = &mut book.book.bids[0];
            (order.price_atoms_per_lot, order.size_base_lots, order.sequence, order.seat_index) =
                (limit, 60_000, 1, maker);
            (book.book.bid_count, book.book.next_sequence) = (1, 2);
            let seat = &mut market.state.seats.rows[maker as usize];
            seat.owner = margin_key(MAKER).to_bytes();
            (seat.bid_lots, seat.bid_quote_atoms, seat.bid_price_max_atoms_per_lot) = (60_000, 60_000 * limit, limit);
            seat.bid_count = 1;
            node.put(market.order_book, PROGRAM_ID, bytes_of(book.as_ref()));
            node.put(market_key(number), PROGRAM_ID, bytes_of(market.as_ref()));
            node.put(oracle_key(number), PYTH_PULL, oracle(number, price, seconds, 5));
        }
        for (number, account) in world.accounts.iter().enumerate() {
            node.put(margin_key(number), PROGRAM_ID, bytes_of(account));
        }
        let mut account: MarginAccount = bytemuck::Zeroable::zeroed();
        (account.version, account.exchange, account.authority) = (ACCOUNT_VERSION, exchange_key(), keypair.pubkey());
        account.state.cash_atoms = 1 << 50;
        node.put(own, PROGRAM_ID, bytes_of(&account));
        node.put(exchange_key(), PROGRAM_ID, bytes_of(&exchange()));
        node.put(keypair.pubkey(), SYSTEM, Vec::new());
        let mut clock = vec![0; 40];
        clock[..8].copy_from_slice(&SLOT.to_le_bytes());
        clock[32..].copy_from_slice(&seconds.to_le_bytes());
        node.put(CLOCK, SYSTEM, clock);
        let program = Row { owner: LOADER, data: Vec::new(), executable: true };
        node.state.lock().unwrap().rows.insert(PROGRAM_ID, program);
        Self { node, keypair, own }
    }

    /// The configuration for this node, with changes.
    pub fn config(&self, changes: &[(&str, &str)]) -> String {
        let mut text = include_str!("../../liquidator.example.toml")
            .replace("http://127.0.0.1:8899", &self.node.http)
            .replace("ws://127.0.0.1:8900", &self.node.websocket)
            .replace("11111111111111111111111111111112", &exchange_key().to_string())
            .replace("backoff_max_seconds = 30", "backoff_max_seconds = 1")
            .replace("silence_seconds = 10", "silence_seconds = 2")
            .replace("shutdown_seconds = 60", "shutdown_seconds = 5");
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        text
    }

    /// A bot that watches it.
    pub async fn start(&self, changes: &[(&str, &str)]) -> Bot {
        let config = Config::parse(&self.config(changes), Path::new("test.toml")).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let (end, shutdown) = watch::channel(false);
        let wallet = Wallet::from(self.keypair.insecure_clone());
        let task = tokio::spawn(run(Start { config, wallet, dry_run: false, metrics: metrics.clone(), shutdown }));
        Bot { metrics, end, task }
    }
}
