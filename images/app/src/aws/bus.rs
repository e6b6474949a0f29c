//! An event bus, whose rules route events to queues by what they say.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::client::Service;
use super::sqs::Queue;
use super::trouble::{Trouble, trouble};
use crate::config;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// Who puts events on the bus.
const SOURCE: &str = "shop";

/// Who may send to a queue that a rule routes to.
const SENDER: &str = "events.amazonaws.com";

/// A bus.
pub struct Bus {
    service: Service,
    name: String,
    /// What was found to be there.
    known: Mutex<Known>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    bus: bool,
    rule: bool,
}

impl Bus {
    /// The bus, which may not be there yet.
    pub fn new(settings: &config::Bus) -> Self {
        let service = Service::new("events", &settings.endpoint, TIMEOUT, &settings.keys);
        Self { service, name: settings.name.clone(), known: Mutex::default() }
    }

    /// Puts one event on the bus.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn put(&self, kind: &str, detail: &Value) -> Result<(), Trouble> {
        self.made().await?;
        let entry = json!({
            "Source": SOURCE,
            "DetailType": kind,
            "Detail": detail.to_string(),
            "EventBusName": self.name,
        });
        let answer = self.call("PutEvents", &json!({ "Entries": [entry] })).await?;
        match answer.get("FailedEntryCount").and_then(Value::as_u64) {
            None | Some(0) => Ok(()),
            Some(_) => {
                // The bus may be gone, and is looked for with the next try.
                self.forget();
                Err(Trouble::Passing(format!("the bus did not take the event: {answer}")))
            }
        }
    }

    /// Has everything that the shop puts on the bus routed to `queue`; changes nothing when it is so.
    ///
    /// # Errors
    /// A service does not answer, or refuses.
    pub async fn route(&self, queue: &Queue) -> Result<(), Trouble> {
        if self.known(|known| known.rule) {
            return Ok(());
        }
        self.made().await?;
        let rule = queue.name();
        let pattern = json!({ "source": [SOURCE] }).to_string();
        let body = json!({ "Name": rule, "EventBusName": self.name, "EventPattern": pattern, "State": "ENABLED" });
        let made = self.call("PutRule", &body).await?;
        queue
            .admit(SENDER, made.get("RuleArn").and_then(Value::as_str).unwrap_or_default())
            .await?;
        let target = json!({ "Id": "queue", "Arn": queue.arn().await? });
        let body = json!({ "Rule": rule, "EventBusName": self.name, "Targets": [target] });
        self.call("PutTargets", &body).await?;
        self.known(|known| known.rule = true);
        tracing::info!(bus = self.name, rule, "the bus routes events to the queue");
        Ok(())
    }

    /// Looks again, next time, whether everything is there.
    pub fn forget(&self) {
        self.known(|known| *known = Known::default());
    }

    async fn made(&self) -> Result<(), Trouble> {
        if self.known(|known| known.bus) {
            return Ok(());
        }
        let body = json!({ "Name": self.name });
        match self.call("DescribeEventBus", &body).await {
            Err(Trouble::Missing(_)) => drop(self.call("CreateEventBus", &body).await?),
            other => drop(other?),
        }
        self.known(|known| known.bus = true);
        Ok(())
    }

    async fn call(&self, operation: &str, body: &Value) -> Result<Value, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        let target = HeaderValue::try_from(format!("AWSEvents.{operation}"));
        headers.insert("x-amz-target", target.map_err(|e| Trouble::Never(e.to_string()))?);
        let answer = self.service.send("POST", "/", headers, body.to_string().into()).await?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            return Ok(json);
        }
        let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
        let refused = trouble(answer.status, text("__type"), text("message"));
        if matches!(refused, Trouble::Missing(_)) {
            self.forget();
        }
        Err(refused)
    }

    fn known<T>(&self, f: impl FnOnce(&mut Known) -> T) -> T {
        f(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
