//! What an API gateway demands.

use std::collections::HashMap;

use crate::spec::model::{ApiGateway, Bucket};
use crate::spec::path::{Path, quote};
use crate::spec::validate::Check;

/// Longest API key.
const LONGEST_KEY: usize = 128;

impl Check<'_> {
    /// An upstream that exists, plans whose keys can be sent, and each key in one plan.
    pub(super) fn api_gateway(&mut self, path: &Path, name: &str, kind: &ApiGateway) {
        self.named(path, "upstream", Some(&kind.upstream), &["load-balancer"]);
        if let Some(client) = kind.client {
            self.within_total(&path.key("client"), name, client, kind.total);
        }
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for (plan, usage) in &kind.plans {
            let path = path.key("plans").key(plan);
            self.within_total(&path, name, usage.bucket(), kind.total);
            for (index, key) in usage.keys.iter().enumerate() {
                let path = path.key("keys").index(index);
                let sendable = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                let (message, allowed) = if key.is_empty()
                    || key.len() > LONGEST_KEY
                    || !key.chars().all(sendable)
                {
                    let message = format!("`{}` cannot be an API key", quote(key));
                    (message, "up to 128 letters, digits and `-_.`")
                } else if let Some(owner) = owners.insert(key, plan) {
                    (format!("the API key `{key}` is in plan `{owner}` already"), "each key once")
                } else {
                    continue;
                };
                let problem = self.at_value(&path, message).found(key);
                self.report(problem.allowed(allowed));
            }
        }
    }

    /// Who may send more than all together is not limited by it.
    fn within_total(&mut self, path: &Path, name: &str, bucket: Bucket, total: Bucket) {
        if bucket.rate_per_s <= total.rate_per_s {
            return;
        }
        let rate = bucket.rate_per_s;
        let message = format!(
            "one client of gateway `{name}` may send {rate} requests a second, and all together {}",
            total.rate_per_s
        );
        let problem = self.at_value(&path.key("rate_per_s"), message).found(&rate.to_string());
        self.report(problem.allowed(format!("at most {}", total.rate_per_s)));
    }
}
