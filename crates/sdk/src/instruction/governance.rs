//! What whoever governs does.

use solana_instruction::Instruction;
use solana_pubkey::Pubkey;

use crate::idl::types::{ProposalAction, TightenLimitsArgs};
use crate::idl::{args, metas as accounts};

use super::{build, none, SYSTEM_PROGRAM};

/// `set_status`, of a market or, without one, of the exchange: what guardian and admin may each do alone, tighten it.
pub fn set_status(authority: Pubkey, exchange: Pubkey, market: Option<Pubkey>, status: u8) -> Instruction {
    let accounts = accounts::SetStatus { authority, exchange, market, cosigner: None };
    build(accounts, args::SetStatus { status }, none())
}

/// `set_status` signed by admin and guardian: any status, at once.
pub fn set_status_jointly(
    admin: Pubkey,
    guardian: Pubkey,
    exchange: Pubkey,
    market: Option<Pubkey>,
    status: u8,
) -> Instruction {
    let accounts = accounts::SetStatus { authority: admin, exchange, market, cosigner: Some(guardian) };
    build(accounts, args::SetStatus { status }, none())
}

/// `propose`. `index` is the exchange's `proposal_count`; the proposal is `address::proposal(exchange, index)`.
pub fn propose(
    admin: Pubkey,
    exchange: Pubkey,
    market: Option<Pubkey>,
    index: u64,
    action: impl Into<ProposalAction>,
) -> Instruction {
    let proposal = crate::address::proposal(&exchange, index);
    let accounts = accounts::Propose { admin, exchange, market, proposal, system_program: SYSTEM_PROGRAM };
    build(accounts, args::Propose { index, action: action.into() }, none())
}

/// `apply_proposal`, with the market it is about, and the new oracle account if it names one.
pub fn apply_proposal(exchange: Pubkey, index: u64, market: Option<Pubkey>, oracle: Option<Pubkey>) -> Instruction {
    let proposal = crate::address::proposal(&exchange, index);
    build(accounts::ApplyProposal { exchange, proposal, market, oracle }, args::ApplyProposal {}, none())
}

/// `cancel_proposal`, by guardian or admin.
pub fn cancel_proposal(authority: Pubkey, exchange: Pubkey, index: u64) -> Instruction {
    let proposal = crate::address::proposal(&exchange, index);
    build(accounts::CancelProposal { authority, exchange, proposal }, args::CancelProposal {}, none())
}

/// `close_proposal`.
pub fn close_proposal(exchange: Pubkey, index: u64, proposer: Pubkey) -> Instruction {
    let proposal = crate::address::proposal(&exchange, index);
    build(accounts::CloseProposal { proposal, proposer }, args::CloseProposal {}, none())
}

/// `nominate_admin`; the default key takes a nomination back.
pub fn nominate_admin(admin: Pubkey, exchange: Pubkey, nominee: Pubkey) -> Instruction {
    build(accounts::NominateAdmin { admin, exchange }, args::NominateAdmin { nominee }, none())
}

/// `accept_admin`, by whoever was nominated.
pub fn accept_admin(nominee: Pubkey, exchange: Pubkey) -> Instruction {
    build(accounts::AcceptAdmin { nominee, exchange }, args::AcceptAdmin {}, none())
}

/// `tighten_limits`, by guardian or admin.
pub fn tighten_limits(
    authority: Pubkey,
    exchange: Pubkey,
    market: Pubkey,
    args: impl Into<TightenLimitsArgs>,
) -> Instruction {
    build(accounts::TightenLimits { authority, exchange, market }, args::TightenLimits { args: args.into() }, none())
}

/// `advance_ramp`.
pub fn advance_ramp(market: Pubkey) -> Instruction {
    build(accounts::AdvanceRamp { market }, args::AdvanceRamp {}, none())
}
