//! What strangers do to an account in trouble, and to a market: slices, resolution, the gate, insurance, samples.

use super::{owner, Leg, Rig, Venue};
use taper_engine::absorb::{absorb, Absorber};
use taper_engine::account::POSITIONS;
use taper_engine::cash::take_income;
use taper_engine::deficit::{next_record, owed, Cover, RecordedLeg};
use taper_engine::error::{EngineError, Result};
use taper_engine::funding::{sample, FundingSample};
use taper_engine::liquidate::{flag, partial_liquidate, LiquidationContext, LiquidationRequest, SliceSummary};
use taper_engine::margin::{value_leg, Valuation};
use taper_engine::orders::{force_cancel, CancelHealth};
use taper_engine::quantity::{BaseLots, QuoteAtoms};
use taper_engine::resolve::{resolve_leg, OtherLegs, ResolveContext, ResolveLog, ResolveSummary};

impl Rig {
    /// What has to stay in the vault: deficits on record, and losses that nobody has borne.
    pub fn held(&self) -> i64 {
        let recorded: i64 = self.traders.iter().map(|trader| trader.state.recorded_deficit_atoms).sum();
        recorded + self.venues.iter().map(|venue| venue.market.held_loss_atoms).sum::<i64>()
    }

    /// Records an account's deficit, by anybody; `false` if there is nothing to record. No market's record grows beyond what was taken out of it.
    pub fn record_deficit(&mut self, who: usize) -> bool {
        let mut legs = [RecordedLeg::default(); POSITIONS];
        let known = self.traders[who].legs;
        for (row, leg) in legs.iter_mut().zip(known) {
            let Some(Leg { venue, seat }) = leg else { continue };
            let Venue { market, price, .. } = &self.venues[venue];
            let seat = market.seats.get(seat).unwrap();
            let owed = market.owed_at(seat, self.slot).unwrap();
            let value = value_leg(&market.params, seat, owed, price, Valuation::Maintenance).unwrap();
            *row = RecordedLeg::of(market, seat, QuoteAtoms(value.equity.0.min(0).abs()), price.grade).unwrap();
        }
        let total = self.legs_value(who, None, Valuation::Maintenance);
        let owed = owed(total, QuoteAtoms(self.cash(who)), QuoteAtoms(self.bonds(who))).unwrap();
        let record = match next_record(owed, &legs) {
            Ok(record) => record,
            Err(refusal) => {
                assert_eq!(refusal, EngineError::NothingToRecord);
                return false;
            }
        };
        for (part, leg) in record.into_iter().zip(known) {
            let Some(Leg { venue, seat }) = leg else { continue };
            let market = &mut self.venues[venue].market;
            let change = market.set_record(seat, &mut self.traders[who].state, part).unwrap();
            assert!(
                !change.is_positive() || market.recorded_atoms <= market.taken_out().0,
                "recorded beyond the bound"
            );
            assert!(part <= owed || legs.iter().any(|leg| leg.loss.is_none() && leg.is_open));
        }
        assert!(self.recorded(who) <= owed.0 || legs.iter().any(|leg| leg.loss.is_none() && leg.is_open));
        true
    }

    /// What is on record of an account.
    pub fn recorded(&self, who: usize) -> i64 {
        self.traders[who].state.recorded_deficit_atoms
    }

    /// Pays for a market's unassigned losses out of insurance, by anybody.
    pub fn cover_loss(&mut self, venue: usize) -> Result<Cover> {
        let cover = self.venues[venue].market.cover_loss(QuoteAtoms(self.fund), self.slot)?;
        self.fund -= cover.draw.from_fund.0;
        Ok(cover)
    }

    fn liquidation(&self, who: usize, venue: usize) -> (LiquidationRequest, LiquidationContext) {
        let request = LiquidationRequest {
            caller_max: BaseLots(i64::MAX),
            expected_base: BaseLots(self.base(who, venue)),
            min_payout: QuoteAtoms(i64::MIN),
            deadline_slot: u64::MAX,
        };
        let context = LiquidationContext {
            slot: self.slot,
            price: self.venues[venue].price,
            others: self.legs_value(who, Some(venue), Valuation::Maintenance),
            others_favourable: self.legs_value(who, Some(venue), Valuation::Favourable),
            owner: owner(who),
        };
        (request, context)
    }

    /// One slice through the book; the payout is credited to the caller's margin account.
    pub fn liquidate(&mut self, caller: usize, who: usize, venue: usize) -> Result<SliceSummary> {
        self.attempt(venue, |rig| {
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            rig.touch_seat(who, leg)?;
            let (request, context) = rig.liquidation(who, venue);
            *rig.log = bytemuck::Zeroable::zeroed();
            let Venue { market, book, .. } = &mut rig.venues[venue];
            let account = &mut rig.traders[who].state;
            let slice = partial_liquidate(market, book, account, leg.seat, &request, &context, &mut rig.log)?;
            rig.touch_seat(who, leg)?;
            rig.traders[caller].state.credit(slice.caller_payout)?;
            Ok(slice)
        })
    }

