//! The part of an edge cache's configuration that is its front door.
//!
//! Each rule is a variable of nginx that holds the rule's name when it matches. What matched is sent to
//! the counter beside nginx, one datagram for each such request; what a rule that blocks matched is
//! refused before anything else is looked at.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::balancer::front_door::{RuleConfig, TAG};
use crate::spec::model::{FrontDoor, RuleAction};

/// What the configuration depends on.
#[derive(Clone, Debug)]
pub struct Door<'a> {
    /// The tier's own words.
    pub door: &'a FrontDoor,
    /// Divisor of its window.
    pub time_scale: f64,
    /// Peers that are believed when they say for whom they ask (`X-Forwarded-For`).
    pub trusted: Vec<Ipv4Addr>,
    /// The paths of health checks, which no limit holds back.
    pub health_paths: &'a [&'a str],
    /// Port of 127.0.0.1 on which the counter listens.
    pub counter_port: u16,
    /// Port of 127.0.0.1 on which nginx says that it works.
    pub nginx_status_port: u16,
}

/// The name of the limit of one client's requests.
const CLIENT_RATE: &str = "client-rate";
/// The name of the limit of bodies.
const BODY_SIZE: &str = "body-size";

/// A rule: its name, what it looks at, what it looks for, and what is done then.
struct Rule {
    name: &'static str,
    looks_at: &'static str,
    patterns: Vec<String>,
    /// It matches what none of the patterns fits.
    inverse: bool,
    action: RuleAction,
}

impl Rule {
    fn variable(&self) -> String {
        variable(self.name)
    }
}

fn variable(name: &str) -> String {
    format!("$door_{}", name.replace('-', "_"))
}

/// A blank as it may stand in a query.
const BLANK: &str = r"(\+|%20|%09|%0a|%0d|/\*.*\*/)";

fn path_traversal() -> Vec<String> {
    let dot = r"(\.|%2e|%252e)";
    vec![format!(r"{dot}{dot}(/|\\\\|%2f|%5c|%252f|%255c|$)"), "%00".into()]
}

fn sql_injection() -> Vec<String> {
    let (quote, is) = (r"('|%27|%22)", "(=|%3d)");
    vec![
        format!(r"union{BLANK}+(all{BLANK}+)?select"),
        format!(r"{quote}{BLANK}*(or|and){BLANK}+{quote}?[0-9a-z]+{quote}?{BLANK}*{is}"),
        format!(r"(;|%3b){BLANK}*(drop|delete|insert|update|alter|truncate){BLANK}"),
        r"(sleep|benchmark|load_file|xp_cmdshell|extractvalue)(\(|%28)".into(),
        "information_schema".into(),
    ]
}

fn cross_site_scripting() -> Vec<String> {
    vec![
        r"(<|%3c)(/|%2f)?(script|iframe|svg)".into(),
        "javascript(:|%3a)".into(),
        format!(r"on(error|load|click|mouseover|focus){BLANK}*(=|%3d)"),
    ]
}

fn bad_user_agents() -> Vec<String> {
    let scanners =
        "sqlmap|nikto|nmap|masscan|zgrab|acunetix|nessus|dirbuster|gobuster|wpscan|nuclei";
    vec![format!("({scanners})")]
}

