//! The binary, as far as it goes without a node.

use std::process::{Command, Output};

fn plan(text: &str) -> Output {
    let dir = std::env::temp_dir().join(format!("taper-migrate-{}-{}", std::process::id(), text.len()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("cluster.toml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_taper-migrate"))
        .args(["-u", "http://127.0.0.1:9", "--json", "plan", file.to_str().unwrap()])
        .env("TAPER_ADMIN", "11111111111111111111111111111112")
        .env_remove("TAPER_GUARDIAN")
        .output()
        .unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    output
}

#[test]
fn a_malformed_file_and_a_missing_key_are_told_before_anything_is_asked() {
    let text = include_str!("../clusters/devnet.toml");
    for (text, told) in
        [(format!("{text}\nodd = 1\n"), "unknown field `odd`"), (text.to_owned(), "TAPER_GUARDIAN is not set")]
    {
        let output = plan(&text);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(told) && said.contains("cluster.toml"), "{said}");
    }
}
