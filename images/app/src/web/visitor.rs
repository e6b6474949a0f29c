//! What a client saw before and sees now, carried by the client itself: so that any task can answer
//! its next request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;
use crate::db::{Position, Seen, Visit};

/// Position in the database's log: sent by the client what it saw, by the shop what it sees.
const X_POSITION: HeaderName = HeaderName::from_static("x-position");

/// Whether the primary or a replica served a read.
const X_READ_FROM: HeaderName = HeaderName::from_static("x-read-from");

/// What the cache had to do with a read, and how long ago the value was read.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_AGE_MS: HeaderName = HeaderName::from_static("x-age-ms");

/// The same position, for clients that only keep cookies.
const COOKIE: &str = "position";

/// The request's dealings with the database.
pub struct Visitor(pub Arc<Visit>);

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned().unwrap_or_default()))
    }
}

/// Reads what the client saw, and says in the answer what it has seen now.
pub async fn follow(State(app): Shared, mut request: Request, next: Next) -> Response {
    let Some(follows) = app.following else { return next.run(request).await };
    let wants = if follows { wanted(request.headers()) } else { None };
    let visit = Arc::new(Visit::new(wants));
    request.extensions_mut().insert(Arc::clone(&visit));
    // What everybody may be shown from a cache must not hand out one client's cookie.
    let personal = is_personal(request.headers()) || request.method() != axum::http::Method::GET;
    let mut response = next.run(request).await;
    show(response.headers_mut(), wants, visit.seen(), personal);
    response
}

/// Whether the answer is for one client only.
pub fn is_personal(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || wanted(headers).is_some()
}

/// The latest position among header and cookies; what cannot be read was not sent by the shop.
fn wanted(headers: &HeaderMap) -> Option<Position> {
    let sent = headers.get_all(X_POSITION).iter().filter_map(|value| value.to_str().ok());
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    sent.chain(cookies).filter_map(|text| text.parse().ok()).max()
}

fn show(headers: &mut HeaderMap, wants: Option<Position>, seen: Seen, personal: bool) {
    if let Some(served_by) = seen.served_by {
        headers.insert(X_READ_FROM, HeaderValue::from_static(served_by.as_str()));
    }
    if let Some((how, age)) = seen.cache {
        headers.insert(X_CACHE, HeaderValue::from_static(how.as_str()));
        headers.insert(X_AGE_MS, u64::try_from(age.as_millis()).unwrap_or(u64::MAX).into());
    }
    // Never less than before, so that a client may just keep the last one.
    let Some(position) = seen.position.map(|position| wants.map_or(position, |w| w.max(position)))
    else {
        return;
    };
    if let Ok(value) = HeaderValue::try_from(position.to_string()) {
        headers.insert(X_POSITION, value);
    }
    let cookie = format!("{COOKIE}={position}; Path=/; HttpOnly; SameSite=Lax");
    if let (true, Ok(value)) = (personal, HeaderValue::try_from(cookie)) {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::CacheUse;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn position(lsn: u64) -> Option<Position> {
        Some(Position { timeline: 1, lsn })
    }

    #[test]
    fn header_and_cookie_say_the_same_and_the_later_one_counts() {
        assert_eq!(wanted(&headers(&[("x-position", "1-A")])), position(10));
        assert_eq!(wanted(&headers(&[("cookie", "a=b; position=1-B; c=d")])), position(11));
        let both = headers(&[("x-position", "1-A"), ("cookie", "position=1-B")]);
        assert_eq!(wanted(&both), position(11));
        assert_eq!(wanted(&headers(&[("x-position", "soon"), ("cookie", "position")])), None);
    }

    #[test]
    fn the_answer_never_says_less_than_the_client_knew() {
        let mut shown = HeaderMap::new();
        let seen = Seen { position: position(5), ..Seen::default() };
        show(&mut shown, position(9), seen, true);
        assert_eq!(shown[X_POSITION], "1-9");
        assert_eq!(shown[header::SET_COOKIE], "position=1-9; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn what_is_for_everybody_sets_no_cookie() {
        let mut shown = HeaderMap::new();
        let served_by = Some(crate::db::ServedBy::Replica);
        let cache = Some((CacheUse::Hit, Duration::from_millis(7)));
        let seen = Seen { position: position(5), served_by, cache, ..Seen::default() };
        show(&mut shown, None, seen, false);
        assert_eq!(shown[X_READ_FROM], "replica");
        assert_eq!((&shown[X_CACHE], &shown[X_AGE_MS]), (&"hit".parse().unwrap(), &7.into()));
        assert!(shown.get(header::SET_COOKIE).is_none());
    }
}
