//! The fuzzers' committed corpus, replayed without a fuzzer: inputs that reach what the others do not, and all that ever failed.

use std::path::Path;

use taper_model::fuzz::TARGETS;

#[test]
fn no_input_of_the_corpus_fails() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let mut inputs: Vec<_> = std::fs::read_dir(corpus.join(name))
            .expect("a corpus")
            .map(|entry| entry.expect("an input").path())
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has a corpus");
        for input in inputs {
            println!("{}", input.display());
            target(&std::fs::read(&input).expect("its bytes"));
        }
    }
}
