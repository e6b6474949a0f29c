//! The images that Docker holds.

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use futures::StreamExt;
use serde::Serialize;

use super::ImageError;

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

/// Makes sure that somebody else's image is here; pulls it when it is not. The error says why it
/// cannot be had.
pub async fn require(docker: &Docker, image: &str) -> Result<(), String> {
    if exists(docker, image).await.map_err(|e| e.to_string())? {
        return Ok(());
    }
    let options = CreateImageOptions { from_image: Some(image.into()), ..Default::default() };
    let mut stream = std::pin::pin!(docker.create_image(Some(options), None, None));
    while let Some(step) = stream.next().await {
        step.map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// All images that carry our label.
pub async fn list(docker: &Docker) -> Result<Vec<ListedImage>, ImageError> {
    let options = ListImagesOptions {
        filters: Some([("label".to_owned(), vec!["lab.image".to_owned()])].into()),
        ..Default::default()
    };
    let mut images: Vec<ListedImage> = docker
        .list_images(Some(options))
        .await?
        .into_iter()
        .map(|i| ListedImage {
            name: i.labels.get("lab.image").cloned().unwrap_or_default(),
            reference: i.repo_tags.into_iter().find(|t| t != "<none>:<none>").unwrap_or(i.id),
            bytes: i.size,
        })
        .collect();
    images.sort_by(|a, b| (&a.name, &a.reference).cmp(&(&b.name, &b.reference)));
    Ok(images)
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
