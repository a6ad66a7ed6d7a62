//! `taper-sim`: replays real crashes through the Taper program, and judges oracle accounts and parameters as the program would.

mod compare;
mod exit;
mod lab;
mod oracle_command;
mod params_command;
mod replay;
mod report;
mod stress;
mod stress_command;
mod tune;
mod tune_command;

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
    /// Replay a real crash through the program on an embedded chain, and print every slice.
    Replay(replay::Arguments),
    /// Compare policies of liquidation on the engine: the same accounts, prices and book under each, over crashes and seeds.
    Compare(compare::Arguments),
    /// Can a file of parameters drain its market? Its claim, term by term, and the price paths that break it.
    Stress(stress_command::Arguments),
    /// Search parameters on some events, and report on others that the search has not seen.
    Tune(tune_command::Arguments),
    /// Decode dumps of Pyth accounts exactly as the program would, and say what it would make of them.
    Oracle(oracle_command::Arguments),
    /// Explain every inequality of a market's parameters with its numbers.
    Params(params_command::Arguments),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Stress(arguments) => stress_command::run(&arguments),
        Command::Tune(arguments) => tune_command::run(&arguments),
        Command::Oracle(arguments) => oracle_command::run(&arguments),
        Command::Params(arguments) => params_command::run(&arguments),
    }
}
