//! What whoever governs does.

use anchor_lang::prelude::*;
use taper_engine::params::{MarginTier, MARGIN_TIERS};

use crate::state::ProposalAction;

/// A proposal was made: all of it.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalCreated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The proposal.
    pub proposal: Pubkey,
    /// Its number.
    pub index: u64,
    /// The market; the default key for what concerns the exchange.
    pub market: Pubkey,
    /// Who proposed it.
    pub proposer: Pubkey,
    /// First slot in which it can be applied.
    pub ready_slot: u64,
    /// First slot in which it cannot be applied any more.
    pub expires_slot: u64,
    /// What is proposed.
    pub action: ProposalAction,
}

/// A proposal came into force.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalApplied {
    /// The exchange.
    pub exchange: Pubkey,
    /// The proposal.
    pub proposal: Pubkey,
    /// Its number.
    pub index: u64,
    /// The market; the default key for what concerns the exchange.
    pub market: Pubkey,
    /// What was proposed.
    pub action: ProposalAction,
    /// Parameters: the funding index, moved to this slot under the old ones, in `2^-20` atoms per lot.
    pub funding_index_scaled: i64,
    /// Parameters: true if a risk limit rose.
    pub raises_limits: bool,
    /// Parameters: slot in which maintenance rates and edges reach their new values; zero if they have.
    pub ramp_end_slot: u64,
    /// Wind-down: first slot in which the market may be settled.
    pub settle_after_slot: u64,
    /// Oracle: its first price.
    pub oracle_price_atoms_per_lot: i64,
    /// Parameters: what the exchange keeps in the vault in addition, under a higher sweep cap, for losses that nobody has borne.
    pub held_loss_atoms: i64,
}

/// A proposal was cancelled.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalCancelled {
    /// The exchange.
    pub exchange: Pubkey,
    /// The proposal.
    pub proposal: Pubkey,
    /// Its number.
    pub index: u64,
    /// Who cancelled it.
    pub by: Pubkey,
}

/// A proposal's account was closed.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalClosed {
    /// The exchange.
    pub exchange: Pubkey,
    /// The proposal.
    pub proposal: Pubkey,
    /// Its number.
    pub index: u64,
    /// 0 expired, 1 applied, 2 cancelled.
    pub state: u8,
    /// Who got the rent.
    pub proposer: Pubkey,
}

/// Somebody may become the admin by accepting.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct AdminNominated {
    /// The exchange.
    pub exchange: Pubkey,
    /// The admin.
    pub admin: Pubkey,
    /// Who was nominated; the default key for nobody.
    pub nominee: Pubkey,
}

/// The admin changed.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct AdminChanged {
    /// The exchange.
    pub exchange: Pubkey,
    /// Who was the admin.
    pub former: Pubkey,
    /// Who is.
    pub admin: Pubkey,
}

/// Limits of a market were lowered: all of them, as they are now.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct LimitsTightened {
    /// The exchange.
    pub exchange: Pubkey,
    /// The market.
    pub market: Pubkey,
    /// Who lowered them.
    pub by: Pubkey,
    /// Largest open interest.
    pub open_interest_cap_base_lots: i64,
    /// Largest notional of a position.
    pub position_cap_atoms: u64,
    /// Net profit that may be swept out.
    pub sweep_cap_atoms: i64,
    /// What insurance pays within its window.
    pub insurance_draw_cap_atoms: i64,
    /// What insurance pays beyond what the market paid in.
    pub insurance_grant_atoms: i64,
}

/// Maintenance rates and tier edges moved along their ramp.
#[event]
#[derive(Clone, Debug, PartialEq)]
pub struct RampAdvanced {
    /// The market.
    pub market: Pubkey,
    /// The tiers as they are now.
    pub tiers: [MarginTier; MARGIN_TIERS],
    /// Slot in which the ramp ends; zero if it has.
    pub ramp_end_slot: u64,
}
