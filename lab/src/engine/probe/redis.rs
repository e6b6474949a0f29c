//! Readiness of a cache: a few commands in Redis's protocol, and what their answers mean.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{MAX_ANSWER, PROBE_TIMEOUT, Ready};
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};

/// An answer in Redis's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    /// A status, a number or a text.
    Text(String),
    /// Nothing.
    Nil,
    /// A refusal.
    Error(String),
    /// Several answers.
    List(Vec<Reply>),
}

/// Looks once at a data server.
pub(super) async fn data(address: Ipv4Addr, password: &str, replicas: u16) -> Ready {
    let commands: [&[&str]; 2] = [&["AUTH", password], &["INFO", "replication"]];
    match ask(address, REDIS_PORT, &commands).await {
        Ok(replies) => match replies.as_slice() {
            [Reply::Text(_), Reply::Text(info), ..] => judge_data(info, replicas),
            [Reply::Error(e), ..] | [_, Reply::Error(e), ..] => {
                Ready::NotYet(format!("Redis: {e}"))
            }
            _ => Ready::NotYet("Redis gives no answer that can be read".into()),
        },
        Err(e) => Ready::NotYet(format!("Redis: {e}")),
    }
}

/// A primary needs all its replicas, a replica its link.
fn judge_data(info: &str, replicas: u16) -> Ready {
    let value =
        |key: &str| info.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
    match value("role") {
        Some("master") => {
            let online = info.lines().filter(|line| line.contains("state=online")).count();
            if online == usize::from(replicas) {
                Ready::Yes
            } else {
                Ready::NotYet(format!("{online} of {replicas} replicas online"))
            }
        }
        Some("slave") if value("master_link_status") == Some("up") => Ready::Yes,
        Some("slave") => Ready::NotYet("the link to the primary is down".into()),
        _ => Ready::NotYet("Redis does not say its role".into()),
    }
}

/// What a data server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisRole {
    /// It takes writes.
    Primary {
        /// Replicas that follow it.
        replicas: u16,
    },
    /// It follows.
    Replica,
}

impl RedisRole {
    /// How many follow it, if it is a primary.
    pub fn replicas_of_primary(self) -> Option<u16> {
        match self {
            Self::Primary { replicas } => Some(replicas),
            Self::Replica => None,
        }
    }
}

/// Asks a data server what it is.
///
/// # Errors
/// It does not answer, or not with its role.
pub async fn role(address: Ipv4Addr, password: &str) -> std::io::Result<RedisRole> {
    let commands: [&[&str]; 2] = [&["AUTH", password], &["INFO", "replication"]];
    match ask(address, REDIS_PORT, &commands).await?.as_slice() {
        [_, Reply::Text(info), ..] => {
            read_role(info).ok_or_else(|| std::io::Error::other("Redis does not say its role"))
        }
        other => Err(std::io::Error::other(format!("Redis answers {other:?}"))),
    }
}

fn read_role(info: &str) -> Option<RedisRole> {
    if info.lines().any(|l| l.trim() == "role:slave") {
        return Some(RedisRole::Replica);
    }
    let online = info.lines().filter(|l| l.contains("state=online")).count();
    let replicas = u16::try_from(online).unwrap_or(u16::MAX);
    info.lines().any(|l| l.trim() == "role:master").then_some(RedisRole::Primary { replicas })
}

/// Looks once at all Sentinels of a tier.
pub(super) async fn sentinels(name: &str, nodes: &[Ipv4Addr], replicas: u16) -> Ready {
    let asked = nodes.iter().map(|node| async move {
        let view = view(*node, name).await;
        (*node, view)
    });
    let mut views = Vec::new();
    for (node, view) in futures::future::join_all(asked).await {
        match view {
            Ok(view) => views.push(view),
            Err(e) => return Ready::NotYet(format!("Sentinel {node}: {e}")),
        }
    }
    judge_sentinels(&views, nodes.len(), replicas)
}

/// What one Sentinel knows of the tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    primary: String,
    flags: String,
    other_sentinels: String,
    replicas: String,
}

async fn view(node: Ipv4Addr, name: &str) -> std::io::Result<View> {
    let replies = ask(node, SENTINEL_PORT, &[&["SENTINEL", "MASTER", name]]).await?;
    match replies.into_iter().next() {
        Some(Reply::List(fields)) => Ok(read_view(&fields)),
        Some(Reply::Error(e)) => Err(std::io::Error::other(e)),
        _ => Err(std::io::Error::other("gives no answer that can be read")),
    }
}

/// A flat list of names and values.
fn read_view(fields: &[Reply]) -> View {
    let mut view = View::default();
    for pair in fields.chunks(2) {
        let [Reply::Text(name), Reply::Text(value)] = pair else { continue };
        let field = match name.as_str() {
            "ip" => &mut view.primary,
            "flags" => &mut view.flags,
            "num-other-sentinels" => &mut view.other_sentinels,
            "num-slaves" => &mut view.replicas,
            _ => continue,
        };
        field.clone_from(value);
    }
    view
}

/// All Sentinels name the same primary, which is alive, and know each other and every replica.
fn judge_sentinels(views: &[View], sentinels: usize, replicas: u16) -> Ready {
    let mut primaries: Vec<&str> = views.iter().map(|v| v.primary.as_str()).collect();
    primaries.dedup();
    if primaries.len() != 1 {
        let list = primaries.join(", ");
        return Ready::NotYet(format!("the Sentinels do not agree on the primary: {list}"));
    }
    let others = sentinels.saturating_sub(1).to_string();
    for view in views {
        if view.flags != "master" {
            return Ready::NotYet(format!("a Sentinel calls the primary {}", view.flags));
        }
        if view.other_sentinels != others {
            let known = &view.other_sentinels;
            return Ready::NotYet(format!("a Sentinel knows {known} of {others} others"));
        }
        if view.replicas != replicas.to_string() {
            let known = &view.replicas;
            return Ready::NotYet(format!("a Sentinel knows {known} of {replicas} replicas"));
        }
    }
    Ready::Yes
}

