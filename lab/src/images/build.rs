//! Builds contexts through the Engine API's own builder (no BuildKit needed).

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::BuildImageOptions;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::build_log::{BuildLog, Ended, reason};
use super::context::Context;
use super::{ImageError, ImageName, ImageProgress, base, disk};

/// How many images are built at once: installing packages is bound by CPU and network in turns.
const PARALLEL: usize = 3;

/// Builds the missing images, each after its parent.
pub async fn build_all(
    docker: &Docker,
    contexts: &BTreeMap<ImageName, Context>,
    missing: Vec<ImageName>,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    let mut waiting = missing;
    let mut running = FuturesUnordered::new();
    let mut under_way: Vec<ImageName> = Vec::new();
    loop {
        let blocked: Vec<ImageName> = waiting.iter().chain(&under_way).copied().collect();
        waiting.retain(|name| {
            let parent_there = name.parent().is_none_or(|p| !blocked.contains(&p));
            let go = parent_there && under_way.len() < PARALLEL;
            if go {
                under_way.push(*name);
                let context = &contexts[name];
                running.push(
                    async move { (context.name, build_ours(docker, context, progress).await) },
                );
            }
            !go
        });
        let Some((name, result)) = running.next().await else { return Ok(()) };
        result?;
        under_way.retain(|n| *n != name);
    }
}

/// An image that is to be made.
pub(super) struct Job {
    /// What it is called in messages.
    pub name: String,
    /// What it will be called.
    pub reference: String,
    /// The value of its label `lab.image`.
    pub kind: &'static str,
    /// The value of its label `lab.hash`.
    pub hash: String,
    /// Build arguments.
    pub arguments: HashMap<String, String>,
    /// The context, a tar archive.
    pub archive: Vec<u8>,
}

async fn build_ours(
    docker: &Docker,
    context: &Context,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    let mut arguments = proxies();
    match context.parent() {
        Some(parent) => arguments.insert("BASE".into(), parent.to_owned()),
        None => arguments.insert("ROOTFS".into(), base::rootfs(docker, progress).await?),
    };
    if let Ok(mirror) = std::env::var("LAB_DEBIAN_MIRROR") {
        arguments.insert("DEBIAN_MIRROR".into(), mirror);
    }
    let job = Job {
        name: context.name.as_str().to_owned(),
        reference: context.reference(),
        kind: context.name.as_str(),
        hash: context.hash().to_owned(),
        arguments,
        archive: context.archive()?,
    };
    build(docker, job, progress).await
}

/// Makes an image.
///
/// # Errors
/// A step fails, the disk is full, or Docker does not answer.
pub(super) async fn build(
    docker: &Docker,
    job: Job,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    let Job { name, reference, kind, hash, arguments, archive } = job;
    progress(ImageProgress::Building(name.clone()));
    let begun = Instant::now();
    let labels = [("lab.image".to_owned(), kind.to_owned()), ("lab.hash".to_owned(), hash)];
    let options = BuildImageOptions {
        t: Some(reference),
        rm: true,
        forcerm: true,
        buildargs: Some(arguments),
        labels: Some(labels.into()),
        ..Default::default()
    };
    let size = archive.len() as u64;
    let body = bollard::body_full(archive.into());
    let mut stream = std::pin::pin!(docker.build_image(options, None, Some(body)));
    let mut log = BuildLog::default();
    while let Some(message) = stream.next().await {
        let message = message.and_then(|info| match info.error_detail {
            None => Ok(info.stream.unwrap_or_default()),
            Some(_) => Err(Error::DockerStreamError { error: "no reason given".into() }),
        });
        match message {
            Ok(piece) => {
                if let Some(step) = log.push(&piece) {
                    progress(ImageProgress::Step(name.clone(), step));
                }
            }
            Err(e) => return Err(failed(docker, name, &e, log.end(), size).await),
        }
    }
    progress(ImageProgress::Built(name, begun.elapsed()));
    Ok(())
}

async fn failed(
    docker: &Docker,
    image: String,
    error: &Error,
    ended: Ended,
    context_bytes: u64,
) -> ImageError {
    let reason = reason(&message(error));
    let mut full = ended.disk_full || disk::is_full(&reason);
    if !full && ended.step.is_none() && broke_off(error) {
        full = disk::docker_data(docker).await.is_some_and(|(_, s)| no_room(s, context_bytes));
    }
    if full {
        let doing = match &ended.step {
            Some(step) => format!("at {step}"),
            None => "while Docker was given its files".into(),
        };
        return disk::full(docker, &image, doing, None).await;
    }
    ImageError::Build { image, reason, step: ended.step, tail: ended.tail }
}

/// What Docker said, without the client's own preface.
fn message(error: &Error) -> String {
    match error {
        Error::DockerStreamError { error } => error.clone(),
        Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// The connection ended without an answer. An engine that cannot keep what it is sent may do that.
fn broke_off(error: &Error) -> bool {
    !matches!(error, Error::DockerStreamError { .. } | Error::DockerResponseServerError { .. })
}

fn no_room(space: Option<disk::Space>, bytes: u64) -> bool {
    space.is_some_and(|s| s.bytes < bytes || s.inodes == Some(0))
}

/// The host's proxies, for the package managers in the build.
pub(super) fn proxies() -> HashMap<String, String> {
    ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::disk::Space;
    use super::*;

    #[test]
    fn docker_speaks_for_itself() {
        let error = Error::DockerStreamError { error: "no such image".into() };
        assert_eq!(message(&error), "no such image");
        assert!(!broke_off(&error));
        let message_of_500 = "write /lab: no space left on device".to_owned();
        let error =
            Error::DockerResponseServerError { status_code: 500, message: message_of_500.clone() };
        assert_eq!(message(&error), message_of_500);
        assert!(!broke_off(&error));
        assert!(broke_off(&Error::RequestTimeoutError));
    }

    #[test]
    fn a_connection_that_broke_off_is_blamed_on_a_disk_without_room_only() {
        let space = |bytes, inodes| Some(Space { bytes, inodes });
        assert!(no_room(space(9, Some(1)), 10));
        assert!(no_room(space(11, Some(0)), 10));
        assert!(!no_room(space(10, Some(1)), 10));
        assert!(!no_room(space(10, None), 10));
        assert!(!no_room(None, 10));
    }
}
