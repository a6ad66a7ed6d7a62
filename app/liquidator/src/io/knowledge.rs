//! What the bot knows, and whether it may act on it. Everything that arrives passes through here; a gap, a lag or a silence makes what is
//! known doubtful until everything has been loaded anew, and nothing is decided on what is in doubt.

use std::sync::Arc;
use std::time::Duration;

use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper_client::RpcFault;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use super::chain::{Chain, ChainError, Loaded, OracleRead};
use super::feed::{backoff, Gaps, Missed, News, Update};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::Store;

/// An update of a slot that is so far ahead of the chain's clock is none: it would make everything true look old.
const SLOTS_AHEAD_MAX: u64 = 512;
/// A websocket whose updates are of slots so far behind the chain's clock lags, or names the wrong slots: what it says is put below what
/// was loaded, so that nobody would notice how deaf the bot has become. Everything is loaded anew.
const SLOTS_BEHIND_MAX: u64 = 64;
/// Accounts that one question about fees may name.
const FEE_ACCOUNTS: usize = 128;

/// Why nothing is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// There is no websocket connection.
    Disconnected,
    /// Not everything has been loaded since the last gap.
    NotLoaded,
    /// The chain's clock has not been read for too long.
    NoClock,
}

/// What a request that was made on the side has brought.
pub enum Brought {
    /// Everything.
    All(Box<Result<Loaded, ChainError>>),
    /// Oracle accounts.
    Oracles(Result<Vec<OracleRead>, RpcFault>),
}

/// What the bot knows.
pub struct Knowledge {
    /// The accounts.
    pub store: Store,
    chain: Arc<Chain>,
    gaps: Arc<Gaps>,
    metrics: Arc<Metrics>,
    brought: mpsc::UnboundedSender<Brought>,
    oracles: watch::Sender<Vec<Pubkey>>,
    /// What the actions write to: the fees that others pay for it count.
    written: watch::Sender<Vec<Pubkey>>,
    exchange: Pubkey,
    silence: Duration,
    backoff_max: Duration,
    lag_max: Duration,
    reload_every: Duration,
    refresh_slots: u64,
    replay_max: usize,
    connected: bool,
    complete: bool,
    clock_at: Option<Instant>,
    behind_since: Option<Instant>,
    /// While everything is being loaded: what has arrived since, to be put on top of it.
    replay: Option<Vec<Update>>,
    /// A gap came while everything was being loaded: what is loaded may have it.
    gap_meanwhile: bool,
    loads_in_a_row: u32,
    next_load: Instant,
    loaded_at: Instant,
}

/// Where what is known of oracles and of accounts that are written to is passed on.
pub struct Passed {
    /// Oracle accounts to be watched.
    pub oracles: watch::Sender<Vec<Pubkey>>,
    /// Accounts that actions write to.
    pub written: watch::Sender<Vec<Pubkey>>,
    /// What requests bring.
    pub brought: mpsc::UnboundedSender<Brought>,
}

impl Knowledge {
    /// Nothing.
    pub fn new(config: &Config, chain: Arc<Chain>, gaps: Arc<Gaps>, metrics: Arc<Metrics>, passed: Passed) -> Self {
        let Passed { oracles, written, brought } = passed;
        let (sync, exchange) = (&config.sync, config.cluster.exchange);
        Self {
            store: Store::new(exchange),
            chain,
            gaps,
            metrics,
            brought,
            oracles,
            written,
            exchange,
            silence: Duration::from_secs(sync.silence_seconds),
            backoff_max: Duration::from_secs(sync.backoff_max_seconds),
            lag_max: Duration::from_secs(sync.lag_seconds),
            reload_every: Duration::from_secs(sync.reload_seconds),
            refresh_slots: sync.refresh_slots,
            replay_max: sync.queue_updates,
            connected: false,
            complete: false,
            clock_at: None,
            behind_since: None,
            replay: None,
            gap_meanwhile: false,
            loads_in_a_row: 0,
            next_load: Instant::now(),
            loaded_at: Instant::now(),
        }
    }

    /// Why nothing may be decided now, if so.
    pub fn doubt(&self) -> Option<Doubt> {
        if !self.connected {
            Some(Doubt::Disconnected)
        } else if !self.complete {
            Some(Doubt::NotLoaded)
        } else if self.clock_at.is_none_or(|at| at.elapsed() > self.silence) {
            Some(Doubt::NoClock)
        } else {
            None
        }
    }

    /// Takes in one piece of news. Returns when it arrived, if it changed anything.
    pub fn hear(&mut self, news: News) -> Option<std::time::Instant> {
        match news {
            News::Connected => {
                info!("connected");
                self.metrics.connections.inc();
                self.connected = true;
                self.gap();
                self.load_if_due();
                None
            }
            News::Lost(reason) => {
                warn!(reason, "connection lost");
                self.connected = false;
                self.gap();
                None
            }
            News::Oracles(keys) => {
                // What was published before the subscription stood.
                let (chain, brought, slot) = (self.chain.clone(), self.brought.clone(), self.store.now().slot);
                tokio::spawn(async move {
                    let _ = brought.send(Brought::Oracles(chain.oracles(&keys, slot).await));
                });
                None
            }
            News::Account(update) => {
                self.metrics.updates.inc();
                let arrived = update.arrived;
                self.update(update);
                Some(arrived)
            }
        }
    }

