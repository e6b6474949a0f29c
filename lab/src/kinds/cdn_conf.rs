//! nginx's configuration of an edge cache.

use std::fmt::Write;
use std::net::SocketAddrV4;

use super::WEB_PORT;
use super::cdn::EDGE_PATH;
use super::front_door::{self, Door};
use crate::balancer::{SPAN_HEADER as HEADER, SpanLog, streams};
use crate::spec::model::{CacheRule, Cdn, OriginName};

/// Where nginx writes: the cache, bodies, its process id.
pub const FOLDER: &str = "/tmp/lab-cdn";

/// The answers of an origin group's first origin after which the second is asked.
const ASK_SECOND: &str = "400 403 404 416 500 502 503 504";

/// What the configuration depends on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// The tier.
    pub cdn: &'a Cdn,
    /// The nodes that make pages.
    pub pages: Vec<SocketAddrV4>,
    /// Object storage.
    pub assets: Option<SocketAddrV4>,
    /// The front door, where there is one.
    pub door: Option<Door<'a>>,
    /// How it takes part in traces, if it does.
    pub span_log: Option<SpanLog>,
}

/// The whole file.
///
/// - Requests for the same missing object wait for one that fetches it (`proxy_cache_lock`); nginx
///   looks twice a second whether it is there. Not where the stage says `collapse: false`.
/// - An expired object is served while it is fetched again, and when the origin refuses, is silent or
///   answers 5xx; a 4xx is passed on.
/// - A request is given to another node of an origin only when it was not sent yet, or reads.
pub fn nginx_conf(input: &Input<'_>) -> String {
    let cdn = input.cdn;
    let mut out = format!(
        "daemon off;
pid {FOLDER}/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 16384;
events {{
    worker_connections 8192;
}}
http {{
{log}    server_tokens off;
    default_type application/octet-stream;
    client_body_temp_path {FOLDER}/body;
    proxy_temp_path {FOLDER}/proxy;
    fastcgi_temp_path {FOLDER}/fastcgi;
    uwsgi_temp_path {FOLDER}/uwsgi;
    scgi_temp_path {FOLDER}/scgi;
    proxy_cache_path {FOLDER}/cache levels=1:2 keys_zone=edge:8m max_size={size}m inactive=24h
        use_temp_path=off;
",
        size = cdn.cache_mib,
        log = log(input),
    );
    upstream(&mut out, "pages", &input.pages);
    upstream(&mut out, "assets", input.assets.as_slice());
    out += &input.door.as_ref().map(front_door::http).unwrap_or_default();
    out += &streams::maps("close");
    out += "    map $upstream_cache_status $cache_status {
        \"\" PASS;
        default $upstream_cache_status;
    }
    server {
";
    server(&mut out, input);
    out += "    }\n";
    out += &input.door.as_ref().map(front_door::status_server).unwrap_or_default();
    out += "}\n";
    out
}

/// An access log only of what is part of a trace, and not on disk.
fn log(input: &Input<'_>) -> String {
    let off = || "    access_log off;\n".to_owned();
    input.span_log.as_ref().map_or_else(off, SpanLog::http_block)
}

/// No connection is kept: a load balancer that is told other targets closes its idle ones, and a write
/// that crosses such a close is lost. Nor may that count against it: with both load balancers out for
/// a second, every page of that second would be an error.
///
/// Each is there a second time as a backup that is never taken out: requests that hang where a zone was
/// lost end all at once and take the healthy load balancer out as well, and "none is left" must mean
/// "try all of them" (fail open, as a load balancer does).
fn upstream(out: &mut String, name: &str, nodes: &[SocketAddrV4]) {
    if nodes.is_empty() {
        return;
    }
    let _ = writeln!(out, "    upstream {name} {{");
    for at in nodes {
        let _ = writeln!(out, "        server {at} max_fails=2 fail_timeout=1s;");
    }
    // nginx never takes out one that is alone.
    for at in nodes.iter().filter(|_| nodes.len() > 1) {
        let _ = writeln!(out, "        server {at} max_fails=0 backup;");
    }
    *out += "    }\n";
}

fn server(out: &mut String, input: &Input<'_>) {
    let cdn = input.cdn;
    let personal: String = cdn
        .personal_headers
        .iter()
        .map(|header| format!(" $http_{}", header.to_lowercase().replace('-', "_")))
        .collect();
    let _ = writeln!(out, "        listen {WEB_PORT} reuseport;");
    *out += &input.door.as_ref().map(front_door::server).unwrap_or_default();
    if let (Some(_), Some(spans)) = (&input.door, &input.span_log) {
        *out += &spans.in_server();
    }
    let _ = write!(
        out,
        "        add_header X-Cache-Status $cache_status always;
        proxy_http_version 1.1;
        proxy_set_header Connection $lab_connection;
        proxy_set_header Upgrade $lab_upgrade;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_connect_timeout {connect}ms;
        proxy_read_timeout {answer}ms;
        proxy_send_timeout {answer}ms;
        proxy_next_upstream error timeout http_502 http_504;
        proxy_next_upstream_tries 3;
        proxy_cache_key $scheme$request_uri;
{streams}        error_page 502 @no_answer;
{collapse}        proxy_cache_background_update on;
        proxy_cache_use_stale error timeout invalid_header updating http_500 http_502 http_503
            http_504;
",
        connect = cdn.connect_timeout_ms,
        answer = cdn.answer_timeout_ms,
        streams = streams::SERVER,
        collapse = collapse(cdn),
    );
    if input.span_log.is_some() {
        let _ = writeln!(out, "        {HEADER}");
    }
    if !personal.is_empty() {
        let _ = writeln!(out, "        proxy_cache_bypass{personal};");
        let _ = writeln!(out, "        proxy_no_cache{personal};");
    }
    let _ = write!(out, "        location = {EDGE_PATH} {{\n            return 200;\n        }}\n");
    let _ = write!(
        out,
        "        location / {{
{}            proxy_buffering off;
            proxy_pass http://pages;
        }}
",
        streams::DIVERT
    );
    *out += &streams::location("pages");
    *out += NO_ANSWER;
    if input.assets.is_some() {
        // Kept only as long as the answer itself says.
        *out += "        location @pages {\n            proxy_cache edge;\n            \
                 proxy_cache_key pages$request_uri;\n            proxy_pass http://pages;\n        }\n";
    }
    for rule in &cdn.rules {
        location(out, input, rule);
    }
}