    /// One slice into the caller's own account.
    pub fn absorb(&mut self, caller: usize, who: usize, venue: usize) -> Result<SliceSummary> {
        self.attempt(venue, |rig| {
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            let seat_index = rig.seat_or_new(caller, venue)?;
            rig.touch_seat(caller, Leg { venue, seat: seat_index })?;
            rig.touch_seat(who, leg)?;
            let (request, context) = rig.liquidation(who, venue);
            let order = rig.order_context(caller, venue);
            let mut absorbing = rig.traders[caller].state;
            let Venue { market, book, .. } = &mut rig.venues[venue];
            let mut absorber = Absorber { account: &mut absorbing, seat_index, context: order };
            let account = &mut rig.traders[who].state;
            let slice = absorb(market, book, account, leg.seat, &mut absorber, &request, &context)?;
            rig.traders[caller].state = absorbing;
            rig.touch_seat(caller, Leg { venue, seat: seat_index })?;
            rig.touch_seat(who, leg)?;
            Ok(slice)
        })
    }

    /// Everything of an account in a market that strangers may cancel; how many orders.
    pub fn force_cancel(&mut self, who: usize, venue: usize) -> Result<u32> {
        self.attempt(venue, |rig| {
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            let health = CancelHealth {
                favourable: rig.health(who, Valuation::Favourable),
                with_orders: rig.health(who, Valuation::WithOrders),
            };
            *rig.log = bytemuck::Zeroable::zeroed();
            let Venue { market, book, price } = &mut rig.venues[venue];
            force_cancel(market, book, leg.seat, price.grade, &health, 64, &mut rig.log)
        })
    }

    pub fn flag(&mut self, who: usize, venue: usize) -> bool {
        let (favourable, mid) = (self.health(who, Valuation::Favourable), self.health(who, Valuation::Maintenance));
        let (params, grade) = (self.venues[venue].market.params, self.venues[venue].price.grade);
        flag(&params, &mut self.traders[who].state, self.slot, grade, &favourable, &mid).is_ok()
    }

    fn other_legs(&self, who: usize, except: usize) -> OtherLegs {
        let mut others = OtherLegs::default();
        for (place, leg) in self.traders[who].legs.iter().enumerate() {
            let Some(leg) = leg.filter(|leg| leg.venue != except) else { continue };
            let venue = &self.venues[leg.venue];
            let seat = venue.market.seats.get(leg.seat).unwrap();
            others.add(place, &venue.market, seat, &venue.price, self.slot).unwrap();
        }
        others
    }

    /// One call of `resolve_account` for one leg, by anybody.
    pub fn resolve(&mut self, who: usize, venue: usize) -> Result<(ResolveSummary, ResolveLog)> {
        self.attempt(venue, |rig| {
            let recorded = rig.recorded(who);
            let leg = rig.leg(who, venue).ok_or(EngineError::SeatNotOwned)?;
            let position = rig.traders[who].legs.iter().position(|known| *known == Some(leg)).unwrap();
            let context = ResolveContext {
                slot: rig.slot,
                price: rig.venues[venue].price,
                owner: owner(who),
                position: u8::try_from(position).unwrap(),
                others: rig.other_legs(who, venue),
                fund: QuoteAtoms(rig.fund),
            };
            *rig.log = bytemuck::Zeroable::zeroed();
            let mut moves: ResolveLog = bytemuck::Zeroable::zeroed();
            let Venue { market, book, .. } = &mut rig.venues[venue];
            let account = &mut rig.traders[who].state;
            let summary = resolve_leg(market, book, account, leg.seat, &context, &mut rig.log, &mut moves)?;
            rig.fund -= summary.insurance.from_fund.0;
            if summary.released_bond.is_some() {
                rig.forget_leg(who, leg);
            }
            let left = rig.seat(who, venue).recorded_atoms;
            assert!(left <= summary.remaining.0.max(0) && left <= summary.deficit_left()?.0);
            assert_eq!(rig.recorded(who), recorded - summary.record_freed.0);
            Ok((summary, moves))
        })
    }

    /// Resolves an account as far as it goes, market after market. Returns the calls that did something.
    pub fn resolve_all(&mut self, who: usize) -> Vec<(usize, ResolveSummary, ResolveLog)> {
        let mut done = vec![];
        loop {
            let venues: Vec<_> = self.traders[who].legs.iter().flatten().map(|leg| leg.venue).collect();
            let found = venues.into_iter().find_map(|venue| self.resolve(who, venue).ok().map(|(s, m)| (venue, s, m)));
            match found {
                Some(call) => done.push(call),
                None => return done,
            }
            assert!(done.len() < 10_000, "resolution does not end");
        }
    }

    /// A sample of the premium, by anybody.
    pub fn sample(&mut self, venue: usize) -> Result<FundingSample> {
        let slot = self.slot;
        self.attempt(venue, |rig| {
            let Venue { market, book, price } = &mut rig.venues[venue];
            sample(market, book, price, slot)
        })
    }

    /// Sweeps a market's income to the exchange.
    pub fn take_income(&mut self, venue: usize) {
        let income = take_income(&mut self.venues[venue].market).unwrap();
        self.fees += income.fees.0;
        self.fund += income.insurance.0;
    }

    /// A donation out of somebody's wallet; for one market, or for the exchange.
    pub fn donate(&mut self, from: usize, venue: Option<usize>, atoms: i64) {
        self.traders[from].wallet -= atoms;
        self.fund += atoms;
        if let Some(venue) = venue {
            self.venues[venue].market.insurance.contributed_atoms += atoms;
        }
    }
}
