//! What an edge cache demands.

use crate::spec::model::{Cdn, OriginName};
use crate::spec::path::{Path, quote};
use crate::spec::validate::{Check, PAGE_KINDS};

/// What `path` of a rule may consist of besides letters and digits.
const IN_PATHS: &str = "/._~-";
/// What the name of a header may consist of besides letters and digits.
const IN_HEADERS: &str = "-";

impl Check<'_> {
    /// Origins that exist, rules whose origin is there, each path once.
    pub(super) fn cdn(&mut self, path: &Path, name: &str, kind: &Cdn) {
        let origins = path.key("origins");
        self.named(&origins, "pages", Some(&kind.origins.pages), &PAGE_KINDS);
        self.named(&origins, "assets", kind.origins.assets.as_deref(), &["aws"]);
        if let Some(assets) = &kind.origins.assets {
            self.managed(&origins.key("assets"), "assets", Some(assets), "s3");
            if kind.bucket.is_none() {
                let message = format!("tier `{name}` has an origin `assets` and no `bucket`");
                let problem = self.at_key(&origins.key("assets"), message).found("no `bucket`");
                self.report(problem.allowed("`bucket`: where the objects are"));
            }
        }
        let mut seen: Vec<&str> = Vec::new();
        for (index, rule) in kind.rules.iter().enumerate() {
            let path = path.key("rules").index(index);
            self.rule_path(&path, &rule.path, &seen);
            seen.push(&rule.path);
            if rule.origin == OriginName::Assets && kind.origins.assets.is_none() {
                let message = format!("tier `{name}` has no origin `assets`");
                let problem = self.at_value(&path.key("origin"), message).found("assets");
                self.report(problem.allowed("pages, or `assets` among the `origins`"));
            }
        }
        if let Some(door) = &kind.front_door {
            self.front_door(&path.key("front_door"), door);
        }
        self.personal_headers(path, &kind.personal_headers);
    }

    fn rule_path(&mut self, path: &Path, rule: &str, seen: &[&str]) {
        let path = path.key("path");
        let stem = rule.strip_suffix('*').unwrap_or(rule);
        let (message, allowed) = if !stem.starts_with('/') || !is_made_of(stem, IN_PATHS) {
            let message = format!("`{}` is not a path of a rule", quote(rule));
            (message, "`/`, then letters, digits and `/._~-`, and perhaps `*` at the end")
        } else if seen.contains(&rule) {
            (format!("there is a rule for `{rule}` already"), "each path once")
        } else {
            return;
        };
        let problem = self.at_value(&path, message).found(rule);
        self.report(problem.allowed(allowed));
    }

    fn personal_headers(&mut self, path: &Path, headers: &[String]) {
        for (index, header) in
            headers.iter().enumerate().filter(|(_, h)| !is_made_of(h, IN_HEADERS))
        {
            let message = format!("`{}` is not the name of a header", quote(header));
            let path = path.key("personal_headers").index(index);
            let problem = self.at_value(&path, message).found(header);
            self.report(problem.allowed("letters, digits and `-`, such as Authorization"));
        }
    }
}

fn is_made_of(text: &str, more: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}
