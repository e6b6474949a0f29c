//! What users say about themselves.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::visitor::Visitor;
use super::{Shared, input};
use crate::shop::profiles::{GetProfile, Profile, WriteProfile, check_profile};

/// A profile as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    version: i64,
    #[serde(default)]
    about: String,
}

/// Writes a version of the own profile.
pub async fn write(
    State(app): Shared,
    Visitor(visit): Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let user_id = input::path(&id)?;
    let token = input::token(&headers)?;
    let ProfileRequest { version, about } = input::json(body)?;
    check_profile(version, &about)?;
    app.db.run(&visit, &WriteProfile { token, user_id, version, about }).await?;
    Ok(Json(json!({ "user_id": id, "version": version })))
}

/// Reads a profile.
pub async fn read(
    State(app): Shared,
    Visitor(visit): Visitor,
    Path(id): Path<String>,
) -> Result<Json<Profile>, ApiError> {
    let user_id = input::path(&id)?;
    Ok(Json(app.db.run(&visit, &GetProfile { user_id }).await?))
}
