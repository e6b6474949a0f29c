//! A disk that is full: how it is recognised, and what is said about it.

use std::path::Path;

use bollard::Docker;

use super::ImageError;

/// How the kernel, apt, and the tools in between say it, in lower case. apt looks before it
/// downloads and has words of its own.
const COMPLAINTS: [&str; 4] = [
    "no space left on device",
    "don't have enough free space",
    "disk quota exceeded",
    "not enough disk space",
];
/// Fewer free inodes than this are worth a word: a disk can be full of files while bytes are left.
const FEW_INODES: u64 = 10_000;

/// Whether somebody complains about a full disk.
pub fn is_full(said: &str) -> bool {
    let said = said.to_lowercase();
    COMPLAINTS.iter().any(|c| said.contains(c))
}

/// Space on one file system, as an ordinary user may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Free bytes.
    pub bytes: u64,
    /// Free inodes; `None` where the file system does not count them.
    pub inodes: Option<u64>,
}

impl Space {
    /// The space left where a path is; `None` when it cannot be read.
    pub fn at(path: &Path) -> Option<Self> {
        let stat = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            inodes: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }

    fn in_words(self) -> String {
        let mib = self.bytes >> 20;
        match self.inodes {
            Some(few) if few < FEW_INODES => format!("{mib} MiB and {few} inodes"),
            _ => format!("{mib} MiB"),
        }
    }
}

/// A place that may be full.
#[derive(Clone, Debug)]
pub struct Place {
    path: String,
    role: &'static str,
    space: Option<Space>,
}

impl Place {
    /// Where mmdebstrap unpacks: `TMPDIR`, else /tmp.
    pub fn temporary() -> Self {
        let path = std::env::temp_dir();
        let space = Space::at(&path);
        Self { path: path.display().to_string(), role: "where mmdebstrap unpacks", space }
    }
}

/// Where Docker keeps its data, and the space there. `None` where it cannot be known, such as for an
/// engine on another machine.
pub async fn docker_data(docker: &Docker) -> Option<(String, Option<Space>)> {
    let info = docker.info().await.ok()?;
    let root = info.docker_root_dir?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let space =
        if info.name.as_deref() == Some(host.trim()) { Space::at(Path::new(&root)) } else { None };
    Some((root, space))
}

/// The error about a full disk: the image, what was being done, and what is free where.
pub async fn full(docker: &Docker, image: &str, doing: String, also: Option<Place>) -> ImageError {
    let data = docker_data(docker).await;
    let data = data.map(|(path, space)| Place { path, role: "Docker's data", space });
    let places: Vec<Place> = also.into_iter().chain(data).collect();
    ImageError::DiskFull { image: image.into(), doing, free: in_words(&places) }
}

/// What is free where. The reader compares: what had been written is already removed again.
fn in_words(places: &[Place]) -> String {
    let words = places.iter().map(|p| {
        let free = p.space.map_or_else(|| "an unknown amount".into(), Space::in_words);
        format!("{free} free at {} ({})", p.path, p.role)
    });
    match words.collect::<Vec<_>>() {
        none if none.is_empty() => "how much is free is not known".into(),
        some => some.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_recognised_in_the_words_of_those_who_meet_it() {
        for said in [
            // Docker, when it takes a context or commits a layer
            "Error processing tar file(exit status 1): write /lab: no space left on device",
            "Docker stream error: ApplyLayer exit status 1 stderr: no space left on device",
            // dpkg, dd, nginx
            "cannot copy extracted data for './usr/bin/x': failed to write (No space left on device)",
            "dd: error writing '/dev/shm/x': No space left on device",
            // apt, which looks before it downloads
            "E: You don't have enough free space in /var/cache/apt/archives/.",
            "tar: ./usr: Cannot mkdir: Disk quota exceeded",
        ] {
            assert!(is_full(said), "{said}");
        }
        for said in [
            "",
            "E: Unable to locate package nginy",
            "The command '/bin/sh -c x' returned a non-zero code: 100",
            "After this operation, 12 MB of additional disk space will be used.",
            "no device",
        ] {
            assert!(!is_full(said), "{said}");
        }
    }

    #[test]
    fn what_is_free_is_named_with_its_place() {
        let place = |path: &str, space| Place { path: path.into(), role: "role", space };
        let space = |mib: u64, inodes| Some(Space { bytes: mib << 20, inodes });
        assert_eq!(
            in_words(&[
                place("/tmp", space(3, Some(0))),
                place("/data", space(70_000, Some(10_000_000))),
                place("/other", space(1, None)),
                place("/gone", None),
            ]),
            "3 MiB and 0 inodes free at /tmp (role), 70000 MiB free at /data (role), \
             1 MiB free at /other (role), an unknown amount free at /gone (role)"
        );
        assert_eq!(in_words(&[]), "how much is free is not known");
    }

    #[test]
    fn the_space_of_a_real_place_is_read() {
        assert!(Space::at(Path::new("/")).is_some());
        assert_eq!(Space::at(Path::new("/no/such/place")), None);
    }
}
