//! One file per guarantee. Each check is a function from a [`Case`] to a [`Finding`].

mod availability;
mod cache_coherence;
mod cache_stampede;
mod completed;
mod conserved;
mod coverage;
mod crowds;
mod effects;
mod events;
mod exactly_once;
mod fault_effect;
mod isolation;
mod latency;
mod memory;
mod no_lost_write;
mod queue;
mod recovery;
mod releases;
mod request_collapsing;
mod scaling;
mod session_guarantees;
mod staleness;
mod steady_state;
mod throttling;
mod unexplained;
mod untouched;

use super::findings::{Finding, MAX_LISTED, Part};
use super::judge::Case;
use crate::journal::Micros;

pub use coverage::{MIN_SUCCESSES, QUIET_MEANS, QUIET_MIN};
pub use memory::check as memory;
pub use steady_state::{MANUAL_STEADY, MIN_STEADY, unhealthy};

/// Every check that applies to the experiment. Without faults injected by hand, `since-up` is judged
/// by its invariants and its availability alone: nobody promised that anything would happen in it.
pub fn all(case: &Case<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = completed::check(case).into_iter().collect();
    if !case.is_quiet() {
        findings.push(fault_effect::check(case));
        findings.push(steady_state::check(case));
        findings.push(coverage::check(case));
    }
    findings.push(no_lost_write::check(case));
    findings.extend(conserved::check(case));
    findings.push(exactly_once::check(case));
    findings.extend(effects::check(case));
    findings.extend(events::check(case));
    findings.extend(queue::check(case));
    findings.extend(session_guarantees::check(case));
    findings.extend(staleness::check(case));
    findings.extend(cache_coherence::check(case));
    findings.extend(request_collapsing::check(case));
    findings.extend(cache_stampede::check(case));
    findings.extend(throttling::check(case));
    findings.extend(releases::check(case));
    findings.extend(unexplained::check(case));
    findings.extend(of_speed(case));
    let all_well = findings.iter().all(|f| f.part == Part::Pass);
    findings.extend(untouched::check(case, all_well));
    findings
}

/// The checks whose result also depends on how fast the machine is.
pub fn of_speed(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = vec![availability::check(case)];
    if !case.is_quiet() {
        findings.extend(isolation::check(case));
        findings.extend(scaling::check(case));
        findings.push(latency::check(case));
        findings.push(recovery::check(case));
    }
    findings
}

/// The first [`MAX_LISTED`] lines, and how many more there are.
fn listed(lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MAX_LISTED);
    let mut kept: Vec<String> = lines.into_iter().take(MAX_LISTED).collect();
    if more > 0 {
        kept.push(format!("and {more} more"));
    }
    kept
}

/// `1 order`, `2 orders`.
fn plural(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `340 ms`, `2 s`, `2.1 s`.
fn age(us: Micros) -> String {
    match us {
        0 => "0 s".to_owned(),
        us if us < 999_500 => format!("{:.0} ms", us as f64 / 1e3),
        us if us % 1_000_000 == 0 => format!("{} s", us / 1_000_000),
        us => format!("{:.1} s", us as f64 / 1e6),
    }
}
