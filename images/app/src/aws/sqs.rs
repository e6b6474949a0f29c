//! A queue, with the queue that its undeliverable messages go to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::Outgoing;
use super::client::Service;
use super::trouble::{Trouble, trouble};
use crate::config;
use crate::trace::TRACEPARENT;

/// Longest wait for an answer, beyond what the service is asked to wait.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// A queue.
pub struct Queue {
    service: Service,
    settings: config::Queue,
    /// Looked up once; again when the service says that the queue is not there.
    found: Mutex<Option<Found>>,
    /// Who may send to it: the service, and the name of its topic or rule.
    admitted: Mutex<Vec<(String, String)>>,
}

/// Where a queue and its dead-letter queue are.
#[derive(Clone, Debug)]
struct Found {
    url: String,
    arn: String,
    dead_url: String,
}

/// A message as it was given out.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// What it is acknowledged with.
    pub receipt: String,
    /// How often it was given out, this time included.
    pub receives: u64,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Waiting.
    pub visible: u64,
    /// Given out, and neither acknowledged nor taken back.
    pub in_flight: u64,
    /// In the dead-letter queue.
    pub dead: u64,
}

impl Queue {
    /// The queue, which may not be there yet.
    pub fn new(settings: config::Queue) -> Self {
        let service = Service::new("sqs", &settings.endpoint, TIMEOUT, &settings.keys);
        Self { service, settings, found: Mutex::default(), admitted: Mutex::default() }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// How long a message that was given out is kept from others.
    pub fn visibility(&self) -> Duration {
        self.settings.visibility
    }

    /// Its name among all resources.
    ///
    /// # Errors
    /// The queue is not there and cannot be made.
    pub async fn arn(&self) -> Result<String, Trouble> {
        Ok(self.found().await?.arn)
    }

    /// Sends up to [`BATCH`](super::BATCH) messages; the positions of those that were taken.
    ///
    /// # Errors
    /// The service does not answer, or refuses all.
    pub async fn send(&self, messages: &[Outgoing]) -> Result<Vec<usize>, Trouble> {
        let url = self.found().await?.url;
        let entry = |(position, message): (usize, &Outgoing)| {
            let mut entry = json!({ "Id": position.to_string(), "MessageBody": message.body });
            if let Some(trace) = &message.traceparent {
                let value = json!({ "DataType": "String", "StringValue": trace });
                entry["MessageAttributes"] = json!({ TRACEPARENT: value });
            }
            entry
        };
        let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
        let body = json!({ "QueueUrl": url, "Entries": entries });
        let answer = self.call(TIMEOUT, "SendMessageBatch", &body).await?;
        let id = |entry: &Value| entry.get("Id")?.as_str()?.parse().ok();
        let taken = answer.get("Successful").and_then(Value::as_array);
        Ok(taken.into_iter().flatten().filter_map(id).collect())
    }

    /// Asks for up to `most` messages, and waits for the first one.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn receive(&self, most: usize) -> Result<Vec<Message>, Trouble> {
        let wait = self.settings.wait;
        let body = json!({
            "QueueUrl": self.found().await?.url,
            "MaxNumberOfMessages": most.clamp(1, super::BATCH),
            "WaitTimeSeconds": wait.as_secs(),
            "VisibilityTimeout": self.settings.visibility.as_secs(),
            "AttributeNames": ["ApproximateReceiveCount"],
            "MessageAttributeNames": [TRACEPARENT],
        });
        let answer = self.call(wait + TIMEOUT, "ReceiveMessage", &body).await?;
        let messages = answer.get("Messages").and_then(Value::as_array);
        Ok(messages.into_iter().flatten().filter_map(message).collect())
    }

