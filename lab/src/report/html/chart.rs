//! Two charts of an experiment as inline SVG: latency of each operation, and rate over time. Faults
//! are shaded, and so is the time until service was back.

use std::fmt::Write as _;

use crate::journal::{Micros, Op, Outcome};
use crate::verify::ExperimentFindings;
use crate::verify::history::History;

use super::super::units::span;
use super::escape::escape;

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 60.0;
const SCATTER_HEIGHT: f64 = 220.0;
const RATE_HEIGHT: f64 = 90.0;
/// Room for the labels under a chart.
const FOOT: f64 = 20.0;
/// Dots of one outcome in a chart; more cannot be told apart and make the file large.
const MAX_DOTS: usize = 3000;
/// Latencies that the scale reaches from and to, in microseconds, whatever was measured.
const SHORTEST: f64 = 100.0;
const LEAST_TOP: f64 = 1e6;

/// Both charts; nothing when no operation was recorded.
pub(super) fn charts(history: &History<'_>, e: &ExperimentFindings) -> String {
    let (Some(first), Some(last)) = (history.ops.first(), history.ops.last()) else {
        return String::new();
    };
    let view = View {
        history,
        e,
        from: first.intended,
        to: last.intended.max(first.intended + 1),
        zero: history.first_fault().unwrap_or(first.intended),
    };
    format!("{}{}", view.scatter(), view.rate())
}

struct View<'a> {
    history: &'a History<'a>,
    e: &'a ExperimentFindings,
    from: Micros,
    to: Micros,
    zero: Micros,
}

impl View<'_> {
    fn x(&self, at: Micros) -> f64 {
        let share = (at - self.from) as f64 / (self.to - self.from) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT)
    }

    fn scatter(&self) -> String {
        let slowest = self.history.ops.iter().map(|op| latency(op)).fold(LEAST_TOP, f64::max);
        let scale = (slowest / SHORTEST).log10();
        let y = |us: f64| {
            SCATTER_HEIGHT - (us.max(SHORTEST) / SHORTEST).log10() / scale * (SCATTER_HEIGHT - 8.0)
        };
        let mut out = self.open(SCATTER_HEIGHT, "latency of each operation over time");
        let mut grid = 1000.0;
        while grid <= slowest {
            out.push_str(&horizontal(y(grid), "axis", &span(grid as Micros)));
            grid *= 10.0;
        }
        let objective = self.e.objectives.p99_ms as f64 * 1000.0;
        if (SHORTEST..=slowest).contains(&objective) {
            out.push_str(&horizontal(y(objective), "limit", ""));
        }
        for (outcome, class) in
            [(Outcome::Ok, "ok"), (Outcome::Unknown, "unknown"), (Outcome::Fail, "lost")]
        {
            let ops: Vec<&&Op> = self.history.ops.iter().filter(|o| o.outcome == outcome).collect();
            let _ = write!(out, "<path class=\"{class}\" d=\"");
            for op in ops.iter().step_by(ops.len().div_ceil(MAX_DOTS).max(1)) {
                let _ = write!(out, "M{:.1} {:.1}h0", self.x(op.intended), y(latency(op)));
            }
            out.push_str("\"/>");
        }
        out.push_str("</svg>\n");
        out
    }

    /// Operations due in each of a hundred slices; those that did not succeed at the bottom.
    fn rate(&self) -> String {
        const SLICES: usize = 100;
        let mut slices = [(0u32, 0u32); SLICES];
        for op in &self.history.ops {
            let share = (op.intended - self.from) as f64 / (self.to - self.from) as f64;
            let (all, bad) = &mut slices[((share * SLICES as f64) as usize).min(SLICES - 1)];
            *all += 1;
            *bad += u32::from(op.outcome != Outcome::Ok);
        }
        let top = slices.iter().map(|(all, _)| *all).max().unwrap_or(1).max(1);
        let height = |n: u32| f64::from(n) / f64::from(top) * (RATE_HEIGHT - 14.0);
        let seconds = (self.to - self.from) as f64 / 1e6 / SLICES as f64;
        let mut out = self.open(RATE_HEIGHT, "operations per second, failures at the bottom");
        let label = format!("{:.0}/s", f64::from(top) / seconds);
        out.push_str(&horizontal(RATE_HEIGHT - height(top), "axis", &label));
        let step = (WIDTH - LEFT) / SLICES as f64;
        for (n, (all, bad)) in slices.into_iter().enumerate() {
            let x = LEFT + n as f64 * step;
            for (count, base, class) in [(bad, 0, "badbar"), (all - bad, bad, "bar")] {
                if count > 0 {
                    let _ = write!(
                        out,
                        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
                         height=\"{:.1}\"/>",
                        RATE_HEIGHT - height(base) - height(count),
                        step - 1.0,
                        height(count),
                    );
                }
            }
        }
        out.push_str("</svg>\n");
        out
    }

    fn open(&self, height: f64, what: &str) -> String {
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{what}\"><title>{what}\
             </title>",
            height + FOOT
        );
        if let Some(rto) = &self.e.measured.rto {
            let until = rto.from + rto.worst.outage();
            out.push_str(&self.shade(rto.from, until, height, "outage", "until service was back"));
        }
        for fault in &self.e.faults {
            let Some(from) = fault.injected_at else { continue };
            let label = format!("{} on {}", fault.fault, fault.nodes.join(", "));
            out.push_str(&self.shade(
                from,
                fault.healed_at.unwrap_or(self.to),
                height,
                "fault",
                &label,
            ));
        }
        let _ = write!(out, "<path class=\"axis\" d=\"M{LEFT} 0V{height}H{WIDTH}\"/>");
        for n in 0..=5 {
            let at = self.from + (self.to - self.from) / 5 * n;
            let anchor = if n == 5 { "end" } else { "middle" };
            let _ = write!(
                out,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{:+.1} s</text>",
                self.x(at),
                height + 14.0,
                (at - self.zero) as f64 / 1e6
            );
        }
        out
    }

    fn shade(&self, from: Micros, to: Micros, height: f64, class: &str, label: &str) -> String {
        let (x, end) = (self.x(from), self.x(to));
        format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"0\" width=\"{:.1}\" height=\"{height}\">\
             <title>{}</title></rect>",
            (end - x).max(2.0),
            escape(label)
        )
    }
}

fn latency(op: &Op) -> f64 {
    (op.done - op.intended).max(0) as f64
}

fn horizontal(y: f64, class: &str, label: &str) -> String {
    format!(
        "<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/><text x=\"{}\" y=\"{:.1}\" \
         text-anchor=\"end\">{label}</text>",
        LEFT - 6.0,
        y + 4.0
    )
}
