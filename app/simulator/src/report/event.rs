//! One event: what every policy made of it, and how it went through time.

use anyhow::Result;
use maud::{html, Markup};
use plotters::style::RGBColor;

use super::chart::{hex, CONTROL_GREY, INK, PURCHASE, SALE};
use super::format::{grouped, plus_minus, short_name, signed};
use super::journals::Recorded;
use super::rows::{rows, Look, Row};
use super::timelines::{displacement_chart, flow_chart, health_chart, open_chart, price_chart, prices_of};
use super::words;
use super::Context;
use crate::compare::measure::{Measure, EQUITY, MEASURES};
use crate::compare::summary::{At, Spread};
use crate::lab::policy::CONTROL;

/// Measures with a chart of bars, besides equity.
const BARS: [&str; 3] = ["bad_debt_bps", "fee_bps", "peak_bps"];

/// The section.
///
/// # Errors
/// Of the drawings.
pub fn section(context: &Context<'_>, recorded: &[Recorded<'_>], scenario: usize) -> Result<Markup> {
    let comparison = context.comparison;
    let named = &comparison.scenarios[scenario];
    let mut strengths = Vec::new();
    for feedback in 0..comparison.feedbacks.len() {
        strengths.push(html! {
            h3 { "All seeds, feedback " (comparison.feedbacks[feedback]) }
            div.grid { (equity_charts(context, scenario, feedback)?) (bar_charts(context, scenario, feedback)?) }
            (numbers(context, scenario, feedback))
        });
    }
    Ok(html! {
        section id=(format!("event-{scenario}")) {
            h2 { (named.name) }
            p {
                (named.title) ". Largest fall or rise inside the window: " (grouped(named.violence_bps as f64, 0)) " bps; quartile of violence "
                (comparison.quartiles()[scenario]) "."
            }
            @for strength in &strengths { (strength) }
            (through_time(context, recorded, scenario)?)
        }
    })
}

fn figure(title: &str, what: &str, chart: Markup) -> Markup {
    html! { figure { figcaption { b { (title) } " " span.soft { (what) } } (chart) } }
}

fn row(context: &Context<'_>, policy: usize, spread: Spread, text: String) -> Row {
    let name = context.comparison.policies[policy].name.clone();
    Row { name, mean: spread.mean, deviation: spread.deviation, text, colour: context.colour(policy) }
}

fn equity_charts(context: &Context<'_>, scenario: usize, feedback: usize) -> Result<Markup> {
    let comparison = context.comparison;
    let control = context.control();
    let policies = 0..comparison.policies.len();
    let spread = |policy| comparison.spread((scenario, feedback, policy), At::End, EQUITY).unwrap_or_default();
    let retained: Vec<Row> = policies
        .clone()
        .map(|policy| {
            let spread = spread(policy);
            row(context, policy, spread, plus_minus(spread.mean, spread.deviation, 0))
        })
        .collect();
    let differences: Vec<Row> = policies
        .filter(|policy| *policy != control)
        .map(|policy| {
            let spread = comparison.paired((scenario, feedback, policy), control, At::End, EQUITY).unwrap_or_default();
            let text = format!("{} ± {}", signed(spread.mean, 1), grouped(spread.deviation, 1));
            row(context, policy, spread, text)
        })
        .collect();
    let title = "Equity retained, difference to the control";
    let absolute = "Equity retained";
    Ok(html! {
        (figure(
            title,
            "bps of start, paired by seed; to the right of zero is better than closing all at once for the same fee",
            rows(title, &differences, Look::Bars, Some(0.0))?,
        ))
        (figure(
            absolute,
            "bps of start; the line is the control's mean. The spread is mostly that of the accounts drawn, which all policies share",
            rows(absolute, &retained, Look::Points, Some(spread(control).mean))?,
        ))
    })
}

fn bar_charts(context: &Context<'_>, scenario: usize, feedback: usize) -> Result<Markup> {
    let comparison = context.comparison;
    let mut figures = Vec::new();
    for measure in MEASURES.iter().filter(|measure| BARS.contains(&measure.name)) {
        let words = words::of(measure.name);
        let title = if measure.name == "fee_bps" { "Penalty income" } else { words.title };
        let bars: Vec<Row> = (0..comparison.policies.len())
            .map(|policy| {
                let spread = comparison.spread((scenario, feedback, policy), At::End, measure).unwrap_or_default();
                row(context, policy, spread, plus_minus(spread.mean, spread.deviation, measure.decimals))
            })
            .collect();
        let what = format!("{}: {}", words.unit, words.what);
        figures.push(figure(title, &what, rows(title, &bars, Look::Bars, None)?));
    }
    Ok(html! { @for figure in &figures { (figure) } })
}

