//! What nginx says of the requests that it passes on: lines of its access log, as datagrams. So the
//! edge and the load balancers are part of traces without a module that nginx does not come with.

use serde::Deserialize;

use super::span::{Kind, Span};
use crate::journal::Micros;

/// A line, as `balancer/span_log.rs` has nginx write it. All values are text.
#[derive(Deserialize)]
struct Line {
    trace: String,
    span: String,
    call: String,
    parent: String,
    flags: String,
    service: String,
    node: String,
    peer: String,
    method: String,
    path: String,
    /// Seconds since the Unix epoch, when the line was written.
    at: String,
    took: String,
    status: String,
    upstream_took: String,
    upstream_status: String,
}

/// The spans of a datagram: the request that was served, and the one that it was passed on as, unless
/// it was answered from a cache. Nothing when it is no such line.
pub fn read(datagram: &[u8]) -> Vec<Span> {
    let begin = datagram.iter().position(|b| *b == b'{');
    let line = begin.and_then(|begin| serde_json::from_slice(datagram.get(begin..)?).ok());
    line.and_then(|line: Line| spans(&line)).unwrap_or_default()
}

fn spans(line: &Line) -> Option<Vec<Span>> {
    let hexadecimal =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !hexadecimal(&line.trace, 32) || !hexadecimal(&line.span, 16) {
        return None;
    }
    let (end, took) = (micros(&line.at)?, micros(&line.took)?);
    let status: u16 = line.status.parse().ok()?;
    let sampled = line.flags.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
    let served = Span {
        trace: line.trace.clone(),
        id: line.span.clone(),
        parent: (!line.parent.is_empty()).then(|| line.parent.clone()),
        sampled,
        service: line.service.clone(),
        node: line.node.clone(),
        peer: None,
        kind: Kind::Server,
        name: format!("{} {}", line.method, line.path),
        start: end - took,
        took_us: u64::try_from(took).unwrap_or(0),
        error: (status >= 500).then(|| status.to_string()),
    };
    // Of several tries the last one answered; `-` stands for none.
    let upstream = last(&line.upstream_took).and_then(micros);
    let Some(upstream) = upstream.filter(|_| hexadecimal(&line.call, 16)) else {
        return Some(vec![served]);
    };
    let code = last(&line.upstream_status).and_then(|code| code.parse::<u16>().ok());
    let call = Span {
        id: line.call.clone(),
        parent: Some(served.id.clone()),
        peer: (!line.peer.is_empty()).then(|| line.peer.clone()),
        kind: Kind::Client,
        name: line.method.clone(),
        start: end - upstream,
        took_us: u64::try_from(upstream).unwrap_or(0),
        error: code
            .is_none_or(|code| code >= 500)
            .then(|| code.map_or_else(|| "no answer".to_owned(), |code| code.to_string())),
        ..served.clone()
    };
    Some(vec![served, call])
}

fn last(list: &str) -> Option<&str> {
    list.rsplit([',', ':']).next().map(str::trim).filter(|item| !item.is_empty() && *item != "-")
}

fn micros(seconds: &str) -> Option<Micros> {
    let seconds: f64 = seconds.parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1e6).round() as Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(upstream_took: &str, upstream_status: &str, status: u16) -> Vec<Span> {
        let line = format!(
            r#"<190>Nov 21 22:51:26 lab: {{"trace":"0af7651916cd43dd8448eb211c80319c",
            "span":"b7ad6b7169203331","call":"b7ad6b7169203332","parent":"","flags":"01",
            "service":"lb","node":"lb-a1","peer":"web","method":"GET","path":"/products",
            "at":"1700000000.250","took":"0.012","status":"{status}",
            "upstream_took":"{upstream_took}","upstream_status":"{upstream_status}"}}"#
        );
        read(line.as_bytes())
    }

    #[test]
    fn a_request_that_was_passed_on_is_two_spans() {
        let spans = line("0.010", "200", 200);
        let [served, call] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((served.kind, &*served.service, &served.parent), (Kind::Server, "lb", &None));
        assert_eq!((served.start, served.took_us), (1_700_000_000_238_000, 12_000));
        assert_eq!((&*served.name, &served.error), ("GET /products", &None));
        assert_eq!((call.kind, call.peer.as_deref()), (Kind::Client, Some("web")));
        assert_eq!(call.parent.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!((call.took_us, &call.error), (10_000, &None));
    }

    #[test]
    fn of_several_tries_the_last_one_counts() {
        let spans = line("0.200, 0.004", "502, 200", 200);
        assert_eq!((spans[1].took_us, &spans[1].error), (4000, &None));
        let spans = line("0.200 : 0.004", "404 : 503", 503);
        assert_eq!(
            (&*spans[1].error.clone().unwrap(), spans[0].error.as_deref()),
            ("503", Some("503"))
        );
        let spans = line("0.200", "-", 502);
        assert_eq!(spans[1].error.as_deref(), Some("no answer"));
    }

    #[test]
    fn what_a_cache_answers_is_one_span() {
        assert_eq!(line("", "", 200).len(), 1);
        assert_eq!(line("-", "-", 200).len(), 1);
    }

    #[test]
    fn what_is_no_such_line_is_nothing() {
        for other in ["", "<190>hello", "{", "{}", r#"{"trace":"x"}"#] {
            assert!(read(other.as_bytes()).is_empty(), "{other}");
        }
    }
}
