//! What a toxic is while it acts: a stage that bytes pass. Stages know no sockets and no clock; they
//! are told the time, so that their tests need not wait.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Kind;

/// Bytes that were read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes.
    pub bytes: Bytes,
    /// When they arrived; a delay moves this on, so that two delays add up.
    pub since: Instant,
}

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In an orderly way.
    Close,
    /// With a TCP reset to both peers.
    Reset,
}

/// What passes a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Bytes.
    Data(Chunk),
    /// Nothing comes after it.
    End(Ending),
}

/// A toxic that acts on one direction of one connection.
pub trait Stage: Send {
    /// Hands an item in, also to a full stage.
    fn push(&mut self, item: Item, now: Instant);

    /// The next item that may go on now; an end is handed out once.
    fn take(&mut self, now: Instant) -> Option<Item>;

    /// When [`Stage::take`] should be asked again, if time alone makes a difference.
    fn deadline(&self) -> Option<Instant>;

    /// Whether the sender should wait.
    fn full(&self) -> bool;

    /// New settings of the same kind.
    fn update(&mut self, kind: &Kind, now: Instant);

    /// What goes on at once when the toxic is removed.
    fn remove(&mut self) -> Vec<Item>;
}

/// The longest time that any setting means: additions to the clock cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Milliseconds as they stand in settings; nothing is shorter than no time.
pub fn millis(setting: i64) -> Duration {
    Duration::from_millis(u64::try_from(setting).unwrap_or(0)).min(LONGEST)
}

/// Microseconds likewise.
pub fn micros(setting: i64) -> Duration {
    Duration::from_micros(u64::try_from(setting).unwrap_or(0)).min(LONGEST)
}

#[cfg(test)]
pub mod testing {
    //! Shorthand for the tests of the stages.

    use super::*;

    /// Bytes that arrived at an instant.
    pub fn data(text: impl AsRef<[u8]>, since: Instant) -> Item {
        Item::Data(Chunk { bytes: Bytes::copy_from_slice(text.as_ref()), since })
    }

    /// The bytes of an item.
    pub fn text(item: Option<Item>) -> Option<String> {
        match item? {
            Item::Data(chunk) => Some(String::from_utf8_lossy(&chunk.bytes).into_owned()),
            Item::End(ending) => Some(format!("{ending:?}")),
        }
    }
}
