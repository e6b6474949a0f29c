//! What anybody's containers demand.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use regex::Regex;

use crate::spec::model::{Container, RoleQuestion, Tier};
use crate::spec::path::Path;
use crate::spec::validate::Check;

impl Check<'_> {
    /// What only Docker would notice is found here, with a line.
    pub(super) fn container(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Container) {
        self.job(path, name, tier, kind);
        let wrong = match (kind.image.is_empty(), &kind.build) {
            (true, None) => Some(("no image", "`image`, or `build` with a folder")),
            (false, Some(_)) => Some(("two images", "`image` or `build`")),
            _ => None,
        };
        if let Some((what, allowed)) = wrong {
            let message = format!("tier `{name}` has {what}");
            let problem = self.at_key(&path.key("build"), message).found(what);
            self.report(problem.allowed(allowed));
        }
        if let Some(health) = &kind.health {
            self.health(path, health);
            if kind.ports.is_empty() && !kind.job {
                let message = format!("tier `{name}` has no `ports` on which this could be asked");
                let problem = self.at_key(&path.key("health"), message).found(health);
                self.report(problem.allowed("`ports`, or `health_command`"));
            }
            if !kind.health_command.is_empty() {
                let message = format!("tier `{name}` has two health checks");
                let problem = self.at_key(&path.key("health_command"), message);
                self.report(
                    problem.found("health_command").allowed("`health` or `health_command`"),
                );
            }
        }
        if tier.publish.is_some() && kind.ports.is_empty() {
            self.has_port(&path.key("publish"), name);
        }
        if let Some(user) = &kind.user {
            self.user(path, user);
        }
        self.kept(path, name, &kind.files, &kind.volumes);
        if let Some(roles) = &kind.roles {
            self.role_question(&path.key("roles"), roles);
        }
    }

    /// Files have places, and folders are kept once.
    pub(super) fn kept(
        &mut self,
        path: &Path,
        name: &str,
        files: &IndexMap<String, String>,
        volumes: &[String],
    ) {
        for file in files.keys().filter(|file| !is_place(file)) {
            let place = path.key("files").key(file);
            let problem = self.at_key(&place, "this is no place for a file").found(file);
            self.report(problem.allowed("an absolute path without `..`, such as /etc/app.conf"));
        }
        let mut seen = BTreeSet::new();
        for (index, volume) in volumes.iter().enumerate() {
            let place = path.key("volumes").index(index);
            let (shared, folder) = volume.split_once(':').unwrap_or(("a", volume));
            if !is_place(folder) || folder.contains(':') || !is_name(shared) {
                let problem = self.at_value(&place, "this is no folder to keep").found(volume);
                self.report(problem.allowed(
                    "an absolute path without `..`, or `name:` before it for one that nodes share",
                ));
            } else if !seen.insert(folder.trim_end_matches('/')) {
                let message = format!("tier `{name}` keeps this folder twice");
                let problem = self.at_value(&place, message).found(volume);
                self.report(problem.allowed("each folder once"));
            }
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

/// What a shared folder may be called: what a tier may.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && name.len() <= 40
}
