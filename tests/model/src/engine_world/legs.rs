//! The legs of an account, priced and valued as the program's walk does it.

use taper_engine::margin::{value_leg, value_leg_for, LegTotals, Valuation};
use taper_engine::modes::Action;
use taper_engine::oracle::{assess, check_skew, frozen, last_known, Grade, OraclePrice};
use taper_engine::EngineError;

use super::EngineWorld;
use crate::outside::{Outcome, Outside, Refusal, QUOTE_DECIMALS};

/// Sums over legs.
#[derive(Default)]
pub struct Legs {
    pub maintenance: LegTotals,
    pub favourable: LegTotals,
    pub with_orders: LegTotals,
    initial: LegTotals,
    refusal: Option<Refusal>,
}

impl Legs {
    pub fn initial(&self) -> Option<LegTotals> {
        self.refusal.is_none().then_some(self.initial)
    }

    pub fn require_initial(&self) -> Outcome<LegTotals> {
        self.refusal.map_or(Ok(self.initial), Err)
    }

    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

/// Publish times of the live legs, and the tightest skew.
#[derive(Default)]
pub(super) struct Span(Option<(OraclePrice, OraclePrice, u32)>);

impl Span {
    pub(super) fn note(&mut self, price: &OraclePrice, skew: u32) {
        if price.grade == Grade::Frozen {
            return;
        }
        let (earliest, latest, tightest) = self.0.get_or_insert((*price, *price, skew));
        if price.publish_time_seconds < earliest.publish_time_seconds {
            *earliest = *price;
        }
        if price.publish_time_seconds > latest.publish_time_seconds {
            *latest = *price;
        }
        *tightest = skew.min(*tightest);
    }

    pub(super) fn check(&self) -> Outcome<()> {
        match &self.0 {
            Some((earliest, latest, skew)) => Ok(check_skew([earliest, latest], *skew)?),
            None => Ok(()),
        }
    }
}

/// What a client is told of a refusal at a price of this grade.
pub(super) fn refused_at(refusal: EngineError, grade: Grade) -> Refusal {
    match (refusal, grade) {
        (EngineError::OracleStale, Grade::Degraded) => Refusal::OracleDegraded,
        (refusal, _) => refusal.into(),
    }
}

pub(super) fn require_mode(action: Action, grade: Grade) -> Outcome<()> {
    action.require(grade).map_err(|refusal| refused_at(refusal, grade))
}

fn freezes(refusal: Refusal) -> bool {
    use EngineError as E;
    match refusal {
        Refusal::OracleNotTrading => true,
        Refusal::Engine(error) => matches!(
            error,
            E::OracleStale
                | E::OracleConfidenceTooWide
                | E::OraclePriceNotPositive
                | E::OracleExponentOutOfRange
                | E::OraclePriceOutOfRange
        ),
        _ => false,
    }
}

impl EngineWorld {
    /// The price of an instruction's own market: fresh or degraded, nothing else.
    pub(super) fn live_price(&self, outside: &Outside, market: usize, oracles: u8) -> Outcome<OraclePrice> {
        let state = &self.venues[market].state;
        if state.is_settled() {
            return Ok(state.settled_price());
        }
        let (feed, _) = outside.passed(market, oracles);
        if !feed.trading {
            return Err(Refusal::OracleNotTrading);
        }
        Ok(assess(&feed.reading, &state.params, QUOTE_DECIMALS, &state.last_price, outside.seconds)?)
    }

    /// As [`Self::live_price`], and the market remembers it.
    pub(super) fn use_price(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<OraclePrice> {
        let price = self.live_price(outside, market, oracles)?;
        self.venues[market].state.last_price.record(&price, outside.slot)?;
        Ok(price)
    }

    /// The price of another leg, and why the action may not use it.
    pub(super) fn leg_price(
        &self,
        outside: &Outside,
        market: usize,
        oracles: u8,
        action: Action,
    ) -> Outcome<(OraclePrice, Option<Refusal>)> {
        let state = &self.venues[market].state;
        if state.is_settled() {
            return Ok((state.settled_price(), None));
        }
        let (feed, is_listing) = outside.passed(market, oracles);
        match self.live_price(outside, market, oracles) {
            Ok(price) => Ok((price, require_mode(action, price.grade).err())),
            Err(refusal) if freezes(refusal) && is_listing => {
                let (params, last) = (&state.params, &state.last_price);
                let read = feed.trading.then_some(&feed.reading);
                let known = last_known(read, params, QUOTE_DECIMALS, last, outside.seconds);
                let refusal = action.require(Grade::Frozen).err().map(|_| refusal);
                Ok((frozen(&known, params, outside.seconds)?, refusal))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Values the account's legs but the instruction's own.
    pub(super) fn value(
        &self,
        outside: &Outside,
        who: usize,
        own: Option<(usize, &OraclePrice)>,
        oracles: u8,
        action: Action,
    ) -> Outcome<Legs> {
        let mut legs = Legs::default();
        let mut span = Span::default();
        if let Some((market, price)) = own {
            let state = &self.venues[market].state;
            if !state.is_settled() {
                span.note(price, state.params.oracle_leg_skew_seconds);
            }
        }
        for (market, seat) in self.accounts[who].positions.iter().flatten() {
            if own.is_some_and(|(own, _)| own == *market) {
                continue;
            }
            let state = &self.venues[*market].state;
            let seat = state.seats.get(*seat)?;
            let (price, refusal) = self.leg_price(outside, *market, oracles, action)?;
            let (params, owed) = (&state.params, state.owed_at(seat, outside.slot)?);
            if !state.is_settled() {
                span.note(&price, params.oracle_leg_skew_seconds);
            }
            legs.refusal = legs.refusal.or(refusal);
            let maintenance = value_leg(params, seat, owed, &price, Valuation::Maintenance)?;
            legs.maintenance = legs.maintenance.add(maintenance)?;
            let favourable = value_leg(params, seat, owed, &price, Valuation::Favourable)?;
            legs.favourable = legs.favourable.add(favourable)?;
            let with_orders = value_leg(params, seat, owed, &price, Valuation::WithOrders)?;
            legs.with_orders = legs.with_orders.add(with_orders)?;
            let needs_initial = matches!(action, Action::BesideAddedRisk | Action::Withdraw | Action::ObserveDeposit);
            if needs_initial && legs.refusal.is_none() {
                let value = value_leg_for(action, params, seat, owed, &price, Valuation::Initial)?;
                legs.initial = legs.initial.add(value)?;
            }
        }
        span.check()?;
        Ok(legs)
    }

    /// Sweeps the seats of the legs in the mask.
    pub(super) fn sweep_legs(&mut self, outside: &Outside, who: usize, writable: u8) -> Outcome<()> {
        for place in 0..self.accounts[who].positions.len() {
            let Some((market, seat)) = self.accounts[who].positions[place] else { continue };
            if writable >> market & 1 == 1 {
                self.touch(outside, who, market, seat)?;
            }
        }
        Ok(())
    }
}
