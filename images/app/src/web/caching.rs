//! What a CDN in front of the shop may keep, and how long.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{Shared, visitor};

/// How long a page past its time may be shown while a new one is fetched, in its times.
const WHILE_REVALIDATE: u64 = 5;

/// How long it may be shown when there is no new one, in seconds.
const IF_ERROR: u64 = 300;

/// What is for one client only.
const NEVER: HeaderValue = HeaderValue::from_static("private, no-store");

/// The header of pages that everybody may be shown for `ttl_s` seconds.
pub fn for_everybody(ttl_s: u64) -> HeaderValue {
    let while_revalidate = ttl_s.saturating_mul(WHILE_REVALIDATE);
    let text = format!(
        "public, max-age={ttl_s}, stale-while-revalidate={while_revalidate}, \
         stale-if-error={IF_ERROR}"
    );
    HeaderValue::try_from(text).unwrap_or(NEVER)
}

/// Says of every answer who may keep it. What names itself (assets do) is left as it is.
pub async fn mark(State(app): Shared, request: Request, next: Next) -> Response {
    let shared = is_shared(request.uri().path(), request.method(), request.headers());
    let mut response = next.run(request).await;
    let may_keep = shared && response.status().is_success();
    let value = if may_keep { app.page_caching.clone() } else { NEVER };
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(value);
    response
}

/// Whether everybody gets the same answer. Who has seen more than others may need a newer one.
fn is_shared(path: &str, method: &Method, headers: &HeaderMap) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "" | "products" | "posts" | "leaderboard")
        && matches!(*method, Method::GET | Method::HEAD)
        && !visitor::is_personal(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_shared_and_what_belongs_to_somebody_is_not() {
        let none = HeaderMap::new();
        for path in ["/", "/products", "/products/7", "/posts", "/leaderboard"] {
            assert!(is_shared(path, &Method::GET, &none), "{path}");
        }
        for path in ["/cart", "/orders/k", "/users/1/profile", "/sessions", "/metrics", "/readyz"] {
            assert!(!is_shared(path, &Method::GET, &none), "{path}");
        }
        assert!(!is_shared("/posts", &Method::POST, &none));
        for (name, value) in [("authorization", "Bearer x"), ("x-position", "1-A")] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert!(!is_shared("/products", &Method::GET, &headers), "{name}");
        }
    }

    #[test]
    fn a_page_is_kept_short_and_shown_longer_in_need() {
        let expected = "public, max-age=2, stale-while-revalidate=10, stale-if-error=300";
        assert_eq!(for_everybody(2), expected);
    }
}
