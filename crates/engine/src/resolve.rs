//! What happens past the ladder: one leg of an account that is bankrupt, or taken over, goes to the opposite seats.

use bytemuck::{Pod, Zeroable};

use crate::account::{AccountState, POSITIONS};
use crate::book::Book;
use crate::error::{EngineError, Result};
use crate::insurance::Draw;
use crate::margin::{LegTotals, Requirement};
use crate::market::MarketState;
use crate::matching::FillLog;
use crate::oracle::OraclePrice;
use crate::quantity::{BaseLots, QuoteAtoms};

/// Seats that one call deleverages at most.
pub const COUNTERPARTIES: usize = 16;

/// What a resolution needs to know of one other leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherLeg {
    /// Maintenance requirement at the mid price: its weight.
    pub requirement: Requirement,
    /// True if it has a position.
    pub is_open: bool,
    /// Without a position: what its seat has lost and not paid, not negative, in quote atoms.
    pub flat_loss: QuoteAtoms,
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
    /// What the leg still has to collect (negative: to give away); zero when it is finished.
    pub remaining: QuoteAtoms,
    /// Funding and shared losses that the account's own seat paid first.
    pub charged: QuoteAtoms,
    /// Moved from the account's seat to its cash; negative from it.
    pub swept: QuoteAtoms,
    /// The bond, if the seat was released.
    pub released_bond: Option<QuoteAtoms>,
    /// The account's resting orders that were cancelled first.
    pub cancelled_orders: u32,
    /// Health before, in bps, rounded down.
    pub health_before_bps: i64,
}

/// Resolves one leg. See the specification, section 18.
///
/// # Errors
/// To be written.
pub fn resolve_leg(
    _market: &mut MarketState,
    _book: &mut Book,
    _account: &mut AccountState,
    _seat_index: u32,
    _context: &ResolveContext,
    _log: &mut FillLog,
    _moves: &mut ResolveLog,
) -> Result<ResolveSummary> {
    Err(EngineError::NothingToResolve)
}
