//! How far a state of the database goes: what a client saw can be compared with what a server has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A point in the database's log. Of two, the one on the later timeline is later: whatever the
/// earlier timeline holds beyond the fork was never acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which branch of history; 0 when the server does not know.
    pub timeline: u32,
    /// Byte in the log.
    pub lsn: u64,
}

impl Position {
    /// From the columns of a query, which have no unsigned numbers.
    pub fn from_columns(timeline: Option<i32>, lsn: Option<i64>) -> Self {
        Self {
            timeline: timeline.and_then(|t| u32::try_from(t).ok()).unwrap_or(0),
            lsn: lsn.and_then(|l| u64::try_from(l).ok()).unwrap_or(0),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}-{:X}", self.timeline, self.lsn)
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (timeline, lsn) = text.trim().split_once('-').ok_or(NoPosition)?;
        Ok(Self {
            timeline: u32::from_str_radix(timeline, 16).map_err(|_| NoPosition)?,
            lsn: u64::from_str_radix(lsn, 16).map_err(|_| NoPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_being_sent_around() {
        let position = Position { timeline: 0x1F, lsn: 0xAB_CDEF_0123 };
        assert_eq!(position.to_string(), "1F-ABCDEF0123");
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "1", "-", "1-", "x-1", "1-2-3", "1-FFFFFFFFFFFFFFFFF"] {
            assert_eq!(bad.parse::<Position>(), Err(NoPosition), "{bad:?}");
        }
    }

    #[test]
    fn a_later_timeline_is_later_wherever_it_stands() {
        let old = Position { timeline: 1, lsn: 900 };
        let new = Position { timeline: 2, lsn: 100 };
        assert!(new > old && Position { lsn: 101, ..new } > new);
    }
}
