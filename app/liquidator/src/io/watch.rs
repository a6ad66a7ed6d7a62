//! What the bot asks a node again and again: the clock, a blockhash, the usual fee.

use std::sync::Arc;
use std::time::Duration;

use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper_client::{Blockhash, RpcFault};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::chain::Chain;
use crate::config::Fees;
use crate::metrics::Metrics;

const BLOCKHASH_EVERY: Duration = Duration::from_secs(2);
const FEES_EVERY: Duration = Duration::from_secs(10);
/// Longest pause after a question that was not answered.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A blockhash is good for about a minute; with one that is older than this a transaction would hardly land.
const BLOCKHASH_AGE_MAX: Duration = Duration::from_secs(30);

/// A blockhash, the usual fee, and how old they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recent {
    /// The blockhash.
    pub blockhash: Blockhash,
    /// Priority fee.
    pub micro_lamports_per_unit: u64,
    /// When it was read; `None` before the first.
    pub read_at: Option<Instant>,
}

impl Recent {
    /// True if a transaction with it can still land.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.read_at.is_some_and(|at| now.duration_since(at) <= BLOCKHASH_AGE_MAX)
    }
}

/// The fee to offer, given the usual one; and whether the usual one was more than is offered.
pub fn offered_fee(usual: u64, fees: &Fees) -> (u64, bool) {
    let offered = usual.clamp(fees.min_micro_lamports_per_unit, fees.max_micro_lamports_per_unit);
    (offered, usual > offered)
}

/// Reads the chain's clock again and again.
pub async fn clock(chain: Arc<Chain>, clock: watch::Sender<Option<Result<Now, RpcFault>>>, every: Duration) {
    let mut pause = every;
    while !clock.is_closed() {
        let read = chain.now().await;
        pause = match &read {
            Ok(_) => every,
            Err(error) => {
                warn!(%error, "no clock");
                pause.saturating_mul(2).clamp(every, PAUSE_MAX.max(every))
            }
        };
        clock.send_replace(Some(read));
        tokio::time::sleep(pause).await;
    }
}

/// Keeps a blockhash at hand, and the fee that is usual.
pub async fn recent(
    chain: Arc<Chain>,
    recent: watch::Sender<Recent>,
    written: watch::Receiver<Vec<Pubkey>>,
    fees: Fees,
    metrics: Arc<Metrics>,
) {
    let mut fees_at = None::<Instant>;
    let mut fee = fees.min_micro_lamports_per_unit;
    while !recent.is_closed() {
        if fees_at.is_none_or(|at| at.elapsed() > FEES_EVERY) {
            fees_at = Some(Instant::now());
            let accounts = written.borrow().clone();
            match chain.newest.usual_fee(&accounts, fees.percentile).await {
                Ok(usual) => {
                    let is_capped;
                    (fee, is_capped) = offered_fee(usual, &fees);
                    if is_capped {
                        metrics.fee_capped.inc();
                        warn!(usual, offered = fee, "the usual fee is above fees.max_micro_lamports_per_unit");
                    }
                }
                Err(error) => debug!(%error, "no recent fees"),
            }
        }
        match chain.sure.latest_blockhash().await {
            Ok(blockhash) => {
                let read_at = Some(Instant::now());
                recent.send_replace(Recent { blockhash, micro_lamports_per_unit: fee, read_at });
            }
            Err(error) => warn!(%error, "no blockhash"),
        }
        tokio::time::sleep(BLOCKHASH_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_offered_within_bounds() {
        let fees = Fees { min_micro_lamports_per_unit: 10, max_micro_lamports_per_unit: 200, ..Fees::default() };
        assert_eq!(
            [0, 10, 150, 200].map(|usual| offered_fee(usual, &fees)),
            [10, 10, 150, 200].map(|fee| (fee, false))
        );
        assert_eq!(offered_fee(201, &fees), (200, true));
        assert_eq!(offered_fee(u64::MAX, &fees), (200, true));
    }

    #[test]
    fn a_blockhash_ages() {
        let now = Instant::now();
        let recent = Recent { read_at: Some(now), ..Recent::default() };
        assert!(recent.is_fresh(now + BLOCKHASH_AGE_MAX) && !Recent::default().is_fresh(now));
        assert!(!recent.is_fresh(now + BLOCKHASH_AGE_MAX + Duration::from_millis(1)));
    }
}
