//! Object storage.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};

use super::client::{Answer, Service};
use crate::config;

/// Nobody waits for what is stored or looked up here, so a slow answer is better than another try.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A bucket.
pub struct Bucket {
    service: Service,
    name: String,
    region: String,
}

/// An object could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[error("the bucket {bucket} did not take {what}: {why}")]
pub struct Refused {
    bucket: String,
    what: String,
    why: String,
}

impl Bucket {
    /// The bucket called `name`, which may not be there yet.
    pub fn new(settings: &config::Aws, name: String) -> Self {
        let service = Service::new("s3", &settings.s3, TIMEOUT, &settings.keys);
        Self { service, name, region: settings.keys.region.clone() }
    }

    /// Makes the bucket, if it is not there.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn create(&self) -> Result<(), Refused> {
        let body = match &*self.region {
            // The one region that must not be named.
            "us-east-1" => Bytes::new(),
            region => format!(
                "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            )
            .into(),
        };
        // 409: it is there already.
        self.request("PUT", "", HeaderMap::new(), body, &[409]).await.map(drop)
    }

    /// Stores an object, over an older one if there is one.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn put(
        &self,
        key: &str,
        body: Bytes,
        content_type: &'static str,
        cache_control: &'static str,
    ) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        headers.insert("cache-control", HeaderValue::from_static(cache_control));
        self.request("PUT", key, headers, body, &[]).await.map(drop)
    }

    /// Reads an object; `None` when it is not there.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Refused> {
        let answer = self.request("GET", key, HeaderMap::new(), Bytes::new(), &[404]).await?;
        Ok(answer.status.is_success().then_some(answer.body))
    }

    async fn request(
        &self,
        method: &str,
        key: &str,
        headers: HeaderMap,
        body: Bytes,
        also_good: &[u16],
    ) -> Result<Answer, Refused> {
        let refused = |why: String| Refused {
            bucket: self.name.clone(),
            what: if key.is_empty() { "its creation".into() } else { key.to_owned() },
            why,
        };
        let slash = if key.is_empty() { "" } else { "/" };
        let path = format!("/{}{slash}{key}", self.name);
        let sent = self.service.send(method, &path, headers, body).await;
        let answer = sent.map_err(|e| refused(e.to_string()))?;
        if answer.status.is_success() || also_good.contains(&answer.status.as_u16()) {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&answer.body);
        Err(refused(format!("{} {}", answer.status, text.chars().take(200).collect::<String>())))
    }
}
