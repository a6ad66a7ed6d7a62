//! The IDL's layouts against the program's and the engine's, while this crate compiles: the same size and alignment, the same fields at the
//! same offsets. A row of the IDL therefore is the engine's row, and can be looked at as one without a copy.

use anchor_lang::prelude::borsh::io::{Read, Result, Write};
use taper::state;
use taper_engine::{account, book, market, params, seat};

use super::{accounts, types};

macro_rules! same_layout {
    ($declared:ident, $known:ident :: $type:ident { $($field:ident),* $(,)? }) => {
        const _: () = {
            assert!(size_of::<$declared::$type>() == size_of::<$known::$type>());
            assert!(align_of::<$declared::$type>() == align_of::<$known::$type>());
            $(assert!(core::mem::offset_of!($declared::$type, $field) == core::mem::offset_of!($known::$type, $field));)*
            // No field is left out on either side: neither pattern has `..`.
            let _ = |row: &$declared::$type| { let $declared::$type { $($field: _),* } = row; };
            let _ = |row: &$known::$type| { let $known::$type { $($field: _),* } = row; };
        };
    };
}

/// As `same_layout`, and the way to the engine's row.
macro_rules! engine_row {
    ($declared:ident, $known:ident :: $type:ident $fields:tt) => {
        same_layout!($declared, $known::$type $fields);

        impl AsRef<$known::$type> for $declared::$type {
            fn as_ref(&self) -> &$known::$type {
                bytemuck::cast_ref(self)
            }
        }

        impl AsMut<$known::$type> for $declared::$type {
            fn as_mut(&mut self) -> &mut $known::$type {
                bytemuck::cast_mut(self)
            }
        }
    };
}

