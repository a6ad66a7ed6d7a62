//! The page: one file, readable without a network and without a script.

use anyhow::Result;
use maud::{html, Markup, PreEscaped, DOCTYPE};

use super::chart::{dark, hex};
use super::format::grouped;
use super::journals::Recorded;
use super::words::{self, OTHERS};
use super::{event, overview, Context};
use crate::compare::measure::MEASURES;

const STYLE: &str = include_str!("style.css");
/// Where the style takes the dark colours of the charts.
const DARK: &str = "DARK";

/// Everything.
///
/// # Errors
/// Of the drawings.
pub fn page(context: &Context<'_>, recorded: &[Recorded<'_>]) -> Result<Markup> {
    let comparison = context.comparison;
    let mut events = Vec::new();
    for place in 0..comparison.scenarios.len() {
        events.push(event::section(context, recorded, place)?);
    }
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Liquidation policies compared" }
                style { (PreEscaped(style())) }
            }
            body {
                (heading(context))
                (contents(context))
                (overview::section(context))
                @for section in &events { (section) }
                (definitions())
                (limits())
            }
        }
    })
}

/// The style, with a rule for every colour of the charts in the dark.
fn style() -> String {
    let rule = |(light, dark)| {
        let (light, dark) = (hex(light), hex(dark));
        format!("svg [fill=\"{light}\"] {{ fill: {dark}; }} svg [stroke=\"{light}\"] {{ stroke: {dark}; }}")
    };
    STYLE.replace(DARK, &dark().map(rule).collect::<Vec<_>>().join("\n  "))
}

fn heading(context: &Context<'_>) -> Markup {
    let comparison = context.comparison;
    let count = |number: usize| grouped(number as f64, 0);
    let strengths: Vec<String> = comparison.feedbacks.iter().map(ToString::to_string).collect();
    let seeds = usize::try_from(comparison.seeds).unwrap_or(usize::MAX);
    let runs = comparison.scenarios.len() * comparison.feedbacks.len() * comparison.policies.len() * seeds;
    let interest = comparison.interest_tenths as f64 / 10.0;
    html! {
        h1 { "Liquidation policies compared" }
        p {
            (count(runs)) " runs of Taper's engine: " (count(comparison.scenarios.len())) " event(s), "
            (count(comparison.policies.len())) " policies, seeds 1 to " (comparison.seeds) ", feedback " (strengths.join(", "))
            ". Every seed draws " (count(comparison.accounts)) " accounts, the same under every policy; their longs hold "
            (grouped(interest, 1)) " times the depth within 1% of the price. Insurance starts with "
            (grouped(context.insurance_usd, 0)) " USD."
        }
        pre { (context.command) }
        p.soft {
            "Means are over seeds, ± one standard deviation"
            @if comparison.seeds == 1 { " (of one seed there is none: ± 0 says nothing)" }
            ". Numbers in bps of start are basis points of all accounts' equity at the start. "
            "The control, in grey, is " code { (crate::lab::policy::CONTROL) } ": all at once at Taper's penalty, so that a fee's gain is "
            "never taken for slicing's. "
            a href="#definitions" { "Definitions" } ". The same data as CSV lie beside this page: "
            code { "runs.csv" } ", " code { "summary.csv" } ", " code { "pairs.csv" } ", " code { "series.csv" } ", " code { "marks.csv" } "."
        }
    }
}

fn contents(context: &Context<'_>) -> Markup {
    html! {
        nav {
            ul {
                li { a href="#differences" { "Differences to the control, event by event" } }
                li { a href="#against" { "Policy against policy" } }
                @for (place, scenario) in context.comparison.scenarios.iter().enumerate() {
                    li { a href=(format!("#event-{place}")) { (scenario.name) } }
                }
                li { a href="#definitions" { "Definitions" } }
                li { a href="#limits" { "What is left out" } }
            }
        }
    }
}

fn definitions() -> Markup {
    html! {
        h2 #definitions { "Definitions" }
        p {
            "equity = start + held − fee − impact + direction + transfer, account by account and to the atom; held is what doing nothing "
            "would have brought. The identity is checked in every run. " code { "docs/metrics.md" } " says more."
        }
        dl {
            @for measure in &MEASURES {
                @let words = words::of(measure.name);
                dt id=(format!("m-{}", measure.name)) {
                    (words.title) @if !words.unit.is_empty() { span.soft { " (" (words.unit) ")" } }
                }
                dd { (words.what) }
            }
            @for (title, what) in OTHERS {
                dt { (title) }
                dd { (what) }
            }
        }
    }
}

fn limits() -> Markup {
    html! {
        h2 #limits { "What is left out" }
        p {
            "One market and one leg an account. Accounts do nothing of their own: no deposits, no closes. No funding, no latency and no "
            "competition of liquidators. One maker, whose depth was measured in calm, shrunk with volatility, and goes on beyond the measured "
            "distance by assumption. The candles hold the liquidations of their own day already."
        }
    }
}
