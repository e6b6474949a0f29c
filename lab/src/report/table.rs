//! The terminal's view of a run.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};

use crate::verify::recovery::Recovery;
use crate::verify::{ExperimentFindings, RunFindings, Standing};

use super::changed::suffered_most;
use super::listing::Column::{self, Prose, Value};
use super::listing::{listing, plain, wrapped};
use super::units::{clean, percent, rate, sent, span};
use super::words;

/// A compact table of lines of at most so many characters, the parts of each recovery, the reasons for
/// whatever is not as expected, and one line with the verdict. Ends with a line break.
pub fn table(run: &RunFindings, width: usize, color: bool) -> String {
    let mut out = listing(&COLUMNS, run.experiments.iter().map(row), width, color) + "\n";
    let parts: Vec<Vec<String>> = run.experiments.iter().filter_map(parts).collect();
    if !parts.is_empty() {
        let _ = writeln!(out, "\n{}", plain(&PARTS, parts, width));
    }
    let mut told = String::new();
    for experiment in run.experiments.iter().filter(|e| e.standing != Standing::AsExpected) {
        let _ = write!(told, "\n{}", reasons(experiment));
    }
    for experiment in &run.experiments {
        let lines = words::told(experiment);
        if !lines.is_empty() {
            let _ = writeln!(told);
        }
        for line in lines {
            let _ = writeln!(told, "{}: {}", experiment.name, clean(&line));
        }
    }
    let unproven = |e: &ExperimentFindings| {
        e.measured.rto.as_ref().is_some_and(|rto| matches!(rto.worst, Recovery::Unproven(_)))
    };
    if run.experiments.iter().any(unproven) {
        let _ = writeln!(told, "\n?: it looked back by then, but traffic ended too soon to tell");
    }
    let _ = writeln!(told, "\n{}", traffic(run));
    out += &wrapped(&told, width, 2);
    let conclusion = wrapped(&words::conclusion(run), width, 2);
    let _ = writeln!(out, "{}", paint(&conclusion, run.standing(), color));
    out
}

const COLUMNS: [Column<'_>; 6] = [
    Value("experiment"),
    Prose("verdict"),
    Value("available"),
    Value("p99"),
    Value("RTO"),
    Prose("lost"),
];

/// The verdict says what was expected where that is not what came: `broke, as declared`.
fn row(e: &ExperimentFindings) -> Vec<Cell> {
    let (colour, _) = colours(e.standing);
    let m = &e.measured;
    let p99 = m.latency.map(|q| span(i64::try_from(q.p99).unwrap_or(i64::MAX)));
    vec![
        Cell::new(&e.name),
        Cell::new(words::verdict(e)).fg(colour),
        Cell::new(m.availability_percent.map_or("-".to_owned(), percent)),
        Cell::new(p99.unwrap_or("-".to_owned())),
        Cell::new(m.rto.as_ref().map_or("-".to_owned(), |rto| words::recovery(rto.worst))),
        Cell::new(words::lost(e)),
    ]
}

const PARTS: [Column<'_>; 4] =
    [Value("RTO of"), Value("= detect"), Value("+ recover"), Value("+ re-route")];

/// What a recovery is made of, where that was seen.
fn parts(e: &ExperimentFindings) -> Option<Vec<String>> {
    let rto = e.measured.rto.as_ref()?;
    let parts = [rto.detect, rto.recover, rto.reroute];
    if parts.iter().all(Option::is_none) {
        return None;
    }
    let shown = parts.map(|part| part.map_or("-".to_owned(), span));
    Some([e.name.clone()].into_iter().chain(shown).collect())
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
