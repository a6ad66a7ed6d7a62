//! The dashboard: the metrics, in a terminal. It shows and decides nothing; `q` ends the bot in good order.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Alignment, Constraint, Layout};
use ratatui::style::{Color, Style};
use ratatui::text::Text;
use ratatui::widgets::{Block, Paragraph, Row, Table};
use ratatui::Frame;
use taper_client::RpcFault;
use tokio::sync::watch;

use crate::action::Outcome;
use crate::metrics::Metrics;

const REDRAW: Duration = Duration::from_millis(250);
/// Widest a table grows.
const TABLE_COLUMNS: u16 = 56;
/// Room for the longest name; the rest of a table is its number's.
const NAME_COLUMNS: u16 = 20;

/// Takes the terminal over until the bot ends.
///
/// # Errors
/// When there is no terminal.
pub fn start(
    metrics: Arc<Metrics>,
    end: Arc<watch::Sender<bool>>,
    shutdown: watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let mut terminal = ratatui::try_init()?;
    std::thread::Builder::new().name("dashboard".into()).spawn(move || {
        let mut ended = false;
        let shown = loop {
            if let Err(error) = terminal.draw(|frame| draw(frame, &metrics, ended)) {
                break Err(error);
            }
            // The sender is gone, or the bot has been told to end and has: either way there is nothing more to show.
            if ended && metrics.in_flight.get() == 0 {
                break Ok(());
            }
            ended = ended || *shutdown.borrow();
            match asked_to_end() {
                Ok(true) => {
                    end.send_replace(true);
                }
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        ratatui::try_restore()?;
        shown
    })
}

fn asked_to_end() -> io::Result<bool> {
    if !event::poll(REDRAW)? {
        return Ok(false);
    }
    Ok(match event::read()? {
        Event::Key(key) => {
            key.code == KeyCode::Char('q')
                || key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
        }
        _ => false,
    })
}

fn draw(frame: &mut Frame, metrics: &Metrics, ended: bool) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(12), Constraint::Length(1)]).areas(frame.area());
    let (text, colour) = match (ended, metrics.synced.get()) {
        (true, _) => ("ending: waiting for what was sent", Color::Yellow),
        (false, 1) => ("in step with the chain", Color::Green),
        _ => ("catching up: nothing is decided", Color::Red),
    };
    frame.render_widget(Paragraph::new(format!("taper-liquidator · {text}")).style(Style::new().fg(colour)), head);
    // On a wide terminal names and values would drift apart.
    let [left, right, _] =
        Layout::horizontal([Constraint::Max(TABLE_COLUMNS), Constraint::Max(TABLE_COLUMNS), Constraint::Fill(1)])
            .areas(body);
    frame.render_widget(table("chain", &chain_rows(metrics)), left);
    frame.render_widget(table("actions", &action_rows(metrics)), right);
    frame.render_widget(Paragraph::new("q ends"), foot);
}

fn table<'a>(title: &'a str, rows: &[(String, String)]) -> Table<'a> {
    let rows = rows.iter().map(|(name, value)| {
        Row::new([Text::from(name.clone()), Text::from(value.clone()).alignment(Alignment::Right)])
    });
    Table::new(rows, [Constraint::Length(NAME_COLUMNS), Constraint::Fill(1)]).block(Block::bordered().title(title))
}

/// A number with its thousands apart.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(value: u64) -> String {
    grouped(i64::try_from(value).unwrap_or(i64::MAX))
}

