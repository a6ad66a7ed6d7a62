//! Numbers and names as people read them.

use maud::{html, Markup};

/// Letters of a name in a table.
pub const NAME: usize = 28;

/// Thousands apart, a real minus sign, no minus before a zero.
pub fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value < 0.0 && text.chars().any(|digit| digit.is_ascii_digit() && digit != '0') {
        out.push('\u{2212}');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// As [`grouped`], with a plus before what is more than zero.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = grouped(value, decimals);
    if value > 0.0 && text.chars().any(|digit| digit.is_ascii_digit() && digit != '0') {
        return format!("+{text}");
    }
    text
}

/// A mean and its deviation.
pub fn plus_minus(mean: f64, deviation: f64, decimals: usize) -> String {
    format!("{} ± {}", grouped(mean, decimals), grouped(deviation, decimals))
}

/// Short, for an axis: thousands as `k`, millions as `M`, billions as `B`.
pub fn compact(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "B"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    format!("{}{unit}", trimmed(scaled, 2))
}

/// With at most so many decimals, and no zeroes at the end of them.
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = grouped(value, decimals);
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A price with about five digits.
pub fn price(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1e4 => 0,
        size if size >= 1e2 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.01 || size == 0.0 => 4,
        // An axis has no room for more letters.
        _ => return format!("{value:.2e}").replace('-', "\u{2212}"),
    };
    grouped(value, decimals)
}

/// The end of a name that is too long, of a path the file; what is cut is marked.
pub fn shortened(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().skip(count + 1 - most).collect();
    format!("…{kept}")
}

/// A name in a table: what is cut is shown when it is pointed at.
pub fn short_name(name: &str) -> Markup {
    let shown = shortened(name, NAME);
    html! { @if shown == name { (name) } @else { span title=(name) { (shown) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_signed() {
        assert_eq!((grouped(1_234_567.891, 1), grouped(999.0, 0)), ("1,234,567.9".into(), "999".into()));
        assert_eq!((grouped(-1_000.0, 0), grouped(-0.04, 1)), ("−1,000".into(), "0.0".into()));
        assert_eq!((signed(3.21, 1), signed(0.0, 1), signed(-3.0, 0)), ("+3.2".into(), "0.0".into(), "−3".into()));
        assert_eq!(plus_minus(-1.25, 1_000.5, 1), "−1.2 ± 1,000.5");
    }

    #[test]
    fn axes_get_short_numbers() {
        let shown = [0.0, 250.0, -7_500.0, 12_500.0, 2_050_000.0, 3e9].map(compact);
        assert_eq!(shown, ["0", "250", "−7,500", "12.5k", "2.05M", "3B"]);
        let prices = [58_123.4, 312.25, 41.5, 0.25, 0.0000098].map(price);
        assert_eq!(prices, ["58,123", "312.2", "41.50", "0.2500", "9.80e−6"]);
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("hard-taper-fee", 14), "hard-taper-fee");
        assert_eq!(shortened("parameters/softer-2.toml", 14), "…softer-2.toml");
    }
}
