//! Flags, slices, absorbs, resolutions.

use taper_engine::absorb::{absorb, Absorber};
use taper_engine::deficit::check_vault;
use taper_engine::liquidate::{account_health, flag, partial_liquidate, LiquidationContext, LiquidationRequest};
use taper_engine::margin::Valuation;
use taper_engine::modes::Action;
use taper_engine::oracle::OraclePrice;
use taper_engine::orders::OrderContext;
use taper_engine::quantity::{BaseLots, QuoteAtoms};
use taper_engine::resolve::{resolve_leg, OtherLegs, ResolveContext};

use super::legs::{refused_at, require_mode, Legs, Span};
use super::{owner, EngineWorld};
use crate::op::Slice;
use crate::outside::{Outcome, Outside, Refusal};

impl EngineWorld {
    pub(super) fn flag(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        self.venues[market].state.require_unsettled()?;
        let seat = self.require_seat(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let legs = self.value(outside, who, Some((market, &price)), oracles, Action::BesideOthers)?;
        let state = &mut self.venues[market].state;
        state.accrue(outside.slot);
        let account = &mut self.accounts[who].state;
        let favourable = account_health(state, seat, account, &price, legs.favourable, Valuation::Favourable)?;
        let mid = account_health(state, seat, account, &price, legs.maintenance, Valuation::Maintenance)?;
        flag(&state.params, account, outside.slot, price.grade, &favourable, &mid)?;
        Ok(())
    }

    fn request(&self, outside: &Outside, market: usize, seat: u32, slice: &Slice) -> Outcome<LiquidationRequest> {
        let base = self.venues[market].state.seats.get(seat)?.base_lots;
        Ok(LiquidationRequest {
            caller_max: BaseLots(slice.max),
            expected_base: BaseLots(slice.expected.unwrap_or(base)),
            min_payout: QuoteAtoms(slice.min_payout),
            deadline_slot: outside.slot.saturating_add_signed(slice.deadline_in),
        })
    }

    fn context(&self, outside: &Outside, who: usize, price: &OraclePrice, legs: &Legs) -> LiquidationContext {
        LiquidationContext {
            slot: outside.slot,
            price: *price,
            others: legs.maintenance,
            others_favourable: legs.favourable,
            owner: owner(who),
        }
    }

    pub(super) fn slice(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        to: Option<usize>,
        slice: &Slice,
        oracles: u8,
    ) -> Outcome<()> {
        if to == Some(who) {
            return Err(Refusal::DuplicateAccount);
        }
        self.venues[market].state.require_unsettled()?;
        let seat = self.require_seat(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let legs = self.value(outside, who, Some((market, &price)), oracles, Action::BesideOthers)?;
        let context = self.context(outside, who, &price, &legs);
        let request = self.request(outside, market, seat, slice)?;
        self.touch(outside, who, market, seat)?;
        self.clear_logs();
        let venue = &mut self.venues[market];
        let account = &mut self.accounts[who].state;
        let (state, book) = (&mut venue.state, &mut venue.book);
        let summary = partial_liquidate(state, book, account, seat, &request, &context, &mut self.log)?;
        self.sweep(outside, who, market, seat)?;
        if summary.caller_payout.is_zero() {
            return Ok(());
        }
        if let Some(to) = to {
            self.accounts[to].state.credit(summary.caller_payout)?;
            return Ok(());
        }
        let amount = u64::try_from(summary.caller_payout.0).map_err(|_| Refusal::InvariantViolated)?;
        check_vault(self.exchange.vault, amount, self.uncovered()).map_err(|_| Refusal::VaultCannotPay)?;
        self.exchange.vault -= amount;
        Ok(())
    }

    pub(super) fn absorb(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        by: usize,
        slice: &Slice,
        oracles: u8,
    ) -> Outcome<()> {
        if who == by {
            return Err(Refusal::AbsorbIntoItself);
        }
        self.venues[market].state.require_unsettled()?;
        let price = self.live_price(outside, market, oracles)?;
        require_mode(Action::Absorb, price.grade)?;
        self.venues[market].state.last_price.record(&price, outside.slot)?;
        let legs = self.value(outside, who, Some((market, &price)), oracles, Action::BesideOthers)?;
        let absorber_legs = self.value(outside, by, Some((market, &price)), oracles, Action::BesideAddedRisk)?;
        let seat = self.require_seat(who, market)?;
        let request = self.request(outside, market, seat, slice)?;
        self.touch(outside, who, market, seat)?;
        let (absorber_seat, _) = self.seat_or_new(by, market, true)?;
        self.touch(outside, by, market, absorber_seat)?;
        let context = self.context(outside, who, &price, &legs);
        let order_context = OrderContext {
            slot: outside.slot,
            price,
            others_initial: Some(absorber_legs.require_initial()?),
            others_maintenance: absorber_legs.maintenance,
            reduce_only_market: false,
            owner: owner(by),
        };
        let venue = &mut self.venues[market];
        let mut account = self.accounts[who].state;
        let mut absorbing = self.accounts[by].state;
        let mut absorber = Absorber { account: &mut absorbing, seat_index: absorber_seat, context: order_context };
        absorb(&mut venue.state, &venue.book, &mut account, seat, &mut absorber, &request, &context)?;
        self.accounts[who].state = account;
        self.accounts[by].state = absorbing;
        self.sweep(outside, who, market, seat)?;
        self.sweep(outside, by, market, absorber_seat)
    }

    pub(super) fn resolve(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        let seat = self.require_seat(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let (others, place) = self.others(outside, who, market, &price, oracles)?;
        let context = ResolveContext {
            slot: outside.slot,
            price,
            owner: owner(who),
            position: u8::try_from(place).map_err(|_| Refusal::InvariantViolated)?,
            others,
            fund: QuoteAtoms(self.exchange.insurance),
        };
        self.clear_logs();
        let venue = &mut self.venues[market];
        let account = &mut self.accounts[who].state;
        let (state, book) = (&mut venue.state, &mut venue.book);
        let summary = resolve_leg(state, book, account, seat, &context, &mut self.log, &mut self.moves)
            .map_err(|refusal| refused_at(refusal, price.grade))?;
        self.exchange.insurance -= summary.insurance.from_fund.0;
        self.exchange.held += summary.held.0;
        self.exchange.recorded -= summary.record_freed.0;
        if summary.released_bond.is_some() {
            self.remove_position(who, market);
        }
        Ok(())
    }

    /// The account's other legs, and the place of this one.
    fn others(
        &self,
        outside: &Outside,
        who: usize,
        market: usize,
        price: &OraclePrice,
        oracles: u8,
    ) -> Outcome<(OtherLegs, usize)> {
        let mut others = OtherLegs::default();
        let mut span = Span::default();
        let mut own = 0;
        let state = &self.venues[market].state;
        if !state.is_settled() {
            span.note(price, state.params.oracle_leg_skew_seconds);
        }
        for (place, position) in self.accounts[who].positions.iter().enumerate() {
            let Some((leg, seat)) = *position else { continue };
            if leg == market {
                own = place;
                continue;
            }
            let state = &self.venues[leg].state;
            let (price, _) = self.leg_price(outside, leg, oracles, Action::BesideOthers)?;
            if !state.is_settled() {
                span.note(&price, state.params.oracle_leg_skew_seconds);
            }
            others.add(place, state, state.seats.get(seat)?, &price, outside.slot)?;
        }
        span.check()?;
        Ok((others, own))
    }
}