fn rules(door: &FrontDoor) -> Vec<Rule> {
    let groups = &door.rules;
    let group = |name, looks_at, patterns: fn() -> Vec<String>, action: Option<RuleAction>| {
        action.map(|action| Rule { name, looks_at, patterns: patterns(), inverse: false, action })
    };
    let methods = Rule {
        name: "method",
        looks_at: "$request_method",
        patterns: vec![format!("^({})$", door.methods.join("|"))],
        inverse: true,
        action: RuleAction::Block,
    };
    let paths = Rule {
        name: "blocked-path",
        looks_at: "$uri",
        patterns: door.blocked_paths.iter().map(|path| blocked(path)).collect(),
        inverse: false,
        action: RuleAction::Block,
    };
    [
        Some(methods).filter(|_| !door.methods.is_empty()),
        Some(paths).filter(|rule| !rule.patterns.is_empty()),
        group("path-traversal", "$request_uri", path_traversal, groups.path_traversal),
        group("sql-injection", "$args", sql_injection, groups.sql_injection),
        group("cross-site-scripting", "$args", cross_site_scripting, groups.cross_site_scripting),
        group("bad-user-agents", "$http_user_agent", bad_user_agents, groups.bad_user_agents),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A path of the stage as a pattern.
fn blocked(path: &str) -> String {
    let (stem, end) = path.strip_suffix('*').map_or((path, "$"), |stem| (stem, ""));
    format!("^{}{end}", stem.replace('.', r"\."))
}

/// Every rule by name, for the counter.
pub fn rule_names(door: &FrontDoor) -> Vec<RuleConfig> {
    let rate = door.client_rate.as_ref().map(|rate| (CLIENT_RATE, rate.action));
    let own = rules(door).into_iter().map(|rule| (rule.name, rule.action));
    own.chain(rate)
        .chain([(BODY_SIZE, RuleAction::Block)])
        .map(|(name, action)| RuleConfig { name: name.into(), action })
        .collect()
}

/// What belongs beside the server.
pub fn http(input: &Door<'_>) -> String {
    let door = input.door;
    let mut out = String::new();
    for peer in &input.trusted {
        let _ = writeln!(out, "    set_real_ip_from {peer};");
    }
    out += "    real_ip_header X-Forwarded-For;\n";
    let rules = rules(door);
    for rule in &rules {
        let (fits, default) = if rule.inverse { ("", rule.name) } else { (rule.name, "") };
        let _ = writeln!(out, "    map {} {} {{", rule.looks_at, rule.variable());
        let _ = writeln!(out, "        default {};", word(default));
        for pattern in &rule.patterns {
            // The case of a method matters.
            let sign = if rule.inverse { "~" } else { "~*" };
            let _ = writeln!(out, "        \"{sign}{pattern}\" {};", word(fits));
        }
        out += "    }\n";
    }
    let blocking = rules.iter().filter(|rule| rule.action == RuleAction::Block);
    let blocking: String = blocking.map(Rule::variable).collect();
    if !blocking.is_empty() {
        let _ = writeln!(out, "    map \"{blocking}\" $door_refused {{");
        out += "        default 1;\n        \"\" \"\";\n    }\n";
    }
    let mut matched: String = rules.iter().map(Rule::variable).collect();
    if let Some(rate) = &door.client_rate {
        let per_min = f64::from(rate.limit) * 60.0 * input.time_scale / f64::from(rate.window_s);
        let limited = variable(CLIENT_RATE);
        let health: String =
            input.health_paths.iter().map(|path| format!("        {path} \"\";\n")).collect();
        let _ = write!(
            out,
            "    map $uri $door_client {{
        default $binary_remote_addr;
{health}    }}
    limit_req_zone $door_client zone=clients:8m rate={rate}r/m;
    limit_req_log_level info;
    limit_req_status {status};
    map $limit_req_status {limited} {{
        default \"\";
        REJECTED {name};
        REJECTED_DRY_RUN {name};
    }}
",
            health = health,
            rate = (per_min as u64).max(1),
            status = door.status,
            name = word(CLIENT_RATE),
        );
        matched += &limited;
    }
    let too_large = variable(BODY_SIZE);
    let _ = write!(
        out,
        "    map \"$status:$upstream_status\" {too_large} {{
        default \"\";
        \"413:\" {name};
    }}
    map \"{matched}{too_large}\" $door_matched {{
        default \"{matched}{too_large}\";
        \"\" \"\";
    }}
    log_format front_door \"$remote_addr $door_matched\";
    client_max_body_size {kib}k;
