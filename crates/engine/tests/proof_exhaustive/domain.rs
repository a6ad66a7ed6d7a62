//! The domain: legs with tier edges at every place around their lots, accounts with every equity below the target, books, limits.

use super::naive::World;
use super::reference::{rate_of_lot, requirement_atom_bps};
use taper_engine::episode::Target;
use taper_engine::params::{MarginTier, MarketParams};

/// Tiers `(cap, mmr in bps)`, prices, and the largest position.
struct Shape {
    tiers: Vec<(u64, u32)>,
    prices: Vec<i64>,
    most_lots: i64,
}

const ENDLESS: u64 = 1 << 50;
const DUST_BELOW_LOTS: i64 = 3;

/// One to four tiers: edges on a lot's end, an atom beside it, in its middle, several in one lot; equal rates; a last edge that the
/// position is beyond, alone or with the edge before it in one lot. Then one edge at every atom of a small position.
fn shapes() -> Vec<Shape> {
    let shape = |tiers: &[(u64, u32)], prices: &[i64], most_lots| Shape {
        tiers: tiers.to_vec(),
        prices: prices.to_vec(),
        most_lots,
    };
    let mut shapes = vec![
        shape(&[(ENDLESS, 5_000)], &[1, 2, 3, 7, 20], 4),
        shape(&[(ENDLESS, 300)], &[7, 50], 3),
        shape(&[(6, 2_000), (ENDLESS, 5_000)], &[2, 3, 4, 5, 6, 7], 4),
        shape(&[(8, 4_000), (ENDLESS, 4_000)], &[3, 4], 4),
        shape(&[(5, 1_000), (10, 3_000), (ENDLESS, 8_000)], &[2, 5, 7, 11], 4),
        shape(&[(9, 2_000), (11, 4_000), (ENDLESS, 7_000)], &[5, 10, 20], 3),
        shape(&[(3, 2_000), (6, 4_000)], &[2, 3, 7], 4),
        shape(&[(8, 2_000), (9, 6_000)], &[6, 7], 4),
        shape(&[(4, 1_000), (5, 2_000), (6, 4_000), (ENDLESS, 8_000)], &[3, 5, 6, 20], 3),
        shape(&[(4, 1_000), (8, 2_000), (12, 4_000), (16, 8_000)], &[4, 7], 5),
    ];
    shapes.extend((1..=20).map(|edge| shape(&[(edge, 2_000), (ENDLESS, 6_000)], &[3, 7], 4)));
    shapes
}

/// A leg, and what the reference says of each number of its lots.
#[derive(Clone, Debug)]
pub struct Leg {
    pub params: MarketParams,
    pub price: i64,
    pub base: i64,
    /// Requirement of so many lots, in 10^-4 atoms.
    pub required: Vec<i128>,
    /// The rate that the last of so many lots is charged at.
    pub rates: Vec<u32>,
}

impl Leg {
    /// Every shape, price and size, long and short, with and without sizes that count as dust.
    pub fn every() -> Vec<Self> {
        shapes().iter().flat_map(Self::of_shape).collect()
    }

    fn of_shape(shape: &Shape) -> Vec<Self> {
        let mut legs = Vec::new();
        for price in &shape.prices {
            for lots in 1..=shape.most_lots {
                let dust = if lots < DUST_BELOW_LOTS { [1].as_slice() } else { &[1, DUST_BELOW_LOTS] };
                for min_position in dust {
                    legs.extend([lots, -lots].map(|base| Self::new(shape, *price, base, *min_position)));
                }
            }
        }
        legs
    }