fn chain_rows(metrics: &Metrics) -> Vec<(String, String)> {
    let (count, seconds) = metrics.latency.total();
    let mean_micros = if count == 0 { 0.0 } else { seconds / count as f64 * 1e6 };
    let faults: i64 = RpcFault::CLASSES.iter().map(|kind| metrics.faults(kind)).sum();
    [
        ("slot", metrics.slot.get().to_string()),
        ("margin accounts", grouped(metrics.accounts.get())),
        ("markets", grouped(metrics.markets.get())),
        ("accounts at risk", grouped(metrics.at_risk.get())),
        ("updates", counted(metrics.updates.get())),
        ("updates that wait", grouped(metrics.queue.get())),
        ("updates dropped", counted(metrics.dropped.get())),
        ("updates unreadable", counted(metrics.unreadable.get())),
        ("updates far behind", counted(metrics.late.get())),
        ("connections", counted(metrics.connections.get())),
        ("times loaded", counted(metrics.loads.get())),
        ("node faults", grouped(faults)),
        ("rate limits of these", grouped(metrics.faults("rate_limited"))),
        ("clock failures", counted(metrics.clock_failures.get())),
        ("own time, mean", format!("{mean_micros:.0} µs")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn action_rows(metrics: &Metrics) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> =
        Outcome::LABELS.iter().map(|label| (label.replace('_', " "), grouped(metrics.outcome(label)))).collect();
    rows.extend(
        [
            ("in flight", grouped(metrics.in_flight.get())),
            ("over a limit", counted(metrics.over_limit.get())),
            ("slices", grouped(metrics.slices.get())),
            ("legs resolved", grouped(metrics.upkeep("resolve", "confirmed"))),
            ("accounts flagged", grouped(metrics.upkeep("flag", "confirmed"))),
            ("orders cancelled", grouped(metrics.upkeep("cancel", "confirmed"))),
            ("paid, atoms", grouped(metrics.payout.get())),
            ("fees, lamports", grouped(metrics.fees.get())),
            ("profit, atoms", grouped(metrics.profit_atoms())),
            ("spend left, lamports", grouped(metrics.spend_left.get())),
            ("inventory, atoms", grouped(metrics.inventory.get())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::backend::TestBackend;
    use ratatui::Terminal;

    fn shown(columns: u16, rows: u16, metrics: &Metrics) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, metrics, false)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |row| (0..columns).map(|column| buffer[(column, row)].symbol()).collect::<String>();
        (0..rows).map(|row| line(row).trim_end().to_owned()).collect()
    }

    fn busy() -> Metrics {
        let metrics = Metrics::new().unwrap();
        metrics.synced.set(1);
        metrics.slot.set(312_345_678);
        metrics.accounts.set(1_000_000);
        metrics.at_risk.set(42);
        metrics.set_outcomes(&std::collections::BTreeMap::from([("lost_race", 17), ("not_sent", 3)]));
        metrics
            .set_upkeep(&std::collections::BTreeMap::from([(("resolve", "confirmed"), 5), (("flag", "confirmed"), 6)]));
        metrics.set_faults([("rate_limited", 7), ("timeout", 4)].into_iter());
        metrics.set_profit(-123_456_789_012);
        metrics
    }

    /// Every row, whole, at the size of a plain terminal and at that of a large one.
    #[test]
    fn it_shows_everything_at_either_size() {
        for (columns, rows) in [(80, 24), (200, 50)] {
            let (metrics, empty) = (busy(), Metrics::new().unwrap());
            let lines = shown(columns, rows, &metrics);
            let text = lines.join("\n");
            assert_eq!(lines[0], "taper-liquidator · in step with the chain");
            assert_eq!(lines[usize::from(rows) - 1], "q ends");
            assert!(shown(columns, rows, &empty)[0].ends_with("catching up: nothing is decided"));
            for (name, value) in chain_rows(&metrics).into_iter().chain(action_rows(&metrics)) {
                let found = lines.iter().find_map(|line| {
                    let cells = line.split('│').map(str::trim);
                    cells.into_iter().find_map(|cell| cell.strip_prefix(&name)?.strip_prefix(' ').map(str::trim_start))
                });
                assert_eq!(found, Some(value.as_str()), "{name} at {columns}x{rows}\n{text}");
            }
        }
    }

    #[test]
    fn thousands_are_apart() {
        for (value, text) in [(0, "0"), (-999, "-999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(value), text);
        }
    }
}
