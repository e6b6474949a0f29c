//! What users saw of one fault, for `lab chaos`.

use super::{units, words};
use crate::journal::Micros;
use crate::verify::ExperimentFindings;
use crate::verify::recovery::Recovery;

/// A few lines: detected, promoted or replaced, writes resumed, acknowledged writes lost.
pub fn seen(fault: &str, findings: &ExperimentFindings) -> String {
    let measured = &findings.measured;
    let mut lines = vec![format!("{fault}, as the canary saw it:")];
    let mut line = |what: &str, value: String| lines.push(format!("  {what:<28}{value}"));
    if let Some(rto) = &measured.rto {
        line("detected", after(rto.detect));
        let recovered = rto.detect.zip(rto.recover).map(|(detect, recover)| detect + recover);
        line("promoted or replaced", after(recovered));
        line("writes resumed", resumed(rto.writes.unwrap_or(rto.all)));
    }
    line(
        "acknowledged writes lost",
        match &measured.lost {
            Some(lost) => lost.count.to_string(),
            None => "unknown: they could not be read back".into(),
        },
    );
    if let Some(percent) = measured.availability_percent {
        let total = measured.total();
        line("requests that succeeded", format!("{percent:.2}% of {}", total.total()));
    }
    for reason in &findings.reasons {
        lines.push(format!("  note: {reason}"));
    }
    lines.join("\n")
}

fn after(time: Option<Micros>) -> String {
    time.map_or_else(|| "not seen".into(), |t| format!("after {}", units::span(t)))
}

fn resumed(recovery: Recovery) -> String {
    match recovery {
        Recovery::NotHit => "never interrupted".into(),
        Recovery::Back(t) => after(Some(t)),
        other => format!("not seen ({})", words::recovery(other)),
    }
}
