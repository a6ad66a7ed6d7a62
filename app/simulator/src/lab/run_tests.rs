use super::*;
use crate::lab::feed::{with_tail, FeedSource};
use crate::lab::policy::KNOWN;
use crate::replay::candles::{Candle, Candles};
use crate::replay::depth::{DepthProfile, Level};

const UNIT: i64 = 10_000_000_000;

/// Candles of a minute with these closes, in dollars and cents.
fn candles(closes: &[i64]) -> Candles {
    let mut rows = Vec::new();
    let mut open = closes[0];
    for (minute, close) in closes.iter().enumerate() {
        let time_ms = 1_600_000_000_000 + 60_000 * i64::try_from(minute).unwrap();
        let [open_at, close_at] = [open, *close].map(|cents| cents * UNIT / 100);
        let (high, low) = (open_at.max(close_at), open_at.min(close_at));
        rows.push(Candle { time_ms, open: open_at, high, low, close: close_at });
        open = *close;
    }
    Candles { spacing_ms: 60_000, rows }
}

/// From 50 dollars down by so many cents a minute, then up again.
fn fall_and_rise(cents: i64, minutes: i64) -> Candles {
    let down = (0..=minutes).map(|minute| 5_000 - cents * minute);
    let up = (1..=minutes).map(|minute| 5_000 - cents * (minutes - minute));
    candles(&down.chain(up).collect::<Vec<_>>())
}

fn feed_of(candles: &Candles, window: usize, profile: DepthProfile) -> Feed {
    Feed::new(FeedSource { candles, first: 0, window, profile, jump: None }).unwrap()
}

fn sol() -> DepthProfile {
    with_tail(DepthProfile::bundled("sol").unwrap())
}

fn outcome(feed: &Feed, policy: &str, seed: u64, feedback_halves: i64) -> Outcome {
    let policy = PolicyKind::named(policy).unwrap();
    run(&RunSpec {
        feed,
        policy: &policy,
        seed,
        accounts: 40,
        population: &Population::replay(),
        interest_tenths: 30,
        feedback_halves,
        fund: QuoteAtoms(0),
        look_at_all: false,
    })
    .unwrap()
}

fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(name, _)| *name).filter(|name| *name != "FILE.toml")
}

/// Every run checks each account's terms against its equity, and the market's invariants, or fails.
#[test]
fn under_every_policy_the_terms_add_up_to_the_equity() {
    let candles = fall_and_rise(60, 20);
    let feed = feed_of(&candles, 30, sol());
    for halves in 0..=2 {
        for name in names() {
            let result = outcome(&feed, name, 3, halves);
            let later = result.later.unwrap();
            assert!(result.at_end.split.start_atoms > 0 && later.split.start_atoms == result.at_end.split.start_atoms);
            assert_eq!(later.uncovered_atoms, 0, "{name}");
            assert_eq!(later.tally.slices > 0, name != "none", "{name}");
            assert!(later.tally.bad_debt_atoms >= 0 && later.split.fee_atoms >= 0, "{name}");
            let free = ["none", "hard-nofee", "hyperliquid"].contains(&name);
            assert_eq!(later.split.fee_atoms == 0, free, "{name}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome_and_another_seed_another() {
    let candles = fall_and_rise(50, 15);
    let feed = feed_of(&candles, 31, sol());
    for name in names() {
        assert_eq!(outcome(&feed, name, 1, 1), outcome(&feed, name, 1, 1), "{name}");
        assert_ne!(outcome(&feed, name, 1, 1), outcome(&feed, name, 2, 1), "{name}");
    }
}

#[test]
fn whoever_does_nothing_keeps_what_holding_brings() {
    let candles = fall_and_rise(20, 5);
    let feed = feed_of(&candles, 11, sol());
    let end = outcome(&feed, "none", 1, 2).at_end;
    let split = end.split;
    assert_eq!((split.fee_atoms, split.impact_atoms, split.direction_atoms, split.transfer_atoms), (0, 0, 0, 0));
    assert_eq!((end.tally.peak_ppm, end.touched, end.tally.liquidated_atoms), (0, 0, 0));
}

/// With depth for five times what there is next to the price nothing is displaced, so feedback changes nothing, and closing costs the spread.
#[test]
fn in_a_deep_book_a_free_hard_close_costs_the_spread_and_nothing_else() {
    // So slow that the maker does not shrink its quotes.
    let candles = fall_and_rise(4, 100);
    let mut feed = feed_of(&candles, 201, sol());
    let level = || vec![Level { distance_bps: 1, usd: 15.0 * 90_272.0 }];
    feed.profile = DepthProfile { bids: level(), asks: level() };
    let [still, moved] = [0, 2].map(|halves| outcome(&feed, "hard-nofee", 5, halves).at_end);
    let (split, tally) = (still.split, &still.tally);
    assert!(tally.slices > 10 && tally.repeat_slices == 0, "{tally:?}");
    assert_eq!((split.fee_atoms, split.transfer_atoms, tally.bad_debt_atoms, still.kept), (0, 0, 0, 0));
    // One basis point, and at most one in 2^14 for the rounding to the tick.
    let spread = tally.liquidated_atoms / 10_000;
    assert!((spread * 9 / 10..=spread * 17 / 10).contains(&split.impact_atoms), "{} {spread}", split.impact_atoms);
    assert!(tally.peak_ppm < 100 && tally.disturbed_ms == 0, "{tally:?}");
    assert_eq!((moved.touched, moved.tally.slices), (still.touched, tally.slices));
}

#[test]
fn selling_all_at_once_moves_the_market_more_than_slices_do() {
    let candles = fall_and_rise(60, 20);
    let feed = feed_of(&candles, 41, sol());
    let [hard, taper] = ["hard-nofee", "taper"].map(|name| outcome(&feed, name, 1, 0).at_end.tally);
    assert!(hard.peak_ppm > taper.peak_ppm, "{} {}", hard.peak_ppm, taper.peak_ppm);
    assert!(taper.slices > hard.slices);
}

#[test]
fn feedback_moves_the_posted_price_and_liquidates_more() {
    let candles = fall_and_rise(40, 20);
    let feed = feed_of(&candles, 41, sol());
    let [none, full] = [0, 2].map(|halves| outcome(&feed, "hard-nofee", 1, halves).at_end);
    assert!(full.touched > none.touched, "{} {}", full.touched, none.touched);
}

/// The triggers only save work: looking at every account every time gives the same.
#[test]
fn triggers_change_nothing() {
    let candles = fall_and_rise(70, 20);
    let feed = feed_of(&candles, 41, sol());
    for name in names() {
        let policy = PolicyKind::named(name).unwrap();
        let spec = RunSpec {
            feed: &feed,
            policy: &policy,
            seed: 9,
            accounts: 40,
            population: &Population::replay(),
            interest_tenths: 30,
            feedback_halves: 2,
            fund: QuoteAtoms(0),
            look_at_all: false,
        };
        let all = RunSpec { look_at_all: true, ..spec };
        assert_eq!(run(&all).unwrap(), run(&spec).unwrap(), "{name}");
    }
}
