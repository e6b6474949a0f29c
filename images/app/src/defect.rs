//! A release with something wrong in it, on purpose: for who wants to see what a deployment does with
//! one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// How much later a slow release answers.
const LATER: Duration = Duration::from_secs(1);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Health checks fail.
    Unhealthy,
    /// Every other request is refused with an error; health checks pass.
    Errors,
    /// Answers come late; health checks pass.
    Slow,
}

impl Defect {
    /// The words of the setting.
    pub const WORDS: [(&str, Option<Self>); 4] = [
        ("none", None),
        ("unhealthy", Some(Self::Unhealthy)),
        ("errors", Some(Self::Errors)),
        ("slow", Some(Self::Slow)),
    ];

    /// Puts this in front of the routes.
    pub fn guard(self, router: Router) -> Router {
        router.layer(from_fn_with_state((self, Arc::default()), answer))
    }
}

async fn answer(
    State((defect, count)): State<(Defect, Arc<AtomicU64>)>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_check = matches!(path, "/healthz" | "/readyz");
    match defect {
        Defect::Unhealthy if is_check => {
            (StatusCode::SERVICE_UNAVAILABLE, "this release is never healthy\n").into_response()
        }
        Defect::Errors if !is_check && count.fetch_add(1, Ordering::Relaxed) % 2 == 0 => {
            let none = [("x-effect", "none")];
            (StatusCode::INTERNAL_SERVER_ERROR, none, "this release is broken\n").into_response()
        }
        Defect::Slow if !is_check => {
            tokio::time::sleep(LATER).await;
            next.run(request).await
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tokio::time::Instant;
    use tower::ServiceExt;

    use super::*;

    /// Status of a check and of two requests, and whether each came late.
    async fn seen(defect: Defect) -> Vec<(u16, bool)> {
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/products", get(|| async { "all" }));
        let router = defect.guard(router);
        let mut seen = Vec::new();
        for path in ["/healthz", "/products", "/products"] {
            let began = Instant::now();
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            seen.push((answer.status().as_u16(), began.elapsed() >= LATER));
        }
        seen
    }

    #[tokio::test]
    async fn each_defect_shows_where_it_should_and_nowhere_else() {
        assert_eq!(seen(Defect::Unhealthy).await, [(503, false), (200, false), (200, false)]);
        assert_eq!(seen(Defect::Errors).await, [(200, false), (500, false), (200, false)]);
        assert_eq!(seen(Defect::Slow).await, [(200, false), (200, true), (200, true)]);
    }
}
