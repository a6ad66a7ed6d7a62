//! What a command says: text for people, JSON for programs, of the same facts.

use serde_json::Value;

/// A result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// The command did its work, and what it found is bad: an audit that does not hold.
    pub is_bad: bool,
}

impl Report {
    /// Both forms.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, is_bad: false }
    }

    /// The form that was asked for.
    pub fn print(&self, json: bool) -> String {
        if json {
            format!("{:#}", self.json)
        } else {
            self.text.trim_end().to_owned()
        }
    }
}

/// A table with columns as wide as their widest cell: the first is aligned left, numbers right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|name| name.chars().count())).max().unwrap_or(0)
    };
    let is_number = |column: usize| {
        column > 0 && rows.iter().filter_map(|row| row.get(column)).all(|cell| !cell.starts_with(char::is_alphabetic))
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if is_number(column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// Facts, one a line.
pub fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["SOL".into(), "45.5".into()], vec!["BTC-LONG".into(), "-7".into()]];
        assert_eq!(table(&["market", "price"], &rows), "market    price\nSOL        45.5\nBTC-LONG     -7");
        assert_eq!(facts(&[("a", "1".into()), ("long", "2".into())]), "a     1\nlong  2");
    }
}
