//! The search for the mildest path that breaks the market: how far each family of paths goes before it does, then shapes that nobody
//! thought of, the better ones bred further. Everything is drawn in one thread and run in many, so the same seed finds the same.

use anyhow::Result;
use indicatif::ProgressBar;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::path::{Shape, DEEPEST_PPM, WHOLE};
use super::trial::{Ground, Verdict};

/// Shapes of a generation.
const GENERATION: usize = 16;
/// Parents kept.
const PARENTS: usize = 4;
/// Violence is searched to within this part of itself.
const EXACT_PARTS: i64 = 200;
/// Half of a book, and less, down to a hundredth.
const THINNEST: i64 = WHOLE / 100;

/// How violent a path has to be for something to happen, in thousandths of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The mildest that was seen to do it.
    pub violence: i64,
    pub fall_ppm: i64,
    pub verdict: Verdict,
}

/// A family of paths, and where it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    pub shape: Shape,
    /// Where accounts fall below the bypass.
    pub bypassed: Option<Found>,
    /// Where there is bad debt, or an account stays unhealthy beyond the bound.
    pub broken: Option<Found>,
}

/// The mildest path of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mildest {
    pub shape: Shape,
    pub found: Found,
}

/// What else than the price can get worse, while the price does what the claim says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Part of the calm book left, in thousandths, at which the claim's own path first breaks the market; `None`: it holds to a hundredth.
    pub book: Option<i64>,
    /// Lots liquidatable at once at which it does; `None`: it holds with all of the open interest.
    pub lots: Option<i64>,
}

impl Ground {
    /// The claim's own path: at its drift, for as long as it bounds.
    pub fn claimed_shape(&self) -> Shape {
        Shape::ramp((self.claim.bound_slots - self.claim.latency_slots).max(1))
    }

