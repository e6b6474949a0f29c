//! The control plane's own journal: two files that take turns, so that a lab which runs for weeks
//! does not fill the disk.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::journal::{Entry, Event, JournalError, Micros};

/// Size at which the journal starts a new file and drops the one before the last. About three hours
/// of a canary at 20 requests per second.
const MAX_BYTES: u64 = 64 << 20;

/// Microseconds since the Unix epoch, now.
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The journal on disk.
#[derive(Debug)]
pub struct Store {
    current: PathBuf,
    older: PathBuf,
    file: Mutex<File>,
}

impl Store {
    /// Opens the journal in a folder and continues it.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let current = folder.join("journal.jsonl");
        let file = open(&current)?;
        Ok(Self { older: folder.join("journal.1.jsonl"), current, file: Mutex::new(file) })
    }

    /// Appends an event stamped with the present moment, as [`Store::append`] does.
    pub fn record(&self, event: Event) {
        self.append(&Entry { at: now(), event });
    }

    /// Appends an entry. A journal that cannot be written is logged; the control plane goes on repairing.
    pub fn append(&self, entry: &Entry) {
        if let Err(e) = self.try_append(entry) {
            tracing::error!(error = %e, "the journal cannot be written");
        }
    }

    fn try_append(&self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.seek(SeekFrom::End(0))? > MAX_BYTES {
            std::fs::rename(&self.current, &self.older)?;
            *file = OpenOptions::new().create(true).append(true).open(&self.current)?;
        }
        file.write_all(&line)
    }

    /// The whole journal, oldest entry first.
    pub fn read(&self) -> std::io::Result<Vec<u8>> {
        let _writers_wait = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = match std::fs::read(&self.older) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        bytes.extend(std::fs::read(&self.current)?);
        Ok(bytes)
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| JournalError::Io { path: path.into(), source })
}
