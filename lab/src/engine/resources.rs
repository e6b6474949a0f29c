//! Whether what a stage needs of its managed services is there: asked of the emulators themselves.

use std::io;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::probe::{self, Answer, Call};
use super::sqs;
use crate::plan::{Resource, Wanted};

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What is missing: the emulator's node, and what of it, in words.
pub async fn missing(wanted: &[Wanted]) -> Vec<(String, String)> {
    let asked = wanted.iter().map(|one| async move {
        let why = match is_there(one).await {
            Ok(true) => return None,
            Ok(false) => "is not there".to_owned(),
            Err(e) => format!("is not known: {e}"),
        };
        Some((one.node.clone(), format!("{} {why}", one.resource)))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn is_there(wanted: &Wanted) -> io::Result<bool> {
    match &wanted.resource {
        Resource::Queue { name } => match sqs::Queue::find(wanted.at, &wanted.region, name).await {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found.map(|_| true),
        },
        Resource::Subscription { topic, queue } => {
            let form = "Action=ListSubscriptions&Version=2010-03-31";
            let answer = ask(wanted, "sns", "/", &[FORM], form).await?;
            Ok(answer.status == 200 && is_subscribed(&answer.body, topic, queue))
        }
        Resource::Rule { bus, queue } => {
            let body = json!({ "Rule": queue, "EventBusName": bus });
            let target = ("X-Amz-Target", "AWSEvents.ListTargetsByRule");
            let answer = ask(wanted, "events", "/", &[JSON_1, target], &body.to_string()).await?;
            Ok(answer.status == 200 && has_target(&answer.body, queue))
        }
        Resource::Bucket { name } => {
            let answer = ask(wanted, "s3", &format!("/{name}?location"), &[], "").await?;
            Ok(answer.status == 200)
        }
        Resource::Table { name } => {
            let body = json!({ "TableName": name }).to_string();
            let target = ("X-Amz-Target", "DynamoDB_20120810.DescribeTable");
            let answer = ask(wanted, "dynamodb", "/", &[JSON_0, target], &body).await?;
            Ok(answer.status == 200 && is_active(&answer.body))
        }
    }
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON_0: (&str, &str) = ("Content-Type", "application/x-amz-json-1.0");
const JSON_1: (&str, &str) = ("Content-Type", "application/x-amz-json-1.1");

async fn ask(
    wanted: &Wanted,
    service: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    // Emulators read the scope of the signature, and do not check it.
    let scope = format!("test/20000101/{}/{service}/aws4_request", wanted.region);
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let mut all = vec![("Authorization", signature)];
    all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let method = if body.is_empty() { "GET" } else { "POST" };
    let call = Call { method, path, headers: &all, body };
    probe::send(*wanted.at.ip(), wanted.at.port(), &call, TIMEOUT).await
}

/// Whether a list of subscriptions has one of this queue to this topic. Each member is a text of its own.
fn is_subscribed(xml: &str, topic: &str, queue: &str) -> bool {
    let has = |member: &str, name: &str, last: &str| {
        let text =
            member.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next());
        text.is_some_and(|arn| arn.rsplit(':').next() == Some(last))
    };
    xml.split("</member>").any(|m| has(m, "TopicArn", topic) && has(m, "Endpoint", queue))
}

fn has_target(answer: &str, queue: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let targets = answer.get("Targets").and_then(Value::as_array);
    let is_queue = |target: &Value| {
        let arn = target.get("Arn").and_then(Value::as_str);
        arn.is_some_and(|arn| arn.rsplit(':').next() == Some(queue))
    };
    targets.into_iter().flatten().any(is_queue)
}

/// Whether a table and each of its indexes can be used.
fn is_active(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let table = answer.get("Table").cloned().unwrap_or_default();
    let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array);
    let active = |name: &str, of: &Value| of.get(name).and_then(Value::as_str) == Some("ACTIVE");
    active("TableStatus", &table)
        && indexes.into_iter().flatten().all(|index| active("IndexStatus", index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_one_of_this_queue_to_this_topic() {
        let member = |topic: &str, queue: &str| {
            format!(
                "<member><TopicArn>arn:aws:sns:us-east-1:000000000000:{topic}</TopicArn>\
                 <Protocol>sqs</Protocol><SubscriptionArn>x</SubscriptionArn>\
                 <Endpoint>arn:aws:sqs:us-east-1:000000000000:{queue}</Endpoint></member>"
            )
        };
        let list = member("orders", "order-mail") + &member("others", "order-feed");
        assert!(is_subscribed(&list, "orders", "order-mail"));
        assert!(!is_subscribed(&list, "orders", "order-feed"), "it is to another topic");
        assert!(!is_subscribed(&list, "order", "order-mail"));
        assert!(!is_subscribed("", "orders", "order-mail"));
    }

    #[test]
    fn a_rule_without_its_target_routes_nothing() {
        let target = r#"{"Targets":[{"Id":"queue","Arn":"arn:aws:sqs:us-east-1:0:order-feed"}]}"#;
        assert!(has_target(target, "order-feed"));
        assert!(!has_target(target, "feed"));
        assert!(!has_target(r#"{"Targets":[]}"#, "order-feed"));
    }

    #[test]
    fn a_table_is_there_with_all_its_indexes() {
        let table = |status: &str, index: &str| {
            format!(
                r#"{{"Table":{{"TableStatus":"{status}","GlobalSecondaryIndexes":[{{"IndexStatus":"{index}"}}]}}}}"#
            )
        };
        assert!(is_active(r#"{"Table":{"TableStatus":"ACTIVE"}}"#));
        assert!(is_active(&table("ACTIVE", "ACTIVE")));
        assert!(
            !is_active(&table("CREATING", "ACTIVE")) && !is_active(&table("ACTIVE", "CREATING"))
        );
        assert!(!is_active("{}"));
    }
}
