//! `cargo run -p xtask -- idl` writes `idls/taper.json` from the program's source; with `--check` it only compares, and exits with 1
//! when they differ.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anchor_lang_idl::build::IdlBuilder;
use anyhow::{Context, Result};

const USAGE: &str = "usage: cargo run -p xtask -- idl [--check]";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Chore {
    WriteIdl,
    CheckIdl,
}

fn chore(arguments: &[String]) -> Option<Chore> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["idl"] => Some(Chore::WriteIdl),
        ["idl", "--check"] => Some(Chore::CheckIdl),
        _ => None,
    }
}

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(chore) = chore(&arguments) else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let root = workspace_root()?;
    let committed = root.join("idls").join("taper.json");
    let generated = generate(&root)?;
    if chore == Chore::WriteIdl {
        fs::create_dir_all(root.join("idls"))?;
        fs::write(&committed, generated).with_context(|| format!("cannot write {}", committed.display()))?;
        println!("wrote idls/taper.json");
        return Ok(ExitCode::SUCCESS);
    }
    let expected = fs::read_to_string(&committed).unwrap_or_default();
    if expected == generated {
        println!("idls/taper.json is what the program's source says");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("idls/taper.json differs from the program's source{}", first_difference(&expected, &generated));
    eprintln!("run `cargo run -p xtask -- idl` and commit the result");
    Ok(ExitCode::FAILURE)
}

fn workspace_root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask has no parent directory")?.to_path_buf())
}

fn generate(root: &Path) -> Result<String> {
    // The builder installs the tool chain that this names, replacing the machine's own. rust-toolchain.toml says enough.
    env::remove_var("RUSTUP_TOOLCHAIN");
    // A directory of its own: the builder sets RUSTFLAGS, which would make every later build of the workspace start afresh.
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("idl");
    let arguments = ["--lib".to_owned(), "--target-dir".to_owned(), target.display().to_string()];
    let idl = IdlBuilder::new()
        .program_path(root.join("programs").join("taper"))
        .cargo_args(arguments.into())
        .build()
        .context("the IDL could not be built from programs/taper")?;
    Ok(serde_json::to_string_pretty(&idl)? + "\n")
}

/// The first line that differs, for a message.
fn first_difference(expected: &str, generated: &str) -> String {
    let lines = expected.lines().zip(generated.lines()).enumerate();
    match lines.map(|(index, pair)| (index + 1, pair)).find(|(_, (left, right))| left != right) {
        Some((number, (left, right))) => format!(", first in line {number}:\n- {left}\n+ {right}"),
        None => ": one of them ends earlier".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let parse = |line: &str| chore(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse("idl"), Some(Chore::WriteIdl));
        assert_eq!(parse("idl --check"), Some(Chore::CheckIdl));
        assert_eq!(parse(""), None);
        assert_eq!(parse("idl --chek"), None);
        assert_eq!(parse("idl --check now"), None);
    }

    #[test]
    fn the_first_differing_line_is_named() {
        assert_eq!(first_difference("a\nb\nc", "a\nx\nc"), ", first in line 2:\n- b\n+ x");
        assert_eq!(first_difference("a", "a\nb"), ": one of them ends earlier");
    }
}
