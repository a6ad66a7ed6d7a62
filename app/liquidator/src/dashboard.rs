//! The dashboard: the metrics, in a terminal. It shows and decides nothing; `q` ends the bot in good order.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use ratatui::Frame;
use tokio::sync::watch;

use crate::action::Outcome;
use crate::metrics::Metrics;

const REDRAW: Duration = Duration::from_millis(250);

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
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(body);
    frame.render_widget(table("chain", &chain_rows(metrics)), left);
    frame.render_widget(table("actions", &action_rows(metrics)), right);
    frame.render_widget(Paragraph::new("q ends"), foot);
}

fn table<'a>(title: &'a str, rows: &[(String, String)]) -> Table<'a> {
    let rows = rows.iter().map(|(name, value)| Row::new([name.clone(), value.clone()]));
    Table::new(rows, [Constraint::Percentage(60), Constraint::Percentage(40)]).block(Block::bordered().title(title))
}

fn chain_rows(metrics: &Metrics) -> Vec<(String, String)> {
    let (count, seconds) = metrics.latency.total();
    let mean_micros = if count == 0 { 0.0 } else { seconds / count as f64 * 1e6 };
    [
        ("slot", metrics.slot.get().to_string()),
        ("margin accounts", metrics.accounts.get().to_string()),
        ("markets", metrics.markets.get().to_string()),
        ("accounts at risk", metrics.at_risk.get().to_string()),
        ("updates", metrics.updates.get().to_string()),
        ("updates that wait", metrics.queue.get().to_string()),
        ("updates dropped", metrics.dropped.get().to_string()),
        ("connections", metrics.connections.get().to_string()),
        ("times loaded", metrics.loads.get().to_string()),
        ("own time, mean", format!("{mean_micros:.0} µs")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn action_rows(metrics: &Metrics) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> =
        Outcome::LABELS.iter().map(|label| (label.replace('_', " "), metrics.outcome(label).to_string())).collect();
    rows.extend(
        [
            ("in flight", metrics.in_flight.get().to_string()),
            ("slices", metrics.slices.get().to_string()),
            ("paid, atoms", metrics.payout.get().to_string()),
            ("fees, lamports", metrics.fees.get().to_string()),
            ("profit, atoms", metrics.profit_atoms().to_string()),
            ("left to spend, lamports", metrics.spend_left.get().to_string()),
            ("inventory, atoms", metrics.inventory.get().to_string()),
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

    #[test]
    fn it_shows_what_was_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.at_risk.set(42);
        metrics.set_outcomes(&std::collections::BTreeMap::from([("lost_race", 17)]));
        let mut terminal = Terminal::new(TestBackend::new(90, 20)).unwrap();
        terminal.draw(|frame| draw(frame, &metrics, false)).unwrap();
        let shown = terminal.backend().to_string();
        let line_of = |word: &str| shown.lines().find(|line| line.contains(word)).unwrap_or("").to_owned();
        assert!(line_of("accounts at risk").contains("42"), "{shown}");
        assert!(line_of("lost race").contains("17"), "{shown}");
        assert!(line_of("taper-liquidator").contains("catching up"), "{shown}");
    }
}
