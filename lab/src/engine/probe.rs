//! Readiness probes: sent by the tool itself every few milliseconds, straight to a node's address,
//! because Docker's health checks look first after a whole interval and cost a process each.

mod redis;

pub use redis::{RedisRole, role as redis_role};

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::plan::node::Probe;

/// Result of looking once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It works.
    Yes,
    /// Not yet, and this is missing.
    NotYet(String),
}

/// Longest wait for one answer of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1500);
/// Largest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;

/// Looks once whether a probe of an address succeeds; [`crate::engine::Engine::look`] asks the container
/// where only that knows.
pub async fn look_at(address: Ipv4Addr, probe: &Probe) -> Ready {
    match probe {
        Probe::Tcp { port } => tcp(address, *port).await,
        Probe::Http { port, path } => match get(address, *port, path, PROBE_TIMEOUT).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ready::Yes,
            Ok(answer) => Ready::NotYet(format!(
                "GET {path} answers {}: {}",
                answer.status,
                first_line(&answer.body)
            )),
            Err(e) => Ready::NotYet(format!("GET {path}: {e}")),
        },
        Probe::PatroniCluster { members, replicas, synchronous } => {
            match members_of(address, PROBE_TIMEOUT).await {
                Ok(found) => whole(&found, *members, *replicas, *synchronous),
                Err(e) => Ready::NotYet(format!("Patroni: {e}")),
            }
        }
        Probe::Redis { password, replicas } => redis::data(address, password, *replicas).await,
        Probe::Sentinels { name, sentinels, replicas } => {
            redis::sentinels(name, sentinels, *replicas).await
        }
        Probe::Done | Probe::Runs | Probe::OfImage { .. } | Probe::Command { .. } => {
            Ready::NotYet("only its container knows".into())
        }
    }
}

pub(crate) async fn tcp(address: Ipv4Addr, port: u16) -> Ready {
    match tokio::time::timeout(PROBE_TIMEOUT, TcpStream::connect((address, port))).await {
        Ok(Ok(_)) => Ready::Yes,
        Ok(Err(e)) => Ready::NotYet(format!("port {port}: {e}")),
        Err(_) => Ready::NotYet(format!("port {port} does not answer")),
    }
}

/// Status and body of an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// Sends one GET request and reads the whole answer (at most 1 MiB) within the time-out.
///
/// # Errors
/// A connection or protocol failure, or `no answer within ...`.
pub async fn get(
    address: Ipv4Addr,
    port: u16,
    path: &str,
    timeout: Duration,
) -> std::io::Result<Answer> {
    request(address, port, "GET", path, "", timeout).await
}

/// Sends one request with a JSON body and reads the whole answer, as [`get`] does.
pub async fn request(
    address: Ipv4Addr,
    port: u16,
    method: &str,
    path: &str,
    body: &str,
    timeout: Duration,
) -> std::io::Result<Answer> {
    let headers = [("Content-Type", "application/json".to_owned())];
    send(address, port, &Call { method, path, headers: &headers, body }, timeout).await
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Headers besides those that every request has.
    pub headers: &'a [(&'a str, String)],
    /// The body.
    pub body: &'a str,
}

/// Sends one request and reads the whole answer, as [`get`] does.
///
/// # Errors
/// As for [`get`].
pub async fn send(
    address: Ipv4Addr,
    port: u16,
    call: &Call<'_>,
    timeout: Duration,
) -> std::io::Result<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(SocketAddrV4::new(address, port)).await?;
        let more: String =
            call.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let Call { method, path, body, .. } = call;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{more}Content-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        let bytes = read_answer(&mut stream.take(MAX_ANSWER)).await?;
        parse(&bytes).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
    };
    tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} ms", timeout.as_millis()),
        ))
    })
}

/// Reads until the answer is whole: some servers keep a connection open that they are asked to close.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) && stream.read_buf(&mut bytes).await? > 0 {}
    Ok(bytes)
}

/// Whether an answer has as much body as it says; one that does not say so ends with its connection.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() >= end + 4 + length)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

fn first_line(body: &str) -> String {
    body.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// A member of a Patroni cluster as its REST interface shows it (`GET /cluster`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Node name.
    pub name: String,
    /// `leader`, `sync_standby`, `replica`, …
    pub role: String,
    /// `running`, `streaming`, `stopped`, …
    #[serde(default)]
    pub state: String,
    /// Timeline it is on.
    #[serde(default)]
    pub timeline: Option<u64>,
    /// Bytes it lags behind, or `unknown`.
    #[serde(default)]
    pub lag: Option<serde_json::Value>,
    /// What its configuration says about it.
    #[serde(default)]
    pub tags: Tags,
}

