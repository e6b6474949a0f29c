//! Faults that are releases: there is such a release, and it is another one than runs.

use super::Check;
use crate::spec::model::{DeployRelease, Kind};
use crate::spec::path::Path;

impl<'a> Check<'a> {
    /// The release exists, and is not the first one: every experiment begins with that.
    pub(super) fn deploy_fault(&mut self, path: &Path, fault: &str, f: &'a DeployRelease) {
        let fitting = self.known_tiers().filter(|(_, tier)| match &tier.kind {
            Kind::Service(service) => !service.releases.is_empty(),
            _ => false,
        });
        let fitting: Vec<&str> = fitting.map(|(name, _)| name).collect();
        let (name, tier) = match (f.tier.as_deref(), fitting.as_slice()) {
            (None, [only]) => (*only, self.known_tiers().find(|(n, _)| n == only).map(|(_, t)| t)),
            (named, _) => match self.target(path, fault, named, &["service"]) {
                Some((name, tier)) => (name, Some(tier)),
                None => return,
            },
        };
        let Some(Kind::Service(service)) = tier.map(|t| &t.kind) else { return };
        let at = path.key("version");
        let others = service.releases.keys().filter(|r| Some(*r) != service.release.as_ref());
        let message = match service.releases.contains_key(&f.release) {
            false => format!("tier `{name}` has no release `{}`", f.release),
            true if service.release.as_ref() == Some(&f.release) => {
                format!("tier `{name}` runs release `{}` from the start", f.release)
            }
            true => return,
        };
        let problem = self.at_value(&at, message).found(&f.release);
        self.report(problem.one_of(&f.release, others.map(String::as_str)));
    }
}
