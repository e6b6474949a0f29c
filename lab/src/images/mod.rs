//! The images that the stages use: what they consist of, their content-hashed names, and how they
//! are built. Besides `engine` the only part that talks to Docker.

mod base;
mod build;
mod build_log;
mod context;
mod credentials;
mod disk;
mod error;
pub mod folder;
mod pull;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bollard::Docker;

pub use build_log::Step;
pub use context::Programs;
pub use disk::{Space, docker_data};
pub use error::ImageError;
pub use pull::Pulled;
pub use store::{ListedImage, any, clean, list, require};

/// Our images. A later one may be built from an earlier one, never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageName {
    /// Debian, minimal.
    Base,
    /// The holder of a node's network namespace.
    Net,
    /// PostgreSQL and Patroni.
    Postgres,
    /// etcd.
    Etcd,
    /// nginx with the health checker.
    Nginx,
    /// The demo application.
    App,
    /// nginx, application and PostgreSQL in one.
    Box,
    /// The control plane.
    Control,
    /// The network proxy between tiers.
    NetProxy,
    /// Redis, as data server or Sentinel.
    Redis,
    /// LocalStack.
    AwsLocalstack,
    /// MiniStack.
    AwsMinistack,
    /// pgbouncer and HAProxy.
    Dbproxy,
    /// PowerDNS with the program that answers it.
    Dns,
}

impl ImageName {
    /// All of them, in an order in which they can be built.
    pub const ALL: [Self; 14] = [
        Self::Base,
        Self::Net,
        Self::Postgres,
        Self::Etcd,
        Self::Nginx,
        Self::App,
        Self::Box,
        Self::Control,
        Self::NetProxy,
        Self::Redis,
        Self::AwsLocalstack,
        Self::AwsMinistack,
        Self::Dbproxy,
        Self::Dns,
    ];

    /// What stands for their names where a folder of the user's own became an image.
    pub const BUILT: &str = "built";

    /// The name in references, and of the folder in `images/`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Net => "net",
            Self::Postgres => "postgres",
            Self::Etcd => "etcd",
            Self::Nginx => "nginx",
            Self::App => "app",
            Self::Box => "box",
            Self::Control => "control",
            Self::NetProxy => "netproxy",
            Self::Redis => "redis",
            Self::AwsLocalstack => "aws-localstack",
            Self::AwsMinistack => "aws-ministack",
            Self::Dbproxy => "dbproxy",
            Self::Dns => "dns",
        }
    }

    /// The image that it is built from.
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Base => None,
            Self::Box => Some(Self::Postgres),
            _ => Some(Self::Base),
        }
    }
}

/// What the builder reports while it works.
#[derive(Clone, Debug)]
pub enum ImageProgress {
    /// So many images are missing and will be built.
    Missing(usize),
    /// An image is being built.
    Building(String),
    /// A step of a build begins.
    Step(String, Step),
    /// The base is being pulled or bootstrapped.
    Base(&'static str),
    /// An image is there.
    Built(String, Duration),
    /// Somebody else's image is being pulled.
    Pulling(String),
    /// So much of it is here.
    Pulled(String, Pulled),
    /// All of it is.
    PulledAll(String, Duration),
}

impl fmt::Display for ImageProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(1) => f.write_str("1 image to build"),
            Self::Missing(many) => write!(f, "{many} images to build"),
            Self::Building(name) => write!(f, "building image {name}"),
            Self::Step(name, step) => write!(f, "image {name}: {step}"),
            Self::Base(how) => write!(f, "base image: {how}"),
            Self::Pulling(image) => write!(f, "pulling image {image}"),
            Self::Pulled(image, pulled) => write!(f, "pulling {image}: {pulled}"),
            Self::PulledAll(image, took) => {
                write!(f, "image {image} pulled in {:.1} s", took.as_secs_f64())
            }
            Self::Built(name, took) => {
                write!(f, "image {name} built in {:.1} s", took.as_secs_f64())
            }
        }
    }
}

/// Makes sure that the wanted images and what they are built from exist; returns name to reference
/// for each. What exists is not built again; independent images are built at the same time.
pub async fn ensure(
    docker: &Docker,
    wanted: &[ImageName],
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<BTreeMap<String, String>, ImageError> {
    let programs = Programs::beside_us()?;
    let contexts = context::contexts(&programs)?;
    let mut needed: Vec<ImageName> = wanted.to_vec();
    let mut missing: Vec<ImageName> = Vec::new();
    while let Some(name) = needed.pop() {
        let reference = contexts[&name].reference();
        if missing.contains(&name) || store::exists(docker, &reference).await? {
            continue;
        }
        missing.push(name);
        needed.extend(name.parent());
    }
    missing.sort();
    if !missing.is_empty() {
        progress(ImageProgress::Missing(missing.len()));
    }
    build::build_all(docker, &contexts, missing, progress).await?;
    Ok(wanted.iter().map(|n| (n.as_str().to_owned(), contexts[n].reference())).collect())
}

#[cfg(test)]
mod tests;
