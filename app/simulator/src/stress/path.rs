//! Price paths: a shape, and how far it goes. How violent a path is, is said in units of what the parameters claim to stand.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use taper_engine::quantity::Price;

use super::claim::Claim;
use crate::lab::feed::PathPoint;
use crate::replay::path::SLOT_MS;

/// Whole, of a part of a shape.
pub const WHOLE: i64 = 1_000;
const PPM: i64 = 1_000_000;
/// The price stands still for so long before the path begins, so that the maker's quotes are whole.
const CALM_MS: i64 = 30_000;
/// Posted prices are so far apart, and further where a path is longer than so many of them.
const STEP_MS: i64 = 1_000;
const MOST_STEPS: i64 = 600;
/// A path never falls further than this.
pub const DEEPEST_PPM: i64 = 900_000;

/// A path but for how far it falls. Parts are thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Slots from the first fall to the last; 0 is a jump.
    pub slots: i64,
    /// Part of the fall that happens at once, with the first price after this part of the time.
    pub jump: i64,
    pub jump_at: i64,
    /// Above zero the fall is slow first and then fast, below zero the other way.
    pub bend: i64,
    /// Falls, with rebounds in between.
    pub legs: i64,
    /// Part of what has been lost that a rebound brings back; above a whole the price rises past where it started.
    pub rebound: i64,
    /// Part of the calm book that there is.
    pub book: i64,
    /// Accounts that hold what becomes liquidatable.
    pub accounts: i64,
}

impl Shape {
    /// A fall at constant speed.
    pub fn ramp(slots: i64) -> Self {
        Self { slots, jump: 0, jump_at: 0, bend: 0, legs: 1, rebound: 0, book: WHOLE, accounts: 8 }
    }

    /// Part of the whole fall, in millionths, after `place` of `WHOLE × 1,000` of the time.
    fn depth_ppm(&self, place: i64) -> i64 {
        let place = place.clamp(0, PPM);
        let along = {
            let late = place * place / PPM;
            let early = 2 * place - late;
            let bent = if self.bend >= 0 { late } else { early };
            (place * (WHOLE - self.bend.abs()) + bent * self.bend.abs()) / WHOLE
        };
        let jumped = if place >= self.jump_at * (PPM / WHOLE) { PPM } else { 0 };
        let fallen = (along * (WHOLE - self.jump) + jumped * self.jump) / WHOLE;
        fallen - fallen * self.rebounding(place) / PPM
    }

    /// Part of what has been lost that is back, in millionths: each leg but the last ends in a rebound that takes its last third, half of
    /// it up and half of it down again.
    fn rebounding(&self, place: i64) -> i64 {
        if self.legs <= 1 {
            return 0;
        }
        let inside = place * self.legs % PPM;
        if place * self.legs / PPM >= self.legs - 1 || inside < PPM * 2 / 3 {
            return 0;
        }
        let into = (inside - PPM * 2 / 3) * 3;
        let height = if into < PPM / 2 { 2 * into } else { 2 * (PPM - into) };
        height * self.rebound / WHOLE
    }

    fn step_slots(&self, claim: &Claim) -> i64 {
        let steps_ms = (self.slots.max(claim.bound_slots) * SLOT_MS / MOST_STEPS).max(STEP_MS);
        (steps_ms / SLOT_MS).max(1)
    }

    /// Falls by slots since the first price of the path, in millionths, if the whole fall is one.
    fn course(&self, claim: &Claim) -> Vec<(i64, i64)> {
        let step = self.step_slots(claim);
        let mut course = Vec::new();
        let mut slots = 0;
        while slots < self.slots {
            course.push((slots, self.depth_ppm(slots * PPM / self.slots)));
            slots += step;
        }
        course.push((self.slots, self.depth_ppm(PPM)));
        course
    }

    /// The stretch of the path that is most violent: what it falls, in millionths of the whole fall, and what the claim allows in that time.
    fn worst_stretch(&self, claim: &Claim) -> (i128, i128) {
        let course = self.course(claim);
        let (mut worst, mut allowed) = (0, 1);
        for (place, (end, deeper)) in course.iter().enumerate() {
            // Whoever is opened at the edge before the first price falls from there.
            let before = std::iter::once((0, 0)).chain(course.iter().take(place).copied());
            for (start, depth) in before {
                let (fall, line) = (i128::from(deeper - depth), i128::from(claim.fall_ppm(end - start).max(1)));
                if fall * allowed > worst * line {
                    (worst, allowed) = (fall, line);
                }
            }
        }
        (worst.max(1), allowed)
    }

