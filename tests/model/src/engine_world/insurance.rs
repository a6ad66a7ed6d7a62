//! Recorded deficits, insurance, income.

use taper_engine::account::POSITIONS;
use taper_engine::cash;
use taper_engine::deficit::{next_record, owed, RecordedLeg};
use taper_engine::modes::Action;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::resolve::OtherLegs;
use taper_engine::EngineError;

use super::legs::Span;
use super::EngineWorld;
use crate::outside::{Outcome, Outside, Refusal};

impl EngineWorld {
    pub(super) fn record_deficit(&mut self, outside: &Outside, who: usize, oracles: u8) -> Outcome<()> {
        let mut others = OtherLegs::default();
        let mut span = Span::default();
        let mut refusal = None;
        let mut legs = [RecordedLeg::default(); POSITIONS];
        for (place, position) in self.accounts[who].positions.iter().enumerate() {
            let Some((market, seat)) = *position else { continue };
            let state = &self.venues[market].state;
            let seat = state.seats.get(seat)?;
            let (price, refused) = self.leg_price(outside, market, oracles, Action::RecordDeficit)?;
            if !state.is_settled() {
                span.note(&price, state.params.oracle_leg_skew_seconds);
            }
            refusal = refusal.or(refused.filter(|_| !seat.base().is_zero()));
            others.add(place, state, seat, &price, outside.slot)?;
            legs[place] = RecordedLeg::of(state, seat, others.legs[place].loss, price.grade)?;
        }
        span.check()?;
        let cash = QuoteAtoms(self.accounts[who].state.cash_atoms);
        let owed = owed(others.maintenance, cash, others.bonds)?;
        let record = match next_record(owed, &legs) {
            Err(EngineError::NothingToRecord) => {
                return Err(refusal.unwrap_or(Refusal::Engine(EngineError::NothingToRecord)))
            }
            record => record?,
        };
        for (place, part) in record.iter().enumerate() {
            let Some((market, seat)) = self.accounts[who].positions[place] else { continue };
            let state = &mut self.venues[market].state;
            if state.seats.get(seat)?.recorded_atoms != part.0 {
                let change = state.set_record(seat, &mut self.accounts[who].state, *part)?;
                self.exchange.recorded += change.0;
            }
        }
        Ok(())
    }

    pub(super) fn cover_loss(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        let fund = QuoteAtoms(self.exchange.insurance);
        let cover = self.venues[market].state.cover_loss(fund, outside.slot)?;
        self.exchange.insurance -= cover.draw.from_fund.0;
        self.exchange.held -= cover.freed.0;
        Ok(())
    }

    pub(super) fn donate(&mut self, market: Option<usize>, amount: u64) -> Outcome<()> {
        let atoms = cash::amount(amount)?;
        if let Some(market) = market {
            self.venues[market].state.donated(atoms)?;
        }
        self.exchange.insurance = cash::added(QuoteAtoms(self.exchange.insurance), atoms)?.0;
        self.exchange.vault = self.exchange.vault.checked_add(amount).ok_or(EngineError::MathOverflow)?;
        Ok(())
    }

    pub(super) fn sweep_income(&mut self, market: usize) -> Outcome<()> {
        let income = cash::take_income(&mut self.venues[market].state)?;
        self.exchange.fees += income.fees.0;
        self.exchange.insurance += income.insurance.0;
        Ok(())
    }
}
