//! What proposals and roles change: roles, statuses, parameters, the end of a market.

use taper::constants::{PROPOSAL_APPLIED, PROPOSAL_CANCELLED};
use taper::state::{Proposal, ProposalAction};
use taper_engine::params::{MarginTier, MarketParams, MARGIN_TIERS};

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

/// Parameters of a market, in parts: each is known once an event has told it. A listing's event names none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ParamsRow {
    tiers: Option<[MarginTier; MARGIN_TIERS]>,
    limits: Option<Limits>,
    /// All others; tiers and limits are zero in it.
    others: Option<MarketParams>,
}

/// What can be lowered at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Limits {
    open_interest_cap_base_lots: i64,
    position_cap_atoms: u64,
    sweep_cap_atoms: i64,
    insurance_draw_cap_atoms: i64,
    insurance_grant_atoms: i64,
}

impl ParamsRow {
    /// All parts.
    pub(super) fn of(params: &MarketParams) -> Self {
        let limits = Limits {
            open_interest_cap_base_lots: params.open_interest_cap_base_lots,
            position_cap_atoms: params.tiers().last().map_or(0, |tier| tier.notional_cap_atoms),
            sweep_cap_atoms: params.sweep_cap_atoms,
            insurance_draw_cap_atoms: params.insurance_draw_cap_atoms,
            insurance_grant_atoms: params.insurance_grant_atoms,
        };
        let mut others = *params;
        others.tiers = bytemuck::Zeroable::zeroed();
        (others.open_interest_cap_base_lots, others.sweep_cap_atoms) = (0, 0);
        (others.insurance_draw_cap_atoms, others.insurance_grant_atoms) = (0, 0);
        Self { tiers: Some(params.tiers), limits: Some(limits), others: Some(others) }
    }

    /// The parts that these ones know, of the market's.
    pub(super) fn known_of(&self, params: &MarketParams) -> Self {
        let all = Self::of(params);
        Self {
            tiers: all.tiers.filter(|_| self.tiers.is_some()),
            limits: all.limits.filter(|_| self.limits.is_some()),
            others: all.others.filter(|_| self.others.is_some()),
        }
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
                self.params_applied(&event.market, &params, event.ramp_end_slot);
            }
            ProposalAction::Oracle { oracle_kind, oracle_key, .. } => {
                self.market(&event.market).oracle = (oracle_kind, oracle_key);
            }
            ProposalAction::WindDown => self.market(&event.market).settle_after_slot = event.settle_after_slot,
        }
    }

    fn params_applied(&mut self, market: &Pubkey, params: &MarketParams, ramp_end_slot: u64) {
        let row = self.market(market);
        let mut params = *params;
        params.sweep_cap_atoms = params.sweep_cap_atoms.max(row.net_swept);
        row.params = ParamsRow::of(&params);
        row.ramp_end_slot = ramp_end_slot;
        if ramp_end_slot != 0 {
            // Where they start depends on what was there before: the next step of the ramp tells them. So does it the last edge.
            (row.params.tiers, row.params.limits) = (None, None);
        }
    }

    pub(super) fn limits_tightened(&mut self, event: &LimitsTightened) {
        let row = self.market(&event.market);
        let limits = Limits {
            open_interest_cap_base_lots: event.open_interest_cap_base_lots,
            position_cap_atoms: event.position_cap_atoms,
            sweep_cap_atoms: event.sweep_cap_atoms,
            insurance_draw_cap_atoms: event.insurance_draw_cap_atoms,
            insurance_grant_atoms: event.insurance_grant_atoms,
        };
        if let Some(last) = row.params.tiers.as_mut().and_then(|tiers| tiers.iter_mut().rfind(|tier| tier.imr_bps != 0))
        {
            last.notional_cap_atoms = limits.position_cap_atoms;
        }
        row.params.limits = Some(limits);
    }

    pub(super) fn ramp_advanced(&mut self, event: &RampAdvanced) {
        let row = self.market(&event.market);
        row.params.tiers = Some(event.tiers);
        row.ramp_end_slot = event.ramp_end_slot;
        let last = event.tiers.iter().rfind(|tier| tier.imr_bps != 0).map_or(0, |tier| tier.notional_cap_atoms);
        if let Some(limits) = &mut row.params.limits {
            limits.position_cap_atoms = last;
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
