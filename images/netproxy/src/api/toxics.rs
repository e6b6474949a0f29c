//! `/proxies/{proxy}/toxics`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::body;
use crate::collection::Collection;
use crate::error::ApiError;
use crate::toxic::Toxic;

type Proxies = State<Arc<Collection>>;
type Names = Path<(String, String)>;

pub async fn index(
    State(all): Proxies,
    Path(proxy): Path<String>,
) -> Result<Json<Vec<Toxic>>, ApiError> {
    Ok(Json(all.proxy(&proxy).await?.toxics()))
}

pub async fn create(
    State(all): Proxies,
    Path(proxy): Path<String>,
    body: Bytes,
) -> Result<Json<Toxic>, ApiError> {
    let mut proxy = all.proxy(&proxy).await?;
    Ok(Json(proxy.add_toxic(body::toxic(&body)?)?))
}

pub async fn show(
    State(all): Proxies,
    Path((proxy, toxic)): Names,
) -> Result<Json<Toxic>, ApiError> {
    Ok(Json(all.proxy(&proxy).await?.toxic(&toxic)?))
}

pub async fn update(
    State(all): Proxies,
    Path((proxy, toxic)): Names,
    body: Bytes,
) -> Result<Json<Toxic>, ApiError> {
    let mut proxy = all.proxy(&proxy).await?;
    // An unknown toxic matters more than a bad body.
    proxy.toxic(&toxic)?;
    Ok(Json(proxy.update_toxic(&toxic, &body::toxic(&body)?)?))
}

pub async fn remove(
    State(all): Proxies,
    Path((proxy, toxic)): Names,
) -> Result<StatusCode, ApiError> {
    all.proxy(&proxy).await?.remove_toxic(&toxic)?;
    Ok(StatusCode::NO_CONTENT)
}
