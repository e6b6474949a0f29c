//! Events of orders, the queues and topics that carry them, and the workers that take them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, NAME_PATTERN, Name, Service, Stage};

/// Longest visibility time-out that the provider grants, in seconds (12 hours).
const LONGEST_VISIBILITY_S: u32 = 43_200;

/// Where a service puts the events of its orders: into a queue, or on a topic that the queue is
/// subscribed to. They are rows of the database first (an outbox), so an outage of the queue delays
/// them and loses none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The queue that they end in; one tier of workers takes it.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub queue: Name,
    /// The topic that they go through, which passes them on to every queue subscribed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub topic: Option<Name>,
}

/// What makes the tasks of a service workers: they take messages from a queue and answer no users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// The queue that is taken. A message that cannot be handled goes to the queue of the same name
    /// and `-dead`.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub queue: Name,
    /// What is done with a message.
    #[serde(default)]
    pub job: Job,
    /// The topic that the queue is subscribed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub topic: Option<Name>,
    /// The event bus of which a rule routes events to the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub bus: Option<Name>,
    /// The event bus that is told of every mail that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub announce: Option<Name>,
    /// Messages that one task has in hand at the same time.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = 1000))]
    pub concurrency: u16,
    /// How long a message that was given out is kept from other workers, in seconds. Not scaled.
    #[serde(default = "visibility")]
    #[schemars(range(min = 1, max = LONGEST_VISIBILITY_S))]
    pub visibility_s: u32,
    /// How often a message is given out before it is a dead letter.
    #[serde(default = "max_receives")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_receives: u16,
    /// When a message is acknowledged.
    #[serde(default)]
    pub acknowledge: Acknowledge,
    /// Whether a message that comes again has no second effect.
    #[serde(default = "yes")]
    pub dedupe: bool,
    /// The tasks are functions: none runs while nothing waits in the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
}

/// A tier of functions: the control plane starts tasks when messages wait, as many as these need at
/// `concurrency` for each, and ends them when there is nothing to do. `zones` says where, and not how
/// many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The most tasks that run at the same time (the provider's reserved concurrency).
    #[schemars(range(min = 1, max = 200))]
    pub max: u16,
    /// How long a task that is not needed is kept warm, in seconds, divided by the stage's
    /// `time_scale`. The provider keeps some for minutes and does not say how long.
    #[serde(default = "idle")]
    #[schemars(range(min = 1, max = 86_400))]
    pub idle_s: u32,
}

/// What a worker does with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Sends the mail of the order.
    #[default]
    Mail,
    /// Writes the event down.
    Record,
}

/// When a worker acknowledges a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledge {
    /// When its effect is safe: one whose worker dies comes again.
    #[default]
    After,
    /// Before its effect, which is lost when the worker dies.
    Before,
}

/// Who sends the mail of an order, where no worker does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mail {
    /// Nobody.
    #[default]
    None,
    /// The order's own request, whose user waits for it; needs `ses`.
    Inline,
}

/// A queue with what a stage says about it.
#[derive(Clone, Copy, Debug)]
pub struct QueueOf<'a> {
    /// The tier that takes it.
    pub tier: &'a str,
    /// How.
    pub worker: &'a Worker,
    /// The `aws` tier that has it.
    pub aws: &'a str,
}

impl Service {
    /// How the tasks are started and ended, where they are functions.
    pub fn function(&self) -> Option<&Function> {
        self.worker.as_ref()?.function.as_ref()
    }

    /// The `aws` tier with queues, topics and the event bus.
    pub fn messages(&self) -> Option<&str> {
        self.messaging.as_deref().or(self.aws.as_deref())
    }
}

impl Stage {
    /// The queues that workers take.
    pub fn queues(&self) -> Vec<QueueOf<'_>> {
        self.services()
            .filter_map(|(tier, service)| {
                let worker = service.worker.as_deref()?;
                Some(QueueOf { tier, worker, aws: service.messages()? })
            })
            .collect()
    }

    /// The queue from which mails of orders are sent, if one is.
    pub fn mail_queue(&self) -> Option<QueueOf<'_>> {
        self.queues().into_iter().find(|q| q.worker.job == Job::Mail)
    }

    /// The queue of the tier that is named; without a name the one from which mails are sent, or the
    /// only one.
    pub fn queue_of(&self, tier: Option<&str>) -> Option<QueueOf<'_>> {
        let queues = self.queues();
        match (tier, queues.as_slice()) {
            (Some(tier), _) => queues.into_iter().find(|q| q.tier == tier),
            (None, [only]) => Some(*only),
            (None, _) => self.mail_queue(),
        }
    }

    /// Whether an order is followed by a mail, which the demo application can be asked for.
    pub fn mails(&self) -> bool {
        let app = |service: &Service| service.is_ours();
        let inline = self.services().any(|(_, s)| app(s) && s.mail == Mail::Inline);
        let told = self.services().any(|(_, s)| app(s) && s.events.is_some());
        let taken = |q: &QueueOf<'_>| {
            let tier = self.services().find(|(name, _)| *name == q.tier);
            tier.is_some_and(|(_, service)| app(service))
        };
        inline || told && self.mail_queue().as_ref().is_some_and(taken)
    }

    /// Whether workers of the demo application take the mails of orders from a queue, and know one that
    /// comes again.
    pub fn counts_repeats(&self) -> bool {
        self.mails() && self.workers(Job::Mail).any(|(_, worker)| worker.dedupe)
    }

    /// Whether some worker of the demo application writes down every order: it takes a queue of its own
    /// that is subscribed to the topic of orders.
    pub fn records_orders(&self) -> bool {
        let mut publishers = self.services().filter(|(_, s)| s.is_ours() && s.events.is_some());
        publishers.any(|(_, publisher)| {
            let topic = publisher.events.as_ref().and_then(|events| events.topic.as_ref());
            topic.is_some() && self.records_for(publisher, |worker| worker.topic.as_ref() == topic)
        })
    }

    /// Whether some worker of the demo application writes down every mail: its queue has what a bus hears
    /// from the workers that send them.
    pub fn records_mails(&self) -> bool {
        let mailers: Vec<_> = self.workers(Job::Mail).collect();
        let told = |(service, worker): &(&Service, &Worker)| {
            let bus = worker.announce.as_ref();
            bus.is_some() && self.records_for(service, |worker| worker.bus.as_ref() == bus)
        };
        !mailers.is_empty() && mailers.iter().all(told)
    }

    /// Whether a worker that writes down what it hears does so where the service's own data is, and gets
    /// it from where the service sends it.
    fn records_for(&self, service: &Service, hears: impl Fn(&Worker) -> bool) -> bool {
        self.workers(Job::Record).any(|(recorder, worker)| {
            hears(worker)
                && recorder.database == service.database
                && recorder.messages() == service.messages()
        })
    }

    /// The demo application's workers with this job.
    fn workers(&self, job: Job) -> impl Iterator<Item = (&Service, &Worker)> {
        let app = self.services().filter(|(_, service)| service.is_ours());
        let all = app.filter_map(|(_, service)| Some((service, service.worker.as_deref()?)));
        all.filter(move |(_, worker)| worker.job == job)
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Service)> {
        self.tiers.iter().filter_map(|(name, tier)| match &tier.kind {
            Kind::Service(service) => Some((name.as_str(), service)),
            _ => None,
        })
    }
}

fn idle() -> u32 {
    300
}

fn concurrency() -> u16 {
    10
}

/// The provider's default.
fn visibility() -> u32 {
    30
}

fn max_receives() -> u16 {
    5
}

fn yes() -> bool {
    true
}
