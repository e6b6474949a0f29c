//! What anybody's containers demand.

use std::collections::BTreeSet;

use regex::Regex;

use crate::spec::model::{Container, RoleQuestion};
use crate::spec::path::Path;
use crate::spec::validate::Check;

impl Check<'_> {
    /// What only Docker would notice is found here, with a line.
    pub(super) fn container(&mut self, path: &Path, name: &str, kind: &Container) {
        if let Some(health) = &kind.health {
            self.health(path, health);
        }
        if let Some(user) = &kind.user {
            self.user(path, user);
        }
        for file in kind.files.keys().filter(|file| !is_place(file)) {
            let place = path.key("files").key(file);
            let problem = self.at_key(&place, "this is no place for a file").found(file);
            self.report(problem.allowed("an absolute path without `..`, such as /etc/app.conf"));
        }
        let mut seen = BTreeSet::new();
        for (index, volume) in kind.volumes.iter().enumerate() {
            let place = path.key("volumes").index(index);
            if !is_place(volume) || volume.contains(':') {
                let problem = self.at_value(&place, "this is no folder to keep").found(volume);
                self.report(problem.allowed("an absolute path without `..` and `:`"));
            } else if !seen.insert(volume.trim_end_matches('/')) {
                let message = format!("tier `{name}` keeps this folder twice");
                let problem = self.at_value(&place, message).found(volume);
                self.report(problem.allowed("each folder once"));
            }
        }
        if let Some(roles) = &kind.roles {
            self.role_question(&path.key("roles"), roles);
        }
    }

    fn role_question(&mut self, path: &Path, roles: &RoleQuestion) {
        let given = [("primary", Some(&roles.primary)), ("replica", roles.replica.as_ref())];
        for (field, text) in given.into_iter().filter_map(|(f, t)| Some((f, t?))) {
            let Err(e) = Regex::new(text) else { continue };
            let why = e.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("this is no regular expression: {why}");
            let problem = self.at_value(&path.key(field), message).found(text);
            self.report(problem.allowed("a regular expression such as `^primary$`"));
        }
    }
}

/// Whether something can be put there.
fn is_place(path: &str) -> bool {
    path.len() > 1 && path.starts_with('/') && !path.split('/').any(|part| part == "..")
}
