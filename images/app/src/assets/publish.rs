//! Publishing a version: its files first, the pointer to it last, so that nobody is ever pointed
//! to something incomplete. Several tasks may do it at the same time: all store the same. They begin
//! at different moments, and stop when another one was faster, or a web tier that starts would
//! overwhelm the storage with one and the same files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{Asset, Assets, FOR_A_DAY};
use crate::aws::{Bucket, Refused};

/// Files stored at the same time.
const AT_ONCE: usize = 2;

/// After so many files a task looks whether another one has published the version.
const LOOK_AFTER: usize = 20;

/// Tasks begin within this time.
const SPREAD: Duration = Duration::from_secs(5);

/// Beginning of every key: the path under which an edge cache asks for it.
const FOLDER: &str = "assets";

/// Waits between two tries: doubled each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Time between two looks whether the version is still there.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How publishing goes.
#[derive(Default)]
pub struct Publisher {
    published: AtomicBool,
    failures: AtomicU64,
}

impl Publisher {
    /// Whether it is done, and how often it failed.
    pub fn counts(&self) -> (bool, u64) {
        (self.published.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}

/// Publishes in the background, and again what is gone.
pub fn publish(assets: Arc<Assets>, bucket: Bucket) -> Arc<Publisher> {
    let publisher = Arc::new(Publisher::default());
    let progress = Arc::clone(&publisher);
    tokio::spawn(async move {
        let mut pause = PAUSES.0;
        // Whoever waits for the bucket need not wait for all that will be in it.
        if let Err(error) = bucket.create().await {
            tracing::warn!("the bucket is not there yet: {error}");
        }
        tokio::time::sleep(SPREAD.mul_f64(rand::random())).await;
        loop {
            while let Err(error) = publish_once(&assets, &bucket).await {
                progress.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the front end is not published yet: {error}");
                tokio::time::sleep(pause.mul_f64(rand::random::<f64>() / 2.0 + 0.5)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            if !progress.published.swap(true, Ordering::Relaxed) {
                tracing::info!(version = assets.version(), "the front end is published");
            }
            // A storage that lost what it held is filled again.
            pause = PAUSES.0;
            tokio::time::sleep(LOOK_AGAIN.mul_f64(rand::random::<f64>() / 2.0 + 0.75)).await;
        }
    });
    publisher
}

async fn publish_once(assets: &Assets, bucket: &Bucket) -> Result<(), Refused> {
    let pointer = json!({ "version": assets.version }).to_string();
    let current = format!("{FOLDER}/current");
    bucket.create().await?;
    let files: Vec<(String, Asset)> = assets
        .files
        .iter()
        .map(|(path, asset)| (format!("{FOLDER}/{}/{path}", assets.version), asset.clone()))
        .collect();
    for some in files.chunks(LOOK_AFTER) {
        if bucket.get(&current).await?.is_some_and(|found| found == pointer) {
            return Ok(());
        }
        stream::iter(some.to_vec())
            .map(|(key, asset)| async move {
                bucket.put(&key, asset.body, asset.content_type, FOR_A_DAY).await
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    bucket.put(&current, pointer.into(), "application/json", "no-cache").await
}
