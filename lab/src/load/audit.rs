//! Reading back, after all faults are healed, what the shop holds.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::client::{Client, Failure};
use super::request::{Call, query_value};
use crate::journal::{Event, Ledger, OpKind};

/// Keys per page.
const PAGE: u32 = 5000;

/// Longest wait for one answer; a target that is silent must not use up all the patience.
const ATTEMPT: Duration = Duration::from_secs(15);

/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// What is read back from whom.
#[derive(Clone, Debug)]
pub struct AuditRequest<'a> {
    /// The entry tier's addresses, or those of the application's own tasks.
    pub targets: &'a [SocketAddr],
    /// The prefix that the traffic's keys had, as in [`super::Plan::key_prefix`].
    pub prefix: &'a str,
    /// Which promises; orders and posts can be read back.
    pub kinds: &'a [OpKind],
    /// How long a read that fails is tried again, each page of its own.
    pub patience: Duration,
}

/// Reads back the keys of every kind, and the ledger.
///
/// Returns journal events: per kind chunks of [`Event::AuditKeys`] and then
/// [`Event::AuditKeysEnd`], and one [`Event::AuditLedger`]; or [`Event::AuditFailed`] in the place
/// of what could not be read completely. Keys of other prefixes (`run-1` and `run-1-b` both begin
/// with `run-1-`) are left out.
pub async fn audit(request: &AuditRequest<'_>) -> Vec<Event> {
    let reader = Reader { client: Client::new(request.targets), patience: request.patience };
    let mut events = Vec::new();
    for &kind in request.kinds {
        let path = format!("/audit/writes?kind={}", kind.as_str());
        let keep = |keys| events.push(Event::AuditKeys { kind, keys });
        let read = if kind.is_promise() {
            reader.keys(&path, request.prefix, keep).await
        } else {
            Err("only orders and posts can be read back".into())
        };
        let end = match read {
            Ok(()) => Event::AuditKeysEnd { kind },
            Err(reason) => Event::AuditFailed { what: format!("{}s", kind.as_str()), reason },
        };
        events.push(end);
    }
    events.push(match reader.read::<Ledger>("/audit/ledger").await {
        Ok(ledger) => Event::AuditLedger(ledger),
        Err(reason) => Event::AuditFailed { what: "ledger".into(), reason },
    });
    events
}

#[derive(serde::Deserialize)]
struct Page {
    keys: Vec<(String, u32)>,
    #[serde(default)]
    next: Option<String>,
}

/// Reads through the front door.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) patience: Duration,
}

/// Why one attempt gave nothing.
enum Miss {
    /// Another attempt may work.
    NotYet(String),
    /// No attempt will.
    Never(String),
}

impl Reader {
    /// Reads the keys of a prefix, page by page; `path` says of what. Pages without one of ours are
    /// left out.
    pub(super) async fn keys(
        &self,
        path: &str,
        prefix: &str,
        mut keep: impl FnMut(Vec<(String, u32)>),
    ) -> Result<(), String> {
        let prefix = format!("{prefix}-");
        let mut after = String::new();
        loop {
            let path = format!(
                "{path}&prefix={}&after={}&limit={PAGE}",
                query_value(&prefix),
                query_value(&after)
            );
            let Page { mut keys, next } = self.read(&path).await?;
            keys.retain(|(key, _)| is_ours(key, &prefix));
            if !keys.is_empty() {
                keep(keys);
            }
            match next {
                None => return Ok(()),
                Some(next) if next > after => after = next,
                Some(next) => return Err(format!("the page after {after:?} leads to {next:?}")),
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let give_up = Instant::now() + self.patience;
        loop {
            let reason = match self.attempt(path, give_up).await {
                Ok(value) => return Ok(value),
                Err(Miss::Never(reason)) => return Err(reason),
                Err(Miss::NotYet(reason)) => reason,
            };
            if Instant::now() + PAUSE >= give_up {
                return Err(format!("{reason} (tried for {:?})", self.patience));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, path: &str, end: Instant) -> Result<T, Miss> {
        let deadline = end.min(Instant::now() + ATTEMPT);
        let reply = self.client.send(&Call::get(path.into()), deadline).await;
        let reply = reply.map_err(|failure| match failure {
            Failure::NotSent(reason) | Failure::Lost(reason) => Miss::NotYet(reason),
        })?;
        match reply.status {
            200 => serde_json::from_slice(&reply.body)
                .map_err(|e| Miss::Never(format!("the answer cannot be read: {e}"))),
            status @ (408 | 429 | 500..=599) => Err(Miss::NotYet(format!("status {status}"))),
            status => Err(Miss::Never(format!("status {status} for {path}"))),
        }
    }
}

/// Whether a key is one of `<prefix><number>`, or of `<prefix><part>-<number>`: a canary that was
/// started again continues under another part.
pub(crate) fn is_ours(key: &str, prefix: &str) -> bool {
    let rest = key.strip_prefix(prefix).unwrap_or_default();
    let (part, number) = rest.rsplit_once('-').unwrap_or(("0", rest));
    let is = |text: &str, fits: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| fits(&b));
    is(part, u8::is_ascii_hexdigit) && is(number, u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_prefix_count() {
        assert!(is_ours("run-1-20", "run-1-"));
        assert!(is_ours("run-1-b-20", "run-1-"));
        for other in ["run-1-silent-20", "run-1-b-", "run-1-", "run-12", "run-1-2x", "other-3"] {
            assert!(!is_ours(other, "run-1-"), "{other}");
        }
    }
}
