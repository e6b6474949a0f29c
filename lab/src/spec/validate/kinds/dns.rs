//! What a name server demands.

use crate::spec::model::{Dns, DnsPolicy};
use crate::spec::path::{Path, quote};
use crate::spec::validate::{Check, ENTRY_KINDS, Point};

/// Longest name that a question can carry.
const LONGEST_NAME: usize = 253;

impl Check<'_> {
    /// Something that the name can stand for, a name with a zone, zones that there are.
    pub(super) fn dns(&mut self, path: &Path, kind: &Dns) {
        self.named(path, "targets", Some(&kind.targets), &ENTRY_KINDS);
        if !is_name(&kind.name) {
            let message = format!("`{}` is not a name in a zone", quote(&kind.name));
            let problem = self.at_value(&path.key("name"), message).found(&kind.name);
            self.report(
                problem.allowed("labels of a-z, 0-9 and `-` with dots between, such as shop.lab"),
            );
        }
        let check = &path.key("health_check").key("interval_s");
        if ![10, 30].contains(&kind.health_check.interval_s) {
            let message = format!("`interval_s` is {}", kind.health_check.interval_s);
            let problem = self.at_value(check, message).found("another interval");
            self.report(problem.allowed("10 or 30"));
        }
        match (&kind.primary, kind.policy) {
            (Some(zone), _) => {
                self.zone_named(&path.key("primary"), zone, Point::Value);
            }
            (None, DnsPolicy::Failover) => {
                let message = "the policy `failover` needs a `primary`";
                let problem = self.at_value(&path.key("policy"), message).found("no `primary`");
                self.report(problem.allowed("`primary`: the zone that is answered first"));
            }
            (None, _) => {}
        }
        for zone in kind.weights.keys() {
            self.zone_named(&path.key("weights").key(zone), zone, Point::Key);
        }
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(plain)
    };
    name.len() <= LONGEST_NAME && name.contains('.') && name.split('.').all(label)
}
