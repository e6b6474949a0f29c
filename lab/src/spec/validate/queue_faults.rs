//! Faults of queues, of their messages and of workers.

use super::Check;
use crate::spec::model::{Kind, QueueOutage};
use crate::spec::path::Path;

impl<'a> Check<'a> {
    /// The only `aws` tier that has a service.
    pub(super) fn only_with(&self, service: &str) -> Option<&'a str> {
        let mut found = self.known_tiers().filter(|(_, tier)| match &tier.kind {
            Kind::Aws(kind) => kind.services.used().iter().any(|(used, _)| *used == service),
            _ => false,
        });
        let (name, _) = found.next()?;
        found.next().is_none().then_some(name)
    }

    /// There is a queue service, and whoever is cut off from it calls it.
    pub(super) fn queue_outage(&mut self, path: &Path, fault: &'a QueueOutage) {
        let named = fault.tier.as_deref().or_else(|| self.only_with("sqs"));
        let Some((name, tier)) = self.target(path, "queue-outage", named, &["aws"]) else { return };
        let Kind::Aws(kind) = &tier.kind else { return };
        if kind.services.sqs.is_none() {
            let message = format!("`queue-outage` hits `sqs`, which tier `{name}` does not have");
            let problem = self.at_value(path, message).found(name);
            self.report(problem.allowed("a tier of kind aws whose `services` has `sqs`"));
        }
        let Some(from) = fault.from.as_deref() else { return };
        let path = path.key("from");
        let Some(caller) = self.tier_named(&path, from, &["service"]) else { return };
        let Kind::Service(service) = &caller.kind else { return };
        if service.messages() == Some(name) {
            return;
        }
        let message = format!("tier `{from}` does not call the queues of tier `{name}`");
        let problem = self.at_value(&path, message).found(from);
        self.report(problem.allowed("a service that publishes events, or a tier of workers"));
    }

    /// A tier of workers: the named one, or the one that sends mails, or the only one.
    pub(super) fn taken(&mut self, path: &Path, fault: &str, tier: Option<&'a str>) {
        let workers: Vec<&str> = self.worker_tiers();
        if let Some(named) = tier {
            let path = path.key("tier");
            if self.tier_named(&path, named, &["service"]).is_none() || workers.contains(&named) {
                return;
            }
            let message = format!("`{fault}` hits workers, and tier `{named}` is none");
            let problem = self.at_value(&path, message).found(named);
            self.report(problem.one_of(named, workers));
        } else if workers.is_empty() && self.all_known() {
            let message = format!("`{fault}` hits workers, and the stage has none");
            let problem = self.at_value(path, message).found(fault);
            self.report(problem.allowed("a service with `worker`"));
        }
    }
}
