//! Section 3: what an account is worth, what it needs.

use taper_engine::params::MarketParams;
use taper_engine::EngineError as E;

use super::number::{ceil, compare, floor, Z};
use super::oracle::{Grade, Need, Price, TWO_40};
use super::{Ledger, Market, Seat};
use crate::outside::{Outcome, Outside};

/// 2^52: the largest notional of a leg.
pub const NOTIONAL_MAX: Z = 1 << 52;
/// 2^56: the largest cash or equity.
pub const EQUITY_MAX: Z = 1 << 56;

/// Equity in atoms, requirement in atom-bps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    pub equity: Z,
    pub requirement: Z,
}

impl Worth {
    pub fn plus(self, other: Self) -> Self {
        Self { equity: self.equity + other.equity, requirement: self.requirement + other.requirement }
    }

    /// `H ≥ ratio`; without a requirement `E ≥ 0`.
    pub fn is_at_least(&self, ratio_bps: Z) -> bool {
        if self.requirement == 0 {
            self.equity >= 0
        } else {
            compare(&[self.equity, 100_000_000], &[ratio_bps, self.requirement]).is_ge()
        }
    }

    pub fn is_below(&self, ratio_bps: Z) -> bool {
        !self.is_at_least(ratio_bps)
    }

    /// `H ≥ H before`; without a requirement, `E ≥ 0`, or no less than it was when there was none before either.
    pub fn is_not_worse_than(&self, before: &Self) -> bool {
        match (self.requirement, before.requirement) {
            (0, 0) => self.equity >= 0 || self.equity >= before.equity,
            (0, _) => self.equity >= 0,
            (_, 0) => before.equity < 0 && self.equity >= 0,
            (now, then) => compare(&[self.equity, then], &[before.equity, now]).is_ge(),
        }
    }
}

/// Rates: (upper edge, rate) of each tier in use.
fn tiers(params: &MarketParams, initial: bool) -> impl Iterator<Item = (Z, Z)> + '_ {
    let used = params.tiers.iter().take(params.tier_count as usize);
    used.map(move |tier| (tier.notional_cap_atoms.into(), if initial { tier.imr_bps } else { tier.mmr_bps }.into()))
}

/// `R(n)`, in atom-bps.
pub fn requirement(params: &MarketParams, notional: Z, initial: bool) -> Z {
    let (mut sum, mut from, mut rate) = (0, 0, 0);
    for (edge, tier_rate) in tiers(params, initial) {
        rate = tier_rate;
        let part = notional.min(edge) - from;
        if part <= 0 {
            return sum;
        }
        sum += part * rate;
        from = edge;
    }
    sum + (notional - from).max(0) * rate
}

/// How a leg is valued.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Maintenance,
    Favourable,
    /// As favourable, its orders filled.
    Filled,
    Initial,
}

impl Price {
    /// The price at the edge that favours a position.
    fn favourable(&self, base: Z) -> Z {
        match base.signum() {
            1 => (self.price + self.confidence).min(TWO_40),
            -1 => (self.price - self.confidence).max(1),
            _ => self.price,
        }
    }

    /// The price of initial health.
    fn adverse(&self, base: Z, params: &MarketParams) -> Z {
        let reach = floor(self.price * Z::from(params.oracle_ema_bias_max_bps), 10_000);
        match base.signum() {
            1 => (self.price.min(self.ema).max(self.price - reach) - self.confidence).max(1),
            -1 => (self.price.max(self.ema).min(self.price + reach) + self.confidence).min(TWO_40),
            _ => self.price,
        }
    }

    /// The price of a valuation at maintenance.
    pub fn of(&self, base: Z, kind: Kind) -> Z {
        if matches!(kind, Kind::Favourable | Kind::Filled) || self.grade == Grade::Frozen {
            self.favourable(base)
        } else {
            self.price
        }
    }
}

fn bounded(size: Z, price: Z) -> Outcome<Z> {
    let notional = size * price;
    if notional > NOTIONAL_MAX {
        return Err(E::MathOverflow.into());
    }
    Ok(notional)
}

