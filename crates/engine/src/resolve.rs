//! What happens past the ladder: one leg of an account that is bankrupt, or taken over, goes to the opposite seats.

use bytemuck::{Pod, Zeroable};

use crate::account::{AccountState, POSITIONS};
use crate::apportion::shares_of;
use crate::book::Book;
use crate::episode::{in_backstop, is_stalled};
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::liquidate::account_health;
use crate::margin::{requirement, value_leg, LegTotals, Requirement, Valuation};
use crate::market::MarketState;
use crate::matching::FillLog;
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::orders::cancel_all;
use crate::quantity::{mul_div_down, mul_div_up, BaseLots, QuoteAtoms, Side};
use crate::rank::Best;
use crate::seat::{Seat, ORDERS_PER_SEAT};
use crate::sweep::sweep_seat;

/// Seats that one call deleverages at most.
pub const COUNTERPARTIES: usize = 16;

/// What a resolution needs to know of one other leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherLeg {
    /// Maintenance requirement at the mid price: its weight when equity is left.
    pub requirement: Requirement,
    /// True if it has a position.
    pub is_open: bool,
    /// What its seat has lost at the mid price and not paid: its weight when a loss is shared. Not negative, in quote atoms.
    pub loss: QuoteAtoms,
    /// What its market may draw from insurance for it, by window and entitlement, in quote atoms.
    pub draw_room: QuoteAtoms,
    /// Income of its own that its market draws before the fund's, in quote atoms.
    pub pending: QuoteAtoms,
}

impl OtherLeg {
    /// What the leg will draw from the exchange's fund for a share of a loss, if the fund has it.
    fn claim(&self, share: QuoteAtoms) -> Result<QuoteAtoms> {
        Ok(share.min(self.draw_room).sub(self.pending)?.max(QuoteAtoms::ZERO))
    }
}

/// The account's other legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherLegs {
    /// At maintenance and mid prices.
    pub maintenance: LegTotals,
    /// At the edges that favour the account.
    pub favourable: LegTotals,
    /// Bonds of their seats: they come back to cash, so they bear the loss first.
    pub bonds: QuoteAtoms,
    /// By place in the account's positions; the leg's own place, and free places, are empty.
    pub legs: [OtherLeg; POSITIONS],
}

impl OtherLegs {
    /// Adds the leg at a place: its market and seat, its price (a frozen one is in the account's favour already).
    ///
    /// # Errors
    /// `InvariantViolated` for a place that is none; `MathOverflow`.
    pub fn add(
        &mut self,
        place: usize,
        market: &MarketState,
        seat: &Seat,
        price: &OraclePrice,
        slot: u64,
    ) -> Result<()> {
        let (params, owed) = (&market.params, market.owed_at(seat, slot)?);
        let maintenance = value_leg(params, seat, owed, price, Valuation::Maintenance)?;
        let favourable = value_leg(params, seat, owed, price, Valuation::Favourable)?;
        let leg = self.legs.get_mut(place).ok_or(EngineError::InvariantViolated)?;
        *leg = OtherLeg {
            requirement: maintenance.requirement,
            is_open: !seat.base().is_zero(),
            loss: loss_of(maintenance.equity)?,
            draw_room: market.draw_room(slot)?,
            pending: QuoteAtoms(market.insurance_pending_atoms),
        };
        self.maintenance = self.maintenance.add(maintenance)?;
        self.favourable = self.favourable.add(favourable)?;
        self.bonds = self.bonds.add(bond_of(seat)?)?;
        Ok(())
    }
}

/// What the chain knows around the leg.
#[derive(Clone, Copy, Debug)]
pub struct ResolveContext {
    /// Current slot.
    pub slot: u64,
    /// The leg's price.
    pub price: OraclePrice,
    /// Address of the margin account.
    pub owner: [u8; 32],
    /// Place of the leg in the account's positions.
    pub position: u8,
    /// The other legs.
    pub others: OtherLegs,
    /// What the exchange's insurance fund has.
    pub fund: QuoteAtoms,
}

/// One deleveraged seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Deleveraged {
    /// Lots closed, positive.
    pub base_lots: i64,
    /// Funding and shared losses that the seat paid before, in quote atoms.
    pub settled_atoms: i64,
    /// What it bore of the loss, in quote atoms; negative: what it got of the equity that was left.
    pub charged_atoms: i64,
    /// The seat.
    pub seat_index: u32,
    /// Zero.
    pub padding: u32,
}

/// The seats that a call deleveraged, best rank first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ResolveLog {
    /// Rows in use.
    pub count: u64,
    /// Rows.
    pub rows: [Deleveraged; COUNTERPARTIES],
}