    fn update(&mut self, update: Update) {
        let slot = self.store.now().slot;
        if self.clock_at.is_some() && slot > 0 && update.slot > slot.saturating_add(SLOTS_AHEAD_MAX) {
            warn!(account = %update.key, slot = update.slot, clock = slot, "an update of a slot that cannot be: not taken");
            return self.gaps.unreadable();
        }
        if update.slot.saturating_add(SLOTS_BEHIND_MAX) < slot {
            warn!(account = %update.key, slot = update.slot, clock = slot, "the websocket lags");
            self.gaps.late();
        }
        self.chain.newest.note_slot(update.slot);
        match &mut self.replay {
            Some(replay) if replay.len() < self.replay_max => replay.push(update.clone()),
            Some(_) => self.gap_meanwhile = true,
            None => {}
        }
        if !put(&mut self.store, update) {
            self.gaps.unreadable();
        }
        self.watch_oracles();
    }

    /// What is known is not all there is.
    fn gap(&mut self) {
        self.complete = false;
        self.gap_meanwhile = self.replay.is_some();
    }

    /// Something has been brought. True if everything is new: what was concluded from the old is void.
    pub fn bring(&mut self, brought: Brought) -> bool {
        match brought {
            Brought::All(loaded) => self.replace(*loaded),
            Brought::Oracles(Ok(reads)) => {
                for read in reads {
                    self.store.put_oracle(read.key, read.owner, &read.data, read.slot);
                }
                false
            }
            Brought::Oracles(Err(error)) => {
                warn!(%error, "oracles not loaded");
                self.gap();
                false
            }
        }
    }

    fn replace(&mut self, loaded: Result<Loaded, ChainError>) -> bool {
        let replay = self.replay.take().unwrap_or_default();
        let meanwhile = core::mem::take(&mut self.gap_meanwhile);
        // After a load that did not bring what was wanted, and after one that a gap made necessary soon after another.
        self.next_load = Instant::now() + backoff(self.loads_in_a_row, self.backoff_max);
        self.loads_in_a_row = self.loads_in_a_row.saturating_add(1);
        let Loaded { store, unusable } = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                warn!(%error, retry_seconds = self.next_load.duration_since(Instant::now()).as_secs(), "not loaded");
                return false;
            }
        };
        self.store = store;
        for update in replay {
            // One that could not be read was counted when it came.
            put(&mut self.store, update);
        }
        (self.complete, self.loaded_at) = (self.connected && !meanwhile, Instant::now());
        self.metrics.loads.inc();
        self.metrics.unusable.set(unusable as u64);
        let (accounts, markets) = (self.store.accounts().len(), self.store.markets().count());
        info!(accounts, markets, unusable, slot = self.store.now().slot, complete = self.complete, "loaded");
        let books = self.store.markets().flat_map(|entry| [entry.keys.market, entry.keys.order_book]);
        self.written.send_replace(books.take(FEE_ACCOUNTS).collect());
        self.watch_oracles();
        true
    }

    fn load_if_due(&mut self) {
        if !self.connected || self.replay.is_some() || Instant::now() < self.next_load {
            return;
        }
        self.replay = Some(Vec::new());
        // What was dropped before will be in what is loaded.
        self.take_gaps();
        let (chain, brought, exchange) = (self.chain.clone(), self.brought.clone(), self.exchange);
        tokio::spawn(async move {
            let _ = brought.send(Brought::All(Box::new(chain.load(exchange).await)));
        });
    }

    fn take_gaps(&self) -> bool {
        let Missed { full_queue, unreadable, late } = self.gaps.take();
        self.metrics.dropped.inc_by(full_queue);
        self.metrics.unreadable.inc_by(unreadable);
        self.metrics.late.inc_by(late);
        full_queue + unreadable + late > 0
    }

    fn watch_oracles(&self) {
        self.oracles.send_if_modified(|watched| {
            let is_new = self.store.oracle_keys().any(|key| !watched.contains(key));
            if is_new {
                *watched = self.store.oracle_keys().copied().collect();
            }
            is_new
        });
    }

    /// The chain's clock has been read, or could not be.
    pub fn tick(&mut self, read: Result<Now, RpcFault>) {
        if self.take_gaps() {
            info!("updates are missing");
            self.gap();
        }
        match read {
            Ok(now) => {
                (self.clock_at, self.behind_since) = (Some(Instant::now()), None);
                self.store.set_now(now);
                self.store.refresh(self.refresh_slots);
            }
            Err(fault) => {
                self.metrics.clock_failures.inc();
                self.behind(&fault);
            }
        }
        let is_quiet = self.loaded_at.elapsed() > self.backoff_max;
        if self.complete && is_quiet {
            self.loads_in_a_row = 0;
        }
        if !self.complete || self.loaded_at.elapsed() > self.reload_every {
            self.load_if_due();
        }
    }

    /// A node that lags is waited for. One that has lagged for very long is another: the chain began anew.
    fn behind(&mut self, fault: &RpcFault) {
        let RpcFault::Lagging { wanted, .. } = fault else { return };
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.lag_max {
            warn!(
                slot = wanted,
                seconds = self.lag_max.as_secs(),
                "the node has not reached what was seen: its chain began anew"
            );
            self.chain.newest.forget_slots();
            (self.behind_since, self.store) = (None, Store::new(self.exchange));
            self.gap();
        }
    }
}

/// Puts an update into a store; false if it is not understood.
fn put(store: &mut Store, update: Update) -> bool {
    let Update { key, owner, data, slot, is_oracle, .. } = update;
    if is_oracle {
        store.put_oracle(key, owner, &data, slot);
        return true;
    }
    // An account that was closed has no bytes, and another owner; one that has bytes and another owner is a lie.
    let is_ours = data.is_empty() || owner == taper_sdk::PROGRAM_ID;
    match store.put(key, &owner, &data, slot) {
        Ok(_) if is_ours => true,
        Ok(_) => {
            warn!(account = %key, %owner, "an account of another program among the program's");
            false
        }
        Err(error) => {
            warn!(%error, "update not understood");
            false
        }
    }
}
