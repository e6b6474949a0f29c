//! The images that Docker holds.

use std::time::Instant;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use serde::Serialize;

use super::pull::{Pulled, pull};
use super::{ImageError, ImageName, ImageProgress};

/// One image of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedImage {
    /// `app`, `postgres`, …
    pub name: String,
    /// Its reference, or its id when it has none.
    pub reference: String,
    /// Its size with everything it is built from.
    pub bytes: i64,
}

/// Whether an image is here.
pub async fn exists(docker: &Docker, reference: &str) -> Result<bool, ImageError> {
    match docker.inspect_image(reference).await {
        Ok(_) => Ok(true),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// A label of an image; nothing when there is no such image.
pub(super) async fn label(
    docker: &Docker,
    reference: &str,
    label: &str,
) -> Result<Option<String>, ImageError> {
    match docker.inspect_image(reference).await {
        Ok(image) => Ok(image.config.and_then(|c| c.labels).and_then(|mut all| all.remove(label))),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Whether any version of an image of ours is here.
///
/// # Errors
/// Docker does not answer.
pub async fn any(docker: &Docker, name: ImageName) -> Result<bool, ImageError> {
    Ok(list(docker).await?.iter().any(|image| image.name == name.as_str()))
}

/// Makes sure that somebody else's image is here; pulls it when it is not. The error says why it
/// cannot be had.
pub async fn require(
    docker: &Docker,
    image: &str,
    progress: &(dyn Fn(ImageProgress) + Sync),
) -> Result<(), String> {
    if exists(docker, image).await.map_err(|e| e.to_string())? {
        return Ok(());
    }
    let begun = Instant::now();
    progress(ImageProgress::Pulling(image.into()));
    let told = |pulled: &Pulled| progress(ImageProgress::Pulled(image.into(), pulled.clone()));
    pull(docker, image, None, &told).await?;
    progress(ImageProgress::PulledAll(image.into(), begun.elapsed()));
    Ok(())
}

/// All images that we built. Our label alone does not tell: an image of the user's own that is built
/// from one of ours inherits it.
pub async fn list(docker: &Docker) -> Result<Vec<ListedImage>, ImageError> {
    let options = ListImagesOptions {
        filters: Some([("label".to_owned(), vec!["lab.image".to_owned()])].into()),
        ..Default::default()
    };
    let mut images: Vec<ListedImage> = docker
        .list_images(Some(options))
        .await?
        .into_iter()
        .filter_map(|i| {
            let name = i.labels.get("lab.image").cloned().unwrap_or_default();
            // Only we give that label, and one that was built again has lost its name.
            let lost = name == ImageName::BUILT && i.repo_tags.is_empty();
            let reference = if lost { i.id } else { own(&name, i.repo_tags)? };
            Some(ListedImage { name, reference, bytes: i.size })
        })
        .collect();
    images.sort_by(|a, b| (&a.name, &a.reference).cmp(&(&b.name, &b.reference)));
    Ok(images)
}

/// The tag that we gave an image with this label.
fn own(name: &str, tags: Vec<String>) -> Option<String> {
    let prefix = format!("lab/{name}:");
    tags.into_iter().find(|t| t.starts_with(&prefix))
}

/// Removes our images that nothing uses; returns how many. What is built from another goes before
/// it, so several rounds may be needed.
pub async fn clean(docker: &Docker) -> Result<usize, ImageError> {
    let mut removed = 0;
    loop {
        let mut this_round = 0;
        for image in list(docker).await? {
            match docker.remove_image(&image.reference, None::<RemoveImageOptions>, None).await {
                Ok(_) => this_round += 1,
                // In use by a container or by an image built from it.
                Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        removed += this_round;
        if this_round == 0 {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_built_from_ours_is_not_ours() {
        let tags = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let base = tags(&["mirror/base:1", "lab/base:0123"]);
        assert_eq!(own("base", base).as_deref(), Some("lab/base:0123"));
        assert_eq!(own("base", tags(&["shop:latest"])), None);
        assert_eq!(own("base", tags(&["lab/basement:1"])), None);
        assert_eq!(own("base", Vec::new()), None);
    }
}
