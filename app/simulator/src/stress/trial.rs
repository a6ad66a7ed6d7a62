//! One path through the engine: the market full to its cap, what the claim calls liquidatable in accounts at the edge of health, and what
//! becomes of them.

use anyhow::{anyhow, bail, Result};
use taper_engine::margin::requirement;
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};

use super::claim::Claim;
use super::path::Shape;
use crate::lab::feed::{Feed, Listing, PathPoint};
use crate::lab::policy::PolicyKind;
use crate::lab::population::Population;
use crate::lab::run::{run_accounts, RunSpec};
use crate::lab::watch::trigger;
use crate::lab::world::{refused, World};
use crate::replay::path::SLOT_MS;
use crate::replay::population::Drawn;

/// The price at which every account is opened leaves this to spare over initial margin, in percent.
const SPARE_PERCENT: i128 = 1;
/// Those whom no path reaches deposit so many times their notional.
const SOUND_TIMES: i64 = 2;

/// The market under stress.
pub struct Ground {
    pub listing: Listing,
    pub claim: Claim,
    policy: PolicyKind,
    /// How much of the market's own displacement the oracle shows, in halves.
    pub feedback_halves: i64,
}

/// What became of the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Losses beyond what an account had, covered or not.
    pub bad_debt_atoms: i64,
    /// The longest that an account was unhealthy.
    pub longest_unsafe_ms: i64,
    /// The lowest health of an account with a position; `None` if none was ever unhealthy.
    pub lowest_health_bps: Option<i64>,
    /// Notional of positions taken over.
    pub taken_over_atoms: i64,
}

impl Verdict {
    /// Bad debt, or an account that stayed unhealthy beyond the bound: the path breaks the market.
    pub fn breaks(&self, claim: &Claim) -> bool {
        self.bad_debt_atoms > 0 || self.is_late(claim)
    }

    /// An account stayed unhealthy beyond the bound.
    pub fn is_late(&self, claim: &Claim) -> bool {
        self.longest_unsafe_ms > claim.bound_slots.saturating_mul(SLOT_MS)
    }

    /// The throttle had to be bypassed: an account with a position fell below that health.
    pub fn bypasses(&self, claim: &Claim) -> bool {
        self.lowest_health_bps.is_some_and(|health| health < claim.bypass_health_bps)
    }
}

impl Ground {
    /// The market of these parameters.
    pub fn new(listing: Listing, claim: Claim, feedback_halves: i64) -> Result<Self> {
        let policy = PolicyKind::named("taper").ok_or_else(|| anyhow!("there is no policy of slices"))?;
        Ok(Self { listing, claim, policy, feedback_halves })
    }

    /// The accounts: `lots` at the edge of health, in so many accounts of one size, and the rest of the open interest beyond any path.
    fn accounts(&self, lots: i64, count: i64) -> Result<Vec<Drawn>> {
        let Listing { params, price, .. } = &self.listing;
        let claim = &self.claim;
        let largest = largest_position(params, *price)?;
        let count = count.clamp(1, lots).max(lots / largest + 1);
        let mut drawn = Vec::new();
        for place in 0..count {
            let lots = lots / count + i64::from(place < lots % count);
            if lots >= params.min_order_base_lots {
                drawn.push(at_the_edge(params, *price, lots, place)?);
            }
        }
        if drawn.is_empty() {
            bail!(
                "{lots} lots in {count} accounts are less than an order each: the market is too small to be stressed"
            );
        }
        let mut rest = claim.interest_lots - drawn.iter().map(|drawn| drawn.lots.0).sum::<i64>();
        while rest >= params.min_order_base_lots {
            let lots = rest.min(largest);
            let worth = price.notional(BaseLots(lots)).map_err(refused)?;
            let deposit = worth.0.checked_mul(SOUND_TIMES).ok_or_else(|| anyhow!("the market is too large"))?;
            let label = format!("rest {}", drawn.len());
            drawn.push(Drawn {
                label,
                side: Side::Bid,
                lots: BaseLots(lots),
                leverage_tenths: 10,
                deposit: QuoteAtoms(deposit),
            });
            rest -= lots;
        }
        Ok(drawn)
    }

