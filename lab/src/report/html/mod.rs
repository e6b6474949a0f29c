//! `report.html`: one self-contained file, readable without a network, in light and dark.

mod chart;
mod escape;
mod map;

use std::fmt::Write as _;

use crate::journal::{Entry, Micros};
use crate::verify::history::History;
use crate::verify::{ExperimentFindings, FaultFinding, Finding, RunFindings, Standing, histories};

use super::units::{percent, rate, sent, span, utc};
use super::words;
use escape::escape;

const STYLE: &str = include_str!("style.css");

/// The whole of `report.html`. `entries` are the journal that `run` was judged from; an experiment
/// without operations there has no chart.
pub fn html(run: &RunFindings, entries: &[Entry]) -> String {
    // A journal that was judged can be cut into experiments; if not, the report has no charts.
    let histories = histories(entries).unwrap_or_default();
    let mut out = String::new();
    let title = format!("{} - {}", escape(&run.stage), escape(&run.run));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
    );
    out.push_str(&header(run));
    out.push_str(&overview(run));
    for (n, experiment) in run.experiments.iter().enumerate() {
        let same = |h: &&History<'_>| h.name == experiment.name && h.start == experiment.started_at;
        let history = histories.iter().find(same);
        out.push_str(&section(n, experiment, history));
    }
    out.push_str("</body></html>\n");
    out
}

fn header(run: &RunFindings) -> String {
    let quick = if run.quick { ", quick run" } else { "" };
    let scale = if run.time_scale == 1.0 {
        String::new()
    } else {
        format!("; the provider's waiting times are divided by {}", run.time_scale)
    };
    format!(
        "<h1>{}</h1>\n<p class=\"{}\"><strong>{}</strong></p>\n<p class=\"quiet\">{}. {} users \
         cause {} at peak; this machine sent {}{scale}. Run {} of {}, seed {}, lab {}{quick}.</p>\n",
        escape(&run.stage),
        run.standing().as_str(),
        escape(&words::conclusion(run)),
        escape(run.title.trim_end_matches('.')),
        run.users,
        rate(run.derived_peak_per_s),
        sent(run.rate_per_s, run.derived_peak_per_s),
        escape(&run.run),
        utc(run.started_at),
        run.seed,
        escape(&run.version),
    )
}

fn overview(run: &RunFindings) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>experiment</th><th>expected</th>\
         <th>verdict</th><th>available</th><th>p50 / p99 / p99.9</th>\
         <th>RTO (detect / recover / re-route)</th><th>lost</th></tr></thead><tbody>\n",
    );
    for (n, e) in run.experiments.iter().enumerate() {
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#e{n}\">{}</a></td><td>{}</td><td class=\"{}\">{}</td><td>{}</td>\
             <td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&e.name),
            words::expected(e),
            e.standing.as_str(),
            escape(&words::verdict(e)),
            e.measured.availability_percent.map_or("-".to_owned(), percent),
            quantiles(e),
            escape(&words::rto(e)),
            escape(&words::lost(e)),
        );
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn quantiles(e: &ExperimentFindings) -> String {
    let us = |v: u64| span(i64::try_from(v).unwrap_or(i64::MAX));
    e.measured
        .latency
        .map_or("-".to_owned(), |q| format!("{} / {} / {}", us(q.p50), us(q.p99), us(q.p999)))
}

fn section(n: usize, e: &ExperimentFindings, history: Option<&History<'_>>) -> String {
    let mut out = format!(
        "<section id=\"e{n}\">\n<h2>{} <span class=\"{}\">{}</span></h2>\n",
        escape(&e.name),
        e.standing.as_str(),
        escape(&words::verdict(e)),
    );
    if let Some(why) = &e.why {
        let _ = writeln!(out, "<p class=\"quiet\">Declared to break: {}</p>", escape(why));
    }
    if e.standing != Standing::AsExpected {
        out.push_str(&list(&e.reasons, e.standing.as_str()));
    }
    if !e.earlier.is_empty() {
        out.push_str(&list(&words::earlier(e), "quiet"));
    }
    out.push_str(&history.map(|h| chart::charts(h, e)).unwrap_or_default());
    out.push_str(&numbers(e));
    out.push_str(&map::maps(&e.maps));
    for fault in &e.faults {
        out.push_str(&fault_line(fault));
    }
    out.push_str("<table><thead><tr><th>check</th><th></th><th>finding</th></tr></thead><tbody>\n");
    for finding in &e.findings {
        out.push_str(&finding_row(finding));
    }
    out.push_str("</tbody></table>\n</section>\n");
    out
}

fn numbers(e: &ExperimentFindings) -> String {
    let m = &e.measured;
    let o = &e.objectives;
    let total = m.total();
    let counts: Vec<String> = m
        .ops
        .iter()
        .map(|(kind, c)| format!("{} {}/{}/{}", kind.as_str(), c.ok, c.fail, c.unknown))
        .collect();
    format!(
        "<p class=\"quiet\">{} operations, {} dropped, longest outage {}; ok/failed/unknown: {}. \
         Objectives: {} % available, p99 {} ms, RTO {}, at most {} lost{}.</p>\n",
        total.total(),
        m.drops,
        span(m.longest_outage),
        escape(&counts.join(", ")),
        o.availability_percent,
        o.p99_ms,
        span(micros(o.rto_ms)),
        o.rpo_writes,
        o.staleness_ms
            .map(|ms| format!(", what is shown at most {} old", span(micros(ms))))
            .unwrap_or_default(),
    )
}

fn micros(ms: u64) -> Micros {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

fn fault_line(fault: &FaultFinding) -> String {
    format!(
        "<p><strong>{}</strong> on {}: {}; healed: {}</p>\n",
        escape(&fault.fault),
        escape(&fault.nodes.join(", ")),
        escape(fault.evidence.as_deref().unwrap_or("not confirmed")),
        escape(fault.heal_evidence.as_deref().unwrap_or("not confirmed")),
    )
}

fn finding_row(f: &Finding) -> String {
    let part = f.part.as_str();
    let details = if f.details.is_empty() {
        String::new()
    } else {
        format!("<details><summary>evidence</summary>{}</details>", list(&f.details, "quiet"))
    };
    format!(
        "<tr><td>{}</td><td class=\"{part}\">{part}</td><td>{}{details}</td></tr>\n",
        f.check.as_str(),
        escape(&f.summary),
    )
}

fn list(lines: &[String], class: &str) -> String {
    let items: String = lines.iter().map(|l| format!("<li>{}</li>", escape(l))).collect();
    format!("<ul class=\"{class}\">{items}</ul>\n")
}