/// Why an account is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResolveKind {
    /// Equity (bonds included) is not positive.
    Bankrupt = 0,
    /// Health is below the takeover point, or the backstop stage has stalled.
    Takeover = 1,
}

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolveSummary {
    /// Why.
    pub kind: ResolveKind,
    /// Lots closed at the oracle price by this call.
    pub lots: BaseLots,
    /// Lots that are left to close.
    pub lots_left: BaseLots,
    /// Drawn from insurance.
    pub insurance: Draw,
    /// Borne by deleveraged seats; negative: equity given to them.
    pub deleveraged: QuoteAtoms,
    /// Shared among all lots of the market.
    pub socialised: QuoteAtoms,
    /// Borne by nobody yet.
    pub unassigned: QuoteAtoms,
    /// What the exchange has to keep in the vault for it, to be added to its sum.
    pub held: QuoteAtoms,
    /// What the leg still has to collect (negative: to give away); zero when it is finished.
    pub remaining: QuoteAtoms,
    /// Funding and shared losses that the account's own seat paid first.
    pub charged: QuoteAtoms,
    /// Moved from the account's seat to its cash; negative from it.
    pub swept: QuoteAtoms,
    /// What the seat's own bond paid of its loss.
    pub bond_paid: QuoteAtoms,
    /// What is left of the bond, if the seat was released.
    pub released_bond: Option<QuoteAtoms>,
    /// The account's resting orders that were cancelled first.
    pub cancelled_orders: u32,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
    /// Equity before, the bonds of all seats included.
    pub equity_before: QuoteAtoms,
}

impl ResolveSummary {
    /// What the account still lacks: its equity before and what others have borne for it, bonds included; never negative.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn deficit_left(&self) -> Result<QuoteAtoms> {
        let borne = self.insurance.total()?.add(self.deleveraged)?.add(self.socialised)?.add(self.unassigned)?;
        Ok(self.equity_before.add(borne)?.neg()?.max(QuoteAtoms::ZERO))
    }
}

impl ResolveLog {
    /// The rows in use.
    pub fn rows(&self) -> &[Deleveraged] {
        let count = usize::try_from(self.count).unwrap_or(COUNTERPARTIES);
        self.rows.get(..count).unwrap_or(&self.rows)
    }

