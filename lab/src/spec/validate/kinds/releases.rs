//! Releases: those that are named exist, and there is room for the way they are deployed.

use crate::spec::model::{Kind, Service, Strategy, Tier};
use crate::spec::path::Path;
use crate::spec::validate::Check;

impl Check<'_> {
    /// A tier with releases says which one runs first, and has what deploying needs.
    pub(super) fn releases(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Service) {
        let names = || kind.releases.keys().map(String::as_str);
        match &kind.release {
            None if kind.releases.is_empty() => {
                if kind.deploy.is_some() {
                    let message = format!("tier `{name}` has nothing to deploy: no `releases`");
                    let problem = self.at_key(&path.key("deploy"), message).found("deploy");
                    self.report(problem.allowed("`deploy` beside `releases`"));
                }
                return;
            }
            None => {
                let message = format!("tier `{name}` does not say which release runs first");
                let problem = self.at_key(&path.key("releases"), message).found("no `release`");
                self.report(problem.allowed(names().collect::<Vec<_>>().join(", ")));
            }
            Some(release) if !kind.releases.contains_key(release) => {
                let message = format!("tier `{name}` has no release `{release}`");
                let problem = self.at_value(&path.key("release"), message).found(release);
                self.report(problem.one_of(release, names()));
            }
            Some(_) => {}
        }
        self.own_parts(path, name, kind);
        self.steps(path, kind);
        if kind.deploying().strategy == Strategy::BlueGreen {
            self.room(path, name, tier, kind);
        }
    }

    /// Releases of the demo application differ in habits, others in images.
    fn own_parts(&mut self, path: &Path, name: &str, kind: &Service) {
        let app = kind.is_ours();
        for (release, parts) in &kind.releases {
            let wrong = match app {
                true => parts.image.as_ref().map(|_| "image"),
                false => parts.defect.map(|_| "defect").or(parts.habits.as_ref().map(|_| "habits")),
            };
            let Some(field) = wrong else { continue };
            let at = path.key("releases").key(release).key(field);
            let message = format!(
                "release `{release}` of tier `{name}` has `{field}`, and its image is `{}`",
                kind.image
            );
            let allowed = if app { "env, habits, defect" } else { "env, image" };
            let problem = self.at_key(&at, message).found(field);
            self.report(problem.allowed(allowed));
        }
    }

    /// Shares grow, and the last one is everything.
    fn steps(&mut self, path: &Path, kind: &Service) {
        let settings = kind.deploying();
        let percents: Vec<u8> = settings.steps.iter().map(|s| s.percent).collect();
        let grow = percents.windows(2).all(|pair| pair[0] < pair[1]);
        if grow && percents.last() == Some(&100) {
            return;
        }
        let found = percents.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let message = "the shares of a new release must grow, and end with 100";
        let problem = self.at_key(&path.key("deploy").key("steps"), message).found(&found);
        self.report(problem.allowed("percentages such as 10, 50, 100"));
    }

    /// Blue/green needs as many tasks at rest as run, and a load balancer that shifts.
    fn room(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Service) {
        let is_before = |tier: &Tier| match &tier.kind {
            Kind::LoadBalancer(kind) => kind.targets == name,
            _ => false,
        };
        if kind.worker.is_some() || !self.all_known() {
            return;
        }
        let least: u32 = tier.zones.values().map(|count| u32::from(*count)).sum();
        let most = kind.scaling.as_ref().map_or(0, |s| u32::from(s.max));
        if kind.scaling.is_some() && most < least {
            // The group itself has its own message.
            return;
        }
        let missing = if !self.known_tiers().any(|(_, tier)| is_before(tier)) {
            "a tier of kind load-balancer whose `targets` is this tier".to_owned()
        } else if most < 2 * least {
            format!("`scaling` with a `max` of at least {}, twice the tasks in `zones`", 2 * least)
        } else {
            return;
        };
        let message = format!(
            "tier `{name}` cannot be deployed blue/green: new tasks start beside the old ones"
        );
        let problem = self.at_key(&path.key("releases"), message).found("releases");
        self.report(problem.allowed(format!("{missing}; or `deploy: {{strategy: all-at-once}}`")));
    }
}
