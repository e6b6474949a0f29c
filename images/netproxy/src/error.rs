//! What can be wrong with a request; texts and status codes are Toxiproxy's.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The body is not the JSON that is wanted.
    #[error("bad request body: {0}")]
    BadRequestBody(String),
    /// A field without which there is no proxy.
    #[error("missing required field: {0}")]
    MissingField(String),
    /// No proxy has this name.
    #[error("proxy not found")]
    ProxyNotFound,
    /// A proxy with this name exists.
    #[error("proxy already exists")]
    ProxyAlreadyExists,
    /// Neither of the two directions.
    #[error("stream was invalid, can be either upstream or downstream")]
    InvalidStream,
    /// No toxic is of this type.
    #[error("invalid toxic type")]
    InvalidToxicType,
    /// The proxy has a toxic with this name.
    #[error("toxic already exists")]
    ToxicAlreadyExists,
    /// The proxy has no toxic with this name.
    #[error("toxic not found")]
    ToxicNotFound,
    /// The proxy's own address cannot be used.
    #[error("listen tcp {address}: {problem}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What the system says.
        problem: std::io::Error,
    },
}

impl ApiError {
    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequestBody(_)
            | Self::MissingField(_)
            | Self::InvalidStream
            | Self::InvalidToxicType => StatusCode::BAD_REQUEST,
            Self::ProxyNotFound | Self::ToxicNotFound => StatusCode::NOT_FOUND,
            Self::ProxyAlreadyExists | Self::ToxicAlreadyExists => StatusCode::CONFLICT,
            Self::Listen { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body it is answered with.
    pub fn body(&self) -> Value {
        json!({ "error": self.to_string(), "status": self.status().as_u16() })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}