/// Every measure of every policy, as a table that can be opened.
fn numbers(context: &Context<'_>, scenario: usize, feedback: usize) -> Markup {
    let comparison = context.comparison;
    let policies = 0..comparison.policies.len();
    let cell = |measure: &Measure, policy| {
        let spread = comparison.spread((scenario, feedback, policy), At::End, measure).unwrap_or_default();
        plus_minus(spread.mean, spread.deviation, measure.decimals)
    };
    let difference = |policy, at| match comparison.paired((scenario, feedback, policy), context.control(), at, EQUITY) {
        Some(spread) => format!("{} ± {}", signed(spread.mean, 1), grouped(spread.deviation, 1)),
        None => "n/a".to_owned(),
    };
    html! {
        details {
            summary { "All numbers" }
            div.wide {
                table {
                    thead { tr { th { "measure" } @for kind in &comparison.policies { th { (short_name(&kind.name)) } } } }
                    tbody {
                        @for (title, at) in [("Difference to the control", At::End), ("the same, a day later", At::Later)] {
                            tr {
                                th { (title) span.soft { " (bps of start)" } }
                                @for policy in policies.clone() { td { (difference(policy, at)) } }
                            }
                        }
                        @for measure in &MEASURES {
                            @let words = words::of(measure.name);
                            tr {
                                th {
                                    a href=(format!("#m-{}", measure.name)) { (words.title) }
                                    @if !words.unit.is_empty() { span.soft { " (" (words.unit) ")" } }
                                }
                                @for policy in policies.clone() { td { (cell(measure, policy)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn through_time(context: &Context<'_>, recorded: &[Recorded<'_>], scenario: usize) -> Result<Markup> {
    let comparison = context.comparison;
    let named = &comparison.scenarios[scenario];
    let own: Vec<&Recorded<'_>> = recorded.iter().filter(|recorded| recorded.place == scenario).collect();
    let name = |recorded: &Recorded<'_>| comparison.policies[recorded.policy].name.as_str();
    let (prices, largest) = (prices_of(&own), own.iter().fold(0.0, |most: f64, one| most.max(one.largest_usd())));
    let coloured: Vec<_> = own.iter().map(|one| (*one, context.colour(one.policy))).collect();
    let mut price_figures = Vec::new();
    let mut health_figures = Vec::new();
    for (one, colour) in &coloured {
        let (closes, resolved) = (one.journal.closes.len(), one.resolved_accounts());
        let what = format!("{} liquidation fills, {} accounts resolved", count(closes), count(resolved));
        let label = format!("Price on {}, with the liquidations of {}", named.name, name(one));
        price_figures.push(figure(name(one), &what, price_chart(&label, one, &prices, largest)?));
        let what = match one.journal.samples.last() {
            Some(last) => format!(
                "{} of {} accounts open at the end, {} of them below 1",
                count(last.open_accounts),
                count(comparison.accounts),
                count(last.unhealthy_accounts),
            ),
            None => String::new(),
        };
        let label = format!("Health of the accounts on {} under {}", named.name, name(one));
        health_figures.push(figure(name(one), &what, health_chart(&label, one, *colour)?));
    }
    let flow = "What liquidations sold (thick, above zero) and bought (thin, below) through the book, USD so far. Policies that did the same \
                hide one another";
    let open = "Out of those that started with one";
    let displacement = "How far liquidations have moved the market from the path, bps; negative is down";
    let together = html! {
        (figure("Cumulative order flow", flow, flow_chart(flow, &coloured)?))
        (figure("Accounts with a position", open, open_chart(open, &coloured)?))
        (figure("Displacement", displacement, displacement_chart(displacement, &coloured)?))
    };
    Ok(html! {
        h3 { "Through time: seed " (context.seed) ", feedback " (comparison.feedbacks[context.feedback]) }
        ul.legend {
            @for (one, colour) in &coloured { li { (swatch(*colour)) (name(one)) @if name(one) == CONTROL { " (control)" } } }
        }
        div.grid { (together) }
        h3 { "Price, and what was closed" }
        ul.legend {
            li { (swatch(INK)) "posted price" } li { (swatch(CONTROL_GREY)) "path, and its range" }
            li { (swatch(SALE)) "sold" } li { (swatch(PURCHASE)) "bought: the area is the notional" }
            li { "× taken over" } li { b { "×" } " (bold) bankrupt and resolved" }
        }
        div.grid { @for figure in &price_figures { (figure) } }
        h3 { "Health of the accounts that have a position" }
        p.soft {
            "Median, the middle half, and 5 to 95%; cut off at a quarter and at 16. The red line is 1. Accounts that are closed leave the bands, "
            "which is why bands can rise when accounts are lost."
        }
        div.grid { @for figure in &health_figures { (figure) } }
    })
}

fn count(number: usize) -> String {
    grouped(number as f64, 0)
}

fn swatch(colour: RGBColor) -> Markup {
    html! { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill=(hex(colour)) {} } }
}
