//! The phrases that table, JUnit and HTML share.

use crate::spec::model::Expectation;
use crate::verify::recovery::Recovery;
use crate::verify::{
    Check, EarlierTry, ExperimentFindings, Part, RunFindings, SINCE_UP, Standing, Verdict,
};

use super::units::span;

/// `survives` or `breaks`; nothing is expected of `since-up` without faults.
pub fn expected(e: &ExperimentFindings) -> &'static str {
    match e.expectation {
        _ if is_quiet(e) => "-",
        Expectation::Survives => "survives",
        Expectation::Breaks => "breaks",
    }
}

/// The verdict against what was expected, with the checks that failed.
pub fn verdict(e: &ExperimentFindings) -> String {
    let failed: Vec<&str> =
        e.findings.iter().filter(|f| f.part == Part::Fail).map(|f| f.check.as_str()).collect();
    let failed = failed.join(", ");
    match (e.verdict, e.standing) {
        (Verdict::Survived, Standing::AsExpected) if is_quiet(e) => "no fault".to_owned(),
        (Verdict::Survived, Standing::AsExpected) => "survived".to_owned(),
        (Verdict::Survived, _) => "survived, declared to break".to_owned(),
        (Verdict::Broke, Standing::AsExpected) => format!("broke, as declared ({failed})"),
        (Verdict::Broke, _) => format!("broke ({failed})"),
        (Verdict::Inconclusive, _) => "inconclusive".to_owned(),
    }
}

/// What came before the try that counts, one sentence for each.
pub fn earlier(e: &ExperimentFindings) -> Vec<String> {
    let total = e.earlier.len() + 1;
    let told = |(n, earlier): (usize, &EarlierTry)| {
        let why = earlier.reasons.join("; ");
        format!("try {} of {total} proved nothing, so it was tried once more: {why}", n + 1)
    };
    e.earlier.iter().enumerate().map(told).collect()
}

/// What is told whatever the verdict is, one sentence each: earlier tries, and what no fault explains.
pub fn told(e: &ExperimentFindings) -> Vec<String> {
    let unexplained = e.findings.iter().filter(|f| f.check == Check::Unexplained);
    let lines = unexplained.flat_map(|f| match f.details.as_slice() {
        [] => std::slice::from_ref(&f.summary),
        details => details,
    });
    earlier(e).into_iter().chain(lines.cloned()).collect()
}

/// `since-up` in which nobody injected anything.
pub fn is_quiet(e: &ExperimentFindings) -> bool {
    e.name == SINCE_UP && e.faults.is_empty()
}

/// Time to recovery with its parts: `2.1 s (600 ms / 1.2 s / 300 ms)`.
pub fn rto(e: &ExperimentFindings) -> String {
    let Some(rto) = &e.measured.rto else { return "-".to_owned() };
    let total = recovery(rto.worst);
    let parts = [rto.detect, rto.recover, rto.reroute];
    if parts.iter().all(Option::is_none) {
        return total;
    }
    let shown = parts.map(|part| part.map_or("-".to_owned(), span));
    format!("{total} ({})", shown.join(" / "))
}

/// One recovery in a few characters.
pub fn recovery(recovery: Recovery) -> String {
    match recovery {
        Recovery::NotHit => "0 s".to_owned(),
        Recovery::Back(t) => span(t),
        Recovery::Unproven(t) => format!("{}?", span(t)),
        Recovery::NotBack(t) => format!("> {}", span(t)),
        Recovery::NoTraffic => "?".to_owned(),
    }
}

/// Lost writes: their number and the age of the oldest.
pub fn lost(e: &ExperimentFindings) -> String {
    let Some(lost) = &e.measured.lost else {
        let judged = e.findings.iter().any(|f| f.check == Check::NoLostWrite);
        let nothing = is_quiet(e) && e.measured.ops.is_empty();
        return if judged && !nothing { "?" } else { "-" }.to_owned();
    };
    match lost.oldest_age {
        Some(age) if age >= 0 => format!("{} (oldest {} before)", lost.count, span(age)),
        Some(age) => format!("{} (oldest {} after)", lost.count, span(-age)),
        None => lost.count.to_string(),
    }
}

/// The last line: what the run means as a whole.
pub fn conclusion(run: &RunFindings) -> String {
    let total = run.experiments.len();
    let experiments = if total == 1 { "experiment" } else { "experiments" };
    let cut_short = if run.complete { "" } else { "; the run was cut short" };
    let mut parts = Vec::new();
    let mismatches = run.count(Standing::Mismatch);
    let open = run.count(Standing::Inconclusive);
    if mismatches > 0 {
        parts.push(format!("{mismatches} not as expected"));
    }
    if open > 0 {
        parts.push(format!("{open} inconclusive"));
    }
    let body = match (total, parts.is_empty()) {
        (0, _) => "inconclusive: nothing was judged".to_owned(),
        (_, true) => format!("{total} of {total} {experiments} as expected"),
        _ => format!("{} of {total} {experiments}", parts.join(", ")),
    };
    format!("{}: {body}{cut_short} (seed {})", run.stage, run.seed)
}
