//! `junit.xml` for CI: one suite for the stage, one case for each check of each experiment and one
//! for the experiment's verdict. A mismatch is a failure, what is inconclusive is an error. In a
//! negative control that broke as declared, failed checks are what was asked for.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::spec::model::Expectation;
use crate::verify::{ExperimentFindings, Finding, Part, RunFindings, Standing};

use super::words;

/// The whole of `junit.xml`.
pub fn junit(run: &RunFindings) -> String {
    let mut suite = TestSuite::new(run.stage.as_str());
    if let Ok(time) = jiff::Timestamp::from_microsecond(run.started_at) {
        let stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        suite.extra.insert("timestamp".into(), stamp.as_str().into());
    }
    for (name, value) in [("run", run.run.clone()), ("seed", run.seed.to_string())] {
        suite.add_property((name, value.as_str()));
    }
    if !run.complete || run.experiments.is_empty() {
        let text = words::conclusion(run);
        let status = non_success(NonSuccessKind::Error, "inconclusive", &text);
        suite.add_test_case(case(&run.stage, "run", status));
    }
    for experiment in &run.experiments {
        let class = format!("{}.{}", run.stage, experiment.name);
        suite.add_test_case(verdict_case(experiment, &class));
        suite.add_test_cases(experiment.findings.iter().map(|f| check_case(experiment, f, &class)));
    }
    let mut report = Report::new("lab verify");
    report.add_test_suite(suite);
    // Writing to memory fails only for text that is not UTF-8, which a Rust string cannot be.
    report.to_string().unwrap_or_default()
}

fn verdict_case(e: &ExperimentFindings, class: &str) -> TestCase {
    let text = format!("expected {}, {}", words::expected(e), words::verdict(e));
    let status = match e.standing {
        Standing::AsExpected => TestCaseStatus::success(),
        Standing::Mismatch => non_success(NonSuccessKind::Failure, "mismatch", &text),
        Standing::Inconclusive => non_success(NonSuccessKind::Error, "inconclusive", &text),
    };
    let mut case = case(class, "verdict", status);
    let micros = u64::try_from(e.ended_at - e.started_at).unwrap_or_default();
    case.set_time(Duration::from_micros(micros));
    let lines = std::iter::once(text).chain(e.reasons.iter().cloned()).chain(words::earlier(e));
    let lines: Vec<String> = lines.collect();
    case.set_system_out(lines.join("\n"));
    case
}

fn check_case(e: &ExperimentFindings, f: &Finding, class: &str) -> TestCase {
    let declared = e.expectation == Expectation::Breaks && e.standing == Standing::AsExpected;
    let status = match (f.part, e.standing) {
        (Part::Pass, _) => TestCaseStatus::success(),
        (Part::Fail, _) if declared => TestCaseStatus::success(),
        (Part::Inconclusive, _) if declared => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(f.summary.as_str());
            status
        }
        (Part::Fail, Standing::Mismatch) => {
            non_success(NonSuccessKind::Failure, "violated", &f.summary)
        }
        _ => non_success(NonSuccessKind::Error, "inconclusive", &f.summary),
    };
    let mut case = case(class, f.check.as_str(), status);
    let lines: Vec<&str> =
        std::iter::once(&f.summary).chain(&f.details).map(String::as_str).collect();
    case.set_system_out(lines.join("\n"));
    case
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn non_success(kind: NonSuccessKind, of: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(of).set_message(message);
    status
}
