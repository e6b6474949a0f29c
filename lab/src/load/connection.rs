//! One connection: opening it, and one exchange on it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, Version, body::Incoming, header};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::caches::caches;
use super::request::Call;
use super::transport::{Sender, Transport};
use super::wire::{IdleWire, Wire};
use crate::journal::Caches;
use crate::spec::workload::Answer;

/// Longest response body, in bytes. The largest is a page of the audit: 5,000 keys of 128 bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Longest wait for the handshake of TLS, once there is a connection: it takes both sides some work.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open connection on which nothing is under way, or which carries many requests.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    wire: IdleWire,
}

impl Connection {
    /// Another end of the same connection, where that carries many requests.
    pub fn share(&self) -> Option<Self> {
        Some(Self { sender: self.sender.share()?, wire: self.wire.clone() })
    }

    /// What it goes over.
    pub fn wire(&self) -> &IdleWire {
        &self.wire
    }
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

/// Opens a connection, waiting `limit` at most until it is there.
pub async fn connect(
    address: SocketAddr,
    transport: &Transport,
    limit: Duration,
) -> Result<Connection, String> {
    let connected = timeout(limit, TcpStream::connect(address)).await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(in_few_words(&error)),
        Err(_) => return Err("connect timed out".into()),
    };
    // Without it small writes would wait for acknowledgements, which users' clients do not do.
    stream.set_nodelay(true).map_err(|e| in_few_words(&e))?;
    let wire = Wire::new(stream);
    let idle = match transport.is_secure() || transport.is_shared() {
        true => wire.talkative(),
        false => wire.idle(),
    };
    let begun = timeout(HANDSHAKE_TIMEOUT, transport.begin(wire, address)).await;
    let sender = begun.map_err(|_| "the handshake timed out".to_owned())??;
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
    (address, transport): (SocketAddr, &Transport),
    call: &Call,
    deadline: Instant,
) -> Exchange {
    let request = match build(address, transport, call) {
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
    match timeout_at(deadline, connection.sender.try_send(request)).await {
        Ok(Ok(response)) => read(response, connection, deadline).await,
        // hyper hands the request back only when it wrote nothing of it.
        Ok(Err(mut error)) => {
            let unsent = error.take_message().is_some();
            let error = error.into_error();
            let unsent = unsent || is_refused(&error);
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

fn build(
    address: SocketAddr,
    transport: &Transport,
    call: &Call,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let host = transport.host(address);
    let request = Request::builder().method(call.method.clone());
    // HTTP/2 has no header for the host: it is in the address.
    let mut request = match transport.is_shared() {
        false => request.uri(call.path.as_str()).header(header::HOST, host),
        true => {
            let scheme = if transport.is_secure() { "https" } else { "http" };
            let uri = format!("{scheme}://{host}{}", call.path);
            request.uri(uri).version(Version::HTTP_2)
        }
    };
    request = request.header(header::USER_AGENT, concat!("lab-load/", env!("CARGO_PKG_VERSION")));
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
    let source = std::error::Error::source(error);
    error.is_incomplete_message()
        || source.and_then(|e| e.downcast_ref::<std::io::Error>()).is_some_and(reset)
        || in_http2(error).is_some_and(|e| e.is_io() || e.is_go_away())
}

/// Whether the peer says that it did nothing with the request (RFC 9113, section 8.7): it refused it, or went
/// away in good order before it looked at it.
fn is_refused(error: &hyper::Error) -> bool {
    in_http2(error).is_some_and(|e| {
        let reason = e.reason();
        e.is_remote()
            && (e.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
                || e.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
    })
}

fn in_http2(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}
