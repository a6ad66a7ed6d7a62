//! Sections that a configuration can do without.

use std::path::PathBuf;

use serde::Deserialize;

/// Calls that pay nobody, and keep the market safe.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upkeep {
    /// Resolve accounts that are bankrupt or taken over.
    pub resolve: bool,
    /// Flag unhealthy accounts of which no slice can be made: their cost cap begins to rise.
    pub flag: bool,
    /// Cancel orders of accounts that their orders would make unhealthy.
    pub cancel: bool,
    /// Fees for all within an hour; they count for the limit of all fees, too.
    pub spend_lamports_per_hour: u64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { resolve: false, flag: false, cancel: false, spend_lamports_per_hour: 5_000_000 }
    }
}

/// Fees and compute units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// Which of the recent fees to pay, of a hundred.
    pub percentile: u8,
    /// At least.
    pub min_micro_lamports_per_unit: u64,
    /// At most.
    pub max_micro_lamports_per_unit: u64,
    /// Compute units on top of the simulated ones.
    pub unit_margin_percent: u64,
    /// Slots for which a call is good.
    pub deadline_slots: u64,
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            percentile: 75,
            min_micro_lamports_per_unit: 1,
            max_micro_lamports_per_unit: 200_000,
            unit_margin_percent: 20,
            deadline_slots: 25,
        }
    }
}

/// How the bot keeps up with the chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// Updates that may wait. One more is dropped, and everything is loaded anew.
    pub queue_updates: usize,
    /// Time between two looks at the chain's clock.
    pub clock_milliseconds: u64,
    /// Websocket silence after which the connection counts as lost.
    pub silence_seconds: u64,
    /// A node that has been behind what was seen for so long is taken for one whose chain began anew.
    pub lag_seconds: u64,
    /// Most time between two attempts to connect.
    pub backoff_max_seconds: u64,
    /// Everything is loaded anew this often, whatever happens.
    pub reload_seconds: u64,
    /// Slots after which a market without news is valued anew.
    pub refresh_slots: u64,
    /// Accounts planned at once.
    pub plans_per_round: usize,
    /// Slots until an account that nothing can be done with is looked at again, if nothing has changed.
    pub retry_slots: u64,
    /// How long a shutdown waits for what was sent.
    pub shutdown_seconds: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            queue_updates: 65_536,
            clock_milliseconds: 200,
            silence_seconds: 10,
            lag_seconds: 60,
            backoff_max_seconds: 30,
            reload_seconds: 600,
            refresh_slots: 10,
            plans_per_round: 64,
            retry_slots: 2,
            shutdown_seconds: 60,
        }
    }
}

/// What the bot says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Where Prometheus finds metrics.
    pub metrics_listen: Option<std::net::SocketAddr>,
    /// Logs as JSON.
    pub json: bool,
    /// Which logs, as in `RUST_LOG`.
    pub filter: Option<String>,
    /// File for logs instead of the terminal.
    pub log_file: Option<PathBuf>,
}
