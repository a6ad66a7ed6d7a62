//! The bot: news into what is known, what is known to the desk, the desk's actions to the node, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use solana_instruction::Instruction;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use super::call::{desk_of, Caller};
use super::chain::{Chain, ChainError};
use super::feed::{self, FeedConfig, Gaps, News};
use super::knowledge::{Doubt, Knowledge, Passed};
use super::send::{Progress, Sender};
use super::watch as ask;
use crate::action::{Outcome, Step};
use crate::config::Config;
use crate::desk::{ActionId, Desk};
use crate::ledger::earned;
use crate::metrics::Metrics;
use crate::wallet::Wallet;

/// News applied before the desk looks: many updates of one slot lead to one round.
const NEWS_PER_ROUND: usize = 1_024;
/// Without any news the bot looks around this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

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

/// A running bot.
struct Bot {
    config: Config,
    chain: Arc<Chain>,
    caller: Caller,
    sender: Arc<Sender>,
    knowledge: Knowledge,
    doubt: Option<Doubt>,
    desk: Desk,
    /// Accounts were not looked at in the last round, for there were too many.
    is_behind: bool,
    metrics: Arc<Metrics>,
}

/// Runs a bot until it is told to end, and what it has sent has an outcome.
///
/// # Errors
/// [`ChainError`] if it cannot begin; once it runs it goes on, whatever the node does.
pub async fn run(start: Start) -> Result<(), ChainError> {
    let Start { config, wallet, dry_run, metrics, mut shutdown } = start;
    let chain = Chain::new(&config);
    let key = wallet.key();
    // A node that does not answer must not keep a bot from ending that has not even begun.
    let margin_account = tokio::select! {
        checked = chain.check(&config, &key) => checked?,
        () = told_to_end(&mut shutdown) => return Ok(()),
    };
    let tables = chain.lookup_tables(&config.caller.lookup_tables).await?;
    info!(caller = %key, %margin_account, exchange = %config.cluster.exchange, dry_run, "started");

    let (recent, recent_seen) = watch::channel(ask::Recent::default());
    let (closing, closing_seen) = watch::channel(false);
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let (oracles, oracles_seen) = watch::channel(Vec::new());
    let (written, written_seen) = watch::channel(Vec::new());
    let (brought, mut bringing) = mpsc::unbounded_channel();
    let (news_in, mut news) = mpsc::channel(config.sync.queue_updates);
    let (clock, mut clock_seen) = watch::channel(None);
    let gaps = Arc::new(Gaps::default());
    let helpers: [JoinHandle<()>; 3] = [
        tokio::spawn(feed::run(feed_config(&config), oracles_seen, news_in, gaps.clone())),
        tokio::spawn(ask::clock(chain.clone(), clock, Duration::from_millis(config.sync.clock_milliseconds))),
        tokio::spawn(ask::recent(chain.clone(), recent, written_seen, config.fees.clone(), metrics.clone())),
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
    let passed = Passed { oracles, written, brought };
    let knowledge = Knowledge::new(&config, chain.clone(), gaps, metrics.clone(), passed);
    let (desk, caller) = (desk_of(&config, margin_account), Caller { key, margin_account });
    let mut bot = Bot { config, chain, caller, sender, knowledge, doubt: None, desk, is_behind: false, metrics };

    let mut give_up = None::<Instant>;
    loop {
        let mut arrived = None;
        tokio::select! {
            () = told_to_end(&mut shutdown), if give_up.is_none() => {
                info!(in_flight = bot.desk.in_flight(), "shutting down: nothing more is sent");
                bot.desk.close();
                let _ = closing.send(true);
                give_up = Some(Instant::now() + Duration::from_secs(bot.config.sync.shutdown_seconds));
            }
            Some(first) = news.recv() => arrived = bot.hear(first, &mut news),
            Some(brought) = bringing.recv() => {
                if bot.knowledge.bring(brought) {
                    bot.desk.forget_rests();
                }
            }
            Ok(()) = clock_seen.changed() => {
                let read = clock_seen.borrow_and_update().clone();
                read.into_iter().for_each(|read| bot.knowledge.tick(read));
            }
            Some(step) = progressed.recv() => bot.progress(step),
            () = tokio::time::sleep(if bot.is_behind { Duration::ZERO } else { LOOK_EVERY }) => {}
        }
        // What no news has led to, but the clock, begins now.
        bot.decide(arrived.unwrap_or_else(Instant::now));
        bot.count(news.len());
        if give_up.is_some_and(|until| bot.desk.in_flight() == 0 || Instant::now() > until) {
            break;
        }
    }
    helpers.iter().for_each(JoinHandle::abort);
    if bot.desk.in_flight() > 0 {
        warn!(in_flight = bot.desk.in_flight(), "ended before every outcome was known");
    }
    bot.say_goodbye();
    Ok(())
}

/// Ends when the bot is told to end, or nobody is left to tell it.
async fn told_to_end(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|told| *told).await;
}

