//! The bodies of the targets that need the program's crate: the same file that `tests/cases/fuzz_corpus.rs` replays the corpora with.

#[path = "../../tests/fuzz/mod.rs"]
pub mod program;
