//! Combines the findings of an experiment into its verdict.
//!
//! The verdict is the worst of its findings, with two exceptions that keep a verdict honest:
//!
//! - When the faults were not shown to be there, when the lab was not healthy before them, or when
//!   the run was cut short, what happened says nothing about the architecture: *inconclusive*. Only
//!   a broken promise about data (a write lost, money gone, an effect doubled) still counts against
//!   an experiment that should survive, unless the run was cut short: no fault is needed to prove it.
//! - A negative control has to break *because of* its faults. A failure that wholly predates the
//!   first fault does not count as the breakage it declares. On the other hand an outage leaves gaps
//!   in the evidence (too few successes, nothing to read back), and those do not hide what is proven.

use crate::spec::model::Expectation;

use super::findings::{Check, Finding, Part, Standing, Verdict};

/// The verdict of an experiment.
pub fn combine(expectation: Expectation, findings: &[Finding]) -> Verdict {
    let survives = expectation == Expectation::Survives;
    let has = |wanted: Part| findings.iter().any(|f| f.part == wanted);
    let open = |f: &Finding| match f.check {
        // It failed along with something else: then that is what it led to.
        Check::Memory => f.part == Part::Inconclusive,
        check => f.part != Part::Pass && is_precondition(check),
    };
    let blocked = findings.iter().any(open);
    if blocked {
        // Nor does it when somebody else took something away meanwhile.
        let cut_short =
            findings.iter().any(|f| matches!(f.check, Check::Completed | Check::Untouched));
        let data = findings.iter().any(|f| f.part == Part::Fail && is_about_data(f.check));
        return if survives && data && !cut_short { Verdict::Broke } else { Verdict::Inconclusive };
    }
    let proven = |f: &Finding| f.part == Part::Fail && (survives || !f.predates_fault);
    if findings.iter().any(proven) {
        Verdict::Broke
    } else if has(Part::Fail) || has(Part::Inconclusive) || findings.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Survived
    }
}

/// Checks without which nothing else means anything.
fn is_precondition(check: Check) -> bool {
    matches!(check, Check::Completed | Check::Untouched | Check::FaultEffect | Check::SteadyState)
}

/// Checks whose failure proves itself.
fn is_about_data(check: Check) -> bool {
    matches!(
        check,
        Check::NoLostWrite
            | Check::Conserved
            | Check::ExactlyOnce
            | Check::EffectExactlyOnce
            | Check::Events
            | Check::Queue
    )
}

/// Whether the same experiment may be tried once more, and the later try take the place of this one:
/// when it came to its end and proved nothing either way, and when nothing that it promised is open: every
/// write and effect was read back and is there. Nobody will ever look for them again.
pub fn can_be_repeated(verdict: Verdict, findings: &[Finding]) -> bool {
    let against = |f: &Finding| match f.check {
        Check::Completed | Check::Untouched => true,
        Check::SessionGuarantees | Check::CacheCoherence => f.part == Part::Fail,
        check => is_about_data(check) && f.part != Part::Pass,
    };
    verdict == Verdict::Inconclusive && !findings.iter().any(against)
}

/// The verdict against what was expected.
pub fn standing(expectation: Expectation, verdict: Verdict) -> Standing {
    match (expectation, verdict) {
        (_, Verdict::Inconclusive) => Standing::Inconclusive,
        (Expectation::Survives, Verdict::Survived) | (Expectation::Breaks, Verdict::Broke) => {
            Standing::AsExpected
        }
        _ => Standing::Mismatch,
    }
}

/// Why the verdict is what it is: the checks that failed, or those that could not be judged (the
/// preconditions first), or for a control that did not break the words that say why that matters.
pub fn reasons(
    expectation: Expectation,
    verdict: Verdict,
    findings: &[Finding],
    why: Option<&str>,
) -> Vec<String> {
    let line = |f: &Finding| format!("{}: {}", f.check.as_str(), f.summary);
    let with = |part: Part| findings.iter().filter(move |f| f.part == part);
    match verdict {
        Verdict::Survived if expectation == Expectation::Breaks => {
            let matters = why.map(|why| format!(" This matters: {why}")).unwrap_or_default();
            vec![format!("survived although it is declared to break: every check passed.{matters}")]
        }
        Verdict::Survived => Vec::new(),
        Verdict::Broke => with(Part::Fail).map(line).collect(),
        Verdict::Inconclusive => {
            let mut open: Vec<&Finding> = with(Part::Inconclusive).collect();
            open.sort_by_key(|f| !(is_precondition(f.check) || f.check == Check::Memory));
            let failed = with(Part::Fail).map(|f| {
                let early = if f.predates_fault { " (already so before the fault)" } else { "" };
                format!(
                    "{} failed too, which proves nothing here: {}{early}",
                    f.check.as_str(),
                    f.summary
                )
            });
            open.into_iter().map(line).chain(failed).collect()
        }
    }
}
