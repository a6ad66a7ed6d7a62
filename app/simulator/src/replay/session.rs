//! A replay: opens the accounts, then takes the chain through the crash, price by price.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{anyhow, bail, Context, Result};
use indicatif::ProgressBar;
use solana_pubkey::Pubkey;
use taper::state::{MarginAccount, Market};
use taper_engine::episode::Target;
use taper_engine::liquidate::account_health;
use taper_engine::margin::{Health, LegTotals, Valuation};
use taper_engine::market::LastPrice;
use taper_engine::oracle::{assess, convert, Grade, OraclePrice, OracleReading};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_harness::{PriceSource, Trader};
use taper_sdk::pyth::PublishedPrice;

use super::candles::Candles;
use super::depth::{volatility_part, DepthProfile};
use super::liquidator::Liquidator;
use super::maker::{Maker, Quote};
use super::path::{
    base_lot_exponent, calm_confidence, mantissa, next_average, pyth_exponent, steps, Jump, Step, SLOT_MS,
};
use super::population::{draw, Drawn, PopulationSizing};
use super::report::{Report, Source, Units};
use super::resolver::{Resolver, Subject};
use super::screen;
use super::stage::{Stage, FILL_OR_KILL, POST_ONLY, QUOTE_DECIMALS};
use super::tally::{side_name, Tally};

/// Slot in which the accounts are opened.
const FIRST_SLOT: u64 = 1_000_000;
/// Time between the opening and the first price of the crash.
const CALM_MS: i64 = 60_000;
/// The maker's deposit in units of the calm depth: it must outlive whatever a file may hold (`Candles::check_replayable`).
const MAKER_DEPTHS: i64 = 1_000;

/// What to replay.
pub struct Settings {
    pub source: Source,
    pub candles: Candles,
    /// First candle to replay; those before it are history.
    pub first: usize,
    pub layout: PriceSource,
    pub accounts: usize,
    pub jump: Option<Jump>,
}

/// An account that was opened before the crash.
pub struct Held {
    pub drawn: Drawn,
    pub trader: Trader,
    pub start_equity_atoms: i64,
}

/// A replay in progress.
pub struct Session {
    pub stage: Stage,
    pub params: MarketParams,
    pub held: Vec<Held>,
    pub liquidator: Liquidator,
    pub tally: Tally,
    resolver: Resolver,
    /// What the report calls the margin accounts.
    names: BTreeMap<Pubkey, String>,
    maker: Maker,
    maker_trader: Trader,
    exponent: i32,
    average: i64,
    start_ms: i64,
    price: OraclePrice,
}

/// Runs a replay: slices go to `out` as they happen, then the sums.
///
/// # Errors
/// Of the chain, of `out`, and when anything on the chain is not as it should be.
pub async fn run(settings: &Settings, out: &mut dyn Write, progress: &ProgressBar) -> Result<Report> {
    let path = steps(&settings.candles, settings.first, settings.jump);
    let first = path.first().context("nothing to replay")?;
    let mut session = Session::open(settings, first).await?;
    let source =
        Source { processor: if session.stage.chain.is_vm() { "bpf" } else { "native" }, ..settings.source.clone() };
    let units = Units::new(session.params.base_lot_exponent, session.price.price.0);
    progress.suspend(|| screen::heading(out, &source))?;
    progress.set_length(u64::try_from(path.len())?);
    for step in &path {
        let sliced = session.step(settings, step).await?;
        for line in session.tally.slices.iter().rev().take(sliced).rev() {
            progress.suspend(|| screen::slice(out, line, &units))?;
        }
        progress.inc(1);
        progress.set_message(format!("{} slices, {}", session.tally.slices.len(), units.price(session.price.price.0)));
    }
    progress.finish_and_clear();
    let report = session.conclude(source)?;
    screen::summary(out, &report, &units)?;
    Ok(report)
}

