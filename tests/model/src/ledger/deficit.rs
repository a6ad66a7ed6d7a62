//! Section 19: what is recorded of deficits.

use taper_engine::EngineError as E;

use super::number::Z;
use super::oracle::{Grade, Need};
use super::Ledger;
use crate::outside::{Outcome, Outside};

impl Ledger {
    /// Writes a seat's part, and with it every sum.
    pub fn set_record(&mut self, who: usize, (market, seat): (usize, usize), part: Z) {
        let row = &mut self.markets[market];
        let change = part - row.seat(seat).recorded;
        row.seat_mut(seat).recorded = part;
        row.recorded += change;
        self.accounts[who].recorded += change;
        self.recorded += change;
    }

    pub(super) fn record_deficit(&mut self, outside: &Outside, who: usize, oracles: u8) -> Outcome<()> {
        let (estate, verdict) = self.estate(outside, who, None, oracles, Need::Live)?;
        let is_frozen = estate.parts.iter().flatten().any(|part| part.is_open && part.grade == Grade::Frozen);
        let shares = estate.shares_of_loss((-estate.equity()).max(0));
        let mut changed = false;
        for (part, share) in estate.parts.iter().zip(shares) {
            let Some(part) = part else { continue };
            let row = &self.markets[part.market];
            let recorded = row.seat(part.seat).recorded;
            let room = (row.taken_out() - row.held - (row.recorded - recorded)).max(0);
            let next = if is_frozen {
                let is_known = part.grade != Grade::Frozen || !part.is_open;
                let lost = if is_known { part.loss } else { Z::MAX };
                recorded.min(room).min(lost)
            } else {
                share.min(room)
            };
            changed |= next != recorded;
            self.set_record(who, (part.market, part.seat), next);
        }
        if !changed {
            verdict?;
            return Err(E::NothingToRecord.into());
        }
        Ok(())
    }
}
