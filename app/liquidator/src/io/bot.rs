//! The bot: news into the store, the store to the desk, the desk's actions to the node, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use solana_commitment_config::CommitmentConfig;
use solana_instruction::Instruction;
use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper::state::MarginAccount;
use taper_sdk::account::decode;
use taper_sdk::instruction::{absorb, partial_liquidate, Payout};
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};

use super::chain::{Chain, ChainError};
use super::feed::{self, Dropped, FeedConfig, News};
use super::send::{max_fee_lamports, Progress, Recent, Sender};
use crate::action::{Outcome, Plan, Step, Way};
use crate::config::Config;
use crate::decide::{legs_of, own_legs, Economics, Planner};
use crate::desk::{ActionId, Desk, Rules};
use crate::ledger::earned;
use crate::limits::{InventoryLimit, SpendLimit};
use crate::metrics::Metrics;
use crate::store::{sparse, Store};
use crate::wallet::Wallet;

/// News applied before the desk looks: many updates of one slot lead to one round.
const NEWS_PER_ROUND: usize = 1_024;
/// A clock that is so many slots behind is that of another chain, or of a node that began anew.
const SLOTS_BACK: u64 = 64;
const BLOCKHASH_EVERY: Duration = Duration::from_secs(2);
const FEES_EVERY: Duration = Duration::from_secs(10);
/// Accounts that one question about fees may name.
const FEE_ACCOUNTS: usize = 128;
/// Units of a usual slice, to estimate its fee before it is simulated.
const USUAL_UNITS: u64 = 150_000;

/// A running bot.
pub struct Bot {
    config: Config,
    chain: Arc<Chain>,
    caller: Pubkey,
    own: Pubkey,
    sender: Arc<Sender>,
    store: Store,
    /// True while the subscriptions stand: loading without them would not help.
    connected: bool,
    /// True while what is known is complete: nothing is decided before.
    synced: bool,
    loaded_at: Instant,
    desk: Desk,
    metrics: Arc<Metrics>,
    oracles: watch::Sender<Vec<Pubkey>>,
    /// What the actions write to: the fees that others pay for it count.
    written: watch::Sender<Vec<Pubkey>>,
    dropped: Arc<Dropped>,
}

/// What a bot is started with.
pub struct Start {
    /// Configuration.
    pub config: Config,
    /// Who signs.
    pub wallet: Wallet,
    /// Only simulate.
    pub dry_run: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Turns true when the bot is to end.
    pub shutdown: watch::Receiver<bool>,
}