engine_row!(
    types,
    account::AccountState {
        cash_atoms,
        episode,
        cooldown_until_slot,
        last_risk_slot,
        always_full_close,
        padding,
        recorded_deficit_atoms,
        stalled_since_slot,
        resolution,
        reserved,
    }
);
engine_row!(
    types,
    account::Episode {
        started_slot,
        last_unhealthy_slot,
        clock_slots,
        last_end_slot,
        start_requirement_atoms,
        cost_atoms,
        tip_credit_atoms,
        kind,
        unhealthy,
        had_one_before,
        sliced,
        padding,
    }
);
engine_row!(
    types,
    account::Resolution { remaining_atoms, price_atoms_per_lot, equity_atoms, slot, position_plus_one, padding }
);
engine_row!(
    types,
    book::Order {
        price_atoms_per_lot,
        sequence,
        size_base_lots,
        client_order_id,
        expires_at_slot,
        seat_index,
        flags,
        padding,
        placed_slot,
    }
);
engine_row!(types, book::Book { next_sequence, bid_count, ask_count, bids, asks });
engine_row!(
    types,
    seat::Seat {
        owner,
        base_lots,
        quote_entry_atoms,
        realised_atoms,
        bond_atoms,
        bid_lots,
        ask_lots,
        bid_quote_atoms,
        ask_quote_atoms,
        bid_price_max_atoms_per_lot,
        ask_price_min_atoms_per_lot,
        throttle_used_base_lots,
        throttle_used_slot,
        bid_count,
        ask_count,
        next_free_plus_one,
        funding_checkpoint_scaled,
        loss_checkpoint_scaled,
        swept_window_atoms,
        swept_window_slot,
        recorded_atoms,
        borne_atoms,
        reserved,
    }
);
engine_row!(types, seat::SeatTable { used_count, touched_count, free_head_plus_one, padding, bonds_atoms, rows });
engine_row!(types, market::Throttle { level_lot_slots, refilled_slot });
engine_row!(types, market::LastPrice { price_atoms_per_lot, publish_time_seconds, used_slot });
engine_row!(
    types,
    market::Charges {
        funding_index_scaled,
        loss_index_scaled,
        funding_rate_scaled_per_slot,
        accrued_slot,
        sampled_slot,
        premium_atoms_per_lot,
        clearing_atoms,
        residue_scaled,
    }
);
engine_row!(types, market::InsuranceAccount { contributed_atoms, drawn_atoms, tips_atoms, window_atoms, window_slot });
engine_row!(types, market::Sharing { lately_atoms, lately_scaled_per_lot, faded_slot });
engine_row!(types, market::Ramp { from_mmr_bps, to_mmr_bps, from_cap_atoms, to_cap_atoms, start_slot, end_slot });
engine_row!(
    types,
    market::MarketState {
        params,
        last_price,
        throttles,
        open_interest_base_lots,
        fees_atoms,
        insurance_pending_atoms,
        net_swept_profit_atoms,
        fill_sequence,
        charges,
        insurance,
        unassigned_loss_atoms,
        socialised_atoms,
        deleveraged_atoms,
        ramp,
        limits_raised_slot,
        settle_after_slot,
        final_price_atoms_per_lot,
        held_loss_atoms,
        sharing,
        recorded_atoms,
        reserved,
        seats,
    }
);
engine_row!(types, params::MarginTier { notional_cap_atoms, mmr_bps, imr_bps });
engine_row!(types, params::LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots });
engine_row!(
    types,
    params::MarketParams {
        tiers,
        ladder,
        tick_size_atoms_per_lot,
        min_order_base_lots,
        min_position_base_lots,
        min_slice_base_lots,
        open_interest_cap_base_lots,
        throttle_capacity_base_lots,
        throttle_refill_slots,
        cooloff_slots,
        reentry_slots,
        sweep_cap_atoms,
        seat_bond_atoms,
        tier_count,
        base_lot_exponent,
        taker_fee_ppm,
        maker_fee_ppm,
        maker_band_bps,
        cost_cap_start_bps_of_mmr,
        cost_cap_ramp_bps_of_mmr_per_slot,
        target_first_bps,
        target_again_bps,
        episode_cost_budget_bps,
        insurance_share_bps,
        throttle_bypass_health_bps,
        profit_init_weight_bps,
        oracle_fresh_age_seconds,
        oracle_max_age_seconds,
        oracle_future_skew_seconds,
        oracle_leg_skew_seconds,
        oracle_fresh_confidence_bps,
        oracle_max_confidence_bps,
        oracle_ema_bias_max_bps,
        oracle_frozen_bias_bps_per_minute,
        stress_drift_ppm_per_slot,
        stress_latency_slots,
        stress_share_bps,
        stress_cost_bps_of_mmr,
        takeover_health_bps,
        insurance_draw_cap_atoms,
        insurance_grant_atoms,
        funding_impact_base_lots,
        insurance_window_slots,
        stall_slots,
        keeper_tip_share_bps,
        funding_clamp_bps,
        funding_period_slots,
        funding_interval_slots,
        funding_gap_slots,
        rank_window_slots,
        mmr_ramp_slots,
        reserved,
    }
);
same_layout!(types, state::PositionRef { market, seat_index, in_use, padding });
same_layout!(
    accounts,
    state::Exchange {
        version,
        bump,
        vault_bump,
        status,
        index,
        quote_decimals,
        padding,
        creator,
        admin,
        guardian,
        quote_mint,
        vault,
        token_program,
        insurance_atoms,
        fees_atoms,
        pending_admin,
        timelock_slots,
        proposal_count,
        recorded_deficit_atoms,
        held_loss_atoms,
        insurance_donated_atoms,
        insurance_drawn_atoms,
        paused_slot,
        reserved,
    }
);
same_layout!(
    accounts,
    state::MarginAccount { version, bump, number, padding, exchange, authority, delegate, state, positions, reserved }
);
same_layout!(
    accounts,
    state::Market {
        version,
        status,
        oracle_kind,
        padding,
        exchange,
        order_book,
        oracle_key,
        name,
        oracle_account,
        opens_slot,
        reserved,
        state,
    }
);
same_layout!(accounts, state::OrderBook { version, padding, market, reserved, book });
same_layout!(
    accounts,
    state::Proposal {
        version,
        kind,
        state,
        oracle_kind,
        status,
        status_before,
        bump,
        padding,
        exchange,
        market,
        proposer,
        index,
        created_slot,
        ready_slot,
        expires_slot,
        decided_slot,
        timelock_slots,
        key,
        oracle_account,
        params,
        reserved,
    }
);

/// In arguments and events these two go by Borsh. The IDL has one serialization for each type, and says of these that they are zero-copy; so
/// `declare_program!` derives none.
macro_rules! borsh_of_the_engine {
    ($($type:ident),*) => {$(
        impl From<params::$type> for types::$type {
            fn from(row: params::$type) -> Self {
                bytemuck::cast(row)
            }
        }

        impl anchor_lang::AnchorSerialize for types::$type {
            fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
                let row: &params::$type = self.as_ref();
                anchor_lang::AnchorSerialize::serialize(row, writer)
            }
        }

        impl anchor_lang::AnchorDeserialize for types::$type {
            fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
                <params::$type as anchor_lang::AnchorDeserialize>::deserialize_reader(reader).map(Self::from)
            }
        }
    )*};
}
borsh_of_the_engine!(MarginTier, MarketParams);