    /// How many times more than the claim allows a fall of so many millionths falls, in its worst stretch; in thousandths, rounded up.
    pub fn violence(&self, fall_ppm: i64, claim: &Claim) -> i64 {
        let (worst, allowed) = self.worst_stretch(claim);
        let (fallen, allowed) = (worst * i128::from(fall_ppm) * i128::from(WHOLE), allowed * i128::from(PPM));
        i64::try_from((fallen + allowed - 1) / allowed).unwrap_or(i64::MAX)
    }

    /// The whole fall of the path that is so violent, in millionths: the largest that is not more so.
    pub fn fall_of(&self, violence: i64, claim: &Claim) -> i64 {
        let (worst, allowed) = self.worst_stretch(claim);
        let fall = i128::from(violence) * allowed * i128::from(PPM) / (worst * i128::from(WHOLE));
        i64::try_from(fall).unwrap_or(DEEPEST_PPM).min(DEEPEST_PPM)
    }

    /// The posted prices, from `start` on. After the path the price stays where it is for twice the claim's bound and a minute.
    pub fn points(&self, start: Price, fall_ppm: i64, claim: &Claim) -> Vec<PathPoint> {
        let calm = PathPoint { after_ms: CALM_MS, price: start, part: self.book as f64 / WHOLE as f64 };
        let first_ms = 2 * CALM_MS;
        let mut points = vec![calm, PathPoint { after_ms: first_ms - STEP_MS, ..calm }];
        for (slots, depth) in self.course(claim) {
            let fallen = i128::from(start.0) * i128::from(depth) * i128::from(fall_ppm);
            let fallen = i64::try_from(fallen / i128::from(PPM * PPM)).unwrap_or(start.0);
            points.push(PathPoint {
                after_ms: first_ms + slots * SLOT_MS,
                price: Price((start.0 - fallen).max(1)),
                ..calm
            });
        }
        let Some(last) = points.last().copied() else { return points };
        let step_ms = self.step_slots(claim) * SLOT_MS;
        let rest_ms = 2 * claim.bound_slots * SLOT_MS + 60_000;
        points
            .extend((1..=rest_ms / step_ms).map(|step| PathPoint { after_ms: last.after_ms + step * step_ms, ..last }));
        points
    }

    /// A shape like nothing in particular, with at least half of the calm book.
    pub fn random(claim: &Claim, random: &mut ChaCha8Rng) -> Self {
        let longest = 2 * claim.bound_slots;
        Self {
            slots: random.gen_range(0..=longest),
            jump: if random.gen_bool(0.3) { random.gen_range(0..=WHOLE) } else { 0 },
            jump_at: random.gen_range(0..=WHOLE),
            bend: random.gen_range(-WHOLE..=WHOLE),
            legs: if random.gen_bool(0.5) { 1 } else { random.gen_range(2..=8) },
            rebound: random.gen_range(0..=3 * WHOLE / 2),
            book: random.gen_range(WHOLE / 2..=WHOLE),
            accounts: 1 << random.gen_range(0..=5),
        }
    }