/// Runs a bot until it is told to end, and what it has sent has an outcome.
///
/// # Errors
/// [`ChainError`] if it cannot begin; once it runs it goes on, whatever the node does.
pub async fn run(start: Start) -> Result<(), ChainError> {
    let Start { config, wallet, dry_run, metrics, mut shutdown } = start;
    let (chain, caller) = (Chain::new(&config), wallet.key());
    let own = chain.check(&config, &caller).await?;
    let tables = chain.lookup_tables(&config.caller.lookup_tables).await?;
    info!(%caller, margin_account = %own, exchange = %config.cluster.exchange, dry_run, "started");

    let (recent, recent_seen) = watch::channel(Recent::default());
    let (closing, closing_seen) = watch::channel(false);
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let (oracles, oracles_seen) = watch::channel(Vec::new());
    let (written, written_seen) = watch::channel(Vec::new());
    let (news_in, mut news) = mpsc::channel(config.sync.queue_updates);
    let (clock, mut clock_seen) = watch::channel(None::<Now>);
    let dropped = Arc::new(Dropped::default());
    let feed_config = FeedConfig {
        url: config.cluster.websocket_url.clone(),
        silence: Duration::from_secs(config.sync.silence_seconds),
        backoff_max: Duration::from_secs(config.sync.backoff_max_seconds),
    };
    let helpers = [
        tokio::spawn(feed::run(feed_config, oracles_seen, news_in, dropped.clone())),
        tokio::spawn(watch_clock(chain.clone(), clock, Duration::from_millis(config.sync.clock_milliseconds))),
        tokio::spawn(watch_recent(chain.clone(), recent, written_seen, config.clone())),
    ];
    let sender = Arc::new(Sender {
        chain: chain.clone(),
        wallet,
        tables,
        unit_margin_percent: config.fees.unit_margin_percent,
        dry_run,
        recent: recent_seen,
        closing: closing_seen,
        progress,
    });
    let (desk, store) = (desk_of(&config, own), Store::new(config.cluster.exchange));
    let loaded_at = Instant::now();
    let (connected, synced) = (false, false);
    let mut bot = Bot {
        config,
        chain,
        caller,
        own,
        sender,
        store,
        connected,
        synced,
        loaded_at,
        desk,
        metrics,
        oracles,
        written,
        dropped,
    };

    let mut give_up = None::<Instant>;
    loop {
        let mut arrived = None;
        tokio::select! {
            changed = shutdown.changed(), if give_up.is_none() => {
                if changed.is_err() || *shutdown.borrow() {
                    info!(in_flight = bot.desk.in_flight(), "shutting down: nothing more is sent");
                    bot.desk.close();
                    let _ = closing.send(true);
                    give_up = Some(Instant::now() + Duration::from_secs(bot.config.sync.shutdown_seconds));
                }
            }
            Some(first) = news.recv() => {
                arrived = bot.hear(first).await;
                for _ in 1..NEWS_PER_ROUND {
                    let Ok(next) = news.try_recv() else { break };
                    bot.hear(next).await;
                }
            }
            Ok(()) = clock_seen.changed() => {
                let now = *clock_seen.borrow_and_update();
                bot.tick(now).await;
            }
            Some(step) = progressed.recv() => bot.progress(step),
            // So that a shutdown is noticed without any news.
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
        // What no news has led to, but the clock, begins now.
        bot.decide(arrived.unwrap_or_else(Instant::now));
        bot.count(news.len());
        if let Some(until) = give_up {
            if bot.desk.in_flight() == 0 || Instant::now() > until {
                break;
            }
        }
    }
    for helper in helpers {
        helper.abort();
    }
    if bot.desk.in_flight() > 0 {
        warn!(in_flight = bot.desk.in_flight(), "ended before every outcome was known");
    }
    bot.say_goodbye();
    Ok(())
}

fn desk_of(config: &Config, own: Pubkey) -> Desk {
    let usual = config.fees.min_micro_lamports_per_unit.saturating_mul(USUAL_UNITS).div_ceil(1_000_000);
    let economics = Economics {
        quote_atoms_per_sol: config.profit.quote_atoms_per_sol,
        fee_lamports: 5_000u64.saturating_add(usual),
        min_profit_atoms: config.profit.min_profit_atoms,
        absorb_haircut_bps: config.profit.absorb_haircut_bps,
        min_payout_bps: config.profit.min_payout_bps,
    };
    let planner = Planner {
        economics,
        own_margin_account: own,
        book: config.profit.book,
        absorb: config.profit.absorb,
        deadline_slots: config.fees.deadline_slots,
    };
    let rules = Rules {
        max_in_flight: config.limits.max_in_flight,
        plans_per_round: config.sync.plans_per_round,
        retry_slots: config.sync.retry_slots,
        max_fee_lamports: max_fee_lamports(config.fees.max_micro_lamports_per_unit),
    };
    let inventory = InventoryLimit::new(config.limits.inventory_atoms_per_market, config.limits.inventory_atoms);
    Desk::new(planner, rules, SpendLimit::new(config.limits.spend_lamports_per_hour), inventory)
}

impl Bot {
    /// Takes in one piece of news. Returns when it arrived, if it changed anything.
    async fn hear(&mut self, news: News) -> Option<Instant> {
        match news {
            News::Connected => {
                info!("connected");
                self.metrics.connections.inc();
                self.connected = true;
                self.load().await;
                None
            }
            News::Lost(reason) => {
                warn!(reason, "connection lost");
                (self.connected, self.synced) = (false, false);
                None
            }
            News::Oracles(keys) => {
                // What was published before the subscription stood.
                if let Err(error) = self.chain.load_oracles(&mut self.store, &keys).await {
                    warn!(%error, "oracles not loaded");
                    self.synced = false;
                }
                None
            }
            News::Account { key, owner, data, slot, is_oracle, arrived } => {
                self.metrics.updates.inc();
                if is_oracle {
                    self.store.put_oracle(key, owner, &data, slot);
                } else if let Err(error) = self.store.put(key, &owner, &data, slot) {
                    warn!(%error, "update not understood");
                    self.synced = false;
                } else {
                    self.watch_oracles();
                }
                Some(arrived)
            }
        }
    }

    /// Loads everything anew. Until that succeeds nothing is decided.
    async fn load(&mut self) {
        self.synced = false;
        match self.chain.load(self.config.cluster.exchange).await {
            Ok((store, unusable)) => {
                self.store = store;
                self.desk.forget_rests();
                // What was dropped before is in what was loaded.
                self.dropped.take();
                (self.synced, self.loaded_at) = (true, Instant::now());
                self.metrics.loads.inc();
                let (accounts, markets) = (self.store.accounts().len(), self.store.markets().count());
                info!(accounts, markets, unusable, slot = self.store.now().slot, "loaded");
                let books = self.store.markets().flat_map(|entry| [entry.keys.market, entry.keys.order_book]);
                self.written.send_replace(books.take(FEE_ACCOUNTS).collect());
                self.watch_oracles();
            }
            Err(error) => warn!(%error, "not loaded"),
        }
    }

    fn watch_oracles(&self) {
        let wanted: Vec<Pubkey> = self.store.oracle_keys().copied().collect();
        self.oracles.send_if_modified(|watched| {
            let is_new = wanted.iter().any(|key| !watched.contains(key));
            if is_new {
                *watched = wanted;
            }
            is_new
        });
    }

    /// The clock has been read, or could not be.
    async fn tick(&mut self, now: Option<Now>) {
        let Some(now) = now else {
            self.metrics.clock_failures.inc();
            return;
        };
        let dropped = self.dropped.take();
        self.metrics.dropped.inc_by(dropped);
        let is_back = now.slot.saturating_add(SLOTS_BACK) < self.store.now().slot;
        let is_due = self.loaded_at.elapsed() > Duration::from_secs(self.config.sync.reload_seconds);
        if self.connected && (!self.synced || dropped > 0 || is_back || is_due) {
            info!(synced = self.synced, dropped, is_back, is_due, "loading anew");
            self.load().await;
        }
        self.store.set_now(now);
        self.store.refresh(self.config.sync.refresh_slots);
    }

    /// Lets the desk look, and carries out what it starts.
    fn decide(&mut self, arrived: Instant) {
        if !self.synced {
            return;
        }
        let round = self.desk.round(&self.store);
        for (account, considered) in &round.refused {
            debug!(%account, refusals = ?considered.refusals, below = ?considered.below_minimum_atoms, "nothing to do");
        }
        for (plan, over) in &round.over_limit {
            self.metrics.over_limit.inc();
            info!(account = %plan.margin_account, %over, "over the limit");
        }
        for (id, plan) in round.started {
            match self.instruction(&plan) {
                Ok(instruction) => {
                    info!(
                        id, account = %plan.margin_account, market = %plan.market, way = ?plan.way,
                        lots = plan.report.base_lots, health_bps = plan.report.health_before_bps,
                        profit_atoms = plan.profit_atoms, "planned"
                    );
                    let sender = self.sender.clone();
                    tokio::spawn(async move { sender.carry_out(id, instruction, arrived).await });
                }
                Err(reason) => self.step(id, Step::Broken(reason)),
            }
        }
    }

    fn instruction(&self, plan: &Plan) -> Result<Instruction, String> {
        let keys = self.store.market(&plan.market).ok_or("the market is gone")?.keys;
        let id = self.store.accounts().find(&plan.margin_account).ok_or("the account is gone")?;
        let words = self.store.accounts().unpack(id);
        let account: &MarginAccount =
            decode(sparse::bytes_of(&words, MarginAccount::SPACE)).map_err(|error| error.to_string())?;
        let legs = legs_of(&self.store, account, &plan.market).map_err(|error| error.to_string())?;
        Ok(match plan.way {
            Way::Book => {
                let payout = Payout::Credit { margin_account: self.own };
                partial_liquidate(self.caller, &keys, plan.margin_account, &payout, plan.args, &legs)
            }
            Way::Absorb => {
                let own = own_legs(&self.store, &self.own, &plan.market).map_err(|error| error.to_string())?;
                absorb(self.caller, &keys, plan.margin_account, self.own, plan.args, &legs, &own)
            }
        })
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Step(id, step) => self.step(id, step),
            Progress::Latency(own_time) => {
                info!(own_micros = u64::try_from(own_time.as_micros()).unwrap_or(u64::MAX), "sent");
                self.metrics.latency.observe(own_time);
            }
            Progress::Landed { id, signature, fee_lamports, logs, step } => {
                let slices = earned(&logs, &self.caller, Some(&self.own));
                for slice in &slices {
                    info!(
                        id, %signature, account = %slice.margin_account, market = %slice.market, lots = slice.base_lots,
                        payout_atoms = slice.payout_atoms, discount_atoms = slice.discount_atoms, fee_lamports, "earned"
                    );
                }
                let seconds = self.store.now().seconds;
                self.desk.landed(seconds, signature.into(), fee_lamports, &slices);
                self.step(id, step);
            }
        }
    }

    fn step(&mut self, id: ActionId, step: Step) {
        let seconds = self.store.now().seconds;
        match self.desk.step(seconds, id, step) {
            Ok(None) => {}
            Ok(Some(outcome @ (Outcome::Failed(_) | Outcome::Unknown | Outcome::Expired))) => {
                warn!(id, ?outcome, "ended")
            }
            Ok(Some(outcome)) => info!(id, ?outcome, "ended"),
            Err(illegal) => warn!(id, %illegal, "step refused"),
        }
    }

    fn count(&mut self, queued: usize) {
        let seconds = self.store.now().seconds;
        let metrics = &self.metrics;
        metrics.synced.set(u64::from(self.synced));
        metrics.queue.set(queued as u64);
        metrics.slot.set(self.store.now().slot);
        metrics.accounts.set(self.store.accounts().len() as u64);
        metrics.markets.set(self.store.markets().count() as u64);
        metrics.at_risk.set(self.store.at_risk().len() as u64);
        metrics.in_flight.set(self.desk.in_flight() as u64);
        metrics.spend_left.set(self.desk.spend_left_lamports(seconds));
        metrics.inventory.set(self.desk.inventory_atoms().max(0).unsigned_abs());
        let ledger = self.desk.ledger();
        metrics.slices.set(ledger.slices);
        metrics.payout.set(ledger.payout_atoms.max(0).unsigned_abs());
        metrics.fees.set(ledger.fee_lamports);
        metrics.set_outcomes(self.desk.outcomes());
        metrics.set_profit(ledger.profit_atoms(self.config.profit.quote_atoms_per_sol));
    }

    fn say_goodbye(&self) {
        let ledger = self.desk.ledger();
        info!(
            slices = ledger.slices, payout_atoms = ledger.payout_atoms, fee_lamports = ledger.fee_lamports,
            profit_atoms = ledger.profit_atoms(self.config.profit.quote_atoms_per_sol),
            outcomes = ?self.desk.outcomes(), "ended"
        );
    }
}

