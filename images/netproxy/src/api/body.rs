//! Bodies of requests. As in Toxiproxy the content type does not matter, unknown fields are ignored,
//! and `null` is as good as nothing.

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::proxy::ToxicInput;

/// The first JSON value of a body.
pub fn decode<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    match serde_json::Deserializer::from_slice(body).into_iter().next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(ApiError::BadRequestBody(error.to_string())),
        None => Err(ApiError::BadRequestBody("EOF".into())),
    }
}

/// An object; serde would also take a list of its values.
pub fn object<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    from_object(decode(body)?)
}

/// As [`object`], of one that was read already.
pub fn from_object<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ApiError> {
    let value = Value::Object(object);
    serde_json::from_value(value).map_err(|e| ApiError::BadRequestBody(e.to_string()))
}

#[derive(Deserialize)]
struct ToxicBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    toxicity: Option<f32>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

/// What a body says about a toxic.
pub fn toxic(body: &Bytes) -> Result<ToxicInput, ApiError> {
    let ToxicBody { name, kind, stream, toxicity, attributes } = object(body)?;
    let (kind, attributes) = (kind.unwrap_or_default(), attributes.unwrap_or_default());
    Ok(ToxicInput { name, kind, stream, toxicity, attributes })
}
