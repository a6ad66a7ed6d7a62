//! The pace that a node allows. A rate limit is the node's, not one request's: whoever asks it waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest that a node can make its clients wait with one answer.
pub const HOLD_MAX: Duration = Duration::from_secs(60);
/// The wait after a first refusal that names no time; doubled with each that follows.
const HOLD_FIRST: Duration = Duration::from_millis(500);
/// The longest wait that nobody asked for.
const HOLD_UNASKED_MAX: Duration = Duration::from_secs(30);

#[derive(Default)]
struct State {
    until: Option<Instant>,
    /// Refusals since the last answer.
    refusals: u32,
}

/// When the node may be asked again.
#[derive(Default)]
pub struct Pace(Mutex<State>);

impl Pace {
    /// The node refuses: too many requests. `after` is what it asks for, if it does.
    pub fn refused(&self, after: Option<Duration>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unasked = HOLD_FIRST.saturating_mul(1 << state.refusals.min(16)).min(HOLD_UNASKED_MAX);
        let until = Instant::now() + after.unwrap_or(unasked).min(HOLD_MAX);
        state.until = Some(state.until.map_or(until, |known| known.max(until)));
        state.refusals = state.refusals.saturating_add(1);
    }

    /// The node has answered.
    pub fn answered(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refusals = 0;
    }

    /// Waits until the node may be asked.
    pub async fn wait(&self) {
        loop {
            let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).until;
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waited(pace: &Pace) -> Duration {
        let started = Instant::now();
        pace.wait().await;
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_given_the_time_it_asks_for_and_more_each_time_it_does_not_say() {
        let pace = Pace::default();
        assert_eq!(waited(&pace).await, Duration::ZERO);
        pace.refused(Some(Duration::from_secs(7)));
        // Another request's refusal does not shorten it.
        pace.refused(Some(Duration::from_secs(1)));
        assert_eq!(waited(&pace).await.as_secs(), 7);
        pace.answered();
        let mut waits = Vec::new();
        for _ in 0..8 {
            pace.refused(None);
            waits.push(waited(&pace).await.as_millis());
        }
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        pace.answered();
        pace.refused(None);
        assert_eq!(waited(&pace).await.as_millis(), 500);
        // A node cannot silence its clients for a day.
        pace.refused(Some(Duration::from_secs(86_400)));
        assert_eq!(waited(&pace).await, HOLD_MAX);
    }
}
