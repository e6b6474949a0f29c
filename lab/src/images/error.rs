//! What can go wrong with images, in words a user can act on.

use super::build_log::Step;

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
    #[error("the base image cannot be bootstrapped from Debian's packages{}", quoted(.tail))]
    Bootstrap {
        /// The last lines that mmdebstrap wrote.
        tail: Vec<String>,
    },
    /// The disk is full.
    #[error("no space left on the device for image {image}, {doing}; after clearing up: {free}")]
    DiskFull {
        /// The image.
        image: String,
        /// What was being done.
        doing: String,
        /// What is free where.
        free: String,
    },
    /// A step of a build failed.
    #[error("image {image} cannot be built: {reason}{}{}", at(.step), quoted(.tail))]
    Build {
        /// The image.
        image: String,
        /// What Docker said.
        reason: String,
        /// The failing step; `None` when not even the first one began.
        step: Option<Step>,
        /// The last lines that it printed.
        tail: Vec<String>,
    },
    /// A folder is no build context.
    #[error("{path} has more than {limit_mib} MiB, which is too much to build an image of")]
    TooLarge {
        /// The folder.
        path: String,
        /// The limit.
        limit_mib: u64,
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
            Self::Bootstrap { .. } => "is Debian's package archive reachable? `lab doctor`".into(),
            Self::DiskFull { .. } => {
                "`docker system df` says what takes the space, `lab images clean` removes the lab's \
                 unused images; TMPDIR moves what mmdebstrap unpacks. Then run the command again"
                    .into()
            }
            Self::Build { tail, .. } if unreachable_archive(tail) => {
                "Debian's package archive cannot be reached from a container: check the network \
                 and http_proxy"
                    .into()
            }
            Self::Build { .. } => {
                "mend what the step complains about and run the command again; -v shows every step"
                    .into()
            }
            Self::TooLarge { .. } => {
                "name what the image does not need in .dockerignore, in that folder".into()
            }
            Self::Docker(_) | Self::Io { .. } => return None,
        })
    }
}

fn unreachable_archive(tail: &[String]) -> bool {
    let signs =
        ["Temporary failure resolving", "Could not connect", "Unable to fetch some archives"];
    tail.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

fn at(step: &Option<Step>) -> String {
    step.as_ref().map(|s| format!("\n  {s}")).unwrap_or_default()
}

fn quoted(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(tail: &[&str]) -> ImageError {
        ImageError::Build {
            image: "net".into(),
            reason: "the command returned 100".into(),
            step: Some(Step { number: 3, of: 5, instruction: "RUN apt-get update".into() }),
            tail: tail.iter().map(|l| (*l).into()).collect(),
        }
    }

    #[test]
    fn a_failing_build_shows_its_step_and_its_last_lines() {
        insta::assert_snapshot!(build(&["Hit:1 trixie", "E: Unable to locate package nft"]), @r"
        image net cannot be built: the command returned 100
          step 3/5: RUN apt-get update
            Hit:1 trixie
            E: Unable to locate package nft
        ");
    }

    #[test]
    fn an_archive_out_of_reach_gets_its_own_hint() {
        let hint = |tail| build(&[tail]).hint().unwrap_or_default();
        assert!(hint("W: Temporary failure resolving 'deb'").contains("http_proxy"));
        assert!(hint("E: Unable to locate package").contains("-v"));
    }

    #[test]
    fn a_full_disk_names_image_place_and_next_commands() {
        let error = ImageError::DiskFull {
            image: "postgres".into(),
            doing: "at step 4/12: RUN x".into(),
            free: "12 MiB free at /data (Docker's data)".into(),
        };
        insta::assert_snapshot!(error, @"no space left on the device for image postgres, at step 4/12: RUN x; after clearing up: 12 MiB free at /data (Docker's data)");
        let hint = error.hint().unwrap_or_default();
        assert!(
            hint.contains("`docker system df`") && hint.contains("`lab images clean`"),
            "{hint}"
        );
    }
}
