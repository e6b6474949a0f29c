//! Gets an image from its registry, with what `docker login` keeps for it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures::StreamExt;

use super::credentials;

/// How far a pull is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    layers: BTreeMap<String, Layer>,
}

/// One layer of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Layer {
    got: i64,
    of: i64,
    here: bool,
}

impl Pulled {
    /// Takes in what the engine says of a layer; whether it says anything new.
    fn take(&mut self, said: CreateImageInfo) -> bool {
        let (Some(id), Some(status)) = (said.id, said.status) else { return false };
        if status.starts_with("Pulling from") {
            return false;
        }
        let layer = self.layers.entry(id).or_default();
        let before = *layer;
        match status.as_str() {
            "Downloading" => {
                let detail = said.progress_detail.unwrap_or_default();
                layer.got = detail.current.unwrap_or(layer.got);
                layer.of = detail.total.unwrap_or(layer.of);
            }
            "Download complete" | "Pull complete" | "Already exists" => {
                layer.here = true;
                layer.got = layer.of;
            }
            _ => {}
        }
        *layer != before
    }
}

impl fmt::Display for Pulled {
    /// `3 of 7 layers, 12.1 of 40.5 MiB`; of a layer that has not begun nobody knows the size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = self.layers.values().filter(|l| l.here).count();
        let mib = |of: fn(&Layer) -> i64| {
            self.layers.values().map(of).sum::<i64>() as f64 / f64::from(1 << 20)
        };
        let (got, all) = (mib(|l| l.got), mib(|l| l.of));
        write!(f, "{here} of {} layers, {got:.1} of {all:.1} MiB", self.layers.len())
    }
}

/// Pulls an image. The credentials are those of `docker login`; without any the registry may give it to
/// everybody. Gives up when the engine says nothing for `begins_within` at the beginning.
///
/// # Errors
/// What the registry or the engine said.
pub async fn pull(
    docker: &Docker,
    image: &str,
    begins_within: Option<Duration>,
    progress: &(dyn Fn(&Pulled) + Sync),
) -> Result<(), String> {
    pull_as(docker, image, credentials::file().as_deref(), begins_within, progress).await
}

/// The same with the file that `docker login` wrote.
pub(super) async fn pull_as(
    docker: &Docker,
    image: &str,
    login: Option<&Path>,
    begins_within: Option<Duration>,
    progress: &(dyn Fn(&Pulled) + Sync),
) -> Result<(), String> {
    let (credentials, unread) = match login_of(docker, login, image).await {
        Ok(credentials) => (credentials, None),
        // A registry that asks for none still gives the image.
        Err(e) => (None, Some(e)),
    };
    fetch(docker, image, credentials, begins_within, progress).await.map_err(|e| match unread {
        Some(unread) => format!("{e}; the credentials of `docker login` were not sent: {unread}"),
        None => e,
    })
}

/// A helper is another program: nobody else waits for it.
async fn login_of(
    docker: &Docker,
    file: Option<&Path>,
    image: &str,
) -> Result<Option<DockerCredentials>, String> {
    let Some(file) = file.map(Path::to_owned) else { return Ok(None) };
    let index = docker.info().await.ok().and_then(|info| info.index_server_address);
    let Some(registry) = credentials::registry(image, index.as_deref()) else { return Ok(None) };
    tokio::task::spawn_blocking(move || credentials::read(&file, &registry))
        .await
        .map_err(|e| e.to_string())?
}

async fn fetch(
    docker: &Docker,
    image: &str,
    credentials: Option<DockerCredentials>,
    begins_within: Option<Duration>,
    progress: &(dyn Fn(&Pulled) + Sync),
) -> Result<(), String> {
    let options = CreateImageOptions {
        from_image: Some(image.into()),
        // Without a tag the engine would pull all of them.
        tag: (!has_tag(image)).then(|| "latest".into()),
        ..Default::default()
    };
    let mut stream = std::pin::pin!(docker.create_image(Some(options), None, credentials));
    let mut pulled = Pulled::default();
    let mut limit = begins_within;
    loop {
        let next = match limit.take() {
            Some(limit) => tokio::time::timeout(limit, stream.next())
                .await
                .map_err(|_| "no answer".to_owned())?,
            None => stream.next().await,
        };
        let Some(said) = next else { return Ok(()) };
        if pulled.take(said.map_err(|e| e.to_string())?) {
            progress(&pulled);
        }
    }
}

/// Whether a reference says which image of its name is meant: a tag or a digest.
fn has_tag(image: &str) -> bool {
    image.contains('@') || image.rsplit('/').next().is_some_and(|name| name.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    fn said(id: &str, status: &str, progress: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.into()),
            status: Some(status.into()),
            progress_detail: progress.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            error_detail: None,
        }
    }

    #[test]
    fn progress_says_what_is_left() {
        const MIB: i64 = 1 << 20;
        let mut pulled = Pulled::default();
        assert!(!pulled.take(said("latest", "Pulling from team/shop", None)));
        pulled.take(said("a", "Already exists", None));
        pulled.take(said("b", "Pulling fs layer", None));
        assert!(pulled.take(said("b", "Downloading", Some((3 * MIB, 12 * MIB)))));
        pulled.take(said("c", "Downloading", Some((4 * MIB, 4 * MIB))));
        assert!(!pulled.take(said("c", "Verifying Checksum", None)));
        pulled.take(said("c", "Download complete", None));
        assert_eq!(pulled.to_string(), "2 of 3 layers, 7.0 of 16.0 MiB");
        pulled.take(said("b", "Download complete", None));
        assert_eq!(pulled.to_string(), "3 of 3 layers, 16.0 of 16.0 MiB");
    }

    #[test]
    fn one_image_of_a_name_is_meant() {
        let tagged = ["shop:1", "127.0.0.1:5000/shop:1", "shop@sha256:00"];
        assert!(tagged.iter().all(|image| has_tag(image)));
        assert!(!has_tag("127.0.0.1:5000/shop") && !has_tag("team/shop"));
    }
}
