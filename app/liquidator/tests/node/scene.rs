//! An exchange with one market on a real node: a maker, longs who will be in trouble, and bots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use solana_account::Account;
use solana_keypair::{write_keypair_file, Keypair};
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, BOTH_SIDES};
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, Side};
use taper_sdk::account::{copied, is, ProgramAccount};
use taper_sdk::instruction::{self, Listing, MarketKeys};
use taper_sdk::pyth::{pull_account, PublishedPrice, Verification, PYTH_PULL};

use crate::cluster::{wait_for, Cluster};
use crate::people::{exchange_keys, keypair, mint, order, tokens, Trader};

const TOKEN: u64 = 1_000_000;
/// Quote atoms per lot at the start.
pub const START_PRICE: i64 = 1_500_000;
/// Lots of a long.
pub const LOTS: i64 = 10_000;
const LEVELS: i64 = 4;
const LEVEL_LOTS: i64 = 4_000;

/// The scene.
pub struct Scene {
    pub cluster: Cluster,
    pub keys: MarketKeys,
    feed: Pubkey,
    tick: i64,
    pub longs: Vec<Trader>,
    maker: Trader,
}

impl Scene {
    /// An exchange, a market at 150 dollars, and so many longs of 100 coins with 1,000 dollars each.
    pub fn new(binaries: (PathBuf, PathBuf), longs: usize) -> Self {
        let cluster = Cluster::start(binaries);
        let exchange = exchange_keys();
        cluster.set_account(&exchange.quote_mint, &mint());
        let admin = keypair("admin");
        cluster.fund(&admin.pubkey());
        let guardian = keypair("guardian").pubkey();
        let create = instruction::initialize_exchange(
            admin.pubkey(),
            0,
            guardian,
            0,
            exchange.quote_mint,
            exchange.token_program,
        );
        cluster.send(&[create], &[&admin]);

        let params = params();
        let (market, book) = (keypair("market"), keypair("book"));
        let feed = keypair("feed").pubkey();
        let keys = MarketKeys {
            exchange: exchange.exchange,
            market: market.pubkey(),
            order_book: book.pubkey(),
            oracle: keypair("oracle").pubkey(),
        };
        let tick = params.tick_size_atoms_per_lot;
        let maker = Trader::new("maker");
        let mut scene = Self { cluster, keys, feed, tick, longs: Vec::new(), maker };
        scene.publish(START_PRICE);
        let listing = Listing { params, oracle_kind: 1, oracle_key: feed, name: *b"SOL\0\0\0\0\0\0\0\0\0\0\0\0\0" };
        let payer = scene.cluster.payer.pubkey();
        let create = [
            instruction::create_zeroed_account(&payer, &keys.market, Market::SPACE),
            instruction::create_zeroed_account(&payer, &keys.order_book, OrderBook::SPACE),
            instruction::create_market(admin.pubkey(), &keys, &listing),
        ];
        scene.cluster.send(&create, &[&admin, &market, &book]);

        scene.maker = scene.trader("maker", 50_000_000 * TOKEN);
        for number in 0..longs {
            let long = scene.trader(&format!("long {number}"), 1_000 * TOKEN);
            scene.longs.push(long);
        }
        scene
    }

    /// Somebody with cash in a margin account.
    pub fn trader(&self, name: &str, deposit_atoms: u64) -> Trader {
        let trader = Trader::new(name);
        self.cluster.fund(&trader.key());
        let held = tokens(&exchange_keys().quote_mint, &trader.key(), deposit_atoms);
        self.cluster.set_account(&trader.token_account, &held);
        let create = instruction::create_margin_account(trader.key(), self.keys.exchange, 0, false);
        self.cluster.send(&[create, trader.deposit(deposit_atoms)], &[&trader.keypair]);
        trader
    }

    /// The longs buy from the maker at the starting price.
    pub fn open_longs(&self) {
        for long in &self.longs {
            self.publish(START_PRICE);
            let ask = instruction::place_order(
                self.maker.key(),
                &self.keys,
                self.maker.margin,
                order(Side::Ask, START_PRICE, LOTS),
                &[],
            );
            let bid =
                instruction::place_order(long.key(), &self.keys, long.margin, order(Side::Bid, START_PRICE, LOTS), &[]);
            self.cluster.send(&[ask, bid], &[&self.maker.keypair, &long.keypair]);
        }
    }

