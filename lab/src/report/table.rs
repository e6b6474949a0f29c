//! The terminal's view of a run.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

use crate::verify::recovery::Recovery;
use crate::verify::{ExperimentFindings, RunFindings, Standing};

use super::changed::suffered_most;
use super::units::{clean, percent, rate, sent, span};
use super::words;

/// A compact table, the reasons for whatever is not as expected, and one line with the verdict.
/// Ends with a line break.
pub fn table(run: &RunFindings, color: bool) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(HEADERS.map(|h| Cell::new(h).add_attribute(Attribute::Bold)));
    for experiment in &run.experiments {
        table.add_row(row(experiment));
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for experiment in run.experiments.iter().filter(|e| e.standing != Standing::AsExpected) {
        let _ = write!(out, "\n{}", reasons(experiment));
    }
    for experiment in &run.experiments {
        let told = words::told(experiment);
        if !told.is_empty() {
            let _ = writeln!(out);
        }
        for told in told {
            let _ = writeln!(out, "{}: {}", experiment.name, clean(&told));
        }
    }
    let unproven = |e: &ExperimentFindings| {
        e.measured.rto.as_ref().is_some_and(|rto| matches!(rto.worst, Recovery::Unproven(_)))
    };
    if run.experiments.iter().any(unproven) {
        let _ = writeln!(out, "\n?: it looked back by then, but traffic ended too soon to tell");
    }
    let _ = writeln!(out, "\n{}", traffic(run));
    let _ = writeln!(out, "{}", paint(&words::conclusion(run), run.standing(), color));
    out
}

const HEADERS: [&str; 7] = [
    "experiment",
    "expected",
    "verdict",
    "available",
    "p99",
    "RTO (detect / recover / re-route)",
    "lost",
];

fn row(e: &ExperimentFindings) -> Vec<Cell> {
    let (colour, _) = colours(e.standing);
    let m = &e.measured;
    let p99 = m.latency.map(|q| span(i64::try_from(q.p99).unwrap_or(i64::MAX)));
    vec![
        Cell::new(&e.name),
        Cell::new(words::expected(e)),
        Cell::new(words::verdict(e)).fg(colour),
        Cell::new(m.availability_percent.map_or("-".to_owned(), percent)),
        Cell::new(p99.unwrap_or("-".to_owned())),
        Cell::new(words::rto(e)),
        Cell::new(words::lost(e)),
    ]
}

fn reasons(e: &ExperimentFindings) -> String {
    let mut out = format!("{}: expected {}, {}\n", e.name, words::expected(e), words::verdict(e));
    for reason in &e.reasons {
        let _ = writeln!(out, "  {}", clean(reason));
    }
    if let Some(told) = suffered_most(&e.maps) {
        let _ = writeln!(out, "  suffered most: {}", clean(&told));
    }
    out
}

/// What was sent, against what so many users would send.
fn traffic(run: &RunFindings) -> String {
    let scale = if run.time_scale == 1.0 {
        String::new()
    } else {
        format!("; the provider's waiting times are divided by {}", run.time_scale)
    };
    format!(
        "{} users cause {} at peak, this machine sent {}{scale}{}",
        run.users,
        rate(run.derived_peak_per_s),
        sent(run.rate_per_s, run.derived_peak_per_s),
        if run.quick { "; a quick run" } else { "" }
    )
}

/// For a table cell, and as an escape sequence (SGR).
fn colours(standing: Standing) -> (Color, &'static str) {
    match standing {
        Standing::AsExpected => (Color::Green, "\x1b[32m"),
        Standing::Inconclusive => (Color::Yellow, "\x1b[33m"),
        Standing::Mismatch => (Color::Red, "\x1b[31m"),
    }
}

fn paint(text: &str, standing: Standing, color: bool) -> String {
    if color { format!("{}{text}\x1b[0m", colours(standing).1) } else { text.to_owned() }
}
