//! `taper-sim oracle`: decodes dumps of oracle accounts and judges them exactly as the program would.
//!
//! The decoding is the program's own (`taper::oracle::decode`), the judgement the engine's (`assess`), with the default parameters
//! of a market on that price; nothing is re-implemented.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use solana_pubkey::Pubkey;
use taper::constants::LISTING_PRICE_MIN_ATOMS_PER_LOT;
use taper::error::TaperError;
use taper::oracle::{decode, Decoded, OracleKind, PULL_ACCOUNT_LEN, PYTH_PULL, PYTH_PUSH_MAINNET};
use taper_engine::market::LastPrice;
use taper_engine::oracle::{assess, convert, Grade, OraclePrice, OracleReading};
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};

/// Decimals of the quote mint that prices are converted to (USDC and USDT have six).
const QUOTE_DECIMALS: u8 = 6;
/// Depth that the default parameters are sized by; no oracle parameter depends on it.
const CALM_DEPTH_LOTS: i64 = 2_000_000;
/// Smallest and largest lot tried for a market on the price.
const LOT_EXPONENTS: std::ops::RangeInclusive<i32> = -18..=18;
/// Where a push account names its product.
const PUSH_PRODUCT: std::ops::Range<usize> = 112..144;
/// The first bytes of every Pyth push account.
const PUSH_MAGIC: [u8; 4] = [0xd4, 0xc3, 0xb2, 0xa1];
/// The first bytes of every pull account.
const PULL_DISCRIMINATOR: [u8; 8] = [0x22, 0xf1, 0x23, 0x63, 0x9d, 0x7e, 0xf4, 0xcd];

/// Arguments of `taper-sim oracle`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Raw account data, as `solana account ADDRESS --output-file FILE` writes it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Judge at this clock, in Unix seconds. Default: each account's own publish time.
    #[arg(long, value_name = "UNIX_TIME", allow_negative_numbers = true)]
    at: Option<i64>,
    /// Owner of the accounts. Default: inferred from the layout, and said so.
    #[arg(long, value_name = "PUBKEY")]
    owner: Option<Pubkey>,
    /// Machine-readable output.
    #[arg(long)]
    json: bool,
}

/// What is known of one file.
#[derive(Debug, Default, Serialize)]
struct Report {
    file: String,
    verdict: Verdict,
    /// The program's own name of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    owner_inferred: bool,
    #[serde(flatten)]
    content: Option<Content>,
}

/// What a decoded account says.
#[derive(Debug, Serialize)]
struct Content {
    kind: &'static str,
    /// Pull: the feed id, hexadecimal. Push: the feed is the account's address, which a dump does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_id: Option<String>,
    /// Push: the product that the account belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    price: String,
    price_raw: i64,
    confidence: String,
    confidence_raw: u64,
    /// Confidence in hundredths of a basis point of the price, rounded up; absent when the price is not positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_centi_bps: Option<u128>,
    ema_price: String,
    ema_price_raw: i64,
    exponent: i32,
    publish_time_seconds: i64,
    at_seconds: i64,
    age_seconds: i64,
    base_lot_exponent: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_atoms_per_lot: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_atoms_per_lot: Option<i64>,
}

/// The outcome, from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    #[default]
    Fresh,
    Degraded,
    Refused,
    Unreadable,
}

