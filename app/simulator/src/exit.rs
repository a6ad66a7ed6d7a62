//! How a command ends.

use std::io;
use std::process::ExitCode;

use anyhow::Result;

/// Exit code for input that cannot be used; clap uses the same for bad arguments.
pub const BAD_INPUT: u8 = 2;
/// Exit code for what went wrong later.
pub const FAILED: u8 = 1;

/// The exit code of a command that has run, its error on stderr.
pub fn exit(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}

/// This exit code, and the error on stderr.
pub fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(code)
}

/// Whoever reads the output has seen enough, as in `taper-sim replay | head`.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
