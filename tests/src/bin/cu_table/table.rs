//! The table: written, read back, compared.

/// Growth that fails the check, in percent.
const GROWTH_MAX_PERCENT: u64 = 5;

/// One measured call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which part of the page it belongs to.
    pub part: Part,
    /// What was measured; names the row.
    pub name: String,
    /// Compute units of the instruction, with what it calls.
    pub units: u64,
    /// What it may cost at most, where something is promised.
    pub limit: Option<u64>,
}

/// Parts of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One call of each instruction.
    Instructions,
    /// The same call with one thing changed: where the units go.
    Differences,
    /// Calls that are refused: what a lost race costs.
    Refusals,
}

impl Row {
    fn line(&self) -> String {
        let limit = self.limit.map_or(String::from("–"), grouped);
        format!("| {} | {} | {} |\n", self.name, grouped(self.units), limit)
    }
}

/// 12345 as 12,345.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The page.
pub fn render(rows: &[Row]) -> String {
    let part = |part: Part| -> String { rows.iter().filter(|row| row.part == part).map(Row::line).collect() };
    let head = "| call | units | limit |\n|---|---:|---:|\n";
    format!(
        "# Compute units\n\n\
         Measured in the real VM on `target/deploy/taper.so`, as the program's own `consumed` lines say: the instruction with what it \
         calls, without the transaction's compute-budget instructions. Regenerate with `cargo run -p taper-harness --bin cu-table`; CI runs it \
         with `--check`, which fails when a limit is passed or a row grows by more than {GROWTH_MAX_PERCENT}%. The file is the stand-in \
         compiler's (`tools/sbf`): compare these numbers with each other, and measure again with Solana's own tools before a deployment.\n\n\
         ## Every instruction\n\n\
         Legs are an account's positions; a level is a price in the book. The margin account has one leg and its seat unless said otherwise. Amounts \
         in tokens move by the SPL token program.\n\n{head}{}\n\
         In the resolutions of a full table every free seat is an opposite one, with charges to be settled and profit swept lately. A seat beyond plain \
         arithmetic has a result of 2^60 atoms, 16 times what an account can have: trading does not lead there. Its limit is there to stay far below the \
         1,400,000 units that a transaction may ask for.\n\n\
         ## Where the units go\n\n\
         The same call with one thing changed. Subtract to get the price of that thing.\n\n{head}{}\n{}\n\
         ## What a refusal costs\n\n\
         A liquidator that lost a race pays this much, and changes nothing.\n\n{head}{}",
        part(Part::Instructions),
        part(Part::Differences),
        differences(rows),
        part(Part::Refusals),
    )
}

/// What follows from the rows by subtraction.
fn differences(rows: &[Row]) -> String {
    let units = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.units);
    let between = |more: &str, less: &str, by: u64| {
        let (more, less) = (units(more)?, units(less)?);
        Some(more.saturating_sub(less) / by)
    };
    let mut out = String::new();
    if let Some(floor) = units("set_delegate") {
        out.push_str(&format!(
            "- What every instruction pays for its entry, its accounts and an event (`set_delegate` does nothing else): {}.\n",
            grouped(floor)
        ));
    }
    for (what, more, less, by) in [
        (
            "A payout in tokens instead of credit (the transfer by the token program, and signing for the vault)",
            "partial_liquidate, one leg, one level, paid in tokens",
            "partial_liquidate, one leg, one level, paid as credit",
            1,
        ),
        (
            "A leg beside the sliced one (its market and its oracle)",
            "slice, 8 legs, 1 level",
            "slice, 1 leg, 1 level",
            7,
        ),
        ("A level of the book in a slice", "slice, 1 leg, 8 levels", "slice, 1 leg, 1 level", 7),
        ("A level of the book taken by an order", "order, takes 8 levels", "order, takes 1 level", 7),
        (
            "500 better orders to make room among, for one that rests",
            "order, rests behind 500 better ones",
            "order, rests, push oracle",
            1,
        ),
        (
            "Taking a seat, with its bond",
            "place_order, rests, first of its account (takes a seat)",
            "place_order, rests",
            1,
        ),
    ] {
        if let Some(units) = between(more, less, by) {
            out.push_str(&format!("- {what}: {}.\n", grouped(units)));
        }
    }
    out
}

/// Rows that cost more than promised.
pub fn over_the_limit(rows: &[Row]) -> Vec<String> {
    let over = rows.iter().filter_map(|row| {
        let limit = row.limit.filter(|limit| row.units > *limit)?;
        Some(format!("{}: {} units, the limit is {}", row.name, row.units, limit))
    });
    over.collect()
}

/// Rows that have grown since the page was written, or that the page does not have.
pub fn grown(rows: &[Row], page: &str) -> Vec<String> {
    let committed = |name: &str| -> Option<u64> {
        page.lines().find_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let units = (cells.next()? == name).then(|| cells.next())??;
            units.replace(',', "").parse().ok()
        })
    };
    let compare = |row: &Row| match committed(&row.name) {
        None => Some(format!("{}: not in docs/compute-units.md; regenerate it", row.name)),
        Some(before) if row.units * 100 > before * (100 + GROWTH_MAX_PERCENT) => {
            Some(format!("{}: {} units, {} in docs/compute-units.md", row.name, row.units, before))
        }
        Some(_) => None,
    };
    rows.iter().filter_map(compare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, units: u64, limit: Option<u64>) -> Row {
        Row { part: Part::Instructions, name: name.into(), units, limit }
    }

    #[test]
    fn a_page_is_read_back() {
        let rows = [row("deposit", 12_345, Some(16_000)), row("withdraw", 999, None)];
        let page = render(&rows);
        assert!(page.contains("| deposit | 12,345 | 16,000 |\n| withdraw | 999 | – |"));
        assert_eq!(grown(&rows, &page), Vec::<String>::new());
        // 5% more is let through, a unit beyond is not, nor is a row that is new.
        assert!(grown(&[row("deposit", 12_962, None)], &page).is_empty());
        assert_eq!(grown(&[row("deposit", 12_963, None)], &page).len(), 1);
        assert_eq!(grown(&[row("deposits", 1, None)], &page).len(), 1);
    }

    #[test]
    fn limits() {
        assert!(over_the_limit(&[row("a", 10, Some(10)), row("b", 10, None)]).is_empty());
        assert_eq!(over_the_limit(&[row("a", 11, Some(10))]).len(), 1);
    }
}
