//! What queues, topics and workers demand: every queue is filled and taken, and every service is
//! where it is looked for.

use crate::spec::model::{Aws, Events, Job, Kind, Mail, Service, Worker};
use crate::spec::path::Path;
use crate::spec::validate::Check;

impl<'a> Check<'a> {
    /// The events, the worker and the mail of a service.
    pub(super) fn messaging(&mut self, path: &Path, name: &str, kind: &'a Service) {
        self.named(path, "messaging", kind.messaging.as_deref(), &["aws"]);
        if kind.mail == Mail::Inline {
            self.managed(&path.key("mail"), "mail: inline", kind.aws.as_deref(), "ses");
        }
        if let Some(events) = &kind.events {
            self.events(&path.key("events"), name, kind, events);
        }
        if let Some(worker) = &kind.worker {
            self.worker(&path.key("worker"), name, kind, worker);
        }
    }

    fn events(&mut self, path: &Path, name: &str, kind: &'a Service, events: &'a Events) {
        let aws = kind.messages();
        self.managed(path, "events", aws, "sqs");
        if events.topic.is_some() {
            self.together(&path.key("topic"), "topic", aws, "sns");
        }
        let queue = &events.queue;
        if self.all_known() && !self.workers().any(|(_, worker)| worker.queue == *queue) {
            let message =
                format!("queue `{queue}` of tier `{name}` has no consumer: no worker takes it");
            let queues: Vec<&str> = self.workers().map(|(_, w)| w.queue.as_str()).collect();
            let problem = self.at_value(&path.key("queue"), message).found(queue);
            self.report(if queues.is_empty() {
                problem.allowed(format!("a service with `worker: {{queue: {queue}}}`"))
            } else {
                problem.one_of(queue, queues)
            });
        }
    }

    fn worker(&mut self, path: &Path, name: &str, kind: &'a Service, worker: &'a Worker) {
        let aws = kind.messages();
        self.managed(&path.key("queue"), "worker", aws, "sqs");
        if worker.topic.is_some() {
            self.together(&path.key("topic"), "topic", aws, "sns");
        }
        for (field, bus) in [("bus", &worker.bus), ("announce", &worker.announce)] {
            if bus.is_some() {
                self.together(&path.key(field), field, aws, "eventbridge");
            }
        }
        if worker.job == Job::Mail && kind.is_ours() {
            self.managed(path, "worker", kind.aws.as_deref(), "ses");
        }
        if kind.events.is_some() {
            let message = format!("tier `{name}` is a worker, which has no orders to tell of");
            let problem = self.at_key(path, message).found("worker");
            self.report(problem.allowed("either `worker` or `events`"));
        }
        if worker.function.is_some() {
            self.function(path, name, kind);
        }
        if self.all_known() {
            self.source(path, name, worker);
            self.only_taker(path, name, worker);
        }
    }

    /// No task of a function always runs, so there is none whose release could be replaced.
    fn function(&mut self, path: &Path, name: &str, kind: &'a Service) {
        if kind.releases.is_empty() {
            return;
        }
        let message = format!("tier `{name}` is a function, and has no tasks to deploy to");
        let problem = self.at_key(&path.key("function"), message).found("function");
        self.report(problem.allowed("either `function` or `releases`"));
    }

