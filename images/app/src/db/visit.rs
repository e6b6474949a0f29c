//! What one request must see at least, and what it saw.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Function, Position, Positions};

/// Who answered a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBy {
    /// The server that takes writes.
    Primary,
    /// A read replica.
    Replica,
}

impl ServedBy {
    /// The spelling in the `x-read-from` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

/// What the cache had to do with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheUse {
    /// The value was there.
    Hit,
    /// It was not, and this request loaded it.
    Miss,
    /// It was not, and another request of the same task was loading it already.
    Joined,
    /// It was there, past its time, and nothing better was.
    Stale,
    /// Nothing: it is out, or switched off.
    Off,
}

impl CacheUse {
    /// The spelling in the `x-cache` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Joined => "joined",
            Self::Stale => "stale",
            Self::Off => "off",
        }
    }
}

/// One request's dealings with the databases.
#[derive(Debug, Default)]
pub struct Visit {
    wants: Positions,
    wants_floor: bool,
    seen: Mutex<Seen>,
}

/// What a request saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// The latest position in each database of all that it read or wrote.
    pub positions: Positions,
    /// What its last read certainly saw; only when asked for.
    pub floor: Option<Position>,
    /// Who served its last read.
    pub served_by: Option<ServedBy>,
    /// What the cache had to do with it, and the age of the value.
    pub cache: Option<(CacheUse, Duration)>,
}

impl Visit {
    /// A request whose client saw `wants` before.
    pub fn new(wants: Positions) -> Self {
        Self { wants, wants_floor: false, seen: Mutex::default() }
    }

    /// A read whose result is kept for others, who must know what it certainly saw.
    pub fn with_floor(wants: Positions) -> Self {
        Self { wants_floor: true, ..Self::new(wants) }
    }

    /// Whether the position before each read is wanted too.
    pub fn wants_floor(&self) -> bool {
        self.wants_floor
    }

    /// What it must see at least of the database of a function.
    pub fn wants(&self, function: Function) -> Option<Position> {
        self.wants.of(function)
    }

    /// A server showed a state, or took a write.
    pub fn saw(&self, function: Function, position: Option<Position>, served_by: Option<ServedBy>) {
        self.note(|seen| {
            seen.positions.raise(function, position);
            seen.served_by = served_by.or(seen.served_by);
        });
    }

    /// Before a read, its server was at `floor`.
    pub fn had(&self, floor: Position) {
        self.note(|seen| seen.floor = Some(floor));
    }

    /// What the cache had to do with a read, and the age of the value.
    pub fn used_cache(&self, how: CacheUse, age: Duration) {
        self.note(|seen| seen.cache = Some((how, age)));
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What it saw.
    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
