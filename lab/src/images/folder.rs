//! Images made of a folder of the user's own.

use std::fs;
use std::path::{Path, PathBuf};

use bollard::Docker;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest, Sha256};

use super::build::{self, Job};
use super::{ImageError, ImageName, ImageProgress, store};

/// More than this is a mistake: a folder with its data, its packages or its history.
const MOST_BYTES: u64 = 512 << 20;
/// What Docker is not given: patterns as Docker has them, one in a line.
const IGNORE: &str = ".dockerignore";

/// A folder that an image is to be made of.
#[derive(Clone, Debug)]
pub struct Folder<'a> {
    /// What it is called in messages.
    pub name: String,
    /// Where it is.
    pub path: &'a Path,
    /// What the image is called.
    pub reference: &'a str,
    /// The lab's base image, which a Dockerfile may begin with.
    pub base: &'a str,
}

/// Builds the image unless it is there and nothing in the folder has changed.
///
/// # Errors
/// The folder cannot be read or is too large, a step of the build fails, or Docker does.
pub async fn ensure(
    docker: &Docker,
    folder: &Folder<'_>,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    let archive = archive(folder.path)?;
    let mut hash = Sha256::new();
    hash.update(folder.base.as_bytes());
    hash.update(&archive);
    let hash: String = hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
    if store::label(docker, folder.reference, "lab.hash").await?.as_deref() == Some(&hash) {
        return Ok(());
    }
    let mut arguments = build::proxies();
    arguments.insert("BASE".into(), folder.base.to_owned());
    let job = Job {
        name: folder.name.clone(),
        reference: folder.reference.to_owned(),
        kind: ImageName::BUILT,
        hash,
        arguments,
        archive,
    };
    progress(ImageProgress::Missing(1));
    build::build(docker, job, progress).await
}

/// The folder as a tar archive; equal folders give equal bytes, whenever they were written.
fn archive(folder: &Path) -> Result<Vec<u8>, ImageError> {
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |source| ImageError::Io { path, source }
    };
    let ignored = ignored(folder)?;
    let mut tar = tar::Builder::new(Vec::new());
    let mut left = vec![PathBuf::new()];
    let mut size = 0;
    while let Some(inside) = left.pop() {
        let here = folder.join(&inside);
        let meta = fs::symlink_metadata(&here).map_err(io(&here))?;
        if meta.is_dir() {
            let entries = fs::read_dir(&here).map_err(io(&here))?;
            let names = entries.map(|entry| entry.map(|entry| inside.join(entry.file_name())));
            let mut names = names.collect::<Result<Vec<_>, _>>().map_err(io(&here))?;
            names.sort();
            left.extend(names.into_iter().rev());
            // What is left out with its folder may have exceptions: the files decide.
            continue;
        }
        if is_ignored(&ignored, &inside) {
            continue;
        }
        let mut header = tar::Header::new_gnu();
        if meta.is_symlink() {
            let target = fs::read_link(&here).map_err(io(&here))?;
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            tar.append_link(&mut header, &inside, target).map_err(io(&here))?;
        } else if meta.is_file() {
            size += meta.len();
            if size > MOST_BYTES {
                let (path, limit_mib) = (folder.display().to_string(), MOST_BYTES >> 20);
                return Err(ImageError::TooLarge { path, limit_mib });
            }
            let bytes = fs::read(&here).map_err(io(&here))?;
            header.set_size(bytes.len() as u64);
            header.set_mode(mode(&meta));
            tar.append_data(&mut header, &inside, bytes.as_slice()).map_err(io(&here))?;
        }
    }
    tar.into_inner().map_err(io(folder))
}

/// Permissions without what differs from one person's checkout to the next.
fn mode(meta: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 }
}

/// The patterns of `.dockerignore`: all of them begin at the folder, whether they say so or not.
fn ignored(folder: &Path) -> Result<Gitignore, ImageError> {
    let file = folder.join(IGNORE);
    let io = |source| ImageError::Io { path: file.display().to_string(), source };
    let text = match fs::read_to_string(&file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(io)?,
    };
    let mut patterns = GitignoreBuilder::new("/");
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let (sign, pattern) = match line.strip_prefix('!') {
            Some(pattern) => ("!", pattern.trim()),
            None => ("", line),
        };
        let pattern = pattern.trim_start_matches("./").trim_matches('/');
        if !pattern.is_empty() && pattern != "." {
            let added = patterns.add_line(None, &format!("{sign}/{pattern}"));
            added.map_err(|e| io(std::io::Error::other(e.to_string())))?;
        }
    }
    patterns.build().map_err(|e| io(std::io::Error::other(e.to_string())))
}

/// Never the Dockerfile: what is made follows from it.
fn is_ignored(patterns: &Gitignore, inside: &Path) -> bool {
    inside != Path::new("Dockerfile")
        && patterns.matched_path_or_any_parents(Path::new("/").join(inside), false).is_ignore()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(archive: &[u8]) -> Vec<String> {
        let mut tar = tar::Archive::new(archive);
        let entries = tar.entries().unwrap();
        entries.map(|e| e.unwrap().path().unwrap().display().to_string()).collect()
    }

    fn write(folder: &Path, path: &str, text: &str) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn a_folder_is_what_is_in_it_but_for_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for path in ["Dockerfile", "src/main.py", "node_modules/a/b.js", "deep/node_modules/c.js"] {
            write(at, path, "x");
        }
        write(at, "docs/a.md", "x");
        write(at, "docs/keep.md", "x");
        write(at, "a.log", "x");
        write(at, "deep/b.log", "x");
        let all = archive(at).unwrap();
        assert_eq!(names(&all).len(), 8);
        assert_eq!(all, archive(at).unwrap(), "equal bytes");
        write(
            at,
            ".dockerignore",
            "# mine\nnode_modules/\n*.log\ndocs\n!docs/keep.md\nDockerfile\n",
        );
        let kept = names(&archive(at).unwrap());
        // Docker's patterns begin at the folder: neither the deep log nor the deep modules are meant.
        let expected =
            [".dockerignore", "Dockerfile", "deep/b.log", "deep/node_modules/c.js", "docs/keep.md"];
        assert_eq!(kept, [&expected[..], &["src/main.py"]].concat());
    }

    #[test]
    fn a_change_changes_the_bytes_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        write(at, "Dockerfile", "FROM scratch\n");
        let before = archive(at).unwrap();
        std::os::unix::fs::symlink("Dockerfile", at.join("link")).unwrap();
        let after = archive(at).unwrap();
        assert_ne!(before, after);
        let mut tar = tar::Archive::new(after.as_slice());
        let link = tar
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .find(|e| e.path().unwrap().ends_with("link"));
        assert!(link.unwrap().header().entry_type().is_symlink());
    }
}