",
        name = word(BODY_SIZE),
        kib = door.max_body_kib,
    );
    out
}

/// A rule's name as the value of a variable: with a blank after it, so that several can follow one
/// another.
fn word(name: &str) -> String {
    if name.is_empty() { "\"\"".into() } else { format!("\"{name} \"") }
}

/// What belongs into the server, at its beginning.
pub fn server(input: &Door<'_>) -> String {
    let door = input.door;
    let mut out = format!(
        "        access_log syslog:server=127.0.0.1:{},nohostname,tag={TAG} front_door if=$door_matched;\n",
        input.counter_port
    );
    if rules(door).iter().any(|rule| rule.action == RuleAction::Block) {
        let _ = writeln!(out, "        if ($door_refused) {{");
        let _ = writeln!(out, "            return {};", door.status);
        out += "        }\n";
    }
    if let Some(rate) = &door.client_rate {
        let _ = writeln!(out, "        limit_req zone=clients burst={} nodelay;", rate.limit);
        if rate.action == RuleAction::Count {
            out += "        limit_req_dry_run on;\n";
        }
    }
    out
}

/// The server that says how many requests there were.
pub fn status_server(input: &Door<'_>) -> String {
    format!(
        "    server {{
        listen 127.0.0.1:{};
        location / {{
            stub_status;
        }}
    }}
",
        input.nginx_status_port
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::{ClientRate, RuleGroups};

    fn stage_door() -> FrontDoor {
        FrontDoor {
            client_rate: Some(ClientRate { limit: 60, window_s: 60, action: RuleAction::Block }),
            rules: RuleGroups {
                path_traversal: Some(RuleAction::Block),
                sql_injection: Some(RuleAction::Count),
                ..RuleGroups::default()
            },
            blocked_paths: vec!["/internal/*".into(), "/robots.txt".into()],
            ..FrontDoor::default()
        }
    }

    fn input(door: &FrontDoor) -> Door<'_> {
        Door {
            door,
            time_scale: 20.0,
            trusted: vec![Ipv4Addr::new(10, 9, 0, 1)],
            health_paths: &["/readyz"],
            counter_port: 8406,
            nginx_status_port: 8405,
        }
    }

    #[test]
    fn the_configuration_is_this() {
        let door = stage_door();
        let input = input(&door);
        insta::assert_snapshot!([http(&input), server(&input), status_server(&input)].join("--\n"));
    }

    #[test]
    fn a_window_of_a_minute_passes_in_three_seconds() {
        let door = stage_door();
        assert!(http(&input(&door)).contains("rate=1200r/m;"));
        assert!(server(&input(&door)).contains("burst=60 nodelay;"));
    }

    #[test]
    fn what_is_only_counted_refuses_nobody() {
        let mut door = stage_door();
        door.blocked_paths.clear();
        door.methods.clear();
        door.rules.path_traversal = Some(RuleAction::Count);
        door.client_rate.as_mut().unwrap().action = RuleAction::Count;
        let input = input(&door);
        assert!(!http(&input).contains("$door_refused"));
        assert!(!server(&input).contains("return") && server(&input).contains("dry_run on;"));
        assert!(
            http(&input).contains("\"$door_path_traversal$door_sql_injection$door_client_rate")
        );
    }

    #[test]
    fn every_rule_is_counted_under_the_name_that_nginx_sends() {
        let door = stage_door();
        let text = http(&input(&door));
        let names = rule_names(&door);
        assert_eq!(names.len(), 6);
        for RuleConfig { name, .. } in names {
            assert!(text.contains(&format!("\"{name} \"")), "{name}");
        }
    }

    #[test]
    fn a_dot_of_a_blocked_path_is_a_dot() {
        assert_eq!(blocked("/robots.txt"), r"^/robots\.txt$");
        assert_eq!(blocked("/internal/*"), "^/internal/");
    }
}
