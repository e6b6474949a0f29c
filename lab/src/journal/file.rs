//! Reading and writing `journal.jsonl`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Entry, Event, Micros};

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("cannot read or write the journal {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not text.
    #[error("{path}, line {line}: not text, so not a journal")]
    NoText {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A line is not an entry.
    #[error("{path}, line {line}, column {}: not a journal entry", source.column())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Appends entries to a journal.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Writer {
    /// Opens `path` for appending and creates it when it is not there. Until the writer is dropped, or
    /// its process ends however it ends, [`is_being_written`] is true.
    pub fn append(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|source| JournalError::Io { path: path.into(), source })?;
        // Only a sign for readers: a file system without locks loses nothing but that.
        let _ = file.try_lock();
        Ok(Self { path: path.into(), out: BufWriter::new(file) })
    }

    /// Appends one entry. Anything but an operation reaches the file at once: a journal cut off by
    /// `kill -9` must still say which faults were planned.
    pub fn write(&mut self, at: Micros, event: Event) -> Result<(), JournalError> {
        let flush = !matches!(event, Event::Op(_) | Event::Repeated(_) | Event::AuditKeys { .. });
        let result = serde_json::to_writer(&mut self.out, &Entry { at, event })
            .map_err(std::io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"))
            .and_then(|()| if flush { self.out.flush() } else { Ok(()) });
        result.map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }

    /// Everything that was written so far.
    ///
    /// # Errors
    /// The file cannot be written or read.
    pub fn so_far(&mut self) -> Result<Vec<Entry>, JournalError> {
        self.flush()?;
        read(&self.path)
    }

    /// Hands everything written so far to the operating system.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.out.flush().map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}

/// Whether a run still writes this journal. False where the file system cannot tell.
pub fn is_being_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Reads a whole journal. A last line that was cut off (the writer was killed) is dropped.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    let io = |source| JournalError::Io { path: path.into(), source };
    let mut lines = BufReader::new(File::open(path).map_err(io)?).lines().enumerate().peekable();
    let mut entries = Vec::new();
    while let Some((n, line)) = lines.next() {
        let line = line.map_err(|source| match source.kind() {
            std::io::ErrorKind::InvalidData => {
                JournalError::NoText { path: path.into(), line: n + 1 }
            }
            _ => io(source),
        })?;
        match serde_json::from_str(&line) {
            Ok(entry) => entries.push(entry),
            Err(_) if lines.peek().is_none() => break,
            Err(source) => {
                return Err(JournalError::Line { path: path.into(), line: n + 1, source });
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_being_written_until_its_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        assert!(!is_being_written(&path), "there is none");
        let writer = Writer::append(&path).unwrap();
        assert!(is_being_written(&path));
        drop(writer);
        assert!(!is_being_written(&path));
    }
}
