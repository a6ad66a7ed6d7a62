//! Charts through time, from the journals of single runs.

use std::ops::Range;

use anyhow::Result;
use maud::Markup;
use plotters::element::{Circle, Cross, PathElement, Polygon};
use plotters::style::{RGBColor, ShapeStyle};
use taper_engine::resolve::ResolveKind;

use super::chart::{plot, range_of, stroke, svg, tint, Axes, CONTROL_GREY, HEIGHT, INK, PURCHASE, SALE};
use super::format::{compact, price, trimmed};
use super::journals::Recorded;
use crate::lab::record::Sample;

const TIME: &str = "minutes from the start of the window";
/// Health is drawn on a logarithmic scale, from a quarter to 16.
const HEALTH_LOG2: Range<f64> = -2.0..4.0;
/// Radius of the largest mark.
const MARK: f64 = 20.0;

fn minutes(value: &f64) -> String {
    trimmed(*value, 1)
}

/// The price, with a mark for what liquidations closed at a moment. `largest_usd` is the largest mark of the charts that are shown together.
///
/// # Errors
/// Of the drawing.
pub fn price_chart(label: &str, recorded: &Recorded<'_>, y: &Range<f64>, largest_usd: f64) -> Result<Markup> {
    svg(label, HEIGHT, |area| {
        let axes = Axes {
            x: recorded.minutes(),
            y: y.clone(),
            x_title: TIME,
            x_text: &minutes,
            y_text: &|value| price(*value),
            labels: (6, 5),
        };
        let mut plot = plot(area, &axes)?;
        let samples = &recorded.journal.samples;
        let at = |time_ms| recorded.minute(time_ms);
        let mut band: Vec<_> =
            samples.iter().map(|sample| (at(sample.time_ms), recorded.price(sample.path_high))).collect();
        band.extend(samples.iter().rev().map(|sample| (at(sample.time_ms), recorded.price(sample.path_low))));
        plot.draw_series([Polygon::new(band, tint(CONTROL_GREY, 0.35))])?;
        let path: Line = samples.iter().map(|sample| (at(sample.time_ms), recorded.price(sample.path))).collect();
        plot.draw_series([PathElement::new(path, stroke(CONTROL_GREY, 2))])?;
        let posted: Vec<_> = samples.iter().map(|sample| (at(sample.time_ms), recorded.price(sample.posted))).collect();
        plot.draw_series([PathElement::new(posted, stroke(INK, 2))])?;
        for mark in recorded.marks() {
            let radius = (MARK * (mark.usd / largest_usd.max(1.0)).sqrt()).max(3.0).round() as i32;
            let colour = if mark.is_sale { SALE } else { PURCHASE };
            plot.draw_series([Circle::new((mark.minute, mark.price), radius, tint(colour, 0.45))])?;
        }
        for call in &recorded.journal.resolutions {
            let width = if call.kind == ResolveKind::Bankrupt { 5 } else { 2 };
            let place = (at(call.time_ms), recorded.price(call.price));
            plot.draw_series([Cross::new(place, 8, stroke(INK, width))])?;
        }
        Ok(())
    })
}

