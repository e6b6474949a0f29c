//! How a crowd comes together: a session if it needs one, and a connection for each client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::{Order, answer};
use crate::load;

/// Longest wait for one connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for all: who is not there then stays away.
const GATHER_WITHIN: Duration = Duration::from_secs(4);
/// Connections that are opened at the same time: fewer than any server lets wait to be accepted.
const AT_ONCE: usize = 100;
/// What a guest sends to get a session.
const GUEST: &str = r#"{"guest":true}"#;

/// A connection for each client, and the request to send on it.
///
/// # Errors
/// Nobody could connect, or nobody could sign in.
pub(super) async fn gather(order: &Order) -> Result<Vec<(TcpStream, String)>, String> {
    let session = if order.signed_in { Some(sign_in(order).await?) } else { None };
    let streams = connect_all(order).await?;
    let with = |(stream, number)| (stream, request(order, session.as_deref(), number));
    Ok(streams.into_iter().zip(0..).map(with).collect())
}

/// The connection is closed after the answer, so that the end of the answer cannot be missed. Each
/// client has an address of its own: a front door would take a crowd for one client that floods it.
fn request(order: &Order, session: Option<&str>, number: u64) -> String {
    let session = session.map(|token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-Forwarded-For: {}\r\n{}\r\n",
        order.target,
        host(order),
        load::of_client(&order.id, number),
        session.unwrap_or_default()
    )
}

fn host(order: &Order) -> String {
    order.addresses.first().map(SocketAddr::to_string).unwrap_or_default()
}

async fn connect_all(order: &Order) -> Result<Vec<TcpStream>, String> {
    let deadline = Instant::now() + GATHER_WITHIN;
    let each = (0..usize::from(order.clients)).map(|client| connect(&order.addresses, client));
    let mut connecting = stream::iter(each).buffer_unordered(AT_ONCE);
    let mut streams = Vec::with_capacity(order.clients.into());
    let mut problem = "no connection in time".to_owned();
    while let Ok(Some(connected)) = timeout_at(deadline.into(), connecting.next()).await {
        match connected {
            Ok(stream) => streams.push(stream),
            Err(e) => problem = e,
        }
    }
    if streams.is_empty() { Err(problem) } else { Ok(streams) }
}

/// Tries the addresses in turn, each client beginning with the next one.
async fn connect(addresses: &[SocketAddr], client: usize) -> Result<TcpStream, String> {
    let first = client % addresses.len().max(1);
    let mut problem = "the stage has no entry".to_owned();
    for address in addresses.iter().cycle().skip(first).take(addresses.len()) {
        match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => problem = format!("{address}: {e}"),
            Err(_) => problem = format!("{address}: no connection in time"),
        }
    }
    Err(problem)
}

/// One session serves all: what the crowd asks for is the same for everybody.
async fn sign_in(order: &Order) -> Result<String, String> {
    let deadline = Instant::now() + GATHER_WITHIN;
    let mut stream = connect(&order.addresses, 0).await?;
    let request = format!(
        "POST /sessions HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{GUEST}",
        host(order),
        GUEST.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(|e| format!("sign-in: {e}"))?;
    let answer = answer::receive(stream, deadline).await;
    let answer = answer.ok_or("nobody answered the sign-in")?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match body["token"].as_str() {
        Some(token) if answer.is_good() && is_token(token) => Ok(token.to_owned()),
        _ => Err(format!("the sign-in was answered with {}", answer.status)),
    }
}

/// What may stand in a header line as it is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}
