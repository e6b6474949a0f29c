//! What managed services, and those who use them, demand.

use crate::spec::crowd::{REQUEST_PATH, is_request_path};
use crate::spec::model::{Aws, Carts, DatabaseProxy, Emulator, Kind, Scaling, Service, Tier};
use crate::spec::path::Path;
use crate::spec::validate::{Check, DATABASE_KINDS};

impl Check<'_> {
    /// A service calls tiers that exist, and that have what it needs of them.
    pub(super) fn service(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Service) {
        self.named(path, "database", kind.database.as_deref(), &DATABASE_KINDS);
        self.named(path, "cache", kind.cache.as_deref(), &["redis"]);
        self.named(path, "aws", kind.aws.as_deref(), &["aws"]);
        if kind.carts == Carts::Dynamodb {
            self.managed(&path.key("carts"), "carts: dynamodb", kind.aws.as_deref(), "dynamodb");
        }
        if kind.assets_bucket.is_some() {
            self.managed(&path.key("assets_bucket"), "assets_bucket", kind.aws.as_deref(), "s3");
        }
        self.upstream(path, name, kind);
        self.slots(path, kind);
        self.capacity_per_s(path, kind);
        self.health(path, &kind.health);
        self.rights(path, name, kind);
        self.releases(path, name, tier, kind);
        match (&kind.scaling, &kind.worker) {
            (None, _) => {}
            (Some(_), Some(_)) => {
                let message =
                    format!("tier `{name}` is a worker: no load balancer sends it its load");
                let problem = self.at_key(&path.key("scaling"), message).found("scaling");
                self.report(problem.allowed("`function` of the worker, with its own `max`"));
            }
            (Some(scaling), None) => self.scaling(&path.key("scaling"), name, tier, scaling),
        }
    }

    /// What is ours keeps no right at all.
    fn rights(&mut self, path: &Path, name: &str, kind: &Service) {
        let given = [
            ("user", kind.user.is_some()),
            ("cap_add", !kind.cap_add.is_empty()),
            ("cap_drop", !kind.cap_drop.is_empty()),
            ("command", !kind.command.is_empty()),
            ("entrypoint", !kind.entrypoint.is_empty()),
            ("files", !kind.files.is_empty()),
            ("volumes", !kind.volumes.is_empty()),
        ];
        for (field, _) in given.into_iter().filter(|(_, given)| *given && kind.is_ours()) {
            let message =
                format!("tier `{name}` runs the demo application, which has no rights to choose");
            let message = match field {
                "user" | "cap_add" | "cap_drop" => message,
                _ => format!("tier `{name}` runs the demo application, whose `{field}` is its own"),
            };
            let problem = self.at_key(&path.key(field), message).found(field);
            self.report(problem.allowed(format!("`{field}` beside an `image` of your own")));
        }
        if kind.build.is_some() && kind.image != "app" {
            let message = format!("tier `{name}` has two images");
            let problem = self.at_key(&path.key("build"), message).found("two images");
            self.report(problem.allowed("`image` or `build`"));
        }
        self.kept(path, name, &kind.files, &kind.volumes);
        if let Some(user) = &kind.user {
            self.user(path, user);
        }
    }

    /// A user is a name or a number, with a group or without.
    pub(super) fn user(&mut self, path: &Path, user: &str) {
        let is_name = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            !part.is_empty() && part.chars().all(fits) && !part.starts_with(['.', '-'])
        };
        let parts: Vec<&str> = user.split(':').collect();
        if parts.len() > 2 || !parts.into_iter().all(is_name) {
            let problem = self.at_value(&path.key("user"), "this is no user").found(user);
            self.report(
                problem.allowed("a name or a number, such as `app`, \"1000\" or \"1000:1000\""),
            );
        }
    }

    /// A load balancer asks for it.
    pub(super) fn health(&mut self, path: &Path, health: &str) {
        if is_request_path(health) {
            return;
        }
        let message = "the path of the health check cannot be asked for";
        let problem = self.at_value(&path.key("health"), message).found(health);
        self.report(problem.allowed(REQUEST_PATH));
    }

    /// A scaling group begins with its least, which is not more than its most.
    fn scaling(&mut self, path: &Path, name: &str, tier: &Tier, scaling: &Scaling) {
        let least: u32 = tier.zones.values().map(|count| u32::from(*count)).sum();
        let is_before = |tier: &Tier| match &tier.kind {
            Kind::LoadBalancer(kind) => kind.targets == name,
            _ => false,
        };
        if self.all_known() && !self.known_tiers().any(|(_, tier)| is_before(tier)) {
            let message = format!(
                "scaling group `{name}` has no load balancer: its load is what those before it send"
            );
            let problem = self.at_key(path, message).found("scaling");
            self.report(
                problem.allowed("a tier of kind load-balancer whose `targets` is this tier"),
            );
        }
        if u32::from(scaling.max) >= least {
            return;
        }
        let message = format!(
            "the minimum of scaling group `{name}` exceeds its maximum: `zones` asks for {least} \
             tasks, and `max` is {}",
            scaling.max
        );
        let problem = self.at_value(&path.key("max"), message).found(&scaling.max.to_string());
        self.report(problem.allowed(format!("at least {least}, or fewer tasks in `zones`")));
    }

    /// The field at `path` needs a managed service of the tier `aws`.
    pub(super) fn managed(&mut self, path: &Path, field: &str, aws: Option<&str>, service: &str) {
        let message = match aws {
            None => format!("`{field}` needs `{service}`, and no tier of kind aws is named"),
            Some(name) => {
                let tier = self.known_tiers().find(|(n, _)| *n == name);
                // A tier that is not there, or is something else, has its own message.
                let Some(Kind::Aws(kind)) = tier.map(|(_, tier)| &tier.kind) else { return };
                if kind.services.used().iter().any(|(used, _)| *used == service) {
                    return;
                }
                format!("`{field}` needs `{service}`, which tier `{name}` does not have")
            }
        };
        let problem = self.at_value(path, message).found(field);
        self.report(
            problem.allowed(format!("a tier of kind aws whose `services` has `{service}`")),
        );
    }

    /// Every service has an emulator that can stand for it, and there is at least one.
    pub(super) fn aws(&mut self, path: &Path, name: &str, kind: &Aws) {
        let services = path.key("services");
        let used = kind.services.used();
        if used.is_empty() {
            let message = format!("tier `{name}` has no service");
            let problem = self.at_key(&services, message).found("nothing");
            self.report(problem.allowed("at least one service, such as `s3: localstack`"));
        }
        for (service, emulator) in used.into_iter().filter(|(s, e)| !e.has(s)) {
            let emulator = emulator.as_str();
            let message =
                format!("`{emulator}` does not have `{service}`: it is not in its free package");
            let problem = self.at_value(&services.key(service), message).found(emulator);
            self.report(problem.allowed(Emulator::Ministack.as_str()));
        }
        self.region(path, name, kind.region.as_deref());
    }

    fn region(&mut self, path: &Path, name: &str, region: Option<&str>) {
        let Some(regions) = &self.draft.regions else { return };
        let names = || regions.iter().map(|r| r.name.as_str());
        let problem = match region {
            Some(region) if !names().any(|n| n == region) => {
                let message = format!("unknown region `{region}` in tier `{name}`");
                self.at_value(&path.key("region"), message).found(region)
            }
            None if regions.len() > 1 => {
                let message = format!("tier `{name}` is regional, and the stage has more regions");
                self.at_key(path, message).found("no `region`")
            }
            _ => return,
        };
        let found = region.unwrap_or_default().to_owned();
        self.report(problem.one_of(&found, names()));
    }

    /// What stands in pgbouncer's own file, where more than a name would mean something else.
    pub(super) fn parameters(&mut self, path: &Path, kind: &DatabaseProxy) {
        let is_name = |text: &str| {
            let (first, rest) = (text.chars().next(), text.chars());
            first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && text.len() < 64
                && rest.into_iter().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
        };
        for (i, name) in kind.ignored_parameters.iter().enumerate().filter(|(_, n)| !is_name(n)) {
            let at = path.key("ignored_parameters").index(i);
            let problem = self.at_value(&at, "this is no name of a setting of PostgreSQL");
            self.report(problem.found(name).allowed("names such as statement_timeout"));
        }
        let query = kind.init_query.as_deref().unwrap_or("SELECT 1");
        if query.is_empty() || query.len() > 1000 || query.contains(['\n', '\r', '\\']) {
            let problem = self.at_value(&path.key("init_query"), "these statements cannot be kept");
            let allowed = "one line of at most 1000 characters without `\\`";
            self.report(problem.found(query).allowed(allowed));
        }
    }

    /// A proxy follows a primary that somebody knows.
    pub(super) fn database_proxy(&mut self, path: &Path, name: &str, kind: &DatabaseProxy) {
        self.parameters(path, kind);
        let tier = self.named(path, "database", Some(&kind.database), &["postgres"]);
        let Some(Kind::Postgres(postgres)) = tier.map(|t| &t.kind) else { return };
        if postgres.coordination.is_some() {
            return;
        }
        let message = format!(
            "the proxy `{name}` follows the primary of `{}`, which has no `coordination`: nobody \
             says who the primary is",
            kind.database
        );
        let problem = self.at_value(&path.key("database"), message).found(&kind.database);
        self.report(problem.allowed("a postgres tier with `coordination`"));
    }
}
