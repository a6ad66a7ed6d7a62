//! What proposals and roles change: roles, statuses, parameters, the end of a market.

use taper::constants::{PROPOSAL_APPLIED, PROPOSAL_CANCELLED};
use taper::state::{Proposal, ProposalAction};
use taper_engine::governance::{advance_ramp, apply_change, tighten, Limits};
use taper_engine::market::{MarketState, Ramp};
use taper_engine::params::MarketParams;

use super::*;

/// A proposal, from its creation to the closing of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProposalRow {
    exchange: Pubkey,
    market: Pubkey,
    proposer: Pubkey,
    index: u64,
    created_slot: u64,
    ready_slot: u64,
    expires_slot: u64,
    /// Zero while it is pending.
    decided_slot: u64,
    state: u8,
    action: ProposalAction,
}

impl ProposalRow {
    /// The row of an account; `None` for a proposal of an unknown kind.
    pub(super) fn of(proposal: &Proposal) -> Option<Self> {
        Some(Self {
            exchange: proposal.exchange,
            market: proposal.market,
            proposer: proposal.proposer,
            index: proposal.index,
            created_slot: proposal.created_slot,
            ready_slot: proposal.ready_slot,
            expires_slot: proposal.expires_slot,
            decided_slot: proposal.decided_slot,
            state: proposal.state,
            action: proposal.action().ok()?,
        })
    }
}

/// Parameters of a market, and what moves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParamsRow {
    params: MarketParams,
    ramp: Ramp,
    limits_raised_slot: u64,
}

impl Default for ParamsRow {
    fn default() -> Self {
        let (params, ramp) = (bytemuck::Zeroable::zeroed(), bytemuck::Zeroable::zeroed());
        Self { params, ramp, limits_raised_slot: 0 }
    }
}

impl ParamsRow {
    /// Parameters at listing.
    pub(super) fn listed(params: &MarketParams) -> Self {
        Self { params: *params, ..Self::default() }
    }

    /// Those of an account.
    pub(super) fn of(state: &MarketState) -> Self {
        Self { params: state.params, ramp: state.ramp, limits_raised_slot: state.limits_raised_slot }
    }
}

impl Ledger {
    pub(super) fn proposal_created(&mut self, event: &ProposalCreated) {
        let row = ProposalRow {
            exchange: event.exchange,
            market: event.market,
            proposer: event.proposer,
            index: event.index,
            created_slot: self.slot,
            ready_slot: event.ready_slot,
            expires_slot: event.expires_slot,
            decided_slot: 0,
            state: 0,
            action: event.action,
        };
        self.proposals.insert(event.proposal, row);
        let slot = self.slot;
        let exchange = self.exchange(&event.exchange);
        exchange.proposal_count += 1;
        if event.ready_slot != slot + exchange.timelock {
            self.fail(format!("proposed in slot {slot}, ready in {}", event.ready_slot));
        }
    }

    pub(super) fn proposal_applied(&mut self, event: &ProposalApplied) {
        let slot = self.slot;
        match self.proposals.get(&event.proposal) {
            Some(row) if row.state == 0 && row.action == event.action && row.ready_slot <= slot => {}
            other => self.fail(format!("applied in slot {slot}, it was {other:?}")),
        }
        self.decide(&event.proposal, PROPOSAL_APPLIED);
        match event.action {
            ProposalAction::Status { status } => {
                let (exchange, market, by) = (event.exchange, event.market, event.proposal);
                self.status_set(&StatusSet { exchange, market, by, status });
            }
            ProposalAction::Guardian { guardian } => self.exchange(&event.exchange).guardian = guardian,
            ProposalAction::Timelock { timelock_slots } => self.exchange(&event.exchange).timelock = timelock_slots,
            ProposalAction::Params { params } => {
                self.index_told(&event.market, event.funding_index_scaled);
                let before = self.market(&event.market).losses.held;
                self.change_params(&event.market, |state| apply_change(state, &params, slot).map(drop));
                let held = self.market(&event.market).losses.held - before;
                self.exchange(&event.exchange).held += held;
                if held != event.held_loss_atoms {
                    self.fail(format!("{held} more are held, not {}", event.held_loss_atoms));
                }
                let ramp_end_slot = self.market(&event.market).params.ramp.end_slot;
                if ramp_end_slot != event.ramp_end_slot {
                    self.fail(format!("the ramp ends in {ramp_end_slot}, not {}", event.ramp_end_slot));
                }
            }
            ProposalAction::Oracle { oracle_kind, oracle_key, .. } => {
                self.market(&event.market).oracle = (oracle_kind, oracle_key);
            }
            ProposalAction::WindDown => self.market(&event.market).settle_after_slot = event.settle_after_slot,
        }
    }

    /// The engine's own rule on a market that holds what the events said so far of its parameters.
    fn change_params(&mut self, market: &Pubkey, change: impl FnOnce(&mut MarketState) -> taper_engine::Result<()>) {
        let row = self.market(market);
        let mut state = bytemuck::zeroed_box::<MarketState>();
        (state.params, state.ramp, state.limits_raised_slot) =
            (row.params.params, row.params.ramp, row.params.limits_raised_slot);
        state.net_swept_profit_atoms = row.net_swept;
        (state.unassigned_loss_atoms, state.held_loss_atoms) = (row.losses.unassigned, row.losses.held);
        let changed = change(&mut state);
        row.losses.held = state.held_loss_atoms;
        row.params = ParamsRow::of(&state);
        if let Err(error) = changed {
            self.fail(format!("parameters that the engine refuses: {error:?}"));
        }
    }

    pub(super) fn limits_tightened(&mut self, event: &LimitsTightened) {
        let (limits, slot) = (
            Limits {
                open_interest_cap_base_lots: Some(event.open_interest_cap_base_lots),
                position_cap_atoms: Some(event.position_cap_atoms),
                sweep_cap_atoms: Some(event.sweep_cap_atoms),
                insurance_draw_cap_atoms: Some(event.insurance_draw_cap_atoms),
                insurance_grant_atoms: Some(event.insurance_grant_atoms),
            },
            self.slot,
        );
        self.change_params(&event.market, |state| tighten(state, &limits, slot));
    }

    pub(super) fn ramp_advanced(&mut self, event: &RampAdvanced) {
        let slot = self.slot;
        self.change_params(&event.market, |state| advance_ramp(state, slot));
        let row = &self.market(&event.market).params;
        if (row.params.tiers, row.ramp.end_slot) != (event.tiers, event.ramp_end_slot) {
            self.fail("a step of a ramp that is none of the ramp's".into());
        }
    }

    pub(super) fn proposal_cancelled(&mut self, event: &ProposalCancelled) {
        self.decide(&event.proposal, PROPOSAL_CANCELLED);
    }

    pub(super) fn proposal_closed(&mut self, event: &ProposalClosed) {
        self.proposals.remove(&event.proposal);
    }

    fn decide(&mut self, proposal: &Pubkey, state: u8) {
        let slot = self.slot;
        if let Some(row) = self.proposals.get_mut(proposal) {
            (row.state, row.decided_slot) = (state, slot);
        }
    }

    pub(super) fn admin_nominated(&mut self, event: &AdminNominated) {
        self.exchange(&event.exchange).pending_admin = event.nominee;
    }

    pub(super) fn admin_changed(&mut self, event: &AdminChanged) {
        let exchange = self.exchange(&event.exchange);
        (exchange.admin, exchange.pending_admin) = (event.admin, Pubkey::default());
    }
}
