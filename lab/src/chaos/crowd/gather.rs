//! How a crowd comes together: a session if it needs one, and a connection for each client.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::Order;
use crate::load::{self, Askers};

/// Longest wait for one connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for all: who is not there then stays away.
const GATHER_WITHIN: Duration = Duration::from_secs(4);
/// Connections that are opened at the same time: fewer than any server lets wait to be accepted.
const AT_ONCE: usize = 100;

/// A connection for each client, and the request to send on it. What is asked for is told as soon as it is
/// known.
///
/// # Errors
/// Nobody could connect, or nobody could sign in.
pub(super) async fn gather(
    order: &Order,
    tell: impl Fn(&str),
) -> Result<Vec<(TcpStream, String)>, String> {
    // One session serves all: what the crowd asks for is the same for everybody.
    let asked = order.asked.clone();
    let askers = Askers::new(&order.site, &order.workload, asked, 1, &order.id);
    let askers = if order.signed_in { askers } else { askers.guests() };
    let signed_in = askers.session(0, Instant::now() + GATHER_WITHIN).await;
    signed_in.map_err(|why| format!("the sign-in: {why}"))?;
    let call = askers.call(0)?;
    let target = if order.cold { cold(&call.path, &order.id) } else { call.path.clone() };
    tell(&target);
    let streams = connect_all(order).await?;
    let with = |(stream, number)| (stream, request(order, &target, &call, number));
    Ok(streams.into_iter().zip(0..).map(with).collect())
}

/// An edge cache keeps its objects by path and query, and hardly anybody knows such a parameter, so with the
/// fault's identity in the query nobody can have asked for the object before.
fn cold(path: &str, id: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}crowd={id}")
}

/// The connection is closed after the answer, so that the end of the answer cannot be missed. Each
/// client has an address of its own: a front door would take a crowd for one client that floods it.
fn request(order: &Order, target: &str, call: &load::Call, number: u64) -> String {
    let first = order.site.addresses.first();
    let host = first.map(|address| order.site.transport.host(*address)).unwrap_or_default();
    let address = load::of_client(&order.id, number);
    let mut text = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Forwarded-For: {address}\r\n"
    );
    let own = ["host", "connection", "x-forwarded-for"];
    for (name, value) in call.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        // Text can always be written to.
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    text + "\r\n"
}

async fn connect_all(order: &Order) -> Result<Vec<TcpStream>, String> {
    let deadline = Instant::now() + GATHER_WITHIN;
    let each = (0..usize::from(order.clients)).map(|client| connect(&order.site.addresses, client));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_have_asked_an_edge_cache_for_it_before() {
        assert_eq!(cold("/products/1", "f1"), "/products/1?crowd=f1");
        assert_eq!(cold("/products?page=2", "f1"), "/products?page=2&crowd=f1");
    }
}
