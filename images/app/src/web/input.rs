//! Reading requests. Whatever is wrong with one is answered in the same JSON form.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::shop::Rejection;
use crate::shop::orders::missing_key;
use crate::shop::promise::Key;
use crate::shop::users::Token;

/// The body as `T`.
///
/// # Errors
/// It is too large, no JSON, or has other fields.
pub fn json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = body
        .map_err(|e| Rejection::new(e.status().as_u16(), e.body_text(), "send at most 64 KiB"))?;
    serde_json::from_slice(&body).map_err(|e| {
        let hint = "send a JSON body with the documented fields";
        Rejection::new(400, format!("the body cannot be used: {e}"), hint).into()
    })
}

/// The query string as `T`.
///
/// # Errors
/// A parameter is missing or cannot be used.
pub fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    let hint = "give the documented parameters";
    query.map(|Query(q)| q).map_err(|e| Rejection::new(400, e.body_text(), hint).into())
}

/// A part of the path as `T`.
///
/// # Errors
/// It is none; then there is nothing at that path.
pub fn path<T: FromStr>(part: &str) -> Result<T, ApiError> {
    let error = || Rejection::new(404, format!("there is no {part:?} here"), "use a valid number");
    part.parse().map_err(|_| error().into())
}

/// The session token, if one was sent.
///
/// # Errors
/// There is an `Authorization` header, but not of the form `Bearer TOKEN`.
pub fn optional_token(headers: &HeaderMap) -> Result<Option<Token>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
    match token.map(str::trim) {
        Some(token) if !token.is_empty() => Ok(Some(Token::from_text(token))),
        _ => Err(Rejection::no_session().into()),
    }
}

/// The session token.
///
/// # Errors
/// None was sent.
pub fn token(headers: &HeaderMap) -> Result<Token, ApiError> {
    optional_token(headers)?.ok_or_else(|| Rejection::no_session().into())
}

/// The idempotency key; only with idempotency switched off it may be absent.
///
/// # Errors
/// It is missing or cannot be used.
pub fn key(headers: &HeaderMap, required: bool) -> Result<Option<Key>, ApiError> {
    match headers.get("idempotency-key") {
        // Bytes that are no text become a key that is refused.
        Some(value) => Ok(Some(Key::new(value.to_str().unwrap_or_default())?)),
        None if required => Err(missing_key().into()),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn status(error: ApiError) -> u16 {
        error.into_response().status().as_u16()
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_token_is_sent_as_bearer() {
        assert!(token(&headers("authorization", "Bearer abc")).is_ok());
        for bad in ["abc", "Basic abc", "Bearer "] {
            let refused = token(&headers("authorization", bad)).map_err(status);
            assert_eq!(refused, Err(401), "{bad:?}");
        }
        assert!(optional_token(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_key_may_be_absent_only_without_idempotency() {
        assert!(key(&headers("idempotency-key", "k-1"), true).unwrap().is_some());
        assert_eq!(key(&HeaderMap::new(), true).map_err(status), Err(400));
        assert_eq!(key(&HeaderMap::new(), false).map_err(status), Ok(None));
        assert_eq!(key(&headers("idempotency-key", "a b"), false).map_err(status), Err(400));
    }

    #[test]
    fn a_path_that_is_no_number_does_not_exist() {
        assert_eq!(path::<i32>("12").ok(), Some(12));
        assert_eq!(path::<i32>("x").map_err(status), Err(404));
    }
}
