//! `taper-sim` from outside, as somebody at a shell meets it.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;

mod compare;
mod jump;
mod oracle;
mod params;
mod replay;
mod report;
mod stress;
mod tune;

fn taper_sim(arguments: &[&str]) -> Output {
    Command::cargo_bin("taper-sim").unwrap().args(arguments).output().unwrap()
}

/// As [`taper_sim`], on so many threads.
fn taper_sim_on(threads: &str, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("taper-sim").unwrap();
    command.env("RAYON_NUM_THREADS", threads).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Exit code 2, nothing on stdout, and a message that says this.
#[track_caller]
fn assert_refused(command: &str, arguments: &[&str], expected: &str) {
    let output = taper_sim(&[&[command], arguments].concat());
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(message.contains(expected) && !message.contains("panicked"), "{arguments:?}: {message}");
}

/// A file with candles of a minute between the prices at each minute.
fn candles(path: PathBuf, start_ms: i64, minutes: i64, price: impl Fn(i64) -> i64) -> PathBuf {
    let mut lines = vec!["ts_ms,open,high,low,close,volume".to_owned()];
    for minute in 0..minutes {
        let (open, close) = (price(minute), price(minute + 1));
        let (high, low) = (open.max(close), open.min(close));
        lines.push(format!("{},{open},{high},{low},{close},1", start_ms + 60_000 * minute));
    }
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// Down from 1,000 by so much a minute for twelve minutes, and up again.
fn valley(fall: i64) -> impl Fn(i64) -> i64 {
    move |minute| 1_000 - fall * minute.min(24 - minute)
}