impl Session {
    /// Starts the chain, lists the market at the first price, funds the maker and opens every account against it.
    async fn open(settings: &Settings, first: &Step) -> Result<Self> {
        let exponent = pyth_exponent(first.price);
        let lot_exponent = base_lot_exponent(first.price);
        let price =
            convert(mantissa(first.price, exponent), exponent, QUOTE_DECIMALS, lot_exponent).map_err(refused)?;
        let profile = DepthProfile::bundled(&settings.source.depth_profile)?;
        let calm_depth = BaseLots((profile.calm_usd() * 1e6 / price.0 as f64) as i64);
        let sizing = MarketSizing { base_lot_exponent: lot_exponent, price, calm_depth_lots: calm_depth };
        let params = default_params(&sizing).map_err(refused)?;

        let start_ms = first.time_ms - CALM_MS;
        let calm = Step { confidence: calm_confidence(first.price), ..*first };
        let published = published(&calm, exponent, first.price, start_ms, FIRST_SLOT);
        let mut stage = Stage::open(settings.source.seed, settings.layout, &published, &params).await?;
        let cash =
            price.notional(calm_depth).map_err(refused)?.0.checked_mul(MAKER_DEPTHS).context("maker's deposit")?;
        let maker_trader = stage.join("maker", cash).await?;
        let liquidator = Liquidator::new(&mut stage);
        let oracle = reading(&published, &params)?;
        let mut session = Self {
            stage,
            params,
            held: Vec::new(),
            liquidator,
            tally: Tally::new(calm_depth, oracle.price),
            resolver: Resolver::default(),
            names: BTreeMap::from([(maker_trader.margin, "maker".to_owned())]),
            maker: Maker::new(profile),
            maker_trader,
            exponent,
            average: first.price,
            start_ms,
            price: oracle,
        };
        let drawn = draw(&PopulationSizing {
            seed: settings.source.seed,
            accounts: settings.accounts,
            params: &session.params,
            price: oracle.price,
            confidence: oracle.confidence,
            calm_depth,
        })
        .map_err(refused)?;
        for drawn in drawn {
            session.open_account(drawn).await?;
        }
        session.stage.donate(settings.source.insurance_donated_atoms).await?;
        session.measure_start()?;
        Ok(session)
    }

    /// A margin account, and its position: the maker offers the size at the oracle's price, the trader takes it, in one transaction.
    async fn open_account(&mut self, drawn: Drawn) -> Result<()> {
        let trader = self.stage.join(&drawn.label, drawn.deposit.0).await?;
        let tick = self.params.tick_size_atoms_per_lot;
        let price = Price(self.price.price.0.div_euclid(tick) * tick);
        let quote = |side| Quote { side, price, lots: drawn.lots };
        let offer = self.stage.order(&self.maker_trader, POST_ONLY, &quote(drawn.side.opposite()));
        let take = self.stage.order(&trader, FILL_OR_KILL, &quote(drawn.side));
        let signers = [&*self.maker_trader.keypair, &*trader.keypair];
        let sent = self.stage.chain.send(&[offer, take], &signers).await;
        sent.with_context(|| format!("opening the position of {}", drawn.label))?;
        self.names.insert(trader.margin, drawn.label.clone());
        self.held.push(Held { drawn, trader, start_equity_atoms: 0 });
        Ok(())
    }

    fn measure_start(&mut self) -> Result<()> {
        for index in 0..self.held.len() {
            self.held[index].start_equity_atoms = self.health(index, Valuation::Maintenance)?.equity.0;
        }
        self.tally.maker_start_equity_atoms = self.maker_equity_atoms()?;
        let market: &Market = self.stage.chain.load(&self.stage.market.market)?;
        self.tally.open_interest_lots = market.state.open_interest_base_lots;
        Ok(())
    }

