//! The few requests that the fencing loop sends to etcd, through its JSON gateway.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};

use crate::engine::probe;

/// etcd's client port.
const PORT: u16 = 2379;
/// Longest wait for one member.
const TIMEOUT: Duration = Duration::from_millis(700);

/// The value of a key, or `None` when there is no such key.
///
/// # Errors
/// When no member answers.
pub async fn value(members: &[Ipv4Addr], key: &str) -> std::io::Result<Option<String>> {
    let answer = ask(members, "/v3/kv/range", &json!({ "key": encode(key) })).await?;
    Ok(answer["kvs"][0]["value"].as_str().and_then(decode))
}

/// Deletes `key` if its value still is `expected`, and the keys in `also` together with it, in one
/// transaction. Returns whether it did.
///
/// # Errors
/// When no member answers.
pub async fn delete_if(
    members: &[Ipv4Addr],
    key: &str,
    expected: &str,
    also: &[String],
) -> std::io::Result<bool> {
    let delete = |key: &str| json!({ "request_delete_range": { "key": encode(key) } });
    let mut success = vec![delete(key)];
    success.extend(also.iter().map(|k| delete(k)));
    let compare = json!([{
        "key": encode(key), "target": "VALUE", "result": "EQUAL", "value": encode(expected)
    }]);
    let body = json!({ "compare": compare, "success": success }).to_string();
    let mut asked: FuturesUnordered<_> =
        members.iter().map(|m| ask_one(*m, "/v3/kv/txn", &body)).collect();
    // Every member carries the transaction out, one after the other: only the first succeeds, and
    // its answer need not come first.
    let mut result = Err(std::io::Error::other("no etcd member is known"));
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(answer) if answer["succeeded"].as_bool() == Some(true) => return Ok(true),
            Ok(_) => result = Ok(false),
            Err(e) if result.is_err() => result = Err(e),
            Err(_) => {}
        }
    }
    result
}

/// Asks all members at once and takes the first good answer: one that is silently gone must not
/// cost its time-out.
async fn ask(members: &[Ipv4Addr], path: &str, body: &Value) -> std::io::Result<Value> {
    let text = body.to_string();
    let asked: Vec<_> = members.iter().map(|m| Box::pin(ask_one(*m, path, &text))).collect();
    if asked.is_empty() {
        return Err(std::io::Error::other("no etcd member is known"));
    }
    futures::future::select_ok(asked).await.map(|(value, _)| value)
}

async fn ask_one(member: Ipv4Addr, path: &str, body: &str) -> std::io::Result<Value> {
    let answer = probe::request(member, PORT, "POST", path, body, TIMEOUT).await?;
    if answer.status != 200 {
        return Err(std::io::Error::other(format!("etcd answers {}", answer.status)));
    }
    serde_json::from_str(&answer.body).map_err(std::io::Error::other)
}

fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn decode(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}
