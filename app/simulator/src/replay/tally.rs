//! Counting: what happened while the replay ran, and the report that comes of it.

use std::collections::BTreeMap;

use taper_engine::margin::Health;
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, Side};

use super::liquidator::Taken;
use super::population::Drawn;
use super::report::{
    ratio, AccountLine, MarketFacts, Report, ResolutionLine, SliceLine, Source, Summary, FORMAT_VERSION,
};
use super::session::Held;

/// Invariants that one audit of the harness recomputes: 01, 02, 07, 08, 09, 12.
pub const INVARIANTS_PER_AUDIT: u64 = 6;
/// Hundredths of a basis point in one.
const CENTIBPS: i64 = 1_000_000;
const BPS: i64 = 10_000;

/// What happened so far.
pub struct Tally {
    pub slices: Vec<SliceLine>,
    pub resolutions: Vec<ResolutionLine>,
    pub maker_start_equity_atoms: i64,
    pub open_interest_lots: i64,
    /// Account of each slice, by index.
    whose: Vec<usize>,
    calm_depth: BaseLots,
    start: Price,
    last: Price,
    lowest: Price,
    highest: Price,
    smallest_part: f64,
    prices_posted: u64,
    requotes: u64,
    maker_refusals: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(calm_depth: BaseLots, start: Price) -> Self {
        Self {
            slices: Vec::new(),
            resolutions: Vec::new(),
            maker_start_equity_atoms: 0,
            open_interest_lots: 0,
            whose: Vec::new(),
            calm_depth,
            start,
            last: start,
            lowest: start,
            highest: start,
            smallest_part: 1.0,
            prices_posted: 0,
            requotes: 0,
            maker_refusals: BTreeMap::new(),
        }
    }

    /// A price was posted.
    pub fn posted(&mut self, price: Price) {
        self.prices_posted += 1;
        self.last = price;
        self.lowest = self.lowest.min(price);
        self.highest = self.highest.max(price);
    }

    /// The maker quoted this part of its calm sizes.
    pub fn quoted(&mut self, part: f64) {
        self.requotes += 1;
        self.smallest_part = self.smallest_part.min(part);
    }

    /// The chain refused one of the maker's orders.
    pub fn maker_refused(&mut self, name: String) {
        *self.maker_refusals.entry(name).or_default() += 1;
    }

    /// A slice went through, at this time and slot, and left this position.
    pub fn sliced(&mut self, drawn: &Drawn, index: usize, taken: &Taken, when: (i64, u64), left: BaseLots) {
        let report = &taken.report;
        let at_oracle = report.oracle_price_atoms_per_lot * report.base_lots;
        let slippage = match drawn.side {
            Side::Bid => at_oracle - report.quote_atoms,
            Side::Ask => report.quote_atoms - at_oracle,
        };
        self.whose.push(index);
        self.slices.push(SliceLine {
            time_ms: when.0,
            slot: when.1,
            price_atoms_per_lot: report.oracle_price_atoms_per_lot,
            account: drawn.label.clone(),
            side: side_name(drawn.side),
            stage: stage_name(report.stage),
            health_before_bps: report.health_before_bps,
            health_after_bps: (report.health_after_bps != i64::MAX).then_some(report.health_after_bps),
            lots: report.base_lots,
            quote_atoms: report.quote_atoms,
            slippage_centibps: ratio(slippage, at_oracle, CENTIBPS),
            slippage_atoms: slippage,
            penalty_atoms: report.penalty_atoms,
            caller_income_atoms: report.caller_payout_atoms,
            tip_atoms: report.tip_atoms,
            insurance_atoms: report.insurance_atoms,
            compute_units: taken.compute_units,
            episode_ended: report.episode_ended,
            remaining_lots: left.0.abs(),
        });
    }

    /// Income of the liquidator, as the slices reported it.
    pub fn income_atoms(&self) -> i64 {
        self.slices.iter().map(|slice| slice.caller_income_atoms).sum()
    }

    /// The report; `ends` holds the position and the health of each account at the end.
    pub fn report(
        &self,
        source: Source,
        params: &MarketParams,
        held: &[Held],
        ends: &[(BaseLots, Health)],
        refusals: BTreeMap<String, u64>,
    ) -> Report {
        let accounts: Vec<AccountLine> =
            held.iter().zip(ends).enumerate().map(|(index, (held, end))| self.account(index, held, end)).collect();
        let market = MarketFacts {
            base_lot_exponent: params.base_lot_exponent,
            start_price_atoms_per_lot: self.start.0,
            end_price_atoms_per_lot: self.last.0,
            lowest_price_atoms_per_lot: self.lowest.0,
            highest_price_atoms_per_lot: self.highest.0,
            calm_depth_lots: self.calm_depth.0,
            open_interest_lots: self.open_interest_lots,
            throttle_capacity_lots: params.throttle_capacity_base_lots,
            smallest_depth_part_bps: (self.smallest_part * 10_000.0).round() as i64,
        };
        let mut summary = self.summary(&accounts);
        self.count_resolutions(&mut summary);
        summary.accounts_unhealthy = count(ends.iter().filter(|(_, health)| health.is_below(10_000)));
        summary.accounts_bankrupt = count(ends.iter().filter(|(_, health)| health.equity.is_negative()));
        Report {
            format_version: FORMAT_VERSION,
            source,
            market,
            accounts,
            slices: self.slices.clone(),
            resolutions: self.resolutions.clone(),
            refusals,
            maker_refusals: self.maker_refusals.clone(),
            summary,
        }
    }

