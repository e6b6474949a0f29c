//! Asking targets whether they are alive, as Route 53's checkers do: a connection within a time, then
//! an answer of 2xx or 3xx within another.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::handshake;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::config::{CheckConfig, DnsTarget};

/// A result: target, checker, and why it is bad.
pub type Checked = (usize, usize, Result<(), String>);

/// Lets every checker look at every target in its interval. The checkers of a target take turns: they
/// begin at even distances within the interval. They end when the returned set is dropped.
pub fn start(
    check: &CheckConfig,
    targets: &[DnsTarget],
    results: &mpsc::Sender<Checked>,
) -> JoinSet<()> {
    let every = Duration::from_millis(check.interval_ms.max(1));
    let mut all = JoinSet::new();
    for (target, at) in targets.iter().enumerate() {
        for checker in 0..usize::from(check.checkers.max(1)) {
            let share = checker as f64 / f64::from(check.checkers.max(1));
            let (check, address, results) = (check.clone(), at.address, results.clone());
            all.spawn(async move {
                let mut turns = interval_at(Instant::now() + every.mul_f64(share), every);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    turns.tick().await;
                    let result = one(address, &check).await;
                    if results.send((target, checker, result)).await.is_err() {
                        return;
                    }
                }
            });
        }
    }
    all
}

/// One check, on a connection of its own.
async fn one(address: SocketAddrV4, check: &CheckConfig) -> Result<(), String> {
    let connect = Duration::from_millis(check.connect_timeout_ms);
    let stream = match timeout(connect, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(e.to_string()),
        Err(_) => return Err(format!("no connection within {connect:?}")),
    };
    let answer = Duration::from_millis(check.answer_timeout_ms);
    match timeout(answer, status(stream, address, &check.path)).await {
        Ok(Ok(200..=399)) => Ok(()),
        Ok(Ok(status)) => Err(format!("status {status}")),
        Ok(Err(e)) => Err(e),
        Err(_) => Err(format!("no answer within {answer:?}")),
    }
}

async fn status(stream: TcpStream, address: SocketAddrV4, path: &str) -> Result<u16, String> {
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    // It ends with `sender`, and its errors reach the request.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "lab-dns-health-check")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| e.to_string())?;
    let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
    Ok(answer.status().as_u16())
}
