//! A flash crowd: many clients that ask for one object at the same moment.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a flash crowd, written down when it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrowdAnswered {
    /// The fault that it is.
    pub id: String,
    /// What it asked for, such as `/products/1?crowd=5f3a`.
    pub path: String,
    /// How many clients were to ask.
    pub asked: u32,
    /// How many requests were under way when the last one had been sent: all of them together.
    pub in_flight: u32,
    /// Whole answers.
    pub answered: u32,
    /// Those of them that were a success.
    pub good: u32,
    /// Answers for which the edge cache asked its origin. All of them where none says that it has
    /// anything to do with a cache.
    pub origin_fetches: u32,
    /// Answers for which the application read its database. All of them where it has no cache.
    pub loads: u32,
    /// 99th percentile of the time to a whole answer, in microseconds; 0 without answers.
    pub p99_us: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
}

impl fmt::Display for CrowdAnswered {
    /// One line with all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| us as f64 / 1000.0;
        write!(
            f,
            "{}: {} asked, {} under way at the same moment, {} answered, {} of them well; {} fetches \
             from the origin, {} loads from the database; p99 {:.0} ms, longest {:.0} ms",
            self.path,
            self.asked,
            self.in_flight,
            self.answered,
            self.good,
            self.origin_fetches,
            self.loads,
            ms(self.p99_us),
            ms(self.max_us)
        )
    }
}
