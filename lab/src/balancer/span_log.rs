//! What nginx says of traces: where a client began none it does, it passes the trace on under a span
//! of its own, and of the share that is recorded (and of what fails) it sends a line to the control
//! plane. Lines go as datagrams: nobody waits for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddrV4;

use serde::{Deserialize, Serialize};

/// How nginx takes part in traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanLog {
    /// Where lines are sent.
    pub collector: SocketAddrV4,
    /// Share of the requests that are recorded where the client does not say, in percent.
    pub sample_percent: f64,
    /// Name of the service: the tier.
    pub service: String,
    /// Name of the node.
    pub node: String,
    /// Name of an upstream to the service behind it.
    pub peers: BTreeMap<String, String>,
}

/// Passes the trace on; belongs to every place that has a `proxy_set_header`.
pub const HEADER: &str = "proxy_set_header traceparent 00-$lab_trace-$lab_call-$lab_flags;";

/// nginx's own numbers: the trace of a client that began one, or nginx's number of the request, whose
/// halves are the numbers of the span here and of the call that it makes.
const MAPS: &str = r#"    map $http_traceparent $lab_trace {
        "~^00-(?<t>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$" $t;
        default $request_id;
    }
    map $http_traceparent $lab_parent {
        "~^00-[0-9a-f]{32}-(?<p>[0-9a-f]{16})-[0-9a-f]{2}$" $p;
        default "";
    }
    map $http_traceparent $lab_flags {
        "~^00-[0-9a-f]{32}-[0-9a-f]{16}-(?<f>[0-9a-f]{2})$" $f;
        default $lab_lot;
    }
    map $request_id $lab_span {
        "~^(?<a>.{16})" $a;
    }
    map $request_id $lab_call {
        "~(?<b>.{16})$" $b;
    }
    map "$lab_flags $status $uri" $lab_told {
        "~ /(healthz|readyz)$" 0;
        "~^.[13579bdf]" 1;
        "~^.. 5" 1;
        default 0;
    }
"#;

/// One line; the fields are those of `control/traces/nginx.rs`.
const LINE: &str = r#"'{"trace":"$lab_trace","span":"$lab_span","call":"$lab_call",'
        '"parent":"$lab_parent","flags":"$lab_flags","service":"SERVICE","node":"NODE",'
        '"peer":"$lab_peer","method":"$request_method","path":"$uri","at":"$msec",'
        '"took":"$request_time","status":"$status","upstream_took":"$upstream_response_time",'
        '"upstream_status":"$upstream_status"}'"#;

impl SpanLog {
    /// What belongs into the block `http`.
    pub fn http_block(&self) -> String {
        let mut out = String::new();
        let percent = self.sample_percent.clamp(0.01, 100.0);
        // nginx wants at most two decimals, and no share that is left for `*` when it is all.
        let share =
            if percent >= 100.0 { String::new() } else { format!("        {percent:.2}% 01;\n") };
        let rest = if percent >= 100.0 { "01" } else { "00" };
        let _ = writeln!(
            out,
            "    split_clients $request_id $lab_lot {{\n{share}        * {rest};\n    }}"
        );
        out.push_str(MAPS);
        out.push_str("    map $proxy_host $lab_peer {\n");
        for (upstream, service) in &self.peers {
            let _ = writeln!(out, "        {upstream} {service};");
        }
        out.push_str("        default \"\";\n    }\n");
        let line = LINE.replace("SERVICE", &self.service).replace("NODE", &self.node);
        let _ = writeln!(out, "    log_format lab_span escape=json\n        {line};");
        let _ = writeln!(out, "    {}", self.access_log());
        out
    }

    /// What belongs into a block `server` that has an access log of its own: nginx then forgets the
    /// one above it.
    pub fn in_server(&self) -> String {
        format!("        {}\n", self.access_log())
    }

    fn access_log(&self) -> String {
        let to = self.collector;
        format!("access_log syslog:server={to},tag=lab,nohostname lab_span if=$lab_told;")
    }

    /// Refuses what nginx would not understand, or would understand differently.
    pub fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let names = [&self.service, &self.node].into_iter();
        let peers = self.peers.iter().flat_map(|(upstream, service)| [upstream, service]);
        match names.chain(peers).find(|name| !plain(name)) {
            Some(name) => Err(format!("{name:?} is no name: use letters, digits and -")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn span_log(sample_percent: f64) -> SpanLog {
        SpanLog {
            collector: "10.77.250.10:7071".parse().unwrap(),
            sample_percent,
            service: "lb".into(),
            node: "lb-a1".into(),
            peers: [("targets".to_owned(), "web".to_owned())].into(),
        }
    }

    #[test]
    fn the_block_is_this() {
        insta::assert_snapshot!(span_log(5.0).http_block());
    }

    #[test]
    fn all_of_them_is_no_share() {
        let all = span_log(100.0).http_block();
        assert!(all.contains("* 01;") && !all.contains('%'), "{all}");
    }

    #[test]
    fn what_nginx_would_understand_differently_is_refused() {
        assert_eq!(span_log(5.0).check(), Ok(()));
        for bad in ["", "a b", "a\"", "$x", "a;"] {
            let service = SpanLog { service: bad.into(), ..span_log(5.0) };
            let peers = [("targets".to_owned(), bad.to_owned())].into();
            let peers = SpanLog { peers, ..span_log(5.0) };
            assert!(service.check().is_err() && peers.check().is_err(), "{bad:?}");
        }
    }
}
