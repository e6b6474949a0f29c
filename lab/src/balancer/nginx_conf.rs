//! nginx's configuration as text.

use super::access_log::{ACCESS_LOG, TAG};
use super::config::{BalancerConfig, TargetConfig};
use super::gateway::GatewayConfig;
use super::span_log::{HEADER, SpanLog};
use super::streams;

/// File name of the configuration.
pub const CONF: &str = "nginx.conf";

/// File name of the part that changes with the targets' health.
pub const UPSTREAMS: &str = "upstreams.conf";

/// The main configuration, which stays the same while the balancer runs.
///
/// nginx's own defaults do not suit a load balancer (60 s to connect, a target out for 10 s after
/// one failure), so every waiting time is stated:
///
/// - 200 ms to connect: within a region a handshake takes about 1 ms.
/// - 10 s for an answer: longer than any client waits (6 s by default), so that it is the
///   application's budget that ends a request, with an answer that says what became of it.
/// - Two more targets are tried, and within 2 s. nginx does so for a `POST` only while nothing
///   was sent: `non_idempotent` is left out on purpose. With one more, a third of the tasks that is gone
///   without a word costs every tenth write until the checks have noticed: a request that has waited for
///   one dead target meets another.
/// - Answers are passed on as they come, and connections that stay may be silent for a minute.
/// - Old workers end at most 15 s after a reload, when all they had was answered.
///
/// A reload closes the idle connections of clients; a request that crosses such a close is lost,
/// which is why nothing is reloaded without need.
///
/// One worker is enough for a lab, and gives failures one memory.
///
/// An API gateway has token buckets besides, waits for an answer as long as it is told to, and keeps no
/// connection to the load balancers that it passes requests on to: one that is told other targets closes
/// those it has, and a write that crosses such a close is lost.
///
/// `log_port` is where a gateway says what it refuses.
pub fn nginx_conf(config: &BalancerConfig, log_port: u16) -> String {
    let dir = config.nginx_conf_dir.display();
    let gateway = config.gateway.as_ref();
    let served_by: String = config.targets.iter().map(served_by).collect();
    format!(
        r#"daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
worker_shutdown_timeout 15s;
pid {dir}/nginx.pid;
error_log stderr warn;

events {{
    worker_connections 8192;
}}

http {{
{log}    server_tokens off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;

    client_header_timeout 5s;
    client_body_timeout 5s;
    client_max_body_size 10m;
    client_body_buffer_size 64k;
    send_timeout 10s;
    keepalive_timeout 60s;
    keepalive_requests 100000;

    map $http_x_request_id $lab_request_id {{
        default $http_x_request_id;
        "" $request_id;
    }}
{streams}    map $upstream_addr $lab_served_by {{
        default $upstream_addr;
{served_by}    }}

{in_http}    # A stream has answered when it begins.
    map $lab_stream $lab_took {{
        default $upstream_response_time;
        1 $upstream_header_time;
    }}
    log_format targets '$upstream_addr|$upstream_status|$lab_took';
    include {dir}/{UPSTREAMS};

    server {{
        listen {listen} default_server;
        access_log syslog:server=unix:{dir}/{ACCESS_LOG},nohostname,tag={TAG} targets;
{spans}{in_server}{proxy}
    }}

    server {{
        listen 127.0.0.1:{status};
        access_log off;
        location / {{
            stub_status;
        }}
    }}
}}
"#,
        listen = config.listen,
        status = config.nginx_status_port,
        streams = streams::maps(if gateway.is_some() { "close" } else { "" }),
        in_http = gateway.map(GatewayConfig::in_http).unwrap_or_default(),
        in_server = gateway.map(|g| g.in_server(log_port)).unwrap_or_default(),
        proxy = proxy(config).trim_end(),
        spans = config.span_log.as_ref().map(SpanLog::in_server).unwrap_or_default(),
        log = log(config),
    )
}

/// An access log only of what is part of a trace, and not on disk.
fn log(config: &BalancerConfig) -> String {
    let off = || "    access_log off;\n".to_owned();
    config.span_log.as_ref().map_or_else(off, SpanLog::http_block)
}

/// A target's line in the map from address to name.
fn served_by(target: &TargetConfig) -> String {
    format!("        \"{}\" {};\n", target.address, target.name)
}

/// No `x-effect` here: when a target is lost in the middle, nobody knows what became of the
/// request.
const PROXY: &str = r#"
        add_header X-Request-Id $lab_request_id always;
        add_header X-Served-By $lab_served_by always;

        proxy_http_version 1.1;
        proxy_set_header Connection $lab_connection;
        proxy_set_header Upgrade $lab_upgrade;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Port $server_port;
        proxy_set_header X-Request-Id $lab_request_id;
        proxy_hide_header X-Request-Id;
        proxy_hide_header X-Served-By;

        proxy_buffering off;
        proxy_connect_timeout 200ms;
        proxy_send_timeout 5s;
        proxy_read_timeout 10s;
        proxy_next_upstream error timeout;
        proxy_next_upstream_tries 3;
        proxy_next_upstream_timeout 2s;

        location / {
DIVERT            proxy_pass http://targets;
        }