/// Judges every file. Exit code 0, 1 when any is refused, 2 when any cannot be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let reports: Vec<Report> = arguments.files.iter().map(|file| judge_file(file, arguments)).collect();
    if arguments.json {
        match serde_json::to_string_pretty(&reports) {
            Ok(text) => println!("{text}"),
            Err(error) => {
                eprintln!("taper-sim oracle: {error}");
                return ExitCode::from(2);
            }
        }
    } else {
        for report in &reports {
            print!("{}", render(report));
        }
    }
    for report in reports.iter().filter(|report| report.verdict == Verdict::Unreadable) {
        eprintln!("taper-sim oracle: {}: {}", report.file, report.message.as_deref().unwrap_or("cannot be read"));
    }
    match reports.iter().map(|report| report.verdict).max() {
        Some(Verdict::Unreadable) => ExitCode::from(2),
        Some(Verdict::Refused) => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

fn judge_file(file: &Path, arguments: &Arguments) -> Report {
    let name = file.display().to_string();
    match fs::read(file) {
        Ok(data) => judge(name, &data, arguments),
        Err(error) => {
            Report { file: name, verdict: Verdict::Unreadable, message: Some(error.to_string()), ..Report::default() }
        }
    }
}

fn judge(file: String, data: &[u8], arguments: &Arguments) -> Report {
    let owner = arguments.owner.unwrap_or_else(|| infer_owner(data));
    let report =
        Report { file, owner: Some(owner.to_string()), owner_inferred: arguments.owner.is_none(), ..Report::default() };
    // A dump does not hold its own address; the feed of the account is its own by definition.
    let decoded = match decode(&owner, &Pubkey::default(), data) {
        Ok(decoded) => decoded,
        Err(error) => return refused(report, error),
    };
    let at_seconds = arguments.at.unwrap_or(decoded.reading.publish_time_seconds);
    let params = match market_params(&decoded.reading) {
        Ok(params) => params,
        Err(error) => return refused(report, error),
    };
    let never = LastPrice { price_atoms_per_lot: 0, publish_time_seconds: 0, used_slot: 0 };
    let judged = assess(&decoded.reading, &params, QUOTE_DECIMALS, &never, at_seconds).map_err(TaperError::from);
    let content = describe(&decoded, data, at_seconds, params.base_lot_exponent, judged.as_ref().ok());
    let report = Report { content: Some(content), ..report };
    match judged.map(|price| price.grade) {
        Ok(Grade::Fresh) => report,
        Ok(Grade::Degraded | Grade::Frozen) => Report { verdict: Verdict::Degraded, ..report },
        Err(error) => refused(report, error),
    }
}

fn refused(report: Report, error: TaperError) -> Report {
    Report { verdict: Verdict::Refused, error: Some(error.name()), message: Some(error.to_string()), ..report }
}

/// The owner whose accounts look like this one. What looks like neither kind is taken as push: it is refused under either owner,
/// and for the same reason.
fn infer_owner(data: &[u8]) -> Pubkey {
    if !data.starts_with(&PUSH_MAGIC) && (data.len() == PULL_ACCOUNT_LEN || data.starts_with(&PULL_DISCRIMINATOR)) {
        PYTH_PULL
    } else {
        PYTH_PUSH_MAINNET
    }
}

/// The default parameters of a market on this price, with the smallest lot that is worth enough to be listed.
fn market_params(reading: &OracleReading) -> Result<MarketParams, TaperError> {
    let listed = LOT_EXPONENTS.into_iter().find_map(|lot| {
        let price = convert(reading.price, reading.exponent, QUOTE_DECIMALS, lot).ok()?;
        (price.0 >= LISTING_PRICE_MIN_ATOMS_PER_LOT).then_some((lot, price))
    });
    // A price that no lot brings into range is refused by the engine for what is wrong with it, whatever the lot.
    let (base_lot_exponent, price) = listed.unwrap_or((0, Price(LISTING_PRICE_MIN_ATOMS_PER_LOT)));
    let sizing = MarketSizing { base_lot_exponent, price, calm_depth_lots: BaseLots(CALM_DEPTH_LOTS) };
    default_params(&sizing).map_err(TaperError::from)
}

fn describe(decoded: &Decoded, data: &[u8], at_seconds: i64, lot: i32, judged: Option<&OraclePrice>) -> Content {
    let reading = &decoded.reading;
    let is_push = decoded.kind == OracleKind::PythPush;
    let product = data.get(PUSH_PRODUCT).and_then(|bytes| Pubkey::try_from(bytes).ok()).filter(|_| is_push);
    let scale = |mantissa: i128| decimal(mantissa, reading.exponent);
    Content {
        kind: if is_push { "push" } else { "pull" },
        feed_id: (!is_push).then(|| hexadecimal(&decoded.feed)),
        product: product.map(|key| key.to_string()),
        price: scale(i128::from(reading.price)),
        price_raw: reading.price,
        confidence: scale(i128::from(reading.confidence)),
        confidence_raw: reading.confidence,
        confidence_centi_bps: u128::try_from(reading.price)
            .ok()
            .filter(|price| *price > 0)
            .map(|price| (u128::from(reading.confidence) * 1_000_000).div_ceil(price)),
        ema_price: scale(i128::from(reading.ema_price)),
        ema_price_raw: reading.ema_price,
        exponent: reading.exponent,
        publish_time_seconds: reading.publish_time_seconds,
        at_seconds,
        age_seconds: at_seconds.saturating_sub(reading.publish_time_seconds),
        base_lot_exponent: lot,
        price_atoms_per_lot: judged.map(|price| price.price.0),
        confidence_atoms_per_lot: judged.map(|price| price.confidence.0),
    }
}

/// `mantissa × 10^exponent` as a plain decimal number, exact; in scientific form where that would be absurdly long.
fn decimal(mantissa: i128, exponent: i32) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = mantissa.unsigned_abs().to_string();
    if !(-30..=8).contains(&exponent) {
        return format!("{sign}{digits}e{exponent}");
    }
    let places = usize::try_from(-exponent).unwrap_or(0);
    if places == 0 {
        let zeros = usize::try_from(exponent).unwrap_or(0);
        return format!("{sign}{digits}{}", "0".repeat(if mantissa == 0 { 0 } else { zeros }));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn render(report: &Report) -> String {
    let mut lines = vec![report.file.clone()];
    if let Some(owner) = &report.owner {
        let basis = if report.owner_inferred { " (inferred from the layout)" } else { "" };
        lines.push(format!("  owner       {owner}{basis}"));
    }
    if let Some(content) = &report.content {
        render_content(content, &mut lines);
    }
    let verdict = match (report.verdict, &report.error, &report.message) {
        (Verdict::Refused, Some(error), Some(message)) => format!("refused: {error} ({message})"),
        (Verdict::Unreadable, _, Some(message)) => format!("unreadable: {message}"),
        (verdict, ..) => format!("{verdict:?}").to_lowercase(),
    };
    lines.push(format!("  verdict     {verdict}"));
    lines.join("\n") + "\n"
}

fn render_content(content: &Content, lines: &mut Vec<String>) {
    let feed = match (&content.feed_id, &content.product) {
        (Some(feed), _) => feed.clone(),
        (None, Some(product)) => format!("the account's own address; product {product}"),
        (None, None) => "the account's own address".to_owned(),
    };
    lines.push(format!("  feed        {}, {feed}", content.kind));
    lines.push(format!("  price       {} (EMA {})", content.price, content.ema_price));
    let bps =
        content.confidence_centi_bps.map(|hundredths| format!(" ({}.{:02} bps)", hundredths / 100, hundredths % 100));
    lines.push(format!("  confidence  {}{}", content.confidence, bps.unwrap_or_default()));
    lines.push(format!(
        "  age         {} s (published {}, judged at {})",
        content.age_seconds, content.publish_time_seconds, content.at_seconds
    ));
    if let (Some(price), Some(confidence)) = (content.price_atoms_per_lot, content.confidence_atoms_per_lot) {
        lines.push(format!(
            "  per lot     {price} ± {confidence} atoms (1 lot = 10^{} units)",
            content.base_lot_exponent
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal(14_856_315_152, -8), "148.56315152");
        assert_eq!(decimal(145_975, -10), "0.0000145975");
        assert_eq!(decimal(-5, -1), "-0.5");
        assert_eq!(decimal(0, -8), "0.00000000");
        assert_eq!(decimal(12, 0), "12");
        assert_eq!(decimal(12, 3), "12000");
        assert_eq!(decimal(0, 3), "0");
        assert_eq!(decimal(i128::from(i64::MIN), -18), "-9.223372036854775808");
        assert_eq!(decimal(1, i32::MIN), "1e-2147483648");
        assert_eq!(decimal(-1, i32::MAX), "-1e2147483647");
    }

    #[test]
    fn the_lot_is_the_smallest_that_may_be_listed() {
        let reading =
            |price, exponent| OracleReading { price, confidence: 0, exponent, ema_price: 0, publish_time_seconds: 1 };
        let lot = |price, exponent| market_params(&reading(price, exponent)).unwrap().base_lot_exponent;
        assert_eq!(lot(14_856_315_152, -8), -3); // 148,563 atoms
        assert_eq!(lot(6_808_417_732_800, -8), -5); // 680,842 atoms
        assert_eq!(lot(145_975, -10), 4); // 145,975 atoms
        assert_eq!(lot(-1, -8), 0);
        assert_eq!(lot(i64::MAX, i32::MAX), 0);
    }
}