    /// Writes the oracle account: a price published now.
    pub fn publish(&self, price_atoms_per_lot: i64) {
        let now = self.cluster.now();
        let mantissa = price_atoms_per_lot * 10_000;
        let published = PublishedPrice {
            price: mantissa,
            confidence: (mantissa / 2_000).unsigned_abs(),
            exponent: -8,
            ema_price: mantissa,
            ema_confidence: 0,
            publish_time_seconds: now.seconds,
            previous_publish_time_seconds: now.seconds - 1,
            slot: now.slot,
        };
        let data = pull_account(&published, &self.feed.to_bytes(), Verification::Full, &[0; 32]);
        let account = Account { lamports: 30_000_000, data, owner: PYTH_PULL, executable: false, rent_epoch: u64::MAX };
        self.cluster.set_account(&self.keys.oracle, &account);
    }

    /// The maker quotes bids under this price, instead of what it quoted before.
    pub fn quote(&self, price_atoms_per_lot: i64) {
        let maker = &self.maker;
        let cancel = CancelAllOrdersArgs { side: BOTH_SIDES, limit: 32 };
        let cancel = instruction::cancel_all_orders(maker.key(), &self.keys, maker.margin, cancel);
        let bids = (1..=LEVELS).map(|level| {
            let price = (price_atoms_per_lot - level * 700) / self.tick * self.tick;
            let args = order(Side::Bid, price, LEVEL_LOTS);
            instruction::place_order(maker.key(), &self.keys, maker.margin, args, &[])
        });
        let instructions: Vec<_> = std::iter::once(cancel).chain(bids).collect();
        self.cluster.send(&instructions, &[&maker.keypair]);
    }

    /// An account of the program.
    pub fn load<T: ProgramAccount>(&self, key: &Pubkey) -> Box<T> {
        copied(&self.cluster.rpc.get_account(key).unwrap().data).unwrap()
    }

    /// Position of a margin account, in lots.
    pub fn base(&self, margin_account: &Pubkey) -> i64 {
        let market = self.load::<Market>(&self.keys.market);
        let seats = market.state.seats.rows.iter().take(market.state.seats.touched_count as usize);
        seats.filter(|seat| seat.owner == margin_account.to_bytes()).map(|seat| seat.base_lots).sum()
    }

    /// Positions of the longs, in lots.
    pub fn positions(&self) -> Vec<i64> {
        self.longs.iter().map(|long| self.base(&long.margin)).collect()
    }

    /// Cash of a margin account.
    pub fn cash(&self, margin_account: &Pubkey) -> i64 {
        self.load::<MarginAccount>(margin_account).state.cash_atoms
    }

    /// Every account that the scene is made of.
    pub fn save(&self) -> BTreeMap<Pubkey, Account> {
        let rpc = &self.cluster.rpc;
        let mut saved: BTreeMap<Pubkey, Account> =
            rpc.get_program_accounts(&taper_sdk::PROGRAM_ID).unwrap().into_iter().collect();
        let tokens = self.longs.iter().chain([&self.maker]).map(|trader| trader.token_account);
        let wallets = [self.cluster.payer.pubkey(), self.maker.key()];
        for key in tokens.chain(wallets).chain([exchange_keys().vault, exchange_keys().quote_mint, self.keys.oracle]) {
            saved.insert(key, rpc.get_account(&key).unwrap());
        }
        saved
    }

