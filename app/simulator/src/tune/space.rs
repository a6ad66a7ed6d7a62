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

/// One dimension. Where rules order values (penalties rise down the ladder, cooldowns fall) it is the step to the neighbour.
pub struct Dimension {
    pub name: &'static str,
    pub group: Group,
    low: i64,
    high: i64,
    scale: Scale,
    read: fn(&MarketParams) -> i64,
    write: fn(&mut MarketParams, i64),
}

/// A value of a ladder's point; zero for a point that does not exist.
fn of_point(params: &MarketParams, place: usize, value: fn(&LadderPoint) -> u32) -> i64 {
    params.ladder.get(place).map_or(0, |point| i64::from(value(point)))
}

fn set_point(params: &mut MarketParams, place: usize, set: impl Fn(&mut LadderPoint)) {
    if let Some(point) = params.ladder.get_mut(place) {
        set(point);
    }
}

/// A value as the parameters hold it; what is out of range is caught by their validation.
fn bps(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn slots(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

macro_rules! dimension {
    ($name:literal, $group:ident, $scale:ident $low:literal ..= $high:literal, $read:expr, $write:expr $(,)?) => {
        Dimension {
            name: $name,
            group: Group::$group,
            low: $low,
            high: $high,
            scale: Scale::$scale,
            read: $read,
            write: $write,
        }
    };
}

/// Step of a value from one point of the ladder to the next.
macro_rules! step {
    ($name:literal, $group:ident, $low:literal ..= $high:literal, $field:ident, $from:literal -> $to:literal) => {
        dimension!(
            $name,
            $group,
            Fine $low..=$high,
            |p| of_point(p, $to, |point| point.$field) - of_point(p, $from, |point| point.$field),
            |p, step| {
                let value = bps(of_point(p, $from, |point| point.$field) + step);
                set_point(p, $to, |point| point.$field = value);
            },
        )
    };
}

/// Room between penalty and cost cap at a point.
macro_rules! room {
    ($name:literal, $place:literal, $high:literal) => {
        dimension!(
            $name,
            Caps,
            Even 0..=$high,
            |p| of_point(p, $place, |point| point.cost_cap_bps_of_mmr)
                - of_point(p, $place, |point| point.penalty_bps_of_mmr),
            |p, room| {
                let cap = bps(of_point(p, $place, |point| point.penalty_bps_of_mmr) + room);
                set_point(p, $place, |point| point.cost_cap_bps_of_mmr = cap);
            },
        )
    };
}

/// Every dimension, in the order in which values are written.
pub const DIMENSIONS: [Dimension; 26] = [
    dimension!(
        "health_3",
        Ladder,
        Even 1_000..=6_000,
        |p| of_point(p, 2, |point| point.health_bps),
        |p, health| set_point(p, 2, |point| point.health_bps = bps(health)),
    ),
    step!("health_2_above_3", Ladder, 500..=6_000, health_bps, 2 -> 1),
    dimension!(
        "penalty_1",
        Penalty,
        Fine 300..=1_500,
        |p| of_point(p, 0, |point| point.penalty_bps_of_mmr),
        |p, penalty| set_point(p, 0, |point| point.penalty_bps_of_mmr = bps(penalty)),
    ),
    step!("penalty_2_above_1", Penalty, 0..=2_000, penalty_bps_of_mmr, 0 -> 1),
    step!("penalty_3_above_2", Penalty, 0..=3_000, penalty_bps_of_mmr, 1 -> 2),
    step!("penalty_4_above_3", Penalty, 0..=3_000, penalty_bps_of_mmr, 2 -> 3),
    room!("cap_above_penalty_1", 0, 6_000),
    room!("cap_above_penalty_2", 1, 8_000),
    room!("cap_above_penalty_3", 2, 7_000),
    room!("cap_above_penalty_4", 3, 7_000),
    dimension!(
        "cap_start",
        Caps,
        Even 0..=6_000,
        |p| i64::from(p.cost_cap_start_bps_of_mmr),
        |p, start| p.cost_cap_start_bps_of_mmr = bps(start),
    ),
    dimension!(
        "cap_ramp",
        Caps,
        Fine 1..=1_500,
        |p| i64::from(p.cost_cap_ramp_bps_of_mmr_per_slot),
        |p, ramp| p.cost_cap_ramp_bps_of_mmr_per_slot = bps(ramp),
    ),
    dimension!(
        "cooldown_4",
        Cooldown,
        Fine 0..=20,
        |p| of_point(p, 3, |point| point.cooldown_slots),
        |p, slots| set_point(p, 3, |point| point.cooldown_slots = bps(slots)),
    ),
    step!("cooldown_3_above_4", Cooldown, 0..=20, cooldown_slots, 3 -> 2),
    step!("cooldown_2_above_3", Cooldown, 0..=60, cooldown_slots, 2 -> 1),
    step!("cooldown_1_above_2", Cooldown, 0..=150, cooldown_slots, 1 -> 0),
    dimension!(
        "target_first",
        Target,
        Even 10_100..=16_000,
        |p| i64::from(p.target_first_bps),
        |p, target| p.target_first_bps = bps(target),
    ),
    dimension!(
        "target_again",
        Target,
        ZeroOrMore 10_100..=16_000,
        |p| i64::from(p.target_again_bps),
        |p, target| p.target_again_bps = bps(target),
    ),
    dimension!(
        "throttle_bypass_health",
        Throttle,
        Even 500..=7_000,
        |p| i64::from(p.throttle_bypass_health_bps),
        |p, health| p.throttle_bypass_health_bps = bps(health),
    ),
    dimension!(
        "throttle_capacity_bps_of_interest_cap",
        Throttle,
        Fine 250..=10_000,
        |p| scaled(p.throttle_capacity_base_lots, BPS_ONE, p.open_interest_cap_base_lots),
        |p, part| p.throttle_capacity_base_lots = scaled(p.open_interest_cap_base_lots, part, BPS_ONE).max(1),
    ),
    dimension!(
        "throttle_refill_slots",
        Throttle,
        Fine 25..=3_000,
        |p| i64::try_from(p.throttle_refill_slots).unwrap_or(i64::MAX),
        |p, refill| p.throttle_refill_slots = slots(refill),
    ),
    dimension!(
        "episode_cost_budget",
        Episode,
        Even 500..=10_000,
        |p| i64::from(p.episode_cost_budget_bps),
        |p, budget| p.episode_cost_budget_bps = bps(budget),
    ),
    dimension!(
        "cooloff_slots",
        Episode,
        Fine 50..=20_000,
        |p| i64::try_from(p.cooloff_slots).unwrap_or(i64::MAX),
        |p, cooloff| p.cooloff_slots = slots(cooloff),
    ),
    dimension!(
        "reentry_slots",
        Episode,
        Fine 0..=1_000_000,
        |p| i64::try_from(p.reentry_slots).unwrap_or(i64::MAX),
        |p, reentry| p.reentry_slots = slots(reentry),
    ),
    dimension!(
        "takeover_health",
        Takeover,
        Even 200..=4_000,
        |p| i64::from(p.takeover_health_bps),
        |p, health| p.takeover_health_bps = bps(health),
    ),
    dimension!(
        "stall_slots",
        Takeover,
        Fine 10..=2_000,
        |p| i64::from(p.stall_slots),
        |p, stall| p.stall_slots = bps(stall),
    ),
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
        (self.read)(params)
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
            (dimension.write)(&mut params, value);
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
