//! What proposals and roles change of what the ledger keeps.

use taper::events::*;
use taper::state::ProposalAction;

use super::{parse, Ledger};

/// True for events of governance that change no balance, no status and no role.
pub(super) fn moves_nothing(data: &[u8]) -> bool {
    parse::<ProposalCreated>(data).is_some()
        || parse::<ProposalCancelled>(data).is_some()
        || parse::<ProposalClosed>(data).is_some()
        || parse::<AdminNominated>(data).is_some()
        || parse::<LimitsTightened>(data).is_some()
        || parse::<RampAdvanced>(data).is_some()
}

impl Ledger {
    pub(super) fn proposal_applied(&mut self, event: &ProposalApplied) {
        match event.action {
            ProposalAction::Status { status } => {
                self.status_set(&StatusSet {
                    exchange: event.exchange,
                    market: event.market,
                    by: event.proposal,
                    status,
                });
            }
            ProposalAction::Guardian { guardian } => {
                self.exchanges.entry(event.exchange).or_default().guardian = guardian;
            }
            ProposalAction::Params { .. } => self.index_told(&event.market, event.funding_index_scaled),
            ProposalAction::Oracle { .. } | ProposalAction::WindDown | ProposalAction::Timelock { .. } => {}
        }
    }

    pub(super) fn admin_changed(&mut self, event: &AdminChanged) {
        self.exchanges.entry(event.exchange).or_default().admin = event.admin;
    }
}
