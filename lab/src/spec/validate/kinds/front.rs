//! What a web tier without data of its own demands, and what the switches of the demo application do.

use crate::spec::model::{Kind, Mail, Service};
use crate::spec::path::Path;
use crate::spec::validate::{Check, UPSTREAM_KINDS};

impl Check<'_> {
    /// Whoever calls an application tier has no data, and does not call itself in the end.
    pub(super) fn upstream(&mut self, path: &Path, name: &str, kind: &Service) {
        let Some(upstream) = &kind.upstream else { return };
        if self.named(path, "upstream", Some(upstream), &UPSTREAM_KINDS).is_none() {
            return;
        }
        if kind.is_ours() {
            for (field, set) in [
                ("database", kind.database.is_some()),
                ("cache", kind.cache.is_some()),
                ("carts", kind.carts != crate::spec::model::Carts::Database),
                ("mail", kind.mail != Mail::None),
                ("events", kind.events.is_some()),
                ("worker", kind.worker.is_some()),
                ("capacity_per_s", kind.capacity_per_s.is_some()),
            ] {
                if set {
                    let message = format!(
                        "tier `{name}` has `upstream` and `{field}`: what has an upstream makes pages, \
                         and leaves all data to the tier behind `{upstream}`"
                    );
                    let problem = self.at_key(&path.key(field), message).found(field);
                    self.report(problem.allowed("`upstream`, or data of its own"));
                }
            }
        }
        if let Some(way) = self.way_back(name, upstream) {
            let message = format!("tier `{name}` calls itself: {}", way.join(" -> "));
            let problem = self.at_value(&path.key("upstream"), message).found(upstream);
            self.report(problem.allowed("a load balancer of another service"));
        }
    }

    /// The way from a tier to itself that begins with this upstream, if there is one.
    fn way_back(&self, name: &str, upstream: &str) -> Option<Vec<String>> {
        let mut way = vec![name.to_owned()];
        let mut at = upstream;
        // A way that is longer than there are tiers is a circle that another tier is told about.
        for _ in 0..=self.known_tiers().count() {
            way.push(at.to_owned());
            if at == name {
                return Some(way);
            }
            at = match &self.known_tiers().find(|(n, _)| *n == at)?.1.kind {
                Kind::LoadBalancer(kind) => &kind.targets,
                Kind::ApiGateway(kind) => &kind.upstream,
                Kind::Service(kind) => kind.upstream.as_deref()?,
                _ => return None,
            };
        }
        None
    }

    /// What a task can serve is said to the demo application, where it answers users.
    pub(super) fn capacity_per_s(&mut self, path: &Path, kind: &Service) {
        let whose = match kind {
            Service { capacity_per_s: None, .. } => return,
            Service { worker: Some(_), .. } => "a worker, which answers no users",
            kind if !kind.is_ours() => "an image that is not ours",
            _ => return,
        };
        let message = format!("`capacity_per_s` is of no use to {whose}");
        let problem = self.at_key(&path.key("capacity_per_s"), message).found("capacity_per_s");
        self.report(problem.allowed("`image: app` without `worker`, or no such field"));
    }

    /// Slots are of those who send mail inside requests.
    pub(super) fn slots(&mut self, path: &Path, kind: &Service) {
        if kind.mail == Mail::Inline {
            return;
        }
        for (field, set) in
            [("bulkhead", !kind.bulkhead), ("request_slots", kind.request_slots.is_some())]
        {
            if set {
                let message = format!("`{field}` is of no use without `mail: inline`");
                let problem = self.at_key(&path.key(field), message).found(field);
                self.report(problem.allowed("`mail: inline`, or no such field"));
            }
        }
    }
}
