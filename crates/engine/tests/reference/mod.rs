//! An independent reference of margin, health, ladder and slice, in big rationals. Written from the specification, not from the
//! engine: it shares the engine's rows of parameters with it and nothing that computes.

pub mod scenario;
pub mod solve;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};
use taper_engine::params::{LadderPoint, MarketParams};

pub type Q = BigRational;

pub fn int(value: impl Into<BigInt>) -> Q {
    Q::from_integer(value.into())
}

pub fn ratio(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Q {
    Q::new(numerator.into(), denominator.into())
}

pub fn floor(value: &Q) -> BigInt {
    value.floor().to_integer()
}

pub fn ceil(value: &Q) -> BigInt {
    value.ceil().to_integer()
}

pub fn narrow(value: &BigInt) -> i64 {
    i64::try_from(value).expect("the reference stays within i64")
}

/// The kinks of a requirement: at each notional the slope rises by so many bps. The first kink is at zero.
fn kinks(params: &MarketParams) -> impl Iterator<Item = (u64, u32)> + '_ {
    let used = &params.tiers[..params.tier_count as usize];
    let mut below = (0u64, 0u32);
    used.iter().map(move |tier| {
        let kink = (below.0, tier.mmr_bps - below.1);
        below = (tier.notional_cap_atoms, tier.mmr_bps);
        kink
    })
}

/// Maintenance requirement of a notional in 10^-4 atoms, as the sum of its kinks: `Σ rise × (n − kink)⁺`.
pub fn requirement_atom_bps(params: &MarketParams, notional: &BigInt) -> BigInt {
    let mut sum = BigInt::zero();
    for (at, rise) in kinks(params) {
        if *notional > BigInt::from(at) {
            sum += (notional - at) * rise;
        }
    }
    sum
}

/// The rate a lot is charged at: the lowest it touches, which is the slope just above where its lower end lies.
pub fn rate_of_lot(params: &MarketParams, remaining: i64, price: i64) -> u32 {
    let lower_end = BigInt::from(remaining - 1) * price;
    kinks(params).filter(|(at, _)| lower_end >= BigInt::from(*at)).map(|(_, rise)| rise).sum()
}

/// One leg of an account.
#[derive(Clone, Debug)]
pub struct Leg {
    pub params: MarketParams,
    pub price: i64,
    pub base: i64,
    /// Entry and realised together.
    pub quote: i64,
}

/// Cash and legs.
#[derive(Clone, Debug)]
pub struct Account {
    pub cash: i64,
    pub legs: Vec<Leg>,
}

/// Equity and requirement in atoms, exact.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub equity: Q,
    pub requirement: Q,
}

impl Account {
    pub fn state(&self) -> State {
        let mut equity = BigInt::from(self.cash);
        let mut requirement = BigInt::zero();
        for leg in &self.legs {
            equity += BigInt::from(leg.base) * leg.price + leg.quote;
            requirement += requirement_atom_bps(&leg.params, &(BigInt::from(leg.base.abs()) * leg.price));
        }
        State { equity: int(equity), requirement: ratio(requirement, 10_000) }
    }
}

impl State {
    /// `E / M`; `None` without a requirement.
    pub fn health(&self) -> Option<Q> {
        if self.requirement.is_zero() {
            None
        } else {
            Some(&self.equity / &self.requirement)
        }
    }

    /// The target is met: `E ≥ τ·M`.
    pub fn meets(&self, target_bps: u32) -> bool {
        self.equity >= &self.requirement * ratio(target_bps, 10_000)
    }

    /// Health is at least what it was; an account without a requirement is healthy if it owes nothing.
    pub fn is_not_worse_than(&self, before: &State) -> bool {
        match (self.health(), before.health()) {
            (Some(after), Some(before)) => after >= before,
            (None, _) => self.equity >= Q::zero(),
            (Some(_), None) => false,
        }
    }
}

/// A column of the ladder at an exact health within 0..=1, linear between points.
pub fn on_ladder(ladder: &[LadderPoint], health: &Q, column: impl Fn(&LadderPoint) -> u32) -> Q {
    let at = |point: &LadderPoint| ratio(point.health_bps, 10_000);
    let segment = ladder.windows(2).find(|pair| *health <= at(&pair[0]) && *health >= at(&pair[1]));
    let pair = segment.expect("the ladder covers 0..=1");
    let way = (health - at(&pair[1])) / (at(&pair[0]) - at(&pair[1]));
    let (high, low) = (int(column(&pair[0])), int(column(&pair[1])));
    (&low + way * (high - &low)) / int(10_000)
}

/// Health on the ladder, never above 1.
pub fn clamp_to_one(health: &Q) -> Q {
    if *health > Q::one() {
        Q::one()
    } else {
        health.clone()
    }
}

/// The position the specification quantises health to: `ceil(H × 10^9)`, at most 1.
pub fn position_ppb(health: &Q) -> BigInt {
    ceil(&(clamp_to_one(health) * int(1_000_000_000)))
}

/// What the ladder gives at the quantised position: penalty and cost cap in `10^-9` of mmr, rounded down; cooldown rounded up.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub penalty_ppb: BigInt,
    /// κ in force at this clock, without the bound by health.
    pub cost_cap_ppb: BigInt,
    pub cooldown: BigInt,
}

pub fn schedule(params: &MarketParams, health: &Q, clock: u64) -> Schedule {
    let billion = int(1_000_000_000);
    let position = ratio(position_ppb(health), 1_000_000_000);
    let penalty = on_ladder(&params.ladder, &position, |point| point.penalty_bps_of_mmr);
    let by_health = on_ladder(&params.ladder, &position, |point| point.cost_cap_bps_of_mmr);
    let ramp = BigInt::from(params.cost_cap_ramp_bps_of_mmr_per_slot) * clock;
    let by_clock = ratio(ramp + params.cost_cap_start_bps_of_mmr, 10_000);
    let cooldown = on_ladder(&params.ladder, &position, |point| point.cooldown_slots) * int(10_000);
    Schedule {
        penalty_ppb: floor(&(penalty * &billion)),
        cost_cap_ppb: floor(&(by_health.min(by_clock) * &billion)),
        cooldown: ceil(&cooldown),
    }
}

/// `floor(floor(fraction × rate) × P)` in atoms per lot, the inner floor in `10^-9`: the quantisation of the specification.
pub fn per_lot(fraction_ppb: &BigInt, rate_bps: u32, price: i64) -> BigInt {
    // Quotients of whole numbers that are not negative: downwards.
    let of_notional: BigInt = fraction_ppb * rate_bps / 10_000;
    of_notional * price / 1_000_000_000
}

/// `H·r·P`, exact.
pub fn health_bound(health: &Q, rate_bps: u32, price: i64) -> Q {
    health * ratio(BigInt::from(rate_bps) * price, 10_000)
}
