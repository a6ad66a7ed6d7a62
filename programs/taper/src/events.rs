//! What an indexer reads: from these events alone it can rebuild every balance. Amounts in quote atoms, prices in quote atoms per
//! lot, sizes in lots. `*_after` fields are states, the others are changes.

use anchor_lang::prelude::*;

mod accounts;
mod governance;
mod liquidation;
mod markets;
mod orders;
mod resolution;

pub use accounts::*;
pub use governance::*;
pub use liquidation::*;
pub use markets::*;
pub use orders::*;
pub use resolution::*;

/// The part of a seat that holds money, after an instruction.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatBalance {
    /// Position.
    pub base_lots: i64,
    /// Minus the cost of the open position.
    pub quote_entry_atoms: i64,
    /// Result not yet swept to cash.
    pub realised_atoms: i64,
    /// The funding index when the seat was settled last, in `2^-20` atoms per lot.
    pub funding_checkpoint_scaled: i64,
    /// The loss index when the seat was settled last, in `2^-20` atoms per lot.
    pub loss_checkpoint_scaled: i64,
}
