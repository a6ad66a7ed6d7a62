//! Prices of SOL, BTC and ETH on 19 May 2021, minute by minute: of the bundled crashes the deepest, and the only day that all three have.

use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;

/// The coins, as their files are named.
pub const COINS: [&str; 3] = ["sol", "btc", "eth"];
/// Candles of history before the window.
pub const HISTORY: usize = 15;
/// Points of a candle.
const CORNERS: i64 = 4;

/// What is published at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When, Unix milliseconds.
    pub time_ms: i64,
    /// Prices in dollars, by coin.
    pub usd: [f64; 3],
    /// High less low of the minute over the price, by coin.
    pub range: [f64; 3],
}

/// `[time_ms, open, high, low, close]`.
type Candle = [f64; 5];

fn read(coin: &str) -> Vec<Candle> {
    let name = format!("../simulator/data/{coin}-2021-05.csv.gz");
    let file = std::fs::File::open(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let row = |line: &str| {
        let mut fields = line.split(',').map(|field| field.parse::<f64>().unwrap());
        std::array::from_fn(|_| fields.next().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

/// The way through a candle: the low first in a rising one, the high first in a falling one.
fn corners(candle: &Candle) -> [f64; 4] {
    let [_, open, high, low, close] = *candle;
    if close < open {
        [open, high, low, close]
    } else {
        [open, low, high, close]
    }
}

/// So many candles from `first` on, each as four points a quarter of a minute apart, with `parts` equal steps from point to point.
pub fn moments(first: usize, candles: usize, parts: i64) -> Vec<Moment> {
    let files = COINS.map(read);
    let point = |number: usize| {
        let (candle, corner) = (first + number / 4, number % 4);
        let rows = [0, 1, 2].map(|coin: usize| files[coin][candle]);
        assert!(rows.iter().all(|row| row[0] == rows[0][0]), "the files are of the same minutes");
        let time_ms = rows[0][0] as i64 + corner as i64 * 60_000 / CORNERS;
        let usd = rows.map(|row| corners(&row)[corner]);
        (Moment { time_ms, usd, range: rows.map(|row| (row[2] - row[3]) / row[1]) }, 60_000 / CORNERS)
    };
    let mut moments = Vec::new();
    for number in 0..candles * CORNERS as usize {
        let ((from, spacing), (to, _)) = (point(number), point(number + 1));
        for part in 0..parts {
            let share = part as f64 / parts as f64;
            let usd = std::array::from_fn(|coin| from.usd[coin] + (to.usd[coin] - from.usd[coin]) * share);
            moments.push(Moment { time_ms: from.time_ms + spacing * part / parts, usd, range: from.range });
        }
    }
    moments
}
