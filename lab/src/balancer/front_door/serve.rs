//! The counts as JSON.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::super::nginx;
use super::count::Counts;

/// Serves the counts on `listener`, for as long as it is polled.
pub(super) async fn serve(
    listener: TcpListener,
    counts: Arc<Mutex<Counts>>,
    nginx_status_port: u16,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: accepting again at once would spin.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let counts = Arc::clone(&counts);
        let answer = service_fn(move |request: Request<Incoming>| {
            let counts = Arc::clone(&counts);
            async move { Ok::<_, Infallible>(answer(&request, &counts, nginx_status_port).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        connections.spawn(async move { drop(connection.await) });
    }
}

async fn answer(
    request: &Request<Incoming>,
    counts: &Mutex<Counts>,
    nginx_status_port: u16,
) -> Response<Full<Bytes>> {
    let (status, body) = match request.uri().path() {
        "/front-door" => match nginx::requests(nginx_status_port).await {
            Ok(requests) => {
                let view = counts.lock().unwrap_or_else(PoisonError::into_inner).view(requests);
                (200, serde_json::json!(view))
            }
            Err(reason) => (503, serde_json::json!({ "nginx": reason })),
        },
        _ => (404, serde_json::json!({ "error": "there is /front-door" })),
    };
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
