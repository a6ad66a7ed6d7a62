//! Candle files: CSV or gzipped CSV with the header `ts_ms,open,high,low,close,volume`, checked line by line.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::decimal::{check_volume, parse_price, DecimalError};

/// Columns of a candle file, in any order, each exactly once.
pub const COLUMNS: [&str; 6] = ["ts_ms", "open", "high", "low", "close", "volume"];
/// Largest file, unpacked: a year of one-minute candles is a tenth of it.
const MAX_BYTES: u64 = 256 << 20;
/// Line of the first candle: the header is line 1.
const FIRST_DATA_LINE: usize = 2;
/// Candles from one second to one day.
const SPACING_MS: std::ops::RangeInclusive<i64> = 1_000..=86_400_000;
/// A day after the start of Unix time: accounts are opened before the first candle, and oracles know no earlier time.
const MIN_TIME_MS: i64 = 86_400_000;
/// A millionth: below it a feed's ten decimals say too little.
const MIN_PRICE: i64 = 10_000;
/// Times up to the year 2286, in milliseconds: whoever writes more meant microseconds.
const MAX_TIME_MS: i64 = 10_000_000_000_000;

/// One candle. Prices in `10^-10` quote units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// Start, Unix milliseconds.
    pub time_ms: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
}

/// Candles at a constant spacing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candles {
    pub spacing_ms: i64,
    pub rows: Vec<Candle>,
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct CandleFileError {
    pub file: String,
    /// Counted from 1, as editors do; `None` when the file could not be read at all.
    pub line: Option<usize>,
    pub problem: Problem,
}

impl fmt::Display for CandleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}: line {line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[rustfmt::skip]
pub enum Problem {
    #[error("cannot read the file: {0}")]
    Unreadable(String),
    #[error("the file is larger than 256 MiB unpacked")]
    TooLarge,
    #[error("the name ends in .gz but the content is not gzip")]
    NotGzip,
    #[error("bad gzip data after this line: {0}")]
    BadGzip(String),
    #[error("not UTF-8 text")]
    NotText,
    #[error("the file is empty; expected the header ts_ms,open,high,low,close,volume")]
    Empty,
    #[error("unknown column '{0}'; the columns are ts_ms,open,high,low,close,volume")]
    UnknownColumn(String),
    #[error("missing column '{0}'; the columns are ts_ms,open,high,low,close,volume")]
    MissingColumn(&'static str),
    #[error("column '{0}' appears twice")]
    DuplicateColumn(String),
    #[error("{found} fields where the header has {expected}")]
    FieldCount { expected: usize, found: usize },
    #[error("ts_ms '{0}' is not a whole number of milliseconds since 1970")]
    BadTime(String),
    #[error("{column} '{text}' {reason}")]
    BadNumber { column: &'static str, text: String, reason: DecimalError },
    #[error("high {high} is below low {low}")]
    HighBelowLow { high: String, low: String },
    #[error("time does not advance: {found} after {previous}")]
    TimeNotIncreasing { previous: i64, found: i64 },
    #[error("the candles' spacing of {0} ms is not a whole number of seconds from one second to one day")]
    BadSpacing(i64),
    #[error("gap: expected ts_ms {expected}, found {found} (the spacing is {spacing} ms)")]
    Gap { expected: i64, found: i64, spacing: i64 },
    #[error("the price leaves the range that one market can carry: from 1/1000 to 200 times the first open, at least 0.000001")]
    OutOfScale,
    #[error("the candles start before 1970-01-02: the chain's clock cannot")]
    TooEarly,
    #[error("the file ends after {0} candle(s); at least two are needed")]
    TooFew(usize),
}

impl Candles {
    /// Refuses what a chain could not carry: times at the very start of Unix time, and prices too far from the first one, because a
    /// lot is fixed at listing.
    ///
    /// # Errors
    /// `TooEarly`, `OutOfScale`, with the line of the candle.
    pub fn check_replayable(&self, name: &str) -> Result<(), CandleFileError> {
        let Some(row) = self.rows.first() else { return Ok(()) };
        if row.time_ms < MIN_TIME_MS {
            let (file, line) = (name.to_owned(), Some(FIRST_DATA_LINE));
            return Err(CandleFileError { file, line, problem: Problem::TooEarly });
        }
        let first = i128::from(row.open);
        let outside =
            |price: i64| price < MIN_PRICE || i128::from(price) * 1_000 < first || i128::from(price) > first * 200;
        let bad = self.rows.iter().position(|row| [row.open, row.high, row.low, row.close].into_iter().any(outside));
        match bad {
            Some(index) => Err(CandleFileError {
                file: name.to_owned(),
                line: Some(index + FIRST_DATA_LINE),
                problem: Problem::OutOfScale,
            }),
            None => Ok(()),
        }
    }
}

/// Reads a candle file, plain or gzipped (told by its first bytes).
///
/// # Errors
/// The first problem, with its line.
pub fn read_file(path: &Path) -> Result<Candles, CandleFileError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| CandleFileError {
        file: name.clone(),
        line: None,
        problem: Problem::Unreadable(error.to_string()),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    parse(&name, &bytes)
}

/// Reads candles from the bytes of a file, plain or gzipped.
///
/// # Errors
/// The first problem, with its line; `name` is what the message calls the file.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Candles, CandleFileError> {
    let error = |line, problem| CandleFileError { file: name.to_owned(), line, problem };
    let unpacked = unpack(name, bytes).map_err(|(line, problem)| error(line, problem))?;
    let text = std::str::from_utf8(&unpacked).map_err(|bad| {
        let before = unpacked.get(..bad.valid_up_to()).unwrap_or_default();
        error(Some(1 + count_lines(before)), Problem::NotText)
    })?;
    parse_text(text).map_err(|(line, problem)| error(Some(line), problem))
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn unpack(name: &str, bytes: &[u8]) -> Result<Vec<u8>, (Option<usize>, Problem)> {
    let too_large = |length: usize| u64::try_from(length).map_or(true, |length| length > MAX_BYTES);
    let mut out = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        if let Err(error) = MultiGzDecoder::new(bytes).take(MAX_BYTES + 1).read_to_end(&mut out) {
            return Err((Some(count_lines(&out)), Problem::BadGzip(error.to_string())));
        }
    } else if name.ends_with(".gz") && !bytes.is_empty() {
        return Err((None, Problem::NotGzip));
    } else {
        out.extend_from_slice(bytes);
    }
    if too_large(out.len()) {
        return Err((None, Problem::TooLarge));
    }
    Ok(out)
}

type Located<T> = Result<T, (usize, Problem)>;

fn parse_text(text: &str) -> Located<Candles> {
    // A byte-order mark is what spreadsheets put before the header.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end_matches('\r')));
    let header = match lines.next() {
        Some((_, header)) if !header.trim().is_empty() => header,
        _ => return Err((1, Problem::Empty)),
    };
    let order = column_order(header).map_err(|problem| (1, problem))?;
    let (mut rows, mut spacing, mut last_line) = (Vec::<Candle>::new(), None, 1);
    for (line, content) in lines {
        last_line = line;
        if content.trim().is_empty() && text.lines().skip(line).all(|rest| rest.trim().is_empty()) {
            break; // Blank lines at the end of the file, not inside it.
        }
        let candle = parse_line(content, &order).map_err(|problem| (line, problem))?;
        if let Some(previous) = rows.last() {
            check_time(previous.time_ms, candle.time_ms, &mut spacing).map_err(|problem| (line, problem))?;
        }
        rows.push(candle);
    }
    match spacing {
        Some(spacing_ms) => Ok(Candles { spacing_ms, rows }),
        None => Err((last_line, Problem::TooFew(rows.len()))),
    }
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| {
        let field = field.trim();
        field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field)
    })
}