/// Equity and requirement of a leg.
pub fn value(market: &Market, seat: &Seat, owed: Z, price: &Price, kind: Kind) -> Outcome<Worth> {
    let params = &market.params;
    if kind != Kind::Initial {
        let at = price.of(seat.base, kind);
        let equity = seat.entry + seat.base * at + seat.realised - owed;
        if kind == Kind::Filled && price.grade != Grade::Frozen {
            let (exposure, loss) = filled(seat, price);
            let notional = (exposure * at).min(NOTIONAL_MAX);
            return Ok(Worth { equity: equity - loss, requirement: requirement(params, notional, false) });
        }
        let requirement = requirement(params, bounded(seat.base.abs(), at)?, false);
        return Ok(Worth { equity, requirement });
    }
    let at = price.adverse(seat.base, params);
    let realised = seat.realised - owed;
    let mut equity = seat.entry + seat.base * at + realised.max(0);
    if equity > 0 {
        equity = floor(equity * Z::from(params.profit_init_weight_bps), 10_000);
    }
    equity += realised.min(0);
    let loss_of_bids = (seat.bid_extreme - price.price).max(0) * seat.bid_lots;
    let loss_of_asks = if seat.ask_lots == 0 { 0 } else { (price.price - seat.ask_extreme).max(0) * seat.ask_lots };
    let exposure = seat.base.abs().max((seat.base + seat.bid_lots).abs()).max((seat.base - seat.ask_lots).abs());
    let requirement = requirement(params, bounded(exposure, at.max(price.price))?, true);
    Ok(Worth { equity: equity - loss_of_bids - loss_of_asks, requirement })
}

/// The largest size that resting orders would make, and what they would lose at the favourable edge; of the sides that rest more than they may
/// reduce.
fn filled(seat: &Seat, price: &Price) -> (Z, Z) {
    let (mut exposure, mut loss) = (seat.base.abs(), 0);
    if seat.resting(0) > seat.reducible(0) {
        exposure = exposure.max((seat.base + seat.bid_lots).abs());
        let edge = (price.price + price.confidence).min(TWO_40);
        loss += ((seat.bid_extreme - edge).max(0) * seat.bid_lots).min(NOTIONAL_MAX);
    }
    if seat.resting(1) > seat.reducible(1) {
        exposure = exposure.max((seat.base - seat.ask_lots).abs());
        let edge = (price.price - price.confidence).max(1);
        loss += ((edge - seat.ask_extreme).max(0) * seat.ask_lots).min(NOTIONAL_MAX);
    }
    (exposure, loss)
}

/// All legs but the instruction's own, valued.
#[derive(Clone, Copy)]
pub struct Others {
    pub maintenance: Worth,
    pub favourable: Worth,
    /// As favourable, its orders filled.
    pub filled: Worth,
    /// The initial valuation, or why there is none.
    pub initial: Outcome<Worth>,
}

impl Ledger {
    /// What a seat owes in funding and shared losses in this slot.
    pub fn owed(&self, market: usize, seat: usize, slot: u64) -> Z {
        let row = &self.markets[market];
        let funding = row.funding_index_at(slot);
        row.seats[seat].as_ref().map_or(0, |seat| seat.owes(funding, row.loss_index))
    }

    /// Values the legs of an account, but its own one of the instruction.
    pub fn others(
        &self,
        outside: &Outside,
        who: usize,
        own: Option<(usize, &Price)>,
        oracles: u8,
        need: Need,
    ) -> Outcome<Others> {
        let none = Worth::default();
        let mut others = Others { maintenance: none, favourable: none, filled: none, initial: Ok(none) };
        let mut times: Vec<(i64, u32)> = Vec::new();
        if let Some((market, price)) = own {
            self.note(&mut times, market, price);
        }
        for leg in self.accounts[who].legs.iter().flatten() {
            if own.is_some_and(|(own, _)| own == leg.market) {
                continue;
            }
            let market = &self.markets[leg.market];
            let seat = market.seat(leg.seat);
            let (price, verdict) = self.leg_price(outside, leg.market, oracles, need)?;
            self.note(&mut times, leg.market, &price);
            let owed = self.owed(leg.market, leg.seat, outside.slot);
            others.maintenance = others.maintenance.plus(value(market, seat, owed, &price, Kind::Maintenance)?);
            others.favourable = others.favourable.plus(value(market, seat, owed, &price, Kind::Favourable)?);
            others.filled = others.filled.plus(value(market, seat, owed, &price, Kind::Filled)?);
            others.initial = match (others.initial, verdict) {
                (Ok(sum), Ok(())) if need == Need::Fresh => {
                    Ok(sum.plus(value(market, seat, owed, &price, Kind::Initial)?))
                }
                (Ok(sum), Ok(())) => Ok(sum),
                (Ok(_), Err(refusal)) | (Err(refusal), _) => Err(refusal),
            };
        }
        skew(&times)?;
        Ok(others)
    }

    /// Notes when a live leg was published; a settled market's price is of no time.
    pub fn note(&self, times: &mut Vec<(i64, u32)>, market: usize, price: &Price) {
        let row = &self.markets[market];
        if price.grade != Grade::Frozen && row.final_price == 0 {
            times.push((price.time, row.params.oracle_leg_skew_seconds));
        }
    }

