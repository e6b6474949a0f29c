//! What an API gateway adds to a load balancer: token buckets in total and for each client.
//!
//! nginx's `limit_req` with `nodelay` is a token bucket: a request is let through while fewer than
//! `burst + 1` tokens are in use, and they come back evenly at the rate; a refused request takes none,
//! neither of the bucket that was empty nor of another. What differs from the provider's: time counts in
//! milliseconds; each node has buckets of its own; and a client that has not been seen for long is
//! forgotten when memory is short, which fills its bucket.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// Memory for the buckets of clients: 32,000 of them.
const CLIENTS: &str = "4m";

/// What nginx's log says of each request that was let through.
pub const PASSED: &str = "lab-gateway passed";

/// What clients may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// All of them together.
    pub total: TokenBucket,
    /// Each of those who have no plan.
    #[serde(default)]
    pub client: Option<TokenBucket>,
    /// Each of those who have one.
    #[serde(default)]
    pub plans: Vec<ClientPlan>,
    /// Longest wait for an answer.
    pub timeout_ms: u64,
    /// The network whose nodes are believed when they say where a request comes from.
    pub trusted: String,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenBucket {
    /// Tokens that are added each minute.
    pub per_minute: u32,
    /// Tokens that it holds, at least one.
    pub burst: u32,
}

/// A usage plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPlan {
    /// Its name.
    pub name: String,
    /// What each of its clients may send.
    pub bucket: TokenBucket,
    /// Their API keys.
    pub keys: Vec<String>,
}

impl GatewayConfig {
    /// Refuses what nginx would not understand, or would understand differently.
    pub fn check(&self) -> Result<(), String> {
        let plain = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !plain(&self.trusted, "./:") {
            return Err(format!("trusted {:?} is no network", self.trusted));
        }
        for plan in &self.plans {
            let keys = plan.keys.iter().all(|key| plain(key, "-_."));
            if !plain(&plan.name, "-") || !keys {
                return Err(format!(
                    "plan {:?} has a name or a key that cannot be used",
                    plan.name
                ));
            }
        }
        let buckets = self.buckets().into_iter().map(|(_, bucket)| bucket);
        if buckets.into_iter().any(|bucket| bucket.per_minute == 0 || bucket.burst == 0) {
            return Err("a bucket without tokens lets nothing through".into());
        }
        Ok(())
    }

    /// Every bucket by the name of its zone in nginx.
    fn buckets(&self) -> Vec<(String, TokenBucket)> {
        let mut all = vec![("total".to_owned(), self.total)];
        all.extend(self.client.map(|bucket| ("client".to_owned(), bucket)));
        all.extend(self.plans.iter().map(|plan| (zone(plan), plan.bucket)));
        all
    }

    /// Seconds until the slowest bucket has a token again: what a refused client is told to wait.
    fn retry_after_s(&self) -> u32 {
        let slowest = self.buckets().into_iter().map(|(_, bucket)| bucket.per_minute).min();
        60_u32.div_ceil(slowest.unwrap_or(60).max(1))
    }

    /// What stands in `http`: who a client is, and the buckets.
    ///
    /// Who sends a key that is in no plan has none: with a name of one's own choice for each request
    /// nobody would ever be refused. What the lab's own nodes ask to see whether the way is open takes no
    /// token.
    pub fn in_http(&self) -> String {
        let mut out = format!(
            "    set_real_ip_from {};
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    map $http_x_forwarded_for $lab_forwarded {{
        \"\" $realip_remote_addr;
        default \"$http_x_forwarded_for, $realip_remote_addr\";
    }}
    geo $lab_inside {{
        default 0;
        {} 1;
    }}
    map \"$lab_inside$uri\" $lab_total {{
        \"1/healthz\" \"\";
        \"1/readyz\" \"\";
        default total;
    }}
    map $limit_req_status $lab_passed {{
        PASSED 1;
        default 0;
    }}
    log_format lab_passed \"{PASSED}\";
    map $http_x_api_key $lab_plan {{
        default \"\";
",
            self.trusted, self.trusted
        );
        for plan in &self.plans {
            for key in &plan.keys {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "        \"{key}\" {};", plan.name);
            }
        }
        out += "    }
    map $http_authorization $lab_sender {
        \"\" \"address $remote_addr\";
        default \"token $http_authorization\";
    }
    map \"$lab_total $lab_plan\" $lab_client {
        \"total \" $lab_sender;
        default \"\";
    }