    fn account(&self, index: usize, held: &Held, (base, health): &(BaseLots, Health)) -> AccountLine {
        let own = || self.slices.iter().zip(&self.whose).filter(|(_, whose)| **whose == index).map(|(slice, _)| slice);
        AccountLine {
            label: held.drawn.label.clone(),
            address: held.trader.margin.to_string(),
            side: side_name(held.drawn.side),
            leverage_tenths: held.drawn.leverage_tenths,
            start_lots: held.drawn.lots.0,
            end_lots: base.0.abs(),
            start_equity_atoms: held.start_equity_atoms,
            end_equity_atoms: health.equity.0,
            slices: count(own()),
            closed_lots: own().map(|slice| slice.lots).sum(),
            penalty_atoms: own().map(|slice| slice.penalty_atoms).sum(),
            slippage_atoms: own().map(|slice| slice.slippage_atoms).sum(),
        }
    }

    /// Who paid what past the ladder.
    fn count_resolutions(&self, sums: &mut Summary) {
        for line in &self.resolutions {
            let is_bankrupt = line.kind == "bankrupt";
            *(if is_bankrupt { &mut sums.resolved_bankrupt } else { &mut sums.resolved_takeover }) += 1;
            sums.resolved_lots += line.lots;
            sums.loss_insurance_atoms += line.insurance_atoms;
            sums.loss_deleveraged_atoms += line.deleveraged_atoms.max(0);
            sums.loss_socialised_atoms += line.socialised_atoms;
            sums.loss_unassigned_atoms += line.unassigned_atoms;
            sums.takeover_given_atoms -= line.deleveraged_atoms.min(0);
        }
    }

    fn summary(&self, accounts: &[AccountLine]) -> Summary {
        let touched: Vec<&AccountLine> = accounts.iter().filter(|account| account.slices > 0).collect();
        let start: i64 = accounts.iter().map(|account| account.start_equity_atoms).sum();
        let end: i64 = accounts.iter().map(|account| account.end_equity_atoms).sum();
        let touched_start: i64 = touched.iter().map(|account| account.start_equity_atoms).sum();
        let touched_end: i64 = touched.iter().map(|account| account.end_equity_atoms).sum();
        let mut slices_by_stage = BTreeMap::new();
        for slice in &self.slices {
            *slices_by_stage.entry(slice.stage).or_insert(0) += 1;
        }
        let closed_notional: i64 = self.slices.iter().map(|slice| slice.price_atoms_per_lot * slice.lots).sum();
        let slippage: i64 = self.slices.iter().map(|slice| slice.slippage_atoms).sum();
        let penalty: i64 = self.slices.iter().map(|slice| slice.penalty_atoms).sum();
        let mut units: Vec<u64> = self.slices.iter().filter_map(|slice| slice.compute_units).collect();
        units.sort_unstable();
        Summary {
            accounts: count(accounts.iter()),
            accounts_touched: count(touched.iter()),
            accounts_closed: count(touched.iter().filter(|account| account.end_lots == 0)),
            slices: count(self.slices.iter()),
            slices_by_stage,
            closed_lots: self.slices.iter().map(|slice| slice.lots).sum(),
            closed_notional_atoms: closed_notional,
            slippage_atoms: slippage,
            penalty_atoms: penalty,
            cost_centibps: ratio(slippage + penalty, closed_notional, CENTIBPS),
            start_equity_atoms: start,
            end_equity_atoms: end,
            equity_retained_bps: ratio(end, start, BPS),
            touched_start_equity_atoms: touched_start,
            touched_end_equity_atoms: touched_end,
            touched_equity_retained_bps: ratio(touched_end, touched_start, BPS),
            bad_debt_atoms: accounts.iter().map(|account| account.end_equity_atoms.min(0)).sum::<i64>().abs(),
            caller_income_atoms: self.income_atoms(),
            compute_units_largest: units.last().copied(),
            compute_units_median: units.get(units.len() / 2).copied(),
            prices_posted: self.prices_posted,
            requotes: self.requotes,
            ..Summary::default()
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.fold(0, |count, _| count + 1)
}

/// `long` for who bought first.
pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Bid => "long",
        Side::Ask => "short",
    }
}

fn stage_name(stage: u8) -> &'static str {
    match stage {
        0 => "soft",
        1 => "hard",
        _ => "backstop",
    }
}