    /// Something is put into the queue.
    fn source(&mut self, path: &Path, name: &str, worker: &'a Worker) {
        let queue = &worker.queue;
        let told: Vec<&Events> = self.publishers().collect();
        let heard: Vec<&str> = self.workers().filter_map(|(_, w)| w.announce.as_deref()).collect();
        let direct = told.iter().any(|e| e.queue == *queue);
        let topics: Vec<&str> = told.iter().filter_map(|e| e.topic.as_deref()).collect();
        for (field, given, known) in
            [("topic", &worker.topic, &topics), ("bus", &worker.bus, &heard)]
        {
            let Some(given) = given.as_deref().filter(|given| !known.contains(given)) else {
                continue;
            };
            let message = format!("nobody puts anything on the {field} `{given}` of tier `{name}`");
            let problem = self.at_value(&path.key(field), message).found(given);
            return self.report(problem.one_of(given, known.iter().copied()));
        }
        if direct || worker.topic.is_some() || worker.bus.is_some() {
            return;
        }
        let message =
            format!("nobody puts anything into queue `{queue}`, which tier `{name}` takes");
        let queues: Vec<&str> = told.iter().map(|e| e.queue.as_str()).collect();
        let problem = self.at_value(&path.key("queue"), message).found(queue);
        self.report(if queues.is_empty() {
            problem.allowed(format!("a service with `events: {{queue: {queue}}}`"))
        } else {
            problem.one_of(queue, queues)
        });
    }

    /// A queue has one tier of workers: of two, each would miss what the other takes.
    fn only_taker(&mut self, path: &Path, name: &str, worker: &'a Worker) {
        let first = self.workers().find(|(_, w)| w.queue == worker.queue);
        let Some((first, _)) = first.filter(|(first, _)| *first != name) else { return };
        let queue = &worker.queue;
        let message =
            format!("tiers `{first}` and `{name}` both take queue `{queue}`: each misses a part");
        let problem = self.at_value(&path.key("queue"), message).found(queue);
        self.report(problem.allowed("one tier for each queue; a topic fills several queues"));
    }

    /// A service that works together with queues: in the same emulator, for one cannot reach into
    /// another.
    fn together(&mut self, path: &Path, field: &str, aws: Option<&str>, service: &str) {
        self.managed(path, field, aws, service);
        let tier = self.known_tiers().find(|(n, _)| Some(*n) == aws);
        let Some(Kind::Aws(Aws { services, .. })) = tier.map(|(_, tier)| &tier.kind) else {
            return;
        };
        let used = services.used();
        let emulator = |wanted: &str| used.iter().find(|(s, _)| *s == wanted).map(|(_, e)| *e);
        let (Some(own), Some(sqs)) = (emulator(service), emulator("sqs")) else { return };
        if own == sqs {
            return;
        }
        let message = format!(
            "`{service}` is in `{}` and `sqs` in `{}`: it could not reach the queues",
            own.as_str(),
            sqs.as_str()
        );
        let problem = self.at_value(path, message).found(service);
        self.report(problem.allowed("one emulator for both"));
    }

    /// Whether every tier is well-formed: what is missing may else be in one that is not.
    pub(in crate::spec::validate) fn all_known(&self) -> bool {
        self.draft.tiers.as_ref().is_some_and(|tiers| tiers.values().all(Option::is_some))
    }

    /// The tiers of workers.
    pub(in crate::spec::validate) fn worker_tiers(&self) -> Vec<&'a str> {
        self.workers().map(|(name, _)| name).collect()
    }

    fn workers(&self) -> impl Iterator<Item = (&'a str, &'a Worker)> + use<'a> {
        self.known_tiers().filter_map(|(name, tier)| match &tier.kind {
            Kind::Service(service) => Some((name, service.worker.as_deref()?)),
            _ => None,
        })
    }

    fn publishers(&self) -> impl Iterator<Item = &'a Events> + use<'a> {
        self.known_tiers().filter_map(|(_, tier)| match &tier.kind {
            Kind::Service(service) => service.events.as_deref(),
            _ => None,
        })
    }

    /// Users, and load balancers, are answered by tasks that are no workers.
    pub(in crate::spec::validate) fn answers(&mut self, path: &Path, name: &str) {
        self.has_port(path, name);
        if !self.workers().any(|(tier, _)| tier == name) {
            return;
        }
        let message = format!("tier `{name}` is a worker, and answers no users");
        let problem = self.at_value(path, message).found(name);
        self.report(problem.allowed("a tier without `worker`"));
    }
}
