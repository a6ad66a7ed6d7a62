//! What the account is worth, why it is resolved, and what of it is the leg's share.

use crate::account::{AccountState, POSITIONS};
use crate::apportion::{loss_shares, shares_of};
use crate::episode::{backstop_health_bps, is_stalled};
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::liquidate::account_health;
use crate::margin::{requirement, Health, Requirement, Valuation};
use crate::market::MarketState;
use crate::modes::Action;
use crate::params::MarketParams;
use crate::quantity::{BaseLots, QuoteAtoms};
use crate::resolve::{ResolveContext, ResolveKind, ResolveSummary};
use crate::seat::Seat;

/// What the account is worth, and how it stands.
pub(super) struct Estate {
    /// Position of the leg.
    pub own: BaseLots,
    /// Its requirement.
    own_requirement: Requirement,
    /// What its seat has lost and not paid.
    pub own_loss: QuoteAtoms,
    /// What others have borne of it before.
    own_borne: QuoteAtoms,
    /// `E'`: equity, the bonds of all seats included.
    pub equity: QuoteAtoms,
    pub kind: ResolveKind,
    /// What the leg gives away of the equity that is left; zero unless it is taken over.
    pub given: QuoteAtoms,
    health_bps: i64,
}

impl Estate {
    /// Looks whether the account may be resolved at all, and why.
    pub fn of(market: &MarketState, account: &AccountState, seat_index: u32, context: &ResolveContext) -> Result<Self> {
        let (params, price, others) = (&market.params, &context.price, &context.others);
        let seat = market.seats.get(seat_index)?;
        let bonds = others.bonds.add(bond_of(seat)?)?;
        let mid = account_health(market, seat_index, account, price, others.maintenance, Valuation::Maintenance)?;
        let favourable = account_health(market, seat_index, account, price, others.favourable, Valuation::Favourable)?;
        let equity = mid.equity.add(bonds)?;
        // Tiers, and atoms that rounding leaves to the last lots, let health rise half way: what was begun in this slot is finished.
        let is_begun = account.resolution.slot == context.slot
            && half_done(account, context, equity)?.is_some_and(|remaining| !remaining.is_positive());
        if favourable.is_at_least(10_000) && !is_begun {
            return Err(EngineError::AccountSolvent);
        }
        let own = seat.base();
        let unrealised = price.price.notional(own)?.add(QuoteAtoms(seat.quote_entry_atoms))?;
        let mut estate = Self {
            own,
            own_requirement: requirement(params, price.price.notional(own.abs()?)?, false)?,
            own_borne: QuoteAtoms(seat.borne_atoms),
            own_loss: loss_of(unrealised.add(QuoteAtoms(seat.realised_atoms))?)?,
            equity,
            kind: ResolveKind::Bankrupt,
            given: QuoteAtoms::ZERO,
            health_bps: mid.to_bps_down(),
        };
        if !estate.equity.is_positive() {
            let surely = !favourable.equity.add(bonds)?.is_positive();
            let action = if surely { Action::ResolveBankrupt } else { Action::ResolveNearlyBankrupt };
            action.require(price.grade)?;
            return Ok(estate);
        }
        estate.kind = ResolveKind::Takeover;
        if own.is_zero() {
            // Nothing to take over: a seat whose loss the bonds can pay, once no leg is open.
            if !mid.is_below(params.takeover_health_bps) {
                return Err(EngineError::AccountSolvent);
            }
        } else {
            (estate.given, _) = estate.share(context)?;
            if !is_begun {
                estate.require_takeover(params, account, context)?;
            }
        }
        Action::TakeOver.require(price.grade)?;
        others.takeover_refusal.map_or(Ok(estate), Err)
    }

    /// Looks whether the leg may be taken over: with what it gives away over its own requirement, it is below the takeover point. The equity that
    /// is left, bonds of all seats included, is split by requirements, so this is the account's `E' ÷ M`. But it is each leg's own affair: neither
    /// a bond that comes back to cash nor a leg that is gone changes it, so the order of legs does not decide which of them are taken over.
    fn require_takeover(&self, params: &MarketParams, account: &AccountState, context: &ResolveContext) -> Result<()> {
        let point_bps = if is_stalled(account, params, context.slot) {
            backstop_health_bps(params)
        } else {
            params.takeover_health_bps
        };
        // An atom more than it gives away: its quota of the equity is less than that (favours the account, which is surely below the point).
        let leg = Health { equity: self.given.add(QuoteAtoms(1))?, requirement: self.own_requirement };
        if leg.is_below(point_bps) {
            return Ok(());
        }
        Err(EngineError::AccountSolvent)
    }

