//! Charts with a row a policy: bars from zero, or points with their spread.

use anyhow::Result;
use maud::Markup;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::ChartBuilder;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::RGBColor;

use super::chart::{range_of, stroke, svg, tint, type_of, CONTROL_GREY, GRID, INK, WIDTH};
use super::format::{compact, shortened};

const ROW: u32 = 46;
/// Below the rows: the axis.
const FOOT: u32 = 48;
/// Room for names on the left and numbers on the right.
const NAMES: u32 = 236;
const NUMBERS: u32 = 224;
/// Letters of a name that there is room for.
const LETTERS: usize = 15;

/// One policy.
pub struct Row {
    pub name: String,
    pub mean: f64,
    pub deviation: f64,
    /// The numbers in words.
    pub text: String,
    pub colour: RGBColor,
}

/// How a row is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A bar from zero to the mean, and a line of one deviation to either side.
    Bars,
    /// A point at the mean, and the same line; the axis need not reach zero.
    Points,
}

/// The chart. `reference` is drawn through all rows.
///
/// # Errors
/// Of the drawing.
pub fn rows(label: &str, rows: &[Row], look: Look, reference: Option<f64>) -> Result<Markup> {
    let count = u32::try_from(rows.len())?;
    let ends = rows.iter().flat_map(|row| [row.mean - row.deviation, row.mean + row.deviation]);
    let zero = (look == Look::Bars).then_some(0.0);
    let mut x = range_of(ends.chain(zero).chain(reference));
    if look == Look::Bars && rows.iter().all(|row| row.mean >= 0.0) {
        x.start = 0.0;
    }
    svg(label, ROW * count + FOOT, |area| {
        let mut plot = ChartBuilder::on(area)
            .margin_left(NAMES)
            .margin_right(NUMBERS)
            .x_label_area_size(FOOT)
            .build_cartesian_2d(x, 0.0..f64::from(count))?;
        plot.configure_mesh()
            .axis_style(stroke(GRID, 2))
            .bold_line_style(stroke(GRID, 1))
            .max_light_lines(0)
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(4)
            .label_style(type_of(&INK))
            .x_label_formatter(&|value| compact(*value))
            .draw()?;
        if let Some(at) = reference {
            plot.draw_series([PathElement::new(vec![(at, 0.0), (at, f64::from(count))], stroke(CONTROL_GREY, 3))])?;
        }
        for (place, row) in (0u32..).zip(rows) {
            let middle = f64::from(count - place) - 0.5;
            let colour = row.colour;
            match look {
                Look::Bars => {
                    plot.draw_series([Rectangle::new(
                        [(0.0, middle - 0.3), (row.mean, middle + 0.3)],
                        tint(colour, 0.75),
                    )])?;
                }
                Look::Points => {
                    plot.draw_series([Circle::new((row.mean, middle), 9, tint(colour, 1.0))])?;
                }
            }
            if row.deviation > 0.0 {
                let ends = vec![(row.mean - row.deviation, middle), (row.mean + row.deviation, middle)];
                let width = if look == Look::Bars { 2 } else { 4 };
                plot.draw_series([PathElement::new(
                    ends,
                    stroke(if look == Look::Bars { INK } else { colour }, width),
                )])?;
            }
            let y = i32::try_from(ROW * place + ROW / 2)?;
            let type_at = |side| type_of(&INK).pos(Pos::new(side, VPos::Center));
            let name = shortened(&row.name, LETTERS);
            area.draw(&Text::new(name, (i32::try_from(NAMES)? - 14, y), type_at(HPos::Right)))?;
            area.draw(&Text::new(row.text.clone(), (i32::try_from(WIDTH)? - 4, y), type_at(HPos::Right)))?;
        }
        Ok(())
    })
}
