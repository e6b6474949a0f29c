//! The front end: a style, a script, and an image for each product. Its version is the hash of all
//! of it, so a version never changes once it is published.

mod image;
mod publish;

use std::collections::BTreeMap;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

pub use publish::{Publisher, publish};

/// Products that have an image.
const IMAGES: std::ops::RangeInclusive<i32> = 1..=200;

/// Cache header of everything that has a version in its path: one day, because the image of a
/// product may have to go one day.
pub const FOR_A_DAY: &str = "public, max-age=86400, immutable";

/// A file of the front end.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What is in it.
    pub body: Bytes,
}

/// All files of one version.
pub struct Assets {
    version: String,
    files: BTreeMap<String, Asset>,
}

impl Assets {
    /// The files of this program.
    pub fn embedded() -> Self {
        let text = |content_type, body: &'static str| Asset { content_type, body: body.into() };
        let mut files = BTreeMap::from([
            ("app.css".into(), text("text/css", include_str!("../../frontend/app.css"))),
            ("app.js".into(), text("text/javascript", include_str!("../../frontend/app.js"))),
        ]);
        for product in IMAGES {
            let body = image::of_product(product).into();
            let image = Asset { content_type: "image/svg+xml", body };
            files.insert(format!("products/{product}.svg"), image);
        }
        Self { version: version_of(&files), files }
    }

    /// `v` and the hash of all files.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file of this version at `path`, if there is one.
    pub fn file(&self, version: &str, path: &str) -> Option<&Asset> {
        self.files.get(path).filter(|_| version == self.version)
    }

    /// Where a browser finds a file.
    pub fn url(&self, path: &str) -> String {
        format!("/assets/{}/{path}", self.version)
    }
}

fn version_of(files: &BTreeMap<String, Asset>) -> String {
    let mut hash = Sha256::new();
    for (path, asset) in files {
        for part in [path.as_bytes(), asset.content_type.as_bytes(), &asset.body] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("v{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_content() {
        let (one, two) = (Assets::embedded(), Assets::embedded());
        assert_eq!(one.version, two.version, "the same program has the same version");
        let mut changed = one.files.clone();
        changed.get_mut("app.js").unwrap().body = "other".into();
        assert_ne!(version_of(&changed), one.version);
        let mut moved = one.files.clone();
        let script = moved.remove("app.js").unwrap();
        moved.insert("app2.js".into(), script);
        assert_ne!(version_of(&moved), one.version);
    }

    #[test]
    fn files_are_found_under_their_version_only() {
        let assets = Assets::embedded();
        let version = assets.version().to_owned();
        assert!(assets.file(&version, "app.js").is_some());
        assert!(assets.file(&version, "products/200.svg").is_some());
        assert!(assets.file("v0", "app.js").is_none());
        assert!(assets.file(&version, "../app.js").is_none());
    }
}