    pub fn summary(&self, charged: QuoteAtoms, cancelled_orders: u32) -> ResolveSummary {
        ResolveSummary {
            kind: self.kind,
            lots: BaseLots::ZERO,
            lots_left: BaseLots(self.own.0.saturating_abs()),
            insurance: Draw::default(),
            deleveraged: QuoteAtoms::ZERO,
            socialised: QuoteAtoms::ZERO,
            unassigned: QuoteAtoms::ZERO,
            held: QuoteAtoms::ZERO,
            record_freed: QuoteAtoms::ZERO,
            remaining: QuoteAtoms::ZERO,
            charged,
            swept: QuoteAtoms::ZERO,
            bond_paid: QuoteAtoms::ZERO,
            released_bond: None,
            cancelled_orders,
            health_before_bps: self.health_bps,
            equity_before: self.equity,
        }
    }

    /// The leg's share of `|E'|`, among the open legs: of equity that is left by requirement; of a loss by what each leg has itself lost, and
    /// never more than that. So no market bears what another market's leg has lost. And what the fund has for it: what the legs at lower
    /// places will draw is kept for them, so that the order in which legs are resolved does not decide who gets it. For a frozen leg as well,
    /// which cannot draw now: whoever waits for the moment in which an oracle is silent would otherwise get what is its.
    pub fn share(&self, context: &ResolveContext) -> Result<(QuoteAtoms, QuoteAtoms)> {
        let place = usize::from(context.position);
        let shares = match self.kind {
            ResolveKind::Bankrupt => self.shares_of_loss(context)?,
            ResolveKind::Takeover => self.shares_of_equity(context)?,
        };
        let mut fund = context.fund;
        for (leg, share) in context.others.legs.iter().zip(shares).take(place).filter(|(leg, _)| leg.is_open) {
            fund = fund.sub(leg.claim(share)?)?;
        }
        let share = shares.get(place).copied().ok_or(EngineError::InvariantViolated)?;
        Ok((share, fund.max(QuoteAtoms::ZERO)))
    }

    fn shares_of_loss(&self, context: &ResolveContext) -> Result<[QuoteAtoms; POSITIONS]> {
        let mut lost = context.others.legs.map(|leg| {
            if leg.is_open {
                (leg.loss, leg.borne)
            } else {
                (QuoteAtoms::ZERO, QuoteAtoms::ZERO)
            }
        });
        let own = lost.get_mut(usize::from(context.position)).ok_or(EngineError::InvariantViolated)?;
        *own = (self.own_loss, self.own_borne);
        loss_shares(loss_of(self.equity)?, &lost)
    }

    fn shares_of_equity(&self, context: &ResolveContext) -> Result<[QuoteAtoms; POSITIONS]> {
        let mut weights = context.others.legs.map(|leg| if leg.is_open { leg.requirement.0 } else { 0 });
        *weights.get_mut(usize::from(context.position)).ok_or(EngineError::InvariantViolated)? = self.own_requirement.0;
        Ok(shares_of(self.equity.0, &weights)?.map(QuoteAtoms))
    }

    /// As [`Estate::share`] when no leg has a position: each gives up what it has lost, in the order of places, as far as the loss goes.
    pub fn flat_share(&self, context: &ResolveContext) -> Result<(QuoteAtoms, QuoteAtoms)> {
        let (mut loss, mut fund) = (loss_of(self.equity)?, context.fund);
        for leg in context.others.legs.iter().take(usize::from(context.position)) {
            let share = leg.loss.min(loss);
            loss = loss.sub(share)?;
            fund = fund.sub(leg.claim(share)?)?;
        }
        Ok((self.own_loss.min(loss), fund.max(QuoteAtoms::ZERO)))
    }
}

/// What has been lost, if this is what is left; not negative.
pub(super) fn loss_of(value: QuoteAtoms) -> Result<QuoteAtoms> {
    value.min(QuoteAtoms::ZERO).neg()
}

/// What a leg that is half done at this price still has to collect (negative: to give away), if the account is worth what it was then: nothing
/// that was worked out at other prices of other legs goes on.
pub(super) fn half_done(
    account: &AccountState,
    context: &ResolveContext,
    equity: QuoteAtoms,
) -> Result<Option<QuoteAtoms>> {
    let begun = &account.resolution;
    let place = context.position.checked_add(1).ok_or(EngineError::InvariantViolated)?;
    let goes_on = begun.position_plus_one == place
        && begun.price_atoms_per_lot == context.price.price.0
        && begun.equity_atoms == equity.0;
    Ok(goes_on.then_some(QuoteAtoms(begun.remaining_atoms)))
}

pub(super) fn bond_of(seat: &Seat) -> Result<QuoteAtoms> {
    i64::try_from(seat.bond_atoms).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}
