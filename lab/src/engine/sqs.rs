//! A queue of an emulated queue service, as an operator's own tools ask for it.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use serde_json::{Value, json};

use super::probe::{self, Call};

/// Longest wait for an answer, beyond what the service is asked to wait.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Most messages in one answer.
pub const BATCH: usize = 10;
/// How long a message that is only looked at is kept from a second look, in seconds.
const LOOK_S: u32 = 10;

/// A queue that was found.
#[derive(Clone, Debug)]
pub struct Queue {
    at: SocketAddrV4,
    region: String,
    url: String,
}

/// How many messages a queue has. The service calls its numbers approximate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting.
    pub visible: u64,
    /// Given out, and neither acknowledged nor taken back.
    pub in_flight: u64,
}

/// A message that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, the same however often it is given out.
    pub id: String,
    /// What it says.
    pub body: String,
    receipt: String,
    attributes: Value,
}

impl Queue {
    /// Looks a queue up.
    ///
    /// # Errors
    /// The service does not answer, or has no such queue ([`io::ErrorKind::NotFound`]).
    pub async fn find(at: SocketAddrV4, region: &str, name: &str) -> io::Result<Self> {
        let queue = Self { at, region: region.to_owned(), url: String::new() };
        let found = queue.ask(Duration::ZERO, "GetQueueUrl", &json!({ "QueueName": name })).await?;
        let url = text(&found, "QueueUrl").ok_or_else(|| odd("GetQueueUrl", &found))?;
        Ok(Self { url, ..queue })
    }

    /// How many messages there are.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn depth(&self) -> io::Result<Depth> {
        const VISIBLE: &str = "ApproximateNumberOfMessages";
        const IN_FLIGHT: &str = "ApproximateNumberOfMessagesNotVisible";
        let body = json!({ "QueueUrl": self.url, "AttributeNames": [VISIBLE, IN_FLIGHT] });
        let answer = self.ask(Duration::ZERO, "GetQueueAttributes", &body).await?;
        let number = |name: &str| -> Option<u64> {
            text(answer.get("Attributes")?, name).and_then(|n| n.parse().ok())
        };
        match (number(VISIBLE), number(IN_FLIGHT)) {
            (Some(visible), Some(in_flight)) => Ok(Depth { visible, in_flight }),
            _ => Err(odd("GetQueueAttributes", &answer)),
        }
    }

    /// Sends a message; its number.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn send(&self, body: &str) -> io::Result<String> {
        self.put(&json!({ "QueueUrl": self.url, "MessageBody": body })).await
    }

    /// Sends what a message says a second time, as a message of its own.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn send_again(&self, message: &Message) -> io::Result<String> {
        let mut body = json!({ "QueueUrl": self.url, "MessageBody": message.body });
        if message.attributes.is_object() {
            body["MessageAttributes"] = message.attributes.clone();
        }
        self.put(&body).await
    }

    async fn put(&self, body: &Value) -> io::Result<String> {
        let answer = self.ask(Duration::ZERO, "SendMessage", body).await?;
        text(&answer, "MessageId").ok_or_else(|| odd("SendMessage", &answer))
    }

    /// Takes up to [`BATCH`] messages, waits for the first one, and keeps them from others for so
    /// many seconds.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn receive(&self, wait_s: u32, visibility_s: u32) -> io::Result<Vec<Message>> {
        let body = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": BATCH,
            "WaitTimeSeconds": wait_s,
            "VisibilityTimeout": visibility_s,
            "MessageAttributeNames": ["All"],
        });
        let wait = Duration::from_secs(wait_s.into());
        let answer = self.ask(wait, "ReceiveMessage", &body).await?;
        let messages = answer.get("Messages").and_then(Value::as_array);
        Ok(messages.into_iter().flatten().filter_map(message).collect())
    }

    /// Gives a message back: others may have it at once.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn give_back(&self, message: &Message) -> io::Result<()> {
        let body = json!({
            "QueueUrl": self.url, "ReceiptHandle": message.receipt, "VisibilityTimeout": 0,
        });
        self.ask(Duration::ZERO, "ChangeMessageVisibility", &body).await.map(drop)
    }

    /// Looks at every message that waits, and leaves it there.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    pub async fn look(&self) -> io::Result<Vec<Message>> {
        let mut seen: Vec<Message> = Vec::new();
        loop {
            let more = self.receive(0, LOOK_S).await?;
            if more.is_empty() {
                break;
            }
            seen.extend(more);
        }
        for message in &seen {
            self.give_back(message).await?;
        }
        Ok(seen)
    }

    async fn ask(&self, wait: Duration, operation: &str, body: &Value) -> io::Result<Value> {
        // Emulators read the scope of the signature, and do not check it.
        let scope = format!("test/20000101/{}/sqs/aws4_request", self.region);
        let headers = [
            ("Content-Type", "application/x-amz-json-1.0".to_owned()),
            ("X-Amz-Target", format!("AmazonSQS.{operation}")),
            (
                "Authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            ),
        ];
        let text = body.to_string();
        let call = Call { method: "POST", path: "/", headers: &headers, body: &text };
        let answer = probe::send(*self.at.ip(), self.at.port(), &call, wait + TIMEOUT).await?;
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if answer.status == 200 {
            return Ok(said);
        }
        let missing =
            answer.body.contains("NonExistentQueue") || answer.body.contains("QueueDoesNotExist");
        let kind = if missing { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
        Err(io::Error::new(kind, format!("{operation} answers {}: {}", answer.status, answer.body)))
    }
}

fn text(json: &Value, name: &str) -> Option<String> {
    json.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn odd(operation: &str, answer: &Value) -> io::Error {
    io::Error::other(format!("{operation} answers {answer}"))
}

fn message(json: &Value) -> Option<Message> {
    Some(Message {
        id: text(json, "MessageId")?,
        body: text(json, "Body")?,
        receipt: text(json, "ReceiptHandle")?,
        attributes: json.get("MessageAttributes").cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_could_not_be_given_back_is_none() {
        let whole = json!({ "MessageId": "m", "Body": "{}", "ReceiptHandle": "r" });
        let read = message(&whole).unwrap();
        assert_eq!((&*read.id, &*read.body), ("m", "{}"));
        assert!(message(&json!({ "MessageId": "m", "Body": "{}" })).is_none());
    }
}