/// The tags of a member that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Tags {
    /// Never promoted: a read replica.
    #[serde(default)]
    pub nofailover: bool,
}

/// The members that the Patroni on `address` knows.
///
/// # Errors
/// As [`get`], and when the answer is not what Patroni sends.
pub async fn members_of(address: Ipv4Addr, timeout: Duration) -> std::io::Result<Vec<Member>> {
    #[derive(Deserialize)]
    struct Cluster {
        members: Vec<Member>,
    }
    let answer = get(address, PATRONI_PORT, "/cluster", timeout).await?;
    serde_json::from_str::<Cluster>(&answer.body)
        .map(|c| c.members)
        .map_err(|e| std::io::Error::other(format!("/cluster: {e}")))
}

pub use crate::plan::ports::PATRONI_PORT;

/// Whether a cluster has one leader, all members, and what synchronous replication promises.
pub fn whole(found: &[Member], members: u16, replicas: u16, synchronous: bool) -> Ready {
    let leaders = found.iter().filter(|m| m.role == "leader" && m.state == "running").count();
    let streaming = |replica: bool| {
        let follows = |m: &&Member| m.role != "leader" && m.state == "streaming";
        found.iter().filter(follows).filter(|m| m.tags.nofailover == replica).count()
    };
    let sync = found.iter().any(|m| m.role == "sync_standby" && m.state == "streaming");
    let mut missing = Vec::new();
    if leaders != 1 {
        missing.push(format!("{leaders} running leaders"));
    }
    for (what, now, wanted) in [
        ("standbys", streaming(false), members.saturating_sub(1)),
        ("replicas", streaming(true), replicas),
    ] {
        if now != usize::from(wanted) {
            missing.push(format!("{now} of {wanted} {what} streaming"));
        }
    }
    if synchronous && !sync {
        missing.push("no synchronous standby".into());
    }
    if missing.is_empty() { Ready::Yes } else { Ready::NotYet(missing.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(role: &str, state: &str) -> Member {
        Member {
            name: role.into(),
            role: role.into(),
            state: state.into(),
            timeline: None,
            lag: None,
            tags: Tags::default(),
        }
    }

    #[test]
    fn a_cluster_is_whole_with_leader_standbys_and_the_promised_synchronous_one() {
        let good = [member("leader", "running"), member("sync_standby", "streaming")];
        assert_eq!(whole(&good, 2, 0, true), Ready::Yes);
        let starting = [member("leader", "running"), member("replica", "starting")];
        assert_eq!(
            whole(&starting, 2, 0, true),
            Ready::NotYet("0 of 1 standbys streaming, no synchronous standby".into())
        );
        let asynchronous = [member("leader", "running"), member("replica", "streaming")];
        assert_eq!(whole(&asynchronous, 2, 0, false), Ready::Yes);
        assert_eq!(
            whole(&asynchronous, 2, 0, true),
            Ready::NotYet("no synchronous standby".into())
        );
        assert_eq!(whole(&[], 1, 0, false), Ready::NotYet("0 running leaders".into()));
    }

    #[test]
    fn a_replica_is_no_standby_and_both_are_counted() {
        let replica = Member { tags: Tags { nofailover: true }, ..member("replica", "streaming") };
        let standby = member("sync_standby", "streaming");
        let all = [member("leader", "running"), standby.clone(), replica.clone()];
        assert_eq!(whole(&all, 2, 1, true), Ready::Yes);
        assert_eq!(
            whole(&[all[0].clone(), replica], 2, 1, false),
            Ready::NotYet("0 of 1 standbys streaming".into())
        );
        assert_eq!(
            whole(&[all[0].clone(), standby], 2, 1, true),
            Ready::NotYet("0 of 1 replicas streaming".into())
        );
        let sent =
            r#"{"name":"r","role":"replica","state":"streaming","tags":{"nofailover":true}}"#;
        assert!(serde_json::from_str::<Member>(sent).unwrap().tags.nofailover);
    }

    #[test]
    fn an_answer_that_says_its_length_is_whole_without_an_end_of_the_connection() {
        for whole in [
            "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 204 X\r\ncontent-length:0\r\n\r\n",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
            assert!(!is_whole(&whole.as_bytes()[..whole.len() - 1]), "{whole}");
        }
        assert!(!is_whole(b"HTTP/1.0 200 X\r\n\r\nok"), "only its end says so");
    }

    #[test]
    fn answers_are_parsed() {
        let answer = parse(b"HTTP/1.1 503 No\r\nA: b\r\n\r\nbody\r\n\r\nmore").unwrap();
        assert_eq!(answer, Answer { status: 503, body: "body\r\n\r\nmore".into() });
        assert_eq!(parse(b"SSH-2.0-x\r\n"), None);
    }
}