STREAM
        error_page 502 @no_target;
        error_page 504 @late_target;
        location @no_target {
            default_type application/json;
            return 502 '{"error":"$lab_no_answer","hint":"see lab status"}\n';
        }
        location @late_target {
            default_type application/json;
            return 504 '{"error":"the target did not answer in time","hint":"see lab status"}\n';
        }
"#;

/// How requests are passed on. Behind a gateway it is the load balancer that says who served.
fn proxy(config: &BalancerConfig) -> String {
    let own = "proxy_set_header X-Request-Id $lab_request_id;";
    let traced = format!("{own}\n        {HEADER}");
    let all = PROXY
        .replace("DIVERT", streams::DIVERT)
        .replace("STREAM\n", &(streams::location("targets") + streams::SERVER));
    let proxy = if config.span_log.is_some() { all.replace(own, &traced) } else { all };
    let Some(gateway) = &config.gateway else { return proxy };
    [
        ("        add_header X-Served-By $lab_served_by always;\n", String::new()),
        ("        proxy_hide_header X-Served-By;\n", String::new()),
        ("$proxy_add_x_forwarded_for", "$lab_forwarded".into()),
        ("proxy_read_timeout 10s", format!("proxy_read_timeout {}ms", gateway.timeout_ms)),
    ]
    .iter()
    .fold(proxy, |text, (from, to)| text.replacen(from, to, 1))
}

/// The part of the configuration that lists the targets in service.
///
/// A target that fails a user's request is skipped for a second, until the checker has decided.
/// Idle connections are kept for half a second, which is less than servers keep them (the shortest
/// common time is a second or two), so that nginx does not send on one that is being closed: a read
/// would be tried again, a write would be lost.
pub fn upstreams<'a>(
    in_service: impl IntoIterator<Item = (&'a TargetConfig, u32)>,
    keep_alive: bool,
) -> String {
    let server = |(t, weight): (&TargetConfig, u32)| {
        let weight = if weight == 1 { String::new() } else { format!(" weight={weight}") };
        format!("    server {}{weight} max_fails=1 fail_timeout=1s; # {}\n", t.address, t.name)
    };
    let servers: String = in_service.into_iter().map(server).collect();
    let kept = if keep_alive {
        "    keepalive 64;\n    keepalive_timeout 500ms;\n    keepalive_requests 100000;\n"
    } else {
        ""
    };
    format!("upstream targets {{\n{servers}{kept}}}\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    #[test]
    fn the_configuration_is_this() {
        insta::assert_snapshot!(nginx_conf(&config(&[1, 2]), 8406));
    }

    #[test]
    fn targets_in_service_are_listed() {
        let config = config(&[1, 2]);
        let all = || config.targets.iter().map(|t| (t, 1));
        insta::assert_snapshot!(upstreams(all(), true), @r"
        upstream targets {
            server 10.0.0.1:8080 max_fails=1 fail_timeout=1s; # web-1
            server 10.0.0.2:8080 max_fails=1 fail_timeout=1s; # web-2
            keepalive 64;
            keepalive_timeout 500ms;
            keepalive_requests 100000;
        }
        ");
        assert!(!upstreams(all().skip(1), true).contains("10.0.0.1"));
        let shared = upstreams(config.targets.iter().zip([9, 1]), true);
        assert!(shared.contains("10.0.0.1:8080 weight=9 max_fails"), "{shared}");
        assert!(shared.contains("10.0.0.2:8080 max_fails"), "{shared}");
    }

    #[test]
    fn a_gateway_keeps_no_connection_and_waits_as_long_as_it_is_told() {
        let bucket = crate::balancer::TokenBucket { per_minute: 60, burst: 1 };
        let gateway = GatewayConfig {
            total: bucket,
            client: None,
            plans: Vec::new(),
            timeout_ms: 29_000,
            trusted: "10.77.0.0/16".into(),
        };
        let plain = nginx_conf(&config(&[1]), 8406);
        let with = nginx_conf(&BalancerConfig { gateway: Some(gateway), ..config(&[1]) }, 8406);
        let gone: Vec<&str> =
            plain.lines().filter(|line| !with.contains(line)).map(str::trim).collect();
        insta::assert_snapshot!(gone.join("\n"), @r#"
        "" "";
        add_header X-Served-By $lab_served_by always;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_hide_header X-Served-By;
        proxy_read_timeout 10s;
        "#);
        assert!(with.contains("proxy_read_timeout 29000ms;"), "{with}");
        assert!(
            !upstreams(config(&[1]).targets.iter().map(|t| (t, 1)), false).contains("keepalive")
        );
    }

    #[test]
    fn traces_are_passed_on_where_they_are_wanted() {
        let mut traced = config(&[1]);
        traced.span_log = Some(SpanLog {
            collector: "10.77.250.10:7071".parse().unwrap(),
            sample_percent: 5.0,
            service: "lb".into(),
            node: "lb-a1".into(),
            peers: [("targets".to_owned(), "web".to_owned())].into(),
        });
        let with = nginx_conf(&traced, 8406);
        assert!(with.contains(HEADER) && with.contains("access_log syslog:"), "{with}");
        let without = nginx_conf(&config(&[1]), 8406);
        assert!(!without.contains("traceparent") && without.contains("access_log off;"));
    }

    #[test]
    fn a_write_that_was_sent_is_never_sent_again() {
        assert!(!nginx_conf(&config(&[1]), 8406).contains("non_idempotent;"));
    }
}
