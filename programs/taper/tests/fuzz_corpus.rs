//! The committed corpora of the program's fuzz targets, replayed without a fuzzer: inputs that reach what the others do not, and all that
//! ever failed.

use std::path::Path;

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

#[test]
fn no_input_of_the_corpora_fails() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    for (name, target) in fuzz::TARGETS {
        let inputs =
            std::fs::read_dir(corpora.join(name)).expect("a corpus").map(|entry| entry.expect("an input").path());
        let mut inputs: Vec<_> = inputs.collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has a corpus");
        for input in inputs {
            println!("{}", input.display());
            target(&std::fs::read(&input).expect("its bytes"));
        }
    }
}

/// Inputs that only ever lead to refusals would show little.
#[test]
fn the_corpus_of_instructions_does_most_of_what_there_is() {
    let inputs = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/instruction"));
    let inputs =
        inputs.expect("a corpus").map(|entry| std::fs::read(entry.expect("an input").path()).expect("its bytes"));
    let done: std::collections::BTreeSet<_> = inputs.flat_map(|input| fuzz::run(&input)).collect();
    println!("{} instructions succeed: {done:?}", done.len());
    assert!(done.len() >= 20, "only {done:?}");
}
