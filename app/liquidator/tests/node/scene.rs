//! An exchange with one market on a real node: a maker, longs who will be in trouble, and bots.

use std::collections::BTreeMap;

use solana_account::Account;
use solana_pubkey::Pubkey;
use solana_signer::Signer;
use taper::instructions::{CancelAllOrdersArgs, BOTH_SIDES};
use taper::state::{MarginAccount, Market, OrderBook};
use taper_cluster::feed::Feed;
use taper_cluster::node::{Binaries, Cluster};
use taper_cluster::people::{exchange_keys, keypair, mint, tokens, Trader};
use taper_cluster::wait_for;
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, Side};
use taper_sdk::account::{copied, ProgramAccount};
use taper_sdk::audit::prove;
use taper_sdk::instruction::{self, limit_order as order, Listing, MarketKeys};
use taper_sdk::snapshot::RawAccount;

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
    /// The price, published on and on.
    pub feed: Feed,
    tick: i64,
    pub longs: Vec<Trader>,
    maker: Trader,
}

impl Scene {
    /// An exchange, a market at 150 dollars, and so many longs of 100 coins with 1,000 dollars each.
    pub fn new(binaries: Binaries, longs: usize) -> Self {
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
        let prices = cluster.feed(keys.oracle, feed.to_bytes(), START_PRICE);
        let mut scene = Self { cluster, keys, feed: prices, tick, longs: Vec::new(), maker };
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

    /// Lets the price fall to this, with a maker who quotes under it anew until it `is_done`: however much the bots take, there is depth.
    pub fn fall(
        &self,
        what: &str,
        price_atoms_per_lot: i64,
        said: impl Fn() -> String,
        mut is_done: impl FnMut() -> bool,
    ) {
        self.feed.set(price_atoms_per_lot);
        wait_for(what, said, || {
            self.quote(price_atoms_per_lot);
            is_done().then_some(())
        });
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

    /// INV-01 and INV-02 from the accounts alone. Nobody may be at work.
    pub fn audit(&self) {
        let accounts = self.cluster.rpc.get_program_accounts(&taper_sdk::PROGRAM_ID).unwrap();
        let vault = self.cluster.rpc.get_account(&exchange_keys().vault).unwrap();
        let held = u64::from_le_bytes(*vault.data[64..].first_chunk().unwrap());
        let rows = accounts.iter().map(|(key, row)| (key, RawAccount { owner: row.owner, data: &row.data }));
        let proof = prove(&self.keys.exchange, rows, held).unwrap();
        assert!(proof.holds() && proof.margin_accounts > 0, "{proof:?}");
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