/// What is said when nobody answered, or nothing that can be passed on.
const NO_ANSWER: &str = r#"        location @no_answer {
            default_type application/json;
            return 502 '{"error":"$lab_no_answer","hint":"see lab status"}\n';
        }
"#;

/// Without it every request for a missing object goes to the origin, at the same time as the others.
fn collapse(cdn: &Cdn) -> String {
    if !cdn.collapse {
        return String::new();
    }
    let answer = cdn.answer_timeout_ms;
    format!(
        "        proxy_cache_lock on;
        proxy_cache_lock_timeout {answer}ms;
        proxy_cache_lock_age {answer}ms;
"
    )
}

fn location(out: &mut String, input: &Input<'_>, rule: &CacheRule) {
    let (stem, modifier) = match rule.path.strip_suffix('*') {
        Some(stem) => (stem, "^~"),
        None => (rule.path.as_str(), "="),
    };
    let _ = write!(
        out,
        "        location {modifier} {stem} {{
            proxy_cache edge;
            proxy_cache_valid 200 301 302 {}s;
",
        rule.ttl_s
    );
    if input.cdn.error_ttl_s > 0 {
        let errors = "400 403 404 405 414 416 500 501 502 503 504";
        let _ = writeln!(out, "            proxy_cache_valid {errors} {}s;", input.cdn.error_ttl_s);
    }
    match (rule.origin, input.assets, &input.cdn.bucket) {
        (OriginName::Assets, Some(storage), Some(bucket)) => {
            // Object storage is only read, knows nothing of our users, and goes by its own name.
            let _ = write!(
                out,
                "            if ($request_method !~ ^(GET|HEAD)$) {{
                return 405;
            }}
            proxy_set_header Connection close;
            proxy_set_header Host {storage};
            proxy_set_header Authorization \"\";
            proxy_set_header Cookie \"\";
            proxy_ignore_headers Set-Cookie Vary;
            proxy_intercept_errors on;
            error_page {ASK_SECOND} = @pages;
            proxy_pass http://assets/{bucket}{stem};
"
            );
        }
        _ => {
            *out += streams::DIVERT;
            *out += "            proxy_pass http://pages;\n";
        }
    }
    *out += "        }\n";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::Origins;

    fn cdn() -> Cdn {
        let rule = |path: &str, origin, ttl_s| CacheRule { path: path.into(), origin, ttl_s };
        Cdn {
            origins: Origins { pages: "lb".into(), assets: Some("aws".into()) },
            bucket: Some("shop".into()),
            front_door: None,
            rules: vec![
                rule("/assets/*", OriginName::Assets, 86_400),
                rule("/products*", OriginName::Pages, 2),
                rule("/robots.txt", OriginName::Pages, 60),
            ],
            personal_headers: vec!["Authorization".into(), "X-Position".into()],
            error_ttl_s: 10,
            collapse: true,
            connect_timeout_ms: 200,
            answer_timeout_ms: 6000,
            cache_mib: 64,
        }
    }

    fn conf(cdn: &Cdn) -> String {
        let at = |text: &str| text.parse().unwrap();
        nginx_conf(&Input {
            cdn,
            pages: vec![at("10.9.1.10:8080"), at("10.9.2.10:8080")],
            assets: cdn.origins.assets.as_ref().map(|_| at("10.9.200.10:4566")),
            door: None,
            span_log: None,
        })
    }

    #[test]
    fn the_configuration_is_this() {
        insta::assert_snapshot!(conf(&cdn()));
    }

    #[test]
    fn a_write_that_was_sent_is_never_sent_again() {
        assert!(!conf(&cdn()).contains("non_idempotent"));
    }

    #[test]
    fn without_object_storage_everything_is_asked_of_the_pages() {
        let mut without = cdn();
        without.origins.assets = None;
        without.rules.remove(0);
        let conf = conf(&without);
        assert!(!conf.contains("assets") && !conf.contains("@pages"), "{conf}");
    }

    #[test]
    fn each_of_many_fetches_a_missing_object_where_the_stage_says_so() {
        let with = conf(&cdn());
        let without = conf(&Cdn { collapse: false, ..cdn() });
        let left_out: Vec<&str> =
            with.lines().filter(|line| !without.contains(line)).map(str::trim).collect();
        insta::assert_snapshot!(left_out.join("\n"), @r"
        proxy_cache_lock on;
        proxy_cache_lock_timeout 6000ms;
        proxy_cache_lock_age 6000ms;
        ");
        let rest = |conf: &str| conf.lines().filter(|l| !l.contains("cache_lock")).count();
        assert_eq!(rest(&with), without.lines().count(), "and nothing else");
    }

    #[test]
    fn neither_an_error_of_the_application_nor_a_reload_takes_a_load_balancer_out() {
        let cdn = cdn();
        let input =
            Input { cdn: &cdn, pages: Vec::new(), assets: None, door: None, span_log: None };
        let text = nginx_conf(&input);
        let next = text.lines().find(|l| l.contains("proxy_next_upstream ")).unwrap();
        assert!(!next.contains("http_503"), "{next}");
        assert!(!text.contains("keepalive 64") && text.contains("\"\" \"close\";"), "{text}");
    }

    #[test]
    fn with_every_load_balancer_taken_out_all_are_tried() {
        let text = conf(&cdn());
        let twice = |at: &str| text.contains(&format!("server {at} max_fails=0 backup;"));
        assert!(twice("10.9.1.10:8080") && twice("10.9.2.10:8080"), "{text}");
        assert!(!twice("10.9.200.10:4566"), "one alone is never taken out: {text}");
    }

    #[test]
    fn errors_are_kept_unless_the_stage_says_otherwise() {
        let kept = |ttl| conf(&Cdn { error_ttl_s: ttl, ..cdn() }).contains("504 10s;");
        assert_eq!((kept(10), kept(0)), (true, false));
    }
}