    fn new(shape: &Shape, price: i64, base: i64, min_position: i64) -> Self {
        let mut params: MarketParams = bytemuck::Zeroable::zeroed();
        params.min_position_base_lots = min_position;
        params.tier_count = u32::try_from(shape.tiers.len()).expect("four at most");
        for (tier, (cap, rate)) in params.tiers.iter_mut().zip(&shape.tiers) {
            *tier = MarginTier { notional_cap_atoms: *cap, mmr_bps: *rate, imr_bps: 10_000 };
        }
        let lots = 0..=base.abs();
        let required = lots.clone().map(|lots| {
            let required = requirement_atom_bps(&params, &(lots * price).into());
            i128::try_from(required).expect("small")
        });
        let rates = lots.map(|lots| if lots == 0 { 0 } else { rate_of_lot(&params, lots, price) });
        Self { params, price, base, required: required.collect(), rates: rates.collect() }
    }

    /// Whether the last of so many lots lies over an edge.
    pub fn straddles(&self, lots: i64) -> bool {
        let last = self.params.tier_count as usize - 1;
        let (top, bottom) = ((lots * self.price).unsigned_abs(), ((lots - 1) * self.price).unsigned_abs());
        self.params.tiers[..last].iter().any(|tier| tier.notional_cap_atoms > bottom && tier.notional_cap_atoms < top)
    }
}

/// Every equity from one atom to just above τ = 1.25, with and without other legs, with all of it in cash, half, and none.
pub fn accounts(leg: &Leg) -> Vec<World<'_>> {
    let own = *leg.required.last().expect("a requirement");
    let mut worlds = Vec::new();
    for others in [0, 13_000] {
        let required = own + others;
        let most = i64::try_from(required * 13 / 100_000).expect("small") + 1;
        for equity in 1..=most {
            for cash in [equity, equity / 2, 0] {
                worlds.push(World { leg, equity, required, cash });
            }
        }
    }
    worlds.dedup_by_key(|world| (world.equity, world.required, world.cash));
    worlds
}

/// What a slice may do.
#[derive(Clone, Debug)]
pub struct Limits {
    pub target: Target,
    pub cost_cap_ppb: u64,
    pub penalty_ppb: u64,
    pub budget: Option<i64>,
    pub cap: i64,
    /// Slippage and lots of each level, best first.
    pub levels: Vec<(i64, i64)>,
}

/// Books of one and two levels: better than the oracle, at it, and worse by one atom to more than a lot's margin.
pub fn books(leg: &Leg) -> Vec<Vec<(i64, i64)>> {
    let size = leg.base.abs();
    let mut books: Vec<Vec<(i64, i64)>> = (-1..=4).map(|slippage| vec![(slippage, size)]).collect();
    books.extend([
        vec![(-1, 1), (0, 1)],
        vec![(0, 1), (1, size)],
        vec![(0, 1), (3, size)],
        vec![(1, 1), (2, 1), (3, size)],
    ]);
    // A level is a price.
    books.retain(|levels| levels.iter().all(|(slippage, _)| leg.price - leg.base.signum() * slippage > 0));
    books
}

const PPB_ONE: u64 = 1_000_000_000;

/// κ and penalty, in parts per billion of the marginal rate. The quotients with every rate of the domain are whole.
const CAPS_AND_PENALTIES: [(u64, u64); 5] = [
    (PPB_ONE / 4, PPB_ONE / 4),
    (PPB_ONE / 2, PPB_ONE / 8),
    (PPB_ONE, 0),
    (PPB_ONE, PPB_ONE),
    (2 * PPB_ONE, PPB_ONE / 2),
];

/// Every combination of target, κ, penalty and budget that a slice of this account can have.
pub fn limits(world: &World<'_>, levels: &[(i64, i64)]) -> Vec<Limits> {
    let mut all = Vec::new();
    for target in [Target::Ratio(10_001), Target::Ratio(12_500), Target::Full] {
        // A slice is refused where the target is met.
        if matches!(target, Target::Ratio(bps) if world.before().meets(bps)) {
            continue;
        }
        for (cost_cap_ppb, penalty_ppb) in CAPS_AND_PENALTIES {
            for budget in [None, Some(1), Some(4)] {
                all.push(Limits { target, cost_cap_ppb, penalty_ppb, budget, cap: 0, levels: levels.to_vec() });
            }
        }
    }
    all
}
