//! What can go wrong with images, in words a user can act on.

use super::ImageName;

/// An error of the image builder.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program of ours that goes into an image is not where it should be.
    #[error("the program `{name}` is not beside `lab` ({path})")]
    NoProgram {
        /// Which one.
        name: &'static str,
        /// Where it was looked for.
        path: String,
    },
    /// A program of ours cannot run in a container.
    #[error("the program {path} needs the host's libraries, so it cannot run in a container")]
    NotStatic {
        /// The program.
        path: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// No registry answered, and the tool that builds a base without one is not there.
    #[error("no image registry answers ({registry}), and `mmdebstrap` is not installed")]
    NoBase {
        /// What the registry said.
        registry: String,
    },
    /// The bootstrap failed.
    #[error("the base image cannot be bootstrapped: {0}")]
    Bootstrap(String),
    /// The disk is full.
    #[error("no space left on the device while building image {image}")]
    DiskFull {
        /// The image.
        image: &'static str,
    },
    /// A step of a build failed.
    #[error("image {} cannot be built: {reason}\n{tail}", .image.as_str())]
    Build {
        /// The image.
        image: ImageName,
        /// What Docker said.
        reason: String,
        /// The last lines of the failing step.
        tail: String,
    },
    /// Docker refused.
    #[error("Docker: {0}")]
    Docker(#[from] bollard::errors::Error),
}

impl ImageError {
    /// The next command a user should try.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoProgram { .. } | Self::NotStatic { .. } => {
                "run the lab through `scripts/lab`, which builds both programs".into()
            }
            Self::NoBase { .. } => "apt-get install mmdebstrap, then run the command again".into(),
            Self::Bootstrap(_) => "is Debian's package archive reachable? `lab doctor`".into(),
            Self::DiskFull { .. } => {
                "free some space (`docker system df`), or `lab images clean`".into()
            }
            Self::Build { tail, .. } if unreachable_archive(tail) => {
                "Debian's package archive cannot be reached from a container: check the network \
                 and http_proxy"
                    .into()
            }
            Self::Build { .. } => "run the command again with -v".into(),
            Self::Docker(_) | Self::Io { .. } => return None,
        })
    }
}

fn unreachable_archive(tail: &str) -> bool {
    ["Temporary failure resolving", "Could not connect", "Unable to fetch some archives"]
        .iter()
        .any(|t| tail.contains(t))
}
