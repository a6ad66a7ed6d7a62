//! All events at once: what is better where, and what is worse.

use maud::{html, Markup};

use super::format::{grouped, plus_minus, short_name, shortened, signed, NAME};
use super::Context;
use crate::compare::measure::EQUITY;
use crate::compare::summary::{At, Spread, Verdict};
use crate::lab::policy::CONTROL;

/// The section.
pub fn section(context: &Context<'_>) -> Markup {
    let feedbacks = 0..context.comparison.feedbacks.len();
    html! {
        h2 #differences { "Differences to the control, event by event" }
        p {
            "Equity retained, less that of " code { (CONTROL) } " with the same accounts, in bps of start. Green: better by more than 1 bp; red: "
            "worse by more than 1 bp; pale: less than two standard errors from zero, so more seeds may turn it. Events from the calmest to the "
            "most violent."
        }
        @for feedback in feedbacks.clone() { @for at in At::ALL { (differences(context, feedback, at)) } }
        h2 #against { "Policy against policy" }
        p {
            "Each policy against each listed before it: mean difference of equity retained over events; events better, tied, worse; means by "
            "quartile of violence (Q1 the calmest); and every event that is lost or won, by how much."
        }
        @for feedback in feedbacks { @for at in At::ALL { (against(context, feedback, at)) } }
    }
}

fn when(at: At) -> &'static str {
    match at {
        At::End => "at the end of the event",
        At::Later => "a day later",
    }
}

fn class(mean: f64) -> &'static str {
    Verdict::of(mean).name()
}

/// Paler if the mean is less than two standard errors from zero, which of one seed nobody knows.
fn shade(spread: Spread, seeds: u64) -> String {
    let error = spread.deviation / (seeds as f64).sqrt();
    let paler = if seeds < 2 || spread.mean.abs() < 2.0 * error { " unsure" } else { "" };
    format!("{}{paler}", class(spread.mean))
}

fn differences(context: &Context<'_>, feedback: usize, at: At) -> Markup {
    let comparison = context.comparison;
    let control = context.control();
    let quartiles = comparison.quartiles();
    let mut order: Vec<usize> = (0..comparison.scenarios.len()).collect();
    order.sort_by_key(|place| comparison.scenarios[*place].violence_bps);
    order.retain(|place| comparison.paired((*place, feedback, control), control, at, EQUITY).is_some());
    if order.is_empty() {
        return html! {};
    }
    let shown: Vec<usize> = (0..comparison.policies.len()).filter(|policy| *policy != control).collect();
    html! {
        div.wide {
            table {
                caption { (when(at)) ", feedback " (comparison.feedbacks[feedback]) }
                thead {
                    tr {
                        th { "event" }
                        @for policy in &shown { th { (short_name(&comparison.policies[*policy].name)) } }
                        th { "moved, bps" } th { "quartile" }
                    }
                }
                tbody {
                    @for place in &order {
                        @let scenario = &comparison.scenarios[*place];
                        tr {
                            th { a href=(format!("#event-{place}")) { (short_name(&scenario.name)) } }
                            @for policy in &shown {
                                @let spread = comparison.paired((*place, feedback, *policy), control, at, EQUITY).unwrap_or_default();
                                td class=(shade(spread, comparison.seeds)) { (difference(spread)) }
                            }
                            td { (grouped(scenario.violence_bps as f64, 0)) }
                            td { (quartiles[*place]) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th { "mean over events" }
                        @for policy in &shown { (mean_cell(&comparison.by_event(feedback, *policy, control, at))) }
                        td {} td {}
                    }
                    tr {
                        th { "better / tie / worse" }
                        @for policy in &shown { td { (score(&comparison.by_event(feedback, *policy, control, at))) } }
                        td {} td {}
                    }
                }
            }
        }
    }
}

fn difference(spread: Spread) -> String {
    let sign = if spread.mean > 0.0 { "+" } else { "" };
    let text = plus_minus(spread.mean, spread.deviation, 1);
    if text.starts_with("0.0 ") {
        text
    } else {
        format!("{sign}{text}")
    }
}

fn mean_cell(events: &[(usize, f64)]) -> Markup {
    let mean = Spread::of(&events.iter().map(|(_, mean)| *mean).collect::<Vec<_>>()).unwrap_or_default().mean;
    html! { td class=(class(mean)) { (signed(mean, 1)) } }
}

fn score(events: &[(usize, f64)]) -> String {
    let counted = |verdict| events.iter().filter(|(_, mean)| Verdict::of(*mean) == verdict).count();
    let [better, tie, worse] = [Verdict::Better, Verdict::Tie, Verdict::Worse].map(counted);
    format!("{better} / {tie} / {worse}")
}

fn against(context: &Context<'_>, feedback: usize, at: At) -> Markup {
    let comparison = context.comparison;
    let quartiles = comparison.quartiles();
    let mut rows = Vec::new();
    for (policy, kind) in comparison.policies.iter().enumerate() {
        for (other, against) in comparison.policies.iter().enumerate().take(policy) {
            let events = comparison.by_event(feedback, policy, other, at);
            if events.is_empty() {
                continue;
            }
            let of = |quartile: usize| {
                let means: Vec<f64> =
                    events.iter().filter(|(place, _)| quartiles[*place] == quartile).map(|(_, mean)| *mean).collect();
                Spread::of(&means).map_or("–".to_owned(), |spread| signed(spread.mean, 1))
            };
            rows.push(html! {
                tr {
                    th { (short_name(&kind.name)) } td { (short_name(&against.name)) } (mean_cell(&events)) td { (score(&events)) }
                    @for quartile in 1..=4 { td { (of(quartile)) } }
                    td.text { (named(context, &events, Verdict::Worse)) }
                    td.text { (named(context, &events, Verdict::Better)) }
                }
            });
        }
    }
    if rows.is_empty() {
        return html! {};
    }
    html! {
        div.wide {
            table {
                caption { (when(at)) ", feedback " (comparison.feedbacks[feedback]) }
                thead {
                    tr {
                        th { "policy" } th { "against" } th { "mean, bps" } th { "better / tie / worse" }
                        th { "Q1" } th { "Q2" } th { "Q3" } th { "Q4" } th { "worse on" } th { "better on" }
                    }
                }
                tbody { @for row in &rows { (row) } }
            }
        }
    }
}

/// Names of the events with that verdict, the largest difference first.
fn named(context: &Context<'_>, events: &[(usize, f64)], verdict: Verdict) -> String {
    let mut chosen: Vec<_> = events.iter().filter(|(_, mean)| Verdict::of(*mean) == verdict).collect();
    chosen.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let name = |(place, mean): &&(usize, f64)| {
        format!("{} {}", shortened(&context.comparison.scenarios[*place].name, NAME), signed(*mean, 0))
    };
    if chosen.is_empty() {
        return "none".to_owned();
    }
    chosen.iter().map(name).collect::<Vec<_>>().join(", ")
}
