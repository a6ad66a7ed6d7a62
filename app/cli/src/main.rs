//! `taper`: exit code 0 when the command did its work, 1 when it did not, 2 for a command line that means nothing, 3 when an audit does not hold.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use taper_cli::args::Cli;

/// The audit did its work, and what it found is bad.
const EXIT_BAD: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match taper_cli::run(&cli).await {
        Ok(report) => {
            // A reader that has seen enough, such as head, closes the pipe: that is no fault of the command.
            let _ = writeln!(std::io::stdout(), "{}", report.print(cli.global.json));
            if report.is_bad {
                ExitCode::from(EXIT_BAD)
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(error) => {
            if cli.global.json {
                println!("{:#}", serde_json::json!({ "error": format!("{error:#}") }));
            } else {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
