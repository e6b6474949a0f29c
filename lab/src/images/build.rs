//! Builds contexts through the Engine API's own builder (no BuildKit needed).

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bollard::Docker;
use bollard::query_parameters::BuildImageOptions;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::context::Context;
use super::{ImageError, ImageName, ImageProgress, base};

/// How many images are built at once: installing packages is bound by CPU and network in turns.
const PARALLEL: usize = 3;
/// Lines of a failing build that are shown.
const TAIL: usize = 15;

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
                running.push(async move {
                    progress(ImageProgress::Building(context.name));
                    let begun = Instant::now();
                    let result = build(docker, context, progress).await;
                    (context.name, begun.elapsed(), result)
                });
            }
            !go
        });
        let Some((name, took, result)) = running.next().await else { return Ok(()) };
        result?;
        under_way.retain(|n| *n != name);
        progress(ImageProgress::Built(name, took));
    }
}

async fn build(
    docker: &Docker,
    context: &Context,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), ImageError> {
    let mut arguments = proxies();
    match &context.parent {
        Some(parent) => arguments.insert("BASE".into(), parent.clone()),
        None => arguments.insert("ROOTFS".into(), base::rootfs(docker, progress).await?),
    };
    if let Ok(mirror) = std::env::var("LAB_DEBIAN_MIRROR") {
        arguments.insert("DEBIAN_MIRROR".into(), mirror);
    }
    let labels = [
        ("lab.image".to_owned(), context.name.as_str().to_owned()),
        ("lab.hash".to_owned(), context.hash()),
    ];
    let options = BuildImageOptions {
        t: Some(context.reference()),
        rm: true,
        forcerm: true,
        buildargs: Some(arguments),
        labels: Some(labels.into()),
        ..Default::default()
    };
    let body = bollard::body_full(context.archive()?.into());
    let mut stream = std::pin::pin!(docker.build_image(options, None, Some(body)));
    let mut said = String::new();
    while let Some(step) = stream.next().await {
        match step {
            Ok(info) => {
                said.push_str(info.stream.as_deref().unwrap_or_default());
                if let Some(error) = info.error_detail {
                    return Err(failed(context.name, error.message.unwrap_or_default(), &said));
                }
            }
            Err(e) => return Err(failed(context.name, e.to_string(), &said)),
        }
    }
    Ok(())
}

fn failed(image: ImageName, reason: String, said: &str) -> ImageError {
    if reason.contains("no space left on device") || said.contains("No space left on device") {
        return ImageError::DiskFull { image: image.as_str() };
    }
    let lines: Vec<&str> = said.lines().filter(|l| !l.trim().is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    ImageError::Build { image, reason, tail }
}

/// The host's proxies, for the package managers in the build.
fn proxies() -> HashMap<String, String> {
    ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect()
}