    /// A shape like this one: each part may be another's.
    pub fn mutated(&self, claim: &Claim, random: &mut ChaCha8Rng) -> Self {
        let other = Self::random(claim, random);
        let mut near = |of: i64, low: i64, high: i64| {
            let reach = (high - low) / 6;
            (of + random.gen_range(-reach..=reach)).clamp(low, high)
        };
        let longest = 2 * claim.bound_slots;
        let moved = Self {
            slots: near(self.slots, 0, longest),
            jump: near(self.jump, 0, WHOLE),
            jump_at: near(self.jump_at, 0, WHOLE),
            bend: near(self.bend, -WHOLE, WHOLE),
            legs: self.legs,
            rebound: near(self.rebound, 0, 3 * WHOLE / 2),
            book: near(self.book, WHOLE / 2, WHOLE),
            accounts: self.accounts,
        };
        let mut pick = |kept: i64, moved: i64, other: i64| match random.gen_range(0..6) {
            0 => other,
            1 | 2 => moved,
            _ => kept,
        };
        Self {
            slots: pick(self.slots, moved.slots, other.slots),
            jump: pick(self.jump, moved.jump, other.jump),
            jump_at: pick(self.jump_at, moved.jump_at, other.jump_at),
            bend: pick(self.bend, moved.bend, other.bend),
            legs: pick(self.legs, moved.legs, other.legs),
            rebound: pick(self.rebound, moved.rebound, other.rebound),
            book: pick(self.book, moved.book, other.book),
            accounts: pick(self.accounts, moved.accounts, other.accounts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim = Claim {
        drift_ppm_per_slot: 50,
        latency_slots: 25,
        bypass_health_bps: 3_300,
        lots: 1_000,
        interest_lots: 10_000,
        bound_slots: 357,
    };

    #[test]
    fn the_claims_own_ramp_is_exactly_as_violent_as_the_claim() {
        let ramp = Shape::ramp(CLAIM.bound_slots - CLAIM.latency_slots);
        assert_eq!(ramp.fall_of(WHOLE, &CLAIM), 17_850);
        assert_eq!((ramp.violence(17_850, &CLAIM), ramp.violence(17_851, &CLAIM)), (1_000, 1_001));
        // A jump is known after the latency: 25 slots of drift.
        assert_eq!(Shape::ramp(0).fall_of(WHOLE, &CLAIM), 1_250);
        assert_eq!(Shape::ramp(0).fall_of(4 * WHOLE, &CLAIM), 5_000);
        // A jump is hardly milder for coming late (two slots after the price before it), nor a fall for coming after a rebound.
        let late = Shape { jump: WHOLE, jump_at: WHOLE, ..Shape::ramp(300) };
        assert_eq!(late.fall_of(WHOLE, &CLAIM), 1_350);
        let bounce = Shape { legs: 2, rebound: WHOLE, ..Shape::ramp(2 * CLAIM.bound_slots) };
        assert!(bounce.fall_of(WHOLE, &CLAIM) < 17_850);
        // However slow, the whole fall is no more than the claim's.
        assert_eq!(Shape::ramp(3_570).fall_of(WHOLE, &CLAIM), 17_850);
    }

    #[test]
    fn a_shape_falls_as_its_parts_say() {
        let at = |shape: Shape| [0, PPM / 4, PPM / 2, PPM].map(|place| shape.depth_ppm(place));
        assert_eq!(at(Shape::ramp(100)), [0, 250_000, 500_000, 1_000_000]);
        assert_eq!(at(Shape { bend: WHOLE, ..Shape::ramp(100) }), [0, 62_500, 250_000, 1_000_000]);
        assert_eq!(at(Shape { bend: -WHOLE, ..Shape::ramp(100) }), [0, 437_500, 750_000, 1_000_000]);
        let half = Shape { jump: 500, jump_at: 500, ..Shape::ramp(100) };
        assert_eq!(at(half), [0, 125_000, 750_000, 1_000_000]);
        // Two legs: the first ends in a rebound, all the way up in its middle.
        let bounce = Shape { legs: 2, rebound: WHOLE, ..Shape::ramp(100) };
        assert_eq!([PPM / 3, PPM * 5 / 12, PPM].map(|place| bounce.depth_ppm(place)), [333_333, 2, 1_000_000]);
    }

    #[test]
    fn prices_begin_calm_fall_and_stay() {
        let points = Shape::ramp(50).points(Price(1_000_000), 100_000, &CLAIM);
        let fallen: Vec<i64> = points.iter().map(|point| point.price.0).collect();
        assert_eq!((fallen[0], fallen[1], fallen[2]), (1_000_000, 1_000_000, 1_000_000));
        assert!(fallen.windows(2).all(|pair| pair[1] <= pair[0]));
        assert!(points.windows(2).all(|pair| pair[0].after_ms < pair[1].after_ms));
        assert_eq!(*fallen.last().unwrap(), 900_000);
        // 20 s of fall; then twice 142.8 s and a minute.
        let last = points.last().unwrap().after_ms;
        assert!((last - (60_000 + 20_000 + 345_600)).abs() < 1_000, "{last}");
    }
}
