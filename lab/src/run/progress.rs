//! Says what goes on while something takes its time: one line on a terminal, a line now and then in a log.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{RunError, RunningLab};
use crate::load::Live;
use crate::report::Ui;
use crate::report::units::{percent, span};

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(500);
/// Nodes that are named as missing; the others are counted.
const NAMED: usize = 2;

/// The progress of one thing.
#[derive(Debug)]
pub struct Progress<'a> {
    ui: &'a Ui,
    /// What it is, such as `kill-primary`.
    of: String,
    /// What comes next, and when that is known.
    next: Mutex<(String, Option<Instant>)>,
}

impl<'a> Progress<'a> {
    /// Nothing is said yet.
    pub fn new(ui: &'a Ui, of: &str) -> Self {
        Self { ui, of: of.to_owned(), next: Mutex::default() }
    }

    /// Waits for a future, and says meanwhile what `told` says of the time since its beginning.
    pub async fn during<T>(
        &self,
        told: impl Fn(Duration) -> String,
        future: impl Future<Output = T>,
    ) -> T {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(EVERY);
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return done,
                _ = ticks.tick() => {
                    self.ui.now(&format!("{}: {}", self.of, told(begun.elapsed())));
                }
            }
        }
    }

    /// Waits until the lab is whole, and says what is missing.
    pub async fn until_whole(
        &self,
        lab: &RunningLab,
        limit: Duration,
    ) -> Result<Duration, RunError> {
        let missing = Mutex::default();
        let heard = |now: &[(String, String)]| {
            *missing.lock().unwrap_or_else(PoisonError::into_inner) = now.to_vec();
        };
        let told = |_| whole(&missing.lock().unwrap_or_else(PoisonError::into_inner));
        self.during(told, lab.await_whole_telling(limit, heard)).await
    }

    /// What comes next, and when.
    pub fn comes(&self, what: String, at: Option<Instant>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = (what, at);
    }

    /// `heals kill-primary in 4 s`
    pub fn next(&self) -> String {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match next.1 {
            Some(at) => format!("{} in {}", next.0, left(at)),
            None => next.0.clone(),
        }
    }
}

/// `3 s`, until a moment.
fn left(at: Instant) -> String {
    format!("{} s", at.saturating_duration_since(Instant::now()).as_secs_f64().ceil())
}

/// `3 s left`, of a phase that has lasted for a while.
pub fn remaining(whole: Duration, since: Duration) -> String {
    format!("{} s left", whole.saturating_sub(since).as_secs_f64().ceil())
}

/// `waits for db-b1: not in sync, and 2 more`
fn whole(missing: &[(String, String)]) -> String {
    if missing.is_empty() {
        return "waits until the lab is whole".to_owned();
    }
    let named: Vec<String> =
        missing.iter().take(NAMED).map(|(node, what)| format!("{node}: {what}")).collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("waits for {}{more}", named.join("; "))
}

/// `60/s, 100 % good, p99 14 ms`, of the last second.
pub fn seen(live: &Live) -> String {
    let Some(share) = live.success_share else { return "no answer in the last second".to_owned() };
    let p99 = live.p99.map(|p99| i64::try_from(p99.as_micros()).unwrap_or(i64::MAX));
    let p99 = p99.map_or_else(String::new, |p99| format!(", p99 {}", span(p99)));
    format!("{}/s, {} good{p99}", live.rate_per_s, percent(share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(share: Option<f64>, p99_ms: Option<u64>) -> Live {
        let p99 = p99_ms.map(Duration::from_millis);
        Live { rate_per_s: 60, success_share: share, p50: None, p99, in_flight: 0, dropped: 0 }
    }

    #[test]
    fn the_last_second_is_told_in_a_few_words() {
        assert_eq!(seen(&live(Some(1.0), Some(14))), "60/s, 100 % good, p99 14 ms");
        assert_eq!(seen(&live(Some(0.9), None)), "60/s, 90.00 % good");
        assert_eq!(seen(&live(None, None)), "no answer in the last second");
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let missing = |n: usize| -> Vec<_> {
            (1..=n).map(|n| (format!("db-b{n}"), "not in sync".to_owned())).collect()
        };
        assert_eq!(whole(&[]), "waits until the lab is whole");
        assert_eq!(whole(&missing(1)), "waits for db-b1: not in sync");
        let four = "waits for db-b1: not in sync; db-b2: not in sync, and 2 more";
        assert_eq!(whole(&missing(4)), four);
    }

    #[test]
    fn time_that_is_left_is_never_negative() {
        let second = Duration::from_secs(1);
        assert_eq!(remaining(6 * second, second / 2), "6 s left");
        assert_eq!(remaining(6 * second, 7 * second), "0 s left");
        assert_eq!(left(Instant::now()), "0 s");
    }
}
