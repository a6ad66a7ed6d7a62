//! Measures the compute units of every instruction in the real VM, and writes `docs/compute-units.md`. With `--check`
//! it writes nothing and fails when a limit is passed, or a row has grown by more than 5% since the table was written.

mod proposals;
mod resolution;
mod scenes;
mod settlement;
mod table;
mod worst;

use std::path::PathBuf;
use std::process::ExitCode;

use taper_harness::Processor;

#[tokio::main]
async fn main() -> ExitCode {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => {
            eprintln!("cu-table [--check], not {other}");
            return ExitCode::from(2);
        }
    };
    match run(check).await {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("cu-table: {fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cu-table: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures; returns what is wrong with the numbers.
async fn run(check: bool) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let chain = taper_harness::Chain::start().await?;
    if chain.processor() != Processor::Vm {
        return Err("the native processor meters nothing; build target/deploy/taper.so first".into());
    }
    drop(chain);
    let rows = scenes::measure().await?;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/compute-units.md");
    let mut faults = table::over_the_limit(&rows);
    if check {
        let committed = std::fs::read_to_string(&path)?;
        faults.extend(table::grown(&rows, &committed));
    } else {
        std::fs::write(&path, table::render(&rows))?;
        eprintln!("cu-table: {} rows written to docs/compute-units.md", rows.len());
    }
    Ok(faults)
}
