//! How far the prices of an account's legs are apart in time.

use anchor_lang::prelude::*;
use taper_engine::oracle::{check_skew, Grade, OraclePrice};

use super::Primary;
use crate::error::Refusal;

/// Publish times of the live legs, and the tightest skew that their markets allow.
#[derive(Clone, Copy)]
struct Ends {
    earliest: OraclePrice,
    latest: OraclePrice,
    skew_max_seconds: u32,
}

/// How far the prices of legs are apart in time; nothing before the first live one.
#[derive(Clone, Copy, Default)]
pub struct Span(Option<Ends>);

impl Span {
    /// Notes a live price. The skew between all of them is checked at the end.
    pub fn note(&mut self, price: &OraclePrice, skew_max_seconds: u32) {
        if price.grade == Grade::Frozen {
            return;
        }
        let Some(ends) = &mut self.0 else {
            self.0 = Some(Ends { earliest: *price, latest: *price, skew_max_seconds });
            return;
        };
        if price.publish_time_seconds < ends.earliest.publish_time_seconds {
            ends.earliest = *price;
        }
        if price.publish_time_seconds > ends.latest.publish_time_seconds {
            ends.latest = *price;
        }
        ends.skew_max_seconds = ends.skew_max_seconds.min(skew_max_seconds);
    }

    /// As [`Self::note`], of the instruction's own leg, unless its market is settled.
    pub fn note_primary(&mut self, primary: Option<&Primary<'_>>) {
        if let Some((price, skew)) = primary.and_then(|own| own.skew_max_seconds.map(|skew| (own.price, skew))) {
            self.note(price, skew);
        }
    }

    /// Refuses prices that are further apart than every one of their markets allows.
    ///
    /// # Errors
    /// `OracleLegsSkewed`.
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Some(ends) => check_skew([&ends.earliest, &ends.latest], ends.skew_max_seconds).or_refuse(),
            None => Ok(()),
        }
    }
}
