//! Counting what happened, for the live view and for the summary.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::{CreationError, Histogram};

use crate::journal::Outcome;

/// Longest latency that the histogram tells from longer ones, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// Significant digits of recorded latencies.
const DIGITS: u8 = 3;

/// What the live view looks back on.
const WINDOW: Duration = Duration::from_secs(1);

/// What a run of traffic did. `sent + dropped` is the number of arrivals.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Operations begun: `ok + fail + unknown`.
    pub sent: u64,
    /// Acknowledged.
    pub ok: u64,
    /// Certainly without effect, without the dropped ones.
    pub fail: u64,
    /// In doubt.
    pub unknown: u64,
    /// Never begun, because too many were under way or their time was over. The journal has them
    /// as failures.
    pub dropped: u64,
    /// Keyed writes sent once more, each time counted; none of it is in the other numbers.
    pub repeated: u64,
    /// Latencies of all operations begun, from their intended start, in microseconds.
    pub histogram: Histogram<u64>,
}

/// The last second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// Operations that ended in it, the dropped ones included.
    pub rate_per_s: u32,
    /// Share of them that succeeded, 0 to 1; `None` when there were none.
    pub success_share: Option<f64>,
    /// Median latency of those that were begun.
    pub p50: Option<Duration>,
    /// 99th percentile of their latency.
    pub p99: Option<Duration>,
    /// Operations under way.
    pub in_flight: usize,
    /// Operations dropped since the start.
    pub dropped: u64,
}

/// One operation that ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Instant,
    ok: bool,
    /// `None` for a dropped one.
    latency_us: Option<u64>,
}

/// Collects.
#[derive(Debug)]
pub struct Stats {
    summary: Summary,
    recent: VecDeque<Ended>,
}

impl Stats {
    /// Nothing yet.
    ///
    /// # Errors
    /// The histogram's bounds are not possible (a bug).
    pub fn new() -> Result<Self, CreationError> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, DIGITS)?;
        let summary =
            Summary { sent: 0, ok: 0, fail: 0, unknown: 0, dropped: 0, repeated: 0, histogram };
        Ok(Self { summary, recent: VecDeque::new() })
    }

    /// Counts a write that was sent once more.
    pub fn repeated(&mut self) {
        self.summary.repeated += 1;
    }

    /// Counts an operation that was begun and ended at `at`.
    pub fn ended(&mut self, at: Instant, outcome: Outcome, latency: Duration) {
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.summary.sent += 1;
        match outcome {
            Outcome::Ok => self.summary.ok += 1,
            Outcome::Fail => self.summary.fail += 1,
            Outcome::Unknown => self.summary.unknown += 1,
        }
        self.summary.histogram.saturating_record(latency_us);
        self.remember(Ended { at, ok: outcome == Outcome::Ok, latency_us: Some(latency_us) });
    }

    /// Counts an operation that was not begun.
    pub fn dropped(&mut self, at: Instant) {
        self.summary.dropped += 1;
        self.remember(Ended { at, ok: false, latency_us: None });
    }

    /// What the second before `now` looked like.
    pub fn live(&mut self, now: Instant, in_flight: usize) -> Live {
        self.forget(now);
        let ended = self.recent.len();
        let ok = self.recent.iter().filter(|e| e.ok).count();
        let mut latencies: Vec<u64> = self.recent.iter().filter_map(|e| e.latency_us).collect();
        latencies.sort_unstable();
        Live {
            rate_per_s: u32::try_from(ended).unwrap_or(u32::MAX),
            success_share: (ended > 0).then(|| ok as f64 / ended as f64),
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            in_flight,
            dropped: self.summary.dropped,
        }
    }

    /// What happened so far.
    pub fn summary(&self) -> Summary {
        self.summary.clone()
    }

    fn remember(&mut self, ended: Ended) {
        self.forget(ended.at);
        self.recent.push_back(ended);
    }

    fn forget(&mut self, now: Instant) {
        let old = |e: &Ended| now.saturating_duration_since(e.at) >= WINDOW;
        while self.recent.front().is_some_and(old) {
            self.recent.pop_front();
        }
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|&us| Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_view_is_the_last_second() {
        let mut stats = Stats::new().unwrap();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        stats.ended(at(0), Outcome::Fail, Duration::from_secs(9));
        for ms in 1..=100 {
            stats.ended(at(1000 + ms), Outcome::Ok, Duration::from_millis(ms));
        }
        stats.dropped(at(1500));
        let live = stats.live(at(1600), 3);
        assert_eq!((live.rate_per_s, live.in_flight, live.dropped), (101, 3, 1));
        assert_eq!(live.success_share, Some(100.0 / 101.0));
        assert_eq!(live.p50, Some(Duration::from_millis(50)));
        assert_eq!(live.p99, Some(Duration::from_millis(99)));
        let quiet = stats.live(at(9000), 0);
        assert_eq!((quiet.rate_per_s, quiet.success_share, quiet.p99), (0, None, None));
    }

    #[test]
    fn the_summary_counts_each_operation_once() {
        let mut stats = Stats::new().unwrap();
        let now = Instant::now();
        for outcome in [Outcome::Ok, Outcome::Ok, Outcome::Fail, Outcome::Unknown] {
            stats.ended(now, outcome, Duration::from_millis(5));
        }
        stats.dropped(now);
        let s = stats.summary();
        assert_eq!((s.sent, s.ok, s.fail, s.unknown, s.dropped), (4, 2, 1, 1, 1));
        assert_eq!(s.histogram.len(), 4);
        assert!((4_990..=5_010).contains(&s.histogram.value_at_quantile(0.5)));
    }
}