/// Sends commands one after the other, and reads their answers in this order.
async fn ask(address: Ipv4Addr, port: u16, commands: &[&[&str]]) -> std::io::Result<Vec<Reply>> {
    let exchange = async {
        let mut stream = TcpStream::connect((address, port)).await?;
        let request: String = commands.iter().map(|words| encode(words)).collect();
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let n = stream.read(&mut chunk).await?;
            bytes.extend(chunk.iter().take(n));
            let replies = decode(&bytes);
            // An error may be the only answer: the server then closes the connection.
            if replies.len() >= commands.len() || n == 0 || bytes.len() as u64 > MAX_ANSWER {
                return Ok(replies);
            }
        }
    };
    tokio::time::timeout(PROBE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::other("no answer in time")))
}

fn encode(words: &[&str]) -> String {
    let word = |w: &&str| format!("${}\r\n{w}\r\n", w.len());
    format!("*{}\r\n{}", words.len(), words.iter().map(word).collect::<String>())
}

/// The complete answers at the beginning of what was received.
fn decode(bytes: &[u8]) -> Vec<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    let mut replies = Vec::new();
    while let Some((reply, after)) = decode_one(rest, 0) {
        replies.push(reply);
        rest = after;
    }
    replies
}

/// Answers are never nested deeper than this.
const DEEPEST: u8 = 4;

fn decode_one(text: &str, depth: u8) -> Option<(Reply, &str)> {
    let (line, rest) = text.split_once("\r\n")?;
    let value = line.get(1..)?;
    match line.chars().next()? {
        '-' => Some((Reply::Error(value.into()), rest)),
        '$' if value == "-1" => Some((Reply::Nil, rest)),
        '$' => {
            let len: usize = value.parse().ok()?;
            let body = rest.get(..len)?;
            Some((Reply::Text(body.into()), rest.get(len..)?.strip_prefix("\r\n")?))
        }
        '*' if depth < DEEPEST => {
            let mut rest = rest;
            let mut items = Vec::new();
            for _ in 0..value.parse::<usize>().ok()? {
                let (item, after) = decode_one(rest, depth + 1)?;
                items.push(item);
                rest = after;
            }
            Some((Reply::List(items), rest))
        }
        _ => Some((Reply::Text(value.into()), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(text: &str) -> Ready {
        Ready::NotYet(text.into())
    }

    #[test]
    fn answers_are_read_in_order_and_only_when_complete() {
        let text = |t: &str| Reply::Text(t.into());
        let all = b"+OK\r\n$5\r\na\r\nbc\r\n*2\r\n:7\r\n$-1\r\n-ERR no\r\n";
        let list = Reply::List(vec![text("7"), Reply::Nil]);
        assert_eq!(decode(all), [text("OK"), text("a\r\nbc"), list, Reply::Error("ERR no".into())]);
        assert_eq!(decode(&all[..12]), [text("OK")]);
        assert_eq!(decode(b"*99999999999\r\n"), []);
        assert_eq!(encode(&["INFO", "x"]), "*2\r\n$4\r\nINFO\r\n$1\r\nx\r\n");
    }

    #[test]
    fn a_primary_needs_its_replicas_and_a_replica_its_link() {
        let primary = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                       slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n\
                       slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\n";
        assert_eq!(judge_data(primary, 1), Ready::Yes);
        assert_eq!(judge_data(primary, 2), no("1 of 2 replicas online"));
        let replica = |link| format!("role:slave\r\nmaster_link_status:{link}\r\n");
        assert_eq!(judge_data(&replica("up"), 1), Ready::Yes);
        assert_eq!(judge_data(&replica("down"), 1), no("the link to the primary is down"));
        assert_eq!(judge_data("", 0), no("Redis does not say its role"));
    }

    #[test]
    fn a_role_is_read() {
        let primary = "role:master\r\nslave0:ip=10.0.0.2,port=6379,state=online\r\n";
        assert_eq!(read_role(primary), Some(RedisRole::Primary { replicas: 1 }));
        assert_eq!(read_role("role:slave\r\nmaster_link_status:up\r\n"), Some(RedisRole::Replica));
        assert_eq!(read_role(""), None);
    }

    #[test]
    fn sentinels_agree_and_know_everybody() {
        let fields = ["name", "c", "ip", "10.0.0.1", "flags", "master", "num-slaves", "1"];
        let more = ["num-other-sentinels", "2"];
        let replies: Vec<Reply> =
            fields.iter().chain(&more).map(|f| Reply::Text((*f).into())).collect();
        let view = read_view(&replies);
        let all = vec![view.clone(); 3];
        assert_eq!(judge_sentinels(&all, 3, 1), Ready::Yes);
        assert_eq!(judge_sentinels(&all, 3, 2), no("a Sentinel knows 1 of 2 replicas"));
        assert_eq!(judge_sentinels(&all, 4, 1), no("a Sentinel knows 2 of 3 others"));
        let other = View { primary: "10.0.0.2".into(), ..view.clone() };
        assert_eq!(
            judge_sentinels(&[view.clone(), other], 3, 1),
            no("the Sentinels do not agree on the primary: 10.0.0.1, 10.0.0.2")
        );
        let down = View { flags: "master,s_down".into(), ..view };
        assert_eq!(
            judge_sentinels(&[down], 3, 1),
            no("a Sentinel calls the primary master,s_down")
        );
    }
}
