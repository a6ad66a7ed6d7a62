//! What is searched: named dimensions of a market's parameters, each with its range. A point is a place in the unit cube, in whole steps, so
//! that the same seed draws the same points on every machine.

use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use taper_engine::params::{LadderPoint, MarketParams};
use taper_engine::quantity::BPS_ONE;

/// One, along a dimension.
pub const UNIT: i64 = 1 << 20;

/// Dimensions that are held or searched together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Healths of the ladder's inner points.
    Ladder,
    /// Penalties at the ladder's points.
    Penalty,
    /// Cost caps at the ladder's points, and how the cap opens.
    Caps,
    Cooldown,
    Target,
    /// The bucket's capacity and refill, and the health below which it is bypassed.
    Throttle,
    /// The budget of an episode and its periods.
    Episode,
    Takeover,
}

impl Group {
    pub const ALL: [(&'static str, Self); 8] = [
        ("ladder", Self::Ladder),
        ("penalty", Self::Penalty),
        ("caps", Self::Caps),
        ("cooldown", Self::Cooldown),
        ("target", Self::Target),
        ("throttle", Self::Throttle),
        ("episode", Self::Episode),
        ("takeover", Self::Takeover),
    ];

    /// The group of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, group)| *group)
    }
}

/// How values lie along a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Even,
    /// Closer together at the low end: the value grows with the square.
    Fine,
    /// The lower half is zero, the upper half even from the first value after it: for what zero switches to something else.
    ZeroOrMore,
}

/// What of the parameters a dimension stands for. Where rules order values (penalties rise down the ladder, cooldowns fall) it is the step to
/// the neighbour.
enum Lever {
    Value(fn(&mut MarketParams) -> &mut u32),
    Slots(fn(&mut MarketParams) -> &mut u64),
    /// The bucket's capacity, in basis points of the cap on open interest.
    Capacity,
    /// A value at the point of the ladder at this place.
    AtPoint(usize, OfPoint),
    /// How much more it is at the second of these places than at the first.
    Step(usize, usize, OfPoint),
    /// Room between penalty and cost cap at the point at this place.
    Room(usize),
}

type OfPoint = fn(&mut LadderPoint) -> &mut u32;

const HEALTH: OfPoint = |point| &mut point.health_bps;
const PENALTY: OfPoint = |point| &mut point.penalty_bps_of_mmr;
const COST_CAP: OfPoint = |point| &mut point.cost_cap_bps_of_mmr;
const COOLDOWN: OfPoint = |point| &mut point.cooldown_slots;

/// One dimension.
pub struct Dimension {
    pub name: &'static str,
    pub group: Group,
    scale: Scale,
    low: i64,
    high: i64,
    lever: Lever,
}

impl Lever {
    fn read(&self, params: &MarketParams) -> i64 {
        // A copy, since a lever leads to where it may be written.
        let mut params = *params;
        match *self {
            Self::Value(of) => i64::from(*of(&mut params)),
            Self::Slots(of) => i64::try_from(*of(&mut params)).unwrap_or(i64::MAX),
            Self::Capacity => scaled(params.throttle_capacity_base_lots, BPS_ONE, params.open_interest_cap_base_lots),
            Self::AtPoint(place, of) => of_point(&mut params, place, of),
            Self::Step(from, to, of) => of_point(&mut params, to, of) - of_point(&mut params, from, of),
            Self::Room(place) => of_point(&mut params, place, COST_CAP) - of_point(&mut params, place, PENALTY),
        }
    }

    fn write(&self, params: &mut MarketParams, value: i64) {
        match *self {
            Self::Value(of) => *of(params) = bps(value),
            Self::Slots(of) => *of(params) = slots(value),
            Self::Capacity => {
                params.throttle_capacity_base_lots = scaled(params.open_interest_cap_base_lots, value, BPS_ONE).max(1);
            }
            Self::AtPoint(place, of) => set_point(params, place, of, value),
            Self::Step(from, to, of) => {
                let value = of_point(params, from, of) + value;
                set_point(params, to, of, value);
            }
            Self::Room(place) => {
                let value = of_point(params, place, PENALTY) + value;
                set_point(params, place, COST_CAP, value);
            }
        }
    }
}

/// A value of a ladder's point; zero for a point that does not exist.
fn of_point(params: &mut MarketParams, place: usize, of: OfPoint) -> i64 {
    params.ladder.get_mut(place).map_or(0, |point| i64::from(*of(point)))
}

fn set_point(params: &mut MarketParams, place: usize, of: OfPoint, value: i64) {
    if let Some(point) = params.ladder.get_mut(place) {
        *of(point) = bps(value);
    }
}