    /// INV-01 and INV-02 from the accounts alone.
    pub fn audit(&self) {
        let accounts = self.cluster.rpc.get_program_accounts(&taper_sdk::PROGRAM_ID).unwrap();
        let (mut owed, mut base, mut longs, mut interest) = (0i128, 0i128, 0i128, 0i128);
        for (_, account) in &accounts {
            if is::<MarginAccount>(&account.data) {
                owed += i128::from(copied::<MarginAccount>(&account.data).unwrap().state.cash_atoms);
            } else if is::<Exchange>(&account.data) {
                let exchange = copied::<Exchange>(&account.data).unwrap();
                owed += i128::from(exchange.insurance_atoms) + i128::from(exchange.fees_atoms);
            } else if is::<Market>(&account.data) {
                let market = copied::<Market>(&account.data).unwrap();
                let state = &market.state;
                for seat in &state.seats.rows {
                    base += i128::from(seat.base_lots);
                    longs += i128::from(seat.base_lots.max(0));
                    owed += i128::from(seat.quote_entry_atoms) + i128::from(seat.realised_atoms);
                }
                interest += i128::from(state.open_interest_base_lots);
                owed += i128::from(state.seats.bonds_atoms) + i128::from(state.fees_atoms);
                owed += i128::from(state.insurance_pending_atoms) + i128::from(state.charges.clearing_atoms);
                owed -= i128::from(state.unassigned_loss_atoms);
            }
        }
        let vault = self.cluster.rpc.get_account(&exchange_keys().vault).unwrap();
        let held = u64::from_le_bytes(vault.data[64..72].try_into().unwrap());
        assert_eq!(i128::from(held), owed, "INV-01");
        assert_eq!((base, longs), (0, interest), "INV-02");
    }
}

/// A market of lots of a hundredth, deep enough that its throttle stops nobody here.
fn params() -> MarketParams {
    let (price, calm_depth_lots) = (Price(START_PRICE), BaseLots(1_000_000));
    let mut params = default_params(&MarketSizing { base_lot_exponent: -2, price, calm_depth_lots }).unwrap();
    (params.min_order_base_lots, params.min_slice_base_lots) = (1, 32);
    params.tick_size_atoms_per_lot = 100;
    params
}

/// A bot as a process of its own.
pub struct Bot {
    process: Child,
    directory: PathBuf,
    pub trader: Trader,
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bot {
    /// Starts a bot with a margin account of its own. `changes` are made to the configuration.
    pub fn start(scene: &Scene, name: &str, arguments: &[&str], changes: &[(&str, &str)]) -> Self {
        let trader = scene.trader(name, 20_000 * TOKEN);
        let directory = std::env::temp_dir().join(format!("taper-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (wallet, log) = (directory.join("wallet.json"), directory.join("log.json"));
        let _ = std::fs::remove_file(&log);
        write_keypair_file(&Keypair::new_from_array(*trader.keypair.secret_bytes()), &wallet).unwrap();
        let exchange = scene.keys.exchange.to_string();
        let mut text = include_str!("../../liquidator.example.toml")
            .replace("http://127.0.0.1:8899", &scene.cluster.http_url())
            .replace("ws://127.0.0.1:8900", &scene.cluster.websocket_url())
            .replace("11111111111111111111111111111112", &exchange)
            .replace("\"liquidator.json\"", &format!("{wallet:?}"))
            .replace("json = false", &format!("json = true\nlog_file = {log:?}"));
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let config = directory.join("bot.toml");
        std::fs::write(&config, text).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_taper-liquidator"))
            .arg("--config")
            .arg(&config)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let bot = Self { process, directory, trader };
        wait_for("the bot to load", Duration::from_secs(60), || (!bot.lines("loaded").is_empty()).then_some(()));
        bot
    }

    /// The lines of its log with this message.
    pub fn lines(&self, message: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.directory.join("log.json")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter(|line| line["fields"]["message"] == message).map(|mut line| line["fields"].take()).collect()
    }

    /// Lots and payouts of the slices that it has been paid for.
    pub fn earned(&self) -> (i64, i64) {
        let sum = |field: &str| self.lines("earned").iter().filter_map(|line| line[field].as_i64()).sum();
        (sum("lots"), sum("payout_atoms"))
    }

    /// Its whole log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log.json")).unwrap_or_default()
    }

    /// Asks it to end, and waits until it has; its exit must be a success.
    pub fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = wait_for("the bot to end", Duration::from_secs(90), || self.process.try_wait().unwrap());
        assert!(status.success(), "{status}: {}", self.log());
    }
}