fn feed_config(config: &Config) -> FeedConfig {
    FeedConfig {
        url: config.cluster.websocket_url.clone(),
        silence: Duration::from_secs(config.sync.silence_seconds),
        backoff_max: Duration::from_secs(config.sync.backoff_max_seconds),
    }
}

impl Bot {
    fn hear(&mut self, first: News, more: &mut mpsc::Receiver<News>) -> Option<Instant> {
        let arrived = self.knowledge.hear(first);
        for _ in 1..NEWS_PER_ROUND {
            let Ok(next) = more.try_recv() else { break };
            self.knowledge.hear(next);
        }
        arrived
    }

    /// Lets the desk look, and carries out what it starts.
    fn decide(&mut self, arrived: Instant) {
        let doubt = self.knowledge.doubt();
        if doubt != self.doubt {
            match doubt {
                Some(doubt) => warn!(?doubt, "nothing is decided on what is in doubt"),
                None => info!("in step with the chain"),
            }
            self.doubt = doubt;
        }
        self.is_behind = false;
        if doubt.is_some() {
            return;
        }
        let round = self.desk.round(&self.knowledge.store);
        self.is_behind = round.postponed > 0;
        for (account, considered) in &round.refused {
            debug!(%account, refusals = ?considered.refusals, below = ?considered.below_minimum_atoms, "nothing to do");
        }
        for (plan, over) in &round.over_limit {
            self.metrics.over_limit.inc();
            info!(account = %plan.margin_account, %over, "over the limit");
        }
        for (upkeep, over) in &round.upkeep_over_limit {
            self.metrics.over_limit.inc();
            info!(account = %upkeep.margin_account, call = upkeep.duty.label(), %over, "over the limit");
        }
        for (id, plan) in round.started {
            info!(
                id, account = %plan.margin_account, market = %plan.market, way = ?plan.way,
                lots = plan.report.base_lots, health_bps = plan.report.health_before_bps,
                profit_atoms = plan.profit_atoms, "planned"
            );
            self.carry_out(id, self.caller.slice(&self.knowledge.store, &plan), arrived);
        }
        for (id, upkeep) in round.upkeep {
            let call = upkeep.duty.label();
            info!(id, account = %upkeep.margin_account, market = %upkeep.market, call, "planned");
            self.carry_out(id, self.caller.upkeep(&self.knowledge.store, &upkeep), arrived);
        }
    }

    fn carry_out(&mut self, id: ActionId, instruction: Result<Instruction, String>, arrived: Instant) {
        match instruction {
            Ok(instruction) => {
                let sender = self.sender.clone();
                tokio::spawn(async move { sender.carry_out(id, instruction, arrived).await });
            }
            Err(reason) => self.step(id, Step::Broken(reason)),
        }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Step(id, step) => self.step(id, step),
            Progress::Latency(own_time) => {
                info!(own_micros = u64::try_from(own_time.as_micros()).unwrap_or(u64::MAX), "sent");
                self.metrics.latency.observe(own_time);
            }
            Progress::Landed { id, signature, fee_lamports, logs, step } => {
                let slices = earned(&logs, &self.caller.key, Some(&self.caller.margin_account));
                for slice in &slices {
                    info!(
                        id, %signature, account = %slice.margin_account, market = %slice.market, lots = slice.base_lots,
                        payout_atoms = slice.payout_atoms, discount_atoms = slice.discount_atoms, fee_lamports, "earned"
                    );
                }
                let seconds = self.knowledge.store.now().seconds;
                if self.desk.duty_of(id).is_some() {
                    self.desk.upkeep_paid(seconds, fee_lamports);
                }
                self.desk.landed(seconds, signature.into(), fee_lamports, &slices);
                self.step(id, step);
            }
        }
    }

    fn step(&mut self, id: ActionId, step: Step) {
        let seconds = self.knowledge.store.now().seconds;
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
        let store = &self.knowledge.store;
        let seconds = store.now().seconds;
        let metrics = &self.metrics;
        metrics.synced.set(u64::from(self.doubt.is_none()));
        metrics.queue.set(queued as u64);
        metrics.slot.set(store.now().slot);
        metrics.accounts.set(store.accounts().len() as u64);
        metrics.markets.set(store.markets().count() as u64);
        metrics.at_risk.set(store.at_risk().len() as u64);
        metrics.in_flight.set(self.desk.in_flight() as u64);
        metrics.spend_left.set(self.desk.spend_left_lamports(seconds));
        metrics.inventory.set(self.desk.inventory_atoms().max(0).unsigned_abs());
        let ledger = self.desk.ledger();
        metrics.slices.set(ledger.slices);
        metrics.payout.set(ledger.payout_atoms.max(0).unsigned_abs());
        metrics.fees.set(ledger.fee_lamports);
        metrics.set_outcomes(self.desk.outcomes());
        metrics.set_upkeep(self.desk.upkeep_outcomes());
        metrics.set_faults(self.chain.newest.faults());
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
