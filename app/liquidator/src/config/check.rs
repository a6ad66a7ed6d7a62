//! Values that make no sense, alone or together.

use super::Config;
use crate::io::send::max_fee_lamports;

impl Config {
    /// The first key whose value makes no sense, and why.
    pub(super) fn nonsense(&self) -> Option<(&'static str, &'static str)> {
        let Self { cluster, profit, limits, upkeep, fees, sync, .. } = self;
        let begins = |url: &str, schemes: [&str; 2]| schemes.iter().any(|scheme| url.starts_with(scheme));
        let fee = max_fee_lamports(fees.max_micro_lamports_per_unit);
        let has_upkeep = upkeep.resolve || upkeep.flag || upkeep.cancel;
        let rules = [
            (
                begins(&cluster.http_url, ["http://", "https://"]),
                "cluster.http_url",
                "must begin with http:// or https://",
            ),
            (
                begins(&cluster.websocket_url, ["ws://", "wss://"]),
                "cluster.websocket_url",
                "must begin with ws:// or wss://",
            ),
            (profit.quote_atoms_per_sol > 0, "profit.quote_atoms_per_sol", "must be positive"),
            (profit.min_payout_bps <= 10_000, "profit.min_payout_bps", "must be at most 10000"),
            (profit.absorb_haircut_bps <= 10_000, "profit.absorb_haircut_bps", "must be at most 10000"),
            (
                profit.book || profit.absorb || has_upkeep,
                "profit.book",
                "there is nothing to do: profit.book, profit.absorb and all of upkeep are false",
            ),
            (
                limits.spend_lamports_per_hour >= fee,
                "limits.spend_lamports_per_hour",
                "does not pay for one transaction at fees.max_micro_lamports_per_unit: nothing could ever be sent",
            ),
            (limits.inventory_atoms_per_market >= 0, "limits.inventory_atoms_per_market", "must not be negative"),
            (
                limits.inventory_atoms >= limits.inventory_atoms_per_market,
                "limits.inventory_atoms",
                "must not be below limits.inventory_atoms_per_market",
            ),
            (limits.max_in_flight > 0, "limits.max_in_flight", "must not be zero"),
            (
                !has_upkeep || upkeep.spend_lamports_per_hour >= fee,
                "upkeep.spend_lamports_per_hour",
                "does not pay for one transaction at fees.max_micro_lamports_per_unit: nothing could ever be sent",
            ),
            (fees.percentile <= 100, "fees.percentile", "must be at most 100"),
            (
                fees.min_micro_lamports_per_unit <= fees.max_micro_lamports_per_unit,
                "fees.min_micro_lamports_per_unit",
                "must not be above fees.max_micro_lamports_per_unit",
            ),
            (fees.deadline_slots > 0, "fees.deadline_slots", "must not be zero: every call would be too late"),
            (sync.queue_updates > 0, "sync.queue_updates", "must not be zero"),
            (sync.plans_per_round > 0, "sync.plans_per_round", "must not be zero"),
            (sync.clock_milliseconds > 0, "sync.clock_milliseconds", "must not be zero"),
            (sync.silence_seconds > 0, "sync.silence_seconds", "must not be zero"),
            (sync.backoff_max_seconds > 0, "sync.backoff_max_seconds", "must not be zero"),
            (sync.reload_seconds > 0, "sync.reload_seconds", "must not be zero"),
        ];
        rules.into_iter().find(|(holds, _, _)| !holds).map(|(_, key, reason)| (key, reason))
    }
}