    fn push(&mut self, row: Deleveraged) -> Result<()> {
        let index = usize::try_from(self.count).map_err(|_| EngineError::InvariantViolated)?;
        *self.rows.get_mut(index).ok_or(EngineError::InvariantViolated)? = row;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

/// Resolves one leg: see the specification, section 18. What it moves adds up to the atom: own seat gets what insurance, the deleveraged
/// seats, the loss index and nobody (`unassigned`) have given.
///
/// # Errors
/// `AccountSolvent`, `ResolutionInProgress`, `OpenLegsFirst`, `NothingToResolve`, `SeatNotOwned`, `OracleStale`, `MathOverflow`;
/// `InvariantViolated` if positions do not balance. After an error the state is to be thrown away.
pub fn resolve_leg(
    market: &mut MarketState,
    book: &mut Book,
    account: &mut AccountState,
    seat_index: u32,
    context: &ResolveContext,
    log: &mut FillLog,
    moves: &mut ResolveLog,
) -> Result<ResolveSummary> {
    market.seats.owned_mut(seat_index, &context.owner)?;
    market.accrue(context.slot);
    // Swept only at the end: whichever leg came first would otherwise take the cash, and lower its share of the loss by it.
    let charged = market.settle_seat(seat_index)?;
    let estate = Estate::of(market, account, seat_index, context)?;
    let cancelled_orders = cancel_all(market, book, seat_index, None, u32::from(ORDERS_PER_SEAT), log)?;
    let mut call =
        Call { market, account, seat_index, context, moves, summary: estate.summary(charged, cancelled_orders) };
    if estate.own.is_zero() {
        call.resolve_flat(&estate)?;
    } else {
        call.resolve_open(&estate)?;
    }
    call.conclude()
}

/// What the account is worth, and how it stands.
struct Estate {
    /// Position of the leg.
    own: BaseLots,
    /// Its requirement.
    own_requirement: Requirement,
    /// What its seat has lost and not paid.
    own_loss: QuoteAtoms,
    /// `E'`: equity, the bonds of all seats included.
    equity: QuoteAtoms,
    kind: ResolveKind,
    health_bps: i64,
}

impl Estate {
    /// Looks whether the account may be resolved at all, and why.
    fn of(market: &MarketState, account: &AccountState, seat_index: u32, context: &ResolveContext) -> Result<Self> {
        let (params, price, others) = (&market.params, &context.price, &context.others);
        let seat = market.seats.get(seat_index)?;
        let bonds = others.bonds.add(bond_of(seat)?)?;
        let mid = account_health(market, seat_index, account, price, others.maintenance, Valuation::Maintenance)?;
        let favourable = account_health(market, seat_index, account, price, others.favourable, Valuation::Favourable)?;
        if favourable.is_at_least(10_000) {
            return Err(EngineError::AccountSolvent);
        }
        let equity = mid.equity.add(bonds)?;
        let kind = if !equity.is_positive() {
            let surely = !favourable.equity.add(bonds)?.is_positive();
            let action = if surely { Action::ResolveBankrupt } else { Action::ResolveNearlyBankrupt };
            action.require(price.grade)?;
            ResolveKind::Bankrupt
        } else {
            let is_fit = mid.is_below(params.takeover_health_bps)
                || (in_backstop(params, &mid) && is_stalled(account, params, context.slot));
            // Tiers let health rise half way: what was begun at this price is finished.
            let is_begun = half_done(account, context)?.is_some_and(|remaining| remaining.is_negative());
            if !is_fit && !is_begun {
                return Err(EngineError::AccountSolvent);
            }
            Action::TakeOver.require(price.grade)?;
            ResolveKind::Takeover
        };
        let own = seat.base();
        let own_requirement = requirement(params, price.price.notional(own.abs()?)?, false)?;
        let unrealised = price.price.notional(own)?.add(QuoteAtoms(seat.quote_entry_atoms))?;
        let own_loss = loss_of(unrealised.add(QuoteAtoms(seat.realised_atoms))?)?;
        Ok(Self { own, own_requirement, own_loss, equity, kind, health_bps: mid.to_bps_down() })
    }

    fn summary(&self, charged: QuoteAtoms, cancelled_orders: u32) -> ResolveSummary {
        ResolveSummary {
            kind: self.kind,
            lots: BaseLots::ZERO,
            lots_left: BaseLots(self.own.0.saturating_abs()),
            insurance: Draw::default(),
            deleveraged: QuoteAtoms::ZERO,
            socialised: QuoteAtoms::ZERO,
            unassigned: QuoteAtoms::ZERO,
            held: QuoteAtoms::ZERO,
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
    /// places will draw is kept for them, so that the order in which legs are resolved does not decide who gets it.
    fn share(&self, context: &ResolveContext) -> Result<(QuoteAtoms, QuoteAtoms)> {
        let place = usize::from(context.position);
        let is_loss = self.kind == ResolveKind::Bankrupt;
        let weight_of =
            |requirement: Requirement, loss: QuoteAtoms| if is_loss { i128::from(loss.0) } else { requirement.0 };
        let mut weights = [0i128; POSITIONS];
        for (weight, leg) in weights.iter_mut().zip(&context.others.legs).filter(|(_, leg)| leg.is_open) {
            *weight = weight_of(leg.requirement, leg.loss);
        }
        *weights.get_mut(place).ok_or(EngineError::InvariantViolated)? = weight_of(self.own_requirement, self.own_loss);
        let mut amount = self.equity.abs()?;
        if is_loss {
            let lost = weights
                .iter()
                .try_fold(0i128, |sum, weight| sum.checked_add(*weight))
                .ok_or(EngineError::MathOverflow)?;
            amount = amount.min(QuoteAtoms(i64::try_from(lost).unwrap_or(i64::MAX)));
        }
        if amount.is_zero() {
            return Ok((QuoteAtoms::ZERO, context.fund));
        }
        let shares = shares_of(amount.0, &weights)?;
        let mut fund = context.fund;
        for (leg, share) in context.others.legs.iter().zip(shares).take(place).filter(|(leg, _)| leg.is_open) {
            fund = fund.sub(leg.claim(QuoteAtoms(share))?)?;
        }
        let share = shares.get(place).copied().ok_or(EngineError::InvariantViolated)?;
        Ok((QuoteAtoms(share), fund.max(QuoteAtoms::ZERO)))
    }

    /// As [`Estate::share`] when no leg has a position: each gives up what it has lost, in the order of places, as far as the loss goes.
    fn flat_share(&self, context: &ResolveContext) -> Result<(QuoteAtoms, QuoteAtoms)> {
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
fn loss_of(value: QuoteAtoms) -> Result<QuoteAtoms> {
    value.min(QuoteAtoms::ZERO).neg()
}

/// What a leg that is half done at this price, and with this cash, still has to collect (negative: to give away).
fn half_done(account: &AccountState, context: &ResolveContext) -> Result<Option<QuoteAtoms>> {
    let begun = &account.resolution;
    let place = context.position.checked_add(1).ok_or(EngineError::InvariantViolated)?;
    let goes_on = begun.position_plus_one == place
        && begun.price_atoms_per_lot == context.price.price.0
        && begun.cash_atoms == account.cash_atoms;
    Ok(goes_on.then_some(QuoteAtoms(begun.remaining_atoms)))
}

fn bond_of(seat: &Seat) -> Result<QuoteAtoms> {
    i64::try_from(seat.bond_atoms).map(QuoteAtoms).map_err(|_| EngineError::MathOverflow)
}

struct Call<'a> {
    market: &'a mut MarketState,
    account: &'a mut AccountState,
    seat_index: u32,
    context: &'a ResolveContext,
    moves: &'a mut ResolveLog,
    summary: ResolveSummary,
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

    /// What nobody else bears: the loss index, and without open lots nobody. A lot bears no more than its price in one resolution: whoever
    /// is left with a few lots in an emptied market must not pay for all of it.
    fn share_out(&mut self, loss: QuoteAtoms) -> Result<()> {
        if !loss.is_positive() {
            return Ok(());
        }
        let lots = self.market.open_interest_base_lots.saturating_mul(2);
        let bearable = QuoteAtoms(self.context.price.price.0.saturating_mul(lots));
        let socialised = self.market.socialise(loss.min(bearable))?;
        let unassigned = loss.sub(socialised)?;
        self.summary.held = self.market.leave_unassigned(unassigned)?;
        self.summary.socialised = socialised;
        self.summary.unassigned = unassigned;
        self.credit(loss)
    }

    /// A leg without a position: its seat has lost what the account cannot pay.
    fn resolve_flat(&mut self, estate: &Estate) -> Result<()> {
        if self.context.others.legs.iter().any(|leg| leg.is_open) {
            return Err(EngineError::OpenLegsFirst);
        }
        self.account.resolution = Zeroable::zeroed();
        let left = self.draw(estate.flat_share(self.context)?)?;
        self.share_out(left)
    }

    /// A leg with a position: it goes to the opposite seats.
    fn resolve_open(&mut self, estate: &Estate) -> Result<()> {
        let (slot, price) = (self.context.slot, self.context.price.price);
        let begun = self.account.resolution;
        let place = self.context.position.checked_add(1).ok_or(EngineError::InvariantViolated)?;
        if begun.position_plus_one != 0 && begun.position_plus_one != place && begun.slot == slot {
            return Err(EngineError::ResolutionInProgress);
        }
        let whole = estate.equity.neg()?;
        let remaining = match (half_done(self.account, self.context)?, estate.kind) {
            // Other legs may have recovered, or fallen, since: never more than what the account, and the leg, lacks now, or the account has.
            (Some(left), ResolveKind::Takeover) if !left.is_positive() => left.max(whole),
            (Some(left), ResolveKind::Bankrupt) if !left.is_negative() => left.min(whole).min(estate.own_loss),
            (_, ResolveKind::Takeover) => estate.share(self.context)?.0.neg()?,
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
        self.summary.remaining = remaining;
        self.account.resolution.remaining_atoms = remaining.0;
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
    fn conclude(mut self) -> Result<ResolveSummary> {
        if !self.summary.lots_left.is_zero() {
            self.account.resolution.cash_atoms = self.account.cash_atoms;
            self.observe()?;
            return Ok(self.summary);
        }
        self.summary.swept = sweep_seat(self.market, self.seat_index, self.account, self.context.slot)?;
        self.pay_by_bond()?;
        if self.own()?.is_flat() {
            self.summary.released_bond = Some(self.market.seats.release(self.seat_index, self.account)?);
        } else if self.has_done_nothing()? {
            return Err(EngineError::NothingToResolve);
        }
        self.observe()?;
        Ok(self.summary)
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

    /// Ends the episode with the last position; before that, stops the stall clock of an account that has left the backstop stage.
    fn observe(&mut self) -> Result<()> {
        let is_open = !self.summary.lots_left.is_zero() || self.context.others.legs.iter().any(|leg| leg.is_open);
        if !is_open {
            self.account.episode.end(self.context.slot);
            self.account.stalled_since_slot = 0;
        } else if self.account.stalled_since_slot != 0 && Action::ObserveStall.require(self.context.price.grade).is_ok()
        {
            let (price, others) = (&self.context.price, self.context.others.maintenance);
            let mid =
                account_health(self.market, self.seat_index, self.account, price, others, Valuation::Maintenance)?;
            if !in_backstop(&self.market.params, &mid) {
                self.account.stalled_since_slot = 0;
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests;
