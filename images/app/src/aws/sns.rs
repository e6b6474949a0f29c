//! A topic, from which messages go to every queue that is subscribed to it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Outgoing;
use super::client::Service;
use super::query::{Param, ask, element, elements, param};
use super::sqs::Queue;
use super::trouble::Trouble;
use crate::config;
use crate::trace::TRACEPARENT;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// Version of the interface.
const VERSION: &str = "2010-03-31";

/// Who may send to a queue that is subscribed.
const SENDER: &str = "sns.amazonaws.com";

/// A topic.
pub struct Topic {
    service: Service,
    name: String,
    /// Its name among all resources, once it is made and has its subscription.
    arn: Mutex<Option<String>>,
}

impl Topic {
    /// The topic, which may not be there yet.
    pub fn new(settings: &config::Topic) -> Self {
        let service = Service::new("sns", &settings.endpoint, TIMEOUT, &settings.keys);
        Self { service, name: settings.name.clone(), arn: Mutex::default() }
    }

    /// Publishes up to [`BATCH`](super::BATCH) messages; the positions of those that were taken.
    /// `queue` is subscribed before the first one, so that it misses none.
    ///
    /// # Errors
    /// The service does not answer, or refuses all.
    pub async fn publish(
        &self,
        messages: &[Outgoing],
        queue: &Queue,
    ) -> Result<Vec<usize>, Trouble> {
        let mut params = vec![param("TopicArn", self.ready(queue).await?)];
        for (position, message) in messages.iter().enumerate() {
            params.extend(entry(position, message));
        }
        let answer = self.ask("PublishBatch", &params).await?;
        let taken = element(&answer, "Successful").unwrap_or_default();
        Ok(elements(&taken, "Id").filter_map(|id| id.parse().ok()).collect())
    }

    /// Makes the topic, and subscribes `queue` to it; both change nothing when it is so.
    ///
    /// # Errors
    /// A service does not answer, or refuses.
    pub async fn ready(&self, queue: &Queue) -> Result<String, Trouble> {
        if let Some(arn) = self.known(|known| known.clone()) {
            return Ok(arn);
        }
        let made = self.ask("CreateTopic", &[param("Name", &self.name)]).await?;
        let arn = element(&made, "TopicArn");
        let unnamed =
            || Trouble::Never(format!("the service does not name the topic {}", self.name));
        let arn = arn.ok_or_else(unnamed)?;
        queue.admit(SENDER, &arn).await?;
        let subscription = [
            param("TopicArn", &arn),
            param("Protocol", "sqs"),
            param("Endpoint", queue.arn().await?),
            // The message as it was published, without an envelope.
            param("Attributes.entry.1.key", "RawMessageDelivery"),
            param("Attributes.entry.1.value", "true"),
        ];
        self.ask("Subscribe", &subscription).await?;
        self.known(|known| *known = Some(arn.clone()));
        tracing::info!(topic = self.name, "the queue is subscribed to the topic");
        Ok(arn)
    }

    /// Looks again, next time, whether everything is there.
    pub fn forget(&self) {
        self.known(|known| *known = None);
    }

    async fn ask(&self, action: &str, params: &[Param]) -> Result<String, Trouble> {
        let asked = ask(&self.service, VERSION, action, params).await;
        if matches!(asked, Err(Trouble::Missing(_))) {
            self.forget();
        }
        asked
    }

    fn known<T>(&self, f: impl FnOnce(&mut Option<String>) -> T) -> T {
        f(&mut self.arn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn entry(position: usize, message: &Outgoing) -> Vec<Param> {
    let member = format!("PublishBatchRequestEntries.member.{}", position + 1);
    let mut params = vec![
        param(format!("{member}.Id"), position.to_string()),
        param(format!("{member}.Message"), &message.body),
    ];
    if let Some(trace) = &message.traceparent {
        let attribute = format!("{member}.MessageAttributes.entry.1");
        params.push(param(format!("{attribute}.Name"), TRACEPARENT));
        params.push(param(format!("{attribute}.Value.DataType"), "String"));
        params.push(param(format!("{attribute}.Value.StringValue"), trace));
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_from_one_and_known_by_their_position() {
        let traced = Outgoing { body: "b".into(), traceparent: Some("00-a".into()) };
        let params = entry(0, &traced);
        let value = |name: &str| {
            let found = params.iter().find(|(n, _)| n.ends_with(name));
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!((value("member.1.Id"), value("member.1.Message")), (Some("0"), Some("b")));
        assert_eq!(value("entry.1.Name"), Some("traceparent"));
        assert_eq!(value("entry.1.Value.StringValue"), Some("00-a"));
        assert_eq!(entry(1, &Outgoing { traceparent: None, ..traced }).len(), 2);
    }
}
