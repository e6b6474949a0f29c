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

/// A key's value, and the revision at which it was last written.
///
/// # Errors
/// When no member answers.
pub async fn versioned(
    members: &[Ipv4Addr],
    key: &str,
) -> std::io::Result<Option<(String, String)>> {
    let answer = ask(members, "/v3/kv/range", &json!({ "key": encode(key) })).await?;
    let found = &answer["kvs"][0];
    let value = found["value"].as_str().and_then(decode);
    let revision = found["mod_revision"].as_str().map(str::to_owned);
    Ok(value.zip(revision))
}

/// A lease of `seconds`, by its number. Keys that hang on it vanish when it ends.
///
/// # Errors
/// When no member answers.
pub async fn lease(members: &[Ipv4Addr], seconds: u32) -> std::io::Result<String> {
    let answer = ask(members, "/v3/lease/grant", &json!({ "TTL": seconds })).await?;
    answer["ID"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| std::io::Error::other("etcd granted no lease"))
}

/// What must hold for a transaction, and what it then does, in this order.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    compare: Vec<Value>,
    success: Vec<Value>,
}

impl Txn {
    /// The key's value must be this.
    pub fn if_value(mut self, key: &str, value: &str) -> Self {
        self.compare.push(json!({
            "key": encode(key), "target": "VALUE", "result": "EQUAL", "value": encode(value)
        }));
        self
    }

    /// The key must not have been written since this revision.
    pub fn if_revision(mut self, key: &str, revision: &str) -> Self {
        self.compare.push(json!({
            "key": encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision
        }));
        self
    }

    /// Writes the key; on a lease, when there is one.
    pub fn put(mut self, key: &str, value: &str, lease: Option<&str>) -> Self {
        let mut put = json!({ "key": encode(key), "value": encode(value) });
        if let Some(lease) = lease {
            put["lease"] = lease.into();
        }
        self.success.push(json!({ "request_put": put }));
        self
    }

    /// Deletes the key.
    pub fn delete(mut self, key: &str) -> Self {
        self.success.push(json!({ "request_delete_range": { "key": encode(key) } }));
        self
    }

    /// Carries it out. Returns whether the conditions held. The conditions must be such that they
    /// no longer hold afterwards: every member is asked at once.
    ///
    /// # Errors
    /// When no member answers.
    pub async fn commit(&self, members: &[Ipv4Addr]) -> std::io::Result<bool> {
        let body = self.body().to_string();
        let mut asked: FuturesUnordered<_> =
            members.iter().map(|m| ask_one(*m, "/v3/kv/txn", &body)).collect();
        // Every member carries the transaction out, one after the other: only the first succeeds,
        // and its answer need not come first.
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

    fn body(&self) -> Value {
        json!({ "compare": self.compare, "success": self.success })
    }
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

#[cfg(test)]
impl Txn {
    /// One line for each condition and act, for comparison.
    pub fn readable(&self) -> Vec<String> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let key = |v: &Value| decode(&text(v)).unwrap_or_default();
        let conditions = self.compare.iter().map(|c| {
            let value = match text(&c["target"]).as_str() {
                "VALUE" => key(&c["value"]),
                _ => text(&c["mod_revision"]),
            };
            format!("if {} {} {value}", key(&c["key"]), text(&c["target"]))
        });
        let acts = self.success.iter().map(|act| {
            let put = &act["request_put"];
            if put.is_null() {
                return format!("delete {}", key(&act["request_delete_range"]["key"]));
            }
            let lease = put["lease"].as_str().map(|l| format!(" lease {l}")).unwrap_or_default();
            format!("put {} {}{lease}", key(&put["key"]), key(&put["value"]))
        });
        conditions.chain(acts).collect()
    }
}
