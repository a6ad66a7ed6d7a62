//! A day of the worst crash: the bot's own store, desk and ledger on a chain with the program, and a judge who looks after every step for
//! anything profitable that the bot has left. The day is 19 May 2021 in SOL, BTC and ETH.

mod candles;
mod driver;
mod judge;
mod rig;

use candles::{moments, HISTORY};
use driver::{Driver, Faults};
use judge::{Judge, Missed, Terms};
use rig::{Rig, USD};

/// People with positions.
const PEOPLE: usize = 240;
/// The worst: SOL falls by 41% in them.
const WORST_MINUTES: usize = 120;

const TERMS: Terms = Terms {
    quote_atoms_per_sol: 50 * USD,
    fee_lamports: 20_000,
    min_profit_atoms: 10_000,
    // Little, so that absorbing is often better than the book.
    absorb_haircut_bps: 5,
    inventory_atoms_per_market: 60_000 * USD,
    inventory_atoms: 100_000 * USD,
};

/// What is played.
struct Play {
    /// First minute.
    first: usize,
    minutes: usize,
    /// Steps from one point of a candle to the next.
    parts: i64,
    people: usize,
    terms: Terms,
    faults: Faults,
    /// Steps after which the judge looks at every leg, also of those who are healthy.
    every_leg: usize,
}

/// Plays it. Returns what was missed, with the step, and what the bot did.
async fn play(play: &Play) -> (Vec<(usize, Missed)>, Driver) {
    let moments = moments(HISTORY + play.first, play.minutes, play.parts);
    let mut rig = Rig::open(&moments[0], play.people, 1).await;
    let mut driver = Driver::new(&rig, &play.terms, play.faults);
    let mut judge = Judge::new(play.terms);
    let cash = rig.world.cash(rig::BOT).unwrap();
    let mut missed = Vec::new();
    let per_hour = 240 * play.parts as usize;
    for (step, moment) in moments.iter().enumerate().skip(1) {
        if step % per_hour == 0 {
            let (hours, deeds) = (step / per_hour, &driver.deeds);
            println!("{hours} hours: {} missed, {deeds:?}", missed.len());
            rig.replace_the_gone(play.people).await;
        }
        if step % (per_hour / 12) == 0 {
            rig.unwind().await;
        }
        rig.publish(moment).await;
        driver.work(&mut rig).await;
        let found = judge.missed(&rig, step % play.every_leg == 0);
        missed.extend(found.into_iter().map(|found| (step, found)));
    }
    rig.world.chain.audit().unwrap();
    let (steps, plans, people) = (moments.len(), judge.plans, rig.people.len());
    println!(
        "{steps} steps, {people} people, {} looks and {plans} plans of the judge: {} missed",
        judge.looked_at,
        missed.len()
    );
    println!("{:?}, {:?}", driver.deeds, driver.desk.outcomes());
    let gained = rig.world.cash(rig::BOT).unwrap() - cash;
    println!("cash of the bot: {:+} dollars, {} transactions", gained / USD, rig.world.chain.transactions());
    (missed, driver)
}

fn worst(minutes: usize) -> Play {
    Play { first: 0, minutes, parts: 1, people: PEOPLE, terms: TERMS, faults: Faults::default(), every_leg: 60 }
}

fn whole_day() -> Play {
    Play { minutes: 24 * 60, every_leg: 1_000, ..worst(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_profitable_is_missed_in_the_worst_hour() {
    let (missed, driver) = play(&worst(WORST_MINUTES)).await;
    assert_eq!(missed, []);
    let deeds = &driver.deeds;
    assert!(deeds.book > 50 && deeds.absorbed > 20 && deeds.over_limit > 0, "{deeds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_with_lost_updates_rivals_and_little_room() {
    let terms = Terms { inventory_atoms_per_market: 4_000 * USD, inventory_atoms: 6_000 * USD, ..TERMS };
    let faults = Faults { dropped_updates: 5, lost_races: 30, blind_to: None };
    let (missed, driver) = play(&Play { terms, faults, ..worst(WORST_MINUTES) }).await;
    assert_eq!(missed, []);
    let deeds = &driver.deeds;
    assert!(deeds.resyncs > 10 && deeds.rivals > 10 && deeds.over_limit > 10, "{deeds:?}");
    assert!(driver.desk.outcomes()["lost_race"] > 10, "{:?}", driver.desk.outcomes());
}

/// The judge sees what a bot leaves: here everything in which a price matters that it does not hear.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_does_not_hear_a_price_is_found_out() {
    let faults = Faults { blind_to: Some(1), ..Faults::default() };
    let (missed, _) = play(&Play { faults, people: 60, first: 45, ..worst(30) }).await;
    assert!(!missed.is_empty());
    assert!(missed.iter().all(|(_, missed)| missed.profit_atoms >= TERMS.min_profit_atoms), "{missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "twenty-four hours: a quarter of an hour in a development build"]
async fn nothing_profitable_is_missed_in_the_whole_day() {
    let (missed, _) = play(&whole_day()).await;
    assert_eq!(missed, []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "twenty-four hours: a quarter of an hour in a development build"]
async fn nothing_is_missed_in_a_day_of_lost_updates_and_rivals() {
    let faults = Faults { dropped_updates: 5, lost_races: 30, blind_to: None };
    let (missed, _) = play(&Play { faults, ..whole_day() }).await;
    assert_eq!(missed, []);
}