";
        for plan in &self.plans {
            let _ = write!(
                out,
                "    map $lab_plan $lab_key_{name} {{
        {plan} $http_x_api_key;
        default \"\";
    }}
",
                name = plan.name.replace('-', "_"),
                plan = plan.name
            );
        }
        for (zone, bucket) in self.buckets() {
            let key = match zone.as_str() {
                "total" => "$lab_total".to_owned(),
                "client" => "$lab_client".to_owned(),
                plan => format!("$lab_key_{}", plan.trim_start_matches("plan-").replace('-', "_")),
            };
            let memory = if zone == "total" { "64k" } else { CLIENTS };
            let rate = bucket.per_minute;
            let _ = writeln!(out, "    limit_req_zone {key} zone={zone}:{memory} rate={rate}r/m;");
        }
        out
    }

    /// What stands in the users' `server`: each bucket is asked, and the first that is empty refuses.
    pub fn in_server(&self, log_port: u16) -> String {
        let mut out = format!(
            "        error_log stderr error;
        error_log syslog:server=127.0.0.1:{log_port},nohostname warn;
        access_log syslog:server=127.0.0.1:{log_port},nohostname lab_passed if=$lab_passed;
        limit_req_log_level warn;
        limit_req_status 429;
"
        );
        for (zone, bucket) in self.buckets() {
            // nginx lets one through beyond its burst.
            let _ = match bucket.burst - 1 {
                0 => writeln!(out, "        limit_req zone={zone};"),
                more => writeln!(out, "        limit_req zone={zone} burst={more} nodelay;"),
            };
        }
        let _ = write!(
            out,
            "        error_page 429 @throttled;
        location @throttled {{
            default_type application/json;
            add_header Retry-After {} always;
            return 429 '{{\"error\":\"too many requests\",\"hint\":\"send fewer, and none before the \
             time in Retry-After\"}}\\n';
        }}
",
            self.retry_after_s()
        );
        out
    }
}

/// The zone of a plan.
fn zone(plan: &ClientPlan) -> String {
    format!("plan-{}", plan.name)
}

/// The bucket that was empty, from a line of nginx's log; `None` when it is about something else.
pub fn throttled_by(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("limiting requests, excess: ")?;
    let (_, rest) = rest.split_once("by zone \"")?;
    rest.split_once('"').map(|(zone, _)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn gateway() -> GatewayConfig {
        GatewayConfig {
            total: TokenBucket { per_minute: 30_000, burst: 100 },
            client: Some(TokenBucket { per_minute: 600, burst: 20 }),
            plans: vec![ClientPlan {
                name: "gold-1".into(),
                bucket: TokenBucket { per_minute: 6000, burst: 1 },
                keys: vec!["key-a".into(), "key-b".into()],
            }],
            timeout_ms: 29_000,
            trusted: "10.77.0.0/16".into(),
        }
    }

    #[test]
    fn the_configuration_is_this() {
        let gateway = gateway();
        insta::assert_snapshot!(gateway.in_http() + &gateway.in_server(8406));
    }

    #[test]
    fn whoever_is_refused_is_told_when_the_slowest_bucket_has_a_token() {
        let mut gateway = gateway();
        assert_eq!(gateway.retry_after_s(), 1);
        gateway.client = Some(TokenBucket { per_minute: 25, burst: 1 });
        assert_eq!(gateway.retry_after_s(), 3);
    }

    #[test]
    fn the_log_says_which_bucket_was_empty() {
        let line = "<12>Nov 21 22:00:00 nginx: 2026/11/21 22:00:00 [warn] 31#31: *7 limiting requests, \
                    excess: 20.320 by zone \"client\", client: 198.18.0.3, server: , request: \"GET / \
                    HTTP/1.1\"";
        assert_eq!(throttled_by(line), Some("client"));
        assert_eq!(throttled_by("[warn] 31#31: upstream server temporarily disabled"), None);
    }

    #[test]
    fn what_nginx_would_understand_differently_is_refused() {
        assert!(gateway().check().is_ok());
        let bad = [
            GatewayConfig { trusted: "10.0.0.0/8; deny all".into(), ..gateway() },
            GatewayConfig { client: Some(TokenBucket { per_minute: 0, burst: 1 }), ..gateway() },
            GatewayConfig { total: TokenBucket { per_minute: 1, burst: 0 }, ..gateway() },
            GatewayConfig {
                plans: vec![ClientPlan { keys: vec!["a\"b".into()], ..gateway().plans.remove(0) }],
                ..gateway()
            },
        ];
        for config in bad {
            assert!(config.check().is_err(), "{config:?}");
        }
    }
}
