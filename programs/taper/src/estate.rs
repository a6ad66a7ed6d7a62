//! The other legs of an account that is resolved, or whose deficit is recorded. A walk as in `legs`, which gathers more of each leg.

use anchor_lang::prelude::*;
use taper_engine::account::POSITIONS;
use taper_engine::deficit::{next_record, owed, Record, RecordedLeg};
use taper_engine::modes::Action;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::resolve::{OtherLegs, ResolveContext};
use taper_engine::EngineError;

use crate::error::{Refusal, TaperError};
use crate::legs::{live_price, require_consumed, Primary, Span, Walk};
use crate::state::{Market, PositionRef};

/// What is gathered.
#[derive(Default)]
pub struct Estate {
    /// The legs, by place. On the heap: it would fill much of a stack frame.
    pub others: Box<OtherLegs>,
    /// What is and may be recorded of them, by place.
    pub records: Box<[RecordedLeg; POSITIONS]>,
    refusal: Option<TaperError>,
    span: Span,
}

impl Walk<'_> {
    /// Gathers the account's legs, other than the primary one, from all remaining accounts.
    ///
    /// # Errors
    /// As [`Walk::value`]; `SurplusLegAccounts`.
    pub fn estate<'info>(
        &self,
        primary: Option<Primary<'_>>,
        remaining: &'info [AccountInfo<'info>],
        action: Action,
    ) -> Result<Estate> {
        let mut estate = Estate::default();
        let mut rest = remaining;
        estate.span.note_primary(primary.as_ref());
        for (place, position) in self.account.positions.iter().enumerate() {
            let is_primary = primary.as_ref().is_some_and(|primary| *primary.market == position.market);
            if position.in_use == 0 || is_primary {
                continue;
            }
            let [market, oracle, others @ ..] = rest else {
                return err!(TaperError::MissingLegAccounts);
            };
            rest = others;
            self.gather(place, position, market, oracle, action, &mut estate)?;
        }
        require_consumed(rest)?;
        estate.span.check()?;
        Ok(estate)
    }

    /// What is to be recorded of what the account owes beyond all it has, leg by leg. All remaining accounts are its legs'.
    ///
    /// # Errors
    /// `NothingToRecord` if it is on record already; if a leg's price may not be used and no record may be lowered, the reason of the first such
    /// leg; as [`Walk::estate`].
    pub fn record<'info>(&self, remaining: &'info [AccountInfo<'info>]) -> Result<Box<Record>> {
        let estate = self.estate(None, remaining, Action::RecordDeficit)?;
        let cash = QuoteAtoms(self.account.state.cash_atoms);
        let owed = owed(estate.others.maintenance, cash, estate.others.bonds).or_refuse()?;
        match next_record(owed, &estate.records) {
            Err(EngineError::NothingToRecord) => Err(estate.refusal.unwrap_or(TaperError::NothingToRecord).into()),
            record => Ok(Box::new(record.or_refuse()?)),
        }
    }

    /// What a resolution of the leg in this market needs: its price, which is recorded as the last one used, and the other legs, from all
    /// remaining accounts.
    ///
    /// # Errors
    /// `PositionNotFound`; as [`live_price`] and [`Walk::estate`].
    #[inline(never)]
    pub fn resolution<'info>(
        &self,
        market: &mut Market,
        market_key: &Pubkey,
        oracle: &AccountInfo,
        remaining: &'info [AccountInfo<'info>],
    ) -> Result<Box<ResolveContext>> {
        let place = self.account.place_of(market_key).ok_or(TaperError::PositionNotFound)?;
        let price = live_price(market, oracle, self.exchange, &self.now)?;
        market.state.last_price.record(&price, self.now.slot).or_refuse()?;
        let primary = Primary::new(market_key, &market.state, &price);
        let estate = self.estate(Some(primary), remaining, Action::BesideOthers)?;
        Ok(Box::new(ResolveContext {
            slot: self.now.slot,
            price,
            owner: self.account_key.to_bytes(),
            position: u8::try_from(place).map_err(|_| TaperError::InvariantViolated)?,
            others: *estate.others,
            fund: QuoteAtoms(self.exchange.insurance_atoms),
        }))
    }

    #[inline(never)]
    fn gather<'info>(
        &self,
        place: usize,
        position: &PositionRef,
        market: &'info AccountInfo<'info>,
        oracle: &AccountInfo<'info>,
        action: Action,
        estate: &mut Estate,
    ) -> Result<()> {
        require!(*market.key == position.market, TaperError::WrongLegMarket);
        let loader = AccountLoader::<Market>::try_from(market)?;
        let market = loader.load()?;
        let (seat, price, refusal) = self.leg(&market, position, oracle, action, &mut estate.span)?;
        // What a seat without a position is worth needs no price.
        estate.refusal = estate.refusal.or(refusal.filter(|_| !seat.base().is_zero()));
        estate.others.add(place, &market.state, seat, &price, self.now.slot).or_refuse()?;
        let (Some(record), Some(leg)) = (estate.records.get_mut(place), estate.others.legs.get(place)) else {
            return err!(TaperError::InvariantViolated);
        };
        *record = RecordedLeg::of(&market.state, seat, leg.loss, price.grade).or_refuse()?;
        Ok(())
    }
}
