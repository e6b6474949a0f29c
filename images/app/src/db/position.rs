//! How far a state of the database goes: what a client saw can be compared with what a server has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Function;

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

/// A position in the database of each function, where one is known. Logs of different databases
/// cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Positions([Option<Position>; Function::ALL.len()]);

impl Positions {
    /// One position in the database of a function.
    pub fn only(function: Function, position: Option<Position>) -> Self {
        let mut positions = Self::default();
        positions.raise(function, position);
        positions
    }

    /// The position in the database of a function.
    pub fn of(&self, function: Function) -> Option<Position> {
        self.0.get(function.index()).copied().flatten()
    }

    /// Never less than before.
    pub fn raise(&mut self, function: Function, position: Option<Position>) {
        if let Some(known) = self.0.get_mut(function.index()) {
            *known = (*known).max(position);
        }
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

    #[test]
    fn each_database_has_a_position_of_its_own() {
        let at = |lsn| Some(Position { timeline: 1, lsn });
        let mut positions = Positions::only(Function::Users, at(9));
        positions.raise(Function::Forum, at(3));
        positions.raise(Function::Forum, at(2));
        positions.raise(Function::Users, None);
        assert_eq!(positions.of(Function::Users), at(9));
        assert_eq!(positions.of(Function::Forum), at(3), "never less than before");
        assert_eq!(positions.of(Function::Catalogue), None);
    }
}
