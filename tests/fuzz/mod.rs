//! What the fuzz targets of the program do with a byte string. Here, so that the committed corpus is replayed by an ordinary test
//! (`programs/taper/tests/fuzz_corpus.rs`); `fuzz/` has their mains. Each panics on what must not be. Nothing of Agave is used: the fuzzer
//! builds the program and what it needs.

mod chain;
mod instruction;
mod pyth_account;
mod world;

pub use instruction::{account_bytes, instruction, run};
pub use pyth_account::pyth_account;

/// A target: its name (of `fuzz/fuzz_targets` and of the corpus) and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 3] =
    [("account_bytes", account_bytes), ("instruction", instruction), ("pyth_account", pyth_account)];
