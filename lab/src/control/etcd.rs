//! The few requests that the fencing loop sends to etcd, through its JSON gateway.

use std::net::Ipv4Addr;
use std::time::Duration;

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
    let answer =
        ask(members, "/v3/kv/txn", &json!({ "compare": compare, "success": success })).await?;
    Ok(answer["succeeded"].as_bool().unwrap_or(false))
}

/// Asks all members at once and takes the first good answer: one that is silently gone must not
/// cost its time-out.
async fn ask(members: &[Ipv4Addr], path: &str, body: &Value) -> std::io::Result<Value> {
    let text = body.to_string();
    let asked = members.iter().map(|m| {
        Box::pin(async {
            let answer = probe::request(*m, PORT, "POST", path, &text, TIMEOUT).await?;
            if answer.status != 200 {
                return Err(std::io::Error::other(format!("etcd answers {}", answer.status)));
            }
            serde_json::from_str::<Value>(&answer.body).map_err(std::io::Error::other)
        })
    });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Err(std::io::Error::other("no etcd member is known"));
    }
    futures::future::select_ok(asked).await.map(|(value, _)| value)
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
