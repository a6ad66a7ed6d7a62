//! What a replay found: rows and sums in plain integers (atoms, lots, bps), for JSON and for the screen.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of the JSON.
pub const FORMAT_VERSION: u32 = 2;

/// Everything a replay found. Field order is the order in the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub format_version: u32,
    pub source: Source,
    pub market: MarketFacts,
    pub accounts: Vec<AccountLine>,
    pub slices: Vec<SliceLine>,
    pub resolutions: Vec<ResolutionLine>,
    /// Refusals that the liquidator met, in its own plan or on chain, by the program's name.
    pub refusals: BTreeMap<String, u64>,
    /// Refusals of the market maker's orders.
    pub maker_refusals: BTreeMap<String, u64>,
    pub summary: Summary,
}

/// What was replayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Name of the event, or the file.
    pub name: String,
    pub title: String,
    pub seed: u64,
    /// `bpf` for the compiled program, `native` for the same code run on the host (no compute units then).
    pub processor: &'static str,
    pub oracle: &'static str,
    pub depth_profile: String,
    pub first_ts_ms: i64,
    pub spacing_ms: i64,
    pub candles: usize,
    /// Fall that was put into the path, in percent; negative for a rise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_percent: Option<i64>,
    /// Its candle, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_candle: Option<usize>,
    /// Donated to insurance for the market before the start.
    pub insurance_donated_atoms: i64,
}

/// The market, as listed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketFacts {
    pub base_lot_exponent: i32,
    pub start_price_atoms_per_lot: i64,
    pub end_price_atoms_per_lot: i64,
    pub lowest_price_atoms_per_lot: i64,
    pub highest_price_atoms_per_lot: i64,
    /// Lots within 1% of the price on the thinner side, in calm.
    pub calm_depth_lots: i64,
    pub open_interest_lots: i64,
    pub throttle_capacity_lots: i64,
    /// Smallest part of the calm sizes that the maker quoted.
    pub smallest_depth_part_bps: i64,
}

/// An account, at the start and at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccountLine {
    pub label: String,
    pub address: String,
    pub side: &'static str,
    pub leverage_tenths: i64,
    pub start_lots: i64,
    pub end_lots: i64,
    pub start_equity_atoms: i64,
    pub end_equity_atoms: i64,
    pub slices: u64,
    pub closed_lots: i64,
    pub penalty_atoms: i64,
    pub slippage_atoms: i64,
}

/// One slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceLine {
    pub time_ms: i64,
    pub slot: u64,
    pub price_atoms_per_lot: i64,
    pub account: String,
    pub side: &'static str,
    pub stage: &'static str,
    pub health_before_bps: i64,
    /// Absent when nothing is left to have a health.
    pub health_after_bps: Option<i64>,
    pub lots: i64,
    pub quote_atoms: i64,
    /// How much worse than the oracle the average price was for the account, in hundredths of a basis point.
    pub slippage_centibps: i64,
    pub slippage_atoms: i64,
    pub penalty_atoms: i64,
    pub caller_income_atoms: i64,
    /// Of the caller's income: the tip, out of insurance.
    pub tip_atoms: i64,
    pub insurance_atoms: i64,
    /// Absent on the native processor, which meters nothing.
    pub compute_units: Option<u64>,
    pub episode_ended: bool,
    pub remaining_lots: i64,
}

/// An account that was resolved past the ladder.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ResolutionLine {
    pub time_ms: i64,
    pub slot: u64,
    pub price_atoms_per_lot: i64,
    pub account: String,
    pub side: &'static str,
    /// `bankrupt` or `takeover`.
    pub kind: &'static str,
    pub health_before_bps: i64,
    pub lots: i64,
    pub calls: u64,
    /// Drawn from insurance.
    pub insurance_atoms: i64,
    /// Borne by deleveraged seats; negative: equity given to them.
    pub deleveraged_atoms: i64,
    /// Shared among all open lots.
    pub socialised_atoms: i64,
    /// Borne by nobody yet.
    pub unassigned_atoms: i64,
    /// The deleveraged seats, by seat within a call.
    pub payers: Vec<Payer>,
    /// Of the dearest call; absent on the native processor.
    pub compute_units: Option<u64>,
}

/// What one deleveraged account closed and paid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Payer {
    pub account: String,
    pub lots: i64,
    /// Negative: it was given.
    pub atoms: i64,
}

/// The sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub accounts: u64,
    pub accounts_touched: u64,
    pub accounts_closed: u64,
    pub accounts_bankrupt: u64,
    /// Unhealthy accounts at the end that no slice could reach any more (bankrupt ones included).
    pub accounts_unhealthy: u64,
    pub slices: u64,
    pub slices_by_stage: BTreeMap<&'static str, u64>,
    pub closed_lots: i64,
    pub closed_notional_atoms: i64,
    pub slippage_atoms: i64,
    pub penalty_atoms: i64,
    /// Slippage and penalty in hundredths of a basis point of what was closed.
    pub cost_centibps: i64,
    pub start_equity_atoms: i64,
    pub end_equity_atoms: i64,
    pub equity_retained_bps: i64,
    pub touched_start_equity_atoms: i64,
    pub touched_end_equity_atoms: i64,
    pub touched_equity_retained_bps: i64,
    /// Accounts resolved because they were bankrupt, and by takeover.
    pub resolved_bankrupt: u64,
    pub resolved_takeover: u64,
    pub resolved_lots: i64,
    /// Losses of bankrupt accounts, by who bore them.
    pub loss_insurance_atoms: i64,
    pub loss_deleveraged_atoms: i64,
    pub loss_socialised_atoms: i64,
    pub loss_unassigned_atoms: i64,
    /// Equity of accounts taken over that went to their counterparties.
    pub takeover_given_atoms: i64,
    /// Sum of the negative equities at the last price, of accounts not resolved yet.
    pub bad_debt_atoms: i64,
    pub insurance_atoms: i64,
    pub fees_atoms: i64,
    pub caller_income_atoms: i64,
    /// What the market maker won or lost.
    pub maker_result_atoms: i64,
    pub compute_units_largest: Option<u64>,
    pub compute_units_median: Option<u64>,
    pub transactions: u64,
    pub prices_posted: u64,
    pub requotes: u64,
    /// Flags by which the liquidator kept episodes' clocks running.
    pub flags: u64,
    /// Invariants recomputed from all accounts after transactions: audits times the invariants of one.
    pub invariants_checked: u64,
}