    fn feed(&self, points: &[PathPoint]) -> Result<Feed> {
        Feed::on_path(&self.listing, points).map_err(refused)
    }

    /// The lowest price at which the accounts at the edge are healthy.
    fn edge(&self, drawn: &[Drawn]) -> Result<Price> {
        let first = PathPoint { after_ms: SLOT_MS, price: self.listing.price, part: 1.0 };
        let feed = self.feed(&[first])?;
        let world = World::open(&feed, feed.defaults, drawn, QuoteAtoms(0))?;
        let prices = drawn.iter().enumerate().filter(|(_, drawn)| drawn.leverage_tenths > 10);
        let prices: Vec<i64> =
            prices.map(|(index, drawn)| trigger(&world, index, drawn.lots.0)).collect::<Result<_>>()?;
        prices.into_iter().max().map(Price).ok_or_else(|| anyhow!("nobody is at the edge"))
    }

    /// The posted prices of a path that falls so far below the edge, with `lots` at it.
    pub fn path(&self, shape: &Shape, fall_ppm: i64, lots: i64) -> Result<(Vec<Drawn>, Vec<PathPoint>)> {
        let drawn = self.accounts(lots, shape.accounts)?;
        let points = shape.points(self.edge(&drawn)?, fall_ppm, &self.claim);
        Ok((drawn, points))
    }

    /// Runs it.
    pub fn run(&self, shape: &Shape, fall_ppm: i64, lots: i64) -> Result<Verdict> {
        let (drawn, points) = self.path(shape, fall_ppm, lots)?;
        // The accounts are given: population and open interest are not asked for.
        let spec = RunSpec {
            feed: &self.feed(&points)?,
            policy: &self.policy,
            seed: 0,
            accounts: drawn.len(),
            population: &Population::replay(),
            interest_tenths: 30,
            feedback_halves: self.feedback_halves,
            fund: QuoteAtoms(0),
            look_at_all: false,
        };
        let end = run_accounts(&spec, &drawn)?.at_end;
        Ok(Verdict {
            bad_debt_atoms: end.tally.bad_debt_atoms - end.uncovered_atoms,
            longest_unsafe_ms: end.tally.longest_unsafe_ms,
            lowest_health_bps: end.tally.lowest_health_bps,
            taken_over_atoms: end.tally.taken_over_atoms,
        })
    }
}

/// Half of what the last tier admits at the price, in lots.
fn largest_position(params: &MarketParams, price: Price) -> Result<i64> {
    let edge = params.tiers().last().map_or(0, |tier| tier.notional_cap_atoms);
    let lots = i64::try_from(edge / 2)? / price.0.max(1);
    if lots < params.min_order_base_lots {
        bail!("the last margin tier admits no position at {} atoms a lot; is --price right?", price.0);
    }
    Ok(lots)
}

/// An account with a little more than its initial margin, which a fall of that brings to the edge.
fn at_the_edge(params: &MarketParams, price: Price, lots: i64, place: i64) -> Result<Drawn> {
    let notional = price.notional(BaseLots(lots)).map_err(refused)?;
    let initial = requirement(params, notional, true).map_err(refused)?.0 / i128::from(taper_engine::quantity::BPS_ONE);
    let fee = i128::from(notional.0) * i128::from(params.taker_fee_ppm) / 1_000_000 + 1;
    // Initial health is taken at prices a confidence interval against the account: a tenth of a percent covers it.
    let biased = initial * (100 + SPARE_PERCENT) / 100 + i128::from(notional.0) / 1_000 + 1;
    let deposit = QuoteAtoms(i64::try_from(biased + fee + i128::from(params.seat_bond_atoms))?);
    let label = format!("edge {place}");
    Ok(Drawn { label, side: Side::Bid, lots: BaseLots(lots), leverage_tenths: 200, deposit })
}
