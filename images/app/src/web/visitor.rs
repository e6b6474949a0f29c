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
use crate::db::{Function, Positions, Seen, Visit};

/// Position in the log of each function's database: sent by the client what it saw, by the shop what
/// it sees. And the cookie that says the same, for clients that only keep cookies.
const CARRIERS: [(Function, HeaderName, &str); Function::ALL.len()] = [
    (Function::Catalogue, HeaderName::from_static("x-position"), "position"),
    (Function::Users, HeaderName::from_static("x-position-users"), "position-users"),
    (Function::Forum, HeaderName::from_static("x-position-forum"), "position-forum"),
];

/// Whether the primary or a replica served a read.
const X_READ_FROM: HeaderName = HeaderName::from_static("x-read-from");

/// What the cache had to do with a read, and how long ago the value was read.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_AGE_MS: HeaderName = HeaderName::from_static("x-age-ms");

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
    let wants = if follows { wanted(request.headers()) } else { Positions::default() };
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
    headers.contains_key(header::AUTHORIZATION) || wanted(headers) != Positions::default()
}

/// The latest position among header and cookies; what cannot be read was not sent by the shop.
fn wanted(headers: &HeaderMap) -> Positions {
    let mut positions = Positions::default();
    for (function, header, cookie) in CARRIERS {
        let sent = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = lines.flat_map(|line| line.split(';')).filter_map(|part| {
            let (name, value) = part.trim().split_once('=')?;
            (name == cookie).then_some(value)
        });
        positions.raise(function, sent.chain(cookies).filter_map(|text| text.parse().ok()).max());
    }
    positions
}

fn show(headers: &mut HeaderMap, wants: Positions, seen: Seen, personal: bool) {
    if let Some(served_by) = seen.served_by {
        headers.insert(X_READ_FROM, HeaderValue::from_static(served_by.as_str()));
    }
    if let Some((how, age)) = seen.cache {
        headers.insert(X_CACHE, HeaderValue::from_static(how.as_str()));
        headers.insert(X_AGE_MS, u64::try_from(age.as_millis()).unwrap_or(u64::MAX).into());
    }
    for (function, header, cookie) in CARRIERS {
        let Some(seen) = seen.positions.of(function) else { continue };
        // Never less than before, so that a client may just keep the last one.
        let position = wants.of(function).map_or(seen, |wanted| wanted.max(seen));
        if let Ok(value) = HeaderValue::try_from(position.to_string()) {
            headers.insert(header, value);
        }
        let cookie = format!("{cookie}={position}; Path=/; HttpOnly; SameSite=Lax");
        if let (true, Ok(value)) = (personal, HeaderValue::try_from(cookie)) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::{CacheUse, Position};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn position(lsn: u64) -> Positions {
        Positions::only(Function::Catalogue, Some(Position { timeline: 1, lsn }))
    }

    #[test]
    fn header_and_cookie_say_the_same_and_the_later_one_counts() {
        assert_eq!(wanted(&headers(&[("x-position", "1-A")])), position(10));
        assert_eq!(wanted(&headers(&[("cookie", "a=b; position=1-B; c=d")])), position(11));
        let both = headers(&[("x-position", "1-A"), ("cookie", "position=1-B")]);
        assert_eq!(wanted(&both), position(11));
        assert_eq!(
            wanted(&headers(&[("x-position", "soon"), ("cookie", "position")])),
            Positions::default()
        );
    }

    #[test]
    fn the_answer_never_says_less_than_the_client_knew() {
        let mut shown = HeaderMap::new();
        let seen = Seen { positions: position(5), ..Seen::default() };
        show(&mut shown, position(9), seen, true);
        assert_eq!(shown["x-position"], "1-9");
        assert_eq!(shown[header::SET_COOKIE], "position=1-9; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn each_database_has_a_header_and_a_cookie_of_its_own() {
        let sent = headers(&[("x-position-users", "1-A"), ("cookie", "position-forum=1-B")]);
        let wants = wanted(&sent);
        let lsn = |of: Positions, function| of.of(function).map(|position| position.lsn);
        assert_eq!(Function::ALL.map(|f| lsn(wants, f)), [None, Some(10), Some(11)]);
        let mut shown = HeaderMap::new();
        let users = Positions::only(Function::Users, Some(Position { timeline: 1, lsn: 12 }));
        show(&mut shown, wants, Seen { positions: users, ..Seen::default() }, true);
        assert_eq!(shown["x-position-users"], "1-C");
        assert!(shown.get("x-position").is_none() && shown.get("x-position-forum").is_none());
    }

    #[test]
    fn what_is_for_everybody_sets_no_cookie() {
        let mut shown = HeaderMap::new();
        let served_by = Some(crate::db::ServedBy::Replica);
        let cache = Some((CacheUse::Hit, Duration::from_millis(7)));
        let seen = Seen { positions: position(5), served_by, cache, ..Seen::default() };
        show(&mut shown, Positions::default(), seen, false);
        assert_eq!(shown[X_READ_FROM], "replica");
        assert_eq!((&shown[X_CACHE], &shown[X_AGE_MS]), (&"hit".parse().unwrap(), &7.into()));
        assert!(shown.get(header::SET_COOKIE).is_none());
    }
}
