use std::io::Write;

use flate2::write::GzEncoder;
use flate2::Compression;

use super::*;

const HEADER: &str = "ts_ms,open,high,low,close,volume";

fn file(lines: &[&str]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn problem(text: &str) -> (Option<usize>, Problem) {
    let error = parse("file.csv", text.as_bytes()).unwrap_err();
    (error.line, error.problem)
}

const GOOD: [&str; 3] = ["60000,10,12,9,11,5", "120000,11,11.5,10,10.5,0", "180000,10.5,11,10,11,1.5"];

#[test]
fn reads_plain_and_gzipped_alike() {
    let plain = parse("a.csv", file(&GOOD).as_bytes()).unwrap();
    assert_eq!(plain.spacing_ms, 60_000);
    assert_eq!(plain.rows.len(), 3);
    let unit = 10_000_000_000;
    assert_eq!(
        plain.rows[0],
        Candle { time_ms: 60_000, open: 10 * unit, high: 12 * unit, low: 9 * unit, close: 11 * unit }
    );
    assert_eq!(parse("a.csv.gz", &gzip(&file(&GOOD))).unwrap(), plain);
}

#[test]
fn reads_other_orders_of_columns_windows_lines_a_mark_and_blank_lines_at_the_end() {
    let text = "\u{feff}volume,close,low,high,open,ts_ms\r\n5,11,9,12,10,60000\r\n0,10.5,10,11.5,11,120000\r\n\r\n\r\n";
    let plain = parse("a.csv", file(&GOOD[..2]).as_bytes()).unwrap();
    assert_eq!(parse("a.csv", text.as_bytes()).unwrap(), plain);
}

#[test]
fn refuses_bad_headers() {
    let header = |text: &str| problem(&format!("{text}\n60000,1,1,1,1,1\n120000,1,1,1,1,1\n"));
    assert_eq!(problem(""), (Some(1), Problem::Empty));
    assert_eq!(problem("\n60000,1,1,1,1,1\n"), (Some(1), Problem::Empty));
    assert_eq!(header("ts_ms,open,high,low,close"), (Some(1), Problem::MissingColumn("volume")));
    assert_eq!(header("ts_ms,open,high,low,close,volume,vwap"), (Some(1), Problem::UnknownColumn("vwap".into())));
    assert_eq!(header("ts_ms,open,open,low,close,volume"), (Some(1), Problem::DuplicateColumn("open".into())));
    assert_eq!(header("60000,1,1,1,1,1"), (Some(1), Problem::UnknownColumn("60000".into())));
}

#[test]
fn refuses_bad_lines_and_names_them() {
    let after = |line: &str| problem(&file(&[GOOD[0], GOOD[1], line]));
    let number = |column, text: &str, reason| Problem::BadNumber { column, text: text.into(), reason };
    for (line, expected) in [
        ("180000,0,11,10,11,1", number("open", "0", DecimalError::Zero)),
        ("180000,10,11,-10,11,1", number("low", "-10", DecimalError::Negative)),
        ("180000,10,NaN,10,11,1", number("high", "NaN", DecimalError::NotFinite)),
        ("180000,10,11,10,,1", number("close", "", DecimalError::Empty)),
        ("180000,10,1e30,10,11,1", number("high", "1e30", DecimalError::TooLarge)),
        ("180000,10,11,10,11,-1", number("volume", "-1", DecimalError::Negative)),
        ("180000,10,9,10,10,1", Problem::HighBelowLow { high: "9".into(), low: "10".into() }),
        ("180000,10,11,10,11", Problem::FieldCount { expected: 6, found: 5 }),
        ("180000,10,11,10,11,1,1", Problem::FieldCount { expected: 6, found: 7 }),
        ("x,10,11,10,11,1", Problem::BadTime("x".into())),
        ("-1,10,11,10,11,1", Problem::BadTime("-1".into())),
        ("99999999999999999999,10,11,10,11,1", Problem::BadTime("99999999999999999999".into())),
        ("120000,10,11,10,11,1", Problem::TimeNotIncreasing { previous: 120_000, found: 120_000 }),
        ("60000,10,11,10,11,1", Problem::TimeNotIncreasing { previous: 120_000, found: 60_000 }),
        ("240000,10,11,10,11,1", Problem::Gap { expected: 180_000, found: 240_000, spacing: 60_000 }),
        ("150000,10,11,10,11,1", Problem::Gap { expected: 180_000, found: 150_000, spacing: 60_000 }),
    ] {
        assert_eq!(after(line), (Some(4), expected), "{line}");
    }
    // A blank line inside the file is a broken line, not an end.
    assert_eq!(problem(&file(&[GOOD[0], "", GOOD[1]])), (Some(3), Problem::FieldCount { expected: 6, found: 1 }));
}

#[test]
fn refuses_too_few_candles_and_odd_spacings() {
    assert_eq!(problem(&file(&[])), (Some(2), Problem::TooFew(0)));
    assert_eq!(problem(HEADER), (Some(1), Problem::TooFew(0)));
    assert_eq!(problem(&file(&GOOD[..1])), (Some(2), Problem::TooFew(1)));
    assert_eq!(problem(&file(&["0,1,1,1,1,1", "500,1,1,1,1,1"])), (Some(3), Problem::BadSpacing(500)));
    assert_eq!(problem(&file(&["0,1,1,1,1,1", "86401000,1,1,1,1,1"])), (Some(3), Problem::BadSpacing(86_401_000)));
}

#[test]
fn refuses_what_a_chain_cannot_carry() {
    let day = 86_400_000;
    let with = |start: i64, prices: &str| {
        let lines = [
            format!("{start},10,12,9,11,5"),
            format!("{},10,12,9,11,5", start + 60_000),
            format!("{},{prices},1", start + 120_000),
        ];
        let candles = parse("f.csv", file(&lines.each_ref().map(String::as_str)).as_bytes()).unwrap();
        candles.check_replayable("f.csv").map_err(|error| (error.line, error.problem))
    };
    assert_eq!(with(day, "10,2000,0.01,10"), Ok(()));
    assert_eq!(with(day, "10,2000.1,10,10"), Err((Some(4), Problem::OutOfScale)));
    assert_eq!(with(day, "10,10,0.0099,10"), Err((Some(4), Problem::OutOfScale)));
    assert_eq!(with(day, "10,10,0.0000001,10"), Err((Some(4), Problem::OutOfScale)));
    assert_eq!(with(day - 1, "10,10,10,10"), Err((Some(2), Problem::TooEarly)));
}

#[test]
fn refuses_bad_gzip_and_bad_text() {
    let long: Vec<String> = (0..5_000).map(|i| format!("{},10,1{},9,10,1", i * 60_000, i % 7)).collect();
    let mut packed = gzip(&file(&long.iter().map(String::as_str).collect::<Vec<_>>()));
    packed.truncate(packed.len() / 2);
    let error = parse("cut.csv.gz", &packed).unwrap_err();
    assert!(matches!(error.problem, Problem::BadGzip(_)), "{error}");
    assert!(error.line.is_some_and(|line| line > 0 && line < 5_000), "{error}");

    assert_eq!(parse("a.gz", b"ts_ms").unwrap_err().problem, Problem::NotGzip);
    let error = parse("a.csv", b"ts_ms,open\n\xff\xfe\n").unwrap_err();
    assert_eq!((error.line, error.problem), (Some(2), Problem::NotText));
}

#[test]
fn a_missing_file_and_a_folder_cannot_be_read() {
    for path in ["no/such/file.csv", "."] {
        let error = read_file(Path::new(path)).unwrap_err();
        assert_eq!(error.line, None);
        assert!(matches!(error.problem, Problem::Unreadable(_)), "{error}");
    }
}
