//! What the charts through time show, as CSV: the journals in whole numbers.

use std::path::Path;

use anyhow::Result;
use csv::Writer;
use taper_engine::resolve::ResolveKind;

use super::journals::Recorded;
use super::Context;
use crate::lab::record::{Sample, PERCENTILES};

const SERIES: &str = "series.csv";
const MARKS: &str = "marks.csv";

/// Writes the files.
///
/// # Errors
/// Of the file system.
pub fn write(folder: &Path, context: &Context<'_>, all: &[Recorded<'_>]) -> Result<()> {
    let mut series = Writer::from_path(folder.join(SERIES))?;
    let mut header: Vec<String> = [
        "event",
        "policy",
        "feedback",
        "seed",
        "time_ms",
        "path_atoms_per_lot",
        "path_low_atoms_per_lot",
        "path_high_atoms_per_lot",
        "posted_atoms_per_lot",
        "displacement_ppm",
        "open_accounts",
        "unhealthy_accounts",
    ]
    .map(str::to_owned)
    .to_vec();
    header.extend(PERCENTILES.map(|percent| format!("health_p{percent}_bps")));
    header.extend(["sold_atoms", "bought_atoms"].map(str::to_owned));
    series.write_record(&header)?;
    let mut marks = Writer::from_path(folder.join(MARKS))?;
    marks.write_record([
        "event",
        "policy",
        "feedback",
        "seed",
        "time_ms",
        "kind",
        "account",
        "price_atoms_per_lot",
        "sold_lots",
        "sold_atoms",
    ])?;
    for recorded in all {
        let names = context.names(recorded);
        write_series(&mut series, &names, recorded)?;
        write_marks(&mut marks, &names, recorded)?;
    }
    series.flush()?;
    marks.flush()?;
    Ok(())
}

fn write_series(out: &mut Writer<std::fs::File>, names: &[String; 4], recorded: &Recorded<'_>) -> Result<()> {
    let mut closes = recorded.journal.closes.iter().peekable();
    let (mut sold, mut bought) = (0i64, 0i64);
    for sample in &recorded.journal.samples {
        while let Some(close) = closes.next_if(|close| close.time_ms <= sample.time_ms) {
            sold += close.sold_atoms.max(0);
            bought -= close.sold_atoms.min(0);
        }
        let mut row = names.to_vec();
        row.extend(numbers(sample).map(|number| number.to_string()));
        match sample.health_bps {
            Some(bands) => row.extend(bands.map(|health| health.to_string())),
            None => row.extend(PERCENTILES.map(|_| String::new())),
        }
        row.extend([sold, bought].map(|atoms| atoms.to_string()));
        out.write_record(&row)?;
    }
    Ok(())
}

fn numbers(sample: &Sample) -> [i64; 8] {
    let count = |accounts: usize| i64::try_from(accounts).unwrap_or(i64::MAX);
    [
        sample.time_ms,
        sample.path.0,
        sample.path_low.0,
        sample.path_high.0,
        sample.posted.0,
        sample.displacement_ppm,
        count(sample.open_accounts),
        count(sample.unhealthy_accounts),
    ]
}

fn write_marks(out: &mut Writer<std::fs::File>, names: &[String; 4], recorded: &Recorded<'_>) -> Result<()> {
    let mut rows: Vec<(i64, [String; 3], [String; 3])> = Vec::new();
    for close in &recorded.journal.closes {
        let place = [close.time_ms.to_string(), "close".to_owned(), close.trader.to_string()];
        let numbers = [close.price.0, close.sold_lots, close.sold_atoms].map(|number| number.to_string());
        rows.push((close.time_ms, place, numbers));
    }
    for call in &recorded.journal.resolutions {
        let kind = match call.kind {
            ResolveKind::Takeover => "takeover",
            ResolveKind::Bankrupt => "bankrupt",
        };
        let atoms = call.sold_lots.saturating_mul(call.price.0);
        let numbers = [call.price.0, call.sold_lots, atoms].map(|number| number.to_string());
        let place = [call.time_ms.to_string(), kind.to_owned(), call.trader.to_string()];
        rows.push((call.time_ms, place, numbers));
    }
    rows.sort_by_key(|(time_ms, ..)| *time_ms);
    for (_, place, numbers) in &rows {
        out.write_record(names.iter().chain(place).chain(numbers))?;
    }
    Ok(())
}
