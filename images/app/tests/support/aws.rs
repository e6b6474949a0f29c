//! An emulator of managed services, started and killed by the test.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::app::Http;
use super::{free_port, signal, until};

/// The emulator; gone when dropped. It forgets everything when it is killed.
pub struct Emulator {
    pub port: u16,
    child: Option<Child>,
}

impl Emulator {
    /// A port on which it may be started later.
    pub fn planned() -> Self {
        Self { port: free_port(), child: None }
    }

    /// A running one.
    pub async fn start() -> Self {
        let mut emulator = Self::planned();
        emulator.launch().await;
        emulator
    }

    /// Starts it.
    pub async fn launch(&mut self) {
        let program = std::env::var("MINISTACK").unwrap_or_else(|_| "ministack".into());
        let mut command = Command::new(&program);
        command.env("GATEWAY_PORT", self.port.to_string()).env("BIND_HOST", "127.0.0.1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|e| {
            panic!(
                "{program}: {e}; these tests need the Python package \"ministack\": \
                 set MINISTACK to its program"
            )
        });
        self.child = Some(child);
        until("the emulator listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()
        })
        .await;
    }

    /// The settings of a shop that uses it.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ACCESS_KEY_ID", "lab".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
        ]
    }

    /// Asks for the queue service; `http` is any client.
    pub async fn sqs(&self, http: &Http, operation: &str, body: &Value) -> Value {
        let target = format!("AmazonSQS.{operation}");
        let who = "AWS4-HMAC-SHA256 Credential=lab/20260101/eu-central-1/sqs/aws4_request, \
                   SignedHeaders=host, Signature=0";
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", &*target),
            ("authorization", who),
        ];
        let sent = http.on_port(self.port).send("POST", "/", &headers, &body.to_string()).await;
        let answer = sent.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Asks for the event bus of that name; nothing when it is not there.
    pub async fn events(&self, http: &Http, operation: &str, bus: &str) -> Option<Value> {
        let target = format!("AWSEvents.{operation}");
        let who = "AWS4-HMAC-SHA256 Credential=lab/20260101/eu-central-1/events/aws4_request, \
                   SignedHeaders=host, Signature=0";
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &*target),
            ("authorization", who),
        ];
        let body = json!({ "EventBusName": bus }).to_string();
        let sent = http.on_port(self.port).send("POST", "/", &headers, &body).await;
        let answer = sent.expect("an answer");
        (answer.status == 200).then(|| answer.json())
    }

    /// What the topic service says of its subscriptions.
    pub async fn subscribed(&self, http: &Http) -> String {
        let who = "AWS4-HMAC-SHA256 Credential=lab/20260101/eu-central-1/sns/aws4_request, \
                   SignedHeaders=host, Signature=0";
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("authorization", who)];
        let form = "Action=ListSubscriptions&Version=2010-03-31";
        let sent = http.on_port(self.port).send("POST", "/", &headers, form).await;
        format!("{:?}", sent.expect("an answer"))
    }

    /// Puts a message into a queue.
    pub async fn post(&self, http: &Http, queue: &str, message: &str) {
        let found = self.sqs(http, "GetQueueUrl", &json!({ "QueueName": queue })).await;
        let body = json!({ "QueueUrl": found["QueueUrl"], "MessageBody": message });
        self.sqs(http, "SendMessage", &body).await;
    }

    /// How many messages are in a queue, waiting or given out.
    pub async fn messages(&self, http: &Http, queue: &str) -> u64 {
        let found = self.sqs(http, "GetQueueUrl", &json!({ "QueueName": queue })).await;
        let body = json!({ "QueueUrl": found["QueueUrl"], "AttributeNames": ["All"] });
        let attributes = self.sqs(http, "GetQueueAttributes", &body).await["Attributes"].clone();
        let number = |name: &str| -> u64 {
            let text = attributes[name].as_str().expect("a number as text");
            text.parse().expect("a number")
        };
        number("ApproximateNumberOfMessages") + number("ApproximateNumberOfMessagesNotVisible")
    }

    /// The subjects of all mails that were sent, sorted.
    pub async fn subjects(&self, http: &Http) -> Vec<String> {
        let sent = http.on_port(self.port).get("/_ministack/ses/messages").await.json();
        let boxes = sent["messages"].as_object().expect("messages by account");
        let mails = boxes.values().flat_map(|mails| mails.as_array().expect("mails"));
        let subject = |mail: &Value| mail["Subject"].as_str().expect("a subject").to_owned();
        let mut subjects: Vec<String> = mails.map(subject).collect();
        subjects.sort();
        subjects
    }

    /// Kills it: connections are refused.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process to kill");
            child.wait().expect("a dead process");
        }
    }

    /// Freezes it: connections are accepted, and nothing is answered.
    pub fn freeze(&self) {
        signal(self.child.as_ref().expect("a process").id(), "STOP");
    }

    /// Wakes it up.
    pub fn thaw(&self) {
        signal(self.child.as_ref().expect("a process").id(), "CONT");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.kill();
    }
}
