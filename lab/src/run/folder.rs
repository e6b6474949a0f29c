//! The folder that a run leaves: `runs/<UTC time>-<stage>/`, and `runs/latest`.

use std::path::{Path, PathBuf};

use super::RunError;

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
}

impl RunFolder {
    /// Creates a new folder under `parent` and points `parent/latest` to it.
    pub fn create(parent: &Path, stage: &str) -> Result<Self, RunError> {
        let now = jiff::Timestamp::now();
        let base = format!("{}-{stage}", now.strftime("%Y%m%dT%H%M%SZ"));
        // Two runs may begin within one second.
        let name = (1..)
            .map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") })
            .find(|name| !parent.join(name).exists())
            .unwrap_or(base);
        let folder = Self { path: parent.join(&name), name };
        let logs = folder.path.join("logs");
        std::fs::create_dir_all(&logs).map_err(|source| RunError::Io { path: logs, source })?;
        folder.point_latest(parent)?;
        Ok(folder)
    }

    /// Replaces the link in one step, so that a reader never finds it missing.
    fn point_latest(&self, parent: &Path) -> Result<(), RunError> {
        let (link, new) = (parent.join("latest"), parent.join(format!(".latest-{}", self.name)));
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| RunError::Io { path, source }
        };
        std::os::unix::fs::symlink(&self.name, &new).map_err(io(&new))?;
        std::fs::rename(&new, &link).map_err(io(&link))
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// Writes one of the run's files.
    pub fn write(&self, name: &str, content: &str) -> Result<(), RunError> {
        let path = self.path.join(name);
        std::fs::write(&path, content).map_err(|source| RunError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_in_one_second_get_two_folders_and_latest_is_the_second() {
        let parent = tempfile::tempdir().unwrap();
        let first = RunFolder::create(parent.path(), "stage-1").unwrap();
        let second = RunFolder::create(parent.path(), "stage-1").unwrap();
        assert_ne!(first.path, second.path);
        let latest = std::fs::read_link(parent.path().join("latest")).unwrap();
        assert_eq!(latest.to_str(), Some(second.name.as_str()));
    }
}