    /// One leg and the others and cash.
    pub fn health(
        &self,
        outside: &Outside,
        who: usize,
        own: (usize, usize, &Price),
        others: Worth,
        kind: Kind,
    ) -> Outcome<Worth> {
        let (market, seat, price) = own;
        let owed = self.owed(market, seat, outside.slot);
        let worth = value(&self.markets[market], self.markets[market].seat(seat), owed, price, kind)?.plus(others);
        let worth = worth.plus(Worth { equity: self.accounts[who].cash, requirement: 0 });
        if worth.equity.abs() > EQUITY_MAX {
            return Err(E::MathOverflow.into());
        }
        Ok(worth)
    }
}

impl Ledger {
    /// True if a sum over an account's legs may leave the engine's bounds: a value in it is within a factor of 32 of them.
    pub fn is_near_bounds(&self, outside: &Outside) -> bool {
        let prices: Vec<Z> = (0..self.markets.len())
            .map(|market| {
                let live = [0, u8::MAX]
                    .map(|oracles| self.live_price(outside, market, oracles).map_or(0, |price| price.price));
                live[0].max(live[1]).max(self.markets[market].last.price)
            })
            .collect();
        let is_large = |seat: &Seat, price: Z| {
            seat.entry.abs().max(seat.realised.abs()) > EQUITY_MAX >> 5 || seat.base.abs() * price > NOTIONAL_MAX >> 5
        };
        // Where an order rests at an absurd price, the engine takes all of its seat's lots at that price.
        let mut resting = self.markets.iter().flat_map(|market| market.book.iter().flatten());
        if resting.any(|order| order.price > TWO_40 >> 8) {
            return true;
        }
        let markets = self.markets.iter().zip(prices);
        let funds = self.markets.iter().map(|market| market.insurance.contributed).chain([self.fund]);
        funds.max().is_some_and(|fund| fund > EQUITY_MAX >> 5)
            || self.accounts.iter().any(|account| account.cash.abs() > EQUITY_MAX >> 5)
            || markets
                .into_iter()
                .any(|(market, price)| market.seats.iter().flatten().any(|seat| is_large(seat, price)))
    }

    /// Whether initial health is at least 1, all legs at their prices now; `None` if a leg has no price for it.
    pub fn is_initially_sound(&self, outside: &Outside, who: usize, oracles: u8) -> Option<bool> {
        let initial = self.others(outside, who, None, oracles, Need::Fresh).ok()?.initial.ok()?;
        let cash = Worth { equity: self.accounts[who].cash, requirement: 0 };
        Some(initial.plus(cash).is_at_least(10_000))
    }

    /// The position of an account in a market.
    pub fn leg_base(&self, who: usize, market: usize) -> Z {
        self.leg(who, market).map_or(0, |seat| self.markets[market].seat(seat).base)
    }

    /// Whether an account's health at mid prices is no worse than in other books, and its equity not negative.
    pub fn is_no_worse(&self, before: &Self, outside: &Outside, who: usize, oracles: u8) -> bool {
        let worth = |ledger: &Self| {
            let others = ledger.others(outside, who, None, oracles, Need::Any).ok()?;
            Some(others.maintenance.plus(Worth { equity: ledger.accounts[who].cash, requirement: 0 }))
        };
        match (worth(self), worth(before)) {
            (Some(now), Some(then)) => now.is_not_worse_than(&then) && now.equity >= 0,
            _ => false,
        }
    }

    /// Health in millionths, at mid prices, for whoever looks for unhealthy accounts; `None` without legs or prices.
    pub fn health_ppm(&self, outside: &Outside, who: usize) -> Option<Z> {
        self.accounts[who].legs.iter().flatten().next()?;
        let worth = self.others(outside, who, None, 0, Need::Any).ok()?.maintenance;
        let equity = worth.equity + self.accounts[who].cash;
        match worth.requirement {
            0 if equity >= 0 => None,
            0 => Some(-1_000_000),
            requirement => Some(super::number::ratio_floor(&[equity, 10_000_000_000], &[requirement])),
        }
    }
}

/// Refuses legs that were published further apart than the tightest of their markets allows.
pub fn skew(times: &[(i64, u32)]) -> Outcome<()> {
    let earliest = times.iter().map(|(time, _)| *time).min().unwrap_or(0);
    let latest = times.iter().map(|(time, _)| *time).max().unwrap_or(0);
    let tightest = times.iter().map(|(_, skew)| *skew).min().unwrap_or(u32::MAX);
    if latest - earliest > tightest.into() {
        return Err(E::OracleLegsSkewed.into());
    }
    Ok(())
}

/// Position on the ladder in 10^-9, rounded up; `None` without equity.
pub fn position(worth: &Worth) -> Option<Z> {
    if worth.equity <= 0 {
        return None;
    }
    if worth.requirement == 0 {
        return Some(1_000_000_000);
    }
    Some(ceil(worth.equity * 10i128.pow(13), worth.requirement).min(1_000_000_000))
}