    /// One posted price: the clock, the oracle, the maker, the liquidator. Returns the number of slices.
    async fn step(&mut self, settings: &Settings, step: &Step) -> Result<usize> {
        let passed = u64::try_from((step.time_ms - self.start_ms) / SLOT_MS)?;
        let slot = FIRST_SLOT + passed;
        let slots = i64::try_from(slot - self.stage.chain.slot())?;
        self.average = next_average(self.average, step.price, slots);
        let published = published(step, self.exponent, self.average, step.time_ms, slot);
        self.stage.chain.set_time(slot, published.publish_time_seconds);
        self.stage.post(&published);
        self.price = reading(&published, &self.params)?;
        self.tally.posted(self.price.price);

        if self.maker.is_stale(self.price.price, step.time_ms) {
            let known = settings.candles.rows.get(..step.candle).unwrap_or_default();
            let part = volatility_part(known, settings.candles.spacing_ms);
            self.tally.quoted(part);
            let mut quotes = self.maker.quotes(&self.params, self.price.price, part, step.time_ms);
            if self.price.grade != Grade::Fresh {
                // On a degraded price nobody may add risk: a maker can only pull its quotes.
                quotes.clear();
            }
            for name in self.stage.replace_orders(&self.maker_trader, &quotes).await? {
                self.tally.maker_refused(name);
            }
        }
        let slices = self.liquidate(step.time_ms).await?;
        self.resolve(step.time_ms).await?;
        Ok(slices)
    }

    /// The keeper resolves every account that is bankrupt, or so unhealthy that it may be taken over.
    async fn resolve(&mut self, time_ms: i64) -> Result<()> {
        for index in 0..self.held.len() {
            let base = self.base_of(index)?;
            let health = self.health(index, Valuation::Maintenance)?;
            if base.is_zero() || !health.is_below(self.params.takeover_health_bps) {
                continue;
            }
            let (label, margin_account) = (self.held[index].drawn.label.clone(), self.held[index].trader.margin);
            let subject = Subject {
                margin_account,
                label: &label,
                side: side_name(self.held[index].drawn.side),
                health_before_bps: health.to_bps_down(),
                // A seat's bond pays before anybody else does.
                is_bankrupt: health.equity.0 + self.bond_atoms(index)? <= 0,
            };
            let (stage, names) = (&mut self.stage, &self.names);
            let done = self.resolver.resolve(stage, &subject, self.price.price, time_ms, names).await?;
            self.tally.resolutions.extend(done);
        }
        Ok(())
    }

    /// The liquidator goes once over all accounts in trouble, the worst first.
    async fn liquidate(&mut self, time_ms: i64) -> Result<usize> {
        let mut troubled = Vec::new();
        for index in 0..self.held.len() {
            if self.base_of(index)?.is_zero() {
                continue;
            }
            let health = self.health(index, Valuation::Maintenance)?;
            let unhealthy = self.health(index, Valuation::Favourable)?.is_below(10_000);
            let mut episode = self.account(index)?.state.episode;
            episode.expire(self.stage.chain.slot(), &self.params);
            let wanted = match episode.target(&self.params) {
                Some(Target::Ratio(ratio)) => health.is_below(ratio),
                Some(Target::Full) => true,
                None => unhealthy,
            };
            if health.equity.is_positive() && wanted {
                troubled.push((health.to_bps_down(), index));
            }
        }
        troubled.sort_unstable();
        let mut slices = 0;
        for (_, index) in troubled {
            let base = self.base_of(index)?;
            let account = self.held[index].trader.margin;
            let Some(taken) = self.liquidator.try_slice(&mut self.stage, account, base).await? else { continue };
            // The maker's resting side is the opposite of the sale or purchase.
            let resting = if base.is_positive() { Side::Bid } else { Side::Ask };
            self.maker.filled(resting, taken.report.quote_atoms, time_ms);
            let (slot, left) = (self.stage.chain.slot(), self.base_of(index)?);
            self.tally.sliced(&self.held[index].drawn, index, &taken, (time_ms, slot), left);
            slices += 1;
        }
        Ok(slices)
    }

