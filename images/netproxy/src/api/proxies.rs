//! `/proxies`, `/populate` and `/reset`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::body::{decode, from_object, object};
use crate::collection::{Collection, ProxyInput};
use crate::error::ApiError;
use crate::proxy::ProxyView;

type Proxies = State<Arc<Collection>>;

pub async fn index(State(all): Proxies) -> Json<BTreeMap<String, ProxyView>> {
    Json(all.views().await)
}

pub async fn create(State(all): Proxies, body: Bytes) -> Result<Response, ApiError> {
    let view = all.create(&object(&body)?).await?;
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Also after an error the answer names the proxies that were created before it.
pub async fn populate(State(all): Proxies, body: Bytes) -> Response {
    let input: Result<Vec<ProxyInput>, _> =
        decode(&body).and_then(|list: Vec<_>| list.into_iter().map(from_object).collect());
    let (done, error) = match input {
        Ok(input) => all.populate(&input).await,
        Err(error) => (Vec::new(), Some(error)),
    };
    let (status, mut answer) = match error {
        Some(error) => (error.status(), error.body()),
        None => (StatusCode::CREATED, json!({})),
    };
    answer["proxies"] = json!(done);
    (status, Json(answer)).into_response()
}

pub async fn reset(State(all): Proxies) -> Result<StatusCode, ApiError> {
    all.reset().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn show(
    State(all): Proxies,
    Path(name): Path<String>,
) -> Result<Json<ProxyView>, ApiError> {
    Ok(Json(all.proxy(&name).await?.view()))
}

pub async fn update(
    State(all): Proxies,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<ProxyView>, ApiError> {
    let mut proxy = all.proxy(&name).await?;
    let input: ProxyInput = object(&body)?;
    let listen = input.listen.unwrap_or_else(|| proxy.listen().to_owned());
    let upstream = input.upstream.unwrap_or_else(|| proxy.upstream().to_owned());
    let enabled = input.enabled.unwrap_or(proxy.enabled());
    proxy.update(&listen, &upstream, enabled).await?;
    Ok(Json(proxy.view()))
}

pub async fn remove(State(all): Proxies, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    all.remove(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