    /// Acknowledges a message.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn delete(&self, message: &Message) -> Result<(), Trouble> {
        let url = self.found().await?.url;
        let body = json!({ "QueueUrl": url, "ReceiptHandle": message.receipt });
        self.call(TIMEOUT, "DeleteMessage", &body).await.map(drop)
    }

    /// Keeps a message from others for that long from now on; zero gives it back.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn keep(&self, message: &Message, time: Duration) -> Result<(), Trouble> {
        let body = json!({
            "QueueUrl": self.found().await?.url,
            "ReceiptHandle": message.receipt,
            "VisibilityTimeout": time.as_secs(),
        });
        self.call(TIMEOUT, "ChangeMessageVisibility", &body).await.map(drop)
    }

    /// How many messages there are. The service calls its numbers approximate.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn depth(&self) -> Result<Depth, Trouble> {
        const VISIBLE: &str = "ApproximateNumberOfMessages";
        const IN_FLIGHT: &str = "ApproximateNumberOfMessagesNotVisible";
        let found = self.found().await?;
        let (own, dead) = futures::future::try_join(
            self.attributes(&found.url, &[VISIBLE, IN_FLIGHT]),
            self.attributes(&found.dead_url, &[VISIBLE]),
        )
        .await?;
        let number = |attributes: &Value, name: &str| {
            attributes.get(name).and_then(Value::as_str).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        Ok(Depth {
            visible: number(&own, VISIBLE),
            in_flight: number(&own, IN_FLIGHT),
            dead: number(&dead, VISIBLE),
        })
    }

    /// Lets a topic or a rule send to the queue, and those that were let before.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn admit(&self, sender: &str, source_arn: &str) -> Result<(), Trouble> {
        let found = self.found().await?;
        let admitted = {
            let mut all = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
            let new = (sender.to_owned(), source_arn.to_owned());
            if !all.contains(&new) {
                all.push(new);
            }
            all.clone()
        };
        let statement = |(sender, source): &(String, String)| {
            json!({
                "Effect": "Allow",
                "Principal": { "Service": sender },
                "Action": "sqs:SendMessage",
                "Resource": found.arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": source } },
            })
        };
        let statements: Vec<Value> = admitted.iter().map(statement).collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        let attributes = json!({ "Policy": policy.to_string() });
        let body = json!({ "QueueUrl": found.url, "Attributes": attributes });
        self.call(TIMEOUT, "SetQueueAttributes", &body).await.map(drop)
    }

    /// Where the queue is; it is made, with its dead-letter queue, when it is not there.
    async fn found(&self) -> Result<Found, Trouble> {
        if let Some(found) = self.known(|known| known.clone()) {
            return Ok(found);
        }
        let config::Queue { name, dead_letters, .. } = &self.settings;
        let dead_url = self.ensure(dead_letters, &json!({})).await?;
        let dead_arn = self.arn_of(&dead_url).await?;
        let redrive = json!({
            "deadLetterTargetArn": dead_arn,
            "maxReceiveCount": self.settings.max_receives.to_string(),
        });
        let attributes = json!({
            "RedrivePolicy": redrive.to_string(),
            "VisibilityTimeout": self.settings.visibility.as_secs().to_string(),
        });
        let url = self.ensure(name, &attributes).await?;
        let found = Found { arn: self.arn_of(&url).await?, url, dead_url };
        self.known(|known| *known = Some(found.clone()));
        tracing::info!(queue = name, "the queue is there");
        Ok(found)
    }

    /// A queue that is there is taken as it is: its operator may have changed it.
    async fn ensure(&self, name: &str, attributes: &Value) -> Result<String, Trouble> {
        let found = self.call(TIMEOUT, "GetQueueUrl", &json!({ "QueueName": name })).await;
        let answer = match found {
            Err(Trouble::Missing(_)) => {
                let body = json!({ "QueueName": name, "Attributes": attributes });
                self.call(TIMEOUT, "CreateQueue", &body).await?
            }
            other => other?,
        };
        let url = answer.get("QueueUrl").and_then(Value::as_str).map(str::to_owned);
        url.ok_or_else(|| Trouble::Never(format!("the service does not say where {name} is")))
    }

    async fn arn_of(&self, url: &str) -> Result<String, Trouble> {
        let attributes = self.attributes(url, &["QueueArn"]).await?;
        let arn = attributes.get("QueueArn").and_then(Value::as_str).map(str::to_owned);
        arn.ok_or_else(|| Trouble::Never(format!("the service does not name {url}")))
    }

    async fn attributes(&self, url: &str, names: &[&str]) -> Result<Value, Trouble> {
        let body = json!({ "QueueUrl": url, "AttributeNames": names });
        let answer = self.call(TIMEOUT, "GetQueueAttributes", &body).await?;
        Ok(answer.get("Attributes").cloned().unwrap_or_default())
    }

    async fn call(
        &self,
        timeout: Duration,
        operation: &str,
        body: &Value,
    ) -> Result<Value, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
        let target = HeaderValue::try_from(format!("AmazonSQS.{operation}"));
        headers.insert("x-amz-target", target.map_err(|e| Trouble::Never(e.to_string()))?);
        let body = body.to_string().into();
        let answer = self.service.send_within(timeout, "POST", "/", headers, body).await?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            return Ok(json);
        }
        let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
        let refused = trouble(answer.status, text("__type"), text("message"));
        if matches!(refused, Trouble::Missing(_)) {
            self.known(|known| *known = None);
        }
        Err(refused)
    }

    fn known<T>(&self, f: impl FnOnce(&mut Option<Found>) -> T) -> T {
        f(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn message(json: &Value) -> Option<Message> {
    let receives = json.pointer("/Attributes/ApproximateReceiveCount").and_then(Value::as_str);
    let trace = json.pointer(&format!("/MessageAttributes/{TRACEPARENT}/StringValue"));
    Some(Message {
        body: json.get("Body")?.as_str()?.to_owned(),
        receipt: json.get("ReceiptHandle")?.as_str()?.to_owned(),
        receives: receives.and_then(|n| n.parse().ok()).unwrap_or(1),
        traceparent: trace.and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_with_and_without_what_may_be_absent() {
        let whole = json!({
            "MessageId": "m", "Body": "{}", "ReceiptHandle": "r",
            "Attributes": { "ApproximateReceiveCount": "3" },
            "MessageAttributes": { "traceparent": { "DataType": "String", "StringValue": "00-a" } },
        });
        let read = message(&whole).unwrap();
        assert_eq!((&*read.body, &*read.receipt, read.receives), ("{}", "r", 3));
        assert_eq!(read.traceparent.as_deref(), Some("00-a"));
        let least = message(&json!({ "Body": "", "ReceiptHandle": "r" })).unwrap();
        assert_eq!((least.receives, least.traceparent), (1, None));
        assert!(message(&json!({ "Body": "{}" })).is_none(), "it could not be acknowledged");
    }
}
