//! What happens past the ladder: one leg of an account that is bankrupt, or taken over, goes to the opposite seats.

mod call;
mod estate;

use bytemuck::{Pod, Zeroable};

use crate::account::{AccountState, POSITIONS};
use crate::book::Book;
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::margin::{value_leg, LegTotals, Requirement, Valuation};
use crate::market::MarketState;
use crate::matching::FillLog;
use crate::modes::Action;
use crate::oracle::OraclePrice;
use crate::orders::cancel_all;
use crate::quantity::{BaseLots, QuoteAtoms};
use crate::seat::{Seat, ORDERS_PER_SEAT};
use call::Call;
use estate::{bond_of, loss_of, Estate};

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
    /// What others have borne of it before, in resolutions that have not closed all of the position.
    pub borne: QuoteAtoms,
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
    /// Why nothing can be taken over beside them: an open one has no fresh price. A frozen one is valued in the account's favour, so that equity
    /// would be given away that is not there; and a caller that may choose among older prices would choose one at which the account is unhealthy.
    pub takeover_refusal: Option<EngineError>,
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
        let is_open = !seat.base().is_zero();
        if is_open {
            self.takeover_refusal = self.takeover_refusal.or(Action::BesideTakeover.require(price.grade).err());
        }
        *leg = OtherLeg {
            requirement: maintenance.requirement,
            is_open,
            loss: loss_of(maintenance.equity)?,
            borne: QuoteAtoms(seat.borne_atoms),
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
    /// Equity is left, but health (bonds included) is below the takeover point, or the backstop stage has stalled.
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
    /// What is no longer on record of the account's deficit, to be taken off the exchange's sum; not negative.
    pub record_freed: QuoteAtoms,
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
/// `AccountSolvent`, `TakeoverNeedsFreshLegs`, `ResolutionInProgress`, `OpenLegsFirst`, `NothingToResolve`, `SeatNotOwned`, `OracleStale`,
/// `MathOverflow`;
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

#[cfg(test)]
mod tests;
