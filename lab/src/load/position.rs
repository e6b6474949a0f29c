//! How far a state of the shop's database goes, as its header `x-position` says it.

use std::fmt;
use std::str::FromStr;

/// A timeline and a byte in the log, both hexadecimal: `1-1B86E28`. Of two, the one on the later
/// timeline is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    timeline: u32,
    lsn: u64,
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
        let (timeline, lsn) = text.split_once('-').ok_or(NoPosition)?;
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
    fn positions_are_ordered_by_timeline_then_byte() {
        let at = |text: &str| text.parse::<Position>().unwrap();
        assert!(at("1-FF") < at("1-100") && at("1-100") < at("2-1"));
        assert_eq!(at("1F-AB").to_string(), "1F-AB");
        for bad in ["", "1", "x-1", "1-"] {
            assert_eq!(bad.parse::<Position>(), Err(NoPosition), "{bad}");
        }
    }
}
