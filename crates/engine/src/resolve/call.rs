//! One call: who bears the leg's share, and what becomes of its seat.

use bytemuck::Zeroable;

use crate::account::AccountState;
use crate::error::{EngineError, Result};
use crate::market::MarketState;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, QuoteAtoms, Side};
use crate::rank::Best;
use crate::resolve::estate::{bond_of, half_done, loss_of, Estate};
use crate::resolve::{Deleveraged, ResolveContext, ResolveKind, ResolveLog, ResolveSummary};
use crate::seat::Seat;
use crate::sweep::sweep_seat;

/// A call under way.
pub(super) struct Call<'a> {
    pub market: &'a mut MarketState,
    pub account: &'a mut AccountState,
    pub seat_index: u32,
    pub context: &'a ResolveContext,
    pub moves: &'a mut ResolveLog,
    pub summary: ResolveSummary,
}

impl Call<'_> {
    fn own(&mut self) -> Result<&mut Seat> {
        self.market.seats.get_mut(self.seat_index)
    }

    /// Credits own seat's result.
    fn credit(&mut self, amount: QuoteAtoms) -> Result<()> {
        let seat = self.own()?;
        seat.realised_atoms = QuoteAtoms(seat.realised_atoms).add(amount)?.0;
        Ok(())
    }

    /// Draws for a loss; returns what is left of it.
    fn draw(&mut self, (loss, fund): (QuoteAtoms, QuoteAtoms)) -> Result<QuoteAtoms> {
        let draw = self.market.draw(loss, fund, self.context.slot)?;
        self.summary.insurance = draw;
        let drawn = draw.total()?;
        self.credit(drawn)?;
        loss.sub(drawn)
    }

    /// What nobody else bears: the loss index, within its bounds, and else nobody.
    fn share_out(&mut self, loss: QuoteAtoms) -> Result<()> {
        if !loss.is_positive() {
            return Ok(());
        }
        // What own seat owes beyond the loss comes from the account: cash, bonds, or what other legs bring. All of it, not only what cash can
        // pay now: the order of legs, and of settlements before, would otherwise decide what lots share.
        let coming = loss_of(QuoteAtoms(self.own()?.realised_atoms).add(loss)?)?;
        let socialised = self.market.share(loss, coming, self.context.price.price, self.context.slot)?;
        let unassigned = loss.sub(socialised)?;
        self.summary.held = self.market.leave_unassigned(unassigned)?;
        self.summary.socialised = socialised;
        self.summary.unassigned = unassigned;
        self.credit(loss)
    }

    /// A leg without a position: its seat has lost what the account cannot pay.
    pub fn resolve_flat(&mut self, estate: &Estate) -> Result<()> {
        if self.context.others.legs.iter().any(|leg| leg.is_open) {
            return Err(EngineError::OpenLegsFirst);
        }
        self.account.resolution = Zeroable::zeroed();
        let left = self.draw(estate.flat_share(self.context)?)?;
        self.share_out(left)
    }

    /// A leg with a position: it goes to the opposite seats.
    pub fn resolve_open(&mut self, estate: &Estate) -> Result<()> {
        let (slot, price) = (self.context.slot, self.context.price.price);
        let begun = self.account.resolution;
        let place = self.context.position.checked_add(1).ok_or(EngineError::InvariantViolated)?;
        if begun.position_plus_one != 0 && begun.position_plus_one != place && begun.slot == slot {
            return Err(EngineError::ResolutionInProgress);
        }
        let whole = estate.equity.neg()?;
        let remaining = match (half_done(self.account, self.context, estate.equity)?, estate.kind) {
            // Cash may have paid for own seat's loss since: never more than what the account, and the leg, lacks now, or the account has.
            (Some(left), ResolveKind::Takeover) if !left.is_positive() => left.max(whole),
            (Some(left), ResolveKind::Bankrupt) if !left.is_negative() => left.min(whole).min(estate.own_loss),
            (_, ResolveKind::Takeover) => estate.given.neg()?,
            (_, ResolveKind::Bankrupt) => self.draw(estate.share(self.context)?)?,
        };
        let remaining = self.deleverage(estate.own, remaining)?;
        self.account.resolution = Zeroable::zeroed();
        if self.summary.lots_left.is_zero() {
            if remaining.is_negative() {
                return Err(EngineError::InvariantViolated);
            }
            return self.share_out(remaining);
        }
        let borne = self.summary.insurance.total()?.add(self.summary.deleveraged)?;
        self.summary.remaining = remaining;
        if estate.kind == ResolveKind::Bankrupt {
            let seat = self.own()?;
            seat.borne_atoms = QuoteAtoms(seat.borne_atoms).add(borne)?.0;
        }
        self.account.resolution.remaining_atoms = remaining.0;
        self.account.resolution.equity_atoms = estate.equity.add(borne)?.0;
        self.account.resolution.price_atoms_per_lot = price.0;
        self.account.resolution.position_plus_one = place;
        self.account.resolution.slot = slot;
        Ok(())
    }

    /// Closes own position against the best ranked seats. Returns what is left to collect (negative: to give away).
    fn deleverage(&mut self, own: BaseLots, mut remaining: QuoteAtoms) -> Result<QuoteAtoms> {
        let (slot, price) = (self.context.slot, self.context.price.price);
        let window = self.market.params.rank_window_slots;
        let mut left = own.abs()?;
        let best = Best::opposite(&self.market.seats, own, price, window, slot, left.0);
        for ranked in best.rows() {
            let lots = left.min(BaseLots(ranked.lots));
            if !lots.is_positive() {
                break;
            }
            let charged = self.close_against(ranked.seat_index, lots, left, remaining)?;
            remaining = remaining.sub(charged)?;
            left = left.sub(lots)?;
            self.summary.deleveraged = self.summary.deleveraged.add(charged)?;
        }
        let closed = own.abs()?.sub(left)?;
        if !closed.is_positive() || self.own()?.base().abs()? != left {
            return Err(EngineError::InvariantViolated);
        }
        let interest = BaseLots(self.market.open_interest_base_lots).sub(closed)?;
        if interest.is_negative() {
            return Err(EngineError::InvariantViolated);
        }
        self.market.open_interest_base_lots = interest.0;
        let borne = self.summary.deleveraged.max(QuoteAtoms::ZERO);
        self.market.deleveraged_atoms = QuoteAtoms(self.market.deleveraged_atoms).add(borne)?.0;
        (self.summary.lots, self.summary.lots_left) = (closed, left);
        Ok(remaining)
    }

    /// Closes lots of both seats at the oracle price, and moves the counterparty's part. Returns it (negative: it was given).
    fn close_against(
        &mut self,
        other: u32,
        lots: BaseLots,
        left: BaseLots,
        remaining: QuoteAtoms,
    ) -> Result<QuoteAtoms> {
        let price = self.context.price.price;
        let settled = self.market.settle_seat(other)?;
        let quote = price.notional(lots)?;
        let side = Side::reducing(self.own()?.base()).ok_or(EngineError::InvariantViolated)?;
        self.own()?.apply_fill(side, lots, quote, QuoteAtoms::ZERO)?;
        let seat = self.market.seats.get_mut(other)?;
        let profit = price.notional(seat.base())?.add(QuoteAtoms(seat.quote_entry_atoms))?.max(QuoteAtoms::ZERO);
        let size = seat.base().abs()?;
        let charged = if remaining.is_negative() {
            // Rounded down; the last lots take what is left (favours whoever closes last, by less than an atom a seat).
            part(remaining.neg()?, lots, left, mul_div_down)?.neg()?
        } else {
            // Rounded up (favours the loss's being covered), but never more than the profit of these lots, rounded down (favours the seat).
            part(remaining, lots, left, mul_div_up)?.min(part(profit, lots, size, mul_div_down)?)
        };
        seat.apply_fill(side.opposite(), lots, quote, QuoteAtoms::ZERO)?;
        seat.realised_atoms = QuoteAtoms(seat.realised_atoms).sub(charged)?.0;
        self.credit(charged)?;
        self.moves.push(Deleveraged {
            base_lots: lots.0,
            settled_atoms: settled.0,
            charged_atoms: charged.0,
            seat_index: other,
            padding: 0,
        })?;
        Ok(charged)
    }

    /// Sweeps own seat, gives it back if nothing is left of it, and closes the episode with the last position. A leg that is half done is
    /// not swept: cash would pay for what is still to be collected.
    pub fn conclude(mut self) -> Result<ResolveSummary> {
        self.lower_record()?;
        if !self.summary.lots_left.is_zero() {
            return Ok(self.summary);
        }
        self.summary.swept = sweep_seat(self.market, self.seat_index, self.account, self.context.slot)?;
        self.pay_by_bond()?;
        if self.own()?.is_flat() {
            self.summary.released_bond = Some(self.market.seats.release(self.seat_index, self.account)?);
        } else if self.has_done_nothing()? {
            return Err(EngineError::NothingToResolve);
        }
        self.end_episode();
        Ok(self.summary)
    }

    /// What is on record for the leg is no more than what of its share is still to be borne, nor than what the account lacks.
    fn lower_record(&mut self) -> Result<()> {
        let left = self.summary.remaining.min(self.summary.deficit_left()?);
        self.summary.record_freed = self.market.lower_record(self.seat_index, self.account, left)?;
        Ok(())
    }

    /// What cash did not pay of a seat without a position, its own bond does, if it can pay all of it: the bond is the account's, and a seat
    /// that owes could otherwise not be released to give it back.
    fn pay_by_bond(&mut self) -> Result<()> {
        let seat = self.own()?;
        let owed = loss_of(QuoteAtoms(seat.realised_atoms))?;
        if owed.is_zero() || bond_of(seat)? < owed {
            return Ok(());
        }
        let paid = owed.0.unsigned_abs();
        seat.bond_atoms = seat.bond_atoms.checked_sub(paid).ok_or(EngineError::MathOverflow)?;
        let bonds = &mut self.market.seats.bonds_atoms;
        *bonds = bonds.checked_sub(paid).ok_or(EngineError::InvariantViolated)?;
        // Paid in by a loser, as cash is in a sweep: winners must not wait for it at the sweep cap.
        let swept = QuoteAtoms(self.market.net_swept_profit_atoms);
        self.market.net_swept_profit_atoms = swept.sub(owed)?.0;
        self.summary.bond_paid = owed;
        self.credit(owed)
    }

    /// True if the call closed no lot and moved no atom.
    fn has_done_nothing(&self) -> Result<bool> {
        let summary = &self.summary;
        let borne = summary.insurance.total()?.add(summary.socialised)?.add(summary.unassigned)?;
        Ok(summary.lots.is_zero() && borne.is_zero() && summary.swept.is_zero() && summary.bond_paid.is_zero())
    }

    /// Ends the episode with the last position. Before that a resolution is no observation: half way the requirement of what is left is not the
    /// account's, and a leg that is finished leaves the others as healthy as they were.
    fn end_episode(&mut self) {
        if !self.context.others.legs.iter().any(|leg| leg.is_open) {
            self.account.episode.end(self.context.slot);
            self.account.stalled_since_slot = 0;
        }
    }
}

/// `amount × lots ÷ of`, for amounts that are not negative.
fn part(
    amount: QuoteAtoms,
    lots: BaseLots,
    of: BaseLots,
    divide: impl Fn(u64, u64, u64) -> Result<u64>,
) -> Result<QuoteAtoms> {
    let (amount, lots, of) = (amount.0.max(0).unsigned_abs(), lots.0.max(0).unsigned_abs(), of.0.max(0).unsigned_abs());
    i64::try_from(divide(amount, lots, of)?).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}
