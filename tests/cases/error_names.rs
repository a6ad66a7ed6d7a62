//! Every reason to refuse has a test that names it. What has none is listed here, with its reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Errors of the program that no case and no unit test of the program names, in the order of the alphabet, and why.
const UNNAMED: &[(&str, &str)] = &[];

/// Errors of the engine that no test of the engine names by itself, because only the program's cases can bring them about.
const ENGINE_BY_CASES_ONLY: &[&str] = &["AbsorbIntoItself", "NoFillInsideCap", "TooManyPositions"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a Rust file, or of all below a folder.
fn sources(path: &Path, all: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        let mut inside: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        inside.iter().for_each(|path| sources(path, all));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        all.push((path.to_owned(), fs::read_to_string(path).unwrap()));
    }
}

/// What of a file is test: all of one in a folder of tests, or called so; of another what follows its mark.
fn tests_of<'a>(path: &Path, text: &'a str) -> &'a str {
    let is_test = |part: &std::ffi::OsStr| part == "tests" || part == "cases" || part == "tests.rs";
    // The harness itself is in the folder of tests, and is none.
    let below = path.strip_prefix(root()).unwrap();
    let below = below.strip_prefix("tests").unwrap_or(below);
    if below.iter().any(is_test) {
        return text;
    }
    text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
}

/// The variants of an enum that tests below these folders name as `ENUM::VARIANT`, this file excepted.
fn named(folders: &[&str], name: &str) -> BTreeSet<String> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    let prefix = format!("{name}::");
    let mut found = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.ends_with("error_names.rs")) {
        for piece in tests_of(path, text).split(&prefix).skip(1) {
            found.insert(piece.chars().take_while(|letter| letter.is_alphanumeric()).collect());
        }
    }
    found
}

/// The variants of an enum, from its source.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let (_, body) = text.split_once(&format!("pub enum {name} {{")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let lines = body.lines().map(str::trim).filter_map(|line| line.strip_suffix(','));
    let names = lines.map(|line| line.split(' ').next().unwrap());
    names.filter(|name| name.chars().all(char::is_alphanumeric)).map(str::to_owned).collect()
}

fn missing(variants: &BTreeSet<String>, named: &BTreeSet<String>) -> Vec<String> {
    variants.difference(named).cloned().collect()
}

#[test]
fn a_test_names_every_error_of_the_program() {
    let variants = variants("programs/taper/src/error.rs", "TaperError");
    // The last one of each part: all of the source was read.
    for known in ["MathOverflow", "OracleAverageTooFar", "InvalidArgument", "OraclePriceTooFar"] {
        assert!(variants.contains(known), "{known}");
    }
    assert!(variants.len() > 120, "{}", variants.len());
    let unnamed = missing(&variants, &named(&["tests/cases", "programs/taper/src"], "TaperError"));
    let listed: Vec<&str> = UNNAMED.iter().map(|(name, _)| *name).collect();
    assert_eq!(unnamed, listed, "each needs a test, or a reason why it has none");
}

/// The engine's errors are the program's too, so the cases count for both. That an engine's test names it as well is the rule.
#[test]
fn a_test_names_every_error_of_the_engine() {
    let variants = variants("crates/engine/src/error.rs", "EngineError");
    assert!(variants.len() > 60 && variants.contains("OracleAverageTooFar"), "{}", variants.len());
    let unnamed = missing(&variants, &named(&["crates/engine"], "EngineError"));
    assert_eq!(unnamed, ENGINE_BY_CASES_ONLY, "each needs a test of the engine");
    let by_cases = named(&["tests/cases"], "TaperError");
    for name in ENGINE_BY_CASES_ONLY {
        assert!(by_cases.contains(*name), "{name} has no case");
    }
}

#[test]
fn what_counts_as_a_test() {
    let text = "code(EngineError::A) #[cfg(test)] mod tests { EngineError::B }";
    let of = |path: &str| tests_of(&root().join(path), text).to_owned();
    assert_eq!(of("crates/engine/src/cash.rs"), " mod tests { EngineError::B }");
    assert_eq!(of("tests/src/expect.rs"), " mod tests { EngineError::B }");
    for whole in ["crates/engine/src/resolve/tests.rs", "crates/engine/tests/attacks.rs", "tests/cases/legs.rs"] {
        assert_eq!(of(whole), text, "{whole}");
    }
}