/// For each of [`COLUMNS`], its place in the file.
fn column_order(header: &str) -> Result<[usize; 6], Problem> {
    let mut order = [None; 6];
    for (place, name) in fields(header).enumerate() {
        let column = COLUMNS.iter().position(|column| *column == name);
        let column = column.ok_or_else(|| Problem::UnknownColumn(name.to_owned()))?;
        if order[column].replace(place).is_some() {
            return Err(Problem::DuplicateColumn(name.to_owned()));
        }
    }
    let mut found = [0; 6];
    for (column, place) in order.iter().enumerate() {
        found[column] = place.ok_or(Problem::MissingColumn(COLUMNS[column]))?;
    }
    Ok(found)
}

fn parse_line(line: &str, order: &[usize; 6]) -> Result<Candle, Problem> {
    let found: Vec<&str> = fields(line).collect();
    if found.len() != order.len() {
        return Err(Problem::FieldCount { expected: order.len(), found: found.len() });
    }
    let field = |column: usize| found[order[column]];
    let time_ms = field(0)
        .parse::<i64>()
        .ok()
        .filter(|time| (0..=MAX_TIME_MS).contains(time))
        .ok_or_else(|| Problem::BadTime(field(0).to_owned()))?;
    let number =
        |column: usize, reason| Problem::BadNumber { column: COLUMNS[column], text: field(column).to_owned(), reason };
    let price = |column: usize| parse_price(field(column)).map_err(|reason| number(column, reason));
    let candle = Candle { time_ms, open: price(1)?, high: price(2)?, low: price(3)?, close: price(4)? };
    check_volume(field(5)).map_err(|reason| number(5, reason))?;
    if candle.high < candle.low {
        return Err(Problem::HighBelowLow { high: field(2).to_owned(), low: field(3).to_owned() });
    }
    Ok(candle)
}

/// The first two candles give the spacing; every other one must keep it.
fn check_time(previous: i64, found: i64, spacing: &mut Option<i64>) -> Result<(), Problem> {
    let step = found - previous;
    if step <= 0 {
        return Err(Problem::TimeNotIncreasing { previous, found });
    }
    let spacing = match *spacing {
        Some(spacing) => spacing,
        None if SPACING_MS.contains(&step) && step % 1_000 == 0 => *spacing.insert(step),
        None => return Err(Problem::BadSpacing(step)),
    };
    if step != spacing {
        return Err(Problem::Gap { expected: previous + spacing, found, spacing });
    }
    Ok(())
}

#[cfg(test)]
#[path = "candles_tests.rs"]
mod tests;