    /// Runs the claim's own path, all of the claim's lots in so many accounts.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn claimed(&self, accounts: i64) -> Result<Verdict> {
        let shape = Shape { accounts, ..self.claimed_shape() };
        self.run(&shape, shape.fall_of(WHOLE, &self.claim), self.claim.lots)
    }

    /// The mildest path of a shape that does something, up to the deepest fall.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn mildest(&self, shape: &Shape, does: impl Fn(&Verdict) -> bool) -> Result<Option<Found>> {
        self.mildest_below(shape, shape.violence(DEEPEST_PPM, &self.claim), does)
    }

    /// As [`Self::mildest`], for less violence than this. Between what did nothing and what did something is halved, as if more violence
    /// were always worse; where it is not, milder paths may exist.
    fn mildest_below(&self, shape: &Shape, most: i64, does: impl Fn(&Verdict) -> bool) -> Result<Option<Found>> {
        let at = |violence: i64| -> Result<Option<Found>> {
            let fall_ppm = shape.fall_of(violence, &self.claim);
            let verdict = self.run(shape, fall_ppm, self.claim.lots)?;
            Ok(does(&verdict).then_some(Found { violence, fall_ppm, verdict }))
        };
        // From below in doublings, so that the first violence that does it is near.
        let (mut low, mut high) = (0, (WHOLE / 4).min(most));
        let mut found = at(high)?;
        while found.is_none() && high < most {
            (low, high) = (high, (2 * high).min(most));
            found = at(high)?;
        }
        let Some(mut found) = found else { return Ok(None) };
        while found.violence - low > 1 + found.violence / EXACT_PARTS {
            let middle = low + (found.violence - low) / 2;
            match at(middle)? {
                Some(milder) => found = milder,
                None => low = middle,
            }
        }
        Ok(Some(found))
    }

    /// The families, each to where it breaks.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn families(&self, progress: &ProgressBar) -> Result<Vec<Family>> {
        let claim = &self.claim;
        let judged = |(name, shape): (String, Shape)| {
            let bypassed = self.mildest(&shape, |verdict| verdict.bypasses(claim))?;
            let broken = self.mildest(&shape, |verdict| verdict.breaks(claim))?;
            progress.inc(1);
            Ok(Family { name, shape, bypassed, broken })
        };
        self.shapes().into_par_iter().map(judged).collect()
    }

    fn shapes(&self) -> Vec<(String, Shape)> {
        let own = self.claimed_shape();
        let seconds = |slots: i64| format!("{} s", slots * 2 / 5);
        let ramp = |slots: i64| (format!("even fall over {}", seconds(slots)), Shape::ramp(slots));
        vec![
            ("jump".to_owned(), Shape::ramp(0)),
            ramp(25),
            ramp(150),
            ramp(own.slots),
            ramp(10 * own.slots),
            ("fall that gets faster".to_owned(), Shape { bend: WHOLE, ..own }),
            ("fall that gets slower".to_owned(), Shape { bend: -WHOLE, ..own }),
            ("half as a jump at the end".to_owned(), Shape { jump: WHOLE / 2, jump_at: WHOLE, ..own }),
            ("fall with 3 rebounds by half".to_owned(), Shape { legs: 4, rebound: WHOLE / 2, ..own }),
            ("fall with 3 rebounds past the start".to_owned(), Shape { legs: 4, rebound: 5 * WHOLE / 4, ..own }),
            ("even fall on one account".to_owned(), Shape { accounts: 1, ..own }),
            ("even fall on 32 accounts".to_owned(), Shape { accounts: 32, ..own }),
            ("even fall on half of the book".to_owned(), Shape { book: WHOLE / 2, ..own }),
        ]
    }

    /// Breeds shapes from the families', so many in all, and returns the mildest path that breaks the market; `None` if nothing does.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn breed(
        &self,
        families: &[Family],
        count: usize,
        seed: u64,
        progress: &ProgressBar,
    ) -> Result<Option<Mildest>> {
        let claim = &self.claim;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let known = families.iter().filter_map(|family| Some(Mildest { shape: family.shape, found: family.broken? }));
        let mut parents: Vec<Mildest> = known.collect();
        let mut tried = 0;
        while tried < count {
            parents.sort_by_key(|parent| (parent.found.violence, parent.found.fall_ppm));
            parents.truncate(PARENTS);
            let size = GENERATION.min(count - tried);
            let shapes: Vec<Shape> = (0..size)
                .map(|place| match parents.get(place % (2 * PARENTS)) {
                    Some(parent) => parent.shape.mutated(claim, &mut random),
                    None => Shape::random(claim, &mut random),
                })
                .collect();
            // One that is no milder than the worst parent is not followed.
            let most = |shape: &Shape| match parents.last() {
                Some(worst) if parents.len() >= PARENTS => worst.found.violence,
                _ => shape.violence(DEEPEST_PPM, claim),
            };
            let found: Vec<Option<Found>> = shapes
                .par_iter()
                .map(|shape| {
                    let found = self.mildest_below(shape, most(shape), |verdict| verdict.breaks(claim));
                    progress.inc(1);
                    found
                })
                .collect::<Result<_>>()?;
            let milder =
                shapes.into_iter().zip(found).filter_map(|(shape, found)| Some(Mildest { shape, found: found? }));
            parents.extend(milder);
            tried += size;
        }
        Ok(parents.into_iter().min_by_key(|parent| (parent.found.violence, parent.found.fall_ppm)))
    }

    /// How much thinner the book, and how much larger the crowd at the edge, may be on the claim's own path.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn reach(&self) -> Result<Reach> {
        let own = self.claimed_shape();
        let fall_ppm = own.fall_of(WHOLE, &self.claim);
        let breaks = |book: i64, lots: i64| -> Result<bool> {
            Ok(self.run(&Shape { book, ..own }, fall_ppm, lots)?.breaks(&self.claim))
        };
        let (claim, whole) = (&self.claim, WHOLE);
        let book =
            first(whole - THINNEST, |thinner| breaks(whole - thinner, claim.lots))?.map(|thinner| whole - thinner);
        let most = claim.interest_lots - claim.lots;
        let lots = first(whole, |part| breaks(whole, claim.lots + more(most, part)))?
            .map(|part| claim.lots + more(most, part));
        Ok(Reach { book, lots })
    }
}

fn more(most: i64, part: i64) -> i64 {
    i64::try_from(i128::from(most) * i128::from(part) / i128::from(WHOLE)).unwrap_or(most)
}

/// The first of 0 to `last` that does something, as if all after it did too.
fn first(last: i64, does: impl Fn(i64) -> Result<bool>) -> Result<Option<i64>> {
    if !does(last)? {
        return Ok(None);
    }
    let (mut low, mut high) = (-1, last);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if does(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(Some(high))
}