/// Reads the chain's clock again and again.
async fn watch_clock(chain: Arc<Chain>, clock: watch::Sender<Option<Now>>, every: Duration) {
    while !clock.is_closed() {
        let now = match chain.now().await {
            Ok(now) => Some(now),
            Err(error) => {
                warn!(%error, "no clock");
                None
            }
        };
        clock.send_replace(now);
        let pause = if now.is_some() { every } else { every.max(Duration::from_secs(1)) };
        tokio::time::sleep(pause).await;
    }
}

/// Keeps a blockhash at hand, and the fee that is usual.
async fn watch_recent(
    chain: Arc<Chain>,
    recent: watch::Sender<Recent>,
    written: watch::Receiver<Vec<Pubkey>>,
    config: Config,
) {
    let mut fees_at = None::<Instant>;
    let bounds = (config.fees.min_micro_lamports_per_unit, config.fees.max_micro_lamports_per_unit);
    let mut fee = bounds.0;
    while !recent.is_closed() {
        if fees_at.is_none_or(|at| at.elapsed() > FEES_EVERY) {
            fees_at = Some(Instant::now());
            let accounts = written.borrow().clone();
            match chain.recent_fee(&accounts, config.fees.percentile).await {
                Ok(usual) => fee = usual.clamp(bounds.0, bounds.1),
                Err(error) => debug!(%error, "no recent fees"),
            }
        }
        match chain.client.get_latest_blockhash_with_commitment(CommitmentConfig::confirmed()).await {
            Ok((blockhash, last_valid_block_height)) => {
                recent.send_replace(Recent { blockhash, last_valid_block_height, micro_lamports_per_unit: fee });
            }
            Err(error) => warn!(%error, "no blockhash"),
        }
        tokio::time::sleep(BLOCKHASH_EVERY).await;
    }
}
