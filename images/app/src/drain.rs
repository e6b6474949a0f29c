//! Ending without an error that a client sees: the task first says that it is not healthy and goes on
//! serving, until those who send it requests have noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// Whether the task is about to end. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on health checks fail.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Puts this in front of the routes.
    pub fn guard(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), answer))
    }
}

async fn answer(State(draining): State<Draining>, request: Request, next: Next) -> Response {
    let is_check = matches!(request.uri().path(), "/healthz" | "/readyz");
    if is_check && draining.0.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_task_that_is_about_to_end_fails_its_checks_and_serves() {
        let draining = Draining::default();
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/products", get(|| async { "all" }));
        let router = draining.guard(router);
        let status = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!((status("/healthz").await, status("/products").await), (200, 200));
        draining.begin();
        assert_eq!((status("/healthz").await, status("/products").await), (503, 200));
    }
}
