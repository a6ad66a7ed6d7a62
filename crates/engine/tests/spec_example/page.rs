//! The page: its `name = number` statements and its table of fills.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const SPEC: &str = include_str!("../../../../docs/spec.md");
const BLOCK_START: &str = "```example";
const BLOCK_END: &str = "```";
const TABLE_MARK: &str = "<!-- example fills -->";

/// The numbers of the page, and which of them the test has looked at.
pub struct Page {
    values: BTreeMap<&'static str, i128>,
    seen: RefCell<BTreeSet<&'static str>>,
}

impl Page {
    pub fn read() -> Self {
        let (mut values, mut inside) = (BTreeMap::new(), false);
        for line in SPEC.lines() {
            match (inside, line) {
                (false, BLOCK_START) => inside = true,
                (true, BLOCK_END) => inside = false,
                (true, _) => {
                    let statement = line.split('#').next().unwrap();
                    let (name, number) = statement.split_once('=').expect("`name = number` in an example block");
                    let before = values.insert(name.trim(), parse(number));
                    assert_eq!(before, None, "{name} stands twice in the example");
                }
                _ => {}
            }
        }
        assert!(!inside, "an example block does not end");
        Self { values, seen: RefCell::default() }
    }

    pub fn get(&self, name: &str) -> i128 {
        let (name, value) = self.values.get_key_value(name).unwrap_or_else(|| panic!("the example lacks {name}"));
        self.seen.borrow_mut().insert(name);
        *value
    }

    /// An input, in the type that the engine wants.
    pub fn input<T: TryFrom<i128>>(&self, name: &str) -> T {
        T::try_from(self.get(name)).unwrap_or_else(|_| panic!("{name} is out of range"))
    }

    /// A result: what the page says is what the engine says.
    pub fn says(&self, name: &str, computed: impl Into<i128>) {
        assert_eq!(self.get(name), computed.into(), "{name}: the page differs from the engine");
    }

    pub fn assert_nothing_unchecked(&self) {
        let seen = self.seen.borrow();
        let unchecked: Vec<_> = self.values.keys().filter(|name| !seen.contains(*name)).collect();
        assert!(unchecked.is_empty(), "numbers of the example that no code checks: {unchecked:?}");
    }
}

fn parse(number: &str) -> i128 {
    let plain: String = number.trim().chars().filter(|c| *c != ',').map(|c| if c == '−' { '-' } else { c }).collect();
    plain.parse().unwrap_or_else(|_| panic!("not a whole number: {number:?}"))
}

/// Rows of the table of fills: level, marginal rate, lots, slippage, penalty.
pub fn table() -> Vec<[i128; 5]> {
    let after = SPEC.split(TABLE_MARK).nth(1).expect("the table of fills");
    let rows: Vec<_> = after.lines().map(str::trim).skip_while(|line| !line.starts_with('|')).collect();
    rows.into_iter()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(parse).collect();
            cells.try_into().expect("five columns")
        })
        .collect()
}
