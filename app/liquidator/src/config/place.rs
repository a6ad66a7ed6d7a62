//! Where something is in a file: line, column and key.

use std::fmt;

/// Line, column and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// With its table; empty where there is none.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)?;
        match self.key.is_empty() {
            true => Ok(()),
            false => write!(formatter, ": {}", self.key),
        }
    }
}

/// The table that a line begins, or the key that it sets.
enum Line<'a> {
    Table(&'a str),
    Key(&'a str),
    Other,
}

fn line(text: &str) -> Line<'_> {
    let text = text.trim();
    if let Some(table) = text.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
        return Line::Table(table.trim());
    }
    match text.split_once('=') {
        Some((key, _)) if !text.starts_with('#') => Line::Key(key.trim()),
        _ => Line::Other,
    }
}

impl Place {
    /// Of a byte.
    pub fn at(text: &str, offset: usize) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let (number, column) = (before.matches('\n').count() + 1, before.len() - start + 1);
        let own = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let mut table = text.get(..start).into_iter().flat_map(str::lines).filter_map(|text| match line(text) {
            Line::Table(table) => Some(table),
            Line::Key(_) | Line::Other => None,
        });
        let key = match line(own) {
            Line::Table(table) => table.to_owned(),
            Line::Key(key) => table.next_back().map_or(key.to_owned(), |table| format!("{table}.{key}")),
            Line::Other => String::new(),
        };
        Self { line: number, column, key }
    }

    /// Of a key, or of its table where it is not in the text, or of the beginning.
    pub fn of_key(text: &str, key: &str) -> Self {
        let (wanted_table, wanted_key) = key.split_once('.').unwrap_or(("", key));
        let (mut table, mut found) = ("", (1, 1));
        for (number, text) in (1..).zip(text.lines()) {
            match line(text) {
                Line::Table(name) => {
                    table = name;
                    if table == wanted_table {
                        found = (number, 1);
                    }
                }
                Line::Key(name) if table == wanted_table && name == wanted_key => {
                    found = (number, 1 + text.len() - text.trim_start().len());
                    break;
                }
                Line::Key(_) | Line::Other => {}
            }
        }
        Self { line: found.0, column: found.1, key: key.to_owned() }
    }
}
