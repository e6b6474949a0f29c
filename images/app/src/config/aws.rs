//! Managed services: a key-value table for carts, and object storage for the front end.

use super::env::{ConfigError, Env};

/// Who asks the services.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Part of every signature.
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

impl Keys {
    /// The settings that every service needs.
    ///
    /// # Errors
    /// One is missing.
    pub fn from_env(env: &Env<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            region: env.text("AWS_REGION", Some("eu-central-1"))?,
            access_key: env.text("AWS_ACCESS_KEY_ID", None)?,
            secret_key: env.text("AWS_SECRET_ACCESS_KEY", None)?,
        })
    }
}

/// Where a service answers. It may have an endpoint of its own, as the standard tools have it, too.
///
/// # Errors
/// Neither its own nor the common endpoint is set, or the one that is cannot be used.
pub fn endpoint(env: &Env<'_>, own: &'static str) -> Result<String, ConfigError> {
    match env.optional(own) {
        Some(_) => env.endpoint(own),
        None => env.endpoint("AWS_ENDPOINT_URL"),
    }
}

/// How the services are reached.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Where object storage answers: `http://` and an address, without a path.
    pub s3: String,
    /// Where the key-value store answers.
    pub dynamodb: String,
    /// Who asks.
    pub keys: Keys,
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
        let assets_bucket = env.optional("ASSETS_BUCKET");
        if !carts && assets_bucket.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            s3: endpoint(env, "AWS_ENDPOINT_URL_S3")?,
            dynamodb: endpoint(env, "AWS_ENDPOINT_URL_DYNAMODB")?,
            keys: Keys::from_env(env)?,
            carts_table: carts.then_some(table),
            assets_bucket,
        }))
    }
}
