//! What a fault changed between services, in one line: the call that suffered most.

use super::units::{percent, span};
use crate::journal::{Calls, Mapped, Phase, Traffic};

/// The call that suffered most; `None` when none did, or when nothing is known of it.
pub fn suffered_most(maps: &[Mapped]) -> Option<String> {
    let of = |phase| maps.iter().find(|m| m.phase == phase).map(|m| &m.map.calls);
    let (before, during) = (of(Phase::Steady)?, of(Phase::Fault)?);
    let earlier = |calls: &Calls| {
        let same = before.iter().find(|b| b.from == calls.from && b.to == calls.to);
        same.map(|b| b.traffic).unwrap_or_default()
    };
    let (calls, was) = during
        .iter()
        .map(|calls| (calls, earlier(calls)))
        .max_by(|a, b| harm(a).total_cmp(&harm(b)))
        .filter(|worst| harm(worst) > LITTLE)?;
    let now = &calls.traffic;
    Some(format!(
        "{} -> {}: p99 {} (before {}), {} failed (before {})",
        calls.from,
        calls.to,
        span(i64::try_from(now.p99_us).unwrap_or(i64::MAX)),
        span(i64::try_from(was.p99_us).unwrap_or(i64::MAX)),
        percent(now.error_percent()),
        percent(was.error_percent()),
    ))
}

/// Less than twice as slow and a percent of errors is no news.
const LITTLE: f64 = 1.0;

/// A percent of errors weighs as much as a doubling of the time.
fn harm((calls, was): &(&Calls, Traffic)) -> f64 {
    let slower = (calls.traffic.p99_us.max(1) as f64 / was.p99_us.max(1000) as f64).log2();
    calls.traffic.error_percent() - was.error_percent() + slower.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ServiceMap;

    fn mapped(phase: Phase, calls: &[(&str, u64, u64)]) -> Mapped {
        let call = |(to, errors, p99_us): &(&str, u64, u64)| Calls {
            from: "web".into(),
            to: (*to).into(),
            traffic: Traffic { count: 100, errors: *errors, p50_us: 0, p99_us: *p99_us },
        };
        let calls = calls.iter().map(call).collect();
        Mapped { phase, map: ServiceMap { calls, ..ServiceMap::default() } }
    }

    #[test]
    fn errors_and_slowness_are_told_and_the_rest_is_not() {
        let before = mapped(Phase::Steady, &[("cache", 0, 2000), ("db", 0, 10_000)]);
        let failed = mapped(Phase::Fault, &[("cache", 1, 2000), ("db", 30, 20_000)]);
        assert_eq!(
            suffered_most(&[before.clone(), failed]).as_deref(),
            Some("web -> db: p99 20 ms (before 10 ms), 30.00 % failed (before 0.00 %)")
        );
        let slow = mapped(Phase::Fault, &[("cache", 0, 500_000), ("db", 0, 20_000)]);
        let told = suffered_most(&[before.clone(), slow]).unwrap();
        assert!(told.starts_with("web -> cache: p99 500 ms"), "{told}");
        let same = mapped(Phase::Fault, &[("cache", 0, 2100), ("db", 0, 10_000)]);
        assert_eq!(suffered_most(&[before.clone(), same]), None);
        assert_eq!(suffered_most(&[before]), None, "there is nothing to compare");
    }
}
