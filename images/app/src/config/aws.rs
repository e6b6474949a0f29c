//! Managed services: a key-value table for carts, and object storage for the front end.

use super::env::{ConfigError, Env};

/// How the services are reached.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Where object storage answers: `http://` and an address, without a path.
    pub s3: String,
    /// Where the key-value store answers.
    pub dynamodb: String,
    /// Part of every signature.
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The table that carts live in; absent when they live in the database.
    pub carts_table: Option<String>,
    /// The bucket that the front end is published to, if it is.
    pub assets_bucket: Option<String>,
}

impl Aws {
    /// The settings, if a service is used.
    ///
    /// # Errors
    /// A setting that cannot be used, or one that the services need and is missing.
    pub fn from_env(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        let choices = [("database", false), ("dynamodb", true)];
        let carts = env.choice("CARTS", &choices, false, "database or dynamodb")?;
        let table = env.text("CARTS_TABLE", Some("carts"))?;
        let region = env.text("AWS_REGION", Some("eu-central-1"))?;
        let assets_bucket = env.optional("ASSETS_BUCKET");
        if !carts && assets_bucket.is_none() {
            return Ok(None);
        }
        // A service may have an endpoint of its own, as the standard tools have it, too.
        let of = |own: &'static str| match env.optional(own) {
            Some(_) => env.endpoint(own),
            None => env.endpoint("AWS_ENDPOINT_URL"),
        };
        Ok(Some(Self {
            s3: of("AWS_ENDPOINT_URL_S3")?,
            dynamodb: of("AWS_ENDPOINT_URL_DYNAMODB")?,
            region,
            access_key: env.text("AWS_ACCESS_KEY_ID", None)?,
            secret_key: env.text("AWS_SECRET_ACCESS_KEY", None)?,
            carts_table: carts.then_some(table),
            assets_bucket,
        }))
    }
}
