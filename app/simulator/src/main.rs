//! `taper-sim`: replays real crashes through the Taper program, and judges oracle accounts as the program would.

mod oracle_command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "taper-sim", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Decode dumps of Pyth accounts exactly as the program would, and say what it would make of them.
    Oracle(oracle_command::Arguments),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Oracle(arguments) => oracle_command::run(&arguments),
    }
}
