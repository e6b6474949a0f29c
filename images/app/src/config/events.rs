//! Events of orders, and the queue and the topic that they go through.

use std::time::Duration;

use super::aws::{Keys, endpoint};
use super::env::{ConfigError, Env};
use super::role::Role;

/// How events are passed on.
#[derive(Clone, Debug)]
pub struct Events {
    /// Whether an order writes an event, and events are passed on from here.
    pub published: bool,
    /// The queue that they end in.
    pub queue: Queue,
    /// The topic that they go through, if they do not go to the queue directly.
    pub topic: Option<Topic>,
    /// The bus of which a rule routes events to the queue, if there is one.
    pub bus: Option<Bus>,
}

/// A queue with its dead-letter queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Where the service answers.
    pub endpoint: String,
    /// Who asks.
    pub keys: Keys,
    /// Its name.
    pub name: String,
    /// Name of the queue that messages go to which nobody can handle.
    pub dead_letters: String,
    /// How often a message is given out before it goes there.
    pub max_receives: u64,
    /// How long a message that was given out is kept from others.
    pub visibility: Duration,
    /// How long a question for messages waits for one.
    pub wait: Duration,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Where the service answers.
    pub endpoint: String,
    /// Who asks.
    pub keys: Keys,
    /// Its name.
    pub name: String,
}

/// An event bus.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Where the service answers.
    pub endpoint: String,
    /// Who asks.
    pub keys: Keys,
    /// Its name.
    pub name: String,
}

impl Bus {
    /// The bus that a setting names, if it does.
    ///
    /// # Errors
    /// Nothing says where the service is, or who asks.
    pub fn from_env(env: &Env<'_>, setting: &'static str) -> Result<Option<Self>, ConfigError> {
        let Some(name) = env.optional(setting) else { return Ok(None) };
        let endpoint = endpoint(env, "AWS_ENDPOINT_URL_EVENTBRIDGE")?;
        Ok(Some(Self { endpoint, keys: Keys::from_env(env)?, name }))
    }
}

impl Events {
    /// The settings, if orders have events or this task handles them.
    ///
    /// # Errors
    /// A setting that cannot be used, or one that is needed and is missing.
    pub fn from_env(env: &Env<'_>, role: Role) -> Result<Option<Self>, ConfigError> {
        let published = env.switch("ORDER_EVENTS", false)? && role == Role::Web;
        let name = env.text("EVENTS_QUEUE", Some("order-events"))?;
        let dead = format!("{name}-dead");
        let dead_letters = env.text("EVENTS_DEAD_LETTERS", Some(&dead))?;
        let max_receives =
            env.number("QUEUE_MAX_RECEIVES", 5, 1, 1000, "a number from 1 to 1000")?;
        let seconds = "a number of seconds from 1 to 43200";
        let visibility = env.number("QUEUE_VISIBILITY_S", 30, 1, 43_200, seconds)?;
        let wait = env.number("QUEUE_WAIT_S", 20, 0, 20, "a number of seconds from 0 to 20")?;
        let topic = env.optional("EVENTS_TOPIC");
        if !published && role == Role::Web {
            return Ok(None);
        }
        let topic = match topic {
            None => None,
            Some(name) => Some(Topic {
                endpoint: endpoint(env, "AWS_ENDPOINT_URL_SNS")?,
                keys: Keys::from_env(env)?,
                name,
            }),
        };
        let queue = Queue {
            endpoint: endpoint(env, "AWS_ENDPOINT_URL_SQS")?,
            keys: Keys::from_env(env)?,
            name,
            dead_letters,
            max_receives,
            visibility: Duration::from_secs(visibility),
            wait: Duration::from_secs(wait),
        };
        let bus = Bus::from_env(env, "EVENTS_BUS")?;
        Ok(Some(Self { published, queue, topic, bus }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(role: Role, set: &[(&str, &str)]) -> Result<Option<Events>, ConfigError> {
        let lookup =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Events::from_env(&Env::new(&lookup), role)
    }

    const REACHED: [(&str, &str); 3] = [
        ("AWS_ENDPOINT_URL", "http://10.0.9.1:4566"),
        ("AWS_ACCESS_KEY_ID", "lab"),
        ("AWS_SECRET_ACCESS_KEY", "lab"),
    ];

    #[test]
    fn without_events_nothing_is_needed() {
        assert!(events(Role::Web, &[]).unwrap().is_none());
        assert!(events(Role::Web, &[("EVENTS_TOPIC", "orders")]).unwrap().is_none());
        let missing = events(Role::Web, &[("ORDER_EVENTS", "on")]).expect_err("no endpoint");
        assert_eq!(missing.name, "AWS_ENDPOINT_URL");
        assert!(events(Role::Worker, &[]).is_err());
    }

    #[test]
    fn a_worker_takes_events_and_a_web_task_publishes_them() {
        let on = [("ORDER_EVENTS", "on")];
        let web = events(Role::Web, &[&on[..], &REACHED].concat()).unwrap().unwrap();
        assert!(web.published && web.topic.is_none());
        let Queue { name, dead_letters, max_receives, visibility, wait, .. } = web.queue;
        assert_eq!((&*name, &*dead_letters), ("order-events", "order-events-dead"));
        assert_eq!((max_receives, visibility.as_secs(), wait.as_secs()), (5, 30, 20));
        let worker = events(Role::Worker, &[&on[..], &REACHED].concat()).unwrap().unwrap();
        assert!(!worker.published);
    }

    #[test]
    fn queue_and_topic_may_answer_in_different_places() {
        let own = [
            ("ORDER_EVENTS", "on"),
            ("EVENTS_TOPIC", "orders"),
            ("AWS_ENDPOINT_URL_SNS", "http://10.0.9.2:4566"),
        ];
        let set = events(Role::Web, &[&own[..], &REACHED].concat()).unwrap().unwrap();
        let topic = set.topic.unwrap();
        assert_eq!((&*topic.name, &*topic.endpoint), ("orders", "http://10.0.9.2:4566"));
        assert_eq!(set.queue.endpoint, "http://10.0.9.1:4566");
    }

    #[test]
    fn bad_values_are_refused_even_when_nothing_uses_them() {
        for (name, value) in [
            ("ORDER_EVENTS", "yes"),
            ("EVENTS_QUEUE", ""),
            ("QUEUE_MAX_RECEIVES", "0"),
            ("QUEUE_VISIBILITY_S", "30s"),
            ("QUEUE_WAIT_S", "21"),
        ] {
            assert_eq!(events(Role::Web, &[(name, value)]).expect_err(name).name, name);
        }
    }
}
