//! Flash crowds: what they ask for can be asked for, and who signs in has somewhere to.

use super::Check;
use crate::spec::crowd::{REQUEST_PATH, is_request_path};
use crate::spec::model::{FlashCrowd, Flood, Kind, Tier};
use crate::spec::path::{Path, quote};

impl Check<'_> {
    /// A path, and the lab's own application behind it: greedy clients have sessions.
    pub(super) fn flood(&mut self, path: &Path, fault: &Flood) {
        self.asked(path, fault.path.as_deref());
        let unknown = self.draft.tiers.iter().flatten().any(|(_, tier)| tier.is_none());
        if !unknown && !self.known_tiers().any(|(_, tier)| has_sessions(tier)) {
            let message =
                "greedy clients have sessions, and no tier runs the lab's own application";
            let problem = self.at_value(path, message).found("flood");
            self.report(problem.allowed("a box, or a service with `image: app`"));
        }
    }

    /// What can be asked for.
    fn asked(&mut self, path: &Path, asked: Option<&str>) {
        if let Some(asked) = asked.filter(|asked| !is_request_path(asked)) {
            let message = format!("`{}` is not what one can ask a web server for", quote(asked));
            let problem = self.at_value(&path.key("path"), message).found(asked);
            self.report(problem.allowed(REQUEST_PATH));
        }
    }

    /// A path, and the lab's own application behind it for who signs in.
    pub(super) fn flash_crowd(&mut self, path: &Path, fault: &FlashCrowd) {
        self.asked(path, fault.path.as_deref());
        if self.draft.traffic.as_ref().is_some_and(|traffic| !traffic.is_plain()) {
            let message = "a flash crowd speaks HTTP/1.1 without TLS, and the entry does not";
            let problem = self.at_value(path, message).found("flash-crowd");
            self.report(problem.allowed("`spike` or `flood`"));
        }
        let unknown = self.draft.tiers.iter().flatten().any(|(_, tier)| tier.is_none());
        if fault.signed_in && !unknown && !self.known_tiers().any(|(_, tier)| has_sessions(tier)) {
            let message = "nobody can sign in: no tier runs the lab's own application";
            let problem = self.at_value(&path.key("signed_in"), message).found("true");
            self.report(problem.allowed("false; or a box, or a service with `image: app`"));
        }
    }
}

fn has_sessions(tier: &Tier) -> bool {
    match &tier.kind {
        Kind::Box(_) => true,
        Kind::Service(service) => service.image == "app",
        _ => false,
    }
}
