//! What each target does with the requests that it is sent: how many, how many of them badly, and how
//! fast. Counted from nginx's access log, one line for a request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::config::TargetConfig;

/// What one target has done since the balancer started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Requests that were sent to it.
    pub requests: u64,
    /// Of those, the ones that it did not answer, or with a status of 500 and above.
    pub errors: u64,
    /// How many answers took so many milliseconds, rounded up to two digits.
    pub latency_ms: BTreeMap<u32, u64>,
}

impl Numbers {
    /// Answers that took longer than so many milliseconds.
    pub fn slower_than(&self, ms: u64) -> u64 {
        let slower = self.latency_ms.iter().filter(|(took, _)| u64::from(**took) > ms);
        slower.map(|(_, count)| count).sum()
    }

    /// Adds the numbers of another.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        for (ms, count) in &other.latency_ms {
            *self.latency_ms.entry(*ms).or_default() += count;
        }
    }

    /// What has been added since `before`; everything, when the balancer has been restarted since.
    pub fn since(&self, before: &Self) -> Self {
        if self.requests < before.requests || self.errors < before.errors {
            return self.clone();
        }
        let more = |(ms, count): (&u32, &u64)| {
            let more = count.saturating_sub(before.latency_ms.get(ms).copied().unwrap_or(0));
            (more > 0).then_some((*ms, more))
        };
        Self {
            requests: self.requests - before.requests,
            errors: self.errors - before.errors,
            latency_ms: self.latency_ms.iter().filter_map(more).collect(),
        }
    }

    fn count(&mut self, status: u16, seconds: Option<f64>) {
        self.requests += 1;
        self.errors += u64::from(status >= 500);
        if let Some(seconds) = seconds {
            *self.latency_ms.entry(rounded(seconds)).or_default() += 1;
        }
    }
}

/// Seconds as milliseconds, rounded up to two digits: 7, 43, 130.
fn rounded(seconds: f64) -> u32 {
    let ms = (seconds * 1000.0).ceil().clamp(0.0, 1e9) as u32;
    let unit = 10_u32.pow(ms.checked_ilog10().unwrap_or(0).saturating_sub(1));
    ms.div_ceil(unit) * unit
}

/// The numbers of all targets, by name.
pub type AllNumbers = BTreeMap<String, Numbers>;

/// Numbers that one counts and others read.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<AllNumbers>>);

impl Shared {
    /// All numbers at this moment.
    pub fn all(&self) -> AllNumbers {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts one request from a line of the log.
    pub fn count(&self, targets: &[TargetConfig], line: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (address, status, seconds) in attempts(line) {
            if let Some(target) = targets.iter().find(|t| t.address == address) {
                all.entry(target.name.clone()).or_default().count(status, seconds);
            }
        }
    }
}

/// The targets that a request was sent to, one after the other: `address, address|502, 200|0.2, 0.003`.
/// One whose answer nobody waited for has no status, and is left out.
fn attempts(line: &str) -> Vec<(SocketAddr, u16, Option<f64>)> {
    let mut fields = line.trim().split('|').map(|field| field.split(", "));
    let (Some(addresses), Some(statuses), Some(times)) =
        (fields.next(), fields.next(), fields.next())
    else {
        return Vec::new();
    };
    let attempt = |((address, status), time): ((&str, &str), &str)| {
        Some((address.parse().ok()?, status.parse().ok()?, time.parse().ok()))
    };
    addresses.zip(statuses).zip(times).filter_map(attempt).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    fn counted(lines: &[&str]) -> AllNumbers {
        let (config, shared) = (config(&[1, 2]), Shared::default());
        lines.iter().for_each(|line| shared.count(&config.targets, line));
        shared.all()
    }

    #[test]
    fn requests_errors_and_latencies_are_counted_for_each_target() {
        let all = counted(&[
            "10.0.0.1:8080|200|0.003",
            "10.0.0.1:8080|503|0.1234",
            "10.0.0.2:8080|404|0.000",
        ]);
        let latency_ms = [(3, 1), (130, 1)].into();
        assert_eq!(all["web-1"], Numbers { requests: 2, errors: 1, latency_ms });
        assert_eq!((all["web-2"].requests, all["web-2"].errors), (1, 0));
        assert_eq!((all["web-1"].slower_than(100), all["web-1"].slower_than(130)), (1, 0));
    }

    #[test]
    fn of_a_request_that_was_sent_twice_each_target_has_its_own_part() {
        let all = counted(&["10.0.0.1:8080, 10.0.0.2:8080|502, 200|0.200, 0.004"]);
        assert_eq!((all["web-1"].requests, all["web-1"].errors), (1, 1));
        assert_eq!((all["web-2"].requests, all["web-2"].errors), (1, 0));
    }

    #[test]
    fn what_says_nothing_about_a_target_is_left_out() {
        let lines = ["-|-|-", "10.0.0.1:8080|-|-", "10.0.0.9:8080|200|0.1", "", "nonsense"];
        assert!(counted(&lines).is_empty());
    }

    #[test]
    fn times_are_rounded_up_to_two_digits() {
        for (seconds, ms) in [(0.0, 0), (0.007, 7), (0.043, 43), (0.121, 130), (1.001, 1100)] {
            assert_eq!(rounded(seconds), ms, "{seconds}");
        }
    }

    #[test]
    fn what_was_added_is_told_also_after_a_restart() {
        let numbers = |requests, errors, ms: u32| Numbers {
            requests,
            errors,
            latency_ms: [(ms, requests)].into(),
        };
        let more = numbers(9, 2, 5).since(&numbers(4, 1, 5));
        assert_eq!(more, numbers(5, 1, 5));
        assert_eq!(numbers(3, 0, 5).since(&numbers(4, 1, 5)), numbers(3, 0, 5), "a restart");
        let mut sum = numbers(1, 0, 5);
        sum.add(&numbers(2, 1, 7));
        assert_eq!(sum, Numbers { requests: 3, errors: 1, latency_ms: [(5, 1), (7, 2)].into() });
    }
}
