//! One HTTP/1.1 connection: opening it, and one exchange on it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::caches::caches;
use super::request::Call;
use super::wire::{IdleWire, Wire};
use crate::journal::Caches;
use crate::spec::workload::Answer;

/// Longest response body, in bytes. The largest is a page of the audit: 5,000 keys of 128 bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// An open connection on which nothing is under way.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    wire: IdleWire,
}

/// A response that arrived whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// What caches on the way say they did.
    pub caches: Option<Caches>,
    /// The whole; its body is empty when a response that is no success was cut short.
    pub answer: Answer,
}

/// How an exchange ended.
pub enum Exchange {
    /// The response is here; the connection can be used again, if there is one.
    Replied(Box<Reply>, Option<Connection>),
    /// Nothing was written: the connection was closed before. Another one may be tried.
    NotSent(String),
    /// The connection ended before the first byte of a response. The request may have arrived.
    Closed(String),
    /// The request may have arrived.
    Lost(String),
    /// No whole response in time. The request may have arrived.
    TimedOut,
}

/// Opens a connection, waiting `limit` at most.
pub async fn connect(address: SocketAddr, limit: Duration) -> Result<Connection, String> {
    let connected = timeout(limit, TcpStream::connect(address)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(in_few_words(&error)),
        Err(_) => return Err("connect timed out".into()),
    };
    // Without it small writes would wait for acknowledgements, which users' clients do not do.
    stream.set_nodelay(true).map_err(|e| in_few_words(&e))?;
    let wire = Wire::new(stream);
    let idle = wire.idle();
    let (sender, driver) = handshake(TokioIo::new(wire)).await.map_err(|e| e.to_string())?;
    // Errors of the driver reach the request that is under way; without one nobody misses them.
    tokio::spawn(async move { drop(driver.await) });
    Ok(Connection { sender, wire: idle })
}

fn in_few_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connect refused".into(),
        _ => format!("connect: {error}"),
    }
}

/// Sends one request and reads the whole response.
pub async fn exchange(
    connection: Connection,
    address: SocketAddr,
    call: &Call,
    deadline: Instant,
) -> Exchange {
    let request = match build(address, call) {
        Ok(request) => request,
        Err(error) => return Exchange::NotSent(format!("cannot be sent: {error}")),
    };
    let Some(wire) = connection.wire.open() else {
        return Exchange::NotSent("closed while idle".into());
    };
    let before = wire.written();
    match send(connection, request, deadline.into()).await {
        Exchange::Lost(reason) | Exchange::Closed(reason) if wire.written() == before => {
            Exchange::NotSent(reason)
        }
        Exchange::TimedOut if wire.written() == before => Exchange::NotSent("no time left".into()),
        ended => ended,
    }
}

async fn send(
    mut connection: Connection,
    request: Request<Full<Bytes>>,
    deadline: tokio::time::Instant,
) -> Exchange {
    match timeout_at(deadline, connection.sender.ready()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Exchange::NotSent(error.to_string()),
        Err(_) => return Exchange::NotSent("no time left".into()),
    }
    match timeout_at(deadline, connection.sender.try_send_request(request)).await {
        Ok(Ok(response)) => read(response, connection, deadline).await,
        // hyper hands the request back only when it wrote nothing of it.
        Ok(Err(mut error)) => {
            let unsent = error.take_message().is_some();
            let error = error.into_error();
            let (reason, closed) = (cause(&error), is_closed(&error));
            match (unsent, closed) {
                (true, _) => Exchange::NotSent(reason),
                (false, true) => Exchange::Closed(reason),
                (false, false) => Exchange::Lost(reason),
            }
        }
        Err(_) => Exchange::TimedOut,
    }
}

async fn read(
    response: Response<Incoming>,
    connection: Connection,
    deadline: tokio::time::Instant,
) -> Exchange {
    let status = response.status().as_u16();
    let (head, body) = response.into_parts();
    let caches = caches(&head.headers);
    let body = Limited::new(body, MAX_BODY).collect();
    let reply = |body| Reply { status, caches, answer: Answer::new(status, head.headers, body) };
    match timeout_at(deadline, body).await {
        Ok(Ok(body)) => Exchange::Replied(Box::new(reply(body.to_bytes())), Some(connection)),
        // The head says all there is to know about a failure.
        _ if status >= 400 => Exchange::Replied(Box::new(reply(Bytes::new())), None),
        Ok(Err(error)) => Exchange::Lost(format!("{status}, then {error}")),
        Err(_) => Exchange::TimedOut,
    }
}

fn build(address: SocketAddr, call: &Call) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.path.as_str())
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, concat!("lab-load/", env!("CARGO_PKG_VERSION")));
    if let Some(headers) = request.headers_mut() {
        // What the workload says takes the place of what the client says of itself.
        headers.extend(call.headers.clone());
    }
    request.body(Full::new(call.body.clone()))
}

/// hyper's own words are about itself; its source says what the network did.
fn cause(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "closed before an answer".into();
    }
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether the peer ended the connection: orderly, or with a reset.
fn is_closed(error: &hyper::Error) -> bool {
    let reset = |e: &std::io::Error| {
        matches!(e.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
    };
    error.is_incomplete_message()
        || std::error::Error::source(error)
            .and_then(|e| e.downcast_ref::<std::io::Error>())
            .is_some_and(reset)
}
