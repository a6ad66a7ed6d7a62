//! Tests against a real JSON-RPC node. Nothing here waits for a time: what is waited for is a condition, with a deadline that only a fault
//! reaches; and prices are published on and on, as Pyth's publishers do, so that a slow machine does not make them old.
#![deny(missing_docs)]

pub mod command;
pub mod events;
pub mod feed;
pub mod migrated;
pub mod node;
pub mod people;

use std::time::{Duration, Instant};

/// Only a fault takes as long as this, on however slow a machine.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until something holds. The last of what `said` says is in the message of a wait in vain.
pub fn wait_for<T>(what: &str, said: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited {} seconds for {what}: {}", PATIENCE.as_secs(), said());
        std::thread::sleep(LOOK);
    }
}
