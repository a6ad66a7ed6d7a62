//! What a world is made of, at random.

use proptest::prelude::*;
use taper_engine::account::POSITIONS;

/// Another trader's seat.
#[derive(Clone, Debug)]
pub struct Other {
    pub base: i64,
    /// Profit per lot.
    pub profit: i64,
    pub realised: i64,
    pub swept: i64,
    pub swept_age: u64,
    pub has_order: bool,
}

/// A market and the account's leg in it.
#[derive(Clone, Debug)]
pub struct Venue {
    pub price: i64,
    pub base: i64,
    /// Profit per lot of the account's own position.
    pub profit: i64,
    pub realised: i64,
    pub bond: u64,
    pub has_order: bool,
    pub others: Vec<Other>,
    pub funding_index: i64,
    pub loss_index: i64,
    pub pending: i64,
    pub contributed: i64,
    pub window_room: i64,
    /// What its winners have taken out ahead of its losers.
    pub taken_out: i64,
    pub takeover_health_bps: u32,
    /// In how many seats what is missing of the other side sits.
    pub balancing: u8,
}

/// What the account is worth when it is resolved.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// This part (in 1,000) of the losses of its legs is not covered; 0: exactly nothing is left.
    Bankrupt(i64),
    /// This part (in 1,000) of what lets it be taken over, in the first venue, is left, its bonds included.
    Takeover(i64),
    /// So many atoms more than lets it be taken over.
    AtThePoint(i64),
}

#[derive(Clone, Debug)]
pub struct Spec {
    pub venues: Vec<Venue>,
    /// Where each leg stands among the account's positions.
    pub places: Vec<usize>,
    pub fund: i64,
    pub fate: Fate,
    /// Orders in which the legs are tried.
    pub orders: [u64; 2],
}

fn other(scale: i64) -> impl Strategy<Value = Other> {
    let base = prop_oneof![1 => Just(0i64), 4 => -30i64..30, 2 => -3i64..3];
    let profit = prop_oneof![-40i64..40, -4_000i64..9_000, Just(0)];
    let swept = prop_oneof![3 => Just(0i64), 1 => -9_000i64..30_000];
    (base, profit, -300i64..300, swept, 0u64..5_000, prop::bool::weighted(0.1)).prop_map(
        move |(base, profit, realised, swept, swept_age, has_order)| Other {
            base: base * scale,
            profit,
            realised: realised * scale,
            swept: swept * scale,
            swept_age,
            has_order,
        },
    )
}

fn venue() -> impl Strategy<Value = Venue> {
    let low = prop_oneof![1 => 1i64..4, 4 => 5_000i64..200_000];
    let sizes = prop_oneof![
        3 => (low.clone(), Just(1i64)),
        1 => (low, Just(1_000_003)),
        1 => (1i64 << 20..1 << 30, Just(1)),
    ];
    let base = prop_oneof![1 => Just(0i64), 2 => Just(1), 6 => 1i64..400];
    let sums = (prop_oneof![Just(0i64), 0i64..200, 0i64..2_000_000], prop_oneof![Just(0i64), 0i64..4_000_000]);
    (sizes, base, any::<bool>(), prop_oneof![-9_000i64..100, 0i64..3_000, Just(0)], sums).prop_flat_map(
        |((price, scale), base, is_short, profit, (pending, contributed))| {
            let base = if is_short { -base } else { base };
            let index = prop_oneof![2 => Just(0i64), 1 => -1i64 << 24..1 << 24];
            let rest = (
                prop_oneof![1 => Just(0u64), 3 => 0u64..5_000],
                -2_000i64..2_000,
                0i64..3_000_000,
                any::<bool>(),
                1u8..25,
                prop_oneof![1 => -500i64..500, 1 => 0i64..3_000_000, 2 => Just(1i64 << 50)],
                prop_oneof![4 => Just(2_000u32), 1 => Just(3_300), 1 => 1u32..3_300],
            );
            (prop::collection::vec(other(scale), 0..45), index.clone(), index, rest).prop_map(
                move |(others, funding_index, loss_index, rest)| {
                    let (bond, realised, window_room, has_order, balancing, taken_out, takeover_health_bps) = rest;
                    Venue {
                        price,
                        base: base * scale,
                        profit,
                        realised: if base == 0 { realised - 1_500 } else { realised },
                        // An account that is left with nothing, not even a bond, is not in debt: nobody may cancel its orders.
                        bond: bond.max(u64::from(has_order)),
                        has_order,
                        others,
                        funding_index,
                        loss_index: loss_index.abs(),
                        pending,
                        contributed,
                        window_room,
                        taken_out,
                        takeover_health_bps,
                        balancing,
                    }
                },
            )
        },
    )
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let fate = prop_oneof![
        3 => (1i64..900).prop_map(Fate::Bankrupt),
        1 => Just(Fate::Bankrupt(0)),
        1 => Just(Fate::Bankrupt(1_000)),
        3 => (0i64..1_100).prop_map(Fate::Takeover),
        1 => (-9i64..5).prop_map(Fate::AtThePoint),
    ];
    let places = Just((0..POSITIONS).collect::<Vec<_>>()).prop_shuffle();
    (prop::collection::vec(venue(), 1..5), places, prop_oneof![Just(0i64), 0i64..2_000_000], fate, any::<[u64; 2]>())
        .prop_map(|(venues, places, fund, fate, orders)| Spec { venues, places, fund, fate, orders })
}
