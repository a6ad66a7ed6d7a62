//! From the program's own arguments to those of the IDL.

use taper::{instructions, state};

use super::types;

macro_rules! same_fields {
    ($($type:ident { $($field:ident),* $(,)? })*) => {$(
        impl From<instructions::$type> for types::$type {
            fn from(args: instructions::$type) -> Self {
                let instructions::$type { $($field),* } = args;
                Self { $($field),* }
            }
        }
    )*};
}

same_fields! {
    PlaceOrderArgs { side, kind, price_atoms_per_lot, size_base_lots, reduce_only, client_order_id, expires_at_slot, self_trade }
    CancelOrderArgs { side, price_atoms_per_lot, sequence }
    CancelAllOrdersArgs { side, limit }
    ForceCancelOrdersArgs { limit }
    LiquidateArgs { max_base_lots, expected_base_lots, min_payout_atoms, deadline_slot }
    TightenLimitsArgs { open_interest_cap_base_lots, position_cap_atoms, sweep_cap_atoms, insurance_draw_cap_atoms, insurance_grant_atoms }
}

impl From<state::ProposalAction> for types::ProposalAction {
    fn from(action: state::ProposalAction) -> Self {
        use state::ProposalAction as Known;
        match action {
            Known::Params { params } => Self::Params { params: params.into() },
            Known::Oracle { oracle_kind, oracle_key, oracle_account } => {
                Self::Oracle { oracle_kind, oracle_key, oracle_account }
            }
            Known::WindDown => Self::WindDown,
            Known::Status { status } => Self::Status { status },
            Known::Guardian { guardian } => Self::Guardian { guardian },
            Known::Timelock { timelock_slots } => Self::Timelock { timelock_slots },
        }
    }
}