/// The range of prices that several runs need.
pub fn prices_of(all: &[&Recorded<'_>]) -> Range<f64> {
    let mut prices = Vec::new();
    for recorded in all {
        for sample in &recorded.journal.samples {
            prices.extend([sample.path_low, sample.path_high, sample.posted].map(|price| recorded.price(price)));
        }
    }
    range_of(prices.into_iter())
}

/// Bands of the health of accounts that have a position: 5 to 95%, 25 to 75%, the median; and the line of 1.
///
/// # Errors
/// Of the drawing.
pub fn health_chart(label: &str, recorded: &Recorded<'_>, colour: RGBColor) -> Result<Markup> {
    svg(label, HEIGHT, |area| {
        let axes = Axes {
            x: recorded.minutes(),
            y: HEALTH_LOG2,
            x_title: TIME,
            x_text: &minutes,
            y_text: &|value| trimmed(value.exp2(), 2),
            labels: (6, 7),
        };
        let mut plot = plot(area, &axes)?;
        for run in health_runs(recorded) {
            for (low, high, opacity) in [(0, 4, 0.22), (1, 3, 0.38)] {
                let edge = |place: usize| run.iter().map(move |(minute, bands)| (*minute, bands[place]));
                let mut band: Vec<_> = edge(high).collect();
                let mut back: Vec<_> = edge(low).collect();
                back.reverse();
                band.extend(back);
                plot.draw_series([Polygon::new(band, tint(colour, opacity))])?;
            }
            let median: Vec<_> = run.iter().map(|(minute, bands)| (*minute, bands[2])).collect();
            plot.draw_series([PathElement::new(median, stroke(colour, 3))])?;
        }
        let x = recorded.minutes();
        plot.draw_series([PathElement::new(vec![(x.start, 0.0), (x.end, 0.0)], stroke(SALE, 2))])?;
        Ok(())
    })
}

/// Stretches of time in which somebody had a position, with the percentiles on the chart's scale.
fn health_runs(recorded: &Recorded<'_>) -> Vec<Vec<(f64, [f64; 5])>> {
    let mut runs = vec![Vec::new()];
    for sample in &recorded.journal.samples {
        let Some(bands) = sample.health_bps else {
            runs.push(Vec::new());
            continue;
        };
        if let Some(run) = runs.last_mut() {
            run.push((recorded.minute(sample.time_ms), bands.map(on_scale)));
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn on_scale(health_bps: i64) -> f64 {
    let health = health_bps as f64 / 1e4;
    if health <= 0.0 {
        return HEALTH_LOG2.start;
    }
    health.log2().clamp(HEALTH_LOG2.start, HEALTH_LOG2.end)
}

/// Points of a line.
type Line = Vec<(f64, f64)>;

/// What liquidations have sold (above zero) and bought (below) so far, a pair of lines a policy.
///
/// # Errors
/// Of the drawing.
pub fn flow_chart(label: &str, all: &[(&Recorded<'_>, RGBColor)]) -> Result<Markup> {
    let mut lines = Vec::new();
    for (recorded, colour) in all {
        let flow = recorded.flow();
        let sold: Line = flow.iter().map(|point| (point.minute, point.sold_usd)).collect();
        let bought = flow.iter().map(|point| (point.minute, -point.bought_usd)).collect();
        lines.extend([(sold, stroke(*colour, 4)), (bought, stroke(*colour, 2))]);
    }
    lines_chart(label, all, lines)
}

/// How many accounts have a position, a line a policy.
///
/// # Errors
/// Of the drawing.
pub fn open_chart(label: &str, all: &[(&Recorded<'_>, RGBColor)]) -> Result<Markup> {
    sampled_chart(label, all, |sample| sample.open_accounts as f64)
}

/// How far liquidations have moved the market from the path, in basis points, a line a policy.
///
/// # Errors
/// Of the drawing.
pub fn displacement_chart(label: &str, all: &[(&Recorded<'_>, RGBColor)]) -> Result<Markup> {
    sampled_chart(label, all, |sample| sample.displacement_ppm as f64 / 100.0)
}

fn sampled_chart(label: &str, all: &[(&Recorded<'_>, RGBColor)], value: fn(&Sample) -> f64) -> Result<Markup> {
    let line = |recorded: &Recorded<'_>| -> Line {
        let point = |sample: &Sample| (recorded.minute(sample.time_ms), value(sample));
        recorded.journal.samples.iter().map(point).collect()
    };
    lines_chart(label, all, all.iter().map(|(recorded, colour)| (line(recorded), stroke(*colour, 3))).collect())
}

fn lines_chart(label: &str, all: &[(&Recorded<'_>, RGBColor)], lines: Vec<(Line, ShapeStyle)>) -> Result<Markup> {
    let values = lines.iter().flat_map(|(line, _)| line.iter().map(|(_, value)| *value));
    let y = range_of(values.chain([0.0]));
    let x = all.first().map_or(0.0..1.0, |(recorded, _)| recorded.minutes());
    svg(label, HEIGHT, |area| {
        let y_text = |value: &f64| compact(*value);
        let axes = Axes { x, y, x_title: TIME, x_text: &minutes, y_text: &y_text, labels: (6, 6) };
        let mut plot = plot(area, &axes)?;
        for (line, style) in lines {
            plot.draw_series([PathElement::new(line, style)])?;
        }
        Ok(())
    })
}