/// How the screen shows quantities of this market.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    pub base_lot_exponent: i32,
    /// Decimals of a price per base unit.
    price_decimals: usize,
}

const QUOTE_DECIMALS: i32 = 6;

impl Units {
    /// Units of a market that starts at this price.
    pub fn new(base_lot_exponent: i32, start_price_atoms_per_lot: i64) -> Self {
        let mut units = Self { base_lot_exponent, price_decimals: 10 };
        // Five or six significant digits.
        let magnitude = start_price_atoms_per_lot.max(1).ilog10();
        let point = i64::from(magnitude) - i64::from(QUOTE_DECIMALS) - i64::from(base_lot_exponent);
        units.price_decimals = usize::try_from((5 - point).clamp(1, 10)).unwrap_or(2);
        units
    }

    /// A price per base unit.
    pub fn price(&self, atoms_per_lot: i64) -> String {
        let exponent = -QUOTE_DECIMALS - self.base_lot_exponent;
        decimal(i128::from(atoms_per_lot), exponent, self.price_decimals)
    }

    /// A base quantity.
    pub fn base(&self, lots: i64) -> String {
        let decimals = usize::try_from(-self.base_lot_exponent).unwrap_or(0);
        decimal(i128::from(lots), self.base_lot_exponent, decimals)
    }
}

/// A quote amount with cents.
pub fn money(atoms: i64) -> String {
    decimal(i128::from(atoms), -QUOTE_DECIMALS, 2)
}

/// A ratio in bps, as a number with four decimals cut to two or four.
pub fn health(bps: i64) -> String {
    decimal(i128::from(bps), -4, 4)
}

/// A ratio in bps, in percent.
pub fn percent(bps: i64) -> String {
    format!("{}%", decimal(i128::from(bps), -2, 2))
}

/// Hundredths of a basis point, in basis points.
pub fn centibps(value: i64) -> String {
    decimal(i128::from(value), -2, 1)
}

/// `value × 10^exponent` with that many decimals, rounded half away from zero.
fn decimal(value: i128, exponent: i32, decimals: usize) -> String {
    let shift = exponent + i32::try_from(decimals).unwrap_or(0);
    let magnitude = value.unsigned_abs();
    let scaled = if shift >= 0 {
        magnitude.saturating_mul(10u128.saturating_pow(shift.unsigned_abs()))
    } else {
        let divisor = 10u128.saturating_pow(shift.unsigned_abs());
        (magnitude + divisor / 2) / divisor
    };
    let digits = format!("{scaled:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if value < 0 && scaled != 0 { "-" } else { "" };
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// `part × scale ÷ whole`, to the nearest; zero without a whole.
pub fn ratio(part: i64, whole: i64, scale: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (scaled, whole) = (i128::from(part) * i128::from(scale), i128::from(whole));
    let half = whole.abs() / 2;
    let rounded =
        if (scaled < 0) == (whole < 0) { scaled + half * whole.signum() } else { scaled - half * whole.signum() };
    i64::try_from(rounded / whole).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_shown_in_units_people_know() {
        let sol = Units::new(-2, 500_000);
        assert_eq!(sol.price(500_000), "50.0000");
        assert_eq!(sol.price(333_337), "33.3337");
        assert_eq!(sol.base(123_456), "1234.56");
        let btc = Units::new(-4, 790_000);
        assert_eq!((btc.price(790_000), btc.base(5)), ("7900.00".to_owned(), "0.0005".to_owned()));
        let bonk = Units::new(4, 145_975);
        assert_eq!((bonk.price(145_975), bonk.base(7)), ("0.0000145975".to_owned(), "70000".to_owned()));
        assert_eq!(
            (money(1_234_567_890), money(-5_000), money(-4_999)),
            ("1234.57".into(), "-0.01".into(), "0.00".into())
        );
        assert_eq!((health(8_712), percent(5_320), centibps(1_234)), ("0.8712".into(), "53.20%".into(), "12.3".into()));
    }

    #[test]
    fn ratios_round_to_the_nearest_away_from_zero_at_half() {
        assert_eq!((ratio(1, 3, 10_000), ratio(2, 3, 10_000)), (3_333, 6_667));
        assert_eq!((ratio(-1, 3, 10_000), ratio(-2, 3, 10_000)), (-3_333, -6_667));
        assert_eq!((ratio(1, 2, 1), ratio(-1, 2, 1), ratio(5, 0, 1)), (1, -1, 0));
    }
}
