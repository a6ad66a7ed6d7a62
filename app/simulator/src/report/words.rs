//! What the page calls the measures, and what it says they are. `docs/metrics.md` is the longer text.

/// A measure in words.
pub struct Words {
    /// As in `summary.csv`.
    pub measure: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub what: &'static str,
}

const BPS: &str = "bps of start";

/// The measure's words; of one without, its own name.
pub fn of(measure: &'static str) -> Words {
    ALL.iter()
        .find(|words| words.measure == measure)
        .map_or(Words { measure, title: measure, unit: "", what: "" }, |words| Words { ..*words })
}

/// All of them.
pub const ALL: [Words; 21] = [
    Words {
        measure: "equity_bps",
        title: "Equity retained",
        unit: BPS,
        what: "Equity of all accounts, at the path's price, in basis points of their equity at the start. More than 10,000 is \
               possible: shorts gain in a fall.",
    },
    Words {
        measure: "fee_bps",
        title: "Fee",
        unit: BPS,
        what: "Penalties and liquidation fees that the accounts paid: the penalty income of callers and insurance together.",
    },
    Words {
        measure: "impact_bps",
        title: "Impact",
        unit: BPS,
        what: "What closing cost against the path's price at that moment: spread, depth, and what earlier liquidations had moved \
               the oracle by.",
    },
    Words {
        measure: "direction_bps",
        title: "Direction",
        unit: BPS,
        what: "What the path did after lots were closed. Positive when it went on against the account: who sells early in a fall \
               gains it, who sells at the low loses it.",
    },
    Words {
        measure: "transfer_bps",
        title: "Transfer",
        unit: BPS,
        what: "Losses that others bore for the accounts, less losses they bore for others, and less equity handed over in \
               takeovers.",
    },
    Words {
        measure: "bad_debt_bps",
        title: "Bad debt",
        unit: BPS,
        what: "Losses beyond an account's equity, whoever bore them, and what nobody has covered yet.",
    },
    Words {
        measure: "taken_over_usd",
        title: "Taken over",
        unit: "USD",
        what: "Notional, at the oracle price, of positions that were taken over with equity left.",
    },
    Words {
        measure: "adl_usd",
        title: "Deleveraged against",
        unit: "USD",
        what: "Notional of positions of bankrupt accounts, closed against the best ranked seats of the other side.",
    },
    Words {
        measure: "liquidated_usd",
        title: "Volume liquidated",
        unit: "USD",
        what: "Notional of slices and market orders, at their fills.",
    },
    Words {
        measure: "peak_bps",
        title: "Peak impact",
        unit: "bps of price",
        what: "Largest displacement: how far from the path's price liquidations have emptied the book. Without liquidations it is \
               zero.",
    },
    Words {
        measure: "disturbed_seconds",
        title: "Time above 50 bps",
        unit: "s",
        what: "Time with a displacement of at least 50 bps.",
    },
    Words { measure: "slices", title: "Slices", unit: "", what: "Slices or market orders that filled something." },
    Words { measure: "repeat_slices", title: "Repeat slices", unit: "", what: "Of the slices, those after an account's first." },
    Words {
        measure: "touched",
        title: "Accounts touched",
        unit: "",
        what: "Accounts that were liquidated or resolved. Those that were only deleveraged against do not count.",
    },
    Words {
        measure: "kept_percent",
        title: "Positions kept",
        unit: "% of touched",
        what: "Share of the touched accounts that have a position left.",
    },
    Words {
        measure: "kept_lots_percent",
        title: "Lots kept",
        unit: "% of touched",
        what: "Share of the touched accounts' lots that is left.",
    },
    Words {
        measure: "safety_seconds",
        title: "Time to safety",
        unit: "s",
        what: "Mean length of a spell below maintenance, until health is 1 or the position is gone.",
    },
    Words {
        measure: "caller_net_usd",
        title: "Liquidators' net profit",
        unit: "USD",
        what: "What callers got (penalties, tips, fees), less a tenth of a cent for each transaction.",
    },
    Words {
        measure: "insurance_drawn_usd",
        title: "Insurance drawn",
        unit: "USD",
        what: "Of bad debt, what insurance paid.",
    },
    Words {
        measure: "handed_over_usd",
        title: "Handed over",
        unit: "USD",
        what: "Equity that went with positions that were taken over.",
    },
    Words {
        measure: "socialised_usd",
        title: "Socialised",
        unit: "USD",
        what: "Of bad debt, what all open lots of the market shared, or nobody has borne yet.",
    },
];

/// Other words of the page.
pub const OTHERS: [(&str, &str); 7] = [
    (
        "Control",
        "The policy hard-taper-fee: everything is closed at once, at Taper's penalty. A gain on it is none of the fee; a gain on \
         a dearer policy may be.",
    ),
    (
        "Difference",
        "Equity retained, a policy less another, seed by seed: both had the same accounts. The mean of these differences, ± \
         their standard deviation.",
    ),
    ("Better, tie, worse", "A mean difference above 1 bp, within 1 bp, below −1 bp."),
    ("Violence", "Largest fall or rise inside the window. Quartile 1 holds the calmest of the events compared."),
    (
        "Feedback",
        "How much of the displacement the oracle shows. 0: other venues set it. 1: this market does, so liquidations cause \
         liquidations.",
    ),
    (
        "Health",
        "Equity over the maintenance requirement, at the posted price. Below 1 an account is liquidated; at 0 nothing is left.",
    ),
    ("Path", "The recorded price, without this market's liquidations. The posted price is the path and the feedback."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::measure::MEASURES;

    #[test]
    fn every_measure_has_words() {
        for measure in &MEASURES {
            assert!(!of(measure.name).what.is_empty(), "{}", measure.name);
        }
        for words in &ALL {
            assert!(MEASURES.iter().any(|measure| measure.name == words.measure), "{}", words.measure);
        }
    }
}