/// A value as the parameters hold it; what is out of range is caught by their validation.
fn bps(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn slots(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

const fn along(name: &'static str, group: Group, scale: Scale, (low, high): (i64, i64), lever: Lever) -> Dimension {
    Dimension { name, group, scale, low, high, lever }
}

/// Every dimension, in the order in which values are written.
#[rustfmt::skip]
pub const DIMENSIONS: [Dimension; 26] = [
    along("health_3", Group::Ladder, Scale::Even, (1_000, 6_000), Lever::AtPoint(2, HEALTH)),
    along("health_2_above_3", Group::Ladder, Scale::Fine, (500, 6_000), Lever::Step(2, 1, HEALTH)),
    along("penalty_1", Group::Penalty, Scale::Fine, (300, 1_500), Lever::AtPoint(0, PENALTY)),
    along("penalty_2_above_1", Group::Penalty, Scale::Fine, (0, 2_000), Lever::Step(0, 1, PENALTY)),
    along("penalty_3_above_2", Group::Penalty, Scale::Fine, (0, 3_000), Lever::Step(1, 2, PENALTY)),
    along("penalty_4_above_3", Group::Penalty, Scale::Fine, (0, 3_000), Lever::Step(2, 3, PENALTY)),
    along("cap_above_penalty_1", Group::Caps, Scale::Even, (0, 6_000), Lever::Room(0)),
    along("cap_above_penalty_2", Group::Caps, Scale::Even, (0, 8_000), Lever::Room(1)),
    along("cap_above_penalty_3", Group::Caps, Scale::Even, (0, 7_000), Lever::Room(2)),
    along("cap_above_penalty_4", Group::Caps, Scale::Even, (0, 7_000), Lever::Room(3)),
    along("cap_start", Group::Caps, Scale::Even, (0, 6_000), Lever::Value(|p| &mut p.cost_cap_start_bps_of_mmr)),
    along("cap_ramp", Group::Caps, Scale::Fine, (1, 1_500), Lever::Value(|p| &mut p.cost_cap_ramp_bps_of_mmr_per_slot)),
    along("cooldown_4", Group::Cooldown, Scale::Fine, (0, 20), Lever::AtPoint(3, COOLDOWN)),
    along("cooldown_3_above_4", Group::Cooldown, Scale::Fine, (0, 20), Lever::Step(3, 2, COOLDOWN)),
    along("cooldown_2_above_3", Group::Cooldown, Scale::Fine, (0, 60), Lever::Step(2, 1, COOLDOWN)),
    along("cooldown_1_above_2", Group::Cooldown, Scale::Fine, (0, 150), Lever::Step(1, 0, COOLDOWN)),
    along("target_first", Group::Target, Scale::Even, (10_100, 16_000), Lever::Value(|p| &mut p.target_first_bps)),
    along("target_again", Group::Target, Scale::ZeroOrMore, (10_100, 16_000), Lever::Value(|p| &mut p.target_again_bps)),
    along("throttle_bypass_health", Group::Throttle, Scale::Even, (500, 7_000), Lever::Value(|p| &mut p.throttle_bypass_health_bps)),
    along("throttle_capacity_bps_of_interest_cap", Group::Throttle, Scale::Fine, (250, 10_000), Lever::Capacity),
    along("throttle_refill_slots", Group::Throttle, Scale::Fine, (25, 3_000), Lever::Slots(|p| &mut p.throttle_refill_slots)),
    along("episode_cost_budget", Group::Episode, Scale::Even, (500, 10_000), Lever::Value(|p| &mut p.episode_cost_budget_bps)),
    along("cooloff_slots", Group::Episode, Scale::Fine, (50, 20_000), Lever::Slots(|p| &mut p.cooloff_slots)),
    along("reentry_slots", Group::Episode, Scale::Fine, (0, 1_000_000), Lever::Slots(|p| &mut p.reentry_slots)),
    along("takeover_health", Group::Takeover, Scale::Even, (200, 4_000), Lever::Value(|p| &mut p.takeover_health_bps)),
    along("stall_slots", Group::Takeover, Scale::Fine, (10, 2_000), Lever::Value(|p| &mut p.stall_slots)),
];

/// `value × part ÷ whole`, to the nearest.
fn scaled(value: i64, part: i64, whole: i64) -> i64 {
    let whole = i128::from(whole.max(1));
    let exact = (i128::from(value) * i128::from(part) + whole / 2).div_euclid(whole);
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// A point of the cube: a place along every dimension, from 0 to less than [`UNIT`].
pub type Point = [i64; DIMENSIONS.len()];

impl Dimension {
    fn value(&self, at: i64) -> i64 {
        let along = |at: i64, places: i64| i64::try_from(i128::from(at) * i128::from(places) / i128::from(UNIT));
        let places = self.high - self.low + 1;
        let offset = match self.scale {
            Scale::Even => along(at, places),
            Scale::Fine => along(at * at / UNIT, places),
            Scale::ZeroOrMore if at < UNIT / 2 => return 0,
            Scale::ZeroOrMore => along(2 * at - UNIT, places),
        };
        self.low + offset.unwrap_or(0)
    }

    /// The first place whose value is at least this one.
    fn place_of(&self, value: i64) -> i64 {
        let (mut low, mut high) = (0, UNIT - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.value(middle) >= value {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// The parameters' value.
    pub fn read(&self, params: &MarketParams) -> i64 {
        self.lever.read(params)
    }
}

/// The parameters around which is searched, and the dimensions that are.
#[derive(Clone, Debug)]
pub struct Space {
    pub base: MarketParams,
    held: Vec<Group>,
}

impl Space {
    /// All dimensions but those of the groups that are held as they are.
    pub fn new(base: MarketParams, held: Vec<Group>) -> Self {
        Self { base, held }
    }

    fn is_searched(&self, dimension: &Dimension) -> bool {
        !self.held.contains(&dimension.group)
    }

    /// True if there is nothing to search.
    pub fn is_empty(&self) -> bool {
        !DIMENSIONS.iter().any(|dimension| self.is_searched(dimension))
    }

    /// Where the base lies.
    pub fn origin(&self) -> Point {
        DIMENSIONS.each_ref().map(|dimension| dimension.place_of(dimension.read(&self.base)))
    }

    /// The parameters of a point. The penalty and cost that the throughput inequality expects follow the cap at health 1, as rules ask.
    pub fn params(&self, point: &Point) -> MarketParams {
        let mut params = self.base;
        for (dimension, at) in DIMENSIONS.iter().zip(point) {
            let value = if self.is_searched(dimension) { dimension.value(*at) } else { dimension.read(&self.base) };
            dimension.lever.write(&mut params, value);
        }
        let cap = params.ladder.first().map_or(0, |point| point.cost_cap_bps_of_mmr);
        params.stress_cost_bps_of_mmr = params.stress_cost_bps_of_mmr.max(cap.div_ceil(4));
        params
    }

    /// Points that cover every dimension evenly: a latin hypercube.
    pub fn cover(&self, count: usize, random: &mut ChaCha8Rng) -> Vec<Point> {
        let mut points = vec![[0; DIMENSIONS.len()]; count];
        let whole = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        for dimension in 0..DIMENSIONS.len() {
            let mut strata: Vec<i64> = (0..whole).collect();
            strata.shuffle(random);
            for (point, stratum) in points.iter_mut().zip(strata) {
                if let Some(at) = point.get_mut(dimension) {
                    *at = (stratum * UNIT + random.gen_range(0..UNIT)) / whole;
                }
            }
        }
        points
    }

    /// A point near another: about a third of the searched dimensions move, by up to `reach` (of [`UNIT`]), small moves more often.
    pub fn near(&self, point: &Point, reach: i64, random: &mut ChaCha8Rng) -> Point {
        let mut moved = *point;
        for (at, dimension) in moved.iter_mut().zip(&DIMENSIONS) {
            // Drawn for held dimensions too, so that holding one leaves the others' draws alone.
            let (chosen, by) = (random.gen_range(0..3) == 0, [0; 3].map(|_| random.gen_range(-reach..=reach)));
            if chosen && self.is_searched(dimension) {
                *at = (*at + by.iter().sum::<i64>() / 3).clamp(0, UNIT - 1);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;
    use taper_engine::presets::{default_params, MarketSizing};
    use taper_engine::quantity::{BaseLots, Price};

    use super::*;

    fn defaults() -> MarketParams {
        let sizing =
            MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
        default_params(&sizing).unwrap()
    }

    /// Every dimension writes what it reads, changes nothing else, and the defaults lie inside its range.
    #[test]
    fn the_origin_is_the_base() {
        let space = Space::new(defaults(), Vec::new());
        let found = space.params(&space.origin());
        for dimension in &DIMENSIONS {
            assert_eq!(dimension.read(&found), dimension.read(&space.base), "{}", dimension.name);
        }
        assert_eq!(found, space.base);
    }

    #[test]
    fn a_latin_hypercube_meets_every_stratum_once() {
        let space = Space::new(defaults(), Vec::new());
        let points = space.cover(16, &mut ChaCha8Rng::seed_from_u64(1));
        for dimension in 0..DIMENSIONS.len() {
            let mut strata: Vec<i64> = points.iter().map(|point| point[dimension] * 16 / UNIT).collect();
            strata.sort_unstable();
            assert_eq!(strata, (0..16).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_held_stays_and_the_rest_moves() {
        let space = Space::new(defaults(), vec![Group::Penalty, Group::Target]);
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let point = space.cover(1, &mut random)[0];
        let params = space.params(&space.near(&point, UNIT, &mut random));
        let penalties = |p: &MarketParams| p.ladder.map(|point| point.penalty_bps_of_mmr);
        assert_eq!(penalties(&params), penalties(&space.base));
        assert_eq!((params.target_first_bps, params.target_again_bps), (12_500, 0));
        assert_ne!(params.throttle_refill_slots, space.base.throttle_refill_slots);
        assert!(Space::new(defaults(), Group::ALL.map(|(_, group)| group).to_vec()).is_empty());
    }

    #[test]
    fn values_run_from_end_to_end() {
        let ends = |name: &str| {
            let dimension = DIMENSIONS.iter().find(|dimension| dimension.name == name).unwrap();
            [0, UNIT / 2, UNIT - 1].map(|at| dimension.value(at))
        };
        assert_eq!(ends("target_first"), [10_100, 13_050, 16_000]);
        assert_eq!(ends("target_again"), [0, 10_100, 16_000]);
        assert_eq!(ends("cooloff_slots"), [50, 5_037, 20_000]);
    }
}
