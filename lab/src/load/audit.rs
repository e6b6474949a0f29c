//! Final reads: every promise is read back through the front door, after healing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::Client;
use crate::journal::{Event, Ledger, OpKind};

/// Longest wait for one page.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a page that could not be read.
const RETRY_EVERY: Duration = Duration::from_millis(200);
/// Keys on one page.
const PAGE: usize = 5000;

#[derive(Deserialize)]
struct Page {
    keys: Vec<(String, u32)>,
    next: Option<String>,
}

/// Reads back every order and post whose key begins with `prefix`, and the ledger. What cannot be
/// read within the limit becomes an `AuditFailed`.
pub async fn audit(targets: &[SocketAddr], prefix: &str, limit: Duration) -> Vec<Event> {
    let client = Client::new(targets.to_vec(), TIMEOUT);
    let deadline = Instant::now() + limit;
    let mut events = Vec::new();
    for (kind, name) in [(OpKind::Order, "order"), (OpKind::Post, "post")] {
        match keys(&client, name, prefix, deadline).await {
            Ok(pages) => {
                events.extend(pages.into_iter().map(|keys| Event::AuditKeys { kind, keys }));
                events.push(Event::AuditKeysEnd { kind });
            }
            Err(reason) => events.push(Event::AuditFailed { what: name.into(), reason }),
        }
    }
    match read::<Ledger>(&client, "/audit/ledger", deadline).await {
        Ok(ledger) => events.push(Event::AuditLedger(ledger)),
        Err(reason) => events.push(Event::AuditFailed { what: "ledger".into(), reason }),
    }
    events
}

async fn keys(
    client: &Client,
    kind: &str,
    prefix: &str,
    deadline: Instant,
) -> Result<Vec<Vec<(String, u32)>>, String> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/audit/writes?kind={kind}&prefix={prefix}&after={after}&limit={PAGE}");
        let page: Page = read(client, &path, deadline).await?;
        pages.push(page.keys);
        match page.next {
            Some(next) => after = next,
            None => return Ok(pages),
        }
    }
}

async fn read<T: serde::de::DeserializeOwned>(
    client: &Client,
    path: &str,
    deadline: Instant,
) -> Result<T, String> {
    loop {
        let failed = match client.get(path).await {
            Ok(answer) => match serde_json::from_slice(&answer.body) {
                Ok(value) => return Ok(value),
                Err(e) => format!("GET {path}: {e}"),
            },
            Err(why) => why,
        };
        if Instant::now() >= deadline {
            return Err(failed);
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}
