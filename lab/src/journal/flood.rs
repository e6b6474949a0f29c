//! A flood: few clients that send as much as they can.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Micros;

/// What became of a flood, written down when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodEnded {
    /// The fault that it is.
    pub id: String,
    /// Greedy clients, each with a session.
    pub clients: u32,
    /// How long they sent, in microseconds.
    pub lasted_us: Micros,
    /// Requests that were due.
    pub sent: u64,
    /// Those of them that were let through and answered: with anything but 403, 429 and 5xx.
    pub passed: u64,
    /// Those that were refused: with 429, or with the 403 of a front door.
    pub throttled: u64,
    /// The rest: errors, no answer, or not sent because too many were under way.
    pub failed: u64,
}

impl fmt::Display for FloodEnded {
    /// One line with all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, sent, passed, throttled, failed, .. } = self;
        let seconds = self.lasted_us as f64 / 1e6;
        let who = if *clients == 1 { "1 client".into() } else { format!("{clients} clients") };
        write!(
            f,
            "{who} sent {sent} requests in {seconds:.1} s: {passed} passed, {throttled} refused, \
             {failed} failed"
        )
    }
}
