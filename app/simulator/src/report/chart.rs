//! Charts, drawn with plotters as SVG text. The browser sets the type, so nothing depends on this machine's fonts; colours for the dark are
//! in the page's style, which knows the light ones by their values.

use std::ops::Range;

use anyhow::{anyhow, Result};
use maud::{html, Markup, PreEscaped};
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::types::RangedCoordf64;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::{Cartesian2d, SVGBackend};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// Width of every chart in its own units; the page scales it.
pub const WIDTH: u32 = 800;
/// Height of a chart through time.
pub const HEIGHT: u32 = 420;
/// Type size in the same units.
pub const TYPE_SIZE: f64 = 28.0;

pub const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
pub const GRID: RGBColor = RGBColor(0xD0, 0xD7, 0xDE);
pub const SALE: RGBColor = RGBColor(0xCF, 0x22, 0x2E);
pub const PURCHASE: RGBColor = RGBColor(0x05, 0x50, 0xAE);
/// The control is always grey.
pub const CONTROL_GREY: RGBColor = RGBColor(0x6E, 0x77, 0x81);
/// Policies, in their order; from the tenth on colours come again.
const PALETTE: [RGBColor; 9] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x8F, 0x68),
    RGBColor(0xB8, 0x5A, 0x95),
    RGBColor(0xC5, 0x8A, 0x00),
    RGBColor(0x2F, 0x9B, 0xD6),
    RGBColor(0x8C, 0x51, 0x0A),
    RGBColor(0x7A, 0x8B, 0x00),
    RGBColor(0x6A, 0x4C, 0xB5),
];

/// The same on dark paper.
const DARK_PALETTE: [RGBColor; 9] = [
    RGBColor(0x4C, 0xA8, 0xE8),
    RGBColor(0xFF, 0x93, 0x4D),
    RGBColor(0x3F, 0xC9, 0x9E),
    RGBColor(0xE0, 0x8F, 0xC2),
    RGBColor(0xF0, 0xB8, 0x40),
    RGBColor(0x7F, 0xCB, 0xF5),
    RGBColor(0xC9, 0x8F, 0x4A),
    RGBColor(0xB8, 0xC9, 0x4A),
    RGBColor(0xA5, 0x8C, 0xF0),
];

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Plot<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Ink and colours, each with its counterpart on dark paper.
pub fn dark() -> impl Iterator<Item = (RGBColor, RGBColor)> {
    let fixed = [
        (INK, RGBColor(0xE6, 0xED, 0xF3)),
        (GRID, RGBColor(0x34, 0x3B, 0x44)),
        (SALE, RGBColor(0xFF, 0x7B, 0x72)),
        (PURCHASE, RGBColor(0x79, 0xB8, 0xFF)),
        (CONTROL_GREY, RGBColor(0x9D, 0xA7, 0xB1)),
    ];
    fixed.into_iter().chain(PALETTE.into_iter().zip(DARK_PALETTE))
}

/// The colour of a policy that is the so-manieth, the control not counted.
pub fn colour(place: usize) -> RGBColor {
    PALETTE.get(place % PALETTE.len()).copied().unwrap_or(INK)
}

/// A colour as the page's style writes it.
pub fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// A line.
pub fn stroke(colour: RGBColor, width: u32) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: width }
}

/// A filled shape through which what is behind can be seen.
pub fn tint(colour: RGBColor, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: colour.mix(opacity), filled: true, stroke_width: 0 }
}

/// Type, without an anchor.
pub fn type_of(colour: &RGBColor) -> TextStyle<'static> {
    ("sans-serif", TYPE_SIZE).into_font().color(colour)
}

/// An SVG element of that height, with a label for those who do not see it.
///
/// # Errors
/// Of the drawing.
pub fn svg(label: &str, height: u32, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<Markup> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    // A head of our own: with a label, without a fixed size, and without the name space, which an element of a page does not need.
    let inside = text.split_once(">\n").and_then(|(_, rest)| rest.trim_end().strip_suffix("</svg>"));
    let inside = inside.ok_or_else(|| anyhow!("the drawing is not an SVG element"))?;
    let view = format!("0 0 {WIDTH} {height}");
    Ok(html! { svg viewBox=(view) role="img" aria-label=(label) { (PreEscaped(inside)) } })
}

/// Axes of a chart.
pub struct Axes<'a> {
    pub x: Range<f64>,
    pub y: Range<f64>,
    pub x_title: &'a str,
    pub x_text: &'a dyn Fn(&f64) -> String,
    pub y_text: &'a dyn Fn(&f64) -> String,
    /// Labels at most.
    pub labels: (usize, usize),
}

/// Axes and a grid on an area.
///
/// # Errors
/// Of the drawing.
pub fn plot<'a>(area: &Area<'a>, axes: &Axes<'_>) -> Result<Plot<'a>> {
    let mut plot = ChartBuilder::on(area)
        .margin_top(14)
        .margin_right(24)
        .x_label_area_size(78)
        .y_label_area_size(118)
        .build_cartesian_2d(axes.x.clone(), axes.y.clone())?;
    plot.configure_mesh()
        .axis_style(stroke(GRID, 2))
        .bold_line_style(stroke(GRID, 1))
        .max_light_lines(0)
        .label_style(type_of(&INK))
        .axis_desc_style(type_of(&INK))
        .x_desc(axes.x_title)
        .x_labels(axes.labels.0)
        .y_labels(axes.labels.1)
        .x_label_formatter(axes.x_text)
        .y_label_formatter(axes.y_text)
        .draw()?;
    Ok(plot)
}

/// A range that holds all values, and a little air; one around zero if there are none.
pub fn range_of(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return -1.0..1.0;
    }
    let air = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.05 };
    (low - air)..(high + air)
}
