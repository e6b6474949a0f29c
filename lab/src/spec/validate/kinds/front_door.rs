//! What a front door demands.

use crate::spec::model::FrontDoor;
use crate::spec::path::{Path, quote};
use crate::spec::validate::Check;

/// What a blocked path may consist of besides letters and digits.
const IN_PATHS: &str = "/._~-";

impl Check<'_> {
    /// A status that says that the client is refused, methods and paths that there can be.
    pub(super) fn front_door(&mut self, path: &Path, door: &FrontDoor) {
        if ![403, 429].contains(&door.status) {
            let message = format!("`status` is {}, which refuses nobody", door.status);
            let problem = self.at_value(&path.key("status"), message).found("another status");
            self.report(problem.allowed("403 or 429"));
        }
        for (index, method) in door.methods.iter().enumerate() {
            if !method.chars().all(|c| c.is_ascii_uppercase()) {
                let message = format!("`{}` is not a method", quote(method));
                let path = path.key("methods").index(index);
                let problem = self.at_value(&path, message).found(method);
                self.report(problem.allowed("capital letters, such as GET"));
            }
        }
        for (index, blocked) in door.blocked_paths.iter().enumerate() {
            let stem = blocked.strip_suffix('*').unwrap_or(blocked);
            let plain = |c: char| c.is_ascii_alphanumeric() || IN_PATHS.contains(c);
            if !stem.starts_with('/') || !stem.chars().all(plain) {
                let message = format!("`{}` is not a path to block", quote(blocked));
                let path = path.key("blocked_paths").index(index);
                let problem = self.at_value(&path, message).found(blocked);
                let allowed = "`/`, then letters, digits and `/._~-`, and perhaps `*` at the end";
                self.report(problem.allowed(allowed));
            }
        }
    }
}