    /// A last look: what every account is worth at the last price.
    fn conclude(self, source: Source) -> Result<Report> {
        let market: &Market = self.stage.chain.load(&self.stage.market.market)?;
        let exchange: &taper::state::Exchange = self.stage.chain.load(&self.stage.venue.keys.exchange)?;
        let mut ends = Vec::new();
        for index in 0..self.held.len() {
            ends.push((self.base_of(index)?, self.health(index, Valuation::Maintenance)?));
        }
        if self.liquidator.income_atoms(&self.stage) != self.tally.income_atoms().unsigned_abs() {
            bail!("the liquidator's tokens are not the income that the slices reported");
        }
        self.stage.chain.audit().context("the last audit")?;
        let mut refusals = self.liquidator.refusals.clone();
        refusals.extend(self.resolver.refusals.clone());
        let mut report = self.tally.report(source, &self.params, &self.held, &ends, refusals);
        let sums = &mut report.summary;
        sums.insurance_atoms = exchange.insurance_atoms + market.state.insurance_pending_atoms;
        sums.fees_atoms = exchange.fees_atoms + market.state.fees_atoms;
        sums.maker_result_atoms = self.maker_equity_atoms()? - self.tally.maker_start_equity_atoms;
        sums.flags = self.liquidator.flags;
        sums.transactions = self.stage.chain.transactions();
        sums.invariants_checked = (self.stage.chain.audits() + 1) * super::tally::INVARIANTS_PER_AUDIT;
        Ok(report)
    }

    fn account(&self, index: usize) -> Result<&MarginAccount> {
        Ok(self.stage.chain.load(&self.held[index].trader.margin)?)
    }

    fn base_of(&self, index: usize) -> Result<BaseLots> {
        self.stage.base_of(&self.held[index].trader.margin)
    }

    fn bond_atoms(&self, index: usize) -> Result<i64> {
        let Some(seat_index) = self.stage.seat_of(&self.held[index].trader.margin)? else { return Ok(0) };
        let market: &Market = self.stage.chain.load(&self.stage.market.market)?;
        Ok(i64::try_from(market.state.seats.get(seat_index).map_err(refused)?.bond_atoms)?)
    }

    fn health(&self, index: usize, valuation: Valuation) -> Result<Health> {
        self.health_of(&self.held[index].trader.margin, valuation)
    }

    fn health_of(&self, margin_account: &Pubkey, valuation: Valuation) -> Result<Health> {
        let account: &MarginAccount = self.stage.chain.load(margin_account)?;
        let others = LegTotals::default();
        let Some(seat_index) = self.stage.seat_of(margin_account)? else {
            return others.with_cash(QuoteAtoms(account.state.cash_atoms)).map_err(refused);
        };
        let market: &Market = self.stage.chain.load(&self.stage.market.market)?;
        account_health(&market.state, seat_index, &account.state, &self.price, others, valuation).map_err(refused)
    }

    fn maker_equity_atoms(&self) -> Result<i64> {
        Ok(self.health_of(&self.maker_trader.margin, Valuation::Maintenance)?.equity.0)
    }
}

fn refused(error: taper_engine::EngineError) -> anyhow::Error {
    anyhow!("the engine refuses: {error:?}")
}

/// What Pyth would publish at that time.
fn published(step: &Step, exponent: i32, average: i64, time_ms: i64, slot: u64) -> PublishedPrice {
    let confidence = mantissa(step.confidence, exponent).max(1).unsigned_abs();
    let seconds = time_ms.div_euclid(1_000);
    PublishedPrice {
        price: mantissa(step.price, exponent),
        confidence,
        exponent,
        ema_price: mantissa(average, exponent),
        ema_confidence: confidence,
        publish_time_seconds: seconds,
        previous_publish_time_seconds: seconds - 1,
        slot,
    }
}

/// That price as the program will use it.
fn reading(published: &PublishedPrice, params: &MarketParams) -> Result<OraclePrice> {
    let reading = OracleReading {
        price: published.price,
        confidence: published.confidence,
        exponent: published.exponent,
        ema_price: published.ema_price,
        publish_time_seconds: published.publish_time_seconds,
    };
    let now = published.publish_time_seconds;
    let none = LastPrice { price_atoms_per_lot: 0, publish_time_seconds: 0, used_slot: 0 };
    assess(&reading, params, QUOTE_DECIMALS, &none, now).map_err(refused)
}
