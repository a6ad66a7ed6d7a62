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

/// A colour on light paper and the same on dark paper.
type Shade = (RGBColor, RGBColor);

const INK_SHADE: Shade = (rgb(0x1F_23_28), rgb(0xE6_ED_F3));
const GRID_SHADE: Shade = (rgb(0xD0_D7_DE), rgb(0x34_3B_44));
const SALE_SHADE: Shade = (rgb(0xCF_22_2E), rgb(0xFF_7B_72));
const PURCHASE_SHADE: Shade = (rgb(0x05_50_AE), rgb(0x79_B8_FF));
const CONTROL_SHADE: Shade = (rgb(0x6E_77_81), rgb(0x9D_A7_B1));
/// Policies, in their order; from the tenth on colours come again.
const PALETTE: [Shade; 9] = [
    (rgb(0x00_72_B2), rgb(0x4C_A8_E8)),
    (rgb(0xD5_5E_00), rgb(0xFF_93_4D)),
    (rgb(0x00_8F_68), rgb(0x3F_C9_9E)),
    (rgb(0xB8_5A_95), rgb(0xE0_8F_C2)),
    (rgb(0xC5_8A_00), rgb(0xF0_B8_40)),
    (rgb(0x2F_9B_D6), rgb(0x7F_CB_F5)),
    (rgb(0x8C_51_0A), rgb(0xC9_8F_4A)),
    (rgb(0x7A_8B_00), rgb(0xB8_C9_4A)),
    (rgb(0x6A_4C_B5), rgb(0xA5_8C_F0)),
];

pub const INK: RGBColor = INK_SHADE.0;
pub const GRID: RGBColor = GRID_SHADE.0;
pub const SALE: RGBColor = SALE_SHADE.0;
pub const PURCHASE: RGBColor = PURCHASE_SHADE.0;
/// The control is always grey.
pub const CONTROL_GREY: RGBColor = CONTROL_SHADE.0;

/// `0xRR_GG_BB`.
const fn rgb(code: u32) -> RGBColor {
    let [_, red, green, blue] = code.to_be_bytes();
    RGBColor(red, green, blue)
}

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Plot<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Ink and colours, each with its counterpart on dark paper.
pub fn dark() -> impl Iterator<Item = (RGBColor, RGBColor)> {
    [INK_SHADE, GRID_SHADE, SALE_SHADE, PURCHASE_SHADE, CONTROL_SHADE].into_iter().chain(PALETTE)
}

/// The colour of a policy that is the so-manieth, the control not counted.
pub fn colour(place: usize) -> RGBColor {
    PALETTE.get(place % PALETTE.len()).map_or(INK, |shade| shade.0)
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
