//! The attacker's search: what he may choose is a list of numbers, what he gets for it is money. Random plans first, then the best few are
//! improved number by number. The seed is fixed, so a run finds the same every time.

use std::ops::RangeInclusive;

/// Plans of the default run, and of the longer one: `cargo test --release -p taper-engine --test attacks -- --ignored longer --nocapture`.
pub const SHORT_RUN: u32 = 1_500;
pub const LONG_RUN: u32 = 50_000;

/// What a search found.
pub struct Found<T> {
    /// Atoms that the best plan earns.
    pub profit: i64,
    /// What that plan left behind.
    pub outcome: T,
    /// Plans tried.
    pub tried: u32,
}

pub struct Search {
    ranges: Vec<RangeInclusive<i64>>,
    seed: u64,
}

impl Search {
    pub fn new(ranges: Vec<RangeInclusive<i64>>, seed: u64) -> Self {
        Self { ranges, seed }
    }

    fn within(&mut self, range: &RangeInclusive<i64>) -> i64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let width = range.end() - range.start() + 1;
        range.start() + i64::try_from(self.seed >> 33).unwrap() % width
    }

    fn random(&mut self) -> Vec<i64> {
        self.ranges.clone().iter().map(|range| self.within(range)).collect()
    }

    /// A neighbour: one to three numbers anew, or moved by a 64th of their range, a 1,024th, or one.
    fn neighbour(&mut self, of: &[i64]) -> Vec<i64> {
        let mut plan = of.to_vec();
        for _ in 0..=self.within(&(0..=2)) {
            let last = i64::try_from(plan.len()).unwrap() - 1;
            let at = usize::try_from(self.within(&(0..=last))).unwrap();
            let range = self.ranges[at].clone();
            let width = range.end() - range.start() + 1;
            let moved = match self.within(&(0..=3)) {
                0 => self.within(&range),
                1 => plan[at] + self.within(&(-1..=1)) * (width / 64).max(1),
                2 => plan[at] + self.within(&(-1..=1)) * (width / 1_024).max(1),
                _ => plan[at] + self.within(&(-1..=1)),
            };
            plan[at] = moved.clamp(*range.start(), *range.end());
        }
        plan
    }

    /// The best of `tries` plans: a third at random, the rest climbing from the best of them. `judge` asserts the bound of every single plan.
    pub fn best<T>(mut self, tries: u32, mut judge: impl FnMut(&[i64]) -> (i64, T)) -> Found<T> {
        let mut best_plan = self.random();
        let (mut profit, mut outcome) = judge(&best_plan);
        for tried in 1..tries {
            let plan = if tried < tries / 3 { self.random() } else { self.neighbour(&best_plan) };
            let (earned, left) = judge(&plan);
            if earned >= profit {
                (best_plan, profit, outcome) = (plan, earned, left);
            }
        }
        Found { profit, outcome, tried: tries }
    }
}

pub fn tell<T>(name: &str, found: &Found<T>, bound: i64) {
    println!("{name}: best {} of a bound of {bound} atoms, {} plans", found.profit, found.tried);
}
